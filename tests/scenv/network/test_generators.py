"""Generated networks: their shapes by hand, their counts, and what is refused."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenv.errors import NetworkError
from scenv.network.generators import assembly, distribution, random_dag, serial
from scenv.network.network import load_network


def test_serial_has_the_shape_of_the_beer_game():
    network, beer_game = serial(4), load_network("bg")
    assert network.edges == (("whole_0", "ret_0"), ("dist_0", "whole_0"), ("manu_0", "dist_0"))
    np.testing.assert_array_equal(network.adjacency_matrix, beer_game.adjacency_matrix)
    np.testing.assert_allclose(network.holding_cost, beer_game.holding_cost)


def test_distribution_by_hand():
    network = distribution(2, 3)  # one warehouse, three retailers
    assert network.agents == ("ret_0", "ret_1", "ret_2", "whole_0")
    assert network.edges == (("whole_0", "ret_0"), ("whole_0", "ret_1"), ("whole_0", "ret_2"))
    # Cumulative costs 2, 2, 2, 1 over their mean 7/4.
    np.testing.assert_allclose(network.holding_cost, np.array([2, 2, 2, 1]) * 4 / 7)


def test_assembly_by_hand():
    network = assembly(2, 3)
    assert network.agents == ("ret_0", "whole_0", "whole_1", "whole_2")
    assert network.edges == (("whole_0", "ret_0"), ("whole_1", "ret_0"), ("whole_2", "ret_0"))
    np.testing.assert_allclose(network.demand_weights, [[1], [1 / 3], [1 / 3], [1 / 3]])


@pytest.mark.parametrize("depth", [1, 2, 3, 6])
@pytest.mark.parametrize("width", [1, 2, 3])
def test_trees_have_the_right_counts(depth, width):
    firms = sum(width**level for level in range(depth))
    for network, many, one in (
        (distribution(depth, width), "retailers", "sources"),
        (assembly(depth, width), "sources", "retailers"),
    ):
        assert len(network.agents) == firms
        assert len(network.edges) == firms - 1
        assert len(set(network.stages.values())) == depth
        assert len(getattr(network, many)) == width ** (depth - 1)
        assert len(getattr(network, one)) == 1


@pytest.mark.parametrize("network", [serial(1), distribution(1, 5), assembly(1, 5), random_dag(1, 0, 0)])
def test_one_firm(network):
    assert network.agents == ("ret_0",)
    assert network.edges == ()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_random_dag_is_connected_acyclic_and_has_the_counts(data):
    n = data.draw(st.integers(1, 30))
    edges = data.draw(st.integers(n - 1, n * (n - 1) // 2))
    network = random_dag(n, edges, data.draw(st.integers(0, 2**32)))
    graph = network.graph
    assert (len(network.agents), len(set(network.edges))) == (n, edges)
    assert nx.is_directed_acyclic_graph(graph)
    assert nx.is_weakly_connected(graph)
    assert not np.isnan(network.holding_cost).any()


def test_random_dag_is_determined_by_its_seed():
    assert random_dag(20, 40, 7).edges == random_dag(20, 40, 7).edges
    assert random_dag(20, 40, 7).edges != random_dag(20, 40, 8).edges


def test_random_dag_reaches_every_connected_network_of_three_firms():
    # Up to names, three firms and two edges make a chain, a distribution or an assembly network.
    shapes = {tuple(sorted(random_dag(3, 2, seed).groups)) for seed in range(40)}
    assert len(shapes) == 3


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: serial(0), r"serial: n must be a whole number from 1 to 100000, not 0"),
        (lambda: serial(2.5), r"serial: n .* not 2.5"),
        (lambda: serial(True), r"serial: n .* not True"),
        (lambda: serial("4"), r"serial: n .* not '4'"),
        (lambda: serial(10**9), r"serial: n .* not 1000000000"),
        (lambda: distribution(0, 2), r"distribution: depth .* not 0"),
        (lambda: distribution(3, 0), r"distribution: fanout .* not 0"),
        (lambda: distribution(10**4, 2), r"distribution: depth 10000 and fanout 2 make more than 100000 firms"),
        (lambda: assembly(3, -1), r"assembly: fanin .* not -1"),
        (lambda: assembly(2, 100_000), r"assembly: depth 2 and fanin 100000 make more than 100000 firms"),
        (lambda: random_dag(0, 0, 0), r"random_dag: n .* not 0"),
        (lambda: random_dag(4, 2, 0), r"random_dag: edges must be a whole number from 3 to 6, not 2"),
        (lambda: random_dag(4, 7, 0), r"random_dag: edges must be a whole number from 3 to 6, not 7"),
        (lambda: random_dag(4, 4, -1), r"random_dag: seed .* not -1"),
        (lambda: random_dag(4, 4, None), r"random_dag: seed .* not None"),
    ],
)
def test_impossible_arguments_are_refused(make, match):
    with pytest.raises(NetworkError, match=match):
        make()
