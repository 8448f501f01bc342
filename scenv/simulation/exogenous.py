"""What an episode brings from outside, whatever the firms do: demand, lead times and disruptions, all drawn ahead.

Each has random streams of its own (`scenv.simulation.random_streams`), so that adding one never changes
another, and every policy meets the same of each (common random numbers).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from scenv.network.order_links import order_link_buyers
from scenv.scenario.disruptions import Closure, Delay, DemandShock, Disruption
from scenv.scenario.implied import targets_of
from scenv.scenario.lead_times import LinkJourneys, draw_journeys
from scenv.scenario.scenario import Scenario
from scenv.simulation.array_ops import Array
from scenv.simulation.dynamics import Conditions
from scenv.simulation.pipelines import Journeys
from scenv.simulation.random_streams import Purpose, RandomStreams
from scenv.simulation.structure import LeadTimes, Structure

__all__ = ["Exogenous", "RowConditions", "draw_exogenous", "external_demand"]


@dataclass(frozen=True, eq=False)
class Exogenous:
    """One episode of B rows, T periods. What a scenario does not have is None.

    Attributes:
        demand: [B, T, R] units.
        orders, shipments: lead times on the order links, where they are drawn.
        closed: [B, T, N] whether a firm is closed.
        delay: [B, T, S+E] periods that disruptions add to what is shipped on each order link.
        demand_factor: [B, T, R] factor of the mean demand.
    """

    demand: np.ndarray
    orders: LinkJourneys | None = None
    shipments: LinkJourneys | None = None
    closed: np.ndarray | None = None
    delay: np.ndarray | None = None
    demand_factor: np.ndarray | None = None

    def __deepcopy__(self, memo: dict[int, Any]) -> Exogenous:
        """A copy of what never changes is itself."""
        return self

    def conditions_of(self, rows: slice, asarray: Any) -> RowConditions | None:
        """The conditions of some rows as the backend's arrays; None if they are the usual in every period."""
        if self.orders is None and self.shipments is None and self.closed is None:
            return None
        orders, shipments = _journeys(self.orders, rows, asarray), _journeys(self.shipments, rows, asarray)
        opened = None
        if self.closed is not None:
            opened = asarray(np.ascontiguousarray(1.0 - self.closed[rows].transpose(1, 2, 0)))
        return RowConditions(
            periods=tuple(
                Conditions(
                    orders=orders[t] if orders else None,
                    shipments=shipments[t] if shipments else None,
                    open=None if opened is None else opened[t, ...],
                )
                for t in range(self.demand.shape[1])
            ),
            orders_under_way=_under_way(self.orders, rows, asarray),
            shipments_under_way=_under_way(self.shipments, rows, asarray),
        )

    def infos(self, scenario: Scenario) -> dict[str, np.ndarray]:
        """What disruptions show in infos, arrays [B, T, N]: `closed` (bool), `delay` (the most periods that any of a
        firm's incoming links is delayed by) and `demand_factor` (1 at firms without external demand).
        """
        shown: dict[str, np.ndarray] = {}
        shape = (*self.demand.shape[:2], len(scenario.network.agents))
        if self.closed is not None:
            shown["closed"] = self.closed
        if self.delay is not None:
            shown["delay"] = np.zeros(shape, dtype=self.delay.dtype)
            for link, buyer in enumerate(order_link_buyers(scenario.network)):
                np.maximum(shown["delay"][:, :, buyer], self.delay[:, :, link], out=shown["delay"][:, :, buyer])
        if self.demand_factor is not None:
            shown["demand_factor"] = np.ones(shape)
            shown["demand_factor"][:, :, scenario.network.retailers] = self.demand_factor
        return shown


@dataclass(frozen=True, eq=False)
class RowConditions:
    """The conditions that some rows meet in an episode.

    Attributes:
        periods: T conditions.
        orders_under_way, shipments_under_way: how many consignments of before the episode arrive in period 0, 1, ...:
            arrays [S+E, b]; None where lead times are fixed.
    """

    periods: tuple[Conditions, ...]
    orders_under_way: list[Array] | None
    shipments_under_way: list[Array] | None


def draw_exogenous(scenario: Scenario, structure: Structure, streams: RandomStreams) -> Exogenous:
    """Draw the next episode of all rows."""
    streams.next_episode()
    if not (scenario.disruptions or structure.order_lead.drawn or structure.shipment_lead.drawn):
        return Exogenous(demand=external_demand(scenario, streams))
    closed = _combined(scenario, streams, Closure, len(scenario.network.agents))
    delay = _combined(scenario, streams, Delay, len(structure.shipment_lead.links))
    factor = _combined(scenario, streams, DemandShock, len(scenario.network.retailers))
    return Exogenous(
        demand=external_demand(scenario, streams, factor),
        orders=_drawn(scenario, structure.order_lead, streams, Purpose.ORDER_LEAD_TIME, None),
        shipments=_drawn(scenario, structure.shipment_lead, streams, Purpose.SHIPMENT_LEAD_TIME, delay),
        closed=closed,
        delay=delay,
        demand_factor=factor,
    )


def external_demand(scenario: Scenario, streams: RandomStreams, factor: np.ndarray | None = None) -> np.ndarray:
    """[B, T, R] the external demand of the episode that the streams stand at, its means times `factor` [B, T, R]."""
    demand = streams.demand(scenario, factor)
    return np.floor(demand + 0.5) if scenario.whole_units else demand


def _combined(scenario: Scenario, streams: RandomStreams, kind: type[Disruption], targets: int) -> np.ndarray | None:
    """All disruptions of one kind together, [B, T, targets]: closed or not, delays added, factors multiplied."""
    total: np.ndarray | None = None
    for index, disruption in enumerate(scenario.disruptions):
        if not isinstance(disruption, kind):
            continue
        hit = targets_of(scenario, disruption)
        sample = partial(disruption.active, periods=scenario.horizon, targets=len(hit))
        active = streams.draw(Purpose.DISRUPTION, sample, index)
        if total is None:
            total = disruption.nothing((*active.shape[:2], targets))
        total[:, :, hit] = disruption.applied(total[:, :, hit], active)
    return total


def _drawn(
    scenario: Scenario, lead: LeadTimes, streams: RandomStreams, purpose: Purpose, extra: np.ndarray | None
) -> LinkJourneys | None:
    if not lead.drawn:
        return None
    # Only links with random lead times take numbers from the stream; their longest lead time reaches back before t = 0.
    periods = scenario.horizon + max(link.longest for link in lead.links)
    random_links = sum(not link.is_fixed for link in lead.links)
    uniform = streams.draw(purpose, lambda rng, rows: rng.random(size=(rows, periods, random_links)))
    return draw_journeys(lead.links, uniform, extra, scenario.order_crossing)


def _journeys(drawn: LinkJourneys | None, rows: slice, asarray: Any) -> list[Journeys] | None:
    if drawn is None:
        return None
    own = np.ascontiguousarray(drawn.periods[:, :, rows])
    distinct = [tuple(np.flatnonzero(np.bincount(period.ravel())).tolist()) for period in own]
    return [Journeys(asarray(period), values) for period, values in zip(own, distinct, strict=True)]


def _under_way(drawn: LinkJourneys | None, rows: slice, asarray: Any) -> list[Array] | None:
    if drawn is None:
        return None
    return [asarray(count) for count in np.ascontiguousarray(drawn.initial[:, :, rows]).astype(np.float64)]
