"""Tables of links and firms: dialects, columns by name or guess or mapping, rows named by line, folders, pandas."""

import numpy as np
import pytest

from scenv.errors import NetworkError
from scenv.network.network import load_network
from scenv.scenario.files import load_scenario

CHAIN = (("plant", "depot"), ("depot", "shop"))


def load(folder, text, name="sites.csv", **arguments):
    (folder / name).write_bytes(text.encode())
    return load_network(folder / name, **arguments)


@pytest.mark.parametrize(
    "text",
    [
        "from,to,days\nplant,depot,4\ndepot,shop,2\n",
        "supplier;customer;lead time\nplant;depot;4,0\ndepot;shop;2,0\n",
        "Source\tTarget\tShipment Lead Time\nplant\tdepot\t4\ndepot\tshop\t2\n",
        "origin|destination|transit days\nplant|depot|4\ndepot|shop|2\n",
        ",from,to,days\n0,plant,depot,4\n1,depot,shop,2\n",
        '\ufeffsep=;\r\nFrom;To;Days\r\n"plant";depot;4\r\n\r\ndepot;shop;2\r\n',
        "days,to,from\n4,depot,plant\n2,shop,depot\n",
    ],
)
def test_dialects_and_usual_names(text, tmp_path):
    network = load(tmp_path, text)
    assert network.edges == CHAIN
    assert [edge["shipment_lead_time"] for edge in network.edge_attributes.values()] == [4, 2]
    assert network.unused == {}


def test_columns_by_mapping_and_further_columns(tmp_path):
    columns = {"source": "A", "target": "B", "order_lead_time": "n"}
    network = load(tmp_path, "A,B,n,city\nplant,depot,3,Ulm\ndepot,shop,,Bonn\n", columns=columns)
    assert [edge["order_lead_time"] for edge in network.edge_attributes.values()] == [3, None]
    assert network.unused == {"edges": ("city",)}


def test_ids_stay_the_text_that_stands_in_the_file(tmp_path):
    assert load(tmp_path, "from,to\n010,NO\n010,1e1\n010,null\n").agents == ("NO", "1e1", "null", "010")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("from,to\nplant,depot\n,shop\n", "line 3: column 'from' is empty; it must name a firm"),
        ("from,to\nplant,nan\n", "line 2: 'to' must name a firm, not 'nan'"),
        ("from,to,days\nplant,depot,two\n", "line 2: 'days' must be a finite number, not 'two'"),
        ("from,to,days\nplant,depot,2.5\n", "line 2: edge 'plant' -> 'depot': shipment_lead_time must be a whole"),
        ("from;to;days\na;b;1,000\nb;c;1,5\n", "line 2: 'days' is '1,000', which can be two numbers"),
        ("from,to\nplant,depot\nplant\n", "line 3: 1 cells; expected 2 as in the header"),
        ('from,to\nplant,"depot\ndepot,shop\n', "not a valid CSV file"),
        ('from,to\nplant,"depot\ndepot",shop\n', "cells; expected 2|a quoted cell goes on over the line's end"),
        ("from,to\nplant,depot\nplant,depot\n", "line 3: edge 'plant' -> 'depot': parallel edge"),
        ("from,to\nplant,plant\n", "line 2: edge 'plant' -> 'plant': self-loop"),
        ("from,to,days,lead time\na,b,1,1\n", "columns 'lead time' and 'days' can both be shipment_lead_time"),
        ("from,from\na,b\n", "column 'from' stands twice"),
        ("a,b\n1,2\n", r"no column of the header \(a, b\) is source"),
        ("from,to\n", "must have a header line"),
    ],
)
def test_bad_tables(text, message, tmp_path):
    with pytest.raises(NetworkError, match=message) as caught:
        load(tmp_path, text)
    assert str(caught.value).startswith(str(tmp_path / "sites.csv"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"source": "form"}, r"has no column 'form' \(did you mean 'from'\?\) for source"),
        ({"from": "source"}, "unknown field 'from'; a mapping goes from scenv's fields to your columns"),
        ({"shipment_leadtime": "days"}, r"unknown field .* \(did you mean 'shipment_lead_time'\?\)"),
        ({"stage_cost": "days"}, "stage_cost is a fact of firms, and no table of firms is given"),
    ],
)
def test_bad_mappings(columns, message, tmp_path):
    with pytest.raises(NetworkError, match=message):
        load(tmp_path, "from,to,days\nplant,depot,4\n", columns=columns)


