"""Events for operators: one row per occurrence, written in the transaction that causes it.

The same event again within `SAME_EVENT_MS` increments its row, and one clock can cause at most `ROWS_MOST` rows of a
kind in that time: garbage sent all day does not fill the disk. `detail` is for people and never contains a token, a
key, a name or a national number: texts from others are masked first (`logs.masked`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, and_, func, insert, select, text, update

from badgeclock.bridge.store import schema

SAME_EVENT_MS: Final = 3_600_000
ROWS_MOST: Final = 20
"""Most new rows of a kind about a clock within `SAME_EVENT_MS`. A healthy clock has none of most kinds; on its first
day at a site it reports some unknown badges."""


class Severity(StrEnum):
    """How urgent an event is."""

    INFO = "info"
    WARNING = "warning"
    ALARM = "alarm"


class Kind(StrEnum):
    """Every kind of event the bridge writes."""

    UNKNOWN_TOPIC = "unknown_topic"
    UNKNOWN_CLOCK = "unknown_clock"
    FLOODED = "flooded"
    MALFORMED_FRAME = "malformed_frame"
    NEWER_RECORD = "newer_record"
    SEAL_FAILED = "seal_failed"
    SEAL_FAILED_REPEATEDLY = "seal_failed_repeatedly"
    GAP = "gap"
    EQUIVOCATION = "equivocation"
    ROLLBACK = "rollback"
    FORK = "fork"
    CLONE = "clone"
    SKIPPED = "skipped"
    QUARANTINE_FULL = "quarantine_full"
    FOUNDED_ANEW = "founded_anew"
    AFTER_RETIREMENT = "after_retirement"
    UNSEALED_RECORD = "unsealed_record"
    UNSEALED_REFUSED = "unsealed_refused"
    STATUS_REFUSED = "status_refused"
    STATUS_IGNORED = "status_ignored"
    SEAL_LOST = "seal_lost"
    MEMORY_FULL = "memory_full"
    MEMORY_NEARLY_FULL = "memory_nearly_full"
    CLOCK_RELEASED = "clock_released"
    CLOCK_REPLACED = "clock_replaced"
    RETIREMENT_ORDERED = "retirement_ordered"
    ORDER_GIVEN = "order_given"
    ORDER_DONE = "order_done"
    CLOCK_OFFLINE = "clock_offline"
    CLOCK_SILENT = "clock_silent"
    CLOCK_BEHIND = "clock_behind"
    CLOCK_UNHEALTHY = "clock_unhealthy"
    CLOCK_RETIRED = "clock_retired"
    BADGE_ASSIGNED = "badge_assigned"
    BADGE_ISSUED = "badge_issued"
    BADGE_REVOKED = "badge_revoked"
    BADGE_WIPED = "badge_wiped"
    BADGE_UID_CLAIMED = "badge_uid_claimed"
    BADGE_KEY_SET = "badge_key_set"
    SITE_KEY_CHANGED = "site_key_changed"
    ROSTER_REFUSED = "roster_refused"
    SETTINGS_ORDERED = "settings_ordered"
    SETTINGS_REFUSED = "settings_refused"
    BADGE_UNKNOWN = "badge_unknown"
    PRESENCE_WAITS = "presence_waits"
    PRESENCE_ASSUMED = "presence_assumed"
    PRESENCE_KEPT = "presence_kept"
    PRESENCE_REFUSED = "presence_refused"
    PRESENCE_REMARKS = "presence_remarks"
    PRESENCE_CANCELLED = "presence_cancelled"
    PRESENCE_CORRECTED = "presence_corrected"
    PRESENCE_DECLARED = "presence_declared"
    PRESENCE_CLOSED = "presence_closed"
    PRESENCE_BY_HAND = "presence_by_hand"
    REGISTRATION_NOT_SENT = "registration_not_sent"
    CORRECTION_DUE = "correction_due"
    CORRECTION_DONE = "correction_done"
    ATTENTION_SETTLED = "attention_settled"
    CANCEL_ASKED = "cancel_asked"
    CANCEL_REFUSED = "cancel_refused"
    ANSWER_LOST = "answer_lost"
    ANSWER_UNPROVED = "answer_unproved"
    SECOND_NUMBER = "second_reception_number"
    WORKER_CHANGED = "worker_changed"
    SITE_CHANGED = "site_changed"
    NATIONAL_NUMBER_CHANGED = "national_number_changed"
    CALL_REJECTED = "call_rejected"
    AUTHORITY_AWAY = "authority_away"
    AUTHORITY_BACK = "authority_back"


_OF_ANY_NAME: Final = frozenset({Kind.UNKNOWN_CLOCK, Kind.FLOODED})
"""Kinds about names that may not belong to any clock: their rows are counted together, for all names."""
_BEYOND: Final = f"others of this kind, beyond {ROWS_MOST} within an hour: they are counted here, and not listed"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened. `clock` is a clock id, `seq` the number of its record; `about` is its subject other than
    a clock: the reference of a presence or a worker, what an authority accepts.
    """

    severity: Severity
    kind: Kind
    detail: str
    clock: str | None = None
    seq: int | None = None
    about: str | None = None


