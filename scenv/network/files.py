"""Reading and writing networks: which format a source has, node-link JSON, DiGraphs, and the limits on every file.

GraphML and the published data set's CSV have their own modules. A reader only turns a file into `NetworkRows`; nothing
in a file is ever executed, and the firms, edges and fields are judged in `scenv.network.rows`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import networkx as nx

from scenv.errors import NetworkError, did_you_mean, shown
from scenv.network.graphml import graphml_text, rows_of_graphml
from scenv.network.rows import NetworkRows, check_known
from scenv.network.willems import rows_of_willems_csv

__all__ = ["BUILT_IN_NETWORKS", "MAX_BYTES", "read_network", "rows_of_graph", "write_graphml", "write_json"]

BUILT_IN_NETWORKS = ("bg", "r1", "r2", "r3")
MAX_BYTES = 16 * 2**20
"""Largest file that is read. The largest published chain (2,025 firms, 16,225 edges) takes 1.5 MB."""


def read_network(source: str | Path) -> NetworkRows:
    """The rows of a built-in name or of a file, by its suffix. Raises `NetworkError` (see `load_network`)."""
    if source in BUILT_IN_NETWORKS:
        file = resources.files("scenv.network") / "data" / f"{source}.json"
        return rows_of_json(file.read_bytes(), f"{source}.json", str(source))
    path = Path(source)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise NetworkError(_unknown_source(source, path))
    return reader(_bytes_of(path), _named(path), path.stem)


def rows_of_json(data: bytes, origin: str, name: str) -> NetworkRows:
    """Rows of node-link JSON: directed true, multigraph false, graph {}, nodes [{id, ...}], edges [{source, target}].

    The older networkx name "links" is read as "edges". `name` is used where the file has none.
    """
    try:
        # Duplicate keys and NaN, which Python's reader would let pass, are refused while parsing.
        document = json.loads(_text(data, origin), object_pairs_hook=_unique(origin), parse_constant=_no_nan(origin))
    except NetworkError:
        raise
    except RecursionError:
        raise NetworkError(f"{origin}: nested too deeply; expected node-link JSON (lists of nodes and edges)") from None
    except ValueError as error:
        raise NetworkError(f"{origin}: not valid JSON: {error}") from None
    if not isinstance(document, dict):
        raise NetworkError(f"{origin}: expected a JSON object with nodes and edges, not {shown(document)}")
    if "links" in document and "edges" not in document:
        document["edges"] = document.pop("links")
    check_known(origin, document, ("directed", "multigraph", "graph", "nodes", "edges"))
    for key, expected in (("directed", True), ("multigraph", False)):
        if document.get(key, expected) is not expected:
            raise NetworkError(
                f"{origin}: {key} must be {str(expected).lower()}, not {shown(document[key])} "
                "(an edge goes from one supplier to one customer)"
            )
    for key in ("nodes", "edges"):
        if not isinstance(document.get(key), list):
            raise NetworkError(f"{origin}: {key} must be a list of rows, not {shown(document.get(key))}")
    graph = document.get("graph", {})
    if isinstance(graph, dict):
        graph.setdefault("name", name)
    return NetworkRows(origin, document["nodes"], document["edges"], graph)


def rows_of_graph(graph: nx.Graph) -> NetworkRows:
    """Rows of a networkx DiGraph: attributes are the fields, nodes become text. `NetworkError` for other graphs."""
    name = graph.graph.get("name")
    origin = f"graph {shown(name)}" if name else "graph"
    if not graph.is_directed() or graph.is_multigraph():
        raise NetworkError(
            f"{origin}: expected a networkx DiGraph (one directed edge from supplier to customer), "
            f"not a {type(graph).__name__}"
        )
    # networkx' GraphML reader leaves these two behind, and networkx itself an empty name.
    skipped = ("node_default", "edge_default") if name else ("node_default", "edge_default", "name")
    facts = {"name": "graph"} | {key: value for key, value in graph.graph.items() if key not in skipped}
    nodes = [{**attributes, "id": str(node)} for node, attributes in graph.nodes(data=True)]
    edges = [{**attributes, "source": str(u), "target": str(v)} for u, v, attributes in graph.edges(data=True)]
    return NetworkRows(origin, nodes, edges, facts)


def write_json(rows: NetworkRows, path: str | Path) -> None:
    """Write rows as node-link JSON with one text line per firm and per edge, so that a diff shows one firm a line."""
    graph = ",\n".join(f"    {_json(key)}: {_json(value)}" for key, value in rows.graph.items())
    nodes, edges = (",\n".join(f"    {_json(row)}" for row in part) for part in (rows.nodes, rows.edges))
    text = (
        '{\n  "directed": true,\n  "multigraph": false,\n'
        f'  "graph": {{\n{graph}\n  }},\n  "nodes": [\n{nodes}\n  ],\n  "edges": [\n{edges}\n  ]\n}}\n'
    )
    _write(path, text)


def write_graphml(rows: NetworkRows, path: str | Path) -> None:
    """Write rows as GraphML; see `scenv.network.graphml`."""
    _write(path, graphml_text(rows))


_READERS: dict[str, Callable[[bytes, str, str], NetworkRows]] = {
    ".json": rows_of_json,
    ".graphml": rows_of_graphml,
    ".csv": lambda data, origin, name: rows_of_willems_csv(_text(data, origin), origin),
}


def _unknown_source(source: str | Path, path: Path) -> str:
    formats = ", ".join(_READERS)
    try:
        if path.is_dir():
            return f"{_named(path)} is a directory; expected a network file ({formats})"
        if path.suffix or path.exists():
            return f"{_named(path)}: unknown kind of network file; expected a name that ends in {formats}"
    except (OSError, ValueError):  # a name no file can have: too long, or with a NUL
        pass
    if isinstance(source, Path):
        return f"{_named(path)}: no such file"
    return (
        f"unknown network {shown(str(source))}{did_you_mean(source, BUILT_IN_NETWORKS)}; expected one of "
        f"{', '.join(BUILT_IN_NETWORKS)}, or a file that ends in {formats}"
    )


def _bytes_of(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise NetworkError(f"{_named(path)} is a directory; expected a network file")
        if not path.exists():
            raise NetworkError(f"{_named(path)}: no such file")
        if not path.is_file():  # a pipe or device could block for ever
            raise NetworkError(f"{_named(path)}: not a regular file")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        if isinstance(error, NetworkError):
            raise
        reason = getattr(error, "strerror", None) or error
        raise NetworkError(f"{_named(path)}: cannot be read: {reason}") from None
    if len(data) > MAX_BYTES:
        raise NetworkError(f"{_named(path)}: larger than {MAX_BYTES // 2**20} MiB; expected a smaller network file")
    return data


def _named(path: str | Path) -> str:
    """The path as a message can show it on one line."""
    text = str(path)
    return text if text.isprintable() and len(text) <= 1000 else shown(text)


def _text(data: bytes, origin: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NetworkError(f"{origin}: not UTF-8 text (byte {error.start}); expected a text file") from None


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


def _write(path: str | Path, text: str) -> None:
    try:
        Path(path).write_text(text, encoding="utf-8", newline="\n")
    except (OSError, ValueError) as error:
        raise NetworkError(f"{_named(path)}: cannot be written: {getattr(error, 'strerror', None) or error}") from None
