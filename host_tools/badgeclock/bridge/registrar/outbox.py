"""The queue of presences for the authority: which are due, which are claimed for a call, which are too late.

Each function is part of a transaction of its caller, and handles any number of presences in a few statements. Changes
of a presence's state are in `transitions`.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    exists,
    func,
    literal_column,
    or_,
    select,
    text,
    update,
)

from badgeclock.authorities import forms
from badgeclock.authorities.base import BELGIUM, Address, Coordinates, Direction, Item, MovementItem, PresenceItem
from badgeclock.bridge.people import identities
from badgeclock.bridge.presences.regimes import MOVEMENT_LATE_MS, Declared, local_day, too_late
from badgeclock.bridge.registrar.transitions import leave_to_person, move
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.database import chunks, insert_rows
from badgeclock.bridge.store.states import IdentityKind, PresenceState, Reason
from badgeclock.bridge.store.vault import Vault

_UNDER_WAY: Final = (PresenceState.QUEUED, PresenceState.SENT, PresenceState.UNKNOWN)
_LATE: Final = {Declared.DAY: Reason.DAY_OVER, Declared.MOVEMENT: Reason.LATE}


@dataclass(frozen=True, slots=True)
class Due:
    """A presence that needs an action, and its item at the authority.

    worker      the worker's reference
    decided_ms  when its declaration was decided: the moment of a movement, or a person's later decision
    same_name   whether the worker still has the number under which the presence was sent last
    blamed      the authority's refusal when it was sent alone, if any; the authority may have it nevertheless
    """

    id: int
    state: PresenceState
    item: Item
    declared: Declared
    worker: str
    time_zone: str
    tries: int
    alone: bool
    reception_number: int | None
    sent_ms: int
    lost_ms: int
    decided_ms: int
    same_name: bool
    blamed: str

    @property
    def day(self) -> date:
        """The declared day, in the authority's time zone."""
        return self.item.date


def due(
    connection: Connection,
    vault: Vault,
    states: Sequence[PresenceState],
    declares: Iterable[Declared],
    now_ms: int,
    limit: int,
) -> list[Due]:
    """The presences in these states whose time has come, longest waiting first."""
    rows = connection.execute(_due_rows(tuple(states), frozenset(declares)), {"at_ms": now_ms, "most": limit})
    return [_due(vault, row) for row in rows.all()]


@lru_cache(maxsize=16)
def _due_rows(states: tuple[PresenceState, ...], declares: frozenset[Declared]) -> Select[tuple[Any, ...]]:
    """Those due at `at_ms`, at most `most`. Kept, as `_queued`: making a statement costs as much as fifty rows."""
    table = schema.presences
    return (
        _rows()
        .where(table.c.due_ms <= bindparam("at_ms"), table.c.state.in_(states), table.c.declared.in_(sorted(declares)))
        .order_by(table.c.due_ms, table.c.id)
        .limit(bindparam("most"))
    )


class _Row(NamedTuple):
    """A presence with the declared data of its worker and site, as it is read."""

    id: int
    reference: str
    state: str
    declared: str
    day: date
    moment_ms: int
    way: str
    workplace: str
    employer_kbo: str
    tries: int
    alone: bool
    reception_number: int | None
    sent_ms: int | None
    lost_ms: int | None
    decided_ms: int | None
    error_text: str | None
    sent_identity: bytes | None
    worker: str
    identity_kind: str
    identity_closed: bytes
    identity_index: bytes
    time_zone: str
    address: dict[str, Any] | None
    latitude: float | None
    longitude: float | None


_OF_PRESENCE: Final = _Row._fields[: _Row._fields.index("worker")]


def _rows() -> Select[tuple[Any, ...]]:
    """The columns of `_Row`."""
    table, workers, sites = schema.presences, schema.workers, schema.sites
    return (
        select(
            *(table.c[name] for name in _OF_PRESENCE),
            workers.c.reference.label("worker"),
            workers.c.identity_kind,
            workers.c.identity_closed,
            workers.c.identity_index,
            sites.c.time_zone,
            sites.c.address,
            sites.c.latitude,
            sites.c.longitude,
        )
        .join(workers, workers.c.id == table.c.worker_id)
        .join(sites, sites.c.id == table.c.site_id)
    )


def of_day(connection: Connection, vault: Vault, declares: Iterable[Declared], day: date) -> list[Due]:
    """Every presence of a day in the authority's time zone, in any state; by row."""
    table = schema.presences
    around = [day + timedelta(days=days) for days in (-1, 0, 1)]  # a site's day may differ from the authority's
    rows = connection.execute(
        _rows().where(table.c.day.in_(around), table.c.declared.in_(list(declares))).order_by(table.c.id)
    )
    return [one for row in rows if (one := _due(vault, row)).day == day]


