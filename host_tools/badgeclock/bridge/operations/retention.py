"""Retention by purpose: deletion with proof, and the erasure of one person.

    presences  declarations, their attempts and numbers, their punches, receipts, badges handed in long ago
    events     events shown to operators, and the badge desk's jobs
    workers    people without badge, punch and presence
    plans      plans of days, and ended Dimona periods and works

Sealed records are not touched: a record contains a token; deleting the badge's row removes the last link from token to
person, while every tag still verifies. Declarations in progress are never deleted. Each batch is one transaction with
its act in the book (`audit_log`): how many rows of what, before which day, and a hash over their numbers.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Column, ColumnElement, Connection, Table, and_, delete, exists, func, or_, select, update

from badgeclock.bridge import logs
from badgeclock.bridge.downlink import rosters
from badgeclock.bridge.errors import PeopleError
from badgeclock.bridge.people.rows import named
from badgeclock.bridge.store import audit_log, schema
from badgeclock.bridge.store.audit_log import Act, Operator
from badgeclock.bridge.store.database import Store
from badgeclock.errors import StoreError

if TYPE_CHECKING:
    from badgeclock.bridge.settings import RetentionSettings

BATCH_ROWS: Final = 500
"""Most rows of a table that one transaction deletes."""
FIRST_ROWS: Final = 10
LEAST_ROWS: Final = 2
WANTED_S: Final = 0.015
"""Target duration of a deleting transaction, without its commit: nobody else writes during it, and punches wait."""
ERASED: Final = "(erased)"
BY_SETTINGS: Final = Operator("the bridge, by its settings")
FIRST_SWEEP_S: Final = 60.0
"""Delay of the first sweep after the start: waiting work goes first."""
_DAY_MS: Final = 86_400_000
_AGE: Final = {"presences": schema.presences.c.day, "events": schema.events.c.last_ms}
_OF_WORKER: Final = (
    *(schema.engagements, schema.expected, schema.dimona_periods),
    *(schema.later_registrations, schema.links),
)
"""Tables kept only as long as the worker's row."""

log = logs.Named("badgeclock.bridge.operations.retention")


