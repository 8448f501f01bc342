"""Minutes until a policy is good: evaluated cost on r2 at most 0.85 of base-stock's, defaults against `maac-reference`.

    python -m benchmarks.time_to_quality --jobs 2
    python -m benchmarks.time_to_quality --collect RUNS/r2-s0 RUNS/r2-s1 RUNS/r2-s2 --jobs 1

writes results/time_to_quality.json and .md. Each setting trains with seeds of its own, one thread a run; the greedy
policies are evaluated on 32 paths every 5 rollouts of 32 episodes (defaults) or after every rollout of 12 (preset), and
the first evaluation at or below the target counts. Minutes are wall time from the first rollout, evaluations included,
on whatever else the machine did; CPU minutes are these times the share of a core that the run's whole process had;
updates and environment steps depend on neither. A run stops at the target or after `--minutes`, and nothing else stops
the preset's (its schedules are constant): then the table says "not reached" and the best ratio until then. `--collect`
reads runs that are there already instead of training the defaults, up to the same limit; what CPU time they took is not
known.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks import REPOSITORY
from pmarl_trainer.runs.metrics import read_metrics
from scenv_paper.provenance import provenance

RESULTS = Path(__file__).parent / "results"
TARGET = 0.85
REFERENCE = ["train.preset=maac-reference", "train.evaluation_interval=1", "train.rollouts=1000000"]
#: name -> what pmarl-train is told.
SETTINGS = {
    "defaults, PMaRL": ["--method", "pmarl", "train.evaluation_interval=5"],
    "maac-reference, PMaRL": ["--method", "pmarl", *REFERENCE],
    "maac-reference, MAAC": ["--method", "maac", *REFERENCE],
}
DEFAULTS = next(iter(SETTINGS))
#: Written beside a run's own files once it ended: the share of a core that its process had.
SHARE = "core_share.json"


def train(setting: str, seed: int, folder: Path, minutes: float) -> Path:
    """One run to the target, or of at most so many minutes; one that ended is not trained again."""
    if (folder / SHARE).exists():
        return folder
    if folder.exists():
        raise SystemExit(f"{folder}: a run that did not end; remove it first")
    command = [sys.executable, "-c", "from pmarl_trainer.cli import train; train()"]
    command += ["--scenario", str(REPOSITORY / "scenarios" / "r2.yaml"), *SETTINGS[setting], "--seed", str(seed)]
    command += ["--out", str(folder), "--quiet", "train.threads=1", "train.loggers=[csv]"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    began = time.monotonic()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    asked = False
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        rows = [] if asked else read_metrics(folder / "metrics.csv")
        if any(_good(row, TARGET) or row.get("seconds", 0) > 60 * minutes for row in rows):
            process.send_signal(signal.SIGINT)  # it saves and stops
            asked = True
        time.sleep(0.5)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode and not asked:
        raise subprocess.CalledProcessError(process.returncode, command)
    share = (usage.ru_utime + usage.ru_stime) / (time.monotonic() - began)
    (folder / SHARE).write_text(json.dumps({"share": share}) + "\n", encoding="utf-8")
    return folder


def _good(row: dict[str, float], target: float) -> bool:
    return row.get("evaluation_ratio", float("inf")) <= target


def time_to(folder: Path, target: float = TARGET, minutes: float = float("inf")) -> dict[str, Any]:
    """From a run's metrics.csv: what it took to the first evaluation at `target`, or the best one within `minutes`."""
    rows = [row for row in read_metrics(folder / "metrics.csv") if row["seconds"] <= 60 * minutes]
    if not rows:
        raise SystemExit(f"{folder}/metrics.csv: no rollout within {minutes:g} minutes")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    facts = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    steps = facts["environment"]["steps_of_an_episode"]
    at = next((row for row in rows if _good(row, target)), rows[-1])
    share = json.loads((folder / SHARE).read_text(encoding="utf-8"))["share"] if (folder / SHARE).exists() else None
    ratios = [row["evaluation_ratio"] for row in rows[: rows.index(at) + 1] if "evaluation_ratio" in row]
    return {
        "seed": config["train"]["seed"],
        "reached": _good(at, target),
        "minutes": at["seconds"] / 60,
        "cpu_minutes": None if share is None else share * at["seconds"] / 60,
        "updates": int(at["updates"]),
        "env_steps": int(at["episodes"]) * steps,
        "ratio": min(ratios, default=None),
    }


