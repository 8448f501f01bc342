"""An environment's facts, read and checked once: what networks and replay are built from."""

from __future__ import annotations

from typing import Any

import numpy as np

from pmarl_trainer.env_api.protocol import BatchedEnv, EnvSpec
from pmarl_trainer.env_api.values import array, in_order, names, shown, whole_array, whole_number
from pmarl_trainer.errors import DoorError


def describe(env: BatchedEnv, adjacency: Any = None) -> EnvSpec:
    """Read and check an environment's facts; starts an episode to see the size of an observation.

    Args:
        env: the environment.
        adjacency: N rows of N, instead of the environment's own.

    Raises:
        DoorError: one line that names the attribute and what was expected.
    """
    agents = names(env.agents, "agents")
    n, num_actions = len(agents), whole_array(env.num_actions, "num_actions", agents, 1)
    shape = tuple(env.reset().shape)
    if len(shape) != 3 or shape[:2] != (env.num_envs, n):
        raise DoorError(f"env: reset() must return [num_envs, agents, size] = [{env.num_envs}, {n}, .], got {shape}")
    matrix = getattr(env, "adjacency_matrix", None) if adjacency is None else adjacency
    if matrix is None:
        raise DoorError("env: has no adjacency_matrix; give one with --adjacency FILE or train.adjacency")
    sizes = getattr(env, "observation_sizes", None)
    spec = EnvSpec(
        agents=agents,
        observation_size=shape[2],
        observation_sizes=whole_array(np.full(n, shape[2]) if sizes is None else sizes, "observation_sizes", agents, 0),
        num_actions=num_actions,
        adjacency=_signs(matrix, "adjacency_matrix" if adjacency is None else "train.adjacency", agents),
        reward_delay=whole_array(getattr(env, "reward_delay", np.zeros(n)), "reward_delay", agents, 0),
        observation_scale=_scale(env, agents),
        max_steps=whole_number(env.horizon, "env: horizon", 2) - 1,
        adjustments=_adjustments(env, agents, num_actions),
        gamma=_gamma(env),
        warmup=whole_number(getattr(env, "warmup", 0), "env: warmup", 0),
        action_masks="action_mask" in (getattr(env, "last_info", None) or {}),
    )
    if spec.usable_steps < 1:
        raise DoorError(
            f"env: an episode of {spec.max_steps} steps is too short for a reward delay of {spec.reward_delay.max()}"
        )
    return spec


def _signs(matrix: Any, what: str, agents: tuple[str, ...]) -> np.ndarray:
    """Who is whose neighbour and in which direction [N, N]: the signs of the weights; nobody is his own neighbour."""
    n = len(agents)
    weights = array(in_order(matrix, agents, what), what, (n, n))
    if not np.isfinite(weights).all():
        i, j = np.argwhere(~np.isfinite(weights))[0]
        raise DoorError(
            f"env: {what} must hold finite numbers, got {weights[i, j]} between {agents[i]!r} and {agents[j]!r}"
        )
    signs = np.sign(weights.astype(np.float64)).astype(np.int64)
    np.fill_diagonal(signs, 0)
    return signs


def _scale(env: BatchedEnv, agents: tuple[str, ...]) -> np.ndarray | None:
    """Observation scales [N]; 1 where the hint is 0, for then there is nothing to scale by."""
    hint = getattr(env, "observation_scale", None)
    if hint is None:
        return None
    scale = array(in_order(hint, agents, "observation_scale"), "observation_scale", (len(agents),)).astype(np.float32)
    wrong = ~((scale >= 0) & (scale < np.inf))
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise DoorError(
            f"env: agent {agents[at]!r}: observation_scale must be positive and finite, or 0 for none, got {scale[at]}"
        )
    return np.where(scale == 0, np.float32(1), scale)


def _gamma(env: BatchedEnv) -> float | None:
    gamma = getattr(env, "gamma", None)
    if gamma is None:
        return None
    if isinstance(gamma, bool) or not isinstance(gamma, int | float | np.number) or not 0 <= gamma < 1:
        raise DoorError(f"env: gamma must be a number of at least 0 and less than 1, got {shown(gamma)}")
    return float(gamma)


def _adjustments(env: BatchedEnv, agents: tuple[str, ...], counts: np.ndarray) -> np.ndarray | None:
    table = getattr(env, "adjustments", None)
    if table is None:
        return None
    n, most = len(agents), int(counts.max())
    table = np.asarray(in_order(table, agents, "adjustments"))
    shape = (most,) if table.ndim == 1 else (n, most)
    table = np.broadcast_to(array(table, "adjustments", shape).astype(np.float32), (n, most))
    last = np.minimum(np.arange(most), counts[:, None] - 1)
    return np.take_along_axis(table, last, axis=1)
