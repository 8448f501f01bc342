"""Layered random networks: connected, one layer a link, determined by the seed, unlike one another."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenv.errors import NetworkError
from scenv.network.generators import layered


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_a_layered_network_is_connected_and_every_link_leads_one_layer_down(data):
    n = data.draw(st.integers(2, 60))
    depth = data.draw(st.integers(2, n))
    network = layered(n, depth, data.draw(st.integers(0, 2**32)))
    stages = np.array([network.stages[agent] for agent in network.agents])
    assert len(network.agents) == n
    assert set(stages.tolist()) == set(range(depth))
    assert (stages[network.supplier] - stages[network.customer] == 1).all()
    assert len(set(network.edges)) == len(network.edges)
    assert nx.is_weakly_connected(network.graph)
    np.testing.assert_array_equal(np.flatnonzero(stages == 0), network.retailers)
    assert network.holding_cost.mean() == pytest.approx(1)
    assert (network.holding_cost > 0).all()
    assert (network.holding_cost[network.customer] >= network.holding_cost[network.supplier] - 1e-12).all()


def test_equal_arguments_give_equal_networks():
    one, same, other = layered(20, 4, 7), layered(20, 4, 7), layered(20, 4, 8)
    assert one.edges == same.edges
    np.testing.assert_array_equal(one.stage_cost, same.stage_cost)
    assert one.edges != other.edges


def test_links_come_in_several_styles():
    many = [layered(30, 4, seed) for seed in range(60)]
    assert max(network.in_degree.max() for network in many) >= 10  # hubs
    assert max(network.out_degree.max() for network in many) >= 6  # warehouses
    assert any((network.in_degree <= 1).all() for network in many) or min(len(network.edges) for network in many) == 29
    assert max(len(network.edges) for network in many) > 60


def test_the_spread_of_costs_is_what_is_asked_for():
    costs = np.concatenate([layered(40, 4, seed, cost_spread=1.5).stage_cost for seed in range(40)])
    assert np.log(costs[costs > 0]).std() == pytest.approx(1.5, rel=0.1)
    flat = layered(10, 3, 0, cost_spread=0).stage_cost
    assert set(flat.tolist()) <= {0.0, 1.0}


def test_one_firm():
    assert layered(1, 1, 0).agents == ("ret_0",)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ((0, 1, 0), r"layered: n must be a whole number from 1 to 100000, not 0"),
        ((4, 5, 0), r"layered: depth must be a whole number from 2 to 4, not 5"),
        ((4, 1, 0), r"layered: depth must be a whole number from 2 to 4, not 1"),
        ((4, 2, -1), r"layered: seed .* not -1"),
        ((4, 2, 1.5), r"layered: seed .* not 1.5"),
    ],
)
def test_impossible_arguments_are_refused(arguments, match):
    with pytest.raises(NetworkError, match=match):
        layered(*arguments)


@pytest.mark.parametrize("spread", [-0.1, float("nan"), 11, "much", None])
def test_impossible_spreads_are_refused(spread):
    with pytest.raises(NetworkError, match="layered: cost_spread must be a number from 0 to 10"):
        layered(4, 2, 0, cost_spread=spread)
