"""The grid's raw files, read and checked: what the report is made from, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Self, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from scenv_paper.design import ABLATIONS, BUDGETS, CLASSICAL, EVALUATION_EPISODES, LEAD_TIMES, METHODS, NETWORKS
from scenv_paper.errors import UsageError

#: MAAC, PMaRL and FV: the paper's.
PAPER_METHODS = ("maac", "pmarl", "fv")
NEAR_OPTIMAL = "hdpo"

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Costs = Annotated[list[Positive], Field(min_length=EVALUATION_EPISODES, max_length=EVALUATION_EPISODES)]
Provenance = dict[str, str | int]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


_R = TypeVar("_R", bound=_Record)


class TrainedCell(_Record):
    """Which cell a training run was. A method that the grid does not know is somebody's own, and in the tables too."""

    network: str
    lead_time: int
    method: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]
    seed: int
    budget: str


class ClassicalCell(_Record):
    """Which scenario the classical policies were evaluated on."""

    network: str
    lead_time: int


class Curve(_Record):
    """Evaluations while training: `ratio` to base-stock after so many episodes."""

    episodes: Annotated[list[int], Field(min_length=1)]
    ratio: list[Positive]

    @model_validator(mode="after")
    def _one_ratio_an_evaluation(self) -> Self:
        if len(self.episodes) != len(self.ratio):
            raise ValueError("episodes and ratio must be of the same length")
        if sorted(set(self.episodes)) != self.episodes:
            raise ValueError("episodes must increase")
        return self


class Training(_Record):
    """How much training it was."""

    rollouts: int
    updates: int
    seconds: Positive
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

    network: Annotated[str, Field(pattern=f"^({'|'.join(NETWORKS)})$")]
    nodes: int
    method: Annotated[str, Field(pattern=f"^({'|'.join(PAPER_METHODS)})$")]
    seconds_per_episode: Annotated[list[Positive], Field(min_length=1)]


class TimingRecord(_Record):
    """Figure 7, all of it, measured in one run."""

    rows: Annotated[list[TimingRow], Field(min_length=1)]
    clock: str
    provenance: Provenance

    @model_validator(mode="after")
    def _methods_took_turns(self) -> Self:
        if len({(row.network, row.method) for row in self.rows}) != len(self.rows):
            raise ValueError("rows must differ in network or method")
        if len({len(row.seconds_per_episode) for row in self.rows}) != 1:
            raise ValueError("seconds_per_episode must be as many in every row, for the methods took turns")
        return self


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

    @cached_property
    def own_methods(self) -> list[str]:
        """Methods that the grid does not know: somebody's own, beside the paper's in the same tables."""
        return sorted({key[3] for key in self.trained} - {*METHODS, *ABLATIONS})

    def seeds(self, network: str, lead_time: int, policy: str) -> int | None:
        """How many training seeds a number rests on; None for a classical policy, which has none."""
        return None if policy in CLASSICAL else len(self.runs(network, lead_time, policy))

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
    trained = dict(_trained(path) for budget in BUDGETS for path in sorted((raw / budget).glob("*.json")))
    classical = dict(_classical(path) for path in sorted((raw / "classical").glob("*.json")))
    timing = raw / "timing.json"
    if not trained and not classical and not timing.exists():
        raise UsageError(f"{raw}: expected raw files of the grid, found none")
    first: dict[tuple[str, str, int, str], TrainedRecord] = {}
    for key, record in sorted(trained.items()):
        other = first.setdefault(key[:4], record)
        if other.curve.episodes != record.curve.episodes:
            names = (raw / one.cell.budget / f"{_stem(one.cell)}.json" for one in (other, record))
            raise UsageError(f"{' and '.join(map(str, names))}: expected the same curve.episodes")
    return Results(trained, classical, _read(timing, TimingRecord) if timing.exists() else None)


def _trained(path: Path) -> tuple[tuple[str, str, int, str, int], TrainedRecord]:
    record = _read(path, TrainedRecord)
    cell = record.cell
    _expect_name(path, _stem(cell), cell.budget)
    _expect_known(path, cell.network, cell.lead_time)
    if cell.method in CLASSICAL:
        raise UsageError(f"{path}: cell.method: {cell.method!r} is a classical policy, and is not trained")
    budget = BUDGETS[cell.budget]
    rollouts = budget.hdpo_rollouts if cell.method == NEAR_OPTIMAL else budget.rollouts
    if cell.method in (*METHODS, *ABLATIONS) and record.training.rollouts != rollouts:
        raise UsageError(
            f"{path}: training.rollouts: the budget {cell.budget!r} is {rollouts} of {cell.method}, "
            f"got {record.training.rollouts}"
        )
    return (cell.budget, cell.network, cell.lead_time, cell.method, cell.seed), record


def _stem(cell: TrainedCell) -> str:
    return f"{cell.network}-{cell.lead_time}-{cell.method}-s{cell.seed}"


def _classical(path: Path) -> tuple[tuple[str, int], ClassicalRecord]:
    record = _read(path, ClassicalRecord)
    cell = record.cell
    _expect_name(path, f"{cell.network}-{cell.lead_time}", "classical")
    _expect_known(path, cell.network, cell.lead_time)
    missing = [name for name in CLASSICAL if name not in record.costs]
    if missing:
        raise UsageError(f"{path}: costs has no {missing[0]!r}")
    return (cell.network, cell.lead_time), record


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
        raise UsageError(f"{path}: {where}: {first['msg'].removeprefix('Value error, ')}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read ({error})") from None


def _expect_name(path: Path, stem: str, folder: str) -> None:
    if (path.stem, path.parent.name) != (stem, folder):
        raise UsageError(f"{path}: holds the cell {folder}/{stem}, so it must be called {folder}/{stem}.json")


def _expect_known(path: Path, network: str, lead_time: int) -> None:
    if network not in NETWORKS or lead_time not in LEAD_TIMES:
        raise UsageError(f"{path}: the grid has no network {network!r} with lead time {lead_time}")
