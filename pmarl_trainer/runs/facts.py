"""config.json and run.json: what a run is, and where, when and with what it was started."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pmarl_trainer.config.files import build_config
from pmarl_trainer.config.schema import RunConfig
from pmarl_trainer.env_api.protocol import EnvSpec
from pmarl_trainer.errors import CheckpointError
from pmarl_trainer.learners.graph import groups, neighbour_mask
from pmarl_trainer.runs.report import write_json


def load_config(folder: Path) -> RunConfig:
    """The resolved configuration of a run."""
    path = folder / "config.json"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{folder}: not the folder of a run (config.json cannot be read)") from error
    return build_config(document, str(path))


def describe_run(config: RunConfig, spec: EnvSpec, folder: Path) -> None:
    """Write the resolved configuration; what the environment is; where, when and with what the run was started."""
    versions = {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__}
    package = config.env.entry.partition(":")[0].partition(".")[0]
    for name in {"scenv", package}:  # the distribution that holds this trainer, and the environment's
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    machine = {"platform": platform.platform(), "processor": platform.machine(), "cpu_count": os.cpu_count()}
    machine |= {"torch_threads": torch.get_num_threads(), "cuda": torch.cuda.is_available()}
    started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    facts = {"command": sys.argv, "started": started, "environment": _environment(spec)}
    write_json(folder / "run.json", {**facts, "versions": versions, "machine": machine})
    write_json(folder / "config.json", config.model_dump(mode="json"))  # last: with it the folder is a run's


def _environment(spec: EnvSpec) -> dict[str, Any]:
    return {
        "agents": len(spec.agents),
        "names": list(spec.agents),
        "observation_size": spec.observation_size,
        "num_actions": spec.num_actions.tolist(),
        "pairs_of_neighbours": int(neighbour_mask(spec.adjacency, "neighbours").sum()) // 2,
        "groups": int(groups(spec.adjacency).max()) + 1,
        "reward_delay": spec.reward_delay.tolist(),
        "steps_of_an_episode": spec.max_steps,
    }