@dataclass(slots=True)
class Pace:
    """Adapts the number of rows per transaction to the duration of the last ones."""

    rows: int = field(default_factory=lambda: FIRST_ROWS)

    def took(self, seconds: float) -> None:
        """Adapt to the last duration; a busy machine never reduces the rows below a minimum."""
        wanted = round(self.rows * WANTED_S / max(seconds, 1e-6))
        # A quarter more at most: the next rows may stand on pages that nobody has read yet.
        self.rows = max(LEAST_ROWS, min(wanted, self.rows + self.rows // 4 + 1, BATCH_ROWS))


@dataclass(slots=True)
class _Deleted:
    """What one transaction deletes: counts by table, and a hash over every row's table and number."""

    counts: Counter[str] = field(default_factory=Counter)
    digest: Any = field(default_factory=hashlib.sha256)

    def rows(self, connection: Connection, table: Table, which: ColumnElement[bool], limit: int | None = None) -> None:
        """Delete rows, the oldest first."""
        numbers = _oldest(connection, table, which, limit)
        for some in _batches(numbers):
            connection.execute(delete(table).where(table.c.id.in_(some)))
        self.counts[table.name] += len(numbers)
        for number in numbers:
            self.digest.update(f"{table.name} {number}\n".encode())

    def detail(self, **value: str) -> dict[str, Any]:
        """The text for the book."""
        counts = {name: count for name, count in sorted(self.counts.items()) if count}
        return {**value, "rows": counts, "sha256": self.digest.hexdigest()}


def _oldest(connection: Connection, table: Table, which: ColumnElement[bool], limit: int | None) -> list[int]:
    """The row numbers of a condition, oldest first: by the index on their age, if there is one, and not by the primary
    key: otherwise a database scans the whole table for rows that do not exist.
    """
    by_age = _AGE.get(table.name)
    order = (table.c.id + 0,) if by_age is None else (by_age, table.c.id)
    return list(connection.execute(select(table.c.id).where(which).order_by(*order).limit(limit)).scalars())


def cutoff(days: int, now_ms: int) -> date:
    """The first day, in UTC, that is kept."""
    return datetime.fromtimestamp(now_ms / 1000, UTC).date() - timedelta(days=days)


def _ms(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)


def _referring_to(table: Table, *except_for: Table) -> list[Column[Any]]:
    """Every column that refers to a table's rows."""
    return [
        key.parent
        for other in schema.metadata.sorted_tables
        if other not in except_for
        for key in other.foreign_keys
        if key.column.table is table
    ]


def _batches(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    return (numbers[at : at + BATCH_ROWS] for at in range(0, len(numbers), BATCH_ROWS))


def due(connection: Connection, policy: RetentionSettings, now_ms: int) -> dict[str, tuple[date, int]]:
    """By purpose, the first day that is kept, and how many rows are older (others may go with them)."""

    def count(table: Table, which: ColumnElement[bool], before: date) -> int:
        if table is schema.receipts:
            which = table.c.id < _first_since(connection, table.c.created_ms, before)
        return connection.execute(select(func.count()).select_from(table).where(which)).scalar_one()

    return {
        purpose: (before, sum(count(table, which, before) for table, which in rows))
        for purpose, before, rows in _purposes(policy, now_ms)
    }


_Rows = Sequence[tuple[Table, ColumnElement[bool]]]


def _purposes(policy: RetentionSettings, now_ms: int) -> Iterator[tuple[str, date, _Rows]]:
    """Each purpose: its first day to keep, and the older rows by table."""
    presences, punches, badges, receipts = schema.presences, schema.punches, schema.badges, schema.receipts
    events, jobs = schema.events, schema.desk_jobs
    before = cutoff(policy.presences_days, now_ms)
    old = and_(punches.c.presence_id.is_(None), punches.c.received_ms < _ms(before))
    declared: _Rows = (
        (presences, and_(presences.c.day < before, presences.c.due_ms.is_(None))),
        (schema.filings, schema.filings.c.punch_id.in_(select(punches.c.id).where(old))),
        (punches, and_(old, ~exists().where(schema.filings.c.punch_id == punches.c.id))),
        (receipts, receipts.c.created_ms < _ms(before)),
        (badges, badges.c.until_ms < _ms(before)),
    )
    yield "presences", before, declared
    before = cutoff(policy.events_days, now_ms)
    links = schema.links
    shown: _Rows = (
        (events, events.c.last_ms < _ms(before)),
        (jobs, jobs.c.ended_ms < _ms(before)),
        (links, links.c.ends_ms < _ms(before)),
    )
    yield "events", before, shown
    before = cutoff(policy.workers_days, now_ms)
    yield "workers", before, ((schema.workers, _forgotten(before)),)
    expected, plans, periods, works = schema.expected, schema.plans, schema.dimona_periods, schema.works
    later = schema.later_registrations
    before = cutoff(policy.plans_days, now_ms)
    planned: _Rows = (
        (expected, expected.c.plan_id.in_(select(plans.c.id).where(plans.c.day < before))),
        (plans, and_(plans.c.day < before, ~exists().where(expected.c.plan_id == plans.c.id))),
        (periods, periods.c.to_day < before),
        (works, works.c.to_day < before),
        (later, and_(later.c.day < before, later.c.ended_ms.is_not(None), later.c.presence_id.is_(None))),
    )
    yield "plans", before, planned


def _forgotten(before: date) -> ColumnElement[bool]:
    """Workers without any reference who were not added recently."""
    workers, badges, punches = schema.workers, schema.badges, schema.punches
    lately = or_(badges.c.until_ms.is_(None), badges.c.until_ms >= _ms(before))
    # A punch with a presence has its worker there; the others are few, and indexed.
    waiting = select(punches.c.worker_id).where(punches.c.presence_id.is_(None), punches.c.worker_id.is_not(None))
    return and_(
        workers.c.added_ms < _ms(before),
        ~exists().where(badges.c.worker_id == workers.c.id, lately),
        *(
            ~exists().where(column == workers.c.id)
            for column in _referring_to(workers, badges, punches, schema.engagements, schema.dimona_periods)
        ),
        workers.c.id.not_in(waiting),
    )


def _first_since(connection: Connection, column: Column[int], since: date) -> int:
    """The number of the first row of a day or later, in a table that only grows in the order of time: by bisection, as
    the column has no index. One after the last if there is none.
    """
    numbers = column.table.c.id
    # In one query, SQLite scans all of them.
    lowest, highest = (connection.execute(select(end(numbers))).scalar() for end in (func.min, func.max))
    low, high = (0, 0) if lowest is None or highest is None else (lowest, highest + 1)
    while low < high:
        middle = (low + high) // 2
        at = select(numbers, column).where(numbers >= middle).order_by(numbers).limit(1)
        number, at_ms = connection.execute(at).one()
        low, high = (number + 1, high) if at_ms < _ms(since) else (low, middle)
    return low


def _window(table: Table, rows: int) -> ColumnElement[bool]:
    """The lowest numbers of a table that only grows in the order of time."""
    return table.c.id < select(func.min(table.c.id) + rows).scalar_subquery()


def sweep(
    connection: Connection, policy: RetentionSettings, operator: Operator, now_ms: int, pace: Pace
) -> Counter[str]:
    """Delete one batch of what is older than its purpose allows; returns counts by table, empty when all is done."""
    _forget_for_good(connection)
    began = time.monotonic()
    try:
        return _sweep(connection, policy, operator, now_ms, pace.rows)
    finally:
        pace.took(time.monotonic() - began)


def _sweep(
    connection: Connection, policy: RetentionSettings, operator: Operator, now_ms: int, most: int
) -> Counter[str]:
    for purpose, before, rows in _purposes(policy, now_ms):
        done = _Deleted()
        for table, which in rows:
            if table is schema.presences:
                _delete_presences(connection, done, which, most)
            elif table is schema.workers:
                _delete_workers(connection, done, which, now_ms)
            elif table is schema.receipts:
                done.rows(connection, table, and_(which, _window(table, most)))
            else:
                done.rows(connection, table, which, most)
        if done.counts.total():
            detail = done.detail(purpose=purpose, before=before.isoformat())
            audit_log.write(connection, operator, Act.DELETED, purpose, detail, now_ms)
            return +done.counts
    return Counter()


def sweeping(store: Store, policy: RetentionSettings, operator: Operator, now_ms: int) -> Counter[str]:
    """Delete all that is older than its purpose allows, a batch per transaction; returns counts by table."""
    total: Counter[str] = Counter()
    pace = Pace()
    while True:
        began = time.monotonic()
        with store.write() as connection:
            batch = sweep(connection, policy, operator, now_ms, pace)
        if not batch:
            return total
        total += batch
        time.sleep(time.monotonic() - began)  # let the bridge write


def _delete_presences(connection: Connection, done: _Deleted, which: ColumnElement[bool], limit: int | None) -> None:
    table = schema.presences
    numbers = _oldest(connection, table, which, limit)
    for some in _batches(numbers):
        for column in _referring_to(table):
            done.rows(connection, column.table, column.in_(some))
        done.rows(connection, table, table.c.id.in_(some))


def _delete_workers(connection: Connection, done: _Deleted, which: ColumnElement[bool], now_ms: int) -> None:
    table = schema.workers
    columns = select(table.c.id, table.c.reference)
    # One at a time: for each, the database scans every punch.
    for row in connection.execute(columns.where(which).order_by(table.c.id).limit(1)).all():
        _delete_worker(connection, done, row.id, row.reference, now_ms)


def _delete_worker(connection: Connection, done: _Deleted, worker_id: int, reference: str, now_ms: int) -> None:
    """Delete a worker whom neither punch nor presence needs, their badges, and their reference everywhere."""
    rosters.changed_of_worker(connection, worker_id, now_ms)
    done.rows(connection, schema.badges, schema.badges.c.worker_id == worker_id)
    for table in _OF_WORKER:
        done.rows(connection, table, table.c.worker_id == worker_id)
    done.counts["references"] += _unname(connection, reference)
    done.rows(connection, schema.workers, schema.workers.c.id == worker_id)


def _unname(connection: Connection, reference: str) -> int:
    """Remove a reference from events and the badge desk's log; returns the number of rows."""
    events, jobs = schema.events, schema.desk_jobs
    word = re.compile(rf"(?<![\w-]){re.escape(reference)}(?![\w-])")
    changed = 0
    naming = select(events.c.id, events.c.detail).where(events.c.detail.contains(reference, autoescape=True))
    for row in connection.execute(naming).all():
        detail = word.sub(ERASED, row.detail)
        if detail != row.detail:
            connection.execute(update(events).where(events.c.id == row.id).values(detail=detail))
            changed += 1
    about = connection.execute(update(events).where(events.c.about == reference).values(about=ERASED))
    changed += about.rowcount
    for row in connection.execute(select(jobs.c.id, jobs.c.worker, jobs.c.outcome)).all():
        outcome = row.outcome and {
            name: word.sub(ERASED, value) if isinstance(value, str) else value for name, value in row.outcome.items()
        }
        worker = None if row.worker == reference else row.worker
        if (worker, outcome) != (row.worker, row.outcome):
            connection.execute(update(jobs).where(jobs.c.id == row.id).values(worker=worker, outcome=outcome))
            changed += 1
    return changed


def erase(
    connection: Connection, policy: RetentionSettings, reference: str, operator: Operator, now_ms: int
) -> Counter[str]:
    """Erase a worker at their own request: all data without a duty to keep it; returns counts by table.

    Raises PeopleError, without erasing anything, while presences or punches of theirs must be kept; the error has the
    date.
    """
    audit_log.reason(operator.reason)
    workers, presences, punches = schema.workers, schema.presences, schema.punches
    worker_id = connection.execute(select(workers.c.id).where(named(workers.c.reference, reference))).scalar()
    if worker_id is None:
        raise PeopleError(f"there is no worker {reference!r}", "look at your own personnel list")
    before = cutoff(policy.presences_days, now_ms)
    kept = connection.execute(
        select(func.max(presences.c.day)).where(
            presences.c.worker_id == worker_id, or_(presences.c.day >= before, presences.c.due_ms.is_not(None))
        )
    ).scalar()
    waiting = connection.execute(
        select(func.max(punches.c.received_ms)).where(
            punches.c.worker_id == worker_id, punches.c.presence_id.is_(None), punches.c.received_ms >= _ms(before)
        )
    ).scalar()
    days = [day for day in (kept, waiting and datetime.fromtimestamp(waiting / 1000, UTC).date()) if day]
    if days:
        until = max(days) + timedelta(days=policy.presences_days)
        raise PeopleError(
            f"presences or punches of {reference!r} must be kept until {until.isoformat()}",
            "take the badge back; what is left then goes by itself, or ask again",
        )
    _forget_for_good(connection)
    done = _Deleted()
    _delete_presences(connection, done, presences.c.worker_id == worker_id, None)
    of_worker = select(punches.c.id).where(punches.c.worker_id == worker_id)
    done.rows(connection, schema.filings, schema.filings.c.punch_id.in_(of_worker))
    done.rows(connection, punches, punches.c.worker_id == worker_id)
    for column in _referring_to(workers, schema.badges, *_OF_WORKER):
        if connection.execute(select(column).where(column == worker_id).limit(1)).first() is not None:
            raise PeopleError(
                f"{column.table.name} of others name {reference!r}, and must be kept for them",
                "ask again when those are old enough; what is left then goes by itself",
            )
    _delete_worker(connection, done, worker_id, reference, now_ms)
    audit_log.write(connection, operator, Act.WORKER_ERASED, ("worker", worker_id), done.detail(), now_ms)
    return +done.counts


def _forget_for_good(connection: Connection) -> None:
    """Have SQLite overwrite deleted data, instead of only unlinking it."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete=ON")


class Sweeper:
    """Sweeps by the settings, until cancelled."""

    def __init__(self, store: Store, policy: RetentionSettings, now_ms: Callable[[], int]) -> None:
        self._store = store
        self._policy = policy
        self._now_ms = now_ms

    async def run(self) -> None:
        """Sweep every `sweep_hours` until cancelled; with 0, never."""
        if not self._policy.sweep_hours:
            await asyncio.Event().wait()
        await asyncio.sleep(FIRST_SWEEP_S)
        while True:
            await self.sweep()
            await asyncio.sleep(self._policy.sweep_hours * 3600)

    async def sweep(self) -> None:
        """Sweep once; other writers may write between batches."""
        pace, total = Pace(), Counter[str]()
        try:
            while batch := await self._store.writing(sweep, self._policy, BY_SETTINGS, self._now_ms(), pace):
                total += batch
        except StoreError as error:
            log.error("the sweep ends here until the next", error=str(error))
        if total:
            log.info("deleted what is older than it may be", **total)
