"""Firms are called what their maker sees. Drawing programs number nodes (n0, 1099) and show a name beside them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from scenv.errors import NetworkError, shown

__all__ = ["FIRM", "with_shown_names"]

Row = dict[str, Any]

FIRM = "firm"
"""The key under which `to_graphml` writes a firm's id a second time: it survives programs that number nodes anew."""
_NUMBERED = re.compile(r"n?\d+(\.0)?(::n?\d+)*")


def with_shown_names(origin: str, nodes: list[Row], edges: list[Row], names: Sequence[str | None]) -> None:
    """Give firms, in place, the ids that their maker knows.

    Args:
        origin: the file.
        nodes: rows with ``id``; a row may hold `FIRM`, which then is the id.
        edges: rows with ``source`` and ``target``.
        names: for each node what the program shows, None where it shows nothing.

    If every id is a number of the program's (n0, n0::n1, 1099) and every firm shows a name of its own, the names become
    the ids. Otherwise ids stay, and what is shown becomes the firm's ``name``.
    """
    firms = [node.pop(FIRM, None) for node in nodes]
    if any(firms):
        # A node added in the program to a network that scenv wrote has no id of ours: it is called what it shows.
        new = [firm or name or node.get("id") for firm, name, node in zip(firms, names, nodes, strict=True)]
        _rename(origin, nodes, edges, new)
        return
    plain = [" ".join(name.split()) if name else "" for name in names]
    numbered = all(_NUMBERED.fullmatch(str(node.get("id"))) for node in nodes)
    if nodes and numbered and all(plain) and len(set(plain)) == len(plain):
        _rename(origin, nodes, edges, plain)
        return
    for node, name in zip(nodes, plain, strict=True):
        if name and name != node.get("id"):
            node.setdefault("name", name)


def _rename(origin: str, nodes: list[Row], edges: list[Row], new: Sequence[Any]) -> None:
    lookup: dict[str, Any] = {}
    for node, name in zip(nodes, new, strict=True):
        if str(node.get("id")) in lookup:
            raise NetworkError(f"{origin}: duplicate firm id {shown(node['id'])}; expected each once (as text)")
        lookup[str(node.get("id"))] = node["id"] = name
    for edge in edges:
        for end in ("source", "target"):
            if isinstance(edge.get(end), str | int):
                edge[end] = lookup.get(str(edge[end]), edge[end])
