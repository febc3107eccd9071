"""How much memory hostile answers of an authority and hostile spreadsheets cost, each in its own process."""

from __future__ import annotations

import subprocess
import sys

import pytest

from badgeclock.toolchain.places import ROOT

MEGABYTES_MOST = 100
"""The memory limit for one answer or file. Before the limits, 14 MB of elements cost 445 MB, 900,000 attributes 297 MB
(1.4 GB with all that reads them), and a spreadsheet of 27 kB 1.09 GB.
"""
MEASURE = """
import contextlib, ctypes
from tests.host import test_memory_limits as these
read = these.{name}
status = lambda: int(next(l for l in open("/proc/self/status") if l.startswith("VmHWM")).split()[1])
work = read()
ctypes.CDLL(None).malloc_trim(0)  # what making it took is not what reading it takes
with contextlib.suppress(OSError):
    open("/proc/self/clear_refs", "w").write("5")
before = status()
try:
    work()
except these.refusals() as refused:
    print("refused", end=" ")
else:
    print("read", end=" ")
print((status() - before) // 1024)
"""
ENVELOPE = b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>%s</s:Body></s:Envelope>'


def refusals() -> tuple[type[Exception], ...]:
    from badgeclock.authorities.errors import AnswerMalformed, NotSoap
    from badgeclock.bridge.errors import SheetError

    return NotSoap, AnswerMalformed, SheetError


def _soap(inner: bytes) -> object:
    from badgeclock.authorities import soap
    from badgeclock.authorities.transport import ANSWER_LIMIT_BYTES

    data = (ENVELOPE % inner)[:ANSWER_LIMIT_BYTES]
    return lambda: soap.parse_envelope(data, ANSWER_LIMIT_BYTES)


def elements() -> object:
    return _soap(b"<m>" + b"<a/>" * 1_040_000 + b"</m>")


def attributes() -> object:
    return _soap(b"<m " + b" ".join(b"a%d='>'" % n for n in range(300_000)) + b"/>")


def attributes_of_many() -> object:
    return _soap(b"<m>" + (b"<a " + b" ".join(b"b%d=''" % n for n in range(1000)) + b"/>") * 430 + b"</m>")


def depth() -> object:
    return _soap(b"<a>" * 300_000 + b"</a>" * 300_000)


def brackets() -> object:
    from badgeclock.authorities.onss import rest_messages
    from badgeclock.authorities.transport import ANSWER_LIMIT_BYTES

    data = b'{"a":[' + b"{}," * 1_300_000 + b"0]}"
    assert len(data) < ANSWER_LIMIT_BYTES
    return lambda: rest_messages.parse(data)


def _workbook(sheet: bytes, styles: bytes = b"") -> object:
    from tests.host.bridge.people.test_imports import hand_made

    from badgeclock.bridge.people import spreadsheets

    content = hand_made(sheet.decode(), styles=styles.decode() or "<cellXfs/>")
    return lambda: spreadsheets.read(content)


HEADER = b'<row><c t="str"><v>kbo</v></c></row>'


def styles() -> object:
    return _workbook(HEADER, b"<cellXfs>" + b"<xf/>" * 3_000_000 + b"</cellXfs>")


def attributes_of_a_row() -> object:
    return _workbook(HEADER + b"<row " + b" ".join(b"a%d='>'" % n for n in range(3_000_000)) + b"/>")


def texts() -> object:
    return _workbook(HEADER + (b'<row><c t="str"><v>' + b"x" * 1000 + b"</v></c></row>") * 9_999 * 5)


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("elements", "refused"),
        ("attributes", "refused"),
        ("attributes_of_many", "refused"),
        ("depth", "refused"),
        ("brackets", "refused"),
        ("styles", "read"),
        ("attributes_of_a_row", "refused"),
        ("texts", "refused"),
    ],
)
def test_what_a_hostile_answer_or_file_costs_is_bounded(name: str, outcome: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", MEASURE.format(name=name)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    said, megabytes = done.stdout.split()
    assert said == outcome
    assert int(megabytes) < MEGABYTES_MOST
