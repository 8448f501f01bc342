"""The two networks of `Pretrained`: one reads the supply network once, one decides in every period. Pure functions.

Before operation a graph network turns the firms' places into a context for each firm. In operation a firm's decision is
a function of its context and of its own six periods. Both are written for any array library, so that what is trained
is what is shipped. N firms, B rows, O = 30 numbers seen, H hidden units.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from scenv.simulation.array_ops import Array, namespace

#: What a firm sees: five numbers of six periods.
SEEN = 30
#: Rounds in which a firm hears of its suppliers and customers.
ROUNDS = 4


class Context(NamedTuple):
    """What a firm knows of its place while it operates.

    Attributes:
        gain: [N, O, 1] weights of what it sees.
        level: [N, 1, 1] what it orders beside that.
        first, second: [N, 1, H] biases of the hidden layers.
        last: [N, H, 1] weights of the second one.
    """

    gain: Array
    level: Array
    first: Array
    second: Array
    last: Array


def elu(x: Array) -> Array:
    """x, and exp(x) - 1 below 0."""
    xp = namespace(x)
    return xp.where(x > 0, x, xp.expm1(xp.clip(x, None, 0.0)))


def shapes(features: int, width: int, hidden: int) -> dict[str, tuple[int, ...]]:
    """The parameters by name: `features` facts of a place, `width` numbers that firms exchange; `hidden` is H."""
    rounds = {f"round_{k}.{part}": (width, width) for k in range(ROUNDS) for part in ("own", "customers", "suppliers")}
    biases = {f"round_{k}.bias": (1, width) for k in range(ROUNDS)}
    return {
        "place.weight": (features, width),
        "place.bias": (1, width),
        **rounds,
        **biases,
        "context.weight": (width, SEEN + 1 + 3 * hidden),
        "context.bias": (1, SEEN + 1 + 3 * hidden),
        "first": (SEEN, hidden),
        "second": (hidden, hidden),
    }


def context_of(parameters: Mapping[str, Array], features: Array, of_customers: Array, of_suppliers: Array) -> Context:
    """The firms' contexts from `Places.features` [N, F] and the means over customers and suppliers [N, N]."""
    p = parameters
    x = elu(features @ p["place.weight"] + p["place.bias"])
    for k in range(ROUNDS):
        heard = (of_customers @ x) @ p[f"round_{k}.customers"] + (of_suppliers @ x) @ p[f"round_{k}.suppliers"]
        x = x + elu(x @ p[f"round_{k}.own"] + heard + p[f"round_{k}.bias"])
    out = x @ p["context.weight"] + p["context.bias"]
    hidden = (out.shape[1] - SEEN - 1) // 3
    ends = [SEEN, SEEN + 1, SEEN + 1 + hidden, SEEN + 1 + 2 * hidden]
    return Context(
        gain=out[:, : ends[0], None],
        level=out[:, ends[0] : ends[1], None],
        first=out[:, None, ends[1] : ends[2]],
        second=out[:, None, ends[2] : ends[3]],
        last=out[:, ends[3] :, None],
    )


def adjustment(
    parameters: Mapping[str, Array], context: Context, seen: Array, elu: Callable[[Array], Array] = elu
) -> Array:
    """[N, B] what each firm orders above the demand just seen, in its units, from what it sees [N, B, O].

    A linear rule of the firm's own, and a network of two hidden layers on what it sees, bounded: x / (1 + |x| / 10).
    """
    hidden = elu((seen / (1 + 0.1 * abs(seen))) @ parameters["first"] + context.first)
    hidden = elu(hidden @ parameters["second"] + context.second)
    return (seen @ context.gain + hidden @ context.last + context.level)[:, :, 0]
