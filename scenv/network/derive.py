"""What a network's rows leave open, derived from what they say: order and stages, costs, distributions."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenv.errors import NetworkError
from scenv.network.rows import NetworkRows
from scenv.network.topology import check_connected, cumulative_stage_cost, customers_first, depth_from_customer

__all__ = ["derived_costs", "distribution_of", "lead_times_of", "structure_of"]

Index = NDArray[np.intp]
Floats = NDArray[np.float64]


def structure_of(rows: NetworkRows, names: list[str]) -> tuple[Index, Index]:
    """The order [N] with customers first, and the stages [N], both over the rows' own order of firms."""
    lookup = {name: i for i, name in enumerate(names)}
    supplier = np.array([lookup[edge["source"]] for edge in rows.edges], dtype=np.intp)
    customer = np.array([lookup[edge["target"]] for edge in rows.edges], dtype=np.intp)
    order = customers_first(names, supplier, customer, rows.origin)
    check_connected(names, supplier, customer, rows.origin)
    if "stage" not in rows.nodes[0]:
        return order, depth_from_customer(order, supplier, customer)
    stages = np.array([node["stage"] for node in rows.nodes], dtype=np.intp)
    # A stage is a label: real chains have links within a stage, and the order comes from the graph. But where every
    # link goes the wrong way, the source counts from the other end.
    if len(supplier) and (stages[supplier] < stages[customer]).all():
        u, v = int(supplier[0]), int(customer[0])
        raise NetworkError(
            f"{rows.origin}: edge {names[u]!r} -> {names[v]!r}: stage must fall from supplier to "
            f"customer (0 = nearest the customer), not go from {stages[u]} to {stages[v]}, as on every edge here"
        )
    return order, stages


def derived_costs(
    origin: str, nodes: list[dict[str, Any]], order: Index, supplier: Index, customer: Index
) -> tuple[Floats, Floats, Floats]:
    """Stage, holding and backorder cost [N]: as given, else from stage costs (see `load_network`), else NaN."""
    stage_cost, holding, backorder = (
        np.array([node.get(field, np.nan) for node in nodes])
        for field in ("stage_cost", "holding_cost", "backorder_cost")
    )
    if "holding_cost" not in nodes[0] and "stage_cost" in nodes[0]:
        cumulative = cumulative_stage_cost(order, supplier, customer, stage_cost)
        mean = cumulative.mean()
        if not 0 < mean < np.inf:
            raise NetworkError(
                f"{origin}: stage_cost adds up to {mean:g}; expected a positive finite sum, or "
                "holding_cost at every firm"
            )
        holding = cumulative / mean
    if "backorder_cost" not in nodes[0]:
        backorder = 2 * holding
    return stage_cost, holding, backorder


def distribution_of(node: dict[str, Any]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """(values, probabilities) of a checked node's stage time."""
    given = node["stage_time_distribution"]
    return tuple(given["values"]), tuple(given["probabilities"])


def lead_times_of(edge: dict[str, Any]) -> Mapping[str, int | None]:
    """The lead times of a checked edge, None where it gives none."""
    return MappingProxyType({key: edge.get(key) for key in ("order_lead_time", "shipment_lead_time")})
