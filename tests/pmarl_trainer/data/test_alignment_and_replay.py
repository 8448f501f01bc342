"""Delayed rewards meet their own actions, and transitions come out of the memory as they went in."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pmarl_trainer.data.replay import Replay
from pmarl_trainer.data.rollout import Episodes, agent_major, align, collect
from pmarl_trainer.env_api.describe import describe
from pmarl_trainer.errors import CheckpointError
from tests.pmarl_trainer.toy_envs import IdentityGame, ScriptedRewards

CPU = torch.device("cpu")


def play(env, seed=0):
    """Aligned episodes of random actions."""
    spec = describe(env)
    rng = torch.Generator().manual_seed(seed)
    rows, actions, n = env.num_envs, int(env.num_actions.max()), len(env.agents)
    episodes = collect(env, spec, lambda o: torch.randint(actions, (n, rows), generator=rng), seed, CPU)
    return spec, episodes, align(episodes, torch.as_tensor(spec.reward_delay))


@settings(max_examples=25)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=4), st.integers(6, 9))
def test_every_reward_belongs_to_its_own_action(delays, steps):
    """The scripted reward of action a of agent i at step t is 100 t + 10 i + a, paid `delay` calls later."""
    env = ScriptedRewards(3, agents=len(delays), delay=delays, steps=steps)
    _, raw, aligned = play(env)
    assert len(aligned.actions) == steps - max(delays)
    assert aligned.lengths.tolist() == [steps - max(delays)] * 3
    t, i = torch.arange(len(aligned.actions)).view(-1, 1, 1), torch.arange(len(delays))
    expected = 100.0 * t + 10 * i + aligned.actions
    assert torch.equal(aligned.rewards, expected.float())
    assert torch.equal(aligned.observations, raw.observations[: len(aligned.actions) + 1])


def test_what_policies_see_and_what_is_kept_is_what_the_environment_shows():
    env, seen = IdentityGame(3, agents=2, steps=4), []
    spec = describe(env)

    def act(observations):
        seen.append(observations)
        return torch.zeros(2, 3, dtype=torch.int64)

    episodes = collect(env, spec, act, 5, CPU)
    shown = [env.reset(seed=5)] + [env.step(np.zeros((3, 2), dtype=np.int64))[0] for _ in range(4)]
    for t, observations in enumerate(shown):
        assert torch.equal(episodes.observations[t], torch.as_tensor(observations).float())
        assert t == 4 or torch.equal(seen[t], agent_major(observations, CPU))
    assert torch.equal(agent_major(shown[0], CPU)[1], torch.as_tensor(shown[0])[:, 1].float())
    assert tuple(agent_major(shown[0], CPU).shape) == (2, 3, spec.observation_size)


def test_a_wrong_delay_would_be_noticed():
    """The check above can fail: aligned one step off, the rewards are another action's."""
    env = ScriptedRewards(3, agents=2, delay=2, steps=8)
    _, raw, _ = play(env)
    off_by_one = align(raw, torch.tensor([1, 1]))
    t, i = torch.arange(len(off_by_one.actions)).view(-1, 1, 1), torch.arange(2)
    assert not torch.equal(off_by_one.rewards, (100.0 * t + 10 * i + off_by_one.actions).float())


def test_rewards_without_delay_stay_where_they_are():
    _, raw, aligned = play(ScriptedRewards(2, agents=2, delay=0, steps=5))
    assert torch.equal(raw.rewards, aligned.rewards)


def episodes_of(lengths, steps=4, agents=2, start=0.0):
    """Observation t of row b of agent i is start + 1000 b + 10 t + i; action t, reward 100 b + t, to tell all."""
    rows = len(lengths)
    t = torch.arange(steps + 1.0).view(-1, 1, 1, 1)
    b = torch.arange(float(rows)).view(1, -1, 1, 1)
    i = torch.arange(float(agents)).view(1, 1, -1, 1)
    active = torch.arange(steps).view(-1, 1) < torch.tensor(lengths)
    terminated = torch.zeros(steps, rows, dtype=torch.bool)
    for row, length in enumerate(lengths):
        terminated[length - 1, row] = True
    return Episodes(
        observations=start + 1000 * b + 10 * t + i,
        actions=t[:-1, :, :, 0].long().expand(-1, rows, agents),
        rewards=(100 * b + t)[:-1, :, :, 0].expand(-1, -1, agents),
        terminated=terminated.unsqueeze(2).expand(-1, -1, agents),
        active=active.unsqueeze(2).expand(-1, -1, agents),
        allowed=None,
        cost=0.0,
    )


def make_replay(memory_size, num_envs, steps=4):
    spec = describe(IdentityGame(num_envs, agents=2, actions=5, steps=steps))
    spec = type(spec)(**{**vars(spec), "observation_size": 1})
    return Replay(spec, memory_size, num_envs, CPU)


def test_sampled_transitions_are_whole():
    replay = make_replay(100, 3)
    replay.add(episodes_of([4, 2, 3]))
    assert len(replay) == 9
    batch = replay.sample(500, torch.Generator().manual_seed(0))
    row, t = batch.rewards[0] // 100, batch.rewards[0] % 100
    for agent in range(2):
        torch.testing.assert_close(batch.observations[agent, :, 0], 1000 * row + 10 * t + agent)
        torch.testing.assert_close(batch.next_observations[agent, :, 0], 1000 * row + 10 * (t + 1) + agent)
        assert torch.equal(batch.actions[agent], t.long())
    length = torch.tensor([4.0, 2.0, 3.0])[row.long()]
    assert torch.equal(batch.terminated, (t == length - 1).float().expand(2, -1))
    assert batch.active is None  # all agents were always there
    assert batch.allowed is None
    assert len({(float(r), float(s)) for r, s in zip(row, t, strict=True)}) == 9  # all of them, and no padding


def test_the_oldest_episodes_are_overwritten():
    replay = make_replay(16, 2)  # four slots
    for k in range(3):
        replay.add(episodes_of([4, 4], start=10_000.0 * k))
    assert len(replay) == 16
    seen = replay.sample(300, torch.Generator().manual_seed(0)).observations[0, :, 0] // 10_000
    assert set(seen.tolist()) == {1.0, 2.0}


def test_replay_survives_a_checkpoint():
    replay, copy = make_replay(40, 3), make_replay(40, 3)
    replay.add(episodes_of([4, 1, 4]))
    copy.load_state_dict(replay.state_dict())
    for k in range(4):
        one, two = (r.sample(16, torch.Generator().manual_seed(k)) for r in (replay, copy))
        compared = ("observations", "actions", "rewards", "terminated", "next_observations")
        assert all(torch.equal(getattr(one, name), getattr(two, name)) for name in compared)
        replay.add(episodes_of([2, 3, 4], start=float(k)))
        copy.add(episodes_of([2, 3, 4], start=float(k)))


def test_a_checkpoint_of_another_shape_is_refused():
    with pytest.raises(CheckpointError, match="cannot hold"):
        make_replay(40, 3, steps=6).load_state_dict(make_replay(40, 3).state_dict())


def test_rollouts_are_repeatable_by_seed():
    one, two, other = (play(IdentityGame(3), seed)[1].observations for seed in (5, 5, 6))
    assert torch.equal(one, two)
    assert not np.array_equal(one, other)
