"""Reading and writing GraphML, the XML format of yEd, Gephi, Cytoscape, igraph and networkx.

networkx' own reader is not used: it merges duplicate nodes and parallel edges without a word, forgets the order of
edges (our priority order), leaves defaults to its user, and its XML parser expands entities.

What programs write beyond the standard is read as they mean it: yEd's node labels, Gephi's `label`, Cytoscape's `name`
and igraph's `name` are what a firm is called (`scenv.network.shown_names`); yEd's groups are only folders; colours,
positions and weights are passed over and named in `unused`.
"""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree  # writing only; reading goes through defusedxml
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scenv.errors import NetworkError, shown
from scenv.network.fields import GRAPH_FIELDS, field_called
from scenv.network.rows import NetworkRows
from scenv.network.shown_names import FIRM, with_shown_names
from scenv.network.xml_files import parsed_xml, tag_of, value_of

__all__ = ["graphml_text", "rows_of_graphml"]

Element = ElementTree.Element

_NAMESPACE = "http://graphml.graphdrawing.org/xmlns"
# Fields that GraphML, which knows only scalars, carries as JSON text.
_JSON_FIELDS = ("stage_time_distribution", "scenario")
_MAX_GROUPS = 50
# Where programs keep what they show at a node: (the key's id, its attr.name). None is any id.
_SHOWN_KEYS = (("label", "label"), ("v_name", "name"), ("v_label", "label"))
_CYTOSCAPE = "shared name"


@dataclass
class _File:
    """A GraphML file on the way to rows."""

    origin: str
    keys: Mapping[str, Element]
    nodes: list[dict[str, Any]] = field(default_factory=list)
    edges: list[dict[str, Any]] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)
    groups: set[str] = field(default_factory=set)
    unused: dict[str, dict[str, None]] = field(default_factory=lambda: {"firms": {}, "edges": {}})


def rows_of_graphml(data: bytes, origin: str, name: str) -> NetworkRows:
    """Rows of a GraphML file with one directed graph. `name` is used where the file has none."""
    root = parsed_xml(data, origin, "GraphML", "graphml")
    graphs = [child for child in root if tag_of(child) == "graph"]
    if len(graphs) != 1:
        raise NetworkError(f"{origin}: {len(graphs)} graphs; expected one")
    graph = graphs[0]
    file = _File(origin, {key.get("id", ""): key for part in (root, graph) for key in part if tag_of(key) == "key"})
    if graph.get("edgedefault") != "directed":
        raise NetworkError(
            f"{origin}: edgedefault is {shown(graph.get('edgedefault'))}; expected 'directed' "
            "(an edge goes from a supplier to a customer)"
        )
    facts = {"name": name, **_data(file, [child for child in graph if tag_of(child) == "data"], "graph", "graph")}
    _read_graph(file, graph, 0)
    for edge in file.edges:
        for end in (edge.get("source"), edge.get("target")):
            if end in file.groups:
                raise NetworkError(
                    f"{origin}: edge {shown(edge['source'])} -> {shown(edge['target'])} ends at the group "
                    f"{shown(end)}; expected edges between firms only"
                )
    with_shown_names(origin, file.nodes, file.edges, file.names)
    unused = {part: tuple(names) for part, names in file.unused.items()}
    return NetworkRows(origin, file.nodes, file.edges, facts, unused)


def _read_graph(file: _File, graph: Element, depth: int) -> None:
    for child in graph:
        tag = tag_of(child)
        if tag == "node":
            inner = [part for part in child if tag_of(part) == "graph"]
            if inner and "yfiles.foldertype" in "".join(child.attrib) and depth < _MAX_GROUPS:
                file.groups.add(child.get("id", ""))
                for part in inner:
                    _read_graph(file, part, depth + 1)
            else:
                _read_node(file, child)
        elif tag == "edge":
            if child.get("directed", "true") not in ("true", "1"):
                raise NetworkError(
                    f"{file.origin}: edge {shown(child.get('source'))} -> {shown(child.get('target'))} is "
                    "undirected; expected directed edges only"
                )
            row = _row(file, child, "edge", ("source", "target"))
            file.edges.append(row)
            if any(tag_of(part) == "EdgeLabel" and (part.text or "").strip() for part in child.iter()):
                file.unused["edges"]["labels"] = None
        elif tag not in ("data", "desc", "key"):
            raise NetworkError(f"{file.origin}: element {shown(tag)} in the graph; expected node, edge and data only")


