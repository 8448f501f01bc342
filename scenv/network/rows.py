"""The rows of a supply network (one per firm, one per edge) and every check on them.

Each reader (JSON, GraphML, CSV, a DiGraph) only turns its input into `NetworkRows`; what is a valid firm, edge or
network is decided here, once, so that every source gets the same rules and the same messages.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any

from scenv.errors import NetworkError, did_you_mean, shown

__all__ = [
    "COST_FIELDS",
    "EDGE_FIELDS",
    "GRAPH_FIELDS",
    "MAX_LEAD_TIME",
    "MAX_NUMBER",
    "NODE_FIELDS",
    "STAGE_NAMES",
    "NetworkRows",
    "check_known",
    "checked_rows",
    "firm_ids",
]

Row = dict[str, Any]

STAGE_NAMES = ("Ret", "Whole", "Dist", "Manu", "Sup")
"""Names of stages 0 to 4, downstream to upstream (paper, Fig. 4)."""
COST_FIELDS = ("stage_cost", "holding_cost", "backorder_cost")
GRAPH_FIELDS = ("name", "citation", "description", "scenario")
MAX_LEAD_TIME = 1000
"""Periods. A longer lead time is far beyond any horizon here, and pipelines take memory in proportion to it."""
MAX_NUMBER = 1e12
"""Largest cost or stage time. Sums over thousands of firms then stay exact enough and far from overflow."""
_MAX_TEXT = 2000
_MAX_DEPTH = 16


@dataclass(frozen=True)
class NetworkRows:
    """A network as rows, before (`checked_rows` not yet called) or after its checks.

    `origin` is what messages name (a file), `nodes` rows hold ``id`` and node fields, `edges` rows hold ``source``
    (the supplier), ``target`` (the customer) and edge fields, `graph` holds facts of the whole network.
    """

    origin: str
    nodes: Sequence[Row]
    edges: Sequence[Row]
    graph: Row = field(default_factory=dict)


def checked_rows(rows: NetworkRows) -> NetworkRows:
    """The same rows with ids as text and values of the right type. Raises `NetworkError` for any row or field that is
    wrong, duplicate ids, self-loops, parallel edges and edges to unknown firms; the order of rows is kept.
    """
    if not rows.nodes:
        raise NetworkError(f"{rows.origin}: the network is empty; expected at least one firm")
    graph = _checked_graph(rows)
    nodes = [_checked_row(row, f"{rows.origin}: {_firm(row)}", ("id",), NODE_FIELDS) for row in rows.nodes]
    by_id: dict[str, Row] = {}
    for before, node in zip(rows.nodes, nodes, strict=True):
        if node["id"] in by_id:
            raise NetworkError(f"{rows.origin}: duplicate firm id {shown(before['id'])}; expected each once (as text)")
        by_id[node["id"]] = node
    _check_all_or_none(rows.origin, nodes)
    edges = [_checked_row(row, f"{rows.origin}: {_edge(row)}", ("source", "target"), EDGE_FIELDS) for row in rows.edges]
    _check_edges(rows.origin, by_id, edges)
    return NetworkRows(rows.origin, nodes, edges, graph)


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


# --- fields: each checker takes (where, name, value) and returns the value in its right type ---


def _as_float(value: Any) -> float:
    """A real number (Python's or numpy's) as a float; NaN for everything else, text and booleans included."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _number(where: str, name: str, value: Any) -> float:
    number = _as_float(value)
    if 0 <= number <= MAX_NUMBER:  # False for NaN
        return number
    raise NetworkError(f"{where}: {name} must be a finite number from 0 to {MAX_NUMBER:g}, not {shown(value)}")


def _whole(where: str, name: str, value: Any, low: int, high: int) -> int:
    # A whole number written as 2.0 is accepted: tables and GraphML often type integers as double.
    number = _as_float(value)
    if low <= number <= high and number.is_integer():
        return int(number)
    raise NetworkError(f"{where}: {name} must be a whole number from {low} to {high}, not {shown(value)}")


def _lead_time(where: str, name: str, value: Any) -> int:
    return _whole(where, name, value, 1, MAX_LEAD_TIME)


def _stage(where: str, name: str, value: Any) -> int:
    return _whole(where, name, value, 0, 1_000_000)


def _text(where: str, name: str, value: Any) -> str:
    if isinstance(value, str) and value.strip() and value.isprintable() and len(value) <= _MAX_TEXT:
        return value
    raise NetworkError(f"{where}: {name} must be printable text of 1 to {_MAX_TEXT} characters, not {shown(value)}")


def _id(where: str, name: str, value: Any) -> str:
    if not isinstance(value, bool) and isinstance(value, Integral) and abs(int(value)) < 10**18:
        return str(int(value))
    if isinstance(value, str) and value.strip() and value.isprintable() and len(value) <= 200:
        return value
    raise NetworkError(
        f"{where}: {name} must be a whole number or printable text of 1 to 200 characters, not {shown(value)}"
    )


