"""The folder of a run of several seeds (`pmarl-train --seeds`): a run folder for each seed, and what they say together.

seeds.json when it starts: the seeds; summary.json and learning_curves.png when it is done.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy import stats

from pmarl_trainer.config.schema import RunConfig
from pmarl_trainer.errors import CheckpointError
from pmarl_trainer.runs import report
from pmarl_trainer.runs.metrics import read_metrics

Runs = Sequence[tuple[RunConfig, Path]]


def members(config: RunConfig, folder: Path, seeds: int) -> list[tuple[RunConfig, Path]]:
    """The runs of so many seeds from the configuration's on, each with its folder."""
    first = config.train.seed
    return [
        (config.model_copy(update={"train": config.train.model_copy(update={"seed": seed})}), folder / f"s{seed}")
        for seed in range(first, first + seeds)
    ]


def mark(folder: Path, runs: Runs) -> None:
    """Write down which seeds the folder holds."""
    report.write_json(folder / "seeds.json", {"seeds": [config.train.seed for config, _ in runs]})


def folders(folder: Path) -> list[Path] | None:
    """The runs' folders, by seed; None if `folder` is not of several seeds.

    Raises:
        CheckpointError: if seeds.json is damaged.
    """
    path = folder / "seeds.json"
    if not path.exists():
        return None
    try:
        return [folder / f"s{int(seed)}" for seed in json.loads(path.read_text(encoding="utf-8"))["seeds"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f'{path}: expected {{"seeds": [...]}} ({error})') from error


def summarise(folder: Path) -> None:
    """Write summary.json and learning_curves.png from the runs' own files, and say how they did together."""
    places = folders(folder) or []
    records = [json.loads((place / "evaluation.json").read_text(encoding="utf-8")) for place in places]
    method = records[0]["method"]
    own = [record["policies"][method] for record in records]
    summary = {
        "method": method,
        "seeds": [record["training_seed"] for record in records],
        "mean": _over_seeds([policy["mean"] for policy in own]),
        "training": records[0]["training"],
    }
    if all(policy.get("ratio") is not None for policy in own):
        summary["ratio"] = _over_seeds([policy["ratio"] for policy in own])
    report.write_json(folder / "summary.json", summary)
    what, numbers = ("ratio", summary["ratio"]) if "ratio" in summary else ("mean", summary["mean"])
    low, high = numbers["ci95"]
    print(f"{len(places)} seeds of {method}: {what} {numbers['mean']:.4g}, 95 % interval {low:.4g} to {high:.4g}")
    _draw(places, method, folder / "learning_curves.png")


def _over_seeds(values: Sequence[float]) -> dict[str, object]:
    """Mean and Student's 95 % interval over seeds."""
    half = float(stats.t.ppf(0.975, len(values) - 1) * stats.sem(values))
    mean = float(np.mean(values))
    return {"mean": mean, "ci95": [mean - half, mean + half], "seeds": list(values)}


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
    axes.set_ylabel("cost relative to the yardstick (log scale)" if column == "evaluation_ratio" else "evaluation")
    axes.legend(frameon=False)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)
