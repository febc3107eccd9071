"""The bridge's database: any SQL database, SQLite by default.

SQLite runs in WAL mode with synchronous=FULL: a commit is on disk when `write` returns. All writes of this process run
in one thread (`writing`), so the bridge's transactions never wait for each other's locks; other processes (the command
line) wait up to `BUSY_TIMEOUT_S`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from itertools import chain, islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from sqlalchemy import (
    ARRAY,
    Column,
    ColumnElement,
    Connection,
    Dialect,
    Engine,
    Table,
    Text,
    any_,
    cast,
    create_engine,
    event,
    literal,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from badgeclock import key_file
from badgeclock.bridge.errors import StoreConflict
from badgeclock.bridge.store import forms, write_lock
from badgeclock.errors import SettingsError, StoreError

BUSY_TIMEOUT_S: Final = 30.0
CONNECT_TIMEOUT_S: Final = 10
LOCK_TIMEOUT_S: Final = 30
"""How long a statement on PostgreSQL waits for another transaction's lock before it fails and is retried."""
IDLE_TRANSACTION_S: Final = 60
"""PostgreSQL ends a session of ours that idles in a transaction for this long: a suspended command (Ctrl-Z), or one
whose machine is lost, must not keep the clocks' rows locked."""
_LIMITS: Final = (
    f"SET lock_timeout = '{LOCK_TIMEOUT_S}s'; SET idle_in_transaction_session_timeout = '{IDLE_TRANSACTION_S}s'"
)
IN_CLAUSE: Final = 500
"""Maximum of values in one IN clause."""
LIST: Final = 20_000
"""Maximum of values in one list of PostgreSQL."""
ROWS_A_STATEMENT: Final = 64
_PORTIONS: Final = (ROWS_A_STATEMENT, 16, 4, 1)
WAL_PAGES: Final = 8192
"""Pages of 4 KB in SQLite's log before a checkpoint: the more, the fewer are written twice."""
CACHE_KB: Final = 65_536
_WRITING: Final = "badgeclock_writing"
_REFERENCES: Final = "badgeclock_references"

_P = ParamSpec("_P")
_T = TypeVar("_T")


# PostgreSQL's own codes (its documentation, appendix A): a command on SQLite never loads the driver that has names for
# them.
_CONFLICTS: Final = frozenset({"23505", "40P01", "40001"})
"""Unique violation, deadlock, serialization failure."""
_OTHER_SERVER: Final = frozenset({"25006", "57000"})
"""Read only, operator intervention: codes of a server that is no longer primary, or is shutting down. Its connections
look intact but are useless."""


