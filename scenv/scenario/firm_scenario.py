"""The scenario as one firm knows it: what is its own, and of everybody else what all must know."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import yaml
from scipy.optimize import nnls

from scenv.errors import ScenarioError, did_you_mean
from scenv.network.network import Network, load_network
from scenv.network.order_links import order_links
from scenv.scenario.costs import CostTable
from scenv.scenario.demand import PerRetailerDemand
from scenv.scenario.files import load_scenario
from scenv.scenario.implied import lead_time_distribution, unit_costs
from scenv.scenario.per_firm import PER_FIRM_FIELDS
from scenv.scenario.scenario import Scenario

__all__ = ["firm_scenario", "write_firm_scenario"]

#: Stands for every cost that is another firm's.
_NEUTRAL_COST = 1.0
#: Stands for the demand that a network file states, which a firm's scenario has of its own.
_NEUTRAL_MEAN = 1.0


def firm_scenario(scenario: Scenario, agent: str) -> Scenario:
    """A scenario that holds of one firm all, and of the others only what all know.

    All know who trades with whom, lead times, disruptions, horizon, and what orders may be. Of the others there are no
    costs, no limits (capacity, lots, ...), and no demand: their retailers' mean demands are replaced by some that lead
    to the same mean flow on the firm's own links, which it knows. So `scenv.FirmEnv` simulates the same firm from
    either.

    Raises:
        ScenarioError: if the name is no firm's, or the firm's demand cannot be told apart from others'.
    """
    network = scenario.network
    if agent not in network.agents:
        hint = did_you_mean(agent, network.agents)
        raise ScenarioError(f"{agent!r} is no firm of network {network.name!r}{hint}")
    i = network.agents.index(agent)
    holding, backorder = unit_costs(scenario)
    neutral = dict.fromkeys(network.agents, _NEUTRAL_COST)
    fields = {name: getattr(scenario, name) for name in Scenario.model_fields}
    fields |= {
        "network": _bare(network),
        "costs": CostTable(
            holding={**neutral, agent: float(holding[i])}, backorder={**neutral, agent: float(backorder[i])}
        ),
        "demand": _demand(scenario, i),
        "order_lead_time": _lead_times(scenario, "order"),
        "shipment_lead_time": _lead_times(scenario, "shipment"),
    }
    for name in PER_FIRM_FIELDS:
        own = _own(fields[name], agent)
        fields[name] = Scenario.model_fields[name].default if own is None else {agent: own}
    return load_scenario(fields)


def write_firm_scenario(scenario: Scenario, agent: str, folder: Path) -> None:
    """Write `firm_scenario` as files: scenario.yaml and, beside it, network.json. `load_scenario` reads it."""
    known = firm_scenario(scenario, agent)
    known.network.to_json(folder / "network.json")
    fields = known.model_dump(mode="json", exclude_none=True) | {"network": "./network.json"}
    text = yaml.safe_dump({"env": {"entry": "scenv:vector_env", **fields}}, sort_keys=False, allow_unicode=True)
    (folder / "scenario.yaml").write_text(f"# The scenario as {agent} knows it.\n{text}", encoding="utf-8")


def _bare(network: Network) -> Network:
    """Names, stages and links, and who of those that supply others sells outside too."""
    graph, depots = nx.DiGraph(name=network.name), network.selling_depots
    for i, name in enumerate(network.agents):
        graph.add_node(name, stage=network.stages[name], **({"demand_mean": _NEUTRAL_MEAN} if i in depots else {}))
    graph.add_edges_from(network.edges)
    return load_network(graph)


def _own(given: Any, agent: str) -> Any:
    """A firm's number of a field by firm."""
    return given.get(agent, given.get("default")) if isinstance(given, Mapping) else given


def _lead_times(scenario: Scenario, leg: Any) -> Any:
    """By link: both ends know them, and all must know the longest, which sets how long rewards are waited for."""
    times = {}
    for supplier, customer in order_links(scenario.network):
        link = lead_time_distribution(scenario, leg, supplier, customer)
        times[f"{supplier or 'external'} -> {customer}"] = link.longest if link.is_fixed else link
    return times


def _demand(scenario: Scenario, i: int) -> Any:
    """The firm's own demand, and means of the others' that lead to the same flows on its links."""
    network, names = scenario.network, scenario.retailer_names
    agent = network.agents[i]
    mean = np.asarray(scenario.demand.episode_moments(scenario.horizon, names)[0])
    others = [k for k, name in enumerate(names) if name != agent]
    customers = network.customer[network.supplier == i]
    weights = network.demand_weights[customers][:, others]
    found = nnls(weights, weights @ mean[others])[0] if len(customers) else np.zeros(len(others))
    processes: dict[str, Any] = {
        names[k]: {"kind": "poisson", "mean": float(value)} for k, value in zip(others, found, strict=True)
    }
    if agent in names:
        processes[agent] = _own_process(scenario, agent)
    return {"kind": "per_retailer", "processes": processes}


def _own_process(scenario: Scenario, agent: str) -> Any:
    demand = scenario.demand
    if isinstance(demand, PerRetailerDemand):
        demand = demand.processes[agent if agent in demand.processes else "default"]
    if demand.covariance(scenario.retailer_names) is not None:
        raise ScenarioError(
            f"demand: {agent}'s demand hangs together with other retailers', so it cannot be {agent}'s alone"
        )
    return _restricted(demand.model_dump(mode="json", exclude_none=True), agent, set(scenario.retailer_names))


def _restricted(value: Any, agent: str, retailers: set[str]) -> Any:
    """The same data, in which mappings by retailer hold the one only."""
    if isinstance(value, Mapping):
        if value and set(value) <= {*retailers, "default"}:
            return {agent: value.get(agent, value.get("default"))}
        return {key: _restricted(entry, agent, retailers) for key, entry in value.items()}
    return [_restricted(entry, agent, retailers) for entry in value] if isinstance(value, list) else value
