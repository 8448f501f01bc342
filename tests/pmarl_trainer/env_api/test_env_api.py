"""The door: what is let in, what is refused, and any PettingZoo environment behind the adapter."""

import numpy as np
import pytest
import torch
from gymnasium.spaces import Box

from pmarl_trainer.data.rollout import collect
from pmarl_trainer.env_api.describe import describe
from pmarl_trainer.env_api.factory import make_env
from pmarl_trainer.env_api.parallel_adapter import ParallelEnvBatch
from pmarl_trainer.env_api.protocol import BatchedEnv
from pmarl_trainer.errors import DoorError
from tests.pmarl_trainer.toy_envs import IdentityGame
from tests.pmarl_trainer.toy_parallel_envs import Countdown

TOYS = "tests.pmarl_trainer.toy_envs"


def test_a_batched_environment_is_made_by_name():
    env = make_env(f"{TOYS}:IdentityGame", {"agents": 3, "delay": 1}, 5, seed=0)
    spec = describe(env)
    assert (env.num_envs, spec.agents, spec.observation_size) == (5, ("agent_0", "agent_1", "agent_2"), 3)
    assert (spec.max_steps, spec.usable_steps) == (8, 7)


@pytest.mark.parametrize(
    ("entry", "arguments", "message"),
    [
        ("nothing", {}, "must be 'module:callable'"),
        ("no_such_module:x", {}, "cannot be imported.*put its folder on PYTHONPATH"),
        (f"{TOYS}:nothing", {}, "cannot be imported"),
        (f"{TOYS}:np.pi", {}, "not callable"),
        (f"{TOYS}:IdentityGame", {"agentz": 3}, "refused its arguments"),
        (f"{TOYS}:not_an_env", {}, "neither a batched environment nor a PettingZoo ParallelEnv"),
    ],
)
def test_bad_entries_are_refused_in_one_line(entry, arguments, message):
    with pytest.raises(DoorError, match=message) as caught:
        make_env(entry, arguments, 2, seed=0)
    assert len(str(caught.value).splitlines()) == 1


def test_adjacency_can_be_given():
    env = IdentityGame(2)
    env.adjacency_matrix = None
    assert describe(env, [[0, 1], [1, 0]]).adjacency.tolist() == [[0, 1], [1, 0]]
    assert describe(IdentityGame(2), [[0, 0], [0, 0]]).adjacency.tolist() == [[0, 0], [0, 0]]  # wins over its own
    with pytest.raises(DoorError, match=r"train\.adjacency must have shape \[2, 2\]"):
        describe(env, [[0]])


def countdown(lengths=(3, 99)):
    iterator = iter(lengths)
    return ParallelEnvBatch([Countdown(iterator) for _ in lengths])


def test_any_parallel_env_fits_through_the_door():
    env = countdown()
    assert isinstance(env, BatchedEnv)
    spec = describe(env)
    assert (spec.observation_size, spec.num_actions.tolist(), spec.max_steps) == (3, [3, 2], 5)
    assert spec.reward_delay.tolist() == [0, 1]  # by agent, whatever the mapping's order
    observations = env.reset(seed=1)
    assert observations.tolist() == [[[0, 0, 0], [1, 0, 0]]] * 2  # padded; a Discrete state as one-hot
    assert env.last_info["cost"].tolist() == [[0.5, 0.5]] * 2
    assert len({copy.seed for copy in env._copies}) == 2
    observations, rewards, terminated, truncated, info = env.step(np.array([[2, 0], [0, 1]]))
    assert observations[0].tolist() == [[1, -1, 0], [0, 1, 0]]
    assert rewards.tolist() == [[3, -1], [1, -1]]
    assert info["cost"].tolist() == [[2, 2], [2, 2]]
    assert not terminated.any()
    assert not truncated.any()


def test_rows_that_end_at_different_times_have_their_own_lengths():
    env = countdown((3, 99))
    spec = describe(env)
    episodes = collect(env, spec, lambda o: torch.zeros(2, 2, dtype=torch.int64), 0, torch.device("cpu"))
    assert episodes.lengths.tolist() == [3, 5]
    assert episodes.terminated[:, 0].tolist() == [[False] * 2] * 2 + [[True] * 2] + [[False] * 2] * 2
    assert not episodes.terminated[:, 1].any()  # cut, not terminated


def test_an_episode_of_unknown_length_must_be_given_one():
    copy = Countdown()
    del copy.max_cycles
    with pytest.raises(DoorError, match=r"train\.max_steps"):
        ParallelEnvBatch([copy])
    assert ParallelEnvBatch([copy], max_steps=7).horizon == 8


def test_continuous_actions_are_refused():
    class Continuous(Countdown):
        def action_space(self, agent):
            return Box(0, 1, (1,))

    with pytest.raises(DoorError, match="only Discrete"):
        ParallelEnvBatch([Continuous()])