def test_two_tables(tmp_path):
    (tmp_path / "firms.csv").write_text("firm,unit cost,demand,std_demand\nplant,3,,\ndepot,2,,\nshop,1,70,35\n")
    network = load(tmp_path, "from,to\nplant,depot\ndepot,shop\n", firms=tmp_path / "firms.csv")
    assert network.stage_cost.tolist() == [1, 2, 3]
    np.testing.assert_array_equal(network.demand_mean, [70, np.nan, np.nan])
    scenario = load_scenario(network, demand="data")
    mean, std = scenario.demand.moments(["shop"])
    assert (mean.tolist(), std.tolist()) == ([70], [pytest.approx(35)])


def test_a_wrong_firm_is_named_by_its_line(tmp_path):
    for row, message in (("depot,-2", "line 3: firm 'depot': stage_cost"), ("plant,2", "line 3: .*duplicate firm id")):
        (tmp_path / "firms.tsv").write_text(f"firm,stage_cost\nplant,3\n{row}\nshop,1\n")
        with pytest.raises(NetworkError, match=message):
            load(tmp_path, "from,to\nplant,depot\ndepot,shop\n", firms=tmp_path / "firms.tsv")


@pytest.mark.parametrize("name", ["bg", "r1", "r3"])
def test_a_folder_of_tables_keeps_everything(name, tmp_path):
    network = load_network(name)
    network.to_tables(tmp_path / "tables")
    assert load_network(tmp_path / "tables")._rows() == network._rows()


def test_pandas(tmp_path):
    pandas = pytest.importorskip("pandas")
    links = pandas.DataFrame({"from": ["plant", "depot"], "to": ["depot", "shop"], "days": [4, None]})
    firms = pandas.DataFrame({"cost": [3.0, 2.0, 1.0]}, index=pandas.Index(["plant", "depot", "shop"], name="firm"))
    network = load_network(links, firms=firms)
    assert (network.edges, network.stage_cost.tolist()) == (CHAIN, [1, 2, 3])
    assert [edge["shipment_lead_time"] for edge in network.edge_attributes.values()] == [4, None]
    for bad in (None, float("nan"), 1.5):
        with pytest.raises(NetworkError, match="links row 1"):
            load_network(pandas.DataFrame({"from": ["plant", bad], "to": ["depot", "shop"]}))


def test_a_source_that_is_no_table_takes_no_columns():
    with pytest.raises(NetworkError, match="firms and columns go with a table of links"):
        load_network("bg", columns={"source": "a"})


WILLEMS = """/chain,,,,,,,
/@company,/arcs/arc/@from,/arcs/arc/@to,/stages/stage/@avgDemand,/stages/stage/@relDepth,/stages/stage/@stageCost,/stages/stage/@stageName,/stages/stage/@stageTime,/stages/stage/@stDevDemand
9,plant,kiosk,,,,,,
9,plant,shop,,,,,,
9,,,70,0,5,shop,1,35
9,,,600,0,5,kiosk,1,5
9,,,,1,3,plant,2,
"""


def test_demand_of_the_willems_data_set(tmp_path):
    network = load(tmp_path, WILLEMS)
    scenario = load_scenario(network, demand="data")
    mean, std = scenario.demand.moments(scenario.retailer_names)
    np.testing.assert_allclose((mean, std), ([70, 600], [35, 5]))
    with pytest.raises(ValueError, match="'data': network 'willems_09' states no demand for retailer 'ret_0'"):
        load_scenario(load(tmp_path, WILLEMS.replace("70", "")), demand="data")
