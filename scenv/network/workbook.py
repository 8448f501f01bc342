"""Excel workbooks (.xlsx, .xlsm) as tables, sheet by sheet, and back; needs openpyxl, which the extra `excel` brings.

Only the values of cells are read: of a formula, what Excel computed last. Macros, links and pictures are not touched,
and a workbook that would unpack to more than a cap is refused unopened.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scenv.errors import NetworkError, shown
from scenv.network.table import Table, table_of_cells

__all__ = ["WORKBOOKS", "Sheet", "sheets_of_workbook", "workbook_bytes"]

WORKBOOKS = (".xlsx", ".xlsm")
_MAX_UNPACKED = 256 * 2**20
_MAX_ROWS, _MAX_COLUMNS = 1_100_000, 20_000


@dataclass(frozen=True)
class Sheet:
    """The cells of a sheet.

    Attributes:
        origin: what messages name: the file and the sheet.
        numbers: of the rows that are not empty, as Excel counts them.
        rows: their values, None where a cell is empty.
    """

    origin: str
    numbers: list[int]
    rows: list[list[Any]]

    def table(self, least_rows: int = 1) -> Table:
        """The table whose header is the first row that is not empty. Raises `NetworkError` if it is none."""
        return table_of_cells(self.rows, [f"row {number}" for number in self.numbers[1:]], self.origin, least_rows)


def sheets_of_workbook(data: bytes, origin: str) -> dict[str, Sheet]:
    """Title -> sheet, in the workbook's order; sheets without a cell are left out.

    Args:
        data: the file's bytes.
        origin: the file, for messages.

    Raises:
        NetworkError: if openpyxl is not installed, or this is no workbook, or a cell holds an error of Excel's or a
            formula without a computed value.
    """
    openpyxl = _openpyxl(origin)
    with_formulas = _has_formulas(data, origin)
    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        sheets = {sheet.title: _sheet(sheet, f"{origin} sheet {shown(sheet.title)}") for sheet in book.worksheets}
        if with_formulas:
            book = openpyxl.load_workbook(io.BytesIO(data), read_only=True)
            for sheet in book.worksheets:
                _check_formulas(sheet, sheets[sheet.title])
    except NetworkError:
        raise
    except Exception as error:  # openpyxl raises whatever its parsers do: KeyError, ValueError, ParseError, ...
        said = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise NetworkError(f"{origin}: not a workbook that can be read ({said})") from error
    return {title: sheet for title, sheet in sheets.items() if sheet.rows}


def workbook_bytes(sheets: Mapping[str, Sequence[Sequence[Any]]]) -> bytes:
    """A workbook of sheets, each a header and rows; None is an empty cell. The header is bold and stays in sight."""
    openpyxl = _openpyxl("a workbook")
    book = openpyxl.Workbook(write_only=True)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        sheet.freeze_panes = "A2"
        for k, row in enumerate(rows):
            cells = [openpyxl.cell.WriteOnlyCell(sheet, value=value) for value in row]
            for cell in cells:
                if isinstance(cell.value, str):
                    cell.data_type = "s"  # text that begins with "=" is text, no formula
                if k == 0:
                    cell.font = openpyxl.styles.Font(bold=True)
            sheet.append(cells)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _openpyxl(what: str) -> Any:
    try:
        import openpyxl
        import openpyxl.cell
        import openpyxl.styles
    except ImportError as error:
        raise NetworkError(f'{what}: Excel files need openpyxl: pip install "scenv[excel]"') from error
    return openpyxl


def _has_formulas(data: bytes, origin: str) -> bool:
    """Whether a sheet has formulas; refuses what is no workbook, or would unpack to more than the cap."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
            unpacked = sum(part.file_size for part in parts)
            sheets = [part for part in parts if "worksheets/" in part.filename and unpacked <= _MAX_UNPACKED]
            found = any(b"<f" in archive.read(part) for part in sheets)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, OSError, ValueError, zlib.error):
        raise NetworkError(
            f"{origin}: not an Excel workbook (.xlsx); save one with a password, or an older .xls, anew as .xlsx"
        ) from None
    if unpacked > _MAX_UNPACKED:
        raise NetworkError(f"{origin}: unpacks to over {_MAX_UNPACKED / 2**20:g} MiB; expected a smaller workbook")
    return found


def _sheet(sheet: Any, where: str) -> Sheet:
    found = Sheet(where, [], [])
    sheet.reset_dimensions()  # what the file says of its size is often wrong
    for number, row in enumerate(sheet.iter_rows(), start=1):
        if number > _MAX_ROWS or len(row) > _MAX_COLUMNS:
            raise NetworkError(f"{where}: more than {_MAX_ROWS} rows or {_MAX_COLUMNS} columns; expected a smaller one")
        for cell in row:
            if cell.data_type == "e":
                raise NetworkError(f"{where} cell {cell.coordinate}: {cell.value}, an error of its formula")
        values = [value.strip() if isinstance(value := cell.value, str) else value for cell in row]
        if any(value not in (None, "") for value in values):
            found.numbers.append(number)
            found.rows.append(values)
    return found


def _check_formulas(sheet: Any, found: Sheet) -> None:
    """Every formula has the value that was computed last: a program that writes formulas without one leaves a hole."""
    values = dict(zip(found.numbers, found.rows, strict=True))
    sheet.reset_dimensions()
    for number, row in enumerate(sheet.iter_rows(), start=1):
        for k, cell in enumerate(row):
            if cell.data_type == "f" and (number not in values or values[number][k] is None):
                raise NetworkError(
                    f"{found.origin} cell {cell.coordinate}: a formula without a computed value; "
                    "open and save the workbook in Excel"
                )
