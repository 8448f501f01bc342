"""The search for the trainer's defaults: every candidate on the same networks and seeds, one table.

    python -m benchmarks.search --networks r1,bg --seeds 0,1,2 --jobs 2

writes results/search.json and .md. A candidate is what `pmarl-train` is told beyond the defaults (CANDIDATES); the
first one is the defaults as they were. Its figure is the cost relative to base-stock of the final policies over 100
paths of evaluation seed 7: neither the paths of any training, nor those that results are reported on (2024). The
budget of every run is the trainer's own (100 rollouts of 32 episodes and 32 updates). A finished run is not trained
again, so a search can be stopped, and candidates added.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import REPOSITORY
from scenv_paper.provenance import provenance

RESULTS = Path(__file__).parent / "results"
EVALUATION_SEED = 7
#: name -> settings of the section train.
CANDIDATES: Mapping[str, tuple[str, ...]] = {
    "lr=3e-3 policy_lr=2e-3": ("lr=3e-3", "policy_lr=2e-3"),
    "policy_lr=1e-3": ("lr=3e-3", "policy_lr=1e-3"),
    "policy_lr=5e-4": ("lr=3e-3", "policy_lr=5e-4"),
    "lr=1.5e-3 policy_lr=1e-3": ("lr=1.5e-3", "policy_lr=1e-3"),
    "alpha=0.05": ("lr=3e-3", "policy_lr=2e-3", "alpha=0.05"),
    "precision=bf16": ("lr=3e-3", "policy_lr=2e-3", "precision=bf16"),
    "policy_lr=1e-3 rollouts=200": ("lr=3e-3", "policy_lr=1e-3", "rollouts=200"),
}


def train(job: tuple[str, str, int], method: str, out: Path) -> dict[str, Any]:
    """One run, unless it is there already: its ratio to base-stock, and what it took."""
    name, network, seed = job
    folder = out / f"{method}-{network}-s{seed}-{name.replace(' ', '-')}"
    if not (folder / "evaluation.json").exists():
        options = [*CANDIDATES[name], f"evaluation_seed={EVALUATION_SEED}", "threads=1", "loggers=[csv]"]
        command = [sys.executable, "-c", "from pmarl_trainer.cli import train; train()"]
        command += ["--scenario", str(REPOSITORY / "scenarios" / f"{network}.yaml"), "--method", method]
        command += ["--seed", str(seed), "--out", str(folder), "--quiet", *(f"train.{option}" for option in options)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    evaluation = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    row = {"candidate": name, "network": network, "seed": seed, "method": method}
    ratio = evaluation["policies"][method]["ratio"]
    print(*row.values(), f"{ratio:.3f}", flush=True)
    return {**row, "ratio": ratio, "minutes": evaluation["training"]["seconds"] / 60}


def report(document: Mapping[str, Any]) -> str:
    """The table as markdown."""
    rows = document["runs"]
    networks = list(dict.fromkeys(row["network"] for row in rows))
    facts = ", ".join(f"{key} {value}" for key, value in document["provenance"].items() if key != "command")
    budget = f"Budget of the search: {len(rows)} runs, {sum(row['minutes'] for row in rows):.0f} minutes of one core."
    lines = ["# The search for defaults", "", f"`{document['provenance']['command']}`", "", f"{facts}.", "", budget, ""]
    lines += [
        f"Cost relative to base-stock, {document['method']}: mean over the seeds (each seed). Lower is better.",
        "",
    ]
    lines += [f"| candidate | {' | '.join(networks)} |", f"|---|{'---:|' * len(networks)}"]
    for name in dict.fromkeys(row["candidate"] for row in rows):
        cells = []
        for network in networks:
            ratios = [row["ratio"] for row in rows if (row["candidate"], row["network"]) == (name, network)]
            each = ", ".join(f"{ratio:.3f}" for ratio in ratios)
            cells.append(f"{np.mean(ratios):.3f} ({each})" if ratios else "–")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", default="r1,bg", type=lambda text: text.split(","))
    parser.add_argument("--seeds", default="0,1,2", type=lambda text: [int(word) for word in text.split(",")])
    parser.add_argument("--candidates", default=list(CANDIDATES), type=lambda text: text.split(","))
    parser.add_argument("--method", default="pmarl")
    parser.add_argument("--jobs", default=2, type=int)
    parser.add_argument("--runs", default=Path("runs/search"), type=Path, help="where the runs go")
    parser.add_argument("--out", default=RESULTS, type=Path)
    parser.add_argument("--name", default="search", help="of the files in OUT")
    args = parser.parse_args()
    unknown = [name for name in args.candidates if name not in CANDIDATES]
    if unknown:
        parser.error(f"--candidates: expected some of {'; '.join(CANDIDATES)}, got {unknown[0]!r}")
    jobs = [(name, network, seed) for network in args.networks for name in args.candidates for seed in args.seeds]
    with ThreadPoolExecutor(args.jobs) as pool:
        runs = list(pool.map(lambda job: train(job, args.method, args.runs), jobs))
    document = {"provenance": provenance(("torch", "numpy")), "method": args.method, "runs": runs}
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / f"{args.name}.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    (args.out / f"{args.name}.md").write_text(report(document), encoding="utf-8")


if __name__ == "__main__":
    main()
