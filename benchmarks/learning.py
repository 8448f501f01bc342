"""Train one scenario with several seeds and put the outcome on record: table, figures, learning curves.

    python -m benchmarks.learning --scenario scenarios/r2.yaml --seeds 0 1 2 --out RUNS --name r2_pmarl
    python -m benchmarks.learning --collect RUNS/r2-s0 RUNS/r2-s1 RUNS/r2-s2 --name r2_pmarl
    python -m benchmarks.learning ... --classical benchmarks/results/paper/classical/r2-2.json

Method. Every seed is one `pmarl-train` with the scenario's defaults: its own initialisation, exploration, training
paths and choice of the best checkpoint. All are evaluated on the same 100 paths (the evaluation seed), which no
training used, next to the classical policies. A seed's interval is Student's t over the paths, of the ratio to
base-stock paired by path; the interval over seeds is Student's t over the seeds' mean ratios. Minutes are wall time of
training alone, on whatever else the machine did.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from scenv.evaluation.intervals import mean_interval
from scenv_paper.provenance import provenance

RESULTS = Path(__file__).parent / "results"
TITLES = {"pmarl": "PMaRL", "maac": "MAAC", "fv": "FV", "hdpo": "HDPO"}


def train_seeds(scenario: Path, seeds: list[int], out: Path, options: list[str]) -> list[Path]:
    """One run a seed, one after the other; a finished run is not trained again, an interrupted one goes on."""
    command = [sys.executable, "-c", "from pmarl_trainer.cli import train; train()"]
    folders = [out / f"{scenario.stem}-s{seed}" for seed in seeds]
    for seed, folder in zip(seeds, folders, strict=True):
        if (folder / "evaluation.json").exists():
            continue
        started = (folder / "checkpoints" / "last.safetensors").exists()
        new = ["--scenario", str(scenario), "--seed", str(seed), "--out", str(folder), *options]
        subprocess.run([*command, *(["--resume", str(folder)] if started else new)], check=True)
    return folders


def read_run(folder: Path) -> dict[str, Any]:
    """What a finished run says of itself."""
    evaluation = json.loads((folder / "evaluation.json").read_text())
    with (folder / "metrics.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["evaluation_ratio"]]
    return {
        "evaluation": evaluation,
        "config": json.loads((folder / "config.json").read_text()),
        "run": json.loads((folder / "run.json").read_text()),
        "episodes": [int(row["episodes"]) for row in rows],
        "minutes": [float(row["seconds"]) / 60 for row in rows],
        "ratios": [float(row["evaluation_ratio"]) for row in rows],
    }


def record(runs: list[dict[str, Any]], made_by: str) -> dict[str, Any]:
    """The result as JSON."""
    seeds = []
    for run in runs:
        evaluation = run["evaluation"]
        own = evaluation["policies"][evaluation["method"]]
        seeds.append(
            {
                "seed": evaluation["training_seed"],
                "mean_cost": own["mean"],
                "ci95": own["ci95"],
                "ratio_to_base_stock": own["ratio"],
                "ratio_ci95": own["ratio_ci95"],
                "updates": evaluation["training"]["updates"],
                "episodes": run["episodes"][-1],
                "minutes": run["minutes"][-1],
            }
        )
    first = runs[0]["evaluation"]
    ratios = [seed["ratio_to_base_stock"] for seed in seeds]
    others = {
        name.replace("_", "-"): {
            "mean_cost": policy["mean"],
            "ci95": policy["ci95"],
            "ratio_to_base_stock": policy["ratio"],
        }
        for name, policy in first["policies"].items()
        if name != first["method"]
    }
    machine = f"{os.cpu_count()} CPU cores ({platform.machine()}), torch {runs[0]['run']['versions']['torch']}"
    return {
        "method": first["method"],
        "env": first["env"],
        "evaluation_episodes": first["evaluation_episodes"],
        "evaluation_seed": first["evaluation_seed"],
        "command": made_by,
        "commit": provenance()["commit"],
        "machine": machine,
        "seeds": seeds,
        "ratio_over_seeds": float(np.mean(ratios)),
        "ratio_over_seeds_ci95": mean_interval(np.array(ratios)),
        "classical": others,
    }


def add_classical(result: dict[str, Any], raw: Path) -> None:
    """Add the policies of a raw file of the paper's grid (benchmarks/paper), whose paths are the same."""
    costs = {name: np.array(values) for name, values in json.loads(raw.read_text())["costs"].items()}
    reference = costs["base-stock"].mean()
    if not np.isclose(reference, result["classical"]["base-stock"]["mean_cost"], rtol=1e-6):
        raise SystemExit(f"{raw}: its base-stock costs are those of other paths or of another scenario")
    for name, values in costs.items():
        result["classical"].setdefault(
            name,
            {
                "mean_cost": float(values.mean()),
                "ci95": mean_interval(values),
                "ratio_to_base_stock": float(values.mean() / reference),
            },
        )


