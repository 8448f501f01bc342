"""The picture of a run: the evaluated cost while it learns, with every classical policy as a line to measure it by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pmarl_trainer.runs.metrics import read_metrics
from pmarl_trainer.training.atomic_file import whole_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOUR = "#1f5fa8"
_GREY = "#7a7a7a"
#: The axis shows at most this many times the lowest value, so that an untrained start does not flatten the rest.
_SPAN = 6.0


def draw_learning_curve(folder: Path, record: Mapping[str, Any]) -> str | None:
    """Draw learning_curve.png from metrics.csv; returns why not, if it cannot.

    Args:
        folder: the run's.
        record: its evaluation, as in evaluation.json: who is compared with.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return 'no learning_curve.png: matplotlib is not installed (pip install "scenv[plot]")'
    rows = [row for row in read_metrics(folder / "metrics.csv") if "evaluation" in row]
    if not rows:
        return "no learning_curve.png: metrics.csv holds no evaluation"
    relative = all("evaluation_ratio" in row for row in rows)
    values = [row["evaluation_ratio" if relative else "evaluation"] for row in rows]
    baselines = {
        policy["name"]: policy["ratio" if relative else "mean"]
        for policy in record["policies"].values()
        if policy["name"] != record["method"]
    }
    figure = Figure(figsize=(7.2, 4.2), layout="constrained")
    axes = figure.add_subplot()
    longest = rows[-1]["seconds"]
    unit, seconds = ("minutes", 60.0) if longest >= 120 else ("seconds", 1.0)
    axes.plot([row["seconds"] / seconds for row in rows], values, color=_COLOUR, linewidth=1.8, zorder=3)
    axes.set_xlim(0, longest / seconds)
    axes.set_xlabel(f"{unit} of training")
    if relative:
        axes.set_ylabel(f"cost relative to {_name_of_baseline(record)} (log scale)")
        _log_axis(axes, values, list(baselines.values()))
    else:
        axes.set_ylabel(f"mean {record['metric']} of an episode")
    _label_lines(axes, {f"{record['method']}": values[-1]}, baselines)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    with whole_file(folder / "learning_curve.png") as temporary:
        figure.savefig(temporary, dpi=150, format="png")
    return None


def _name_of_baseline(record: Mapping[str, Any]) -> str:
    return str(record["policies"][record["baseline"]]["name"])


def _log_axis(axes: Axes, values: Sequence[float], baselines: Sequence[float]) -> None:
    """From just below the lowest to the highest that is not too far off, with plain numbers at the ticks."""
    lowest = min([*values, *baselines])
    highest = min(max([*values, 1.0]), _SPAN * lowest)
    axes.set_yscale("log")
    axes.set_ylim(lowest / 1.06, max(highest, 1.5 * lowest) * 1.06)
    low, high = axes.get_ylim()
    steps = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.2, 1.5, 2, 3, 4, 5, 7, 10, 15, 20, 30, 50, 100)
    ticks = [tick for tick in steps if low <= tick <= high]
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()


def _label_lines(axes: Axes, learned: Mapping[str, float], baselines: Mapping[str, float]) -> None:
    """A thin line for each baseline that the axis shows; names to the right, moved apart where they would touch."""
    low, high = axes.get_ylim()
    shown = {name: value for name, value in baselines.items() if low <= value <= high or axes.get_yscale() == "linear"}
    for value in shown.values():
        axes.axhline(value, color=_GREY, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    low, high = axes.get_ylim()  # a linear axis has grown with the lines
    axes.set_ylim(low, high)
    to_axes = axes.transData + axes.transAxes.inverted()
    names = sorted({**shown, **learned}.items(), key=lambda item: item[1])
    heights = [float(to_axes.transform((0, value))[1]) for _, value in names]
    for (name, value), height in zip(names, spread(heights, 0.05), strict=True):
        colour = _COLOUR if name in learned else _GREY
        text = f"{name}  {value:.2f}" if axes.get_yscale() == "log" else f"{name}  {value:.4g}"
        axes.text(1.015, height, text, transform=axes.transAxes, color=colour, fontsize=8, va="center")


def spread(heights: Sequence[float], gap: float) -> list[float]:
    """Ascending heights moved as little as need be to lie `gap` apart, within 0 .. 1 while there is room."""
    placed: list[float] = []
    for height in heights:
        placed.append(max(min(height, 1.0), placed[-1] + gap if placed else 0.0))
    ceiling = 1.0
    for k in reversed(range(len(placed))):
        placed[k] = min(placed[k], ceiling)
        ceiling = placed[k] - gap
    return placed
