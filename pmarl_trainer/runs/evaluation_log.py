"""evaluations.jsonl: every evaluation during training, episode by episode, one line each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pmarl_trainer.training.atomic_file import whole_file
from pmarl_trainer.training.observer import Beginning, Observer, Rollout

_NAME = "evaluations.jsonl"


class EvaluationLog(Observer):
    """Adds a line {rollout, episodes, seconds, totals} for every evaluation: totals are its episodes' costs or returns.

    A resumed run first cuts off what was written after its checkpoint.
    """

    def begin(self, beginning: Beginning) -> None:
        """Keep the lines that the checkpoint has seen."""
        self._path = beginning.folder / _NAME
        kept = [row for row in read_evaluations(beginning.folder) if row["rollout"] <= beginning.rollout]
        with whole_file(self._path) as temporary:
            temporary.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")

    def rollout(self, rollout: Rollout) -> None:
        """Add a line, if the policies were evaluated."""
        if rollout.evaluation is None:
            return
        row = {
            "rollout": rollout.number,
            "episodes": int(rollout.metrics["episodes"]),
            "seconds": round(rollout.metrics["seconds"], 3),
            "totals": list(rollout.evaluation),
        }
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def read_evaluations(folder: Path) -> list[dict[str, Any]]:
    """A run's evaluations in order. A last line without its end, which a killed process has left, does not count."""
    path = folder / _NAME
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]
