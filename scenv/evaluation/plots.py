"""Comparisons as a picture: what each policy costs, for stock and for backorders, with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from scenv.drawing.canvas import heading, new_figure
from scenv.drawing.style import GRID, SERIES, TEXT
from scenv.evaluation.result import Evaluation

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_comparison"]

_GROUP = 0.82  # part of the distance between groups that bars fill


def draw_comparison(comparisons: Mapping[str, Mapping[str, Evaluation]], title: str | None = None) -> Figure:
    """One bar per policy: the dark part is for stock, the light part for backorders, the whisker the 95 % interval.

    Args:
        comparisons: by label; a single one names its policies on the axis, several stand as groups of bars.
        title: the bold first line; the network's name when left out.

    Raises:
        MissingPlotExtraError: where matplotlib is not installed.
    """
    first = next(iter(comparisons.values()))
    result = next(iter(first.values()))
    names = list(first)
    bars = len(comparisons) * len(names)
    width = float(np.clip(2.2 + 0.62 * bars, 6.5, 13.0))
    figure = new_figure(width, 4.6)
    counted = result.scenario.horizon - result.scenario.warmup
    heading(
        figure,
        title or result.scenario.network.name,
        f"cost of {counted} periods, mean of {len(result.episode_costs)} runs and 95 % interval; "
        "dark: stock, light: backorders",
    )
    many = len(comparisons) > 1
    axes = figure.add_axes(
        (0.75 / width, (0.95 if many else 0.6) / 4.6, 1 - 1.0 / width, (2.6 if many else 2.95) / 4.6)
    )
    _prepare(axes)
    _draw_bars(axes, comparisons, names)
    axes.set_ylim(bottom=0)
    if many:
        axes.set_xticks(range(len(comparisons)), list(comparisons))
        axes.legend(
            ncols=min(len(names), 5), loc="upper center", bbox_to_anchor=(0.5, -0.12), frameon=False, fontsize=9
        )
    else:
        axes.set_xticks(_offsets(len(names)).tolist(), names)
    return figure


def _draw_bars(axes: Axes, comparisons: Mapping[str, Mapping[str, Evaluation]], names: list[str]) -> None:
    offsets = _offsets(len(names))
    bar = 0.9 * (offsets[1] - offsets[0] if len(names) > 1 else 0.4)
    for k, name in enumerate(names):
        colour = SERIES[k % len(SERIES)]
        at = np.arange(len(comparisons)) + offsets[k]
        results = [comparison[name] for comparison in comparisons.values()]
        holding = np.array([result.holding_costs.sum(axis=1).mean() for result in results])
        mean = np.array([result.mean for result in results])
        half = np.array([(result.ci95[1] - result.ci95[0]) / 2 for result in results])
        axes.bar(at, holding, bar, color=colour, label=name)
        axes.bar(at, mean - holding, bar, bottom=holding, color=_lighter(colour))
        axes.errorbar(at, mean, yerr=half, fmt="none", ecolor=TEXT.strong, elinewidth=1.1, capsize=2.5)
        for x, total, whisker in zip(at, mean, half, strict=True):
            label = f"{total:,.0f}"
            top = (x, total + np.nan_to_num(whisker))
            style = {"ha": "center", "va": "bottom", "size": 8, "color": TEXT.normal}
            axes.annotate(label, top, (0, 3), textcoords="offset points", **style)


def _lighter(colour: str) -> tuple[float, ...]:
    """The colour with white mixed in."""
    from matplotlib.colors import to_rgb

    return tuple(0.42 * part + 0.58 for part in to_rgb(colour))


def _offsets(bars: int) -> np.ndarray:
    """Centres of the bars of a group, about 0."""
    return (np.arange(bars) - (bars - 1) / 2) * (_GROUP / bars)


def _prepare(axes: Axes) -> None:
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(TEXT.quiet)
    axes.tick_params(length=0, labelsize=9, labelcolor=TEXT.normal)
    axes.yaxis.grid(True, color=GRID)
    axes.set_axisbelow(True)
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.margins(y=0.1)
