"""The cells of an XLSX file (ECMA-376, transitional or strict), read in one pass, without its styles.

Memory is bounded by the limits of a table, not by the unpacked size: members are parsed while being unpacked, and only
cells' texts are kept, and which number formats are dates. A number stays as written in the file. Document types are
refused, formulas are not evaluated, references out of the file are ignored.

Any fault of the file raises SheetError.
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple
from xml.parsers import expat

from badgeclock.bridge.errors import SheetError

UNPACKED_BYTES_MOST: Final = 64 * 2**20
MEMBERS_MOST: Final = 500
COLUMNS_MOST: Final = 64
CELL_CHARACTERS_MOST: Final = 1000
CHARACTERS_MOST: Final = 16 * 2**20
"""Limit of a table, and of the shared texts of a file's sheets."""
SHARED_TEXTS_MOST: Final = 640_000
ELEMENTS_MOST: Final = 2_000_000
"""Limit of one part; the largest table has 1.3 million, plus formatted blank cells."""
_TAG_BYTES_MOST: Final = 256 * 1024
_DEPTH_MOST: Final = 64
_CELL_FORMATS_MOST: Final = 65_490
"""Excel's own limit of cell formats in a workbook; a cell with a format beyond it was not written by Excel."""
_CHUNK: Final = 64 * 1024
_DATE_FORMATS: Final = frozenset({*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)})
"""The built-in number formats for a day or a time (ECMA-376 part 1, 18.8.30)."""
_NOT_LETTERS_OF_A_FORMAT: Final = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]')
_CELL_NAME: Final = re.compile(r"([A-Z]{1,3})[1-9][0-9]*")
_COMPRESSIONS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_BROKEN: Final = "save the table again, as CSV or XLSX"


class Number(str):
    """A numeric cell, as written in the file."""

    __slots__ = ()


class NotText(NamedTuple):
    """A cell that is not text, and why."""

    why: str


Cell = str | Number | NotText
_FORMULA: Final = NotText("holds a formula; paste its value instead")
_ERROR: Final = NotText("holds an error of the spreadsheet; correct it there")
_DATE: Final = NotText("holds a date or a truth value; format the column as text and write it again")


