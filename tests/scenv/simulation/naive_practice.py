"""Orders as they are in practice, one firm and one number at a time: the twin of `scenv.simulation.order_rules`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import scenv

Key = TypeVar("Key")


def nearest(value: float) -> float:
    """The nearest whole number, halves up."""
    return float(math.floor(value + 0.5))


def largest_remainders(parts: Mapping[Key, float]) -> dict[Key, float]:
    """Whole parts with the same sum, a whole number; what rounding down leaves goes to the largest remainders, the
    first among equals.
    """
    whole = {key: float(math.floor(part + 1e-9)) for key, part in parts.items()}
    left = round(sum(parts.values()) - sum(whole.values()))
    for key in sorted(parts, key=lambda key: -round(parts[key] - whole[key], 9))[:left]:
        whole[key] += 1.0
    return whole


def whole_flow(amounts: Mapping[int, float]) -> dict[int, float]:
    """What arrives up to each period is rounded."""
    total, before, whole = 0.0, 0.0, {}
    for period in sorted(amounts):
        total += amounts[period]
        whole[period] = nearest(total) - before
        before = nearest(total)
    return whole


@dataclass
class FirmPractice:
    """One firm's numbers."""

    review: int
    least: float
    lot: float
    fixed_cost: float
    storage: float
    overflow_cost: float
    stock: float
    whole: bool

    def order(self, wanted: float, period: int) -> float:
        """What is ordered at the end of a period."""
        if period % self.review:
            return 0.0
        quantity = nearest(wanted) if self.whole else wanted
        if quantity > 0:
            quantity = max(quantity, self.least)
        if self.lot:
            quantity = math.ceil(quantity / self.lot - 1e-9) * self.lot
        return quantity


class Practice:
    """All firms' numbers, from the scenario's fields."""

    def __init__(self, scenario: scenv.Scenario, mean: Mapping[str, float]) -> None:
        def own(field: str, firm: str, rest: Any) -> Any:
            given = getattr(scenario, field)
            if given is None:
                return rest
            return given.get(firm, given.get("default", rest)) if isinstance(given, Mapping) else given

        holding = dict(zip(scenario.network.agents, scenv.scenario.implied.unit_costs(scenario)[0], strict=True))
        self._firms = {}
        for firm in scenario.network.agents:
            stock = own("initial_stock", firm, scenario.initial_stock_periods * mean[firm])
            self._firms[firm] = FirmPractice(
                review=own("review_period", firm, 1),
                least=own("minimum_order", firm, 0.0),
                lot=own("lot_size", firm, 0.0),
                fixed_cost=own("order_cost", firm, 0.0),
                storage=own("storage_capacity", firm, math.inf),
                overflow_cost=own("overflow_cost", firm, holding[firm]),
                stock=nearest(stock) if scenario.whole_units else stock,
                whole=scenario.whole_units,
            )
            if not math.isfinite(self._firms[firm].storage):
                self._firms[firm].overflow_cost = 0.0

    def of(self, firm: str) -> FirmPractice:
        """One firm's."""
        return self._firms[firm]
