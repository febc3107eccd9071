"""Tables as offices have them: CSV in the writings of any spreadsheet, and XLSX. Read as text, never evaluated.

Whatever the bytes are, they become rows of text or a SheetError, within bounded memory: sizes are held against limits
before anything is unpacked, document types and formulas are refused, and nothing outside the file is ever followed.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import openpyxl

from badgeclock.bridge.errors import SheetError

FILE_BYTES_MOST: Final = 16 * 2**20
UNPACKED_BYTES_MOST: Final = 64 * 2**20
MEMBERS_MOST: Final = 500
ROWS_MOST: Final = 10_000
"""Of a table, without its header. One transaction takes them all, and punches wait for it meanwhile."""
COLUMNS_MOST: Final = 64
CELL_CHARACTERS_MOST: Final = 1000
_SEPARATORS: Final = ";,\t"
_ZIP: Final = b"PK\x03\x04"
DTD_WORDS: Final = tuple(
    word.encode(code) for word in ("<!DOCTYPE", "<!ENTITY") for code in ("ascii", "utf-16-le", "utf-16-be")
)
"""By which a document declares types or entities of its own, as bytes of any file."""
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CHUNK: Final = 2**20


class Row(NamedTuple):
    """A row below the header: its number as a spreadsheet shows it, its cells by column, and what is wrong with it."""

    number: int
    cells: dict[str, str]
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table: its name (empty for CSV), its columns in lower case, its rows that are not blank."""

    name: str
    columns: tuple[str, ...]
    rows: list[Row] = field(default_factory=list)


class _NotText(NamedTuple):
    """A cell that is no text, and why."""

    why: str


def read(content: bytes) -> list[Sheet]:
    """The tables in a file: one of CSV, or every sheet of XLSX that has a header. Raises SheetError."""
    if len(content) > FILE_BYTES_MOST:
        raise SheetError(f"the file is larger than {FILE_BYTES_MOST // 2**20} MB", "split it into several")
    if content.startswith(_ZIP):
        return _read_xlsx(content)
    return [_sheet("", _csv_rows(_text(content)))]


def _text(content: bytes) -> str:
    """What a spreadsheet on any system wrote: by its mark, else UTF-8, else the code page of Windows in the West."""
    marked = next((code for bom, code in _BOMS if content.startswith(bom)), None)
    for encoding in [marked] if marked else ["utf-8", "cp1252"]:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise SheetError("the file is neither XLSX nor text", "save the table as CSV (UTF-8) or XLSX")


def _csv_rows(text: str) -> Iterator[tuple[int, Sequence[Any]]]:
    """Rows with the line that each begins on; the separator is the one that the first line has most of."""
    first, _, rest = text.partition("\n")
    declared = re.fullmatch(r"\s*sep=(.)\s*", first)  # written for Excel
    separator = declared[1] if declared else max(_SEPARATORS, key=first.count)
    if separator not in _SEPARATORS:
        raise SheetError("the separator is none of ; , and tab", "save the table as CSV with semicolons")
    reader = csv.reader(io.StringIO(rest if declared else text, newline=""), delimiter=separator, strict=True)
    lines = 1 if declared else 0
    number = lines + 1
    try:
        for row in reader:
            yield number, row
            number = lines + reader.line_num + 1
    except csv.Error as error:
        raise SheetError(
            f"line {number} is no CSV: {error}", "close every quotation mark, and save the table again"
        ) from None


def _read_xlsx(content: bytes) -> list[Sheet]:
    _check_archive(content)
    try:
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=False, keep_links=False)
        sheets = []
        for name in book.sheetnames:
            page = book[name]
            if not hasattr(page, "iter_rows"):
                continue  # a chart on a sheet of its own
            page.reset_dimensions()
            cells = page.iter_rows(max_row=ROWS_MOST + 2, max_col=COLUMNS_MOST + 1)
            rows = ((number, tuple(map(_of_cell, row))) for number, row in enumerate(cells, 1))
            if (sheet := _sheet(name, rows)).columns:
                sheets.append(sheet)
    except SheetError:
        raise
    except Exception as error:  # noqa: BLE001 - openpyxl meets a broken file with whatever it stumbles over
        raise SheetError(
            f"the file is no XLSX that can be read ({type(error).__name__})", "save the table again, as CSV or XLSX"
        ) from None
    if not sheets:
        raise SheetError("the file has no table", "give the first row the columns' names")
    return sheets


