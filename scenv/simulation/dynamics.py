"""The inventory equations of one period: the only ones in the package. Pure, batched, on the Python Array API.

The model is MODEL.md section 2 (docs: "The model"); equation numbers are those of Zhang et al., Sustainability 2024,
16(22), 9996. B environments advance together; arrays are [N, B] per firm, [S+E, B] per order link, [E+R, B] per claim
link (see `scenv.simulation.structure`). Nothing here changes an argument: every function returns a new state.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import array_api_compat

from scenv.simulation.array_ops import Array, concat, lesser, positive_part, ratio, take
from scenv.simulation.order_rules import ordered
from scenv.simulation.pipelines import Journeys, arriving_at_once, pipeline_with, send
from scenv.simulation.structure import Structure
from scenv.simulation.whole_units import straight_through, whole_parts, whole_slots


class Books(NamedTuple):
    """What firms hold and owe at the end of a period, without what is under way; fields as in `State`."""

    on_hand: Array
    on_order: Array
    backorder: Array
    owed: Array
    lost: Array | None = None


@dataclass(frozen=True, eq=False)
class State:
    """All that is held, owed or under way at the end of a period. Units of product, float64, never negative.

    Attributes:
        on_hand: [N, B] stock IL.
        on_order: [N, B] ordered and not yet received, OO.
        backorder: [E+R, B] what the seller of each claim link still owes on it (the last R: to external customers).
        owed: [N, B] the same by seller, BO.
        claims: [E+R, B] orders (and external demand) of the period that arrived on each claim link.
        orders: slots of [S+E, B]; slot k holds the orders that reach the supplier in k + 1 periods. A pipeline has as
            many slots as the longest lead time, and one less while nothing can stand in the last one: orders before
            the firms have placed theirs, shipments never.
        shipments: slots of [S+E, B]; slot k holds the goods that arrive in k + 1 periods. Goods that wait at the gate
            of a closed firm or a full stock are in slot 0.
        ordered: [N, B] what each firm ordered last, after closures and `scenv.simulation.order_rules`.
        lost: [N, B] external demand of the period that was lost, or None where unmet demand is owed.
        waiting: [N, B] goods at the gate that did not come in, or None where every stock is unlimited.
    """

    on_hand: Array
    on_order: Array
    backorder: Array
    owed: Array
    claims: Array
    orders: tuple[Array, ...]
    shipments: tuple[Array, ...]
    ordered: Array
    lost: Array | None = None
    waiting: Array | None = None


class Conditions(NamedTuple):
    """What firms meet in a period besides external demand; None is the usual.

    Attributes:
        orders: lead times of the orders that are placed at the end of the period.
        shipments: lead times of what is shipped in the period.
        open: [N, B] 1 where a firm is open, 0 where it is closed.
        review: [N, 1] 1 where a firm orders in the period, 0 where it does between its reviews.
    """

    orders: Journeys | None = None
    shipments: Journeys | None = None
    open: Array | None = None
    review: Array | None = None


USUAL = Conditions()


class LocalState(NamedTuple):
    """What each firm sees of one period: s_i^t = (BO, IL, OO, AS, AO) (paper section 4.2).

    Five arrays of one shape: [N, B] within the dynamics, [B, N] in `VectorEnv.local_state`, which policies decide on.

    Attributes:
        backorder: BO, what the firm owes its customers.
        on_hand: IL, stock after serving.
        on_order: OO, ordered and not yet received.
        received: AS, goods that arrived this period.
        demand: AO = d_i^t, orders (and external demand) that arrived this period.
    """

    backorder: Array
    on_hand: Array
    on_order: Array
    received: Array
    demand: Array


def initial_state(
    structure: Structure,
    num_envs: int,
    orders_under_way: Sequence[Array] | None = None,
    shipments_under_way: Sequence[Array] | None = None,
) -> State:
    """The state before period 0: pipelines carry the mean flow, on-hand stock as the scenario says, nothing is owed.

    The initial state is our choice; the paper prints none.

    Args:
        structure: the compiled scenario.
        num_envs: B.
        orders_under_way: where lead times are drawn, how many of the earlier periods' orders arrive in period 0, 1, ..:
            arrays [S+E, B].
        shipments_under_way: the same of the earlier periods' shipments.
    """
    xp = structure.xp
    flow = batched(structure, structure.buyers.spread(structure.mean_demand) * structure.share, num_envs)
    orders = pipeline_with(structure.order_lead, flow, orders_under_way)
    shipments = pipeline_with(structure.shipment_lead, flow, shipments_under_way)
    if structure.whole_units:
        orders, shipments = whole_slots(orders), whole_slots(shipments)
    on_hand = batched(structure, structure.initial_on_hand, num_envs)
    shape = (structure.num_edges + structure.num_retailers, num_envs)
    nothing = xp.zeros(shape, dtype=flow.dtype, device=array_api_compat.device(flow))
    return State(
        on_hand=on_hand,
        on_order=structure.buyers.sum(sum((*orders, *shipments), start=xp.zeros_like(flow))),
        backorder=nothing,
        owed=xp.zeros_like(on_hand),
        claims=nothing,
        orders=orders,
        shipments=shipments,
        ordered=xp.zeros_like(on_hand),
        lost=xp.zeros_like(on_hand) if structure.lost_sales else None,
    )


def batched(structure: Structure, column: Array, num_envs: int) -> Array:
    """The same column [K, 1] for every environment: [K, B], memory of its own."""
    xp = structure.xp
    return xp.asarray(xp.broadcast_to(column, (column.shape[0], num_envs)), copy=True)


def transition(
    structure: Structure,
    state: State,
    orders: Array,
    demand: Array,
    now: Conditions = USUAL,
    following: Conditions = USUAL,
) -> tuple[State, LocalState, Array]:
    """One whole step: place orders, at the end of the period just observed or within the next one
    (`scenv.simulation.ordering`), then live through the next one.

    Args:
        structure: the compiled scenario.
        state: the state at the end of period t.
        orders: [N, B] real order quantities q^t, not negative.
        demand: [R, B] external demand of period t + 1.
        now: conditions of period t.
        following: conditions of period t + 1.

    Returns:
        The state, the local states and the cost [N, B] of period t + 1.
    """
    placed = place_orders(structure, state, orders, order_conditions(structure, now, following))
    return advance(structure, placed, demand, following)


def order_quantity(demand: Array, adjustment: Array) -> Array:
    """q = max(0, d + a): what a firm orders that adjusts this period's demand d by a (paper section 4.2, ref. 31)."""
    return positive_part(demand + adjustment)


