"""How the report writes names, numbers with intervals, and tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

NAMES = {
    "base-stock": "base-stock (BS)",
    "decomposition-aggregation": "decomposition–aggregation (DA)",
    "optimised-base-stock": "optimised base-stock",
    "pass-through": "pass-through",
    "sterman": "Sterman",
    "maac": "MAAC",
    "pmarl": "PMaRL",
    "fv": "FV",
    "hdpo": "near-optimal (hdpo)",
}
SHORT = {**NAMES, "base-stock": "BS", "decomposition-aggregation": "DA"}
MISSING = "–"
#: Marks what rests on a single training seed, so that its interval knows nothing of another training's result.
ONE_SEED = "†"


def ratio(triple: Sequence[float] | None) -> str:
    """A ratio and its interval."""
    return MISSING if triple is None else f"{triple[0]:.3f} ({triple[1]:.3f} … {triple[2]:.3f})"


def cost(triple: Sequence[float] | None) -> str:
    """A cost and its interval."""
    return MISSING if triple is None else f"{triple[0]:,.0f} ({triple[1]:,.0f} … {triple[2]:,.0f})"


def milliseconds(triple: Sequence[float] | None) -> str:
    """Seconds and their interval, in milliseconds."""
    return MISSING if triple is None else f"{1e3 * triple[0]:.1f} ({1e3 * triple[1]:.1f} … {1e3 * triple[2]:.1f})"


def plain(value: Any) -> str:
    """What stands in a table without an interval."""
    return f"{value:.4g}" if isinstance(value, float) else str(value).replace("_", " ")


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], numbers: int | None = None) -> list[str]:
    """A markdown table; the last `numbers` columns (None: all but the first) are set to the right."""
    right = len(heads) - 1 if numbers is None else numbers
    rule = ["---"] * (len(heads) - right) + ["---:"] * right
    return [f"| {' | '.join(cells)} |" for cells in (heads, rule, *rows)]
