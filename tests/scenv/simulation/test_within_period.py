"""Lead time 0: what happens within a period, worked out by hand, and who is asked when."""

from __future__ import annotations

from typing import Any

import networkx as nx
import numpy as np
import pytest

import scenv
from scenv.policies import AnchorAndAdjust, BaseStock, Mixed, PassThrough
from scenv.policies.base import inventory_position
from scenv.simulation.dynamics import LocalState

# The beer game, order lead time 0, shipment lead time 1; every firm passes on the demand of the period (a = 0), so all
# see 16 in period 2 at once. Pipelines hold 10, stock is 4 units. Period 2: 14 units everywhere for 16 wanted, 2 are
# owed. Period 3: the supplier gets the 16 it ordered outside, serves 2 + 10, keeps 4; the others get the 14 shipped in
# period 2, serve 2 + 10, keep 2. Period 4: the supplier shipped 12 in period 3, and so did all others: 2 + 12 - 10.
# In period 5 customers want 4.
DEMAND = [10, 10, 16, 10, 10, 4]
BY_HAND = {
    "ret_0": {"on_hand": [4, 4, 0, 2, 4, 10], "backorder": [0, 0, 2, 0, 0, 0], "received": [10, 10, 10, 14, 12, 10]},
    "whole_0": {"on_hand": [4, 4, 0, 2, 4, 10], "backorder": [0, 0, 2, 0, 0, 0], "received": [10, 10, 10, 14, 12, 10]},
    "dist_0": {"on_hand": [4, 4, 0, 2, 4, 10], "backorder": [0, 0, 2, 0, 0, 0], "received": [10, 10, 10, 14, 12, 10]},
    "sup_0": {"on_hand": [4, 4, 0, 4, 4, 10], "backorder": [0, 0, 2, 0, 0, 0], "received": [10, 10, 10, 16, 10, 10]},
}


@pytest.mark.parametrize("rows", [1, 3])
def test_orders_go_up_the_beer_game_within_the_period(rows: int) -> None:
    env = scenv.vector_env(
        "bg",
        rows,
        demand={"kind": "deterministic", "values": DEMAND},
        order_lead_time=0,
        shipment_lead_time=1,
        initial_stock_periods=0.4,
        horizon=len(DEMAND),
        warmup=0,
    )
    env.reset(seed=0)
    seen = [env.local_state]
    while env.period < env.horizon - 1:
        env.step_adjustments(np.zeros((rows, 4)))
        seen.append(env.local_state)
    for firm, expected in BY_HAND.items():
        i = env.agents.index(firm)
        for t, local in enumerate(seen):
            assert local.demand[:, i].tolist() == [DEMAND[t]] * rows
            for field, values in expected.items():
                assert getattr(local, field)[:, i] == pytest.approx(values[t]), (firm, field, t)


def line(**fields: Any) -> scenv.VectorEnv:
    """A depot and a shop, demand 4, stock and flow of 4."""
    defaults: dict[str, Any] = {
        "costs": {"holding": 1, "backorder": 2},
        "demand": {"kind": "deterministic", "values": [4, 4, 6, 4, 2, 4]},
        "horizon": 6,
        "warmup": 0,
    }
    return scenv.vector_env(nx.DiGraph([("depot", "shop")]), num_envs=1, **(defaults | fields))


def test_with_lead_time_0_everywhere_a_unit_passes_the_chain_in_a_period() -> None:
    """Whoever passes demand on gets it in the same period: stock stays what it was at the start."""
    env = line(order_lead_time=0, shipment_lead_time=0)
    env.reset(seed=0)
    for demand in (4, 6, 4, 2, 4):
        env.step(np.full((1, 2), -env.adjustments[0]))
        assert env.local_state.received.tolist() == [[demand, demand]]
        assert env.local_state.on_hand.tolist() == [[4, 4]]
        assert env.local_state.on_order.tolist() == [[0, 0]]


def test_goods_go_down_within_the_period_and_orders_wait_for_its_end() -> None:
    """Order lead time 1, shipment lead time 0: what was ordered at the end of a period arrives in the next one."""
    env = line(shipment_lead_time=0)
    env.reset(seed=0)
    for ordered in (1.0, 9.0, 3.0, 30.0):
        before = env.local_state.on_hand[0, 1]  # the depot's: enough for the shop but for the last order
        env.step_orders([[ordered, ordered]])
        assert env.local_state.received[0].tolist() == [min(ordered, before + ordered), ordered]


def test_some_links_within_the_period_the_others_not() -> None:
    """The shop orders within the period, the depot at its end: it knows of 6 in period 2, and orders them then."""
    env = line(order_lead_time={"default": 1, "depot -> shop": 0}, shipment_lead_time=1)
    assert env.orders_within.tolist() == [True, False]
    env.reset(seed=0)
    orders = []
    for _ in range(5):
        before = env.local_state
        env.step_adjustments(np.zeros((1, 2)))
        after = env.local_state
        orders.append((after.on_order + after.received - before.on_order)[0].tolist())
    assert orders == [[4, 4], [6, 4], [4, 6], [2, 4], [4, 2]]