def _read_node(file: _File, element: Element) -> None:
    row = _row(file, element, "node", ("id",))
    labels = (part.text or "" for part in element.iter() if tag_of(part) == "NodeLabel")
    label = next((text for text in labels if text.strip()), None)
    if label is None and _CYTOSCAPE in row:
        label = row.pop("name", None) or row[_CYTOSCAPE]
    row.pop(_CYTOSCAPE, None)
    for key, name in _SHOWN_KEYS:
        if label is None and key in file.keys and file.keys[key].get("attr.name") == name and FIRM not in row:
            label = row.pop(name, None)
    file.nodes.append(row)
    file.names.append(label)


def _row(file: _File, element: Element, domain: str, ids: tuple[str, ...]) -> dict[str, Any]:
    row: dict[str, Any] = {name: element.get(name) for name in ids if name in element.attrib}
    where = f"{domain} {' -> '.join(shown(row.get(name)) for name in ids)}"
    inner = [child for child in element if tag_of(child) not in ("desc", "port")]
    for child in inner:
        if tag_of(child) != "data":
            raise NetworkError(
                f"{file.origin}: {where}: element {shown(tag_of(child))}; expected data (no nested graphs)"
            )
    for name, value in _data(file, inner, domain, where).items():
        if name in ids:
            raise NetworkError(
                f"{file.origin}: {where}: a data field is named {name!r}, which is taken by GraphML itself"
            )
        row[name] = value
    return row


def _data(file: _File, elements: list[Element], domain: str, where: str) -> dict[str, Any]:
    """The fields of a node, an edge or the graph: its own data, else the key's default."""
    values: dict[str, Any] = {}
    for element in elements:
        key = file.keys.get(element.get("key", ""))
        if key is None:
            raise NetworkError(
                f"{file.origin}: {where}: data with the key {shown(element.get('key'))}; expected the id of a key"
            )
        name = key.get("attr.name")
        if not name:
            if not any("yfiles" in attribute for attribute in key.attrib):
                raise NetworkError(
                    f"{file.origin}: {where}: data with the key {shown(element.get('key'))}; expected the id "
                    "of a key element that has an attr.name"
                )
            continue  # yEd's drawing
        if name in values:
            raise NetworkError(f"{file.origin}: {where}: duplicate key {shown(name)}; expected each field once")
        values[name] = _value(file.origin, where, domain, key, element)
    for key in file.keys.values():
        name, default = key.get("attr.name"), next((part for part in key if tag_of(part) == "default"), None)
        if name and default is not None and key.get("for", "all") in (domain, "all") and name not in values:
            values[name] = _value(file.origin, where, domain, key, default)
    return {name: value for name, value in values.items() if value is not None}


def _value(origin: str, where: str, domain: str, key: Element, element: Element) -> Any:
    name, kind, text = key.get("attr.name", ""), key.get("attr.type", "string"), element.text or ""
    if name in _JSON_FIELDS and text.strip():
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise NetworkError(
                f"{origin}: {where}: {name} must be a {kind} with JSON, not {shown(element.text)}"
            ) from None
    if domain == "graph":
        # yEd's "Description" is ours; a name that is no field of a network is not used.
        return text if text.strip() and (field_called(name, GRAPH_FIELDS) or key.get("for") == "graph") else None
    return value_of(f"{origin}: {where}", name, kind, text)


def graphml_text(rows: NetworkRows) -> str:
    """Rows as the text of a GraphML file, one key per field, floats at full precision.

    Every firm's id is written twice, also as the field "firm": programs that number nodes anew keep that.
    """
    root = ElementTree.Element("graphml", xmlns=_NAMESPACE)
    graph = ElementTree.Element("graph", edgedefault="directed")
    ids: dict[tuple[str, str], str] = {}

    def add(parent: Element, domain: str, fields: dict[str, Any]) -> None:
        for name, value in fields.items():
            if (domain, name) not in ids:
                ids[domain, name] = f"d{len(ids)}"
                kind = {int: "long", float: "double"}.get(type(value), "string")
                attributes = {"id": ids[domain, name], "for": domain, "attr.name": name, "attr.type": kind}
                ElementTree.SubElement(root, "key", attributes)
            text = json.dumps(value) if name in _JSON_FIELDS else str(value)
            ElementTree.SubElement(parent, "data", key=ids[domain, name]).text = text

    add(graph, "graph", rows.graph)
    for node in rows.nodes:
        fields = {FIRM: node["id"], **{key: value for key, value in node.items() if key != "id"}}
        add(ElementTree.SubElement(graph, "node", id=node["id"]), "node", fields)
    for edge in rows.edges:
        fields = {key: value for key, value in edge.items() if key not in ("source", "target")}
        add(ElementTree.SubElement(graph, "edge", source=edge["source"], target=edge["target"]), "edge", fields)
    root.append(graph)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"
