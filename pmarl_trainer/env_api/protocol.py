"""The door: what an environment must offer so that the trainer can learn on it, and how it is found by name."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from pmarl_trainer.errors import DoorError

#: numpy array or torch tensor; `step` is given what `reset` returned.
Array = Any
StepResult = tuple[Array, Array, Array, Array, Mapping[str, Array]]


@runtime_checkable
class BatchedEnv(Protocol):
    """B episodes of one environment with N agents that advance together.

    All rows start with `reset`; a row has ended when it was terminated or truncated, and is then ignored until the next
    `reset`. Once every row has ended, `step` is not called before the next `reset`. No automatic reset.

    Optional attributes:
        adjacency_matrix: [N, N]; entry i,j is -1 if i supplies j, +1 if i is a customer of j, 0 otherwise. Any other
            matrix is read as: non-zero where two agents are neighbours. (Else the configuration gives it.)
        reward_delay: [N] int; the reward of step call s belongs to the action of step call s - reward_delay[i].
            Missing: 0.
        observation_scale: [N] float; divide agent i's observation by it. Missing: running mean and deviation.
        gamma: the discount of its returns (and of its reward's window), 0 <= gamma < 1. Missing: the trainer's own.
        warmup: first periods whose cost does not count. Missing: 0. Period 0 is the one that `reset` shows.
        observation_sizes: [N] int; agent i's own observation is the first so many of O numbers, the rest padding.
        last_info: the info of the latest `reset` or `step`; read after `reset` if warmup is 0.
        baselines: name -> maker of a policy to compare with, the yardstick first. A policy has `reset(num_envs, seed)`
            and `orders(local_state) -> quantities`; then the environment has `local_state` and
            `step_orders(quantities)`, which is like `step`.
        adjustments: [A] or [N, A]; action k of an agent orders max(0, d + adjustments[k]), d its local_state.demand.
        has_order_gradients: true where `keep_passages()` and, after an episode played with `step_orders`,
            `order_gradients(weights [T, K, N], by_observation, by_demand) -> [T - 1, N, B]` work: the gradients of K
            weighted sums of costs with respect to the orders, given how orders follow from observations ([N, O, B] for
            each step) and from the local state's demand ([N, B]); K is 1, or N for each firm its own. Method hdpo is
            several times as fast with it.
        differentiable: true where everything is torch tensors and the costs, observations and local states that follow
            `step_orders(quantities)` carry the gradient with respect to the quantities (method hdpo).
    """

    agents: tuple[str, ...]  # N names
    num_envs: int  # B
    num_actions: Any  # [N] int: agent i acts with 0 .. num_actions[i] - 1
    horizon: int  # periods of an episode, at most horizon - 1 step calls

    def reset(self, seed: int | None = None) -> Array:
        """Observations [B, N, O] of period 0. A seed makes the episodes repeatable; None goes on with the streams."""

    def step(self, actions: Array) -> StepResult:
        """Actions [B, N] int -> observations [B, N, O], rewards [B, N], terminated [B], truncated [B], info.

        Where the environment has costs, info["cost"] is [B, N], the cost of the period that the call lived through.
        """


@dataclass(frozen=True, eq=False)
class EnvSpec:
    """The facts of an environment that networks and replay are built from.

    Attributes:
        agents: N names.
        observation_size: O.
        num_actions: [N] int64; A is their maximum.
        adjacency: [N, N] int64.
        reward_delay: [N] int64, steps.
        observation_scale: [N] float32, or None.
        max_steps: most step calls of an episode.
        gamma: the environment's discount, or None.
        adjustments: [N, A] float32, what an action adds to demand (an agent's last one again beyond its own), or None.
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

    @property
    def usable_steps(self) -> int:
        """Steps of a full episode whose reward is complete for every agent."""
        return self.max_steps - int(self.reward_delay.max(initial=0))


def make_env(
    entry: str,
    arguments: Mapping[str, Any],
    num_envs: int,
    seed: int,
    max_steps: int | None = None,
    processes: int = 0,
) -> BatchedEnv:
    """Import `module:callable` and call it with the environment's own arguments.

    A callable that takes `num_envs` makes a batched environment; any other makes a PettingZoo ParallelEnv, of which
    `num_envs` copies are made, stepped by so many `processes` (0: by this one), their episodes cut after `max_steps`.

    Raises:
        DoorError: one line: the entry cannot be imported, refuses its arguments, or made something else.
    """
    factory = import_entry(entry)
    try:
        parameters = inspect.signature(factory).parameters
        if "num_envs" in parameters:
            env = factory(num_envs=num_envs, seed=seed, **arguments)
        elif processes > 0:
            from pmarl_trainer.env_api.process_batch import ProcessBatch

            env = ProcessBatch(entry, arguments, num_envs, processes, max_steps)
        else:
            from pmarl_trainer.env_api.parallel_adapter import ParallelEnvBatch

            env = ParallelEnvBatch([factory(**arguments) for _ in range(num_envs)], max_steps)
    except DoorError:
        raise
    except (ValueError, TypeError, OSError, AttributeError) as error:
        raise DoorError(f"env: {entry} refused its arguments: {' '.join(str(error).split())}") from error
    if not isinstance(env, BatchedEnv):
        raise DoorError(f"env: {entry} made a {type(env).__name__}, which is not a batched environment (see env_api)")
    return env


def make_differentiable_env(
    entry: str,
    arguments: Mapping[str, Any],
    num_envs: int,
    seed: int,
    device: str,
    max_steps: int | None = None,
    *,
    by_hand: bool = False,
) -> BatchedEnv:
    """`make_env`, asked for its torch backend on `device` where it takes such arguments; on the CPU, with `by_hand`, as
    it is if it gives the gradients of its orders.

    Raises:
        DoorError: one line, also if what was made is not differentiable.
    """
    takes = inspect.signature(import_entry(entry)).parameters
    if by_hand and device == "cpu" and "backend" not in arguments:
        env = make_env(entry, arguments, num_envs, seed, max_steps)
        if getattr(env, "has_order_gradients", False) is True:
            return env
    wishes = {name: value for name, value in {"backend": "torch", "device": device}.items() if name in takes}
    env = make_env(entry, {**arguments, **wishes}, num_envs, seed, max_steps)
    # Asked of the class too: a property may answer only once an episode has begun.
    missing = [name for name in ("step_orders", "local_state") if not (hasattr(type(env), name) or hasattr(env, name))]
    if getattr(env, "differentiable", False) is not True or missing:
        lacks = " and ".join(missing) or "attribute differentiable = True"
        raise DoorError(
            f"env: method hdpo back-propagates costs through the simulator, so it needs a differentiable environment; "
            f"the {type(env).__name__} that {entry} made has no {lacks} (see env_api; e.g. scenv:vector_env)"
        )
    return env


def import_entry(entry: str) -> Callable[..., Any]:
    """The callable that `module:callable` names.

    Raises:
        DoorError: one line, if there is none.
    """
    module_name, _, name = entry.partition(":")
    if not module_name or not name:
        raise DoorError(f"env.entry must be 'module:callable', got {entry!r}")
    try:
        factory = importlib.import_module(module_name)
        for part in name.split("."):
            factory = getattr(factory, part)
    except (ImportError, AttributeError) as error:
        hint = "; install it, or put its folder on PYTHONPATH" if isinstance(error, ModuleNotFoundError) else ""
        raise DoorError(f"env.entry {entry!r} cannot be imported: {error}{hint}") from error
    if not callable(factory):
        raise DoorError(f"env.entry {entry!r} is not callable")
    return factory


def describe(env: BatchedEnv, adjacency: Any = None) -> EnvSpec:
    """Read and check an environment's facts; starts an episode to see the size of an observation.

    Args:
        env: the environment.
        adjacency: N rows of N, instead of the environment's own.
    """
    n = len(env.agents)
    shape = tuple(env.reset().shape)
    if len(shape) != 3 or shape[:2] != (env.num_envs, n):
        raise DoorError(f"env: reset() must return [num_envs, agents, size] = [{env.num_envs}, {n}, .], got {shape}")
    matrix = getattr(env, "adjacency_matrix", None) if adjacency is None else adjacency
    if matrix is None:
        raise DoorError("env: has no adjacency_matrix; give one with --adjacency FILE or train.adjacency")
    scale = getattr(env, "observation_scale", None)
    spec = EnvSpec(
        agents=tuple(str(agent) for agent in env.agents),
        observation_size=shape[2],
        num_actions=_checked(env.num_actions, "num_actions", (n,), np.int64),
        adjacency=_checked(matrix, "adjacency_matrix" if adjacency is None else "train.adjacency", (n, n), np.int64),
        reward_delay=_checked(getattr(env, "reward_delay", np.zeros(n)), "reward_delay", (n,), np.int64),
        observation_scale=None if scale is None else _checked(scale, "observation_scale", (n,), np.float32),
        max_steps=int(env.horizon) - 1,
        adjustments=_adjustments(env),
        gamma=_gamma(env),
    )
    if (spec.num_actions < 1).any() or (spec.reward_delay < 0).any():
        raise DoorError("env: num_actions must be at least 1 and reward_delay not negative")
    if (
        spec.observation_scale is not None
        and not ((spec.observation_scale > 0) & (spec.observation_scale < np.inf)).all()
    ):
        raise DoorError("env: observation_scale must be positive and finite")
    if spec.usable_steps < 1:
        raise DoorError(
            f"env: an episode of {spec.max_steps} steps is too short for a reward delay of {spec.reward_delay.max()}"
        )
    return spec


def _gamma(env: BatchedEnv) -> float | None:
    gamma = getattr(env, "gamma", None)
    if gamma is None:
        return None
    if isinstance(gamma, bool) or not isinstance(gamma, int | float | np.number) or not 0 <= gamma < 1:
        raise DoorError(f"env: gamma must be a number of at least 0 and less than 1, got {gamma!r}")
    return float(gamma)


def _adjustments(env: BatchedEnv) -> np.ndarray | None:
    table = getattr(env, "adjustments", None)
    if table is None:
        return None
    counts = np.asarray(env.num_actions, dtype=np.int64)
    n, most = len(counts), int(counts.max())
    table = np.asarray(table, dtype=np.float32)
    table = (
        np.broadcast_to(table, (n, most))
        if table.shape == (most,)
        else _checked(table, "adjustments", (n, most), np.float32)
    )
    last = np.minimum(np.arange(most), counts[:, None] - 1)
    return np.take_along_axis(table, last, axis=1)


def _checked(value: Any, name: str, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    if isinstance(value, Mapping):
        value = list(value.values())
    array = np.asarray(value)
    if array.shape != shape:
        raise DoorError(f"env: {name} must have shape {list(shape)}, got {list(array.shape)}")
    return array.astype(dtype)
