"""From environment to data: whole episodes of every row, and the one place where delayed rewards meet their actions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pmarl_trainer.data.sizes import require_fits, rollout_bytes
from pmarl_trainer.env_api.protocol import BatchedEnv, EnvSpec

#: Raw observations [N, B, O], and allowed=[N, B, A] bool where not all actions always are -> actions [N, B].
Act = Callable[..., Tensor]


@dataclass(frozen=True)
class Episodes:
    """One episode of each of B rows, side by side; T is the longest.

    Attributes:
        observations: [T+1, B, N, O] float32.
        actions: [T, B, N] int64.
        rewards: [T, B, N] float32, as `step` call t returned them or, aligned, as they belong to action t.
        terminated: [T, B, N] bool, true where step t was the agent's real end.
        active: [T, B, N] bool, true where the agent took part in step t and, aligned, its reward is known; the rest is
            padding, what comes after an agent's end among it.
        allowed: [T+1, B, N, A] bool, the actions that each agent may take; None where that is always all.
        cost: mean over rows of the total of info["cost"], all periods stepped through; nan where there are none.
    """

    observations: Tensor
    actions: Tensor
    rewards: Tensor
    terminated: Tensor
    active: Tensor
    allowed: Tensor | None
    cost: float

    @property
    def lengths(self) -> Tensor:
        """[B] int64 steps of each row."""
        return self.active.any(dim=2).sum(dim=0)

    @property
    def transitions(self) -> int:
        """Steps of all rows together."""
        return int(self.lengths.sum())


def agent_major(observations: Any, device: torch.device | str) -> Tensor:
    """[B, N, O] of the environment, array or tensor -> [N, B, O] float32 on `device`."""
    return torch.as_tensor(observations, dtype=torch.float32, device=device).transpose(0, 1)


def for_env(actions: Tensor, like: Any) -> Any:
    """[N, B] -> [B, N], as the kind of array that the environment itself uses."""
    rows = actions.transpose(0, 1)
    return rows if isinstance(like, Tensor) else rows.contiguous().cpu().numpy()


def ends_by_agent(flags: Any, agents: int) -> np.ndarray:
    """[B, N] bool of an environment's `terminated` or `truncated`, which are [B] where all agents end together."""
    ends = np.asarray(torch.as_tensor(flags).cpu()).astype(bool)
    return ends if ends.ndim == 2 else np.broadcast_to(ends[:, None], (len(ends), agents))


def present_agents(env: BatchedEnv) -> np.ndarray:
    """[B, N] bool, the agents that are in the episode after the latest `reset` or `step`: all, unless its info says."""
    present = (getattr(env, "last_info", None) or {}).get("present")
    shape = (env.num_envs, len(env.agents))
    return np.ones(shape, dtype=bool) if present is None else np.asarray(torch.as_tensor(present).cpu()).astype(bool)


def blank_absent(observations: Any, there: np.ndarray) -> Any:
    """Observations [B, N, O] with zeros for agents that are not `there` [B, N], whatever the environment shows."""
    if there.all():
        return observations
    if isinstance(observations, Tensor):
        return torch.where(torch.as_tensor(there, device=observations.device).unsqueeze(2), observations, 0.0)
    return np.where(there[..., None], observations, np.float32(0))


def action_masks(env: BatchedEnv, device: torch.device | str) -> Tensor | None:
    """[N, B, A] bool, the actions allowed after the latest `reset` or `step`; None where the environment has no masks.

    Source: the info of that call, `env.last_info`.
    """
    mask = (getattr(env, "last_info", None) or {}).get("action_mask")
    return None if mask is None else torch.as_tensor(mask, device=device).bool().transpose(0, 1)


