"""The queue of presences for the authority: which are due, which are claimed for a call, which are too late.

Each function is part of a transaction of its caller, and handles any number of presences in a few statements. Changes
of a presence's state are in `transitions`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    Connection,
    Select,
    and_,
    bindparam,
    exists,
    func,
    insert,
    literal_column,
    or_,
    select,
    text,
    update,
)

from badgeclock.authorities import forms
from badgeclock.authorities.base import Address, Coordinates, Direction, Item, MovementItem, PresenceItem
from badgeclock.bridge.people import identities
from badgeclock.bridge.presences.regimes import MOVEMENT_LATE_MS, Declared, local_day, too_late
from badgeclock.bridge.registrar.transitions import leave_to_person, move
from badgeclock.bridge.store import schema
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
    return [_due(vault, row) for row in connection.execute(_due_rows(states, declares, now_ms, limit))]


def _due_rows(
    states: Sequence[PresenceState], declares: Iterable[Declared], now_ms: int, limit: int
) -> Select[tuple[Any, ...]]:
    table = schema.presences
    return (
        _rows()
        .where(table.c.due_ms <= now_ms, table.c.state.in_(states), table.c.declared.in_(list(declares)))
        .order_by(table.c.due_ms, table.c.id)
        .limit(limit)
    )


def _rows() -> Select[tuple[Any, ...]]:
    """Presences with the declared data of their worker and site."""
    table, workers, sites = schema.presences, schema.workers, schema.sites
    return (
        select(
            table,
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
    queued = _due_rows([PresenceState.QUEUED], declares, now_ms, limit).where(free)
    queued = queued.with_for_update(skip_locked=True, of=table)
    while True:
        found = [
            _due(vault, row)
            for row in connection.execute(queued.with_for_update(skip_locked=True, of=schema.presences))
        ]
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
    values = {"due_ms": None, "sent_ms": now_ms, "tries": table.c.tries + 1, "sent_identity": _identity_now()}
    move(connection, ids, PresenceState.QUEUED, PresenceState.SENT, values)
    digest = request_hash(vault, [one.item for one in ready])
    connection.execute(
        insert(schema.attempts),
        [{"presence_id": one.id, "call": call, "request_hash": digest, "sent_ms": now_ms} for one in ready],
    )
    return ready


def expire(connection: Connection, declares: frozenset[Declared], now_ms: int) -> int:
    """Give to a person what waited in the queue until too late, or has no authority.

    `declares` is what all authorities together accept. Returns how many. Needs no authority and no vault, so that
    nothing is forgotten while one is unavailable.
    """
    table, sites = schema.presences, schema.sites
    queued = (table.c.state == PresenceState.QUEUED) & table.c.due_ms.is_not(None)
    nobodys = queued & table.c.declared.not_in(list(declares))
    ids = connection.execute(select(table.c.id).where(nobodys)).scalars().all()
    gone = leave_to_person(connection, ids, PresenceState.QUEUED, Reason.NO_AUTHORITY, now_ms)
    zones = connection.execute(select(sites.c.time_zone).distinct()).scalars().all()
    if not zones:
        return gone
    tomorrow_somewhere = max(local_day(now_ms, zone) for zone in zones)
    long_ago = now_ms - MOVEMENT_LATE_MS
    rows = connection.execute(
        select(table.c.id, table.c.declared, table.c.day, table.c.moment_ms, table.c.decided_ms, sites.c.time_zone)
        .join(sites, sites.c.id == table.c.site_id)
        .where(
            queued,
            or_(
                and_(table.c.declared == Declared.DAY, table.c.day <= tomorrow_somewhere),
                and_(table.c.declared == Declared.MOVEMENT, table.c.moment_ms < long_ago),
            ),
        )
    )
    late = {
        row.id: declared
        for row in rows
        if too_late(declared := Declared(row.declared), row.day, _decided_ms(row), now_ms, row.time_zone)
    }
    _leave_late(connection, late, now_ms)
    return gone + len(late)


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
    if not outcomes:
        return
    table = schema.attempts
    connection.execute(
        update(table)
        .where(table.c.call == bindparam("of_call"), table.c.presence_id == bindparam("of_presence"))
        .values(answered_ms=now_ms, outcome=bindparam("as_outcome")),
        [
            {"of_call": call, "of_presence": presence_id, "as_outcome": outcome}
            for presence_id, outcome in outcomes.items()
        ],
    )


def _identity_now() -> Any:
    workers = schema.workers
    return select(workers.c.identity_index).where(workers.c.id == schema.presences.c.worker_id).scalar_subquery()


def _decided_ms(row: Any) -> int:
    return int(max(row.moment_ms, row.decided_ms or 0))


def _due(vault: Vault, row: Any) -> Due:
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


def _place(row: Any) -> dict[str, Any]:
    """A site's location, besides its workplace number: coordinates, else an address complete enough to declare."""
    if row.latitude is not None:
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
