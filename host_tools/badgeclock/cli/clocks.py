"""`badgeclock bridge clock`: the bridge's clocks: orders, settings, retirement."""

from __future__ import annotations

import json
import os
import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table

from badgeclock.bridge.clocks import registry, remote_settings, silences
from badgeclock.bridge.downlink import orders
from badgeclock.bridge.store.audit_log import Act
from badgeclock.bridge.store.states import ClockState
from badgeclock.bridge.wall_clock import wall_clock_ms
from badgeclock.cli.context import STDIN, WIDE, Config, changing, looking, moment, opened_store, operator, secret_text
from badgeclock.protocol.frames import Command
from badgeclock.protocol.record import Origin

if TYPE_CHECKING:
    from badgeclock.bridge.store.database import Store

app = typer.Typer(no_args_is_help=True, help="Clocks, from the bundles that the workshop wrote.")

_WITHDRAWN: Final = "withdrawn"
_LOOK_S: Final = 0.2


@app.command("add")
def add_clock(
    bundle: Annotated[Path, typer.Argument(help="The clock's bundle.json; `-` is stdin.")],
    site: Annotated[str, typer.Option(help="The site it is at.")],
    *,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the bundle's file where it is.")] = False,
    config: Config = Path("bridge.toml"),
) -> None:
    """Add a provisioned clock, or one that was provisioned again. Its bundle is deleted then: the store has what it
    needs, enciphered, and the workshop has the bundle.
    """
    from badgeclock.bridge.clocks import enrolment  # noqa: PLC0415 - the other commands need none of it

    content = enrolment.read_bundle(secret_text(bundle))
    with changing(config) as opened:
        clock_id = enrolment.add(opened.connection, opened.vault, content, site=site, now_ms=wall_clock_ms())
        opened.note(Act.CLOCK_ADDED, ("clock", clock_id), site=site)
    typer.echo(f"Clock {content['clock_id']!r} added.", err=True)
    if keep or bundle == STDIN:
        return
    from badgeclock.technician.loose_roots import is_in_workshop  # noqa: PLC0415 - the other commands do not need it

    if is_in_workshop(bundle):
        typer.echo(
            f"{bundle} is the workshop's own and stays: a workshop belongs on a machine without a network", err=True
        )
        return
    bundle.unlink()
    typer.echo(f"{bundle} is deleted: who has it can forge what this clock recorded and will record", err=True)


@app.command("list")
def list_clocks(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, with all there is.")] = False,
    config: Config = Path("bridge.toml"),
) -> None:
    """Show every clock: its state, its next record, its newest status, and what is wrong with it and to be done."""
    with looking(config) as connection:
        found = registry.listing(connection)
    if as_json:
        for clock in found:
            typer.echo(json.dumps(clock))
        return
    columns = ("clock", "site", "state", "next record", "last status", "unsent", "free", "why", "kept aside")
    table = Table(*columns, box=None, pad_edge=False)
    for clock in found:
        reported = clock["status"] or {}
        table.add_row(
            clock["clock"],
            clock["site"],
            clock["state"] + ("" if clock["online"] or clock["state"] == ClockState.RETIRED else ", offline"),
            str(clock["next_seq"]),
            moment(clock["status_ms"]),
            str(reported["head"] - reported["tail"]) if reported else "",
            str(reported["free"]) if reported else "",
            clock["held_reason"] or ("retirement ordered" if clock["open_orders"] else ""),
            str(clock["kept_aside"] or ""),
        )
    Console(width=None if sys.stdout.isatty() else WIDE).print(table)
    for clock in found:
        for mark in clock["marks"]:
            since = moment(mark["since_ms"])
            typer.echo(f"{clock['clock']} is {mark['mark']} since {since}: {mark['detail']}. To do: {mark['to_do']}")


class _Order(StrEnum):
    """Orders for a clock; retiring it has its own command."""

    IDENTIFY = "identify"
    SELF_TEST = "self-test"
    RESTART = "restart"
    CAPTURE = "capture"


_COMMANDS: Final = {
    _Order.IDENTIFY: Command.IDENTIFY,
    _Order.SELF_TEST: Command.SELF_TEST,
    _Order.RESTART: Command.RESTART,
    _Order.CAPTURE: Command.CAPTURE,
}


