"""The registrar's side of the store: which presences are due, and every step one takes.

Each function is part of a transaction of its caller, and works on as many presences as it is given in a few statements.
A step that `states.STEPS` does not know is refused, whoever asks; a step that was overtaken (the presence is no longer
where the caller saw it) changes nothing.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Select, and_, bindparam, exists, func, insert, literal_column, or_, select, update

from badgeclock.authorities import forms
from badgeclock.authorities.base import (
    Address,
    Coordinates,
    Direction,
    Item,
    MovementItem,
    PresenceItem,
    Refused,
    Registered,
    Status,
)
from badgeclock.bridge.downlink import receipts
from badgeclock.bridge.downlink.receipts import NewReceipt
from badgeclock.bridge.people import identities
from badgeclock.bridge.presences import punch_receipts
from badgeclock.bridge.presences.day_book import Key
from badgeclock.bridge.presences.regimes import MOVEMENT_LATE_MS, Declared, local_day, too_late
from badgeclock.bridge.store import event_log, schema
from badgeclock.bridge.store.event_log import Event, Severity
from badgeclock.bridge.store.states import MAY, IdentityKind, PresenceState, Reason
from badgeclock.bridge.store.vault import Vault
from badgeclock.protocol.record import Direction as Punched

SECOND_LOOK_MS: Final = 12 * 3_600_000
"""So long after its validation a presence is looked at once more: it can become invalid, or be cancelled."""
_IN_CLAUSE: Final = 500
_NAMED: Final = 5
"""Up to so many presences of one change have an event each; more of them share one."""
_UNDER_WAY: Final = (PresenceState.QUEUED, PresenceState.SENT, PresenceState.UNKNOWN)
_LATE: Final = {Declared.DAY: Reason.DAY_OVER, Declared.MOVEMENT: Reason.LATE}
_OF_STATUS: Final = {
    Status.REGISTERED: PresenceState.REGISTERED,
    Status.VALIDATED: PresenceState.VALIDATED,
    Status.REMARKS: PresenceState.REMARKS,
}


@dataclass(frozen=True, slots=True)
class Due:
    """A presence that wants something done, and the item by which the authority knows it.

    worker      the worker's reference
    decided_ms  when it was decided that it is to be declared: the moment of a movement, or a person's later decision
    same_name   whether the worker still has the number under which the presence was sent last
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

    @property
    def day(self) -> date:
        """The day it is declared for, as the authority counts it."""
        return self.item.date


class Number(NamedTuple):
    """What the authority gave for a presence: number, where it stands, its remarks."""

    reception_number: int
    status: Status
    remarks: tuple[str, ...] = ()


def number_of(registered: Registered) -> Number:
    """The same, out of an answer to `register`."""
    return Number(registered.reception_number, registered.status, registered.remarks)


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
        .where(table.c.due_ms <= now_ms, table.c.state.in_(states), table.c.declared.in_(list(declares)))
        .order_by(table.c.due_ms, table.c.id)
        .limit(limit)
    )


def next_due_ms(connection: Connection, state: PresenceState, declares: Iterable[Declared]) -> int | None:
    """When the next presence in this state wants something, ms UTC; None if none does."""
    table = schema.presences
    waiting = (table.c.state == state) & table.c.declared.in_(list(declares))
    return connection.execute(select(func.min(table.c.due_ms)).where(waiting)).scalar()


def unsettle(connection: Connection, declares: Iterable[Declared], now_ms: int) -> int:
    """At start: whatever was sent and has no answer may or may not be known to the authority. Returns how many."""
    table = schema.presences
    sent = (table.c.state == PresenceState.SENT) & table.c.declared.in_(list(declares))
    ids = connection.execute(select(table.c.id).where(sent)).scalars().all()
    return move(connection, ids, PresenceState.SENT, PresenceState.UNKNOWN, {"due_ms": now_ms, "lost_ms": now_ms})


