"""How a demand file is laid out, and every layout as the plain one: a line for each period, a column for each retailer.

Three layouts are read. Plain: `date, shop_a, shop_b`. Long: a line for each date and shop, `date, shop, quantity`, as
tills and databases write them (Favorita). Across: a line for each shop, a column for each period,
`store_id, d_1, d_2, ...` (M5). Several lines of one shop and period are summed: items of a shop, receipts of a day.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from scenv.errors import did_you_mean, shown
from scenv.network.csv_table import CsvTable
from scenv.network.rows import MAX_NUMBER
from scenv.scenario.demand.time_column import Calendar, calendar_of, time_columns
from scenv.scenario.fields import FieldError

__all__ = ["Grid", "Layout", "Missing", "Returns", "calendar_of_column", "grid_of_shops", "quantities"]

#: What a period is that the dates jump over, and an empty cell: a refusal, no demand, the demand of the period before;
#: or (dates only) no period at all, as weekends of a shop that closes.
Missing = Literal["error", "zero", "previous", "skip"]
#: What a quantity below 0 is: a refusal, or goods that came back, which are no demand.
Returns = Literal["error", "zero"]

_SHOPS = ("shop", "store", "retailer", "outlet", "branch", "site", "location", "warehouse", "customer", "series")
_SHOP = re.compile(rf"(?:{'|'.join(_SHOPS)})s?(?:[ _-]?(?:id|nbr|no|nr|number|name|code))?\Z", re.IGNORECASE)
_QUANTITY = re.compile(
    r"(?:total[ _-]?)?(?:unit|item)?s?[ _-]?(?:quantity|qty|sales|sold|units|demand|volume|amount|pieces)\Z",
    re.IGNORECASE,
)
_COUNTED = re.compile(r"(.*?)(\d+)\Z")
_LEAST_ACROSS = 3


@dataclass(frozen=True)
class Layout:
    """What is to be known of a file beside its dates.

    Attributes:
        retailer_column: the column that says whose a line is; found by a usual name (shop, store_id, ...) if None.
        quantity_column: of a long table, the column of units; likewise (quantity, sales, ...).
        where: column -> what its cell must be for a line to count, e.g. one product of many.
        returns: what a quantity below 0 is.
        sum_periods: so many successive periods of the file are one: 7 turns days into weeks. What remains at the end is
            left out.
    """

    retailer_column: str | None = None
    quantity_column: str | None = None
    where: Mapping[str, str] | None = None
    returns: Returns = "error"
    sum_periods: int = 1


@dataclass(frozen=True)
class Grid:
    """Past demand by period and retailer.

    Attributes:
        names: of the K retailers.
        demand: [T, K] units; NaN where the file has nothing.
        calendar: when the T periods are; None where the file does not say.
        by_line: whether row k is the file's data line k + 1; else rows are in the order of time, each time once.
    """

    names: list[str]
    demand: np.ndarray
    calendar: Calendar | None
    by_line: bool


def grid_of_shops(
    table: CsvTable, layout: Layout, date_column: str | None, wanted: Sequence[str], missing: Missing
) -> Grid | None:
    """The grid of a table with a column of shops, long or across; None of a plain one.

    Args:
        table: of a file.
        layout: how it is laid out.
        date_column: the column that says when, if it is said.
        wanted: the retailers that are asked for, or none for all; a plain table has columns of these names.
        missing: the rule for periods without a line; here, for a shop that has none where others have.

    Raises:
        FieldError: naming column, line or shop, without the file's name.
    """
    for field in ("retailer_column", "quantity_column"):
        name = getattr(layout, field)
        if name is not None and name not in table.header:
            raise FieldError(f"has no column {shown(name)}{did_you_mean(name, table.header)} for {field}")
    shop = layout.retailer_column or _by_name(table, _SHOP, wanted)
    quantity = layout.quantity_column or _by_name(table, _QUANTITY, (*wanted, *filter(None, (shop, date_column))))
    if shop is None:
        if layout.quantity_column or layout.where:
            raise FieldError("quantity_column and where need a column of shops; name it in retailer_column")
        return None
    across = _period_columns(table, {shop, *(layout.where or {})}) if layout.quantity_column is None else []
    if layout.retailer_column is None:  # a retailer may be called "shop", and others kiosk_1, kiosk_2, ...
        across = across if any(np.isnan(table.number(cell)) for cell in table.column(shop)) else []
        if not across and quantity is None:
            return None
    lines = counted_lines(table, layout.where or {})
    if across:
        entries = _across(table, lines, shop, across, layout.returns, missing)
    else:
        entries = _long(table, lines, shop, date_column, quantity, layout.returns, missing)
    return _pivoted(*entries, wanted, missing)


def calendar_of_column(table: CsvTable, name: str, lines: Sequence[int] | None = None) -> Calendar:
    """The times of a column's lines. Raises `FieldError` for the first cell that is no date like those above."""
    column = table.column(name)
    lines = range(len(column)) if lines is None else lines
    cells = [column[k] for k in lines]
    calendar = calendar_of(cells)
    if calendar is not None:
        return calendar
    wrong = bisect_left(range(1, len(cells) + 1), True, key=lambda length: calendar_of(cells[:length]) is None)
    raise FieldError(
        f"column {shown(name)}: data line {lines[wrong] + 1} is no date or number of a period, or not written as "
        f"those above: {shown(cells[wrong])}; write dates as 2024-01-31, all in one way"
    )


#: For each entry: its shop, its period (as counted by the calendar) and its quantity; and the calendar.
_Entries = tuple[list[str], np.ndarray, np.ndarray, Calendar]


