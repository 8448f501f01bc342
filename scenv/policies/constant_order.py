"""Constant order: the same quantity at every review, whatever happens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scenv.errors import ScenarioError
from scenv.policies.base import as_array_like, per_firm
from scenv.scenario.files import load_scenario
from scenv.scenario.implied import firm_demand_moments, review_periods
from scenv.simulation.array_ops import Array, namespace
from scenv.simulation.dynamics import LocalState


class ConstantOrder:
    """q_i = c_i: no bullwhip at all, and no answer to demand either. The mean demand between two reviews unless given.

    Attributes:
        quantity: c, [N] units.
    """

    def __init__(self, scenario: Any = "r2", *, quantity: float | Mapping[str, float] | None = None) -> None:
        """Order `quantity`: one number for every firm, a mapping firm -> units, or each firm's mean demand of
        the periods from one order to the next.

        Raises:
            ScenarioError: if a mapping misses a firm or names an unknown one, or a quantity is negative or not finite.
        """
        scenario = load_scenario(scenario)
        self.quantity = (
            firm_demand_moments(scenario)[0] * review_periods(scenario)
            if quantity is None
            else per_firm(quantity, scenario.network, "quantity")
        )
        if (self.quantity < 0).any():
            raise ScenarioError(f"quantity must not be negative, got {self.quantity.min():g}")

    def reset(self, num_envs: int, seed: int | None = None) -> None:
        """Nothing to forget."""

    def orders(self, state: LocalState) -> Array:
        """Order quantities [B, N]."""
        return namespace(state.demand).zeros_like(state.demand) + as_array_like(self.quantity, state.demand)
