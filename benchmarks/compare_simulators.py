"""scenv's speed beside stockpyl's simulator and or-gym's inventory environments, in one run on one core.

    OMP_NUM_THREADS=1 python -m benchmarks.compare_simulators

makes a virtual environment for each of the others in a temporary folder (about 600 MB, deleted at the end), prints a
table and writes results/compare_simulators.json; five minutes, most of it installation.

The unit is the *node-step*: one firm that holds stock and orders, through one period. The networks differ (or-gym's
are its own defaults), so rates are compared per node-step, by the CPU clock of each process. All contestants take
turns, five rounds of them, and a ratio is the median of the rounds' ratios: what slows the machine slows all.

* scenv: `parallel_env` (one environment, dictionaries) and `vector_env` with B = 1 and B = 1,024, random actions, with
  observations and rewards; resets are not counted.
* stockpyl: `simulation` on the same networks, demand, costs and lead times, under local base-stock policies, without
  its consistency checks. It is a simulator, not an environment: no actions from outside, no observations. It also keeps
  every state variable of every period, which scenv does not.
* or-gym: `step` of InvManagement-v0 (serial) and NetInvMgmt-v0 (network), both with backlog, with its observations
  and rewards. They have no decision per firm but one per link, all from one agent. or-gym 0.5.0 demands gym <= 0.19,
  whose set-up present setuptools refuse: it is installed without its dependencies, beside gym 0.26 and numpy < 2.

A simulator that cannot be installed is reported with the reason, and the others are compared all the same.
"""

from __future__ import annotations

import argparse
import functools
import json
import statistics
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import scenv
from benchmarks import REPOSITORY
from benchmarks.timing import batched_speed, load_average, pettingzoo_speed
from scenv.policies import BaseStock
from scenv.scenario.implied import demand_moments, unit_costs
from scenv_paper.provenance import provenance

RESULTS = Path(__file__).parent / "results" / "compare_simulators.json"
NETWORKS = ("bg", "r3")
#: simulator -> (script in benchmarks/simulators, pip calls)
OTHERS = {
    "stockpyl": ("stockpyl_rate.py", [["stockpyl==1.0.2"]]),
    "or-gym": (
        "or_gym_rate.py",
        [["gym==0.26.2", "numpy<2", "scipy", "networkx", "pandas", "matplotlib"], ["--no-deps", "or-gym==0.5.0"]],
    ),
}


def description(name: str) -> dict[str, Any]:
    """A built-in scenario in plain numbers, for another simulator."""
    scenario = scenv.load_scenario(name)
    network = scenario.network
    holding, backorder = unit_costs(scenario)
    mean = np.zeros(len(network.agents))
    mean[network.retailers] = demand_moments(scenario)[0]
    return {
        "firms": len(network.agents),
        "periods": scenario.horizon,
        "edges": [[int(u), int(v)] for u, v in zip(network.supplier, network.customer, strict=True)],
        "levels": np.asarray(BaseStock(scenario).levels).tolist(),
        "holding_cost": holding.tolist(),
        "backorder_cost": backorder.tolist(),
        "demand_mean": mean.tolist(),
        "order_lead_time": scenario.order_lead_time,
        "shipment_lead_time": scenario.shipment_lead_time,
    }


def own_rates(seconds: float) -> dict[str, float]:
    """scenv's node-steps per CPU second, by network and interface."""
    rates: dict[str, float] = {}
    for name in NETWORKS:
        scenario = scenv.load_scenario(name)
        firms = len(scenario.network.agents)
        measured = {
            "parallel_env": pettingzoo_speed(scenario, seconds=seconds, repeats=1),
            "vector_env, B = 1": batched_speed(scenario, 1, seconds=seconds, repeats=1),
            "vector_env, B = 1024": batched_speed(scenario, 1024, seconds=seconds, repeats=1),
        }
        rates |= {f"{name}: {label}": firms * speed.steps_per_cpu_second for label, speed in measured.items()}
    return rates


