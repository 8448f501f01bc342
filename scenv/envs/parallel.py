"""The PettingZoo environment: a vector environment of one row, with dictionaries instead of arrays, and nothing
else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from gymnasium import logger
from gymnasium.error import ResetNeeded
from gymnasium.spaces import Box, Discrete
from pettingzoo import ParallelEnv

from scenv.errors import ActionError, did_you_mean
from scenv.render.viewer import RENDER_MODES, Viewer
from scenv.scenario.scenario import Scenario
from scenv.simulation.random_streams import checked_seed
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
    **It comes late by default.** The windowed discounted cost of the paper's equation 11, negative, is known only when
    the last cost of its window is: the reward of step call s belongs to the action of step call
    s - reward_delay[agent], and is 0 before. A learner that does not align by `reward_delay` must ask for
    `reward="cost"`: minus the cost of the period that the step brought, scaled, without delay. That cost itself is
    always in `infos[agent]["cost"]`.

    `reward_window_end` says where the window ends (the paper's or ours), `reward_scope` whose costs count.

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
        horizon, warmup: periods of an episode; how many of the first do not count.
        observation_scale: agent -> mean demand, units: a hint for learners to divide observations by.
        gamma: the scenario's discount.
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
        self.horizon, self.warmup = self._batch.horizon, self._batch.warmup
        self.gamma = self._batch.gamma
        self.observation_scale = dict(zip(self.possible_agents, self._batch.observation_scale.tolist(), strict=True))
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
        self._observation = self._batch.reset(checked_seed(seed))[0]
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
