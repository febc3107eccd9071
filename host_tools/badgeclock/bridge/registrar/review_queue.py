"""Presences and punches that need a decision, with their evidence. Nothing undeclared is left out.

Nothing here shows a badge, a token or a national number: workers are shown by the office's own reference.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, and_, or_, select, text

from badgeclock.bridge.errors import PresenceError
from badgeclock.bridge.presences import presences
from badgeclock.bridge.presences.regimes import local_day
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.states import ENDED, PresenceState, PunchState
from badgeclock.protocol.record import SEALED_BYTES, Direction

FOR_PERSON: Final = (PunchState.WAITING, PunchState.UNASSIGNED, PunchState.INVALID)
"""States in which a punch without presence needs a decision."""


def listing(connection: Connection, limit: int, now_ms: int) -> list[dict[str, Any]]:
    """Everything that needs a decision, oldest first, at most `limit` presences and as many punches; then the assumed
    presences of days that are not over, which can still be cancelled.

    `item` is what the commands take: a presence's reference, or CLOCK/SEQ of a punch without one.
    """
    table = schema.presences
    for_person = text(f"({schema.FOR_PERSON})")  # written like the partial index, so that it is used
    waiting = and_(for_person, table.c.state.in_([PresenceState.WAITING, PresenceState.REFUSED]))
    return [
        *_presences(connection, waiting, limit),
        *_waiting_punches(connection, limit),
        *_assumed_presences(connection, limit, now_ms),
    ]


def _assumed_presences(connection: Connection, limit: int, now_ms: int) -> list[dict[str, Any]]:
    table, sites = schema.presences, schema.sites
    zones = connection.execute(select(sites.c.time_zone).distinct()).scalars().all()
    if not zones:
        return []
    shown = and_(
        text(f"({schema.ASSUMED})"),  # as above
        table.c.state.not_in([*ENDED, PresenceState.WAITING, PresenceState.REFUSED, PresenceState.CANCELLING]),
        table.c.day >= min(local_day(now_ms, zone) for zone in zones),
    )
    return _presences(connection, shown, limit)


def _presences(connection: Connection, which: Any, limit: int) -> list[dict[str, Any]]:
    """The presences of a condition, oldest first, sorted by an expression that no index has: otherwise a database scans
    presences until it has `limit`.
    """
    table, workers, sites = schema.presences, schema.workers, schema.sites
    rows = connection.execute(
        select(table, workers.c.reference.label("worker"), sites.c.name.label("site"))
        .join(workers, workers.c.id == table.c.worker_id)
        .join(sites, sites.c.id == table.c.site_id)
        .where(table.c.id.in_(select(table.c.id).where(which).order_by(table.c.id + 0).limit(limit).correlate(None)))
        .order_by(table.c.id)
    )
    return [
        {
            "item": row.reference,
            "site": row.site,
            "worker": row.worker,
            "day": row.day.isoformat(),
            "utc_ms": row.moment_ms or None,
            "way": row.way or None,
            "state": row.state,
            "reason": row.reason,
            "assumed": row.assumed,
            "manual": row.manual,
            "error_code": row.error_code or None,
            "error_text": row.error_text,
            "reception_number": row.reception_number,
            "since_ms": row.final_ms,
        }
        for row in rows
    ]


def _waiting_punches(connection: Connection, limit: int) -> list[dict[str, Any]]:
    table, clocks, workers, sites = schema.punches, schema.clocks, schema.workers, schema.sites
    waiting = select(table.c.id).where(text(f"({schema.PUNCH_FOR_PERSON})"))  # as above
    rows = connection.execute(
        select(table, clocks.c.name.label("clock"), workers.c.reference.label("worker"), sites.c.name.label("site"))
        .join(clocks, clocks.c.id == table.c.clock_id)
        .join(sites, sites.c.id == table.c.site_id)
        .outerjoin(workers, workers.c.id == table.c.worker_id)
        .where(table.c.id.in_(waiting.order_by(table.c.id + 0).limit(limit).correlate(None)))
        .order_by(table.c.id)
    )
    return [
        {
            "item": f"{row.clock}/{row.seq}",
            "site": row.site,
            "worker": row.worker,
            "day": None,
            "utc_ms": row.utc_ms or None,
            "way": Direction(row.direction).name,
            "state": row.state,
            "reason": row.reason,
            "assumed": None,
            "manual": False,
            "error_code": None,
            "error_text": None,
            "reception_number": None,
            "since_ms": row.received_ms,
        }
        for row in rows
    ]


def describe_presence(connection: Connection, reference: str) -> dict[str, Any]:
    """All data on a presence: its punches with their seals, its calls, its numbers, and its decisions."""
    row = presence(connection, reference)
    attempts, numbers, decided = schema.attempts, schema.receptions, schema.corrections
    replacement = schema.presences.alias("replacement")
    calls = connection.execute(select(attempts).where(attempts.c.presence_id == row.id).order_by(attempts.c.id))
    seen = connection.execute(select(numbers).where(numbers.c.presence_id == row.id).order_by(numbers.c.id))
    decisions = connection.execute(
        select(decided, replacement.c.reference.label("replacement"))
        .outerjoin(replacement, replacement.c.id == decided.c.replacement_id)
        .where(or_(decided.c.presence_id == row.id, decided.c.replacement_id == row.id))
        .order_by(decided.c.id)
    )
    return {
        "item": row.reference,
        "state": row.state,
        "reason": row.reason,
        "assumed": row.assumed,
        "manual": row.manual,
        "worker": row.worker,
        "employer": row.employer_kbo or None,
        "site": row.site,
        "workplace": row.workplace,
        "day": row.day.isoformat(),
        "utc_ms": row.moment_ms or None,
        "way": row.way or None,
        "reception_number": row.reception_number,
        "registered_ms": row.registered_ms,
        "error_code": row.error_code or None,
        "error_text": row.error_text,
        "remarks": row.remarks or [],
        "punches": _evidence(connection, schema.punches.c.presence_id == row.id),
        "calls": [
            {"call": one.call, "sent_ms": one.sent_ms, "answered_ms": one.answered_ms, "outcome": one.outcome}
            for one in calls
        ],
        "numbers": [{"number": one.number, "seen_ms": one.seen_ms} for one in seen],
        "decisions": [
            {
                "kind": one.kind,
                "code": one.code,
                "why": one.why,
                "by": one.by,
                "asked_ms": one.asked_ms,
                "done_ms": one.done_ms,
                "outcome": one.outcome,
                "replacement": one.replacement,
            }
            for one in decisions
        ],
    }


def describe_punch(connection: Connection, clock: str, seq: int) -> dict[str, Any]:
    """The same for a punch without a presence: its state, and its evidence."""
    row = punch(connection, clock, seq)
    return {
        "item": f"{clock}/{seq}",
        "state": row.state,
        "reason": row.reason,
        "punches": _evidence(connection, schema.punches.c.id == row.id),
    }


def _evidence(connection: Connection, which: Any) -> list[dict[str, Any]]:
    """Punches with their proof: the number and the seal's tag of the clock's record."""
    table, clocks, records = schema.punches, schema.clocks, schema.records
    rows = connection.execute(
        select(table, clocks.c.name.label("clock"), records.c.raw, records.c.sealed)
        .join(clocks, clocks.c.id == table.c.clock_id)
        .outerjoin(records, (records.c.clock_id == table.c.clock_id) & (records.c.seq == table.c.seq))
        .where(which)
        .order_by(table.c.id)
    )
    return [
        {
            "clock": row.clock,
            "seq": row.seq,
            "direction": Direction(row.direction).name,
            "utc_ms": row.utc_ms or None,
            "received_ms": row.received_ms,
            "sealed": row.sealed,
            "tag": None if row.raw is None else row.raw[SEALED_BYTES:].hex(),
        }
        for row in rows
    ]


def presence(connection: Connection, reference: str) -> Any:
    """A presence's row, with its worker and its site as they are now. Raises PresenceError."""
    table, workers, sites = schema.presences, schema.workers, schema.sites
    row = connection.execute(
        select(
            table,
            workers.c.reference.label("worker"),
            sites.c.name.label("site"),
            sites.c.time_zone,
            sites.c.workplace.label("workplace_now"),
        )
        .join(workers, workers.c.id == table.c.worker_id)
        .join(sites, sites.c.id == table.c.site_id)
        .where(table.c.reference == reference)
    ).one_or_none()
    if row is None:
        raise PresenceError(
            f"there is no presence {reference!r}", "look at `badgeclock bridge presence list`, or at /api/punches"
        )
    return row


def punch(connection: Connection, clock: str, seq: int) -> Any:
    """The row of a punch in review, of the newest clock of that name that has one. Raises PresenceError."""
    table, clocks = schema.punches, schema.clocks
    row = connection.execute(
        presences.waiting_punches()
        .where(
            clocks.c.name == clock,
            table.c.seq == seq,
            table.c.presence_id.is_(None),
            table.c.state.in_(FOR_PERSON),
        )
        .order_by(clocks.c.id.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        raise PresenceError(
            f"no punch {seq} of {clock!r} waits for a person", "look at `badgeclock bridge presence list`"
        )
    return row
