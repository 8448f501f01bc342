"""Where the commands print, and what they may write over."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from scenv.errors import ScenvError

__all__ = ["output_console", "refuse_to_overwrite"]

_PIPE_WIDTH = 120


def output_console() -> Console:
    """Standard output; a pipe or file, which has no width of its own, is wide enough for every table."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=max(console.width, _PIPE_WIDTH))


def refuse_to_overwrite(path: Path, force: bool) -> None:
    """Raise `ScenvError` if something is at `path`, unless `force`; and if its folder is missing."""
    if path.is_dir():
        raise ScenvError(f"{path}: is a folder; expected the name of a file to write")
    if not path.parent.is_dir():
        raise ScenvError(f"{path}: there is no folder {path.parent}")
    if path.exists() and not force:
        raise ScenvError(f"{path}: exists already; use --force to write over it")
