"""A run's folder: config.json and run.json when it starts; evaluation.json, marl_eval.json, learning_curve.png and
report.html when it is done. A run of several seeds has one such folder a seed, and seeds.json and summary.json.
"""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pmarl_trainer.config.files import build_config
from pmarl_trainer.config.schema import RunConfig
from pmarl_trainer.env_api.protocol import EnvSpec
from pmarl_trainer.errors import CheckpointError, TrainerError
from pmarl_trainer.learners.evaluation import Outcome, play_baselines
from pmarl_trainer.learners.graph import groups, neighbour_mask
from pmarl_trainer.runs import report, seed_group
from pmarl_trainer.runs.html_report import write_html
from pmarl_trainer.runs.learning_curve import draw_learning_curve
from pmarl_trainer.runs.marl_eval import marl_eval_record
from pmarl_trainer.training import checkpoint
from pmarl_trainer.training.loop import checkpoint_path, open_env, prepare_torch
from pmarl_trainer.training.methods import check_run, make_learner, training_loop


def start_run(config: RunConfig, folder: Path, *, seeds: int = 1, quiet: bool = False) -> bool:
    """Train in a new folder and evaluate the result; False if it was interrupted.

    With several `seeds`, those from the configuration's on are trained, each in a run folder of its own below `folder`
    (`seed_group`).
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise TrainerError(f"{folder}: already there and not empty; resume it with --resume, or give another --out")
    runs = seed_group.members(config, folder, seeds) if seeds > 1 else [(config, folder)]
    spec = check_run(config)  # what can be refused is refused before the folder is there
    for own, place in runs:
        place.mkdir(parents=True, exist_ok=True)
        describe_run(own, spec, place)
    if seeds > 1:
        seed_group.mark(folder, runs)
    return _train_and_finish(runs, folder, resume=False, quiet=quiet)


def resume_run(folder: Path, *, quiet: bool = False) -> bool:
    """Go on where the folder's last checkpoint stands; False if it was interrupted."""
    runs = [(load_config(place), place) for place in seed_group.folders(folder) or [folder]]
    return _train_and_finish(runs, folder, resume=True, quiet=quiet)


def load_config(folder: Path) -> RunConfig:
    """The resolved configuration of a run."""
    path = folder / "config.json"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{folder}: not the folder of a run (config.json cannot be read)") from error
    return build_config(document, str(path))


def describe_run(config: RunConfig, spec: EnvSpec, folder: Path) -> None:
    """Write the resolved configuration; what the environment is; where, when and with what the run was started."""
    report.write_json(folder / "config.json", config.model_dump(mode="json"))
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
    report.write_json(folder / "run.json", {**facts, "versions": versions, "machine": machine})


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


def _train_and_finish(runs: Sequence[tuple[RunConfig, Path]], folder: Path, *, resume: bool, quiet: bool) -> bool:
    for config, place in runs:
        begun = (resume and checkpoint_path(place, "last").exists()) or (len(runs) == 1 and resume)
        state = training_loop(config.train)(config, place, resume=begun, quiet=quiet)
        if state.rollout < config.train.rollouts:
            return False
        training = {"rollouts": state.rollout, "updates": state.updates, "seconds": round(state.seconds, 1)}
        evaluate_run(config, place, quiet=quiet, training=training)
    if len(runs) > 1:
        seed_group.summarise(folder)
    return True


def evaluate_run(
    config: RunConfig,
    folder: Path,
    *,
    episodes: int | None = None,
    seed: int | None = None,
    which: str = "best",
    out: Path | None = None,
    quiet: bool = False,
    **facts: Any,
) -> dict[str, Any]:
    """Evaluate a run's checkpoint and the environment's baselines on the same paths: print the table, write the JSON
    and, unless it goes elsewhere, the run's report.

    Args:
        config: the run's.
        folder: the run's.
        episodes, seed: instead of the configuration's `final_episodes` and `evaluation_seed`.
        which: "best", "last" or the number of a kept rollout.
        out: where to write, instead of the folder's evaluation.json.
        quiet: do not say what could not be drawn.
        **facts: more entries for the JSON.
    """
    cfg = config.train
    episodes, seed = episodes or cfg.final_episodes, cfg.evaluation_seed if seed is None else seed
    device = prepare_torch(cfg)
    env, spec = open_env(config, episodes, seed)
    learner, path = make_learner(spec, cfg, device), checkpoint_path(folder, which)
    tensors, header = checkpoint.load(path, device)
    checkpoint.check_identity(path, header, checkpoint.identity(spec, cfg))
    checkpoint.load_learner(path, learner, tensors, policy_only=True)
    baselines = play_baselines(env, seed)
    outcomes: dict[str, Outcome] = {cfg.method: learner.play(env, seed), **baselines}
    yardstick = next(iter(baselines), None)
    record = {
        "method": cfg.method,
        "training_seed": cfg.seed,
        "env": config.env.model_dump(mode="json"),
        "checkpoint": which,
        "best_rollout": header["state"]["best_rollout"],
        "evaluation_episodes": episodes,
        "evaluation_seed": seed,
        **facts,
        **report.evaluation_record(outcomes, spec.agents, yardstick),
    }
    elsewhere, out = out is not None, out or folder / "evaluation.json"
    if not elsewhere and out.is_file():  # evaluated again: how the run went stays known
        record = {**{k: v for k, v in json.loads(out.read_text()).items() if k == "training"}, **record}
    report.write_json(out, record)
    what, same = outcomes[cfg.method].metric, "the same paths for every policy" if baselines else f"seed {seed}"
    report.print_table(outcomes, yardstick, f"{folder.resolve().name}: mean {what} of {episodes} episodes, {same}")
    if not elsewhere:
        _write_report(config, folder, record, spec, quiet=quiet)
    return record


def _write_report(config: RunConfig, folder: Path, record: dict[str, Any], spec: EnvSpec, *, quiet: bool) -> None:
    report.write_json(folder / "marl_eval.json", marl_eval_record(config, folder, record, spec.max_steps))
    why_not = draw_learning_curve(folder, record)
    if why_not is not None and not quiet:
        print(why_not, file=sys.stderr)
    write_html(folder)
