"""How the report writes names and numbers with intervals: the filters of its templates."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]

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


def name(policy: str) -> str:
    """A policy's name; somebody's own method keeps the name that it was given."""
    return NAMES.get(policy, policy)


def short(policy: str) -> str:
    """A policy's name in the head of a column."""
    return SHORT.get(policy, policy)


def in_ms(text: str) -> str:
    """The head of a column of milliseconds."""
    return f"{text}, ms"


def lead_time_head(lead: int | None) -> str:
    """The head of a lead time's column; times per episode have none."""
    return "ratio" if lead is None else f"lead time {lead}"


def ratio(triple: Sequence[float] | None) -> str:
    """A ratio and its interval."""
    return MISSING if triple is None else f"{triple[0]:.3f} ({triple[1]:.3f} … {triple[2]:.3f})"


def cost(triple: Sequence[float] | None) -> str:
    """A cost and its interval."""
    return MISSING if triple is None else f"{triple[0]:,.0f} ({triple[1]:,.0f} … {triple[2]:,.0f})"


def milliseconds(triple: Sequence[float] | None) -> str:
    """Seconds and their interval, in milliseconds."""
    return MISSING if triple is None else f"{1e3 * triple[0]:.1f} ({1e3 * triple[1]:.1f} … {1e3 * triple[2]:.1f})"


def thousands(count: int) -> str:
    """A count with its thousands apart."""
    return f"{count:,}"


def plain(value: Any) -> str:
    """What stands in a table without an interval."""
    return f"{value:.4g}" if isinstance(value, float) else str(value).replace("_", " ")


def seed_counts(seeds: Mapping[str, Sequence[int]]) -> str:
    """How many seeds each method has; one number where all have as many."""
    counts = {method: len(found) for method, found in seeds.items()}
    if len(set(counts.values())) == 1:
        return f"seeds: {next(iter(counts.values()))}"
    return ", ".join(f"{short(method)} {count}" for method, count in counts.items())


def span(rows: Iterable[Row], key: str, networks: Collection[str], policy: str) -> str | None:
    """Lowest to highest of a ratio over networks and lead times; None if there is none."""
    found = [row[key][0] for row in rows if row["policy"] == policy and row["network"] in networks and row.get(key)]
    if not found:
        return None
    low, high = f"{min(found):.2f}", f"{max(found):.2f}"
    return low if low == high else f"{low} to {high}"


def by_network(rows: Iterable[Row]) -> list[tuple[str, dict[Any, Row]]]:
    """Networks in the rows' order, each with its rows by lead time."""
    found: dict[str, dict[Any, Row]] = {}
    for row in rows:
        found.setdefault(row["network"], {})[row["lead_time"]] = row
    return list(found.items())


def groupby_stable(rows: Iterable[Row], *keys: str) -> list[tuple[Any, list[Row]]]:
    """Rows that agree in the keys, in the order in which they come (jinja2's own groupby sorts)."""
    found: dict[Any, list[Row]] = {}
    for row in rows:
        values = tuple(row[key] for key in keys)
        found.setdefault(values[0] if len(keys) == 1 else values, []).append(row)
    return list(found.items())


def first_with(rows: Iterable[Row], key: str, value: Any, wanted: str) -> Any:
    """`wanted` of the first row whose `key` is `value`; None if there is none."""
    return next((row[wanted] for row in rows if row[key] == value), None)


FILTERS = (
    name,
    short,
    in_ms,
    lead_time_head,
    ratio,
    cost,
    milliseconds,
    thousands,
    plain,
    seed_counts,
    span,
    by_network,
    groupby_stable,
    first_with,
)
