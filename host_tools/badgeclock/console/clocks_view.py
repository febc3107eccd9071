"""Clocks within an account's reach: for each one word for its health, when its last message arrived, and its figures.

A clock belongs to a site, not to an employer: an account limited to employers sees none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, func, select

from badgeclock.bridge.acts import within
from badgeclock.bridge.clocks import health, registry, remote_settings
from badgeclock.bridge.clocks.health import Mark, Reason, Silence, Standing
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.states import ClockState
from badgeclock.bridge.web.reach import Reach

DAY_MS: Final = 86_400_000
ORDERS_SHOWN: Final = 20
EVENTS_SHOWN: Final = 30


class Health(StrEnum):
    """The health of a clock in one word, worst first."""

    QUARANTINE = "quarantine"
    OFFLINE = "offline"
    SILENT = "silent"
    BEHIND = "behind"
    UNHEALTHY = "unhealthy"
    KNOWN = "known"
    """All its faults are acknowledged by a person."""
    NEW = "new"
    WELL = "well"
    RETIRED = "retired"


HEALTHS: Final[Mapping[Health, str]] = {
    Health.QUARANTINE: "under quarantine",
    Health.OFFLINE: "offline",
    Health.SILENT: "silent",
    Health.BEHIND: "behind",
    Health.UNHEALTHY: "unwell",
    Health.KNOWN: "unwell, and known",
    Health.NEW: "not heard yet",
    Health.WELL: "well",
    Health.RETIRED: "retired",
}
"""As a page says it."""
TONES: Final[Mapping[Health, str]] = {
    Health.QUARANTINE: "bad",
    Health.OFFLINE: "bad",
    Health.SILENT: "bad",
    Health.BEHIND: "bad",
    Health.UNHEALTHY: "waits",
    Health.KNOWN: "good",
    Health.NEW: "good",
    Health.WELL: "good",
    Health.RETIRED: "good",
}
_OF_MARK: Final = {
    Mark.OFFLINE: Health.OFFLINE,
    Mark.SILENT: Health.SILENT,
    Mark.BEHIND: Health.BEHIND,
    Mark.UNHEALTHY: Health.UNHEALTHY,
}
_ORDER: Final = list(Health)


@dataclass(frozen=True, slots=True)
class Trouble:
    """A mark of a clock, since when, and who silenced it, if anyone."""

    reason: Reason
    since_ms: int
    silence: Silence | None


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock on the page. Figures are None where the clock has not reported them."""

    id: int
    name: str
    site: str
    zone: str
    health: Health
    heard_ms: int | None
    """When its last message arrived: a status, or a record."""
    status_ms: int | None
    online: bool
    unsent: int | None
    """Records in the clock that are not in the store."""
    time_error_ms: int | None
    used_percent: int | None
    """How full its flash is with unacknowledged records."""
    wear: int | None
    reader: str | None
    certificate_days: int | None
    firmware: str | None
    open_orders: int
    troubles: tuple[Trouble, ...]
    status: Mapping[str, Any]
    wanted: Mapping[str, Any]
    """Its present and wanted settings and rosters (`remote_settings.describe`)."""

    @property
    def tone(self) -> str:
        """Its severity, for sorting."""
        return TONES[self.health]


def clocks(connection: Connection, reach: Reach, now_ms: int) -> list[Clock]:
    """The clocks within the reach, worst first; retired ones only if no other has the name."""
    inside = within.of(connection, reach, now_ms)
    if not inside.has_all_employers:
        return []
    table, sites, orders, records = schema.clocks, schema.sites, schema.orders, schema.records
    ordered = select(func.count()).where(orders.c.clock_id == table.c.id, orders.c.done_ms.is_(None))
    last = (records.c.clock_id == table.c.id) & (records.c.seq == table.c.next_seq - 1)
    rows = connection.execute(
        select(
            table,
            sites.c.name.label("site"),
            sites.c.time_zone,
            sites.c.roster_changes,
            records.c.received_ms,
            ordered.scalar_subquery().label("open_orders"),
        )
        .join(sites, sites.c.id == table.c.site_id)
        .outerjoin(records, last)
        .where(*inside.sites(table.c.site_id))
        .order_by(table.c.id)
    ).all()
    lives = {row.name: row for row in rows if row.state == ClockState.RETIRED}
    lives |= {row.name: row for row in rows if row.state != ClockState.RETIRED}
    found = [_clock(row, now_ms) for row in lives.values()]
    return sorted(found, key=lambda one: (_ORDER.index(one.health), one.site, one.name))


def find(connection: Connection, reach: Reach, name: str, now_ms: int) -> Clock | None:
    """One of them."""
    return next((one for one in clocks(connection, reach, now_ms) if one.name == name), None)


def history(connection: Connection, name: str) -> tuple[list[dict[str, Any]], list[Any], dict[str, Any]]:
    """The newest orders to a clock, the newest events about it, and its records kept aside."""
    table = schema.events
    happened = connection.execute(
        select(table).where(table.c.clock == name).order_by(table.c.id.desc()).limit(EVENTS_SHOWN)
    ).all()
    return (
        registry.orders_of(connection, name, ORDERS_SHOWN),
        list(happened),
        registry.quarantine_of(connection, name, 0, 0),
    )


def _clock(row: Any, now_ms: int) -> Clock:
    status = row.status or {}
    standing = Standing.of(row.standing)
    silences = {one.cause: one for one in standing.silences}
    troubles = tuple(Trouble(reason, since, silences.get(reason.cause)) for reason, since in standing.reasons)
    if row.state == ClockState.RETIRED:
        troubles = ()
    until_s, capacity = status.get("cert_until"), status.get("capacity")
    heard = [ms for ms in (row.status_ms, row.received_ms) if ms is not None]
    return Clock(
        id=row.id,
        name=row.name,
        site=row.site,
        zone=row.time_zone,
        health=_health(row, troubles),
        heard_ms=max(heard, default=None),
        status_ms=row.status_ms,
        online=row.online,
        unsent=max(0, status["head"] - row.next_seq) if status else None,
        time_error_ms=status.get("bound_ms"),
        used_percent=100 - 100 * status["free"] // capacity if capacity else None,
        wear=status.get("wear"),
        reader=status.get("reader_fault") or status.get("reader"),
        certificate_days=None if until_s is None else (until_s * 1000 - now_ms) // DAY_MS,
        firmware=status.get("firmware"),
        open_orders=row.open_orders,
        troubles=troubles,
        status=status,
        wanted=remote_settings.describe(row),
    )


def _health(row: Any, troubles: tuple[Trouble, ...]) -> Health:
    if row.state == ClockState.RETIRED:
        return Health.RETIRED
    if row.state == ClockState.QUARANTINED:
        return Health.QUARANTINE
    marks = {_OF_MARK[one.reason.mark] for one in troubles if one.silence is None}
    if marks:
        return min(marks, key=_ORDER.index)
    if troubles:
        return Health.KNOWN
    return Health.NEW if row.status is None else Health.WELL


def to_do(cause: str) -> str:
    """What to do about a cause, as the command line prints it."""
    return health.TO_DO[cause]
