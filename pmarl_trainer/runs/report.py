"""What an evaluation leaves behind: the table on the screen, and evaluation.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from pmarl_trainer.learners.evaluation import Outcome
from pmarl_trainer.training.atomic_file import whole_file


def evaluation_record(outcomes: Mapping[str, Outcome], agents: tuple[str, ...], baseline: str | None) -> dict[str, Any]:
    """The JSON of an evaluation: for every policy mean, 95 % interval, ratio to the baseline, per-agent means.

    Keys of policies are their names with underscores, so that `policies.base_stock.mean` works in any query language.
    """
    reference = outcomes.get(baseline) if baseline else None
    policies = {}
    for name, outcome in outcomes.items():
        ratio = outcome.ratio_to(reference) if reference else None
        policies[_key(name)] = {
            "name": name,
            "mean": outcome.mean,
            "ci95": outcome.ci95,
            "ratio": ratio,
            "ratio_ci95": outcome.ratio_ci95(reference) if reference else None,
            "per_agent": dict(zip(agents, outcome.totals.mean(axis=0).tolist(), strict=True)),
            "episodes": outcome.episodes.tolist(),
        }
    first = next(iter(outcomes.values()))
    return {"metric": first.metric, "baseline": _key(baseline) if baseline else None, "policies": policies}


def _key(name: str) -> str:
    return name.replace("-", "_")


def write_json(path: Path, record: Mapping[str, Any]) -> None:
    """Write the whole file or none."""
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(record, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def print_table(outcomes: Mapping[str, Outcome], baseline: str | None, title: str) -> None:
    """The comparison, one row a policy; what was learned comes first and stands out."""
    first = next(iter(outcomes.values()))
    reference = outcomes.get(baseline) if baseline else None
    table = Table("policy")
    for column in (f"mean {first.metric}", "95 % interval", *((f"ratio to {baseline}",) if reference else ())):
        table.add_column(column, justify="right")
    for name, outcome in outcomes.items():
        interval = outcome.ci95
        cells = [name, f"{outcome.mean:.4g}" if abs(outcome.mean) < 1000 else f"{outcome.mean:.0f}"]
        cells.append("" if interval is None else f"± {(interval[1] - interval[0]) / 2:.3g}")
        if reference:
            ratio, bounds = outcome.ratio_to(reference), outcome.ratio_ci95(reference)
            half = "" if bounds is None or name == baseline else f" ± {(bounds[1] - bounds[0]) / 2:.3f}"
            cells.append("" if ratio is None else f"{ratio:.3f}{half}")
        table.add_row(*cells, style="bold" if outcome is first else None)
    console = Console()
    console.print(title, highlight=False, soft_wrap=True)  # not the table's own title, which wraps at its width
    console.print(table)
