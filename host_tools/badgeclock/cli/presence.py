"""`badgeclock bridge presence`: items that need a decision, their evidence, and the decision.

An item is a presence's reference, or CLOCK/SEQ for a punch that has no presence. Every decision is kept with its author
and reason; the running bridge does what needs the authority.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from badgeclock.authorities.base import BELGIUM, Direction
from badgeclock.bridge.people.employers import enterprise_number
from badgeclock.bridge.presences.regimes import local_day
from badgeclock.bridge.registrar import corrections, office_registrations, review_queue
from badgeclock.bridge.registrar.corrections import Meant, Right
from badgeclock.bridge.registrar.decisions import CancelCode, Decision
from badgeclock.bridge.registrar.filings import Filed
from badgeclock.bridge.registrar.office_registrations import Entry, Outcome
from badgeclock.bridge.store.states import PresenceState
from badgeclock.bridge.wall_clock import wall_clock_ms
from badgeclock.cli.context import Config, acting, changing, looking, moment, punch_name
from badgeclock.protocol import record

app = typer.Typer(no_args_is_help=True, help="Presences: what waits for a person, its evidence, and what you decide.")

_WIDE: Final = 200
"""Columns of a table when no terminal limits it."""
_NEXT: Final = {
    PresenceState.CANCELLING: "the running bridge asks the authority to cancel it",
    PresenceState.QUEUED: "the running bridge sends it",
    PresenceState.CLOSED: "nothing is sent",
}

_REGISTERED: Final = {
    Outcome.QUEUED: "presence {item}; the running bridge sends it",
    Outcome.PLANNED: "planned as {item}; sent when the authority takes its day",
    Outcome.THERE: "registered or planned already: {item}",
}
_SHOWN: Final = (
    *("worker", "employer", "site", "workplace", "day", "way"),
    *("reception_number", "error_code", "error_text"),
)

Item = Annotated[str, typer.Argument(help="A presence's reference, or CLOCK/SEQ of a punch.")]
Reference = Annotated[str, typer.Argument(help="The presence's reference.")]
Why = Annotated[str, typer.Option("--reason", help="Why, in a sentence; it is kept with your name.")]
By = Annotated[str, typer.Option("--by", help="Who decides, for the record.", show_default="the system user")]
Code = Annotated[CancelCode, typer.Option(help="The reason that the authority is given.")]
Employer = Annotated[str | None, typer.Option(help="Of several employers, the one's enterprise number.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON, with all there is.")]


class Way(StrEnum):
    """What a punch meant."""

    IN = "in"
    OUT = "out"


@app.command("list")
def list_waiting(
    *,
    limit: Annotated[
        int, typer.Option(min=1, max=10_000, help="At most so many presences, and so many punches.")
    ] = 200,
    as_json: AsJson = False,
    config: Config = Path("bridge.toml"),
) -> None:
    """Show everything that waits for a person, and why."""
    with looking(config) as connection:
        found = review_queue.listing(connection, limit, wall_clock_ms())
    if as_json:
        for one in found:
            typer.echo(json.dumps(one))
        return
    table = Table("item", "site", "worker", "when", "way", "state", "why", "since", box=None, pad_edge=False)
    for one in found:
        when = moment(one["utc_ms"]) if one["utc_ms"] else one["day"] or "no time"
        why = one["reason"] or (f"code {one['error_code']}: {one['error_text']}" if one["error_code"] else "")
        if not why and one["assumed"]:
            why = f"assumed: {one['assumed']}"
        if one["manual"]:
            why = f"by hand; {why}"
        since = moment(one["since_ms"])
        table.add_row(one["item"], one["site"], one["worker"] or "", when, one["way"] or "", one["state"], why, since)
    Console(width=None if sys.stdout.isatty() else _WIDE).print(table)


@app.command()
def show(item: Item, *, as_json: AsJson = False, config: Config = Path("bridge.toml")) -> None:
    """Show all there is of a presence or a waiting punch: its punches with their seals, its calls, its decisions."""
    clock, seq = _punch(item)
    with looking(config) as connection:
        found = (
            review_queue.describe_presence(connection, item)
            if seq is None
            else review_queue.describe_punch(connection, clock, seq)
        )
    if as_json:
        typer.echo(json.dumps(found))
        return
    typer.echo(f"{found['item']}: {found['state']}{' (' + found['reason'] + ')' if found['reason'] else ''}")
    if found.get("manual"):
        typer.echo("  registered by hand")
    for name in (
        "worker",
        "employer",
        "site",
        "workplace",
        "day",
        "assumed",
        "way",
        "reception_number",
        "error_code",
        "error_text",
    ):
        if found.get(name):
            typer.echo(f"  {name.replace('_', ' ')}: {found[name]}")
    for remark in found.get("remarks", ()):
        typer.echo(f"  remark: {remark}")
    for one in found["punches"]:
        when = moment(one["utc_ms"]) if one["utc_ms"] else "without time"
        typer.echo(
            f"  punch {one['clock']}/{one['seq']}: {one['direction']} {when}, received {moment(one['received_ms'])}, "
            f"{'sealed' if one['sealed'] else 'not sealed'}, tag {one['tag']}"
        )
    for one in found.get("calls", ()):
        typer.echo(f"  call {one['call']}: sent {moment(one['sent_ms'])}, {one['outcome'] or 'no answer'}")
    for one in found.get("numbers", ()):
        typer.echo(f"  number {one['number']}: seen {moment(one['seen_ms'])}")
    for one in found.get("decisions", ()):
        replacement = f", now {one['replacement']}" if one["replacement"] else ""
        typer.echo(
            f"  {one['kind']} by {one['by']} {moment(one['asked_ms'])}: {one['why']}; "
            f"{one['outcome'] or 'under way'}{replacement}"
        )


@app.command()
def cancel(
    item: Reference,
    why: Why,
    code: Code = CancelCode.PLANNING,
    by: By = "",
    config: Config = Path("bridge.toml"),
) -> None:
    """Cancel a presence at the authority; one that was not sent yet is not sent.

    When its day is over it is written down for a correction file: `badgeclock bridge correction`.
    """
    with changing(config) as opened:
        done = corrections.cancel(opened.connection, item, code, _decision(by, why))
    _print_result(item, done)


@app.command()
def correct(
    item: Reference,
    why: Why,
    worker: Annotated[str | None, typer.Option(help="Whom to declare instead, if it was another worker.")] = None,
    site: Annotated[str | None, typer.Option(help="Where, if it was at another site.")] = None,
    way: Annotated[Way | None, typer.Option(help="In or out, if a movement went the other way.")] = None,
    employer: Employer = None,
    code: Code = CancelCode.PLANNING,
    by: By = "",
    config: Config = Path("bridge.toml"),
) -> None:
    """Declare a presence as the store has worker, employer and site now, or as you say; what is registered is cancelled
    first.

    So one that was refused is sent again once you have put right what the error code named. When its day is over it is
    written down for a correction file: `badgeclock bridge correction`.
    """
    right = Right(worker, employer and enterprise_number(employer), site, None if way is None else Direction(way.value))
    with changing(config) as opened:
        done = corrections.correct(opened.connection, item, right, code, _decision(by, why))
    _print_result(item, done)


@app.command()
def keep(item: Reference, why: Why, by: By = "", config: Config = Path("bridge.toml")) -> None:
    """Say that a presence which was assumed is right: the worker was there. It leaves the list."""
    with changing(config) as opened:
        corrections.keep(opened.connection, item, _decision(by, why))
    typer.echo(f"{item} stays.", err=True)


@app.command()
def declare(
    item: Item,
    why: Why,
    way: Annotated[Way | None, typer.Option(help="What the punch meant, if it does not say.")] = None,
    employer: Employer = None,
    day: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Its day, if its clock had no time.")
    ] = None,
    by: By = "",
    config: Config = Path("bridge.toml"),
) -> None:
    """Declare a punch that waits, with the time its clock sealed.

    When its day is over it is written down for a correction file: `badgeclock bridge correction`.
    """
    clock, seq = _punch(item)
    if seq is None:
        raise typer.BadParameter("a punch is named CLOCK/SEQ")
    meant = Meant(
        None if way is None else record.Direction[way.name],
        employer and enterprise_number(employer),
        day and day.date(),
    )
    with changing(config) as opened:
        done = corrections.declare_punch(opened.connection, clock, seq, meant, _decision(by, why))
    if isinstance(done, Filed):
        _print_result(item, done)
    else:
        typer.echo(f"{item} is declared with presence {done}.", err=True)


@app.command()
def close(
    item: Item,
    why: Why,
    by: By = "",
    *,
    whole_badge: Annotated[
        bool, typer.Option("--whole-badge", help="With it every punch of its badge at the site that waits so.")
    ] = False,
    config: Config = Path("bridge.toml"),
) -> None:
    """Take an item off the list: it is not to be declared, or was by other means."""
    clock, seq = _punch(item)
    if whole_badge and seq is None:
        raise typer.BadParameter("--whole-badge goes with a punch, named CLOCK/SEQ")
    closed = None
    with changing(config) as opened:
        if seq is None:
            corrections.close(opened.connection, item, _decision(by, why))
        elif whole_badge:
            closed = corrections.close_badge(opened.connection, clock, seq, _decision(by, why))
        else:
            corrections.close_punch(opened.connection, clock, seq, _decision(by, why))
    if closed is not None:
        typer.echo(f"punches of this badge that are closed: {closed}", err=True)
    _print_result(item, PresenceState.CLOSED)


@app.command()
def register(
    workers: Annotated[list[str], typer.Argument(help="The workers' references.")],
    site: Annotated[str, typer.Option(help="At which site.")],
    why: Why,
    days: Annotated[
        list[datetime] | None,
        typer.Option("--day", formats=["%Y-%m-%d"], help="For which day; as often as needed.", show_default="today"),
    ] = None,
    employer: Employer = None,
    by: By = "",
    config: Config = Path("bridge.toml"),
) -> None:
    """Register workers by hand, where the law has the employer register: construction and meat.

    The authority takes today and tomorrow; a later day is planned, and sent when it is taken. It is marked as yours
    everywhere.
    """
    kbo = employer and enterprise_number(employer)
    decision = _decision(by, why)
    wanted = [day.date() for day in days or ()] or [local_day(decision.now_ms, BELGIUM.key)]
    entries = [Entry(worker, site, day, kbo) for day in wanted for worker in workers]
    with changing(config) as opened:
        done = office_registrations.register(opened.connection, entries, decision)
    for one in done:
        said = _REGISTERED[one.outcome].format(item=one.item)
        typer.echo(f"{one.entry.worker} on {one.entry.day.isoformat()}: {said}", err=True)


@app.command()
def planned(*, as_json: AsJson = False, config: Config = Path("bridge.toml")) -> None:
    """Show what is planned to be registered by hand on days that the authority does not take yet."""
    with looking(config) as connection:
        found = office_registrations.planned(connection)
    if as_json:
        for one in found:
            typer.echo(json.dumps(one))
        return
    table = Table("number", "day", "site", "worker", "by", "why", box=None, pad_edge=False)
    for one in found:
        table.add_row(str(one["number"]), one["day"], one["site"], one["worker"], one["by"], one["why"])
    Console(width=None if sys.stdout.isatty() else _WIDE).print(table)


@app.command()
def withdraw(
    number: Annotated[int, typer.Argument(help="The number in `presence planned`.")],
    why: Why,
    by: By = "",
    config: Config = Path("bridge.toml"),
) -> None:
    """Take back a registration that is planned and was not sent yet."""
    with changing(config) as opened:
        office_registrations.withdraw(opened.connection, number, _decision(by, why))
    typer.echo(f"{number} is withdrawn; nothing is sent.", err=True)


def _decision(by: str, why: str) -> Decision:
    return Decision(acting(by), why, wall_clock_ms())


def _punch(item: str) -> tuple[str, int | None]:
    """Clock and number of a punch; a presence's reference has no number."""
    return punch_name(item) if "/" in item else (item, None)


def _print_result(item: str, done: PresenceState | Filed) -> None:
    if isinstance(done, Filed):
        typer.echo(
            f"the authority's service no longer takes {item}: it is written down as correction {done.number}. "
            f"Make its file with `badgeclock bridge correction write` and send it by {done.until.isoformat()}.",
            err=True,
        )
    else:
        typer.echo(f"{item} is {done}; {_NEXT[done]}.", err=True)
