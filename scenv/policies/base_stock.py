"""Base stock (BS), the paper's first benchmark (section 5.2): order up to a fixed level of the inventory position."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np

from scenv.errors import ScenarioError
from scenv.policies.base import as_array_like, at_least_zero, inventory_position, per_firm
from scenv.policies.level_files import levels_of, read_level_file, write_level_file
from scenv.scenario.files import load_scenario
from scenv.scenario.implied import firm_demand_moments, review_periods
from scenv.scenario.scenario import Scenario
from scenv.simulation.array_ops import Array
from scenv.simulation.dynamics import LocalState
from scenv.simulation.structure import build_structure


def covered_periods(scenario: Scenario) -> np.ndarray:
    """[N] periods whose demand an order has to last for: LT_i, and where firm i orders every R_i periods, R_i - 1 more.

    A textbook says LT + R: there a firm orders before it sees the period's demand, here after.
    """
    return np.asarray(build_structure(scenario).lead_time + review_periods(scenario) - 1)


def base_stock_levels(scenario: Scenario, service_level: float = 0.95, review_period: int = 0) -> np.ndarray:
    """S_i = D_i LT_i + z std(D_i) sqrt(LT_i), [N] units (paper section 5.2).

    D_i and std(D_i) are the mean and standard deviation of the demand that reaches firm i when every firm passes
    demand on with equal split: sum_r W_ir mean_r and sqrt(sum_r W_ir^2 var_r). LT_i is the longest order + shipment
    lead time of its suppliers (`covered_periods` where the scenario has a review_period), z the standard normal
    quantile of `service_level`.

    Args:
        scenario: network, demand and lead times.
        service_level: probability that the demand of LT_i periods stays within S_i, in (0, 1).
        review_period: periods added to LT_i (see `BaseStock`).
    """
    if not 0 < service_level < 1:
        raise ScenarioError(f"service_level must be between 0 and 1, got {service_level}")
    if review_period < 0:
        raise ScenarioError(f"review_period must be at least 0, got {review_period}")
    mean, std = firm_demand_moments(scenario)
    periods = covered_periods(scenario) + review_period
    return mean * periods + NormalDist().inv_cdf(service_level) * std * np.sqrt(periods)


class BaseStock:
    """Order what lifts the inventory position IL + OO - BO to the level S_i, never less than 0.

    What the paper's formula leaves out, and what that costs (benchmarks/results/classical.md):

    - Costs. It serves 95 % whatever a backorder costs. With the default costs, where a backorder costs twice a unit in
      stock, it pays 1.4 to 1.5 times what the best constant levels pay; at 19 times, for which 95 % is right, the same.
    - Suppliers that run out. LT is the lead time when they have stock. At 95 % everywhere they mostly do.
    - The review period. A textbook protects LT + 1 periods where a firm orders before it sees the period's demand. Here
      it orders after (an order at the end of period t arrives before the demand of t + LT is served), so LT periods
      are the whole interval: `review_period=1` adds a period's demand of plain stock at every firm, and triples the
      cost on the beer game. A scenario's own `review_period` R, with orders every R periods, is another matter: then
      LT + R - 1 periods are covered.

    Attributes:
        agents: the N firms, in the order of `levels`.
        levels: S, [N] units.
    """

    def __init__(
        self,
        scenario: Any = "r2",
        *,
        levels: Mapping[str, float] | None = None,
        service_level: float = 0.95,
        review_period: int = 0,
    ) -> None:
        """Levels by the paper's formula, or given for every firm.

        Args:
            scenario: name, path, mapping, graph or Scenario.
            levels: firm -> level, units; then the formula and its two arguments do not matter.
            service_level: of the formula, in (0, 1).
            review_period: periods added to the lead time in the formula.

        Raises:
            ScenarioError: if `levels` misses a firm, names an unknown one or is not finite, or an argument is out of
                range.
        """
        scenario = load_scenario(scenario)
        self.agents = scenario.network.agents
        self.levels: Array = (
            base_stock_levels(scenario, service_level, review_period)
            if levels is None
            else per_firm(levels, scenario.network, "levels")
        )

    @classmethod
    def from_file(cls, path: str | Path, scenario: Any = "r2") -> BaseStock:
        """Levels that `save` wrote.

        Raises:
            ScenarioError: if the file cannot be read or does not hold the levels of this scenario's firms.
        """
        levels = levels_of(read_level_file(path), "levels", path)
        try:
            return BaseStock(scenario, levels=levels)
        except ScenarioError as error:
            raise ScenarioError(f"{path}: {error}") from error

    @property
    def level_of(self) -> dict[str, float]:
        """Firm -> level, units."""
        return dict(zip(self.agents, np.asarray(self.levels).tolist(), strict=True))

    def save(self, path: str | Path) -> None:
        """Write the levels as JSON, `{"levels": {firm: units}}`; `from_file` reads them back."""
        write_level_file(path, {"levels": self.level_of})

    def reset(self, num_envs: int, seed: int | None = None) -> None:
        """Nothing to forget: the rule looks at the present only."""

    def orders(self, state: LocalState) -> Array:
        """Order quantities [B, N]: max(0, S_i - (IL + OO - BO))."""
        position = inventory_position(state)
        return at_least_zero(as_array_like(self.levels, position) - position)
