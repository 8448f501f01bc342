"""Reading and writing GraphML, the XML format of Gephi, yEd, igraph and networkx.

networkx' own reader is not used: it merges duplicate nodes and parallel edges without a word, forgets the order of
edges (our priority order), and its XML parser expands entities. defusedxml refuses a DTD, entities and references.
"""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree  # writing only; reading goes through defusedxml
from collections.abc import Callable
from typing import Any

import defusedxml.ElementTree
from defusedxml.common import DefusedXmlException

from scenv.errors import NetworkError, shown
from scenv.network.rows import NetworkRows

__all__ = ["graphml_text", "rows_of_graphml"]

_NAMESPACE = "http://graphml.graphdrawing.org/xmlns"
# Fields that GraphML, which knows only scalars, carries as JSON text.
_JSON_FIELDS = ("stage_time_distribution", "scenario")


def rows_of_graphml(data: bytes, origin: str, name: str) -> NetworkRows:
    """Rows of a GraphML file with one directed graph. `name` is used where the file has none."""
    try:
        root = defusedxml.ElementTree.fromstring(data, forbid_dtd=True)
    except DefusedXmlException:
        raise NetworkError(f"{origin}: has a DTD or XML entities; expected plain GraphML without either") from None
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise NetworkError(f"{origin}: not valid XML: {error}") from None
    if _tag(root) != "graphml":
        raise NetworkError(f"{origin}: the root element is {shown(_tag(root))}; expected 'graphml'")
    graphs = [child for child in root if _tag(child) == "graph"]
    if len(graphs) != 1:
        raise NetworkError(f"{origin}: {len(graphs)} graphs; expected one")
    keys = {key.get("id", ""): key for key in root if _tag(key) == "key"}
    graph = graphs[0]
    if graph.get("edgedefault") != "directed":
        raise NetworkError(
            f"{origin}: edgedefault is {shown(graph.get('edgedefault'))}; expected 'directed' "
            "(an edge goes from a supplier to a customer)"
        )
    nodes, edges, facts = [], [], {"name": name}
    for child in graph:
        tag = _tag(child)
        if tag == "node":
            nodes.append(_row(origin, child, keys, ("id",)))
        elif tag == "edge":
            if child.get("directed", "true") not in ("true", "1"):
                raise NetworkError(
                    f"{origin}: edge {shown(child.get('source'))} -> {shown(child.get('target'))} is "
                    "undirected; expected directed edges only"
                )
            edges.append(_row(origin, child, keys, ("source", "target")))
        elif tag == "data":
            facts.update(_data(origin, [child], keys, "graph"))
        elif tag != "desc":
            raise NetworkError(f"{origin}: element {shown(tag)} in the graph; expected node, edge and data only")
    return NetworkRows(origin, nodes, edges, facts)


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _row(
    origin: str, element: ElementTree.Element, keys: dict[str, ElementTree.Element], ids: tuple[str, ...]
) -> dict[str, Any]:
    row: dict[str, Any] = {name: element.get(name) for name in ids if name in element.attrib}
    where = f"{_tag(element)} {' -> '.join(shown(row.get(name)) for name in ids)}"
    inner = [child for child in element if _tag(child) != "desc"]
    for child in inner:
        if _tag(child) != "data":
            raise NetworkError(f"{origin}: {where}: element {shown(_tag(child))}; expected data (no nested graphs)")
    for name, value in _data(origin, inner, keys, where).items():
        if name in ids:
            raise NetworkError(f"{origin}: {where}: a data field is named {name!r}, which is taken by GraphML itself")
        row[name] = value
    return row


def _data(
    origin: str, elements: list[ElementTree.Element], keys: dict[str, ElementTree.Element], where: str
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for element in elements:
        key = keys.get(element.get("key", ""))
        if key is None or not key.get("attr.name"):
            raise NetworkError(
                f"{origin}: {where}: data with the key {shown(element.get('key'))}; expected the id "
                "of a key element that has an attr.name"
            )
        name = key.get("attr.name", "")
        if name in values:
            raise NetworkError(f"{origin}: {where}: duplicate key {shown(name)}; expected each field once")
        convert = _TYPES.get(key.get("attr.type", "string"))
        try:
            if convert is None or len(element):
                raise ValueError
            text = element.text or ""
            values[name] = json.loads(text) if name in _JSON_FIELDS else convert(text)
        except (ValueError, RecursionError):
            raise NetworkError(
                f"{origin}: {where}: {name} must be a {key.get('attr.type', 'string')}"
                f"{' with JSON' if name in _JSON_FIELDS else ''}, not {shown(element.text)}"
            ) from None
    return values


def _boolean(text: str) -> bool:
    text = text.strip().lower()
    if text not in ("true", "false", "0", "1"):
        raise ValueError
    return text in ("true", "1")


_TYPES: dict[str, Callable[[str], Any]] = {
    "string": str,
    "int": int,
    "long": int,
    "float": float,
    "double": float,
    "boolean": _boolean,
}


def graphml_text(rows: NetworkRows) -> str:
    """Rows as the text of a GraphML file, one key per field, floats at full precision."""
    root = ElementTree.Element("graphml", xmlns=_NAMESPACE)
    graph = ElementTree.Element("graph", edgedefault="directed")
    ids: dict[tuple[str, str], str] = {}

    def add(parent: ElementTree.Element, domain: str, fields: dict[str, Any]) -> None:
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
        fields = {key: value for key, value in node.items() if key != "id"}
        add(ElementTree.SubElement(graph, "node", id=node["id"]), "node", fields)
    for edge in rows.edges:
        fields = {key: value for key, value in edge.items() if key not in ("source", "target")}
        add(ElementTree.SubElement(graph, "edge", source=edge["source"], target=edge["target"]), "edge", fields)
    root.append(graph)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"