def place_orders(structure: Structure, state: State, orders: Array, now: Conditions = USUAL) -> State:
    """Step 6 of a period: OO_i += q_i, and q_i goes to i's suppliers in equal parts (paper section 4.2)."""
    orders, per_link = split_orders(structure, orders, now)
    return State(
        on_hand=state.on_hand,
        on_order=state.on_order + orders,
        backorder=state.backorder,
        owed=state.owed,
        claims=state.claims,
        orders=send(state.orders, per_link, structure.order_lead, now.orders),
        shipments=state.shipments,
        ordered=orders,
        lost=state.lost,
        waiting=state.waiting,
    )


def order_conditions(structure: Structure, now: Conditions, following: Conditions) -> Conditions:
    """What the orders between two periods meet: those of the first one's end its conditions, those that are placed
    within the second one the second's. A lead time of the latter counts from the second period.
    """
    within = structure.within
    if within is None:
        return now
    xp, orders, opened, review = structure.xp, None, None, None
    if now.orders is not None and following.orders is not None:
        periods = xp.where(within.links, following.orders.periods + 1, now.orders.periods)
        numbers = {*now.orders.distinct, *(number + 1 for number in following.orders.distinct)}
        possible = range(1, structure.order_lead.horizon + 1)
        orders = Journeys(periods, tuple(number for number in possible if number in numbers))
    if now.open is not None and following.open is not None:
        opened = xp.where(within.firms, following.open, now.open)
    if now.review is not None and following.review is not None:
        review = xp.where(within.firms, following.review, now.review)
    return Conditions(orders=orders, shipments=now.shipments, open=opened, review=review)


def split_orders(structure: Structure, orders: Array, now: Conditions) -> tuple[Array, Array]:
    """(orders [N, B] as placed: after the scenario's rules, and a closed firm orders nothing, whatever it decided; the
    part on each order link).
    """
    orders = ordered(structure.rules, orders, now.review)
    if now.open is not None:
        orders = orders * now.open
    parts = structure.buyers.spread(orders) * structure.share
    return orders, whole_parts(structure.buyers, parts) if structure.whole_units else parts


