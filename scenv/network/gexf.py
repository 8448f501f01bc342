"""Reading GEXF, the format of Gephi: one static, directed graph; positions, sizes and colours are passed over."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from typing import Any

from scenv.errors import NetworkError, shown
from scenv.network.rows import NetworkRows
from scenv.network.shown_names import with_shown_names
from scenv.network.xml_files import parsed_xml, tag_of, value_of

__all__ = ["rows_of_gexf"]

Element = ElementTree.Element
_SHOWN = {"size", "position", "color", "shape", "thickness"}


def rows_of_gexf(data: bytes, origin: str, name: str) -> NetworkRows:
    """Rows of a GEXF file. `name` is used where the file has none.

    A node's `label` is what Gephi shows: see `scenv.network.shown_names`. Declared defaults hold.
    """
    root = parsed_xml(data, origin, "GEXF", "gexf")
    graphs = [child for child in root if tag_of(child) == "graph"]
    if len(graphs) != 1:
        raise NetworkError(f"{origin}: {len(graphs)} graphs; expected one")
    graph = graphs[0]
    if graph.get("mode", "static") != "static":
        raise NetworkError(f"{origin}: mode is {shown(graph.get('mode'))}; expected 'static' (a graph without time)")
    directed = graph.get("defaultedgetype", "undirected") == "directed"
    columns = {kind: _columns(graph, kind) for kind in ("node", "edge")}
    unused: dict[str, dict[str, None]] = {"firms": {}, "edges": {}}
    nodes, names, edges = [], [], []
    for element in _children(graph, "nodes", "node"):
        if any(tag_of(part) == "nodes" for part in element):
            raise NetworkError(f"{origin}: node {shown(element.get('id'))}: holds other nodes; expected no hierarchy")
        where = f"{origin}: node {shown(element.get('id'))}"
        nodes.append(_ids(element, ("id",)) | _values(where, element, columns["node"], unused["firms"]))
        names.append(element.get("label"))
    for element in _children(graph, "edges", "edge"):
        where = f"{origin}: edge {shown(element.get('source'))} -> {shown(element.get('target'))}"
        if element.get("type", "directed" if directed else "undirected") != "directed":
            raise NetworkError(f"{where} is undirected; expected directed edges only (from supplier to customer)")
        edges.append(_ids(element, ("source", "target")) | _values(where, element, columns["edge"], unused["edges"]))
        unused["edges"].update(dict.fromkeys(key for key in ("weight", "label") if element.get(key)))
    with_shown_names(origin, nodes, edges, names)
    facts = {"name": graph.get("name") or name} | _description(root)
    return NetworkRows(origin, nodes, edges, facts, {part: tuple(found) for part, found in unused.items()})


def _children(graph: Element, group: str, tag: str) -> list[Element]:
    return [child for part in graph if tag_of(part) == group for child in part if tag_of(child) == tag]


def _columns(graph: Element, kind: str) -> dict[str, tuple[str, str, str | None]]:
    """Column id -> (title, type, default)."""
    columns = {}
    for group in graph:
        if tag_of(group) == "attributes" and group.get("class") == kind:
            for column in group:
                if tag_of(column) == "attribute":
                    default = next((part.text for part in column if tag_of(part) == "default"), None)
                    title = column.get("title") or column.get("id") or ""
                    columns[column.get("id") or ""] = title, column.get("type", "string"), default
    return columns


def _ids(element: Element, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: element.get(name) for name in names if name in element.attrib}


def _values(
    where: str, element: Element, columns: dict[str, tuple[str, str, str | None]], unused: dict[str, None]
) -> dict[str, Any]:
    unused.update(dict.fromkeys(tag_of(part) for part in element if tag_of(part) in _SHOWN))
    texts: dict[str, str] = {}
    for group in element:
        for value in group if tag_of(group) == "attvalues" else ():
            column = value.get("for") or value.get("id") or ""  # version 1.1 wrote id
            if column not in columns:
                raise NetworkError(f"{where}: a value for {shown(column)}; expected the id of an attribute")
            if column in texts:
                raise NetworkError(f"{where}: duplicate key {shown(columns[column][0])}; expected each field once")
            texts[column] = value.get("value", "")
    row: dict[str, Any] = {}
    for column, (title, kind, default) in columns.items():
        value = value_of(where, title, kind, texts.get(column, default or ""))
        if value is None:
            continue
        if title in ("id", "source", "target"):
            raise NetworkError(f"{where}: an attribute is named {title!r}, which is taken by GEXF itself")
        if title in row:
            raise NetworkError(f"{where}: duplicate key {shown(title)}; expected each field once")
        row[title] = value
    return row


def _description(root: Element) -> dict[str, str]:
    texts = [part.text for meta in root if tag_of(meta) == "meta" for part in meta if tag_of(part) == "description"]
    return {"description": " ".join(texts[0].split())} if texts and texts[0] and texts[0].strip() else {}
