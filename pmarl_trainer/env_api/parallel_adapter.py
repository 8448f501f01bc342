"""Any PettingZoo ParallelEnv as a batched environment: several copies, dictionaries to padded arrays and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pmarl_trainer.env_api.agent_spaces import MASK, AgentSpaces
from pmarl_trainer.env_api.protocol import StepResult
from pmarl_trainer.env_api.values import finite_number, flag, in_order, names, number, shown
from pmarl_trainer.errors import DoorError

#: What an environment may say of itself beyond PettingZoo's own interface; mappings are by agent.
OPTIONAL_FACTS = ("adjacency_matrix", "reward_delay", "observation_scale", "warmup", "adjustments", "gamma")


class ParallelEnvBatch:
    """B copies of a ParallelEnv with discrete actions, behind the door `env_api.BatchedEnv`.

    Observations of any space are flattened and padded with zeros to the longest; an `action_mask` in a dictionary
    observation, or in `infos[agent]`, becomes info["action_mask"]. Agents may leave an episode one by one, and come in
    late; an agent that is not there observes zeros and is rewarded 0. `infos[agent]["cost"]`, where present, becomes
    info["cost"].

    Attributes:
        agents: the N possible agents, the order of every [.., N] array.
        num_envs: B.
        num_actions: [N] int64.
        observation_sizes: [N] int64, the flat length of each agent's own observation; what follows is padding.
        horizon: `max_steps` + 1.
        adjacency_matrix, reward_delay, observation_scale, warmup, adjustments, gamma: the environment's own, where it
            has them.
    """

    def __init__(self, copies: Sequence[Any], max_steps: int | None = None) -> None:
        """Take `copies` of one environment; `max_steps` cuts episodes (default: its `max_cycles` or `horizon` - 1)."""
        first = copies[0]
        if not hasattr(first, "possible_agents") or not hasattr(first, "action_space"):
            raise DoorError(
                f"env: a {type(first).__name__} is neither a batched environment nor a PettingZoo ParallelEnv"
            )
        self._copies = list(copies)
        self.agents = names(first.possible_agents, "possible_agents")
        self._names = list(first.possible_agents)
        self._position = {name: i for i, name in enumerate(self._names)}
        self._spaces = [AgentSpaces(first, agent) for agent in self._names]
        for number_of_copy, copy in enumerate(copies[1:], start=1):
            self._require_alike(copy, number_of_copy)
        self.num_envs = len(copies)
        self.num_actions = np.array([spaces.actions for spaces in self._spaces])
        self.observation_sizes = np.array([spaces.size for spaces in self._spaces])
        self.horizon = 1 + (max_steps or _max_steps(first))
        for fact in OPTIONAL_FACTS:
            value = _attribute(first, fact)
            if value is not None:
                setattr(self, fact, in_order(value, self.agents, fact))
        self._running = np.zeros((self.num_envs, len(self.agents)), dtype=bool)
        self._ended = self._running.copy()
        self.last_info: dict[str, np.ndarray] = {}

    def _require_alike(self, copy: Any, which: int) -> None:
        if list(copy.possible_agents) != self._names:
            raise DoorError(
                f"env: copy {which} has other possible_agents than the first: {shown(copy.possible_agents)}"
            )
        for name, spaces in zip(self._names, self._spaces, strict=True):
            if AgentSpaces(copy, name) != spaces:
                raise DoorError(f"env: agent {name!r} has other spaces in copy {which} than in the first")

    def reset(self, seed: int | None = None) -> np.ndarray:
        """Observations [B, N, O] float32; copy k is reset with the k-th number derived from `seed`."""
        return self.reset_rows(row_seeds(seed, self.num_envs))

    def reset_rows(self, seeds: Sequence[int | None]) -> np.ndarray:
        """`reset` with a seed for each copy."""
        self._steps = 0
        self._running[:], self._ended[:] = False, False
        self._come_late = False
        self._begin_arrays()
        for row, env in enumerate(self._copies):
            result = env.reset(seed=seeds[row])
            if not isinstance(result, tuple) or len(result) != 2:
                raise DoorError(f"env: reset() must return (observations, infos), got {shown(result)}")
            if list(env.possible_agents) != self._names:
                raise DoorError(f"env: possible_agents changed to {shown(env.possible_agents)}")
            self._running[row, self._present(env)] = True
            if not self._running[row].any():
                raise DoorError("env: reset() left no agents in the episode")
            self._write(row, *result)
        self.last_info = self._info()
        return self._observations

    def step(self, actions: np.ndarray) -> StepResult:
        """Step every copy with agents still in it; `terminated` and `truncated` are [B, N]."""
        self._steps += 1
        self._begin_arrays()
        self._rewards = np.zeros(self._running.shape)
        self._terminated, self._truncated = np.zeros_like(self._running), np.zeros_like(self._running)
        for row in np.flatnonzero(self._running.any(axis=1)):
            self._step_row(int(row), actions[row])
        if self._steps == self.horizon - 1:
            self._truncated |= self._running
            self._running[:] = False
        self.last_info = self._info()
        return self._observations, self._rewards, self._terminated, self._truncated, self.last_info

    def _step_row(self, row: int, actions: np.ndarray) -> None:
        env, running = self._copies[row], self._running[row]
        acting = [(i, self._names[i]) for i in self._present(env)]
        result = env.step({name: int(actions[i]) + self._spaces[i].first_action for i, name in acting})
        if not isinstance(result, tuple) or len(result) != 5:
            raise DoorError(
                "env: step() must return (observations, rewards, terminations, truncations, infos), "
                f"got {shown(result)}"
            )
        observations, rewards, terminations, truncations, infos = result
        self._require_known(rewards, "rewards")
        remaining = set(self._present(env))
        for i in np.flatnonzero(running):
            name = self._names[i]
            self._rewards[row, i] = number(rewards.get(name, 0.0), name, "reward")
            over = flag(terminations.get(name, False), name, "termination")
            cut = flag(truncations.get(name, False), name, "truncation")
            # Whoever is gone without a word gets nothing any more: that is a real end.
            self._terminated[row, i] = over or (i not in remaining and not cut)
            self._truncated[row, i] = cut and not over
        ends = self._terminated[row] | self._truncated[row]
        self._ended[row] |= ends
        newcomers = [i for i in remaining if not running[i] and not self._ended[row, i]]
        running &= ~ends
        running[newcomers] = True
        self._write(row, observations, infos)

    def _present(self, env: Any) -> list[int]:
        """The numbers of the agents in the episode, as the environment tells."""
        unknown = next((name for name in env.agents if name not in self._position), None)
        if unknown is not None:
            raise DoorError(f"env: agent {unknown!r} has come in, who is none of possible_agents")
        return [self._position[name] for name in env.agents]

    def _begin_arrays(self) -> None:
        shape = self._running.shape
        self._observations = np.zeros((*shape, int(self.observation_sizes.max())), dtype=np.float32)
        self._costs: np.ndarray | None = None
        self._masks: np.ndarray | None = None

    def _write(self, row: int, observations: Any, infos: Any) -> None:
        """Put one copy's dictionaries into the arrays."""
        self._require_known(observations, "observations")
        infos = {} if infos is None else infos
        if not isinstance(infos, Mapping):
            raise DoorError(f"env: infos must be a mapping by agent, got {shown(infos)}")
        for i, name in enumerate(self._names):
            if name in observations:
                flat, mask = self._spaces[i].flat(observations[name])
                self._observations[row, i, : flat.size] = flat
                if mask is not None:
                    self._allow(row, i, mask)
            elif self._running[row, i]:
                raise DoorError(f"env: agent {name!r} is in the episode and has no observation")
            if infos.get(name) is not None:
                self._write_info(row, i, infos[name])

    def _write_info(self, row: int, i: int, info: Any) -> None:
        name = self._names[i]
        if not isinstance(info, Mapping):
            raise DoorError(f"env: agent {name!r}: infos must hold a mapping, got {shown(info)}")
        if "cost" in info:
            if self._costs is None:
                self._costs = np.zeros(self._running.shape)
            self._costs[row, i] = finite_number(info["cost"], name, "cost")
        if MASK in info:
            self._allow(row, i, self._spaces[i].mask(info[MASK]))

    def _allow(self, row: int, i: int, mask: np.ndarray) -> None:
        if self._masks is None:
            self._masks = self._all_allowed()
        if mask.any():
            self._masks[row, i, : mask.size] = mask
        elif self._running[row, i]:
            raise DoorError(f"env: agent {self._names[i]!r}: action_mask allows no action")

    def _all_allowed(self) -> np.ndarray:
        counts = self.num_actions[:, None]
        return np.tile(np.arange(counts.max()) < counts, (self.num_envs, 1, 1))

    def _require_known(self, given: Any, field: str) -> None:
        if not isinstance(given, Mapping):
            raise DoorError(f"env: {field} must be a mapping by agent, got {shown(given)}")
        unknown = next((name for name in given if name not in self._position), None)
        if unknown is not None:
            raise DoorError(f"env: {field} speak of {unknown!r}, who is none of possible_agents")

    def _info(self) -> dict[str, np.ndarray]:
        absent = ~(self._running | self._ended)
        present = self._running.copy() if self._come_late or absent.any() else None
        self._come_late = present is not None
        if self._masks is None and MASK in self.last_info:  # nothing is forbidden now
            self._masks = self._all_allowed()
        arrays = {"cost": self._costs, MASK: self._masks, "present": present}
        return {name: values for name, values in arrays.items() if values is not None}


def row_seeds(seed: int | None, num_envs: int) -> list[int | None]:
    """A seed for each of `num_envs` copies; None for each where there is none."""
    if seed is None:
        return [None] * num_envs
    return [int(state) for state in np.random.SeedSequence(seed).generate_state(num_envs)]


def _attribute(env: Any, name: str) -> Any:
    """An attribute of the environment, or of the one within its wrappers; None if neither has it."""
    value = getattr(env, name, None)
    return getattr(getattr(env, "unwrapped", env), name, None) if value is None else value


def _max_steps(env: Any) -> int:
    for name, less in (("max_cycles", 0), ("max_steps", 0), ("horizon", 1)):
        value = _attribute(env, name)
        if isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value > less:
            return int(value) - less
    raise DoorError("env: has no max_cycles or horizon, so how long an episode is must be given: train.max_steps")
