"""From punches to what is declared: who was where, on which day, and what a person must decide.

The rule for construction and meat: one presence a worker, employer, workplace and local day. The first IN of the day,
or a punch without direction, opens it; every other punch of that day belongs to it, and an OUT after midnight to that
of the day before. Nothing is backdated: a punch of a day that is over waits for a person.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, bindparam, insert, select, tuple_, update

from badgeclock.bridge import downlink, schema
from badgeclock.bridge.downlink import NewReceipt
from badgeclock.bridge.states import RECEIPT_OF, ClockState, PresenceState, PunchState, Reason
from badgeclock.bridge.store import insert_rows
from badgeclock.protocol.frames import ReceiptState
from badgeclock.protocol.record import Direction

QUARTER_MS: Final = 900_000
CLOCK_AHEAD_MS: Final = 300_000
"""How far into tomorrow a clock's time may run before a person must look."""
_IN_CLAUSE: Final = 500
_OPENS_A_DAY: Final = frozenset({Direction.NONE, Direction.IN})


class Regime(StrEnum):
    """Which rule a site's presences follow."""

    CONSTRUCTION = "construction"
    MEAT = "meat"


class Punch(NamedTuple):
    """A punch as the clock kept it, and what the store knows of the clock. `utc_ms` is 0 if the clock had no time."""

    clock_id: int
    clock_state: ClockState
    seq: int
    site_id: int
    workplace: str
    time_zone: str
    token: bytes
    direction: Direction
    utc_ms: int
    sealed: bool
    duplicate: bool
    received_ms: int


class Holder(NamedTuple):
    """The worker a badge was given to, and the employer (empty for a worker under Limosa without one)."""

    worker_id: int
    employer_kbo: str


class Fate(NamedTuple):
    """What is to become of a punch: `day` is set if it belongs to a presence, `opens` if it may open one."""

    state: PunchState
    reason: Reason | None = None
    day: date | None = None
    opens: bool = False


@dataclass(slots=True)
class _Presence:
    id: int
    state: PresenceState
    error_code: int
    reception_number: int


_Key = tuple[int, str, str, date]
_Decision = tuple[str, str | None, int | None, int | None]
_DECIDED: Final = ("state", "reason", "worker_id", "presence_id")


