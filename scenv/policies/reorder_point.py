"""(s, S): wait until the inventory position has fallen to the reorder point, then order up to a higher level."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from scenv.errors import ScenarioError
from scenv.policies.base import as_array_like, inventory_position, per_firm
from scenv.policies.base_stock import base_stock_levels
from scenv.scenario.files import load_scenario
from scenv.scenario.implied import firm_demand_moments
from scenv.simulation.array_ops import Array, namespace
from scenv.simulation.dynamics import LocalState


class ReorderPoint:
    """q = S - IP where IP <= s, else 0, with IP = IL + OO - BO: optimal where each order has a fixed cost (Scarf 1960).

    Our costs have none, so that batching only costs; it shows what rare, large orders do to a chain.

    Attributes:
        reorder_point: s, [N] units.
        order_up_to: S, [N] units.
    """

    def __init__(
        self,
        scenario: Any = "r2",
        *,
        reorder_point: float | Mapping[str, float] | None = None,
        order_up_to: float | Mapping[str, float] | None = None,
        batch_periods: float = 2.0,
    ) -> None:
        """Levels as given; by default s is the paper's base-stock level and S lies `batch_periods` of demand above it.

        Args:
            scenario: name, path, mapping, graph or Scenario.
            reorder_point: s, one number for every firm or a mapping firm -> units.
            order_up_to: S, likewise.
            batch_periods: the default S - s in periods of the firm's mean demand.

        Raises:
            ScenarioError: if a level is missing, unknown or not finite, or s exceeds S at some firm.
        """
        scenario = load_scenario(scenario)
        network = scenario.network
        self.reorder_point: np.ndarray = (
            base_stock_levels(scenario) if reorder_point is None else per_firm(reorder_point, network, "reorder_point")
        )
        self.order_up_to: np.ndarray = (
            self.reorder_point + batch_periods * firm_demand_moments(scenario)[0]
            if order_up_to is None
            else per_firm(order_up_to, network, "order_up_to")
        )
        wrong = np.flatnonzero(self.reorder_point > self.order_up_to)
        if len(wrong):
            firm = wrong[0]
            raise ScenarioError(
                f"reorder_point must not exceed order_up_to, got {self.reorder_point[firm]:g} > "
                f"{self.order_up_to[firm]:g} at {network.agents[firm]!r}"
            )

    def reset(self, num_envs: int, seed: int | None = None) -> None:
        """Nothing to forget."""

    def orders(self, state: LocalState) -> Array:
        """Order quantities [B, N]."""
        xp = namespace(state.on_hand)
        position = inventory_position(state)
        missing = as_array_like(self.order_up_to, position) - position
        due = position <= as_array_like(self.reorder_point, position)
        return xp.where(due, missing, xp.zeros_like(position))
