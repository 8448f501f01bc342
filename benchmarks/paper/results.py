"""The grid's raw files, read and checked: what the report is made from, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from benchmarks.paper.design import ABLATIONS, BUDGETS, CLASSICAL, EVALUATION_EPISODES, LEAD_TIMES, METHODS, NETWORKS
from benchmarks.paper.errors import UsageError

#: MAAC, PMaRL and FV: the paper's.
PAPER_METHODS = ("maac", "pmarl", "fv")
YARDSTICK = "hdpo"

Number = Annotated[float, Field(allow_inf_nan=False)]
Costs = Annotated[list[Number], Field(min_length=EVALUATION_EPISODES, max_length=EVALUATION_EPISODES)]
Provenance = dict[str, str | int]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


_R = TypeVar("_R", bound=_Record)


class TrainedCell(_Record):
    """Which cell a training run was."""

    network: str
    lead_time: int
    method: str
    seed: int
    budget: str


class ClassicalCell(_Record):
    """Which scenario the classical policies were evaluated on."""

    network: str
    lead_time: int


class Curve(_Record):
    """Evaluations while training: `ratio` to base-stock after so many episodes."""

    episodes: list[int]
    ratio: list[Number]


class Training(_Record):
    """How much training it was."""

    rollouts: int
    updates: int
    seconds: Number
    episodes: int


class TrainedRecord(_Record):
    """One training run: its cost on every evaluation path."""

    cell: TrainedCell
    costs: Costs
    curve: Curve
    training: Training
    provenance: Provenance


class ClassicalRecord(_Record):
    """Every classical policy's cost on the same paths."""

    cell: ClassicalCell
    costs: dict[str, Costs]
    provenance: Provenance


class TimingRow(_Record):
    """Figure 7: one method on one network, a number for each repeat."""

    network: str
    nodes: int
    method: str
    seconds_per_episode: Annotated[list[Number], Field(min_length=1)]


class TimingRecord(_Record):
    """Figure 7, all of it, measured in one run."""

    rows: list[TimingRow]
    clock: str
    provenance: Provenance


@dataclass(frozen=True)
class Results:
    """All raw files.

    Attributes:
        trained: by (budget, network, lead time, method, seed).
        classical: by (network, lead time).
        timing: Figure 7's measurement, if there is one.
    """

    trained: Mapping[tuple[str, str, int, str, int], TrainedRecord]
    classical: Mapping[tuple[str, int], ClassicalRecord]
    timing: TimingRecord | None

    @cached_property
    def places(self) -> list[tuple[str, int]]:
        """The (network, lead time) of which anything is known, in the paper's order."""
        known = {(network, lead) for _, network, lead, _, _ in self.trained} | set(self.classical)
        return [(network, lead) for network in NETWORKS for lead in LEAD_TIMES if (network, lead) in known]

    def budget(self, network: str, lead_time: int) -> str | None:
        """The budget that the report takes here: the largest of those with the most of the paper's three methods."""
        counts = {
            budget: sum(bool(self.runs(network, lead_time, method, budget)) for method in PAPER_METHODS)
            for budget in BUDGETS
        }
        best = max(counts.values())
        return None if best == 0 else [budget for budget, count in counts.items() if count == best][-1]

    def runs(self, network: str, lead_time: int, method: str, budget: str | None = None) -> list[TrainedRecord]:
        """A method's training runs, by seed; of the report's budget unless another is named."""
        budget = budget or self.budget(network, lead_time)
        chosen = (budget, network, lead_time, method)
        return [record for key, record in sorted(self.trained.items()) if key[:4] == chosen]

    def costs(self, network: str, lead_time: int, policy: str) -> np.ndarray | None:
        """[seeds, paths] of a method, [1, paths] of a classical policy; None if there is no such file."""
        if policy in CLASSICAL:
            record = self.classical.get((network, lead_time))
            return None if record is None else np.array([record.costs[policy]])
        runs = self.runs(network, lead_time, policy)
        return np.array([run.costs for run in runs]) if runs else None


def read_results(raw: Path) -> Results:
    """Read every raw file below `raw`.

    Raises:
        UsageError: names the file and what is wrong with it.
    """
    trained, classical = {}, {}
    for budget in BUDGETS:
        for path in sorted((raw / budget).glob("*.json")):
            record = _read(path, TrainedRecord)
            cell = record.cell
            _expect_name(path, f"{cell.network}-{cell.lead_time}-{cell.method}-s{cell.seed}", cell.budget)
            _expect_known(path, cell.network, cell.lead_time)
            if cell.method not in (*METHODS, *ABLATIONS):
                raise UsageError(f"{path}: unknown method {cell.method!r}")
            if len(record.curve.episodes) != len(record.curve.ratio):
                raise UsageError(f"{path}: curve.episodes and curve.ratio must be of the same length")
            trained[cell.budget, cell.network, cell.lead_time, cell.method, cell.seed] = record
    for path in sorted((raw / "classical").glob("*.json")):
        known = _read(path, ClassicalRecord)
        _expect_name(path, f"{known.cell.network}-{known.cell.lead_time}", "classical")
        _expect_known(path, known.cell.network, known.cell.lead_time)
        missing = [name for name in CLASSICAL if name not in known.costs]
        if missing:
            raise UsageError(f"{path}: costs has no {missing[0]!r}")
        classical[known.cell.network, known.cell.lead_time] = known
    timing = raw / "timing.json"
    if not trained and not classical and not timing.exists():
        raise UsageError(f"{raw}: expected raw files of the grid, found none")
    return Results(trained, classical, _read(timing, TimingRecord) if timing.exists() else None)


def provenances(results: Results) -> Iterator[Provenance]:
    """Where every raw file comes from."""
    yield from (record.provenance for record in results.trained.values())
    yield from (record.provenance for record in results.classical.values())
    if results.timing is not None:
        yield results.timing.provenance


def _read(path: Path, model: type[_R]) -> _R:
    try:
        return model.model_validate_json(path.read_text(encoding="utf-8"))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise UsageError(f"{path}: {where}: {first['msg']}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read ({error})") from None


def _expect_name(path: Path, stem: str, folder: str) -> None:
    if (path.stem, path.parent.name) != (stem, folder):
        raise UsageError(f"{path}: holds the cell {folder}/{stem}, so it must be called {folder}/{stem}.json")


def _expect_known(path: Path, network: str, lead_time: int) -> None:
    if network not in NETWORKS or lead_time not in LEAD_TIMES:
        raise UsageError(f"{path}: the grid has no network {network!r} with lead time {lead_time}")
