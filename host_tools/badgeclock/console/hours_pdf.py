"""A worker's hours as a PDF, in the page's language: a row a shift, and that they are no proof."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

from babel import Locale
from babel.dates import format_date
from fpdf.fonts import FontFace

from badgeclock.bridge.presences.local_times import local_moment
from badgeclock.bridge.presences.worked_hours import WorkedShift
from badgeclock.console import hours_view
from badgeclock.console.attention_view import DEFAULT_ZONE
from badgeclock.console.paper import GREY, PINK, PROOF, Paper

TITLE = "Your registrations and hours"
NO_PROOF = "Hours come from punches, and are no proof. The reception number is the proof of a registration."
WORKED = "Worked: %(hours)s"
_HEADS = ("Day", "Site", "In", "Out", "Worked", "Break", "Reception number")
_WIDTHS = (38, 42, 17, 17, 25, 17, 34)
_Words = Callable[[str], str]


def as_pdf(
    found: Sequence[WorkedShift],
    worker: str,
    days: tuple[date, date],
    now_ms: int,
    words: _Words,
    locale: Locale,
) -> bytes:
    """The shifts of one worker, by the office's reference; `words` gives a message in the page's language."""
    paper = Paper(f"{words(TITLE)} · {worker}", words(PROOF), now_ms, "portrait")
    moment = f"{local_moment(now_ms, DEFAULT_ZONE):%Y-%m-%d %H:%M:%S %z}"
    first, last = (format_date(day, "long", locale=locale) for day in days)
    paper.line_of(f"{first} \N{EN DASH} {last} · {moment}")
    paper.line_of(words(NO_PROOF))
    paper.line_of(words(WORKED) % {"hours": _hours(hours_view.total(found))})
    if not found:
        paper.line_of(words("There are none."))
        return bytes(paper.output())
    paper.begin_table()
    with paper.table(
        col_widths=_WIDTHS,
        headings_style=FontFace(emphasis="", fill_color=GREY),
        line_height=5,
        padding=1,
        text_align="LEFT",
        borders_layout="HORIZONTAL_LINES",
    ) as table:
        table.row([words(head) for head in _HEADS])
        for one in found:
            table.row(_cells(one, words, locale), style=None if one.numbers else FontFace(fill_color=PINK))
    return bytes(paper.output())


def _cells(one: WorkedShift, words: _Words, locale: Locale) -> list[str]:
    hours = one.hours
    worked = _hours(hours.worked_min)
    if not hours.is_complete and not one.is_manual:
        worked = f"{worked} {words('incomplete')}"
    numbers = "\n".join(map(str, one.numbers)) or words("No number")
    if one.is_manual:
        numbers = f"[{words('by hand')}] {numbers}"
    return [
        format_date(one.day, "EE d MMM y", locale=locale),
        " + ".join(one.sites),
        _clock(hours.first_ms, one.zone),
        _clock(hours.last_ms, one.zone),
        worked,
        _hours(hours.break_min) if hours.break_min else "",
        numbers,
    ]


def _clock(utc_ms: int | None, zone: str) -> str:
    return "" if utc_ms is None else f"{local_moment(utc_ms, zone):%H:%M}"


def _hours(minutes: int) -> str:
    return f"{minutes // 60}:{minutes % 60:02d}"
