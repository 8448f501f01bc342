"""The final evaluation of a run: its policies and the environment's baselines on the same paths."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pmarl_trainer.config.schema import RunConfig
from pmarl_trainer.env_api.protocol import EnvSpec
from pmarl_trainer.learners.evaluation import Outcome, play_baselines
from pmarl_trainer.runs import report
from pmarl_trainer.runs.html_report import write_html
from pmarl_trainer.runs.learning_curve import draw_learning_curve
from pmarl_trainer.runs.marl_eval import marl_eval_record
from pmarl_trainer.training import checkpoint
from pmarl_trainer.training.methods import make_learner
from pmarl_trainer.training.run_checkpoints import checkpoint_path, read_checkpoint
from pmarl_trainer.training.setup import open_env, prepare_torch


def evaluate_run(
    config: RunConfig,
    folder: Path,
    *,
    episodes: int | None = None,
    seed: int | None = None,
    which: str = "best",
    out: Path | None = None,
    quiet: bool = False,
    table: bool = True,
    **facts: Any,
) -> dict[str, Any]:
    """Evaluate a run's checkpoint and the environment's baselines on the same paths: write the JSON and, unless it goes
    elsewhere, the run's report, then print the table.

    Args:
        config: the run's.
        folder: the run's.
        episodes, seed: instead of the configuration's `final_episodes` and `evaluation_seed`.
        which: "best", "last" or the number of a kept rollout.
        out: where to write, instead of the folder's evaluation.json.
        quiet: do not say what could not be drawn.
        table: print the table.
        **facts: more entries for the JSON.
    """
    cfg = config.train
    episodes, seed = episodes or cfg.final_episodes, cfg.evaluation_seed if seed is None else seed
    device = prepare_torch(cfg)
    env, spec = open_env(config, episodes, seed)
    learner, path = make_learner(spec, cfg, device), checkpoint_path(folder, which)
    tensors, state = read_checkpoint(path, spec, cfg, device)
    checkpoint.load_learner(path, learner, tensors, policy_only=True)
    baselines = play_baselines(env, seed)
    outcomes: dict[str, Outcome] = {cfg.method: learner.play(env, seed), **baselines}
    baseline = next(iter(baselines), None)
    record = {
        "method": cfg.method,
        "training_seed": cfg.seed,
        "env": config.env.model_dump(mode="json"),
        "checkpoint": which,
        "best_rollout": state.best_rollout,
        "evaluation_episodes": episodes,
        "evaluation_seed": seed,
        **facts,
        **report.evaluation_record(outcomes, spec.agents, baseline),
    }
    if out is not None:
        report.write_json(out, record)
    else:
        _write_files(config, folder, record, spec, quiet=quiet)
    if table:
        what, same = outcomes[cfg.method].metric, "the same paths for every policy" if baselines else f"seed {seed}"
        report.print_table(outcomes, baseline, f"{folder.resolve().name}: mean {what} of {episodes} episodes, {same}")
    return record


def _write_files(config: RunConfig, folder: Path, record: dict[str, Any], spec: EnvSpec, *, quiet: bool) -> None:
    """evaluation.json and all that is made of it."""
    path = folder / "evaluation.json"
    if path.is_file():  # evaluated again: how the run went stays known
        earlier = json.loads(path.read_text(encoding="utf-8"))
        record = {**{name: value for name, value in earlier.items() if name == "training"}, **record}
    report.write_json(path, record)
    report.write_json(folder / "marl_eval.json", marl_eval_record(config, folder, record, spec.max_steps))
    why_not = draw_learning_curve(folder, record)
    if why_not is not None and not quiet:
        print(why_not, file=sys.stderr)
    write_html(folder)
