"""What the runs of several seeds say together: summary.json, learning_curves.png, and a table on the screen."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pmarl_trainer.learners.intervals import t_half_width
from pmarl_trainer.runs.html_report import encoded, number, render, settings_context
from pmarl_trainer.runs.metrics import read_metrics
from pmarl_trainer.runs.report import write_json
from pmarl_trainer.training.atomic_file import whole_file


def summarise(folder: Path, places: Sequence[Path]) -> None:
    """Write the files from the runs' own, and say how they did together."""
    records = [json.loads((place / "evaluation.json").read_text(encoding="utf-8")) for place in places]
    method = records[0]["method"]
    own = [record["policies"][method] for record in records]
    summary: dict[str, Any] = {
        "method": method,
        "metric": records[0]["metric"],
        "seeds": [record["training_seed"] for record in records],
        "mean": _over_seeds([policy["mean"] for policy in own]),
        "training": [record["training"] for record in records],
    }
    if all(policy.get("ratio") is not None for policy in own):
        summary["ratio"] = _over_seeds([policy["ratio"] for policy in own])
    write_json(folder / "summary.json", summary)
    _draw(places, method, folder / "learning_curves.png")
    _write_page(folder, places, records, summary)
    print(_in_words(summary))


def _write_page(
    folder: Path, places: Sequence[Path], records: Sequence[dict[str, Any]], summary: dict[str, Any]
) -> None:
    """report.html of the group: the answer, the curves, a row for each seed."""
    config = json.loads((places[0] / "config.json").read_text(encoding="utf-8"))
    method = summary["method"]
    rows = [
        {
            "seed": record["training_seed"],
            "mean": number(record["policies"][method]["mean"]),
            "ratio": "" if "ratio" not in summary else f"{record['policies'][method]['ratio']:.3f}",
            "best": record["best_rollout"],
            "folder": place.name,
        }
        for place, record in zip(places, records, strict=True)
    ]
    context = {
        "title": folder.resolve().name,
        "subtitle": f"{method} on {config['env']['entry']}, {len(places)} seeds",
        "answer": _in_words(summary),
        "picture": encoded(folder / "learning_curves.png"),
        "metric": summary["metric"],
        "relative": "ratio" in summary,
        "seeds": rows,
        **settings_context(config),
    }
    render("group.html.j2", context, folder / "report.html")


def _in_words(summary: dict[str, Any]) -> str:
    what, numbers = ("ratio", summary["ratio"]) if "ratio" in summary else ("mean", summary["mean"])
    low, high = numbers["ci95"]
    seeds = len(summary["seeds"])
    return f"{seeds} seeds of {summary['method']}: {what} {numbers['mean']:.4g}, 95 % interval {low:.4g} to {high:.4g}"


def _over_seeds(values: Sequence[float]) -> dict[str, object]:
    """Mean and Student's 95 % interval over seeds."""
    half, mean = t_half_width(values), float(np.mean(values))
    return {"mean": mean, "ci95": None if half is None else [mean - half, mean + half], "seeds": list(values)}


def _draw(places: Sequence[Path], method: str, path: Path) -> None:
    """Every seed's evaluations while it learned, and their mean."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return  # each run has said so
    curves = [[row for row in read_metrics(place / "metrics.csv") if "evaluation" in row] for place in places]
    length = min(len(curve) for curve in curves)
    if not length:
        return
    column = "evaluation_ratio" if all("evaluation_ratio" in row for curve in curves for row in curve) else "evaluation"
    values = np.array([[row[column] for row in curve[:length]] for curve in curves])
    episodes = [row["episodes"] for row in curves[0][:length]]
    figure = Figure(figsize=(7.2, 4.2), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(episodes, values.T, color="#1f5fa8", linewidth=0.9, alpha=0.45)
    axes.plot(
        episodes, values.mean(axis=0), color="#1f5fa8", linewidth=2.2, label=f"{method}, mean of {len(places)} seeds"
    )
    if column == "evaluation_ratio":
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.yaxis.set_minor_formatter(lambda value, _: f"{value:g}")
    axes.set_xlabel("training episodes")
    axes.set_ylabel("cost relative to the baseline (log scale)" if column == "evaluation_ratio" else "evaluation")
    axes.legend(frameon=False)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    with whole_file(path) as temporary:
        figure.savefig(temporary, dpi=150, format="png")
