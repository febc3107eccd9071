"""Presences by day, site, worker and status, within an account's reach; and one of them with its history."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, select

from badgeclock.bridge.acts import within
from badgeclock.bridge.people.rows import named
from badgeclock.bridge.presences.local_times import local_moment
from badgeclock.bridge.registrar import review_queue
from badgeclock.bridge.registrar.decisions import Kind
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.states import ENDED, PresenceState
from badgeclock.bridge.web.reach import Reach
from badgeclock.protocol.record import Direction

DAYS_MOST: Final = 31
ROWS_SHOWN: Final = 200
CSV_ROWS_MOST: Final = 50_000
_COLUMNS: Final = (
    *("reference", "day", "site", "workplace", "worker", "employer", "way", "moment", "state", "reason"),
    *("reception_number", "error_code", "registered", "registered_by_hand"),
)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""Characters that begin a spreadsheet formula; a quote before them makes it text."""

STATES: Final[Mapping[PresenceState, str]] = {
    PresenceState.QUEUED: "waits to be sent",
    PresenceState.SENT: "sent, no answer yet",
    PresenceState.UNKNOWN: "sent, without a clear answer; the authority is searched",
    PresenceState.REGISTERED: "registered",
    PresenceState.VALIDATED: "registered, and its content is checked",
    PresenceState.REMARKS: "registered, with remarks",
    PresenceState.REFUSED: "refused by the authority",
    PresenceState.WAITING: "waits for a person",
    PresenceState.CANCELLING: "is being cancelled",
    PresenceState.CANCELLED: "cancelled at the authority",
    PresenceState.CLOSED: "closed by a person",
}
"""A presence's status, in words."""
DIRECTIONS: Final[Mapping[str, str]] = {
    Direction.NONE.name: "no direction",
    Direction.IN.name: "in",
    Direction.OUT.name: "out",
    Direction.BREAK_START.name: "break begins",
    Direction.BREAK_END.name: "break ends",
}
"""A punch's direction, in words."""
ANSWERS: Final[Mapping[str, str]] = {
    "registered": STATES[PresenceState.REGISTERED],
    "refused": STATES[PresenceState.REFUSED],
    "rejected": "it rejected the whole call",
    "unavailable": "out of reach",
    "ambiguous": "no clear answer",
    "unanswered": "not in its answer",
}
"""What the authority answered to a call about a presence (`registrar.sending`), in words."""
DECISIONS: Final[Mapping[str, str]] = {
    Kind.CANCEL: "Cancellation",
    Kind.CORRECT: "Correction",
    Kind.CLOSE: "Closing",
    Kind.REGISTER: "Registration by hand",
}
"""What somebody decided, in words."""
CANCELLED_HERE: Final = frozenset(
    {PresenceState.QUEUED, PresenceState.REGISTERED, PresenceState.VALIDATED, PresenceState.REMARKS}
)
"""States in which its own page offers to cancel it; open items have their buttons in the attention list."""


class Standing(StrEnum):
    """The statuses to list."""

    ALL = ""
    NUMBER = "number"
    NO_NUMBER = "no-number"
    ENDED = "ended"


STANDINGS: Final[Mapping[Standing, str]] = {
    Standing.ALL: "all",
    Standing.NUMBER: "with a number",
    Standing.NO_NUMBER: "without a number",
    Standing.ENDED: "cancelled or closed",
}


@dataclass(frozen=True, slots=True)
class Filter:
    """The filter of a page, from its address."""

    first: date
    last: date
    site: str = ""
    worker: str = ""
    standing: Standing = Standing.ALL


def of_days(first: date | None, last: date | None, today: date) -> tuple[date, date]:
    """First and last day: today by default, at most DAYS_MOST."""
    until = last or first or today
    since = first or until
    return max(min(since, until), max(since, until) - timedelta(days=DAYS_MOST - 1)), max(since, until)


def rows(connection: Connection, reach: Reach, asked: Filter, now_ms: int, limit: int) -> list[Any]:
    """Presences that match a filter, newest first, up to a limit."""
    table, workers, sites = schema.presences, schema.workers, schema.sites
    return list(
        connection.execute(
            select(
                table,
                workers.c.reference.label("worker"),
                sites.c.name.label("site"),
                sites.c.time_zone,
            )
            .join(workers, workers.c.id == table.c.worker_id)
            .join(sites, sites.c.id == table.c.site_id)
            .where(*_conditions(connection, reach, asked, now_ms))
            .order_by(table.c.day.desc(), table.c.id.desc())
            .limit(limit)
        ).all()
    )


def _conditions(connection: Connection, reach: Reach, asked: Filter, now_ms: int) -> Sequence[ColumnElement[bool]]:
    table = schema.presences
    conditions = [table.c.day.between(asked.first, asked.last), *within.of(connection, reach, now_ms).presences()]
    if asked.site:
        conditions.append(named(schema.sites.c.name, asked.site))
    if asked.worker:
        conditions.append(named(schema.workers.c.reference, asked.worker))
    has_number = table.c.reception_number.is_not(None) & table.c.state.not_in(list(ENDED))
    if asked.standing is Standing.NUMBER:
        conditions.append(has_number)
    if asked.standing is Standing.NO_NUMBER:
        conditions.append(table.c.reception_number.is_(None) & table.c.state.not_in(list(ENDED)))
    if asked.standing is Standing.ENDED:
        conditions.append(table.c.state.in_(list(ENDED)))
    return conditions


def sites_within(connection: Connection, reach: Reach, now_ms: int) -> list[str]:
    """The names of the sites within the reach."""
    return sorted(within.of(connection, reach, now_ms).site_names())


def find(connection: Connection, reach: Reach, reference: str, now_ms: int) -> dict[str, Any] | None:
    """All details of a presence; None if it does not exist, or is outside the reach."""
    table, sites = schema.presences, schema.sites
    conditions = within.of(connection, reach, now_ms).presences()
    row = connection.execute(
        select(table.c.id, sites.c.time_zone)
        .join(sites, sites.c.id == table.c.site_id)
        .where(table.c.reference == reference, *conditions)
    ).one_or_none()
    if row is None:
        return None
    return review_queue.describe_presence(connection, reference) | {"time_zone": row.time_zone}


def as_csv(found: Sequence[Any]) -> str:
    """The same rows for a spreadsheet: comma, CRLF, text quoted (RFC 4180); times are local, with their offset."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(_COLUMNS)
    for row in found:
        words = (row.reference, row.day.isoformat(), row.site, row.workplace, row.worker, row.employer_kbo, row.way)
        moments = [_moment(row.moment_ms, row.time_zone), _moment(row.registered_ms, row.time_zone)]
        number = "" if row.reception_number is None else str(row.reception_number)
        error = str(row.error_code or "")
        by_hand = "yes" if row.manual else "no"
        state = (moments[0], row.state, row.reason or "", number, error, moments[1], by_hand)
        writer.writerow([*map(plain_text, words), *state])
    return out.getvalue()


def _moment(utc_ms: int | None, zone: str) -> str:
    return local_moment(utc_ms, zone).isoformat(timespec="seconds") if utc_ms else ""


def plain_text(words: str) -> str:
    """A cell that a spreadsheet does not take for a formula."""
    return f"'{words}" if words.startswith(_FORMULA) else words
