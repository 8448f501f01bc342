"""Random supply networks and scenarios for property tests."""

from __future__ import annotations

from typing import Any

import networkx as nx
from hypothesis import strategies as st

import scenv


@st.composite
def dags(draw: st.DrawFn, max_firms: int = 8) -> nx.DiGraph:
    """A weakly connected random DAG: a random tree of earlier -> later firms, plus random further edges."""
    firms = draw(st.integers(2, max_firms))
    graph = nx.DiGraph()
    graph.add_nodes_from(f"f{i}" for i in range(firms))
    for later in range(1, firms):
        graph.add_edge(f"f{draw(st.integers(0, later - 1))}", f"f{later}")
    for earlier in range(firms):
        for later in range(earlier + 1, firms):
            if draw(st.integers(0, 3)) == 0:
                graph.add_edge(f"f{earlier}", f"f{later}")
    return graph


@st.composite
def scenarios(draw: st.DrawFn, **fixed: Any) -> scenv.Scenario:
    """A scenario on a random DAG with random lead times per edge, stock, allocation and demand."""
    graph = draw(dags())
    for edge in graph.edges:
        graph.edges[edge]["order_lead_time"] = draw(st.integers(1, 3))
        graph.edges[edge]["shipment_lead_time"] = draw(st.integers(1, 4))
    fields: dict[str, Any] = {
        "network": graph,
        "costs": "uniform",
        "demand": draw(st.floats(0.1, 20.0)),
        "order_lead_time": draw(st.integers(1, 3)),
        "shipment_lead_time": draw(st.integers(1, 4)),
        "initial_stock_periods": draw(st.floats(0.0, 3.0)),
        "allocation": draw(st.sampled_from(["proportional", "priority"])),
        "horizon": draw(st.integers(2, 15)),
        "warmup": 0,
        "history": draw(st.integers(0, 3)),
        "actions": {"low": draw(st.integers(-9, 0)), "high": draw(st.integers(0, 9))},
    }
    return scenv.load_scenario(fields, **fixed)
