"""metrics.csv: what a run writes while it learns, one row a rollout."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from pmarl_trainer.training.atomic_file import whole_file
from pmarl_trainer.training.observer import Beginning, Observer, Rollout

#: rollout_cost: mean over rows, warm-up included, exploring policy. evaluation: mean cost (or return) on the fixed
#: paths, greedy policy; evaluation_ratio: that over the baseline's. entropy: as a share of ln|A|, mean over agents.
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


class MetricsFile(Observer):
    """metrics.csv: one row a rollout. A resumed run first cuts off what was written after its checkpoint."""

    def begin(self, beginning: Beginning) -> None:
        """Keep the rows that the checkpoint has seen, and open the file to go on."""
        path = beginning.folder / "metrics.csv"
        kept = [row for row in read_metrics(path) if row["rollout"] <= beginning.rollout]
        with whole_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(map(_texts, kept))
        self._file: IO[str] = path.open("a", newline="", encoding="utf-8")
        self._writer = csv.DictWriter(self._file, COLUMNS)

    def rollout(self, rollout: Rollout) -> None:
        """Add a row."""
        self._writer.writerow(_texts(rollout.metrics))
        self._file.flush()

    def end(self) -> None:
        """Close the file."""
        self._file.close()


def _texts(row: Mapping[str, float]) -> dict[str, str]:
    return {name: f"{value:.8g}" for name, value in row.items()}


def read_metrics(path: Path) -> list[dict[str, float]]:
    """The rows of a metrics.csv, empty fields left out; none where there is no such file.

    A last line without its end, which a killed process has left, does not count.
    """
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    whole = [line for line in lines if line.endswith("\n")]
    return [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(whole)]
