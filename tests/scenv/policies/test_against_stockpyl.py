"""The serial optimum and heuristic against stockpyl, an independent implementation, in an environment of its own."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest

import scenv
from scenv.policies import DecompositionAggregation

pytestmark = pytest.mark.slow

SYSTEMS: list[dict[str, Any]] = [
    {"holding": [1.0, 0.75, 0.5, 0.25], "lead_times": [2, 2, 2, 2], "backorder": 10.0, "mean": 32.0},
    {"holding": [1.0, 0.75, 0.5, 0.25], "lead_times": [3, 3, 3, 3], "backorder": 10.0, "mean": 32.0},
    {"holding": [1.0, 0.8, 0.6, 0.4, 0.2], "lead_times": [2, 2, 2, 2, 2], "backorder": 10.0, "mean": 8.0},
    {"holding": [2.0, 0.3], "lead_times": [2, 5], "backorder": 4.0, "mean": 3.0},
    {"holding": [1.0, 0.9, 0.1], "lead_times": [4, 2, 3], "backorder": 30.0, "mean": 1.5},
]


@pytest.fixture(scope="module")
def answers(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What stockpyl says; skips where its environment cannot be made (no package index)."""
    folder = tmp_path_factory.mktemp("stockpyl")
    python = folder / "bin" / "python"
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    commands = [
        [sys.executable, "-m", "venv", str(folder)],
        [python, "-m", "pip", "install", "-q", "numpy<2", "scipy<1.14", "matplotlib", "networkx", "tabulate",
         "jsonpickle", "tqdm"],
        [python, "-m", "pip", "install", "-q", "--no-deps", "stockpyl==1.0.2"],
    ]  # fmt: skip
    for command in commands:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
        if done.returncode != 0:
            pytest.skip(f"stockpyl's environment cannot be made: {done.stderr.strip().splitlines()[-1:]}")
    oracle = repository / "tests" / "oracles" / "stockpyl_serial.py"
    done = subprocess.run(
        [python, oracle], input=json.dumps(SYSTEMS), env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


def scenario_of(system: dict[str, Any]) -> scenv.Scenario:
    names = [f"stage {k}" for k in range(len(system["holding"]))]
    edges = [(supplier, customer) for customer, supplier in itertools.pairwise(names)]
    links = [f"{supplier} -> {customer}" for supplier, customer in edges]
    lead_times = dict(zip([*links, f"external -> {names[-1]}"], system["lead_times"], strict=True))
    return scenv.load_scenario(
        nx.DiGraph(edges),
        demand=system["mean"],
        shipment_lead_time={link: periods - 1 for link, periods in lead_times.items()},
        costs={
            "holding": dict(zip(names, system["holding"], strict=True)),
            "backorder": {name: system["backorder"] * (name == names[0]) for name in names},
        },
    )


@pytest.mark.parametrize("k", range(len(SYSTEMS)))
def test_optimal_levels_and_cost(k: int, answers: list[dict[str, Any]]) -> None:
    optimum = scenv.serial_optimum(scenario_of(SYSTEMS[k]))
    assert list(optimum.echelon_levels.values()) == answers[k]["levels"]
    assert optimum.cost_per_period == pytest.approx(answers[k]["cost"], abs=1e-8)


@pytest.mark.parametrize("k", range(len(SYSTEMS)))
def test_newsvendor_heuristic(k: int, answers: list[dict[str, Any]]) -> None:
    """Theirs takes the upper integer of each quantile; ours interpolates, so it lies at most one unit below."""
    echelon = np.cumsum(DecompositionAggregation(scenario_of(SYSTEMS[k]), variant="cost").levels)
    difference = np.array(answers[k]["heuristic"]) - echelon
    assert (difference >= -1e-9).all()
    assert (difference <= 1).all()
