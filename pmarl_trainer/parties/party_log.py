"""rollouts.jsonl: a firm's own numbers, one line a rollout. They stay in its folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pmarl_trainer.training.atomic_file import whole_file

_NAME = "rollouts.jsonl"


@dataclass(frozen=True)
class Line:
    """One rollout of one firm.

    Attributes:
        rollout, updates: done so far.
        metrics: the firm's own, by the names of metrics.csv.
        costs: its own cost by episode, if the policies were evaluated.
        best: whether everybody's policies became the best so far.
        seconds: of training so far; lines that differ in this alone are equal.
    """

    rollout: int
    updates: int
    metrics: Mapping[str, float]
    costs: Sequence[float] | None = None
    best: bool = False
    seconds: float = field(default=0.0, compare=False)


def cut_log(folder: Path, rollout: int) -> None:
    """Forget what came after a rollout."""
    kept = [line for line in read_log(folder) if line.rollout <= rollout]
    with whole_file(folder / _NAME) as temporary:
        temporary.write_text("".join(json.dumps(asdict(line)) + "\n" for line in kept), encoding="utf-8")


def write_line(folder: Path, line: Line) -> None:
    """Add a line."""
    with (folder / _NAME).open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(line)) + "\n")


def read_log(folder: Path, after: int = 0) -> list[Line]:
    """The lines of rollouts later than `after` in order; a last one without its end, which a killed process has left,
    does not count.
    """
    path = folder / _NAME
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    found: list[Line] = []
    for text in reversed([line for line in lines if line.endswith("\n")]):  # so that what is known is not parsed again
        line = Line(**json.loads(text))
        if line.rollout <= after:
            break
        found.append(line)
    return found[::-1]
