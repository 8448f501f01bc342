"""What a policy is: it sees each firm's local state and says how much each firm orders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeGuard

import array_api_compat
import numpy as np

from scenv.errors import ScenarioError, did_you_mean
from scenv.network.network import Network
from scenv.scenario.implied import orders_within_period, review_periods
from scenv.scenario.scenario import Scenario
from scenv.simulation.array_ops import Array, namespace
from scenv.simulation.dynamics import LocalState


class Policy(Protocol):
    """A rule that every firm follows. Write your own in ten lines: a class with these two methods.

    A firm that orders within a period (order lead time 0) is asked for its order when it knows that period's demand:
    `state` is then what the period brings it, as it would see it at the end. A policy that decides before, on what it
    has seen until then, has a third method, `orders_within(observed, seen)`: the local states at the end of the period
    before, and those.

    Example:
        >>> class OrderUpTo100:
        ...     def reset(self, num_envs, seed=None):
        ...         pass
        ...     def orders(self, state):
        ...         position = state.on_hand + state.on_order - state.backorder
        ...         return (100.0 - position).clip(0)
    """

    def reset(self, num_envs: int, seed: int | None = None) -> None:
        """Forget the past: `num_envs` episodes begin."""

    def orders(self, state: LocalState) -> Array:
        """Order quantities [B, N], finite and not negative, for the period just observed."""


def is_policy(value: Any) -> TypeGuard[Policy]:
    """Whether `value` has the two methods of a `Policy`; a class has them too, but is none before it is called."""
    methods = (getattr(value, method, None) for method in ("reset", "orders"))
    return not isinstance(value, type) and all(callable(method) for method in methods)


class AnsweredDemand:
    """The demand that each firm's order of a period answers, for policies that pass demand on: the period's own, or
    where firms review every so many periods, all since the firm's last review (`VectorEnv.answered_demand`).

    Attributes:
        review: [N] the firms' review periods.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.review: np.ndarray = review_periods(scenario)
        self._first = orders_within_period(scenario).astype(np.int64)  # the period in which each firm is first asked
        self._every_period = bool((self.review == 1).all())
        self.reset()

    def reset(self) -> None:
        """An episode begins."""
        self._period, self._since_review = 0, None

    def of(self, demand: Array) -> Array:
        """[B, N] for the demand [B, N] of the next period; called once a period."""
        if self._every_period:
            return demand
        answered = demand if self._since_review is None else self._since_review + demand
        self._since_review = answered * as_array_like(
            ((self._period + self._first) % self.review != 0).astype(np.float64), demand
        )
        self._period += 1
        return answered


def inventory_position(state: LocalState) -> Array:
    """IL + OO - BO, [B, N] units: what a firm has and will have, less what it owes."""
    return state.on_hand + state.on_order - state.backorder


def at_least_zero(quantities: Array) -> Array:
    """max(0, q): orders are not taken back."""
    return namespace(quantities).clip(quantities, 0.0, None)


def as_array_like(values: Array, reference: Array) -> Array:
    """`values` in the library, precision and device of `reference`; what is already the library's own stays itself."""
    if not isinstance(values, np.ndarray):
        return values  # a torch tensor keeps its gradient
    return namespace(reference).asarray(values, dtype=reference.dtype, device=array_api_compat.device(reference))


def per_firm(values: float | Mapping[str, float], network: Network, field: str) -> np.ndarray:
    """One number for every firm, or a mapping that names every firm once, as an array [N].

    Raises:
        ScenarioError: if the mapping misses a firm or names an unknown one, or a value is not finite.
    """
    if not isinstance(values, Mapping):
        values = dict.fromkeys(network.agents, values)
    unknown = [name for name in values if name not in network.agents]
    missing = [name for name in network.agents if name not in values]
    if unknown:
        hint = did_you_mean(unknown[0], network.agents)
        raise ScenarioError(f"{field} must name every firm once; unknown {unknown}{hint}, missing {missing}")
    if missing:
        raise ScenarioError(f"{field} must name every firm once; missing {missing}")
    array = np.array([float(values[name]) for name in network.agents])
    if not np.isfinite(array).all():
        raise ScenarioError(f"{field} must be finite, got {array[~np.isfinite(array)][0]}")
    return array


def require_fraction(value: float, field: str) -> float:
    """`value`, if it lies in [0, 1].

    Raises:
        ScenarioError: if it does not.
    """
    if not 0 <= value <= 1:
        raise ScenarioError(f"{field} must be between 0 and 1, got {value}")
    return float(value)
