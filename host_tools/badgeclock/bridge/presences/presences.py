"""From punches to presences: who was where, what is declared of it, and what a person must decide.

What a punch calls for is the regime's matter (`regimes`); here it meets the store: whose badge it was, which presence
there is already, which must be opened. Groups of thousands are decided in a few statements.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, bindparam, insert, select, tuple_, update

from badgeclock.bridge.downlink import receipts
from badgeclock.bridge.downlink.receipts import NewReceipt
from badgeclock.bridge.presences.regimes import (
    CLOCK_AHEAD_MS,
    QUARTER_MS,
    RULES,
    Declared,
    Regime,
    Seen,
    Wanted,
    day_is_over,
    employer_declared,
    local_day,
    movement_too_late,
)
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.database import insert_rows
from badgeclock.bridge.store.states import (
    ENDED,
    RECEIPT_OF,
    ClockState,
    IdentityKind,
    PresenceState,
    PunchState,
    Reason,
)
from badgeclock.protocol.frames import ReceiptState
from badgeclock.protocol.record import Direction

_IN_CLAUSE: Final = 500


class Punch(NamedTuple):
    """A punch as the clock kept it, and what the store knows of the clock. `utc_ms` is 0 if the clock had no time."""

    clock_id: int
    clock_state: ClockState
    seq: int
    site_id: int
    workplace: str
    time_zone: str
    regime: Regime
    token: bytes
    direction: Direction
    utc_ms: int
    sealed: bool
    duplicate: bool
    received_ms: int


class Holder(NamedTuple):
    """The worker a badge was given to, and the employer it is declared under (empty under Limosa)."""

    worker_id: int
    employer_kbo: str


class Fate(NamedTuple):
    """What is to become of a punch: `wanted` is set if it calls for something that can be declared."""

    state: PunchState
    reason: Reason | None = None
    wanted: Wanted | None = None


class Key(NamedTuple):
    """What makes a presence one: no two that stand share it. `moment_ms` is 0 and `way` empty for a day."""

    worker_id: int
    employer_kbo: str
    workplace: str
    day: date
    moment_ms: int = 0
    way: str = ""


@dataclass(slots=True)
class _Presence:
    id: int
    state: PresenceState
    error_code: int
    reception_number: int


_Decision = tuple[str, int | None, int | None, str | None]
_NewReceipt = tuple[ReceiptState, int, int]
"""A receipt's state, error code and reception number."""
_BY_DAY: Final = frozenset(regime for regime, rule in RULES.items() if rule.declared is Declared.DAY)
_DECIDED: Final = ("state", "worker_id", "presence_id", "reason")


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
    quarters = (punch.utc_ms // QUARTER_MS, now_ms // QUARTER_MS, (now_ms + CLOCK_AHEAD_MS) // QUARTER_MS)
    fate = _fate_of_day(punch.regime, punch.direction, punch.time_zone, *quarters)
    if fate.wanted is not None and fate.wanted.way is not None and movement_too_late(punch.utc_ms, now_ms):
        return Fate(PunchState.WAITING, Reason.LATE)
    return fate


@lru_cache(maxsize=4096)
def _fate_of_day(
    regime: Regime, direction: Direction, time_zone: str, quarter: int, now_quarter: int, ahead_quarter: int
) -> Fate:
    """The fate of all punches alike within a quarter of an hour, the step in which days begin (`regimes.local_day`)."""
    utc_ms, now_ms, ahead_ms = (at * QUARTER_MS for at in (quarter, now_quarter, ahead_quarter))
    wanted = RULES[regime].wanted(Seen(direction, utc_ms, time_zone))
    if isinstance(wanted, Reason):
        return Fate(PunchState.WAITING, wanted)
    if day_is_over(local_day(utc_ms, time_zone), now_ms, time_zone):
        return Fate(PunchState.WAITING, Reason.LATE)
    if local_day(utc_ms, time_zone) > local_day(ahead_ms, time_zone):
        return Fate(PunchState.WAITING, Reason.FUTURE)
    return Fate(PunchState.DECLARED, wanted=wanted)


def take(connection: Connection, punches: Sequence[Punch], now_ms: int) -> int:
    """Store new punches, open the presences they call for, write the receipts there are; all in this transaction.

    Returns how many presences were queued.
    """
    settled, queued = _settle(connection, punches, now_ms)
    columns: tuple[str, ...] = ("clock_id", "seq", "site_id", "token", "direction", "utc_ms", "received_ms", *_DECIDED)
    rows = _rows(punches, settled)
    if not any(reason for *_, reason in settled):
        columns, rows = columns[:-1], (row[:-1] for row in rows)  # what is left out is NULL
    insert_rows(connection, schema.punches, columns, rows)
    return queued


def _rows(punches: Sequence[Punch], settled: Sequence[_Decision]) -> Iterator[tuple[Any, ...]]:
    for punch, decision in zip(punches, settled, strict=True):
        clock_id, _, seq, site_id, _, _, _, token, direction, utc_ms, _, _, received_ms = punch
        yield clock_id, seq, site_id, bytearray(token), int(direction), utc_ms, received_ms, *decision


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
        select(table, clocks.c.state.label("clock_state"), sites.c.workplace, sites.c.time_zone, sites.c.regime)
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
            regime=Regime(row.regime),
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
    kinds, kind_of = _alike(punches)
    holders = _holders(connection, kinds)
    fates = [fate_of(punch, holders.get((punch.site_id, punch.token)), now_ms) for punch in kinds]
    keys = [
        key_of(punch, holders[punch.site_id, punch.token], fate.wanted) if fate.wanted else None
        for punch, fate in zip(kinds, fates, strict=True)
    ]
    known = _presences(connection, fates, keys)
    opened = _open(connection, kinds, fates, keys, known, now_ms)
    decisions: list[_Decision] = []
    of_kind: list[_NewReceipt | None] = []
    for punch, fate, key in zip(kinds, fates, keys, strict=True):
        holder = holders.get((punch.site_id, punch.token))
        presence = _presence_of(fate, key, known)
        if fate.wanted is not None and presence is None:
            fate = Fate(PunchState.WAITING, Reason.NO_IN)  # noqa: PLW2901 - decided only now
        decisions.append(
            (
                fate.state.value,
                holder.worker_id if holder else None,
                presence.id if presence else None,
                fate.reason.value if fate.reason else None,
            )
        )
        of_kind.append(_receipt(fate, presence))
    new = [
        NewReceipt(punch.clock_id, punch.seq, *receipt)
        for punch, kind in zip(punches, kind_of, strict=True)
        if (receipt := of_kind[kind]) is not None
    ]
    receipts.issue(connection, new, now_ms)
    return [decisions[kind] for kind in kind_of], opened


def _alike(punches: Sequence[Punch]) -> tuple[list[Punch], list[int]]:
    """One punch of each kind of which all have the same fate, key and presence, and for each punch its kind's place.

    A backlog has many such: whoever badges twice within a quarter of an hour, the step in which days begin, is on the
    site once. A movement has a moment of its own.
    """
    kinds: list[Punch] = []
    places: dict[tuple[Any, ...], int] = {}
    kind_of: list[int] = []
    for punch in punches:
        _, clock_state, _, site_id, _, _, regime, token, direction, utc_ms, sealed, duplicate, _ = punch
        moment = utc_ms // QUARTER_MS if utc_ms and regime in _BY_DAY else -utc_ms
        alike = (site_id, token, direction, moment, clock_state, sealed, duplicate)
        place = places.setdefault(alike, len(kinds))
        if place == len(kinds):
            kinds.append(punch)
        kind_of.append(place)
    return kinds, kind_of


def _receipt(fate: Fate, presence: _Presence | None) -> _NewReceipt | None:
    if presence:
        state = RECEIPT_OF.get(presence.state)
        return None if state is None else (state, presence.error_code, presence.reception_number)
    if fate.state is PunchState.UNASSIGNED:
        return ReceiptState.UNKNOWN_BADGE, 0, 0
    if fate.state in (PunchState.WAITING, PunchState.INVALID):
        return ReceiptState.OPERATOR, 0, 0
    return None


def key_of(punch: Punch, holder: Holder, wanted: Wanted) -> Key:
    """Which presence a punch calls for."""
    if wanted.way is None:
        return Key(*holder, punch.workplace, wanted.day)
    return Key(*holder, punch.workplace, wanted.day, punch.utc_ms, wanted.way)


def _presence_of(fate: Fate, key: Key | None, known: Mapping[Key, _Presence]) -> _Presence | None:
    if key is None:
        return None
    presence = known.get(key)
    if presence is None and fate.wanted is not None and fate.wanted.earlier is not None:
        presence = known.get(key._replace(day=fate.wanted.earlier))
    return presence


def _open(
    connection: Connection,
    punches: Sequence[Punch],
    fates: Sequence[Fate],
    keys: Sequence[Key | None],
    known: dict[Key, _Presence],
    now_ms: int,
) -> int:
    """Insert a queued presence for each key that needs one and has none that stands; adds them to `known`."""
    missing: dict[Key, int] = {}
    for punch, fate, key in zip(punches, fates, keys, strict=True):
        if key is not None and fate.wanted is not None and fate.wanted.opens:
            standing = known.get(key)
            if standing is None or standing.state in ENDED:
                missing.setdefault(key, punch.site_id)
    if not missing:
        return 0
    table = schema.presences
    rows = [new_row(key, site_id, now_ms) for key, site_id in missing.items()]
    ids = connection.execute(insert(table).returning(table.c.id, sort_by_parameter_order=True), rows).scalars()
    known.update({key: _Presence(number, PresenceState.QUEUED, 0, 0) for key, number in zip(missing, ids, strict=True)})
    return len(missing)


def new_row(key: Key, site_id: int, now_ms: int) -> dict[str, Any]:
    """The columns of a presence at its beginning: queued, under a reference of its own (24 characters)."""
    return {
        "reference": f"BC{key.day:%Y%m%d}-{secrets.token_hex(6)}",
        "worker_id": key.worker_id,
        "employer_kbo": key.employer_kbo,
        "workplace": key.workplace,
        "day": key.day,
        "declared": Declared.MOVEMENT if key.way else Declared.DAY,
        "moment_ms": key.moment_ms,
        "way": key.way,
        "site_id": site_id,
        "state": PresenceState.QUEUED,
        "error_code": 0,
        "remarks": [],
        "tries": 0,
        "alone": False,
        "due_ms": now_ms,
        "created_ms": now_ms,
    }


def _holders(connection: Connection, punches: Sequence[Punch]) -> dict[tuple[int, bytes], Holder]:
    badges, workers, employers = schema.badges, schema.workers, schema.employers
    statement = (
        select(badges.c.site_id, badges.c.token, badges.c.worker_id, workers.c.identity_kind, employers.c.kbo)
        .join(workers, workers.c.id == badges.c.worker_id)
        .outerjoin(employers, employers.c.id == workers.c.employer_id)
    )
    found = {}
    for some in _chunks({(punch.site_id, punch.token) for punch in punches}):
        rows = connection.execute(
            statement.where(badges.c.until_ms.is_(None), tuple_(badges.c.site_id, badges.c.token).in_(some))
        )
        for row in rows:
            employer = employer_declared(IdentityKind(row.identity_kind), row.kbo)
            found[row.site_id, row.token] = Holder(row.worker_id, employer)
    return found


def _presences(connection: Connection, fates: Sequence[Fate], keys: Sequence[Key | None]) -> dict[Key, _Presence]:
    """The presences of these workers on the days that matter; of those that share a key the one that stands."""
    days = set()
    for fate, key in zip(fates, keys, strict=True):
        if key is not None and fate.wanted is not None:
            days.add((key.worker_id, key.day))
            if fate.wanted.earlier is not None:
                days.add((key.worker_id, fate.wanted.earlier))
    table = schema.presences
    columns = (table.c[name] for name in (*Key._fields, "id", "state", "error_code", "reception_number"))
    statement = select(*columns).order_by(table.c.id)
    found: dict[Key, _Presence] = {}
    for some in _chunks(days):
        rows = connection.execute(statement.where(tuple_(table.c.worker_id, table.c.day).in_(some)))
        for *of, presence_id, state_word, error_code, number in rows:
            key, state = Key(*of), PresenceState(state_word)
            if key not in found or state not in ENDED:
                found[key] = _Presence(presence_id, state, error_code, number or 0)
    return found


def _chunks(wanted: Iterable[tuple[Any, ...]]) -> Iterable[list[tuple[Any, ...]]]:
    everything = list(wanted)
    return (everything[at : at + _IN_CLAUSE] for at in range(0, len(everything), _IN_CLAUSE))
