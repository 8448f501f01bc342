"""Sterman's rules, constant order, (s, S) and mixtures, by hand."""

from __future__ import annotations

import numpy as np
import pytest

import scenv
from scenv.policies import (
    NAMED_POLICIES,
    AnchorAndAdjust,
    BaseStock,
    ConstantOrder,
    Mixed,
    PassThrough,
    RandomPolicy,
    ReorderPoint,
    Sterman,
    make_policy,
)
from scenv.simulation.dynamics import LocalState

# The beer game: mean demand 32, lead time 3, so the supply line aimed at is 96.
STATE = LocalState(
    backorder=np.array([[0.0, 10.0, 0.0, 0.0]]),
    on_hand=np.array([[20.0, 0.0, 40.0, 200.0]]),
    on_order=np.array([[96.0, 126.0, 86.0, 96.0]]),
    received=np.zeros((1, 4)),
    demand=np.array([[30.0, 32.0, 35.0, 10.0]]),
)


def test_sterman_by_hand() -> None:
    # 30 - 0.5 (20 - 32) - 0.2 (96 - 96); 32 - 0.5 (0 - 32) - 0.2 (126 - 96); 35 - 0.5 (40 - 32) - 0.2 (86 - 96);
    # 10 - 0.5 (200 - 32) < 0.
    np.testing.assert_allclose(Sterman("bg").orders(STATE), [[36, 42, 33, 0]])
    # Owing 10 units, the second firm orders 5 more.
    np.testing.assert_allclose(Sterman("bg", net_of_backorders=True).orders(STATE), [[36, 47, 33, 0]])


def test_anchor_and_adjust_by_hand() -> None:
    policy = AnchorAndAdjust("bg")
    policy.reset(1)
    # S' = 32 + 0.34 * 64 = 53.76. First firm: F = 0.36 * 30 + 0.64 * 32 = 31.28, S + b OO = 20 + 32.64 = 52.64;
    # second: F = 32, S + b OO = -10 + 42.84; third: F = 33.08, 40 + 29.24; fourth: F = 24.08, 200 + 32.64.
    expected = [31.28 + 0.26 * 1.12, 32 + 0.26 * 20.92, 33.08 + 0.26 * -15.48, 0.0]
    np.testing.assert_allclose(policy.orders(STATE), [expected])
    # The forecast goes on from there: F = 0.36 * 30 + 0.64 * 31.28.
    np.testing.assert_allclose(policy.orders(STATE)[0, 0], 0.36 * 30 + 0.64 * 31.28 + 0.26 * 1.12)
    policy.reset(1)
    np.testing.assert_allclose(policy.orders(STATE), [expected])


def test_a_steady_flow_stands_still() -> None:
    """With demand at its mean these rules order that mean for ever: their targets fit the initial state."""
    scenario = scenv.load_scenario("bg", demand={"kind": "deterministic", "values": [32]})
    for policy in (AnchorAndAdjust(scenario), PassThrough(scenario), ConstantOrder(scenario)):
        env = scenv.vector_env(scenario, 1)
        env.reset()
        policy.reset(1)
        for _ in range(20):
            orders = policy.orders(env.local_state)
            np.testing.assert_allclose(orders, 32.0)
            env.step_orders(orders)


def test_sterman_settles_at_its_own_stock() -> None:
    """Its supply line target is one order more than is ever under way: 0.2 / 0.5 of 32 units go into stock instead."""
    scenario = scenv.load_scenario("bg", demand={"kind": "deterministic", "values": [32]}, horizon=200)
    env = scenv.vector_env(scenario, 1)
    env.reset()
    while env.period < env.horizon - 1:
        env.step_orders(Sterman(scenario).orders(env.local_state))
    np.testing.assert_allclose(env.local_state.on_hand, 32 + 0.4 * 32)


