"""A supply network: a directed acyclic graph of firms, frozen into arrays.

An edge u -> v means that u supplies v: material flows from u to v, orders from v to u. A *retailer* meets external
demand: it has no customer in the graph (out-degree 0), or sells to outside customers besides (`selling_depots`). A
*source* has no supplier in it (in-degree 0). Roles follow from the graph and its demand, never from names.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from scenv.errors import NetworkError, did_you_mean, shown
from scenv.network import files as network_files
from scenv.network.derive import derived_costs, distribution_of, lead_times_of, structure_of
from scenv.network.files import BUILT_IN_NETWORKS
from scenv.network.graphs import rows_of_graph
from scenv.network.rows import STAGE_NAMES, NetworkRows, checked_rows
from scenv.network.topology import customers_first, degree_entropy, demand_weights

__all__ = ["BUILT_IN_NETWORKS", "Network", "load_network", "network_from_rows"]

Index = NDArray[np.intp]
Floats = NDArray[np.float64]
_NUMBERS = ("stage_cost", "stage_time", "holding_cost", "backorder_cost", "demand_mean", "demand_std")


@dataclass(frozen=True, eq=False)
class Network:
    """A valid supply network of N firms, E edges and R retailers. Arrays are read-only. Make one with `load_network`.

    Symbols follow Zhang et al. (2024): M is `adjacency_matrix` (§4.3), G(i) are `groups` (before eq. 16), the counts
    and `complexity` are their Table 1. Networks are compared by identity, can be pickled, and are never modified.

    Attributes:
        name: the built-in name, the file's own name or its stem.
        agents: the N firms in the order of every ``[.., N]`` array: by stage, nearest the customer first, then in the
            file's order.
        stages: agent -> stage, 0 = nearest the customer (the data set's ``relDepth``). A label: two firms of one stage
            may be linked, and who supplies whom comes from the edges alone.
        edges: E pairs (supplier, customer) in the file's order, which is the priority under ``allocation="priority"``.
        supplier: [E] index of each edge's supplier in `agents`.
        customer: [E] index of each edge's customer in `agents`.
        stage_cost: [N] cost added at the firm, money per unit; NaN where the graph does not say.
        stage_time: [N] processing time at the firm in the data's own unit (days in Willems 2008); NaN where unknown.
        holding_cost: [N] c_h, money per unit on hand and period; NaN where the graph does not say.
        backorder_cost: [N] c_b, money per unit owed and period; NaN where the graph does not say.
        demand_mean: [N] what the source says of external demand per unit of its own time, NaN where it says nothing;
            used where a scenario asks for it (``demand: data``). Above 0 at a firm that has customers in the graph, it
            says that the firm sells to outside customers too, and so is a retailer besides.
        demand_std: [N] its standard deviation, likewise.
        stage_names: agent -> "Ret", "Whole", "Dist", "Manu" or "Sup" (Fig. 4), or the file's own label. Deeper networks
            (more than five stages) have an entry only where the file gives a label.
        source_names: agent -> the data set's own name, where it has another.
        edge_attributes: (supplier, customer) -> {"order_lead_time", "shipment_lead_time"}, whole periods or None where
            the file gives none; E entries in the order of `edges`.
        stage_time_distribution: agent -> (values, probabilities) of the stage time, where the data has one.
        metadata: the file's "graph" block: "citation", "description", and "scenario" (defaults for demand and actions).
        unused: "firms", "edges", "network" -> what the source says of them that nothing here uses (a drawing program's
            colours and positions, further columns); `scenv info` lists it.
    """

    name: str
    agents: tuple[str, ...]
    stages: Mapping[str, int]
    edges: tuple[tuple[str, str], ...]
    supplier: Index
    customer: Index
    stage_cost: Floats
    stage_time: Floats
    holding_cost: Floats
    backorder_cost: Floats
    demand_mean: Floats
    demand_std: Floats
    stage_names: Mapping[str, str]
    source_names: Mapping[str, str]
    edge_attributes: Mapping[tuple[str, str], Mapping[str, int | None]]
    stage_time_distribution: Mapping[str, tuple[tuple[float, ...], tuple[float, ...]]]
    metadata: Mapping[str, Any]
    unused: Mapping[str, tuple[str, ...]]

    def __repr__(self) -> str:
        return f"Network({self.name!r}, {len(self.agents)} firms, {len(self.edges)} edges)"

    def __reduce__(self) -> tuple[Any, ...]:
        # Read-only mappings cannot be pickled; the rows can, and loading them makes an equal network (or a deep copy).
        return network_from_rows, (self._rows(),)

    def index(self, agent: str) -> int:
        """The agent's position in `agents`. Raises `NetworkError` for an unknown agent."""
        try:
            return self._positions[agent]
        except KeyError:
            hint = did_you_mean(agent, self.agents)
            raise NetworkError(f"network {self.name!r} has no firm {shown(agent)}{hint}") from None

    @cached_property
    def in_degree(self) -> Index:
        """[N] number of suppliers of each firm."""
        return _frozen(np.bincount(self.customer, minlength=len(self.agents)).astype(np.intp))

    @cached_property
    def out_degree(self) -> Index:
        """[N] number of customers of each firm."""
        return _frozen(np.bincount(self.supplier, minlength=len(self.agents)).astype(np.intp))

    @cached_property
    def retailers(self) -> Index:
        """[R] indices of the firms that meet external demand, ascending; never empty: those without a customer in the
        graph, and those that sell to outside customers too (`selling_depots`).
        """
        return _frozen(np.flatnonzero((self.out_degree == 0) | (self.demand_mean > 0)))

    @cached_property
    def selling_depots(self) -> Index:
        """Indices of the firms with customers in the graph that meet external demand too, ascending: those for which
        the source states a demand mean above 0.
        """
        return _frozen(np.flatnonzero((self.out_degree > 0) & (self.demand_mean > 0)))

    @cached_property
    def sources(self) -> Index:
        """Indices of the firms without a supplier in the graph, ascending; never empty."""
        return _frozen(np.flatnonzero(self.in_degree == 0))

    @cached_property
    def adjacency_matrix(self) -> NDArray[np.int8]:
        """M [N, N] int8 (paper, §4.3): -1 where i is a supplier of j, +1 where i is a customer of j, 0 elsewhere."""
        matrix = np.zeros((len(self.agents), len(self.agents)), dtype=np.int8)
        matrix[self.supplier, self.customer] = -1
        matrix[self.customer, self.supplier] = 1
        return _frozen(matrix)

    @cached_property
    def groups(self) -> Mapping[tuple[int, int], tuple[str, ...]]:
        """(in-degree, out-degree) -> the agents that have it: G(i), which the paper defines before its equation 16."""
        groups: dict[tuple[int, int], list[str]] = {}
        for agent, i, o in zip(self.agents, self.in_degree.tolist(), self.out_degree.tolist(), strict=True):
            groups.setdefault((i, o), []).append(agent)
        return MappingProxyType({degrees: tuple(members) for degrees, members in groups.items()})

    @cached_property
    def complexity(self) -> float:
        """Entropy in bits of the joint (in-degree, out-degree) distribution of the firms (paper, Table 1)."""
        return degree_entropy(self.in_degree, self.out_degree)

    @cached_property
    def demand_weights(self) -> Floats:
        """W [N, R]: the share of retailer r's demand that reaches firm i when every firm splits its orders equally.

        Columns follow `retailers`. W[i, r] sums, over the paths from i to r, the product of 1 / (number of suppliers)
        of every later firm. With mean demands d [R], the mean demand that firms see is ``W @ d`` [N].
        """
        order = customers_first(self.agents, self.supplier, self.customer, self.name)
        return _frozen(demand_weights(order, self.supplier, self.customer, self.retailers))

    @property
    def graph(self) -> nx.DiGraph:
        """A new networkx graph with all fields as attributes, edges supplier by supplier; `load_network` reads it.

        It is built at each access (in time linear in N + E): keep it in a variable rather than ask in a loop.
        """
        rows = self._rows()
        graph = nx.DiGraph(**rows.graph)
        for node in rows.nodes:
            graph.add_node(node["id"], **{key: value for key, value in node.items() if key != "id"})
        for edge in rows.edges:
            lead_times = {key: value for key, value in edge.items() if key not in ("source", "target")}
            graph.add_edge(edge["source"], edge["target"], **lead_times)
        return graph

    def to_json(self, path: str | Path) -> None:
        """Write node-link JSON, one text line per firm and per edge; ``load_network(path)`` gives an equal network."""
        network_files.write_json(self._rows(), path)

    def to_tables(self, folder: str | Path) -> None:
        """Write links.csv, firms.csv and network.json into a folder; ``load_network(folder)`` reads it."""
        network_files.write_tables(self._rows(), folder)

    def to_excel(self, path: str | Path) -> None:
        """Write .xlsx with the sheets links, firms and network, numbers of 16 digits; `load_network` reads it."""
        network_files.write_workbook(self._rows(), path)

    def to_graphml(self, path: str | Path) -> None:
        """Write GraphML (nested values as JSON text); ``load_network(path)`` gives an equal network."""
        network_files.write_graphml(self._rows(), path)

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {agent: i for i, agent in enumerate(self.agents)}

    def _rows(self) -> NetworkRows:
        nodes = []
        for i, agent in enumerate(self.agents):
            node: dict[str, Any] = {"id": agent, "stage": self.stages[agent]}
            node |= {"label": self.stage_names[agent]} if agent in self.stage_names else {}
            node |= {"name": self.source_names[agent]} if agent in self.source_names else {}
            for field in _NUMBERS:
                value = getattr(self, field)[i]
                node |= {} if np.isnan(value) else {field: float(value)}
            if agent in self.stage_time_distribution:
                values, probabilities = self.stage_time_distribution[agent]
                node["stage_time_distribution"] = {"values": list(values), "probabilities": list(probabilities)}
            nodes.append(node)
        edges = [
            {"source": u, "target": v, **{key: value for key, value in lead_times.items() if value is not None}}
            for (u, v), lead_times in self.edge_attributes.items()
        ]
        facts = {"name": self.name, **copy.deepcopy(dict(self.metadata))}
        return NetworkRows(self.name, nodes, edges, facts, dict(self.unused))


def load_network(
    source: str | Path | nx.DiGraph | Network | Any, *, firms: Any = None, columns: Mapping[str, str] | None = None
) -> Network:
    """The supply network of a built-in name, a file, a table of links, or a graph.

    Args:
        source: ``"bg"``, ``"r1"``, ``"r2"`` or ``"r3"`` (paper, Table 1); or a path: ``.json`` (node-link, or
            Cytoscape's), ``.cyjs``, ``.graphml``, ``.gexf``, ``.csv``, ``.tsv`` or ``.xlsx`` (a table of links, or the
            published data set of Willems 2008), or a folder with links.csv and firms.csv; or a pandas DataFrame of
            links; or a networkx ``DiGraph`` with an edge from each supplier to each of its customers; or a `Network`,
            which is returned as it is.
        firms: for a table of links, the table of its firms: a path or a DataFrame.
        columns: for tables, field -> the name of its column, for example
            ``{"source": "ships_from", "shipment_lead_time": "transit"}``. What is not given is taken by the field's own
            name, or by a usual one (from, to, days, ...).

    Firms need no attributes. Without ``stage`` it is counted from the retailers; without ``holding_cost`` it is the
    cumulative ``stage_cost`` over the network's mean, so that its mean is 1; without ``backorder_cost`` it is twice the
    holding cost; costs stay NaN if there is no ``stage_cost`` either. None, NaN and empty text mean "not given". A
    node's id is text or a whole number, which becomes text. One firm alone is a network (the newsvendor); an empty
    graph is not.

    Raises:
        NetworkError: one line that names the file, the firm, edge or field, and what was expected.
    """
    is_graph = isinstance(source, Network | nx.Graph)
    if is_graph and (firms is not None or columns is not None):
        raise NetworkError("firms and columns go with a table of links, not with a graph")
    if isinstance(source, Network):
        return source
    if isinstance(source, nx.Graph):
        return network_from_rows(rows_of_graph(source))
    if isinstance(source, str | Path):
        return network_from_rows(network_files.read_network(source, firms, columns))
    if network_files.is_frame(source):
        return network_from_rows(network_files.read_frames(source, firms, columns))
    raise NetworkError(f"expected a network's name, a path or a networkx DiGraph, not {shown(source)}")


def network_from_rows(rows: NetworkRows) -> Network:
    """Check rows and freeze them into a `Network`. Raises `NetworkError` (see `load_network`)."""
    rows = checked_rows(rows)
    names = [node["id"] for node in rows.nodes]
    order, stages = structure_of(rows, names)
    by_stage = np.argsort(stages, kind="stable")
    position = np.empty_like(by_stage)
    position[by_stage] = np.arange(len(names))
    nodes = [rows.nodes[i] for i in by_stage]
    agents = tuple(names[i] for i in by_stage)
    lookup = {agent: i for i, agent in enumerate(agents)}
    supplier = np.array([lookup[edge["source"]] for edge in rows.edges], dtype=np.intp)
    customer = np.array([lookup[edge["target"]] for edge in rows.edges], dtype=np.intp)
    stage_cost, holding, backorder = derived_costs(rows.origin, nodes, position[order], supplier, customer)
    distributions = {node["id"]: distribution_of(node) for node in nodes if "stage_time_distribution" in node}
    means = {agent: float(np.dot(*distribution)) for agent, distribution in distributions.items()}
    few = int(stages.max()) < len(STAGE_NAMES)
    labels = {
        node["id"]: node.get("label") or (STAGE_NAMES[stages[by_stage[i]]] if few else None)
        for i, node in enumerate(nodes)
    }
    return Network(
        name=rows.graph.get("name", rows.origin),
        agents=agents,
        stages=MappingProxyType({agent: int(stages[i]) for agent, i in zip(agents, by_stage, strict=True)}),
        edges=tuple((edge["source"], edge["target"]) for edge in rows.edges),
        supplier=_frozen(supplier),
        customer=_frozen(customer),
        stage_cost=_frozen(stage_cost),
        stage_time=_frozen(np.array([node.get("stage_time", means.get(node["id"], np.nan)) for node in nodes])),
        holding_cost=_frozen(holding),
        backorder_cost=_frozen(backorder),
        demand_mean=_frozen(np.array([node.get("demand_mean", np.nan) for node in nodes])),
        demand_std=_frozen(np.array([node.get("demand_std", np.nan) for node in nodes])),
        stage_names=MappingProxyType({agent: label for agent, label in labels.items() if label}),
        source_names=MappingProxyType({node["id"]: node["name"] for node in nodes if "name" in node}),
        edge_attributes=MappingProxyType(
            {(edge["source"], edge["target"]): lead_times_of(edge) for edge in rows.edges}
        ),
        stage_time_distribution=MappingProxyType(distributions),
        metadata=MappingProxyType({key: value for key, value in rows.graph.items() if key != "name"}),
        unused=MappingProxyType(dict(rows.unused)),
    )


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array.setflags(write=False)
    return array
