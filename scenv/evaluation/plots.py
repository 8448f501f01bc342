"""Comparisons as a picture: what each policy costs, for stock and for backorders, with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from scenv.drawing.canvas import heading, new_figure
from scenv.drawing.style import GRID, SERIES, TEXT
from scenv.evaluation.result import Evaluation
from scenv.scenario.differences import difference_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_comparison"]

_UPRIGHT = 9.0  # letters an inch of width that names may have side by side
_LONGEST = 32  # letters of a name
_OUTLIER = 3.0  # times the median cost
_HATCHES = ("", "///", "...")
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
    result, names, many = next(iter(first.values())), list(first), len(comparisons) > 1
    width = float(np.clip(2.2 + 0.62 * len(comparisons) * len(names), 6.5, 13.0))
    slanted = not many and max(map(len, map(_short, names))) * len(names) > _UPRIGHT * width
    note = difference_line(result.scenario) if not many else ""
    columns = max(1, min(len(names), int(width / 2.4)))
    bottom = 0.45 + 0.25 * -(-len(names) // columns) if many else 1.7 if slanted else 0.6
    above, height = (1.4 if note else 1.15), 2.85
    figure = new_figure(width, bottom + height + above)
    counted = result.scenario.horizon - result.scenario.warmup
    heading(
        figure,
        title or result.scenario.network.name,
        f"cost of {counted} periods, mean of {len(result.episode_costs)} runs and 95 % interval; "
        f"dark: stock, light: backorders{' and other costs' if result.other_costs else ''}",
        note,
    )
    whole, left = bottom + height + above, 1.2 if slanted else 0.75
    axes = figure.add_axes((left / width, bottom / whole, 1 - (left + 0.25) / width, height / whole))
    _prepare(axes)
    _draw_bars(axes, comparisons, names)
    axes.set_ylim(bottom=0)
    if many:
        axes.set_xticks(range(len(comparisons)), list(comparisons))
        place: dict[str, Any] = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.09)}
        axes.legend(ncols=columns, frameon=False, fontsize=9, **place)
    else:
        axes.set_xticks(_offsets(len(names)).tolist(), [_short(name) for name in names])
        if slanted:
            for label in axes.get_xticklabels():
                label.set(rotation=30, ha="right", rotation_mode="anchor")
    _cut_outliers(axes, comparisons)
    return figure


def _short(name: str) -> str:
    """A name that a page has room for."""
    return name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"


def _cut_outliers(axes: Axes, comparisons: Mapping[str, Mapping[str, Evaluation]]) -> None:
    """Where one policy costs many times what the others do, cut its bar, so that the others can be told apart."""
    from matplotlib.text import Annotation

    costs = np.sort([result.mean for comparison in comparisons.values() for result in comparison.values()])
    usual = costs[costs <= _OUTLIER * np.median(costs)]
    if len(usual) < 2 or len(usual) == len(costs):
        return
    top = 1.25 * float(usual.max())
    axes.set_ylim(0, top)
    for label in axes.texts:
        if isinstance(label, Annotation) and label.xy[1] > top:
            label.set_text(f"{label.get_text()} ↑")
            label.xy = (label.xy[0], top)
            label.set(va="top", position=(0, -3), weight="bold")
            label.set_bbox({"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.5})


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
        hatch = _HATCHES[k // len(SERIES) % len(_HATCHES)]  # where colours come again, they look different
        style: dict[str, Any] = {"edgecolor": "white", "linewidth": 0, "hatch": hatch}
        axes.bar(at, holding, bar, color=colour, label=_short(name), **style)
        axes.bar(at, mean - holding, bar, bottom=holding, color=_lighter(colour), **style)
        axes.errorbar(at, mean, yerr=half, fmt="none", ecolor=TEXT.strong, elinewidth=1.1, capsize=2.5)
        for x, total, whisker in zip(at, mean, half, strict=True):
            label = f"{total:,.0f}"
            top = (x, total + np.nan_to_num(whisker))
            text = {"ha": "center", "va": "bottom", "size": 8, "color": TEXT.normal}
            axes.annotate(label, top, (0, 3), textcoords="offset points", **text)


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
