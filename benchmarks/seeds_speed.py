"""What `pmarl-train --seeds R` costs against R runs one after the other.

    OMP_NUM_THREADS=1 python -m benchmarks.seeds_speed

writes results/seeds_speed.json and .md. Method: a turn is the updates of one rollout (32, the trainer's defaults, batch
256 a replica) of R replicas in the same tensors; stacks of 1, 3 and 5 replicas take turns, round after round, the first
warms up; CPU time of the process, one thread, medians. Collecting a rollout and evaluating are done replica by replica
in both cases, and left out. "Times one run" is what R replicas take over what one takes; R would be no gain.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

import torch
from scenv_paper.provenance import provenance

import scenv
from benchmarks.update_speed import make_clock, random_batch, spec_of, timed
from pmarl_trainer.config.schema import TrainConfig
from pmarl_trainer.learners.replicas import Stack, side_by_side

RESULTS = Path(__file__).parent / "results"
NETWORKS, REPLICAS = ("bg", "r2"), (1, 3, 5)


def measure(network: str, args: Any) -> dict[int, list[float]]:
    """R -> seconds of an update of R replicas, one number a round."""
    device = torch.device(args.device)
    _, clock = make_clock(device, 1)
    actions = len(scenv.vector_env(network).adjustments)
    spec = spec_of(scenv.load_network(network).adjacency_matrix, 30, actions)
    batch = random_batch(spec, 256, device)
    stacks = {r: Stack(spec, [TrainConfig(seed=seed) for seed in range(r)], device).learner for r in REPLICAS}
    seconds: dict[int, list[float]] = {r: [] for r in REPLICAS}
    for round_ in range(args.rounds + 1):
        for r, learner in stacks.items():
            rngs = [torch.Generator(device).manual_seed(seed) for seed in range(r)]

            def turn(r: int = r, learner: Any = learner, rngs: Any = rngs) -> None:
                for _ in range(args.updates):
                    learner.update(side_by_side([batch] * r), rngs)

            spent = timed(turn, clock)
            if round_ > 0:
                seconds[r].append(spent / args.updates)
    return seconds


def report(document: dict[str, Any]) -> str:
    """The table as markdown."""
    facts = document["provenance"]
    lines = ["# Several seeds in one run", "", f"`{facts['command']}`", ""]
    lines += [", ".join(f"{key} {value}" for key, value in facts.items() if key != "command") + ".", ""]
    lines += [
        "| network | replicas | ms an update | times one run | gain on runs one by one |",
        "|---|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {row['network']} | {row['replicas']} | {1e3 * row['seconds']:.1f} | {row['times_one']:.2f} "
        f"| {row['replicas'] / row['times_one']:.2f} × |"
        for row in document["rows"]
    ]
    return "\n".join([*lines, ""])


def main() -> None:
    """Measure, then write both files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", default=9, type=int)
    parser.add_argument("--updates", default=32, type=int, help="of a turn")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--out", default=RESULTS, type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for network in NETWORKS:
        seconds = measure(network, args)
        for r, own in seconds.items():
            ratio = statistics.median(many / one for many, one in zip(own, seconds[1], strict=True))
            rows.append({"network": network, "replicas": r, "seconds": statistics.median(own), "times_one": ratio})
            print(rows[-1], flush=True)
    document = {"provenance": provenance(("torch", "numpy")), "rows": rows}
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "seeds_speed.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    (args.out / "seeds_speed.md").write_text(report(document), encoding="utf-8")


if __name__ == "__main__":
    main()
