"""What a policy costs: whole episodes on given demand paths, the same for every policy that is compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from pmarl_trainer.data.rollout import (
    Act,
    action_masks,
    agent_major,
    blank_absent,
    ends_by_agent,
    for_env,
    present_agents,
)
from pmarl_trainer.env_api.protocol import BatchedEnv, StepResult, orders_within_period
from pmarl_trainer.learners.intervals import t_half_width


@dataclass(frozen=True, eq=False)
class Outcome:
    """How one policy did.

    Attributes:
        metric: "cost" (lower is better): sum of info["cost"] over the periods that count; or, for an environment
            without costs, "return" (higher is better): sum of rewards.
        totals: [episodes, N] each agent's part.
    """

    metric: Literal["cost", "return"]
    totals: np.ndarray

    @property
    def episodes(self) -> np.ndarray:
        """[episodes] all agents together."""
        return self.totals.sum(axis=1)

    @property
    def mean(self) -> float:
        """Mean over episodes."""
        return float(self.episodes.mean())

    @property
    def score(self) -> float:
        """Lower is better, whatever the metric."""
        return self.mean if self.metric == "cost" else -self.mean

    @property
    def ci95(self) -> tuple[float, float] | None:
        """95 % confidence interval of the mean (Student's t); None for a single episode."""
        half = t_half_width(self.episodes)
        return None if half is None else (self.mean - half, self.mean + half)

    def ratio_to(self, baseline: Outcome) -> float | None:
        """Mean cost over the baseline's mean cost; None where there are no costs to compare."""
        if self.metric != "cost" or baseline.mean <= 0:
            return None
        return self.mean / baseline.mean

    def ratio_ci95(self, baseline: Outcome) -> tuple[float, float] | None:
        """95 % interval of the ratio, from the episodes' pairwise differences on common paths (delta method)."""
        ratio = self.ratio_to(baseline)
        if ratio is None:
            return None
        half = t_half_width((self.episodes - ratio * baseline.episodes) / baseline.mean)
        return None if half is None else (ratio - half, ratio + half)


def play(env: BatchedEnv, seed: int, step: Callable[[Any], StepResult]) -> Outcome:
    """Play one episode of every row on the paths of `seed`; `step` acts on the environment, given the observations."""
    warmup = int(getattr(env, "warmup", 0))
    observations = env.reset(seed=seed)
    shape = (env.num_envs, len(env.agents))
    costs, returns = np.zeros(shape), np.zeros(shape)
    last_info = getattr(env, "last_info", {})
    has_costs = "cost" in last_info
    if has_costs and warmup == 0:
        costs += _numpy(last_info["cost"])
    over, running = np.zeros(shape, dtype=bool), present_agents(env)
    for period in range(1, int(env.horizon)):
        observations, rewards, terminated, truncated, info = step(observations)
        returns += _numpy(rewards) * running
        if "cost" in info:
            has_costs = True
            if period >= warmup:
                costs += _numpy(info["cost"]) * running
        acted = running
        over = over | (running & (ends_by_agent(terminated, shape[1]) | ends_by_agent(truncated, shape[1])))
        running = present_agents(env) & ~over
        observations = blank_absent(observations, acted | running)
        if not running.any():
            break
    return Outcome("cost", costs) if has_costs else Outcome("return", returns)


def play_policy(env: BatchedEnv, act: Act, seed: int, device: torch.device) -> Outcome:
    """Play with a learned policy; `act` maps raw observations [N, B, O], and masks where there are some, to actions
    [N, B].
    """

    def step(seen: Any) -> StepResult:
        allowed = action_masks(env, device)
        mask = {} if allowed is None else {"allowed": allowed}
        return env.step(for_env(act(agent_major(seen, device), **mask), seen))

    return play(env, seed, step)


def play_baselines(env: BatchedEnv, seed: int) -> dict[str, Outcome]:
    """Play with each of the environment's own baselines, in its order; empty where it has none."""
    baselines: Mapping[str, Callable[[], Any]] = getattr(env, "baselines", {})
    return {name: _play_baseline(env, make(), seed) for name, make in baselines.items()}


def play_first_baseline(env: BatchedEnv, seed: int) -> tuple[str, Outcome] | None:
    """Play with the first baseline only: its name and outcome, or None."""
    baselines: Mapping[str, Callable[[], Any]] = getattr(env, "baselines", {})
    for name, make in baselines.items():
        return name, _play_baseline(env, make(), seed)
    return None


def _play_baseline(env: Any, policy: Any, seed: int) -> Outcome:
    policy.reset(env.num_envs, seed)
    if orders_within_period(env):
        return play(env, seed, lambda _: env.step_policy(policy))
    return play(env, seed, lambda _: env.step_orders(policy.orders(env.local_state)))


def _numpy(values: Any) -> np.ndarray:
    return values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)
