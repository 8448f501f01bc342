"""Agents that leave early, come in late, or may not do everything: from PettingZoo's dictionaries to the replay."""

import numpy as np
import pytest
import torch

from pmarl_trainer.data.replay import Replay
from pmarl_trainer.data.rollout import align, collect
from pmarl_trainer.env_api.describe import describe
from pmarl_trainer.env_api.factory import make_env
from pmarl_trainer.learners.evaluation import play_policy

PARTY = "tests.pmarl_trainer.toy_parallel_envs:Party"
CPU = torch.device("cpu")


def uniform(seed=0):
    """A policy that takes any allowed action."""
    rng = torch.Generator().manual_seed(seed)

    def act(observations, allowed=None):
        weights = torch.ones(*observations.shape[:2], 3) if allowed is None else allowed.float()
        return torch.multinomial(weights.flatten(0, 1), 1, generator=rng).view(observations.shape[:2])

    return act


def play(arguments, num_envs=4, processes=0):
    env = make_env(PARTY, arguments, num_envs, seed=0, processes=processes)
    spec = describe(env)
    return spec, collect(env, spec, uniform(), 3, CPU)


@pytest.mark.parametrize("processes", [0, 2])
def test_every_agent_has_its_own_end(processes):
    spec, episodes = play({"stays": (1, 5, 99)}, processes=processes)
    assert episodes.active.sum(dim=0).tolist() == [[1, 5, 10]] * 4
    ends = [(t, i) for t, row, i in episodes.terminated.nonzero().tolist() if row == 0]
    assert ends == [(0, 0), (4, 1)]  # the third is only cut
    assert spec.max_steps == 10
    assert episodes.cost == 16.0  # one a step for whoever is there


@pytest.mark.parametrize(("how", "ends"), [("terminated", 2), ("truncated", 0), ("silent", 2)])
def test_what_a_leaving_was(how, ends):
    """Whoever is gone without a word gets nothing any more, so that is a real end."""
    _, episodes = play({"stays": (1, 5, 99), "how": how}, num_envs=1)
    assert int(episodes.terminated.sum()) == ends
    assert episodes.active.sum(dim=(0, 1)).tolist() == [1, 5, 10]


def test_nothing_after_an_agents_end_is_learned_from():
    spec, episodes = play({"stays": (1, 5, 99)})
    replay = Replay(spec, 1000, 4, CPU)
    replay.add(align(episodes, torch.zeros(3, dtype=torch.int64)))
    batch = replay.sample(2000, torch.Generator().manual_seed(0))
    shares = batch.active.float().mean(dim=1)
    torch.testing.assert_close(shares, torch.tensor([0.1, 0.5, 1.0]), atol=0.04, rtol=0)
    for agent, last in ((0, 1.0), (1, 0.2)):  # of the guest's own transitions, the last one alone is its end
        share = batch.terminated[agent][batch.active[agent]].mean()
        assert float(share) == pytest.approx(last, abs=0.05)
    assert not batch.terminated[~batch.active].any()
    assert not batch.terminated[2].any()
    assert (batch.observations[0][batch.active[0]].sum(dim=1) == 1).all()  # never the zeros of who is gone


def test_a_late_comer_is_learned_from_once_it_is_there():
    _, episodes = play({"stays": (99, 99), "late": ("guest_1",)})
    assert episodes.active[:, 0].sum(dim=0).tolist() == [10, 9]
    assert not episodes.active[0, :, 1].any()


def test_late_and_leaving_agents_are_the_same_in_processes():
    one, two = (play({"stays": (2, 4, 99), "late": ("guest_1",), "mask_in": "infos"}, 5, p)[1] for p in (0, 2))
    for name in ("observations", "actions", "rewards", "terminated", "active", "allowed"):
        assert torch.equal(getattr(one, name), getattr(two, name)), name


@pytest.mark.parametrize("mask_in", ["observation", "infos"])
def test_masks_are_found_and_kept(mask_in):
    """The environment refuses forbidden actions; the mask is no part of what a policy sees."""
    spec, episodes = play({"stays": (3, 99), "mask_in": mask_in})
    assert spec.action_masks
    assert spec.observation_sizes.tolist() == [3, 3]
    signs = episodes.observations[:-1].argmax(dim=-1)
    assert not (episodes.actions == signs)[episodes.active].any()
    expected = ~torch.nn.functional.one_hot(signs, 3).bool()
    assert torch.equal(episodes.allowed[:-1][episodes.active], expected[episodes.active])
    env = make_env(PARTY, {"stays": (3, 99), "mask_in": mask_in}, 3, seed=0)
    assert play_policy(env, uniform(), 1, CPU).totals.shape == (3, 2)


def test_an_evaluation_counts_nobody_after_its_end():
    env = make_env(PARTY, {"stays": (1, 5, 99)}, 3, seed=0)
    outcome = play_policy(env, uniform(), 1, CPU)
    assert outcome.metric == "cost"
    np.testing.assert_array_equal(outcome.totals, [[2, 6, 11]] * 3)  # reset's own included
