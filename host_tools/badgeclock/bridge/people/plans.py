"""Plans: who is expected at a site on a day, by a planning tool or by a list of the office.

A plan is the whole of its site's day: whoever writes it last says who is expected, and a plan without workers says that
nobody is. What is expected where there is no plan is in `presences/expectations.py`. Every function takes the
connection of an open transaction (`Store.write`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from badgeclock.bridge.errors import PeopleError
from badgeclock.bridge.people import sites
from badgeclock.bridge.people.rows import add_row
from badgeclock.bridge.presences.expectations import Source
from badgeclock.bridge.presences.local_times import checked_day
from badgeclock.bridge.store import audit_log, schema
from badgeclock.bridge.store.audit_log import Act, Change, Operator
from badgeclock.bridge.store.database import chunks

_COLUMNS: Final = ("from_min", "to_min", "source")
_TIME: Final = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")


class Slot(NamedTuple):
    """A worker in a plan: by reference, from and to which minute of the local day (None: it is not said). An end that
    is not after the beginning lies on the next day.
    """

    worker: str
    from_min: int | None = None
    to_min: int | None = None


class Row(NamedTuple):
    """A worker's row in a plan, by the numbers of the store."""

    plan_id: int
    worker_id: int


@dataclass(frozen=True, slots=True)
class Put:
    """What became of a plan: its row, and how many workers were added, changed and taken out."""

    plan_id: int
    added: int = 0
    changed: int = 0
    removed: int = 0


def minute_of(text: str) -> int | None:
    """The minute of the day of a time such as 07:00, None for an empty text; raises PeopleError."""
    if not text:
        return None
    found = _TIME.fullmatch(text)
    if found is None:
        raise PeopleError("a time is written 07:00", "correct it, as text")
    return int(found[1]) * 60 + int(found[2])


def time_of(minute: int | None) -> str | None:
    """The time of a minute of the day, 07:00."""
    return None if minute is None else f"{minute // 60:02d}:{minute % 60:02d}"


def put(
    connection: Connection, site: str, day: date, slots: Sequence[Slot], operator: Operator, now_ms: int
) -> tuple[Put, bool]:
    """Make the plan of a site's day out of these slots, for a planning tool; says whether it is new. Raises PeopleError
    and changes nothing of the store if a worker is not there or named twice.
    """
    site_id = sites.row_id(connection, site)
    plan_id, is_new = _plan(connection, site_id, day, now_ms)
    worker_ids = _workers(connection, [slot.worker for slot in slots])
    if len(worker_ids) < len(slots):
        raise PeopleError("a worker is named twice", "give each worker one row, from the first hour to the last")
    table = schema.expected
    rows = connection.execute(select(table).where(table.c.plan_id == plan_id))
    there = {row.worker_id: row for row in rows}
    wanted = {worker_ids[slot.worker]: _columns(slot, Source.PLANNING) for slot in slots}
    new = [
        {"plan_id": plan_id, "worker_id": worker_id, **values}
        for worker_id, values in wanted.items()
        if worker_id not in there
    ]
    changed = [
        {"at": row.id, **wanted[worker_id]}
        for worker_id, row in there.items()
        if worker_id in wanted and _differs(row, wanted[worker_id])
    ]
    if new:
        connection.execute(insert(table), new)
    if changed:
        change = update(table).where(table.c.id == bindparam("at"))
        connection.execute(change.values({name: bindparam(name) for name in _COLUMNS}), changed)
    done = Put(plan_id, len(new), len(changed), take_out_others(connection, plan_id, wanted))
    write_act(connection, operator, done, now_ms, is_new=is_new)
    return done, is_new


def put_of_list(connection: Connection, site: str, day: date, slot: Slot, now_ms: int) -> tuple[Row, Change]:
    """One row of the office's list; what else the plan has is for `take_out_others`."""
    plan_id, _ = _plan(connection, sites.row_id(connection, site), day, now_ms)
    row = Row(plan_id, _workers(connection, [slot.worker])[slot.worker])
    return row, _put_row(connection, row, slot, Source.LIST)