def test_constant_order_and_reorder_point_by_hand() -> None:
    np.testing.assert_array_equal(ConstantOrder("bg").orders(STATE), [[32, 32, 32, 32]])
    np.testing.assert_array_equal(ConstantOrder("bg", quantity=7).orders(STATE), [[7, 7, 7, 7]])
    # Positions 116, 116, 126, 296.
    policy = ReorderPoint("bg", reorder_point=116, order_up_to=150)
    np.testing.assert_array_equal(policy.orders(STATE), [[34, 34, 0, 0]])


def test_reorder_point_with_equal_levels_is_base_stock() -> None:
    levels = BaseStock("bg").level_of
    same = ReorderPoint("bg", reorder_point=levels, order_up_to=levels)
    np.testing.assert_allclose(same.orders(STATE), BaseStock("bg").orders(STATE))


def test_mixed_policies_each_serve_their_own_firms() -> None:
    policy = Mixed("bg", {"whole_0": Sterman("bg"), "sup_0": ConstantOrder("bg", quantity=5)}, others=PassThrough())
    policy.reset(1, 0)
    np.testing.assert_allclose(policy.orders(STATE), [[30, 42, 35, 5]])


def test_the_user_s_own_policy_mixes_with_ours() -> None:
    class TwiceTheDemand:
        def reset(self, num_envs: int, seed: int | None = None) -> None:
            pass

        def orders(self, state: LocalState) -> np.ndarray:
            return 2 * state.demand

    policy = Mixed("bg", {"ret_0": TwiceTheDemand()}, others=BaseStock("bg"))
    np.testing.assert_allclose(policy.orders(STATE)[0, 0], 60)
    assert scenv.evaluate(policy, "bg", episodes=2).mean > 0


def test_random_orders_stay_in_the_action_set_and_repeat_with_the_seed() -> None:
    policy = RandomPolicy("bg")
    runs = []
    for _ in range(2):
        policy.reset(1, 3)
        runs.append([policy.orders(STATE) for _ in range(50)])
    np.testing.assert_array_equal(*runs)
    adjustments = np.array(runs[0])[:, 0, :3] - STATE.demand[0, :3]
    assert adjustments.min() >= -8
    assert adjustments.max() <= 24
    assert (adjustments == adjustments.round()).all()


@pytest.mark.parametrize("library", ["torch", "array_api_strict"])
def test_every_policy_orders_the_same_on_another_array_library(library: str) -> None:
    xp = pytest.importorskip(library)
    other = LocalState(*(xp.asarray(values) for values in STATE))
    scenario = scenv.load_scenario("bg", costs="cs2000")
    policies = [make_policy(p.name, scenario) for p in NAMED_POLICIES if p.name != "optimised-base-stock"]
    policies.append(Mixed(scenario, {"ret_0": Sterman(scenario)}, others=BaseStock(scenario)))
    for policy in policies:
        policy.reset(1, 0)
        expected = policy.orders(STATE)
        policy.reset(1, 0)
        orders = policy.orders(other)
        assert type(orders) is type(other.demand)
        np.testing.assert_allclose(np.asarray(orders), expected, err_msg=type(policy).__name__)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Sterman("bg", stock_weight=1.5), r"stock_weight must be between 0 and 1, got 1\.5"),
        (lambda: AnchorAndAdjust("bg", smoothing=-0.1), "smoothing must be between"),
        (lambda: ConstantOrder("bg", quantity=-1), "quantity must not be negative"),
        (lambda: ConstantOrder("bg", quantity={"ret_0": 1}), "missing \\['whole_0', 'dist_0', 'sup_0'\\]"),
        (lambda: ReorderPoint("bg", reorder_point=9, order_up_to=8), "9 > 8 at 'ret_0'"),
        (lambda: Mixed("bg", {"ret_1": PassThrough()}), "unknown firm 'ret_1' \\(did you mean 'ret_0'\\?\\)"),
        (lambda: Mixed("bg", {"ret_0": PassThrough()}), "firm 'whole_0' has no policy"),
    ],
)
def test_bad_arguments_are_refused_in_one_sentence(make, message: str) -> None:
    with pytest.raises(scenv.ScenarioError, match=message):
        make()
