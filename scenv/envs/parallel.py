"""The PettingZoo environment: a vector environment of one row, with dictionaries instead of arrays, and nothing
else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

import networkx as nx
import numpy as np
from gymnasium import logger
from gymnasium.error import ResetNeeded
from gymnasium.spaces import Box, Discrete
from pettingzoo import AECEnv, ParallelEnv
from pettingzoo.utils import parallel_to_aec, wrappers

from scenv.errors import ActionError, ScenarioError, did_you_mean
from scenv.network.network import Network
from scenv.render.viewer import RENDER_MODES, Viewer
from scenv.scenario.files import load_scenario
from scenv.scenario.scenario import Scenario
from scenv.simulation.vector_env import VectorEnv

Dict = dict[str, Any]
_PLAIN_INTEGERS = frozenset({int, np.int64, np.int32})


class SupplyChainEnv(ParallelEnv[str, np.ndarray, int]):
    """Multi-echelon inventory control: every firm of a supply network orders from its suppliers, period after period.

    ## Agents
    One per firm, named by stage: `ret_0` nearest the customer, then `whole_`, `dist_`, `manu_`, `sup_`. A firm that
    supplies no other firm is a retailer and meets external demand; one without suppliers orders from an unlimited
    external supplier.

    ## Observation
    `Box(0, inf, (5 (m + 1),), float32)`: the firm's own last m + 1 = 6 periods, oldest first, zeros before the start,
    each with backorder BO, stock on hand IL, on order OO, received AS, demand AO, in units of product. Nothing of
    another firm.

    ## Action
    `Discrete(|A|)`: action k means the adjustment a = `adjustments[k]`; the firm orders max(0, d + a), d being this
    period's demand from downstream.

    ## Reward
    The windowed discounted cost of the paper's equation 11, negative. It is known `reward_delay[agent]` periods after
    the action, so the reward of step call s belongs to the action of step call s - reward_delay[agent], and is 0
    before. The cost of the period that a step brought is in `infos[agent]["cost"]` at once. `reward="cost"` rewards
    with that instead, without delay.

    ## Episode
    `horizon` = 50 periods: `reset` shows period 0, 49 steps follow; the last one truncates all agents (they never
    terminate).

    ## Arguments
    `scenv.parallel_env(scenario="r2", *, render_mode=None, max_cycles=None, **overrides)`: see `scenv.Scenario` for
    the fields.

    ## Rendering
    `render_mode` "ansi" returns a table of the period just observed, "rgb_array" the episode so far as a picture
    [height, width, 3] uint8 (inventory, backorders and orders of each stage, with the bullwhip ratio), "human" shows
    that picture in a window, or prints the table where there is no screen. Pictures need `pip install "scenv[plot]"`.

    Source: Zhang et al., Sustainability 2024, 16(22), 9996.

    Attributes:
        possible_agents, agents: all firms; those still in the episode (all, or none after its end).
        adjacency_matrix: [N, N] int8 in the order of possible_agents, -1 supplier of, +1 customer of, 0 neither.
        reward_delay: agent -> periods.
        adjustments: [|A|] int64.
        scenario: the frozen scenario.
    """

    metadata: ClassVar[Dict] = {
        "name": "scenv_v0",
        "render_modes": list(RENDER_MODES),
        "is_parallelizable": True,
        "render_fps": 4,
    }

    def __init__(self, scenario: Scenario, render_mode: str | None = None) -> None:
        """Use `scenv.parallel_env`, which also loads the scenario."""
        self.render_mode = render_mode
        self.scenario = scenario
        self._batch = VectorEnv(scenario, num_envs=1)
        self._viewer = None if render_mode is None else Viewer(self._batch, render_mode)
        self.possible_agents = list(self._batch.agents)
        self.agents: list[str] = []
        self.adjacency_matrix = self._batch.adjacency_matrix
        self.adjustments = self._batch.adjustments
        self.reward_delay = dict(zip(self.possible_agents, self._batch.reward_delay.tolist(), strict=True))
        shape = (self._batch.observation_size,)
        self.observation_spaces = {name: Box(0.0, np.inf, shape, np.float32) for name in self.possible_agents}
        self.action_spaces = {name: Discrete(len(self.adjustments)) for name in self.possible_agents}
        self.state_space = Box(0.0, np.inf, (shape[0] * len(self.possible_agents),), np.float32)
        self._observation: np.ndarray | None = None

    def observation_space(self, agent: str) -> Box:
        """The firm's observation space, the same object at every call."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> Discrete:
        """The firm's action space, the same object at every call."""
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: Dict | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, Dict]]:
        """Start an episode; returns (observations, infos) of period 0, whose cost stands in the infos."""
        self._observation = self._batch.reset(seed)[0]
        self.agents = list(self.possible_agents)
        if self._viewer is not None:
            self._viewer.observe()
        return self._per_agent(self._observation), self._infos()

    def step(
        self, actions: Mapping[str, int]
    ) -> tuple[dict[str, np.ndarray], dict[str, float], dict[str, bool], dict[str, bool], dict[str, Dict]]:
        """Every firm orders max(0, d + a); one period passes.

        Args:
            actions: agent -> integer 0 .. |A|-1, for every agent.

        Returns:
            observations, rewards, terminations, truncations, infos, each by agent.

        Raises:
            ActionError: for a missing or unknown agent, or an action that is no integer in range.
            gymnasium.error.ResetNeeded: before the first reset and after the end.
        """
        if not self.agents:
            raise ResetNeeded(f"call reset() before step(): an episode has {self.scenario.horizon - 1} steps")
        row = np.array([self._checked_row(actions)])
        observation, rewards, _, truncated, _ = self._batch.step_checked(row)
        self._observation = observation[0]
        if self._viewer is not None:
            self._viewer.observe()
        names = self.agents
        ended = bool(truncated[0])
        result = (
            self._per_agent(self._observation),
            dict(zip(names, rewards[0].tolist(), strict=True)),
            dict.fromkeys(names, False),
            dict.fromkeys(names, ended),
            self._infos(),
        )
        if ended:
            self.agents = []
        return result

    def state(self) -> np.ndarray:
        """All firms' observations in agent order as one vector, [N O] float32: for centralised training only."""
        if self._observation is None:
            raise ResetNeeded("call reset() before state()")
        return self._observation.reshape(-1).copy()

    def render(self) -> str | np.ndarray | None:
        """The period or the episode just observed, as `render_mode` says; None in mode "human"."""
        if self._viewer is None:
            logger.warn("render() shows nothing: make the environment with render_mode='ansi', 'rgb_array' or 'human'")
            return None
        if self._observation is None:
            raise ResetNeeded("call reset() before render()")
        return self._viewer.render()

    def close(self) -> None:
        """Close the window of render mode "human"; nothing else is held open."""
        if self._viewer is not None:
            self._viewer.close()

    def _per_agent(self, observation: np.ndarray) -> dict[str, np.ndarray]:
        # Rows of a fresh copy: no agent's array is another's, and none is written again.
        return dict(zip(self.possible_agents, observation.copy(), strict=True))

    def _infos(self) -> dict[str, Dict]:
        cost, period = self._batch.last_info["cost"][0].tolist(), self._batch.period
        infos: dict[str, Dict] = {
            name: {"cost": c, "period": period} for name, c in zip(self.possible_agents, cost, strict=True)
        }
        if len(self._batch.last_info) > 1:
            for field in self._batch.last_info.keys() - {"cost"}:
                values = self._batch.last_info[field][0].tolist()
                for name, value in zip(self.possible_agents, values, strict=True):
                    infos[name][field] = value
        return infos

    def _checked_row(self, actions: Mapping[str, int]) -> list[int]:
        """The actions in agent order; all at once where they are plain integers, one by one to name what is wrong."""
        if actions.keys() == self.action_spaces.keys():
            row = [actions[name] for name in self.agents]
            if {*map(type, row)} <= _PLAIN_INTEGERS and min(row) >= 0 and max(row) < len(self.adjustments):
                return row
        row = [self._checked(actions, name) for name in self.agents]
        self._refuse_unknown(actions)
        return row

    def _checked(self, actions: Mapping[str, int], name: str) -> int:
        if name not in actions:
            raise ActionError(f"actions miss agent {name!r}; every agent needs one")
        action: Any = actions[name]
        if isinstance(action, np.ndarray) and action.ndim == 0:
            action = action.item()
        if isinstance(action, (bool, np.bool_)) or not isinstance(action, (int, np.integer)):
            raise ActionError(f"the action of {name!r} must be an integer, got {action!r:.60}")
        if not 0 <= action < len(self.adjustments):
            raise ActionError(f"the action of {name!r} must be in 0 .. {len(self.adjustments) - 1}, got {action}")
        return int(action)

    def _refuse_unknown(self, actions: Mapping[str, int]) -> None:
        if len(actions) != len(self.agents):
            unknown = next(str(name) for name in actions if name not in self.observation_spaces)
            raise ActionError(f"actions name an unknown agent {unknown!r}{did_you_mean(unknown, self.agents)}")


