"""What the sandbox has registered, in one SQLite file: committed before it is answered, so kill -9 loses nothing.

WAL with synchronous=NORMAL: a commit survives the end of the process, though not always that of the machine, which a
simulated authority need not survive. Every method is one transaction; the service calls them from one thread.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from badgeclock.errors import StoreError
from badgeclock.sandbox.rules import Presence, Wire
from badgeclock.sandbox.statuses import Status

_FIRST_NUMBER: Final = (10**11, 2 * 10**11)
_STEP_LIMIT: Final = 9  # numbers grow by 1 to 9: gaps, as other senders leave them

_metadata = sa.MetaData()
_registration = sa.Table(
    "registration",
    _metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("day", sa.Date, nullable=False),
    sa.Column("inss", sa.String),
    sa.Column("company_id", sa.Integer),
    sa.Column("limosa_id", sa.String),
    sa.Column("workplace_id", sa.String),
    sa.Column("reference", sa.String),
    sa.Column("wire", sa.String, nullable=False),
    sa.Column("moment_ms", sa.Integer),
    sa.Column("direction", sa.String),
    sa.Column("vat", sa.String),
    sa.Column("place", sa.JSON(none_as_null=True)),
    sa.Column("created_ms", sa.Integer, nullable=False),
    sa.Column("due_ms", sa.Integer, nullable=False),
    sa.Column("status", sa.String, nullable=False),
    sa.Column("remarks", sa.JSON, nullable=False),
    sa.Index("registration_due", "status", "due_ms"),
    sa.Index("registration_where", "day", "workplace_id", "inss", "company_id", "limosa_id"),
)
_step = sa.Table(
    "step",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("number", sa.Integer, nullable=False, index=True),
    sa.Column("at_ms", sa.Integer, nullable=False),
    sa.Column("status", sa.String, nullable=False),
    sa.Column("remarks", sa.JSON, nullable=False),
)
_call = sa.Table(
    "call",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at_ms", sa.Integer, nullable=False),
    sa.Column("operation", sa.String),
    sa.Column("outcome", sa.String, nullable=False),
)
_setting = sa.Table(
    "setting", _metadata, sa.Column("name", sa.String, primary_key=True), sa.Column("value", sa.JSON, nullable=False)
)


@dataclass(frozen=True, slots=True)
class Step:
    """One step in a registration's life. Times are Unix milliseconds."""

    at_ms: int
    status: Status
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Registration:
    """A presence under its reception number; `last` is its newest step."""

    number: int
    presence: Presence
    created_ms: int
    last: Step

    @property
    def day(self) -> date:
        """The day of the presence."""
        assert self.presence.day is not None  # the rules refuse a presence without a day
        return self.presence.day


@dataclass(frozen=True, slots=True)
class Criteria:
    """Search criteria; None and empty do not restrict. Periods are pairs of days, both included."""

    wire: Wire | None = None
    periods: tuple[tuple[date, date], ...] = ()
    inss: str | None = field(default=None, repr=False)
    company_id: int | None = None
    workplace_id: str | None = None
    statuses: tuple[Status, ...] = ()
    remarks: tuple[str, ...] = ()
    created_from_ms: int | None = None
    created_to_ms: int | None = None
    after: int = 0  # numbers above this one


@dataclass(frozen=True, slots=True)
class Call:
    """One call, and its result."""

    at_ms: int
    operation: str | None
    outcome: str


SORT_COLUMNS: Final = {
    "ID": _registration.c.number,
    "REGISTRATION DATE": _registration.c.day,
    "CREATION DATE": _registration.c.created_ms,
    "STATUS": _registration.c.status,
    "PLACE OF WORK": _registration.c.workplace_id,
    "COMPANY ID": _registration.c.company_id,
    # This service has one channel and one sender.
    "CHANNEL": _registration.c.number,
    "SENDER ID": _registration.c.number,
}


