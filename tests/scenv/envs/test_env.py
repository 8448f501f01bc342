"""The PettingZoo environment: conformance, manners, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from pettingzoo.test import api_test, max_cycles_test, parallel_api_test, parallel_seed_test, seed_test
from pettingzoo.utils import parallel_to_aec

import scenv

# api_test warns that observations have no upper bound: stock has none.
pytestmark = pytest.mark.filterwarnings("ignore:Agent's maximum observation space value is infinity")


@pytest.mark.parametrize("name", ["bg", "r1", "r2", "r3"])
def test_passes_pettingzoo_parallel_conformance(name: str) -> None:
    parallel_api_test(scenv.parallel_env(name), num_cycles=120)
    parallel_seed_test(lambda: scenv.parallel_env(name), num_cycles=10)


def test_passes_pettingzoo_turn_based_conformance() -> None:
    api_test(parallel_to_aec(scenv.parallel_env("r2")), num_cycles=60)
    api_test(scenv.env("bg"), num_cycles=60)
    seed_test(lambda: parallel_to_aec(scenv.parallel_env("r2")), num_cycles=60)


def test_raw_env_conforms_without_a_wrapper() -> None:
    api_test(scenv.raw_env("bg"), num_cycles=60)


def test_max_cycles_counts_steps_as_pettingzoo_does() -> None:
    max_cycles_test(scenv)
    env = scenv.parallel_env("bg", max_cycles=49)
    assert env.scenario.horizon == scenv.load_scenario("bg").horizon == 50
    assert env.scenario.warmup == 5
    # A warm-up of 5 periods does not fit 4 steps, that is 5 periods; all but the last become warm-up.
    assert scenv.parallel_env("bg", max_cycles=4).scenario.warmup == 4
    with pytest.raises(scenv.ScenarioError, match="warmup must be below horizon"):
        scenv.parallel_env("bg", max_cycles=4, warmup=5)


@pytest.mark.parametrize("bad", [0, -3, 2.5, True, "ten"])
def test_max_cycles_is_checked(bad: Any) -> None:
    with pytest.raises(scenv.ScenarioError, match="max_cycles must be a whole number"):
        scenv.parallel_env("bg", max_cycles=bad)


def test_max_cycles_and_horizon_exclude_each_other() -> None:
    with pytest.raises(scenv.ScenarioError, match=r"max_cycles \(steps\) or horizon"):
        scenv.env("bg", max_cycles=4, horizon=5)


def test_spaces_and_attributes_of_r2() -> None:
    env = scenv.parallel_env("r2")
    assert len(env.possible_agents) == 22
    observations, infos = env.reset(seed=0)
    assert env.agents == env.possible_agents == list(observations) == list(infos)
    for name in env.agents:
        assert env.observation_space(name) is env.observation_space(name)
        assert env.observation_space(name).shape == (30,)
        assert env.observation_space(name).contains(observations[name])
        assert env.action_space(name).n == 10
    assert env.adjustments.tolist() == list(range(-3, 7))
    assert env.adjacency_matrix.shape == (22, 22)
    np.testing.assert_array_equal(env.adjacency_matrix, -env.adjacency_matrix.T)
    assert set(env.reward_delay.values()) == {
        3 + 5 - 1
    }  # order 1 + shipment 2, window 5; the call brings the next period
    assert env.state().shape == (22 * 30,)
    assert env.state_space.contains(env.state())
    np.testing.assert_array_equal(env.state().reshape(22, 30)[3], observations[env.agents[3]])


def test_an_episode_has_one_step_less_than_periods_and_ends_by_truncation() -> None:
    env = scenv.parallel_env("bg", horizon=7, warmup=0)
    env.reset(seed=0)
    periods = []
    while env.agents:
        actions = {name: 8 for name in env.agents}
        _, _, terminations, truncations, infos = env.step(actions)
        periods.append(infos["ret_0"]["period"])
        assert not any(terminations.values())
        assert all(truncations.values()) == (periods[-1] == 6)
    assert periods == [1, 2, 3, 4, 5, 6]


def test_the_order_is_demand_plus_adjustment_and_never_negative() -> None:
    env = scenv.parallel_env("bg", demand={"kind": "deterministic", "values": [5.0]}, horizon=5, warmup=0)
    env.reset(seed=0)
    low, plus_three = 0, int(np.flatnonzero(env.adjustments == 3)[0])
    observations, *_ = env.step({"ret_0": low, "whole_0": plus_three, "dist_0": plus_three, "sup_0": plus_three})
    assert observations["whole_0"][-1] == 0  # 5 - 8 is floored
    assert observations["dist_0"][-1] == 8
    assert observations["sup_0"][-1] == 8


def test_observation_is_the_last_six_periods_oldest_first_with_zeros_before_the_start() -> None:
    env = scenv.parallel_env("bg")
    observations, _ = env.reset(seed=4)
    seen = [observations["ret_0"][-5:]]
    assert not observations["ret_0"][:-5].any()
    for _ in range(8):
        observations, *_ = env.step({name: 10 for name in env.agents})
        seen.append(observations["ret_0"][-5:])
    np.testing.assert_array_equal(observations["ret_0"], np.concatenate(seen[-6:]))


def test_returned_arrays_are_never_written_again() -> None:
    env = scenv.parallel_env("bg")
    observations, _ = env.reset(seed=0)
    kept = [observations]
    copies = [{name: array.copy() for name, array in observations.items()}]
    for _ in range(5):
        observations, *_ = env.step({name: 12 for name in env.agents})
        kept.append(observations)
        copies.append({name: array.copy() for name, array in observations.items()})
        observations["ret_0"] *= 1  # in place, as a learner that scales would
    for before, after in zip(copies, kept, strict=True):
        for name in before:
            np.testing.assert_array_equal(before[name], after[name])


def test_scaling_an_observation_in_place_does_not_change_the_future() -> None:
    env, untouched = scenv.vector_env("bg", 2, seed=1), scenv.vector_env("bg", 2, seed=1)
    mine, theirs = env.reset(), untouched.reset()
    for _ in range(4):
        mine *= 0.0
        mine = env.step(np.full((2, 4), 9))[0]
        theirs = untouched.step(np.full((2, 4), 9))[0]
        np.testing.assert_array_equal(mine, theirs)


GOOD = dict.fromkeys(("ret_0", "whole_0", "dist_0", "sup_0"), 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ret_0": None}, "'ret_0' must be an integer, got None"),
        ({"ret_0": 33}, r"'ret_0' must be in 0 \.\. 32, got 33"),
        ({"ret_0": -1}, r"'ret_0' must be in 0 \.\. 32, got -1"),
        ({"ret_0": 2.0}, "'ret_0' must be an integer, got 2.0"),
        ({"ret_0": True}, "'ret_0' must be an integer, got True"),
        ({"ret_0": np.array([1])}, "'ret_0' must be an integer"),
        ({"ret_1": 3}, r"unknown agent 'ret_1' \(did you mean 'ret_0'\?\)"),
    ],
)
def test_bad_actions_are_refused_and_change_nothing(change: dict[str, Any], message: str) -> None:
    env = scenv.parallel_env("bg")
    env.reset(seed=0)
    before = env.state()
    with pytest.raises(scenv.ActionError, match=message):
        env.step({**GOOD, **change})
    np.testing.assert_array_equal(env.state(), before)
    env.step(GOOD)


def test_a_missing_agent_is_named() -> None:
    env = scenv.parallel_env("bg")
    env.reset(seed=0)
    with pytest.raises(scenv.ActionError, match="miss agent 'dist_0'"):
        env.step({name: 3 for name in GOOD if name != "dist_0"})


def test_numpy_integers_are_actions_too() -> None:
    env = scenv.parallel_env("bg")
    env.reset(seed=0)
    env.step({name: np.int64(3) if name == "ret_0" else np.array(3) for name in GOOD})


def test_steps_outside_an_episode_are_refused() -> None:
    env = scenv.parallel_env("bg", horizon=2, warmup=0)
    for method in (lambda: env.step(GOOD), env.state):
        with pytest.raises(ResetNeeded, match="reset"):
            method()
    env.reset(seed=0)
    env.step(GOOD)
    with pytest.raises(ResetNeeded, match="reset"):
        env.step(GOOD)
    batch = scenv.vector_env("bg", 2, horizon=2, warmup=0)
    with pytest.raises(ResetNeeded, match="reset"):
        batch.step(np.zeros((2, 4), dtype=int))


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        (np.zeros((2, 3), dtype=int), "shape"),
        (np.zeros((2, 4)), "integers, got float64"),
        (np.full((2, 4), 33), r"0 \.\. 32"),
        (np.full((2, 4), -1), r"0 \.\. 32"),
    ],
)
def test_bad_batched_actions_are_refused(actions: np.ndarray, message: str) -> None:
    env = scenv.vector_env("bg", 2, seed=0)
    env.reset()
    with pytest.raises(scenv.ActionError, match=message):
        env.step(actions)


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_bad_orders_are_refused(bad: float) -> None:
    env = scenv.vector_env("bg", 2, seed=0)
    env.reset()
    with pytest.raises(scenv.ActionError, match="finite and not negative"):
        env.step_orders(np.full((2, 4), bad))


def test_actions_are_orders_on_top_of_demand() -> None:
    by_action, by_order = scenv.vector_env("r1", 3, seed=2), scenv.vector_env("r1", 3, seed=2)
    by_action.reset()
    by_order.reset()
    actions = np.random.default_rng(0).integers(0, 15, size=(3, 17))
    quantities = np.maximum(by_order.local_state.demand + by_order.adjustments[actions], 0)
    for one, other in zip(by_action.step(actions)[:2], by_order.step_orders(quantities)[:2], strict=True):
        np.testing.assert_array_equal(one, other)


def test_ansi_rendering_shows_every_firm() -> None:
    env = scenv.parallel_env("bg", render_mode="ansi")
    env.reset(seed=0)
    picture = env.render()
    assert picture is not None
    assert all(name in picture for name in env.possible_agents)
