"""Reading a file of the published data set of 38 real supply chains.

Source: S. P. Willems, "Data set: Real-world multiechelon supply chains used for inventory optimization", Manufacturing
& Service Operations Management 10(1), 2008. A file has a byte-order mark, ``/chain`` in line 1, the header in line 2,
then a block of arcs and a block of stages, each with the other's columns empty.
"""

from __future__ import annotations

import re
from typing import Any

from scenv.errors import NetworkError, did_you_mean, shown
from scenv.network.rows import NetworkRows, firm_ids
from scenv.network.table import Table, number_in, read_table

__all__ = ["CITATION", "is_willems", "rows_of_willems_csv"]

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
    distributions are kept, mean and deviation of demand as facts; other columns are named in `unused`.

    Raises `NetworkError` that names file, line and column.
    """
    table = _table(text, origin)
    arcs: list[tuple[str, str]] = []
    stages: dict[str, dict[str, Any]] = {}
    chain = ""
    for place, cells in zip(table.places, table.rows, strict=True):
        where, row = f"{origin} {place}", dict(zip(table.header, cells, strict=True))
        source, target, own = row[f"{_ARC}from"], row[f"{_ARC}to"], row[f"{_STAGE}stageName"]
        chain = chain or row.get("/@company", "")
        if own and not (source or target):
            if own in stages:
                raise NetworkError(f"{where}: duplicate stageName {shown(own)}; expected each stage once")
            stages[own] = _stage(where, row, table.decimal_comma)
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
    return NetworkRows(origin, nodes, edges, {"name": name, "citation": CITATION}, {"firms": _unused(table)})


def _unused(table: Table) -> tuple[str, ...]:
    """The columns of stages that say something and are not read."""
    names = [(k, column.removeprefix(_STAGE)) for k, column in enumerate(table.header) if column.startswith(_STAGE)]
    read = ("relDepth", "stageCost", "stageName", "stageTime", "avgDemand", "stDevDemand")
    return tuple(
        name
        for k, name in names
        if name not in read and not name.startswith("StageTime_") and any(row[k] for row in table.rows)
    )


def is_willems(text: str) -> bool:
    """Whether a text begins as a file of the data set does."""
    start = "\n".join(text.splitlines()[:2])
    return start.startswith("/chain") or _ARC in start or _STAGE in start


def _table(text: str, origin: str) -> Table:
    """The blocks of arcs and stages as one table, after the header was checked."""
    _, _, rest = text.partition("\n")
    if not rest.strip():
        raise NetworkError(f"{origin}: line 2: expected the header of the Willems (2008) data set")
    table = read_table(rest, origin, skipped_lines=1)
    missing = [column for column in _REQUIRED if table.header.count(column) != 1]
    if missing:
        raise NetworkError(
            f"{origin}: line 2: expected the header of the Willems (2008) data set, with the column {missing[0]!r} once"
        )
    return table


def _stage(where: str, row: dict[str, str], decimal_comma: bool) -> dict[str, Any]:
    def number(column: str) -> float:
        value = number_in(row.get(_STAGE + column, ""), where, column, decimal_comma)
        if value is None:
            raise NetworkError(f"{where}: {column} must be a finite number, not ''")
        return float(value)

    depth = row[f"{_STAGE}relDepth"]
    if not re.fullmatch(r"\d{1,4}", depth):
        raise NetworkError(f"{where}: relDepth must be a whole number from 0 to 9999, not {shown(depth)}")
    stage: dict[str, Any] = {"stage": int(depth), "stage_cost": number("stageCost")}
    for field, column in (("stage_time", "stageTime"), ("demand_mean", "avgDemand"), ("demand_std", "stDevDemand")):
        if row.get(_STAGE + column):
            stage[field] = number(column)
    matches = (_DISTRIBUTION.fullmatch(column) for column in row if row[column])
    drawn = [match[1] for match in matches if match]
    if drawn:
        stage["stage_time_distribution"] = {
            "values": [number(f"StageTime_{k}_v") for k in drawn],
            "probabilities": [number(f"StageTime_{k}_p") for k in drawn],
        }
    return stage
