"""Base stock and the evaluation harness."""

from __future__ import annotations

import numpy as np
import pytest

import scenv
from scenv.policies.base_stock import base_stock_levels


def test_base_stock_levels_of_the_beer_game_by_hand() -> None:
    # Poisson(32), lead time 1 + 2: 32 * 3 + 1.6448536 * sqrt(32) * sqrt(3).
    np.testing.assert_allclose(base_stock_levels(scenv.load_scenario("bg")), 96 + 1.6448536269514722 * np.sqrt(96))


def test_base_stock_levels_follow_demand_with_equal_split() -> None:
    import networkx as nx

    # Two suppliers share the shop's orders: each sees half, with half the standard deviation.
    scenario = scenv.load_scenario(
        nx.DiGraph([("a", "shop"), ("b", "shop")]), costs="uniform", demand=16, shipment_lead_time=1
    )
    levels = dict(zip(scenario.network.agents, base_stock_levels(scenario), strict=True))
    z = 1.6448536269514722
    assert levels["shop"] == pytest.approx(16 * 2 + z * 4 * np.sqrt(2))
    assert levels["a"] == levels["b"] == pytest.approx(8 * 2 + z * 2 * np.sqrt(2))


def test_base_stock_lifts_the_inventory_position_to_its_level() -> None:
    env = scenv.vector_env("r1", 4, seed=0)
    env.reset()
    policy = scenv.policies.BaseStock("r1")
    for _ in range(10):
        state = env.local_state
        position = state.on_hand + state.on_order - state.backorder
        orders = policy.orders(state)
        np.testing.assert_allclose(np.maximum(position, policy.levels), position + orders)
        env.step_orders(orders)


def test_given_levels_are_used_and_checked() -> None:
    levels = {"ret_0": 100.0, "whole_0": 101.0, "dist_0": 102.0, "sup_0": 103.0}
    assert scenv.policies.BaseStock("bg", levels=levels).levels.tolist() == [100, 101, 102, 103]
    with pytest.raises(ValueError, match="missing \\['sup_0'\\]"):
        scenv.policies.BaseStock("bg", levels={k: v for k, v in levels.items() if k != "sup_0"})
    with pytest.raises(ValueError, match="finite"):
        scenv.policies.BaseStock("bg", levels={**levels, "sup_0": float("nan")})


def test_cost_counts_from_the_end_of_the_warm_up() -> None:
    env = scenv.vector_env("bg", 5, seed=9)
    env.reset()
    costs = [env.last_info["cost"]]
    for _ in range(49):
        costs.append(env.step_orders(env.local_state.demand)[4]["cost"])
    result = scenv.evaluate(scenv.policies.PassThrough(), "bg", episodes=5, seed=9)
    np.testing.assert_allclose(result.firm_costs, sum(costs[5:]))
    np.testing.assert_allclose(result.episode_costs, sum(costs[5:]).sum(axis=1))
    assert result.mean == pytest.approx(sum(result.per_agent.values()))


def test_interval_is_students_t() -> None:
    result = scenv.evaluate(scenv.policies.BaseStock("bg"), "bg", episodes=4, seed=0)
    costs = result.episode_costs
    half = 3.182446305284263 * costs.std(ddof=1) / 2  # t quantile of 0.975 with 3 degrees of freedom
    assert result.ci95 == pytest.approx((costs.mean() - half, costs.mean() + half))


def test_every_policy_meets_the_same_customers() -> None:
    """Total external demand over the episode is the same whatever the firms do."""

    class Watcher:
        def __init__(self, inner: scenv.policies.Policy) -> None:
            self.inner, self.demand = inner, []

        def reset(self, num_envs: int, seed: int | None = None) -> None:
            self.inner.reset(num_envs, seed)

        def orders(self, state):
            self.demand.append(state.demand[:, scenv.load_network("r2").retailers].copy())
            return self.inner.orders(state)

    watchers = [Watcher(scenv.policies.BaseStock("r2")), Watcher(scenv.policies.RandomPolicy("r2"))]
    for watcher in watchers:
        scenv.evaluate(watcher, "r2", episodes=3, seed=1)
    np.testing.assert_array_equal(watchers[0].demand, watchers[1].demand)
