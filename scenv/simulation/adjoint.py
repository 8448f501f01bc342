"""What a unit of everything is worth in later costs: the derivative of a period, and of a whole episode, by hand.

`scenv.simulation.dynamics` holds the equations; this is their adjoint, in numpy. Going back from the last period it
carries prices: dL/dx for every unit x that is held, owed or under way, L a weighted sum of costs. A test compares it
with automatic differentiation of the equations. Several L (one an owner of costs) are carried side by side.

Shapes: N firms, B environments, K sums of costs; a price is [N, K, B] per firm and [links, K, B] per link.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from scenv.simulation.array_ops import Segments
from scenv.simulation.dynamics import Conditions, LocalState, State, place_orders
from scenv.simulation.pipelines import Journeys
from scenv.simulation.structure import LeadTimes, Structure

#: Bytes of prices that are carried side by side; more sums of costs than fit are taken in turns.
_SIDE_BY_SIDE = 64e6


class Passage(NamedTuple):
    """One step of an episode, as it was lived through.

    Attributes:
        before: the state at the end of period t.
        orders: [N, B] what was ordered then.
        demand: [R, B] external demand of period t + 1.
        after, local: the state and the local states of period t + 1.
        now: what the orders met (`dynamics.order_conditions`).
        following: conditions of period t + 1.
    """

    before: State
    orders: np.ndarray
    demand: np.ndarray
    after: State
    local: LocalState
    now: Conditions
    following: Conditions


@dataclass
class Prices:
    """dL/dx of a state's numbers x, [.., K, B]: see `State`."""

    on_hand: np.ndarray
    on_order: np.ndarray
    backorder: np.ndarray
    owed: np.ndarray
    orders: list[np.ndarray]
    shipments: list[np.ndarray]


def order_gradients(
    structure: Structure,
    passages: Sequence[Passage],
    weights: np.ndarray,
    by_observation: Sequence[np.ndarray],
    by_demand: Sequence[np.ndarray],
) -> np.ndarray:
    """dL_k / d orders along an episode whose firms react to what they see: the policies' part of it is given.

    Args:
        structure: the compiled scenario.
        passages: the T - 1 steps.
        weights: [T, K, N]; L_k is the sum over periods t, firms j and rows of weights[t, k, j] cost[t, j].
        by_observation: for each step [N, O, B], the derivative of a firm's order by its own observation.
        by_demand: for each step [N, B], its derivative by the demand that it answers beside what the observation says:
            the period's, or of a firm that orders within a period, the next period's (`scenv.simulation.ordering`).

    Returns:
        [T - 1, N, B]: for every firm the gradient of L_0, if K = 1, or with K = N of the firm's own L.
    """
    count, firms, rows = weights.shape[1], structure.num_firms, passages[0].demand.shape[1]
    if count == 1:
        return _pull_back(structure, passages, weights, by_observation, by_demand)[:, :, 0]
    at_once = max(1, int(_SIDE_BY_SIDE / (8 * by_observation[0].shape[1] * firms * rows)))
    result = np.empty((len(passages), firms, rows))
    for start in range(0, count, at_once):
        owners = np.arange(start, min(start + at_once, count))
        found = _pull_back(structure, passages, weights[:, owners], by_observation, by_demand)
        result[:, owners] = found[:, owners, owners - start]
    return result


def _pull_back(
    structure: Structure,
    passages: Sequence[Passage],
    weights: np.ndarray,
    by_observation: Sequence[np.ndarray],
    by_demand: Sequence[np.ndarray],
) -> np.ndarray:
    """[T - 1, N, K, B]: dL_k / d orders of every firm."""
    steps, (_, count, firms), rows = len(passages), weights.shape, passages[0].demand.shape[1]
    size = by_observation[0].shape[1] // len(LocalState._fields)  # m + 1
    # Prices of what firms see, of all periods; the first m stand for nothing: they were before the start.
    seen = np.zeros((size - 1 + steps + 1, firms, len(LocalState._fields), count, rows))
    result = np.empty((steps, firms, count, rows))
    prices = _nothing(passages[-1].after, count)
    within = np.zeros((firms, 1), dtype=bool) if structure.within is None else structure.within.firms
    for t in range(steps - 1, -1, -1):
        cost_weight = weights[t + 1].T[:, :, None]
        prices, result[t] = transition_adjoint(
            structure, passages[t], prices, seen[size + t], cost_weight, by_demand[t] * within
        )
        reaction = by_observation[t].reshape(firms, size, -1, 1, rows).swapaxes(0, 1)
        seen[t : t + size] += reaction * result[t][:, None]
        seen[t + size - 1, :, _DEMAND] += (by_demand[t] * ~within)[:, None] * result[t]
    return result


_DEMAND = LocalState._fields.index("demand")


