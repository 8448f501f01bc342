"""One firm by itself: the rows of a compiled scenario that are its own, and a period lived on them alone.

The equations are those of `scenv.simulation.dynamics` (`settle`, `split_orders`), which use nothing but a firm's own
numbers and what reaches it on its links. What is under way on a link is kept by the firm that it is under way to:
orders by the supplier, goods by the customer. A source keeps the orders that travel to the external supplier too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from scenv.network.order_links import order_link_buyers
from scenv.scenario.implied import longest_delay
from scenv.scenario.lead_times import LinkJourneys
from scenv.scenario.scenario import Scenario
from scenv.simulation.array_ops import Array, Segments, concat
from scenv.simulation.dynamics import (
    USUAL,
    Books,
    Conditions,
    LocalState,
    arrivals,
    batched,
    period_cost,
    settle,
    split_orders,
)
from scenv.simulation.exogenous import Exogenous, RowConditions
from scenv.simulation.pipelines import pipeline_with, send
from scenv.simulation.structure import LeadTimes, PriorityRanks, Structure
from scenv.simulation.whole_units import whole_slots


@dataclass(frozen=True, eq=False)
class FirmStructure:
    """What is static about one firm. K links lead to it, C customers buy from it; S is 1 for a source, else 0; R is 1
    where it meets external demand, else 0.

    Attributes:
        agent: its name.
        suppliers: [K] who supplies it, in link order; None is the external supplier.
        customers: [C] who buys from it, in link order, which is the order of service under priority allocation.
        own: the firm as a structure of one firm. Its order links are those [K] that it orders and receives on, its
            claim links the customers [C] and external demand [R]. `own.order_lead` is that of the orders that the firm
            keeps, [S+C]; `own.shipment_lead` that of the goods that are sent to it, [K].
        placed_lead: lead times of the orders that it places, [K].
        inflow, orderflow: [K, 1], [S+C, 1] mean units per period on the links to it, and of the orders that it keeps.
        in_links, kept_links: [K], [S+C] where these links stand among all order links of the network.
        retailer: [R] where its external demand stands among the network's retailers.
        position: where it stands among the network's firms.
    """

    agent: str
    suppliers: tuple[str | None, ...]
    customers: tuple[str, ...]
    own: Structure
    placed_lead: LeadTimes
    inflow: Array
    orderflow: Array
    in_links: np.ndarray
    kept_links: np.ndarray
    retailer: np.ndarray
    position: int

    @property
    def keeps_orders(self) -> bool:
        """Whether any orders are under way to it, or to the external supplier: not at a retailer with suppliers."""
        return len(self.kept_links) > 0


@dataclass(frozen=True, eq=False)
class FirmState:
    """What one firm holds, owes and knows to be under way to it; B rows.

    Attributes:
        books: stock, on order, backorders; [1, B] and, by claim link, [C+R, B].
        orders: slots of [S+C, B], the orders that reach it (or the external supplier) in k + 1 periods.
        shipments: slots of [K, B], the goods that reach it in k + 1 periods.
        ordered: [1, B] what it ordered last.
    """

    books: Books
    orders: tuple[Array, ...]
    shipments: tuple[Array, ...]
    ordered: Array


def firm_structure(scenario: Scenario, whole: Structure, agent: str, asarray: Any = np.asarray) -> FirmStructure:
    """The rows of one firm of a scenario that was compiled to `whole` with numpy; `asarray` makes the backend's arrays,
    as in `build_structure`.
    """
    network = scenario.network
    i, sources = network.agents.index(agent), whole.num_sources
    buyer = order_link_buyers(network)
    sellers = np.array([network.agents.index(supplier) for supplier, _ in whole.edge_names], dtype=np.intp)
    in_links = np.flatnonzero(buyer == i)
    out_links = sources + np.flatnonzero(sellers == i)
    supply = in_links[in_links < sources]
    kept = np.concatenate([supply, out_links])
    retailer = np.flatnonzero(network.retailers == i)
    names = [None] * sources + [supplier for supplier, _ in whole.edge_names]
    flow = (whole.buyers.spread(whole.mean_demand) * whole.share)[:, 0]
    claims = len(out_links) + len(retailer)

    def row(column: Array | None) -> Array | None:
        return None if column is None else asarray(column[i : i + 1])

    def lead(times: LeadTimes, links: np.ndarray, extra: int) -> LeadTimes:
        return LeadTimes.build([times.links[k] for k in links], extra, asarray)

    own = replace(
        whole,
        num_firms=1,
        num_sources=len(supply),
        num_edges=len(out_links),
        num_retailers=len(retailer),
        buyers=Segments.build(np.zeros(len(in_links), dtype=np.intp), 1, asarray),
        sellers=Segments.build(np.zeros(claims, dtype=np.intp), 1, asarray),
        share=asarray(whole.share[in_links]),
        order_lead=lead(whole.order_lead, kept, 0),
        shipment_lead=lead(whole.shipment_lead, in_links, longest_delay(scenario)),
        holding_cost=row(whole.holding_cost),
        backorder_cost=row(whole.backorder_cost),
        mean_demand=row(whole.mean_demand),
        lead_time=whole.lead_time[i : i + 1],
        first_arrival=whole.first_arrival[i : i + 1],
        within=None,
        deliveries=0,
        initial_on_hand=row(whole.initial_on_hand),
        capacity=row(whole.capacity),
        rules=None if whole.rules is None else whole.rules.rows(slice(i, i + 1), asarray),
        order_cost=row(whole.order_cost),
        storage=row(whole.storage),
        overflow_cost=row(whole.overflow_cost),
        edge_names=tuple(whole.edge_names[k - sources] for k in out_links),
        priority=None if whole.priority is None else PriorityRanks.build(np.zeros(claims, dtype=np.intp), 1, asarray),
    )
    return FirmStructure(
        agent=agent,
        suppliers=tuple(names[k] for k in in_links),
        customers=tuple(customer for _, customer in own.edge_names),
        own=own,
        placed_lead=lead(whole.order_lead, in_links, 0),
        inflow=asarray(flow[in_links][:, None]),
        orderflow=asarray(flow[kept][:, None]),
        in_links=in_links,
        kept_links=kept,
        retailer=retailer,
        position=i,
    )


@dataclass(frozen=True, eq=False)
class FirmExogenous:
    """What an episode of B rows brings to one firm from outside.

    Attributes:
        demand: [T, R, B] its external demand.
        conditions: of all rows, by period, for its own links; None if they are the usual in every period.
        placed_under_way: how many of its own earlier orders reach their suppliers in period 0, 1, ...: arrays [K, B];
            None where order lead times are fixed.
    """

    demand: Array
    conditions: RowConditions | None
    placed_under_way: list[Array] | None


def firm_exogenous(firm: FirmStructure, drawn: Exogenous, asarray: Any = np.asarray) -> FirmExogenous:
    """One firm's part of what was drawn for its whole network."""
    own = Exogenous(
        demand=drawn.demand[:, :, firm.retailer],
        orders=_on_links(drawn.orders, firm.kept_links, firm.own.order_lead),
        shipments=_on_links(drawn.shipments, firm.in_links, firm.own.shipment_lead),
        closed=None if drawn.closed is None else drawn.closed[:, :, [firm.position]],
    )
    rows = slice(0, len(drawn.demand))
    placed = _on_links(drawn.orders, firm.in_links, firm.placed_lead)
    return FirmExogenous(
        demand=asarray(np.ascontiguousarray(own.demand.transpose(1, 2, 0))),
        conditions=own.conditions_of(rows, asarray),
        placed_under_way=None if placed is None else [asarray(count) for count in placed.initial.astype(np.float64)],
    )


