"""Files: the built-in ones against the data set, round trips through JSON and GraphML, the whole Willems data set."""

import json
import os
import time
from importlib import resources
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenv.network.generators import random_dag
from scenv.network.network import load_network
from scenv.network.rows import NetworkRows

BUILT_IN_CHAIN = {"r1": "03", "r2": "04", "r3": "05"}
# firms, edges and retailers (stages with a demand) of the chains, counted in the files.
CHAINS = {
    "01": (8, 10, 3),
    "02": (13, 13, 4),
    "03": (17, 18, 4),
    "04": (22, 39, 9),
    "05": (27, 31, 8),
    "06": (28, 28, 12),
    "07": (38, 78, 6),
    "08": (40, 48, 2),
    "09": (49, 52, 26),
    "10": (58, 176, 13),
    "20": (156, 169, 2),
    "38": (2025, 16225, 559),
}


@pytest.fixture
def chain():
    """The path of a chain of the data set, which is not part of this project; skips where it is absent."""
    given = os.environ.get("SCENV_WILLEMS")
    folder = Path(given) if given else Path(__file__).parents[4] / "shared" / "willems_2008"

    def path(number: str) -> Path:
        file = folder / f"{number}.csv"
        if not file.exists():
            pytest.skip(f"the Willems (2008) data set is not here: no {file} (set SCENV_WILLEMS to its folder)")
        return file

    return path


def facts(rows: NetworkRows) -> tuple:
    """All but the name and the citation."""
    return rows.nodes, rows.edges


@pytest.mark.parametrize("number", CHAINS)
def test_every_chain_of_the_data_set_loads(chain, number):
    start = time.perf_counter()
    network = load_network(chain(number))
    seconds = time.perf_counter() - start
    assert (len(network.agents), len(network.edges), len(network.retailers)) == CHAINS[number]
    assert network.name == f"willems_{number}"
    assert "Willems" in network.metadata["citation"]
    assert set(network.source_names) == set(network.agents)
    assert network.holding_cost.mean() == pytest.approx(1, abs=1e-12)
    np.testing.assert_allclose(network.demand_weights[network.sources].sum(axis=0), 1, rtol=1e-12)
    assert network.adjacency_matrix.sum() == 0
    assert np.count_nonzero(network.adjacency_matrix) == 2 * len(network.edges)
    assert seconds < 10  # 0.3 s measured for the largest; the limit only catches a quadratic mistake


@pytest.mark.parametrize("name", BUILT_IN_CHAIN)
def test_built_in_files_hold_exactly_the_facts_of_the_data_set(chain, name):
    built_in, original = load_network(name), load_network(chain(BUILT_IN_CHAIN[name]))
    assert facts(built_in._rows()) == facts(original._rows())
    assert built_in.metadata["citation"] == original.metadata["citation"]


def test_a_line_of_the_data_set_by_hand(chain):
    # 03.csv: Dist_0003, relDepth 0, stageCost 250, stageTime 4.3 = 4 (0.8), 5 (0.1) or 6 (0.1); second of depth 0.
    network = load_network(chain("03"))
    i = network.index("ret_1")
    assert network.source_names["ret_1"] == "Dist_0003"
    assert (network.stage_cost[i], network.stage_time[i]) == (250, 4.3)
    assert network.stage_time_distribution["ret_1"] == ((4, 5, 6), (0.8, 0.1, 0.1))


def test_deep_chains_are_named_by_number(chain):
    network = load_network(chain("08"))
    assert network.agents[0] == "stage0_0"
    assert network.agents[-1].startswith("stage7_")
    assert dict(network.stage_names) == {}


@pytest.mark.parametrize("name", ["bg", *BUILT_IN_CHAIN])
def test_built_in_files_are_what_to_json_writes(name, tmp_path):
    load_network(name).to_json(tmp_path / "again.json")
    original = resources.files("scenv") / "network" / "data" / f"{name}.json"
    assert (tmp_path / "again.json").read_text(encoding="utf-8") == original.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["bg", *BUILT_IN_CHAIN])
