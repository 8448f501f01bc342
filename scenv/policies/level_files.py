"""Files of levels: a JSON object that names every firm's level, one object a kind of level."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scenv.errors import ScenarioError
from scenv.text_file import read_text

__all__ = ["levels_of", "read_level_file", "write_level_file"]

_MAX_BYTES = 16 * 2**20


def read_level_file(path: str | Path) -> Any:
    """What the file holds.

    Raises:
        ScenarioError: if it cannot be read or is no JSON.
    """
    try:
        return json.loads(read_text(path, _MAX_BYTES, ScenarioError))
    except ScenarioError:
        raise
    except (ValueError, RecursionError) as error:
        raise ScenarioError(f"{path}: not JSON ({error})") from error


def levels_of(document: Any, kind: str, path: str | Path) -> dict[str, float]:
    """Firm -> units of one kind of level.

    Raises:
        ScenarioError: if the document has no such levels.
    """
    levels = document.get(kind) if isinstance(document, dict) else None
    if not isinstance(levels, dict) or not all(type(value) in (int, float) for value in levels.values()):
        raise ScenarioError(f"{path}: expected an object {kind!r} with a number for every firm")
    return levels


def write_level_file(path: str | Path, levels: Mapping[str, Mapping[str, float]]) -> None:
    """Write levels by kind and firm as JSON.

    Raises:
        OSError: where the file cannot be written.
    """
    Path(path).write_text(json.dumps(levels, indent=2) + "\n", encoding="utf-8")
