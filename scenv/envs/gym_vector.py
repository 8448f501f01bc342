"""Decision makers in batches: `gymnasium.vector.VectorEnv` on top of scenv's own batched simulation."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector import VectorEnv as GymnasiumVectorEnv
from gymnasium.vector.utils import batch_space

from scenv.envs.control import AllFirms, Control, EveryFirm, Objective, OneFirm
from scenv.envs.factory import Source, reward_batch
from scenv.policies.base import Policy
from scenv.simulation.random_streams import checked_seeds
from scenv.simulation.vector_env import VectorEnv

__all__ = [
    "MultiAgentVectorEnv",
    "SingleAgentVectorEnv",
    "centralised_vector_env",
    "multi_agent_vector_env",
    "single_firm_vector_env",
]


class _ChainVectorEnv(GymnasiumVectorEnv[np.ndarray, np.ndarray, np.ndarray]):
    """B supply chains that advance together, in Gymnasium's vector interface; a control says who decides.

    Rows end together, at the horizon. What follows is the autoreset mode: by default the next `step` ignores its
    actions and returns the first observation of the next episode (`NEXT_STEP`); `SAME_STEP` resets at once and puts the
    last observation into `infos["final_obs"]`; `DISABLED` waits for `reset`.

    After `reset(seed=s)` row k meets the demand of `scenv.parallel_env` after `reset(seed=s + k)`, as in
    `gymnasium.vector.SyncVectorEnv`.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012 - each instance has a copy with its own mode
        "render_modes": [],
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }

    def __init__(self, batch: VectorEnv, control: Control, autoreset_mode: AutoresetMode | str) -> None:
        """A batch, and who decides in each of its rows."""
        self.metadata = {**type(self).metadata, "autoreset_mode": AutoresetMode(autoreset_mode)}
        self.num_envs = batch.num_envs
        self.scenario = batch.scenario
        self.agents = batch.agents
        self.adjustments = batch.adjustments
        self.reward_delay = control.reward_delay
        self.single_observation_space = control.observation_space
        self.single_action_space = control.action_space
        self.observation_space = batch_space(control.observation_space, batch.num_envs)
        self.action_space = batch_space(control.action_space, batch.num_envs)
        self._batch = batch
        self._control = control
        self._ended = False

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start B episodes.

        Args:
            seed: s for the seeds s, s + 1, ... of the rows, or one seed per row, or None to go on.
            options: "reset_mask" may ask for all rows, not for some: rows end together.

        Returns:
            (observations [B, ...], infos).
        """
        mask = (options or {}).get("reset_mask")
        if mask is not None and not np.all(mask):
            raise ValueError("reset_mask must be true for every row: rows of this environment end together")
        seeds = self._row_seeds(seed)
        super().reset(seed=None if seeds is None else seeds[0])
        self._ended = False
        observation = self._batch.reset(seeds)
        self._control.reset(self.num_envs, int(self.np_random.integers(2**31)))
        return self._control.observation(observation), self._infos()

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Order, and live through the next period, in every row.

        Args:
            actions: [B] or [B, N] integers, as `action_space` says.

        Returns:
            (observations [B, ...], rewards [B, ...], terminations [B], truncations [B], infos); every info is an array
            with a row per environment, beside a mask `_name` [B] that is true where it is set.
        """
        mode = self.metadata["autoreset_mode"]
        never = np.zeros(self.num_envs, dtype=bool)
        if self._ended and mode is AutoresetMode.NEXT_STEP:
            first, infos = self.reset()
            nothing = self._control.reward(np.zeros((self.num_envs, len(self.agents))))
            return first, nothing, never, never.copy(), infos
        observation, rewards, _, truncated, _ = self._control.step(self._batch, np.asarray(actions))
        own, infos = self._control.observation(observation), self._infos()
        self._ended = bool(truncated[0])
        if self._ended and mode is AutoresetMode.SAME_STEP:
            final_obs = np.empty(self.num_envs, dtype=object)
            final_obs[:] = list(own)
            final = self._masked({"final_obs": final_obs, "final_info": infos})
            own, infos = self.reset()
            infos |= final
        return own, self._control.reward(rewards), never, truncated, infos

    def _row_seeds(self, seed: int | list[int | None] | None) -> list[int] | None:
        seeds = checked_seeds(seed, self.num_envs)
        if seeds is None or len(seeds) == self.num_envs > 1:
            return seeds
        return [seeds[0] + k for k in range(self.num_envs)]

    def _infos(self) -> dict[str, Any]:
        costs = np.array(self._batch.last_info["cost"])
        period = np.full(self.num_envs, self._batch.period)
        return self._masked({"cost": self._control.cost(costs), "costs": costs, "period": period})

    def _masked(self, infos: dict[str, Any]) -> dict[str, Any]:
        return infos | {f"_{name}": np.ones(self.num_envs, dtype=bool) for name in infos}


