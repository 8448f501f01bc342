"""Trajectories under base stock equal those of stockpyl's simulator, an independent implementation (MIT), to 1e-9."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import scenv
from scenv.policies import BaseStock
from scenv.scenario.implied import firm_demand_moments, lead_time_of, unit_costs
from scenv.simulation.dynamics import State, place_orders
from tests.scenv.stockpyl_systems import (
    ANSWERS,
    NETWORKS,
    RECORDED,
    STOCKPYL,
    ask_stockpyl,
    draw_system,
    network_name,
    network_of,
    scenario_of,
)

TOLERANCE = 1e-9


def simulate(scenario: scenv.Scenario, levels: dict[str, float]) -> dict[str, dict[str, np.ndarray]]:
    """What the oracle tells, from scenv: `firms`, field -> [T, N], and `edges`, field -> [T, E]."""
    env = scenv.vector_env(scenario, num_envs=1)
    policy = BaseStock(scenario, levels=levels)
    policy.reset(1)
    firms, edges, within = [], [], env.orders_within
    env.reset(seed=0)
    owed = np.zeros(len(env.scenario.network.edges))
    while True:
        at_end = np.where(within, 0.0, policy.orders(env.local_state))
        # Who orders within a period has done so; in period 0 it passed on its demand.
        orders = np.where(within, env.ordered if env.period else env.local_state.demand, at_end)
        placed = place_orders(env.structure, env.state, at_end.T)
        firm = {field: values[0] for field, values in env.local_state._asdict().items()}
        firm |= {"inventory_level": firm["on_hand"] - firm["backorder"], "on_order": placed.on_order[:, 0]}
        firms.append({**firm, "order": orders[0], "cost": env.last_info["cost"][0]})
        edges.append(edge_period(env, placed, orders[0], owed))
        owed = edges[-1]["owed"]
        if env.period + 1 == env.horizon:
            break
        env.step_policy(policy)
    return {
        kind: {field: np.array([period[field] for period in record]) for field in record[0]}
        for kind, record in (("firms", firms), ("edges", edges))
    }


def edge_period(env: scenv.VectorEnv, placed: State, orders: np.ndarray, owed: np.ndarray) -> dict[str, np.ndarray]:
    """What was just ordered and shipped on each edge, and what is owed on it, [E] each; `placed` has the orders of
    those who order at the end of the period, `orders` [N] those of all, `owed` is that of the period before.
    """
    network = env.scenario.network
    # Within the simulator, edges stand supplier by supplier, and behind the sources' links where orders travel.
    position = np.array([env.structure.edge_names.index(edge) for edge in network.edges])
    link = env.structure.num_sources + position
    lead = {
        stage: np.array([lead_time_of(env.scenario, stage, *edge) for edge in network.edges])
        for stage in ("order", "shipment")
    }
    now = placed.backorder[position, 0]
    # Of a pipeline, an edge uses no slot beyond its own lead time: in that one is only what has just been sent.
    last = {stage: np.maximum(periods - 1, 0) for stage, periods in lead.items()}
    at_end = np.array(placed.orders)[last["order"], link, 0] if placed.orders else 0.0
    within = env.orders_within[network.customer]
    return {
        "ordered": np.where(within, (orders / np.maximum(network.in_degree, 1))[network.customer], at_end),
        "shipped": np.where(
            lead["shipment"] == 0,
            owed + placed.claims[position, 0] - now,
            np.array(placed.shipments)[last["shipment"], link, 0],
        ),
        "owed": now,
    }


def assert_equal_to(theirs: dict[str, Any], ours: dict[str, dict[str, np.ndarray]], agents: tuple[str, ...]) -> None:
    """All fields of all firms and edges in all periods."""
    for field, by_firm in theirs["firms"].items():
        expected = np.array([by_firm[name] for name in agents]).T
        np.testing.assert_allclose(ours["firms"][field], expected, rtol=0, atol=TOLERANCE, err_msg=field)
    for field, by_edge in theirs["edges"].items():
        expected = np.array(by_edge).T
        np.testing.assert_allclose(ours["edges"][field], expected, rtol=0, atol=TOLERANCE, err_msg=field)


@pytest.fixture(scope="module")
def recorded() -> dict[str, Any]:
    return json.loads(ANSWERS.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", RECORDED)
def test_the_recorded_systems_are_ours(name: str, recorded: dict[str, Any]) -> None:
    """Edges, costs and initial state that stockpyl was given are those that our scenario has of itself."""
    system = recorded["systems"][name]
    scenario = scenario_of(network_name(name), system)
    assert [tuple(edge) for edge in system["edges"]] == list(scenario.network.edges)
    holding, backorder = unit_costs(scenario)
    flow = firm_demand_moments(scenario)[0]
    own = {"holding": holding, "backorder": backorder, "mean_demand": flow, "initial_on_hand": flow}
    for field, values in own.items():
        given = [system[field][agent] for agent in scenario.network.agents]
        np.testing.assert_allclose(given, values, rtol=1e-12, err_msg=field)


@pytest.mark.parametrize("name", RECORDED)
def test_trajectories_equal_those_on_record(name: str, recorded: dict[str, Any]) -> None:
    assert recorded["made_by"] == STOCKPYL
    system, network = recorded["systems"][name], network_of(network_name(name))
    ours = simulate(scenario_of(network_name(name), system), system["level"])
    assert_equal_to(recorded["trajectories"][name], ours, network.agents)
    # Firms ran out, so that service, backorders and allocation were put to the test.
    assert ours["edges"]["owed"].max() > 1
    assert ours["firms"]["cost"].shape == (20, len(network.agents))


@pytest.mark.parametrize("name", ["r2", "r2, order lead time 0"])
@pytest.mark.parametrize(
    "change", [{"order_lead_time": 2}, {"allocation": "proportional"}, {"shipment_lead_time": 3}, {"costs": "uniform"}]
)
def test_the_comparison_can_fail(name: str, change: dict[str, Any], recorded: dict[str, Any]) -> None:
    """Another allocation rule, lead time or cost is told from stockpyl's."""
    system = recorded["systems"][name]
    ours = simulate(scenv.load_scenario(scenario_of("r2", system), **change), system["level"])
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        assert_equal_to(recorded["trajectories"][name], ours, network_of("r2").agents)


