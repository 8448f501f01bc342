"""The PettingZoo environment: a vector environment of one row, with dictionaries instead of arrays, and nothing
else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import networkx as nx
import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.spaces import Box, Discrete
from pettingzoo import AECEnv, ParallelEnv
from pettingzoo.utils import parallel_to_aec, wrappers

from scenv.errors import ActionError, did_you_mean
from scenv.network import Network
from scenv.scenario import Scenario
from scenv.scenario_files import load_scenario
from scenv.vector_env import VectorEnv

Dict = dict[str, Any]


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
    `scenv.parallel_env(scenario="r2", *, render_mode=None, **overrides)`: see `scenv.Scenario` for the fields.

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
        "render_modes": ["ansi"],
        "is_parallelizable": True,
        "render_fps": 4,
    }

    def __init__(self, scenario: Scenario, render_mode: str | None = None) -> None:
        """Use `scenv.parallel_env`, which also loads the scenario."""
        if render_mode is not None and render_mode not in self.metadata["render_modes"]:
            raise ValueError(f"render_mode must be None or one of {self.metadata['render_modes']}, got {render_mode!r}")
        self.render_mode = render_mode
        self.scenario = scenario
        self._batch = VectorEnv(scenario, num_envs=1)
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
        row = np.array([[self._checked(actions, name) for name in self.agents]])
        self._refuse_unknown(actions)
        observation, rewards, _, truncated, _ = self._batch.step(row)
        self._observation = observation[0]
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

    def render(self) -> str | None:
        """A table of the period just observed, in render mode "ansi"."""
        if self.render_mode is None:
            return None
        if self._observation is None:
            raise ResetNeeded("call reset() before render()")
        lines = [
            f"period {self._batch.period}",
            f"{'firm':<10}{'BO':>9}{'IL':>9}{'OO':>9}{'AS':>9}{'AO':>9}{'cost':>9}",
        ]
        columns = [*self._batch.local_state, self._batch.last_info["cost"]]
        lines += [
            f"{name:<10}" + "".join(f"{column[0, i]:9.1f}" for column in columns)
            for i, name in enumerate(self.possible_agents)
        ]
        return "\n".join(lines)

    def close(self) -> None:
        """Nothing to release."""

    def _per_agent(self, observation: np.ndarray) -> dict[str, np.ndarray]:
        # Rows of a fresh copy: no agent's array is another's, and none is written again.
        return dict(zip(self.possible_agents, observation.copy(), strict=True))

    def _infos(self) -> dict[str, Dict]:
        cost, period = self._batch.last_info["cost"][0].tolist(), self._batch.period
        return {name: {"cost": c, "period": period} for name, c in zip(self.possible_agents, cost, strict=True)}

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


def parallel_env(
    scenario: str | Path | Mapping[str, Any] | nx.DiGraph | Network | Scenario = "r2",
    *,
    render_mode: str | None = None,
    **overrides: Any,
) -> SupplyChainEnv:
    """Make the PettingZoo ParallelEnv of a scenario; see `SupplyChainEnv`.

    Args:
        scenario: name (bg, r1, r2, r3), path of a scenario or network file, mapping, graph or Scenario.
        render_mode: None or "ansi".
        **overrides: fields of the scenario, e.g. `reward="cost"`.

    Example:
        >>> env = parallel_env("bg")
        >>> observations, infos = env.reset(seed=0)
        >>> sorted(observations)
        ['dist_0', 'ret_0', 'sup_0', 'whole_0']
    """
    return SupplyChainEnv(load_scenario(scenario, **overrides), render_mode)


def env(
    scenario: str | Path | Mapping[str, Any] | nx.DiGraph | Network | Scenario = "r2",
    *,
    render_mode: str | None = None,
    **overrides: Any,
) -> AECEnv[str, np.ndarray, int]:
    """The same as a turn-based PettingZoo AEC environment, with PettingZoo's usual order-enforcing wrapper."""
    return wrappers.OrderEnforcingWrapper(parallel_to_aec(parallel_env(scenario, render_mode=render_mode, **overrides)))
