"""What of a network a picture shows: all its firms, those around one, or groups of firms where they are too many."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import cycle

import networkx as nx
import numpy as np

from scenv.errors import ScenvError, did_you_mean
from scenv.network.stage_titles import stage_titles
from scenv.scenario.implied import demand_moments, firm_demand_moments, unit_costs
from scenv.scenario.scenario import Scenario

__all__ = ["Sketch", "around", "gathered", "whole"]

_MOST_GROUPS = 60


@dataclass(frozen=True, eq=False)
class Sketch:
    """N nodes and E edges to draw; a node is a firm, or a group of firms of one stage.

    Attributes:
        agents: [N] a name of its own for each node.
        labels: [N] what is written on it.
        stages: node -> stage, 0 = nearest the customer.
        titles: stage -> its title.
        supplier, customer: [E] the ends of each edge.
        flow: [E] mean units per period.
        holding: [N] holding cost, of a group the mean over its firms.
        sources, retailers: the nodes that order from outside, and those that meet external demand.
        demand: the external demand of each of the latter, mean units per period.
    """

    agents: tuple[str, ...]
    labels: tuple[str, ...]
    stages: dict[str, int]
    titles: dict[int, str]
    supplier: np.ndarray
    customer: np.ndarray
    flow: np.ndarray
    holding: np.ndarray
    sources: np.ndarray
    retailers: np.ndarray
    demand: np.ndarray


def whole(scenario: Scenario) -> Sketch:
    """Every firm and edge; flows are those of equal split."""
    network, mean = scenario.network, firm_demand_moments(scenario)[0]
    return Sketch(
        agents=tuple(network.agents),
        labels=tuple(network.agents),
        stages=dict(network.stages),
        titles=dict(enumerate(stage_titles(network))),
        supplier=network.supplier,
        customer=network.customer,
        flow=mean[network.customer] / network.in_degree[network.customer],
        holding=unit_costs(scenario)[0],
        sources=network.sources,
        retailers=network.retailers,
        demand=demand_moments(scenario)[0],
    )


def around(scenario: Scenario, firm: str, hops: int) -> Sketch:
    """The firms that are at most `hops` edges from one, against or along the flow, and the edges between them.

    Raises:
        ScenvError: if there is no such firm.
    """
    network, full = scenario.network, whole(scenario)
    if firm not in network.stages:
        hint = did_you_mean(firm, network.agents)
        raise ScenvError(f"{firm!r} is no firm of network {network.name!r}{hint}")
    near = nx.ego_graph(network.graph.to_undirected(as_view=True), firm, radius=hops)
    kept = np.array([i for i, name in enumerate(network.agents) if name in near])
    position = np.full(len(network.agents), -1)
    position[kept] = np.arange(len(kept))
    all_of, shown = Counter(full.stages.values()), Counter(full.stages[full.agents[i]] for i in kept)
    edges = (position[full.supplier] >= 0) & (position[full.customer] >= 0)
    shops = position[full.retailers] >= 0
    sources = position[full.sources]
    return Sketch(
        agents=tuple(full.agents[i] for i in kept),
        labels=tuple(full.agents[i] for i in kept),
        stages={full.agents[i]: full.stages[full.agents[i]] for i in kept},
        titles={
            stage: f"{shown[stage]} of {title}" if shown[stage] < all_of[stage] else title
            for stage, title in full.titles.items()
        },
        supplier=position[full.supplier[edges]],
        customer=position[full.customer[edges]],
        flow=full.flow[edges],
        holding=full.holding[kept],
        sources=sources[sources >= 0],
        retailers=position[full.retailers[shops]],
        demand=full.demand[shops],
    )


def gathered(scenario: Scenario) -> Sketch:
    """Firms of one stage and one group G(i) (equal in- and out-degree) as one node, with their number; where that is
    still many, those whose numbers of suppliers and of customers are of one order, or that have the same role.
    """
    network, full = scenario.network, whole(scenario)
    degrees = list(zip(network.in_degree.tolist(), network.out_degree.tolist(), strict=True))
    for what in (_by_number, _by_order, _by_role):
        keys = [(full.stages[name], what(*of)) for name, of in zip(full.agents, degrees, strict=True)]
        if len(set(keys)) <= _MOST_GROUPS:
            break
    sizes = Counter(keys)
    order = sorted(sizes, key=lambda key: (key[0], -sizes[key], key[1]))
    group = np.array([order.index(key) for key in keys])
    names = tuple(f"stage {stage}: {what}" for stage, what in order)
    flows: dict[tuple[int, int], float] = {}
    for u, v, flow in zip(group[full.supplier], group[full.customer], full.flow, strict=True):
        if u != v:
            flows[int(u), int(v)] = flows.get((int(u), int(v)), 0.0) + float(flow)
    shops = np.unique(group[full.retailers])
    return Sketch(
        agents=names,
        labels=tuple(f"{sizes[key]:,} × {key[1]}" for key in order),
        stages={name: order[k][0] for k, name in enumerate(names)},
        titles=full.titles,
        supplier=np.array([u for u, _ in flows], dtype=np.intp),
        customer=np.array([v for _, v in flows], dtype=np.intp),
        flow=np.array(list(flows.values())),
        holding=np.bincount(group, full.holding) / np.bincount(group),
        sources=np.unique(group[full.sources]),
        retailers=shops,
        demand=np.bincount(group[full.retailers], full.demand, minlength=len(order))[shops],
    )


def _by_number(inward: int, outward: int) -> str:
    return f"{inward} in, {outward} out"


def _by_order(inward: int, outward: int) -> str:
    return f"{_order(inward)} in, {_order(outward)} out"


def _order(number: int) -> str:
    """The number itself up to 2, beyond that up to the next of 5, 10, 20, 50, ..."""
    if number <= 2:
        return str(number)
    top, step = 5, cycle((2.0, 2.0, 2.5))
    low = 3
    while number > top:
        low, top = top + 1, int(top * next(step))
    return f"{low}-{top}"


def _by_role(inward: int, outward: int) -> str:
    if not inward:
        return "sources" if outward else "alone"
    return "in between" if outward else "retailers"