class Workbook:
    """An XLSX file. Raises SheetError, also while rows are read."""

    def __init__(self, content: bytes) -> None:
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(content))
        except Exception as error:  # noqa: BLE001 - zipfile raises many kinds for a broken archive
            raise _broken(error) from None
        members = self._archive.infolist()
        if len(members) > MEMBERS_MOST or sum(member.file_size for member in members) > UNPACKED_BYTES_MOST:
            raise SheetError(
                f"the file is larger than {UNPACKED_BYTES_MOST // 2**20} MB when unpacked", "split it into several"
            )
        if any(member.compress_type not in _COMPRESSIONS for member in members):
            raise SheetError("the file is packed as no XLSX is", _BROKEN)
        self._names = {member.filename for member in members}
        if "mimetype" in self._names:
            raise SheetError("the file is an OpenDocument table", "save it as XLSX or CSV")
        main = next((target for kind, _, target in self._relations("") if kind == "officeDocument"), None)
        if main is None:
            raise SheetError("the file is no XLSX: it names no workbook", _BROKEN)
        relations = self._relations(main)
        parts = {key: target for kind, key, target in relations if kind == "worksheet"}
        self._sheets = {name: parts[key] for name, key in self._listed(main) if key in parts}
        self._shared_part = next((target for kind, _, target in relations if kind == "sharedStrings"), None)
        self._styles_part = next((target for kind, _, target in relations if kind == "styles"), None)
        self._shared: list[str] | None = None
        self._dates: frozenset[int] | None = None

    @property
    def names(self) -> list[str]:
        """The names of the sheets, in order, without chart sheets."""
        return list(self._sheets)

    def rows(self, name: str) -> Iterator[tuple[int, Sequence[Cell]]]:
        """The rows of a sheet with a non-empty cell, each with its number as in a spreadsheet."""
        if self._shared is None or self._dates is None:
            self._shared = self._shared_texts()
            self._dates = self._date_formats()
        reader = _SheetReader(self._shared, self._dates)
        yield from self._parse(self._sheets[name], reader.start, reader.end, reader.text, reader.taken)

    def _listed(self, main: str) -> list[tuple[str, str]]:
        """The name of each sheet in the workbook, and the key of its part."""
        found: list[tuple[str, str]] = []

        def start(name: str, attributes: dict[str, str]) -> None:
            if name == "sheet":
                found.append((attributes.get("name", ""), attributes.get("id", "")))

        self._parse_whole(main, start)
        return found

    def _relations(self, part: str) -> list[tuple[str, str, str]]:
        """The references of a part, as (kind, key, part), without those out of the file."""
        folder, _, file = part.rpartition("/")
        found: list[tuple[str, str, str]] = []

        def start(name: str, attributes: dict[str, str]) -> None:
            if name == "Relationship" and attributes.get("TargetMode") != "External":
                target = posixpath.normpath(posixpath.join("/" + folder, attributes.get("Target", ""))).lstrip("/")
                found.append((attributes.get("Type", "").rpartition("/")[2], attributes.get("Id", ""), target))

        self._parse_whole(posixpath.join(folder, "_rels", f"{file}.rels"), start)
        return [relation for relation in found if relation[2] in self._names]

    def _shared_texts(self) -> list[str]:
        texts: list[str] = []
        left = CHARACTERS_MOST
        collected = _Text()

        def start(name: str, _: dict[str, str]) -> None:
            collected.start(name)

        def end(name: str) -> None:
            nonlocal left
            collected.end(name)
            if name == "si":
                texts.append(collected.take())
                left -= len(texts[-1])
                if left < 0 or len(texts) > SHARED_TEXTS_MOST:
                    raise SheetError("the file has more text than a table may hold", "split it into several")

        if self._shared_part is not None:
            self._parse_whole(self._shared_part, start, end, collected.text)
        return texts

    def _date_formats(self) -> frozenset[int]:
        """The cell formats that show a number as a day or a time. Fonts, fills and the rest are skipped."""
        custom: set[int] = set()
        dates: set[int] = set()
        count = -1

        def start(name: str, attributes: dict[str, str]) -> None:
            nonlocal count
            if name == "cellXfs":
                count = 0
            elif name == "numFmt" and _shows_a_date(attributes.get("formatCode", "")):
                custom.add(_whole(attributes.get("numFmtId")))
            elif name == "xf" and count >= 0:
                shown = _whole(attributes.get("numFmtId", "0"))
                if shown in _DATE_FORMATS or shown in custom:
                    dates.add(count)
                count += 1
                if count > _CELL_FORMATS_MOST or len(custom) > _CELL_FORMATS_MOST:
                    raise _Enough

        def end(name: str) -> None:
            if name == "cellXfs":
                raise _Enough

        if self._styles_part is not None:
            self._parse_whole(self._styles_part, start, end)
        return frozenset(dates)

    def _parse_whole(
        self,
        part: str,
        start: Callable[[str, dict[str, str]], None],
        end: Callable[[str], None] = lambda _: None,
        text: Callable[[str], None] = lambda _: None,
    ) -> None:
        try:
            for _ in self._parse(part, start, end, text, list):
                pass
        except _Enough:
            pass

    def _parse(
        self,
        part: str,
        start: Callable[[str, dict[str, str]], None],
        end: Callable[[str], None],
        text: Callable[[str], None],
        taken: Callable[[], list[tuple[int, Sequence[Cell]]]],
    ) -> Iterator[tuple[int, Sequence[Cell]]]:
        """Parse a member while unpacking it. Names come without namespace: strict files have others."""
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        depth = elements = 0

        def opened(name: str, attributes: dict[str, str]) -> None:
            nonlocal depth, elements
            depth += 1
            elements += 1
            if depth > _DEPTH_MOST or elements > ELEMENTS_MOST:
                raise SheetError("the file has more parts than a table may have", "split it into several")
            start(_local(name), {_local(key): value for key, value in attributes.items()} if attributes else attributes)

        def closed(name: str) -> None:
            nonlocal depth
            depth -= 1
            end(_local(name))

        def declared(*_: object) -> None:
            raise SheetError("the file declares document types of its own", "save the table again, from a spreadsheet")

        parser.StartElementHandler = opened
        parser.EndElementHandler = closed
        parser.CharacterDataHandler = text
        parser.StartDoctypeDeclHandler = declared
        since_tag = 0
        try:
            with self._archive.open(part) as file:  # returns no more bytes than declared
                while some := file.read(_CHUNK):
                    if b"\0" in some:
                        raise SheetError("the file has a part that is no UTF-8", _BROKEN)
                    # An attribute may contain ">", but not "<".
                    since_tag = len(some) - some.rfind(b"<") if b"<" in some else since_tag + len(some)
                    if since_tag > _TAG_BYTES_MOST:
                        raise SheetError("the file has a tag or a text without end", _BROKEN)
                    parser.Parse(some)
                    yield from taken()
                parser.Parse(b"", True)  # noqa: FBT003 - expat's own signature: the end
                yield from taken()
        except (SheetError, _Enough):
            raise
        except Exception as error:  # noqa: BLE001 - zipfile and expat raise many kinds for a broken file
            raise _broken(error) from None


