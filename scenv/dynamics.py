"""The inventory equations of one period: the only ones in the package. Pure, batched, on the Python Array API.

The model is MODEL.md section 2 (docs: "The model"); equation numbers are those of Zhang et al., Sustainability 2024,
16(22), 9996. B environments advance together; arrays are [N, B] per firm, [S+E, B] per order link, [E+R, B] per claim
link (see `scenv.structure`). Nothing here changes an argument: every function returns a new state.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import array_api_compat

from scenv.array_ops import Array, concat, lesser, positive_part, ratio, take
from scenv.structure import LeadTimes, Structure


@dataclass(frozen=True, eq=False)
class State:
    """All that is held, owed or under way at the end of a period. Units of product, float64, never negative.

    Attributes:
        on_hand: [N, B] stock IL.
        on_order: [N, B] ordered and not yet received, OO.
        backorder: [E+R, B] what the seller of each claim link still owes on it (the last R: to external customers).
        owed: [N, B] the same by seller, BO.
        orders: slots of [S+E, B]; slot k holds the orders that reach the supplier in k + 1 periods. A pipeline has as
            many slots as the longest lead time, and one less while nothing can stand in the last one: orders before
            the firms have placed theirs, shipments never.
        shipments: slots of [S+E, B]; slot k holds the goods that arrive in k + 1 periods.
    """

    on_hand: Array
    on_order: Array
    backorder: Array
    owed: Array
    orders: tuple[Array, ...]
    shipments: tuple[Array, ...]


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


def initial_state(structure: Structure, num_envs: int) -> State:
    """The state before period 0: pipelines carry the mean flow, on-hand stock as the scenario says, nothing is owed.

    The initial state is our choice; the paper prints none.
    """
    xp = structure.xp
    flow = _batched(structure, structure.buyers.spread(structure.mean_demand) * structure.share, num_envs)
    orders, shipments = _full(structure.order_lead, flow), _full(structure.shipment_lead, flow)
    on_hand = _batched(structure, structure.initial_on_hand, num_envs)
    claims = (structure.num_edges + structure.num_retailers, num_envs)
    return State(
        on_hand=on_hand,
        on_order=structure.buyers.sum(sum((*orders, *shipments), start=xp.zeros_like(flow))),
        backorder=xp.zeros(claims, dtype=flow.dtype, device=array_api_compat.device(flow)),
        owed=xp.zeros_like(on_hand),
        orders=orders,
        shipments=shipments,
    )


def _batched(structure: Structure, column: Array, num_envs: int) -> Array:
    """The same column [K, 1] for every environment: [K, B], memory of its own."""
    xp = structure.xp
    return xp.asarray(xp.broadcast_to(column, (column.shape[0], num_envs)), copy=True)


def _full(lead: LeadTimes, flow: Array) -> tuple[Array, ...]:
    """A pipeline that carries `flow` [K, B] in every slot that a link's lead time reaches."""
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
        orders: [N, B] real order quantities q^t, not negative.
        demand: [R, B] external demand of period t + 1.

    Returns:
        The state, the local states and the cost [N, B] of period t + 1.
    """
    return advance(structure, place_orders(structure, state, orders), demand)


def order_quantity(demand: Array, adjustment: Array) -> Array:
    """q = max(0, d + a): what a firm orders that adjusts this period's demand d by a (paper section 4.2, ref. 31)."""
    return positive_part(demand + adjustment)


def place_orders(structure: Structure, state: State, orders: Array) -> State:
    """Step 6 of a period: OO_i += q_i, and q_i goes to i's suppliers in equal parts (paper section 4.2)."""
    per_link = structure.buyers.spread(orders) * structure.share
    return State(
        on_hand=state.on_hand,
        on_order=state.on_order + orders,
        backorder=state.backorder,
        owed=state.owed,
        orders=_send(state.orders, per_link, structure.order_lead),
        shipments=state.shipments,
    )


def advance(structure: Structure, state: State, demand: Array) -> tuple[State, LocalState, Array]:
    """Steps 1 to 5 of a period: receive, take orders, serve, pay, observe. Returns (state, local state, cost)."""
    # 1. Receive. OO loses what IL gains; the floor only removes rounding dust of equal splits.
    received = structure.buyers.sum(state.shipments[0])
    on_order = positive_part(state.on_order - received)
    # 2. Orders arrive; at a retailer they are the external demand.
    due = state.orders[0]
    claims = concat([due[structure.num_sources :, :], demand])
    claimed = structure.sellers.sum(claims)
    # 3. Serve. The external supplier always can.
    shipped, on_hand, backorder = serve(structure, state, state.on_hand + received, claims, claimed)
    leaving = concat([due[: structure.num_sources, :], shipped[: structure.num_edges, :]])
    following = State(
        on_hand=on_hand,
        on_order=on_order,
        backorder=backorder,
        owed=structure.sellers.sum(backorder),
        orders=state.orders[1:],
        shipments=_send(state.shipments[1:], leaving, structure.shipment_lead),
    )
    # 4. and 5. Cost and observation.
    local = LocalState(following.owed, on_hand, on_order, received, claimed)
    return following, local, period_cost(structure, local)


def period_cost(structure: Structure, local: LocalState) -> Array:
    """C_i^t = c_b,i BO_i^t + c_h,i IL_i^t, [N, B] (paper eq. 1)."""
    return structure.backorder_cost * local.backorder + structure.holding_cost * local.on_hand


def serve(
    structure: Structure, state: State, stock: Array, claims: Array, claimed: Array
) -> tuple[Array, Array, Array]:
    """Step 3: share the stock among the claims on it.

    Proportional (default, ours): outstanding backorders first, then this period's orders; where stock does not cover a
    pass, each claim of it gets the same fraction. Priority: customers in the network file's order, each one's
    backorders and orders together, as other simulators do.

    Args:
        structure: the compiled scenario.
        state: the period's start, for what is owed.
        stock: [N, B] units at hand.
        claims: [E+R, B] this period's orders.
        claimed: [N, B] the same by seller.

    Returns:
        (shipped [E+R, B], stock left [N, B], backorders left [E+R, B]).
    """
    total = state.backorder + claims
    if structure.priority is not None:
        shipped = _share_by_priority(structure, stock, total)
        served = lesser(stock, structure.sellers.sum(total))
        return shipped, stock - served, total - shipped
    unserved_owed, stock = _share_in_proportion(stock, state.owed)
    unserved_new, stock = _share_in_proportion(stock, claimed)
    spread = structure.sellers.spread
    backorder = state.backorder * spread(unserved_owed) + claims * spread(unserved_new)
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


def _send(slots: tuple[Array, ...], quantity: Array, lead: LeadTimes) -> tuple[Array, ...]:
    """Put `quantity` [S+E, B] on its way: each link's part into the slot of its lead time, the last of which is new."""
    updated = list(slots)
    for slot, mask in lead.slots:
        part = quantity if mask is None else quantity * mask
        if slot < len(updated):
            updated[slot] = updated[slot] + part
        else:
            updated.append(part)
    return tuple(updated)
