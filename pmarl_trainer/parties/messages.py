"""What parties ask of an exchange. A party is a generator: it yields one of these and is sent what came back.

So the same party runs in one process with all others (`LocalExchange`) or by itself over a network, and cannot tell.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

#: neighbour -> name of a tensor -> tensor
Parcels = Mapping[str, Mapping[str, Tensor]]


@dataclass(frozen=True, eq=False)
class Trade:
    """Send a parcel to each neighbour and take one from each.

    Attributes:
        kind: what is sent: "trade" (orders and goods of a period) or "prices" (their shadow prices).
        round: which of that kind, within the phase that the caller counts.
        parcels: for each neighbour, tensors by name.
    """

    kind: str
    round: int
    parcels: Parcels


@dataclass(frozen=True, eq=False)
class Total:
    """Add a number of one's own to everybody's; only the sum comes back.

    Attributes:
        purpose: what is added up.
        round: the how-manieth sum of that purpose.
        value: one's own numbers, float64.
    """

    purpose: str
    round: int
    value: Tensor


#: What a party does in one phase: yields wishes, is sent parcels or a sum, returns its result.
Phase = Generator[Trade | Total, Any, Any]