def counted_lines(table: CsvTable, where: Mapping[str, str]) -> list[int]:
    """The lines that `where` lets count."""
    lines = list(range(len(table.rows)))
    for column, value in where.items():
        if column not in table.header:
            raise FieldError(f"has no column {shown(column)}{did_you_mean(column, table.header)} for where")
        cells = table.column(column)
        lines = [k for k in lines if cells[k] == value]
        if not lines:
            raise FieldError(f"no line has {shown(value)} in column {shown(column)}{did_you_mean(value, set(cells))}")
    return lines


def _by_name(table: CsvTable, names: re.Pattern[str], not_these: Sequence[str]) -> str | None:
    """The one column of a usual name; None if none or several are."""
    found = [name for name in table.header if names.match(name) and name not in not_these]
    return found[0] if len(found) == 1 else None


def _period_columns(table: CsvTable, known: set[str]) -> list[str]:
    """The columns of a table across whose names count up (d_1, d_2, ...) or are dates; none if they are too few."""
    names = [name for name in table.header if name and name not in known]
    dated = [name for name in names if not name.isdecimal() and calendar_of([name]) is not None]
    if len(dated) >= _LEAST_ACROSS:
        return dated
    stems: dict[str, list[str]] = {}
    for name in names:
        if match := _COUNTED.match(name):
            stems.setdefault(match[1], []).append(name)
    counted = max(stems.values(), key=len, default=[])
    return counted if len(counted) >= _LEAST_ACROSS else []


def _across(
    table: CsvTable, lines: list[int], shop: str, columns: list[str], returns: Returns, missing: Missing
) -> _Entries:
    numbers = [name for name in columns if not _COUNTED.match(name) or calendar_of([name]) is None]
    labels = columns if not numbers else [_COUNTED.sub(r"\2", name) for name in columns]
    calendar = calendar_of(labels)
    if calendar is None:
        raise FieldError(f"columns {shown(columns[0])} to {shown(columns[-1])} are no periods written in one way")
    units = np.stack([quantities(table, lines, name, returns, missing) for name in columns], axis=1)
    shops = table.column(shop)
    names = [shops[k] for k in lines for _ in columns]
    return names, np.tile(np.array(calendar.times), len(lines)), units.ravel(), calendar


def _long(
    table: CsvTable,
    lines: list[int],
    shop: str,
    date_column: str | None,
    quantity: str | None,
    returns: Returns,
    missing: Missing,
) -> _Entries:
    when = [name for name in time_columns(table, ()) if name not in (shop, quantity)]
    date = date_column or (when[0] if when else None)
    if date is None:
        raise FieldError(f"has a column of shops, {shown(shop)}, and none with dates; name it in date_column")
    if date not in table.header:
        raise FieldError(f"has no column {shown(date)}{did_you_mean(date, table.header)}")
    if quantity is None:
        others = ", ".join(shown(name) for name in table.header if name not in (shop, date))
        raise FieldError(f"which column holds the quantities ({others[:200]})? Name it in quantity_column")
    calendar = calendar_of_column(table, date, lines).by_day()
    if calendar.unit == "count" and date_column is None and len(when) > 1:
        raise FieldError(
            f"columns {' and '.join(map(shown, when))} say when only together; write one column with dates, "
            "or name the one that counts periods in date_column"
        )
    shops = table.column(shop)
    names = [shops[k] for k in lines]
    return names, np.array(calendar.times), quantities(table, lines, quantity, returns, missing), calendar


def quantities(table: CsvTable, lines: Sequence[int], name: str, returns: Returns, missing: Missing) -> np.ndarray:
    """[lines] units of a column; NaN for an empty cell, where there is a rule for these.

    Raises:
        FieldError: naming line and column of the first number below 0 (unless it came back), above the most, or none.
    """
    column = table.column(name)
    values = np.array([table.number(column[k]) for k in lines])
    if returns == "zero":
        values = np.where(values < 0, 0.0, values)
    good = (values >= 0) & (values <= MAX_NUMBER)
    if missing in ("zero", "previous"):
        good |= np.array([column[k] == "" for k in lines])
    if not good.all():
        at = lines[int(np.argmin(good))]
        hint = "; say returns: zero if it came back" if table.number(column[at]) < 0 else ""
        raise FieldError(
            f"data line {at + 1}, column {shown(name)}: must be a finite number from 0 to {MAX_NUMBER:g}, "
            f"got {shown(column[at])}{hint}"
        )
    return values


def _pivoted(
    names: list[str], times: np.ndarray, units: np.ndarray, calendar: Calendar, wanted: Sequence[str], missing: Missing
) -> Grid:
    """A row for each time, a column for each shop, NaN where a shop has no line."""
    for name in wanted:
        if name not in names:
            raise FieldError(f"has no line of {shown(name)}{did_you_mean(name, set(names))}")
    shops = list(dict.fromkeys(wanted or names))
    position = {shop: k for k, shop in enumerate(shops)}
    column = np.array([position.get(name, -1) for name in names])
    moments, line = np.unique(times, return_inverse=True)
    kept = (column >= 0) & ~np.isnan(units)
    total = np.zeros((len(moments), len(shops)))
    np.add.at(total, (line[kept], column[kept]), units[kept])
    seen = np.zeros_like(total, dtype=bool)
    seen[line[kept], column[kept]] = True
    if missing in ("error", "skip") and not seen.all():
        at, which = np.argwhere(~seen)[0]
        raise FieldError(
            f"{shown(shops[which])} has no line for {calendar.show(int(moments[at]))}, which others have; say "
            "what that is with missing: zero (no demand) or previous (as in the period before)"
        )
    when = replace(calendar, times=tuple(moments.tolist()))
    return Grid(shops, np.where(seen, total, np.nan), when, by_line=False)
