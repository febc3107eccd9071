"""Cancellations requested by operators: which are due, and the effect of the authority's answers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Connection, select, update

from badgeclock.bridge import logs
from badgeclock.bridge.presences.day_book import Key
from badgeclock.bridge.presences.regimes import Declared, day_is_over
from badgeclock.bridge.registrar import filings, presence_receipts, transitions
from badgeclock.bridge.registrar.decisions import Decision, Kind
from badgeclock.bridge.registrar.replacements import find_worker, key_decided, lock_presence, place_of, replace
from badgeclock.bridge.store import event_log, schema
from badgeclock.bridge.store.event_log import Event, Severity
from badgeclock.bridge.store.states import PresenceState


class DueCancellation(NamedTuple):
    """A cancellation to request from the authority; `tries` counts the calls begun. The replacement: `worker_id` (None:
    nothing), `employer_kbo`, and another site or way than the presence's.
    """

    id: int
    presence_id: int
    reference: str
    kind: Kind
    code: str
    reception_number: int
    declared: Declared
    day: date
    time_zone: str
    site_id: int
    worker_id: int | None
    employer_kbo: str | None
    right_site_id: int | None
    right_way: str | None
    tries: int
    decision: Decision

    def too_late(self, now_ms: int) -> bool:
        """Whether the day is over, after which the service no longer cancels (its error 9)."""
        return day_is_over(self.day, now_ms, self.time_zone)


def due(connection: Connection, declares: Iterable[Declared], now_ms: int, limit: int) -> list[DueCancellation]:
    """The cancellations whose time has come, oldest first."""
    table, of, sites = schema.corrections, schema.presences, schema.sites
    rows = connection.execute(
        select(
            *(column for column in table.c if column.name not in {"site_id", "way"}),
            table.c.site_id.label("right_site_id"),
            table.c.way.label("right_way"),
            of.c.reference,
            of.c.reception_number,
            of.c.declared,
            of.c.day,
            of.c.site_id,
            of.c.tries,
            sites.c.time_zone,
        )
        .join(of, of.c.id == table.c.presence_id)
        .join(sites, sites.c.id == of.c.site_id)
        .where(
            table.c.done_ms.is_(None),
            of.c.state == PresenceState.CANCELLING,
            of.c.due_ms <= now_ms,
            of.c.declared.in_(list(declares)),
        )
        .order_by(table.c.id)
        .limit(limit)
    )
    return [
        DueCancellation(
            id=row.id,
            presence_id=row.presence_id,
            reference=row.reference,
            kind=Kind(row.kind),
            code=row.code,
            reception_number=row.reception_number,
            declared=Declared(row.declared),
            day=row.day,
            time_zone=row.time_zone,
            site_id=row.site_id,
            worker_id=row.worker_id,
            employer_kbo=row.employer_kbo,
            right_site_id=row.right_site_id,
            right_way=row.right_way,
            tries=row.tries,
            decision=Decision(row.by, row.why, row.asked_ms),
        )
        for row in rows
    ]


def mark_begun(connection: Connection, one: DueCancellation, due_ms: int) -> None:
    """The call is about to be made: from now on the authority may have cancelled."""
    transitions.postpone(connection, {one.presence_id: due_ms})


def postpone(connection: Connection, one: DueCancellation, due_ms: int) -> None:
    """Try again later."""
    transitions.postpone(connection, {one.presence_id: due_ms}, look=0)


def complete(connection: Connection, one: DueCancellation, now_ms: int) -> None:
    """The authority has cancelled it; its replacement is queued in the same transaction."""
    old, new = PresenceState.CANCELLING, PresenceState.CANCELLED
    values = {"due_ms": None, "final_ms": now_ms}
    if not transitions.move(connection, [one.presence_id], old, new, values):
        return
    replacement, outcome = None, "cancelled"
    if one.worker_id is not None:
        row = lock_presence(connection, one.reference)
        key, site_id = _right(connection, one, row)
        replacement = replace(connection, row, key, site_id, one.decision._replace(now_ms=now_ms))
        outcome = "replaced"
    filings.drop(connection, schema.filings.c.presence_id == one.presence_id, "the service has cancelled it", now_ms)
    presence_receipts.issue(connection, [one.presence_id], now_ms)
    _end(connection, one, outcome, replacement, now_ms)
    event_log.settle(connection, event_log.Kind.CANCEL_REFUSED, now_ms, about=one.reference)
    what = f"presence {one.reference} was cancelled ({one.code}) for {one.decision.by}: {one.decision.why}"
    done = Event(Severity.INFO, event_log.Kind.PRESENCE_CANCELLED, what, about=one.reference)
    event_log.write(connection, [done], now_ms)


def keep_registered(connection: Connection, one: DueCancellation, why_not: str, now_ms: int) -> None:
    """The authority did not cancel it: it stays registered, and a person must know."""
    _keep(connection, one, why_not, now_ms)


def file(connection: Connection, one: DueCancellation, why_not: str, now_ms: int) -> None:
    """The same because it is too late: it is recorded for the authority's contact centre, as requested."""
    if not _keep(connection, one, why_not, now_ms):
        return
    if filings.of_presence(connection, one.presence_id) is not None:
        event_log.settle(connection, event_log.Kind.CANCEL_REFUSED, now_ms, about=one.reference)
        return
    if not filings.is_open(one.day, now_ms):
        return
    row, right, kind = lock_presence(connection, one.reference), None, filings.Kind.CANCEL
    if one.worker_id is not None:
        key, site_id = _right(connection, one, row)
        right, kind = filings.Right(key.worker_id, key.employer_kbo, site_id, key.way), filings.Kind.CORRECT
    filings.file_presence(connection, row, kind, right, one.decision._replace(now_ms=now_ms))


def _right(connection: Connection, one: DueCancellation, row: Any) -> tuple[Key, int]:
    """The replacement: its key, and the row of its site. `row` is the presence to replace."""
    of = find_worker(connection, None, one.worker_id or row.worker_id)
    place = place_of(connection, one.right_site_id or row.site_id)
    return key_decided(row, of, place, one.right_way, one.employer_kbo), place.site_id


def _keep(connection: Connection, one: DueCancellation, why_not: str, now_ms: int) -> bool:
    """Whether it was still to be cancelled."""
    old, new = PresenceState.CANCELLING, PresenceState.REGISTERED
    if not transitions.move(connection, [one.presence_id], old, new, {"due_ms": now_ms, "tries": 0}):
        return False
    why_not = logs.masked(why_not)
    _end(connection, one, why_not, None, now_ms)
    what = f"presence {one.reference} stays registered, though {one.decision.by} asked to cancel it: {why_not}"
    refused = Event(Severity.WARNING, event_log.Kind.CANCEL_REFUSED, what, about=one.reference)
    event_log.write(connection, [refused], now_ms)
    return True


def _end(connection: Connection, one: DueCancellation, outcome: str, replacement_id: int | None, now_ms: int) -> None:
    table = schema.corrections
    values = {"done_ms": now_ms, "outcome": outcome, "replacement_id": replacement_id}
    connection.execute(update(table).where(table.c.id == one.id).values(values))
