"""Plans: who is expected at a site on a day, from a planning tool or a list of the office.

A plan covers its site's whole day: the last writer replaces it, and a plan without workers means that nobody is
expected. Expectations without a plan are in `presences/expectations.py`. Every function takes the connection of an open
transaction (`Store.write`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from badgeclock.bridge.errors import PeopleError
from badgeclock.bridge.people import sites
from badgeclock.bridge.people.rows import add_row
from badgeclock.bridge.people.workers import check_worker
from badgeclock.bridge.presences.expectations import Source
from badgeclock.bridge.presences.local_times import checked_day
from badgeclock.bridge.store import audit_log, schema
from badgeclock.bridge.store.audit_log import Act, Change, Operator
from badgeclock.bridge.store.database import chunks

_COLUMNS: Final = ("from_min", "to_min", "source")
_TIME: Final = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")


class Slot(NamedTuple):
    """A worker in a plan: by reference, from and to which minute of the local day (None: unknown). An end that is not
    after the beginning is on the next day.
    """

    worker: str
    from_min: int | None = None
    to_min: int | None = None


@dataclass(frozen=True, slots=True)
class Put:
    """The result for a plan: its row, whether it is new, and how many workers were added, changed and removed."""

    plan_id: int
    is_new: bool
    added: int
    changed: int
    removed: int


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


class PlanWriter:
    """Plans written as a whole: each is read from the store once, and differences are written at the end.

    For one transaction; an invalid slot raises PeopleError and leaves the rest unchanged.
    """

    def __init__(self, connection: Connection, source: Source, now_ms: int) -> None:
        self._connection = connection
        self._source = source
        self._now_ms = now_ms
        self._plans: dict[tuple[int, date], _OpenPlan] = {}
        self._sites: dict[str, int] = {}
        self._workers: dict[str, int] = {}

    def begin(self, site: str, day: date) -> None:
        """Begin a plan of a site's day, or replace the existing one: it is empty until a slot is added."""
        self._opened(site, day)

    def keep(self, site: str, day: date, workers: Collection[int]) -> None:
        """Leave these workers (rows) in a plan as they are."""
        self._opened(site, day).workers.update(workers)

    def add(self, site: str, day: date, slot: Slot) -> Change:
        """Add a worker to a plan; returns whether the store already has it."""
        if slot.to_min is not None and slot.from_min is None:
            raise PeopleError("an end needs its beginning", "give both times, or the beginning alone, or neither")
        worker_id = self._worker(slot.worker)
        plan = self._opened(site, day)
        values = dict(zip(_COLUMNS, (slot.from_min, slot.to_min, self._source.value), strict=True))
        row = plan.there.get(worker_id)
        plan.workers.add(worker_id)
        if row is None:
            plan.new.append({"plan_id": plan.id, "worker_id": worker_id, **values})
            return Change("plan", plan.id, is_new=True)
        if all(getattr(row, name) == value for name, value in values.items()):
            return Change("plan", plan.id, is_new=False)
        plan.changed.append({"at": row.id, **values})
        return Change("plan", plan.id, is_new=False, changed=("hours",))

    def write(self, operator: Operator) -> list[Put]:
        """Write every plan that was opened, remove from it the workers that were not added, and record what changed:
        workers are counted, not named.
        """
        return [self._write(plan, site_id, day, operator) for (site_id, day), plan in self._plans.items()]

    def _write(self, plan: _OpenPlan, site_id: int, day: date, operator: Operator) -> Put:
        table, plans, connection = schema.expected, schema.plans, self._connection
        if plan.new:
            connection.execute(insert(table), plan.new)
        if plan.changed:
            change = update(table).where(table.c.id == bindparam("at"))
            connection.execute(change.values({name: bindparam(name) for name in _COLUMNS}), plan.changed)
        others = [row.id for worker_id, row in plan.there.items() if worker_id not in plan.workers]
        _delete(connection, others)
        put = Put(plan.id, plan.is_new, len(plan.new), len(plan.changed), len(others))
        counts = {"added": put.added, "changed": put.changed, "removed": put.removed}
        if put.is_new or any(counts.values()):
            connection.execute(update(plans).where(plans.c.id == plan.id).values(put_ms=self._now_ms))
            detail = {"day": day.isoformat(), **counts}
            audit_log.write(connection, operator, Act.PLAN_PUT, ("site", site_id), detail, self._now_ms)
        return put

    def _opened(self, site: str, day: date) -> _OpenPlan:
        site_id = self._sites.get(site)
        if site_id is None:
            site_id = self._sites[site] = sites.row_id(self._connection, site)
        plan = self._plans.get((site_id, day))
        if plan is None:
            plan = self._plans[site_id, day] = self._read(site_id, checked_day(day))
        return plan

    def _read(self, site_id: int, day: date) -> _OpenPlan:
        plans, table = schema.plans, schema.expected
        which = (plans.c.site_id == site_id) & (plans.c.day == day)
        found = self._connection.execute(select(plans.c.id).where(which)).scalar()
        if found is None:
            made = add_row(self._connection, plans, site_id=site_id, day=day, put_ms=self._now_ms)
            return _OpenPlan(made, is_new=True)
        rows = self._connection.execute(select(table).where(table.c.plan_id == found))
        return _OpenPlan(found, is_new=False, there={row.worker_id: row for row in rows})

    def _worker(self, reference: str) -> int:
        if not self._workers:
            table = schema.workers
            self._workers = dict(self._connection.execute(select(table.c.reference, table.c.id)).tuples().all())
        if reference not in self._workers:
            check_worker(self._connection, reference)
        return self._workers[reference]


