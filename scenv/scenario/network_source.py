"""The field `network` of a scenario: a name, a path, a graph, or tables with the columns that are meant."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import networkx as nx

from scenv.errors import ScenarioError, did_you_mean, shown
from scenv.network.network import load_network

__all__ = ["NETWORK_SCHEMA", "network_of"]

_TABLE_FIELDS = ("file", "firms_file", "columns")

NETWORK_SCHEMA: dict[str, Any] = {
    "type": ["string", "object"],
    "additionalProperties": False,
    "required": ["file"],
    "properties": {
        "file": {"type": "string", "description": "A table of links, a workbook, or a folder of tables."},
        "firms_file": {"type": "string", "description": "The table of its firms, where that is a file of its own."},
        "columns": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "Field -> the name of its column, where that is not found by itself.",
        },
    },
}


def network_of(value: Any) -> Any:
    """The network that a value names; a value of another kind as it is.

    Args:
        value: a built-in name, a path, a networkx graph, or a mapping ``{file, firms_file, columns}`` for tables, as
            the arguments of `load_network`: one network file may hold several products, a column of demand or of costs
            each, and a scenario says by ``columns`` which of them it is about.

    Raises:
        ScenarioError: for a mapping that says something else.
        NetworkError: if the network cannot be read.
    """
    if isinstance(value, str | Path | nx.Graph) or hasattr(value, "__fspath__"):
        return load_network(value)
    if not isinstance(value, Mapping):
        return value
    for key in value:
        if key not in _TABLE_FIELDS:
            hint = did_you_mean(key, _TABLE_FIELDS)
            raise ScenarioError(
                f"field 'network': unknown field {shown(key)}{hint}; expected {', '.join(_TABLE_FIELDS)}"
            )
    file, firms, columns = (value.get(key) for key in _TABLE_FIELDS)
    if not isinstance(file, str | Path):
        raise ScenarioError(f"field 'network': file must be the path of a table or folder, not {shown(file)}")
    if columns is not None and not (
        isinstance(columns, Mapping) and all(isinstance(part, str) for pair in columns.items() for part in pair)
    ):
        raise ScenarioError(f"field 'network': columns must be a mapping of fields to columns, not {shown(columns)}")
    return load_network(file, firms=firms, columns=columns)
