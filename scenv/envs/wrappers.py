"""Observations and spaces as learners like them: wrappers for PettingZoo parallel environments, each one concern.

They stack, keep every attribute of the environment under them (`reward_delay`, `adjacency_matrix`, ...), and leave
`state()` as it is. Rewards pass as they are: give learners that do not align by `reward_delay` an environment with
`reward="cost"`. With turn-based libraries, wrap first and convert after:
`pettingzoo.utils.parallel_to_aec(NormalisedObservations(scenv.parallel_env("r2", reward="cost")))`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from gymnasium.spaces import Box, Discrete
from pettingzoo import ParallelEnv
from pettingzoo.utils.wrappers import BaseParallelWrapper

from scenv.errors import ScenarioError
from scenv.scenario.implied import firm_demand_moments
from scenv.simulation.observation import LOCAL_STATE_SIZE

__all__ = ["FlattenedObservations", "NormalisedObservations", "PerPeriodObservations", "UniformSpaces"]

Env: TypeAlias = ParallelEnv[str, Any, Any]
Dict = dict[str, Any]


class _ObservationWrapper(BaseParallelWrapper[str, Any, Any]):
    """Maps each agent's observation, and its Box, to another one."""

    def __init__(self, env: Env) -> None:
        super().__init__(env)
        self.observation_spaces = {name: self._space(name, _box(env, name)) for name in env.possible_agents}

    def _space(self, agent: str, space: Box) -> Box:
        raise NotImplementedError

    def _observation(self, agent: str, observation: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def observation_space(self, agent: str) -> Box:
        """The agent's observation space, the same object at every call."""
        return self.observation_spaces[agent]

    def reset(self, seed: int | None = None, options: Dict | None = None) -> tuple[Dict, Dict]:
        """As the environment's own, with observations mapped."""
        observations, infos = self.env.reset(seed=seed, options=options)
        return self._mapped(observations), infos

    def step(self, actions: Mapping[str, Any]) -> tuple[Dict, Dict, Dict, Dict, Dict]:
        """As the environment's own, with observations mapped."""
        observations, rewards, terminations, truncations, infos = self.env.step(dict(actions))
        return self._mapped(observations), rewards, terminations, truncations, infos

    def _mapped(self, observations: Dict) -> Dict:
        return {name: self._observation(name, observation) for name, observation in observations.items()}


class PerPeriodObservations(_ObservationWrapper):
    """[m + 1, 5] instead of [5 (m + 1)]: one row per period, oldest first, for recurrent and attention layers."""

    def _space(self, agent: str, space: Box) -> Box:
        size = int(np.prod(space.shape))
        if size % LOCAL_STATE_SIZE:
            raise ScenarioError(
                f"PerPeriodObservations: {agent!r} observes {size} numbers, which are no rows of {LOCAL_STATE_SIZE}"
            )
        shape = (size // LOCAL_STATE_SIZE, LOCAL_STATE_SIZE)
        return Box(space.low.reshape(shape), space.high.reshape(shape), shape, np.float32)

    def _observation(self, agent: str, observation: np.ndarray) -> np.ndarray:
        return observation.reshape(self.observation_spaces[agent].shape)


class FlattenedObservations(_ObservationWrapper):
    """One vector per agent, whatever the shape below; the environment's own observations already are."""

    def _space(self, agent: str, space: Box) -> Box:
        return Box(space.low.reshape(-1), space.high.reshape(-1), (int(np.prod(space.shape)),), np.float32)

    def _observation(self, agent: str, observation: np.ndarray) -> np.ndarray:
        return observation.reshape(-1)


class NormalisedObservations(_ObservationWrapper):
    """Observations divided by each firm's mean demand, so that firms of different size look alike: "periods of demand".

    A firm that no demand reaches is divided by 1. With `clip` the space is finite, `Box(0, clip)`, as some learners and
    wrappers ask. With clip=20, base stock on bg, r1, r2 and r3 is never clipped (its largest value is 6), uniformly
    random actions in at most 5 % of the numbers.
    """

    def __init__(self, env: Env, *, scale: Mapping[str, float] | None = None, clip: float | None = None) -> None:
        """Divide by `scale` (agent -> positive number; the scenario's mean demand when left out), then clip.

        Raises:
            ScenarioError: if a scale or `clip` is not positive and finite, or an agent has no scale.
        """
        if clip is not None and not 0 < clip < np.inf:
            raise ScenarioError(f"clip must be positive and finite, got {clip}")
        self._clip = clip
        self._scale = _mean_demand(env) if scale is None else dict(scale)
        for name in env.possible_agents:
            if not 0 < self._scale.get(name, 0.0) < np.inf:
                raise ScenarioError(f"scale must name {name!r} with a positive finite number, got {scale}")
        super().__init__(env)
        #: Nothing is left for a learner to divide by.
        self.observation_scale = dict.fromkeys(env.possible_agents, 1.0)

    def _space(self, agent: str, space: Box) -> Box:
        high = space.high / self._scale[agent] if self._clip is None else np.full(space.shape, self._clip)
        return Box(np.float32(space.low / self._scale[agent]), np.float32(high), space.shape, np.float32)

    def _observation(self, agent: str, observation: np.ndarray) -> np.ndarray:
        scaled = observation / np.float32(self._scale[agent])
        return scaled if self._clip is None else scaled.clip(max=np.float32(self._clip))


class UniformSpaces(_ObservationWrapper):
    """One observation and one action space for all agents, as parameter sharing needs.

    Observations are flattened and padded with zeros to the longest; actions beyond an agent's own range mean its last
    one. With `identity` every observation ends in a one-hot of the agent's position in `possible_agents`.
    """

    def __init__(self, env: Env, *, identity: bool = False) -> None:
        """Find the longest observation and the largest action set."""
        names = list(env.possible_agents)
        boxes = [_box(env, name) for name in names]
        self._length = max(int(np.prod(box.shape)) for box in boxes)
        self._identity = np.eye(len(names), dtype=np.float32) if identity else np.zeros((len(names), 0), np.float32)
        self._position = {name: i for i, name in enumerate(names)}
        # One object for every agent: that two of them are equal is then beyond doubt.
        low = min(0.0, *(float(box.low.min()) for box in boxes))
        high = max(1.0 if identity else 0.0, *(float(box.high.max()) for box in boxes))
        self._common_box = Box(low, high, (self._length + self._identity.shape[1],), np.float32)
        self._own_actions = {name: _actions(env, name) for name in names}
        self.action_spaces = dict.fromkeys(names, Discrete(max(self._own_actions.values())))
        super().__init__(env)

    def action_space(self, agent: str) -> Discrete:
        """The largest action set, the same object for every agent."""
        return self.action_spaces[agent]

    def step(self, actions: Mapping[str, Any]) -> tuple[Dict, Dict, Dict, Dict, Dict]:
        """As the environment's own; an action beyond an agent's range is its last one."""
        last = {name: count - 1 for name, count in self._own_actions.items()}
        return super().step({name: min(a, last.get(name, a)) for name, a in actions.items()})

    def _space(self, agent: str, space: Box) -> Box:
        return self._common_box

    def _observation(self, agent: str, observation: np.ndarray) -> np.ndarray:
        flat = observation.reshape(-1)
        padding = np.zeros(self._length - flat.size, np.float32)
        return np.concatenate([flat, padding, self._identity[self._position[agent]]])


def _box(env: Env, agent: str) -> Box:
    space = env.observation_space(agent)
    if not isinstance(space, Box):
        raise ScenarioError(f"these wrappers need Box observations; agent {agent!r} has {space!r:.80}")
    return space


def _actions(env: Env, agent: str) -> int:
    space = env.action_space(agent)
    if not isinstance(space, Discrete) or space.start != 0:
        raise ScenarioError(f"UniformSpaces needs Discrete(n) actions from 0; agent {agent!r} has {space!r:.80}")
    return int(space.n)


def _mean_demand(env: Env) -> dict[str, float]:
    """Each firm's mean demand from the environment's scenario, 1 where it has none."""
    scenario = getattr(env.unwrapped, "scenario", None)
    if scenario is None:
        raise ScenarioError("this environment has no scenario to take mean demands from; give scale={agent: number}")
    mean = firm_demand_moments(scenario)[0]
    return {name: float(m) if m > 0 else 1.0 for name, m in zip(scenario.network.agents, mean, strict=True)}
