"""Orders and goods under way: pipelines of slots, where slot k holds what arrives in k + 1 periods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from scenv.simulation.array_ops import Array, namespace
from scenv.simulation.structure import LeadTimes


class Journeys(NamedTuple):
    """Lead times of one period's consignments, where they are drawn: of what leaves on each link.

    Attributes:
        periods: [S+E, B] whole numbers; 0 is this very period.
        distinct: the numbers that occur, ascending.
    """

    periods: Array
    distinct: tuple[int, ...]


def pipeline_with(lead: LeadTimes, flow: Array, under_way: Sequence[Array] | None) -> tuple[Array, ...]:
    """A pipeline that a steady flow [K, B] has filled, as far as each link's lead time reaches."""
    slots = [flow * 0.0] * lead.horizon
    if under_way is not None:
        return tuple([flow * count for count in under_way] + slots[len(under_way) :])
    for count, mask in lead.filled:
        for slot in range(count):
            slots[slot] = slots[slot] + (flow if mask is None else flow * mask)
    return tuple(slots)


def send(slots: tuple[Array, ...], quantity: Array, lead: LeadTimes, drawn: Journeys | None) -> tuple[Array, ...]:
    """Put `quantity` [S+E, B] on its way: each link's part into the slot of its lead time, the last of which is new.

    What arrives in the same period is not on its way (`arriving_at_once`).
    """
    updated = list(slots)
    if drawn is not None:
        xp = namespace(quantity)
        nothing = xp.zeros_like(quantity)
        updated += [nothing] * (lead.horizon - len(updated))
        for periods in drawn.distinct:
            if periods == 0:
                continue
            updated[periods - 1] = updated[periods - 1] + xp.where(drawn.periods == periods, quantity, nothing)
        return tuple(updated)
    for slot, mask in lead.slots:
        part = quantity if mask is None else quantity * mask
        if slot < len(updated):
            updated[slot] = updated[slot] + part
        else:
            updated.append(part)
    return tuple(updated) or (quantity * 0.0,)  # goods can wait at the gate of a closed firm


def arriving_at_once(quantity: Array, lead: LeadTimes, drawn: Journeys | None) -> Array:
    """The part of what leaves now, [S+E, B], that arrives in the same period; only where `lead.at_once`."""
    xp = namespace(quantity)
    there = lead.at_once if drawn is None else drawn.periods == 0
    return xp.where(there, quantity, xp.zeros_like(quantity))
