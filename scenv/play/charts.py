"""Line charts as SVG: geometry only; colours and dashes are the style sheet's, so that they follow light and dark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

__all__ = ["Series", "legend", "line_chart", "quantity"]

_LEFT, _RIGHT, _TOP, _BOTTOM = 48.0, 10.0, 12.0, 28.0


@dataclass(frozen=True, eq=False)
class Series:
    """One line of a chart.

    Attributes:
        name: for the legend and the table.
        values: one number a round, NaN where there is none.
        style: class in the style sheet, which sets colour, width and dashes.
    """

    name: str
    values: np.ndarray
    style: str


def quantity(units: float) -> str:
    """Units or money for people: no decimals where there are none or the number is large, else one."""
    if abs(units) >= 1000 or abs(units - round(units)) < 0.05:
        return f"{round(units):,}"
    return f"{units:,.1f}"


def line_chart(
    series: Sequence[Series],
    label: str,
    *,
    rounds: int,
    width: float = 480.0,
    height: float = 190.0,
    top: float | None = None,
) -> Markup:
    """Lines over the periods 0 .. `rounds`, called rounds from 1 on, from 0 to `top` (the largest value unless given).

    `label` is what a screen reader says.
    """
    highest = max((float(np.nanmax(s.values)) for s in series if np.isfinite(s.values).any()), default=1.0)
    ticks = _ticks(top if top is not None else highest)
    scale_x = (width - _LEFT - _RIGHT) / max(rounds, 1)
    scale_y = (height - _TOP - _BOTTOM) / ticks[-1]

    def at(period: float, value: float) -> str:
        return f"{_LEFT + period * scale_x:.1f},{height - _BOTTOM - value * scale_y:.1f}"

    parts = [
        Markup('<svg class="chart" viewBox="0 0 {:.0f} {:.0f}" role="img" aria-label="{}">').format(
            width, height, label
        )
    ]
    for tick in ticks:
        y = height - _BOTTOM - tick * scale_y
        parts.append(
            Markup('<line class="grid" x1="{:.0f}" x2="{:.0f}" y1="{:.1f}" y2="{:.1f}"/>').format(
                _LEFT, width - _RIGHT, y, y
            )
        )
        parts.append(
            Markup('<text class="tick" x="{:.0f}" y="{:.1f}" text-anchor="end">{}</text>').format(
                _LEFT - 6, y + 4, quantity(tick)
            )
        )
    for name in _round_ticks(rounds + 1):
        x = _LEFT + (name - 1) * scale_x
        parts.append(
            Markup('<text class="tick" x="{:.1f}" y="{:.0f}" text-anchor="middle">{}</text>').format(
                x, height - 8, name
            )
        )
    for s in series:
        points = [at(k, v) for k, v in enumerate(s.values.tolist()) if np.isfinite(v)]
        if len(points) == 1:
            point = points[0].split(",")
            parts.append(Markup('<circle class="dot {}" cx="{}" cy="{}" r="3"/>').format(s.style, *point))
        elif points:
            parts.append(Markup('<polyline class="line {}" points="{}"/>').format(s.style, " ".join(points)))
    parts.append(Markup("</svg>"))
    return Markup("").join(parts)


def legend(series: Mapping[str, str]) -> Markup:
    """What each style means; style -> name."""
    items = [
        Markup(
            '<li><svg class="key" viewBox="0 0 28 8" aria-hidden="true"><line class="line {}" x1="1" x2="27" y1="4" '
            'y2="4"/></svg>{}</li>'
        ).format(style, name)
        for style, name in series.items()
    ]
    return Markup('<ul class="legend">{}</ul>').format(Markup("").join(items))


def _ticks(highest: float) -> list[float]:
    """About four round numbers from 0 to at least `highest`."""
    rough = max(highest, 1e-9) / 4
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= rough * 0.999)
    count = int(np.ceil(highest / step - 1e-9))
    return [float(k * step) for k in range(max(count, 1) + 1)]


def _round_ticks(rounds: int) -> list[int]:
    step = next((s for s in (1, 2, 4, 5, 6, 10, 20, 25, 50) if rounds / s <= 9), 100)
    return sorted({1, *range(step, rounds + 1, step)} - ({step} if step == 2 else set()))
