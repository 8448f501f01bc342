"""Reading small text files that somebody else wrote: regular files only, UTF-8, and no larger than a cap."""

from __future__ import annotations

from pathlib import Path

from scenv.errors import ScenarioError, shown

__all__ = ["named", "read_text"]


def read_text(path: str | Path, max_bytes: int) -> str:
    """The text of a file, without a byte-order mark.

    Raises:
        ScenarioError: naming the file, if it cannot be read, is no regular file, is larger than `max_bytes`, or is not
            UTF-8 text.
    """
    path = Path(path)
    try:
        if path.is_dir():
            raise ScenarioError(f"{named(path)} is a directory; expected a file")
        if not path.exists():
            raise ScenarioError(f"{named(path)}: no such file")
        if not path.is_file():  # a pipe or device could block for ever
            raise ScenarioError(f"{named(path)}: not a regular file")
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL
        if isinstance(error, ScenarioError):
            raise
        raise ScenarioError(f"{named(path)}: cannot be read ({getattr(error, 'strerror', None) or error})") from None
    if len(data) > max_bytes:
        raise ScenarioError(f"{named(path)}: larger than {max_bytes / 2**20:g} MiB; expected a smaller file")
    if b"\0" in data:
        raise ScenarioError(f"{named(path)}: not a text file (it holds NUL bytes)")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ScenarioError(f"{named(path)}: not UTF-8 text (byte {error.start})") from None


def named(path: str | Path) -> str:
    """The path as a message can show it on one line."""
    text = str(path)
    return text if text.isprintable() and len(text) <= 1000 else shown(text)
