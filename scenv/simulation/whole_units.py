"""Whole units: parts that add up to a whole number become whole numbers that add up to the same.

Gradients pass as if nothing had been rounded (straight-through): a step function's own derivative, 0 almost everywhere,
would say that no order matters.
"""

from __future__ import annotations

from collections.abc import Sequence

from scenv.simulation.array_ops import Array, Segments, namespace

__all__ = ["nearest_whole", "straight_through", "whole_parts", "whole_slots"]

_DUST = 1e-9


def straight_through(exact: Array, rounded: Array) -> Array:
    """`rounded`, with the gradient of `exact` where the library has gradients."""
    return rounded.detach() + (exact - exact.detach()) if hasattr(exact, "detach") else rounded


def nearest_whole(values: Array) -> Array:
    """The nearest whole number, halves up; values are not negative."""
    return straight_through(values, namespace(values).floor(values + 0.5))


def whole_parts(segments: Segments, parts: Array) -> Array:
    """Round the parts [K, B] of each firm's links so that their sum, a whole number, stays: largest remainder.

    Every part is rounded down; what is left of the sum goes, a unit each, to the links with the largest remainders,
    among equal ones in link order. A part is rounded up to the next whole number at most.
    """
    xp = namespace(parts)
    exact = parts.detach() if hasattr(parts, "detach") else parts
    down = xp.floor(exact + _DUST)
    # In steps of the dust, so that equal parts are equal and no part that is whole comes before another.
    remainder = xp.clip(xp.round((exact - down) / _DUST), 0.0, None) * _DUST
    left = xp.round(segments.sum(exact)) - segments.sum(down)
    if not bool(xp.any(left > 0)):  # mostly: one supplier, or stock for all
        return straight_through(parts, down)
    # One stable sort of all links: by firm, then by remainder; a link's rank is its place less the firm's first.
    firm = xp.astype(segments.firm, xp.float64)[:, None]
    place = xp.argsort(xp.argsort(2.0 * firm - remainder, axis=0, stable=True), axis=0, stable=True)
    rank = xp.astype(place - segments.start[:, None], xp.float64)
    return straight_through(parts, down + xp.astype(rank < segments.spread(left), xp.float64))


def whole_slots(slots: Sequence[Array]) -> tuple[Array, ...]:
    """A pipeline's slots as whole numbers: what is under way up to each slot is rounded to the nearest."""
    if not slots:
        return ()
    total, before, whole = slots[0] * 0.0, slots[0] * 0.0, []
    for slot in slots:
        total = total + slot
        up_to = namespace(total).floor(total + 0.5)
        whole.append(up_to - before)
        before = up_to
    return tuple(whole)
