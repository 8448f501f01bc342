"""Who decides in a Gymnasium environment: one firm among others that follow a policy, one planner for all firms, or
every firm for itself.

A control translates between the batched environment ([B, N] firms) and the decision maker of each row: actions to
orders, the firms' observations to its own, the firms' rewards to its own. Environments, single and batched, share it.
"""

from __future__ import annotations

from typing import Any, Literal, Protocol

import numpy as np
from gymnasium.spaces import Box, Discrete, MultiDiscrete, Space

from scenv.errors import ActionError, ScenarioError, did_you_mean
from scenv.policies.base import Policy
from scenv.policies.registry import make_policy
from scenv.simulation.array_ops import Array
from scenv.simulation.dynamics import LocalState, order_quantity
from scenv.simulation.ordering import asked
from scenv.simulation.vector_env import StepResult, VectorEnv

__all__ = ["AllFirms", "Control", "EveryFirm", "Objective", "OneFirm"]

Objective = Literal["firm", "chain"]


class Control(Protocol):
    """The decision maker of each row of a batched environment."""

    @property
    def observation_space(self) -> Box:
        """Of one row."""

    @property
    def action_space(self) -> Space[Any]:
        """Of one row."""

    @property
    def reward_delay(self) -> Any:
        """Periods, a number or [N]; the reward of step call s belongs to the action of step call s - reward_delay."""

    def reset(self, num_envs: int, seed: int) -> None:
        """Episodes begin; called before the first observation."""

    def step(self, batch: VectorEnv, actions: np.ndarray) -> StepResult:
        """Let every firm order, given actions [B, ...], and live through the next period."""

    def observation(self, observation: np.ndarray) -> np.ndarray:
        """The decision maker's observation [B, ...] float32, a fresh array, from the firms' [B, N, O]."""

    def reward(self, rewards: np.ndarray) -> np.ndarray:
        """The decision maker's reward [B, ...] from the firms' [B, N]."""

    def cost(self, cost: np.ndarray) -> np.ndarray:
        """What the decision maker is answerable for, [B, ...], from the firms' period costs [B, N]."""


class OneFirm:
    """One firm decides, from its own observation alone; every other firm follows a given policy."""

    def __init__(
        self, batch: VectorEnv, agent: str | None, others: Policy | str, objective: Objective, normalise: bool
    ) -> None:
        """See `scenv.single_firm_env`.

        Raises:
            ScenarioError: for an unknown firm, policy or objective.
        """
        agent = batch.agents[0] if agent is None else agent
        if agent not in batch.agents:
            raise ScenarioError(f"agent: unknown firm {agent!r}{did_you_mean(agent, batch.agents)}")
        self.agent = agent
        self._firm = batch.agents.index(agent)
        self._others = make_policy(others, batch.scenario) if isinstance(others, str) else others
        self._answerable = _answerable(batch, objective, self._firm)
        self._weights = _cost_weights(batch, self._answerable)
        self._scale = _scale(batch, normalise)[self._firm]
        self.observation_space = Box(0.0, np.inf, (batch.observation_size,), np.float32)
        self.action_space = Discrete(int(batch.num_actions[self._firm]))
        self.reward_delay = _common_delay(batch, self._answerable)

    def reset(self, num_envs: int, seed: int) -> None:
        """The other firms' policy forgets the past."""
        self._others.reset(num_envs, seed)

    def step(self, batch: VectorEnv, actions: np.ndarray) -> StepResult:
        """Step with the firm's own actions [B], and the others' orders from their policy."""
        if actions.shape != (batch.num_envs,):
            raise ActionError(f"actions must have shape {(batch.num_envs,)}, got {actions.shape}")
        everyone = np.zeros((batch.num_envs, len(batch.agents)), dtype=actions.dtype)
        everyone[:, self._firm] = actions
        adjustments = batch.adjustments_of(everyone)[:, self._firm]
        return batch.step_policy(_OneAmongOthers(self._others, self._firm, adjustments))

    def observation(self, observation: np.ndarray) -> np.ndarray:
        """[B, O]: the firm's own row."""
        return observation[:, self._firm] / self._scale

    def reward(self, rewards: np.ndarray) -> np.ndarray:
        """[B]: its own, or with objective "chain" the cost of all firms, scaled as one firm with all their demand."""
        return (rewards[:, self._answerable] * self._weights).sum(axis=1)

    def cost(self, cost: np.ndarray) -> np.ndarray:
        """[B]: its own, or with objective "chain" the sum over all firms."""
        return cost[:, self._answerable].sum(axis=1)