class _Enough(Exception):
    """Stop: the rest of this member is not needed."""


class _Text:
    """The text of `<t>`, without that of `<rPh>`, a phonetic reading."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._length = 0
        self._inside = False
        self._aloud = False

    def start(self, name: str) -> None:
        self._inside = name == "t" and not self._aloud
        self._aloud = self._aloud or name == "rPh"

    def end(self, name: str) -> None:
        self._inside = False
        if name == "rPh":
            self._aloud = False

    def text(self, piece: str) -> None:
        if self._inside:
            self.add(piece)

    def add(self, piece: str) -> None:
        """Keep a piece; of a text too long for a cell only enough to detect that."""
        kept = piece[: CELL_CHARACTERS_MOST + 1 - self._length]
        if kept:
            self._pieces.append(kept)
            self._length += len(kept)

    def take(self) -> str:
        whole = "".join(self._pieces)
        self._pieces.clear()
        self._length = 0
        return whole


class _SheetReader:
    """Makes rows of a worksheet's elements."""

    def __init__(self, shared: Sequence[str], dates: frozenset[int]) -> None:
        self._shared = shared
        self._dates = dates
        self._rows: list[tuple[int, Sequence[Cell]]] = []
        self._number = 0
        self._cells: dict[int, Cell] = {}
        self._column = -1
        self._kind = ""
        self._format = 0
        self._is_formula = False
        self._value = _Text()
        self._in_value = False
        self._inline = _Text()

    def taken(self) -> list[tuple[int, Sequence[Cell]]]:
        """The rows completed since the last call."""
        rows, self._rows = self._rows, []
        return rows

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "row":
            self._number = _whole(attributes["r"]) if "r" in attributes else self._number + 1
            self._cells = {}
            self._column = -1
        elif name == "c":
            self._column = _column(attributes["r"]) if "r" in attributes else self._column + 1
            self._kind = attributes.get("t", "n")
            self._format = _whole(attributes.get("s", "0"))
            self._is_formula = False
        elif name == "f":
            self._is_formula = True
        elif name == "v":
            self._in_value = True
        else:
            self._inline.start(name)

    def text(self, piece: str) -> None:
        if self._in_value:
            self._value.add(piece)
        else:
            self._inline.text(piece)

    def end(self, name: str) -> None:
        self._in_value = False
        if name == "row":
            if self._cells:
                width = min(max(self._cells), COLUMNS_MOST) + 1
                self._rows.append((self._number, [self._cells.get(column, "") for column in range(width)]))
            self._cells = {}
        elif name == "c":
            cell = self._cell(self._value.take(), self._inline.take())
            if cell if isinstance(cell, NotText) else cell.strip():
                # Cells beyond the widest table are a fault of their row.
                self._cells[min(self._column, COLUMNS_MOST)] = cell
        else:
            self._inline.end(name)

    def _cell(self, value: str, inline: str) -> Cell:
        if self._is_formula:
            return _FORMULA
        if self._kind == "inlineStr":
            return inline
        if not value:
            return ""
        if self._kind == "s":
            at = _whole(value)
            if at >= len(self._shared):
                raise SheetError("the file is no XLSX that can be read: a text is missing", _BROKEN)
            return self._shared[at]
        if self._kind == "n":
            return _DATE if self._format in self._dates or self._format > _CELL_FORMATS_MOST else Number(value)
        return {"e": _ERROR, "b": _DATE, "d": _DATE}.get(self._kind, value)


def _local(name: str) -> str:
    return name.rpartition(" ")[2]


def _whole(text: str | None) -> int:
    if text is None or not text.isascii() or not text.isdecimal() or len(text) > 10:
        raise SheetError("the file is no XLSX that can be read: a count is no number", _BROKEN)
    return int(text)


def _column(name: str) -> int:
    """The number of a cell's column, from 0: "A7" is 0, "AA7" is 26."""
    found = _CELL_NAME.fullmatch(name)
    if found is None:
        raise SheetError("the file is no XLSX that can be read: a cell has no place", _BROKEN)
    column = 0
    for letter in found[1]:
        column = column * 26 + ord(letter) - ord("A") + 1
    return column - 1


def _shows_a_date(code: str) -> bool:
    return re.search("[dmyhs]", _NOT_LETTERS_OF_A_FORMAT.sub("", code.partition(";")[0]).lower()) is not None


def _broken(error: Exception) -> SheetError:
    return SheetError(f"the file is no XLSX that can be read ({type(error).__name__})", _BROKEN)
