"""A scenario compiled to arrays: who orders from whom, who owes whom, lead times, costs, mean flows. Built once, never
changed.

Links come in three kinds. *Supply* links lead from the unlimited external supplier to each source, *internal* links
are the network's edges, *demand* links lead from each retailer to its customers. Orders and shipments travel on the
first two (order links), claims on a firm's stock stand on the last two (claim links):

    order links [S+E]:  supply_0 .. supply_S-1 | edge_0 .. edge_E-1
    claim links [E+R]:                           edge_0 .. edge_E-1 | demand_0 .. demand_R-1

So an edge has one position in both, and slices replace index arithmetic. Edges are sorted by supplier, and within one
supplier keep the network file's order, which is the order of service under `allocation="priority"`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from scenv.network.order_links import order_link_buyers, order_links
from scenv.scenario.implied import (
    capacities,
    firm_demand_moments,
    initial_stock,
    lead_time_distribution,
    longest_delay,
    order_costs,
    overflow_costs,
    storage_capacities,
    unit_costs,
)
from scenv.scenario.lead_times import first_arrivals, longest_lead_times, ordering_within
from scenv.scenario.periods import PeriodsDistribution
from scenv.scenario.scenario import Scenario
from scenv.simulation.array_ops import Array, Segments, namespace
from scenv.simulation.order_rules import OrderRules, build_order_rules


@dataclass(frozen=True, eq=False)
class LeadTimes:
    """Lead times of K links, arranged for pipelines of slots (slot k = due in k + 1 periods).

    Attributes:
        links: the lead time of each link, K distributions.
        slots: for fixed lead times, (slot, mask) pairs, slots ascending: where what leaves on a link stands; mask
            [K, 1] is 1 on the links of that slot and 0 elsewhere, or None where every link has it.
        filled: for fixed lead times, (count, mask) pairs likewise: how many slots a steady flow has filled before
            period 0.
        at_once: [K, 1] whether what leaves on a link may arrive in the same period, or None where nothing does.
        horizon: number of slots, at least 1.
        drawn: whether lead times differ by period and row, so that an episode brings its own
            (`scenv.scenario.lead_times`), and `slots` and `filled` are not used.
    """

    links: tuple[PeriodsDistribution, ...]
    slots: tuple[tuple[int, Array | None], ...]
    filled: tuple[tuple[int, Array | None], ...]
    at_once: Array | None
    horizon: int
    drawn: bool

    @classmethod
    def build(
        cls, links: Sequence[PeriodsDistribution], extra: int, asarray: Any, coming: np.ndarray | None = None
    ) -> LeadTimes:
        """Arrange lead times.

        Args:
            links: K lead times.
            extra: periods that disruptions may add to them.
            asarray: makes the backend's arrays.
            coming: [K] whether a lead time counts from the period to come, not from the one that ends (see
                `WithinPeriod`); then lead time 0 is slot 0.
        """
        lead = np.array([link.longest for link in links], dtype=np.int64)
        shortest = np.array([link.shortest for link in links], dtype=np.int64)
        later = np.zeros(len(links), dtype=np.int64) if coming is None else coming.astype(np.int64)
        slots = _by_number(lead + later - 1, asarray)
        at_once = shortest + later == 0
        drawn = extra > 0 or not all(link.is_fixed for link in links)
        return cls(
            links=tuple(links),
            slots=tuple((slot, mask) for slot, mask in slots if slot >= 0),
            filled=_by_number(lead, asarray),
            at_once=asarray(at_once[:, None]) if at_once.any() else None,
            horizon=max(int((lead + later).max(initial=0)) + extra, 1),
            drawn=drawn,
        )


def _by_number(numbers: np.ndarray, asarray: Any) -> tuple[tuple[int, Array | None], ...]:
    """(number, mask [K, 1] of the links that have it, None where all do), ascending."""
    distinct = np.unique(numbers)
    return tuple(
        (int(number), None if len(distinct) == 1 else asarray((numbers == number).astype(np.float64)[:, None]))
        for number in distinct
    )


@dataclass(frozen=True, eq=False)
class WithinPeriod:
    """Who orders within a period: the firms of which an order can reach a supplier with lead time 0.

    The others order at a period's end, after they have seen it. These order in the period to come, once they know its
    demand (`scenv.simulation.ordering`).

    Attributes:
        firms: [N, 1] whether a firm does.
        links: [S+E, 1] whether the firm that orders on an order link does.
        rounds: how many firms an order can pass on its way up within one period, at least 1.
    """

    firms: Array
    links: Array
    rounds: int


@dataclass(frozen=True, eq=False)
class PriorityRanks:
    """Claim links arranged by their rank within the supplier's customers, for `allocation="priority"`.

    Attributes:
        links: per rank, [n_k] claim links; firms with more links come first, so rank k + 1's firms are a prefix of
            rank k's.
        inverse: [E+R] where each claim link stands in the concatenation of all ranks.
    """

    links: tuple[Array, ...]
    inverse: Array

    @classmethod
    def build(cls, seller: np.ndarray, num_firms: int, asarray: Any) -> PriorityRanks:
        """Rank the claim links of each `seller` [E+R] in link order."""
        in_order, count = np.argsort(seller, kind="stable"), np.bincount(seller, minlength=num_firms)
        by_firm = np.split(in_order, np.cumsum(count)[:-1])
        by_firm.sort(key=len, reverse=True)
        ranks = [
            np.array([links[k] for links in by_firm if len(links) > k], dtype=np.intp) for k in range(len(by_firm[0]))
        ]
        return cls(links=tuple(asarray(r) for r in ranks), inverse=asarray(np.argsort(np.concatenate(ranks))))


@dataclass(frozen=True, eq=False)
class Structure:
    """Everything static that one period needs. N firms, S sources, E edges, R retailers.

    Per-firm and per-link numbers are columns, [N, 1] and [S+E, 1], ready to meet arrays [N, B] of B environments.

    Attributes:
        num_firms, num_sources, num_edges, num_retailers: N, S, E, R.
        buyers: order links grouped by the firm that orders and receives, [S+E] -> N.
        sellers: claim links grouped by the firm that serves them, [E+R] -> N.
        share: [S+E, 1] the part of its buyer's order that goes over each order link, 1 / number of suppliers.
        order_lead, shipment_lead: lead times of the order links.
        holding_cost, backorder_cost: [N, 1] cost per unit and period (paper eq. 1: c_h, c_b).
        mean_demand: [N, 1] mean units per period that reach each firm when all pass demand on with equal split.
        lead_time: [N] int64 numpy, the longest order + shipment lead time of each firm's suppliers (lt_i, LT); of
            random lead times the mean, rounded up.
        first_arrival: [N] int64 numpy, periods from a firm's decision to when what it orders then can first arrive:
            lead_time, and one more where it orders within the period to come.
        within: who orders within a period, or None where nobody does.
        deliveries: the most links that goods can pass within one period; with shipment lead times above 0, 0.
        initial_on_hand: [N, 1] units at the start.
        capacity: [N, 1] units that each firm can serve in a period, or None where there is no limit.
        rules: what becomes of the quantities that firms decide to order, or None where nothing does.
        order_cost: [N, 1] fixed cost of an order, or None where nobody has one.
        storage: [N, 1] units that fit into each firm's stock, or None where there is no limit.
        overflow_cost: [N, 1] cost per unit and period of what waits at the gate of a full stock.
        whole_units: whether everything is whole units.
        lost_sales: whether external demand that a retailer cannot serve at once is lost instead of owed.
        edge_names: (supplier, customer) of each internal link, in link order.
        priority: the claim links by rank, or None under proportional allocation.
    """

    num_firms: int
    num_sources: int
    num_edges: int
    num_retailers: int
    buyers: Segments
    sellers: Segments
    share: Array
    order_lead: LeadTimes
    shipment_lead: LeadTimes
    holding_cost: Array
    backorder_cost: Array
    mean_demand: Array
    lead_time: np.ndarray
    first_arrival: np.ndarray
    within: WithinPeriod | None
    deliveries: int
    initial_on_hand: Array
    capacity: Array | None
    rules: OrderRules | None
    order_cost: Array | None
    storage: Array | None
    overflow_cost: Array
    whole_units: bool
    lost_sales: bool
    edge_names: tuple[tuple[str, str], ...]
    priority: PriorityRanks | None

    @property
    def xp(self) -> ModuleType:
        """The Array API namespace of the arrays (numpy, torch, ...)."""
        return namespace(self.mean_demand)

    def __deepcopy__(self, memo: dict[int, Any]) -> Structure:
        """A copy of what never changes is itself."""
        return self


def build_structure(scenario: Scenario, asarray: Any = np.asarray) -> Structure:
    """Compile a scenario.

    Args:
        scenario: the validated scenario.
        asarray: turns a numpy array into the backend's array on its device.

    Returns:
        The structure; arrays that the dynamics touch are the backend's, descriptions stay numpy.
    """
    network = scenario.network
    by_supplier = np.argsort(network.supplier, kind="stable")
    edge_names = tuple(network.edges[e] for e in by_supplier)
    buyer = order_link_buyers(network)
    seller = np.concatenate([network.supplier[by_supplier], network.retailers])
    num_suppliers = np.bincount(buyer, minlength=len(network.agents))
    links = order_links(network)
    order_lead = [lead_time_distribution(scenario, "order", *link) for link in links]
    shipment_lead = [lead_time_distribution(scenario, "shipment", *link) for link in links]
    ends = network.supplier[by_supplier], network.customer[by_supplier]
    prompt = np.array([link.shortest == 0 for link in order_lead])
    ordering = ordering_within(network, order_lead)
    sources = len(network.sources)
    same_period = np.array([link.shortest == 0 for link in shipment_lead])
    supplied = np.zeros(len(network.agents), dtype=np.int64)
    supplied[buyer[:sources][same_period[:sources]]] = 1
    mean, _ = firm_demand_moments(scenario)
    holding, backorder = unit_costs(scenario)
    capacity, storage, order_cost = capacities(scenario), storage_capacities(scenario), order_costs(scenario)

    def column(values: np.ndarray) -> Array:
        return asarray(values[:, None])

    return Structure(
        num_firms=len(network.agents),
        num_sources=len(network.sources),
        num_edges=len(edge_names),
        num_retailers=len(network.retailers),
        buyers=Segments.build(buyer, len(network.agents), asarray),
        sellers=Segments.build(seller, len(network.agents), asarray),
        share=column(1.0 / num_suppliers[buyer]),
        order_lead=LeadTimes.build(order_lead, 0, asarray, coming=ordering[buyer]),
        shipment_lead=LeadTimes.build(shipment_lead, longest_delay(scenario), asarray),
        holding_cost=column(holding),
        backorder_cost=column(backorder),
        mean_demand=column(mean),
        lead_time=longest_lead_times(network, order_lead, shipment_lead, scenario.order_crossing),
        first_arrival=first_arrivals(network, order_lead, shipment_lead, scenario.order_crossing),
        within=WithinPeriod(
            firms=asarray(ordering[:, None]),
            links=asarray(ordering[buyer][:, None]),
            rounds=1 + _longest_path(ends[1], ends[0], prompt[sources:] & ordering[ends[0]], 0 * supplied),
        )
        if ordering.any()
        else None,
        deliveries=_longest_path(*ends, same_period[sources:], supplied),
        initial_on_hand=column(initial_stock(scenario)),
        capacity=None if capacity is None else column(capacity),
        rules=build_order_rules(scenario, asarray),
        order_cost=column(order_cost) if order_cost.any() else None,
        storage=None if storage is None else column(storage),
        overflow_cost=column(overflow_costs(scenario)),
        whole_units=scenario.whole_units,
        lost_sales=scenario.lost_sales,
        edge_names=edge_names,
        priority=PriorityRanks.build(seller, len(network.agents), asarray)
        if scenario.allocation == "priority"
        else None,
    )


def _longest_path(start: np.ndarray, end: np.ndarray, chosen: np.ndarray, before: np.ndarray) -> int:
    """The most links in a row among the chosen ones of links [E] from `start` to `end`, which make no circle; `before`
    [N] are passed before each firm.
    """
    length = before
    while True:
        longer = length.copy()
        np.maximum.at(longer, end[chosen], length[start[chosen]] + 1)
        if (longer == length).all():
            return int(length.max(initial=0))
        length = longer
