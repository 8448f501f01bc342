"""Speed of the environment on one core: batched, single, by part, against the memory's bandwidth, and by size.

    OMP_NUM_THREADS=1 python -m benchmarks.env_speed

prints tables and writes results/env_speed.json; three to five minutes. Method (details in `benchmarks.timing` and
`benchmarks.env_parts`):

* *Batched* is `scenv.vector_env` with B environments: steps per second counts B per call of `step`, whose observations
  [B, N, 30] float32 (fresh arrays), rewards and costs are included. Actions are random. Drawing the demand is part of
  `reset`, which is timed apart and, in "with resets", together with its 49 steps. Torch runs without gradients.
* *PettingZoo* is `scenv.parallel_env` with its dictionaries, one environment.
* Each figure is the median of 7 repeats of 0.4 s or more. Steps are given by the wall clock, and by the CPU clock of
  the process, which other processes on the machine disturb less. The load average before and after stands beside them.
* *Where the time goes* and the *floor* are those of r3 with B = 1,024: a step can be no faster than the bytes that it
  has to move.
* *Size*: `generators.random_dag(n, 2 n)` and, where the data set lies beside the repository, its largest chain (38),
  with B such that B n is about 27,000. The time per step, divided by firms + edges, shows whether cost is linear.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import scenv
from benchmarks import REPOSITORY
from benchmarks.env_parts import bytes_per_step, copy_bandwidth, memory_per_copy, time_by_part
from benchmarks.timing import batched_speed, load_average, pettingzoo_speed
from scenv import generators
from scenv_paper.provenance import provenance

RESULTS = Path(__file__).parent / "results" / "env_speed.json"
NETWORKS = ("bg", "r1", "r2", "r3")
BATCHES = (1, 64, 1024)
SIZES = (10, 30, 100, 300, 1000, 2000)
CELLS = 27_000
LARGEST_CHAIN = REPOSITORY.parent / "shared" / "willems_2008" / "38.csv"


def backends() -> list[tuple[str, str | None]]:
    """(backend, device) of every array library that is here."""
    found: list[tuple[str, str | None]] = [("numpy", None)]
    if importlib.util.find_spec("torch"):
        import torch

        torch.set_num_threads(1)
        found.append(("torch", "cpu"))
        if torch.cuda.is_available():
            found.append(("torch", "cuda"))
    return found


def batched(seconds: float) -> list[dict[str, Any]]:
    rows = []
    for backend, device in backends():
        for name in NETWORKS:
            for num_envs in (*BATCHES, 65_536) if device == "cuda" else BATCHES:
                speed = batched_speed(
                    scenv.load_scenario(name), num_envs, backend=backend, device=device, seconds=seconds
                )
                rows.append(
                    {"network": name, "backend": backend, "device": device or "cpu", "B": num_envs, **speed.rounded()}
                )
    return rows


def single(seconds: float) -> list[dict[str, Any]]:
    return [
        {"network": name, **pettingzoo_speed(scenv.load_scenario(name), seconds=seconds).rounded()} for name in NETWORKS
    ]


def floor(name: str = "r3", num_envs: int = 1024) -> dict[str, Any]:
    """Time by part, the least time that moving the bytes takes, and memory per copy."""
    scenario = scenv.load_scenario(name)
    parts = time_by_part(scenario, num_envs)
    total = sum(time for part, time in parts.items() if part != "demand (at reset)")
    moved = bytes_per_step(scenario)
    bandwidth = {"cache (256 kB)": copy_bandwidth(1 << 18), "main memory (64 MB)": copy_bandwidth(1 << 26)}
    floors = {place: 1e6 * moved * num_envs / speed for place, speed in bandwidth.items()}
    return {
        "network": name,
        "B": num_envs,
        "us_per_step_call": {part: round(time, 1) for part, time in parts.items()},
        "us_per_step_call_total": round(total, 1),
        "bytes_per_env_step": moved,
        "copy_bandwidth_GB_per_s": {place: round(speed / 1e9, 1) for place, speed in bandwidth.items()},
        "floor_us_per_step_call": {place: round(time, 1) for place, time in floors.items()},
        "time_over_floor": {place: round(total / time, 1) for place, time in floors.items()},
        "memory_per_copy_bytes": {n: round(memory_per_copy(scenv.load_scenario(n))) for n in NETWORKS},
    }


def by_size(seconds: float) -> list[dict[str, Any]]:
    networks = [(f"random_dag({n}, {2 * n})", generators.random_dag(n, 2 * n, seed=0), "uniform") for n in SIZES]
    scenarios = [(label, scenv.load_scenario(network, costs=costs)) for label, network, costs in networks]
    if LARGEST_CHAIN.is_file():
        scenarios.append(("Willems chain 38", scenv.load_scenario(LARGEST_CHAIN)))
    rows = []
    for label, scenario in scenarios:
        firms, edges = len(scenario.network.agents), len(scenario.network.edges)
        num_envs = max(1, round(CELLS / firms))
        speed = batched_speed(scenario, num_envs, seconds=seconds, repeats=5)
        per_link = 1e9 / speed.steps_per_cpu_second / (firms + edges)
        rows.append(
            {
                "network": label,
                "firms": firms,
                "edges": edges,
                "B": num_envs,
                **speed.rounded(),
                "cpu_ns_per_firm_or_edge": round(per_link, 2),
            }
        )
    return rows


def show(result: dict[str, Any], console: Console) -> None:
    """Print the tables."""
    speed = ("steps", "steps_per_cpu_second", "best", "steps_with_resets", "reset_ms")
    _table(
        console,
        "Batched, environment steps per second",
        ("network", "backend", "device", "B", *speed),
        result["batched"],
    )
    _table(console, "PettingZoo, steps per second", ("network", *speed), result["pettingzoo"])
    size = ("network", "firms", "edges", "B", "steps", "steps_per_cpu_second", "cpu_ns_per_firm_or_edge")
    _table(console, "By size, numpy", size, result["by_size"])
    floor_ = result["floor"]
    total = floor_["us_per_step_call_total"]
    parts = [
        {"part": part, "CPU us per call": time, "share": f"{100 * time / total:.0f} %"}
        for part, time in floor_["us_per_step_call"].items()
    ]
    _table(
        console, f"Where a step of {floor_['B']} {floor_['network']} goes", ("part", "CPU us per call", "share"), parts
    )
    console.print(
        f"{total} us per call; at least {floor_['bytes_per_env_step']} bytes per environment step, so the floor is "
        f"{floor_['floor_us_per_step_call']} us and the time {floor_['time_over_floor']} times that "
        f"(copy bandwidth {floor_['copy_bandwidth_GB_per_s']} GB/s). Memory per copy, bytes: "
        f"{floor_['memory_per_copy_bytes']}. Demand is drawn at reset: its time is per step of the episode, and not in "
        "the total."
    )


def _table(console: Console, title: str, columns: tuple[str, ...], rows: list[dict[str, Any]]) -> None:
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column.replace("_", " "), justify="left" if isinstance(rows[0][column], str) else "right")
    for row in rows:
        table.add_row(*(f"{row[c]:,.6g}" if isinstance(row[c], (int, float)) else row[c] for c in columns))
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the environment's speed on one core.")
    parser.add_argument("--seconds", type=float, default=0.4, help="length of one repeat")
    parser.add_argument("--output", type=Path, default=RESULTS, help="where the JSON goes")
    arguments = parser.parse_args()
    before = load_average()
    result: dict[str, Any] = {
        "batched": batched(arguments.seconds),
        "pettingzoo": single(arguments.seconds),
        "by_size": by_size(arguments.seconds),
        "floor": floor(),
    }
    about = {**provenance(("scenv", "numpy", "torch", "pettingzoo")), "load_average": [before, load_average()]}
    show(result, Console(width=150))
    arguments.output.write_text(json.dumps({"about": about, **result}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
