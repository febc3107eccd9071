"""Hours from punches, for payroll and for the worker: rows of a page, and a CSV with a documented layout."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import Connection, select

from badgeclock.bridge.acts import within
from badgeclock.bridge.presences import worked_hours
from badgeclock.bridge.presences.local_times import local_moment
from badgeclock.bridge.presences.worked_hours import DAYS_MOST, WorkedShift
from badgeclock.bridge.store import schema
from badgeclock.bridge.web.reach import Reach
from badgeclock.console.presences_view import plain_text

NO_PROOF: Final = "hours are no proof of registration"
_COLUMNS: Final = (
    *("worker", "employer", "site", "workplace", "day", "first_in", "last_out", "worked_minutes", "break_minutes"),
    *("complete", "registered_by_hand", "reception_numbers", "note"),
)


def days_of(first: date | None, last: date | None, today: date) -> tuple[date, date]:
    """The days to show: this month until today by default, at most DAYS_MOST."""
    until = max(first or today, last or today) if first and last else last or today
    since = min(first, until) if first else until.replace(day=1)
    return max(since, until - timedelta(days=DAYS_MOST - 1)), until


def rows(
    connection: Connection, reach: Reach, first: date, last: date, site: str, worker: str, now_ms: int
) -> list[WorkedShift]:
    """The shifts within an account's reach. Raises PeopleError for an unknown site or worker."""
    inside = within.of(connection, reach, now_ms)
    site_id = inside.check_site(site) if site else None
    worker_id = inside.check_worker(worker) if worker else None
    found = worked_hours.between(connection, first, last, now_ms, site_id=site_id, worker_id=worker_id)
    if reach.is_everything:
        return found
    references, names = inside.references(), inside.site_names()
    return [
        one
        for one in found
        if one.worker in references
        and set(one.sites) <= names
        and all(inside.employer_kbo(each) for each in one.employers)
    ]


def own(connection: Connection, worker_id: int, first: date, last: date, now_ms: int) -> list[WorkedShift]:
    """The shifts of one worker, everywhere."""
    return worked_hours.between(connection, first, last, now_ms, site_id=None, worker_id=worker_id)


def reference_of(connection: Connection, worker_id: int) -> str:
    """The office's reference of a worker's row."""
    table = schema.workers
    return str(connection.execute(select(table.c.reference).where(table.c.id == worker_id)).scalar_one())


def total(found: Sequence[WorkedShift]) -> int:
    """Minutes worked, of all shifts together."""
    return sum(one.hours.worked_min for one in found)


def as_csv(found: Sequence[WorkedShift]) -> str:
    """For payroll (docs/console.md): a row per shift; moments are local, with their offset."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(_COLUMNS)
    for one in found:
        hours = one.hours
        words = (one.worker, " ".join(one.employers), " + ".join(one.sites), one.workplace)
        row: list[Any] = [*map(plain_text, words), one.day.isoformat()]
        row += [_moment(hours.first_ms, one.zone), _moment(hours.last_ms, one.zone)]
        row += [hours.worked_min, hours.break_min, "yes" if hours.is_complete else "no"]
        row += ["yes" if one.is_manual else "no", " ".join(map(str, one.numbers)), NO_PROOF]
        writer.writerow(row)
    return out.getvalue()


def _moment(utc_ms: int | None, zone: str) -> str:
    return "" if utc_ms is None else local_moment(utc_ms, zone).isoformat(timespec="seconds")
