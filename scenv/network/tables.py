"""Networks as two tables: links (from, to, days), and firms where something is to be said about them.

Columns are taken by scenv's own names, by the usual names of such columns, or by a mapping {field: column}. Further
columns are passed over and named in `unused`.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from scenv.errors import NetworkError, did_you_mean, shown
from scenv.network.fields import EDGE_FIELDS, NODE_FIELDS, OTHER_WORDS, check_id, field_called, is_given
from scenv.network.rows import NetworkRows
from scenv.network.table import Table, number_in

__all__ = ["rows_of_tables", "table_cells", "table_text"]

Columns = Mapping[str, str]

_LINK_FIELDS = ("source", "target", *EDGE_FIELDS)
_FIRM_FIELDS = ("id", *NODE_FIELDS)
_TEXT_FIELDS = ("source", "target", "id", "label", "name")
_ENDS: Mapping[str, tuple[str, ...]] = {
    "source": (
        *("from", "supplier", "origin", "upstream", "sender", "shipper", "seller", "vendor", "start"),
        *("fromnode", "fromfirm", "fromsite", "sourcenode", "supplierid", "fromid", "sourceid", "suppliername"),
    ),
    "target": (
        *("to", "customer", "destination", "downstream", "receiver", "buyer", "end", "dest"),
        *("tonode", "tofirm", "tosite", "targetnode", "customerid", "toid", "targetid", "customername"),
    ),
    "id": ("firm", "node", "site", "facility", "location", "agent", "firmid", "nodeid", "siteid", "stagename", "name"),
}


def rows_of_tables(links: Table, firms: Table | None, columns: Columns | None, name: str) -> NetworkRows:
    """Rows of a network given as tables.

    Args:
        links: one row per link; its columns give ``source``, ``target`` and lead times.
        firms: one row per firm; its columns give ``id`` and the fields of a firm. Without it, firms are those that
            links name, in their order.
        columns: field -> the name of its column, for both tables; what is not there is guessed from the header.
        name: the network's.

    Raises:
        NetworkError: naming the file and line, or the column, and what was expected.
    """
    columns = dict(columns or {})
    _check_mapping(columns, links, firms)
    of_links = _columns(links, _LINK_FIELDS, ("source", "target"), columns)
    edges = _rows(links, of_links)
    unused = {"edges": tuple(column for column in links.header if column not in of_links.values())}
    if firms is None:
        if not edges:
            raise NetworkError(f"{links.origin}: must have at least one link below its header, or a table of firms")
        found = dict.fromkeys(edge[end] for edge in edges for end in ("source", "target"))
        nodes = [{"id": firm} for firm in found if is_given(firm)]
        return NetworkRows(links.origin, nodes, edges, {"name": name}, unused, edge_places=links.places)
    of_firms = _columns(firms, _FIRM_FIELDS, ("id",), columns)
    unused["firms"] = tuple(column for column in firms.header if column not in of_firms.values())
    origin = links.origin if links.origin == firms.origin else f"{links.origin} and {firms.origin}"
    nodes = _rows(firms, of_firms)
    return NetworkRows(origin, nodes, edges, {"name": name}, unused, firms.places, links.places)


def _check_mapping(columns: dict[str, str], links: Table, firms: Table | None) -> None:
    known = [*_LINK_FIELDS, *_FIRM_FIELDS]
    headers = [*links.header, *(firms.header if firms else ())]
    for field, column in columns.items():
        if field not in known:
            turned = f"; a mapping goes from scenv's fields to your columns, {{{column!r}: {field!r}}}"
            hint = turned if column in known and field in headers else did_you_mean(field, known)
            raise NetworkError(f"columns: unknown field {shown(field)}{hint}; expected some of {', '.join(known)}")
        table = links if field in _LINK_FIELDS else firms
        if table is None:
            raise NetworkError(f"columns: {field} is a fact of firms, and no table of firms is given")
        if column not in table.header:
            raise NetworkError(
                f"{table.origin}: has no column {shown(column)}{did_you_mean(column, table.header)} for {field}; "
                f"expected one of {', '.join(map(str, table.header))}"[:600]
            )


def _columns(table: Table, fields: Sequence[str], needed: Sequence[str], given: Columns) -> dict[str, str]:
    """Field -> column: as given, else by the field's own name, else by a usual one."""
    found = {field: given[field] for field in fields if field in given}
    plain = {column: re.sub(r"[\W_]+", "", column).lower() for column in table.header}
    for field in fields:
        if field in found:
            continue
        free = [column for column in table.header if column not in found.values()]
        exact = [column for column in free if field_called(column, (field,))]
        words = (*_ENDS.get(field, ()), *OTHER_WORDS.get(field, ()))
        usual = [column for word in words for column in free if plain[column] == word]
        if field == "id" and not exact:
            usual = usual[:1]  # a table with "firm" and "name" has both
        several = exact or usual
        if len(several) > 1:
            raise NetworkError(
                f"{table.origin}: columns {' and '.join(map(shown, several[:2]))} can both be {field}; say which with "
                f"columns={{{field!r}: {several[0]!r}}}"
            )
        if several:
            found[field] = several[0]
        elif field in needed:
            raise NetworkError(
                f"{table.origin}: no column of the header ({', '.join(map(str, table.header))[:200]}) is {field}; "
                f"expected it under that name or a usual one ({', '.join(words[:4])}), or columns={{{field!r}: ...}}"
            )
    return found


def _rows(table: Table, columns: Mapping[str, str]) -> list[dict[str, Any]]:
    positions = {field: table.header.index(column) for field, column in columns.items()}
    rows = []
    for place, cells in zip(table.places, table.rows, strict=True):
        where = f"{table.origin} {place}"
        row: dict[str, Any] = {}
        for field, k in positions.items():
            cell = cells[k]
            if field == "stage_time_distribution":
                row[field] = _json(cell, where, field)
            elif field in _TEXT_FIELDS:
                row[field] = cell
            else:
                row[field] = number_in(cell, where, shown(columns[field]), table.decimal_comma)
        for field in ("source", "target", "id"):
            if field in row and not is_given(row[field]):
                raise NetworkError(f"{where}: column {shown(columns[field])} is empty; it must name a firm")
            if field in row:
                row[field] = check_id(where, shown(columns[field]), row[field])
        rows.append(row)
    return rows


def _json(cell: Any, where: str, field: str) -> Any:
    try:
        return json.loads(cell) if isinstance(cell, str) and cell else cell or None
    except (ValueError, RecursionError):
        raise NetworkError(f"{where}: {field} must be JSON with values and probabilities, not {shown(cell)}") from None


def table_cells(
    rows: Sequence[Mapping[Any, Any]], ids: Sequence[str], fields: Sequence[str]
) -> list[list[str | float | None]]:
    """Rows as a header and cells; a field that no row has gets no column, nested values are JSON."""
    columns: list[str | float | None] = [*ids, *(field for field in fields if any(field in row for row in rows))]
    cells = [[row.get(column) for column in columns] for row in rows]
    return [columns, *([json.dumps(cell) if isinstance(cell, dict) else cell for cell in line] for line in cells)]


def table_text(cells: Sequence[Sequence[Any]]) -> str:
    """A header and cells as the text of a CSV file."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows(["" if cell is None else cell for cell in line] for line in cells)
    return text.getvalue()
