"""The newsvendor bound: by hand, tight where it must be, and below every policy."""

from __future__ import annotations

from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from scipy import stats

import scenv
from scenv.theory.lower_bound import newsvendor_bound
from scenv.theory.serial_optimum import serial_optimum
from tests.scenv.strategies import scenarios


def test_by_hand_for_one_shop() -> None:
    graph = nx.DiGraph()
    graph.add_node("shop")
    fields = {"costs": {"holding": 1, "backorder": 9}, "demand": 5, "shipment_lead_time": 1, "horizon": 10, "warmup": 0}
    scenario = scenv.load_scenario(graph, **fields)

    def newsvendor(mean: float) -> float:
        outcomes = np.arange(100)
        level = stats.poisson.ppf(0.9, mean)
        cost = np.clip(level - outcomes, 0, None) + 9 * np.clip(outcomes - level, 0, None)
        return float(cost @ stats.poisson.pmf(outcomes, mean))

    # The first period has seen one period's demand, the other nine that of the lead time, two.
    bound = newsvendor_bound(scenario)
    assert bound.total == pytest.approx(newsvendor(5) + 9 * newsvendor(10))
    assert bound.per_retailer == {"shop": bound.total}


def test_on_one_shop_the_bound_is_the_optimum() -> None:
    graph = nx.DiGraph()
    graph.add_node("shop")
    fields = {"costs": {"holding": 1, "backorder": 9}, "demand": 5, "horizon": 1000, "warmup": 500}
    scenario = scenv.load_scenario(graph, **fields)
    optimum = serial_optimum(scenario)
    assert newsvendor_bound(scenario).total == pytest.approx(500 * optimum.cost_per_period)


def test_on_a_chain_it_is_below_the_optimum() -> None:
    fields = {"costs": "cs2000", "shipment_lead_time": 1, "horizon": 1000, "warmup": 0}
    bound = newsvendor_bound("bg", **fields).total / 1000
    assert 0.3 * 25.95 < bound < 25.95


@given(scenario=scenarios(horizon=15, lost_sales=False, disruptions=[{"kind": "closure", "probability": 0.1}]))
@settings(max_examples=15)
def test_no_policy_undercuts_it(scenario: scenv.Scenario) -> None:
    bound = newsvendor_bound(scenario)
    assert bound.total == pytest.approx(sum(bound.per_retailer.values()))
    for name in ("base-stock", "decomposition-aggregation", "pass-through"):
        result = scenv.evaluate(name, scenario, episodes=60)
        error = 4 * result.episode_costs.std() / np.sqrt(60)
        assert result.mean + error >= bound.total


def test_it_refuses_demand_that_it_does_not_know_exactly() -> None:
    with pytest.raises(scenv.ScenarioError, match="needs Poisson or negative binomial demand, and 'ret_0' has another"):
        newsvendor_bound("bg", demand={"kind": "normal", "mean": 32, "std": 4})


@pytest.mark.parametrize(
    "fields", [{"lost_sales": True}, {"disruptions": [{"kind": "demand_shock", "period": 3, "factor": 2}]}]
)
def test_what_the_bound_does_not_cover_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(scenv.ScenarioError, match="the newsvendor bound needs"):
        newsvendor_bound("bg", **fields)


def test_of_random_lead_times_the_shortest_counts() -> None:
    random = {"shipment_lead_time": {"values": [1, 4], "probabilities": [0.1, 0.9]}}
    assert newsvendor_bound("bg", **random).total == newsvendor_bound("bg", shipment_lead_time=1).total