def install(simulator: str, folder: Path) -> Path:
    """A virtual environment with the simulator; returns its Python.

    Raises:
        RuntimeError: with pip's last line, if it cannot be installed.
    """
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    for packages in OTHERS[simulator][1]:
        done = subprocess.run(
            [python, "-m", "pip", "install", "--quiet", *packages], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(f"pip install {' '.join(packages)}: {done.stderr.strip().splitlines()[-1]}")
    return python


def rates_of(python: Path, script: str, request: dict[str, Any]) -> dict[str, float]:
    """Run a contestant in its own environment."""
    done = subprocess.run(
        [python, REPOSITORY / "benchmarks" / "simulators" / script],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=False,
        env={"OMP_NUM_THREADS": "1"},
    )
    if done.returncode != 0:
        raise RuntimeError(f"{script}: {done.stderr.strip().splitlines()[-1]}")
    rates: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return rates


def contestants(temporary: Path, seconds: float) -> tuple[dict[str, Callable[[], dict[str, float]]], dict[str, str]]:
    """What to run, by simulator; and why a simulator is missing."""
    request = {"seconds": seconds, "networks": {name: description(name) for name in NETWORKS}}
    runs: dict[str, Callable[[], dict[str, float]]] = {"scenv": lambda: own_rates(seconds)}
    missing = {}
    for simulator, (script, _) in OTHERS.items():
        try:
            python = install(simulator, temporary / simulator)
            rates_of(python, script, {**request, "seconds": 0.01})
        except RuntimeError as error:
            missing[simulator] = str(error)
        else:
            runs[simulator] = functools.partial(rates_of, python, script, request)
    return runs, missing


def ratios(rounds: list[dict[str, float]]) -> list[dict[str, Any]]:
    """Each of our rates over each of theirs: serial against serial (bg), network against network (r3)."""
    rows = []
    for theirs in (key for key in rounds[0] if not key.startswith("scenv")):
        name = "bg" if "bg" in theirs or "serial" in theirs else "r3"
        for ours in (key for key in rounds[0] if key.startswith(f"scenv {name}")):
            samples = [each[ours] / each[theirs] for each in rounds]
            rows.append({"scenv": ours, "other": theirs, "ratio": float(f"{statistics.median(samples):.3g}")})
    return rows


def show(result: dict[str, Any], console: Console) -> None:
    """Print the tables."""
    rates = Table(title="Node-steps per CPU second, median of rounds", title_justify="left")
    rates.add_column("simulator")
    rates.add_column("node-steps/s", justify="right")
    for contestant, value in result["node_steps_per_cpu_second"].items():
        rates.add_row(contestant, f"{value:,.4g}")
    console.print(rates)
    table = Table(title="Ratios", title_justify="left")
    for column in ("scenv", "other"):
        table.add_column(column)
    table.add_column("times as fast", justify="right")
    for row in result["ratios"]:
        table.add_row(
            row["scenv"], row["other"], f"{row['ratio']:,.4g}" if row["ratio"] < 1000 else f"{row['ratio']:,.0f}"
        )
    console.print(table)
    for simulator, reason in result["not_installed"].items():
        console.print(f"{simulator} is missing: {reason}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare scenv's speed with other simulators'.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each contestant on each network and round")
    parser.add_argument("--output", type=Path, default=RESULTS, help="where the JSON goes")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="scenv-compare-") as temporary:
        runs, missing = contestants(Path(temporary), arguments.seconds)
        before = load_average()
        rounds = [
            {f"{simulator} {key}": rate for simulator, run in runs.items() for key, rate in run().items()}
            for _ in range(arguments.rounds)
        ]
    medians = {key: statistics.median(each[key] for each in rounds) for key in rounds[0]}
    result = {
        "about": {**provenance(("scenv", "numpy", "pettingzoo")), "load_average": [before, load_average()]},
        "others": {simulator: [" ".join(packages) for packages in OTHERS[simulator][1]] for simulator in OTHERS},
        "not_installed": missing,
        "node_steps_per_cpu_second": {key: float(f"{value:.4g}") for key, value in medians.items()},
        "ratios": ratios(rounds),
    }
    show(result, Console(width=120))
    arguments.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
