"""A run's folder, from its first file to its report: started, gone on with, one process at a time.

config.json and run.json when it starts; evaluation.json, marl_eval.json, learning_curve.png and report.html when it is
done. A run of several seeds has one such folder a seed (`seed_group`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from pmarl_trainer.config.schema import RunConfig
from pmarl_trainer.env_api.protocol import EnvSpec
from pmarl_trainer.errors import CheckpointError, TrainerError
from pmarl_trainer.parties.local_run import check_parties, train_local
from pmarl_trainer.runs import seed_group
from pmarl_trainer.runs.ending import errors_recorded, told_what_is_lost
from pmarl_trainer.runs.evaluate import evaluate_run
from pmarl_trainer.runs.evaluation_log import EvaluationLog
from pmarl_trainer.runs.facts import describe_run, load_config
from pmarl_trainer.runs.lock import NAME as LOCK
from pmarl_trainer.runs.lock import locked
from pmarl_trainer.runs.loggers import check_loggers, make_loggers
from pmarl_trainer.runs.progress import Display
from pmarl_trainer.training.atomic_file import remove_leftovers
from pmarl_trainer.training.loop import train
from pmarl_trainer.training.methods import check_run
from pmarl_trainer.training.observer import Callback, CallbackObserver, Observer
from pmarl_trainer.training.run_checkpoints import checkpoint_path
from pmarl_trainer.training.state import RunState


class FolderTakenError(TrainerError):
    """The folder of a new run is in use."""


def start_run(
    config: RunConfig, folder: Path, *, seeds: int = 1, quiet: bool = False, callbacks: Sequence[Callback] = ()
) -> bool:
    """Train in a new folder and evaluate the result; False if it was interrupted.

    With several `seeds`, runs of the seeds from the configuration's on are trained side by side, each in a process and
    a folder of its own below `folder` (`seed_group`).
    """
    spec = check_start(config, folder)  # what can be refused is refused before the folder is there
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder), told_what_is_lost(folder):
        _refuse_used(folder)  # another process may have been faster
        if seeds > 1:
            seed_group.begin(config, folder, seeds, spec)
            return seed_group.go_on(folder, quiet=quiet, callbacks=callbacks)
        describe_run(config, spec, folder)
        return _train_and_finish(config, folder, quiet=quiet, callbacks=callbacks)


def check_start(config: RunConfig, folder: Path | None = None) -> EnvSpec:
    """Refuse now what `start_run` would refuse; the facts of the environment.

    Raises:
        TrainerError: one line.
    """
    if folder is not None:
        _refuse_used(folder)
    check_loggers(config.train.loggers)
    if config.train.parties != "none":
        check_parties(config)
    if config.train.parties == "processes":
        _train_processes()
    return check_run(config)


def resume_run(folder: Path, *, quiet: bool = False, callbacks: Sequence[Callback] = ()) -> bool:
    """Go on where the folder's last checkpoint stands, or from the beginning; False if it was interrupted."""
    places = seed_group.folders(folder)
    config = load_config(folder) if places is None else None
    if config is not None and (folder / "evaluation.json").exists() and not checkpoint_path(folder, "last").exists():
        raise CheckpointError(f"{checkpoint_path(folder, 'last')}: no such checkpoint, though the run was finished")
    with locked(folder), told_what_is_lost(folder):
        if config is None:
            return seed_group.go_on(folder, quiet=quiet, callbacks=callbacks)
        return _train_and_finish(config, folder, quiet=quiet, callbacks=callbacks)


def _train_processes() -> Callable[..., RunState]:
    """Training in processes, which needs an extra; all other runs go without."""
    try:
        from pmarl_trainer.parties.wire.process_run import train_processes
    except ImportError as error:
        raise TrainerError(f'parties: processes needs {error.name}: pip install "scenv[parties]"') from error
    return train_processes


def _refuse_used(folder: Path) -> None:
    """A folder may be there if there is nothing in it but what a process left that was killed before it began."""
    if not folder.exists():
        return
    if not folder.is_dir() or any(not _leftover(path) for path in folder.iterdir()):
        raise FolderTakenError(f"{folder}: already there and not empty; resume it with --resume, or give another --out")


def _leftover(path: Path) -> bool:
    return path.name == LOCK or (path.name.startswith(".") and path.name.endswith(".tmp"))


def _train_and_finish(config: RunConfig, folder: Path, *, quiet: bool, callbacks: Sequence[Callback]) -> bool:
    display: list[Observer] = [] if quiet else [Display()]
    return run_session(config, folder, [*display, *map(CallbackObserver, callbacks)], quiet=quiet)


def run_session(
    config: RunConfig, folder: Path, observers: Sequence[Observer], *, quiet: bool = False, table: bool = True
) -> bool:
    """Train from where the folder's last checkpoint stands and, once all rollouts are done, evaluate; whether they are.

    The caller holds the folder's lock.
    """
    for place in (folder, folder / "checkpoints"):
        remove_leftovers(place)
    with errors_recorded(config, folder):
        told = [*make_loggers(config), EvaluationLog(), *observers]
        if config.train.parties == "local":
            state = train_local(config, folder, observers=told)
        elif config.train.parties == "processes":
            state = _train_processes()(config, folder, observers=told)
        else:
            state = train(config, folder, resume=True, observers=told)
        if state.rollout < config.train.rollouts:
            return False
        training = {"rollouts": state.rollout, "updates": state.updates, "seconds": round(state.seconds, 1)}
        evaluate_run(config, folder, quiet=quiet, table=table, training=training)
    return True
