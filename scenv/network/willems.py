"""Reading a file of the published data set of 38 real supply chains.

Source: S. P. Willems, "Data set: Real-world multiechelon supply chains used for inventory optimization", Manufacturing
& Service Operations Management 10(1), 2008. A file has a byte-order mark, ``/chain`` in line 1, the header in line 2,
then a block of arcs and a block of stages, each with the other's columns empty.
"""

from __future__ import annotations

import csv
import io
import re
from typing import Any

from scenv.errors import NetworkError, did_you_mean, shown
from scenv.network.rows import NetworkRows, firm_ids

__all__ = ["CITATION", "rows_of_willems_csv"]

CITATION = (
    "Willems, S. P. (2008). Data set: Real-world multiechelon supply chains used for inventory optimization. "
    "Manufacturing & Service Operations Management 10(1), 19-23."
)
_ARC = "/arcs/arc/@"
_STAGE = "/stages/stage/@"
_REQUIRED = (f"{_ARC}from", f"{_ARC}to", *(f"{_STAGE}{c}" for c in ("relDepth", "stageCost", "stageName", "stageTime")))
_DISTRIBUTION = re.compile(re.escape(_STAGE) + r"StageTime_(\d{1,3})_p")


def rows_of_willems_csv(text: str, origin: str) -> NetworkRows:
    """Rows of a ``NN.csv``: agents ``ret_0``, ... by ``relDepth``; the data set's names, stage costs, times and time
    distributions are kept, its other columns are not read. Raises `NetworkError` that names file, line and column.
    """
    lines = _lines(text, origin)
    arcs: list[tuple[str, str]] = []
    stages: dict[str, dict[str, Any]] = {}
    chain = ""
    for where, row in lines:
        source, target, own = row[f"{_ARC}from"], row[f"{_ARC}to"], row[f"{_STAGE}stageName"]
        chain = chain or row.get("/@company", "")
        if own and not (source or target):
            if own in stages:
                raise NetworkError(f"{where}: duplicate stageName {shown(own)}; expected each stage once")
            stages[own] = _stage(where, row)
        elif source and target and not own:
            arcs.append((source, target))
        else:
            raise NetworkError(f"{where}: expected either an arc (from and to) or a stage (stageName)")
    ids = dict(zip(stages, firm_ids([stage["stage"] for stage in stages.values()]), strict=True))
    for arc in arcs:
        for end in arc:
            if end not in ids:
                raise NetworkError(
                    f"{origin}: arc {arc[0]!r} -> {arc[1]!r}: unknown stage {shown(end)}"
                    f"{did_you_mean(end, ids)}; expected a stageName of the stages block"
                )
    nodes = [{"id": ids[own], "name": own, **stage} for own, stage in stages.items()]
    edges = [{"source": ids[u], "target": ids[v]} for u, v in arcs]
    name = f"willems_{chain.zfill(2)}" if re.fullmatch(r"\d{1,3}", chain) else "willems"
    return NetworkRows(origin, nodes, edges, {"name": name, "citation": CITATION})


def _lines(text: str, origin: str) -> list[tuple[str, dict[str, str]]]:
    """Each data line as ("file line 7", column -> cell), after the header was checked; blank lines are left out."""
    try:
        # NUL is legal to Python's csv reader from 3.11 on, but no text file has it.
        table = [] if "\0" in text else list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise NetworkError(f"{origin}: not a valid CSV file: {error}") from None
    header = table[1] if len(table) > 1 else []
    missing = [column for column in _REQUIRED if header.count(column) != 1]
    if missing:
        raise NetworkError(
            f"{origin}: line 2: expected the header of the Willems (2008) data set, with the column {missing[0]!r} once"
        )
    lines = []
    for number, cells in enumerate(table[2:], start=3):
        where = f"{origin} line {number}"
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            raise NetworkError(f"{where}: {len(cells)} cells; expected {len(header)} as in the header")
        lines.append((where, dict(zip(header, (cell.strip() for cell in cells), strict=True))))
    return lines


def _stage(where: str, row: dict[str, str]) -> dict[str, Any]:
    depth = row[f"{_STAGE}relDepth"]
    if not re.fullmatch(r"\d{1,4}", depth):
        raise NetworkError(f"{where}: relDepth must be a whole number from 0 to 9999, not {shown(depth)}")
    stage: dict[str, Any] = {"stage": int(depth), "stage_cost": _number(where, row, "stageCost")}
    if row[f"{_STAGE}stageTime"]:
        stage["stage_time"] = _number(where, row, "stageTime")
    values, probabilities = [], []
    for column in row:
        match = _DISTRIBUTION.fullmatch(column)
        if match and row[column]:
            k = match[1]
            probabilities.append(_number(where, row, f"StageTime_{k}_p"))
            values.append(_number(where, row, f"StageTime_{k}_v"))
    if values:
        stage["stage_time_distribution"] = {"values": values, "probabilities": probabilities}
    return stage


def _number(where: str, row: dict[str, str], column: str) -> float:
    cell = row.get(_STAGE + column, "")
    # float() alone would take "nan", "inf" and "1_000".
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", cell):
        raise NetworkError(f"{where}: {column} must be a finite number, not {shown(cell)}")
    return float(cell)
