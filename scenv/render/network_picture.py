"""The network picture: suppliers at the left, customers at the right, what flows and what stock costs."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np

from scenv.drawing.canvas import blank_axes, heading, new_figure
from scenv.drawing.style import EDGE, HOLDING_COST_MAP, NEUTRAL, TEXT
from scenv.network.network import Network
from scenv.network.stage_titles import stage_titles
from scenv.render.layout import Layout, layered_layout
from scenv.render.source import scenario_to_show
from scenv.scenario.implied import demand_moments, firm_demand_moments, unit_costs
from scenv.scenario.scenario import Scenario

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_network"]

_PILL_WIDTH, _PILL_HEIGHT = 0.92, 0.27  # inches
_THINNEST, _THICKEST = 0.7, 7.0  # points
_TALLEST = 8.0  # inches for the firms of a network that is too large for names
_MOST_NAMED_FIRMS, _MANY_EDGES = 150, 300
_TOP, _BOTTOM, _SIDE = 1.35, 0.85, 0.95  # margins in inches


def draw_network(
    source: str | FilePath | Mapping[str, Any] | nx.DiGraph | Network | Scenario, **overrides: Any
) -> Figure:
    """Draw a supply network in stages.

    Edge thickness is the mean flow (units per period when every firm splits its orders equally), firm colour the
    holding cost, or grey where the network file gives none. Beyond 150 firms, names are left out.

    Args:
        source: a network or scenario, in every form that `load_scenario` takes.
        **overrides: fields of the scenario.

    Raises:
        MissingPlotExtraError: where matplotlib is not installed.
        ScenvError: where the source cannot be used.
    """
    scenario, has_costs = scenario_to_show(source, **overrides)
    network = scenario.network
    layout = layered_layout(network)
    named = len(network.agents) <= _MOST_NAMED_FIRMS
    row = (0.44 if layout.height <= 16 else 0.34) if named else _TALLEST / layout.height
    column = 2.1 if layout.columns <= 6 else 1.7
    width = max(column * (layout.columns - 1) + 2 * (_SIDE + _PILL_WIDTH / 2), 7.6)
    height = max(row * layout.height, 0.8) + _TOP + _BOTTOM
    figure = new_figure(width, height)
    heading(figure, network.name, network_summary(scenario))
    axes = blank_axes(figure, 0, _BOTTOM, width, height - _TOP)
    side = (width - column * (layout.columns - 1)) / 2
    middle = (height - _TOP - _BOTTOM) / 2

    def place(at_column: float, y: float) -> tuple[float, float]:
        return side + column * at_column, middle + row * y

    flow = _edge_flow(scenario)
    _draw_edges(axes, layout, flow, place, named)
    _draw_outside(axes, scenario, layout, place)
    colour = _colours(scenario) if has_costs else None
    _draw_firms(axes, network, layout, place, colour, named, row)
    for at_column, title in enumerate(reversed(stage_titles(network))):
        x = place(at_column, 0)[0]
        axes.text(x, height - _TOP - _BOTTOM + 0.22, title, ha="center", size=9.5, color=TEXT.normal, weight="bold")
    if named:
        _draw_flow_key(figure, flow)
    if colour is not None:
        _draw_cost_key(figure, scenario)
    return figure


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


def _edge_flow(scenario: Scenario) -> np.ndarray:
    """[E] mean units per period on each edge, in the network's order of edges."""
    network = scenario.network
    mean = firm_demand_moments(scenario)[0]
    return mean[network.customer] / network.in_degree[network.customer]


def _line_width(flow: Any, largest: float) -> Any:
    """Points; in proportion to the flow, but never invisible."""
    return np.maximum(_THINNEST, _THICKEST * np.asarray(flow) / max(largest, 1e-300))


def _draw_edges(axes: Axes, layout: Layout, flow: np.ndarray, place: Any, named: bool) -> None:
    from matplotlib.collections import PathCollection
    from matplotlib.path import Path

    spread = _PILL_HEIGHT / 3 if named else 0.0
    side = _PILL_WIDTH / 2 - 0.06 if named else 0.0  # a little under the rounded end
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


