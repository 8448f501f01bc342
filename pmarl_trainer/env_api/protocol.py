"""The door: what an environment must offer so that the trainer can learn on it, and what the trainer knows of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np

#: numpy array or torch tensor; `step` is given what `reset` returned.
Array = Any
StepResult = tuple[Array, Array, Array, Array, Mapping[str, Array]]


@runtime_checkable
class BatchedEnv(Protocol):
    """B episodes of one environment with N agents that advance together.

    All rows start with `reset`. Agents of a row end together or one by one: terminated, where no reward can follow, or
    truncated, where the episode is only cut. What a row says of an agent after its end is ignored until the next
    `reset`. Once every agent of every row has ended, `step` is not called before the next `reset`. No automatic reset.

    Optional attributes:
        adjacency_matrix: [N, N] numbers, or a mapping of mappings by agent; entry i,j is non-zero if i and j are
            neighbours: negative if i supplies j, positive if i is a customer of j. Of a weight only the sign counts. A
            matrix without a negative entry says no more than who is whose neighbour. (Else the configuration gives it.)
        reward_delay: [N] int; the reward of step call s belongs to the action of step call s - reward_delay[i].
            Missing: 0. A reward that an agent's real end (terminated) comes before counts as 0.
        observation_scale: [N] float; divide agent i's observation by it; 0 (nothing to go by) is read as 1. Missing:
            running mean and deviation.
        gamma: the discount of its returns (and of its reward's window), 0 <= gamma < 1. Missing: the trainer's own.
        warmup: first periods whose cost does not count. Missing: 0. Period 0 is the one that `reset` shows.
        observation_sizes: [N] int; agent i's own observation is the first so many of O numbers, the rest padding.
        last_info: the info of the latest `reset` or `step`; read after `reset` if warmup is 0, and for masks.
        baselines: name -> maker of a policy to compare with; ratios are those to the first. A policy has
            `reset(num_envs, seed)` and `orders(local_state) -> quantities`; then the environment has `local_state` and
            `step_orders(quantities)`, which is like `step`.
        adjustments: [A] or [N, A]; action k of an agent orders max(0, d + adjustments[k]), d its local_state.demand,
            or its answered_demand [B, N] where the environment has that (agents that do not order in every period).
        orders_within: [N] bool, which agents' orders are placed in the period to come and answer that period's demand
            instead (order lead time 0). Where any does, the environment has `step_adjustments(a)`, which is like `step`
            with real numbers added to demand, and `step_policy(policy)`, which asks one of the `baselines`.
            Missing: none.
        has_order_gradients: true where `keep_passages()` and, after an episode played with `step_orders`,
            `order_gradients(weights [T, K, N], by_observation, by_demand) -> [T - 1, N, B]` work: the gradients of K
            weighted sums of costs with respect to the orders, given how orders follow from observations ([N, O, B] for
            each step) and from the local state's demand ([N, B]); K is 1, or N for each firm its own. Method hdpo is
            several times as fast with it.
        differentiable: true where everything is torch tensors and the costs, observations and local states that follow
            `step_orders(quantities)` carry the gradient with respect to the quantities (method hdpo).
        firm_env: `firm_env(agent, num_envs=, backend=)` makes the simulator of one firm by itself (`env_api.firm`), so
            that firms can train as parties; then its links are those of `adjacency_matrix`.
    """

    agents: tuple[str, ...]  # N names
    num_envs: int  # B
    num_actions: Any  # [N] int: agent i acts with 0 .. num_actions[i] - 1
    horizon: int  # periods of an episode, at most horizon - 1 step calls

    def reset(self, seed: int | None = None) -> Array:
        """Observations [B, N, O] of period 0. A seed makes the episodes repeatable; None goes on with the streams."""

    def step(self, actions: Array) -> StepResult:
        """Actions [B, N] int -> observations [B, N, O], rewards [B, N], terminated, truncated, info.

        `terminated` and `truncated` are [B], or [B, N] where agents of a row end at different times. Where the
        environment has costs, info["cost"] is [B, N], the cost of the period that the call lived through. Where not
        every action is always allowed, info["action_mask"] is [B, N, A], 1 where agent i may take action k next; then
        `last_info` has it after `reset` too. Forbidden actions are never taken. Where agents come in late,
        info["present"] is [B, N], true for those that are there now; `last_info` has it after `reset` too.
        """


@dataclass(frozen=True, eq=False)
class EnvSpec:
    """The facts of an environment that networks and replay are built from.

    Attributes:
        agents: N names.
        observation_size: O.
        observation_sizes: [N] int64, how many of the O numbers are agent i's own; the rest is padding.
        num_actions: [N] int64; A is their maximum.
        adjacency: [N, N] int64, -1, 0 or 1; 0 on the diagonal.
        reward_delay: [N] int64, steps.
        observation_scale: [N] float32, or None.
        max_steps: most step calls of an episode.
        gamma: the environment's discount, or None.
        adjustments: [N, A] float32, what an action adds to demand (an agent's last one again beyond its own), or None.
        warmup: first periods whose cost does not count.
        action_masks: whether some actions are forbidden at times.
        longest_delay: longest reward delay of all, where `agents` are only some of those who play; None: of `agents`.
    """

    agents: tuple[str, ...]
    observation_size: int
    num_actions: np.ndarray
    adjacency: np.ndarray
    reward_delay: np.ndarray
    observation_scale: np.ndarray | None
    max_steps: int
    adjustments: np.ndarray | None = None
    gamma: float | None = None
    observation_sizes: np.ndarray | None = None
    warmup: int = 0
    action_masks: bool = False
    longest_delay: int | None = None

    @property
    def usable_steps(self) -> int:
        """Steps of a full episode, cut after `max_steps`, whose reward is complete for every agent."""
        own = int(self.reward_delay.max(initial=0))
        return self.max_steps - (own if self.longest_delay is None else self.longest_delay)

    def of_agent(self, agent: int) -> EnvSpec:
        """The facts of one agent alone, who plays among all."""
        only = slice(agent, agent + 1)

        def row(values: np.ndarray | None) -> np.ndarray | None:
            return None if values is None else values[only]

        return replace(
            self,
            agents=self.agents[only],
            num_actions=self.num_actions[only],
            adjacency=np.zeros((1, 1), dtype=self.adjacency.dtype),
            reward_delay=self.reward_delay[only],
            observation_scale=row(self.observation_scale),
            observation_sizes=row(self.observation_sizes),
            adjustments=row(self.adjustments),
            longest_delay=self.max_steps - self.usable_steps,
        )


def orders_within_period(env: Any) -> bool:
    """Whether any agent's order answers the demand of the period to come (`BatchedEnv.orders_within`)."""
    return bool(np.any(getattr(env, "orders_within", False)))
