"""The paper's figures 5 to 8 from the report's document."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from scenv_paper.wording import ONE_SEED, SHORT

#: Okabe and Ito's colours, which most colour-blind people tell apart.
COLOURS = {
    "base-stock": "#999999",
    "decomposition-aggregation": "#E69F00",
    "pmarl": "#0072B2",
    "maac": "#D55E00",
    "fv": "#009E73",
}
MARKS = {"pmarl": "o", "maac": "s", "fv": "^"}


def draw(document: dict[str, Any], folder: Path) -> list[Path]:
    """Write a PNG for every figure that has data; returns their paths."""
    pictures: dict[str, Callable[[Sequence[dict[str, Any]]], Figure]] = {
        "figure_5": lambda rows: _bars(rows, "cost ÷ PMaRL's"),
        "figure_6": lambda rows: _bars(rows, "cost ÷ FV's"),
        "figure_7": _times,
        "figure_8": _curves,
    }
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for key, make in pictures.items():
        path = folder / f"{key}.png"
        if document[key]:
            make(document[key]).savefig(path, dpi=150, metadata={"Software": None})
            paths.append(path)
        else:
            path.unlink(missing_ok=True)
    return paths


def _bars(rows: Sequence[dict[str, Any]], label: str) -> Figure:
    """A panel a shipment lead time; in it a group of bars a network, a bar a policy."""
    leads = sorted({row["lead_time"] for row in rows})
    networks = list(dict.fromkeys(row["network"] for row in rows))
    policies = list(dict.fromkeys(row["policy"] for row in rows))
    ratio = {(row["lead_time"], row["network"], row["policy"]): row["ratio"] for row in rows}
    figure = Figure(figsize=(2.0 + 2.7 * len(leads), 3.6), layout="constrained")
    panels = np.atleast_1d(figure.subplots(1, len(leads), sharey=True))
    width = 0.8 / len(policies)
    for lead, axes in zip(leads, panels, strict=True):
        for i, policy in enumerate(policies):
            for x, network in enumerate(networks):
                found = ratio.get((lead, network, policy))
                place = x + (i - (len(policies) - 1) / 2) * width
                if found is None:
                    axes.annotate("–", (place, 0.02), ha="center", color="#555555")
                    continue
                value, low, high = found
                errors = [[max(0, value - low)], [max(0, high - value)]]
                axes.bar(place, value, width * 0.94, color=COLOURS[policy], yerr=errors, ecolor="#222222", capsize=2)
        axes.axhline(1, color="#222222", linewidth=0.8, linestyle="--", zorder=0)
        single = {row["network"] for row in rows if row["lead_time"] == lead and row["seeds"] == 1}
        axes.set_xticks(range(len(networks)), [f"{name}{ONE_SEED}" if name in single else name for name in networks])
        axes.set_title(f"shipment lead time {lead}", fontsize=10)
        _plain(axes)
    panels[0].set_ylabel(label)
    handles = [panels[0].bar(0, 0, color=COLOURS[policy]) for policy in policies]
    figure.legend(
        handles, [SHORT[policy] for policy in policies], loc="outside upper center", ncols=len(policies), frameon=False
    )
    return figure


def _times(rows: Sequence[dict[str, Any]]) -> Figure:
    figure = Figure(figsize=(5.6, 3.6), layout="constrained")
    axes = figure.subplots()
    for method in dict.fromkeys(row["method"] for row in rows):
        own = sorted((row["nodes"], row["seconds"]) for row in rows if row["method"] == method)
        nodes = [count for count, _ in own]
        value, low, high = 1e3 * np.array([seconds for _, seconds in own]).T
        errors = np.maximum(0, [value - low, high - value])
        axes.errorbar(
            nodes,
            value,
            errors,
            color=COLOURS[method],
            marker=MARKS[method],
            capsize=3,
            label=SHORT[method],
            linewidth=1.6,
        )
    names = {row["nodes"]: row["network"] for row in rows}
    axes.set_xticks(sorted(names), [f"{count}\n{names[count]}" for count in sorted(names)])
    axes.set_xlabel("firms")
    axes.set_ylabel("training time per episode, ms")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    _plain(axes)
    return figure


def _curves(rows: Sequence[dict[str, Any]]) -> Figure:
    figure = Figure(figsize=(6.4, 3.8), layout="constrained")
    axes = figure.subplots()
    for row in rows:
        colour = COLOURS[row["method"]]
        axes.fill_between(row["episodes"], row["lowest"], row["highest"], color=colour, alpha=0.15, linewidth=0)
        axes.plot(
            row["episodes"],
            row["mean"],
            color=colour,
            linewidth=1.8,
            label=f"{SHORT[row['method']]}, {_seeds(row['seeds'])}",
        )
    axes.axhline(1, color="#222222", linewidth=0.9, linestyle="--")
    axes.annotate(
        "base-stock", (1, 1), xycoords=("axes fraction", "data"), xytext=(-4, 3), textcoords="offset points", ha="right"
    )
    axes.set_yscale("log")
    ticks = [0.6, 0.8, 1, 1.5, 2, 3, 5, 10, 20]
    lowest = min(min(row["lowest"]) for row in rows)
    highest = max(max(row["highest"]) for row in rows)
    axes.set_ylim(min(0.6, lowest) * 0.95, highest * 1.1)
    axes.set_yticks([tick for tick in ticks if tick <= highest * 1.1], minor=False)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.minorticks_off()
    axes.set_xlabel("training episodes")
    axes.set_ylabel("cost ÷ base-stock's (log scale)")
    axes.legend(frameon=False)
    _plain(axes)
    return figure


def _seeds(count: int) -> str:
    return "1 seed" if count == 1 else f"{count} seeds"


def _plain(axes: Any) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