@dataclass(slots=True)
class _OpenPlan:
    """A plan being written: its row, its stored slots by worker, and the new ones."""

    id: int
    is_new: bool
    there: dict[int, Any] = field(default_factory=dict)
    workers: set[int] = field(default_factory=set)
    new: list[dict[str, Any]] = field(default_factory=list)
    changed: list[dict[str, Any]] = field(default_factory=list)


def put(
    connection: Connection,
    site: str,
    day: date,
    slots: Sequence[Slot],
    operator: Operator,
    now_ms: int,
    kept: Collection[int] = (),
) -> Put:
    """Replace the plan of a site's day by these slots, for a planning tool; workers of the rows `kept` stay in it.
    Raises PeopleError for an unknown worker or one named twice.
    """
    if len({slot.worker for slot in slots}) < len(slots):
        raise PeopleError("a worker is named twice", "give each worker one row, from the first hour to the last")
    writer = PlanWriter(connection, Source.PLANNING, now_ms)
    writer.begin(site, day)
    writer.keep(site, day, kept)
    for slot in slots:
        writer.add(site, day, slot)
    (done,) = writer.write(operator)
    return done


def withdraw(connection: Connection, site: str, day: date, operator: Operator, now_ms: int) -> int:
    """Delete a plan, so that the site's day has none; returns how many workers it had. Raises PeopleError."""
    table, site_id = schema.plans, sites.row_id(connection, site)
    plan_id = connection.execute(select(table.c.id).where(table.c.site_id == site_id, table.c.day == day)).scalar()
    if plan_id is None:
        raise PeopleError(f"there is no plan of {site!r} for {day.isoformat()}", "look at the list of plans")
    of_plan = schema.expected.c
    rows = list(connection.execute(select(of_plan.id).where(of_plan.plan_id == plan_id)).scalars())
    _delete(connection, rows)
    connection.execute(delete(table).where(table.c.id == plan_id))
    detail = {"day": day.isoformat(), "removed": len(rows)}
    audit_log.write(connection, operator, Act.PLAN_WITHDRAWN, ("site", site_id), detail, now_ms)
    return len(rows)


def _delete(connection: Connection, rows: Sequence[int]) -> None:
    for some in chunks(rows):
        connection.execute(delete(schema.expected).where(schema.expected.c.id.in_(some)))
