"""Anchoring and adjustment: Sterman's own rule, fitted to people who played the beer game."""

from __future__ import annotations

from typing import Any

from scenv.policies.base import as_array_like, at_least_zero, require_fraction
from scenv.scenario.files import load_scenario
from scenv.scenario.implied import firm_demand_moments, review_periods
from scenv.simulation.array_ops import Array
from scenv.simulation.dynamics import LocalState
from scenv.simulation.structure import build_structure


class AnchorAndAdjust:
    """q = max(0, F + a (S' - S - b OO)): anchor on expected demand F, adjust for stock and, in part, the supply line.

    F is the exponentially smoothed demand, F_t = s AO_t + (1 - s) F_{t-1}, from the mean demand mu at the start;
    S = IL - BO. The desired S' = mu + b mu (L - 1) lets a steady flow stand still with one period's demand in stock:
    L - 1 orders are under way when the next is decided on. People see only a part b of their supply line, and so order
    again what is already under way: that is what whips the chain.

    J. D. Sterman, Modeling managerial behavior: misperceptions of feedback in a dynamic decision making experiment,
    Management Science 35(3), 1989: on average s = 0.36, a = 0.26, b = 0.34 (and S' = 17 in his game of demand 4 to 8).

    Where firms order every R periods, they expect R F until the next order (ours).
    """

    def __init__(
        self,
        scenario: Any = "r2",
        *,
        smoothing: float = 0.36,
        stock_adjustment: float = 0.26,
        supply_line_weight: float = 0.34,
    ) -> None:
        """Take mean demands and lead times from the scenario.

        Args:
            scenario: name, path, mapping, graph or Scenario.
            smoothing: s in [0, 1], the weight of the newest demand in the forecast.
            stock_adjustment: a in [0, 1], the part of the gap that one order closes.
            supply_line_weight: b in [0, 1], the part of the supply line that is taken into account.

        Raises:
            ScenarioError: if a parameter is not in [0, 1].
        """
        scenario = load_scenario(scenario)
        self.smoothing = require_fraction(smoothing, "smoothing")
        self.stock_adjustment = require_fraction(stock_adjustment, "stock_adjustment")
        self.supply_line_weight = require_fraction(supply_line_weight, "supply_line_weight")
        self.mean_demand = firm_demand_moments(scenario)[0]
        lead_time = build_structure(scenario).lead_time
        self.desired_stock = self.mean_demand * (1 + self.supply_line_weight * (lead_time - 1))
        self._periods_to_cover = review_periods(scenario).astype(float)
        self._forecast: Array = None

    def reset(self, num_envs: int, seed: int | None = None) -> None:
        """Forecast the mean demand again."""
        self._forecast = None

    def orders(self, state: LocalState) -> Array:
        """Order quantities [B, N]; each call is one period, whose demand enters the forecast."""
        before = as_array_like(self.mean_demand, state.demand) if self._forecast is None else self._forecast
        self._forecast = self.smoothing * state.demand + (1 - self.smoothing) * before
        stock = state.on_hand - state.backorder
        seen = stock + self.supply_line_weight * state.on_order
        expected = as_array_like(self._periods_to_cover, stock) * self._forecast
        return at_least_zero(expected + self.stock_adjustment * (as_array_like(self.desired_stock, stock) - seen))
