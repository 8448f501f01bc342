"""From environment to data: whole episodes of every row, and the one place where delayed rewards meet their actions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pmarl_trainer.env_api.protocol import BatchedEnv, EnvSpec

#: Raw observations [N, B, O] -> actions [N, B].
Act = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Episodes:
    """One episode of each of B rows, side by side; T is the longest.

    Attributes:
        observations: [T+1, B, N, O] float32.
        actions: [T, B, N] int64.
        rewards: [T, B, N] float32, as `step` call t returned them or, aligned, as they belong to action t.
        terminated: [T, B] float32, 1 where step t really ended the row.
        lengths: [B] int64, steps of each row; what lies behind is padding.
        cost: mean over rows of the total of info["cost"], all periods stepped through; nan where there are none.
    """

    observations: Tensor
    actions: Tensor
    rewards: Tensor
    terminated: Tensor
    lengths: Tensor
    cost: float


def agent_major(observations: Any, device: torch.device | str) -> Tensor:
    """[B, N, O] of the environment, array or tensor -> [N, B, O] float32 on `device`."""
    return torch.as_tensor(observations, dtype=torch.float32, device=device).transpose(0, 1)


def for_env(actions: Tensor, like: Any) -> Any:
    """[N, B] -> [B, N], as the kind of array that the environment itself uses."""
    rows = actions.transpose(0, 1)
    return rows if isinstance(like, Tensor) else rows.contiguous().cpu().numpy()


def collect(env: BatchedEnv, spec: EnvSpec, act: Act, seed: int, device: torch.device) -> Episodes:
    """Play one episode of every row with `act`, on the paths of `seed`."""
    rows, n = env.num_envs, len(spec.agents)
    observations = torch.zeros(spec.max_steps + 1, rows, n, spec.observation_size, device=device)
    actions = torch.zeros(spec.max_steps, rows, n, dtype=torch.int64, device=device)
    rewards = torch.zeros(spec.max_steps, rows, n, device=device)
    terminated = torch.zeros(spec.max_steps, rows, device=device)
    lengths = torch.zeros(rows, dtype=torch.int64, device=device)
    running, cost = np.ones(rows, dtype=bool), float("nan")
    raw = env.reset(seed=seed)
    observations[0] = torch.as_tensor(raw)
    for t in range(spec.max_steps):
        chosen = act(observations[t].transpose(0, 1))
        raw, reward, ended, cut, info = env.step(for_env(chosen, raw))
        actions[t] = chosen.transpose(0, 1)
        rewards[t], observations[t + 1] = torch.as_tensor(reward), torch.as_tensor(raw)
        terminated[t] = torch.as_tensor(ended)
        lengths += torch.as_tensor(running, device=device)
        if "cost" in info:
            cost = float(np.nan_to_num(cost)) + float(info["cost"].sum()) / rows
        running &= ~np.asarray(torch.as_tensor(ended).cpu() | torch.as_tensor(cut).cpu())
        if not running.any():
            break
    steps = int(lengths.max())
    return Episodes(observations[: steps + 1], actions[:steps], rewards[:steps], terminated[:steps], lengths, cost)


def align(episodes: Episodes, reward_delay: Tensor) -> Episodes:
    """Give every action its own reward, and drop the steps whose reward is still open for some agent.

    The reward of step call s belongs to the action of step call s - d_i (`reward_delay` [N]): so action t's reward is
    r_i of call t + d_i. With D = max d_i, the last D steps of a row have an agent without its complete reward; they are
    dropped for all agents, for a transition holds every agent's part.
    """
    longest = int(reward_delay.max())
    steps = max(0, len(episodes.rewards) - longest)
    calls = torch.arange(steps, device=reward_delay.device).unsqueeze(1) + reward_delay  # [steps, N]
    calls = calls.unsqueeze(1).expand(-1, episodes.rewards.shape[1], -1)  # [steps, B, N]
    return Episodes(
        observations=episodes.observations[: steps + 1],
        actions=episodes.actions[:steps],
        rewards=episodes.rewards.gather(0, calls),
        terminated=episodes.terminated[:steps],
        lengths=(episodes.lengths - longest).clamp(min=0),
        cost=episodes.cost,
    )
