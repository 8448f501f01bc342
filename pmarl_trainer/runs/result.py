"""What came of a training run: read from its folder when asked for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pmarl_trainer.config.schema import RunConfig
from pmarl_trainer.runs import seed_group
from pmarl_trainer.runs.facts import load_config
from pmarl_trainer.runs.metrics import read_metrics


@dataclass(frozen=True)
class TrainingResult:
    """A run, or the runs of several seeds, in a folder.

    Attributes:
        folder: where everything is.
        finished: False if it was stopped before its end; `pmarl_trainer.resume(folder)` goes on.
    """

    folder: Path
    finished: bool

    @cached_property
    def runs(self) -> tuple[TrainingResult, ...]:
        """One result for each seed; for a single run, itself."""
        places = seed_group.folders(self.folder)
        if places is None:
            return (self,)
        return tuple(TrainingResult(place, (place / "evaluation.json").exists()) for place in places)

    @property
    def config(self) -> RunConfig:
        """The resolved configuration (of the first seed)."""
        return load_config(self.runs[0].folder)

    @property
    def metrics(self) -> list[dict[str, float]]:
        """metrics.csv: a mapping for every rollout (of the first seed)."""
        return read_metrics(self.runs[0].folder / "metrics.csv")

    @property
    def evaluation(self) -> dict[str, Any]:
        """evaluation.json of a single run, summary.json of several seeds: empty until it is finished."""
        name = "evaluation.json" if self.runs == (self,) else "summary.json"
        path = self.folder / name
        if not path.exists():
            return {}
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return document

    @property
    def mean(self) -> float | None:
        """The learned policies' mean cost (or return) in the final evaluation, over the seeds; None until then."""
        return self._mean_of("mean")

    @property
    def ratio(self) -> float | None:
        """That cost over the first baseline's (base-stock's) on the same paths; None where there is none."""
        return self._mean_of("ratio")

    @property
    def report(self) -> Path:
        """The page for people."""
        return self.folder / "report.html"

    def _mean_of(self, name: str) -> float | None:
        values = [run.evaluation["policies"][run.evaluation["method"]][name] for run in self.runs if run.evaluation]
        known = [value for value in values if value is not None]
        return sum(known) / len(known) if known and len(known) == len(self.runs) else None
