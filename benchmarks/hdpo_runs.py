"""Runs of method hdpo, one a cell of a benchmark: trained where they are not there yet, resumed where interrupted."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from benchmarks import REPOSITORY
from pmarl_trainer.config.files import read_config
from pmarl_trainer.config.schema import RunConfig
from pmarl_trainer.runs.facts import load_config
from pmarl_trainer.runs.run_folder import resume_run, start_run

RESULTS = Path(__file__).parent / "results"
NETWORKS = ("bg", "r1", "r2", "r3")
MAIN_LEAD_TIME = 2


def trained(folder: Path, network: str, lead_time: int, settings: Mapping[str, str]) -> RunConfig:
    """The configuration of the cell's finished run; trains it, on one thread, if need be."""
    given = {"threads": "1", "loggers": "[csv]", **settings}
    overrides = [f"train.{key}={value}" for key, value in given.items()]
    overrides.append(f"env.shipment_lead_time={lead_time}")
    if not (folder / "config.json").exists():
        config = read_config(REPOSITORY / "scenarios" / f"{network}.yaml", overrides, method="hdpo")
        start_run(config, folder, quiet=True)
    elif not (folder / "evaluation.json").exists():
        resume_run(folder, quiet=True)
    return load_config(folder)


def command_line(description: str | None, runs: str) -> argparse.ArgumentParser:
    """What every benchmark of such runs is asked: where, for how long a way, and whether to train at all."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", default=NETWORKS, type=lambda text: text.split(","))
    parser.add_argument("--lead-times", default=(1, 2, 3), type=lambda text: [int(word) for word in text.split(",")])
    parser.add_argument("--finished", action="store_true", help="train nothing, report the runs that are there")
    parser.add_argument("--runs", default=Path(runs), type=Path)
    parser.add_argument("--out", default=RESULTS, type=Path)
    return parser
