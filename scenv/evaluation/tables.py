"""Comparisons as tables for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich import box
from rich.markup import escape
from rich.table import Table

from scenv.evaluation.intervals import paired_difference
from scenv.evaluation.result import Evaluation
from scenv.network.stage_titles import stage_titles


def comparison_table(comparisons: Mapping[str, Mapping[str, Evaluation]], title: str | None = None) -> Table:
    """One row per policy; several comparisons one under the other, each under its label (e.g. a lead time).

    The cost is the mean ± half of its 95 % interval; so is the ratio to the first policy, on the same demand paths.
    The bullwhip ratio is that of the stage where it is largest. Kinds of cost beside stock and backorders have a column
    where a scenario has them.
    """
    reference = next(iter(next(iter(comparisons.values()))))
    others = list(dict.fromkeys(kind for each in comparisons.values() for r in each.values() for kind in r.other_costs))
    columns = ("cost", f"÷ {reference}", "holding", "backorder", *others, "fill rate", "bullwhip")
    rows = {
        label: {name: _cells(result, next(iter(comparison.values())), others) for name, result in comparison.items()}
        for label, comparison in comparisons.items()
    }
    return labelled_table("policy", columns, rows, title)


def labelled_table(
    first_column: str, columns: Sequence[str], rows: Mapping[str, Mapping[str, Sequence[str]]], title: str | None
) -> Table:
    """A table of cells by row's name, several parts one under the other, each under its label where it has one."""
    table = _blank_table(first_column, columns, title)
    for label, part in rows.items():
        if label:
            table.add_row(f"[bold]{label}[/]")
        for name, cells in part.items():
            table.add_row(escape(name), *cells)
        table.add_section()
    return table


def _cells(result: Evaluation, reference: Evaluation, others: Sequence[str]) -> list[str]:
    difference = paired_difference(result.episode_costs, reference.episode_costs)
    return [
        f"{result.mean:,.0f} ± {_half(result.ci95):,.0f}",
        "1" if result is reference else f"{difference.ratio:.3f} ± {_half(difference.ratio_ci95):.3f}",
        f"{result.holding_costs.sum(axis=1).mean():,.0f}",
        f"{result.backorder_costs.sum(axis=1).mean():,.0f}",
        *(
            f"{result.other_costs[kind].sum(axis=1).mean():,.0f}" if kind in result.other_costs else "–"
            for kind in others
        ),
        _percent(result.fill_rate),
        f"{max(result.bullwhip):.2f}",
    ]


def stage_table(comparison: Mapping[str, Evaluation], title: str | None = None) -> Table:
    """One row per policy and stage, nearest the customer first."""
    others = list(dict.fromkeys(kind for result in comparison.values() for kind in result.other_costs))
    columns = ("cost", "holding", "backorder", *others, "fill rate", "bullwhip")
    table = _blank_table("policy and stage", columns, title)
    for name, result in comparison.items():
        table.add_row(f"[bold]{escape(name)}[/]")
        for stage, row in zip(stage_titles(result.scenario.network), result.per_stage, strict=True):
            parts = [row["holding"], row["backorder"], *(row.get(kind, 0.0) for kind in others)]
            costs = [sum(parts), *parts]
            table.add_row(
                f"  {stage}", *(f"{cost:,.0f}" for cost in costs), _percent(row["fill_rate"]), f"{row['bullwhip']:.2f}"
            )
        table.add_section()
    return table


def _blank_table(first_column: str, columns: Sequence[str], title: str | None) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(first_column, overflow="fold")
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _percent(part: float) -> str:
    return f"{100 * part:.1f} %"


def _half(interval: tuple[float, float]) -> float:
    return (interval[1] - interval[0]) / 2
