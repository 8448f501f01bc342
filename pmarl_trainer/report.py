"""What a run leaves behind for people: the table, evaluation.json and the picture of the learning curve."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from pmarl_trainer.evaluation import Outcome
from pmarl_trainer.metrics import read_metrics


def evaluation_record(
    outcomes: Mapping[str, Outcome], agents: tuple[str, ...], yardstick: str | None
) -> dict[str, Any]:
    """The JSON of an evaluation: for every policy mean, 95 % interval, ratio to the yardstick, per-agent means.

    Keys of policies are their names with underscores, so that `policies.base_stock.mean` works in any query language.
    """
    reference = outcomes.get(yardstick) if yardstick else None
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
    return {"metric": first.metric, "yardstick": _key(yardstick) if yardstick else None, "policies": policies}


def _key(name: str) -> str:
    return name.replace("-", "_")


def write_json(path: Path, record: Mapping[str, Any]) -> None:
    """Write under a temporary name, then rename."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_text(json.dumps(record, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    os.replace(temporary, path)


def print_table(outcomes: Mapping[str, Outcome], yardstick: str | None, title: str) -> None:
    """The comparison, one row a policy."""
    first = next(iter(outcomes.values()))
    reference = outcomes.get(yardstick) if yardstick else None
    table = Table("policy", title=title, title_justify="left")
    for column in (f"mean {first.metric}", "95 % interval", *((f"ratio to {yardstick}",) if reference else ())):
        table.add_column(column, justify="right")
    for name, outcome in outcomes.items():
        interval = outcome.ci95
        cells = [name, f"{outcome.mean:.4g}" if abs(outcome.mean) < 1000 else f"{outcome.mean:.0f}"]
        cells.append("" if interval is None else f"± {(interval[1] - interval[0]) / 2:.3g}")
        if reference:
            ratio, bounds = outcome.ratio_to(reference), outcome.ratio_ci95(reference)
            half = "" if bounds is None or name == yardstick else f" ± {(bounds[1] - bounds[0]) / 2:.3f}"
            cells.append("" if ratio is None else f"{ratio:.3f}{half}")
        table.add_row(*cells)
    Console().print(table)


def draw_learning_curve(folder: Path, label: str, yardstick: str | None) -> str | None:
    """Draw learning_curve.png from metrics.csv; returns why not, if it cannot."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return 'no learning_curve.png: matplotlib is not installed (pip install "scenv[plot]")'
    rows = [row for row in read_metrics(folder / "metrics.csv") if "evaluation" in row]
    if not rows:
        return "no learning_curve.png: metrics.csv holds no evaluation"
    relative = all("evaluation_ratio" in row for row in rows)
    column = "evaluation_ratio" if relative else "evaluation"
    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([row["seconds"] / 60 for row in rows], [row[column] for row in rows], label=label)
    if relative:
        axes.axhline(1.0, color="black", linestyle="--", linewidth=1, label=yardstick)
        axes.set_ylim(0, min(4.0, 1.05 * max(row[column] for row in rows)))
    axes.set_xlabel("minutes of training")
    axes.set_ylabel(f"cost relative to {yardstick}" if relative else "evaluated cost or return")
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(folder / "learning_curve.png", dpi=150)
    return None
