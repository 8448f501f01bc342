"""A table in a text file, in the dialect that a spreadsheet or pandas wrote it in.

Cells are separated by commas, semicolons, tabs or bars; where they are not separated by commas, a comma may stand for
the decimal point. What a table means is its reader's business.
"""

from __future__ import annotations

import csv
import io
import math
import re
from dataclasses import dataclass

__all__ = ["CsvTable", "RaggedTableError", "TableError", "read_table"]

_SEPARATORS = (",", ";", "\t", "|")
_MAX_COLUMNS = 20_000
_NUMBER = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?\Z")
_COMMA_NUMBER = re.compile(r"[-+]?[0-9]*,[0-9]+\Z")


class TableError(ValueError):
    """What is wrong with a table, in one line without the file's name."""


class RaggedTableError(TableError):
    """A line with too few or too many cells: the line of the text, from 1, its cells, and how many the header has."""

    def __init__(self, message: str, line: int, cells: int, expected: int) -> None:
        super().__init__(message)
        self.line, self.cells, self.expected = line, cells, expected


@dataclass(frozen=True)
class CsvTable:
    """A header and rows of as many cells each, all of them text without blanks around it.

    Attributes:
        header: the columns' names, each once; at most one of them is empty, as pandas leaves its index's.
        rows: the cells, row by row; "data line k" in messages is `rows[k - 1]`.
        lines: where each row ends in the text, from line 1.
        decimal_comma: whether a comma stands for the decimal point.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]
    decimal_comma: bool

    def column(self, name: str) -> list[str]:
        """The cells of a column, from top to bottom."""
        position = self.header.index(name)
        return [row[position] for row in self.rows]

    def number(self, cell: str) -> float:
        """A cell as a number; NaN if it is none (or an empty cell, or text)."""
        text = cell.replace(",", ".") if self.decimal_comma else cell
        return float(text) if _NUMBER.match(text) else math.nan


def read_table(text: str, least_rows: int = 1) -> CsvTable:
    """Read a table with a header line and at least so many lines below it. Empty lines are passed over.

    Raises:
        TableError: if it is no table, a line has too few or too many cells, or a column stands twice.
    """
    try:
        separator, numbered = _cut(text)
    except csv.Error as error:
        raise TableError(f"not a valid CSV file: {error}") from None
    lines = [cells for _, cells in numbered]
    header = tuple(lines[0]) if lines else ()
    if len(lines) < 1 + least_rows or not 1 <= len(header) <= _MAX_COLUMNS:
        raise TableError("must have a header line with the columns' names and at least one line below it")
    named = [name for name in header if name]
    if len(set(named)) < len(named):
        doubled = next(name for name in named if named.count(name) > 1)
        raise TableError(f"column {doubled[:60]!r} stands twice in the header")
    for index, cells in enumerate(lines[1:]):
        if len(cells) != len(header):
            message = f"data line {index + 1} has {len(cells)} cells, expected {len(header)}"
            raise RaggedTableError(message, numbered[index + 1][0], len(cells), len(header))
        if any("\n" in cell or "\r" in cell for cell in cells):
            raise TableError(
                f"data line {index + 1}: a quoted cell goes on over the line's end; is a closing quote missing?"
            )
    # A separator at the end of each line makes a column without name and content.
    kept = [k for k, name in enumerate(header) if name or any(cells[k] for cells in lines[1:])]
    header = tuple(header[k] for k in kept)
    rows = tuple(tuple(cells[k] for k in kept) for cells in lines[1:])
    places = tuple(line for line, _ in numbered[1:])
    return CsvTable(header, rows, places, separator != "," and _has_decimal_commas(rows))


Lines = list[tuple[int, list[str]]]


def _cut(text: str) -> tuple[str, Lines]:
    """The separator, and the cells of each line: by the first separator that makes all lines equally long, and longer
    than one cell if any does; else by the one that cuts the header into the most cells.
    """
    first, _, rest = text.partition("\n")
    if (stated := re.fullmatch(r'"?sep=(.)"?', first.strip(" \r"))) is not None:  # Excel's own first line
        return stated[1], [(line + 1, cells) for line, cells in _lines(rest, stated[1])]
    ragged: list[tuple[str, Lines]] = []
    problem = None
    for separator in _SEPARATORS:
        try:
            lines = _lines(text, separator)
        except csv.Error as error:
            problem = problem or error
            continue
        width = len(lines[0][1]) if lines else 0
        if width > 1 and all(len(cells) == width for _, cells in lines):
            return separator, lines
        ragged.append((separator, lines))
    if problem and all(not lines or len(lines[0][1]) == 1 for _, lines in ragged):
        raise problem  # an open quote, which hides the separator that the header shows
    if not ragged:
        raise csv.Error("empty")
    for separator, lines in ragged:  # a table of one column
        if (
            all(len(cells) == 1 for _, cells in lines)
            and lines
            and not any(mark in lines[0][1][0] for mark in _SEPARATORS)
        ):
            return separator, lines
    return max(ragged, key=lambda cut: len(cut[1][0][1]) if cut[1] else 0)


def _lines(text: str, separator: str) -> Lines:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    return [(reader.line_num, cells) for row in reader if any(cells := [cell.strip() for cell in row])]


def _has_decimal_commas(rows: tuple[tuple[str, ...], ...]) -> bool:
    """Whether there are numbers written as 5,5, and none with a point."""
    cells = [cell for row in rows for cell in row]
    commas = any(_COMMA_NUMBER.match(cell) for cell in cells)
    return commas and not any("." in cell and _NUMBER.match(cell) for cell in cells)
