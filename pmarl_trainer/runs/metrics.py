"""What a run writes while it learns: one row a rollout, to metrics.csv and tensorboard."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pmarl_trainer.config.schema import TrainConfig

#: rollout_cost: mean over rows, warm-up included, exploring policy. evaluation: mean cost (or return) on the fixed
#: paths, greedy policy; evaluation_ratio: that over the yardstick's. entropy: as a share of ln|A|, mean over agents.
COLUMNS = (
    "rollout",
    "episodes",
    "updates",
    "seconds",
    "rollout_cost",
    "critic_loss",
    "policy_loss",
    "entropy",
    "q",
    "alpha",
    "critic_gradient",
    "policy_gradient",
    "evaluation",
    "evaluation_ratio",
)


class MetricLog:
    """Appends rows to the files of a run folder. Resuming cuts off what the interrupted run wrote after its checkpoint.

    Use as a context manager.
    """

    def __init__(self, folder: Path, config: TrainConfig, rollout: int) -> None:
        """`rollout`: how many rollouts the run has behind it (0: a new run)."""
        self._csv: Any = None
        self._board: Any = None
        if "csv" in config.loggers:
            path = folder / "metrics.csv"
            kept = [row for row in read_metrics(path) if row["rollout"] <= rollout]
            self._csv = path.open("w", newline="", encoding="utf-8")
            self._writer = csv.DictWriter(self._csv, COLUMNS)
            self._writer.writeheader()
            for row in kept:
                self._write_row(row)
        if "tensorboard" in config.loggers:
            from torch.utils.tensorboard import SummaryWriter

            self._board = SummaryWriter(folder / "tensorboard", purge_step=rollout + 1)

    def __enter__(self) -> MetricLog:
        return self

    def __exit__(self, *_: object) -> None:
        for file in (self._csv, self._board):
            if file is not None:
                file.close()

    def write(self, row: Mapping[str, float]) -> None:
        """One rollout's numbers, a subset of COLUMNS."""
        if self._csv is not None:
            self._write_row(row)
            self._csv.flush()
        if self._board is not None:
            for name, value in row.items():
                if name != "rollout":
                    self._board.add_scalar(name, value, int(row["rollout"]))

    def _write_row(self, row: Mapping[str, float]) -> None:
        self._writer.writerow({name: f"{value:.8g}" for name, value in row.items()})


def read_metrics(path: Path) -> list[dict[str, float]]:
    """The rows of a metrics.csv, empty fields left out; none where there is no such file."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]
