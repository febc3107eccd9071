"""The office's other declarations: who is in whose service (Dimona), and who works at a site (declaration of works).

Neither contains a worker's site: `presences/expectations.py` puts them together. Every function takes the connection of
an open transaction (`Store.write`); refusals and acts contain no national number.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, select, update

from badgeclock.bridge.errors import PeopleError
from badgeclock.bridge.people import employers, identities
from badgeclock.bridge.people.rows import add_row
from badgeclock.bridge.people.workers import check_worker
from badgeclock.bridge.presences.local_times import checked_day
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.audit_log import Change
from badgeclock.bridge.store.vault import Vault


class Period(NamedTuple):
    """A Dimona period: first and last day (None: end unknown); for a period of one day also times (minutes of the local
    day).
    """

    from_day: date
    to_day: date | None = None
    from_min: int | None = None
    to_min: int | None = None


def worker_of(connection: Connection, vault: Vault, reference: str, niss: str) -> int | None:
    """The row of a worker by the office's reference, or by the national number; None for an unknown number.

    Raises PeopleError for an unknown reference.
    """
    table = schema.workers
    if reference:
        check_worker(connection, reference)
        which = table.c.reference == reference
    else:
        number = identities.niss_or_limosa(niss, None)
        which = table.c.identity_index.in_(vault.indexes(f"{number.kind}:{number.number}"))
    found: int | None = connection.execute(select(table.c.id).where(which)).scalar()
    return found


def find_employer(connection: Connection, kbo: str) -> int | None:
    """The row of an employer by enterprise number; None if unknown."""
    table = schema.employers
    number = employers.enterprise_number(kbo)
    found: int | None = connection.execute(select(table.c.id).where(table.c.kbo == number)).scalar()
    return found


def employer_of(connection: Connection, worker_id: int, kbo: str) -> int | None:
    """The same; without a number, the worker's own employer."""
    if kbo:
        return find_employer(connection, kbo)
    workers = schema.workers
    own: int | None = connection.execute(select(workers.c.employer_id).where(workers.c.id == worker_id)).scalar()
    return own


def put_period(connection: Connection, worker_id: int, employer_id: int, period: Period) -> Change:
    """Add a Dimona period of a worker with an employer, or set the end of the one with this beginning."""
    period = _of_one_day(period)
    if period.to_day is not None and period.to_day < period.from_day:
        raise PeopleError("the period ends before it begins", "correct the days")
    table = schema.dimona_periods
    now = _period_row(connection, worker_id, employer_id, period)
    about = {"from": period.from_day, "to": period.to_day}
    values: dict[str, Any] = {"to_day": period.to_day, "to_min": period.to_min}
    if now is None:
        add_row(
            connection,
            table,
            worker_id=worker_id,
            employer_id=employer_id,
            from_day=period.from_day,
            from_min=period.from_min,
            **values,
        )
        return Change("worker", worker_id, is_new=True, after=about)
    if (now.to_day, now.to_min) == (period.to_day, period.to_min):
        return Change("worker", worker_id, is_new=False)
    connection.execute(update(table).where(table.c.id == now.id).values(values))
    return Change("worker", worker_id, is_new=False, changed=("dimona",), before={"to": now.to_day}, after=about)


def cancel_period(connection: Connection, worker_id: int, employer_id: int, period: Period) -> Change:
    """Remove a period that was cancelled in Dimona, if it is stored."""
    table = schema.dimona_periods
    now = _period_row(connection, worker_id, employer_id, _of_one_day(period))
    if now is None:
        return Change("worker", worker_id, is_new=False)
    connection.execute(delete(table).where(table.c.id == now.id))
    before = {"from": now.from_day, "to": now.to_day}
    return Change("worker", worker_id, is_new=False, changed=("dimona",), before=before)


def _of_one_day(period: Period) -> Period:
    """The same, with times only if it is of one day; a night belongs to the day on which it begins."""
    first, last, from_min, to_min = checked_day(period.from_day), period.to_day, period.from_min, period.to_min
    if from_min is not None and to_min is not None and last == first + timedelta(days=1) and to_min <= from_min:
        last = first
    return Period(first, last, from_min, to_min) if last == first and from_min is not None else Period(first, last)


def _period_row(connection: Connection, worker_id: int, employer_id: int, period: Period) -> Any:
    table = schema.dimona_periods
    begins = table.c.from_min.is_(None) if period.from_min is None else table.c.from_min == period.from_min
    return connection.execute(
        select(table).where(
            table.c.worker_id == worker_id,
            table.c.employer_id == employer_id,
            table.c.from_day == period.from_day,
            begins,
        )
    ).one_or_none()


def put_works(connection: Connection, site_id: int, employer_id: int, from_day: date, to_day: date | None) -> Change:
    """Record that an employer works at a site from and to a day, or set the end of the entry with this beginning."""
    if to_day is not None and to_day < from_day:
        raise PeopleError("the works end before they begin", "correct the days")
    table = schema.works
    checked_day(from_day)
    now = connection.execute(
        select(table).where(
            table.c.site_id == site_id, table.c.employer_id == employer_id, table.c.from_day == from_day
        )
    ).one_or_none()
    about = {"employer": employer_id, "from": from_day, "to": to_day}
    if now is None:
        add_row(connection, table, site_id=site_id, employer_id=employer_id, from_day=from_day, to_day=to_day)
        return Change("site", site_id, is_new=True, after=about)
    if now.to_day == to_day:
        return Change("site", site_id, is_new=False)
    connection.execute(update(table).where(table.c.id == now.id).values(to_day=to_day))
    return Change("site", site_id, is_new=False, changed=("works",), before={"to": now.to_day}, after=about)