class SingleAgentVectorEnv(_ChainVectorEnv):
    """B supply chains that advance together, each with one decision maker, in Gymnasium's vector interface.

    Make one with `scenv.single_firm_vector_env` or `scenv.centralised_vector_env`. Rows end together, at the horizon.
    What follows is the autoreset mode: by default the next `step` ignores its actions and returns the first
    observation of the next episode (`NEXT_STEP`); `SAME_STEP` resets at once and puts the last observation into
    `infos["final_obs"]`; `DISABLED` waits for `reset`.

    After `reset(seed=s)` row k meets the demand of `scenv.parallel_env` after `reset(seed=s + k)`, as in
    `gymnasium.vector.SyncVectorEnv`.

    Attributes:
        agents, scenario, adjustments, reward_delay: as in `scenv.SingleAgentEnv`.
    """


class MultiAgentVectorEnv(_ChainVectorEnv):
    """B supply chains that advance together, all firms deciding, in Gymnasium's vector interface: `reset` returns
    (observations, infos).

    Make one with `scenv.multi_agent_vector_env`. Observations are [B, N, O], actions and rewards [B, N], the spaces
    those of a row and of the batch; firms are on axis 1 in the order of `agents`. Seeds and autoreset are as in
    `scenv.SingleAgentVectorEnv`. The same simulation without this interface, with tensors and real orders, is
    `scenv.VectorEnv`.

    Attributes:
        agents, scenario, adjustments: as in `scenv.VectorEnv`.
        reward_delay: [N] int64; the reward of step call s belongs to the action of step call s - reward_delay[i];
            zeros unless `reward="windowed"`.
    """


def single_firm_vector_env(
    scenario: Source = "bg",
    agent: str | None = None,
    num_envs: int = 64,
    *,
    others: Policy | str = "base-stock",
    objective: Objective = "firm",
    normalise: bool = False,
    max_cycles: int | None = None,
    reward: Literal["windowed", "cost"] = "cost",
    autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
    **overrides: Any,
) -> SingleAgentVectorEnv:
    """`num_envs` copies of `scenv.single_firm_env` that advance together; the other arguments are its own.

    Example:
        >>> envs = single_firm_vector_env("bg", num_envs=8)
        >>> observations, infos = envs.reset(seed=0)
        >>> observations.shape
        (8, 30)
    """
    batch = reward_batch(scenario, num_envs, max_cycles, reward, overrides)
    return SingleAgentVectorEnv(batch, OneFirm(batch, agent, others, objective, normalise), autoreset_mode)


def centralised_vector_env(
    scenario: Source = "bg",
    num_envs: int = 64,
    *,
    normalise: bool = False,
    max_cycles: int | None = None,
    reward: Literal["windowed", "cost"] = "cost",
    autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
    **overrides: Any,
) -> SingleAgentVectorEnv:
    """`num_envs` copies of `scenv.centralised_env` that advance together; the other arguments are its own."""
    batch = reward_batch(scenario, num_envs, max_cycles, reward, overrides)
    return SingleAgentVectorEnv(batch, AllFirms(batch, normalise), autoreset_mode)


def multi_agent_vector_env(
    scenario: Source = "bg",
    num_envs: int = 64,
    *,
    normalise: bool = False,
    max_cycles: int | None = None,
    reward: Literal["windowed", "cost"] = "cost",
    autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
    **overrides: Any,
) -> MultiAgentVectorEnv:
    """`num_envs` copies of `scenv.parallel_env` that advance together, as a `gymnasium.vector.VectorEnv`.

    Args:
        scenario: name, path, mapping, graph or Scenario.
        num_envs: B.
        normalise: divide observations by each firm's mean demand.
        max_cycles: steps of an episode; see `scenv.parallel_env`.
        reward: "cost", at once (the default here: learners for this interface expect it), or "windowed", which comes
            `reward_delay` periods late.
        autoreset_mode: what follows the end of an episode; see `scenv.SingleAgentVectorEnv`.
        **overrides: other fields of the scenario.

    Example:
        >>> envs = multi_agent_vector_env("bg", num_envs=8)
        >>> observations, infos = envs.reset(seed=0)
        >>> observations, rewards, terminations, truncations, infos = envs.step(envs.action_space.sample())
        >>> observations.shape, rewards.shape
        ((8, 4, 30), (8, 4))
    """
    batch = reward_batch(scenario, num_envs, max_cycles, reward, overrides)
    return MultiAgentVectorEnv(batch, EveryFirm(batch, normalise), autoreset_mode)
