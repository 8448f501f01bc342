"""A check of the environment's and the trainer's speed that fits into CI: under a minute, warns, never fails.

    python -m benchmarks.small            compare with what is on record
    python -m benchmarks.small --record   put this commit's figures on record (results/small.json)

Steps per second depend on the machine, ratios of two measurements in one run much less. So it compares ratios:
a batched environment's step in numpy (B = 1,024) against a PettingZoo environment's, and both against a run of
plain numpy calls on arrays of the same sizes, whose speed no commit of ours changes; and the trainer's update against
the same update agent by agent (`benchmarks.maac_loop`). Times are CPU seconds of the process, which a busy machine
disturbs least. A ratio below 70 % of the recorded one prints a warning (`::warning::`, which GitHub shows on the
commit).
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

import numpy as np
import torch

import scenv
from benchmarks.timing import batched_speed, pettingzoo_speed
from benchmarks.update_speed import random_batch, spec_of, timed, variants_of
from scenv_paper.provenance import provenance

RECORD = Path(__file__).parent / "results" / "small.json"
TOLERATED = 0.7
NETWORKS = ("bg", "r3")
UPDATE = argparse.Namespace(hidden=64, heads=4)  # the trainer's defaults


def numpy_speed(shape: tuple[int, ...], calls: int = 60, seconds: float = 0.3, repeats: int = 5) -> float:
    """How many times per CPU second numpy does `calls` additions of arrays of `shape`; median of repeats."""
    left, right = np.ones(shape), np.ones(shape)
    rates = []
    for _ in range(repeats):
        rounds, start = 0, time.process_time()
        while time.process_time() - start < seconds:
            for _ in range(calls):
                np.add(left, right)
            rounds += 1
        rates.append(rounds / (time.process_time() - start))
    return float(np.median(rates))


def update_speed(rounds: int = 7) -> dict[str, float]:
    """PMaRL's update on r3's graph, stacked, and the same agent by agent, taking turns."""
    spec = spec_of(scenv.load_network("r3").adjacency_matrix, observation_size=30, actions=10)
    device = torch.device("cpu")
    batch, rng = random_batch(spec, 256, device), torch.Generator()
    variants = variants_of(spec, "pmarl", UPDATE, device)
    seconds: dict[str, list[float]] = {name: [] for name in ("loop", "stacked")}
    for round_ in range(rounds + 1):
        for name, spent in seconds.items():
            rng.manual_seed(round_)
            spent.append(timed(lambda name=name: variants[name].update(batch, rng), time.process_time))
    ratios = [loop / own for loop, own in zip(seconds["loop"][1:], seconds["stacked"][1:], strict=True)]
    return {
        "updates per CPU s": 1 / statistics.median(seconds["stacked"][1:]),
        "ratio update / per-agent baseline": statistics.median(ratios),
    }


def measure() -> dict[str, dict[str, float]]:
    """Ratios by network; "steps" are there for the reader only."""
    result = {}
    for name in NETWORKS:
        scenario = scenv.load_scenario(name)
        firms = len(scenario.network.agents)
        batched = batched_speed(scenario, 1024, seconds=0.3, repeats=5).steps_per_cpu_second
        single = pettingzoo_speed(scenario, seconds=0.3, repeats=5).steps_per_cpu_second
        result[name] = {
            "batched steps per CPU s": batched,
            "PettingZoo steps per CPU s": single,
            "ratio batched / PettingZoo": batched / single,
            "ratio batched / numpy": batched / 1024 / numpy_speed((firms, 1024)),
            "ratio PettingZoo / numpy": single / numpy_speed((firms, 1)),
        }
    result["r3"] |= update_speed()
    return result


def compare(measured: dict[str, dict[str, float]], recorded: dict[str, dict[str, float]]) -> list[str]:
    """One line for each ratio that is well below the recorded one."""
    return [
        f"{name}: {key} is {value:.3g}, recorded {recorded[name][key]:.3g}"
        for name, figures in measured.items()
        for key, value in figures.items()
        if key.endswith(("baseline", "numpy")) and value < TOLERATED * recorded.get(name, {}).get(key, 0.0)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare the environment's speed with the record; never fails.")
    parser.add_argument("--record", action="store_true", help="write the record instead")
    record = parser.parse_args().record
    torch.set_num_threads(1)  # CPU seconds of several threads would add up
    measured = measure()
    recorded = {} if record or not RECORD.is_file() else json.loads(RECORD.read_text(encoding="utf-8"))["measured"]
    for name, figures in measured.items():
        for key, value in figures.items():
            before = recorded.get(name, {}).get(key)
            print(f"{name:3} {key:36} {value:14,.4g}" + (f"   (recorded {before:,.4g})" if before else ""))
    for line in compare(measured, recorded):
        print(f"::warning::slower than recorded: {line}")
    if record:
        rounded = {n: {k: float(f"{v:.4g}") for k, v in figures.items()} for n, figures in measured.items()}
        document = {"about": provenance(("scenv", "numpy", "pettingzoo", "torch")), "measured": rounded}
        RECORD.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