def _on_links(drawn: LinkJourneys | None, links: np.ndarray, lead: LeadTimes) -> LinkJourneys | None:
    if drawn is None or not len(links):
        return None
    return LinkJourneys(periods=drawn.periods[:, links], initial=drawn.initial[: lead.horizon, links])


def firm_initial_state(firm: FirmStructure, num_envs: int, exogenous: FirmExogenous) -> FirmState:
    """The firm's rows of `scenv.simulation.dynamics.initial_state`."""
    own, conditions = firm.own, exogenous.conditions
    orders_under_way = None if conditions is None else conditions.orders_under_way
    shipments_under_way = None if conditions is None else conditions.shipments_under_way
    inflow, orderflow = batched(own, firm.inflow, num_envs), batched(own, firm.orderflow, num_envs)
    shipments = pipeline_with(own.shipment_lead, inflow, shipments_under_way)
    placed = pipeline_with(firm.placed_lead, inflow, exogenous.placed_under_way)
    kept = pipeline_with(own.order_lead, orderflow, orders_under_way) if firm.keeps_orders else ()
    if own.whole_units:
        shipments, placed, kept = whole_slots(shipments), whole_slots(placed), whole_slots(kept)
    on_hand = batched(own, own.initial_on_hand, num_envs)
    nothing = on_hand * 0.0
    claims = concat([nothing] * (own.num_edges + own.num_retailers))
    return FirmState(
        books=Books(
            on_hand=on_hand,
            on_order=own.buyers.sum(sum((*placed, *shipments), start=inflow * 0.0)),
            backorder=claims,
            owed=nothing,
            lost=nothing if own.lost_sales else None,
        ),
        orders=kept,
        shipments=shipments,
        ordered=nothing,
    )


