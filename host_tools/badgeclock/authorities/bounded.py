"""Checks an answer's size and structure against bounds while scanning it, before anything is built of it.

A few megabytes of tags, attributes or brackets are a gigabyte as a tree. The largest page that the bridge requests, 500
presences with their history, has some 30,000 elements, or as many values in JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final, NoReturn
from xml.parsers import expat

from badgeclock.authorities.errors import Flaw, NotSoap

PARTS_MOST: Final = 150_000
"""Elements and attributes, or values of JSON."""
DEPTH_MOST: Final = 128
TAG_CHARACTERS_MOST: Final = 64 * 1024
"""From one `<` to the next: a tag with its attributes, which cannot contain another `<`, and the text after it."""
_LONG: Final = re.compile(f"[^<]{{{TAG_CHARACTERS_MOST}}}")
_LONG_BYTES: Final = re.compile(b"<" + _LONG.pattern.encode())
_IN_UTF_8: Final = re.compile(
    rb"""<\?xml version=(["'])1\.0\1(?: encoding=(["'])utf-8\2)?(?: standalone=(["'])(?:yes|no)\3)?\s*\?>|<[a-z_]""",
    re.IGNORECASE,
)
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<")
_CHUNK: Final = 64 * 1024


def check_xml(data: bytes) -> None:
    """Raise NotSoap for XML with more than `PARTS_MOST`, a tag that is too long, or a document type.

    Malformed XML is left to the parser, which reports it. The depth is to be checked in the tree: the parser itself
    stops where it would be a danger.
    """
    _check_tags(data)
    if not _has_few_parts(data):
        _scan(data)


def _has_few_parts(data: bytes) -> bool:
    """Whether the bytes alone prove it, as they do for nearly every answer: in UTF-8, where a `<` begins each element
    and a `=` is in each attribute, and no document type can add any.
    """
    return (
        data.count(b"<") + data.count(b"=") <= PARTS_MOST
        and _IN_UTF_8.match(data) is not None
        and b"<!DOCTYPE" not in data
    )


def _scan(data: bytes) -> None:
    """The same by a scan, which stops at the depth too."""
    left, depth = PARTS_MOST, 0

    def started(_: str, attributes: list[str]) -> None:
        nonlocal left, depth
        depth += 1
        left -= 1 + len(attributes) // 2
        if left < 0 or depth > DEPTH_MOST:
            raise NotSoap(Flaw.TOO_LARGE)

    def ended(_: str) -> None:
        nonlocal depth
        depth -= 1

    def declared(*_: object) -> NoReturn:
        raise NotSoap(Flaw.DOCTYPE)

    parser = expat.ParserCreate()
    parser.ordered_attributes = True
    parser.StartElementHandler = started
    parser.EndElementHandler = ended
    parser.StartDoctypeDeclHandler = declared
    try:
        for at in range(0, len(data), _CHUNK):
            parser.Parse(data[at : at + _CHUNK])
    except (expat.ExpatError, LookupError, ValueError) as error:
        if isinstance(error, NotSoap):
            raise
        raise NotSoap(Flaw.NOT_XML) from None


def _check_tags(data: bytes) -> None:
    if data.startswith(_UTF_16):
        try:
            is_long = _LONG.search(data.decode("utf-16" if data[:2] in _UTF_16[:2] else _utf_16_of(data))) is not None
        except UnicodeDecodeError:
            raise NotSoap(Flaw.NOT_XML) from None
    else:
        before = data.find(b"<") if b"<" in data else len(data)
        is_long = before >= TAG_CHARACTERS_MOST or _LONG_BYTES.search(data, before) is not None
    if is_long:
        raise NotSoap(Flaw.TOO_LARGE)


def _utf_16_of(data: bytes) -> str:
    return "utf-16-le" if data[0] else "utf-16-be"


def read_json(content: bytes, parse_constant: Callable[[str], Any] | None = None) -> Any:
    """The value of a JSON text. Raises ValueError if it is malformed, or has too many values; RecursionError if it is
    too deep."""
    if sum(map(content.count, (b",", b"[", b"{"))) > PARTS_MOST:
        raise ValueError("too many values")
    return json.loads(content, parse_constant=parse_constant)
