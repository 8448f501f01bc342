"""Synthetic supply networks of a given shape: chains, trees, random acyclic graphs, and random layers.

Every firm has stage cost 1, so that ``costs="data"`` works: the holding cost of a firm is then proportional to the
number of units of work in its product (`layered` draws stage costs). Agents are named by stage, as in the built-in
networks.
"""

from __future__ import annotations

from numbers import Integral
from typing import Any

import networkx as nx
import numpy as np

from scenv.errors import NetworkError, shown
from scenv.network.network import Network, network_from_rows
from scenv.network.rows import NetworkRows, firm_ids
from scenv.network.topology import customers_first, depth_from_customer

__all__ = ["MAX_FIRMS", "assembly", "distribution", "layered", "random_dag", "serial"]

MAX_FIRMS = 100_000
"""Largest generated network; the number of firms of a tree grows as fast as fanout to the power of its depth."""


def serial(n: int) -> Network:
    """A chain of `n` firms, each with one supplier and one customer: ``serial(4)`` has the beer game's shape.

    Raises:
        NetworkError: if `n` is not a whole number from 1 to `MAX_FIRMS`.
    """
    n = _whole("serial", "n", n, 1, MAX_FIRMS)
    return _network(f"serial_{n}", n, [(i + 1, i) for i in range(n - 1)])


def distribution(depth: int, fanout: int) -> Network:
    """A tree of `depth` stages from one source, in which every firm but the retailers supplies `fanout` customers.

    ``distribution(2, 3)`` is one warehouse with three retailers: the classical one-warehouse multi-retailer system.

    Raises:
        NetworkError: if an argument is not a whole number from 1, or the tree has more than `MAX_FIRMS` firms.
    """
    n, pairs = _tree("distribution", depth, "fanout", fanout)
    return _network(f"distribution_{depth}_{fanout}", n, pairs)


def assembly(depth: int, fanin: int) -> Network:
    """A tree of `depth` stages to one retailer, in which every firm but the sources has `fanin` suppliers.

    Raises:
        NetworkError: if an argument is not a whole number from 1, or the tree has more than `MAX_FIRMS` firms.
    """
    n, pairs = _tree("assembly", depth, "fanin", fanin)
    return _network(f"assembly_{depth}_{fanin}", n, [(child, parent) for parent, child in pairs])


