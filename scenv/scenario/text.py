"""Reading the text files that a scenario names; see `scenv.text_file`."""

from __future__ import annotations

from pathlib import Path

from scenv.errors import ScenarioError
from scenv.text_file import named
from scenv.text_file import read_text as read_any_text

__all__ = ["named", "read_text"]


def read_text(path: str | Path, max_bytes: int) -> str:
    """The text of a file, without a byte-order mark. Raises `ScenarioError` as `scenv.text_file.read_text` says."""
    return read_any_text(path, max_bytes, ScenarioError)
