"""Networks as files: which reader a file needs, the limit on its size, and writing it whole or not at all.

Each format has its own module. A reader only turns a file into `NetworkRows`; nothing in a file is ever executed, and
the firms, edges and fields are judged in `scenv.network.rows`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from scenv.errors import NetworkError, did_you_mean, shown
from scenv.network.fields import EDGE_FIELDS, NODE_FIELDS
from scenv.network.gexf import rows_of_gexf
from scenv.network.graphml import graphml_text, rows_of_graphml
from scenv.network.json_files import node_link_text, rows_of_json
from scenv.network.rows import NetworkRows
from scenv.network.table import Table, read_table, table_of_frame
from scenv.network.tables import rows_of_tables, table_cells, table_text
from scenv.network.willems import is_willems, rows_of_willems_csv
from scenv.network.workbook import WORKBOOKS, Sheet, sheets_of_workbook, workbook_bytes
from scenv.text_file import named, read_bytes, text_of

__all__ = [
    "BUILT_IN_NETWORKS",
    "MAX_BYTES",
    "is_frame",
    "read_frames",
    "read_network",
    "write_graphml",
    "write_json",
    "write_tables",
    "write_workbook",
]

BUILT_IN_NETWORKS = ("bg", "r1", "r2", "r3")
MAX_BYTES = 16 * 2**20
"""Largest file that is read. The largest published chain (2,025 firms, 16,225 edges) takes 1.5 MB."""
_TABLES = (".csv", ".tsv", ".txt", *WORKBOOKS)
_LINKS, _FIRMS, _ABOUT = ("links.csv", "links.tsv"), ("firms.csv", "firms.tsv"), "network.json"
#: What the sheets of a workbook may be called, in any case; the first name is the one that is written.
_SHEETS = {
    "links": ("links", "edges", "arcs", "lanes", "routes"),
    "firms": ("firms", "nodes", "sites", "stages", "facilities", "locations"),
    "network": ("network",),
}

_READERS: dict[str, Callable[[bytes, str, str], NetworkRows]] = {
    ".json": rows_of_json,
    ".cyjs": rows_of_json,
    ".graphml": rows_of_graphml,
    ".gexf": rows_of_gexf,
}


def read_network(source: str | Path, firms: Any = None, columns: Mapping[str, str] | None = None) -> NetworkRows:
    """The rows of a built-in name, a file by its suffix, or a folder. Raises `NetworkError` (see `load_network`)."""
    if source in BUILT_IN_NETWORKS:
        _no_tables(str(source), firms, columns)
        file = resources.files("scenv.network") / "data" / f"{source}.json"
        return rows_of_json(file.read_bytes(), f"{source}.json", str(source))
    path = Path(source)
    if path.suffix.lower() in _TABLES:
        return _rows_of_table_file(path, firms, columns)
    reader = _READERS.get(path.suffix.lower())
    if reader is None and str(source) and _is_folder_of_tables(path):
        return _rows_of_folder(path, firms, columns)
    if reader is None:
        raise NetworkError(_unknown_source(source, path))
    _no_tables(named(path), firms, columns)
    return reader(read_bytes(path, MAX_BYTES, NetworkError, "network file"), named(path), path.stem)


def read_frames(links: Any, firms: Any, columns: Mapping[str, str] | None) -> NetworkRows:
    """The rows of a pandas DataFrame of links, with one of firms, or a file of them, or without."""
    return rows_of_tables(table_of_frame(links, "links"), _firms_table(firms), columns, "table")


def is_frame(value: Any) -> bool:
    """Whether a value is a pandas DataFrame or quacks like one; pandas itself is not needed."""
    return all(hasattr(value, name) for name in ("columns", "itertuples", "index", "reset_index"))


def _rows_of_table_file(path: Path, firms: Any, columns: Mapping[str, str] | None) -> NetworkRows:
    data = read_bytes(path, MAX_BYTES, NetworkError, "network file")
    if path.suffix.lower() in WORKBOOKS:
        return _rows_of_workbook(data, path, firms, columns)
    text = text_of(data, named(path), NetworkError)
    if is_willems(text):
        _no_tables(f"{named(path)}: of the Willems data set", firms, columns)
        return rows_of_willems_csv(text, named(path))
    return rows_of_tables(read_table(text, named(path)), _firms_table(firms), columns, _name(path))


def _name(path: Path) -> str:
    """A network's name: its file's, or where that says nothing (links.csv), its folder's."""
    return path.resolve().parent.name or path.stem if path.stem == "links" else path.stem


def _rows_of_folder(folder: Path, firms: Any, columns: Mapping[str, str] | None) -> NetworkRows:
    links = next(folder / name for name in _LINKS if (folder / name).exists())
    own = next((folder / name for name in _FIRMS if (folder / name).exists()), None)
    rows = rows_of_tables(
        _table(links, least_rows=0), _firms_table(firms if firms is not None else own), columns, folder.resolve().name
    )
    about = folder / _ABOUT
    if about.exists():
        _add_facts(rows, read_bytes(about, MAX_BYTES, NetworkError, "network file"), named(about))
    return rows


