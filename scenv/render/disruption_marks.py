"""When and whom disruptions hit, as shades in an episode's picture."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from scenv.drawing.style import CLOSED, DELAYED, DEMAND_CHANGED, TEXT
from scenv.evaluation.episode import Episode

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Mark", "marks_of", "shade", "shades_of"]

#: Info -> (its usual value, colour, what it is, what it did to a firm), in the order of drawing.
_KINDS = {
    "demand_factor": (1.0, DEMAND_CHANGED, "demand changed", "demand ×{:g}"),
    "delay": (0.0, DELAYED, "deliveries delayed", "+{:g} periods"),
    "closed": (0.0, CLOSED, "closed", "closed"),
}
_MOST_NAMED = 2  # marks of a stage that are told by name


@dataclass(frozen=True)
class Mark:
    """Periods `start` .. `stop` - 1 in which some firms of a stage were hit.

    Attributes:
        start, stop: periods.
        colour: of the shade.
        text: whom it hit, and how.
    """

    start: int
    stop: int
    colour: str
    text: str


def marks_of(episode: Episode, stage: int) -> list[Mark]:
    """What hit the firms of a stage: one mark for each run of periods in which the same firms were hit."""
    network = episode.scenario.network
    firms = [i for i, name in enumerate(network.agents) if network.stages[name] == stage]
    marks = []
    for name, (usual, colour, _, how) in _KINDS.items():
        values = episode.infos.get(name)
        if values is None:
            continue
        hit = values[:, firms] != usual
        start = 0
        for which, run in groupby(map(tuple, hit.tolist())):
            stop = start + len(list(run))
            if any(which):
                names = [network.agents[firm] for firm, is_hit in zip(firms, which, strict=True) if is_hit]
                several = "all firms" if len(names) == len(firms) else f"{len(names)} of {len(firms)} firms"
                whom = names[0] if len(names) == 1 else several
                amount = float(np.abs(values[start:stop, firms][:, list(which)]).max())
                marks.append(Mark(start, stop, colour, f"{whom}: {how.format(amount)}"))
            start = stop
    return marks


def shade(axes: Axes, marks: list[Mark], *, named: bool) -> None:
    """Shade the marks over the height of a panel; the first of them are told by name above it, if asked."""
    for mark in marks:
        axes.axvspan(mark.start, mark.stop, color=mark.colour, alpha=0.55, linewidth=0, zorder=0.5)
    if not named or not marks:
        return
    times = Counter(mark.text for mark in reversed(marks))  # closures first
    lines = [text + f" ({count} times)" * (count > 1) for text, count in times.items()]
    if len(lines) > _MOST_NAMED:
        lines = [*lines[: _MOST_NAMED - 1], f"{lines[_MOST_NAMED - 1]}, …"]
    place: dict[str, Any] = {"transform": axes.transAxes, "va": "top", "ha": "left"}
    for k, line in enumerate(lines):
        axes.text(0.01, 1.12 - 0.1 * k, line, size=7, color=TEXT.strong, clip_on=False, **place)


def shades_of(episode: Episode) -> list[tuple[str, str]]:
    """(colour, what it is) of the kinds of disruption that the scenario has."""
    return [(colour, what) for name, (_, colour, what, _) in _KINDS.items() if name in episode.infos]
