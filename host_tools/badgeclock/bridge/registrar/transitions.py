"""The state changes of presences, with their receipts and events.

Each function is part of a transaction of its caller, and handles any number of presences in a few statements. A step
that is not in `states.STEPS` is refused; an outdated step (the presence is no longer in the state the caller saw)
changes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, bindparam, select, update

from badgeclock.authorities.base import Refused, Status
from badgeclock.bridge import logs
from badgeclock.bridge.registrar import presence_receipts, reception_numbers
from badgeclock.bridge.registrar.reception_numbers import Number
from badgeclock.bridge.store import event_log, schema
from badgeclock.bridge.store.database import chunks, update_rows
from badgeclock.bridge.store.event_log import Event, Severity
from badgeclock.bridge.store.states import MAY, PresenceState, Reason

SECOND_LOOK_MS: Final = 12 * 3_600_000
"""When a presence is checked once more after its validation: it can become invalid, or be cancelled."""
_NAMED: Final = 5
"""Up to this many presences of one change have an event each; more share one."""
_OF_STATUS: Final = {
    Status.REGISTERED: PresenceState.REGISTERED,
    Status.VALIDATED: PresenceState.VALIDATED,
    Status.REMARKS: PresenceState.REMARKS,
}


def move(
    connection: Connection,
    presence_ids: Iterable[int],
    old: PresenceState,
    new: PresenceState,
    values: Mapping[str, Any],
) -> int:
    """Move presences a step, if they are still in the state the caller saw; returns how many were.

    A presence's state changes here, in `move_each` and in `register` alone. A step that is not in `states.STEPS` is an
    AssertionError.
    """
    _check_step(old, new)
    table = schema.presences
    moved = 0
    for some in chunks(presence_ids):
        change = update(table).where(table.c.id.in_(some), table.c.state == old).values(state=new, **values)
        moved += connection.execute(change).rowcount
    return moved


def move_each(
    connection: Connection, old: PresenceState, new: PresenceState, values: Mapping[int, Mapping[str, Any]]
) -> None:
    """The same with different values for each presence, under the same names."""
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
    """Check again later, in the same state; `look` is how much this counts as a check without a result."""
    if not due_ms:
        return
    table = schema.presences
    change = update(table).where(table.c.id == bindparam("at"))
    connection.execute(
        change.values(due_ms=bindparam("to"), tries=table.c.tries + look),
        [{"at": presence_id, "to": at_ms} for presence_id, at_ms in due_ms.items()],
    )


def leave_to_person(
    connection: Connection, presence_ids: Sequence[int], old: PresenceState, reason: Reason, now_ms: int
) -> int:
    """Give presences to a person, and send their clocks receipts; returns how many."""
    standing = _standing(connection, presence_ids, old)
    values = {"due_ms": None, "reason": reason, "final_ms": now_ms}
    move(connection, standing, old, PresenceState.WAITING, values)
    presence_receipts.issue(connection, list(standing), now_ms)
    kind = event_log.Kind.PRESENCE_CANCELLED if reason is Reason.CANCELLED else event_log.Kind.PRESENCE_WAITS
    _note(connection, kind, standing.values(), f"for a person: {reason}", now_ms)
    return len(standing)


def refuse(connection: Connection, old: PresenceState, refused: Mapping[int, Refused], now_ms: int) -> None:
    """The authority refused these presences: its code, 1 to 255, and its own text."""
    standing = _standing(connection, refused, old)
    values = {
        presence_id: {
            "due_ms": None,
            "error_code": refused[presence_id].code,
            "error_text": logs.masked("; ".join(refused[presence_id].descriptions)),
            "final_ms": now_ms,
        }
        for presence_id in standing
    }
    move_each(connection, old, PresenceState.REFUSED, values)
    presence_receipts.issue(connection, list(standing), now_ms)
    by_code: dict[int, list[_Standing]] = defaultdict(list)
    for presence_id, row in standing.items():
        by_code[refused[presence_id].code].append(row)
    for code, rows in by_code.items():
        _note(connection, event_log.Kind.PRESENCE_REFUSED, rows, f"refused with code {code}", now_ms)


def register(
    connection: Connection, old: PresenceState, numbers: Mapping[int, Number], due_ms: int, now_ms: int
) -> None:
    """The authority has them under these numbers. The first number counts; any other is stored and raises an alarm."""
    own = reception_numbers.keep(
        connection, {one: [number.reception_number] for one, number in numbers.items()}, now_ms
    )
    standing = _standing(connection, [one for one in numbers if own.get(one) is None], old)
    _check_step(old, PresenceState.REGISTERED)
    update_rows(
        connection,
        schema.presences,
        ("id", "reception_number"),
        ((presence_id, numbers[presence_id].reception_number) for presence_id in standing),
        alike={
            "state": PresenceState.REGISTERED.value,
            "registered_ms": now_ms,
            "due_ms": due_ms,
            "tries": 0,
            "reason": None,
            "error_text": None,
        },
        where={"state": old.value},
    )
    presence_receipts.issue(connection, list(standing), now_ms)
    settle(connection, PresenceState.REGISTERED, {one: numbers[one] for one in standing}, now_ms)


def settle(connection: Connection, old: PresenceState, found: Mapping[int, Number], now_ms: int) -> set[int]:
    """The result of checking registered or validated presences; returns those that need no further check."""
    by_status: dict[Status, list[int]] = defaultdict(list)
    for presence_id, number in found.items():
        by_status[number.status].append(presence_id)
    leave_to_person(connection, by_status.pop(Status.CANCELLED, []), old, Reason.CANCELLED, now_ms)
    by_status.pop(Status.REGISTERED, None)
    for status, ids in by_status.items():
        new = _OF_STATUS[status]
        if new is old:
            _rest(connection, ids)
            continue
        standing = _standing(connection, ids, old)
        due_ms = now_ms + SECOND_LOOK_MS if status is Status.VALIDATED else None
        remarks = {presence_id: tuple(map(logs.masked, found[presence_id].remarks)) for presence_id in standing}
        values = {
            presence_id: {"due_ms": due_ms, "remarks": list(remarks[presence_id]), "final_ms": now_ms, "tries": 0}
            for presence_id in standing
        }
        if new is PresenceState.REMARKS:
            values = {presence_id: {**one, "seen_ms": None} for presence_id, one in values.items()}
        move_each(connection, old, new, values)
        presence_receipts.issue(connection, list(standing), now_ms)
        by_remarks: dict[tuple[str, ...], list[_Standing]] = defaultdict(list)
        for presence_id, row in standing.items():
            by_remarks[remarks[presence_id]].append(row)
        for said, rows in by_remarks.items():
            if said:
                _note(connection, event_log.Kind.PRESENCE_REMARKS, rows, f"remarks: {'; '.join(said)}", now_ms)
    return {one for one, number in found.items() if number.status is not Status.REGISTERED}


def _rest(connection: Connection, presence_ids: Iterable[int]) -> None:
    """The second check found nothing new: there is no third."""
    table = schema.presences
    for some in chunks(presence_ids):
        standing = table.c.id.in_(some) & (table.c.state == PresenceState.VALIDATED)
        connection.execute(update(table).where(standing).values(due_ms=None))


class _Standing(NamedTuple):
    id: int
    reference: str


def _standing(connection: Connection, presence_ids: Iterable[int], state: PresenceState) -> dict[int, _Standing]:
    """Those of these presences that are in the state, locked until the transaction ends."""
    table = schema.presences
    found: dict[int, _Standing] = {}
    for some in chunks(presence_ids):
        rows = connection.execute(
            select(table.c.id, table.c.reference)
            .where(table.c.id.in_(some), table.c.state == state)
            .order_by(table.c.id)
            .with_for_update()
        )
        found.update({presence_id: _Standing(presence_id, reference) for presence_id, reference in rows.tuples().all()})
    return found


def _note(connection: Connection, kind: event_log.Kind, rows: Iterable[_Standing], what: str, now_ms: int) -> None:
    """One event per presence, or one for all if they are many."""
    names = [row.reference for row in rows]
    texts = [f"presence {name}: {what}" for name in names]
    if len(names) > _NAMED:
        texts = [f"{len(names)} presences, {names[0]} and others: {what}"]
    event_log.write(connection, [Event(Severity.WARNING, kind, text) for text in texts], now_ms)