def advance(
    structure: Structure, state: State, demand: Array, now: Conditions = USUAL
) -> tuple[State, LocalState, Array]:
    """Steps 1 to 5 of a period: receive, take orders, serve, pay, observe. Returns (state, local state, cost)."""
    due, claims = state.shipments, claims_of(structure, state, demand)
    # Goods may travel on within the period: after k more rounds those that pass k firms have arrived.
    for left in range(structure.deliveries, -1, -1):
        arriving, under_way, waiting = arrivals(structure, due, state.on_hand, now.open)
        books, shipped, local = settle(structure, state, arriving, claims, now.open)
        leaving = goods_leaving(structure, state, shipped)
        if left:
            due = with_goods_at_once(structure, state, leaving, now)
    following = State(
        **books._asdict(),
        claims=claims,
        orders=state.orders[1:],
        shipments=send(under_way, leaving, structure.shipment_lead, now.shipments),
        ordered=state.ordered,
        waiting=waiting,
    )
    return following, local, period_cost(structure, local, books.lost, state.ordered, waiting)


def claims_of(structure: Structure, state: State, demand: Array) -> Array:
    """Step 2: the orders that arrive on each claim link, [E+R, B]; at a retailer, the external demand."""
    return concat([state.orders[0][structure.num_sources :, :], demand])


def goods_leaving(structure: Structure, state: State, shipped: Array) -> Array:
    """What leaves on each order link, [S+E, B]: the external supplier can always serve what reaches it."""
    return concat([state.orders[0][: structure.num_sources, :], shipped[: structure.num_edges, :]])


def with_goods_at_once(structure: Structure, state: State, leaving: Array, now: Conditions) -> tuple[Array, ...]:
    """The goods under way at the period's start, and among those due what leaves and arrives in the period itself."""
    at_once = arriving_at_once(leaving, structure.shipment_lead, now.shipments)
    return (state.shipments[0] + at_once, *state.shipments[1:])


def settle(
    structure: Structure, books: State | Books, arriving: Array, claims: Array, is_open: Array | None = None
) -> tuple[Books, Array, LocalState]:
    """What firms do in a period with what reaches them: receive, take orders, serve. Each uses its own numbers alone,
    so it is the same for all firms of a network and for one of them by itself (`scenv.simulation.firm`).

    Args:
        structure: the compiled scenario, of all firms or of one.
        books: what each firm holds and owes at the end of the period before.
        arriving: goods that are received on each order link.
        claims: orders that arrive on each claim link.
        is_open: [N, B] 1 where a firm is open, 0 where it is closed.

    Returns:
        (the books after the period, what is shipped on each claim link, the local states).
    """
    # 1. Receive. OO loses what IL gains; the floor only removes rounding dust of equal splits.
    received = structure.buyers.sum(arriving)
    on_order = positive_part(books.on_order - received)
    # 2. Orders arrive.
    claimed = structure.sellers.sum(claims)
    # 3. Serve.
    stock = books.on_hand + received
    limited = structure.capacity is not None or is_open is not None
    available = _available(structure, stock, is_open) if limited else stock
    shipped, left, backorder = serve(structure, books, available, claims, claimed)
    on_hand = left + (stock - available) if limited else left
    backorder, lost = _lose(structure, backorder) if structure.lost_sales else (backorder, None)
    owed = structure.sellers.sum(backorder)
    # 5. Observe.
    return (
        Books(on_hand, on_order, backorder, owed, lost),
        shipped,
        LocalState(owed, on_hand, on_order, received, claimed),
    )


def period_cost(
    structure: Structure, local: LocalState, lost: Array | None, ordered_last: Array, waiting: Array | None
) -> Array:
    """C_i^t = c_b,i BO_i^t + c_h,i IL_i^t, [N, B] (paper eq. 1).

    Ours: a lost unit costs c_b,i once; the order that opened the period has a fixed cost; and what waits at the gate of
    a full stock costs for each period.
    """
    unmet = local.backorder if lost is None else local.backorder + lost
    cost = structure.backorder_cost * unmet + structure.holding_cost * local.on_hand
    if structure.order_cost is not None:
        cost = cost + order_cost(structure, ordered_last)
    return cost if waiting is None else cost + structure.overflow_cost * waiting


def order_cost(structure: Structure, orders: Array) -> Array:
    """[N, B] the fixed cost of each firm that orders anything (ours); only where `structure.order_cost` is there."""
    return structure.xp.where(orders > 0, structure.order_cost, structure.xp.zeros_like(orders))


