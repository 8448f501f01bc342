"""Graph arithmetic of a supply network, on index arrays: order, depth, costs, flow shares, complexity.

Throughout, N is the number of firms, E of edges, R of retailers; edge e goes from firm ``supplier[e]`` to firm
``customer[e]``. Everything is linear in N + E (the flow shares in N + E·R), so the 2,025-firm chain is no trouble.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from scenv.errors import NetworkError

__all__ = [
    "check_connected",
    "cumulative_stage_cost",
    "customers_first",
    "degree_entropy",
    "demand_weights",
    "depth_from_customer",
]

Index = NDArray[np.intp]
Floats = NDArray[np.float64]


def neighbours(n: int, at: Index, other: Index) -> list[list[int]]:
    """For each firm, the `other` ends of the edges that have it at the end `at`, in the edges' order."""
    lists: list[list[int]] = [[] for _ in range(n)]
    for a, o in zip(at.tolist(), other.tolist(), strict=True):
        lists[a].append(o)
    return lists


def customers_first(names: Sequence[str], supplier: Index, customer: Index, origin: str) -> Index:
    """An order [N] in which every firm comes after all its customers. Raises `NetworkError` that names a cycle.

    A graph with such an order has at least one retailer (its first firm) and one source (its last), so no further
    check for "no retailer" or "no source" is needed anywhere.
    """
    n = len(names)
    suppliers = neighbours(n, customer, supplier)
    open_customers = np.bincount(supplier, minlength=n).tolist()
    order = [i for i in range(n) if open_customers[i] == 0]
    for i in order:
        for u in suppliers[i]:
            open_customers[u] -= 1
            if open_customers[u] == 0:
                order.append(u)
    if len(order) < n:
        raise NetworkError(
            f"{origin}: cycle {_cycle(names, supplier, customer, open_customers)}; "
            "expected material to flow one way, from suppliers to retailers"
        )
    return np.array(order, dtype=np.intp)


def _cycle(names: Sequence[str], supplier: Index, customer: Index, open_customers: Sequence[int]) -> str:
    # Every firm still open has an open customer, so walking downstream among them must come back to itself.
    customers = neighbours(len(names), supplier, customer)
    at = next(i for i, count in enumerate(open_customers) if count > 0)
    position: dict[int, int] = {}
    path: list[int] = []
    while at not in position:
        position[at] = len(path)
        path.append(at)
        at = next(v for v in customers[at] if open_customers[v] > 0)
    loop = [names[i] for i in [*path[position[at] :], at]]
    if len(loop) > 12:
        loop = [*loop[:6], f"({len(loop) - 8} more)", *loop[-2:]]
    return " -> ".join(loop)


def check_connected(names: Sequence[str], supplier: Index, customer: Index, origin: str) -> None:
    """Raise `NetworkError` unless all firms hang together when directions are ignored."""
    n = len(names)
    both = neighbours(n, np.concatenate([supplier, customer]), np.concatenate([customer, supplier]))
    reached = {0}
    frontier = [0]
    while frontier:
        for j in both[frontier.pop()]:
            if j not in reached:
                reached.add(j)
                frontier.append(j)
    if len(reached) < n:
        other = next(i for i in range(n) if i not in reached)
        raise NetworkError(
            f"{origin}: firms {names[0]!r} and {names[other]!r} are in disconnected parts; expected one "
            "connected network (load separate networks one by one)"
        )


def depth_from_customer(order: Index, supplier: Index, customer: Index) -> Index:
    """Stages [N] of a graph that gives none: 0 at retailers, else one more than the deepest customer's."""
    depth = np.zeros(len(order), dtype=np.intp)
    suppliers = neighbours(len(order), customer, supplier)
    for i in order:
        for u in suppliers[i]:
            depth[u] = max(depth[u], depth[i] + 1)
    return depth


def cumulative_stage_cost(order: Index, supplier: Index, customer: Index, stage_cost: Floats) -> Floats:
    """Cost [N] of a unit that leaves firm i: its own stage cost plus its suppliers' cumulative costs."""
    suppliers = neighbours(len(order), customer, supplier)
    total = [0.0] * len(order)
    for i in order[::-1].tolist():
        total[i] = float(stage_cost[i]) + sum(total[u] for u in suppliers[i])
    return np.array(total)


def demand_weights(order: Index, supplier: Index, customer: Index, retailers: Index) -> Floats:
    """Shares W [N, R] of retailer r's demand that reach firm i when every firm splits its orders equally.

    W[i, r] = sum over paths from i to r of the product of 1 / (number of suppliers) of every later firm on the path.
    Orders are conserved: the shares of all sources sum to 1 in each column.
    """
    n = len(order)
    suppliers = [np.array(s, dtype=np.intp) for s in neighbours(n, customer, supplier)]
    weights = np.zeros((n, len(retailers)))
    weights[retailers, np.arange(len(retailers))] = 1.0
    for i in order:
        if len(suppliers[i]):
            weights[suppliers[i]] += weights[i] / len(suppliers[i])
    return weights


def degree_entropy(in_degree: Index, out_degree: Index) -> float:
    """Network complexity (paper, Table 1): entropy in bits of the joint (in-degree, out-degree) distribution."""
    counts = Counter(zip(in_degree.tolist(), out_degree.tolist(), strict=True))
    n = len(in_degree)
    return math.fsum(c / n * math.log2(n / c) for c in counts.values())
