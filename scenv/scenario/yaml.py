"""Reading a YAML file as plain data; see `scenv.scenario.reading` for what YAML is here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scenv.errors import ScenarioError
from scenv.scenario.reading import MAX_YAML_BYTES, ReadingError, parse_yaml
from scenv.scenario.text import named, read_text

__all__ = ["read_yaml"]


def read_yaml(path: str | Path) -> Any:
    """The one document of a YAML file.

    Raises:
        ScenarioError: naming file and line, if it cannot be read, is over the size cap, or says what `parse_yaml`
            refuses.
    """
    try:
        return parse_yaml(read_text(path, MAX_YAML_BYTES))
    except ReadingError as problem:
        line = f" line {problem.line}" if problem.line else ""
        raise ScenarioError(f"{named(path)}{line}: {problem}") from None
