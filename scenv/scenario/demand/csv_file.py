"""Reading a file of past demand: in any layout, in the order of time, with a rule for what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from scenv.errors import ScenvError, did_you_mean, shown
from scenv.network.csv_table import CsvTable, TableError, read_table
from scenv.network.workbook import WORKBOOKS, sheets_of_workbook
from scenv.scenario.demand.layout import (
    Grid,
    Layout,
    Missing,
    calendar_of_column,
    grid_of_shops,
    quantities,
)
from scenv.scenario.demand.time_column import Calendar, calendar_of, time_columns
from scenv.scenario.fields import FieldError
from scenv.scenario.text import named, read_text
from scenv.text_file import read_bytes

__all__ = ["MAX_BYTES", "History", "Layout", "Missing", "read_history"]

MAX_BYTES = 16 * 2**20
_MAX_PERIODS = 1_000_000
_SUMMED = {("hour", 24): "day", ("day", 7): "week", ("month", 3): "quarter", ("month", 12): "year"}


@dataclass(frozen=True)
class History:
    """What a file says of past demand.

    Attributes:
        series: name -> [T] float64 units, from the earliest period to the latest.
        period: what a period is, "day", "week", "month", ..., where the file says so; else "".
    """

    series: dict[str, np.ndarray]
    period: str


def read_history(
    file: str | Path,
    wanted: Sequence[str] | None = None,
    date_column: str | None = None,
    missing: Missing = "error",
    layout: Layout = Layout(),  # noqa: B008 (frozen)
) -> History:
    """The past demand of a file.

    Args:
        file: path of a table, or of an Excel workbook, of which the first sheet is read.
        wanted: the columns (or, in a long table, the shops) to read; all but those that say when by default.
        date_column: the column that says when; by default the one with dates, or with a name like `period`.
        missing: see `Missing`.
        layout: see `Layout`.

    Raises:
        FieldError: naming the file, and the line and column where something is wrong.
    """
    try:
        table = _table(file)
    except ScenvError as error:
        raise FieldError(str(error)) from None
    except TableError as error:
        raise FieldError(f"{file}: {error}") from None
    try:
        grid = grid_of_shops(table, layout, date_column, wanted or (), missing)
        return _history(grid or _plain(table, wanted, date_column, missing, layout), missing, layout.sum_periods)
    except FieldError as error:
        raise FieldError(f"{file}: {error.message}") from None


def _table(file: str | Path) -> CsvTable:
    if Path(file).suffix.lower() not in WORKBOOKS:
        return read_table(read_text(file, MAX_BYTES))
    sheets = list(sheets_of_workbook(read_bytes(file, MAX_BYTES), named(file)).values())
    table = sheets[0].table() if sheets else None
    if table is None:
        raise TableError("has no sheet with a table")
    rows = tuple(tuple(map(_text, row)) for row in table.rows)
    return CsvTable(tuple(table.header), rows, tuple(sheets[0].numbers[1:]), False)


def _text(cell: Any) -> str:
    """A workbook's cell as a CSV file would hold it."""
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == datetime.min.time() else cell.isoformat(" ", "seconds")
    return "" if cell is None else str(cell)


def _history(grid: Grid, missing: Missing, sum_periods: int) -> History:
    demand, period = grid.demand, ""
    if grid.calendar is not None:
        period = grid.calendar.period()
        demand = _one_line_per_period(demand, grid.calendar, missing, grid.by_line)
    demand = _filled(demand, missing)
    if sum_periods > 1:
        whole = len(demand) // sum_periods
        if whole == 0:
            raise FieldError(f"sum_periods is {sum_periods}, more than the {len(demand)} periods of the file")
        demand = demand[: whole * sum_periods].reshape(whole, sum_periods, -1).sum(axis=1)
        period = _SUMMED.get((period, sum_periods), "")
    return History({name: demand[:, k].copy() for k, name in enumerate(grid.names)}, period)


def _plain(
    table: CsvTable, wanted: Sequence[str] | None, date_column: str | None, missing: Missing, layout: Layout
) -> Grid:
    """A table with a line for each period and a column for each retailer."""
    for name in (*(wanted or ()), *(() if date_column is None else (date_column,))):
        if name not in table.header:
            raise FieldError(f"has no column {shown(name)}{did_you_mean(name, table.header)}")
    when = time_columns(table, wanted or ())
    read = [name for name in table.header if (name in wanted if wanted else name not in when and name != date_column)]
    if not read:
        raise FieldError(f"has no column of demand, only {', '.join(filter(None, table.header))}")
    calendar = _calendar(table, when, date_column, must_be_read=not wanted)
    lines = range(len(table.rows))
    demand = np.column_stack([quantities(table, lines, name, layout.returns, missing) for name in read])
    return Grid(read, demand, calendar, by_line=True)


def _calendar(table: CsvTable, when: list[str], date_column: str | None, must_be_read: bool) -> Calendar | None:
    """The times of the lines; None where the file does not say."""
    if date_column is None and not when:
        return None
    name = when[0] if date_column is None else date_column
    if date_column is None and not must_be_read and calendar_of(table.column(name)) is None:
        return None
    calendar = calendar_of_column(table, name)
    if date_column is None and name != "" and len(set(calendar.times)) < len(calendar.times) and len(when) > 1:
        raise FieldError(
            f"columns {' and '.join(map(shown, when))} say when only together; write one column with dates, "
            "or name the one that counts periods in date_column"
        )
    return calendar


def _one_line_per_period(demand: np.ndarray, calendar: Calendar, missing: Missing, by_line: bool) -> np.ndarray:
    """Demand [T, K] in the order of time, with a line of NaN for every period that the file jumps over.

    The shortest time between two lines is a period.
    """
    times = np.array(calendar.times)
    order = np.argsort(times, kind="stable")
    times, demand = times[order], demand[order]
    steps = np.diff(np.array(calendar.times))
    if missing == "skip" and calendar.unit == "count" and not ((steps > 0).all() or (steps < 0).all()):
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

    def line_of(word: str, at: int) -> str:
        return f"{word} data line {order[at] + 1}" if by_line else ""

    period = int(gaps.min())
    if (gaps % period).any():
        at = int(np.argmax(gaps % period > 0))
        raise FieldError(
            f"{calendar.show(int(times[at + 1]))}{line_of(' in', at + 1)} does not follow "
            f"{calendar.show(int(times[at]))} by a whole number of periods; say missing: skip if lines are periods"
        )
    if missing == "error":
        at = int(np.argmax(gaps > period))
        first, last = calendar.show(int(times[at]) + period), calendar.show(int(times[at + 1]) - period)
        span = f"{first} is" if first == last else f"{first} to {last} are"
        raise FieldError(
            f"{span} missing{line_of(' before', at + 1)}; add these lines, or say what they are with "
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
