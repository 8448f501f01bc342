"""Reading and writing JSON: node-link, as networkx and d3 write it, and Cytoscape's (.cyjs)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from scenv.errors import NetworkError, shown
from scenv.network.rows import NetworkRows, check_known
from scenv.network.shown_names import with_shown_names
from scenv.text_file import text_of

__all__ = ["node_link_text", "rows_of_json"]

# What Cytoscape writes at every node and edge for itself.
_CYTOSCAPE_OWN = ("SUID", "selected", "shared_name", "shared name", "shared_interaction", "shared interaction", "value")


def rows_of_json(data: bytes, origin: str, name: str) -> NetworkRows:
    """Rows of node-link JSON: directed true, multigraph false, graph {}, nodes [{id, ...}], edges [{source, target}].

    The older networkx name "links" is read as "edges"; an object with "elements" is Cytoscape's. `name` is used where
    the file has none.
    """
    document = _parsed(text_of(data, origin, NetworkError), origin)
    if not isinstance(document, dict):
        raise NetworkError(f"{origin}: expected a JSON object with nodes and edges, not {shown(document)}")
    if "elements" in document:
        return _rows_of_cytoscape(document, origin, name)
    if "links" in document and "edges" not in document:
        document["edges"] = document.pop("links")
    check_known(origin, document, ("directed", "multigraph", "graph", "nodes", "edges"))
    _check_directed(document, origin)
    for key in ("nodes", "edges"):
        if not isinstance(document.get(key), list):
            raise NetworkError(f"{origin}: {key} must be a list of rows, not {shown(document.get(key))}")
    graph = document.get("graph", {})
    if isinstance(graph, dict):
        graph.setdefault("name", name)
    return NetworkRows(origin, document["nodes"], document["edges"], graph)


def _rows_of_cytoscape(document: dict[str, Any], origin: str, name: str) -> NetworkRows:
    """Rows of the JSON that Cytoscape, cytoscape.js and networkx' `cytoscape_data` write."""
    _check_directed(document, origin)
    elements = document["elements"]
    if isinstance(elements, list):  # cytoscape.js also takes one flat list
        parts = {
            "nodes": [part for part in elements if "source" not in _own(part, origin)],
            "edges": [part for part in elements if "source" in _own(part, origin)],
        }
    elif isinstance(elements, dict):
        parts = {key: elements.get(key, []) for key in ("nodes", "edges")}
    else:
        raise NetworkError(f"{origin}: elements must hold nodes and edges, not {shown(elements)}")
    for key, part in parts.items():
        if not isinstance(part, list):
            raise NetworkError(f"{origin}: elements.{key} must be a list, not {shown(part)}")
    nodes, edges = ([dict(_own(part, origin)) for part in parts[key]] for key in ("nodes", "edges"))
    names = [row.pop("name", None) or row.get("shared_name") for row in nodes]
    unused: dict[str, tuple[str, ...]] = (
        {"firms": ("position",)} if any("position" in part for part in parts["nodes"]) else {}
    )
    for row in (*nodes, *edges):
        for key in _CYTOSCAPE_OWN:
            row.pop(key, None)
    with_shown_names(origin, nodes, edges, [name if isinstance(name, str) else None for name in names])
    facts = document.get("data")
    given = facts.get("name") if isinstance(facts, dict) else None
    return NetworkRows(origin, nodes, edges, {"name": given or name}, unused)


def _own(part: Any, origin: str) -> dict[str, Any]:
    if not isinstance(part, dict) or not isinstance(part.get("data"), dict):
        raise NetworkError(f"{origin}: elements: expected objects with data, not {shown(part)}")
    return part["data"]


def _check_directed(document: dict[str, Any], origin: str) -> None:
    for key, expected in (("directed", True), ("multigraph", False)):
        if document.get(key, expected) is not expected:
            raise NetworkError(
                f"{origin}: {key} must be {str(expected).lower()}, not {shown(document[key])} "
                "(an edge goes from one supplier to one customer)"
            )


def _parsed(text: str, origin: str) -> Any:
    try:
        # Duplicate keys and NaN, which Python's reader would let pass, are refused while parsing.
        return json.loads(text, object_pairs_hook=_unique(origin), parse_constant=_no_nan(origin))
    except NetworkError:
        raise
    except RecursionError:
        raise NetworkError(f"{origin}: nested too deeply; expected node-link JSON (lists of nodes and edges)") from None
    except ValueError as error:
        raise NetworkError(f"{origin}: not valid JSON: {error}") from None


def _unique(origin: str) -> Callable[[list[tuple[str, Any]]], dict[str, Any]]:
    def build(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(pairs)
        if len(result) < len(pairs):
            seen: set[str] = set()
            double = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
            raise NetworkError(
                f"{origin}: duplicate key {shown(double)} in one object (among the keys "
                f"{shown(sorted(result)[:6])}); expected each key once"
            )
        return result

    return build


def _no_nan(origin: str) -> Callable[[str], Any]:
    def refuse(constant: str) -> Any:
        raise NetworkError(f"{origin}: {constant} is not valid JSON; expected finite numbers (leave out unknown ones)")

    return refuse


def node_link_text(rows: NetworkRows) -> str:
    """Rows as node-link JSON with one text line per firm and per edge, so that a diff shows one firm a line."""
    graph = ",\n".join(f"    {_json(key)}: {_json(value)}" for key, value in rows.graph.items())
    nodes, edges = (",\n".join(f"    {_json(row)}" for row in part) for part in (rows.nodes, rows.edges))
    return (
        '{\n  "directed": true,\n  "multigraph": false,\n'
        f'  "graph": {{\n{graph}\n  }},\n  "nodes": [\n{nodes}\n  ],\n  "edges": [\n{edges}\n  ]\n}}\n'
    )


def _json(value: Any) -> str:
    return json.dumps(_shortest(value), ensure_ascii=False, allow_nan=False)


def _shortest(value: Any) -> Any:
    """Whole floats as integers (400, not 400.0) for the reader's eye; every other float keeps its full precision."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _shortest(v) for key, v in value.items()}
    if isinstance(value, list):
        return [_shortest(v) for v in value]
    return value