def take_out_others(connection: Connection, plan_id: int, worker_ids: Collection[int]) -> int:
    """Take out of a plan whoever is none of these workers; returns how many."""
    table = schema.expected
    rows = connection.execute(select(table.c.id, table.c.worker_id).where(table.c.plan_id == plan_id)).all()
    others = [row.id for row in rows if row.worker_id not in worker_ids]
    for some in chunks(others):
        connection.execute(delete(table).where(table.c.id.in_(some)))
    return len(others)


def write_act(connection: Connection, operator: Operator, done: Put, now_ms: int, *, is_new: bool = False) -> None:
    """Write down that a plan was made or changed, if it was, and when; workers are counted, not named."""
    counts = {"added": done.added, "changed": done.changed, "removed": done.removed}
    if is_new or any(counts.values()):
        table = schema.plans
        connection.execute(update(table).where(table.c.id == done.plan_id).values(put_ms=now_ms))
        plan = connection.execute(select(table).where(table.c.id == done.plan_id)).one()
        detail = {"day": plan.day.isoformat(), **counts}
        audit_log.write(connection, operator, Act.PLAN_PUT, ("site", plan.site_id), detail, now_ms)


def withdraw(connection: Connection, site: str, day: date, operator: Operator, now_ms: int) -> int:
    """Take a plan away, so that the site's day has none; returns how many workers it had. Raises PeopleError."""
    table, site_id = schema.plans, sites.row_id(connection, site)
    plan_id = connection.execute(select(table.c.id).where(table.c.site_id == site_id, table.c.day == day)).scalar()
    if plan_id is None:
        raise PeopleError(f"there is no plan of {site!r} for {day.isoformat()}", "look at the list of plans")
    removed = take_out_others(connection, plan_id, ())
    connection.execute(delete(table).where(table.c.id == plan_id))
    detail = {"day": day.isoformat(), "removed": removed}
    audit_log.write(connection, operator, Act.PLAN_WITHDRAWN, ("site", site_id), detail, now_ms)
    return removed


def _plan(connection: Connection, site_id: int, day: date, now_ms: int) -> tuple[int, bool]:
    table = schema.plans
    checked_day(day)
    found = connection.execute(select(table.c.id).where(table.c.site_id == site_id, table.c.day == day)).scalar()
    if found is not None:
        return found, False
    return add_row(connection, table, site_id=site_id, day=day, put_ms=now_ms), True


def _workers(connection: Connection, references: Sequence[str]) -> dict[str, int]:
    table = schema.workers
    found: dict[str, int] = {}
    for some in chunks(references):
        statement = select(table.c.reference, table.c.id).where(table.c.reference.in_(some))
        found |= dict(connection.execute(statement).tuples().all())
    for reference in references:
        if reference not in found:
            raise PeopleError(f"there is no worker {reference!r}", "add the worker with `badgeclock bridge worker add`")
    return found


def _put_row(connection: Connection, row: Row, slot: Slot, source: Source) -> Change:
    table = schema.expected
    values = _columns(slot, source)
    now = connection.execute(
        select(table).where(table.c.plan_id == row.plan_id, table.c.worker_id == row.worker_id)
    ).one_or_none()
    if now is None:
        return Change("expected", add_row(connection, table, **row._asdict(), **values), is_new=True)
    changed = ("hours",) if _differs(now, values) else ()
    if changed:
        connection.execute(update(table).where(table.c.id == now.id).values(values))
    return Change("expected", now.id, is_new=False, changed=changed)


def _columns(slot: Slot, source: Source) -> dict[str, Any]:
    if slot.to_min is not None and slot.from_min is None:
        raise PeopleError("an end needs its beginning", "give both times, or the beginning alone, or neither")
    return dict(zip(_COLUMNS, (slot.from_min, slot.to_min, source.value), strict=True))


def _differs(row: Any, values: dict[str, Any]) -> bool:
    return any(getattr(row, name) != value for name, value in values.items())
