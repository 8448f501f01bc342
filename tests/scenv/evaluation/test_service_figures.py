"""Every figure of an evaluation equals books of every unit on every link (`link_books`), under every extension."""

from __future__ import annotations

from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scenv
from scenv.scenario.implied import firm_demand_moments, orders_within_period
from tests.scenv.evaluation.link_books import Books, keep_books
from tests.scenv.strategies import scenarios

EPISODES = 2


class Diary:
    """Random orders, written down: [T - 1, B, N]."""

    def __init__(self, scenario: scenv.Scenario, seed: int) -> None:
        self._mean = firm_demand_moments(scenario)[0]
        self._rng = np.random.default_rng(seed)
        self.decisions: list[np.ndarray] = []

    def reset(self, num_envs: int, seed: int | None = None) -> None:
        self.decisions = []

    def orders(self, state: Any) -> np.ndarray:
        factor = self._rng.choice([0.0, 0.5, 1.0, 3.0], size=state.demand.shape)
        self.decisions.append(factor * self._mean)
        return self.decisions[-1]


def both(scenario: scenv.Scenario, seed: int) -> tuple[scenv.Evaluation, list[Books]]:
    """The evaluation and the books of its episodes."""
    diary = Diary(scenario, seed)
    result = scenv.evaluate(diary, scenario, episodes=EPISODES, seed=seed)
    env = scenv.VectorEnv(scenario, num_envs=EPISODES, seed=seed)
    env.reset()
    return result, [keep_books(env, np.stack(diary.decisions), row) for row in range(EPISODES)]


def sums(books: list[Books], name: str, result: scenv.Evaluation) -> np.ndarray:
    """[episodes, N] of a number, over the counted periods."""
    rows = [getattr(each, name)[result.scenario.warmup :] for each in books]
    return np.array([[sum(period[firm] for period in each) for firm in result.agents] for each in rows])


def check(result: scenv.Evaluation, books: list[Books]) -> None:
    close = {"rtol": 1e-7, "atol": 1e-6}
    agents, network = list(result.agents), result.scenario.network
    demand, late, lost, holding, unmet = (
        sums(books, name, result) for name in ("demand", "late", "lost", "holding", "unmet")
    )
    np.testing.assert_allclose(result.demand, demand, **close)
    np.testing.assert_allclose(result.late, late, **close)
    np.testing.assert_allclose(result.lost, lost, **close)
    np.testing.assert_allclose(result.holding_costs, holding, **close)
    np.testing.assert_allclose(result.backorder_costs, unmet, **close)
    np.testing.assert_allclose(result.episode_costs, (holding + unmet).sum(axis=1), **close)
    for k, name in enumerate(agents):
        same(result.fill_rates[name], rate(late[:, k], demand[:, k]))
    outside, its_late = (
        sum(sum(period.values()) for each in books for period in getattr(each, name)[result.scenario.warmup :])
        for name in ("outside", "outside_late")
    )
    same(result.fill_rate, 1 - its_late / outside if outside > 0 else np.nan)
    bullwhip = bullwhip_of(books, result)
    for stage, row in enumerate(result.per_stage):
        firms = [k for k, name in enumerate(agents) if network.stages[name] == stage]
        same(row["holding"], holding[:, firms].sum(axis=1).mean())
        same(row["backorder"], unmet[:, firms].sum(axis=1).mean())
        same(row["fill_rate"], rate(late[:, firms], demand[:, firms]))
        same(row["bullwhip"], bullwhip[stage])


def rate(late: np.ndarray, demand: np.ndarray) -> float:
    return 1 - late.sum() / demand.sum() if demand.sum() > 0 else np.nan


def same(found: float, expected: float) -> None:
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-6, nan_ok=True)