class Store:
    """The sandbox's memory in the file `path`, made if absent. Raises StoreError if it cannot be opened."""

    def __init__(self, path: Path, seed: int) -> None:
        self._seed = seed
        self._engine = sa.create_engine(f"sqlite:///{path}")
        sa.event.listen(self._engine, "connect", _prepare)
        try:
            path.touch(mode=0o600)
            _metadata.create_all(self._engine)
            columns = {column["name"] for column in sa.inspect(self._engine).get_columns("registration")}
        except (OSError, sa.exc.DatabaseError) as error:
            raise StoreError(
                what=f"the sandbox's store {path} cannot be opened ({type(error).__name__})",
                kept="the file is as it was",
                do="give another --store, or move that file away",
            ) from error
        if columns != set(_registration.c.keys()):
            raise StoreError(
                what=f"the sandbox's store {path} was made by another version",
                kept="the file is as it was",
                do="give another --store, or move that file away",
            )

    @property
    def seed(self) -> int:
        """The seed of its numbers."""
        return self._seed

    def close(self) -> None:
        """Close the file."""
        self._engine.dispose()

    def register(self, presences: Sequence[Presence], now_ms: int, due_ms: int) -> list[Registration]:
        """Give each presence a reception number, in order."""
        first = Step(now_ms, Status.REGISTERED, ())
        with self._engine.begin() as connection:
            last = connection.scalar(sa.select(sa.func.max(_registration.c.number))) or self._start()
            made = []
            for presence in presences:
                last += 1 + random.Random(f"{self._seed}:{last}").randrange(_STEP_LIMIT)
                made.append(Registration(last, presence, now_ms, first))
            if made:
                connection.execute(sa.insert(_registration), [_row(entry, due_ms) for entry in made])
                connection.execute(sa.insert(_step), [_step_row(entry.number, first) for entry in made])
        return made

    def settle(self, now_ms: int, remarks_on: Callable[[Presence], list[str]], same: str) -> None:
        """Do the content checks that are due: `remarks_on` a presence, and `same` if an earlier one says the same."""
        due = sa.select(_registration).where(
            _registration.c.status == Status.REGISTERED, _registration.c.due_ms <= now_ms
        )
        with self._engine.begin() as connection:
            for row in connection.execute(due.order_by(_registration.c.number)).all():
                remarks = remarks_on(_presence(row))
                if connection.scalar(_earlier(row)):
                    remarks.append(same)
                status = Status.REMARKS if remarks else Status.VALIDATED
                _take_step(connection, row.number, Step(row.due_ms, status, tuple(remarks)))

    def relapse(self, now_ms: int, relapses: Callable[[Presence], list[tuple[int, list[str]]]]) -> None:
        """Invalidate valid registrations by `relapses` (ms after the check, remarks)."""
        valid = sa.select(_registration).where(_registration.c.status == Status.VALIDATED)
        with self._engine.begin() as connection:
            for row in connection.execute(valid.order_by(_registration.c.number)).all():
                for after_ms, remarks in relapses(_presence(row)):
                    at_ms = row.due_ms + after_ms
                    if at_ms <= now_ms:
                        _take_step(connection, row.number, Step(at_ms, Status.REMARKS, tuple(remarks)))
                        break

    def cancel(self, number: int, now_ms: int) -> None:
        """Cancel an existing registration."""
        with self._engine.begin() as connection:
            _take_step(connection, number, Step(now_ms, Status.CANCELLED, ()))

    def get(self, number: int) -> Registration | None:
        """One registration, or None."""
        with self._engine.connect() as connection:
            row = connection.execute(_with_last().where(_registration.c.number == number)).first()
        return None if row is None else _read(row)

    def history(self, number: int) -> list[Step]:
        """The steps of a registration, oldest first."""
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(_step).where(_step.c.number == number).order_by(_step.c.id)).all()
        return [Step(row.at_ms, Status(row.status), tuple(row.remarks)) for row in rows]

    def search(
        self, criteria: Criteria, order: sa.ColumnElement[Any], offset: int, limit: int
    ) -> tuple[int, list[Registration]]:
        """How many registrations match the criteria, and those of one page."""
        where = _conditions(criteria)
        page = _with_last().where(*where).order_by(order, _registration.c.number).offset(offset).limit(limit)
        with self._engine.connect() as connection:
            total = connection.scalar(sa.select(sa.func.count()).select_from(_registration).where(*where))
            return total or 0, [_read(row) for row in connection.execute(page).all()]

    def issued(self) -> tuple[int, ...]:
        """The first and the last number given; empty before the first."""
        ends = sa.select(sa.func.min(_registration.c.number), sa.func.max(_registration.c.number))
        with self._engine.connect() as connection:
            first, last = connection.execute(ends).one()
        return () if first is None else (first, last)

    def calls(self) -> int:
        """The number of calls."""
        with self._engine.connect() as connection:
            return connection.scalar(sa.select(sa.func.count()).select_from(_call)) or 0

    def note_call(self, call: Call) -> None:
        """Record a call and its result."""
        with self._engine.begin() as connection:
            connection.execute(
                sa.insert(_call).values(at_ms=call.at_ms, operation=call.operation, outcome=call.outcome)
            )

    def newest_calls(self, limit: int) -> list[Call]:
        """The newest calls, newest first."""
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(_call).order_by(_call.c.id.desc()).limit(limit)).all()
        return [Call(row.at_ms, row.operation, row.outcome) for row in rows]

    def load(self, name: str) -> Any:
        """A setting, or None."""
        with self._engine.connect() as connection:
            return connection.scalar(sa.select(_setting.c.value).where(_setting.c.name == name))

    def save(self, name: str, value: object) -> None:
        """Store a setting (JSON)."""
        with self._engine.begin() as connection:
            connection.execute(sa.insert(_setting).prefix_with("OR REPLACE").values(name=name, value=value))

    def _start(self) -> int:
        return random.Random(str(self._seed)).randrange(*_FIRST_NUMBER)