def _check_archive(content: bytes) -> None:
    """Refuse what would not fit once unpacked, and documents that declare types or entities of their own."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            if len(members) > MEMBERS_MOST or sum(member.file_size for member in members) > UNPACKED_BYTES_MOST:
                raise SheetError(
                    f"the file is larger than {UNPACKED_BYTES_MOST // 2**20} MB when unpacked", "split it into several"
                )
            for member in members:
                with archive.open(member) as file:  # gives no more bytes than were declared
                    before = b""
                    while some := file.read(_CHUNK):
                        if any(word in before + some for word in DTD_WORDS):
                            raise SheetError(
                                "the file declares document types of its own",
                                "save the table again, from a spreadsheet",
                            )
                        before = some[-32:]
    except SheetError:
        raise
    except Exception as error:  # noqa: BLE001 - zipfile meets a broken archive with many kinds
        raise SheetError(
            f"the file is no XLSX that can be read ({type(error).__name__})", "save the table again, as CSV or XLSX"
        ) from None


def _of_cell(cell: Any) -> Any:
    """A cell's text, or why it has none."""
    value = cell.value
    if cell.data_type == "f":
        return _NotText("holds a formula; paste its value instead")
    if cell.data_type == "e":
        return _NotText("holds an error of the spreadsheet")
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _NotText("holds a date or a truth value; format the column as text")
    return str(int(value)) if value == int(value) else repr(value)


def _sheet(name: str, rows: Iterable[tuple[int, Sequence[Any]]]) -> Sheet:
    """Name the cells of each row by the header, which is the first row that is not blank."""
    columns: tuple[str, ...] = ()
    found: list[Row] = []
    for number, cells in rows:
        if number > ROWS_MOST + 1:
            raise SheetError(f"a table has more than {ROWS_MOST} rows", "split it into several")
        if not any(cell if isinstance(cell, _NotText) else cell.strip() for cell in cells):
            continue
        if columns:
            found.append(_row(number, columns, cells))
        else:
            columns = _header(cells)
    if not columns and not name:
        raise SheetError("the file has no table", "give the first row the columns' names")
    return Sheet(name, columns, found)


def _header(cells: Sequence[Any]) -> tuple[str, ...]:
    names = ["" if isinstance(cell, _NotText) else "_".join(cell.lower().split()) for cell in cells]
    while names and not names[-1]:
        names.pop()
    if len(names) > COLUMNS_MOST:
        raise SheetError(f"a table has more than {COLUMNS_MOST} columns", "leave out the others")
    if "" in names or len(set(names)) != len(names):
        raise SheetError("two columns have the same name, or one has none", "name each column once in the first row")
    return tuple(names)


def _row(number: int, columns: tuple[str, ...], cells: Sequence[Any]) -> Row:
    texts: dict[str, str] = dict.fromkeys(columns, "")
    fault = None
    for at, cell in enumerate(cells):
        column = columns[at] if at < len(columns) else None
        if column is None:
            if isinstance(cell, _NotText) or cell.strip():
                fault = "has more cells than the header has columns"
        elif isinstance(cell, _NotText):
            fault = f"{column} {cell.why}"
        elif len(cell) > CELL_CHARACTERS_MOST:
            fault = f"{column} has more than {CELL_CHARACTERS_MOST} characters"
        elif not (text := " ".join(cell.split())).isprintable():
            fault = f"{column} has characters that cannot be printed"
        else:
            texts[column] = text
    return Row(number, texts, fault)
