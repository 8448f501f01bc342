"""From nothing to a figure, and from a figure to a file or an array; the one place that says what to install."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
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
LETTERS_PER_INCH = 14.5  # of 9.5 points, on average
#: Fonts with East Asian letters, which matplotlib's own lacks; used where one is installed.
_MORE_FONTS = (
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "Source Han Sans",
    "WenQuanYi Zen Hei",
    "Microsoft YaHei",
    "PingFang SC",
    "Hiragino Sans",
    "MS Gothic",
    "Arial Unicode MS",
)
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


def heading(figure: Figure, title: str, subtitle: str, note: str = "") -> None:
    """A bold title, a quiet line under it, and perhaps a note, flush left at the top, cut to the width."""
    width, height = figure.get_size_inches()
    figure.text(0.3 / width, 1 - 0.36 / height, title, size=14, weight="bold", color=TEXT.strong, va="center")
    figure.text(0.3 / width, 1 - 0.66 / height, fitting(subtitle, width), size=9.5, color=TEXT.quiet, va="center")
    if note:
        figure.text(0.3 / width, 1 - 0.9 / height, fitting(note, width), size=9.5, color=TEXT.strong, va="center")


def fitting(line: str, width: float) -> str:
    """A line of small letters, cut to what fits into `width` inches."""
    most = int((width - 0.6) * LETTERS_PER_INCH)
    return line if len(line) <= most else line[: most - 1].rstrip(" ·,") + "…"


def frame(figure: Figure) -> np.ndarray:
    """The figure as an image, [height, width, 3] uint8."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    with _every_letter(figure):
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
        with _every_letter(figure):
            figure.savefig(path)
    except OSError as error:
        raise ScenvError(f"{path}: cannot be written ({error.strerror or error})") from error


@contextmanager
def _every_letter(figure: Figure) -> Iterator[None]:
    """Give texts with letters beyond matplotlib's own font another one where it is installed, else boxes, silently."""
    from matplotlib import font_manager
    from matplotlib.text import Text

    texts = [text for text in figure.findobj(Text) if any(ord(letter) > 0x2E7F for letter in text.get_text())]
    if texts:
        installed = {font.name for font in font_manager.fontManager.ttflist}
        fonts = [name for name in _MORE_FONTS if name in installed]
        for text in texts:
            text.set_fontfamily(["DejaVu Sans", *fonts])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield
