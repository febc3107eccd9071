"""`badgeclock bridge today`: who is present, with which number or why not, and who was expected and has not punched."""

from __future__ import annotations

import json
import sys
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.padding import Padding
from rich.table import Table

from badgeclock.bridge.people import sites
from badgeclock.bridge.presences import today as reading
from badgeclock.bridge.presences.attendance import Status
from badgeclock.bridge.presences.expectations import Source
from badgeclock.bridge.presences.local_times import clock_text
from badgeclock.bridge.presences.regimes import local_day
from badgeclock.bridge.presences.today import Expected, Person, PlaceToday
from badgeclock.bridge.wall_clock import wall_clock_ms
from badgeclock.cli.context import WIDE, Config, looking

app = typer.Typer()

_SOURCE: Final = {
    Source.PLANNING: "planning tool",
    Source.LIST: "imported list",
    Source.DIMONA: "Dimona and declaration of works",
    Source.HABIT: "last working days",
}
_COUNTED: Final = {
    Status.HERE: "here",
    Status.BREAK: "on a break",
    Status.GONE: "gone",
    Status.MISSING: "missing",
    Status.LATER: "still to come",
    Status.ELSEWHERE: "elsewhere",
}
_NO_GOING: Final = "no OUT"
"""For a past day: who punched in and never out."""


@app.command()
def today(
    *,
    site: Annotated[str | None, typer.Option(help="One site alone, by its name.")] = None,
    day: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Another local day.", show_default="today")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, with all there is.")] = False,
    config: Config = Path("bridge.toml"),
) -> None:
    """Show by site who is here, since when, with which number or why not; and who was expected and has not punched."""
    with looking(config) as connection:
        site_id = None if site is None else sites.row_id(connection, site)
        report = reading.look(connection, wall_clock_ms(), day=day and day.date(), site_id=site_id)
    if as_json:
        typer.echo(json.dumps(reading.as_dict(report)))
        return
    # Values in the store are plain text: a site's name or an authority's error may contain brackets and colons.
    console = Console(width=None if sys.stdout.isatty() else WIDE, highlight=False, markup=False, emoji=False)
    for place in report.places:
        _print_place(console, place, is_over=place.day < local_day(report.now_ms, place.time_zone))
    if not report.places:
        typer.echo("Nobody is at a site, and nobody is expected.", err=True)


def _print_place(console: Console, place: PlaceToday, *, is_over: bool) -> None:
    counts = place.counts()
    summary = ", ".join(f"{counts[status]} {words}" for status, words in _COUNTED.items() if counts[status]) or "nobody"
    console.print(f"{' + '.join(place.sites)}  {place.workplace}  {place.day:%a %Y-%m-%d}  {summary}")
    columns = ["worker", "is", "since", "number, or why not"]
    if any(one.expected is not None for one in place.people):
        columns.append("expected")
    table = Table(*columns, box=None, pad_edge=False)
    for one in place.people:
        table.add_row(*_cells(one, place, _NO_GOING if is_over else Status.HERE)[: len(columns)])
    if place.people:
        console.print(Padding(table, (0, 0, 0, 2), expand=False))
    console.print()


def _cells(one: Person, place: PlaceToday, here: str) -> tuple[str, ...]:
    def at(ms: int | None) -> str:
        return "" if ms is None else clock_text(ms, place.time_zone, place.day)

    number = "" if one.number is None else str(one.number)
    why = one.why or ""
    if any(declared.manual for declared in one.declarations):
        why = f"by hand  {why}".rstrip()
    if one.item is not None:
        why = f"{why} ({one.item})"
    status: str = here if one.status is Status.HERE else one.status
    if one.status in (Status.BREAK, Status.GONE):
        status = f"{status} {at(one.last_ms)}"
    if one.status is Status.ELSEWHERE:
        status = f"at {one.elsewhere}"
    gate = f", {one.site}" if len(place.sites) > 1 and one.since_ms is not None else ""
    return (
        one.worker or "unknown badge",
        status,
        at(one.since_ms) + gate,
        f"{number}  {why}".strip() or ("" if one.since_ms is None else "no number"),
        "" if one.expected is None else _expected(one.expected, place),
    )


def _expected(expected: Expected, place: PlaceToday) -> str:
    def at(ms: int | None, day: date) -> str:
        return "" if ms is None else clock_text(ms, place.time_zone, day)

    begins = at(expected.from_ms, place.day)
    # An end on the next day is recognised by not being after its beginning.
    ends = "" if expected.to_ms is None else at(expected.to_ms, local_day(expected.to_ms, place.time_zone))
    hours = f"{begins}-{ends}  " if ends else f"{begins}  " if begins else ""
    source = _SOURCE[expected.source]
    if expected.days_there is not None:
        hours = f"by {begins}  " if begins else ""
        source = f"{source}: {expected.days_there} of {expected.days_seen}"
    return f"{hours}{source}"
