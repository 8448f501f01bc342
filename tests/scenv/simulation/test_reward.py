"""Rewards: equation 11 from the costs in the infos, emitted at the declared delay."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import scenv
from scenv.simulation.reward import DiscountedSum, WindowedReward, reward_rule
from scenv.simulation.structure import build_structure


def play(env: scenv.VectorEnv, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Costs [T, B, N] and the rewards [T - 1, B, N] of the step calls of a random episode."""
    rng = np.random.default_rng(seed)
    env.reset()
    costs, rewards = [env.last_info["cost"]], []
    for _ in range(env.horizon - 1):
        _, reward, _, _, info = env.step(rng.integers(0, env.num_actions[0], size=(env.num_envs, len(env.agents))))
        costs.append(info["cost"])
        rewards.append(reward)
    return np.array(costs), np.array(rewards)


UNEVEN = {"default": 2, "whole_0 -> ret_0": 3}


@pytest.mark.parametrize(("scenario", "lead"), [("bg", UNEVEN), ("r2", 2)])
@pytest.mark.parametrize("window", [1, 4])
def test_our_window_ends_dt_periods_after_the_goods_can_arrive(scenario: str, lead: Any, window: int) -> None:
    gamma, scale = 0.9, 0.1
    env = scenv.vector_env(
        scenario, 2, seed=0, reward_window=window, gamma=gamma, shipment_lead_time=lead, horizon=25, warmup=0
    )
    costs, rewards = play(env)
    for firm, mean in enumerate(env.observation_scale):
        lead_time = int(env.structure.lead_time[firm])
        assert env.reward_delay[firm] == lead_time + window - 1
        for call in range(24):
            action_period = call - env.reward_delay[firm]
            expected = np.zeros(2)
            if action_period >= 0:
                for t in range(action_period + lead_time, action_period + lead_time + window + 1):
                    expected += gamma ** (t - action_period) * (-scale / mean) * costs[t][:, firm] / window
            np.testing.assert_allclose(rewards[call][:, firm], expected, rtol=1e-12)
    assert len(set(env.reward_delay.tolist())) == (2 if scenario == "bg" else 1)


def equation_11(t: int, delta_t: int, lt_i: int, gamma: float, c_r: float, cost_of_i: np.ndarray) -> float:
    """r_i^t as Zhang et al. (2024) print equation (11), section 4.2: the mean over a window delta_t of discounted
    costs, "t' = t + lt_i" below the sum and "t + delta_t" above it.
    """
    total = 0.0
    for t_prime in range(t + lt_i, t + delta_t + 1):  # both limits belong to the sum
        total += gamma ** (t_prime - t) * c_r * cost_of_i[t_prime]
    return total / delta_t


@pytest.mark.parametrize(
    ("scenario", "lead"), [("bg", UNEVEN), ("r1", 1), ("r2", {"default": 2, "external -> manu_0": 4})]
)
@pytest.mark.parametrize("delta_t", [None, 6, 15])
def test_the_papers_window_is_equation_11_as_printed(scenario: str, lead: Any, delta_t: int | None) -> None:
    given = {} if delta_t is None else {"reward_window": delta_t}
    env = scenv.vector_env(
        scenario, 2, seed=0, reward_window_end="after_action", shipment_lead_time=lead, horizon=40, **given
    )
    costs, rewards = play(env)
    window = delta_t or 10
    assert env.scenario.reward_window == window
    # The last cost of action t's window is that of period t + delta_t, which step call t + delta_t - 1 brings.
    assert set(env.reward_delay.tolist()) == {window - 1}
    assert not rewards[: window - 1].any()
    for call in range(window - 1, 39):
        for firm, mean in enumerate(env.observation_scale):
            lt_i = int(env.structure.lead_time[firm])
            for row in range(2):
                expected = equation_11(call - window + 1, window, lt_i, 0.95, -0.1 / mean, costs[:, row, firm])
                assert rewards[call, row, firm] == pytest.approx(expected, rel=1e-12)
    assert len(set(env.structure.lead_time.tolist())) == (1 if scenario == "r1" else 2)


@pytest.mark.parametrize("end", ["after_arrival", "after_action"])
def test_no_reward_waits_for_a_cost_that_it_does_not_need(end: str) -> None:
    """The reward of an action changes with the last cost of its window, and is emitted by the call that brings it."""
    env = scenv.vector_env("bg", 1, seed=0, reward_window_end=end, shipment_lead_time=UNEVEN)
    usual, _ = play(env)
    rule = reward_rule(env.scenario, env.structure)
    for firm in range(4):
        costs = usual.copy()
        costs[30, 0, firm] += 1.0
        changed = []
        for stream in (usual, costs):
            rule.start(stream[0].T)
            changed.append(np.array([rule.step(cost.T)[firm, 0] for cost in stream[1:]]))
        assert np.flatnonzero(changed[0] != changed[1])[0] == 29  # the call that brings period 30


def test_the_default_leaves_42_of_49_actions_with_their_reward() -> None:
    env = scenv.vector_env("r2", 1)
    assert set(env.reward_delay.tolist()) == {7}
    assert env.horizon - 1 - 7 == 42


def test_a_window_that_ends_before_the_goods_arrive_is_refused() -> None:
    with pytest.raises(scenv.ScenarioError, match=r"field 'reward_window': must exceed the longest lead time, 4 "):
        scenv.load_scenario("bg", reward_window_end="after_action", reward_window=4, shipment_lead_time=UNEVEN)
    scenv.load_scenario("bg", reward_window_end="after_action", reward_window=5, shipment_lead_time=UNEVEN)
    scenv.load_scenario("bg", reward_window_end="after_action", reward_window=2, reward="cost")
    with pytest.raises(ValueError, match="window must exceed the longest lead time, 3, got 3"):
        WindowedReward(build_structure(scenv.load_scenario("bg")), 3, 0.9, 0.1, "after_action")


def test_the_window_follows_its_end_unless_it_is_given() -> None:
    base = scenv.load_scenario("bg")
    assert base.reward_window == 5
    assert scenv.load_scenario(base, reward_window_end="after_action").reward_window == 10
    given = scenv.load_scenario("bg", reward_window=7)
    assert scenv.load_scenario(given, reward_window_end="after_action").reward_window == 7


def scope_of(network: scenv.Network, firm: str, scope: str) -> set[str]:
    """Whose costs count, read off the graph."""
    if scope == "network":
        return set(network.agents)
    near = {*network.graph.predecessors(firm), *network.graph.successors(firm)} if scope == "neighbours" else set()
    return {firm, *near}


@pytest.mark.parametrize("scope", ["own", "neighbours", "network"])
@pytest.mark.parametrize("reward", ["cost", "windowed"])
@pytest.mark.parametrize("name", ["bg", "r1", "r3"])
@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_costs_of_a_scope_are_added_in_units_of_cost(scope: str, reward: str, name: str, backend: Any) -> None:
    env = scenv.vector_env(name, 2, seed=0, reward_scope=scope, reward=reward, backend=backend, horizon=20)
    rng, rewards = np.random.default_rng(0), []
    env.reset()
    costs = [np.asarray(env.last_info["cost"])]
    for _ in range(19):
        _, paid, _, _, info = env.step(rng.integers(0, env.num_actions[0], size=(2, len(env.agents))))
        rewards.append(np.asarray(paid))
        costs.append(np.asarray(info["cost"]))
    for i, firm in enumerate(env.agents):
        counted = [k for k, other in enumerate(env.agents) if other in scope_of(env.scenario.network, firm, scope)]
        charged = [cost[:, counted].sum(axis=1) for cost in costs]
        own_scale = -0.1 / env.observation_scale[i]
        if reward == "cost":
            np.testing.assert_allclose(rewards[6][:, i], own_scale * charged[7], rtol=1e-12)
        else:  # lead time 3, window 5: the reward of action 4 sums the costs of periods 7 to 12
            expected = sum(0.95 ** (t - 4) * own_scale * charged[t] / 5 for t in range(7, 13))
            np.testing.assert_allclose(rewards[4 + 7][:, i], expected, rtol=1e-12)


def test_a_row_alone_is_rewarded_like_the_same_row_of_a_batch() -> None:
    for scope in ("neighbours", "network"):
        many, one = (scenv.vector_env("r2", rows, seed=4, reward_scope=scope) for rows in (5, 1))
        assert np.array_equal(play(many)[1].shape, (49, 5, 22))
        for env in (many, one):
            env.reset(seed=4)
        for _ in range(20):
            rewards = [env.step(np.full((env.num_envs, 22), 4))[1][0] for env in (many, one)]
            assert np.array_equal(*rewards)


def test_an_action_changes_no_reward_before_its_goods_arrive() -> None:
    rewards = []
    for extra in (0, 20):
        env = scenv.vector_env("bg", 1, seed=3)
        env.reset()
        row = []
        for t in range(40):
            action = np.full((1, 4), 8)  # a = 0
            if t == 10:
                action[0, 0] += extra
            row.append(env.step(action)[1][0, 0])
        rewards.append(np.array(row))
    changed = np.flatnonzero(rewards[0] != rewards[1])
    # Ordered in period 10, received in 13, which call 12 brings: it returns the reward of action 5, whose window is
    # periods 8 to 13. The reward of action 10 itself is call 17's, which brings period 18, the last of its window.
    assert changed.min() == 12
    assert 10 + env.reward_delay[0] == 17


def test_immediate_reward_is_the_scaled_cost_at_once() -> None:
    env = scenv.vector_env("r1", 2, seed=0, reward="cost")
    env.reset()
    assert not env.reward_delay.any()
    _, reward, _, _, info = env.step(np.full((2, 17), 4))
    np.testing.assert_allclose(reward, -0.1 / env.observation_scale * info["cost"])


@pytest.mark.parametrize("terms", [*range(1, 18), 100])
def test_a_discounted_sum_by_doubling_is_the_sum(terms: int) -> None:
    values = np.random.default_rng(terms).random((terms + 30, 2))
    total = DiscountedSum(terms, gamma=0.9)
    for newest, value in enumerate(values):
        total.push(value)
        if newest + 1 >= terms:
            window = values[newest + 1 - terms : newest + 1]
            np.testing.assert_allclose(total.value(), 0.9 ** np.arange(terms) @ window, rtol=1e-13)
