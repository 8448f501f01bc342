"""The systems that scenv and stockpyl both simulate, and the making of stockpyl's committed answers.

    python -m tests.scenv.stockpyl_systems PYTHON

writes tests/oracles/stockpyl_trajectories.json; PYTHON is that of an environment with stockpyl 1.0.2, which
tests/oracles/stockpyl_trajectories.py says how to make.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

import scenv
from scenv.network.order_links import order_links
from scenv.policies import BaseStock
from scenv.scenario.implied import firm_demand_moments, unit_costs

ORACLES = Path(__file__).resolve().parents[1] / "oracles"
ANSWERS = ORACLES / "stockpyl_trajectories.json"
STOCKPYL = "stockpyl==1.0.2"
NETWORKS = ("bg", "distribution", "selling depots", "r1", "r2", "r3")
#: Of the 95 % level: low enough that firms run out, so that it matters how scarce stock is shared.
SHARE_OF_LEVEL = 0.8
#: Systems on record: name -> (network, order and shipment lead times that firms draw theirs from).
RECORDED: dict[str, tuple[str, tuple[int, ...], tuple[int, ...]]] = {
    **{name: (name, (1,), (2,)) for name in NETWORKS},
    **{f"{name}, order lead time 0": (name, (0,), (2,)) for name in NETWORKS},
}


def network_name(system: str) -> str:
    """The network of a system on record."""
    return RECORDED[system][0]


def network_of(name: str) -> scenv.Network:
    """A built-in network, or the generator's distribution tree of three stages, whose middle firms may sell outside."""
    if name not in ("distribution", "selling depots"):
        return scenv.load_network(name)
    tree = scenv.generators.distribution(3, 3)
    if name == "distribution":
        return tree
    graph = tree.graph
    for firm in graph:
        if graph.in_degree(firm) > 0 and graph.out_degree(firm) > 0:
            graph.nodes[firm]["demand_mean"] = 5.0
    return scenv.load_network(graph)


def draw_system(
    name: str, periods: int, seed: int, order: tuple[int, ...] = (1,), shipment: tuple[int, ...] = (2,)
) -> dict[str, Any]:
    """A system as the oracle reads it: Poisson demand, and each firm's lead times drawn from the given ones."""
    network, rng = network_of(name), np.random.default_rng(seed)
    retailers = [network.agents[i] for i in network.retailers]
    mean = scenv.load_scenario(network).demand.moments(retailers)[0]
    system = {
        "edges": [list(edge) for edge in network.edges],
        "demand": {r: rng.poisson(m, periods).tolist() for r, m in zip(retailers, mean, strict=True)},
        "order_lead_time": {firm: int(rng.choice(order)) for firm in network.agents},
        "shipment_lead_time": {firm: int(rng.choice(shipment)) for firm in network.agents},
    }
    scenario = scenario_of(name, system)
    levels = BaseStock(scenario).level_of
    holding, backorder = unit_costs(scenario)
    flow = firm_demand_moments(scenario)[0]
    columns = {"holding": holding, "backorder": backorder, "mean_demand": flow, "initial_on_hand": flow}
    return {
        **system,
        "level": {firm: round(SHARE_OF_LEVEL * level, 3) for firm, level in levels.items()},
        **{field: dict(zip(network.agents, values.tolist(), strict=True)) for field, values in columns.items()},
    }


def scenario_of(name: str, system: dict[str, Any]) -> scenv.Scenario:
    """The scenario of a system: its demand and lead times; costs and initial state are the scenario's own."""
    network = network_of(name)
    links = [(f"{supplier or 'external'} -> {customer}", customer) for supplier, customer in order_links(network)]
    periods = len(next(iter(system["demand"].values())))
    stages = ("order_lead_time", "shipment_lead_time")
    return scenv.load_scenario(
        network,
        demand={"kind": "deterministic", "values": system["demand"]},
        horizon=periods,
        warmup=0,
        allocation="priority",
        **{stage: {link: system[stage][customer] for link, customer in links} for stage in stages},
    )


def ask_stockpyl(python: str | Path, systems: dict[str, Any]) -> dict[str, Any]:
    """The oracle's answers, name -> trajectory, from another environment's Python.

    Raises:
        RuntimeError: with what it printed, if it fails.
    """
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [str(python), str(ORACLES / "stockpyl_trajectories.py")],
        input=json.dumps(systems),
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    answers: dict[str, Any] = json.loads(done.stdout)
    return answers


def main() -> None:
    """Make the committed answers anew."""
    systems = {
        name: draw_system(network, 20, 0, order, shipment) for name, (network, order, shipment) in RECORDED.items()
    }
    document = {"made_by": STOCKPYL, "systems": systems, "trajectories": ask_stockpyl(sys.argv[1], systems)}
    ANSWERS.write_text(json.dumps(document, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
