"""Reading a CSV file of past demand: one line per period, one column per retailer, and perhaps when each period was."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from scenv.errors import ScenarioError, did_you_mean, shown
from scenv.network.csv_table import CsvTable, TableError, read_table
from scenv.network.rows import MAX_NUMBER
from scenv.scenario.demand.time_column import Calendar, calendar_of, time_columns
from scenv.scenario.fields import FieldError
from scenv.scenario.text import read_text

__all__ = ["MAX_BYTES", "Missing", "read_series"]

MAX_BYTES = 16 * 2**20
_MAX_PERIODS = 1_000_000

#: What a period is that the dates jump over, and an empty cell: a refusal, no demand, the demand of the period before;
#: or (dates only) no period at all, as weekends of a shop that closes.
Missing = Literal["error", "zero", "previous", "skip"]


def read_series(
    file: str | Path,
    wanted: Sequence[str] | None = None,
    date_column: str | None = None,
    missing: Missing = "error",
) -> dict[str, np.ndarray]:
    """The columns of a demand file, from the earliest period to the latest.

    Args:
        file: path.
        wanted: the columns to read; all but those that say when by default.
        date_column: the column that says when; by default the one with dates, or with a name like `period`.
        missing: see `Missing`.

    Returns:
        Column name -> [T] float64 units.

    Raises:
        FieldError: naming the file, and the line and column where something is wrong.
    """
    try:
        table = read_table(read_text(file, MAX_BYTES))
    except ScenarioError as error:
        raise FieldError(str(error)) from None
    except TableError as error:
        raise FieldError(f"{file}: {error}") from None
    try:
        return _series(table, wanted, date_column, missing)
    except FieldError as error:
        raise FieldError(f"{file}: {error.message}") from None


def _series(
    table: CsvTable, wanted: Sequence[str] | None, date_column: str | None, missing: Missing
) -> dict[str, np.ndarray]:
    for name in (*(wanted or ()), *(() if date_column is None else (date_column,))):
        if name not in table.header:
            raise FieldError(f"has no column {shown(name)}{did_you_mean(name, table.header)}")
    when = time_columns(table, wanted or ())
    read = [name for name in table.header if (name in wanted if wanted else name not in when and name != date_column)]
    if not read:
        raise FieldError(f"has no column of demand, only {', '.join(filter(None, table.header))}")
    calendar = _calendar(table, when, date_column, must_be_read=not wanted)
    demand = np.column_stack([_numbers(table, name, missing) for name in read])
    if calendar is not None:
        demand = _one_line_per_period(demand, calendar, missing)
    demand = _filled(demand, missing)
    return {name: demand[:, k].copy() for k, name in enumerate(read)}


def _calendar(table: CsvTable, when: list[str], date_column: str | None, must_be_read: bool) -> Calendar | None:
    """The times of the lines; None where the file does not say."""
    if date_column is None and not when:
        return None
    name = when[0] if date_column is None else date_column
    cells = table.column(name)
    calendar = calendar_of(cells)
    if calendar is None:
        if date_column is None and not must_be_read:
            return None
        wrong = bisect_left(range(1, len(cells) + 1), True, key=lambda length: calendar_of(cells[:length]) is None)
        raise FieldError(
            f"column {shown(name)}: data line {wrong + 1} is no date or number of a period, or not written as "
            f"those above: {shown(cells[wrong])}; write dates as 2024-01-31, all in one way"
        )
    if date_column is None and name != "" and len(set(calendar.times)) < len(cells) and len(when) > 1:
        raise FieldError(
            f"columns {' and '.join(map(shown, when))} say when only together; write one column with dates, "
            "or name the one that counts periods in date_column"
        )
    return calendar


def _numbers(table: CsvTable, name: str, missing: Missing) -> np.ndarray:
    """A column's demand [T]; NaN for an empty cell, where there is a rule for these."""
    cells = table.column(name)
    values = np.array([table.number(cell) for cell in cells])
    good = (values >= 0) & (values <= MAX_NUMBER)
    if missing in ("zero", "previous"):
        good |= np.array([cell == "" for cell in cells])
    if not good.all():
        line = int(np.argmin(good))
        raise FieldError(
            f"data line {line + 1}, column {shown(name)}: must be a finite number from 0 to {MAX_NUMBER:g}, "
            f"got {shown(cells[line])}"
        )
    return values


def _one_line_per_period(demand: np.ndarray, calendar: Calendar, missing: Missing) -> np.ndarray:
    """Demand [T, K] in the order of time, with a line of NaN for every period that the file jumps over.

    The shortest time between two lines is a period.
    """
    times = np.array(calendar.times)
    order = np.argsort(times, kind="stable")
    times, demand = times[order], demand[order]
    steps = np.diff(np.array(calendar.times))
    if missing == "skip" and calendar.counts and not ((steps > 0).all() or (steps < 0).all()):
        line = int(np.argmin(steps > 0)) + 2
        raise FieldError(f"data line {line} counts anew; write dates, which say in what order the lines are")
    gaps = np.diff(times)
    if (gaps == 0).any():
        at = int(np.argmax(gaps == 0))
        raise FieldError(
            f"{calendar.show(int(times[at]))} stands twice, in data lines {order[at] + 1} and {order[at + 1] + 1}; "
            "expected one line for each period"
        )
    if missing == "skip" or len(gaps) == 0 or (gaps == gaps[0]).all():
        return demand
    period = int(gaps.min())
    if (gaps % period).any():
        at = int(np.argmax(gaps % period > 0))
        raise FieldError(
            f"{calendar.show(int(times[at + 1]))} in data line {order[at + 1] + 1} does not follow "
            f"{calendar.show(int(times[at]))} by a whole number of periods; say missing: skip if lines are periods"
        )
    if missing == "error":
        at = int(np.argmax(gaps > period))
        first, last = calendar.show(int(times[at]) + period), calendar.show(int(times[at + 1]) - period)
        span = f"{first} is" if first == last else f"{first} to {last} are"
        raise FieldError(
            f"{span} missing before data line {order[at + 1] + 1}; add these lines, or say what they are with "
            "missing: zero (no demand), previous (as in the period before) or skip (no periods)"
        )
    position = (times - times[0]) // period
    if position[-1] >= _MAX_PERIODS:
        raise FieldError(f"more than {_MAX_PERIODS} periods lie between its first and its last line")
    complete = np.full((int(position[-1]) + 1, demand.shape[1]), np.nan)
    complete[position] = demand
    return complete


def _filled(demand: np.ndarray, missing: Missing) -> np.ndarray:
    """Demand [T, K] with a number in place of every NaN."""
    if missing == "zero":
        return np.nan_to_num(demand, nan=0.0)
    if missing == "previous":
        if np.isnan(demand[0]).any():
            raise FieldError("missing: previous needs a number in the first period of every column")
        latest = np.maximum.accumulate(np.where(np.isnan(demand), 0, np.arange(len(demand))[:, None]), axis=0)
        return np.take_along_axis(demand, latest, axis=0)
    return demand