def next_due_ms(connection: Connection, state: PresenceState, declares: Iterable[Declared]) -> int | None:
    """When the next presence in this state needs an action, ms UTC; None if none does."""
    table = schema.presences
    waiting = (table.c.state == state) & table.c.due_ms.is_not(None) & table.c.declared.in_(list(declares))
    return connection.execute(select(func.min(table.c.due_ms)).where(waiting)).scalar()


def unsettle(connection: Connection, declares: Iterable[Declared], now_ms: int) -> int:
    """At start: presences sent without an answer may or may not be registered. Returns how many.

    Those searched for before are searched for at once: the machine's time may have changed since.
    """
    table = schema.presences
    unanswered = text(f"({schema.SENT})")  # written like the partial index, so that it is used
    unknown = (table.c.state == PresenceState.UNKNOWN) & table.c.declared.in_(list(declares))
    connection.execute(update(table).where(unanswered, unknown).values(due_ms=now_ms, tries=0))
    sent = (table.c.state == PresenceState.SENT) & table.c.declared.in_(list(declares))
    ids = connection.execute(select(table.c.id).where(unanswered, sent)).scalars().all()
    return move(
        connection, ids, PresenceState.SENT, PresenceState.UNKNOWN, {"due_ms": now_ms, "lost_ms": now_ms, "tries": 0}
    )


def claim(
    connection: Connection, vault: Vault, declares: Iterable[Declared], now_ms: int, limit: int, call: str
) -> list[Due]:
    """Mark at most `limit` queued presences as sent, under the id of the coming call; commit before calling.

    One marked to be sent alone is sent alone. Movements of one worker are sent in sequence, each after the answer to
    the one before. Presences that are too late are not sent but wait for a decision.
    """
    queued = _queued(frozenset(declares))
    while True:
        rows = connection.execute(queued, {"at_ms": now_ms, "most": limit})
        found = [_due(vault, row) for row in rows.all()]
        late = {
            one.id: one.declared
            for one in found
            if too_late(one.declared, one.day, one.decided_ms, now_ms, one.time_zone)
        }
        if not late:
            break
        _leave_late(connection, late, now_ms)
    ready = found[:1] if found and found[0].alone else [one for one in found if not one.alone]
    if not ready:
        return []
    ids = [one.id for one in ready]
    values = {
        "due_ms": None,
        "sent_ms": now_ms,
        "tries": schema.presences.c.tries + 1,
        "sent_identity": _identity_now(),
    }
    move(connection, ids, PresenceState.QUEUED, PresenceState.SENT, values)
    digest = bytearray(request_hash(vault, [one.item for one in ready]))
    attempts = ((presence_id, call, digest, now_ms) for presence_id in ids)
    insert_rows(connection, schema.attempts, ("presence_id", "call", "request_hash", "sent_ms"), attempts)
    return ready


@lru_cache(maxsize=16)
def _queued(declares: frozenset[Declared]) -> Select[tuple[Any, ...]]:
    """Those in the queue that are due at `at_ms` and need not wait for another of their worker, locked."""
    table, earlier = schema.presences, schema.presences.alias("earlier")
    held_up = exists(
        select(literal_column("1")).where(
            earlier.c.worker_id == table.c.worker_id,
            earlier.c.id < table.c.id,
            # Written like the partial index, so that it is used.
            earlier.c.declared == literal_column("'movement'"),
            earlier.c.state.in_([literal_column(f"'{state}'") for state in _UNDER_WAY]),
        )
    )
    free = or_(table.c.declared == Declared.DAY, ~held_up)
    return _due_rows((PresenceState.QUEUED,), declares).where(free).with_for_update(skip_locked=True, of=table)


def waited_too_long(connection: Connection, declares: frozenset[Declared], now_ms: int) -> list[int]:
    """Rows of the presences that waited in the queue until too late, or have no authority; for `expire`.

    `declares` is what all authorities together accept. Looks through the whole queue, so: not in a transaction that
    writes, which acknowledgements would wait for.
    """
    without, late = _overdue(connection, declares, now_ms)
    return [*without, *late]


def expire(
    connection: Connection, declares: frozenset[Declared], now_ms: int, among: Sequence[int] | None = None
) -> int:
    """Give to a person what waited in the queue until too late, or has no authority; returns how many.

    `among`: only of these rows; what has changed since they were found is left alone. Needs no authority and no vault,
    so that nothing is forgotten while one is unavailable.
    """
    without, late = _overdue(connection, declares, now_ms, among)
    gone = leave_to_person(connection, without, PresenceState.QUEUED, Reason.NO_AUTHORITY, now_ms)
    _leave_late(connection, late, now_ms)
    return gone + len(late)


