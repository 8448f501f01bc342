"""One cell of the grid: train or resume, evaluate, and leave a record.

    python -m scenv_paper.cell FOLDER NETWORK LEAD_TIME METHOD SEED BUDGET

A cell's folder holds `run/` (the trainer's own folder), `done.json` (the record; its being there is the done-mark, so
it is written last and renamed into place) and `lock` (held by the process at work, released by the operating system
when that process ends, however it ends).
"""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import filelock

from scenv_paper.design import CLASSICAL, EVALUATION_EPISODES, EVALUATION_SEED, Cell
from scenv_paper.provenance import provenance

#: Exit statuses, besides 0 for done and 1 for an error.
BUSY, INTERRUPTED = 75, 130


def run_cell(cell: Cell, folder: Path) -> int:
    """Do what is left of a cell; 0 when it is done, BUSY if another process is at it, INTERRUPTED after Ctrl-C."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with filelock.FileLock(folder / "lock", timeout=0):
            if (folder / "done.json").exists():
                return 0
            record = _classical(cell) if cell.method == "classical" else _trained(cell, folder / "run")
            if record is None:
                return INTERRUPTED
            write_json(folder / "done.json", record)
            return 0
    except filelock.Timeout:
        return BUSY


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write under a temporary name, then rename: a reader sees the whole file or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    temporary.replace(path)


def _classical(cell: Cell) -> dict[str, Any]:
    """Every classical policy on the evaluation paths; the optimised levels are searched on others."""
    import scenv

    scenario = scenv.load_scenario(cell.network, shipment_lead_time=cell.lead_time)
    costs = {
        name: scenv.evaluate(name, scenario, episodes=EVALUATION_EPISODES, seed=EVALUATION_SEED).episode_costs.tolist()
        for name in CLASSICAL
    }
    command = f"scenv evaluate --scenario {cell.network} --policy {','.join(CLASSICAL)} --seed {EVALUATION_SEED}"
    facts = {"network": cell.network, "lead_time": cell.lead_time}
    return {"cell": facts, "costs": costs, "provenance": _provenance(f"{command} --lead-times {cell.lead_time}")}


def _trained(cell: Cell, run: Path) -> dict[str, Any] | None:
    """Train, or go on; None if interrupted."""
    from pmarl_trainer.config.files import build_config
    from pmarl_trainer.runs.run_folder import resume_run, start_run

    # scenarios/NETWORK.yaml of the repository says the same; an installed package has no such folder.
    scenario = {"env": {"entry": "scenv:vector_env", "scenario": cell.network}}
    if not (run / "evaluation.json").exists():
        if (run / "checkpoints" / "last.safetensors").exists():
            finished = resume_run(run, quiet=True)
        else:
            _clear(run)
            overrides = [*cell.overrides(), "threads=1", "loggers=[csv]"]
            config = build_config(scenario, cell.network, overrides, method=cell.trainer_method(), seed=cell.seed)
            finished = start_run(config, run, quiet=True)
        if not finished:
            return None
    command = ["pmarl-train", "--scenario", f"scenarios/{cell.network}.yaml", "--method", cell.trainer_method()]
    command += ["--seed", str(cell.seed), *cell.overrides()]
    facts = {key: getattr(cell, key) for key in ("network", "lead_time", "method", "seed", "budget")}
    return {"cell": facts, **read_run(run, cell.trainer_method()), "provenance": _provenance(" ".join(command))}


def _clear(run: Path) -> None:
    """Take away what a run left that was stopped before its first checkpoint: there is nothing to go on from."""
    if run.exists():
        for path in sorted(run.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()


def read_run(run: Path, method: str) -> dict[str, Any]:
    """What the record takes from a finished run's folder: costs by path, learning curve, how much training it was."""
    evaluation = json.loads((run / "evaluation.json").read_text(encoding="utf-8"))
    with (run / "metrics.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    evaluated = [row for row in rows if row["evaluation_ratio"]]
    training = {**evaluation["training"], "episodes": int(rows[-1]["episodes"])}
    return {
        "costs": evaluation["policies"][method]["episodes"],
        "curve": {
            "episodes": [int(row["episodes"]) for row in evaluated],
            "ratio": [float(row["evaluation_ratio"]) for row in evaluated],
        },
        "training": training,
    }


def _provenance(command: str) -> dict[str, str | int]:
    return {**provenance(("numpy", "torch", "scenv")), "command": command}


def main() -> None:
    folder, network, lead_time, method, seed, budget = sys.argv[1:]
    sys.exit(run_cell(Cell(network, int(lead_time), method, int(seed), budget), Path(folder)))


if __name__ == "__main__":
    main()
