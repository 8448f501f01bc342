"""The network picture: suppliers at the left, customers at the right, what flows and what stock costs."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np

from scenv.drawing.canvas import blank_axes, heading, new_figure
from scenv.drawing.style import EDGE, HOLDING_COST_MAP, NEUTRAL, TEXT
from scenv.network.network import Network
from scenv.render.layout import Layout, layered_layout
from scenv.render.sketch import Sketch, gathered, whole
from scenv.render.sketch import around as firms_around
from scenv.render.source import scenario_to_show
from scenv.scenario.implied import demand_moments
from scenv.scenario.scenario import Scenario

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_network"]

_PILL_WIDTH, _PILL_HEIGHT = 0.92, 0.27  # inches
_WIDEST_PILL, _LETTERS = 1.6, 18.0  # inches; letters of the smallest size in an inch
_SMALLEST, _LARGEST = 6.5, 8.5  # points of a name
_THINNEST, _THICKEST = 0.7, 7.0  # points
_TALLEST = 8.0  # inches for the firms of a network that is too large for names
_MOST_NAMED_FIRMS, _MANY_EDGES = 150, 300
_TOP, _BOTTOM, _SIDE = 1.35, 0.85, 0.95  # margins in inches


def draw_network(
    source: str | FilePath | Mapping[str, Any] | nx.DiGraph | Network | Scenario,
    *,
    around: str | None = None,
    hops: int = 2,
    **overrides: Any,
) -> Figure:
    """Draw a supply network in stages.

    Edge thickness is the mean flow (units per period when every firm splits its orders equally), firm colour the
    holding cost, or grey where the network file gives none. Beyond 150 firms, those of one stage and one group (equal
    numbers of suppliers and customers) are drawn as one, with their number.

    Args:
        source: a network or scenario, in every form that `load_scenario` takes.
        around: a firm; then only the firms near it are drawn, whatever the size of the network.
        hops: how many edges away that is, against or along the flow.
        **overrides: fields of the scenario.

    Raises:
        MissingPlotExtraError: where matplotlib is not installed.
        ScenvError: for an unknown firm, or where the source cannot be used.
    """
    scenario, has_costs = scenario_to_show(source, **overrides)
    network = scenario.network
    if around is not None:
        sketch, which = firms_around(scenario, around, hops), f"{around} and the firms up to {hops} edges away"
    elif len(network.agents) > _MOST_NAMED_FIRMS:
        sketch, which = gathered(scenario), "firms of a stage that are alike are drawn as one, with their number"
    else:
        sketch, which = whole(scenario), ""
    layout = layered_layout(sketch)
    named = len(sketch.agents) <= _MOST_NAMED_FIRMS
    pill = float(np.clip(max(map(letters, sketch.labels)) / _LETTERS, _PILL_WIDTH, _WIDEST_PILL))
    row = (0.44 if layout.height <= 16 else 0.34) if named else _TALLEST / layout.height
    column = (2.1 if layout.columns <= 6 else 1.7) + pill - _PILL_WIDTH
    width = max(column * (layout.columns - 1) + 2 * (_SIDE + pill / 2), 7.6)
    top = _TOP + (0.25 if which else 0.0)
    height = max(row * layout.height, 0.8) + top + _BOTTOM
    figure = new_figure(width, height)
    heading(figure, network.name, network_summary(scenario), which)
    axes = blank_axes(figure, 0, _BOTTOM, width, height - top)
    side = (width - column * (layout.columns - 1)) / 2
    middle = (height - top - _BOTTOM) / 2

    def place(at_column: float, y: float) -> tuple[float, float]:
        return side + column * at_column, middle + row * y

    _draw_edges(axes, layout, sketch.flow, place, pill if named else 0.0)
    if named:
        _draw_outside(axes, sketch, layout, place, pill)
    colour = _colours(sketch.holding) if has_costs else None
    _draw_firms(axes, sketch, layout, place, colour, pill if named else 0.0, row)
    deepest = max(sketch.stages.values())
    for stage in sorted(set(sketch.stages.values())):
        x = place(deepest - stage, 0)[0]
        style = {"ha": "center", "size": 9.5, "color": TEXT.normal, "weight": "bold"}
        axes.text(x, height - top - _BOTTOM + 0.22, sketch.titles[stage], **style)
    if named:
        _draw_flow_key(figure, sketch.flow)
    if colour is not None:
        _draw_cost_key(figure, float(sketch.holding.max()))
    return figure


def amount(units: float) -> str:
    """Three digits, or all before the point."""
    return f"{units:,.0f}" if units >= 1000 else f"{units:.3g}"


def letters(name: str) -> float:
    """How wide a name is, in letters of the Latin alphabet: East Asian ones take nearly two."""
    return sum(1.75 if unicodedata.east_asian_width(letter) in "WF" else 1.0 for letter in name)


def fitted(name: str, pill: float) -> tuple[str, float]:
    """A firm's name, cut in the middle where its pill of so many inches has no room, and its size in points."""
    if letters(name) > _LETTERS * pill:
        head, tail = name[: len(name) // 2], name[len(name) // 2 :]
        while letters(head + tail) + 1 > _LETTERS * pill:
            head, tail = (head[:-1], tail) if len(head) >= len(tail) else (head, tail[1:])
        name = f"{head.rstrip()}…{tail.lstrip()}"
    return name, float(np.clip(_SMALLEST * _LETTERS * pill / max(letters(name), 1.0), _SMALLEST, _LARGEST))


def network_summary(scenario: Scenario) -> str:
    """Firms, edges, stages, retailers, complexity and demand in one line."""
    network = scenario.network
    counts = (
        (len(network.agents), "firm"),
        (len(network.edges), "edge"),
        (max(network.stages.values()) + 1, "stage"),
        (len(network.retailers), "retailer"),
    )
    parts = [f"{count:,} {word}{'s' * (count != 1)}" for count, word in counts]
    demand = demand_moments(scenario)[0].sum()
    return " · ".join([*parts, f"complexity {network.complexity:.2f} bits", f"demand {demand:.4g} per period"])


def _line_width(flow: Any, largest: float) -> Any:
    """Points; in proportion to the flow, but never invisible."""
    return np.maximum(_THINNEST, _THICKEST * np.asarray(flow) / max(largest, 1e-300))


def _draw_edges(axes: Axes, layout: Layout, flow: np.ndarray, place: Any, pill: float) -> None:
    from matplotlib.collections import PathCollection
    from matplotlib.path import Path

    spread = _PILL_HEIGHT / 3 if pill else 0.0
    side = pill / 2 - 0.06 if pill else 0.0  # a little under the rounded end
    leaving, entering = _ends(layout, 0) * spread, _ends(layout, -1) * spread
    paths = []
    for route, start, end in zip(layout.routes, leaving, entering, strict=True):
        points = [place(*point) for point in route]
        points[0] = (points[0][0] + side, points[0][1] + start)
        points[-1] = (points[-1][0] - side, points[-1][1] + end)
        vertices, codes = [points[0]], [Path.MOVETO]
        for (x0, y0), (x1, y1) in pairwise(points):
            bend = 0.5 * (x1 - x0)
            vertices += [(x0 + bend, y0), (x1 - bend, y1), (x1, y1)]
            codes += [Path.CURVE4] * 3
        paths.append(Path(vertices, codes))
    if not paths:
        return
    largest = float(flow.max())
    # Thousands of edges only read as a texture: thinner and lighter ones.
    room = min(1.0, _MANY_EDGES / len(paths)) ** 0.5
    # Wide curves are drawn first and lighter, so that thin ones stay visible on top.
    order = np.argsort(-flow, kind="stable")
    axes.add_collection(
        PathCollection(
            [paths[e] for e in order],
            facecolors="none",
            edgecolors=EDGE,
            linewidths=_line_width(flow[order], largest) * (0.2 + 0.8 * room),
            alpha=0.08 + 0.47 * room,
            zorder=1,
        )
    )


def _ends(layout: Layout, end: int) -> np.ndarray:
    """[E] where each edge meets its firm's side, -1 (bottom) .. 1 (top), so that a firm's edges fan out in order."""
    heights = np.zeros(len(layout.routes))
    by_firm: dict[tuple[float, float], list[int]] = {}
    for e, route in enumerate(layout.routes):
        by_firm.setdefault(route[end], []).append(e)
    for edges in by_firm.values():
        # The next point of the route says whether the edge goes up or down from here.
        edges.sort(key=lambda e: layout.routes[e][1 if end == 0 else -2][1])
        heights[edges] = np.linspace(-1, 1, len(edges)) if len(edges) > 1 else 0.0
    return heights


def _draw_outside(axes: Axes, sketch: Sketch, layout: Layout, place: Any, pill: float) -> None:
    """Arrows from the external supplier to each source, and from each retailer to its customers with their demand."""
    arrow = {"arrowstyle": "-|>,head_width=0.18,head_length=0.32", "color": TEXT.quiet, "lw": 1.0}
    for firm in sketch.sources:
        x, y = place(layout.column[firm], layout.y[firm])
        x -= pill / 2
        axes.annotate("", (x, y), (x - 0.3, y), arrowprops=arrow, zorder=1)
    for firm, mean in zip(sketch.retailers, sketch.demand, strict=True):
        x, y = place(layout.column[firm], layout.y[firm])
        x += pill / 2
        axes.annotate("", (x + 0.3, y), (x, y), arrowprops=arrow, zorder=2)
        halo = {"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.85}
        axes.text(x + 0.35, y, amount(mean), va="center", size=8, color=TEXT.quiet, zorder=2, bbox=halo)


def _colours(holding: np.ndarray) -> Any:
    """[N] holding costs -> colours, from 0 to the largest."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    largest = float(holding.max())
    colormap = LinearSegmentedColormap.from_list("holding_cost", HOLDING_COST_MAP)
    mappable = ScalarMappable(Normalize(0.0, largest or 1.0), colormap)
    return mappable.to_rgba(holding)


def _draw_firms(axes: Axes, sketch: Sketch, layout: Layout, place: Any, colour: Any, pill: float, row: float) -> None:
    from matplotlib.patches import FancyBboxPatch

    if not pill:
        points = np.array([place(*at) for at in zip(layout.column, layout.y, strict=True)])
        face = NEUTRAL if colour is None else colour
        area = min(max(row * 60, 1.5), 7) ** 2
        outline = TEXT.quiet if area > 12 else "none"
        axes.scatter(points[:, 0], points[:, 1], s=area, c=face, edgecolors=outline, linewidths=0.5, zorder=3)
        return
    for i, name in enumerate(sketch.labels):
        x, y = place(layout.column[i], layout.y[i])
        face = NEUTRAL if colour is None else colour[i]
        patch = FancyBboxPatch(
            (x - pill / 2, y - _PILL_HEIGHT / 2),
            pill,
            _PILL_HEIGHT,
            boxstyle=f"round,pad=0,rounding_size={_PILL_HEIGHT / 2}",
            facecolor=face,
            edgecolor=TEXT.quiet,
            linewidth=0.8,
            zorder=3,
        )
        axes.add_patch(patch)
        dark = colour is not None and float(np.dot(colour[i][:3], (0.299, 0.587, 0.114))) < 0.5
        name, size = fitted(name, pill)
        text_colour = "white" if dark else TEXT.strong
        axes.text(x, y - 0.01, name, ha="center", va="center", size=size, color=text_colour, zorder=4)


def _draw_flow_key(figure: Figure, flow: np.ndarray) -> None:
    """Three sample edges with their flow, at the lower left."""
    if not len(flow):
        return
    axes = blank_axes(figure, 0.3, 0.12, 3.4, 0.72)
    largest = float(flow.max())
    axes.text(0, 0.5, "mean flow, units per period", size=8.5, color=TEXT.normal, va="center")
    samples = [largest] if np.allclose(flow, largest) else [largest / 4, largest / 2, largest]
    for k, sample in enumerate(samples):
        x = k * 0.95
        width = float(_line_width(sample, largest))
        axes.plot([x, x + 0.4], [0.18, 0.18], color=EDGE, alpha=0.7, lw=width, solid_capstyle="butt")
        axes.text(x + 0.48, 0.17, amount(sample), size=8.5, color=TEXT.normal, va="center")


def _draw_cost_key(figure: Figure, largest: float) -> None:
    """A colour bar, at the lower right."""
    from matplotlib.colors import LinearSegmentedColormap

    width = figure.get_size_inches()[0]
    axes = blank_axes(figure, width - 3.3, 0.12, width - 0.3, 0.72)
    axes.text(3.0, 0.5, "holding cost per unit and period", size=8.5, color=TEXT.normal, va="center", ha="right")
    colormap = LinearSegmentedColormap.from_list("holding_cost", HOLDING_COST_MAP)
    axes.imshow(np.linspace(0, 1, 256)[None], cmap=colormap, extent=(0.9, 2.6, 0.1, 0.26), aspect="auto")
    axes.text(0.82, 0.17, "0", size=8.5, color=TEXT.normal, ha="right", va="center")
    axes.text(2.68, 0.17, f"{largest:.3g}", size=8.5, color=TEXT.normal, va="center")
    axes.set(xlim=(0, 3.0), ylim=(0, 0.6))
