"""A period's decisions: what people order, and what the policy orders for everybody else."""

from __future__ import annotations

import numpy as np

from scenv.evaluation.conduct import Conducted
from scenv.simulation.dynamics import LocalState

__all__ = ["Decisions"]


class Decisions:
    """A policy whose orders give way to those that people have given; `VectorEnv.step_policy` asks it.

    Attributes:
        given: [B, N] units, NaN where the policy decides.
        advice: [B, N] what the policy orders, or would have ordered where an order was given; once asked.
    """

    def __init__(self, policy: Conducted, given: np.ndarray) -> None:
        self._policy = policy
        self.given = given
        self.advice = np.full(given.shape, np.nan)

    def orders(self, state: LocalState) -> np.ndarray:
        """Orders [B, N] for the period just observed."""
        return self._combined(self._policy.orders(state))

    def orders_within(self, observed: LocalState, seen: LocalState) -> np.ndarray:
        """Orders [B, N] where firms may order within the period to come; people order before it."""
        return self._combined(self._policy.orders_within(observed, seen))

    def _combined(self, advice: np.ndarray) -> np.ndarray:
        self.advice = advice
        return np.where(np.isnan(self.given), advice, self.given)
