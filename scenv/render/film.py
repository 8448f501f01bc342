"""An episode as a film: one frame per period."""

from __future__ import annotations

from pathlib import Path

from scenv.drawing.canvas import frame, require_matplotlib
from scenv.errors import ScenvError
from scenv.evaluation.episode import Episode
from scenv.render.episode_picture import draw_episode

__all__ = ["FILM_SUFFIX", "save_film"]

FILM_SUFFIX = ".gif"
_MILLISECONDS, _LAST_FRAME = 120, 3000


def save_film(episode: Episode, path: str | Path, title: str | None = None) -> None:
    """Write an animated GIF that shows the episode grow, and rests on the whole of it.

    Raises:
        MissingPlotExtraError: where matplotlib (and so Pillow) is not installed.
        ScenvError: where the file cannot be written.
    """
    require_matplotlib()
    from PIL import Image

    colours = Image.Palette.ADAPTIVE
    frames = [
        Image.fromarray(frame(draw_episode(episode.until(period), title))).convert("P", palette=colours, colors=64)
        for period in range(episode.periods)
    ]
    durations = [_MILLISECONDS] * (len(frames) - 1) + [_LAST_FRAME]
    try:
        frames[0].save(path, save_all=True, append_images=frames[1:], duration=durations, loop=0)
    except OSError as error:
        raise ScenvError(f"{path}: cannot be written ({error.strerror or error})") from error
