"""Rewards: equation 11 from the costs in the infos, emitted at the declared delay."""

from __future__ import annotations

import numpy as np
import pytest

import scenv
from scenv.simulation.reward import DiscountedSum


@pytest.mark.parametrize("scenario", ["bg", "r2"])
def test_the_reward_of_a_step_call_is_equation_11_of_the_action_reward_delay_calls_ago(scenario: str) -> None:
    window, gamma, scale = 4, 0.9, 0.1
    lead = {"default": 2}
    if scenario == "bg":
        lead["whole_0 -> ret_0"] = 3  # firms differ in delay
    env = scenv.vector_env(
        scenario, 2, seed=0, reward_window=window, gamma=gamma, shipment_lead_time=lead, horizon=25, warmup=0
    )
    rng = np.random.default_rng(0)
    env.reset()
    costs, rewards = [env.last_info["cost"]], []
    for _ in range(24):
        _, reward, _, _, info = env.step(rng.integers(0, env.num_actions[0], size=(2, len(env.agents))))
        costs.append(info["cost"])
        rewards.append(reward)
    mean = env.observation_scale
    for firm in range(len(env.agents)):
        lead_time = int(env.structure.lead_time[firm])
        assert env.reward_delay[firm] == lead_time + window
        for call in range(24):
            action_period = call - env.reward_delay[firm]
            expected = np.zeros(2)
            if action_period >= 0:
                for t in range(action_period + lead_time, action_period + lead_time + window + 1):
                    expected += gamma ** (t - action_period) * (-scale / mean[firm]) * costs[t][:, firm] / window
            np.testing.assert_allclose(rewards[call][:, firm], expected, rtol=1e-12)
    assert len(set(env.reward_delay.tolist())) == (2 if scenario == "bg" else 1)


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
    # Ordered in period 10, received in 13: call 13 returns the reward of action 5, whose window is periods 8 to 13.
    # The reward of action 10 itself is call 18's, the first whose window (13 to 18) lies wholly after the arrival.
    assert changed.min() == 13
    assert 10 + env.reward_delay[0] == 18


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