def _prepare(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


def _row(entry: Registration, due_ms: int) -> dict[str, object]:
    presence = entry.presence
    return {
        "number": entry.number,
        "day": presence.day,
        "inss": presence.inss,
        "company_id": presence.company_id,
        "limosa_id": presence.limosa_id,
        "workplace_id": presence.workplace_id,
        "reference": presence.reference,
        "wire": presence.wire,
        "moment_ms": presence.moment_ms,
        "direction": presence.direction,
        "vat": presence.vat,
        "place": presence.place,
        "created_ms": entry.created_ms,
        "due_ms": due_ms,
        "status": entry.last.status,
        "remarks": [],
    }


def _step_row(number: int, step: Step) -> dict[str, object]:
    return {"number": number, "at_ms": step.at_ms, "status": step.status, "remarks": list(step.remarks)}


def _take_step(connection: sa.Connection, number: int, step: Step) -> None:
    connection.execute(sa.insert(_step).values(**_step_row(number, step)))
    connection.execute(
        sa.update(_registration)
        .where(_registration.c.number == number)
        .values(status=step.status, remarks=list(step.remarks))
    )


def _with_last() -> sa.Select[Any]:
    newest = sa.select(sa.func.max(_step.c.at_ms)).where(_step.c.number == _registration.c.number).scalar_subquery()
    return sa.select(_registration, newest.label("at_ms"))


def _read(row: sa.Row[Any]) -> Registration:
    last = Step(row.at_ms, Status(row.status), tuple(row.remarks))
    return Registration(row.number, _presence(row), row.created_ms, last)


def _presence(row: sa.Row[Any]) -> Presence:
    return Presence(
        day=row.day,
        inss=row.inss,
        company_id=row.company_id,
        limosa_id=row.limosa_id,
        workplace_id=row.workplace_id,
        reference=row.reference,
        moment_ms=row.moment_ms,
        direction=row.direction,
        vat=row.vat,
        place=row.place,
    )


def _earlier(row: sa.Row[Any]) -> sa.Select[Any]:
    alike = ("inss", "company_id", "limosa_id", "workplace_id", "moment_ms", "direction", "vat")
    same = (_registration.c[name].is_(getattr(row, name)) for name in alike)
    return (
        sa.select(sa.literal(1))
        .where(
            _registration.c.day == row.day,
            *same,
            _registration.c.number < row.number,
            _registration.c.status != Status.CANCELLED,
        )
        .limit(1)
    )


def _conditions(criteria: Criteria) -> list[sa.ColumnElement[bool]]:
    table = _registration.c
    where: list[sa.ColumnElement[bool]] = [table.number > criteria.after]
    if criteria.periods:
        where.append(sa.or_(*(table.day.between(first, last) for first, last in criteria.periods)))
    for column, value in (
        (table.inss, criteria.inss),
        (table.company_id, criteria.company_id),
        (table.workplace_id, criteria.workplace_id),
        (table.wire, criteria.wire),
    ):
        if value is not None:
            where.append(column == value)
    if criteria.statuses:
        where.append(table.status.in_(criteria.statuses))
    if criteria.remarks:
        remark = sa.func.json_each(table.remarks).table_valued("value")
        where.append(
            sa.exists(sa.select(sa.literal(1)).select_from(remark).where(remark.c.value.in_(criteria.remarks)))
        )
    if criteria.created_from_ms is not None:
        where.append(table.created_ms >= criteria.created_from_ms)
    if criteria.created_to_ms is not None:
        where.append(table.created_ms <= criteria.created_to_ms)
    return where
