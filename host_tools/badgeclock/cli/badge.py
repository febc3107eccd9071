"""`badgeclock badge`: an operator's desk. Issues badges to workers, identifies a badge, revokes badges.

The bridge does the work, in its own process and through a clock in issue mode; this command requests it through the
store, follows it there and reports the result. It never sees a key, UID or badge number.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer

from badgeclock.bridge.clocks import badge_desk_jobs
from badgeclock.bridge.clocks.badge_desk_jobs import Job, Kind
from badgeclock.bridge.people import badges
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.store.states import DeskState
from badgeclock.bridge.wall_clock import wall_clock_ms
from badgeclock.cli.context import Config, acting, opened_store
from badgeclock.cli.errors import NoBridge
from badgeclock.errors import EXIT_FAILED, EXIT_TRY_LATER, BadgeclockError

app = typer.Typer(no_args_is_help=True, help="The badge desk: issue, read and take back badges, through a clock.")

FOLLOW_S: Final = 0.2
BRIDGE_S: Final = 10.0
"""A job that is not started for this long has no bridge, or waits behind another at its clock."""

ClockOption = Annotated[str, typer.Option(help="The clock whose reader the card is laid on.")]
ByOption = Annotated[str, typer.Option("--by", help="Who does it, for the record.", show_default="the system user")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the outcome as one JSON object.")]


@app.command()
def issue(
    clock: ClockOption,
    worker: Annotated[str, typer.Option(help="The worker's reference.")],
    by: ByOption = "",
    *,
    as_json: JsonOption = False,
    config: Config = Path("bridge.toml"),
) -> None:
    """Make a card that is laid on a clock's reader the badge of a worker. A card that was begun is finished."""
    with opened_store(config) as (store, _):
        _print_job(_done(store, clock, Kind.ISSUE, worker, by), as_json=as_json)


@app.command()
def read(
    clock: ClockOption,
    by: ByOption = "",
    *,
    as_json: JsonOption = False,
    config: Config = Path("bridge.toml"),
) -> None:
    """Say whose badge is on a clock's reader, and whether it is genuine."""
    with opened_store(config) as (store, _):
        _print_job(_done(store, clock, Kind.READ, None, by), as_json=as_json)


@app.command()
def revoke(
    worker: Annotated[str, typer.Option(help="The worker's reference.")],
    badge: Annotated[int | None, typer.Option(help="Which badge, by its row, if the worker has several.")] = None,
    clock: Annotated[str | None, typer.Option(help="With --wipe: the clock whose reader the card is laid on.")] = None,
    by: ByOption = "",
    *,
    wipe: Annotated[bool, typer.Option("--wipe", help="Make the card blank as well.")] = False,
    as_json: JsonOption = False,
    config: Config = Path("bridge.toml"),
) -> None:
    """Take a worker's badge back; the card need not be there. What it punched before stays as it is."""
    if wipe != (clock is not None):
        raise typer.BadParameter("--wipe and --clock go together")
    with opened_store(config) as (store, _):
        with store.write() as connection:
            taken = _chosen(badges.in_use(connection, worker), worker, badge)
            badges.revoke(connection, taken, by=acting(by), now_ms=wall_clock_ms())
        typer.echo(f"Badge {taken.id} of {worker!r} is taken back: from now on it is unknown.", err=True)
        if clock is not None:
            _print_job(_done(store, clock, Kind.WIPE, None, by), as_json=as_json)


def _chosen(having: list[badges.Badge], worker: str, wanted: int | None) -> badges.Badge:
    """The badge meant by the arguments; raises BadgeclockError if that is ambiguous."""
    found = [badge for badge in having if wanted in (None, badge.id)]
    if len(found) == 1:
        return found[0]
    rows = ", ".join(f"{badge.id} (since {_day(badge.since_ms)})" for badge in having)
    if not having:
        what, do = f"{worker!r} has no badge", "nothing"
    elif found:
        what, do = f"{worker!r} has several badges: {rows}", "name one with --badge"
    else:
        what, do = f"badge {wanted} is not one of {worker!r}, who has {rows}", "name one of those with --badge"
    raise BadgeclockError(what=what, kept="every badge as it was", do=do)


def _day(ms: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(ms / 1000))


def _done(store: Store, clock: str, kind: Kind, worker: str | None, by: str) -> Job:
    """Request a job and follow it to its end. Ctrl-C cancels it, unless the card is being written."""
    with store.write() as connection:
        job_id = badge_desk_jobs.ask(
            connection,
            clock=clock,
            kind=kind,
            worker=worker,
            asked_by=acting(by),
            now_ms=wall_clock_ms(),
        )
    try:
        return _followed(store, job_id)
    except KeyboardInterrupt:
        typer.echo("giving up", err=True)
        _stop(store, job_id)
        return _followed(store, job_id)


def _stop(store: Store, job_id: int) -> None:
    with store.write() as connection:
        badge_desk_jobs.stop(connection, job_id, wall_clock_ms())


def _followed(store: Store, job_id: int) -> Job:
    shown = ""
    asked_at = time.monotonic()
    while True:
        with store.read() as connection:
            job = badge_desk_jobs.find(connection, job_id)
            is_next = badge_desk_jobs.is_next(connection, job)
        if job.progress != shown:
            shown = job.progress
            typer.echo(shown, err=True)
        if job.state not in badge_desk_jobs.OPEN:
            return job
        if job.state is not DeskState.ASKED or not is_next:
            asked_at = time.monotonic()
        elif time.monotonic() - asked_at > BRIDGE_S:
            _stop(store, job_id)
            raise NoBridge(
                what=f"no bridge took the job on within {BRIDGE_S:.0f} s",
                kept="the card and the store as they were",
                do="start the bridge with `badgeclock bridge run`, and ask again",
            )
        time.sleep(FOLLOW_S)


def _print_job(job: Job, *, as_json: bool) -> None:
    """Print a job's result, and exit with its code."""
    outcome = job.outcome
    assert outcome is not None
    if as_json:
        typer.echo(json.dumps({"job": job.id, "state": job.state, **asdict(outcome)}))
    elif job.state is DeskState.DONE:
        known = (
            ("badge", outcome.badge),
            ("worker", outcome.worker),
            ("card", outcome.card),
            ("to do", outcome.do or None),
        )
        typer.echo("; ".join([outcome.what, *(f"{name}: {value}" for name, value in known if value is not None)]))
    else:
        typer.echo(f"badgeclock: {outcome.what}. Kept: {outcome.kept}. To do: {outcome.do}.", err=True)
    if job.state is not DeskState.DONE:
        raise typer.Exit(EXIT_TRY_LATER if job.state is DeskState.INTERRUPTED else EXIT_FAILED)
