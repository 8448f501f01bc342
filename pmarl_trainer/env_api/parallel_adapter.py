"""Any PettingZoo ParallelEnv as a batched environment: several copies, dictionaries to padded arrays and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.spaces import Discrete
from gymnasium.spaces.utils import flatdim, flatten

from pmarl_trainer.env_api.protocol import StepResult
from pmarl_trainer.errors import DoorError


class ParallelEnvBatch:
    """B copies of a ParallelEnv with discrete actions, behind the door `env_api.BatchedEnv`.

    Observations of any space are flattened and padded with zeros to the longest. An agent that has left its episode
    observes zeros and is rewarded 0. A row is terminated when its agents were terminated rather than truncated.
    `infos[agent]["cost"]`, where present, becomes info["cost"].

    Attributes:
        agents: the N possible agents, the order of every [.., N] array.
        num_envs: B.
        num_actions: [N] int64.
        observation_sizes: [N] int64, the flat length of each agent's own observation; what follows is padding.
        horizon: `max_steps` + 1.
        adjacency_matrix, reward_delay, observation_scale, warmup: the environment's own, where it has them.
    """

    def __init__(self, copies: Sequence[Any], max_steps: int | None = None) -> None:
        """Take `copies` of one environment; `max_steps` cuts episodes (default: its `max_cycles` or `horizon` - 1)."""
        first = copies[0]
        if not hasattr(first, "possible_agents") or not hasattr(first, "action_space"):
            raise TypeError(f"{type(first).__name__} is neither a batched environment nor a PettingZoo ParallelEnv")
        self._copies = list(copies)
        self.agents: tuple[str, ...] = tuple(str(agent) for agent in first.possible_agents)
        self.num_envs = len(copies)
        self._names = list(first.possible_agents)
        self._observation_spaces = [first.observation_space(agent) for agent in self._names]
        spaces = [first.action_space(agent) for agent in self._names]
        for agent, space in zip(self._names, spaces, strict=True):
            if not isinstance(space, Discrete):
                raise DoorError(f"env: agent {agent!r} has action space {space}; only Discrete ones can be learned")
        self.num_actions = np.array([int(space.n) for space in spaces])
        self._first_action = [int(space.start) for space in spaces]
        self.observation_sizes = np.array([flatdim(space) for space in self._observation_spaces])
        self._size = int(self.observation_sizes.max())
        base = getattr(first, "unwrapped", first)
        self.horizon = 1 + (max_steps or _max_steps(base))
        for name in ("adjacency_matrix", "reward_delay", "observation_scale", "warmup"):
            if hasattr(base, name):
                setattr(self, name, self._per_agent(getattr(base, name)))
        self.last_info: dict[str, np.ndarray] = {}

    def _per_agent(self, value: Any) -> Any:
        return np.array([value[agent] for agent in self._names]) if isinstance(value, dict) else value

    def reset(self, seed: int | None = None) -> np.ndarray:
        """Observations [B, N, O] float32; copy k is reset with the k-th number derived from `seed`."""
        return self.reset_rows(row_seeds(seed, self.num_envs))

    def reset_rows(self, seeds: Sequence[int | None]) -> np.ndarray:
        """`reset` with a seed for each copy."""
        self._steps = 0
        self._running = np.ones(self.num_envs, dtype=bool)
        observations = np.zeros((self.num_envs, len(self.agents), self._size), dtype=np.float32)
        costs = np.full(observations.shape[:2], np.nan)
        for row, env in enumerate(self._copies):
            observation, infos = env.reset(seed=seeds[row])
            self._write(observations[row], observation)
            self._write_costs(costs[row], infos)
        self.last_info = {} if np.isnan(costs).any() else {"cost": costs}
        return observations

    def step(self, actions: np.ndarray) -> StepResult:
        """Step every copy that is still running; see `env_api.BatchedEnv.step`."""
        shape = (self.num_envs, len(self.agents))
        observations = np.zeros((*shape, self._size), dtype=np.float32)
        rewards, costs = np.zeros(shape), np.full(shape, np.nan)
        terminated, truncated = np.zeros(self.num_envs, dtype=bool), np.zeros(self.num_envs, dtype=bool)
        self._steps += 1
        for row in np.flatnonzero(self._running):
            env, alive = self._copies[row], set(self._copies[row].agents)
            chosen = {
                agent: int(actions[row, i]) + self._first_action[i]
                for i, agent in enumerate(self._names)
                if agent in alive
            }
            observation, reward, terminations, truncations, infos = env.step(chosen)
            self._write(observations[row], observation)
            self._write_costs(costs[row], infos)
            rewards[row] = [reward.get(agent, 0.0) for agent in self._names]
            if not env.agents or all(terminations.get(a) or truncations.get(a) for a in env.agents):
                terminated[row] = all(terminations.values()) and not any(truncations.values())
                truncated[row] = not terminated[row]
            elif self._steps == self.horizon - 1:
                truncated[row] = True
        self._running &= ~(terminated | truncated)
        self.last_info = {} if np.isnan(costs).all() else {"cost": np.nan_to_num(costs)}
        return observations, rewards, terminated, truncated, self.last_info

    def _write(self, row: np.ndarray, observation: dict[Any, Any]) -> None:
        for i, agent in enumerate(self._names):
            if agent in observation:
                flat = np.asarray(flatten(self._observation_spaces[i], observation[agent]), dtype=np.float32)
                row[i, : flat.size] = flat

    def _write_costs(self, row: np.ndarray, infos: dict[Any, Any]) -> None:
        for i, agent in enumerate(self._names):
            if "cost" in infos.get(agent, {}):
                row[i] = infos[agent]["cost"]


def row_seeds(seed: int | None, num_envs: int) -> list[int | None]:
    """A seed for each of `num_envs` copies; None for each where there is none."""
    if seed is None:
        return [None] * num_envs
    return [int(state) for state in np.random.SeedSequence(seed).generate_state(num_envs)]


def _max_steps(env: Any) -> int:
    for name, less in (("max_cycles", 0), ("max_steps", 0), ("horizon", 1)):
        value = getattr(env, name, None)
        if isinstance(value, int) and value > less:
            return value - less
    raise DoorError("env: has no max_cycles or horizon, so how long an episode is must be given: train.max_steps")