def arrivals(
    structure: Structure, shipments: tuple[Array, ...], on_hand: Array, is_open: Array | None
) -> tuple[Array, tuple[Array, ...], Array | None]:
    """What comes in. At a closed firm all waits and is due next period; so does what does not fit into a stock of
    limited size, shared in proportion to what is due on the links.

    Args:
        structure: the compiled scenario.
        shipments: goods under way, slot 0 due now.
        on_hand: [N, B] stock before.
        is_open: [N, B] 1 where a firm is open, 0 where it is closed; None for all open.

    Returns:
        (what is received on each link, the pipeline without it, [N, B] what waits, None where no stock is limited).
    """
    due, later = shipments[0], shipments[1:]
    if is_open is None and structure.storage is None:
        return due, later, None
    received = due if is_open is None else due * structure.buyers.spread(is_open)
    if structure.storage is not None:
        arrived = structure.buyers.sum(received)
        too_much, _ = _share_in_proportion(positive_part(structure.storage - on_hand), arrived)
        kept_out = received * structure.buyers.spread(too_much)
        received = received - (whole_parts(structure.buyers, kept_out) if structure.whole_units else kept_out)
    waiting = due - received
    at_the_gate = None if structure.storage is None else structure.buyers.sum(waiting)
    return received, (waiting + later[0], *later[1:]) if later else (waiting,), at_the_gate


def _available(structure: Structure, stock: Array, is_open: Array | None) -> Array:
    """What each firm can serve from its stock, [N, B]: no more than its capacity, and nothing while it is closed."""
    if structure.capacity is not None:
        stock = lesser(stock, structure.capacity)
        if structure.whole_units:
            stock = straight_through(stock, structure.xp.floor(stock))
    return stock if is_open is None else stock * is_open


def _lose(structure: Structure, backorder: Array) -> tuple[Array, Array]:
    """(what is still owed on each claim link, what is lost at each firm: unmet external demand that does not wait)."""
    owed, unmet = backorder[: structure.num_edges, :], backorder[structure.num_edges :, :]
    return concat([owed, unmet * 0.0]), structure.sellers.sum(concat([owed * 0.0, unmet]))


def serve(
    structure: Structure, books: State | Books, stock: Array, claims: Array, claimed: Array
) -> tuple[Array, Array, Array]:
    """Step 3: share the stock among the claims on it.

    Proportional (default, ours): outstanding backorders first, then this period's orders; where stock does not cover a
    pass, each claim of it gets the same fraction. Priority: customers in the network file's order, each one's
    backorders and orders together, as other simulators do.

    Args:
        structure: the compiled scenario.
        books: of the period's start, for what is owed.
        stock: [N, B] units that can be served.
        claims: [E+R, B] this period's orders.
        claimed: [N, B] the same by seller.

    Returns:
        (shipped [E+R, B], stock left [N, B], backorders left [E+R, B]).
    """
    total = books.backorder + claims
    if structure.priority is not None:
        shipped = _share_by_priority(structure, stock, total)
        served = lesser(stock, structure.sellers.sum(total))
        return shipped, stock - served, total - shipped
    unserved_owed, stock = _share_in_proportion(stock, books.owed)
    unserved_new, stock = _share_in_proportion(stock, claimed)
    spread = structure.sellers.spread
    old, new = books.backorder * spread(unserved_owed), claims * spread(unserved_new)
    if structure.whole_units:
        old, new = whole_parts(structure.sellers, old), whole_parts(structure.sellers, new)
    backorder = old + new
    return total - backorder, stock, backorder


def _share_in_proportion(stock: Array, claimed: Array) -> tuple[Array, Array]:
    """Every claim is met to the same part, min(1, stock / all claims on it). Returns (part not met, stock left)."""
    served = lesser(stock, claimed)
    return ratio(claimed - served, claimed), stock - served


def _share_by_priority(structure: Structure, stock: Array, claims: Array) -> Array:
    """Each rank of customers takes what the ranks before it left. Returns what is shipped, [E+R, B]."""
    assert structure.priority is not None
    shipped = []
    left = take(structure.sellers.spread(stock), structure.priority.links[0])
    for links in structure.priority.links:
        claim = take(claims, links)
        left = left[: claim.shape[0], :]  # the firms that have a customer of this rank
        served = lesser(left, claim)
        shipped.append(served)
        left = left - served
    return take(concat(shipped), structure.priority.inverse)
