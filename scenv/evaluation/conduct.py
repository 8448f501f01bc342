"""A policy at work, whoever wrote it: it is asked period by period, and what it answers is checked.

What somebody else's policy raises becomes a `PolicyError` of one line that names the policy; the exception itself is
its cause.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from scenv.errors import ActionError, PolicyError, ScenarioError, ScenvError, shown
from scenv.policies.base import Policy, is_policy
from scenv.simulation.dynamics import LocalState
from scenv.simulation.ordering import asked
from scenv.simulation.vector_env import VectorEnv

__all__ = ["Conducted", "begin", "whole_number"]


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


class Conducted:
    """A policy at work in an environment, which asks it (`VectorEnv.step_policy`); what it answers is checked.

    Asking raises an ActionError if the answer is not finite numbers of at least 0, one for each episode and firm, and a
    PolicyError if the policy fails.
    """

    def __init__(self, policy: Policy, name: str, env: VectorEnv) -> None:
        self._policy, self._name, self._env = policy, name, env

    def __deepcopy__(self, memo: dict[int, Any]) -> Conducted:
        """A twin with a copy of the policy: it is asked what does not count, and forgotten."""
        with _as_policy_error(self._name, "a copy, as orders that travel within a period need"):
            return Conducted(copy.deepcopy(self._policy, memo), self._name, self._env)

    def orders(self, state: LocalState) -> np.ndarray:
        """Its orders [B, N] for the period just observed."""
        with _as_policy_error(self._name, f"orders, period {self._env.period}"):
            answer: Any = self._policy.orders(state)
        return self._checked(answer)

    def orders_within(self, observed: LocalState, seen: LocalState) -> np.ndarray:
        """Its orders [B, N] where firms may order within the period to come."""
        with _as_policy_error(self._name, f"orders, period {self._env.period}"):
            answer: Any = asked(self._policy, observed, seen)
        return self._checked(answer)

    def _checked(self, answer: Any) -> np.ndarray:
        env = self._env
        where, expected = f"policy {self._name}, period {env.period}", (env.num_envs, len(env.agents))
        try:
            orders = np.asarray(answer, dtype=np.float64)
        except (TypeError, ValueError, RuntimeError, OverflowError):
            orders = np.full((), np.nan)
        if answer is None or orders.shape != expected:
            raise ActionError(
                f"{where}: orders must be an array of numbers of shape {expected}, got {_described(answer)}"
            )
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
