"""What all pictures share: colours that differ also for colour-blind eyes and in print (after Okabe and Ito 2008)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Final

__all__ = [
    "BACKORDER",
    "CLOSED",
    "DELAYED",
    "DEMAND",
    "DEMAND_CHANGED",
    "EDGE",
    "HOLDING_COST_MAP",
    "INVENTORY",
    "LOST",
    "NEUTRAL",
    "ORDERS",
    "SERIES",
    "TEXT",
]

TEXT: Final = SimpleNamespace(strong="#1b1f24", normal="#3b424a", quiet="#6b747e")
GRID: Final = "#e6e9ed"
EDGE: Final = "#8b97a3"
NEUTRAL: Final = "#dfe4e9"

INVENTORY: Final = "#0072b2"  # blue
BACKORDER: Final = "#d55e00"  # vermilion
ORDERS: Final = "#1b1f24"
LOST: Final = "#9b3a80"  # purple
DEMAND: Final = "#009e73"  # green

#: Shades of what happens to firms; light, so that curves stay readable on them.
CLOSED: Final = "#f3b9a5"
DELAYED: Final = "#f5dfa8"
DEMAND_CHANGED: Final = "#b9dfd0"

#: For curves of several policies or methods, in this order: each neighbour differs in lightness too.
SERIES: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#1b1f24")

#: Sequential, light to dark in one direction: reads in grey as well.
HOLDING_COST_MAP: Final = ("#f7f4e6", "#cfe3d0", "#8cc3c4", "#4795b4", "#225e97", "#17305f")
