"""Reception numbers: issued by the authority for presences, each stored once, with an alarm for a second one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, select

from badgeclock.authorities.base import Registered, Status
from badgeclock.bridge.presences.regimes import Declared
from badgeclock.bridge.store import event_log, schema
from badgeclock.bridge.store.database import chunks, insert_rows
from badgeclock.bridge.store.event_log import Event, Severity


class Number(NamedTuple):
    """The authority's data for a presence: number, state, remarks."""

    reception_number: int
    status: Status
    remarks: tuple[str, ...] = ()


def number_of(registered: Registered) -> Number:
    """The same, from an answer to `register`."""
    return Number(registered.reception_number, registered.status, registered.remarks)


def whose(connection: Connection, numbers: Iterable[int], declares: Iterable[Declared]) -> dict[int, int]:
    """The presence of each known one of these numbers of an authority. `declares` is what is declared to it: another
    authority may issue the same numbers.
    """
    table, seen = schema.presences, schema.receptions
    found: dict[int, int] = {}
    for some in chunks(numbers):
        rows = connection.execute(
            select(seen.c.number, seen.c.presence_id)
            .join(table, table.c.id == seen.c.presence_id)
            .where(seen.c.number.in_(some), table.c.declared.in_(list(declares)))
        )
        found.update({row.number: row.presence_id for row in rows})
    return found


def keep(connection: Connection, numbers: Mapping[int, Sequence[int]], now_ms: int) -> dict[int, int | None]:
    """Store the authority's reception numbers for presences, each once; returns the presences' own.

    A number besides a presence's own, or two for one without any, is a double registration: an alarm.
    """
    table, seen = schema.presences, schema.receptions
    own: dict[int, int | None] = {}
    known: dict[int, set[int]] = defaultdict(set)
    names: dict[int, str] = {}
    for some in chunks(numbers):
        rows = connection.execute(
            select(table.c.id, table.c.reference, table.c.reception_number, seen.c.number)
            .outerjoin(seen, seen.c.presence_id == table.c.id)
            .where(table.c.id.in_(some))
        )
        for presence_id, reference, first, number in rows.tuples().all():
            own[presence_id], names[presence_id] = first, reference
            if number is not None:
                known[presence_id].add(number)
    fresh = []
    happened = []
    for presence_id, held in numbers.items():
        first = own.get(presence_id)
        for number in held:
            if number in known[presence_id]:
                continue
            known[presence_id].add(number)
            fresh.append((presence_id, number, now_ms))
            if first is None:
                first = number
            elif number != first:
                what = f"presence {names[presence_id]} has reception number {first} and got {number} too"
                kind = event_log.Kind.SECOND_NUMBER
                happened.append(Event(Severity.ALARM, kind, what, about=names[presence_id]))
    insert_rows(connection, seen, ("presence_id", "number", "seen_ms"), fresh)
    event_log.write(connection, happened, now_ms)
    return own