def _distribution(where: str, name: str, value: Any) -> Row:
    if not isinstance(value, Mapping) or set(value) != {"values", "probabilities"}:
        raise NetworkError(f"{where}: {name} must hold exactly 'values' and 'probabilities', not {shown(value)}")
    lists = value["values"], value["probabilities"]
    if not all(isinstance(x, list | tuple) for x in lists) or not 1 <= len(lists[0]) == len(lists[1]) <= 1000:
        raise NetworkError(f"{where}: {name} must hold two lists of the same length, 1 to 1000")
    values = [_number(where, f"{name} values", x) for x in lists[0]]
    probabilities = [_number(where, f"{name} probabilities", x) for x in lists[1]]
    if abs(math.fsum(probabilities) - 1) > 1e-6:
        raise NetworkError(f"{where}: {name} probabilities must sum to 1, not to {math.fsum(probabilities):g}")
    return {"values": values, "probabilities": probabilities}


Checker = Callable[[str, str, Any], Any]
NODE_FIELDS: dict[str, Checker] = {
    "stage": _stage,
    "label": _text,
    "name": _text,
    "stage_cost": _number,
    "stage_time": _number,
    "stage_time_distribution": _distribution,
    "holding_cost": _number,
    "backorder_cost": _number,
}
EDGE_FIELDS: dict[str, Checker] = {"order_lead_time": _lead_time, "shipment_lead_time": _lead_time}


# --- rows ---


def _firm(row: Any) -> str:
    own = row.get("name") if isinstance(row, dict) else None
    text = f"firm {shown(row.get('id'))}" if isinstance(row, dict) and "id" in row else f"firm {shown(row)}"
    return f"{text} ({shown(own)})" if isinstance(own, str) else text


def _edge(row: Any) -> str:
    if not isinstance(row, dict):
        return f"edge {shown(row)}"
    return f"edge {shown(row.get('source'))} -> {shown(row.get('target'))}"


def _checked_row(row: Any, where: str, ids: tuple[str, ...], fields: Mapping[str, Checker]) -> Row:
    if not isinstance(row, dict):
        raise NetworkError(f"{where}: expected an object with the key {' and '.join(map(repr, ids))}")
    for key in ids:
        if key not in row:
            raise NetworkError(f"{where}: missing key {key!r}; it must name a firm")
    check_known(where, row, [*ids, *fields])
    checked: Row = {key: _id(where, key, row[key]) for key in ids}
    for name, check in fields.items():
        # None means "not given" in an attribute of a DiGraph and in JSON (null).
        if row.get(name) is not None:
            checked[name] = check(where, name, row[name])
    return checked


def _check_all_or_none(origin: str, nodes: Sequence[Row]) -> None:
    for name in (*COST_FIELDS, "stage"):
        missing = [node for node in nodes if name not in node]
        if missing and len(missing) < len(nodes):
            raise NetworkError(f"{origin}: {_firm(missing[0])}: missing {name}; expected it at every firm or at none")


def _check_edges(origin: str, by_id: Mapping[str, Row], edges: Sequence[Row]) -> None:
    seen: set[tuple[str, str]] = set()
    for edge in edges:
        source, target = edge["source"], edge["target"]
        for end in (source, target):
            if end not in by_id:
                hint = did_you_mean(end, by_id) if len(by_id) <= 5000 else ""
                raise NetworkError(f"{origin}: {_edge(edge)}: unknown firm {shown(end)}{hint}; expected a node's id")
        if source == target:
            raise NetworkError(f"{origin}: {_edge(edge)}: self-loop; expected a firm to supply other firms only")
        if (source, target) in seen:
            raise NetworkError(f"{origin}: {_edge(edge)}: parallel edge; expected at most one edge between two firms")
        seen.add((source, target))


def _checked_graph(rows: NetworkRows) -> Row:
    where = f"{rows.origin}: graph"
    if not isinstance(rows.graph, dict):
        raise NetworkError(f"{where}: expected an object, not {shown(rows.graph)}")
    check_known(where, rows.graph, GRAPH_FIELDS)
    graph: Row = {}
    for name, value in rows.graph.items():
        if name == "scenario":
            if not isinstance(value, Mapping):
                raise NetworkError(f"{where}: scenario must be an object, not {shown(value)}")
            graph[name] = _plain_copy(f"{where}: scenario", value, _MAX_DEPTH)
        else:
            graph[name] = _text(where, name, value)
    return graph


def _plain_copy(where: str, value: Any, depth: int) -> Any:
    """A copy of JSON-like data that shares nothing with the input; its fields are the scenario schema's business."""
    if depth == 0:
        raise NetworkError(f"{where}: nested too deeply; expected at most {_MAX_DEPTH} levels")
    if isinstance(value, Mapping):
        keys = [_text(where, "a key", key) for key in value]
        return {key: _plain_copy(f"{where}.{key}"[:200], value[key], depth - 1) for key in keys}
    if isinstance(value, list | tuple):
        return [_plain_copy(where, v, depth - 1) for v in value]
    if value is None or isinstance(value, str | bool):
        return value
    number = _as_float(value)
    if abs(number) <= MAX_NUMBER:
        return int(value) if isinstance(value, Integral) else number
    raise NetworkError(f"{where}: expected text, a finite number, a list or an object, not {shown(value)}")