def write(connection: Connection, happened: Sequence[Event], now_ms: int) -> None:
    """Write events, each once an hour at most; one that was settled since is written again. What one clock, or somebody
    under invented names, can cause is limited to a number of rows of a kind an hour, and one more that counts the rest.
    """
    room = _Room(connection, now_ms)
    beyond: Counter[Event] = Counter()
    for one, times in Counter(happened).items():
        has_room = room.has(one)
        seen = None if one.kind in _OF_ANY_NAME and not has_room else _same(connection, one, now_ms)
        if seen is not None:
            _count_up(connection, seen, times, now_ms)
        elif has_room:
            room.take(one)
            _insert(connection, one, times, now_ms)
        else:
            clock = None if one.kind in _OF_ANY_NAME else one.clock
            beyond[Event(one.severity, one.kind, _BEYOND, clock)] += times
    for one, times in beyond.items():
        seen = _same(connection, one, now_ms)
        if seen is None:
            _insert(connection, one, times, now_ms)
        else:
            _count_up(connection, seen, times, now_ms)


class _Room:
    """How many more rows are allowed, by kind and clock, or by kind for invented names."""

    def __init__(self, connection: Connection, now_ms: int) -> None:
        self._connection = connection
        self._since_ms = now_ms - SAME_EVENT_MS
        self._left: dict[tuple[Kind, str | None], int] = {}

    def has(self, one: Event) -> bool:
        """Whether there is room for a new event."""
        key = self._key(one)
        if key is None:
            return True
        if key not in self._left:
            self._left[key] = ROWS_MOST - self._rows(*key)
        return self._left[key] > 0

    def take(self, one: Event) -> None:
        """Count a written event."""
        key = self._key(one)
        if key is not None:
            self._left[key] -= 1

    def _key(self, one: Event) -> tuple[Kind, str | None] | None:
        if one.kind in _OF_ANY_NAME:
            return one.kind, None
        return None if one.clock is None else (one.kind, one.clock)

    def _rows(self, kind: Kind, clock: str | None) -> int:
        table = schema.events
        if clock is None:  # uses the partial index, which has the kind and the beginning
            which = and_(text(f"({schema.EVENT_OPEN})"), table.c.kind == kind, table.c.first_ms > self._since_ms)
        else:
            which = and_(table.c.kind == kind, table.c.clock == clock, table.c.last_ms > self._since_ms)
        some = select(table.c.id).where(which).limit(ROWS_MOST).subquery()
        return int(self._connection.execute(select(func.count()).select_from(some)).scalar_one())


def _same(connection: Connection, one: Event, now_ms: int) -> int | None:
    """The row of the same event within the hour, if it is not settled."""
    table = schema.events
    which = (
        select(table.c.id)
        .where(
            table.c.kind == one.kind,
            table.c.clock.is_(one.clock) if one.clock is None else table.c.clock == one.clock,
            table.c.seq.is_(one.seq) if one.seq is None else table.c.seq == one.seq,
            table.c.about.is_(one.about) if one.about is None else table.c.about == one.about,
            table.c.detail == one.detail,
            table.c.last_ms > now_ms - SAME_EVENT_MS,
            table.c.settled_ms.is_(None),
        )
        .limit(1)
    )
    return connection.execute(which).scalar()


def _count_up(connection: Connection, row_id: int, times: int, now_ms: int) -> None:
    table = schema.events
    again = update(table).where(table.c.id == row_id).values(times=table.c.times + times, last_ms=now_ms)
    connection.execute(again)


def _insert(connection: Connection, one: Event, times: int, now_ms: int) -> None:
    values = {
        "severity": one.severity,
        "kind": one.kind,
        "clock": one.clock,
        "seq": one.seq,
        "about": one.about,
        "detail": one.detail,
        "times": times,
        "first_ms": now_ms,
        "last_ms": now_ms,
    }
    connection.execute(insert(schema.events).values(values))


def settle(
    connection: Connection, kind: Kind, now_ms: int, *, clock: str | None = None, about: str | None = None
) -> int:
    """Settle the events of a kind about a clock, or about something else; returns how many."""
    table = schema.events
    which = and_(
        text(f"({schema.EVENT_OPEN})"),  # written like the partial index, so that it is used
        table.c.kind == kind,
        *([] if clock is None else [table.c.clock == clock]),
        *([] if about is None else [table.c.about == about]),
    )
    return connection.execute(update(table).where(which).values(settled_ms=now_ms)).rowcount