def bullwhip_of(books: list[Books], result: scenv.Evaluation) -> list[float]:
    """Variance over time of a stage's orders, over that of the external demand for what passes it, equal split."""
    network, ratios = result.scenario.network, []
    weights = network.demand_weights  # its own tests compute it by hand
    shops = [network.agents[i] for i in network.retailers]
    answers_next = dict(zip(network.agents, orders_within_period(result.scenario).astype(int), strict=True))
    for stage in range(max(network.stages.values()) + 1):
        firms = [name for name in network.agents if network.stages[name] == stage]
        share = {shop: sum(weights[network.agents.index(name), r] for name in firms) for r, shop in enumerate(shops)}
        swing, calm = [], []
        for each in books:
            counted = range(result.scenario.warmup, result.scenario.horizon - 1)
            orders = [sum(each.orders[t][name] for name in firms) for t in counted]
            demand = [sum(share[shop] * each.outside[t + answers_next[shop]][shop] for shop in shops) for t in counted]
            swing.append(np.var(orders) if len(orders) > 1 else np.nan)
            calm.append(np.var(demand) if len(demand) > 1 else np.nan)
        ratios.append(float(np.mean(swing) / np.mean(calm)) if np.mean(calm) > 1e-12 else np.nan)
    return ratios


@settings(max_examples=60)
@given(scenario=scenarios(rules=False), seed=st.integers(0, 10_000))
def test_figures_equal_the_books_under_all_extensions_together(scenario: scenv.Scenario, seed: int) -> None:
    check(*both(scenario, seed))


ALONE: dict[str, dict[str, Any]] = {
    "nothing": {},
    "priority": {"allocation": "priority"},
    "random lead times": {"shipment_lead_time": {"values": [1, 4], "probabilities": [0.5, 0.5]}},
    "overtaking": {"shipment_lead_time": {"values": [1, 4], "probabilities": [0.5, 0.5]}, "order_crossing": True},
    "orders within the period": {"order_lead_time": 0},
    "goods within the period": {"order_lead_time": {"values": [0, 2]}, "shipment_lead_time": {"values": [0, 3]}},
    "capacity": {"capacity": 9},
    "capacity and priority": {"capacity": {"hub": 11, "default": 30}, "allocation": "priority"},
    "lost sales": {"lost_sales": True},
    "closure": {"disruptions": [{"kind": "closure", "firms": ["hub"], "period": 4, "duration": 4}]},
    "delay": {"disruptions": [{"kind": "delay", "probability": 0.2, "extra": 2}]},
    "demand shock": {"disruptions": [{"kind": "demand_shock", "period": 8, "duration": 3, "factor": 4}]},
}


@pytest.mark.parametrize("fields", ALONE.values(), ids=ALONE.keys())
@pytest.mark.parametrize("warmup", [0, 6])
def test_figures_equal_the_books_under_each_extension_alone(fields: dict[str, Any], warmup: int) -> None:
    graph = nx.DiGraph([("maker", "hub"), ("hub", "a"), ("hub", "b"), ("hub", "c"), ("maker", "c")])
    scenario = scenv.load_scenario(graph, costs="uniform", demand=6, horizon=25, warmup=warmup, **fields)
    check(*both(scenario, seed=3))


def test_an_old_debt_to_one_customer_does_not_make_another_ones_order_late() -> None:
    """Under priority the first customer's order is served at once while the last one's debt stands."""
    graph = nx.DiGraph([("hub", "first"), ("hub", "last")])
    scenario = scenv.load_scenario(
        graph,
        costs="uniform",
        demand={"kind": "deterministic", "values": [1]},
        allocation="priority",
        capacity={"hub": 2},
        initial_stock_periods=50,
        horizon=30,
        warmup=5,
    )

    class TwoForTheFirst:
        def reset(self, num_envs: int, seed: int | None = None) -> None:
            pass

        def orders(self, state: Any) -> np.ndarray:
            return np.where(np.array(scenario.network.agents) == "hub", 0.0, 2.0) * np.ones_like(state.demand)

    result = scenv.evaluate(TwoForTheFirst(), scenario, episodes=1)
    assert result.fill_rates["hub"] == pytest.approx(0.5)