def collect(env: BatchedEnv, spec: EnvSpec, act: Act, seed: int, device: torch.device) -> Episodes:
    """Play one episode of every row with `act`, on the paths of `seed`."""
    rows, n, longest = env.num_envs, len(spec.agents), spec.max_steps
    require_fits(f"a rollout of num_envs={rows} episodes of {longest} steps", rollout_bytes(spec, rows), device)
    observations = torch.zeros(longest + 1, rows, n, spec.observation_size, device=device)
    actions = torch.zeros(longest, rows, n, dtype=torch.int64, device=device)
    rewards = torch.zeros(longest, rows, n, device=device)
    terminated, active = (torch.zeros(longest, rows, n, dtype=torch.bool, device=device) for _ in range(2))
    masked = (longest + 1, rows, n, int(spec.num_actions.max()))
    allowed = torch.ones(masked, dtype=torch.bool, device=device) if spec.action_masks else None
    over, cost, steps = np.zeros((rows, n), dtype=bool), float("nan"), 0
    raw = env.reset(seed=seed)
    observations[0] = torch.as_tensor(raw)
    mask = _store_mask(env, allowed, 0, device)
    running = present_agents(env)
    while running.any() and steps < longest:
        t, steps = steps, steps + 1
        chosen = act(observations[t].transpose(0, 1), **mask)
        raw, reward, ended, cut, info = env.step(for_env(chosen, raw))
        actions[t], rewards[t] = chosen.transpose(0, 1), torch.as_tensor(reward)
        mask = _store_mask(env, allowed, t + 1, device)
        really = ends_by_agent(ended, n) & running
        active[t], terminated[t] = (torch.as_tensor(flags, device=device) for flags in (running, really))
        if "cost" in info:
            cost = float(np.nan_to_num(cost)) + _cost(info["cost"], running) / rows
        acted, over = running, over | (running & (really | ends_by_agent(cut, n)))
        running = present_agents(env) & ~over
        raw = blank_absent(raw, acted | running)
        observations[t + 1] = torch.as_tensor(raw)
    return Episodes(
        observations[: steps + 1],
        actions[:steps],
        rewards[:steps],
        terminated[:steps],
        active[:steps],
        None if allowed is None else allowed[: steps + 1],
        cost,
    )


def _store_mask(env: BatchedEnv, allowed: Tensor | None, t: int, device: torch.device) -> dict[str, Tensor]:
    """Keep the present mask in `allowed` [T+1, B, N, A]; what `act` is to be told of it."""
    mask = None if allowed is None else action_masks(env, device)
    if allowed is None or mask is None:
        return {}
    allowed[t] = mask.transpose(0, 1)
    return {"allowed": mask}


def _cost(costs: Any, running: np.ndarray) -> float:
    """Sum of costs [B, N] over those whose episode still runs."""
    if running.all():
        return float(costs.sum())
    return float((torch.as_tensor(costs).cpu() * torch.as_tensor(running)).sum())


def align(episodes: Episodes, reward_delay: Tensor, longest: int | None = None) -> Episodes:
    """Give every action its own reward, and mark which are known.

    The reward of step call s belongs to the action of step call s - d_i (`reward_delay` [N]): so action t's reward is
    r_i of call t + d_i. Where an agent's episode really ended before that call, no reward can follow, and its action's
    is 0: these actions count, for they may have brought the end about. Where the episode was cut, the reward is not
    known: the last D = max d_i steps of a row (`longest`, where not all agents are here) are dropped for all such
    agents, so that no transition lacks a part, and the last d_i steps of an agent that was cut earlier.
    """
    present, steps = episodes.active, len(episodes.active)
    if not steps:
        return episodes
    time = torch.arange(steps, device=reward_delay.device)
    calls = time.unsqueeze(1) + reward_delay  # [T, N]
    at = calls.clamp(max=steps - 1).unsqueeze(1).expand(present.shape)  # [T, B, N]
    paid = present.gather(0, at) & (calls < steps).unsqueeze(1)
    most = reward_delay.max() if longest is None else longest
    in_time = (time.unsqueeze(1) + most < episodes.lengths).unsqueeze(2)  # [T, B, 1]
    active = present & (episodes.terminated.any(dim=0) | (paid & in_time))
    used = active.flatten(1).any(dim=1).nonzero()
    kept = int(used[-1]) + 1 if len(used) else 0
    return Episodes(
        observations=episodes.observations[: kept + 1],
        actions=episodes.actions[:kept],
        rewards=torch.where(paid, episodes.rewards.gather(0, at), 0.0)[:kept],
        terminated=episodes.terminated[:kept],
        active=active[:kept],
        allowed=None if episodes.allowed is None else episodes.allowed[: kept + 1],
        cost=episodes.cost,
    )
