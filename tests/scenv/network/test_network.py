"""The frozen network: Table 1, roles, costs, adjacency, flow shares, and what a plain graph is given."""

import copy
import math
import pickle

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenv.errors import NetworkError
from scenv.network.generators import random_dag, serial
from scenv.network.network import BUILT_IN_NETWORKS, Network, load_network


def cumulative_cost(network: Network) -> dict[str, float]:
    """Straight from the definition, recursively: own stage cost plus the suppliers' cumulative costs."""
    graph = network.graph
    cost = dict(zip(network.agents, network.stage_cost, strict=True))

    def total(agent: str) -> float:
        return cost[agent] + math.fsum(total(u) for u in graph.predecessors(agent))

    return {agent: total(agent) for agent in network.agents}


def path_share(graph: nx.DiGraph, firm: str, retailer: str) -> float:
    """Straight from the definition: a sum over all paths."""
    if firm == retailer:
        return 1.0
    paths = nx.all_simple_paths(graph, firm, retailer)
    return sum(math.prod(1 / graph.in_degree(v) for v in path[1:]) for path in paths)


# Zhang et al. (2024), Table 1; complexity to four digits from our recomputation (MODEL.md, section 1).
TABLE_1 = {
    "bg": (4, 3, 4, 1, 1.5000),
    "r1": (17, 18, 5, 4, 2.8222),
    "r2": (22, 39, 4, 9, 1.9058),
    "r3": (27, 31, 5, 8, 2.2653),
}


@pytest.mark.parametrize("name", TABLE_1)
def test_table_1_of_the_paper(name):
    network = load_network(name)
    stages = len(set(network.stages.values()))
    row = (len(network.agents), len(network.edges), stages, len(network.retailers), round(network.complexity, 4))
    assert row == TABLE_1[name]
    assert network.name == name


def test_all_built_ins_are_in_table_1():
    assert set(BUILT_IN_NETWORKS) == set(TABLE_1)


@pytest.mark.parametrize("name", TABLE_1)
def test_costs_in_the_file_follow_from_its_stage_costs(name):
    network = load_network(name)
    cumulative = np.array(list(cumulative_cost(network).values()))
    np.testing.assert_allclose(network.holding_cost, cumulative / cumulative.mean(), rtol=1e-12)
    np.testing.assert_allclose(network.backorder_cost, 2 * network.holding_cost, rtol=1e-15)
    assert network.holding_cost.mean() == pytest.approx(1, abs=1e-12)


def test_beer_game_by_hand():
    network = load_network("bg")
    assert network.agents == ("ret_0", "whole_0", "dist_0", "sup_0")
    assert dict(network.stages) == {"ret_0": 0, "whole_0": 1, "dist_0": 2, "sup_0": 3}
    assert list(network.stage_names.values()) == ["Ret", "Whole", "Dist", "Sup"]
    assert network.edges == (("whole_0", "ret_0"), ("dist_0", "whole_0"), ("sup_0", "dist_0"))
    assert network.holding_cost.tolist() == [1.6, 1.2, 0.8, 0.4]
    assert network.backorder_cost.tolist() == [3.2, 2.4, 1.6, 0.8]
    # ret_0 is a customer of whole_0: +1 at [0, 1]; whole_0 a supplier of ret_0: -1 at [1, 0].
    assert network.adjacency_matrix.tolist() == [[0, 1, 0, 0], [-1, 0, 1, 0], [0, -1, 0, 1], [0, 0, -1, 0]]
    assert network.adjacency_matrix.dtype == np.int8
    assert dict(network.groups) == {(1, 0): ("ret_0",), (1, 1): ("whole_0", "dist_0"), (0, 1): ("sup_0",)}
    assert network.demand_weights.tolist() == [[1.0]] * 4


@pytest.mark.parametrize(
    ("name", "mean", "low", "high"), [("bg", 32, -8, 24), ("r1", 8, -4, 10), ("r2", 32 / 9, -3, 6), ("r3", 4, -3, 6)]
)
def test_scenario_defaults_are_table_2(name, mean, low, high):
    scenario = load_network(name).metadata["scenario"]
    assert scenario == {"demand": {"kind": "poisson", "mean": mean}, "actions": {"low": low, "high": high}}


