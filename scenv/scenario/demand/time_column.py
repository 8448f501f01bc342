"""The time column of a demand file: which it is, and in which period each line lies.

Dates are ISO dates with or without a time (2024-01-31, 2024-01-31 06:00), months (2024-01), quarters (2024-Q1), weeks
(2024-W05), 20240131, 31.01.2024, or 01/31/2024 and 31/01/2024 where only one of the two can be meant. A column of whole
numbers counts periods.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Literal

from scenv.errors import shown
from scenv.network.csv_table import CsvTable
from scenv.scenario.fields import FieldError

__all__ = ["COUNTER_NAMES", "Calendar", "calendar_of", "time_columns"]

#: Columns of these names, and of none (pandas' index), may count periods; one with dates is known by its dates.
COUNTER_NAMES = frozenset(
    {"", "date", "datetime", "day", "index", "month", "period", "quarter", "t", "time", "timestamp", "week", "year"}
)
_EPOCH = datetime(1970, 1, 1)
_DAY = 86_400
_PERIODS = {
    ("second", 3600): "hour",
    ("day", 1): "day",
    ("day", 7): "week",
    ("month", 1): "month",
    ("month", 3): "quarter",
    ("month", 12): "year",
}
_MONTH = re.compile(r"(\d{4})[-/.]?(?:(0[1-9]|1[0-2])|[Qq]([1-4]))\Z")
_DAY_FIRST = ("%d.%m.%Y", "%d/%m/%Y")
_MONTH_FIRST = ("%m/%d/%Y",)


@dataclass(frozen=True)
class Calendar:
    """When the lines of a file are.

    Attributes:
        times: of each line, in steps of the unit: days, months, seconds, or the column's own count.
        show: a time as the file would write it.
        unit: what a step is; "count" where they are only numbers, which may begin anew (weeks of a year).
    """

    times: tuple[int, ...]
    show: Callable[[int], str]
    unit: Literal["second", "day", "month", "count"]

    def by_day(self) -> Calendar:
        """The same by day, where times are given to the second; as it is otherwise."""
        if self.unit != "second":
            return self
        return Calendar(tuple(time // _DAY for time in self.times), _show_day, "day")

    def period(self) -> str:
        """What the shortest time between two lines is: "hour", "day", "week", "month", "quarter" or "year"; else ""."""
        gaps = [late - early for early, late in pairwise(sorted(set(self.times)))]
        return _PERIODS.get((self.unit, min(gaps, default=0)), "")


def time_columns(table: CsvTable, demand: Sequence[str]) -> list[str]:
    """The columns of a table that say when: known by their name, or by dates in every line; the dates first."""
    found: list[tuple[bool, bool, int, str]] = []
    for name in table.header:
        if name in demand:
            continue
        cell = table.rows[0][table.header.index(name)]
        may_be_date = not cell.isdecimal() or re.match(r"(?:19|20)\d{6}\Z", cell) is not None
        dates = may_be_date and calendar_of(table.column(name)) is not None
        if dates or name.lower() in COUNTER_NAMES:
            found.append((not dates, name == "", len(found), name))
    return [name for *_, name in sorted(found)]


def calendar_of(cells: Sequence[str]) -> Calendar | None:
    """The times of a column's cells; None if they are none.

    Raises:
        FieldError: if dates can be read in two ways.
    """
    if all(re.fullmatch(r"\d{1,7}", cell) for cell in cells):
        return Calendar(tuple(map(int, cells)), str, "count")
    if all(matches := [_MONTH.match(cell) for cell in cells]):
        months = [12 * int(m[1]) + (int(m[2]) - 1 if m[2] else 3 * int(m[3]) - 3) for m in matches if m]
        return Calendar(tuple(months), lambda month: f"{month // 12}-{month % 12 + 1:02d}", "month")
    dates = _dates(cells)
    return None if dates is None else _calendar_of_dates(dates)


def _dates(cells: Sequence[str]) -> list[datetime] | None:
    iso = _all(cells, _iso)
    if iso is not None:
        return iso
    day_first = _all(cells, lambda cell: _by_formats(cell, _DAY_FIRST))
    month_first = _all(cells, lambda cell: _by_formats(cell, _MONTH_FIRST))
    if day_first and month_first and day_first != month_first:
        raise FieldError(f"{shown(cells[0])} may be day/month or month/day; write dates as 2024-01-31")
    return day_first or month_first


def _all(cells: Sequence[str], read: Callable[[str], datetime]) -> list[datetime] | None:
    try:
        return [read(cell) for cell in cells]
    except (ValueError, OverflowError):
        return None


def _iso(cell: str) -> datetime:
    moment = datetime.fromisoformat(cell)
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


def _by_formats(cell: str, formats: Sequence[str]) -> datetime:
    date, _, time = cell.partition(" ")
    for form in formats:
        try:
            day = datetime.strptime(date, form)
        except ValueError:
            continue
        return datetime.combine(day.date(), datetime.fromisoformat(f"2000-01-01 {time}").time()) if time else day
    raise ValueError(cell)


def _calendar_of_dates(dates: list[datetime]) -> Calendar:
    whole_days = all(date.time() == datetime.min.time() for date in dates)
    if whole_days and len(dates) > 1 and _are_monthly(dates):
        day = dates[0].strftime("-%d") if dates[0].day <= 28 else ""
        months = tuple(12 * date.year + date.month - 1 for date in dates)
        return Calendar(months, lambda month: f"{month // 12}-{month % 12 + 1:02d}{day}", "month")
    if whole_days:
        return Calendar(tuple((date - _EPOCH).days for date in dates), _show_day, "day")
    second = timedelta(seconds=1)
    times = tuple((date - _EPOCH) // second for date in dates)
    return Calendar(times, lambda k: (_EPOCH + k * second).strftime("%Y-%m-%d %H:%M:%S"), "second")


def _show_day(day: int) -> str:
    return (_EPOCH + timedelta(days=day)).strftime("%Y-%m-%d")


def _are_monthly(dates: list[datetime]) -> bool:
    """Whether the dates are the same day of different months, or the last days of different months."""
    months = {(date.year, date.month) for date in dates}
    last = all((date + timedelta(days=1)).day == 1 for date in dates)
    return len(months) > 1 and (last or len({date.day for date in dates}) == 1)