def _overdue(
    connection: Connection, declares: frozenset[Declared], now_ms: int, among: Sequence[int] | None = None
) -> tuple[Sequence[int], dict[int, Declared]]:
    """Rows in the queue without an authority, and those that are too late."""
    table, sites = schema.presences, schema.sites
    queued = (table.c.state == PresenceState.QUEUED) & table.c.due_ms.is_not(None)
    if among is not None:
        queued &= table.c.id.in_(among)
    nobodys = queued & table.c.declared.not_in(list(declares))
    without = connection.execute(select(table.c.id).where(nobodys).order_by(table.c.id)).scalars().all()
    zones = connection.execute(select(sites.c.time_zone).distinct()).scalars().all()
    newest = max(local_day(now_ms, zone) for zone in (*zones, BELGIUM.key))
    rows = connection.execute(
        select(table.c.id, table.c.declared, table.c.day, table.c.moment_ms, table.c.decided_ms, sites.c.time_zone)
        .join(sites, sites.c.id == table.c.site_id)
        .where(
            queued & table.c.declared.in_(list(declares)),
            or_(
                and_(table.c.declared == Declared.DAY, table.c.day < newest),
                and_(table.c.declared == Declared.MOVEMENT, table.c.moment_ms < now_ms - MOVEMENT_LATE_MS),
            ),
        )
        .order_by(table.c.id)
    )
    late = {
        row.id: declared
        for row in rows
        if too_late(declared := Declared(row.declared), row.day, _decided_ms(row), now_ms, row.time_zone)
    }
    return without, late


def _leave_late(connection: Connection, late: Mapping[int, Declared], now_ms: int) -> None:
    for declared, reason in _LATE.items():
        ids = [presence_id for presence_id, of in late.items() if of is declared]
        leave_to_person(connection, ids, PresenceState.QUEUED, reason, now_ms)


def request_hash(vault: Vault, items: Sequence[Item]) -> bytes:
    """16 bytes that show whether two calls had the same items, without revealing them: a keyed hash."""
    return vault.index(json.dumps([_as_text(item) for item in items]))


def _as_text(item: Item) -> list[Any]:
    what = [item.reference, item.workplace_id, item.inss, item.company_id, item.limosa_id]
    if isinstance(item, MovementItem):
        places = [None if place is None else asdict(place) for place in (item.coordinates, item.address)]
        return [*what, item.moment.isoformat(), item.direction, *places]
    return [*what, item.date.isoformat()]


def answered(connection: Connection, call: str, outcomes: Mapping[int, str], now_ms: int) -> None:
    """Record each presence's answer in a call."""
    table = schema.attempts
    alike: dict[str, list[int]] = defaultdict(list)
    for presence_id, outcome in outcomes.items():
        alike[outcome].append(presence_id)
    for outcome, presence_ids in alike.items():
        for some in chunks(presence_ids):
            these = (table.c.call == call) & table.c.presence_id.in_(some)
            connection.execute(update(table).where(these).values(answered_ms=now_ms, outcome=outcome))


def _identity_now() -> Any:
    workers = schema.workers
    return select(workers.c.identity_index).where(workers.c.id == schema.presences.c.worker_id).scalar_subquery()


def _decided_ms(row: Any) -> int:  # _Row, or a row with less
    return int(max(row.moment_ms, row.decided_ms or 0))


def _due(vault: Vault, of: Row[Any]) -> Due:
    row = _Row._make(of)
    identity = identities.identity_of(vault, _Worker(row.worker, row.identity_kind, row.identity_closed))
    by_niss = identity.kind is IdentityKind.NISS
    declared = Declared(row.declared)
    who: dict[str, Any] = {
        "inss": identity.number if by_niss else None,
        "company_id": row.employer_kbo if by_niss else None,
        "limosa_id": None if by_niss else identity.number,
    }
    item: Item
    if declared is Declared.DAY:
        item = PresenceItem(reference=row.reference, date=row.day, workplace_id=row.workplace, **who)
    else:
        seconds, ms = divmod(row.moment_ms, 1000)
        moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=1000 * ms)
        item = MovementItem(
            reference=row.reference,
            moment=moment,
            direction=Direction(row.way),
            workplace_id=row.workplace,
            **_place(row),
            **who,
        )
    return Due(
        id=row.id,
        state=PresenceState(row.state),
        item=item,
        declared=declared,
        worker=row.worker,
        time_zone=row.time_zone,
        tries=row.tries,
        alone=row.alone,
        reception_number=row.reception_number,
        sent_ms=row.sent_ms or 0,
        lost_ms=row.lost_ms or 0,
        decided_ms=_decided_ms(row),
        blamed=row.error_text or "",
        same_name=row.sent_identity is None or row.sent_identity == row.identity_index,
    )


def _place(row: _Row) -> dict[str, Any]:
    """A site's location, besides its workplace number: coordinates, else an address complete enough to declare."""
    if row.latitude is not None and row.longitude is not None:
        return {"coordinates": Coordinates(latitude=row.latitude, longitude=row.longitude)}
    if row.address is None:
        return {}
    kept = row.address
    address = Address(
        postcode=kept["post_code"],
        municipality=kept["municipality"],
        street=kept["street"],
        house_number=kept["house_number"],
        box=kept["box"] or None,
    )
    return {"address": address} if forms.is_address(address) else {}


class _Worker(NamedTuple):
    reference: str
    identity_kind: str
    identity_closed: bytes