def _rows_of_workbook(data: bytes, path: Path, firms: Any, columns: Mapping[str, str] | None) -> NetworkRows:
    """Rows of the sheets `links`, `firms` and `network`, the last two if any; a workbook's only sheet is links."""
    sheets = sheets_of_workbook(data, named(path))
    links, own, about = (_sheet(sheets, part) for part in _SHEETS)
    if links is None and len(sheets) == 1:
        links = next(iter(sheets.values()))
    if links is None:
        found = ", ".join(map(shown, sheets)) or "none with a cell"
        raise NetworkError(
            f"{named(path)}: has no sheet 'links' (found {found[:200]}); expected links, and firms if any"
        )
    of_firms = own.table() if own is not None and firms is None else _firms_table(firms)
    rows = rows_of_tables(links.table(least_rows=0), of_firms, columns, _name(path))
    if about is not None and about is not links:
        facts = {row[0]: row[1] for row in about.rows[1:] if len(row) > 1 and row[1] is not None}
        entries = [f"{json.dumps(str(k))}: {v if k == 'scenario' else json.dumps(str(v))}" for k, v in facts.items()]
        _add_facts(rows, f"{{{', '.join(entries)}}}".encode(), about.origin)
    return rows


def _sheet(sheets: Mapping[str, Sheet], part: str) -> Sheet | None:
    return next((sheets[title] for name in _SHEETS[part] for title in sheets if title.lower() == name), None)


def _add_facts(rows: NetworkRows, text: bytes, origin: str) -> None:
    """Add what a JSON object says of the whole network."""
    facts = rows_of_json(b'{"nodes": [], "edges": [], "graph": ' + text + b"}", origin, rows.graph["name"])
    rows.graph.update(facts.graph)


def _is_folder_of_tables(path: Path) -> bool:
    try:
        return path.is_dir() and any((path / name).exists() for name in _LINKS)
    except (OSError, ValueError):  # a name no file can have: too long, or with a NUL
        return False


def _table(path: Path, least_rows: int = 1) -> Table:
    """A table of a file of its own; of a workbook, the sheet `firms` or the first."""
    data = read_bytes(path, MAX_BYTES, NetworkError, "network file")
    if path.suffix.lower() not in WORKBOOKS:
        return read_table(text_of(data, named(path), NetworkError), named(path), least_rows=least_rows)
    sheets = sheets_of_workbook(data, named(path))
    if not sheets:
        raise NetworkError(f"{named(path)}: has no sheet with a table")
    return (_sheet(sheets, "firms") or next(iter(sheets.values()))).table()


def _firms_table(firms: Any) -> Table | None:
    if firms is None:
        return None
    if is_frame(firms):
        return table_of_frame(firms, "firms")
    if isinstance(firms, str | Path):
        return _table(Path(firms))
    raise NetworkError(f"firms: expected the path of a table or a pandas DataFrame, not {shown(firms)}")


def _no_tables(what: str, firms: Any, columns: Any) -> None:
    if firms is not None or columns is not None:
        raise NetworkError(f"{what}: firms and columns go with a table of links, and this is none")


def _unknown_source(source: str | Path, path: Path) -> str:
    formats = ", ".join((*_READERS, *_TABLES))
    try:
        if path.is_dir():
            return f"{named(path)} is a directory; expected a network file ({formats}), or links.csv inside"
        if path.suffix.lower() in (".xls", ".xlsb", ".ods", ".numbers"):
            return f"{named(path)}: expected a workbook as .xlsx, or tables as .csv; save it so"
        if path.suffix or path.exists():
            return f"{named(path)}: unknown kind of network file; expected a name that ends in {formats}"
    except (OSError, ValueError):  # a name no file can have: too long, or with a NUL
        pass
    if isinstance(source, Path):
        return f"{named(path)}: no such file"
    return (
        f"unknown network {shown(str(source))}{did_you_mean(source, BUILT_IN_NETWORKS)}; expected one of "
        f"{', '.join(BUILT_IN_NETWORKS)}, or a file that ends in {formats}"
    )


def write_json(rows: NetworkRows, path: str | Path) -> None:
    """Write rows as node-link JSON; see `scenv.network.json_files`."""
    _write(path, node_link_text(rows))


def write_graphml(rows: NetworkRows, path: str | Path) -> None:
    """Write rows as GraphML; see `scenv.network.graphml`."""
    _write(path, graphml_text(rows))


def write_tables(rows: NetworkRows, folder: str | Path) -> None:
    """Write rows as a folder with links.csv, firms.csv and network.json (name, citation, scenario block)."""
    folder = Path(folder)
    try:
        folder.mkdir(exist_ok=True)
    except (OSError, ValueError) as error:
        raise NetworkError(f"{named(folder)}: cannot be written: {getattr(error, 'strerror', None) or error}") from None
    links, firms = _two_tables(rows)
    _write(folder / _LINKS[0], table_text(links))
    _write(folder / _FIRMS[0], table_text(firms))
    _write(folder / _ABOUT, json.dumps(rows.graph, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_workbook(rows: NetworkRows, path: str | Path) -> None:
    """Write rows as an Excel workbook with the sheets links, firms and network (name, citation, scenario block)."""
    links, firms = _two_tables(rows)
    facts = [[key, json.dumps(value) if key == "scenario" else value] for key, value in rows.graph.items()]
    sheets = {"links": links, "firms": firms, "network": [["key", "value"], *facts]}
    _write(path, workbook_bytes(sheets))


def _two_tables(rows: NetworkRows) -> tuple[list[list[Any]], list[list[Any]]]:
    links = table_cells(rows.edges, ("source", "target"), tuple(EDGE_FIELDS))
    return links, table_cells(rows.nodes, ("id",), tuple(NODE_FIELDS))


def _write(path: str | Path, content: str | bytes) -> None:
    try:
        Path(path).write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    except (OSError, ValueError) as error:
        raise NetworkError(f"{named(path)}: cannot be written: {getattr(error, 'strerror', None) or error}") from None
