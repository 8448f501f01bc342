"""Gymnasium environments: one firm learns among others that do not, or one planner decides for the whole chain."""

from __future__ import annotations

from typing import Any, Literal

import gymnasium
import numpy as np
from gymnasium import logger
from gymnasium.error import ResetNeeded

from scenv.envs.control import AllFirms, Control, Objective, OneFirm
from scenv.envs.factory import Source, reward_batch
from scenv.policies.base import Policy
from scenv.render.viewer import RENDER_MODES, Viewer
from scenv.simulation.random_streams import checked_seed
from scenv.simulation.vector_env import VectorEnv

__all__ = ["SingleAgentEnv", "centralised_env", "single_firm_env"]


class SingleAgentEnv(gymnasium.Env[np.ndarray, Any]):
    """A supply chain as a `gymnasium.Env`; make one with `scenv.single_firm_env` or `scenv.centralised_env`.

    An episode is `horizon` periods: `reset` shows period 0, `horizon` - 1 steps follow, and the last one is truncated
    (never terminated). After `reset(seed=s)` it meets the demand of `scenv.parallel_env` after `reset(seed=s)`.

    Each info has "cost", the cost of the period that the call brought, as far as the decision maker is answerable for
    it; "costs", [N] of every firm in the order of `agents`; and "period".

    Attributes:
        agents: the N firms.
        scenario: the frozen scenario.
        adjustments: [|A|] int64: action k means that a firm orders max(0, d + adjustments[k]), d being this period's
            demand from downstream.
        reward_delay: the reward of step call s belongs to the action of step call s - reward_delay; 0 unless
            `reward="windowed"`.
    """

    metadata: dict[str, Any] = {"render_modes": list(RENDER_MODES), "render_fps": 4}  # noqa: RUF012 - as gymnasium.Env

    def __init__(self, batch: VectorEnv, control: Control, render_mode: str | None = None) -> None:
        """A batch of one row, and who decides in it."""
        self.render_mode = render_mode
        self.scenario = batch.scenario
        self.agents = batch.agents
        self.adjustments = batch.adjustments
        self.observation_space = control.observation_space
        self.action_space = control.action_space
        self.reward_delay = control.reward_delay
        self._batch = batch
        self._control = control
        self._viewer = None if render_mode is None else Viewer(batch, render_mode)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start an episode; returns (observation, info) of period 0."""
        seed = checked_seed(seed)
        super().reset(seed=seed)
        observation = self._batch.reset(seed)
        self._control.reset(1, int(self.np_random.integers(2**31)))
        if self._viewer is not None:
            self._viewer.observe()
        return self._control.observation(observation)[0], self._info()

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Order, and live through the next period.

        Returns:
            (observation, reward, terminated, truncated, info).

        Raises:
            ActionError: if the action is no integer (for all firms: no integers) in range.
            gymnasium.error.ResetNeeded: before the first reset and after the end.
        """
        observation, rewards, _, truncated, _ = self._control.step(self._batch, np.asarray(action)[None])
        if self._viewer is not None:
            self._viewer.observe()
        reward = float(self._control.reward(rewards)[0])
        return self._control.observation(observation)[0], reward, False, bool(truncated[0]), self._info()

    def render(self) -> Any:
        """The period or the episode just observed, as `render_mode` says: see `scenv.SupplyChainEnv`."""
        if self._viewer is None:
            logger.warn("render() shows nothing: make the environment with render_mode='ansi', 'rgb_array' or 'human'")
            return None
        if not self._batch.last_info:
            raise ResetNeeded("call reset() before render()")
        return self._viewer.render()

    def close(self) -> None:
        """Close the window of render mode "human"; nothing else is held open."""
        if self._viewer is not None:
            self._viewer.close()

    def _info(self) -> dict[str, Any]:
        costs = self._batch.last_info["cost"]
        cost = float(self._control.cost(costs)[0])
        return {"cost": cost, "costs": np.array(costs[0]), "period": self._batch.period}


def single_firm_env(
    scenario: Source = "bg",
    agent: str | None = None,
    *,
    others: Policy | str = "base-stock",
    objective: Objective = "firm",
    normalise: bool = False,
    render_mode: str | None = None,
    max_cycles: int | None = None,
    reward: Literal["windowed", "cost"] = "cost",
    **overrides: Any,
) -> SingleAgentEnv:
    """One firm learns, the others follow a policy: on `bg`, the classical beer game against the computer.

    The observation is the firm's own, `Box(0, inf, (5 (m + 1),), float32)`, the action `Discrete(|A|)`; both as in
    `scenv.SupplyChainEnv`.

    Args:
        scenario: name, path, mapping, graph or Scenario.
        agent: the firm that learns; the first retailer when left out.
        others: what all other firms follow: a `scenv.policies.Policy`, or a name for `scenv.policies.make_policy`.
        objective: "firm": its own reward; "chain": minus the cost of all firms together, over their summed mean
            demand, so that it serves the whole: with `reward="cost"` returns rank as the chain's cost does.
        normalise: divide observations by the firm's mean demand.
        render_mode: None, "ansi", "rgb_array" or "human".
        max_cycles: steps of an episode; see `scenv.parallel_env`.
        reward: "cost", at once (the default here: most single-agent learners expect it), or "windowed", which comes
            `reward_delay` periods late.
        **overrides: other fields of the scenario.

    Raises:
        ScenarioError: for a scenario, firm, policy or objective that is not valid.

    Example:
        >>> env = single_firm_env("bg", "whole_0", others="sterman")
        >>> observation, info = env.reset(seed=0)
        >>> observation, reward, terminated, truncated, info = env.step(8)
        >>> observation.shape
        (30,)
    """
    batch = reward_batch(scenario, 1, max_cycles, reward, overrides)
    return SingleAgentEnv(batch, OneFirm(batch, agent, others, objective, normalise), render_mode)


def centralised_env(
    scenario: Source = "bg",
    *,
    normalise: bool = False,
    render_mode: str | None = None,
    max_cycles: int | None = None,
    reward: Literal["windowed", "cost"] = "cost",
    **overrides: Any,
) -> SingleAgentEnv:
    """One planner sees every firm and decides for all: `MultiDiscrete([|A|] * N)`, `Box(0, inf, (N * 5 (m + 1),))`.

    The reward is minus the cost of all firms together, over their summed mean demand (times `reward_scale`): returns
    rank as the chain's cost does. Arguments as `single_firm_env`.

    Example:
        >>> env = centralised_env("bg")
        >>> env.action_space
        MultiDiscrete([33 33 33 33])
    """
    batch = reward_batch(scenario, 1, max_cycles, reward, overrides)
    return SingleAgentEnv(batch, AllFirms(batch, normalise), render_mode)
