"""The episode picture: inventory, backorders and orders of every stage over time, with the bullwhip ratio."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scenv.drawing.canvas import heading, new_figure
from scenv.drawing.style import BACKORDER, DEMAND, GRID, INVENTORY, LOST, ORDERS, TEXT
from scenv.evaluation.episode import Episode
from scenv.network.stage_titles import stage_titles
from scenv.render.disruption_marks import marks_of, shade, shades_of
from scenv.scenario.differences import difference_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_episode"]

_LEFT, _RIGHT, _TOP, _BOTTOM = 0.85, 0.35, 1.45, 0.8  # margins in inches
_ROW, _ROW_GAP, _COLUMN_GAP = 1.25, 0.28, 0.3
_FEWEST_FOR_BULLWHIP = 10  # decisions; a ratio of two variances says nothing sooner
_ROWS = ("in stock", "owed (backorders)", "ordered")


def draw_episode(episode: Episode, title: str | None = None) -> Figure:
    """Draw an episode, finished or not: one column per stage (suppliers at the left), one row per quantity.

    Quantities are totals over the firms of a stage, in units per period; a row has one scale, so that stages can be
    compared. What a what-if does stands in it: the line under the title says how the scenario differs from the usual,
    closures, delays and demand shocks are shaded in the stages of the firms that they hit, with the firm's name, lost
    units are a curve in the middle row, and what waits at the gates of full stocks is one in the top row. The bottom
    row sets each stage's orders against what its end customers asked for, and says how much more they swing: the
    bullwhip ratio (see `Episode.bullwhip`), once ten periods count.
    Warm-up periods, which do not count, are shaded in grey.

    Args:
        episode: see `scenv.episode.record_episode`.
        title: the bold first line; the network's name when left out.

    Raises:
        MissingPlotExtraError: where matplotlib is not installed.
    """
    titles = stage_titles(episode.scenario.network)
    stages = len(titles)
    column = max(1.0, min(3.0, 11.0 / stages))
    width = max(_LEFT + _RIGHT + stages * column + (stages - 1) * _COLUMN_GAP, 6.5)
    column = (width - _LEFT - _RIGHT - (stages - 1) * _COLUMN_GAP) / stages
    height = _TOP + _BOTTOM + 3 * _ROW + 2 * _ROW_GAP
    figure = new_figure(width, height)
    heading(figure, title or episode.scenario.network.name, _summary(episode), difference_line(episode.scenario))
    rows = (
        episode.by_stage(episode.local.on_hand),
        episode.by_stage(episode.local.backorder),
        episode.by_stage(episode.orders),
    )
    demand, bullwhip = episode.stage_demand, episode.bullwhip
    if episode.periods - 1 - episode.scenario.warmup < _FEWEST_FOR_BULLWHIP:
        bullwhip = np.full(stages, np.nan)
    lost = episode.by_stage(episode.infos["lost_sales"]) if "lost_sales" in episode.infos else None
    tops = [_round_up(max(float(row.max(initial=0.0)), float(demand.max()))) for row in rows]
    waiting = episode.by_stage(episode.infos["waiting"]) if "waiting" in episode.infos else None
    if waiting is not None:
        tops[0] = _round_up(max(tops[0], float(waiting.max(initial=0.0))))
    if lost is not None:
        tops[1] = _round_up(max(tops[1], float(lost.max(initial=0.0))))
    for k, name in enumerate(reversed(titles)):
        stage = stages - 1 - k
        marks = marks_of(episode, stage)
        for r, row in enumerate(rows):
            left = _LEFT + k * (column + _COLUMN_GAP)
            bottom = height - _TOP - (r + 1) * _ROW - r * _ROW_GAP
            axes = figure.add_axes((left / width, bottom / height, column / width, _ROW / height))
            _prepare(axes, episode, tops[r], first_column=k == 0, last_row=r == len(rows) - 1)
            shade(axes, marks, named=r == 0)
            if k == 0:
                label = "in stock, at the gate" if r == 0 and waiting is not None else _ROWS[r]
                label = "owed and lost" if r == 1 and lost is not None else label
                axes.set_ylabel(label, size=9, color=TEXT.normal)
                axes.yaxis.set_label_coords(-0.6 / column, 0.5)
            if r == 0:
                axes.set_title(name, size=10, weight="bold", color=TEXT.normal, pad=16 if episode.infos else 9)
            if r < 2:
                _fill(axes, row[:, stage], INVENTORY if r == 0 else BACKORDER)
            else:
                _draw_orders(axes, row[:, stage], demand[:, stage], float(bullwhip[stage]))
            for which, values in ((0, waiting), (1, lost)):
                if r == which and values is not None:
                    edges = np.arange(len(values) + 1)
                    axes.stairs(values[:, stage], edges, baseline=None, color=LOST, linewidth=1.4)
    figure.text(1 - _RIGHT / width, 0.2 / height, "period", ha="right", va="center", size=9, color=TEXT.normal)
    _draw_key(figure, episode)
    return figure


def _summary(episode: Episode) -> str:
    scenario = episode.scenario
    last = episode.periods - 1
    cost = f"cost {episode.total_cost:,.1f}"
    if last < scenario.horizon - 1:
        return f"period {last} of {scenario.horizon - 1} · {cost} so far, {scenario.warmup} warm-up periods not counted"
    return f"{scenario.horizon} periods · {cost} over the {scenario.horizon - scenario.warmup} that count"


def _round_up(value: float) -> float:
    """The next of 1, 1.5, 2, 3, 4, 6, 8, 10 times a power of ten: frames of a film keep their scale for a while."""
    if value <= 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(value))
    steps = np.array([1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0])
    return float(steps[np.searchsorted(steps, value / power - 1e-9)] * power)


def _prepare(axes: Axes, episode: Episode, top: float, first_column: bool, last_row: bool) -> None:
    """Limits, quiet ticks, no frame, and the shaded warm-up."""
    from matplotlib.ticker import MaxNLocator

    axes.set(xlim=(0, episode.scenario.horizon), ylim=(0, top * 1.04))
    axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 4, 5, 10]))
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10], integer=True))
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelsize=8, labelcolor=TEXT.quiet, labelleft=first_column, labelbottom=last_row, pad=4)
    for name, spine in axes.spines.items():
        spine.set_visible(name == "bottom")
        spine.set_color(TEXT.quiet)
    if episode.scenario.warmup:
        axes.axvspan(0, episode.scenario.warmup, color=GRID, alpha=0.55, linewidth=0, zorder=0)


def _fill(axes: Axes, values: np.ndarray, colour: str) -> None:
    """A step curve filled to zero; the value of period t stands from t to t + 1."""
    edges = np.arange(len(values) + 1)
    axes.stairs(values, edges, fill=True, color=colour, alpha=0.22)
    axes.stairs(values, edges, baseline=None, color=colour, linewidth=1.4)


def _draw_orders(axes: Axes, orders: np.ndarray, demand: np.ndarray, bullwhip: float) -> None:
    axes.stairs(demand, np.arange(len(demand) + 1), baseline=None, color=DEMAND, linewidth=3.2, alpha=0.5)
    axes.stairs(orders, np.arange(len(orders) + 1), baseline=None, color=ORDERS, linewidth=1.3)
    if np.isfinite(bullwhip):
        label = f"bullwhip ×{bullwhip:#.2g}" if bullwhip < 9.95 else f"bullwhip ×{bullwhip:.0f}"
        place = axes.transAxes
        axes.text(1.0, 1.03, label, size=9, weight="bold", color=TEXT.strong, ha="right", va="bottom", transform=place)


def _draw_key(figure: Figure, episode: Episode) -> None:
    """What the curves and shades are, at the lower left; in a second line where one is full."""
    from matplotlib.lines import Line2D

    width, height = figure.get_size_inches()
    entries = [(ORDERS, "orders of the stage", 1.8), (DEMAND, "demand of its end customers", 1.8)]
    if "lost_sales" in episode.infos:
        entries.append((LOST, "lost units", 1.8))
    if "waiting" in episode.infos:
        entries.append((LOST, "units at the gate of a full stock", 1.8))
    entries += [(colour, text, 8.0) for colour, text in shades_of(episode)]
    x, y = 0.3, 0.2 if len(entries) < 3 else 0.34
    for colour, text, thick in entries:
        needed = 0.33 + 0.075 * len(text) + 0.25
        if x + needed > width - 0.8:
            x, y = 0.3, y - 0.2
        at = [y / height] * 2
        ends = [x / width, (x + 0.25) / width]
        figure.add_artist(Line2D(ends, at, transform=figure.transFigure, color=colour, linewidth=thick))
        figure.text((x + 0.33) / width, y / height, text, size=8.5, color=TEXT.normal, va="center")
        x += needed
