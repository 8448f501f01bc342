"""Sterman's rule: how people play the beer game, in its linear form."""

from __future__ import annotations

from typing import Any

from scenv.policies.base import AnsweredDemand, as_array_like, at_least_zero, require_fraction
from scenv.scenario.files import load_scenario
from scenv.scenario.implied import firm_demand_moments
from scenv.simulation.array_ops import Array
from scenv.simulation.dynamics import LocalState
from scenv.simulation.structure import build_structure


class Sterman:
    """q_i = max(0, AO_i - a (IL_i - mu_i) - b (OO_i - mu_i L_i)): pass demand on, correct stock and supply in part.

    mu_i is the firm's mean demand, L_i its lead time; the stock aimed at is one period's demand. The supply line aimed
    at counts the order being decided on, which is not under way yet: so a steady flow settles at (b / a) mu_i more
    stock. With the default weights it is the rule that Oroojlooyjadid et al., A deep
    Q-network for the beer game, M&SOM 24(1), 2022, take for human co-players. IL is the stock on hand (as everywhere in
    this package); `net_of_backorders=True` takes IL - BO, as that paper does. `AnchorAndAdjust` is Sterman's own form.

    Where firms order every R periods, AO_i is all demand since the last order (ours).
    """

    def __init__(
        self,
        scenario: Any = "r2",
        *,
        stock_weight: float = 0.5,
        supply_line_weight: float = 0.2,
        net_of_backorders: bool = False,
    ) -> None:
        """Take mean demands and lead times from the scenario.

        Args:
            scenario: name, path, mapping, graph or Scenario.
            stock_weight: a, the part of the stock's deviation that one order corrects, in [0, 1].
            supply_line_weight: b, likewise for the supply line.
            net_of_backorders: count what is owed to customers as negative stock.

        Raises:
            ScenarioError: if a weight is not in [0, 1].
        """
        scenario = load_scenario(scenario)
        self.stock_weight = require_fraction(stock_weight, "stock_weight")
        self.supply_line_weight = require_fraction(supply_line_weight, "supply_line_weight")
        self.net_of_backorders = net_of_backorders
        self.desired_stock = firm_demand_moments(scenario)[0]
        self.desired_supply_line = self.desired_stock * build_structure(scenario).lead_time
        self._answered = AnsweredDemand(scenario)

    def reset(self, num_envs: int, seed: int | None = None) -> None:
        """Forget the demand since the last review."""
        self._answered.reset()

    def orders(self, state: LocalState) -> Array:
        """Order quantities [B, N]."""
        stock = state.on_hand - state.backorder if self.net_of_backorders else state.on_hand
        stock_gap = stock - as_array_like(self.desired_stock, stock)
        supply_line_gap = state.on_order - as_array_like(self.desired_supply_line, stock)
        return at_least_zero(
            self._answered.of(state.demand) - self.stock_weight * stock_gap - self.supply_line_weight * supply_line_gap
        )