def test_a_role_comes_from_the_graph_and_not_from_stage_or_name():
    network = load_network("r1")
    i = network.index("whole_0")
    assert network.source_names["whole_0"] == "Dist_0001"
    assert network.stages["whole_0"] == 1
    assert i in network.retailers
    assert [network.agents[r] for r in network.retailers] == ["ret_0", "ret_1", "ret_2", "whole_0"]


@pytest.mark.parametrize("name", TABLE_1)
def test_agents_are_ordered_by_stage_and_arrays_agree_with_the_graph(name):
    network = load_network(name)
    stages = [network.stages[agent] for agent in network.agents]
    assert stages == sorted(stages)
    for e, (u, v) in enumerate(network.edges):
        assert (network.agents[network.supplier[e]], network.agents[network.customer[e]]) == (u, v)
        assert network.stages[u] > network.stages[v]
    graph = network.graph
    assert network.in_degree.tolist() == [graph.in_degree(agent) for agent in network.agents]
    assert network.out_degree.tolist() == [graph.out_degree(agent) for agent in network.agents]
    assert sum(map(len, network.groups.values())) == len(network.agents)
    matrix = network.adjacency_matrix
    assert (matrix == -matrix.T).all()
    np.testing.assert_array_equal(matrix == -1, nx.to_numpy_array(graph, nodelist=network.agents) == 1)


