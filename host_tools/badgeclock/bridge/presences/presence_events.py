"""Events about presences and punches: assumptions, and items that need a decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, select

from badgeclock.authorities.base import Direction as Way
from badgeclock.bridge.presences import shifts
from badgeclock.bridge.presences.day_book import Entry
from badgeclock.bridge.presences.employment import Holder
from badgeclock.bridge.presences.matching import Met
from badgeclock.bridge.presences.punch_fate import Punch
from badgeclock.bridge.store import event_log, schema
from badgeclock.bridge.store.database import chunks
from badgeclock.bridge.store.event_log import Event, Severity
from badgeclock.bridge.store.states import PunchState, Reason

_NAMED: Final = 5
"""Up to this many assumed presences of one batch have an event each; more share one."""


def note_assumed(connection: Connection, opened: Sequence[Entry], now_ms: int) -> None:
    """An event for each assumed presence: it can be cancelled until midnight."""
    assumed = {entry.id: entry for entry in opened if entry.assumed is not None}
    if not assumed:
        return
    table, workers, sites = schema.presences, schema.workers, schema.sites
    statement = (
        select(table.c.id, table.c.reference, workers.c.reference.label("worker"), sites.c.name.label("site"))
        .join(workers, workers.c.id == table.c.worker_id)
        .join(sites, sites.c.id == table.c.site_id)
        .order_by(table.c.id)
    )
    rows = [row for some in chunks(assumed) for row in connection.execute(statement.where(table.c.id.in_(some)))]
    texts = [
        f"presence {row.reference} of {row.worker} at {row.site} is assumed: {_why(assumed[row.id])}" for row in rows
    ]
    if len(texts) > _NAMED:
        texts = [
            f"{len(rows)} presences are assumed, {rows[0].reference} and others: see `badgeclock bridge presence list`"
        ]
    kind = event_log.Kind.PRESENCE_ASSUMED
    event_log.write(connection, [Event(Severity.WARNING, kind, text) for text in texts], now_ms)


def _why(entry: Entry) -> str:
    if entry.key.way and entry.assumed is shifts.Assumed.NO_IN:
        return "a going, and no coming before it within the longest shift; if it is wrong, correct it today"
    return _WHY_ASSUMED[entry.assumed].format(way="a coming" if entry.key.way == Way.IN else "a going")


_WHY_ASSUMED: Final[Mapping[shifts.Assumed | None, str]] = {
    shifts.Assumed.OPEN_SHIFT: "its punch may be the end of the day before's shift; if it is, cancel it today",
    shifts.Assumed.NO_IN: "its punch may be the end of a shift of which there is no other; if it is, cancel it today",
    shifts.Assumed.WAY: "no key says that it is {way}, nor does the movement before; if it is not, correct it today",
    shifts.Assumed.CORRECTED: "{way}, but right after it a key said the other way; if it was none, cancel it today",
}


def note_for_person(
    connection: Connection, punches: Sequence[Punch], holders: Sequence[Holder | None], met: Sequence[Met], now_ms: int
) -> None:
    """An event for each unknown badge, and for each worker whose punch waits for a decision; one for all if they are
    many. A clock's quarantine, or lost seal, has its own events.
    """
    unknown: dict[tuple[int, str], None] = {}
    waiting: dict[tuple[int, int, Reason], None] = {}
    for punch, holder, (fate, _) in zip(punches, holders, met, strict=True):
        if fate.state is PunchState.UNASSIGNED:
            unknown[punch.clock_id, code_of(punch.token)] = None
        elif holder is not None and fate.reason is not None and fate.reason in _WHY_WAITS:
            waiting[punch.clock_id, holder.worker_id, fate.reason] = None
    if not unknown and not waiting:
        return
    clocks, workers, sites = schema.clocks, schema.workers, schema.sites
    at: dict[int, tuple[str, str]] = {}
    for some in chunks({clock_id for clock_id, _ in unknown} | {clock_id for clock_id, *_ in waiting}):
        rows = connection.execute(
            select(clocks.c.id, clocks.c.name, sites.c.name.label("site"))
            .join(sites, sites.c.id == clocks.c.site_id)
            .where(clocks.c.id.in_(some))
        )
        at.update({row.id: (row.name, row.site) for row in rows})
    names: dict[int, str] = {}
    for some in chunks({worker_id for _, worker_id, _ in waiting}):
        named = select(workers.c.id, workers.c.reference).where(workers.c.id.in_(some))
        names.update({row.id: row.reference for row in connection.execute(named)})
    happened = _for_person(
        event_log.Kind.BADGE_UNKNOWN,
        [(at[clock_id], f"nobody was given the badge with the code {code}") for clock_id, code in unknown],
        "badges are unknown",
    )
    for reason in dict.fromkeys(reason for *_, reason in waiting):
        happened += _for_person(
            event_log.Kind.PRESENCE_WAITS,
            [
                (at[clock_id], f"a punch of {names[worker_id]} waits: {_WHY_WAITS[reason]}")
                for clock_id, worker_id, of in waiting
                if of is reason
            ],
            f"workers' punches wait: {_WHY_WAITS[reason]}",
        )
    event_log.write(connection, happened, now_ms)


def _for_person(kind: event_log.Kind, found: Sequence[tuple[tuple[str, str], str]], many: str) -> list[Event]:
    """Events about clocks (each with its name and its site): one each, or one for all if they are many."""
    if len(found) > _NAMED:
        sites = sorted({site for (_, site), _ in found})
        where = sites[0] if len(sites) == 1 else f"{sites[0]} and {len(sites) - 1} sites more"
        return [Event(Severity.WARNING, kind, f"{len(found)} {many}, at {where}: see `badgeclock bridge attention`")]
    return [Event(Severity.WARNING, kind, f"{what}, at {site}", clock) for (clock, site), what in found]


def code_of(token: bytes) -> str:
    """The code that a clock's display shows for an unknown badge, for its worker to give to the office."""
    return token[:2].hex().upper()


_WHY_WAITS: Final[Mapping[Reason, str]] = {
    Reason.LATE: "it came too late to be declared",
    Reason.FUTURE: "its clock's time is ahead",
    Reason.NO_TIME: "its clock had no time",
    Reason.EMPLOYER: "it is not clear which employer it is for",
    Reason.NO_DIRECTION: "it says neither coming nor going",
}