class _OneAmongOthers:
    """For one step: the others' policy, but for one firm, which adjusts its demand by a [B]."""

    def __init__(self, others: Policy, firm: int, adjustments: np.ndarray) -> None:
        self._others, self._firm, self._adjustments = others, firm, adjustments

    def orders(self, state: LocalState) -> Array:
        return self._with_its_own(self._others.orders(state), state)

    def orders_within(self, observed: LocalState, seen: LocalState) -> Array:
        return self._with_its_own(asked(self._others, observed, seen), seen)

    def _with_its_own(self, orders: Array, state: LocalState) -> Array:
        orders = np.array(orders)
        orders[:, self._firm] = order_quantity(state.demand[:, self._firm], self._adjustments)
        return orders


class AllFirms:
    """One planner sees every firm and decides for all of them: the centralised problem."""

    def __init__(self, batch: VectorEnv, normalise: bool) -> None:
        """See `scenv.centralised_env`."""
        firms = len(batch.agents)
        everyone = _answerable(batch, "chain", 0)
        self._weights = _cost_weights(batch, everyone)
        self._scale = _scale(batch, normalise)[:, None]
        self.observation_space = Box(0.0, np.inf, (firms * batch.observation_size,), np.float32)
        self.action_space = MultiDiscrete(batch.num_actions)
        self.reward_delay = _common_delay(batch, everyone)

    def reset(self, num_envs: int, seed: int) -> None:
        """Nothing to forget."""

    def step(self, batch: VectorEnv, actions: np.ndarray) -> StepResult:
        """Step with actions [B, N]."""
        return batch.step(actions)

    def observation(self, observation: np.ndarray) -> np.ndarray:
        """[B, N O]: all firms' rows, one after the other."""
        return (observation / self._scale).reshape(len(observation), -1)

    def reward(self, rewards: np.ndarray) -> np.ndarray:
        """[B]: the cost of all firms, scaled as one firm with all their demand."""
        return (rewards * self._weights).sum(axis=1)

    def cost(self, cost: np.ndarray) -> np.ndarray:
        """[B]: the sum over all firms."""
        return cost.sum(axis=1)


class EveryFirm:
    """Every firm decides for itself: all firms side by side, each with its own reward."""

    def __init__(self, batch: VectorEnv, normalise: bool) -> None:
        """See `scenv.multi_agent_vector_env`."""
        self._scale = _scale(batch, normalise)[:, None]
        self.observation_space = Box(0.0, np.inf, (len(batch.agents), batch.observation_size), np.float32)
        self.action_space = MultiDiscrete(batch.num_actions)
        self.reward_delay = batch.reward_delay

    def reset(self, num_envs: int, seed: int) -> None:
        """Nothing to forget."""

    def step(self, batch: VectorEnv, actions: np.ndarray) -> StepResult:
        """Step with actions [B, N]."""
        return batch.step(actions)

    def observation(self, observation: np.ndarray) -> np.ndarray:
        """[B, N, O]: each firm's own row."""
        return observation / self._scale

    def reward(self, rewards: np.ndarray) -> np.ndarray:
        """[B, N]: each firm's own."""
        return rewards

    def cost(self, cost: np.ndarray) -> np.ndarray:
        """[B, N]: each firm's own."""
        return cost


def _answerable(batch: VectorEnv, objective: str, firm: int) -> np.ndarray:
    """[k] indices of the firms whose rewards and costs count."""
    if objective not in ("firm", "chain"):
        raise ScenarioError(f"objective must be 'firm' or 'chain', got {objective!r:.60}")
    if objective == "firm":
        return np.array([firm])
    if batch.scenario.reward_scope != "own":
        raise ScenarioError(
            f"reward_scope must be 'own' where the whole chain is answered for, got {batch.scenario.reward_scope!r}: "
            "every firm's cost already counts, once"
        )
    return np.arange(len(batch.agents))


def _cost_weights(batch: VectorEnv, firms: np.ndarray) -> np.ndarray:
    """[k] weights that turn the firms' rewards into minus their summed cost, over their summed mean demand.

    A firm's reward is its cost over its own mean demand. Their mean would count a unit of cost more at a small firm
    than at a large one, and so reward the dearer of two policies.
    """
    demand = batch.observation_scale[firms]
    return demand / demand.sum()


def _common_delay(batch: VectorEnv, firms: np.ndarray) -> int:
    """The firms' reward delay, if they have a common one: a sum over different delays belongs to no action."""
    delays = batch.reward_delay[firms]
    if delays.min() != delays.max():
        raise ScenarioError(
            f"reward='windowed' comes {delays.min()} to {delays.max()} periods late, depending on the firm, so it "
            "cannot be added over firms; use reward='cost', or reward_window_end='after_action'"
        )
    return int(delays[0])


def _scale(batch: VectorEnv, normalise: bool) -> np.ndarray:
    """[N] float32 what observations are divided by: each firm's mean demand (1 where there is none), or 1."""
    return (batch.observation_scale if normalise else np.ones(len(batch.agents))).astype(np.float32)
