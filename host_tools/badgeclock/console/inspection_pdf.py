"""The inspector's list as a PDF: A4, with the page's content and language."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from babel import Locale
from babel.dates import format_date
from fpdf.fonts import FontFace

from badgeclock.bridge.presences.local_times import local_moment
from badgeclock.console.inspection_view import VERDICTS, Inspection, Row, Shows
from badgeclock.console.paper import GREY, PINK, PROOF, Paper
from badgeclock.console.presences_view import STATES

_HEADS: Final = ("Worker", "Employer", "Arrival", "Reception number", "The clock's record")
_WIDTHS: Final = (60, 62, 26, 62, 67)
_NUMBER_WIDTH: Final = 44
_Words = Callable[[str], str]


def as_pdf(found: Inspection, words: _Words, locale: Locale) -> bytes:
    """The list as PDF; `words` translates a message."""
    paper = Paper(f"{words('On site now')} · {found.site}", words(PROOF), found.now_ms, "landscape")
    moment = f"{local_moment(found.now_ms, found.zone):%Y-%m-%d %H:%M:%S %z}"
    facts = [found.workplace, found.address, format_date(found.day, "full", locale=locale), moment]
    paper.line_of(" · ".join(fact for fact in facts if fact))
    paper.line_of(f"{words('Inside')}: {len(found.rows)} · {words('No number')}: {found.without}")
    shows_number = found.shows is Shows.NUMBER
    widths = (_WIDTHS[0], _NUMBER_WIDTH, *_WIDTHS[1:]) if shows_number else _WIDTHS
    heads = (_HEADS[0], "National number", *_HEADS[1:]) if shows_number else _HEADS
    paper.begin_table()
    with paper.table(
        col_widths=widths,
        headings_style=FontFace(emphasis="", fill_color=GREY),
        line_height=5,
        padding=1,
        text_align="LEFT",
        borders_layout="HORIZONTAL_LINES",
    ) as table:
        table.row([words(head) for head in heads])
        for row in found.rows:
            cells = _cells(row, found, words)
            style = FontFace(fill_color=PINK) if row.reception_number is None else None
            table.row(cells if shows_number else [cells[0], *cells[2:]], style=style)
    return bytes(paper.output())


def _cells(row: Row, found: Inspection, words: _Words) -> list[str]:
    who = " ".join(part for part in (row.name, row.worker) if part) or words("Unknown badge")
    employer = f"{row.employer} {row.employer_name}".strip() or ("Limosa" if row.worker else "")
    arrival = "" if row.since_ms is None else f"{local_moment(row.since_ms, found.zone):%H:%M}"
    if row.on_break:
        arrival = f"{arrival} {words('On a break')}"
    number = words("No number") if row.reception_number is None else str(row.reception_number)
    if row.state is not None and row.reception_number is None:
        number = f"{number}: {words(STATES[row.state])}"
        number = f"{number}: code {row.error_code}" if row.error_code else number
    record = "" if row.record is None else f" {row.record[0]}/{row.record[1]}"
    verdict = f"{words(VERDICTS[row.verdict])}{record}"
    if row.manual:
        verdict = f"[{words('by hand')}] {verdict}"
    return [who, row.number, employer, arrival, number, verdict]
