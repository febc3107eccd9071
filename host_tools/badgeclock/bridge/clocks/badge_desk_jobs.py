"""Jobs of the badge desk and their outcome: one row per job.

The caller writes a row and follows it; the bridge, in another process, carries it out and writes its progress to the
row. A finished row stays, as the desk's log. It contains no key, UID or badge number.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, insert, select, update

from badgeclock.bridge.errors import Interrupted, PeopleError
from badgeclock.bridge.people import workers
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.states import ClockState, DeskState
from badgeclock.errors import BadgeclockError

STALE_MS: Final = 30_000
"""A job requested this long before the bridge started is stale: nobody is at the clock any more."""
OPEN: Final = (DeskState.ASKED, DeskState.RUNNING)


class Kind(StrEnum):
    """What to do with the card on the reader."""

    ISSUE = "issue"
    READ = "read"
    WIPE = "wipe"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended: what happened, what was kept and what to do next, each without full stop; and data on the badge.
    `worker` is a reference, `badge` the row of its history, `card` a masked UID or number.
    """

    what: str
    kept: str = ""
    do: str = ""
    worker: str | None = None
    badge: int | None = None
    card: str | None = None
    genuine: bool | None = None

    @classmethod
    def of(cls, error: BadgeclockError) -> Outcome:
        """The result from an error."""
        return cls(error.what, error.kept, error.do)


class Job(NamedTuple):
    """A job as stored."""

    id: int
    clock: str
    kind: Kind
    worker: str | None
    asked_by: str
    state: DeskState
    progress: str
    outcome: Outcome | None


def ask(connection: Connection, *, clock: str, kind: Kind, worker: str | None, asked_by: str, now_ms: int) -> int:
    """Request a job at a clock; returns its row. Raises PeopleError for an unsuitable worker or clock."""
    if worker is not None:
        workers.check_worker(connection, worker)
    clocks = schema.clocks
    state = connection.execute(
        select(clocks.c.state).where(clocks.c.name == clock, clocks.c.state != ClockState.RETIRED)
    ).scalar()
    if state is None:
        raise PeopleError(f"there is no clock {clock!r}", "add it with `badgeclock bridge clock add`, or name another")
    values = {
        "clock": clock,
        "kind": kind,
        "worker": worker,
        "asked_by": asked_by,
        "state": DeskState.ASKED,
        "progress": "",
        "stop_asked": False,
        "asked_ms": now_ms,
    }
    table = schema.desk_jobs
    return int(connection.execute(insert(table).values(values).returning(table.c.id)).scalar_one())


def find(connection: Connection, job_id: int) -> Job:
    """The job in a row."""
    return _job(connection.execute(select(schema.desk_jobs).where(schema.desk_jobs.c.id == job_id)).one())


def _job(row: Any) -> Job:
    outcome = None if row.outcome is None else Outcome(**row.outcome)
    state, kind = DeskState(row.state), Kind(row.kind)
    return Job(row.id, row.clock, kind, row.worker, row.asked_by, state, row.progress, outcome)


def asked(connection: Connection) -> list[Job]:
    """Jobs that wait for the bridge, oldest first."""
    table = schema.desk_jobs
    waiting = table.c.ended_ms.is_(None) & (table.c.state == DeskState.ASKED)
    return [_job(row) for row in connection.execute(select(table).where(waiting).order_by(table.c.id))]


def is_next(connection: Connection, job: Job) -> bool:
    """Whether no earlier job at the same clock is still open."""
    table = schema.desk_jobs
    before = table.c.ended_ms.is_(None) & (table.c.clock == job.clock) & (table.c.id < job.id)
    return connection.execute(select(table.c.id).where(before)).first() is None


def begin(connection: Connection, job_id: int, now_ms: int) -> bool:
    """Start a job; False if it was stopped before."""
    table = schema.desk_jobs
    begun = connection.execute(
        update(table)
        .where(table.c.id == job_id, table.c.state == DeskState.ASKED)
        .values(state=DeskState.RUNNING, started_ms=now_ms)
    )
    return begun.rowcount == 1


def set_progress(connection: Connection, job_id: int, progress: str) -> None:
    """Record a job's progress."""
    table = schema.desk_jobs
    connection.execute(update(table).where(table.c.id == job_id).values(progress=progress))


def stop_asked(connection: Connection, job_id: int) -> bool:
    """Whether the caller has cancelled it."""
    table = schema.desk_jobs
    return bool(connection.execute(select(table.c.stop_asked).where(table.c.id == job_id)).scalar_one())


def stop(connection: Connection, job_id: int, now_ms: int) -> None:
    """Cancel the job: one that has not started ends here, one in progress as soon as no badge is being written."""
    table = schema.desk_jobs
    connection.execute(update(table).where(table.c.id == job_id).values(stop_asked=True))
    if find(connection, job_id).state is DeskState.ASKED:
        end(connection, job_id, DeskState.STOPPED, Outcome("the job was given up before it began"), now_ms)


def end(connection: Connection, job_id: int, state: DeskState, outcome: Outcome, now_ms: int) -> None:
    """End a job that has not ended."""
    table = schema.desk_jobs
    connection.execute(
        update(table)
        .where(table.c.id == job_id, table.c.ended_ms.is_(None))
        .values(state=state, outcome=asdict(outcome), ended_ms=now_ms)
    )


def clear(connection: Connection, now_ms: int) -> int:
    """End jobs that an earlier bridge process left running, and stale requests; returns how many were open."""
    table = schema.desk_jobs
    left = connection.execute(
        select(table.c.id, table.c.state, table.c.asked_ms).where(table.c.ended_ms.is_(None))
    ).all()
    for row in left:
        if row.state == DeskState.RUNNING:
            end(connection, row.id, DeskState.INTERRUPTED, interrupted("the bridge was restarted"), now_ms)
        elif now_ms - row.asked_ms > STALE_MS:
            end(connection, row.id, DeskState.STOPPED, Outcome("no bridge was there when it was asked for"), now_ms)
    return len(left)


def interrupted(why: str) -> Outcome:
    """The outcome of an interrupted job."""
    return Outcome.of(Interrupted(why))
