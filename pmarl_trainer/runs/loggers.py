"""Where a run's numbers go while it learns: metrics.csv, tensorboard, wandb, mlflow. The names are the same in all."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pmarl_trainer.config.schema import RunConfig
from pmarl_trainer.errors import TrainerError
from pmarl_trainer.runs.metrics import MetricsFile
from pmarl_trainer.training.observer import Beginning, Observer, Rollout


class TensorboardLogger(Observer):
    """Event files in the run's folder tensorboard/; what an interrupted run wrote too much is purged."""

    def begin(self, beginning: Beginning) -> None:
        """Open the log."""
        from torch.utils.tensorboard import SummaryWriter

        self._board = SummaryWriter(beginning.folder / "tensorboard", purge_step=beginning.rollout + 1)

    def rollout(self, rollout: Rollout) -> None:
        """Write its numbers."""
        for name, value in _metrics(rollout).items():
            self._board.add_scalar(name, value, rollout.number)

    def end(self) -> None:
        """Close the log."""
        self._board.close()


class WandbLogger(Observer):
    """A run of Weights & Biases below the run's folder: offline, unless the variable WANDB_MODE says otherwise."""

    def begin(self, beginning: Beginning) -> None:
        """Open the log; a resumed run goes on under the same id."""
        import wandb

        folder, train = beginning.folder.resolve(), beginning.config.train
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", "pmarl"),
            name=folder.name,
            id=_stable_id(folder),
            resume="allow",
            dir=str(folder),
            mode=None if "WANDB_MODE" in os.environ else "offline",
            config=beginning.config.model_dump(mode="json"),
            tags=[train.method],
        )

    def rollout(self, rollout: Rollout) -> None:
        """Write its numbers."""
        self._run.log(_metrics(rollout), step=rollout.number)

    def end(self) -> None:
        """Close the log."""
        self._run.finish()


class MlflowLogger(Observer):
    """A run of MLflow in the run's folder mlruns/, unless the variable MLFLOW_TRACKING_URI says otherwise."""

    def begin(self, beginning: Beginning) -> None:
        """Open the log; a resumed run goes on in the same one."""
        # Newer versions ask for a database; files need no server and no further package. Read when mlflow is loaded.
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
        from mlflow import MlflowClient

        folder, train = beginning.folder.resolve(), beginning.config.train
        self._client = MlflowClient(os.environ.get("MLFLOW_TRACKING_URI", (folder / "mlruns").as_uri()))
        found = self._client.get_experiment_by_name("pmarl")
        experiment = self._client.create_experiment("pmarl") if found is None else found.experiment_id
        tags = {"mlflow.runName": folder.name, "pmarl.folder": _stable_id(folder)}
        earlier = self._client.search_runs([experiment], f"tags.`pmarl.folder` = '{tags['pmarl.folder']}'")
        if earlier:
            self._run = earlier[0].info.run_id
            return
        self._run = self._client.create_run(experiment, tags=tags).info.run_id
        for name, value in train.model_dump(mode="json").items():
            self._client.log_param(self._run, name, str(value)[:500])

    def rollout(self, rollout: Rollout) -> None:
        """Write its numbers."""
        for name, value in _metrics(rollout).items():
            self._client.log_metric(self._run, name, value, step=rollout.number)

    def end(self) -> None:
        """Close the log."""
        self._client.set_terminated(self._run)


#: Name -> (maker, the module that it needs).
_LOGGERS: Mapping[str, tuple[Callable[[], Observer], str | None]] = {
    "csv": (MetricsFile, None),
    "tensorboard": (TensorboardLogger, "tensorboard"),
    "wandb": (WandbLogger, "wandb"),
    "mlflow": (MlflowLogger, "mlflow"),
}


def make_loggers(config: RunConfig) -> list[Observer]:
    """The configured loggers."""
    check_loggers(config.train.loggers)
    return [_LOGGERS[name][0]() for name in config.train.loggers]


def check_loggers(names: Sequence[str]) -> None:
    """Refuse a logger whose library is missing.

    Raises:
        TrainerError: one line that says what to install.
    """
    for name in names:
        module = _LOGGERS[name][1]
        if module is not None and importlib.util.find_spec(module) is None:
            extra = "train" if name == "tensorboard" else name
            raise TrainerError(
                f'train.loggers: {name} needs the package {module}: pip install "scenv[{extra}]", or leave it out'
            )


def _metrics(rollout: Rollout) -> dict[str, float]:
    return {name: float(value) for name, value in rollout.metrics.items() if name != "rollout"}


def _stable_id(folder: Path) -> str:
    """The same for every session of a run, and another for every other run."""
    path = folder / "run_id.txt"
    if not path.exists():
        path.write_text(os.urandom(8).hex(), encoding="ascii")
    return path.read_text(encoding="ascii").strip()