def _draw_outside(axes: Axes, scenario: Scenario, layout: Layout, place: Any) -> None:
    """Arrows from the external supplier to each source, and from each retailer to its customers with their demand."""
    network = scenario.network
    if len(network.agents) > _MOST_NAMED_FIRMS:
        return
    demand = demand_moments(scenario)[0]
    arrow = {"arrowstyle": "-|>,head_width=0.18,head_length=0.32", "color": TEXT.quiet, "lw": 1.0}
    for firm in network.sources:
        x, y = place(layout.column[firm], layout.y[firm])
        x -= _PILL_WIDTH / 2
        axes.annotate("", (x, y), (x - 0.3, y), arrowprops=arrow, zorder=1)
    for firm, mean in zip(network.retailers, demand, strict=True):
        x, y = place(layout.column[firm], layout.y[firm])
        x += _PILL_WIDTH / 2
        axes.annotate("", (x + 0.3, y), (x, y), arrowprops=arrow, zorder=2)
        halo = {"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.85}
        axes.text(x + 0.35, y, f"{mean:.3g}", va="center", size=8, color=TEXT.quiet, zorder=2, bbox=halo)


def _colours(scenario: Scenario) -> Any:
    """Holding cost -> colour, from 0 to the largest."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    largest = float(unit_costs(scenario)[0].max())
    colormap = LinearSegmentedColormap.from_list("holding_cost", HOLDING_COST_MAP)
    mappable = ScalarMappable(Normalize(0.0, largest or 1.0), colormap)
    return mappable.to_rgba(unit_costs(scenario)[0])


def _draw_firms(axes: Axes, network: Network, layout: Layout, place: Any, colour: Any, named: bool, row: float) -> None:
    from matplotlib.patches import FancyBboxPatch

    if not named:
        points = np.array([place(*at) for at in zip(layout.column, layout.y, strict=True)])
        face = NEUTRAL if colour is None else colour
        area = min(max(row * 60, 1.5), 7) ** 2
        outline = TEXT.quiet if area > 12 else "none"
        axes.scatter(points[:, 0], points[:, 1], s=area, c=face, edgecolors=outline, linewidths=0.5, zorder=3)
        return
    for i, name in enumerate(network.agents):
        x, y = place(layout.column[i], layout.y[i])
        face = NEUTRAL if colour is None else colour[i]
        pill = FancyBboxPatch(
            (x - _PILL_WIDTH / 2, y - _PILL_HEIGHT / 2),
            _PILL_WIDTH,
            _PILL_HEIGHT,
            boxstyle=f"round,pad=0,rounding_size={_PILL_HEIGHT / 2}",
            facecolor=face,
            edgecolor=TEXT.quiet,
            linewidth=0.8,
            zorder=3,
        )
        axes.add_patch(pill)
        dark = colour is not None and float(np.dot(colour[i][:3], (0.299, 0.587, 0.114))) < 0.5
        size = min(8.5, 8.5 * 13 / max(len(name), 1))
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
        axes.text(x + 0.48, 0.17, f"{sample:.3g}", size=8.5, color=TEXT.normal, va="center")


def _draw_cost_key(figure: Figure, scenario: Scenario) -> None:
    """A colour bar, at the lower right."""
    from matplotlib.colors import LinearSegmentedColormap

    width = figure.get_size_inches()[0]
    axes = blank_axes(figure, width - 3.3, 0.12, width - 0.3, 0.72)
    largest = float(unit_costs(scenario)[0].max())
    axes.text(3.0, 0.5, "holding cost per unit and period", size=8.5, color=TEXT.normal, va="center", ha="right")
    colormap = LinearSegmentedColormap.from_list("holding_cost", HOLDING_COST_MAP)
    axes.imshow(np.linspace(0, 1, 256)[None], cmap=colormap, extent=(0.9, 2.6, 0.1, 0.26), aspect="auto")
    axes.text(0.82, 0.17, "0", size=8.5, color=TEXT.normal, ha="right", va="center")
    axes.text(2.68, 0.17, f"{largest:.3g}", size=8.5, color=TEXT.normal, va="center")
    axes.set(xlim=(0, 3.0), ylim=(0, 0.6))
