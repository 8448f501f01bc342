"""One firm whose numbers can be worked by hand, for the tests of what a scenario adds to the usual period."""

from __future__ import annotations

from typing import Any

import networkx as nx

import scenv


def shop(**fields: Any) -> scenv.VectorEnv:
    """One firm: holding 1, backorders 2, lead time 1 + 1, demand 4 unless given; 4 units in stock, 2 x 4 to come."""
    graph = nx.DiGraph()
    graph.add_node("shop")
    defaults: dict[str, Any] = {
        "costs": {"holding": 1, "backorder": 2},
        "demand": {"kind": "deterministic", "values": 4},
        "shipment_lead_time": 1,
        "actions": {"low": -2, "high": 2},
        "horizon": 8,
        "warmup": 0,
    }
    return scenv.vector_env(graph, num_envs=1, **(defaults | fields))


def lived(env: scenv.VectorEnv, orders: list[float]) -> dict[str, list[float]]:
    """The shop's numbers in every period: local state, what it ordered, and whatever infos show, cost among it."""
    env.reset(seed=0)
    record: dict[str, list[float]] = {}
    for quantity in [*orders, None]:
        seen = {**env.local_state._asdict(), **env.last_info, "ordered": env.ordered}
        for field, values in seen.items():
            record.setdefault(field, []).append(float(values[0, 0]))
        if quantity is not None:
            env.step_orders([[quantity]])
    return record
