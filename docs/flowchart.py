"""A small part of mermaid's flowcharts as SVG, so that a diagram is text in its page and the site loads no script.

Understood: `flowchart TD`, `subgraph Title` ... `end`, `name["first line<br>second line"]`, `a --> b` and
`a -->|text| b`. A subgraph is a column; boxes stand one a row in the order in which they are named. Hosts that draw
mermaid themselves show the same diagram from the same text.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

_BOX = re.compile(r'^(?P<name>\w+)\["(?P<text>[^"]*)"\]$')
_ARROW = re.compile(r"^(?P<tail>\w+) -->(?:\|(?P<text>[^|]*)\|)? (?P<head>\w+)$")
_WIDTH, _HEIGHT, _GAP, _LANE, _TOP, _LINE = 300, 46, 30, 360, 34, 17
_STYLE = "font-family:inherit;font-size:13px;fill:currentColor"


class DiagramError(Exception):
    """A line that is not understood."""


@dataclass(frozen=True)
class _Box:
    lines: list[str]
    column: int
    row: int

    @property
    def centre(self) -> tuple[float, float]:
        return self.column * _LANE + _LANE / 2, _TOP + self.row * (_HEIGHT + _GAP) + _HEIGHT / 2


def svg(source: str) -> str:
    """The diagram as an SVG element.

    Raises:
        DiagramError: names the line that is not understood.
    """
    titles, boxes, arrows = _parsed(source)
    width, height = _LANE * max(1, len(titles)), _TOP + len(boxes) * (_HEIGHT + _GAP)
    parts = [
        f'<svg viewBox="0 0 {width} {height}" style="max-width:{width}px;width:100%" role="img" '
        'xmlns="http://www.w3.org/2000/svg"><defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" '
        'markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z" fill="currentColor"/></marker></defs>'
    ]
    for column, title in enumerate(titles):
        parts.append(_text(column * _LANE + _LANE / 2, 16, title, "font-weight:bold;"))
    for tail, text, head in arrows:
        parts.append(_arrow(boxes[tail], boxes[head], text))
    for box in boxes.values():
        parts.append(_box(box))
    return "".join([*parts, "</svg>"])


def _parsed(source: str) -> tuple[list[str], dict[str, _Box], list[tuple[str, str, str]]]:
    titles: list[str] = []
    boxes: dict[str, _Box] = {}
    arrows = []
    for line in filter(None, map(str.strip, source.splitlines())):
        if line in ("flowchart TD", "end"):
            continue
        if line.startswith("subgraph "):
            titles.append(line.removeprefix("subgraph ").strip('"'))
        elif box := _BOX.match(line):
            boxes[box["name"]] = _Box(box["text"].split("<br>"), max(0, len(titles) - 1), len(boxes))
        elif (arrow := _ARROW.match(line)) and {arrow["tail"], arrow["head"]} <= boxes.keys():
            arrows.append((arrow["tail"], arrow["text"] or "", arrow["head"]))
        else:
            raise DiagramError(f"diagram: {line!r} is not understood, or names a box that is not above it")
    return titles, boxes, arrows


def _text(x: float, y: float, text: str, style: str = "", anchor: str = "middle") -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" style="{style}{_STYLE}">{html.escape(text)}</text>'


def _box(box: _Box) -> str:
    x, y = box.centre
    first = y + 5 - _LINE * (len(box.lines) - 1) / 2
    frame = (
        f'<rect x="{x - _WIDTH / 2:g}" y="{y - _HEIGHT / 2:g}" width="{_WIDTH}" height="{_HEIGHT}" rx="6" '
        'fill="none" stroke="currentColor"/>'
    )
    return frame + "".join(_text(x, first + _LINE * i, line) for i, line in enumerate(box.lines))


def _arrow(tail: _Box, head: _Box, text: str) -> str:
    """Down to the next row; a way back up runs along the outer side."""
    (x0, y0), (x1, y1) = tail.centre, head.centre
    if head.row > tail.row:
        y0, y1 = y0 + _HEIGHT / 2, y1 - _HEIGHT / 2
        path = f"M{x0:g} {y0:g}L{x1:g} {y1:g}" if x0 == x1 else f"M{x0:g} {y0:g}V{y1 - _GAP / 2:g}H{x1:g}V{y1:g}"
        at, anchor = (x1 + 8, y1 - 9), "start"
    else:
        side = x1 - _WIDTH / 2 - 18
        path = f"M{x0 - _WIDTH / 2:g} {y0:g}H{side:g}V{y1:g}H{x1 - _WIDTH / 2:g}"
        at, anchor = (side + 4, y0 - _HEIGHT / 2 - _GAP / 2 + 5), "start"  # between two boxes
    line = f'<path d="{path}" fill="none" stroke="currentColor" marker-end="url(#tip)"/>'
    return line + (_text(*at, text, "opacity:.75;", anchor) if text else "")
