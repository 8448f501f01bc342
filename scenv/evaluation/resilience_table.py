"""Disturbed against calm paths as tables for a terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from rich.table import Table

from scenv.evaluation.resilience import Resilience
from scenv.evaluation.tables import labelled_table

__all__ = ["resilience_tables"]

_COST = ("calm", "disturbed", "disturbed ÷ calm", "CVaR 5 % ÷ calm", "tail")
_SERVICE = ("service lost", "survives", "recovers", "firms reached", "stages", "hops")


def resilience_tables(
    comparisons: Mapping[str, Mapping[str, Resilience]], title: str | None = None
) -> tuple[Table, Table]:
    """Two tables, one row per policy: cost, and service; several comparisons one under the other, each under its label
    (e.g. a lead time).

    Ratios and means stand with half of their 95 % interval; times are Kaplan-Meier medians in periods, with the part of
    paths whose time had not ended by the end of the episode.
    """
    facts = {
        label: {name: result.to_dict() for name, result in comparison.items()}
        for label, comparison in comparisons.items()
    }
    cost, service = (
        {label: {name: cells(each) for name, each in part.items()} for label, part in facts.items()}
        for cells in (_cost_cells, _service_cells)
    )
    return labelled_table("policy", _COST, cost, title), labelled_table("policy", _SERVICE, service, None)


def _cost_cells(facts: dict[str, Any]) -> list[str]:
    return [
        f"{facts['calm_cost']:,.0f}",
        f"{facts['disturbed_cost']:,.0f}",
        f"{facts['ratio']:.3f} ± {_half(facts['ratio_ci95']):.3f}",
        f"{facts['cvar5']:.2f}",
        f"{facts['tail']:+.2f}" if math.isfinite(facts["tail"]) else "–",
    ]


def _service_cells(facts: dict[str, Any]) -> list[str]:
    return [
        f"{facts['service_lost']:.2f} ± {_half(facts['service_lost_ci95']):.2f}",
        _time(facts["time_to_survive"], facts["never_impaired"]),
        _time(facts["time_to_recover"], facts["not_recovered"]),
        *(f"{facts[name]:.1f}" for name in ("ripple_firms", "ripple_stages", "ripple_hops")),
    ]


def _time(median: float, open_part: float) -> str:
    if math.isnan(median):
        return "–"
    known = f"{median:.0f}" if math.isfinite(median) else "–"
    return f"{known} ({100 * open_part:.0f} % open)" if open_part > 0 else known


def _half(interval: list[float]) -> float:
    return (interval[1] - interval[0]) / 2