Source: TypeAlias = str | Path | Mapping[str, Any] | nx.DiGraph | Network | Scenario


def parallel_env(
    scenario: Source = "r2", *, render_mode: str | None = None, max_cycles: int | None = None, **overrides: Any
) -> SupplyChainEnv:
    """Make the PettingZoo ParallelEnv of a scenario; see `SupplyChainEnv`.

    Args:
        scenario: name (bg, r1, r2, r3), path of a scenario or network file, mapping, graph or Scenario.
        render_mode: None, "ansi", "rgb_array" or "human".
        max_cycles: steps of an episode, PettingZoo's usual name: sets `horizon` to max_cycles + 1 periods, because
            `reset` already shows the first one, and shortens a warm-up that would not fit.
        **overrides: fields of the scenario, e.g. `reward="cost"`.

    Raises:
        ScenarioError: for a scenario that is not valid, or both `max_cycles` and `horizon`.

    Example:
        >>> env = parallel_env("bg")
        >>> observations, infos = env.reset(seed=0)
        >>> sorted(observations)
        ['dist_0', 'ret_0', 'sup_0', 'whole_0']
    """
    return SupplyChainEnv(load_with_max_cycles(scenario, max_cycles, overrides), render_mode)


def raw_env(
    scenario: Source = "r2", *, render_mode: str | None = None, max_cycles: int | None = None, **overrides: Any
) -> AECEnv[str, np.ndarray, int]:
    """The same as a turn-based PettingZoo AEC environment, without any wrapper; arguments as `parallel_env`."""
    return parallel_to_aec(parallel_env(scenario, render_mode=render_mode, max_cycles=max_cycles, **overrides))