def _nothing(state: State, count: int) -> Prices:
    def zeros(x: np.ndarray) -> np.ndarray:
        return np.zeros((x.shape[0], count, x.shape[1]))

    return Prices(
        on_hand=zeros(state.on_hand),
        on_order=zeros(state.on_order),
        backorder=zeros(state.backorder),
        owed=zeros(state.owed),
        orders=[zeros(slot) for slot in state.orders],
        shipments=[zeros(slot) for slot in state.shipments],
    )


def transition_adjoint(
    structure: Structure,
    passage: Passage,
    prices: Prices,
    seen: np.ndarray,
    cost_weight: np.ndarray,
    answer: np.ndarray,
) -> tuple[Prices, np.ndarray]:
    """The adjoint of `dynamics.transition`: steps 5 to 1 of period t + 1, then step 6 of period t.

    Args:
        structure: the compiled scenario.
        passage: the step.
        prices: of the state after it.
        seen: [N, 5, K, B] prices of the local states after it.
        cost_weight: [N, K, 1] of the period's costs.
        answer: [N, B] the derivative of an order that is placed within period t + 1 by that period's demand.

    Returns:
        Prices of the state before the step, and of the orders [N, K, B].
    """
    following = passage.following
    placed = place_orders(structure, passage.before, passage.orders, passage.now)
    reached = np.concatenate([placed.orders[0][structure.num_sources :], passage.demand])
    leaving = _sent(prices.shipments, structure.shipment_lead, following.shipments)
    on_hand, claims, backorder, owed, arriving, leaving = _lived_adjoint(
        structure, passage, reached, prices, seen, cost_weight, leaving
    )
    on_order = prices.on_order + seen[:, 2]
    shipments = [arriving, *prices.shipments[: len(passage.before.shipments) - 1]]
    orders, due = _placed_adjoint(structure, passage, prices.orders, claims, leaving, on_order, answer)
    under_way = [due, *prices.orders][: len(passage.before.orders)]
    return Prices(on_hand, on_order, backorder, owed, under_way, shipments), orders


def _lived_adjoint(
    structure: Structure,
    passage: Passage,
    reached: np.ndarray,
    prices: Prices,
    seen: np.ndarray,
    cost_weight: np.ndarray,
    leaving: np.ndarray,
) -> tuple[np.ndarray, ...]:
    """Steps 5 to 1: prices of IL, claims, backorders, BO, of the goods due on each order link, and of what leaves.

    Goods that arrive in the period in which they leave are worth what goods due are; they pass so many firms.
    """
    is_open, later = passage.following.open, leaving
    on_order = prices.on_order + seen[:, 2]
    for last in range(structure.deliveries, -1, -1):
        on_hand, claims, backorder, owed, received = _settle_adjoint(
            structure, passage, reached, prices, seen, cost_weight, leaving
        )
        # Receive. OO's floor only removes the dust of rounding, so it is no kink.
        arriving = _at_gate(structure, _spread(structure.buyers, received - on_order), prices.shipments[0], is_open)
        if last:
            leaving = later + _at_once(structure, arriving, passage.following.shipments)
    return on_hand, claims, backorder, owed, arriving, leaving


