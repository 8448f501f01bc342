"""From nothing to a figure, and from a figure to a file or an array; the one place that says what to install."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from gymnasium.error import DependencyNotInstalled

from scenv.drawing.style import TEXT
from scenv.errors import ScenvError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["DPI", "MissingPlotExtraError", "blank_axes", "frame", "heading", "new_figure", "require_matplotlib", "save"]

DPI = 110
SUFFIXES = (".png", ".svg", ".pdf", ".jpg", ".webp")


class MissingPlotExtraError(ScenvError, DependencyNotInstalled):
    """A picture was asked for, and matplotlib is not installed."""


def require_matplotlib() -> None:
    """Raise `MissingPlotExtraError`, which says how to install it, where matplotlib cannot be imported."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise MissingPlotExtraError(f'pictures need matplotlib ({error}); pip install "scenv[plot]"') from error


def new_figure(width: float, height: float) -> Figure:
    """An empty white figure of `width` x `height` inches, on the Agg canvas (no screen, no pyplot).

    Raises:
        MissingPlotExtraError: where matplotlib is not installed.
    """
    require_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def blank_axes(figure: Figure, left: float, bottom: float, right: float, top: float) -> Axes:
    """Axes without frame or ticks over a part of the figure, whose data unit is one inch, origin at the lower left."""
    width, height = figure.get_size_inches()
    axes = figure.add_axes((left / width, bottom / height, (right - left) / width, (top - bottom) / height))
    axes.set(xlim=(0, right - left), ylim=(0, top - bottom))
    axes.axis("off")
    return axes


def heading(figure: Figure, title: str, subtitle: str) -> None:
    """A bold title and a quiet line under it, flush left at the top of the figure."""
    width, height = figure.get_size_inches()
    figure.text(0.3 / width, 1 - 0.36 / height, title, size=14, weight="bold", color=TEXT.strong, va="center")
    figure.text(0.3 / width, 1 - 0.66 / height, subtitle, size=9.5, color=TEXT.quiet, va="center")


def frame(figure: Figure) -> np.ndarray:
    """The figure as an image, [height, width, 3] uint8."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    canvas.draw()  # type: ignore[no-untyped-call]
    image = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
    return image[..., :3].copy()


def save(figure: Figure, path: str | Path) -> None:
    """Write the figure; the suffix of `path` says how (.png, .svg, .pdf, .jpg, .webp).

    Raises:
        ScenvError: for another suffix, or a path that cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise ScenvError(f"{path}: a picture's name must end in one of {', '.join(SUFFIXES)}")
    try:
        figure.savefig(path)
    except OSError as error:
        raise ScenvError(f"{path}: cannot be written ({error.strerror or error})") from error
