"""From what a firm wants to what it orders: review periods, least orders, lots, whole units.

A rule changes the quantity q that a firm decided on, in this order: between reviews it is 0; with whole units it is the
nearest whole number; a positive q below the least order is raised to it; then q is rounded up to a multiple of the lot.
Gradients pass the last three as if they were not there (straight-through), and do not pass between reviews.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from scenv.scenario.implied import review_periods
from scenv.scenario.per_firm import by_firm
from scenv.scenario.scenario import Scenario
from scenv.simulation.array_ops import Array, namespace
from scenv.simulation.whole_units import nearest_whole, straight_through

__all__ = ["OrderRules", "build_order_rules", "ordered", "reviewing", "unanswered"]

_DUST = 1e-9  # of a lot: what equal splits and sums leave behind is no reason for another one


@dataclass(frozen=True, eq=False)
class OrderRules:
    """The rules of N firms; what nobody has is None.

    Attributes:
        review: [N, 1] a firm orders at the end of periods 0, k, 2k, ...
        minimum: [N, 1] units of a least order, 0 where there is none.
        lot: [N, 1] units of a lot, 1 where there is none; has_lot [N, 1] bool says where there is one.
        whole_units: whether orders are whole numbers.
    """

    review: Array | None
    minimum: Array | None
    lot: Array | None
    has_lot: Array | None
    whole_units: bool

    def rows(self, firms: slice, asarray: Any) -> OrderRules:
        """The rules of some of the firms."""

        def row(column: Array | None) -> Array | None:
            return None if column is None else asarray(column[firms])

        return OrderRules(
            row(self.review), row(self.minimum), row(self.lot), row(self.has_lot), whole_units=self.whole_units
        )


def build_order_rules(scenario: Scenario, asarray: Any = np.asarray) -> OrderRules | None:
    """The rules of all firms as the backend's arrays, None where every order is placed as it was decided on."""
    network = scenario.network
    review = review_periods(scenario)
    minimum, lot = (by_firm(given, network, 0.0) for given in (scenario.minimum_order, scenario.lot_size))
    if not (scenario.whole_units or (review > 1).any() or minimum.any() or lot.any()):
        return None
    has_lot = lot > 0
    return OrderRules(
        review=asarray(review[:, None]) if (review > 1).any() else None,
        minimum=asarray(minimum[:, None]) if minimum.any() else None,
        lot=asarray(np.where(has_lot, lot, 1.0)[:, None]) if has_lot.any() else None,
        has_lot=asarray(has_lot[:, None]) if has_lot.any() else None,
        whole_units=scenario.whole_units,
    )


def reviewing(rules: OrderRules | None, period: int) -> Array | None:
    """[N, 1] 1 where a firm orders at the end of `period`, else 0; None where all do in every period."""
    if rules is None or rules.review is None:
        return None
    xp = namespace(rules.review)
    return xp.astype(period % rules.review == 0, xp.float64)


def unanswered(before: Array, demand: Array, review: Array) -> Array:
    """[N, B] demand that a firm has not ordered for yet, after the end of a period: it adds up between reviews."""
    return (before + demand) * (1.0 - review)


def ordered(rules: OrderRules | None, wanted: Array, review: Array | None) -> Array:
    """[N, B] what is ordered of the quantities that firms decided on.

    Args:
        rules: the rules, None for none.
        wanted: [N, B] units, not negative.
        review: [N, 1] who orders in this period (`reviewing`), None for everybody.
    """
    if rules is None:
        return wanted
    if review is not None:
        wanted = wanted * review
    if rules.whole_units:
        wanted = nearest_whole(wanted)
    xp, quantity = namespace(wanted), wanted
    if rules.minimum is not None:
        quantity = xp.where((quantity > 0) & (quantity < rules.minimum), rules.minimum, quantity)
    if rules.lot is not None:
        lots = xp.ceil(quantity / rules.lot - _DUST) * rules.lot
        quantity = xp.where(rules.has_lot, xp.clip(lots, 0.0, None), quantity)
    return quantity if quantity is wanted else straight_through(wanted, quantity)
