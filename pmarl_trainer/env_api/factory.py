"""Environments by name: the entry imported, called, and put behind a guard."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from pmarl_trainer.env_api.entry import import_entry
from pmarl_trainer.env_api.foreign import foreign, in_one_line, patience
from pmarl_trainer.env_api.guarded_env import GuardedEnv
from pmarl_trainer.env_api.parallel_adapter import ParallelEnvBatch
from pmarl_trainer.env_api.process_batch import ProcessBatch
from pmarl_trainer.env_api.protocol import BatchedEnv
from pmarl_trainer.env_api.values import whole_number
from pmarl_trainer.errors import DoorError, TrainerError
from pmarl_trainer.memory import require_memory

#: From so many rows on, one is made first to see what all of them will need.
MEASURED_FROM = 1000
#: Bytes of an array element, and what the smallest environment of Python objects takes besides its arrays.
_FLOAT64, _OBJECTS = 8, 2000


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
    What comes is guarded: see `GuardedEnv`.

    Raises:
        DoorError: one line: the entry cannot be imported, refuses its arguments, or made something else.
        TrainerError: one line, if so many rows do not fit into memory.
    """
    num_envs, seed = whole_number(num_envs, "num_envs", 1), whole_number(seed, "seed", 0)
    factory = import_entry(entry)
    if num_envs >= MEASURED_FROM:
        _require_room(entry, arguments, num_envs, seed, max_steps)
    with patience(f"env: {entry}: its factory"):
        return GuardedEnv(_made(factory, entry, arguments, num_envs, seed, max_steps, processes), entry)


def _made(
    factory: Callable[..., Any],
    entry: str,
    arguments: Mapping[str, Any],
    num_envs: int,
    seed: int,
    max_steps: int | None,
    processes: int,
) -> BatchedEnv:
    try:
        if "num_envs" in _parameters(factory):
            env = factory(num_envs=num_envs, seed=seed, **arguments)
        elif processes > 0:
            env = ProcessBatch(entry, arguments, num_envs, processes, max_steps)
        else:
            env = ParallelEnvBatch([factory(**arguments) for _ in range(num_envs)], max_steps)
    except TrainerError:
        raise
    except (ValueError, TypeError, OSError) as error:
        raise DoorError(f"env: {entry} refused its arguments: {' '.join(str(error).split())[:600]}") from error
    except (Exception, SystemExit) as error:
        raise DoorError(f"env: {entry} failed in its factory: {in_one_line(error)}") from error
    with foreign(f"env: {entry} has attributes that cannot be read"):
        if not isinstance(env, BatchedEnv):
            raise DoorError(
                f"env: {entry} made a {type(env).__name__}, which is not a batched environment (see env_api)"
            )
    return env


def _parameters(factory: Callable[..., Any]) -> Mapping[str, Any]:
    try:
        return inspect.signature(factory).parameters
    except (ValueError, TypeError):  # some callables in C do not tell
        return {}


def _require_room(entry: str, arguments: Mapping[str, Any], num_envs: int, seed: int, max_steps: int | None) -> None:
    """Refuse more rows than memory holds: what one row shows, costs and does in a step, times their number."""
    shape = make_env(entry, arguments, 1, seed, max_steps).reset(seed=seed).shape
    row = _FLOAT64 * shape[1] * (shape[2] + 4) + _OBJECTS
    require_memory(f"{entry} with {num_envs:,} rows (num_envs, or episodes of an evaluation)", float(num_envs) * row)


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
    takes = _parameters(import_entry(entry))
    if by_hand and device == "cpu" and "backend" not in arguments:
        env = make_env(entry, arguments, num_envs, seed, max_steps)
        if getattr(env, "has_order_gradients", False) is True:
            return env
    wishes = {name: value for name, value in {"backend": "torch", "device": device}.items() if name in takes}
    env = make_env(entry, {**arguments, **wishes}, num_envs, seed, max_steps)
    inner = env.unwrapped if isinstance(env, GuardedEnv) else env
    # Asked of the class too: a property may answer only once an episode has begun.
    wanted = ("step_orders", "local_state")
    missing = [name for name in wanted if not (hasattr(type(inner), name) or hasattr(inner, name))]
    if getattr(env, "differentiable", False) is not True or missing:
        lacks = " and ".join(missing) or "attribute differentiable = True"
        raise DoorError(
            f"env: method hdpo back-propagates costs through the simulator, so it needs a differentiable environment; "
            f"the {type(inner).__name__} that {entry} made has no {lacks} (see env_api; e.g. scenv:vector_env)"
        )
    return env
