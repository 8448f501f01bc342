"""A networkx DiGraph as rows."""

from __future__ import annotations

import re
from typing import Any

import networkx as nx
import numpy as np

from scenv.errors import NetworkError, shown
from scenv.network.rows import NetworkRows
from scenv.network.shown_names import FIRM, with_shown_names

__all__ = ["rows_of_graph"]

# What networkx' readers of GraphML and GEXF leave behind.
_LEFT_BEHIND = ("node_default", "edge_default", "mode")
_NUMBERED_BY_A_PROGRAM = re.compile(r"n\d+(::n\d+)*")


def rows_of_graph(graph: nx.Graph) -> NetworkRows:
    """Rows of a networkx DiGraph: attributes are the fields. `NetworkError` for other graphs.

    Of a graph that networkx read from a file, the file's defaults hold (networkx only puts them aside), and firms that
    yEd or igraph numbered are called what the program shows.
    """
    name = graph.graph.get("name")
    origin = f"graph {shown(name)}" if name else "graph"
    if not graph.is_directed() or graph.is_multigraph():
        raise NetworkError(
            f"{origin}: expected a networkx DiGraph (one directed edge from supplier to customer), "
            f"not a {type(graph).__name__}"
        )
    skipped = _LEFT_BEHIND if name else (*_LEFT_BEHIND, "name")  # networkx itself leaves an empty name
    facts = {"name": "graph"} | {key: value for key, value in graph.graph.items() if key not in skipped}
    of_nodes, of_edges = (_defaults(origin, graph, key) for key in ("node_default", "edge_default"))
    nodes = [{**of_nodes, **attributes, "id": _id(node)} for node, attributes in graph.nodes(data=True)]
    edges = [
        {**of_edges, **attributes, "source": _id(u), "target": _id(v)} for u, v, attributes in graph.edges(data=True)
    ]
    numbered = all(isinstance(node, str) and _NUMBERED_BY_A_PROGRAM.fullmatch(node) for node in graph)
    if any(FIRM in node for node in nodes):
        with_shown_names(origin, nodes, edges, [None] * len(nodes))
    elif "node_default" in graph.graph and numbered:
        shown_as = next((key for key in ("label", "name") if all(key in node for node in nodes)), None)
        if shown_as:
            with_shown_names(origin, nodes, edges, [node.pop(shown_as) for node in nodes])
    return NetworkRows(origin, nodes, edges, facts)


def _id(node: Any) -> Any:
    """A node as it was given; whole numbers as text, so that messages name firms as their user will."""
    is_whole = isinstance(node, int | np.integer) and not isinstance(node, bool)
    return str(int(node)) if is_whole else node


def _defaults(origin: str, graph: nx.Graph, key: str) -> dict[str, Any]:
    defaults = graph.graph.get(key, {})
    if not isinstance(defaults, dict):
        raise NetworkError(f"{origin}: {key} must be a mapping of defaults, not {shown(defaults)}")
    return defaults
