"""Reading a CSV file of past demand."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from scenv.errors import ScenarioError, did_you_mean, shown
from scenv.network.rows import MAX_NUMBER
from scenv.scenario.fields import FieldError
from scenv.scenario.text import read_text

MAX_BYTES = 16 * 2**20
MAX_COLUMNS = 20_000
_NOT_DEMAND = ("period", "date")


def read_series(file: str | Path, wanted: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """The columns of a demand file.

    Args:
        file: path.
        wanted: the columns to read; all but `period` and `date` by default.

    Returns:
        Column name -> [T] float64 units.

    Raises:
        FieldError: naming the file, and the line and column where something is wrong.
    """
    try:
        text = read_text(file, MAX_BYTES)
    except ScenarioError as error:
        raise FieldError(str(error)) from None
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if any(map(str.strip, row))]
    except csv.Error as error:
        raise FieldError(f"{file}: not a valid CSV file: {error}") from None
    header = [name.strip() for name in rows[0]] if rows else []
    if not 1 <= len(header) <= MAX_COLUMNS or len(rows) < 2:
        raise FieldError(f"{file}: must have a header line with retailers' names and at least one line of numbers")
    doubled = (
        next((name for name in header if header.count(name) > 1), None) if len(set(header)) < len(header) else None
    )
    if doubled is not None:
        raise FieldError(f"{file}: column {shown(doubled)} stands twice in the header")
    for name in wanted or ():
        if name not in header:
            raise FieldError(f"{file}: has no column {shown(name)}{did_you_mean(name, header)}")
    read = [name for name in header if (name in wanted if wanted else name.lower() not in _NOT_DEMAND)]
    if not read:
        raise FieldError(f"{file}: has no column of demand, only {', '.join(header)}")
    positions = [header.index(name) for name in read]
    table = np.empty((len(rows) - 1, len(read)))
    for index, cells in enumerate(rows[1:]):
        if len(cells) != len(header):
            raise FieldError(f"{file}: data line {index + 1} has {len(cells)} cells, expected {len(header)}")
        for k, position in enumerate(positions):
            table[index, k] = _number(cells[position], f"{file}: data line {index + 1}, column {shown(read[k])}")
    return {name: table[:, k].copy() for k, name in enumerate(read)}


def _number(cell: str, where: str) -> float:
    try:
        value = float(cell.replace("_", "x"))  # float() alone would take 1_000
    except ValueError:
        value = math.nan
    if 0 <= value <= MAX_NUMBER:
        return value
    raise FieldError(f"{where}: must be a finite number from 0 to {MAX_NUMBER:g}, got {shown(cell.strip())}")
