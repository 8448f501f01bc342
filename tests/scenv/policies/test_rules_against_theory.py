"""One firm under Poisson demand and rules for orders, against costs per period that are known exactly.

An order at the end of period t arrives before the demand of period t + L is served, so the net stock at the end of that
period is the position after ordering, less L periods of demand. G_n(y) is the expected cost of a position y when n
periods of demand are still to come.
"""

from __future__ import annotations

from typing import Any

import networkx as nx
import numpy as np
import pytest
from scipy.stats import poisson

import scenv
from scenv.policies.base_stock import covered_periods

MEAN, HOLDING, BACKORDER, LEAD_TIME = 5.0, 1.0, 4.0, 2


def shop(**fields: Any) -> scenv.Scenario:
    """The one firm, for long enough that its start does not matter."""
    graph = nx.DiGraph()
    graph.add_node("shop")
    costs = {"holding": HOLDING, "backorder": BACKORDER}
    long = {"horizon": 700, "warmup": 100, "demand": MEAN, "costs": costs, "shipment_lead_time": LEAD_TIME - 1}
    return scenv.load_scenario(graph, **(long | fields))


def period_cost(policy: Any, scenario: scenv.Scenario) -> float:
    """Mean cost of a period, by simulation."""
    return scenv.evaluate(policy, scenario, episodes=300, seed=0).mean / (scenario.horizon - scenario.warmup)


def expected_cost(position: float, periods: int) -> float:
    """G_n(y)."""
    demand = np.arange(0, 200)
    net = position - demand
    cost = HOLDING * np.maximum(net, 0) + BACKORDER * np.maximum(-net, 0)
    return float(poisson.pmf(demand, MEAN * periods) @ cost)


@pytest.mark.parametrize("review", [1, 2, 5])
def test_base_stock_with_a_review_period(review: int) -> None:
    """The position is S after each review; R - 1 further periods pass before the next order comes in."""
    scenario = shop(review_period=review)
    assert covered_periods(scenario).tolist() == [LEAD_TIME + review - 1]
    level = 8.0 + 5 * review
    exact = np.mean([expected_cost(level, LEAD_TIME + k) for k in range(review)])
    policy = scenv.policies.BaseStock(scenario, levels={"shop": level})
    assert period_cost(policy, scenario) == pytest.approx(exact, rel=0.01)


@pytest.mark.parametrize("lot", [1, 4, 12])
def test_base_stock_in_lots_is_the_rule_of_r_and_n_lots_of_q(lot: int) -> None:
    """(r, nQ): the position after ordering is uniform on S .. S + Q - 1 (Hadley & Whitin 1963)."""
    scenario = shop(lot_size=lot)
    exact = np.mean([expected_cost(11.0 + k, LEAD_TIME) for k in range(lot)])
    policy = scenv.policies.BaseStock(scenario, levels={"shop": 11.0})
    assert period_cost(policy, scenario) == pytest.approx(exact, rel=0.01)


def s_s_cost(reorder_point: int, order_up_to: int, fixed_cost: float, periods: int) -> float:
    """Cost per period of (s, S) (Zheng & Federgruen 1991): renewals from S until the position is s or below.

    m(j) is the expected number of periods in which the position after ordering is S - j.
    """
    spread = order_up_to - reorder_point
    chance = poisson.pmf(np.arange(spread + 1), MEAN)
    visits = np.zeros(spread)
    visits[0] = 1 / (1 - chance[0])
    for j in range(1, spread):
        visits[j] = sum(chance[k] * visits[j - k] for k in range(1, j + 1)) / (1 - chance[0])
    cost = sum(m * expected_cost(order_up_to - j, periods) for j, m in enumerate(visits))
    return float((fixed_cost + cost) / visits.sum())


@pytest.mark.parametrize(("reorder_point", "order_up_to", "fixed_cost"), [(8, 14, 5.0), (10, 30, 64.0), (6, 6, 2.0)])
def test_s_s_with_a_fixed_cost(reorder_point: int, order_up_to: int, fixed_cost: float) -> None:
    scenario = shop(order_cost=fixed_cost)
    policy = scenv.policies.ReorderPoint(scenario, reorder_point=reorder_point, order_up_to=order_up_to)
    found = scenv.evaluate(policy, scenario, episodes=300, seed=0)
    periods = scenario.horizon - scenario.warmup
    if order_up_to == reorder_point:  # an order of what was sold, whenever anything was
        exact = expected_cost(order_up_to, LEAD_TIME) + fixed_cost * (1 - np.exp(-MEAN))
    else:
        exact = s_s_cost(reorder_point, order_up_to, fixed_cost, LEAD_TIME)
    assert found.mean / periods == pytest.approx(exact, rel=0.01)
    assert found.order_costs.mean() / periods % 1 != 0
    parts = found.holding_costs + found.backorder_costs + found.order_costs
    np.testing.assert_allclose(parts, found.firm_costs)


def test_the_formula_is_that_of_stockpyl() -> None:
    """s_s_cost_exact(s=4, S=10, holding_cost=1, stockout_cost=4, fixed_cost=5, use_poisson=True, demand_mean=6), with
    a lead time of one period: Example 4.7 of Snyder & Shen's book, and stockpyl's documentation of `ss`.
    """
    global MEAN
    before, MEAN = MEAN, 6.0
    try:
        assert s_s_cost(4, 10, 5.0, 1) == pytest.approx(8.034111561471642, rel=1e-9)
    finally:
        MEAN = before


def test_the_default_batch_is_the_economic_order_quantity() -> None:
    policy = scenv.policies.ReorderPoint(shop(order_cost=40))
    assert (policy.order_up_to - policy.reorder_point).tolist() == pytest.approx([np.sqrt(2 * 40 * MEAN / HOLDING)])
    usual = scenv.policies.ReorderPoint(shop())
    assert (usual.order_up_to - usual.reorder_point).tolist() == pytest.approx([2 * MEAN])
    assert type(scenv.policies.make_policy("s_S", shop())) is scenv.policies.ReorderPoint


@pytest.mark.parametrize("method", ["gradient", "cma"])
def test_the_best_constant_level_knows_the_review_period(method: str) -> None:
    pytest.importorskip("torch" if method == "gradient" else "cma")
    scenario = shop(review_period=3, horizon=40, warmup=10)
    exact = min(range(60), key=lambda level: sum(expected_cost(level, LEAD_TIME + k) for k in range(3)))
    steps = {"steps": 25, "learning_rate": 0.3} if method == "gradient" else {"iterations": 15}
    policy = scenv.policies.OptimisedBaseStock(scenario, method=method, episodes=100, **steps)
    assert policy.level_of["shop"] == pytest.approx(exact, abs=1.0)


@pytest.mark.parametrize("policy", ["pass-through", "constant", "sterman", "anchor-and-adjust", "base-stock"])
def test_what_is_ordered_at_reviews_lasts_for_all_periods(policy: str) -> None:
    episode = scenv.record_episode(policy, "bg", review_period=4, horizon=200)
    assert episode.orders[40:].mean(axis=0) == pytest.approx(32.0, rel=0.1)


def test_an_adjustment_is_added_once_a_review() -> None:
    """A random adjustment is 8 on average: every four periods, that is 2 a period more at each firm up the chain."""
    episodes = [scenv.record_episode("random", "bg", seed=s, review_period=4, horizon=200) for s in range(20)]
    orders = np.mean([episode.orders[40:].mean(axis=0) for episode in episodes], axis=0)
    assert orders == pytest.approx([34, 36, 38, 40], abs=1.0)