def random_dag(n: int, edges: int, seed: int) -> Network:
    """A random connected acyclic network: a random recursive tree, then further pairs of firms drawn without repeat.

    Every edge goes forward in one random order of the firms, so there is no cycle. Equal arguments give equal networks.

    Args:
        n: number of firms.
        edges: number of edges, from n - 1 (a tree) to n (n - 1) / 2 (all pairs).
        seed: of the numpy Generator.

    Raises:
        NetworkError: if a count is not a whole number in its range.
    """
    n = _whole("random_dag", "n", n, 1, MAX_FIRMS)
    pairs_in_all = n * (n - 1) // 2
    edges = _whole("random_dag", "edges", edges, n - 1, min(pairs_in_all, 100 * MAX_FIRMS))
    seed = _whole("random_dag", "seed", seed, 0, 2**63 - 1)
    rng = np.random.default_rng(seed)
    later = np.arange(1, n)
    earlier = rng.integers(0, later) if n > 1 else later
    codes = earlier + later * (later - 1) // 2  # pair (i < j) has code i + j(j-1)/2: 0 .. n(n-1)/2 - 1
    if edges >= n:
        # At most n - 1 of `edges` distinct draws repeat the tree, so enough are left to fill up; the rest is dropped.
        drawn = rng.choice(pairs_in_all, size=edges, replace=False)
        fresh = drawn[~np.isin(drawn, codes)]
        codes = np.concatenate([codes, fresh[: edges - (n - 1)]])
    j = ((1 + np.sqrt(1 + 8 * codes.astype(np.float64))) // 2).astype(np.int64)
    i = codes - j * (j - 1) // 2
    # Directions follow an order of their own: along the tree's order, every firm would have a supplier but one source.
    rank = rng.permutation(n)
    supplier, customer = np.where(rank[i] < rank[j], (i, j), (j, i)).tolist()
    return _network(f"random_dag_{n}_{edges}_{seed}", n, list(zip(supplier, customer, strict=True)))


#: How one layer supplies the next: each supplier has one customer, each customer one supplier, few links, many, or one
#: customer takes from most.
_STYLES = ("assembly", "distribution", "sparse", "dense", "hub")


def layered(n: int, depth: int, seed: int, *, cost_spread: float = 1.2) -> Network:
    """A random connected network of `n` firms in `depth` layers, in which every link leads to the next layer down.

    As in the real chains of Willems (2008), layers differ in width, each pair of layers has links of a style of its own
    (assembly, distribution, sparse, dense, a hub that takes from most), sources stand in every layer above the
    retailers', and stage costs are lognormal. Equal arguments give equal networks.

    Args:
        n: number of firms.
        depth: number of layers, from 1 to n; 1 only for a firm alone.
        seed: of the numpy Generator.
        cost_spread: standard deviation of the logarithm of a firm's stage cost, half of whose variance is the layer's;
            about 1 to 2 in the real chains.

    Raises:
        NetworkError: if a number is not in its range.
    """
    n = _whole("layered", "n", n, 1, MAX_FIRMS)
    depth = _whole("layered", "depth", depth, min(n, 2), n)
    rng = np.random.default_rng(_whole("layered", "seed", seed, 0, 2**63 - 1))
    _require_number("layered", "cost_spread", cost_spread, 0, 10)
    layer = np.repeat(np.arange(depth), _widths(rng, n, depth))
    links = nx.Graph()
    links.add_nodes_from(range(n))
    for above in range(1, depth):
        suppliers, customers = np.flatnonzero(layer == above), np.flatnonzero(layer == above - 1)
        links.add_edges_from(_links(rng, suppliers, customers))
    _connect(rng, links, layer)
    return _layered_network(rng, links, layer, f"layered_{n}_{depth}_{seed}", cost_spread)


def _widths(rng: np.random.Generator, n: int, depth: int) -> np.ndarray:
    """[depth] firms in each layer, at least one."""
    weights = np.exp(rng.normal(0, 0.8, depth))
    return np.asarray(1 + rng.multinomial(n - depth, weights / weights.sum()))


def _links(rng: np.random.Generator, suppliers: np.ndarray, customers: np.ndarray) -> set[tuple[int, int]]:
    """Links (supplier, customer) between two layers, in a style drawn for them; every supplier has a customer."""
    style = str(rng.choice(_STYLES, p=(0.3, 0.25, 0.2, 0.1, 0.15)))
    if style == "distribution" and len(customers) >= len(suppliers):  # each customer one supplier, none left over
        given = np.concatenate([rng.permutation(suppliers), rng.choice(suppliers, len(customers) - len(suppliers))])
        return set(zip(given.tolist(), rng.permutation(customers).tolist(), strict=True))
    popular = np.ones(len(customers))
    if style == "hub":
        popular[0] = 5.0 * len(customers)
    taken = rng.choice(rng.permutation(customers), len(suppliers), p=popular / popular.sum())
    pairs = set(zip(suppliers.tolist(), taken.tolist(), strict=True))
    more = {"sparse": 0.15, "dense": rng.uniform(0.2, 0.8)}.get(style, 0.0)
    for supplier in suppliers.tolist():
        pairs |= {(supplier, customer) for customer in customers[rng.random(len(customers)) < more].tolist()}
    return pairs


def _connect(rng: np.random.Generator, links: nx.Graph, layer: np.ndarray) -> None:
    """Add links between neighbouring layers until all firms hang together."""
    while not nx.is_connected(links):
        inside = np.zeros(len(layer), dtype=bool)
        inside[list(nx.node_connected_component(links, int(rng.integers(len(layer)))))] = True
        one, other = np.nonzero((np.abs(layer[:, None] - layer[None]) == 1) & inside[:, None] & ~inside[None])
        pick = int(rng.integers(len(one)))
        links.add_edge(int(one[pick]), int(other[pick]))


def _layered_network(rng: np.random.Generator, links: nx.Graph, layer: np.ndarray, name: str, spread: float) -> Network:
    by_layer, by_firm = (rng.normal(0, spread / np.sqrt(2), size) for size in (layer[-1] + 1, len(layer)))
    costs = np.exp(by_layer[layer] + by_firm)
    pairs = sorted((u, v) if layer[u] > layer[v] else (v, u) for u, v in links.edges)
    supplied = {customer for _, customer in pairs}
    costs[[i for i in sorted(supplied) if rng.random() < 0.1]] = 0.0  # a firm that only passes goods on
    ids = firm_ids(layer.tolist())
    nodes: list[dict[str, Any]] = [
        {"id": agent, "stage": int(stage), "stage_cost": float(cost)}
        for agent, stage, cost in zip(ids, layer, costs, strict=True)
    ]
    edges = [{"source": ids[u], "target": ids[v]} for u, v in pairs]
    return network_from_rows(NetworkRows(name, nodes, edges, {"name": name}))


def _tree(kind: str, depth: int, name: str, width: int) -> tuple[int, list[tuple[int, int]]]:
    """Number of firms and (parent, child) pairs of a complete tree, level by level from the root, firm 0."""
    depth = _whole(kind, "depth", depth, 1, MAX_FIRMS)
    width = _whole(kind, name, width, 1, MAX_FIRMS)
    n = 0
    for level in range(depth):
        n += width**level
        if n > MAX_FIRMS:
            raise NetworkError(f"{kind}: depth {depth} and {name} {width} make more than {MAX_FIRMS} firms")
    return n, [((child - 1) // width, child) for child in range(1, n)]


def _network(name: str, n: int, pairs: list[tuple[int, int]]) -> Network:
    supplier, customer = (np.array([pair[end] for pair in pairs], dtype=np.intp) for end in (0, 1))
    order = customers_first([str(i) for i in range(n)], supplier, customer, name)
    ids = firm_ids(depth_from_customer(order, supplier, customer).tolist())
    nodes = [{"id": agent, "stage_cost": 1.0} for agent in ids]
    edges = [{"source": ids[u], "target": ids[v]} for u, v in pairs]
    return network_from_rows(NetworkRows(name, nodes, edges, {"name": name}))


def _require_number(kind: str, name: str, value: object, low: float, high: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not low <= value <= high:
        raise NetworkError(f"{kind}: {name} must be a number from {low} to {high}, not {shown(value)}")


def _whole(kind: str, name: str, value: object, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral) or not low <= int(value) <= high:
        raise NetworkError(f"{kind}: {name} must be a whole number from {low} to {high}, not {shown(value)}")
    return int(value)
