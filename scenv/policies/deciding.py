"""What would this firm order now? An exported policy on the firm's own last periods, outside of any simulation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scenv.errors import ScenarioError, did_you_mean, shown
from scenv.network.csv_table import TableError, read_table
from scenv.policies.firm_policy import FirmPolicy
from scenv.scenario.demand.layout import calendar_of_column
from scenv.scenario.demand.time_column import time_columns
from scenv.scenario.fields import FieldError
from scenv.simulation.observation import LOCAL_STATE_FIELDS, LOCAL_STATE_SIZE
from scenv.text_file import named, read_text

__all__ = ["Decision", "decide", "history_template", "read_firm"]

_MAX_BYTES = 2**20
#: Beyond so many deviations of what a policy was trained on, its decision is a guess.
_FAR = 5.0


@dataclass(frozen=True, eq=False)
class Decision:
    """What a firm's policy decides on a history, and how sure it was.

    Attributes:
        agent: the firm.
        history: [m + 1, 5] units, what it saw: backorder, on hand, on order, received, demand, oldest period first.
        adjustments: [A] what it may add to the demand of the last period.
        probabilities: [A] of each; the most probable is taken.
        adjustment: that one.
        order: max(0, demand + adjustment), units.
        far_from_training: (periods back, field, deviations) of numbers unlike those that the policy was trained on.
    """

    agent: str
    history: np.ndarray
    adjustments: np.ndarray
    probabilities: np.ndarray
    adjustment: float
    order: float
    far_from_training: tuple[tuple[int, str, float], ...]


def decide(policy: str | Path | FirmPolicy, history: Any) -> Decision:
    """The order of one firm now, from its own last periods; numpy alone, no torch.

    Args:
        policy: what `pmarl-export` wrote for the firm, FOLDER/NAME or FOLDER/NAME.json; or a `FirmPolicy`.
        history: the path of a CSV file with the columns backorder, on_hand, on_order, received, demand and a line for
            each period; or an array [T, 5] of these, oldest first. The latest m + 1 periods count.

    Returns:
        The decision: the same as in the simulator for the same observation.

    Raises:
        ScenarioError: naming the file, its line and column, and what was expected.
    """
    firm = policy if isinstance(policy, FirmPolicy) else read_firm(policy)
    periods = _periods(firm)
    if isinstance(history, str | Path):
        label, rows = named(history), _read_history(Path(history))
    else:
        label, rows = "history", _as_rows(history)
    if len(rows) < periods:
        raise ScenarioError(
            f"{label}: holds {len(rows)} periods, and the policy of {firm.agent!r} looks back {periods}; "
            "give those before too (zeros where the firm did not exist)"
        )
    seen = rows[-periods:]
    observation = seen.reshape(-1).astype(np.float32)
    logits = np.asarray(firm.logits(observation), dtype=np.float64)
    weights = np.exp(logits - logits.max())
    adjustment = float(firm.action_values[int(firm.actions(observation))])
    far = (np.abs(observation - firm.mean) / firm.std).reshape(seen.shape)
    unlike = tuple(
        (periods - 1 - int(t), LOCAL_STATE_FIELDS[int(k)], float(far[t, k])) for t, k in np.argwhere(far > _FAR)
    )
    return Decision(
        agent=firm.agent,
        history=seen,
        adjustments=firm.action_values,
        probabilities=weights / weights.sum(),
        adjustment=adjustment,
        order=max(0.0, float(seen[-1, -1]) + adjustment),
        far_from_training=unlike,
    )


def read_firm(path: str | Path) -> FirmPolicy:
    """The policy of FOLDER/NAME or FOLDER/NAME.json. Raises `ScenarioError`, which names those of a folder."""
    path = Path(path)
    if path.is_dir():
        found = ", ".join(sorted(file.stem for file in path.glob("*.json"))) or "none"
        raise ScenarioError(f"{named(path)}: is a folder; name one firm of it ({found[:300]}), as {path}/NAME")
    file = path if path.suffix == ".json" else path.with_name(f"{path.name}.json")
    if not file.exists() and file.parent.is_dir():
        near = did_you_mean(file.stem, [other.stem for other in file.parent.glob("*.json")])
        raise ScenarioError(f"{named(file)}: no such file{near}; expected what pmarl-export wrote for a firm")
    return FirmPolicy.from_file(file)


def history_template(firm: FirmPolicy) -> str:
    """A CSV text for the firm's last periods, to be filled in."""
    lines = [",".join(("period", *LOCAL_STATE_FIELDS))]
    lines += [f"{period}{',' * LOCAL_STATE_SIZE}" for period in range(1, _periods(firm) + 1)]
    return "\n".join(lines) + "\n"


def _periods(firm: FirmPolicy) -> int:
    if firm.observation_size % LOCAL_STATE_SIZE:
        raise ScenarioError(f"{firm.agent!r} observes {firm.observation_size} numbers; scenv's firms 5 a period")
    return firm.observation_size // LOCAL_STATE_SIZE


def _read_history(path: Path) -> np.ndarray:
    """[T, 5] of a CSV file, by period or date where it has such a column, else as the lines stand."""
    label = named(path)
    try:
        table = read_table(read_text(path, _MAX_BYTES, ScenarioError))
        for field in LOCAL_STATE_FIELDS:
            if field not in table.header:
                raise FieldError(f"has no column {field!r}{did_you_mean(field, table.header)}")
        columns = []
        for field in LOCAL_STATE_FIELDS:
            cells = table.column(field)
            numbers = np.array([table.number(cell) for cell in cells])
            good = np.isfinite(numbers) & (numbers >= 0)
            if not good.all():
                line = int(np.argmin(good))
                raise FieldError(
                    f"line {table.lines[line]}, column {field!r}: must be a number of units of at least 0, "
                    f"got {shown(cells[line])}"
                )
            columns.append(numbers)
        when = time_columns(table, LOCAL_STATE_FIELDS)
        times = np.array(calendar_of_column(table, when[0]).times) if when else np.arange(len(table.rows))
    except (TableError, FieldError) as problem:
        raise ScenarioError(f"{label}: {problem}") from None
    order = np.argsort(times, kind="stable")
    twice = np.flatnonzero(np.diff(times[order]) == 0)
    if len(twice):
        raise ScenarioError(f"{label} line {table.lines[int(order[twice[0] + 1])]}: its period stands there already")
    return np.stack(columns, axis=1)[order]


def _as_rows(history: Any) -> np.ndarray:
    try:
        rows = np.asarray(history, dtype=np.float64)
    except (TypeError, ValueError):
        rows = np.empty(0)
    if rows.ndim != 2 or rows.shape[1] != LOCAL_STATE_SIZE or not np.isfinite(rows).all() or (rows < 0).any():
        raise ScenarioError(f"history: must be numbers of at least 0, [periods, 5] ({', '.join(LOCAL_STATE_FIELDS)})")
    return rows