@pytest.fixture(scope="module")
def python_with_stockpyl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with stockpyl; skips where it cannot be made (no package index)."""
    folder = tmp_path_factory.mktemp("stockpyl")
    python = folder / "bin" / "python"
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    install = [str(python), "-m", "pip", "install", "-q"]
    for command in (
        [sys.executable, "-m", "venv", str(folder)],
        [*install, "numpy>=2", "scipy", "networkx", "matplotlib", "tabulate", "jsonpickle", "tqdm"],
        [*install, "--no-deps", STOCKPYL],
    ):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
        if done.returncode != 0:
            pytest.skip(f"stockpyl's environment cannot be made: {done.stderr.strip().splitlines()[-1:]}")
    return python


@pytest.mark.slow
def test_trajectories_equal_those_of_stockpyl_run_now(python_with_stockpyl: Path, recorded: dict[str, Any]) -> None:
    """The record is what stockpyl says; and longer runs agree, on other demand, with lead times that differ by firm."""
    assert ask_stockpyl(python_with_stockpyl, recorded["systems"]) == recorded["trajectories"]
    for order, shipment in (((1, 2), (1, 2, 3)), ((0,), (1, 2, 3)), ((0, 1, 2), (0, 1, 2)), ((0,), (0,))):
        systems = {name: draw_system(name, periods=80, seed=1, order=order, shipment=shipment) for name in NETWORKS}
        for name, theirs in ask_stockpyl(python_with_stockpyl, systems).items():
            ours = simulate(scenario_of(name, systems[name]), systems[name]["level"])
            assert_equal_to(theirs, ours, network_of(name).agents)
