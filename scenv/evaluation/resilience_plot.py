"""Service and cost over time, disturbed and calm, for each policy: where the resilience triangle is seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from scenv.drawing.canvas import heading, new_figure
from scenv.drawing.style import GRID, SERIES, TEXT
from scenv.evaluation.resilience import Resilience
from scenv.scenario.differences import difference_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_resilience"]

_WIDTH, _PANEL, _ABOVE, _BELOW, _GAP = 9.0, 2.2, 1.25, 0.95, 0.55


def draw_resilience(results: Mapping[str, Resilience]) -> Figure:
    """Above, the part of end demand that is served at once; below, the network's cost over its calm mean. Thick lines
    are the mean of the disturbed paths, thin ones that of the same paths undisturbed; shaded is when any firm is hit,
    the darker the more paths.

    Raises:
        MissingPlotExtraError: where matplotlib is not installed.
    """
    height = _ABOVE + 2 * _PANEL + _GAP + _BELOW
    figure = new_figure(_WIDTH, height)
    first = next(iter(results.values()))
    scenario = first.disturbed.scenario
    heading(
        figure,
        scenario.network.name,
        f"mean of {len(first.onset)} paths with disruptions (thick) and without (thin)",
        difference_line(scenario),
    )
    panels = []
    for row in range(2):
        bottom = height - _ABOVE - (row + 1) * _PANEL - row * _GAP
        panels.append(figure.add_axes((0.75 / _WIDTH, bottom / height, 1 - 1.0 / _WIDTH, _PANEL / height)))
    for axes, title in zip(panels, ("end demand served at once", "cost ÷ its calm mean"), strict=True):
        _prepare(axes, title, first)
    for colour, (name, result) in zip(_colours(len(results)), results.items(), strict=True):
        usual = result.calm_trace.cost[:, scenario.warmup :].mean()
        for trace, weight in ((result.calm_trace, 0.9), (result.disturbed_trace, 2.2)):
            label = name if weight > 1 else None
            panels[0].plot(trace.service.mean(axis=0), color=colour, linewidth=weight, label=label)
            panels[1].plot(trace.cost.mean(axis=0) / (usual or 1.0), color=colour, linewidth=weight)
    panels[0].yaxis.set_major_formatter(lambda part, _: f"{100 * part:.0f} %")
    panels[1].set_ylim(bottom=0)
    panels[1].set_xlabel("period", size=9, color=TEXT.normal)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=min(len(labels), 4), frameon=False, fontsize=9)
    return figure


def _colours(number: int) -> list[str]:
    return [SERIES[k % len(SERIES)] for k in range(number)]


def _prepare(axes: Axes, title: str, first: Resilience) -> None:
    axes.set_title(title, loc="left", size=9.5, color=TEXT.normal)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0, labelsize=9, labelcolor=TEXT.normal)
    axes.yaxis.grid(True, color=GRID)
    axes.set_axisbelow(True)
    axes.set_xlim(first.disturbed.scenario.warmup, first.periods - 1)
    share = first.disturbed_trace.hit.any(axis=2).mean(axis=0)
    for period in np.flatnonzero(share):
        axes.axvspan(period - 0.5, period + 0.5, color=TEXT.quiet, alpha=0.22 * float(share[period]), linewidth=0)