@app.command("order")
def order_clock(
    clock: Annotated[str, typer.Argument(help="The clock's id.")],
    what: Annotated[
        _Order,
        typer.Argument(
            help="identify: show its id and sound. self-test: try every part. restart: when no badge is near. "
            "capture: report its last lines and failures."
        ),
    ],
    reason: Annotated[str, typer.Option(help="Why, in a sentence; it is kept with your name.")],
    *,
    wait: Annotated[
        int, typer.Option(min=0, max=3600, help="Seconds to wait; then the order is withdrawn. 0: leave it standing.")
    ] = 60,
    as_json: Annotated[bool, typer.Option("--json", help="Print the order, with the clock's report, as JSON.")] = False,
    config: Config = Path("bridge.toml"),
) -> None:
    """Have the running bridge order a clock to do something, and show what it reports.

    Exit code 75: the clock did not answer in time. Exit code 1: a self-test found something wrong.
    """
    with opened_store(config) as (store, _):
        with store.write() as connection:
            order = registry.order(
                connection, clock, _COMMANDS[what], by=operator(), reason=reason, now_ms=wall_clock_ms()
            )
        when = "now" if order.online else "as soon as it is online"
        typer.echo(f"{'Ordered' if order.new else 'Ordered already'}: {clock!r}, {what.value}, {when}.", err=True)
        if not wait:
            return
        done = _awaited(store, order.id, wait)
    if as_json:
        typer.echo(json.dumps(done))
    else:
        typer.echo(done["outcome"])
        for name, value in (done["report"] or {}).items():
            typer.echo(f"  {name}: {json.dumps(value, ensure_ascii=True)}")
    if done["outcome"].startswith(_WITHDRAWN):
        raise typer.Exit(os.EX_TEMPFAIL)
    if done["outcome"].startswith("failed"):
        raise typer.Exit(1)


@app.command("orders")
def list_orders(
    clock: Annotated[str, typer.Argument(help="The clock's id.")],
    *,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Show at most so many, newest first.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, with the reports.")] = False,
    config: Config = Path("bridge.toml"),
) -> None:
    """Show what a clock was ordered to do, by whom and why, and what became of it."""
    with looking(config) as connection:
        found = registry.orders_of(connection, clock, limit)
    for order in found:
        if as_json:
            typer.echo(json.dumps(order))
        else:
            ended = order["outcome"] or ("sent, no answer yet" if order["sent_ms"] else "waits for the clock")
            given = f"{moment(order['given_ms'])}  {order['command']}, by {order['given_by']}: {order['reason']}"
            typer.echo(f"{given}  [{ended}]")


def _awaited(store: Store, number: int, wait_s: int) -> dict[str, Any]:
    """The finished order; after `wait_s` it is withdrawn."""
    deadline = time.monotonic() + wait_s
    while True:
        with store.read() as connection:
            order = orders.find(connection, number)
        if order["done_ms"] is not None:
            return order
        if time.monotonic() >= deadline:
            sent = (
                "the clock did not answer" if order["sent_ms"] else "it was not sent: the clock, or the bridge, is away"
            )
            with store.write() as connection:
                orders.withdraw(connection, number, f"{_WITHDRAWN} after {wait_s} s: {sent}", wall_clock_ms())
        else:
            time.sleep(_LOOK_S)


