"""The network as SVG: firms in their stages, what flows on each link, and numbers or colours in each firm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from markupsafe import Markup

from scenv.network.network import Network
from scenv.play import texts
from scenv.render.layout import Layout, layered_layout

__all__ = ["NodeLook", "network_svg", "short_name"]

_WIDE, _HIGH = 104.0, 44.0  # of a firm
_ALONG, _ACROSS = 150.0, 58.0  # between stages, and between firms of a stage, of a picture from left to right
_ACROSS_DOWN, _ALONG_DOWN = 114.0, 84.0  # of one from above to below
_LONGEST_NAME = 13
_WIDEST_FLOW, _THINNEST_FLOW = 9.0, 1.2


@dataclass(frozen=True)
class NodeLook:
    """How a firm looks.

    Attributes:
        style: classes in the style sheet ("mine", "late").
        note: a second line under its name.
    """

    style: str = ""
    note: str = ""


def short_name(name: str) -> str:
    """A firm's name, cut in the middle where it is long."""
    return name if len(name) <= _LONGEST_NAME else f"{name[:7].rstrip()}…{name[-5:].lstrip()}"


def network_svg(
    network: Network,
    looks: Mapping[str, NodeLook],
    flows: Mapping[tuple[str, str], float],
    label: str,
    *,
    numbers: bool = False,
    down: bool = False,
) -> Markup:
    """Draw a network.

    Args:
        network: its firms and links.
        looks: firm -> how it looks.
        flows: link -> units under way, which set its width; a link that is not named is a thin line.
        label: what a screen reader says.
        numbers: whether the flows are written on the links.
        down: from above to below, for narrow screens, instead of from left to right.
    """
    layout = _layout(network)
    place = _places(layout, down)
    rows = [place(float(c), float(y)) for c, y in zip(layout.column, layout.y, strict=True)]
    xs = [x for x, _ in rows]
    ys = [y for _, y in rows]
    margin_x, margin_y = _WIDE / 2 + (8 if down else 40), _HIGH / 2 + (26 if down else 12)
    left, top = min(xs) - margin_x, min(ys) - margin_y
    width, height = max(xs) + margin_x - left, max(ys) + margin_y - top
    largest = max(flows.values(), default=0.0)
    parts = [
        Markup(
            '<svg class="net {}" viewBox="{:.0f} {:.0f} {:.0f} {:.0f}" width="{:.0f}" height="{:.0f}" role="img" '
            'aria-label="{}">'
        ).format("down" if down else "across", left, top, width, height, width, height, label)
    ]
    parts += _outside(network, rows, down)
    written: list[Markup] = []
    for route, edge in zip(layout.routes, network.edges, strict=True):
        points = [place(*point) for point in route]
        flow = flows.get(edge)
        parts.append(_edge(points, flow, largest, down))
        if numbers and flow is not None:
            written.append(_edge_number(points, flow))
    parts += written
    for name, (x, y) in zip(network.agents, rows, strict=True):
        parts.append(_node(name, looks.get(name, NodeLook()), x, y))
    parts.append(Markup("</svg>"))
    return Markup("").join(parts)


@lru_cache(maxsize=64)
def _layout(network: Network) -> Layout:
    return layered_layout(network)  # networks are compared by identity and never change


def _places(layout: Layout, down: bool):  # type: ignore[no-untyped-def]
    def across(column: float, y: float) -> tuple[float, float]:
        return column * _ALONG, -y * _ACROSS

    def below(column: float, y: float) -> tuple[float, float]:
        return -y * _ACROSS_DOWN, column * _ALONG_DOWN

    return below if down else across


def _edge(points: Sequence[tuple[float, float]], flow: float | None, largest: float, down: bool) -> Markup:
    path = f"M{points[0][0]:.0f},{points[0][1]:.0f}"
    for (x0, y0), (x1, y1) in pairwise(points):
        bend_x, bend_y = (0.0, (y1 - y0) / 2) if down else ((x1 - x0) / 2, 0.0)
        path += f"C{x0 + bend_x:.0f},{y0 + bend_y:.0f} {x1 - bend_x:.0f},{y1 - bend_y:.0f} {x1:.0f},{y1:.0f}"
    if flow is None:
        return Markup('<path class="edge" d="{}"/>').format(path)
    width = max(_THINNEST_FLOW, _WIDEST_FLOW * flow / largest) if largest > 0 else _THINNEST_FLOW
    under = Markup('<path class="edge flow" stroke-width="{:.1f}" d="{}"/>').format(width, path)
    moving = Markup('<path class="goods" stroke-width="{:.1f}" d="{}"/>').format(max(1.5, width * 0.45), path)
    return under + moving if flow > 0 else under


def _edge_number(points: Sequence[tuple[float, float]], flow: float) -> Markup:
    k = (len(points) - 1) // 2
    (x0, y0), (x1, y1) = points[k], points[k + 1]
    return Markup('<text class="flow-number" x="{:.0f}" y="{:.0f}" text-anchor="middle">{:,.0f}</text>').format(
        (x0 + x1) / 2, (y0 + y1) / 2 - 7, flow
    )


def _outside(network: Network, rows: Sequence[tuple[float, float]], down: bool) -> list[Markup]:
    """Short lines from outside to each source and from each retailer to its customers."""
    parts = []
    reach = 18.0
    for firms, sign in ((network.sources, -1), (network.retailers, 1)):
        for firm in np.asarray(firms).tolist():
            x, y = rows[firm]
            ends = (
                (x, y + sign * _HIGH / 2, x, y + sign * (_HIGH / 2 + reach))
                if down
                else (x + sign * _WIDE / 2, y, x + sign * (_WIDE / 2 + reach), y)
            )
            parts.append(
                Markup('<line class="outside" x1="{:.0f}" y1="{:.0f}" x2="{:.0f}" y2="{:.0f}"/>').format(*ends)
            )
    return parts


def _node(name: str, look: NodeLook, x: float, y: float) -> Markup:
    shift = -5 if look.note else 5
    body = Markup(
        '<g class="firm {}"><title>{}</title><rect x="{:.0f}" y="{:.0f}" width="{:.0f}" height="{:.0f}" rx="10"/>'
        '<text class="name" x="{:.0f}" y="{:.0f}" text-anchor="middle">{}</text>'
    ).format(look.style, name, x - _WIDE / 2, y - _HIGH / 2, _WIDE, _HIGH, x, y + shift, short_name(name))
    if look.note:
        body += Markup('<text class="note" x="{:.0f}" y="{:.0f}" text-anchor="middle">{}</text>').format(
            x, y + 13, look.note
        )
    return body + Markup("</g>")


def picture_label(network: Network, firm: str) -> str:
    """What a screen reader says of a game's picture."""
    return texts.PICTURE_LABEL.format(firms=len(network.agents), firm=firm)
