"""The inventory equations of one period: the only ones in the package. Pure, batched, on the Python Array API.

The model is MODEL.md section 2 (docs: "The model"); equation numbers are those of Zhang et al., Sustainability 2024,
16(22), 9996. B environments advance together; arrays are [B, N] per firm, [B, S+E] per order link, [B, E+R] per claim
link (see `scenv.structure`). Nothing here changes an argument: every function returns a new state.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import array_api_compat

from scenv.array_ops import Array, namespace
from scenv.structure import LeadTimes, Structure


@dataclass(frozen=True, eq=False)
class State:
    """All that is held, owed or under way at the end of a period. Units of product, float64, never negative.

    Attributes:
        on_hand: [B, N] stock IL.
        on_order: [B, N] ordered and not yet received, OO.
        backorder: [B, E+R] what the seller of each claim link still owes on it (the last R: to external customers).
        orders: slots of [B, S+E]; slot k holds the orders that reach the supplier in k + 1 periods.
        shipments: slots of [B, S+E]; slot k holds the goods that arrive in k + 1 periods.
    """

    on_hand: Array
    on_order: Array
    backorder: Array
    orders: tuple[Array, ...]
    shipments: tuple[Array, ...]


class LocalState(NamedTuple):
    """What each firm sees of one period: s_i^t = (BO, IL, OO, AS, AO), each [B, N] (paper section 4.2).

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


def initial_state(structure: Structure, num_envs: int) -> State:
    """The state before period 0: pipelines carry the mean flow, on-hand stock as the scenario says, nothing is owed.

    The initial state is our choice; the paper prints none.
    """
    xp = namespace(structure.mean_demand)
    flow = xp.broadcast_to(
        xp.take(structure.mean_demand, structure.buyers.firm, axis=0) * structure.share,
        (num_envs, structure.share.shape[0]),
    )
    orders, shipments = _full(structure.order_lead, flow), _full(structure.shipment_lead, flow)
    on_order = structure.buyers.sum(sum((*orders, *shipments), start=xp.zeros_like(flow)))
    shape = (num_envs, structure.num_firms)
    claims = (num_envs, structure.num_edges + structure.num_retailers)
    device = array_api_compat.device(structure.mean_demand)
    return State(
        on_hand=xp.broadcast_to(structure.initial_on_hand, shape) + xp.zeros_like(on_order),
        on_order=on_order,
        backorder=xp.zeros(claims, dtype=flow.dtype, device=device),
        orders=orders,
        shipments=shipments,
    )


def _full(lead: LeadTimes, flow: Array) -> tuple[Array, ...]:
    """A pipeline that carries `flow` [B, K] in every slot that a link's lead time reaches."""
    slots = [flow * 0.0] * lead.horizon
    for last, mask in lead.slots:
        for slot in range(last + 1):
            slots[slot] = slots[slot] + (flow if mask is None else flow * mask)
    return tuple(slots)


def transition(structure: Structure, state: State, orders: Array, demand: Array) -> tuple[State, LocalState, Array]:
    """One whole step: place the orders of the period just observed, then live through the next one.

    Args:
        structure: the compiled scenario.
        state: the state at the end of period t.
        orders: [B, N] real order quantities q^t, not negative.
        demand: [B, R] external demand of period t + 1.

    Returns:
        The state, the local states and the cost [B, N] of period t + 1.
    """
    return advance(structure, place_orders(structure, state, orders), demand)


def place_orders(structure: Structure, state: State, orders: Array) -> State:
    """Step 6 of a period: OO_i += q_i, and q_i goes to i's suppliers in equal parts (paper section 4.2)."""
    per_link = structure.buyers.spread(orders) * structure.share
    return State(
        on_hand=state.on_hand,
        on_order=state.on_order + orders,
        backorder=state.backorder,
        orders=_send(state.orders, per_link, structure.order_lead),
        shipments=state.shipments,
    )


