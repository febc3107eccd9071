"""Reads tables of offices: CSV in the dialects of any spreadsheet, and XLSX. Read as text, never evaluated.

Any bytes become rows of text or a SheetError, within bounded memory: sizes are checked while reading. A numeric cell
cannot identify a person: leading zeros, and digits from the sixteenth on, are lost; so only columns of measures accept
one.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from badgeclock.bridge.errors import SheetError
from badgeclock.bridge.people import code_pages
from badgeclock.bridge.people.xlsx import CELL_CHARACTERS_MOST, CHARACTERS_MOST, COLUMNS_MOST, Cell, NotText, Number
from badgeclock.bridge.people.xlsx import Workbook as XlsxWorkbook

FILE_BYTES_MOST: Final = 16 * 2**20
ROWS_MOST: Final = 100_000
"""Limit of a table, without its header and blank rows."""
MEASURES: Final = frozenset(
    {"latitude", "longitude", "longest_shift_h", "house_number", "box", "post_code", "cancelled"}
)
"""The columns in which a numeric cell keeps what was typed."""
_SEPARATORS: Final = ";,\t"
_ZIP: Final = b"PK\x03\x04"
DTD_WORDS: Final = tuple(
    word.encode(code) for word in ("<!DOCTYPE", "<!ENTITY") for code in ("ascii", "utf-16-le", "utf-16-be")
)
"""Marks of a document that declares its own types or entities, as bytes of any file."""
_OLE: Final = b"\xd0\xcf\x11\xe0"
_ATTENDANCE_LINE: Final = re.compile(
    r"\s*\d+\s*[\t;,]\s*\d{4}[-/]\d{1,2}[-/]\d{1,2} \d{1,2}:\d{2}(:\d{2})?\s*([\t;,].*)?"
)
_ATTENDANCE_COLUMNS: Final = frozenset({"enno", "tmno", "datetime"})


class Row(NamedTuple):
    """A row below the header: its number as in a spreadsheet, its cells by column, and its faults."""

    number: int
    cells: dict[str, str]
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table: its name (empty for CSV), its columns in lower case, its rows that are not blank."""

    name: str
    columns: tuple[str, ...]
    rows: list[Row] = field(default_factory=list)


class Book:
    """A file of tables. Raises SheetError, also while a table is read.

    `encoding` is the code page of a CSV file, if it cannot be detected.
    """

    def __init__(self, content: bytes, encoding: str | None = None) -> None:
        if len(content) > FILE_BYTES_MOST:
            raise SheetError(f"the file is larger than {FILE_BYTES_MOST // 2**20} MB", "split it into several")
        if content.startswith(_OLE):
            raise SheetError(
                "the file is an XLS of before 2007, or locked with a password", "save it as XLSX without a password"
            )
        self._xlsx = XlsxWorkbook(content) if content.startswith(_ZIP) else None
        self._text = "" if self._xlsx is not None else code_pages.decoded(content, encoding)
        if self._xlsx is None:
            _check_no_attendance(self._text)

    @property
    def names(self) -> list[str]:
        """The names of the tables: of XLSX its sheets', of CSV one empty name."""
        return [""] if self._xlsx is None else self._xlsx.names

    def read(self, name: str) -> Sheet:
        """The table of this name; a sheet without a header has no columns."""
        if self._xlsx is None:
            return _sheet("", _csv_rows(self._text))
        return _sheet(name, self._xlsx.rows(name))


def read(content: bytes) -> list[Sheet]:
    """The tables in a file: one of CSV, or every sheet of XLSX that has a header. Raises SheetError."""
    book = Book(content)
    sheets = [sheet for name in book.names if (sheet := book.read(name)).columns]
    if not sheets:
        raise no_table()
    return sheets


def no_table() -> SheetError:
    """The refusal of an empty file."""
    return SheetError("the file has no table", "give the first row the columns' names")


def _check_no_attendance(text: str) -> None:
    """Refuse exports of other makes of clocks, which offices keep next to their lists."""
    lines = [line for line in text.splitlines()[:20] if line.strip()]
    header = {re.sub(r"\W", "", cell.lower()) for cell in re.split(r"[\t;,]", lines[0])} if lines else set()
    if lines and (all(map(_ATTENDANCE_LINE.fullmatch, lines)) or len(header & _ATTENDANCE_COLUMNS) > 1):
        raise SheetError(
            "the file is an attendance export of a time clock (who, when), no list of the office",
            "punches come from Badgeclock's own clocks alone; give the list of workers instead",
        )


def _csv_rows(text: str) -> Iterator[tuple[int, Sequence[Cell]]]:
    """Rows with the line on which each begins; the separator is the most frequent one of the first line."""
    first, _, rest = text.partition("\n")
    declared = re.fullmatch(r"\s*sep=(.)\s*", first)  # a hint for Excel
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


def _sheet(name: str, rows: Iterable[tuple[int, Sequence[Cell]]]) -> Sheet:
    """Name the cells of each row by the header, which is the first row that is not blank."""
    columns: tuple[str, ...] = ()
    found: list[Row] = []
    left = CHARACTERS_MOST
    for number, cells in rows:
        if not any(isinstance(cell, NotText) or cell.strip() for cell in cells):
            continue
        if not columns:
            columns = _header(cells)
            continue
        if len(found) == ROWS_MOST:
            raise SheetError(f"a table has more than {ROWS_MOST} rows", "split it into several")
        found.append(_row(number, columns, cells))
        left -= sum(map(len, found[-1].cells.values()))
        if left < 0:
            raise SheetError(f"a table has more than {CHARACTERS_MOST} characters", "split it into several")
    if not columns and not name:
        raise no_table()
    return Sheet(name, columns, found)


def _header(cells: Sequence[Cell]) -> tuple[str, ...]:
    names = ["" if isinstance(cell, NotText) else "_".join(_composed(cell).lower().split()) for cell in cells]
    while names and not names[-1]:
        names.pop()
    if len(names) > COLUMNS_MOST:
        raise SheetError(f"a table has more than {COLUMNS_MOST} columns", "leave out the others")
    if "" in names or len(set(names)) != len(names):
        raise SheetError("two columns have the same name, or one has none", "name each column once in the first row")
    return tuple(names)


def _row(number: int, columns: tuple[str, ...], cells: Sequence[Cell]) -> Row:
    texts: dict[str, str] = dict.fromkeys(columns, "")
    fault = None
    for at, cell in enumerate(cells):
        column = columns[at] if at < len(columns) else None
        if column is None:
            if isinstance(cell, NotText) or cell.strip():
                fault = "has more cells than the header has columns"
        elif isinstance(cell, NotText):
            fault = f"{column} {cell.why}"
        elif len(cell) > CELL_CHARACTERS_MOST:
            fault = f"{column} has more than {CELL_CHARACTERS_MOST} characters"
        elif isinstance(cell, Number):
            if column in MEASURES:
                texts[column] = _measure(cell)
            else:
                fault = (
                    f"{column} is a number in the spreadsheet, which loses first zeros and last digits; "
                    "format the column as text and write it again"
                )
        elif not (text := " ".join(_composed(cell).split())).isprintable():
            fault = f"{column} has characters that cannot be printed"
        else:
            texts[column] = text
    return Row(number, texts, fault)


def _measure(number: Number) -> str:
    """A number in usual notation: files have 8.0 and 5.1219999999999999E1."""
    try:
        value = float(number)
    except ValueError:
        return str(number)
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)


def _composed(text: str) -> str:
    """The composed form of letters with marks: Unicode has two forms of "é"."""
    return unicodedata.normalize("NFC", text)