class Store:
    """An open store. `write` and `read` are one transaction each; `writing` and `reading` the same from a coroutine."""

    def __init__(self, url: str) -> None:
        self.url = url
        try:
            self._engine = _engine(url)
        except (ArgumentError, ImportError, ValueError) as error:
            raise SettingsError(
                what=f"the store's URL is not understood: {type(error).__name__}",
                kept="nothing was opened",
                do="write [store] url as sqlite:///file.db or postgresql+psycopg://user@host/database",
            ) from None
        driver: Any = self._engine.dialect.dbapi
        self._driver_errors: tuple[type[Exception]] = (driver.Error,)
        self._database = write_lock.database_of(url)
        self.takes_writes = True
        """False from when another program's lock made a write fail until one succeeds."""
        self._writer = self._engine.execution_options(**{_WRITING: True})
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store-writer")

    @classmethod
    def for_reading(cls, url: str) -> Store:
        """The same for a program that only reads: the database refuses changes."""
        store = cls(url)

        @event.listens_for(store._engine, "connect")
        def refuse(connection: Any, _: Any) -> None:
            if store._engine.dialect.name == "sqlite":
                connection.execute("PRAGMA query_only=ON")
            else:
                connection.execute("SET default_transaction_read_only = on")
                connection.commit()

        return store

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that may change things: committed on leaving, rolled back on any error.

        Raises StoreError if the store fails; its text never contains a value to be stored.
        """
        with self._failing_plainly(), self._writer.begin() as connection:
            yield connection
        self.takes_writes = True

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees the store at one moment and blocks no writer."""
        with self._failing_plainly(), self._engine.begin() as connection:
            yield connection

    async def writing(self, work: Callable[Concatenate[Connection, _P], _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Run `work(connection, …)` in one writing transaction, in the writer's thread; returns after the commit."""

        def transaction() -> _T:
            with self.write() as connection:
                return work(connection, *args, **kwargs)

        return await asyncio.get_running_loop().run_in_executor(self._thread, transaction)

    async def reading(self, work: Callable[Concatenate[Connection, _P], _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Run `work(connection, …)` in one reading transaction, in its own thread."""

        def transaction() -> _T:
            with self.read() as connection:
                return work(connection, *args, **kwargs)

        return await asyncio.to_thread(transaction)

    def migrate(self) -> None:
        """Migrate the tables to this version's form; keeps every row. Raises StoreError for a newer form."""
        with self.read() as connection:
            if forms.form_of(connection) == forms.NEWEST:
                return
        from badgeclock.bridge.store import migrating  # noqa: PLC0415 - imports Alembic, which few commands need

        self._change_form(migrating.migrate)

    def migrate_back(self, form: str) -> None:
        """Migrate the tables back to an earlier version's form; raises StoreError if data would be lost."""
        from badgeclock.bridge.store import migrating  # noqa: PLC0415 - as above

        self._change_form(migrating.migrate_back, form)

    def _change_form(
        self, change: Callable[Concatenate[Connection, _P], None], *args: _P.args, **more: _P.kwargs
    ) -> None:
        # SQLite can change some things of a table only by recreating it, which references to it must not prevent.
        engine = self._engine.execution_options(**{_WRITING: True, _REFERENCES: "OFF"})
        try:
            with self._failing_plainly(), engine.begin() as connection:
                change(connection, *args, **more)
        finally:
            self._engine.dispose()  # the next connection checks references again

    def check(self) -> None:
        """Raise StoreError unless the tables have this version's form."""
        with self.read() as connection:
            found = forms.form_of(connection)
        forms.check_newest(found)

    @contextmanager
    def _failing_plainly(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, *self._driver_errors) as error:
            original = error.orig if isinstance(error, DBAPIError) else error
            code = getattr(original, "sqlstate", None) or getattr(original, "sqlite_errorcode", None)
            if code in _OTHER_SERVER:
                self._engine.dispose()  # the next connection goes to the present server
            if code == sqlite3.SQLITE_BUSY:
                self.takes_writes = False
                raise self._held() from None
            cause = type(error).__name__ if isinstance(original, SQLAlchemyError) else str(original).partition("\n")[0]
            failed = StoreConflict if code in _CONFLICTS else StoreError
            raise failed(
                what=f"the store failed: {cause}",
                kept="everything committed before; what failed is not acknowledged and comes again",
                do="look at the disk's space and rights, and at the database's own log",
            ) from None

    def _held(self) -> StoreError:
        """The error for a write lock that another program did not release in time."""
        found = None if self._database is None else write_lock.holder(self._database)
        return StoreError(
            what=f"the store is held by {'another program' if found is None else found.described()}",
            kept="everything committed before; what failed is not acknowledged and comes again",
            do="look for a command that has not ended" if found is None else found.to_do(),
        )

    def close(self) -> None:
        """Finish the write in progress and close every connection."""
        self._thread.shutdown()
        self._engine.dispose()


def insert_rows(connection: Connection, table: Table, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert many rows of plain numbers, bytes and text, each in the order of `columns`.

    For the rows that every punch writes: SQLAlchemy's handling of values costs more there than the database itself.
    PostgreSQL copies them; SQLite gets many per statement, so that other threads can run: one statement per row would
    take Python's lock again after each. sqlite3 looks for an adapter for each value that is bytes, a bool or None,
    which costs as much again as the row: bytearrays and numbers are passed as they are.
    """
    names = ", ".join(columns)
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name == "postgresql":
        with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        return
    place = f"({', '.join('?' * len(columns))})"
    for size, values in _portions(rows):
        statement = f"INSERT INTO {table.name} ({names}) VALUES {', '.join([place] * size)}"  # noqa: S608 - our own names
        driver.execute(statement, values)


def update_rows(
    connection: Connection,
    table: Table,
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    alike: Mapping[str, Any] = MappingProxyType({}),
    where: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Set columns of many rows to plain values, each in the order of `columns`, the first of which is its key.

    alike  further columns with their plain value, the same for all
    where  columns with the plain value that a row must have, or it is left as it is

    PostgreSQL gets a list a column: one statement for any number of rows.
    """
    key, *rest = columns
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name == "postgresql":
        if of_columns := [array_text(values) for values in zip(*rows, strict=True)]:
            statement = update_of_lists(connection, table, columns, alike=tuple(alike), where=tuple(where))
            driver.execute(statement, [*alike.values(), *of_columns, *where.values()])
        return
    place = f"({', '.join('?' * len(columns))})"
    changes = ", ".join([*(f"{name} = new.{name}" for name in rest), *(f"{name} = ?" for name in alike)])
    conditions = "".join(f" AND {table.name}.{name} = ?" for name in where)
    for size, values in _portions(rows):
        driver.execute(
            f"WITH new ({', '.join(columns)}) AS (VALUES {', '.join([place] * size)}) "  # noqa: S608 - our own names
            f"UPDATE {table.name} SET {changes} FROM new WHERE {table.name}.{key} = new.{key}{conditions}",
            [*values, *alike.values(), *where.values()],
        )


def insert_beside_others(
    connection: Connection, table: Table, columns: Sequence[str], rows: Iterable[Sequence[Any]], returned: Sequence[str]
) -> list[tuple[Any, ...]]:
    """On PostgreSQL: insert many rows of plain values, each in the order of `columns`, except those that another
    transaction has inserted already, by any unique index. Gives the columns `returned` of those that were inserted.
    """
    if not (of_columns := [array_text(values) for values in zip(*rows, strict=True)]):
        return []
    driver: Any = connection.connection.driver_connection
    inserted: list[tuple[Any, ...]] = driver.execute(
        f"INSERT INTO {table.name} ({', '.join(columns)}) "  # noqa: S608 - our own names
        f"SELECT * FROM unnest({_lists(connection.dialect, table, tuple(columns))}) "
        f"ON CONFLICT DO NOTHING RETURNING {', '.join(returned)}",
        of_columns,
    ).fetchall()
    return inserted


def update_of_lists(
    connection: Connection,
    table: Table,
    columns: Sequence[str],
    *,
    alike: Sequence[str] = (),
    where: Sequence[str] = (),
) -> str:
    """PostgreSQL's statement for `update_rows`, with a parameter for each of `alike`, for each column its
    values as `array_text`, and for each of `where`.
    """
    key, *rest = columns
    dialect = connection.dialect
    same = (f"{name} = {_one(dialect, table, name)}" for name in alike)
    changes = ", ".join([*(f"{name} = new.{name}" for name in rest), *same])
    conditions = "".join(f" AND {table.name}.{name} = {_one(dialect, table, name)}" for name in where)
    return (
        f"UPDATE {table.name} SET {changes} "  # noqa: S608 - our own names
        f"FROM unnest({_lists(dialect, table, tuple(columns))}) AS new ({', '.join(columns)}) "
        f"WHERE {table.name}.{key} = new.{key}{conditions}"
    )


@lru_cache(maxsize=64)
def _lists(dialect: Dialect, table: Table, columns: tuple[str, ...]) -> str:
    """PostgreSQL's parameters of a list for each column. A type is compiled once: it costs as much as ten rows."""
    return ", ".join(f"%s::{table.c[name].type.compile(dialect)}[]" for name in columns)


def array_text(values: Iterable[Any]) -> str:
    """Numbers, bools, bytes, text or None as PostgreSQL writes an array of them (its manual, 8.15.2): psycopg's own way
    costs ten times as much a value.
    """
    return f"{{{','.join(map(_element, values))}}}"


def _element(value: Any) -> str:
    if type(value) is int:
        return str(value)
    if value is None:
        return "NULL"
    if isinstance(value, bytes | bytearray):
        return f'"\\\\x{value.hex()}"'
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(value)  # a bool, or a number of an enumeration


@lru_cache(maxsize=64)
def _one(dialect: Dialect, table: Table, column: str) -> str:
    """PostgreSQL's parameter of one value of a column."""
    return f"%b::{table.c[column].type.compile(dialect)}"


def _portions(rows: Iterable[Sequence[Any]]) -> Iterator[tuple[int, list[Any]]]:
    """Rows in chunks of few sizes, so that their statements stay prepared; each with its values concatenated."""
    waiting = iter(rows)
    while some := list(islice(waiting, ROWS_A_STATEMENT)):
        while some:
            size = next(size for size in _PORTIONS if size <= len(some))
            yield size, list(chain.from_iterable(some[:size]))
            some = some[size:]


def chunks(values: Iterable[_T]) -> Iterator[list[_T]]:
    """Values in lists that fit an IN clause."""
    return batched(values, IN_CLAUSE)


def batched(values: Iterable[_T], size: int) -> Iterator[list[_T]]:
    """Values in lists of so many; the last one may be shorter."""
    rest = iter(values)
    while some := list(islice(rest, size)):
        yield some


def portions(connection: Connection, values: Iterable[_T]) -> Iterator[list[_T]]:
    """Values in lists for `among`: on PostgreSQL all of them in one, unless they are very many."""
    return batched(values, LIST if connection.dialect.name == "postgresql" else IN_CLAUSE)


def among(connection: Connection, column: Column[Any], values: Iterable[Any]) -> ColumnElement[bool]:
    """Whether a column has one of these values.

    PostgreSQL gets them as one list: the statement is the same whatever their number, and is compiled once.
    """
    if connection.dialect.name == "postgresql":
        return column == any_(cast(literal(array_text(values), Text), ARRAY(column.type)))
    return column.in_(list(values))


def _keep_private(database: str | None) -> None:
    """Create SQLite's file with mode 0600, or remove others' rights; its log and index get the same mode.

    An existing file is not opened: closing it would release every lock that this process has on it (POSIX), and another
    program that exits would then delete the log under this one's connections.
    """
    if not database or database == ":memory:":
        return
    path = Path(database)
    with contextlib.suppress(OSError):  # it exists; or SQLite itself reports that it cannot be created
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm", f"{path.name}-journal"):
        key_file.close_to_others(path.with_name(name))


def _postgresql_engine(url: URL) -> Engine:
    # Nothing stays prepared: PostgreSQL would keep a plan that it made for ten badges, or for a table that was small.
    own = {"client_encoding": "utf8", "connect_timeout": CONNECT_TIMEOUT_S, "prepare_threshold": None}
    wanted = {name: value for name, value in own.items() if name not in url.query}
    engine = create_engine(url, hide_parameters=True, pool_pre_ping=True, connect_args=wanted)

    @event.listens_for(engine, "connect")
    def limit(connection: Any, _: Any) -> None:
        connection.execute(_LIMITS)
        connection.commit()

    return engine


def _engine(url: str) -> Engine:
    parsed = make_url(url)
    # Parameters contain tokens and encrypted names: they must not appear in an error's text.
    if parsed.get_backend_name() != "sqlite":
        return _postgresql_engine(parsed)
    engine = create_engine(parsed, hide_parameters=True, connect_args={"timeout": BUSY_TIMEOUT_S})

    @event.listens_for(engine, "do_connect")
    def keep_private(*_: Any) -> None:
        _keep_private(parsed.database)

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _: Any) -> None:
        connection.isolation_level = None  # the driver's own BEGIN is too late; ours is below
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute(f"PRAGMA wal_autocheckpoint={WAL_PAGES}")
        connection.execute(f"PRAGMA cache_size=-{CACHE_KB}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if _REFERENCES in options:
            connection.exec_driver_sql(f"PRAGMA foreign_keys={options[_REFERENCES]}")
        # A writer takes the lock at once: upgrading later can only fail.
        mode = "IMMEDIATE" if options.get(_WRITING) else "DEFERRED"
        connection.exec_driver_sql(f"BEGIN {mode}")

    return engine