def advance(structure: Structure, state: State, demand: Array) -> tuple[State, LocalState, Array]:
    """Steps 1 to 5 of a period: receive, take orders, serve, pay, observe. Returns (state, local state, cost)."""
    xp = namespace(state.on_hand)
    # 1. Receive. OO loses what IL gains; the floor only removes rounding dust of equal splits.
    arriving = state.shipments[0]
    received = structure.buyers.sum(arriving)
    stock = state.on_hand + received
    on_order = xp.maximum(state.on_order - received, xp.zeros_like(received))
    # 2. Orders arrive; at a retailer they are the external demand.
    due = state.orders[0]
    supply, internal = due[:, : structure.num_sources], due[:, structure.num_sources :]
    new_claims = xp.concat([internal, demand], axis=1)
    # 3. Serve.
    shipped, on_hand, backorder = serve(structure, stock, state.backorder, new_claims)
    leaving = xp.concat([supply, shipped[:, : structure.num_edges]], axis=1)
    nothing = xp.zeros_like(arriving)
    following = State(
        on_hand=on_hand,
        on_order=on_order,
        backorder=backorder,
        orders=(*state.orders[1:], nothing),
        shipments=_send((*state.shipments[1:], nothing), leaving, structure.shipment_lead),
    )
    # 4. and 5. Cost and observation.
    local = LocalState(
        backorder=structure.sellers.sum(backorder),
        on_hand=on_hand,
        on_order=on_order,
        received=received,
        demand=structure.sellers.sum(new_claims),
    )
    return following, local, period_cost(structure, local)


def period_cost(structure: Structure, local: LocalState) -> Array:
    """C_i^t = c_b,i BO_i^t + c_h,i IL_i^t, [B, N] (paper eq. 1)."""
    return structure.backorder_cost * local.backorder + structure.holding_cost * local.on_hand


def serve(structure: Structure, stock: Array, owed: Array, new_claims: Array) -> tuple[Array, Array, Array]:
    """Step 3: share the stock among the claims on it.

    Proportional (default, ours): outstanding backorders first, then this period's orders; where stock does not cover a
    pass, each claim of it gets the same fraction. Priority: customers in the network file's order, each one's
    backorders and orders together, as other simulators do.

    Args:
        structure: the compiled scenario.
        stock: [B, N] units at hand.
        owed: [B, E+R] backorders.
        new_claims: [B, E+R] this period's orders.

    Returns:
        (shipped [B, E+R], stock left [B, N], backorders left [B, E+R]).
    """
    if structure.priority is not None:
        claims = owed + new_claims
        shipped, left = _share_by_priority(structure, stock, claims)
        return shipped, left, claims - shipped
    to_backorders, stock = _share_in_proportion(structure, stock, owed)
    to_orders, stock = _share_in_proportion(structure, stock, new_claims)
    return to_backorders + to_orders, stock, (owed - to_backorders) + (new_claims - to_orders)


def _share_in_proportion(structure: Structure, stock: Array, claims: Array) -> tuple[Array, Array]:
    """Every claim gets min(1, stock / all claims of its seller) of itself."""
    xp = namespace(stock)
    total = structure.sellers.sum(claims)
    left = stock - total
    short = left < 0
    ones = xp.ones_like(stock)
    # The inner where keeps the gradient of the unused branch finite (0 / 0 where nothing is claimed).
    fraction = xp.where(short, stock / xp.where(short, total, ones), ones)
    return claims * structure.sellers.spread(fraction), xp.where(short, xp.zeros_like(left), left)


def _share_by_priority(structure: Structure, stock: Array, claims: Array) -> tuple[Array, Array]:
    """Each rank of customers takes what the ranks before it left."""
    xp = namespace(stock)
    assert structure.priority is not None
    shipped = []
    left = xp.take(structure.sellers.spread(stock), structure.priority.links[0], axis=1)
    for links in structure.priority.links:
        claim = xp.take(claims, links, axis=1)
        left = left[:, : claim.shape[1]]  # the firms that have a customer of this rank
        served = xp.minimum(left, claim)
        shipped.append(served)
        left = left - served
    total = structure.sellers.sum(claims)
    remaining = xp.maximum(stock - total, xp.zeros_like(stock))
    return xp.take(xp.concat(shipped, axis=1), structure.priority.inverse, axis=1), remaining


def _send(slots: tuple[Array, ...], quantity: Array, lead: LeadTimes) -> tuple[Array, ...]:
    """Put `quantity` [B, S+E] on its way: each link's part into the slot of its lead time."""
    updated = list(slots)
    for slot, mask in lead.slots:
        updated[slot] = updated[slot] + (quantity if mask is None else quantity * mask)
    return tuple(updated)