def local_day(utc_ms: int, time_zone: str) -> date:
    """The day at the site at a moment (ms since 1970-01-01 UTC)."""
    return _day_of_quarter(utc_ms // QUARTER_MS, time_zone)


@lru_cache(maxsize=4096)
def _day_of_quarter(quarter: int, time_zone: str) -> date:
    """Days begin on a quarter of an hour everywhere: every offset from UTC in use is a multiple of one."""
    return datetime.fromtimestamp(quarter * QUARTER_MS / 1000, UTC).astimezone(ZoneInfo(time_zone)).date()


def fate_of(punch: Punch, holder: Holder | None, now_ms: int) -> Fate:
    """What is to become of a punch that is seen at `now_ms`; looks at nothing but its arguments."""
    if not punch.sealed:
        return Fate(PunchState.INVALID)
    if punch.duplicate:
        return Fate(PunchState.DUPLICATE)
    if holder is None:
        return Fate(PunchState.UNASSIGNED)
    if punch.clock_state is ClockState.QUARANTINED:
        return Fate(PunchState.WAITING, Reason.QUARANTINE)
    if not punch.utc_ms:
        return Fate(PunchState.WAITING, Reason.NO_TIME)
    day = local_day(punch.utc_ms, punch.time_zone)
    if day < local_day(now_ms, punch.time_zone):
        return Fate(PunchState.WAITING, Reason.LATE)
    if day > local_day(now_ms + CLOCK_AHEAD_MS, punch.time_zone):
        return Fate(PunchState.WAITING, Reason.FUTURE)
    return Fate(PunchState.DECLARED, day=day, opens=punch.direction in _OPENS_A_DAY)


def take(connection: Connection, punches: Sequence[Punch], now_ms: int) -> int:
    """Store new punches, open the presences they call for, write the receipts there are; all in this transaction.

    Returns how many presences were queued.
    """
    settled, queued = _settle(connection, punches, now_ms)
    insert_rows(
        connection,
        schema.punches,
        ("clock_id", "seq", "site_id", "token", "direction", "utc_ms", *_DECIDED, "received_ms"),
        (
            (
                punch.clock_id,
                punch.seq,
                punch.site_id,
                punch.token,
                int(punch.direction),
                punch.utc_ms,
                *columns,
                punch.received_ms,
            )
            for punch, columns in zip(punches, settled, strict=True)
        ),
    )
    return queued


def reconsider_badge(connection: Connection, site_id: int, token: bytes, now_ms: int) -> int:
    """Look again at the punches of a badge that nobody had been given; returns how many presences were queued."""
    table = schema.punches
    return _reconsider(
        connection,
        (table.c.site_id == site_id) & (table.c.token == token) & (table.c.state == PunchState.UNASSIGNED),
        now_ms,
    )


def reconsider_clock(connection: Connection, clock_id: int, now_ms: int) -> int:
    """Look again at what waited for the end of a clock's quarantine; returns how many presences were queued."""
    table = schema.punches
    return _reconsider(
        connection,
        (table.c.clock_id == clock_id) & (table.c.state == PunchState.WAITING) & (table.c.reason == Reason.QUARANTINE),
        now_ms,
    )


def _reconsider(connection: Connection, which: Any, now_ms: int) -> int:
    table, clocks, sites = schema.punches, schema.clocks, schema.sites
    rows = connection.execute(
        select(table, clocks.c.state.label("clock_state"), sites.c.workplace, sites.c.time_zone)
        .join(clocks, clocks.c.id == table.c.clock_id)
        .join(sites, sites.c.id == table.c.site_id)
        .where(which, table.c.presence_id.is_(None))
        .order_by(table.c.utc_ms, table.c.id)
    ).all()
    punches = [
        Punch(
            clock_id=row.clock_id,
            clock_state=ClockState(row.clock_state),
            seq=row.seq,
            site_id=row.site_id,
            workplace=row.workplace,
            time_zone=row.time_zone,
            token=row.token,
            direction=Direction(row.direction),
            utc_ms=row.utc_ms,
            sealed=True,  # what is unsealed or a duplicate is INVALID or DUPLICATE, and never looked at again
            duplicate=False,
            received_ms=row.received_ms,
        )
        for row in rows
    ]
    if not punches:
        return 0
    settled, queued = _settle(connection, punches, now_ms)
    change = update(table).where(table.c.id == bindparam("at")).values({name: bindparam(name) for name in _DECIDED})
    connection.execute(
        change,
        [
            {"at": row.id, **dict(zip(_DECIDED, columns, strict=True))}
            for row, columns in zip(rows, settled, strict=True)
        ],
    )
    return queued


def _settle(connection: Connection, punches: Sequence[Punch], now_ms: int) -> tuple[list[_Decision], int]:
    """The deciding columns of each punch, after opening presences and writing receipts; and how many were opened."""
    holders = _holders(connection, punches)
    fates = [fate_of(punch, holders.get((punch.site_id, punch.token)), now_ms) for punch in punches]
    known = _presences(connection, punches, fates, holders)
    opened = _open(connection, punches, fates, holders, known, now_ms)
    settled: list[_Decision] = []
    told: list[NewReceipt] = []
    for punch, fate in zip(punches, fates, strict=True):
        holder = holders.get((punch.site_id, punch.token))
        presence = _presence_of(punch, fate, holder, known)
        if fate.day is not None and presence is None:
            fate = Fate(PunchState.WAITING, Reason.NO_IN)  # noqa: PLW2901 - decided only now
        settled.append(
            (
                fate.state.value,
                fate.reason.value if fate.reason else None,
                holder.worker_id if holder else None,
                presence.id if presence else None,
            )
        )
        receipt = _receipt(punch, fate, presence)
        if receipt:
            told.append(receipt)
    downlink.issue(connection, told, now_ms)
    return settled, opened


def _receipt(punch: Punch, fate: Fate, presence: _Presence | None) -> NewReceipt | None:
    if presence:
        state = RECEIPT_OF.get(presence.state)
        if state is None:
            return None
        return NewReceipt(punch.clock_id, punch.seq, state, presence.error_code, presence.reception_number)
    if fate.state is PunchState.UNASSIGNED:
        return NewReceipt(punch.clock_id, punch.seq, ReceiptState.UNKNOWN_BADGE)
    if fate.state in (PunchState.WAITING, PunchState.INVALID):
        return NewReceipt(punch.clock_id, punch.seq, ReceiptState.OPERATOR)
    return None


def _presence_of(punch: Punch, fate: Fate, holder: Holder | None, known: dict[_Key, _Presence]) -> _Presence | None:
    if fate.day is None or holder is None:
        return None
    today = known.get((*holder, punch.workplace, fate.day))
    if today or fate.opens:
        return today
    return known.get((*holder, punch.workplace, fate.day - timedelta(days=1)))


def _open(
    connection: Connection,
    punches: Sequence[Punch],
    fates: Sequence[Fate],
    holders: dict[tuple[int, bytes], Holder],
    known: dict[_Key, _Presence],
    now_ms: int,
) -> int:
    """Insert a queued presence for each key that needs one and has none; adds them to `known`."""
    wanted: dict[_Key, int] = {}
    for punch, fate in zip(punches, fates, strict=True):
        if fate.day is not None and fate.opens:
            key = (*holders[punch.site_id, punch.token], punch.workplace, fate.day)
            if key not in known:
                wanted.setdefault(key, punch.site_id)
    if not wanted:
        return 0
    table = schema.presences
    rows = [
        {
            "reference": f"BC{day:%Y%m%d}-{secrets.token_hex(6)}",
            "worker_id": worker_id,
            "employer_kbo": employer_kbo,
            "workplace": workplace,
            "day": day,
            "site_id": site_id,
            "state": PresenceState.QUEUED,
            "error_code": 0,
            "remarks": [],
            "tries": 0,
            "alone": False,
            "due_ms": now_ms,
            "created_ms": now_ms,
        }
        for (worker_id, employer_kbo, workplace, day), site_id in wanted.items()
    ]
    ids = connection.execute(insert(table).returning(table.c.id, sort_by_parameter_order=True), rows).scalars()
    known.update({key: _Presence(number, PresenceState.QUEUED, 0, 0) for key, number in zip(wanted, ids, strict=True)})
    return len(wanted)


def _holders(connection: Connection, punches: Sequence[Punch]) -> dict[tuple[int, bytes], Holder]:
    badges, workers, employers = schema.badges, schema.workers, schema.employers
    statement = (
        select(badges.c.site_id, badges.c.token, badges.c.worker_id, employers.c.kbo)
        .join(workers, workers.c.id == badges.c.worker_id)
        .outerjoin(employers, employers.c.id == workers.c.employer_id)
    )
    found = {}
    for some in _chunks({(punch.site_id, punch.token) for punch in punches}):
        rows = connection.execute(
            statement.where(badges.c.until_ms.is_(None), tuple_(badges.c.site_id, badges.c.token).in_(some))
        )
        found.update({(row.site_id, row.token): Holder(row.worker_id, row.kbo or "") for row in rows})
    return found


def _presences(
    connection: Connection,
    punches: Sequence[Punch],
    fates: Sequence[Fate],
    holders: dict[tuple[int, bytes], Holder],
) -> dict[_Key, _Presence]:
    """The presences of these workers on the days that matter: that of each punch and the one before."""
    wanted = set()
    for punch, fate in zip(punches, fates, strict=True):
        if fate.day is not None:
            worker_id = holders[punch.site_id, punch.token].worker_id
            wanted |= {(worker_id, fate.day), (worker_id, fate.day - timedelta(days=1))}
    table = schema.presences
    found = {}
    for some in _chunks(wanted):
        rows = connection.execute(select(table).where(tuple_(table.c.worker_id, table.c.day).in_(some)))
        for row in rows:
            key = (row.worker_id, row.employer_kbo, row.workplace, row.day)
            found[key] = _Presence(row.id, PresenceState(row.state), row.error_code, row.reception_number or 0)
    return found


def _chunks(wanted: Iterable[tuple[Any, ...]]) -> Iterable[list[tuple[Any, ...]]]:
    everything = list(wanted)
    return (everything[at : at + _IN_CLAUSE] for at in range(0, len(everything), _IN_CLAUSE))