def env(
    scenario: Source = "r2", *, render_mode: str | None = None, max_cycles: int | None = None, **overrides: Any
) -> AECEnv[str, np.ndarray, int]:
    """The turn-based `raw_env` with PettingZoo's usual order-enforcing wrapper; arguments as `parallel_env`."""
    return wrappers.OrderEnforcingWrapper(
        raw_env(scenario, render_mode=render_mode, max_cycles=max_cycles, **overrides)
    )


def load_with_max_cycles(source: Source, max_cycles: int | None, overrides: Mapping[str, Any]) -> Scenario:
    """Load a scenario whose horizon is given in steps instead of periods; see `parallel_env`."""
    if max_cycles is None:
        return load_scenario(source, **overrides)
    if "horizon" in overrides:
        raise ScenarioError("give max_cycles (steps) or horizon (periods = steps + 1), not both")
    if isinstance(max_cycles, bool) or not isinstance(max_cycles, (int, np.integer)) or max_cycles < 1:
        raise ScenarioError(f"max_cycles must be a whole number of steps, at least 1, got {max_cycles!r:.60}")
    scenario = load_scenario(source, **overrides)
    horizon = int(max_cycles) + 1
    warmup = scenario.warmup if "warmup" in overrides else min(scenario.warmup, horizon - 1)
    return load_scenario(scenario, horizon=horizon, warmup=warmup)