def claim(
    connection: Connection, vault: Vault, declares: Iterable[Declared], now_ms: int, limit: int, call: str
) -> list[Due]:
    """Take at most `limit` queued presences as sent, under the name of the call to come; commit before calling.

    One that was marked to go alone goes alone. Movements of one worker go one after another, each when the one before
    has its answer. What has become too late is not sent but waits for a person.
    """
    table, earlier = schema.presences, schema.presences.alias("earlier")
    held_up = exists(
        select(literal_column("1")).where(
            earlier.c.worker_id == table.c.worker_id,
            earlier.c.id < table.c.id,
            # As the partial index has it, so that it can serve.
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
    """Leave to a person what waited in the queue until it was too late, or waits for an authority that there is not.

    `declares` is what all authorities together take. Returns how many. Needs no authority and no vault, so that nothing
    is forgotten however long one is away.
    """
    table, sites = schema.presences, schema.sites
    queued = (table.c.state == PresenceState.QUEUED) & table.c.due_ms.is_not(None)
    nobodys = queued & table.c.declared.not_in(list(declares))
    ids = connection.execute(select(table.c.id).where(nobodys)).scalars().all()
    gone = wait(connection, ids, PresenceState.QUEUED, Reason.NO_AUTHORITY, now_ms)
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
        wait(connection, ids, PresenceState.QUEUED, reason, now_ms)


def request_hash(vault: Vault, items: Sequence[Item]) -> bytes:
    """16 bytes that say later whether two calls carried the same items, and tell nothing of them: a keyed hash."""
    return vault.index(json.dumps([_as_text(item) for item in items]))


def _as_text(item: Item) -> list[Any]:
    what = [item.reference, item.workplace_id, item.inss, item.company_id, item.limosa_id]
    if isinstance(item, MovementItem):
        places = [None if place is None else asdict(place) for place in (item.coordinates, item.address)]
        return [*what, item.moment.isoformat(), item.direction, *places]
    return [*what, item.date.isoformat()]


def answered(connection: Connection, call: str, outcomes: Mapping[int, str], now_ms: int) -> None:
    """Write down what each presence of a call got for an answer."""
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


def move(
    connection: Connection,
    presence_ids: Iterable[int],
    old: PresenceState,
    new: PresenceState,
    values: Mapping[str, Any],
) -> int:
    """Take presences a step, if they still stand where the caller saw them; returns how many did.

    The one place where a presence's state changes. A step that `states.STEPS` does not have is an AssertionError.
    """
    _check_step(old, new)
    table = schema.presences
    moved = 0
    for some in _chunks(presence_ids):
        change = update(table).where(table.c.id.in_(some), table.c.state == old).values(state=new, **values)
        moved += connection.execute(change).rowcount
    return moved


def move_each(
    connection: Connection, old: PresenceState, new: PresenceState, values: Mapping[int, Mapping[str, Any]]
) -> None:
    """The same with values of its own for each presence, all under the same names."""
    _check_step(old, new)
    if not values:
        return
    table = schema.presences
    names = list(next(iter(values.values())))
    change = update(table).where(table.c.id == bindparam("at"), table.c.state == old)
    connection.execute(
        change.values(state=new, **{name: bindparam(f"to_{name}") for name in names}),
        [
            {"at": presence_id, **{f"to_{name}": value for name, value in own.items()}}
            for presence_id, own in values.items()
        ],
    )


def _check_step(old: PresenceState, new: PresenceState) -> None:
    if (old, new) not in MAY:
        raise AssertionError(f"a presence does not go from {old} to {new}")


def requeue(connection: Connection, presence_ids: Iterable[int], old: PresenceState, due_ms: int) -> int:
    """Back into the queue."""
    return move(connection, presence_ids, old, PresenceState.QUEUED, {"due_ms": due_ms})


def postpone(connection: Connection, due_ms: Mapping[int, int], *, look: int = 1) -> None:
    """Look again later, in the same state; `look` is how much that counts as a look that came to nothing."""
    if not due_ms:
        return
    table = schema.presences
    change = update(table).where(table.c.id == bindparam("at"))
    connection.execute(
        change.values(due_ms=bindparam("to"), tries=table.c.tries + look),
        [{"at": presence_id, "to": at_ms} for presence_id, at_ms in due_ms.items()],
    )


def wait(connection: Connection, presence_ids: Sequence[int], old: PresenceState, reason: Reason, now_ms: int) -> int:
    """Leave presences to a person, and tell their clocks; returns how many."""
    standing = _standing(connection, presence_ids, old)
    values = {"due_ms": None, "reason": reason, "final_ms": now_ms}
    move(connection, standing, old, PresenceState.WAITING, values)
    tell(connection, list(standing), now_ms)
    kind = event_log.Kind.PRESENCE_CANCELLED if reason is Reason.CANCELLED else event_log.Kind.PRESENCE_WAITS
    _note(connection, kind, standing.values(), f"for a person: {reason}", now_ms)
    return len(standing)


def refuse(connection: Connection, refused: Mapping[int, Refused], now_ms: int) -> None:
    """The authority did not take these presences: its code, 1 to 255, and its own words."""
    old = PresenceState.SENT
    standing = _standing(connection, refused, old)
    values = {
        presence_id: {
            "due_ms": None,
            "error_code": refused[presence_id].code,
            "error_text": "; ".join(refused[presence_id].descriptions),
            "final_ms": now_ms,
        }
        for presence_id in standing
    }
    move_each(connection, old, PresenceState.REFUSED, values)
    tell(connection, list(standing), now_ms)
    by_code: dict[int, list[_Standing]] = defaultdict(list)
    for presence_id, row in standing.items():
        by_code[refused[presence_id].code].append(row)
    for code, rows in by_code.items():
        _note(connection, event_log.Kind.PRESENCE_REFUSED, rows, f"refused with code {code}", now_ms)


def register(
    connection: Connection, old: PresenceState, numbers: Mapping[int, Number], due_ms: int, now_ms: int
) -> None:
    """The authority has them under these numbers. A first number stays; any other is kept and raises an alarm."""
    own = note_numbers(connection, {one: [number.reception_number] for one, number in numbers.items()}, now_ms)
    standing = _standing(connection, [one for one in numbers if own.get(one) is None], old)
    values = {
        presence_id: {
            "reception_number": numbers[presence_id].reception_number,
            "registered_ms": now_ms,
            "due_ms": due_ms,
            "tries": 0,
            "reason": None,
        }
        for presence_id in standing
    }
    move_each(connection, old, PresenceState.REGISTERED, values)
    tell(connection, list(standing), now_ms)
    settle(connection, PresenceState.REGISTERED, {one: numbers[one] for one in standing}, now_ms)


def settle(connection: Connection, old: PresenceState, found: Mapping[int, Number], now_ms: int) -> set[int]:
    """What a look at presences came to that are registered, or validated; returns those that need no further one."""
    by_status: dict[Status, list[int]] = defaultdict(list)
    for presence_id, number in found.items():
        by_status[number.status].append(presence_id)
    wait(connection, by_status.pop(Status.CANCELLED, []), old, Reason.CANCELLED, now_ms)
    by_status.pop(Status.REGISTERED, None)
    for status, ids in by_status.items():
        new = _OF_STATUS[status]
        if new is old:
            _rest(connection, ids)
            continue
        standing = _standing(connection, ids, old)
        due_ms = now_ms + SECOND_LOOK_MS if status is Status.VALIDATED else None
        values = {
            presence_id: {"due_ms": due_ms, "remarks": list(found[presence_id].remarks), "final_ms": now_ms, "tries": 0}
            for presence_id in standing
        }
        move_each(connection, old, new, values)
        tell(connection, list(standing), now_ms)
        by_remarks: dict[tuple[str, ...], list[_Standing]] = defaultdict(list)
        for presence_id, row in standing.items():
            by_remarks[found[presence_id].remarks].append(row)
        for remarks, rows in by_remarks.items():
            if remarks:
                _note(connection, event_log.Kind.PRESENCE_REMARKS, rows, f"remarks: {'; '.join(remarks)}", now_ms)
    return {one for one, number in found.items() if number.status is not Status.REGISTERED}


def _rest(connection: Connection, presence_ids: Iterable[int]) -> None:
    """The second look found nothing new: there is no third."""
    table = schema.presences
    for some in _chunks(presence_ids):
        standing = table.c.id.in_(some) & (table.c.state == PresenceState.VALIDATED)
        connection.execute(update(table).where(standing).values(due_ms=None))


def note_numbers(connection: Connection, numbers: Mapping[int, Sequence[int]], now_ms: int) -> dict[int, int | None]:
    """Keep the reception numbers that the authority holds for presences, each once; returns the presences' own.

    A number beside a presence's own, or a second one for one that has none, is a double registration: an alarm.
    """
    table, seen = schema.presences, schema.receptions
    own: dict[int, int | None] = {}
    known: dict[int, set[int]] = defaultdict(set)
    names: dict[int, str] = {}
    for some in _chunks(numbers):
        rows = connection.execute(
            select(table.c.id, table.c.reference, table.c.reception_number, seen.c.number)
            .outerjoin(seen, seen.c.presence_id == table.c.id)
            .where(table.c.id.in_(some))
        )
        for row in rows:
            own[row.id], names[row.id] = row.reception_number, row.reference
            if row.number is not None:
                known[row.id].add(row.number)
    fresh = []
    happened = []
    for presence_id, given in numbers.items():
        first = own.get(presence_id)
        for number in given:
            if number in known[presence_id]:
                continue
            known[presence_id].add(number)
            fresh.append({"presence_id": presence_id, "number": number, "seen_ms": now_ms})
            if first is None:
                first = number
            elif number != first:
                what = f"presence {names[presence_id]} has reception number {first} and got {number} too"
                happened.append(Event(Severity.ALARM, event_log.Kind.SECOND_NUMBER, what))
    if fresh:
        connection.execute(insert(seen), fresh)
    event_log.write(connection, happened, now_ms)
    return own


def tell(connection: Connection, presence_ids: Sequence[int], now_ms: int) -> None:
    """Receipts for every punch of these presences, of where they stand now; the earliest is the one that opened it."""
    punches, table, sites = schema.punches, schema.presences, schema.sites
    told = []
    for some in _chunks(presence_ids):
        rows = connection.execute(
            select(
                *(punches.c[name] for name in ("clock_id", "seq", "direction", "utc_ms", "presence_id")),
                *(table.c[name] for name in (*Key._fields, "state", "error_code", "reception_number")),
                sites.c.time_zone,
            )
            .join(table, table.c.id == punches.c.presence_id)
            .join(sites, sites.c.id == punches.c.site_id)
            .where(table.c.id.in_(some))
            .order_by(punches.c.id)
        ).all()
        opened = {row.presence_id: row for row in sorted(rows, key=lambda row: row.utc_ms, reverse=True)}
        for row in rows:
            key = Key(*(getattr(row, name) for name in Key._fields))
            what = (PresenceState(row.state), row.error_code, row.reception_number or 0, key)
            if row is opened[row.presence_id]:
                content = punch_receipts.own(*what, Punched(row.direction))
            else:
                content = punch_receipts.joined(*what, local_day(row.utc_ms, row.time_zone))
            if content is not None:
                told.append(NewReceipt(row.clock_id, row.seq, *content))
    receipts.issue(connection, told, now_ms)


def counts(connection: Connection) -> dict[str, int]:
    """How many presences stand in each state."""
    table = schema.presences
    rows = connection.execute(select(table.c.state, func.count().label("number")).group_by(table.c.state))
    return {row.state: row.number for row in rows}


class _Standing(NamedTuple):
    id: int
    reference: str


def _standing(connection: Connection, presence_ids: Iterable[int], state: PresenceState) -> dict[int, _Standing]:
    """Those of these presences that stand there, theirs until the transaction ends."""
    table = schema.presences
    found: dict[int, _Standing] = {}
    for some in _chunks(presence_ids):
        rows = connection.execute(
            select(table.c.id, table.c.reference)
            .where(table.c.id.in_(some), table.c.state == state)
            .order_by(table.c.id)
            .with_for_update()
        )
        found.update({row.id: _Standing(row.id, row.reference) for row in rows})
    return found


def _note(connection: Connection, kind: event_log.Kind, rows: Iterable[_Standing], what: str, now_ms: int) -> None:
    """One event a presence, or one for all if they are many."""
    names = [row.reference for row in rows]
    texts = [f"presence {name}: {what}" for name in names]
    if len(names) > _NAMED:
        texts = [f"{len(names)} presences, {names[0]} and others: {what}"]
    event_log.write(connection, [Event(Severity.WARNING, kind, text) for text in texts], now_ms)


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
        same_name=row.sent_identity is None or row.sent_identity == row.identity_index,
    )


def _place(row: Any) -> dict[str, Any]:
    """Where a site is, beside its workplace number: coordinates, else an address whole enough to be declared."""
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


def _chunks(wanted: Iterable[int]) -> Iterable[list[int]]:
    everything = list(wanted)
    return (everything[at : at + _IN_CLAUSE] for at in range(0, len(everything), _IN_CLAUSE))
