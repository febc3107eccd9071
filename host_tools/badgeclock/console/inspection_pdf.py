"""The inspector's list as a PDF: A4, with the page's content and language."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from babel import Locale
from babel.dates import format_date
from fpdf import FPDF
from fpdf.fonts import FontFace

from badgeclock.bridge.presences.local_times import local_moment
from badgeclock.console.inspection_view import VERDICTS, Inspection, Row, Shows
from badgeclock.console.presences_view import STATES

FONT_FILE: Final = Path(__file__).parent / "fonts" / "DejaVuSans.ttf"
PROOF: Final = "The reception number is the proof of registration; a record of a clock is none."
_FONT: Final = "DejaVu"
_GREY: Final = (235, 235, 235)
_PINK: Final = (253, 230, 230)
_HEADS: Final = ("Worker", "Employer", "Arrival", "Reception number", "The clock's record")
_WIDTHS: Final = (60, 62, 26, 62, 67)
_NUMBER_WIDTH: Final = 44
_Words = Callable[[str], str]


class _Paper(FPDF):
    """The document; its footer has the sentence on proof and the page number."""

    def __init__(self, foot: str) -> None:
        super().__init__(orientation="landscape", format="A4")
        self._foot = foot
        self.add_font(_FONT, fname=FONT_FILE)
        self.set_auto_page_break(auto=True, margin=18)

    def footer(self) -> None:
        """The footer of each page."""
        self.set_y(-14)
        self.set_font(_FONT, size=7)
        self.cell(0, 5, self._foot)
        self.cell(0, 5, f"{self.page_no()}/{{nb}}", align="R")


def as_pdf(found: Inspection, words: _Words, locale: Locale) -> bytes:
    """The list as PDF; `words` translates a message."""
    paper = _Paper(words(PROOF))
    paper.set_creation_date(datetime.fromtimestamp(found.now_ms / 1000, UTC))
    paper.set_title(f"{words('On site now')} · {found.site}")
    paper.add_page()
    paper.set_font(_FONT, size=16)
    paper.cell(0, 9, f"{words('On site now')} · {found.site}", new_x="LMARGIN", new_y="NEXT")
    paper.set_font(_FONT, size=9)
    moment = f"{local_moment(found.now_ms, found.zone):%Y-%m-%d %H:%M:%S %z}"
    facts = [found.workplace, found.address, format_date(found.day, "full", locale=locale), moment]
    paper.multi_cell(0, 5, " · ".join(fact for fact in facts if fact), new_x="LMARGIN", new_y="NEXT")
    counts = f"{words('Inside')}: {len(found.rows)} · {words('No number')}: {found.without}"
    paper.cell(0, 5, counts, new_x="LMARGIN", new_y="NEXT")
    paper.ln(3)
    shows_number = found.shows is Shows.NUMBER
    widths = (_WIDTHS[0], _NUMBER_WIDTH, *_WIDTHS[1:]) if shows_number else _WIDTHS
    heads = (_HEADS[0], "National number", *_HEADS[1:]) if shows_number else _HEADS
    paper.set_font(_FONT, size=8)
    with paper.table(
        col_widths=widths,
        headings_style=FontFace(emphasis="", fill_color=_GREY),
        line_height=5,
        padding=1,
        text_align="LEFT",
        borders_layout="HORIZONTAL_LINES",
    ) as table:
        table.row([words(head) for head in heads])
        for row in found.rows:
            cells = _cells(row, found, words)
            style = FontFace(fill_color=_PINK) if row.reception_number is None else None
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