def markdown(name: str, result: dict[str, Any]) -> str:
    """The result as a page."""
    low, high = result["ratio_over_seeds_ci95"]
    lines = [
        f"# {name}",
        "",
        f"`{result['command']}`, commit {result['commit']}, {result['machine']}.",
        f"Total cost of the counted periods, mean over {result['evaluation_episodes']} runs on common demand paths "
        f"(evaluation seed {result['evaluation_seed']}), with 95 % intervals. {result['note']}".rstrip(),
        "",
        "| policy | seed | mean cost | 95 % interval | ratio to base-stock | updates | episodes | minutes |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for seed in result["seeds"]:
        low_cost, high_cost = seed["ci95"]
        lines.append(
            f"| {result['method']} | {seed['seed']} | {seed['mean_cost']:.0f} | {low_cost:.0f} … {high_cost:.0f} "
            f"| {seed['ratio_to_base_stock']:.3f} ({seed['ratio_ci95'][0]:.3f} … {seed['ratio_ci95'][1]:.3f}) "
            f"| {seed['updates']} | {seed['episodes']} | {seed['minutes']:.1f} |"
        )
    for policy, values in result["classical"].items():
        lines.append(
            f"| {policy} | | {values['mean_cost']:.0f} | {values['ci95'][0]:.0f} … {values['ci95'][1]:.0f} "
            f"| {values['ratio_to_base_stock']:.3f} | | | |"
        )
    lines += [
        "",
        f"Over the seeds: {result['ratio_over_seeds']:.3f} of base-stock's cost, 95 % interval {low:.3f} … {high:.3f}.",
        "",
        *_against_best_levels(result),
        f"![Learning curves]({name}.png)",
        "",
    ]
    return "\n".join(lines)


def _against_best_levels(result: dict[str, Any]) -> list[str]:
    best = result["classical"].get("optimised-base-stock")
    if best is None:
        return []
    ratio = result["ratio_over_seeds"] / best["ratio_to_base_stock"]
    each = ", ".join(f"{s['ratio_to_base_stock'] / best['ratio_to_base_stock']:.3f}" for s in result["seeds"])
    return [f"Against the best constant levels (optimised-base-stock): {ratio:.3f} of their cost ({each}).", ""]


def draw(runs: list[dict[str, Any]], result: dict[str, Any], path: Path) -> None:
    """Learning curves of all seeds, with the classical policies as levels."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 4.0), layout="constrained")
    axes = figure.add_subplot()
    for i, run in enumerate(runs):
        label = f"{result['method']}, {len(runs)} seeds" if i == 0 else None
        axes.plot(run["episodes"], run["ratios"], color="#0072B2", alpha=0.75, linewidth=1.6, label=label)
    top = 1.6
    end = max(run["episodes"][-1] for run in runs)
    for policy, values in result["classical"].items():
        ratio = values["ratio_to_base_stock"]
        if ratio < top:
            axes.axhline(ratio, color="#555555", linewidth=0.9, linestyle="--" if policy == "base-stock" else ":")
            axes.annotate(
                policy, (end, ratio), xytext=(0, 2), textcoords="offset points", ha="right", fontsize=8, color="#333333"
            )
    axes.set_ylim(0.6, top)
    axes.set_xlim(0, end * 1.01)
    axes.set_xlabel("training episodes")
    axes.set_ylabel("cost relative to base-stock")
    network = result["env"].get("scenario", "")
    axes.set_title(f"{TITLES[result['method']]} on {network}: cost of the greedy policies while learning", fontsize=10)
    axes.legend(loc="upper right", frameon=False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.savefig(path, dpi=150)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", type=Path, default=Path("scenarios/r2.yaml"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--out", type=Path, default=Path("runs/learning"), help="where the runs go")
    parser.add_argument("--collect", type=Path, nargs="+", help="finished runs to read instead of training")
    parser.add_argument("--classical", type=Path, help="raw file of the paper's grid with more classical policies")
    parser.add_argument("--name", help="of the files in benchmarks/results (default: SCENARIO_METHOD)")
    parser.add_argument("--note", default="", help="what else a reader must know, e.g. what the machine did beside it")
    parser.add_argument("options", nargs="*", help="further arguments of pmarl-train, e.g. train.threads=1")
    args = parser.parse_args()
    folders = args.collect or train_seeds(args.scenario, args.seeds, args.out, args.options)
    runs = [read_run(folder) for folder in folders]
    seeds = " ".join(str(run["evaluation"]["training_seed"]) for run in runs)
    result = record(runs, f"python -m benchmarks.learning --scenario {args.scenario} --seeds {seeds}")
    result["note"] = args.note
    if args.classical:
        add_classical(result, args.classical)
    name = args.name or f"{args.scenario.stem}_{result['method']}"
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=2) + "\n")
    (RESULTS / f"{name}.md").write_text(markdown(name, result))
    draw(runs, result, RESULTS / f"{name}.png")
    print(markdown(name, result))


if __name__ == "__main__":
    main()
