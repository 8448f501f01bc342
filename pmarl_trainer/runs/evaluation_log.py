"""evaluations.jsonl: every evaluation during training, episode by episode, one line each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_NAME = "evaluations.jsonl"


def append_evaluation(folder: Path, *, rollout: int, episodes: int, seconds: float, totals: Sequence[float]) -> None:
    """Add one evaluation.

    Args:
        folder: the run's.
        rollout, episodes, seconds: how far training was.
        totals: cost or return of each evaluation episode.
    """
    row = {"rollout": rollout, "episodes": episodes, "seconds": round(seconds, 3), "totals": list(totals)}
    with (folder / _NAME).open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def read_evaluations(folder: Path) -> list[dict[str, Any]]:
    """A run's evaluations in order; of a rollout that was trained twice, because the run was interrupted, the later."""
    path = folder / _NAME
    if not path.is_file():
        return []
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return list({row["rollout"]: row for row in sorted(rows, key=lambda row: row["rollout"])}.values())
