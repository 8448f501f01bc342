"""The rows of a supply network (one per firm, one per edge) and every check on them.

Each reader (JSON, GraphML, GEXF, tables, the published data set, a DiGraph) only turns its input into `NetworkRows`;
what is a valid firm, edge or network is decided here, once, so that every source gets the same rules and the same
messages. What a source says beyond the known fields is either refused (it looks like one of them) or named in `unused`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scenv.errors import NetworkError, did_you_mean, shown
from scenv.network.fields import (
    COST_FIELDS,
    EDGE_FIELDS,
    GRAPH_FIELDS,
    MAX_LEAD_TIME,
    MAX_NUMBER,
    NODE_FIELDS,
    OTHER_WORDS,
    Checker,
    check_id,
    check_text,
    field_called,
    is_given,
    plain_copy,
)

__all__ = ["MAX_LEAD_TIME", "MAX_NUMBER", "STAGE_NAMES", "NetworkRows", "check_known", "checked_rows", "firm_ids"]

Row = dict[str, Any]
Unused = dict[str, tuple[str, ...]]

STAGE_NAMES = ("Ret", "Whole", "Dist", "Manu", "Sup")
"""Names of stages 0 to 4, downstream to upstream (paper, Fig. 4)."""
#: What programs number edges with, which says nothing; and words that are near a field's name and yet another thing.
_EDGE_NUMBERS = ("id", "key")
_OTHER_THINGS = ("state",)


@dataclass(frozen=True)
class NetworkRows:
    """A network as rows, before (`checked_rows` not yet called) or after its checks.

    Attributes:
        origin: what messages name (a file).
        nodes: rows with ``id`` and node fields.
        edges: rows with ``source`` (the supplier), ``target`` (the customer) and edge fields.
        graph: facts of the whole network.
        unused: "firms", "edges", "network" -> what the source says of them that is not used.
        node_places, edge_places: where each row stands ("line 7"), for messages; empty where a source has no lines.
    """

    origin: str
    nodes: Sequence[Row]
    edges: Sequence[Row]
    graph: Row = field(default_factory=dict)
    unused: Unused = field(default_factory=dict, compare=False)
    node_places: Sequence[str] = ()
    edge_places: Sequence[str] = ()


def checked_rows(rows: NetworkRows) -> NetworkRows:
    """The same rows with ids as text and values of the right type. Raises `NetworkError` for any row or field that is
    wrong, duplicate ids, self-loops, parallel edges and edges to unknown firms; the order of rows is kept.
    """
    if not rows.nodes:
        raise NetworkError(f"{rows.origin}: the network is empty; expected at least one firm")
    unused: dict[str, dict[str, None]] = {
        part: dict.fromkeys(rows.unused.get(part, ())) for part in ("firms", "edges", "network")
    }
    graph = _checked_graph(rows, unused["network"])
    firms = _places(rows.origin, rows.node_places, rows.nodes, _firm)
    links = _places(rows.origin, rows.edge_places, rows.edges, _edge)
    nodes = [
        _checked_row(row, where, ("id",), NODE_FIELDS, unused["firms"])
        for row, where in zip(rows.nodes, firms, strict=True)
    ]
    by_id: dict[str, Row] = {}
    for before, node, where in zip(rows.nodes, nodes, firms, strict=True):
        if node["id"] in by_id:
            place = f"{where}: " if rows.node_places else f"{rows.origin}: "
            raise NetworkError(f"{place}duplicate firm id {shown(before['id'])}; expected each once (as text)")
        by_id[node["id"]] = node
    _check_all_or_none(firms, nodes)
    edges = [
        _checked_row(row, where, ("source", "target"), EDGE_FIELDS, unused["edges"])
        for row, where in zip(rows.edges, links, strict=True)
    ]
    _check_edges(links, by_id, edges)
    found: Unused = {part: tuple(names) for part, names in unused.items() if names}
    return NetworkRows(rows.origin, nodes, edges, graph, found)


def firm_ids(stages: Sequence[int]) -> list[str]:
    """Agent names ``ret_0``, ``whole_1``, ... for firms given by stage, counted within the stage in the given order.

    With more than five stages the paper has no names: ``stage0_0``, ``stage6_3``, ...
    """
    named = max(stages, default=0) < len(STAGE_NAMES)
    counts: dict[int, int] = {}
    ids = []
    for stage in stages:
        k = counts[stage] = counts.get(stage, -1) + 1
        ids.append(f"{STAGE_NAMES[stage].lower() if named else f'stage{stage}'}_{k}")
    return ids


def check_known(where: str, keys: Sequence[Any] | Mapping[Any, Any], known: Sequence[str]) -> None:
    """Raise `NetworkError` for the first key that is not known, with the nearest known one."""
    for key in keys:
        if key not in known:
            raise NetworkError(
                f"{where}: unknown key {shown(key)}{did_you_mean(key, known)}; expected one of {', '.join(known)}"
            )


def _places(origin: str, places: Sequence[str], rows: Sequence[Any], name: Any) -> list[str]:
    """What to call each row in a message."""
    return [
        f"{origin}{' ' + place if place else ''}: {name(row)}"
        for place, row in zip(places or [""] * len(rows), rows, strict=True)
    ]


def _firm(row: Any) -> str:
    own = row.get("name") if isinstance(row, dict) else None
    text = f"firm {shown(row.get('id'))}" if isinstance(row, dict) and "id" in row else f"firm {shown(row)}"
    return f"{text} ({shown(own)})" if isinstance(own, str) else text


def _edge(row: Any) -> str:
    if not isinstance(row, dict):
        return f"edge {shown(row)}"
    return f"edge {shown(row.get('source'))} -> {shown(row.get('target'))}"


def _checked_row(
    row: Any, where: str, ids: tuple[str, ...], fields: Mapping[str, Checker], unused: dict[str, None]
) -> Row:
    if not isinstance(row, dict):
        raise NetworkError(f"{where}: expected an object with the key {' and '.join(map(repr, ids))}")
    for key in ids:
        if key not in row:
            raise NetworkError(f"{where}: missing key {key!r}; it must name a firm")
    checked: Row = {key: check_id(where, key, row[key]) for key in ids}
    given: Row = {}
    for key, value in row.items():
        if key in ids or not is_given(value):
            continue
        name = field_called(key, fields)
        if name is None:
            _pass_over(where, key, ids, fields, unused)
        elif name in given:
            raise NetworkError(f"{where}: {name} is given twice, once as {shown(key)}; expected each field once")
        else:
            given[name] = value
    # In the fields' own order, so that equal networks have equal rows whatever the source's order.
    return checked | {name: check(where, name, given[name]) for name, check in fields.items() if name in given}


def _pass_over(
    where: str, key: Any, ids: tuple[str, ...], fields: Mapping[str, Checker], unused: dict[str, None]
) -> None:
    """Note what is not used; refuse what was surely meant to be."""
    if key in _EDGE_NUMBERS:
        return
    plain = re.sub(r"[\W_]+", "", str(key)[:200]).lower()
    if plain == "capacity" and "id" in ids:
        raise NetworkError(
            f"{where}: {shown(key)} is no key of a network; a scenario says it (capacity: {{firm: units}})"
        )
    meant = next((name for name in fields if plain in OTHER_WORDS.get(name, ())), None)
    hint = f" (did you mean {meant!r}?)" if meant else did_you_mean(key, [*ids, *fields])
    if hint and plain not in _OTHER_THINGS:
        raise NetworkError(f"{where}: unknown key {shown(key)}{hint}; expected one of {', '.join([*ids, *fields])}")
    unused[shown(key).strip("'\"")] = None


def _check_all_or_none(firms: Sequence[str], nodes: Sequence[Row]) -> None:
    for name in (*COST_FIELDS, "stage"):
        missing = [k for k, node in enumerate(nodes) if name not in node]
        if missing and len(missing) < len(nodes):
            raise NetworkError(f"{firms[missing[0]]}: missing {name}; expected it at every firm or at none")


def _check_edges(links: Sequence[str], by_id: Mapping[str, Row], edges: Sequence[Row]) -> None:
    seen: set[tuple[str, str]] = set()
    for where, edge in zip(links, edges, strict=True):
        source, target = edge["source"], edge["target"]
        for end in (source, target):
            if end not in by_id:
                hint = did_you_mean(end, by_id) if len(by_id) <= 5000 else ""
                raise NetworkError(f"{where}: unknown firm {shown(end)}{hint}; expected a node's id")
        if source == target:
            raise NetworkError(f"{where}: self-loop; expected a firm to supply other firms only")
        if (source, target) in seen:
            raise NetworkError(f"{where}: parallel edge; expected at most one edge between two firms")
        seen.add((source, target))


def _checked_graph(rows: NetworkRows, unused: dict[str, None]) -> Row:
    where = f"{rows.origin}: graph"
    if not isinstance(rows.graph, dict):
        raise NetworkError(f"{where}: expected an object, not {shown(rows.graph)}")
    graph: Row = {}
    for key, value in rows.graph.items():
        name = field_called(key, GRAPH_FIELDS)
        if name is None:
            hint = did_you_mean(key, GRAPH_FIELDS)
            if hint:
                check_known(where, [key], GRAPH_FIELDS)
            if is_given(value):
                unused[shown(key).strip("'\"")] = None
        elif name == "scenario":
            if not isinstance(value, Mapping):
                raise NetworkError(f"{where}: scenario must be an object, not {shown(value)}")
            graph[name] = plain_copy(f"{where}: scenario", value)
        elif is_given(value) or name == "name":
            graph[name] = check_text(where, name, value)
    return graph
