"""Who orders when, and in answer to which demand.

A firm whose order lead times are all at least 1 orders at the end of a period, when it has seen it: q^t = max(0, d^t +
a^t). A firm of which an order can reach a supplier with lead time 0 orders *within* the period to come, as soon as it
knows that period's demand: q^{t+1} = max(0, d^{t+1} + a^t). Such orders travel up the chain within the period,
customers first, so that each firm's demand is complete before it orders, and all of it before anybody serves. Its
adjustment a^t is decided at the end of period t in any case, from what the firm has seen until then.

How far up orders can travel in one period is `WithinPeriod.rounds`: after so many rounds of placing and answering, the
firms that are so many links up have their demand.
"""

from __future__ import annotations

from typing import Any

from scenv.simulation.array_ops import Array
from scenv.simulation.dynamics import (
    USUAL,
    Conditions,
    LocalState,
    State,
    arrivals,
    claims_of,
    order_conditions,
    order_quantity,
    place_orders,
    settle,
)
from scenv.simulation.structure import Structure

__all__ = ["adjusted_orders", "asked", "first_orders_placed", "seen_within"]


def adjusted_orders(
    structure: Structure,
    state: State,
    demand: Array,
    adjustment: Array,
    coming: Array,
    now: Conditions = USUAL,
    following: Conditions = USUAL,
    unanswered: Array | None = None,
) -> Array:
    """q = max(0, d + a), [N, B], where d is the demand that each firm answers.

    Args:
        structure: the compiled scenario.
        state: the state at the end of period t.
        demand: [N, B] the demand that orders at the end of period t answer: of the period, or since the last review.
        adjustment: [N, B] what they add to the demand that they answer.
        coming: [R, B] external demand of period t + 1.
        now: conditions of period t.
        following: conditions of period t + 1.
        unanswered: [N, B] demand until the end of period t that orders of period t + 1 answer too, where firms do not
            order in every period.
    """
    orders = order_quantity(demand, adjustment)
    if structure.within is None:
        return orders
    xp, within, placing = structure.xp, structure.within, order_conditions(structure, now, following)
    for _ in range(within.rounds):
        placed = place_orders(structure, state, orders, placing)
        coming_demand = structure.sellers.sum(claims_of(structure, placed, coming))
        answered = coming_demand if unanswered is None else unanswered + coming_demand
        orders = order_quantity(xp.where(within.firms, answered, demand), adjustment)
    return orders


def seen_within(
    structure: Structure,
    state: State,
    local: LocalState,
    orders: Array,
    coming: Array,
    now: Conditions = USUAL,
    following: Conditions = USUAL,
) -> LocalState:
    """What each firm knows when it orders: who orders at the end of period t has seen that period (`local`); who orders
    within period t + 1 knows what that period brings it, if all order `orders`, without the goods that leave in it.

    Arguments as for `adjusted_orders`; `local` [N, B] are the local states of period t.
    """
    xp, within = structure.xp, structure.within
    assert within is not None
    placed = place_orders(structure, state, orders, order_conditions(structure, now, following))
    arriving, _, _ = arrivals(structure, state.shipments, state.on_hand, following.open)
    claims = claims_of(structure, placed, coming)
    _, _, known = settle(structure, state, arriving, claims, following.open)  # its own order is not on order yet
    return LocalState(*(xp.where(within.firms, new, old) for new, old in zip(known, local, strict=True)))


def asked(policy: Any, observed: LocalState, seen: LocalState) -> Array:
    """What a policy orders, [B, N], where firms may order within a period: by what they know then (`seen`, see
    `seen_within`); a policy that decides on adjustments has a method `orders_within(observed, seen)` of its own.
    """
    if hasattr(policy, "orders_within"):
        return policy.orders_within(observed, seen)
    return policy.orders(seen)


def first_orders_placed(structure: Structure, state: State, coming: Array, first: Conditions = USUAL) -> State:
    """The state before period 0 with the orders that are placed within it: nobody has decided yet, so the demand that
    comes is passed on as it is. Who orders at a period's end has earlier orders under way instead.
    """
    if structure.within is None:
        return state
    nothing = structure.xp.zeros_like(state.on_hand)
    orders = adjusted_orders(structure, state, nothing, nothing, coming, first, first)
    return place_orders(structure, state, orders, order_conditions(structure, first, first))