def summary(runs: dict[str, list[dict[str, Any]]]) -> list[str]:
    """A sentence for each setting: in how many runs the target was reached, and their median."""
    lines = []
    for setting, own in runs.items():
        reached = [run for run in own if run["reached"]]
        if reached:
            minutes, updates = (statistics.median(run[name] for run in reached) for name in ("minutes", "updates"))
            lines.append(
                f"{setting}: reached in {len(reached)} of {len(own)}, median {minutes:.1f} minutes, "
                f"{updates:,.0f} updates."
            )
        elif own:
            best = min((run["ratio"] for run in own if run["ratio"] is not None), default=None)
            seen = "" if best is None else f"; best ratio {best:.3f}"
            lines.append(f"{setting}: not reached in {max(run['minutes'] for run in own):.1f} minutes{seen}.")
    return lines


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
        "| setting | seed | minutes | CPU minutes | updates | environment steps | best ratio until then |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for setting, runs in document["runs"].items():
        for run in runs:
            minutes = f"{run['minutes']:.1f}" if run["reached"] else f"not reached in {run['minutes']:.1f}"
            ratio = "–" if run["ratio"] is None else f"{run['ratio']:.3f}"
            cpu = "–" if run["cpu_minutes"] is None else f"{run['cpu_minutes']:.1f}"
            counts = f"{run['updates']:,} | {run['env_steps']:,}"
            lines.append(f"| {setting} | {run['seed']} | {minutes} | {cpu} | {counts} | {ratio} |")
    return "\n".join([*lines, "", *(f"- {line}" for line in summary(document["runs"])), ""])


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--collect", "--defaults", dest="collect", type=Path, nargs="+", metavar="RUN", help="runs with the defaults"
    )
    parser.add_argument("--seeds", type=int, default=3, help="of the defaults, where they are trained")
    parser.add_argument("--reference-seeds", type=int, default=1, help="of each setting with maac-reference")
    parser.add_argument("--minutes", type=float, default=12.0, help="limit of a run")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--runs", type=Path, default=Path("runs/time_to_quality"), help="where runs go")
    parser.add_argument("--note", default="", help="what else a reader must know, e.g. what the machine did beside it")
    parser.add_argument("--out", type=Path, default=RESULTS)
    args = parser.parse_args()
    jobs: list[tuple[str, int, Path]] = []
    for setting in SETTINGS:
        if setting == DEFAULTS and args.collect:
            continue
        for seed in range(args.seeds if setting == DEFAULTS else args.reference_seeds):
            jobs.append((setting, seed, args.runs / f"{setting.replace(', ', '-')}-s{seed}"))
    with ThreadPoolExecutor(args.jobs) as pool:
        folders = list(pool.map(lambda job: train(*job, args.minutes), jobs))
    runs: dict[str, list[dict[str, Any]]] = {setting: [] for setting in SETTINGS}
    runs[DEFAULTS] = [time_to(folder, minutes=args.minutes) for folder in args.collect or []]
    for (setting, _, _), folder in zip(jobs, folders, strict=True):
        runs[setting].append(time_to(folder, minutes=args.minutes))
    document = {"provenance": provenance(("torch", "numpy")), "note": args.note, "target": TARGET, "runs": runs}
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "time_to_quality.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    (args.out / "time_to_quality.md").write_text(report(document), encoding="utf-8")
    print(report(document))


if __name__ == "__main__":
    main()
