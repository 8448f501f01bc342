"""A policy at work, whoever wrote it: it is asked period by period, and what it answers is checked.

What somebody else's policy raises becomes a `PolicyError` of one line that names the policy; the exception itself is
its cause.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from scenv.errors import ActionError, PolicyError, ScenarioError, ScenvError, shown
from scenv.policies.base import Policy, is_policy
from scenv.simulation.vector_env import VectorEnv

__all__ = ["begin", "decide", "whole_number"]


def begin(policy: Policy, name: str, episodes: int, seed: int) -> None:
    """Reset the policy for so many episodes.

    Raises:
        PolicyError: if it is no policy, or fails.
    """
    if not is_policy(policy):
        raise PolicyError(
            f"policy {name}: expected an object with the methods reset(num_envs, seed) and orders(state), as "
            f"scenv.policies.Policy says, or the name of a policy, got {shown(policy)}"
        )
    with _as_policy_error(name, "reset"):
        policy.reset(episodes, seed)


def decide(policy: Policy, name: str, env: VectorEnv) -> np.ndarray:
    """Its orders [B, N] for the period just observed.

    Raises:
        ActionError: if these are not finite numbers of at least 0, one for each episode and firm.
        PolicyError: if it fails.
    """
    with _as_policy_error(name, f"orders, period {env.period}"):
        answer: Any = policy.orders(env.local_state)
    where, expected = f"policy {name}, period {env.period}", (env.num_envs, len(env.agents))
    try:
        orders = np.asarray(answer, dtype=np.float64)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        orders = np.full((), np.nan)
    if answer is None or orders.shape != expected:
        raise ActionError(f"{where}: orders must be an array of numbers of shape {expected}, got {_described(answer)}")
    if not ((orders >= 0) & (orders < np.inf)).all():
        row, firm = np.argwhere(~((orders >= 0) & (orders < np.inf)))[0]
        wrong = f"{env.agents[firm]!r} ordered {orders[row, firm]:g} in episode {row}"
        raise ActionError(f"{where}: orders must be finite and not negative, but {wrong}")
    return orders


def whole_number(value: Any, field: str, lowest: int) -> int:
    """`value`, if it is a whole number of at least `lowest`; a truth value is none.

    Raises:
        ScenarioError: if it is not.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise ScenarioError(f"{field} must be a whole number of at least {lowest}, got {shown(value)}")
    if value < lowest:
        raise ScenarioError(f"{field} must be at least {lowest}, got {shown(int(value))}")
    return int(value)


def _described(answer: Any) -> str:
    shape = getattr(answer, "shape", None)
    return shown(answer) if shape is None else f"shape {tuple(shape)} of {getattr(answer, 'dtype', 'objects')}"


@contextmanager
def _as_policy_error(name: str, where: str) -> Iterator[None]:
    try:
        yield
    except ScenvError:
        raise
    except (Exception, SystemExit) as error:
        raise PolicyError.of(f"policy {name}, {where}", error) from error
