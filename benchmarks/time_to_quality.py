"""Minutes until a policy is good: evaluated cost on r2 at most 0.85 of base-stock's, defaults against `maac-reference`.

    python -m benchmarks.time_to_quality --jobs 2
    python -m benchmarks.time_to_quality --defaults RUNS/r2-s0 RUNS/r2-s1 RUNS/r2-s2 --jobs 1

writes results/time_to_quality.json and .md. Each setting trains with seeds of its own, one thread a run, an evaluation
of 32 paths every 5 rollouts; the first evaluation at or below the target counts. Minutes are wall time, evaluations
included, on whatever else the machine did; updates and environment steps do not depend on that. A run stops after
`--minutes`, or when it is done: then the table says "not reached" and the best ratio that it saw. `--defaults` takes
runs that are there already instead of training the defaults.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.provenance import REPOSITORY, provenance

RESULTS = Path(__file__).parent / "results"
TARGET = 0.85
#: name -> what pmarl-train is told.
SETTINGS = {
    "defaults, PMaRL": ["--method", "pmarl"],
    "maac-reference, PMaRL": ["--method", "pmarl", "train.preset=maac-reference"],
    "maac-reference, MAAC": ["--method", "maac", "train.preset=maac-reference"],
}
DEFAULTS = next(iter(SETTINGS))


def train(setting: str, seed: int, folder: Path, minutes: float) -> Path:
    """One run of at most so many minutes; one that is there is not trained again."""
    if not folder.exists():
        command = [sys.executable, "-c", "from pmarl_trainer.cli import train; train()"]
        command += ["--scenario", str(REPOSITORY / "scenarios" / "r2.yaml"), *SETTINGS[setting], "--seed", str(seed)]
        command += ["--out", str(folder), "--quiet", "train.evaluation_interval=5", "train.threads=1"]
        command += ["train.loggers=[csv]"]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        try:
            status = process.wait(timeout=60 * minutes)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)  # it saves and stops
            process.wait()
            return folder
        if status:
            raise subprocess.CalledProcessError(status, command)
    return folder


def time_to(folder: Path, target: float = TARGET) -> dict[str, Any]:
    """From a run's metrics.csv: what it took to the first evaluation at `target`, or the best that there was."""
    with (folder / "metrics.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    facts = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    steps = facts["environment"]["steps_of_an_episode"]
    evaluated = [row for row in rows if row["evaluation_ratio"]]
    reached = next((row for row in evaluated if float(row["evaluation_ratio"]) <= target), None)
    at = reached or rows[-1]
    return {
        "seed": config["train"]["seed"],
        "reached": reached is not None,
        "minutes": float(at["seconds"]) / 60,
        "updates": int(float(at["updates"])),
        "env_steps": int(float(at["episodes"])) * steps,
        "ratio": min((float(row["evaluation_ratio"]) for row in evaluated), default=None),
    }


def report(document: dict[str, Any]) -> str:
    """The table as markdown."""
    facts, note = document["provenance"], document["note"]
    lines = [
        "# Time to quality",
        "",
        f"`{facts['command']}`",
        "",
        ", ".join(f"{key} {value}" for key, value in facts.items() if key != "command") + ".",
        "",
        f"Until the evaluated cost on r2 is at most {TARGET} of base-stock's; one thread a run. {note}".rstrip(),
        "",
        "| setting | seed | minutes | updates | environment steps | best ratio seen |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for setting, runs in document["runs"].items():
        for run in runs:
            minutes = f"{run['minutes']:.1f}" if run["reached"] else f"not reached in {run['minutes']:.1f}"
            ratio = "–" if run["ratio"] is None else f"{run['ratio']:.3f}"
            lines.append(
                f"| {setting} | {run['seed']} | {minutes} | {run['updates']:,} | {run['env_steps']:,} | {ratio} |"
            )
    return "\n".join([*lines, ""])


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--defaults", type=Path, nargs="+", metavar="RUN", help="runs with the defaults, to read")
    parser.add_argument("--seeds", type=int, default=3, help="of the defaults, where they are trained")
    parser.add_argument("--reference-seeds", type=int, default=1, help="of each setting with maac-reference")
    parser.add_argument("--minutes", type=float, default=12.0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--runs", type=Path, default=Path("runs/time_to_quality"), help="where runs go")
    parser.add_argument("--note", default="", help="what else a reader must know, e.g. what the machine did beside it")
    parser.add_argument("--out", type=Path, default=RESULTS)
    args = parser.parse_args()
    jobs: list[tuple[str, int, Path]] = []
    for setting in SETTINGS:
        if setting == DEFAULTS and args.defaults:
            continue
        for seed in range(args.seeds if setting == DEFAULTS else args.reference_seeds):
            jobs.append((setting, seed, args.runs / f"{setting.replace(', ', '-')}-s{seed}"))
    with ThreadPoolExecutor(args.jobs) as pool:
        folders = list(pool.map(lambda job: train(*job, args.minutes), jobs))
    runs: dict[str, list[dict[str, Any]]] = {setting: [] for setting in SETTINGS}
    runs[DEFAULTS] = [time_to(folder) for folder in args.defaults or []]
    for (setting, _, _), folder in zip(jobs, folders, strict=True):
        runs[setting].append(time_to(folder))
    document = {"provenance": provenance(("torch", "numpy")), "note": args.note, "target": TARGET, "runs": runs}
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "time_to_quality.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    (args.out / "time_to_quality.md").write_text(report(document), encoding="utf-8")
    print(report(document))


if __name__ == "__main__":
    main()
