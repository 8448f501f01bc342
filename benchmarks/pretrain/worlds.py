"""What the policy is trained on: random layered networks with random costs, lead times and demand, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from scenv.network.generators import layered
from scenv.network.network import Network
from scenv.network.order_links import order_links
from scenv.scenario.implied import demand_moments, lead_time_of, unit_costs
from scenv.scenario.scenario import Scenario


def random_scenario(rng: np.random.Generator) -> Scenario:
    """A random network of 4 to 60 firms, as the docs' page on the pretrained policy describes it."""
    n = int(np.exp(rng.uniform(np.log(4), np.log(60))))
    depth = int(np.clip(rng.integers(2, 7) + (rng.random() < 0.15) * rng.integers(0, 5), 2, n))
    network = layered(n, depth, int(rng.integers(2**31)), cost_spread=float(rng.uniform(0, 3)))
    names = [network.agents[i] for i in network.retailers]
    return Scenario(
        network=network,
        demand=_demand(rng, names),
        costs=_costs(rng, network),
        shipment_lead_time=_lead_time(rng, network),
    )


def _demand(rng: np.random.Generator, retailers: Sequence[str]) -> dict[str, Any]:
    """Poisson, or negative binomial of up to three times its deviation; equal retailers, or unequal ones."""
    mean = float(np.exp(rng.uniform(np.log(2), np.log(40))))
    spread = float(rng.random() < 0.5) * rng.uniform(0.2, 1.0)
    means = np.clip(mean * np.exp(rng.normal(0, spread, len(retailers))), 0.5, 100)
    if rng.random() < 0.65:
        return {"kind": "poisson", "mean": dict(zip(retailers, means.tolist(), strict=True))}
    stds = np.sqrt(means) * np.exp(rng.uniform(0.1, np.log(3)))
    return {
        "kind": "negative_binomial",
        "mean": dict(zip(retailers, means.tolist(), strict=True)),
        "std": dict(zip(retailers, stds.tolist(), strict=True)),
    }


def _costs(rng: np.random.Generator, network: Network) -> dict[str, Any]:
    """Backorder costs 1 to 10 times holding costs, often twice; in some networks uniform, in some at retailers only."""
    kind, ratio = rng.random(), 2.0 if rng.random() < 0.4 else float(np.exp(rng.uniform(0, np.log(10))))
    if kind < 0.1:
        return {"holding": 0.5, "backorder": 0.5 * ratio}
    if kind < 0.2:
        costs = dict.fromkeys(network.agents, 0.0)
        return {"backorder": costs | {network.agents[i]: ratio * network.holding_cost[i] for i in network.retailers}}
    return {"backorder_ratio": ratio}


def _lead_time(rng: np.random.Generator, network: Network) -> Any:
    """1, 2 or 3, in some networks up to 8; the same everywhere, in some networks drawn for each link."""
    longest = 3 if rng.random() < 0.85 else 8
    if rng.random() < 0.8:
        return int(rng.integers(1, longest + 1))
    links = [(u or "external", v) for u, v in order_links(network)]
    return {f"{u} -> {v}": int(rng.integers(1, longest + 1)) for u, v in links}


def side_by_side(scenarios: Sequence[Scenario]) -> tuple[Scenario, np.ndarray]:
    """One scenario of all the networks, which no link joins, and [N] which of them each firm is in.

    A simulation of small networks spends its time on calls, so that many take little longer than one. Poisson demand
    is negative binomial here, with a variance a millionth above its mean, so that all retailers are drawn at once.
    """
    names = [[f"{k}/{agent}" for agent in scenario.network.agents] for k, scenario in enumerate(scenarios)]
    costs = [np.concatenate(parts) for parts in zip(*map(unit_costs, scenarios), strict=True)]
    network = _union([scenario.network for scenario in scenarios], names, *costs)
    moments = [demand_moments(scenario) for scenario in scenarios]
    mean, std = (np.concatenate(parts) for parts in zip(*moments, strict=True))
    std = np.maximum(std, np.sqrt(mean * (1 + 1e-6)))
    retailers = [network.agents[i] for i in network.retailers]
    lead_times = {
        f"{'external' if u is None else f'{k}/{u}'} -> {k}/{v}": lead_time_of(scenario, "shipment", u, v)
        for k, scenario in enumerate(scenarios)
        for u, v in order_links(scenario.network)
    }
    joined = Scenario(
        network=network,
        demand={
            "kind": "negative_binomial",
            "mean": dict(zip(retailers, mean.tolist(), strict=True)),
            "std": dict(zip(retailers, std.tolist(), strict=True)),
        },
        shipment_lead_time=lead_times,
    )
    return joined, np.repeat(np.arange(len(scenarios)), [len(own) for own in names])


def _union(
    networks: Sequence[Network], names: Sequence[Sequence[str]], holding: np.ndarray, backorder: np.ndarray
) -> Network:
    """The networks beside each other: not one that `load_network` would take, which wants connected ones."""
    agents = tuple(name for own in names for name in own)
    starts = np.cumsum([0, *(len(own) for own in names)])[:-1]
    edges = tuple((f"{k}/{u}", f"{k}/{v}") for k, network in enumerate(networks) for u, v in network.edges)
    stages = {f"{k}/{agent}": stage for k, one in enumerate(networks) for agent, stage in one.stages.items()}
    nothing = np.full(len(agents), np.nan)
    return Network(
        name="side by side",
        agents=agents,
        stages=MappingProxyType(stages),
        edges=edges,
        supplier=np.concatenate([start + network.supplier for start, network in zip(starts, networks, strict=True)]),
        customer=np.concatenate([start + network.customer for start, network in zip(starts, networks, strict=True)]),
        stage_cost=nothing,
        stage_time=nothing,
        holding_cost=holding,
        backorder_cost=backorder,
        demand_mean=nothing,
        demand_std=nothing,
        stage_names=MappingProxyType({}),
        source_names=MappingProxyType({}),
        edge_attributes=MappingProxyType(dict.fromkeys(edges, _NO_LEAD_TIMES)),
        stage_time_distribution=MappingProxyType({}),
        metadata=MappingProxyType({}),
        unused=MappingProxyType({}),
    )


_NO_LEAD_TIMES = MappingProxyType({"order_lead_time": None, "shipment_lead_time": None})
