"""Training from Python: `pmarl_trainer.train` and `pmarl_trainer.resume`. The command line calls the same functions."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pmarl_trainer.config.files import build_config, read_config
from pmarl_trainer.config.schema import RunConfig
from pmarl_trainer.runs.progress import environment_name
from pmarl_trainer.runs.result import TrainingResult
from pmarl_trainer.runs.run_folder import FolderTakenError, resume_run, start_run
from pmarl_trainer.training.observer import Callback


def train(
    scenario: str | Path | Mapping[str, Any] | RunConfig,
    *,
    seeds: int = 1,
    out: str | Path | None = None,
    name: str | None = None,
    overrides: Iterable[str] = (),
    env: Mapping[str, Any] | None = None,
    callbacks: Sequence[Callback] = (),
    quiet: bool = False,
    **settings: Any,
) -> TrainingResult:
    """Train agents on an environment, evaluate them against its classical policies, and leave all of it in a folder.

    Args:
        scenario: a scenario file, the name of a built-in scenario ("r2"), a mapping with the sections env and train, or
            a configuration.
        seeds: how many runs, of the seeds from the configuration's on, side by side in processes of their own.
        out: a new folder; otherwise runs/NAME-METHOD-sSEED-N.
        name: instead of the scenario's name.
        overrides: `key=value` texts, as on the command line.
        env: arguments of the environment that win over the scenario's.
        callbacks: each is called with every `Rollout` (its number, metrics, evaluation); one that returns True makes
            the run save and stop.
        quiet: no progress, only the final table.
        **settings: of the section train, e.g. `method="maac", seed=1, rollouts=20`; they win over all others.

    Returns:
        What came of it; `finished` is False if a callback or Ctrl-C has stopped it.

    Raises:
        TrainerError: one line, if something given cannot be used.

    Example:
        >>> import pmarl_trainer
        >>> result = pmarl_trainer.train("bg", rollouts=60, env={"shipment_lead_time": 1})  # doctest: +SKIP
        >>> result.ratio, result.folder  # doctest: +SKIP
        (0.81, PosixPath('runs/bg-pmarl-s0-1'))
    """
    config = _configuration(scenario, overrides, env or {}, settings)
    if out is not None:
        return _started(config, Path(out), seeds, quiet, callbacks)
    if name is None:
        name = Path(scenario).stem if isinstance(scenario, str | Path) else environment_name(config) or "run"
    while True:
        try:
            return _started(config, new_folder(name, config, seeds), seeds, quiet, callbacks)
        except FolderTakenError:  # by a run that was started at the same moment
            continue


def resume(folder: str | Path, *, callbacks: Sequence[Callback] = (), quiet: bool = False) -> TrainingResult:
    """Go on with the run, or the runs of several seeds, in a folder, as if nothing had happened.

    Raises:
        TrainerError: one line, if the folder holds no run or a damaged one.
    """
    finished = resume_run(Path(folder), quiet=quiet, callbacks=callbacks)
    return TrainingResult(Path(folder), finished)


def new_folder(name: str, config: RunConfig, seeds: int = 1) -> Path:
    """A folder below runs/ that is not there yet, e.g. r2-pmarl-s0-1, or r2-pmarl-s0to4-1 for five seeds."""
    train = config.train
    last = f"to{train.seed + seeds - 1}" if seeds > 1 else ""
    stem = re.sub(r"[^\w.-]+", "_", f"{name}-{train.method}-s{train.seed}{last}")
    return next(path for n in itertools.count(1) if not (path := Path("runs") / f"{stem}-{n}").exists())


def _started(config: RunConfig, folder: Path, seeds: int, quiet: bool, callbacks: Sequence[Callback]) -> TrainingResult:
    return TrainingResult(folder, start_run(config, folder, seeds=seeds, quiet=quiet, callbacks=callbacks))


def _configuration(
    scenario: str | Path | Mapping[str, Any] | RunConfig,
    overrides: Iterable[str],
    env: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> RunConfig:
    given = [*overrides, *(f"env.{name}={json.dumps(value)}" for name, value in env.items())]
    if isinstance(scenario, RunConfig):
        if not given and not settings:
            return scenario
        return build_config(scenario.model_dump(mode="json"), "configuration", given, **settings)
    if isinstance(scenario, Mapping):
        return build_config(scenario, "scenario", given, **settings)
    return read_config(Path(scenario), given, **settings)