def test_built_in_files_are_node_link_with_one_row_a_line(name):
    text = (resources.files("scenv") / "network" / "data" / f"{name}.json").read_text(encoding="utf-8")
    document = json.loads(text)
    assert (document["directed"], document["multigraph"]) == (True, False)
    rows = [line.strip().rstrip(",") for line in text.splitlines() if line.startswith('    {"')]
    assert [json.loads(row) for row in rows] == document["nodes"] + document["edges"]
    assert all(
        {"id", "stage", "stage_cost", "stage_time", "holding_cost", "backorder_cost"} <= set(node)
        for node in document["nodes"]
    )
    graph = nx.node_link_graph(document, edges="edges")
    assert facts(load_network(graph)._rows())[0] == facts(load_network(name)._rows())[0]


@pytest.mark.parametrize("name", ["bg", *BUILT_IN_CHAIN])
@pytest.mark.parametrize("kind", ["json", "graphml"])
def test_round_trip_through_a_file(name, kind, tmp_path):
    network = load_network(name)
    path = tmp_path / f"copy.{kind}"
    getattr(network, f"to_{kind}")(path)
    assert load_network(path)._rows() == network._rows()
    assert load_network(str(path))._rows() == network._rows()


def test_the_largest_chain_goes_through_both_formats(chain, tmp_path):
    network = load_network(chain("38"))
    network.to_json(tmp_path / "38.json")
    network.to_graphml(tmp_path / "38.graphml")
    assert load_network(tmp_path / "38.json")._rows() == network._rows()
    assert load_network(tmp_path / "38.graphml")._rows() == network._rows()


names = st.text(st.characters(categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=12).filter(
    lambda text: text.strip() and text.isprintable()
)
numbers = st.floats(0, 1e9, allow_subnormal=False)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_round_trip_of_random_networks(tmp_path_factory, data):
    n = data.draw(st.integers(1, 6))
    graph = random_dag(n, data.draw(st.integers(n - 1, n * (n - 1) // 2)), data.draw(st.integers(0, 1000))).graph
    graph.graph["name"] = data.draw(names)
    ids = data.draw(st.lists(names, min_size=n, max_size=n, unique=True))
    graph = nx.relabel_nodes(graph, dict(zip(list(graph), ids, strict=True)))
    for node in graph.nodes.values():
        node |= {"name": data.draw(names), "holding_cost": data.draw(numbers), "backorder_cost": data.draw(numbers)}
    for edge in graph.edges.values():
        edge["shipment_lead_time"] = data.draw(st.none() | st.integers(1, 1000))
    network = load_network(graph)
    for kind in ("json", "graphml"):
        path = tmp_path_factory.mktemp("networks") / f"network.{kind}"
        getattr(network, f"to_{kind}")(path)
        assert load_network(path)._rows() == network._rows()


def test_graphml_of_networkx_is_read(tmp_path):
    graph = nx.DiGraph([("s", "a"), ("s", "b")])
    nx.set_node_attributes(graph, {"s": 1, "a": 2, "b": 2}, "stage_cost")
    nx.set_edge_attributes(graph, 2, "shipment_lead_time")
    nx.write_graphml(graph, tmp_path / "nx.graphml")
    network = load_network(tmp_path / "nx.graphml")
    assert network.name == "nx"
    assert facts(network._rows()) == facts(load_network(graph)._rows())


def test_our_graphml_is_read_by_networkx(tmp_path):
    network = load_network("bg")
    network.to_graphml(tmp_path / "bg.graphml")
    graph = nx.read_graphml(tmp_path / "bg.graphml")
    assert set(graph.edges) == set(network.edges)
    assert graph.nodes["ret_0"]["holding_cost"] == 1.6


def test_a_file_without_a_name_has_its_stem(tmp_path):
    (tmp_path / "mine.json").write_text('{"nodes": [{"id": 1}, {"id": "2"}], "edges": [{"source": 1, "target": 2}]}')
    network = load_network(tmp_path / "mine.json")
    assert network.name == "mine"
    assert network.agents == ("2", "1")


def test_older_networkx_files_call_edges_links(tmp_path):
    graph = nx.DiGraph([("s", "r")])
    (tmp_path / "old.json").write_text(json.dumps(nx.node_link_data(graph, edges="links")))
    assert load_network(tmp_path / "old.json").edges == (("s", "r"),)


def test_a_byte_order_mark_and_upper_case_suffix_are_fine(tmp_path):
    (tmp_path / "BOM.JSON").write_bytes(b'\xef\xbb\xbf{"nodes": [{"id": "a"}], "edges": []}')
    assert load_network(tmp_path / "BOM.JSON").agents == ("a",)
