"""The registrar's side of the store: which presences are due, and every step one takes.

Each function is part of a transaction of its caller. A step that `states.STEPS` does not know is refused, whoever asks;
a step that was overtaken (the presence is no longer where the caller saw it) changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, bindparam, func, insert, select, update

from badgeclock.authorities.base import PresenceItem, Registered, Status
from badgeclock.bridge import downlink, events, people, schema
from badgeclock.bridge.downlink import NewReceipt
from badgeclock.bridge.events import Event, Severity
from badgeclock.bridge.people import IdentityKind
from badgeclock.bridge.presences import local_day
from badgeclock.bridge.states import RECEIPT_OF, STEPS, PresenceState, Reason
from badgeclock.bridge.vault import Vault

_IN_CLAUSE: Final = 500
_OF_STATUS: Final = {
    Status.REGISTERED: PresenceState.REGISTERED,
    Status.VALIDATED: PresenceState.VALIDATED,
    Status.REMARKS: PresenceState.REMARKS,
}


@dataclass(frozen=True, slots=True)
class Due:
    """A presence that wants something done, and the item by which the authority knows it."""

    id: int
    state: PresenceState
    item: PresenceItem
    time_zone: str
    tries: int
    alone: bool
    reception_number: int | None
    sent_ms: int
    lost_ms: int


class Number(NamedTuple):
    """What the authority gave for a presence: number, when (ms UTC, its clock), where it stands, its remarks."""

    reception_number: int
    created_ms: int
    status: Status
    remarks: tuple[str, ...]


def number_of(registered: Registered) -> Number:
    """The same, out of an answer to `register`."""
    created_ms = int(registered.created.timestamp() * 1000)
    return Number(registered.reception_number, created_ms, registered.status, registered.remarks)


def due(connection: Connection, vault: Vault, states: Sequence[PresenceState], now_ms: int, limit: int) -> list[Due]:
    """The presences in these states whose time has come, longest waiting first."""
    table, workers, sites = schema.presences, schema.workers, schema.sites
    rows = connection.execute(
        select(
            table,
            workers.c.reference.label("worker"),
            workers.c.identity_kind,
            workers.c.identity_closed,
            sites.c.time_zone,
        )
        .join(workers, workers.c.id == table.c.worker_id)
        .join(sites, sites.c.id == table.c.site_id)
        .where(table.c.due_ms <= now_ms, table.c.state.in_(states))
        .order_by(table.c.due_ms, table.c.id)
        .limit(limit)
    )
    return [_due(vault, row) for row in rows]


def next_due_ms(connection: Connection, state: PresenceState) -> int | None:
    """When the next presence in this state wants something, ms UTC; None if none does."""
    table = schema.presences
    return connection.execute(select(func.min(table.c.due_ms)).where(table.c.state == state)).scalar()


def unsettle(connection: Connection, now_ms: int) -> int:
    """At start: whatever was sent and has no answer may or may not be known to the authority. Returns how many."""
    table = schema.presences
    change = update(table).where(table.c.state == PresenceState.SENT)
    return connection.execute(change.values(state=PresenceState.UNKNOWN, due_ms=now_ms, lost_ms=now_ms)).rowcount


def claim(connection: Connection, vault: Vault, now_ms: int, limit: int, call: str) -> list[Due]:
    """Take at most `limit` queued presences as sent, under the name of the call to come; commit before calling.

    One that was marked to go alone goes alone. One whose day is over is not sent but waits for a person.
    """
    ready = []
    for one in due(connection, vault, [PresenceState.QUEUED], now_ms, limit):
        if one.item.date < local_day(now_ms, one.time_zone):
            wait(connection, one.id, PresenceState.QUEUED, Reason.DAY_OVER, now_ms)
        else:
            ready.append(one)
    if ready and ready[0].alone:
        ready = ready[:1]
    ready = [one for at, one in enumerate(ready) if not at or not one.alone]
    if not ready:
        return []
    move(
        connection,
        [one.id for one in ready],
        PresenceState.QUEUED,
        PresenceState.SENT,
        {"due_ms": None, "sent_ms": now_ms, "tries": schema.presences.c.tries + 1},
    )
    digest = request_hash(vault, [one.item for one in ready])
    connection.execute(
        insert(schema.attempts),
        [{"presence_id": one.id, "call": call, "request_hash": digest, "sent_ms": now_ms} for one in ready],
    )
    return ready


def request_hash(vault: Vault, items: Sequence[PresenceItem]) -> bytes:
    """16 bytes that say later whether two calls carried the same items, and tell nothing of them: a keyed hash."""
    text = json.dumps(
        [
            [item.reference, item.date.isoformat(), item.workplace_id, item.inss, item.company_id, item.limosa_id]
            for item in items
        ]
    )
    return vault.index(text)


def answered(connection: Connection, call: str, outcomes: dict[int, str], now_ms: int) -> None:
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
    values: dict[str, Any],
) -> int:
    """Take presences a step, if they still stand where the caller saw them; returns how many did."""
    if new not in STEPS[old]:
        raise AssertionError(f"a presence does not go from {old} to {new}")
    table = schema.presences
    ids = list(presence_ids)
    moved = 0
    for at in range(0, len(ids), _IN_CLAUSE):
        these = table.c.id.in_(ids[at : at + _IN_CLAUSE])
        change = update(table).where(these, table.c.state == old).values(state=new, **values)
        moved += connection.execute(change).rowcount
    return moved


def requeue(connection: Connection, presence_ids: Iterable[int], old: PresenceState, due_ms: int) -> int:
    """Back into the queue."""
    return move(connection, presence_ids, old, PresenceState.QUEUED, {"due_ms": due_ms})


def postpone(connection: Connection, presence_id: int, due_ms: int, tries: int) -> None:
    """Look again later, in the same state."""
    table = schema.presences
    connection.execute(update(table).where(table.c.id == presence_id).values(due_ms=due_ms, tries=tries))


def wait(connection: Connection, presence_id: int, old: PresenceState, reason: Reason, now_ms: int) -> None:
    """Leave a presence to a person, and tell the clock."""
    values = {"due_ms": None, "reason": reason, "final_ms": now_ms}
    if move(connection, [presence_id], old, PresenceState.WAITING, values):
        tell(connection, [presence_id], PresenceState.WAITING, now_ms)
        kind = events.Kind.PRESENCE_CANCELLED if reason is Reason.CANCELLED else events.Kind.PRESENCE_WAITS
        what = f"presence {presence_id} waits for a person: {reason}"
        events.write(connection, [Event(Severity.WARNING, kind, what)], now_ms)


def refuse(connection: Connection, presence_id: int, code: int, text: str, now_ms: int) -> None:
    """The authority did not take the presence: code 1 to 255, and its own words."""
    values = {"due_ms": None, "error_code": code, "error_text": text, "final_ms": now_ms}
    if move(connection, [presence_id], PresenceState.SENT, PresenceState.REFUSED, values):
        tell(connection, [presence_id], PresenceState.REFUSED, now_ms)
        what = f"presence {presence_id} was refused with code {code}"
        events.write(connection, [Event(Severity.WARNING, events.Kind.PRESENCE_REFUSED, what)], now_ms)


def register(
    connection: Connection, presence_id: int, old: PresenceState, number: Number, due_ms: int, now_ms: int
) -> None:
    """The authority has it under this number. The first number stays; any other is kept and raises an alarm."""
    if not _note_number(connection, presence_id, number.reception_number, now_ms):
        return
    values = {
        "reception_number": number.reception_number,
        "registered_ms": now_ms,
        "due_ms": due_ms,
        "tries": 0,
        "reason": None,
    }
    if not move(connection, [presence_id], old, PresenceState.REGISTERED, values):
        return
    tell(connection, [presence_id], PresenceState.REGISTERED, now_ms)
    settle(connection, presence_id, number.status, number.remarks, now_ms)


def settle(connection: Connection, presence_id: int, status: Status, remarks: tuple[str, ...], now_ms: int) -> bool:
    """What the content check of a registered presence came to; returns whether it came to anything."""
    if status is Status.CANCELLED:
        wait(connection, presence_id, PresenceState.REGISTERED, Reason.CANCELLED, now_ms)
        return True
    new = _OF_STATUS[status]
    if new is PresenceState.REGISTERED:
        return False
    values = {"due_ms": None, "remarks": list(remarks), "final_ms": now_ms}
    if move(connection, [presence_id], PresenceState.REGISTERED, new, values):
        tell(connection, [presence_id], new, now_ms)
        if new is PresenceState.REMARKS:
            what = f"presence {presence_id} has remarks: {'; '.join(remarks)}"
            events.write(connection, [Event(Severity.WARNING, events.Kind.PRESENCE_REMARKS, what)], now_ms)
    return True


def tell(connection: Connection, presence_ids: Sequence[int], state: PresenceState, now_ms: int) -> None:
    """Receipts for every punch of these presences."""
    punches, table = schema.punches, schema.presences
    rows = connection.execute(
        select(punches.c.clock_id, punches.c.seq, table.c.error_code, table.c.reception_number)
        .join(table, table.c.id == punches.c.presence_id)
        .where(table.c.id.in_(presence_ids))
        .order_by(punches.c.id)
    )
    told = [
        NewReceipt(row.clock_id, row.seq, RECEIPT_OF[state], row.error_code, row.reception_number or 0) for row in rows
    ]
    downlink.issue(connection, told, now_ms)


def counts(connection: Connection) -> dict[str, int]:
    """How many presences stand in each state."""
    table = schema.presences
    rows = connection.execute(select(table.c.state, func.count().label("number")).group_by(table.c.state))
    return {row.state: row.number for row in rows}


def _note_number(connection: Connection, presence_id: int, number: int, now_ms: int) -> bool:
    """Keep a reception number; whether it may become the presence's own."""
    table, seen = schema.presences, schema.receptions
    own = connection.execute(select(table.c.reception_number).where(table.c.id == presence_id)).scalar_one()
    again = select(seen.c.id).where(seen.c.presence_id == presence_id, seen.c.number == number)
    if connection.execute(again).scalar() is None:
        connection.execute(insert(seen).values(presence_id=presence_id, number=number, seen_ms=now_ms))
        if own is not None and own != number:
            what = f"presence {presence_id} has reception number {own} and got {number} too"
            events.write(connection, [Event(Severity.ALARM, events.Kind.SECOND_NUMBER, what)], now_ms)
    return own is None


def note_further_number(connection: Connection, presence_id: int, number: int, now_ms: int) -> None:
    """A number that the authority holds for a presence besides its own."""
    _note_number(connection, presence_id, number, now_ms)


def _due(vault: Vault, row: Any) -> Due:
    identity = people.identity_of(vault, _Worker(row.worker, row.identity_kind, row.identity_closed))
    by_niss = identity.kind is IdentityKind.NISS
    day: date = row.day
    item = PresenceItem(
        reference=row.reference,
        date=day,
        workplace_id=row.workplace,
        inss=identity.number if by_niss else None,
        company_id=row.employer_kbo if by_niss else None,
        limosa_id=None if by_niss else identity.number,
    )
    return Due(
        row.id,
        PresenceState(row.state),
        item,
        row.time_zone,
        row.tries,
        row.alone,
        row.reception_number,
        row.sent_ms or 0,
        row.lost_ms or 0,
    )


class _Worker(NamedTuple):
    reference: str
    identity_kind: str
    identity_closed: bytes
