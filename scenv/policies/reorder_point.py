"""(s, S): wait until the inventory position has fallen to the reorder point, then order up to a higher level."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from scenv.errors import ScenarioError
from scenv.policies.base import as_array_like, inventory_position, per_firm
from scenv.policies.base_stock import base_stock_levels
from scenv.policies.level_files import levels_of, read_level_file, write_level_file
from scenv.scenario.files import load_scenario
from scenv.scenario.implied import firm_demand_moments, order_costs, unit_costs
from scenv.scenario.scenario import Scenario
from scenv.simulation.array_ops import Array, namespace
from scenv.simulation.dynamics import LocalState

#: The two levels, as a file of them calls them.
KINDS = ("reorder_point", "order_up_to")


class ReorderPoint:
    """q = S - IP where IP <= s, else 0, with IP = IL + OO - BO: optimal where each order has a fixed cost (Scarf 1960).

    Where the scenario's orders cost nothing, batching only costs; it shows what rare, large orders do to a chain.

    Attributes:
        agents: the N firms, in the order of the levels.
        reorder_point: s, [N] units.
        order_up_to: S, [N] units.
    """

    def __init__(
        self,
        scenario: Any = "r2",
        *,
        reorder_point: float | Mapping[str, float] | None = None,
        order_up_to: float | Mapping[str, float] | None = None,
        batch_periods: float | None = None,
    ) -> None:
        """Levels as given; by default s is the paper's base-stock level and S lies a batch above it: the economic order
        quantity sqrt(2 K D / h) where the scenario has an order_cost K, else two periods of the mean demand D.

        Args:
            scenario: name, path, mapping, graph or Scenario.
            reorder_point: s, one number for every firm or a mapping firm -> units.
            order_up_to: S, likewise.
            batch_periods: the default S - s in periods of the firm's mean demand, for every firm.

        Raises:
            ScenarioError: if a level is missing, unknown or not finite, or s exceeds S at some firm.
        """
        scenario = load_scenario(scenario)
        network = scenario.network
        self.agents = network.agents
        self.reorder_point: np.ndarray = (
            base_stock_levels(scenario) if reorder_point is None else per_firm(reorder_point, network, "reorder_point")
        )
        self.order_up_to: np.ndarray = (
            self.reorder_point + default_batches(scenario, batch_periods)
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

    @classmethod
    def from_file(cls, path: str | Path, scenario: Any = "r2") -> ReorderPoint:
        """Levels that `save` wrote.

        Raises:
            ScenarioError: if the file cannot be read or does not hold both levels of this scenario's firms.
        """
        document = read_level_file(path)
        low, high = (levels_of(document, kind, path) for kind in KINDS)
        try:
            return ReorderPoint(scenario, reorder_point=low, order_up_to=high)
        except ScenarioError as error:
            raise ScenarioError(f"{path}: {error}") from error

    @property
    def levels_by_kind(self) -> dict[str, dict[str, float]]:
        """ "reorder_point" (s) and "order_up_to" (S) -> firm -> units."""
        columns = self.reorder_point.tolist(), self.order_up_to.tolist()
        return {kind: dict(zip(self.agents, own, strict=True)) for kind, own in zip(KINDS, columns, strict=True)}

    def save(self, path: str | Path) -> None:
        """Write both levels as JSON, `{"reorder_point": {firm: units}, "order_up_to": {firm: units}}`; `from_file`
        reads them back.
        """
        write_level_file(path, self.levels_by_kind)

    def reset(self, num_envs: int, seed: int | None = None) -> None:
        """Nothing to forget."""

    def orders(self, state: LocalState) -> Array:
        """Order quantities [B, N]."""
        xp = namespace(state.on_hand)
        position = inventory_position(state)
        missing = as_array_like(self.order_up_to, position) - position
        due = position <= as_array_like(self.reorder_point, position)
        return xp.where(due, missing, xp.zeros_like(position))


def default_batches(scenario: Scenario, batch_periods: float | None = None) -> np.ndarray:
    """[N] units of S - s: `batch_periods` of the mean demand D; without it sqrt(2 K D / h), the economic order quantity
    (Harris 1913), where an order has a fixed cost K and stock a holding cost h, and else two periods of D.
    """
    mean = firm_demand_moments(scenario)[0]
    if batch_periods is not None:
        return batch_periods * mean
    fixed, (holding, _) = order_costs(scenario), unit_costs(scenario)
    priced = (fixed > 0) & (holding > 0)
    return np.where(priced, np.sqrt(2 * fixed * mean / np.where(priced, holding, 1.0)), 2.0 * mean)