@pytest.mark.parametrize("network", ["bg", "r1", "r2"])
@pytest.mark.parametrize("shipment", [0, 2])
def test_base_stock_orders_what_lifts_the_position_once_the_demand_is_known(network: str, shipment: int) -> None:
    """Asked in its turn, it orders S - (IL + OO - BO) + d, which an adjustment of S - (IL + OO - BO) says too."""
    fields: dict[str, Any] = {"order_lead_time": 0, "shipment_lead_time": shipment, "seed": 3}
    one, other = scenv.vector_env(network, 3, **fields), scenv.vector_env(network, 3, **fields)
    policy = BaseStock(one.scenario)
    one.reset()
    other.reset()
    for _ in range(12):
        asked = one.step_policy(policy)[0]
        adjusted = other.step_adjustments(policy.levels - inventory_position(other.local_state))[0]
        np.testing.assert_allclose(asked, adjusted, atol=1e-4)


class Counting(PassThrough):
    """Counts how often it is asked, in a memory that copies have of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def orders(self, state: LocalState) -> np.ndarray:
        self.asked += 1
        return super().orders(state)


def test_a_policy_remembers_one_asking_a_period() -> None:
    env = scenv.vector_env("bg", 2, order_lead_time=0, seed=0)
    env.reset()
    policy = Counting()
    for _ in range(5):
        env.step_policy(policy)
    assert policy.asked == 5
    for name in ("anchor-and-adjust", "random", "reorder-point"):
        both = [scenv.evaluate(name, "bg", episodes=3, order_lead_time=0).episode_costs for _ in range(2)]
        np.testing.assert_array_equal(*both)


def test_mixed_policies_and_one_firm_among_others_within_the_period() -> None:
    fields: dict[str, Any] = {"order_lead_time": 0, "horizon": 20}
    scenario = scenv.load_scenario("bg", **fields)
    same = Mixed(scenario, {"ret_0": BaseStock(scenario)}, others=BaseStock(scenario))
    results = [scenv.evaluate(p, scenario, episodes=4).episode_costs for p in (same, BaseStock(scenario))]
    np.testing.assert_allclose(*results)
    mixed = Mixed(scenario, {"ret_0": AnchorAndAdjust(scenario)}, others=PassThrough())
    assert scenv.evaluate(mixed, scenario, episodes=4).mean > 0
    env = scenv.single_firm_env("bg", "whole_0", others="pass-through", **fields)
    batch = scenv.vector_env("bg", 1, **fields)
    env.reset(seed=4)
    batch.reset(seed=4)
    for action in (8, 0, 20, 8):
        seen, *_ = env.step(action)
        zero = -int(batch.adjustments[0])
        everyone = np.full((1, 4), zero)
        everyone[0, 1] = action
        np.testing.assert_allclose(seen, batch.step(everyone)[0][0, 1])


def test_the_reward_begins_when_the_goods_can_arrive() -> None:
    """A decision at the end of t is ordered in t + 1 and arrives lead time periods later: a period more."""
    usual, within = (scenv.vector_env("bg", 1, order_lead_time=order, shipment_lead_time=2) for order in (1, 0))
    np.testing.assert_array_equal(usual.reward_delay, within.reward_delay)
    np.testing.assert_array_equal(within.structure.lead_time, usual.structure.lead_time - 1)
    with pytest.raises(scenv.ScenarioError, match="longest lead time, 3 periods"):
        scenv.load_scenario("bg", order_lead_time=0, reward_window_end="after_action", reward_window=3)


@pytest.mark.parametrize("leg", ["order_lead_time", "shipment_lead_time"])
def test_one_firm_by_itself_refuses_what_needs_several_rounds_a_period(leg: str) -> None:
    for fields in ({leg: 0}, {leg: {"values": [0, 2]}}, {leg: {"default": 1, "whole_0 -> ret_0": 0}}):
        with pytest.raises(scenv.ScenarioError, match=rf"{leg} of 'whole_0 -> ret_0' can be 0: firms that exchange"):
            scenv.firm_env("bg", "ret_0", **fields)
    scenv.firm_env("bg", "sup_0", **{leg: {"default": 1, "whole_0 -> ret_0": 0}}).reset(seed=0)


def test_a_network_file_may_say_0() -> None:
    graph = nx.DiGraph([("depot", "shop")])
    graph.edges["depot", "shop"].update(order_lead_time=0, shipment_lead_time=0)
    assert scenv.vector_env(graph, 1, costs="uniform").orders_within.tolist() == [True, False]


def test_everything_within_the_period_passes_the_public_check() -> None:
    scenv.testing.check_env(
        "r1",
        horizon=20,
        order_lead_time={"values": [0, 1]},
        shipment_lead_time={"values": [0, 2]},
        capacity=12,
        lost_sales=True,
        disruptions=[
            {"kind": "closure", "probability": 0.05, "duration": 2},
            {"kind": "delay", "probability": 0.05, "extra": 3},
        ],
    )