@app.command("settings")
def set_clock(
    clock: Annotated[str | None, typer.Argument(help="The clock's id; without it all are shown.")] = None,
    changes: Annotated[
        list[str] | None, typer.Argument(help="What to change, as volume=2; nothing: only show.")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, with all there is.")] = False,
    config: Config = Path("bridge.toml"),
) -> None:
    """Change settings of a clock from here, or show what clocks have of settings and rosters, and should have.

    The clock judges them, restarts with them at an idle moment, or says why it refuses them.
    """
    if clock is not None and changes:
        wanted = remote_settings.parse(changes)
        with changing(config) as opened:
            done = remote_settings.order(opened.connection, clock, wanted, by=operator(), now_ms=wall_clock_ms())
        when = "now" if done.online else "as soon as it is online"
        typer.echo(f"Settings {done.version} are sent to {clock!r} {when}.", err=True)
        return
    with looking(config) as connection:
        found = remote_settings.listing(connection, clock)
    if as_json:
        for one in found:
            typer.echo(json.dumps(one))
        return
    table = Table(
        "clock", "settings", "has", "wanted", "refused", "roster has", "badges", "wanted", box=None, pad_edge=False
    )
    for one in found:
        settings_wanted = " ".join(f"{key}={value}" for key, value in one["settings_wanted"].items())
        table.add_row(
            one["clock"],
            settings_wanted,
            _version(one["settings_told"]),
            str(one["settings_version"]),
            one["settings_refused"] or "",
            _version(one["roster_told"]),
            str(one["roster_entries"] or ""),
            "on its way" if one["roster_version"] is None else str(one["roster_version"]),
        )
    Console(width=None if sys.stdout.isatty() else WIDE).print(table)


def _version(reported: int | None) -> str:
    return "takes none" if reported is None else str(reported)


@app.command("quarantine")
def show_quarantine(
    clock: Annotated[str, typer.Argument(help="The clock's id.")],
    *,
    after: Annotated[int, typer.Option(min=0, help="Show records kept aside behind this number.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Show at most so many of them.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object with all there is.")] = False,
    config: Config = Path("bridge.toml"),
) -> None:
    """Show why a clock is under quarantine, what waits for your decision, and which records are kept aside."""
    with looking(config) as connection:
        found = registry.quarantine_of(connection, clock, after, limit)
    if as_json:
        typer.echo(json.dumps(found))
        return
    since = f", since {moment(found['held_ms'])}" if found["held_ms"] else ""
    typer.echo(f"{clock}: {found['state']}, {found['held_reason'] or 'not under quarantine'}{since}")
    typer.echo(f"next record {found['next_seq']}; punches that wait for a decision: {found['punches_waiting']}")
    for alarm in found["alarms"]:
        at = "" if alarm["seq"] is None else f" at record {alarm['seq']}"
        typer.echo(f"{moment(alarm['last_ms'])}  {alarm['kind']}{at}, {alarm['times']} times: {alarm['detail']}")
    typer.echo(f"records kept aside: {found['kept']}")
    for kept in found["kept_aside"]:
        way = f"{kept['direction'] or ''}{'?' if kept['origin'] == Origin.ASSUMED.name else ''}"
        text = f"{kept['kind']} {way} {moment(kept['utc_ms'])}" if kept["kind"] else "no record"
        typer.echo(f"{kept['id']:>6}  record {kept['seq']}, {kept['reason']}: {text}")


@app.command("release")
def release_clock(
    clock: Annotated[str, typer.Argument(help="The clock's id.")],
    reason: Annotated[str, typer.Option(help="Why, in a sentence; it is kept with your name.")],
    config: Config = Path("bridge.toml"),
) -> None:
    """End a clock's quarantine, once you know what happened; today's punches that waited for it are declared."""
    with changing(config) as opened:
        done = registry.release(opened.connection, clock, by=operator(), reason=reason, now_ms=wall_clock_ms())
    typer.echo(f"Clock {clock!r} released; presences queued for its punches of today: {done.queued}.", err=True)
    if not done.can_go_on:
        typer.echo(
            f"It was {done.held_reason}: a clock whose chain is not the store's cannot go on and will be back under "
            "quarantine with its next status. Read its flash with `badgeclock journal verify`, declare by hand what is "
            "missing, and provision it again with --found-anew.",
            err=True,
        )


@app.command("silence")
def silence_clock(
    clock: Annotated[str, typer.Argument(help="The clock's id.")],
    reason: Annotated[str, typer.Option(help="Why, in a sentence; it is kept with your name.")] = "",
    cause: Annotated[
        list[str] | None, typer.Option(help="The trouble that is known, as `clock list --json` has it; else all.")
    ] = None,
    *,
    end: Annotated[bool, typer.Option("--end", help="Have it in the list again.")] = False,
    config: Config = Path("bridge.toml"),
) -> None:
    """Take what is known to be wrong with a clock off the list of what waits, until that trouble is over."""
    with changing(config) as opened:
        if end:
            number = silences.end(opened.connection, clock, by=operator(), now_ms=wall_clock_ms())
        else:
            causes = tuple(cause or ())
            number = silences.begin(
                opened.connection, clock, causes, by=operator(), reason=reason, now_ms=wall_clock_ms()
            )
    typer.echo(f"Clock {clock!r}: {number} {'no longer silent' if end else 'silent until over'}.", err=True)


@app.command("retire")
def retire_clock(
    clock: Annotated[str, typer.Argument(help="The clock's id.")],
    reason: Annotated[str, typer.Option(help="Why, in a sentence; it is kept with your name.")],
    *,
    gone: Annotated[
        bool, typer.Option("--gone", help="The clock will not come again: end it here, without its last record.")
    ] = False,
    config: Config = Path("bridge.toml"),
) -> None:
    """End a clock: when it is online the running bridge has it write its last record and give up its keys."""
    by, now_ms = operator(), wall_clock_ms()
    with changing(config) as opened:
        if gone:
            waiting = registry.end(opened.connection, clock, by=by, reason=reason, now_ms=now_ms)
            done = f"Clock {clock!r} is retired. Punches that go on waiting for a decision: {waiting}."
        else:
            order = registry.order_retirement(opened.connection, clock, by=by, reason=reason, now_ms=now_ms)
            when = "now" if order.online else "as soon as it is online"
            done = f"{'Ordered' if order.new else 'Ordered already'}: {clock!r} ends {when}."
    typer.echo(done, err=True)
    typer.echo(f"next, once it is retired: badgeclock ca revoke {clock} --workshop …", err=True)