def _placed_adjoint(
    structure: Structure,
    passage: Passage,
    later: list[np.ndarray],
    claims: np.ndarray,
    leaving: np.ndarray,
    on_order: np.ndarray,
    answer: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Step 6: prices of the orders [N, K, B], and of the orders due on each order link; `claims` are those of what
    reaches the firms, to which who orders within the period answers by `answer` [N, B].
    """
    edges, rounds = structure.num_edges, 0 if structure.within is None else structure.within.rounds
    reaching = claims
    for last in range(rounds, -1, -1):
        due = np.concatenate([leaving[: structure.num_sources], reaching[:edges]])
        per_link = _sent([due, *later], structure.order_lead, passage.now.orders)
        orders = _sum(structure.buyers, per_link * structure.share[:, None]) + on_order
        if passage.now.open is not None:
            orders = orders * passage.now.open[:, None]
        if last:
            reaching = claims + _spread(structure.sellers, answer[:, None] * orders)
    return orders, due


def _settle_adjoint(
    structure: Structure,
    passage: Passage,
    reached: np.ndarray,
    prices: Prices,
    seen: np.ndarray,
    cost_weight: np.ndarray,
    leaving: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The adjoint of `dynamics.settle` and `period_cost`: prices of IL, of the claims, of backorders, of BO before,
    and of what was received. `reached` [E+R, B] are the orders that reached the firms.
    """
    sellers, edges, is_open = structure.sellers, structure.num_edges, passage.following.open
    unmet = structure.backorder_cost[:, :, None] * cost_weight
    on_hand = prices.on_hand + seen[:, 1] + structure.holding_cost[:, :, None] * cost_weight
    backorder = prices.backorder + _spread(sellers, prices.owed + seen[:, 0] + unmet)
    if structure.lost_sales:  # what was not met outside is not owed any longer, but was paid for
        backorder[edges:] = _spread(sellers, unmet + np.zeros_like(on_hand))[edges:]
    shipped = np.zeros_like(backorder)
    shipped[:edges] = leaving[structure.num_sources :]
    stock = passage.before.on_hand + passage.local.received
    served, share = stock, None
    if structure.capacity is not None:
        served, share = np.minimum(stock, structure.capacity), 1.0 * (stock < structure.capacity)
    if is_open is not None:
        served, share = served * is_open, is_open if share is None else share * is_open
    left = on_hand
    of_served, claims, backorder, owed, claimed = _serve_adjoint(
        structure, passage, reached, served, shipped, left, backorder
    )
    # What cannot be served stays on hand: on_hand = left + (stock - served).
    of_stock = of_served if share is None else on_hand + share[:, None] * (of_served - on_hand)
    claims = claims + _spread(sellers, claimed + seen[:, 4])
    return of_stock, claims, backorder, owed, of_stock + seen[:, 3]


def _serve_adjoint(
    structure: Structure,
    passage: Passage,
    reached: np.ndarray,
    stock: np.ndarray,
    shipped: np.ndarray,
    left: np.ndarray,
    backorder: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The adjoint of `dynamics.serve` in proportion: prices of the stock, the claims, the backorders before, BO before
    and the claims by seller, from those of what is shipped, left and still owed.
    """
    sellers, before, claimed = structure.sellers, passage.before, passage.local.demand
    first, second = _Pass(stock, before.owed), _Pass(np.maximum(stock - before.owed, 0.0), claimed)
    unshipped = backorder - shipped
    of_new, of_claimed = second.adjoint(_sum(sellers, unshipped * reached[:, None]), left)
    of_stock, of_owed = first.adjoint(_sum(sellers, unshipped * before.backorder[:, None]), of_new)
    of_claims = shipped + unshipped * _spread(sellers, second.unserved)[:, None]
    of_backorder = shipped + unshipped * _spread(sellers, first.unserved)[:, None]
    return of_stock, of_claims, of_backorder, of_owed, of_claimed


class _Pass:
    """One of serve's two passes: stock meets claims to the part min(1, stock / claims)."""

    def __init__(self, stock: np.ndarray, claimed: np.ndarray) -> None:
        self._short = (stock < claimed)[:, None]
        self._claimed = np.where(self._short[:, 0], claimed, 1.0)[:, None]
        self._met = stock[:, None] / self._claimed
        self.unserved = np.where(self._short, 1.0 - self._met, 0.0)[:, 0]

    def adjoint(self, unserved: np.ndarray, left: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Prices of (stock, claims) from those of the part not met and of the stock that is left."""
        per_claim = unserved / self._claimed
        return np.where(self._short, -per_claim, left), np.where(self._short, per_claim * self._met, -left)


def _at_gate(structure: Structure, arriving: np.ndarray, later: np.ndarray, is_open: np.ndarray | None) -> np.ndarray:
    """The adjoint of `dynamics.arrivals`: at a closed firm's gate goods are worth what they are a period later."""
    if is_open is None:
        return arriving
    open_there = _spread(structure.buyers, is_open)[:, None]
    return open_there * arriving + (1 - open_there) * later


def _at_once(structure: Structure, arriving: np.ndarray, drawn: Journeys | None) -> np.ndarray:
    """The adjoint of `pipelines.arriving_at_once`."""
    there = structure.shipment_lead.at_once if drawn is None else drawn.periods == 0
    return np.where(np.asarray(there)[:, None], arriving, 0.0)


def _sent(slots: list[np.ndarray], lead: LeadTimes, drawn: Journeys | None) -> np.ndarray:
    """The adjoint of `pipelines.send`: what a unit is worth that sets out now, [S+E, K, B]."""
    if drawn is not None:
        prices = np.zeros_like(slots[0])
        for periods in drawn.distinct:
            if periods > 0:
                prices += np.where((drawn.periods == periods)[:, None], slots[periods - 1], 0.0)
        return prices
    parts = [slots[slot] if mask is None else slots[slot] * mask[:, :, None] for slot, mask in lead.slots]
    return functools.reduce(np.add, parts) if parts else np.zeros_like(slots[0])


def _spread(segments: Segments, values: np.ndarray) -> np.ndarray:
    """Give each link its firm's value: the adjoint of `_sum`."""
    return values.take(segments.firm, axis=0)


def _sum(segments: Segments, values: np.ndarray) -> np.ndarray:
    """Sum the links of each firm, [links, K, B] -> [N, K, B]: the adjoint of `_spread`."""
    return segments.sum(values.reshape(len(values), -1)).reshape(-1, *values.shape[1:])
