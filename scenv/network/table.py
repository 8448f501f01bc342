"""A table of links, firms or stages, from text (`scenv.network.csv_table`), a sheet or pandas: header, rows, places.

The nameless column of row numbers that pandas writes is left out. What does not fit the header is refused.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from scenv.errors import NetworkError, shown
from scenv.network import csv_table

__all__ = ["Table", "number_in", "read_table", "table_of_cells", "table_of_frame"]

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_PANDAS_INDEX = re.compile(r"|Unnamed: \d+")


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        origin: what messages name (a file).
        header: the columns' names, each once.
        places: where each row stands, for messages ("line 7").
        rows: one list of cells a row, as long as the header; text, or whatever a pandas column holds.
        decimal_comma: whether "2,5" is two and a half.
    """

    origin: str
    header: list[str]
    places: list[str]
    rows: list[list[Any]]
    decimal_comma: bool = False


def read_table(text: str, origin: str, skipped_lines: int = 0, least_rows: int = 1) -> Table:
    """The table of a text file, cells without the spaces around them; lines of empty cells are left out.

    Args:
        text: the file's text from the header on.
        origin: the file.
        skipped_lines: how many lines of the file stand before `text`.
        least_rows: how many rows must stand below the header, 0 or 1.
    """
    try:
        table = csv_table.read_table(text, least_rows)
    except csv_table.RaggedTableError as error:
        raise NetworkError(
            f"{origin} line {error.line + skipped_lines}: {error.cells} cells; "
            f"expected {error.expected} as in the header"
        ) from None
    except csv_table.TableError as error:
        raise NetworkError(f"{origin}: {error}") from None
    places = [f"line {line + skipped_lines}" for line in table.lines]
    return _checked(Table(origin, list(table.header), places, [list(row) for row in table.rows], table.decimal_comma))


def table_of_frame(frame: Any, origin: str) -> Table:
    """A pandas DataFrame (anything with `columns` and `itertuples`); an index with a name is a column."""
    if any(name is not None for name in getattr(frame.index, "names", ())):
        frame = frame.reset_index()
    rows = [list(row) for row in frame.itertuples(index=False, name=None)]
    return _checked(Table(origin, [str(name) for name in frame.columns], [f"row {i}" for i in frame.index], rows))


def table_of_cells(lines: list[list[Any]], places: list[str], origin: str, least_rows: int = 1) -> Table:
    """The table of a sheet: its header and rows, None where a cell is empty; columns without any cell are left out."""
    width = max(len(line) for line in lines)
    full = [[*line, *[None] * (width - len(line))] for line in lines]
    kept = [k for k in range(width) if any(line[k] not in (None, "") for line in full)]
    header, *rows = ([line[k] for k in kept] for line in full)
    if len(rows) < least_rows:
        raise NetworkError(f"{origin}: must have a header line with the columns' names and at least one line below it")
    names = ["" if name is None else str(name) for name in header]
    return _checked(Table(origin, names, places, rows))


def number_in(cell: Any, where: str, name: str, decimal_comma: bool) -> Any:
    """A cell as a number; None where it is empty. What is no text is left for the checks of its field."""
    if not isinstance(cell, str):
        return cell
    cell = cell.strip()
    if not cell:
        return None
    plain = cell
    if decimal_comma and "," in cell:
        if re.fullmatch(r"[+-]?[1-9]\d{0,2}(,\d{3})+", cell) or "." in cell:
            raise NetworkError(
                f"{where}: {name} is {shown(cell)}, which can be two numbers; write it without separators"
            )
        plain = cell.replace(",", ".")
    # float() alone would take "inf" and "1_000".
    if not _NUMBER.fullmatch(plain):
        raise NetworkError(f"{where}: {name} must be a finite number, not {shown(cell)}")
    return float(plain)


def _checked(table: Table) -> Table:
    """The table without pandas' column of row numbers; every column has a name of its own."""
    header, rows = table.header, table.rows
    if _PANDAS_INDEX.fullmatch(header[0]) and [str(row[0]) for row in rows] == [str(i) for i in range(len(rows))]:
        header, rows = header[1:], [row[1:] for row in rows]
    counts = Counter(header)
    for k, name in enumerate(header):
        if not name:
            raise NetworkError(
                f"{table.origin}: column {k + 1} has no name in the header; expected a name for each column"
            )
        if counts[name] > 1:
            raise NetworkError(f"{table.origin}: column {shown(name)} stands twice in the header; expected each once")
    return Table(table.origin, header, table.places, rows, table.decimal_comma)
