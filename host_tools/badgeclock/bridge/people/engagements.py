"""Engagements: the employers of a worker who has several, from and to which day, and at which sites.

The employer in the worker's own row counts everywhere and at all times, unless an engagement with it limits when and
where. How a punch finds its employer is in `presences/employment.py`. Every function takes the connection of an open
transaction (`Store.write`).
"""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Connection, select, update

from badgeclock.bridge.errors import PeopleError
from badgeclock.bridge.people import employers, sites
from badgeclock.bridge.people.rows import add_row, named
from badgeclock.bridge.people.workers import check_worker
from badgeclock.bridge.store import audit_log, event_log, schema
from badgeclock.bridge.store.audit_log import Act, Change, Operator
from badgeclock.bridge.store.event_log import Event, Severity


class Engaged(NamedTuple):
    """An engagement as the office describes it: first and last day (None: open), names of sites (none: all)."""

    employer_kbo: str
    from_day: date | None = None
    to_day: date | None = None
    sites: tuple[str, ...] = ()


def put(connection: Connection, worker: str, engaged: Engaged) -> Change:
    """Engage a worker, or set end and sites of the engagement with this employer and first day."""
    check_worker(connection, worker)
    if engaged.from_day is not None and engaged.to_day is not None and engaged.to_day < engaged.from_day:
        raise PeopleError("the engagement ends before it begins", "correct the days")
    table, workers = schema.engagements, schema.workers
    worker_id = connection.execute(select(workers.c.id).where(named(workers.c.reference, worker))).scalars().one()
    employer_id = employers.row_id(connection, engaged.employer_kbo)
    values: dict[str, Any] = {
        "to_day": engaged.to_day,
        "site_ids": sorted({sites.row_id(connection, name) for name in engaged.sites}),
    }
    same = (table.c.worker_id == worker_id) & (table.c.employer_id == employer_id)
    since = table.c.from_day.is_(None) if engaged.from_day is None else table.c.from_day == engaged.from_day
    row = connection.execute(select(table).where(same, since)).one_or_none()
    about = {"employer": engaged.employer_kbo, "from": engaged.from_day, "to": engaged.to_day}
    after = {**about, "sites": list(engaged.sites)}
    if row is None:
        add_row(connection, table, worker_id=worker_id, employer_id=employer_id, from_day=engaged.from_day, **values)
        return Change("worker", worker_id, is_new=False, changed=("engagement",), after=after)
    if (row.to_day, row.site_ids) == (values["to_day"], values["site_ids"]):
        return Change("worker", worker_id, is_new=False)
    connection.execute(update(table).where(table.c.id == row.id).values(values))
    before = {"to": row.to_day, "site_ids": row.site_ids}
    return Change("worker", worker_id, is_new=False, changed=("engagement",), before=before, after=after)


def engage(connection: Connection, worker: str, engaged: Engaged, operator: Operator, now_ms: int) -> Change:
    """The same for an operator: also writes an event and an act."""
    change = put(connection, worker, engaged)
    if change.happened:
        what = f"worker {worker} is engaged by {engaged.employer_kbo}, says {operator.name}"
        event_log.write(connection, [Event(Severity.INFO, event_log.Kind.WORKER_CHANGED, what)], now_ms)
    audit_log.write_change(connection, operator, change, Act.WORKER_ENGAGED, Act.WORKER_ENGAGED, now_ms)
    return change


def of_worker(connection: Connection, worker: str) -> list[tuple[int, Engaged]]:
    """The engagements of a worker with their rows, in the order of creation; raises PeopleError."""
    check_worker(connection, worker)
    table, workers, employer, places = schema.engagements, schema.workers, schema.employers, schema.sites
    names = dict(connection.execute(select(places.c.id, places.c.name)).tuples().all())
    rows = connection.execute(
        select(table, employer.c.kbo)
        .join(employer, employer.c.id == table.c.employer_id)
        .join(workers, workers.c.id == table.c.worker_id)
        .where(named(workers.c.reference, worker))
        .order_by(table.c.id)
    )
    return [
        (row.id, Engaged(row.kbo, row.from_day, row.to_day, tuple(names[site_id] for site_id in row.site_ids)))
        for row in rows
    ]


def row_of_badge(connection: Connection, worker: str, employer_kbo: str) -> int:
    """The row of the newest engagement of a worker with an employer, for a badge given for it."""
    number = employers.enterprise_number(employer_kbo)
    found = [row_id for row_id, engaged in of_worker(connection, worker) if engaged.employer_kbo == number]
    if not found:
        raise PeopleError(
            f"the worker {worker!r} is not engaged by {number}",
            "engage the worker with `badgeclock bridge worker engage`",
        )
    return found[-1]
