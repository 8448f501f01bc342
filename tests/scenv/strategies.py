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
def periods(draw: st.DrawFn, longest: int, shortest: int = 1) -> Any:
    """A number of periods, or a distribution of it."""
    values = draw(st.lists(st.integers(shortest, longest), min_size=1, max_size=3, unique=True))
    if len(values) == 1:
        return values[0]
    weights = draw(st.lists(st.integers(1, 5), min_size=len(values), max_size=len(values)))
    return {"values": values, "probabilities": [weight / sum(weights) for weight in weights]}


@st.composite
def disruptions(draw: st.DrawFn, graph: nx.DiGraph) -> list[dict[str, Any]]:
    """Up to three disruptions of any kind, at given and random times, of all targets or some."""
    retailers = [firm for firm in graph if graph.out_degree(firm) == 0]
    kinds: dict[str, tuple[str, list[str], dict[str, Any]]] = {
        "closure": ("firms", list(graph), {}),
        "delay": ("links", [f"{u} -> {v}" for u, v in graph.edges], {"extra": draw(st.integers(1, 3))}),
        "demand_shock": ("retailers", retailers, {"factor": draw(st.sampled_from([0.0, 0.5, 3.0]))}),
    }
    drawn = []
    for kind in draw(st.lists(st.sampled_from(sorted(kinds)), max_size=3)):
        field, names, own = kinds[kind]
        times = [{"period": draw(st.integers(0, 9))}, {"between": [1, 8]}, {"probability": draw(st.floats(0, 0.5))}]
        chosen = draw(st.none() | st.lists(st.sampled_from(names), min_size=1, max_size=3))
        drawn.append(
            {"kind": kind, field: chosen, "duration": draw(periods(3)), "together": draw(st.booleans()), **own}
            | draw(st.sampled_from(times))
        )
    return drawn


@st.composite
def extensions(draw: st.DrawFn, graph: nx.DiGraph, rules: bool, shortest: int = 0) -> dict[str, Any]:
    """What goes beyond the paper's model, each with an even chance: random lead times (of 0 periods, too), capacity,
    lost sales, disruptions; and with `rules`, with an even chance, rules for orders.
    """
    fields: dict[str, Any] = {
        "order_lead_time": draw(periods(3, shortest)),
        "shipment_lead_time": {"default": draw(periods(4, shortest)), "external -> f0": draw(periods(4, shortest))},
        "order_crossing": draw(st.booleans()),
        "capacity": draw(st.floats(0, 40) | st.just({"f0": 5.0})),
        "lost_sales": True,
        "disruptions": draw(disruptions(graph)),
    }
    chosen = {name: value for name, value in fields.items() if draw(st.booleans())}
    return chosen | draw(order_rules(chosen)) if rules and draw(st.booleans()) else chosen


@st.composite
def order_rules(draw: st.DrawFn, others: dict[str, Any]) -> dict[str, Any]:
    """Orders as they are in practice, each with an even chance; whole units only where `others` are whole."""
    units = st.integers(0, 30).map(float)
    fields: dict[str, Any] = {
        "review_period": draw(st.integers(1, 4) | st.just({"f0": 3, "default": 2})),
        "minimum_order": draw(units | st.just({"f1": 12.0})),
        "lot_size": draw(units | st.just({"f0": 7.0, "default": 2.0})),
        "order_cost": draw(st.floats(0, 50) | st.just({"f1": 9.0})),
        "storage_capacity": draw(units | st.just({"f0": 15.0})),
        "overflow_cost": draw(st.floats(0, 5)),
        "initial_stock": draw(units | st.just({"f1": 3.0})),
    }
    chosen = {name: value for name, value in fields.items() if draw(st.booleans())}
    if draw(st.booleans()):
        chosen["whole_units"] = True
        if not isinstance(others.get("capacity"), dict):
            chosen["capacity"] = draw(units) if "capacity" in others else None
    return chosen


@st.composite
def scenarios(draw: st.DrawFn, *, rules: bool = True, shortest: int = 0, **fixed: Any) -> scenv.Scenario:
    """A scenario on a random DAG with random lead times per edge (of at least `shortest` periods), stock, allocation,
    demand and extensions; with `rules` also with rules for orders.
    """
    graph = draw(dags())
    if draw(st.booleans()):
        for firm in draw(st.sets(st.sampled_from(sorted(graph)))):
            graph.nodes[firm]["demand_mean"] = 1.0  # depots among them sell to outside customers too
    if draw(st.booleans()):
        for edge in graph.edges:
            graph.edges[edge]["order_lead_time"] = draw(st.integers(shortest, 3))
            graph.edges[edge]["shipment_lead_time"] = draw(st.integers(shortest, 4))
    fields: dict[str, Any] = {
        "network": graph,
        "costs": "uniform",
        "demand": draw(st.floats(0.1, 20.0)),
        "order_lead_time": draw(st.integers(shortest, 3)),
        "shipment_lead_time": draw(st.integers(shortest, 4)),
        "initial_stock_periods": draw(st.floats(0.0, 3.0)),
        "allocation": draw(st.sampled_from(["proportional", "priority"])),
        "horizon": draw(st.integers(2, 15)),
        "warmup": 0,
        "history": draw(st.integers(0, 3)),
        "reward_window_end": draw(st.sampled_from(["after_arrival", "after_action"])),
        "reward_scope": draw(st.sampled_from(["own", "neighbours", "network"])),
        "actions": {"low": draw(st.integers(-9, 0)), "high": draw(st.integers(0, 9))},
    }
    fields |= draw(extensions(graph, rules, shortest))
    return scenv.load_scenario(fields, **fixed)