@pytest.mark.parametrize("name", TABLE_1)
def test_demand_weights_are_sums_over_paths(name):
    network = load_network(name)
    expected = [
        [path_share(network.graph, agent, network.agents[r]) for r in network.retailers] for agent in network.agents
    ]
    np.testing.assert_allclose(network.demand_weights, expected, rtol=1e-13)


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_random_networks_split_flow_completely(data):
    n = data.draw(st.integers(1, 12))
    edges = data.draw(st.integers(n - 1, n * (n - 1) // 2))
    network = random_dag(n, edges, data.draw(st.integers(0, 10**6)))
    weights = network.demand_weights
    np.testing.assert_allclose(weights[network.sources].sum(axis=0), 1, rtol=1e-12)
    for r, retailer in enumerate(network.retailers):
        for i, agent in enumerate(network.agents):
            assert weights[i, r] == pytest.approx(path_share(network.graph, agent, network.agents[retailer]))
    assert len(network.retailers) >= 1
    assert len(network.sources) >= 1
    assert network.holding_cost.mean() == pytest.approx(1)


def test_a_bare_graph_loads_with_unknown_costs():
    network = load_network(nx.DiGraph([(10, 20), (20, 30), (10, 30), (10, 40)]))
    assert network.name == "graph"
    assert network.agents == ("30", "40", "20", "10")
    assert list(network.stages.values()) == [0, 0, 1, 2]
    assert list(network.stage_names.values()) == ["Ret", "Ret", "Whole", "Dist"]
    for array in (network.stage_cost, network.stage_time, network.holding_cost, network.backorder_cost):
        assert np.isnan(array).all()
    # 30 has two suppliers: half directly to 10, half to 20 and through it to 10.
    assert network.demand_weights.tolist() == [[1, 0], [0, 1], [0.5, 0], [1, 1]]


def test_whole_numbers_become_text_whatever_their_type():
    assert load_network(nx.DiGraph([(0, np.int64(1)), (np.int8(1), "2")])).agents == ("2", "1", "0")


def test_costs_of_a_graph_are_completed_from_stage_costs():
    graph = nx.DiGraph([("s", "m"), ("m", "r")])
    nx.set_node_attributes(graph, {"s": 1, "m": 2, "r": 3}, "stage_cost")
    network = load_network(graph)
    assert network.agents == ("r", "m", "s")
    np.testing.assert_allclose(network.holding_cost, np.array([6, 3, 1]) / (10 / 3), rtol=1e-15)
    np.testing.assert_allclose(network.backorder_cost, 2 * network.holding_cost, rtol=1e-15)


def test_given_costs_are_used_as_they_are():
    graph = nx.DiGraph([("s", "r")])
    nx.set_node_attributes(graph, {"s": 1, "r": 3}, "stage_cost")
    nx.set_node_attributes(graph, {"s": np.float64(0), "r": np.int64(7)}, "holding_cost")
    nx.set_node_attributes(graph, 5, "backorder_cost")
    network = load_network(graph)
    assert network.holding_cost.tolist() == [7, 0]
    assert network.backorder_cost.tolist() == [5, 5]


def test_one_firm_alone_is_a_network():
    graph = nx.DiGraph()
    graph.add_node("newsvendor", stage_cost=2)
    network = load_network(graph)
    assert network.agents == ("newsvendor",)
    assert network.retailers.tolist() == network.sources.tolist() == [0]
    assert network.complexity == 0
    assert network.adjacency_matrix.shape == (1, 1)
    assert network.demand_weights.tolist() == [[1.0]]
    assert network.holding_cost.tolist() == [1.0]


def test_more_than_five_stages_have_no_names_unless_labelled():
    assert dict(serial(6).stage_names) == {}
    graph = serial(6).graph
    graph.nodes["stage5_0"]["label"] = "Mine"
    assert dict(load_network(graph).stage_names) == {"stage5_0": "Mine"}


def test_edges_keep_their_order_and_lead_times():
    graph = nx.DiGraph()
    graph.add_edge("s", "b", shipment_lead_time=3)
    graph.add_edge("s", "a", order_lead_time=2, shipment_lead_time=1.0)
    network = load_network(graph)
    assert network.edges == (("s", "b"), ("s", "a"))
    assert dict(network.edge_attributes["s", "b"]) == {"order_lead_time": None, "shipment_lead_time": 3}
    assert dict(network.edge_attributes["s", "a"]) == {"order_lead_time": 2, "shipment_lead_time": 1}


def test_stage_time_distribution_is_kept_and_gives_the_mean():
    graph = nx.DiGraph([("s", "r")])
    graph.nodes["s"]["stage_time_distribution"] = {"values": [1, 2], "probabilities": [0.25, 0.75]}
    network = load_network(graph)
    assert dict(network.stage_time_distribution) == {"s": ((1, 2), (0.25, 0.75))}
    assert network.stage_time[network.index("s")] == 1.75
    assert np.isnan(network.stage_time[network.index("r")])


def test_a_network_cannot_be_changed():
    network = load_network("r1")
    for field in ("supplier", "customer", "stage_cost", "stage_time", "holding_cost", "backorder_cost"):
        assert not getattr(network, field).flags.writeable
    for field in ("in_degree", "out_degree", "retailers", "sources", "adjacency_matrix", "demand_weights"):
        assert not getattr(network, field).flags.writeable
    for mapping in (network.stages, network.stage_names, network.metadata, network.groups, network.edge_attributes):
        with pytest.raises(TypeError):
            mapping["x"] = 1
    with pytest.raises(AttributeError):
        network.name = "x"
    network.graph.remove_node("ret_0")
    assert "ret_0" in network.graph


def test_graphs_given_are_not_shared():
    graph = nx.DiGraph([("s", "r")], scenario={"demand": {"kind": "poisson", "mean": 1}})
    network = load_network(graph)
    graph.graph["scenario"]["demand"]["mean"] = 2
    network.graph.graph["scenario"]["demand"]["mean"] = 3
    assert network.metadata["scenario"]["demand"]["mean"] == 1


@pytest.mark.parametrize("name", TABLE_1)
@pytest.mark.parametrize("again", [lambda network: pickle.loads(pickle.dumps(network)), copy.deepcopy])
def test_pickle_and_deepcopy_keep_everything(name, again):
    network = load_network(name)
    assert again(network) is not network
    assert again(network)._rows() == network._rows()


@pytest.mark.parametrize("name", TABLE_1)
def test_the_graph_keeps_everything_and_each_supplier_its_priority_order(name):
    network = load_network(name)
    rows, again = network._rows(), load_network(network.graph)._rows()
    assert (again.nodes, again.graph) == (rows.nodes, rows.graph)
    # A DiGraph lists edges supplier by supplier; within one supplier, the priority order must survive.
    position = network.index
    assert again.edges == sorted(rows.edges, key=lambda edge: position(edge["source"]))


def test_a_network_is_returned_as_it_is():
    network = load_network("bg")
    assert load_network(network) is network


def test_index_of_an_unknown_firm_suggests_the_nearest():
    with pytest.raises(NetworkError, match=r"'bg' has no firm 'sub_0' \(did you mean 'sup_0'\?\)"):
        load_network("bg").index("sub_0")
