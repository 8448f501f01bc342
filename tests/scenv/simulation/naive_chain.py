"""A second simulator, written as MODEL.md section 2 reads: one firm, one link and one consignment after the other.

Slow and plain on purpose, and without anything of `scenv.simulation` but the episode's exogenous numbers (demand,
journeys, closures), so that a changed rule in either shows.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import networkx as nx
import numpy as np

import scenv
from scenv.scenario.implied import capacities, firm_demand_moments, lead_time_distribution, unit_costs
from scenv.scenario.periods import PeriodsDistribution
from scenv.simulation.exogenous import Exogenous
from tests.scenv.simulation.naive_practice import Practice, largest_remainders, nearest, whole_flow

OUTSIDE = "outside"
Link = tuple[str, str]


@dataclass
class NaiveChain:
    """One row of an episode.

    Attributes:
        local: firm -> its (BO, IL, OO, AS, AO) of every period so far.
        cost: firm -> its cost of every period so far.
        owed: (firm, customer) -> units.
        orders, goods: link -> {period of arrival: units}.
    """

    scenario: scenv.Scenario
    drawn: Exogenous
    row: int
    period: int = -1
    local: dict[str, list[tuple[float, ...]]] = field(default_factory=lambda: defaultdict(list))
    cost: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    owed: dict[Link, float] = field(default_factory=lambda: defaultdict(float))
    orders: dict[Link, dict[int, float]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(float)))
    goods: dict[Link, dict[int, float]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(float)))

    def __post_init__(self) -> None:
        network = self.scenario.network
        self.firms = network.agents
        # In the order of the firms, which is the order of ties.
        self.suppliers = {f: [u for u in self.firms if (u, f) in network.edges] or [OUTSIDE] for f in self.firms}
        sells = {self.firms[i] for i in network.retailers}
        self.customers = {f: [v for u, v in network.edges if u == f] + ["people"] * (f in sells) for f in self.firms}
        inner = [(u, v) for firm in self.firms for u, v in network.edges if u == firm]
        self.links: list[Link] = [(OUTSIDE, self.firms[i]) for i in network.sources] + inner
        self.mean = dict(zip(self.firms, firm_demand_moments(self.scenario)[0], strict=True))
        limits = capacities(self.scenario)
        self.capacity = dict(
            zip(self.firms, np.full(len(self.firms), np.inf) if limits is None else limits, strict=True)
        )
        self.unit_costs = dict(zip(self.firms, zip(*unit_costs(self.scenario), strict=True), strict=True))
        self.fixed = {(link, leg): self._fixed(link, leg) for link in self.links for leg in ("order", "shipment")}
        self.practice = Practice(self.scenario, self.mean)
        self.on_hand = {firm: self.practice.of(firm).stock for firm in self.firms}
        self.order_cost: dict[str, list[float]] = {firm: [] for firm in self.firms}  # of each period's orders
        self.paid = dict.fromkeys(self.firms, 0.0)  # for the orders since the last period
        self.unanswered = dict.fromkeys(self.firms, 0.0)  # demand since the last review
        self.waiting: dict[str, list[float]] = {firm: [] for firm in self.firms}
        self.on_order = dict.fromkeys(self.firms, 0.0)
        for link in self.links:
            self._start(link, "order", self.orders[link])
            self._start(link, "shipment", self.goods[link])
        ordering = {link[1] for link in self.links if self._distribution(link, "order").shortest == 0}
        self.within = {firm: firm in ordering for firm in self.firms}
        self.customers_first = [*reversed(list(nx.topological_sort(network.graph)))]
        self._live({firm: 0.0 for firm in self.firms}, adjusts=True)

    def _start(self, link: Link, leg: str, under_way: dict[int, float]) -> None:
        """The mean flow is under way: what left, one consignment a period, before period 0 and arrives from then on."""
        buyer = link[1]
        flow = self.mean[buyer] / len(self.suppliers[buyer])
        journeys = self.drawn.orders if leg == "order" else self.drawn.shipments
        if journeys is None:
            consignments = dict.fromkeys(range(self.fixed[link, leg]), 1)
        else:
            counts = journeys.initial[:, self.links.index(link), self.row]
            consignments = dict(enumerate(counts.tolist()))
        amounts = {period: flow * count for period, count in consignments.items()}
        if self.scenario.whole_units:
            amounts = whole_flow(amounts)
        for period, amount in amounts.items():
            under_way[period] += amount
            self.on_order[buyer] += amount

    def _distribution(self, link: Link, leg: str) -> PeriodsDistribution:
        supplier = None if link[0] == OUTSIDE else link[0]
        return lead_time_distribution(self.scenario, leg, supplier, link[1])  # type: ignore[arg-type]

    def _fixed(self, link: Link, leg: str) -> int:
        return self._distribution(link, leg).longest

    def _journey(self, link: Link, leg: str) -> int:
        journeys = self.drawn.orders if leg == "order" else self.drawn.shipments
        if journeys is None:
            return self.fixed[link, leg]
        return int(journeys.periods[self.period, self.links.index(link), self.row])

    def closed(self, firm: str) -> bool:
        """Whether a firm is closed in the present period."""
        closed = self.drawn.closed
        return closed is not None and bool(closed[self.row, self.period, self.firms.index(firm)])

    def step(self, quantities: dict[str, float]) -> None:
        """Every firm orders so much, at the end of the period or within the next one, which then passes."""
        for firm, quantity in quantities.items():
            if not self.within[firm]:
                self._decide(firm, self.latest(firm)[4], quantity, adjusts=False)
        self._live(quantities, adjusts=False)

    def adjust(self, adjustments: dict[str, float]) -> None:
        """Every firm adds so much to the demand that it answers."""
        for firm, adjustment in adjustments.items():
            if not self.within[firm]:
                self._decide(firm, self.latest(firm)[4], adjustment, adjusts=True)
        self._live(adjustments, adjusts=True)

    def _decide(self, firm: str, demand: float, decision: float, adjusts: bool) -> None:
        """Order in the present period, of which `demand` is known."""
        answered = self.unanswered[firm] + demand
        wanted = max(0.0, answered + decision) if adjusts else decision
        quantity = 0.0 if self.closed(firm) else self.practice.of(firm).order(wanted, self.period)
        self.unanswered[firm] = 0.0 if self.period % self.practice.of(firm).review == 0 else answered
        self.paid[firm] = self.practice.of(firm).fixed_cost if quantity > 0 else 0.0
        self.on_order[firm] += quantity
        parts = {supplier: quantity / len(self.suppliers[firm]) for supplier in self.suppliers[firm]}
        if self.scenario.whole_units:
            parts = largest_remainders(parts)
        for supplier, part in parts.items():
            link = (supplier, firm)
            self.orders[link][self.period + self._journey(link, "order")] += part

    def _live(self, decisions: dict[str, float], adjusts: bool) -> None:
        """A period: orders go up the chain, customers first; then firms receive, serve and ship, suppliers first."""
        self.period += 1
        new = {}
        for firm in self.customers_first:
            new[firm] = {customer: self._claim(firm, customer) for customer in self.customers[firm]}
            if self.within[firm]:
                self._decide(firm, sum(new[firm].values()), decisions[firm], adjusts)
        for firm in self.firms:
            self.order_cost[firm].append(self.paid[firm])
        for link in self.links:
            if link[0] == OUTSIDE:
                self._ship(link, self.orders[link].pop(self.period, 0.0))
        for firm in reversed(self.customers_first):
            self._live_firm(firm, new[firm])

    def _ship(self, link: Link, units: float) -> None:
        self.goods[link][self.period + self._journey(link, "shipment")] += units

    def _live_firm(self, firm: str, new: dict[str, float]) -> None:
        due = {supplier: self.goods[supplier, firm].pop(self.period, 0.0) for supplier in self.suppliers[firm]}
        room = 0.0 if self.closed(firm) else max(0.0, self.practice.of(firm).storage - self.on_hand[firm])
        arrived = sum(due.values())
        kept_out = 0.0 if arrived <= room else 1.0 - room / arrived
        waiting = {supplier: units * kept_out for supplier, units in due.items()}
        if self.scenario.whole_units:
            waiting = largest_remainders(waiting)
        for supplier, units in waiting.items():
            self.goods[supplier, firm][self.period + 1] += units
        received = sum(due[supplier] - waiting[supplier] for supplier in due)
        self.waiting[firm].append(sum(waiting.values()))
        self.on_hand[firm] += received
        self.on_order[firm] -= received
        left = 0.0 if self.closed(firm) else min(self.on_hand[firm], self.capacity[firm])
        old = {customer: self.owed[firm, customer] for customer in new}
        if self.scenario.allocation == "priority":
            shipped = by_priority(left, old, new)
        else:
            shipped = in_passes(left, old, new, whole=self.scenario.whole_units)
        lost = 0.0
        for customer, units in shipped.items():
            self.on_hand[firm] = max(0.0, self.on_hand[firm] - units)  # rounding dust of thirds
            self.owed[firm, customer] += new[customer] - units
            if customer != "people":
                self._ship((firm, customer), units)
            elif self.scenario.lost_sales:
                lost, self.owed[firm, customer] = self.owed[firm, customer], 0.0
        owed = sum(self.owed[firm, customer] for customer in new)
        state = (owed, self.on_hand[firm], self.on_order[firm], received, sum(new.values()))
        self.local[firm].append(state)
        holding, backorder = self.unit_costs[firm]
        beside = self.order_cost[firm][-1] + self.practice.of(firm).overflow_cost * self.waiting[firm][-1]
        self.cost[firm].append(backorder * (owed + lost) + holding * self.on_hand[firm] + beside)

    def _claim(self, firm: str, customer: str) -> float:
        if customer != "people":
            return self.orders[firm, customer].pop(self.period, 0.0)
        retailer = self.scenario.retailer_names.index(firm)
        demand = float(self.drawn.demand[self.row, self.period, retailer])
        assert not self.scenario.whole_units or demand == nearest(demand)
        return demand

    def latest(self, firm: str) -> tuple[float, ...]:
        """A firm's local state of the present period."""
        return self.local[firm][-1]

    def observation(self, firm: str) -> list[float]:
        """The last m + 1 local states, oldest first, zeros before the start."""
        memory = self.scenario.history + 1
        states = [(0.0,) * 5] * memory + self.local[firm]
        return [number for state in states[-memory:] for number in state]


def in_passes(left: float, old: dict[str, float], new: dict[str, float], whole: bool = False) -> dict[str, float]:
    """Outstanding backorders first, then this period's orders; in a pass that stock does not cover, all get the same
    part. `whole`: what each has to wait for is in whole units.
    """
    shipped = dict.fromkeys(new, 0.0)
    for claims in (old, new):
        wanted = sum(claims.values())
        part = 1.0 if wanted <= left else left / wanted
        unserved = {customer: (1.0 - part) * claim for customer, claim in claims.items()}
        if whole:
            unserved = largest_remainders(unserved)
        for customer, claim in claims.items():
            shipped[customer] += claim - unserved[customer]
        left = max(0.0, left - part * wanted)
    return shipped


def by_priority(left: float, old: dict[str, float], new: dict[str, float]) -> dict[str, float]:
    """One customer after the other, each one's backorders and orders together."""
    shipped = {}
    for customer in new:
        shipped[customer] = min(left, old[customer] + new[customer])
        left -= shipped[customer]
    return shipped