@dataclass(frozen=True, eq=False)
class FirmPeriod:
    """A period as one firm lived it.

    Attributes:
        state: after it, before anything new is under way.
        shipped: [C, B] goods that leave for its customers.
        supplied: [S, B] what the external supplier sends to it.
        local: the local state, fields [1, B].
        cost: [1, B].
        waiting: [1, B] goods at its gate that did not come in, or None where its stock is unlimited.
    """

    state: FirmState
    shipped: Array
    supplied: Array
    local: LocalState
    cost: Array
    waiting: Array | None


def live(firm: FirmStructure, state: FirmState, demand: Array, now: Conditions = USUAL) -> FirmPeriod:
    """Steps 1 to 5 of a period, of one firm: `scenv.simulation.dynamics.advance` for its rows.

    Args:
        firm: the firm.
        state: at the end of the period before, with all that is under way to it.
        demand: [R, B] external demand of the period.
        now: the conditions of the period.
    """
    own = firm.own
    arriving, under_way, waiting = arrivals(own, state.shipments, state.books.on_hand, now.open)
    due = state.orders[0] if state.orders else demand[:0, ...]
    claims = concat([due[own.num_sources :, ...], demand])
    books, shipped, local = settle(own, state.books, arriving, claims, now.open)
    return FirmPeriod(
        state=FirmState(books=books, orders=state.orders[1:], shipments=under_way, ordered=state.ordered),
        shipped=shipped[: own.num_edges, ...],
        supplied=due[: own.num_sources, ...],
        local=local,
        cost=period_cost(own, local, books.lost, state.ordered, waiting),
        waiting=waiting,
    )


def place(firm: FirmStructure, quantity: Array, now: Conditions = USUAL) -> tuple[Array, Array]:
    """Step 6: (what is ordered [1, B], the part of it on each link to a supplier [K, B])."""
    return split_orders(firm.own, quantity, now)


def take_in(
    firm: FirmStructure,
    period: FirmPeriod,
    ordered: tuple[Array, Array],
    orders: Array,
    goods: Array,
    now: Conditions = USUAL,
) -> FirmState:
    """The end of a period: what the firm ordered is on order, and what others sent it is under way to it.

    Args:
        firm: the firm.
        period: the period, as it lived it.
        ordered: what `place` returned.
        orders: [C, B] its customers' orders.
        goods: [K, B] its suppliers' goods; [0, B] where its supplier is the external one.
        now: the conditions of the period.
    """
    own, state = firm.own, period.state
    quantity, placed = ordered
    kept = concat([placed, orders]) if own.num_sources else orders
    leaving = period.supplied if own.num_sources else goods
    return FirmState(
        books=state.books._replace(on_order=state.books.on_order + quantity),
        orders=send(state.orders, kept, own.order_lead, now.orders) if firm.keeps_orders else (),
        shipments=send(state.shipments, leaving, own.shipment_lead, now.shipments),
        ordered=quantity,
    )
