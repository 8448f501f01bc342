"""Costs are counted from the first period that counts, on the same paths for everybody."""

import numpy as np
import pytest
import torch

from pmarl_trainer.learners.evaluation import Outcome, play, play_baselines, play_first_baseline, play_policy
from tests.pmarl_trainer.toy_envs import IdentityGame, Newsvendor

CPU = torch.device("cpu")


class PeriodCosts(IdentityGame):
    """The cost of period t is 10^t for agent 0, nothing for agent 1; period 0's is known after reset."""

    def reset(self, seed=None):
        observations = super().reset(seed)
        self.last_info = self.info()
        return observations

    def info(self):
        period = len(self.paid)
        return {"cost": np.tile([10.0**period, 0.0], (self.num_envs, 1))}


def idle(env):
    return lambda _: env.step(np.zeros((env.num_envs, len(env.agents)), dtype=int))


@pytest.mark.parametrize(("warmup", "total"), [(0, 1111), (1, 1110), (2, 1100)])
def test_the_cost_of_step_call_s_is_that_of_period_s_plus_1(warmup, total):
    env = PeriodCosts(2, steps=3)
    env.warmup = warmup
    outcome = play(env, 0, idle(env))
    assert outcome.metric == "cost"
    assert outcome.totals.tolist() == [[total, 0]] * 2


def test_without_costs_returns_are_reported():
    env = IdentityGame(3, steps=4)
    outcome = play_policy(env, lambda o: o.argmax(-1), 0, CPU)  # repeats its signal: right every time
    assert outcome.metric == "return"
    assert outcome.totals.tolist() == [[4, 4]] * 3
    assert outcome.score == -8
    assert play_baselines(env, 0) == {}
    assert play_first_baseline(env, 0) is None


def test_rows_that_have_ended_no_longer_count():
    class Ends(PeriodCosts):
        def step(self, actions):
            observations, rewards, terminated, truncated, info = super().step(actions)
            terminated[0] = len(self.paid) >= 2  # and stays so
            return observations, rewards, terminated, truncated, info

    env = Ends(2, steps=3)
    assert play(env, 0, idle(env)).episodes.tolist() == [111, 1111]


def test_policies_meet_the_same_demand():
    env = Newsvendor(64, steps=4)
    first, again = (play_baselines(env, 7) for _ in range(2))
    assert list(first) == ["base-stock", "random"]
    assert np.array_equal(first["base-stock"].totals, again["base-stock"].totals)
    same = play_policy(env, lambda o: torch.full((1, 64), 8), 7, CPU)
    assert np.array_equal(same.totals, first["base-stock"].totals)


def test_intervals_by_hand():
    outcome = Outcome("cost", np.array([[1.0], [2.0], [3.0]]))
    low, high = outcome.ci95  # t(0.975, 2) = 4.3027, standard error = 1 / sqrt(3)
    assert (low, high) == pytest.approx((2 - 4.3027 / 3**0.5, 2 + 4.3027 / 3**0.5), rel=1e-4)
    twice = Outcome("cost", 2 * outcome.totals)
    assert twice.ratio_to(outcome) == 2
    assert twice.ratio_ci95(outcome) == (2, 2)  # in every episode twice as much: no doubt about the ratio
    assert Outcome("cost", outcome.totals[:1]).ci95 is None
    assert Outcome("return", outcome.totals).ratio_to(outcome) is None
