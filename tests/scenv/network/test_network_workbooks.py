"""Excel workbooks: there and back, sheets by name, wrong cells named by sheet and row, files that are none."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest

from scenv.errors import NetworkError, ScenvError
from scenv.network import workbook
from scenv.network.network import load_network
from scenv.scenario.files import load_scenario
from scenv.simulation.structure import build_structure

openpyxl = pytest.importorskip("openpyxl")

LINKS = [["from", "to", "days"], ["plant", "depot", 4], ["depot", "shop", 2]]
FIRMS = [["firm", "unit cost"], ["plant", 3], ["depot", 2.5], ["shop", "1"]]


def book(path: Path, **sheets: list[list[Any]]) -> Path:
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.active)
    for title, rows in sheets.items():
        sheet = workbook.create_sheet(title)
        for row in rows:
            sheet.append(row)
    workbook.save(path)
    return path


@pytest.mark.parametrize("name", ["bg", "r1", "r2", "r3"])
def test_a_workbook_keeps_everything(name: str, tmp_path: Path) -> None:
    network = load_network(name)
    network.to_excel(tmp_path / "book.xlsx")
    again = load_network(tmp_path / "book.xlsx")
    assert again.edges == network.edges
    assert again.metadata == network.metadata
    assert again.name == network.name
    for one, other in zip(again._rows().nodes, network._rows().nodes, strict=True):
        assert one.keys() == other.keys()
        for key, value in other.items():
            assert one[key] == (pytest.approx(value, rel=1e-15) if isinstance(value, float) else value)


def test_text_that_looks_like_a_formula_stays_text(tmp_path: Path) -> None:
    graph = nx.DiGraph([("=1+1", "010"), ("=1+1", "1e1")])
    load_network(graph).to_excel(tmp_path / "book.xlsx")
    assert load_network(tmp_path / "book.xlsx").edges == tuple(graph.edges)


def test_one_firm_alone_is_a_network_in_tables_too(tmp_path: Path) -> None:
    alone = nx.DiGraph()
    alone.add_node("kiosk")
    load_network(alone).to_excel(tmp_path / "book.xlsx")
    load_network(alone).to_tables(tmp_path / "tables")
    for source in (tmp_path / "book.xlsx", tmp_path / "tables"):
        assert load_network(source).agents == ("kiosk",)


@pytest.mark.parametrize("sheets", [{"Links": LINKS, "Firms": FIRMS}, {"sites": FIRMS, "lanes": LINKS, "notes": [[3]]}])
def test_sheets_by_name(sheets: dict[str, list[list[Any]]], tmp_path: Path) -> None:
    network = load_network(book(tmp_path / "my.xlsx", **sheets))
    assert network.edges == (("plant", "depot"), ("depot", "shop"))
    assert network.stage_cost.tolist() == [1, 2.5, 3]
    assert [edge["shipment_lead_time"] for edge in network.edge_attributes.values()] == [4, 2]
    assert network.name == "my"


def test_tables_in_files_of_their_own_and_rows_left_empty(tmp_path: Path) -> None:
    spaced = [[], [None, *LINKS[0]], [], *([None, *row] for row in LINKS[1:])]
    links = book(tmp_path / "lanes.xlsx", Tabelle1=spaced)
    firms = book(tmp_path / "sites.xlsx", Tabelle1=[["Werk", "EUR"], *FIRMS[1:]])
    network = load_network(links, firms=firms, columns={"id": "Werk", "stage_cost": "EUR"})
    assert network.stage_cost.tolist() == [1, 2.5, 3]


def changed(row: int, column: int, value: Any, rows: list[list[Any]] = LINKS) -> list[list[Any]]:
    return [[value if (i, j) == (row, column) else cell for j, cell in enumerate(line)] for i, line in enumerate(rows)]


@pytest.mark.parametrize(
    ("sheets", "message"),
    [
        ({"links": changed(2, 2, "two")}, "sheet 'links' row 3: 'days' must be a finite number, not 'two'"),
        ({"links": changed(1, 0, None)}, "sheet 'links' row 2: column 'from' is empty"),
        ({"links": changed(1, 2, 2.5)}, "sheet 'links' row 2: edge 'plant' -> 'depot': shipment_lead_time must be"),
        ({"links": changed(1, 2, True)}, "row 2: edge 'plant' -> 'depot': shipment_lead_time must be a whole number"),
        ({"links": changed(1, 1, 2.5)}, "row 2: 'to' must be a whole number or printable text"),
        ({"links": changed(2, 2, "=1+1")}, "sheet 'links' cell C3: a formula without a computed value; open and save"),
        ({"links": changed(2, 2, "#REF!")}, "sheet 'links' cell C3: #REF!, an error of its formula"),
        ({"links": LINKS, "firms": changed(3, 1, -1, FIRMS)}, "sheet 'firms' row 4: firm 'shop': stage_cost must be"),
        ({"links": LINKS, "firms": changed(3, 0, "plant", FIRMS)}, "sheet 'firms' row 4: .*duplicate firm id"),
        ({"links": changed(0, 2, None)}, "column 3 has no name in the header"),
        ({"links": LINKS[:1]}, "sheet 'links': must have at least one link"),
        ({"one": LINKS, "two": FIRMS}, r"has no sheet 'links' \(found 'one', 'two'\)"),
        ({"empty": []}, "has no sheet 'links'"),
    ],
)
def test_wrong_cells_are_named(sheets: dict[str, list[list[Any]]], message: str, tmp_path: Path) -> None:
    path = book(tmp_path / "my.xlsx", **sheets)
    with pytest.raises(NetworkError, match=message) as caught:
        load_network(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def zip_of(**parts: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)  # the same bytes at any time
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"from,to\na,b\n", "not an Excel workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "save one with a password, or an older .xls, anew as .xlsx"),
        (b"", "not an Excel workbook"),
        (zip_of(a=b"b"), "not a workbook that can be read"),
        (zip_of(a=bytes(2**20) * 2), "unpacks to over 1 MiB"),
        (zip_of(**{"xl/worksheets/a.xml": b"<f>" * 99})[:-90], "not an Excel workbook"),
    ],
    ids=["text", "older or locked", "empty", "another zip", "zip bomb", "cut off"],
)
def test_files_that_are_no_workbook(data: bytes, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "_MAX_UNPACKED", 2**20)
    (tmp_path / "my.xlsx").write_bytes(data)
    with pytest.raises(NetworkError, match=message) as caught:
        load_network(tmp_path / "my.xlsx")
    assert "\n" not in str(caught.value)
    with pytest.raises(NetworkError, match=r"expected a workbook as \.xlsx"):
        load_network(tmp_path / "my.xls")


def test_without_openpyxl_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = book(tmp_path / "my.xlsx", links=LINKS)
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(NetworkError, match=r'pip install "scenv\[excel\]"'):
        load_network(path)


def formats_of(network: Any, folder: Path) -> dict[str, Any]:
    """The same network in every format that can be read and written."""
    network.to_json(folder / "a.json")
    network.to_graphml(folder / "a.graphml")
    network.to_excel(folder / "a.xlsx")
    network.to_tables(folder / "tables")
    plain = network.graph
    for _, attributes in plain.nodes(data=True):
        attributes.pop("stage_time_distribution", None)  # GEXF has no nested values
        attributes.pop("name", None)
    plain.graph = {}
    nx.write_gexf(plain, folder / "a.gexf")
    (folder / "a.cyjs").write_text(json.dumps(nx.cytoscape_data(network.graph)))
    names = ("a.json", "a.graphml", "a.xlsx", "tables", "a.gexf", "a.cyjs")
    return {**{name: folder / name for name in names}, "graph": network.graph}


DATA = {"demand": "data", "costs": "data", "shipment_lead_time": "data"}


def test_data_of_every_format_that_carries_it(tmp_path: Path) -> None:
    graph = nx.DiGraph([("plant", "depot"), ("depot", "shop")])
    facts = {"stage_time": (3.0, 2.0, 1.0), "holding_cost": (0.5, 1.0, 1.5), "backorder_cost": (1.0, 2.0, 9.0)}
    for field, values in facts.items():
        nx.set_node_attributes(graph, dict(zip(graph, values, strict=True)), field)
    graph.nodes["shop"].update(demand_mean=7.0, demand_std=4.0)
    expected = load_scenario(load_network(graph), **DATA)
    for name, source in formats_of(load_network(graph), tmp_path).items():
        scenario = load_scenario(source, **DATA)
        assert scenario.demand == expected.demand, name
        for field in facts:
            np.testing.assert_allclose(getattr(scenario.network, field), getattr(expected.network, field), err_msg=name)
        assert set(scenario.network.edges) == set(expected.network.edges), name


def test_lead_times_of_links_are_data_too(tmp_path: Path) -> None:
    path = book(tmp_path / "my.xlsx", links=LINKS)
    scenario = load_scenario(path, costs="uniform", shipment_lead_time="data")
    assert build_structure(scenario).lead_time.tolist() == [3, 5, 3]  # 1 + 2, 1 + 4, and 1 + 2 from outside
    with pytest.raises(ValueError, match="needs a stage_time at every firm, or a shipment_lead_time on every link"):
        load_scenario(book(tmp_path / "b.xlsx", links=changed(2, 2, None)), costs="uniform", shipment_lead_time="data")


def test_products_are_scenarios_of_one_network(tmp_path: Path) -> None:
    firms = [
        ["site", "EUR", "milk", "milk dev", "cream"],
        ["plant", 1, None, None, None],
        ["depot", 2, None, None, None],
        ["shop", 3, 40, 9, 6],
    ]
    book(tmp_path / "plan.xlsx", links=LINKS, firms=firms)
    means = {}
    for product, more in (("milk", ", demand_std: milk dev"), ("cream", "")):
        path = tmp_path / f"{product}.yaml"
        path.write_text(
            "network:\n  file: plan.xlsx\n"
            f"  columns: {{id: site, holding_cost: EUR, backorder_cost: EUR, demand_mean: {product}{more}}}\n"
            "demand: data\n"
        )
        scenario = load_scenario(path)
        means[product] = [float(moment[0]) for moment in scenario.demand.moments(["shop"])]
        assert load_scenario(scenario, horizon=60).horizon == 60
    assert means == {"milk": [40, pytest.approx(9)], "cream": [6, pytest.approx(6**0.5)]}


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ("{file: plan.xlsx, colums: {}}", "field 'network': unknown field 'colums' (did you mean 'columns'?)"),
        ("{columns: {source: a}}", "field 'network': file must be the path of a table or folder, not None"),
        ("{file: plan.xlsx, columns: [a]}", "field 'network': columns must be a mapping of fields to columns"),
        ("{file: plan.xlsx, columns: {source: 3}}", "columns must be a mapping of fields to columns"),
        ("{file: ../plan.xlsx}", "must stay inside the scenario's folder"),
        ("{file: plan.xlsx, columns: {source: form}}", "has no column 'form' (did you mean 'from'?)"),
    ],
)
def test_a_scenario_says_what_is_wrong_with_its_tables(network: str, message: str, tmp_path: Path) -> None:
    book(tmp_path / "plan.xlsx", links=LINKS)
    (tmp_path / "a.yaml").write_text(f"network: {network}\ncosts: uniform\n")
    with pytest.raises(ScenvError) as caught:
        load_scenario(tmp_path / "a.yaml")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
