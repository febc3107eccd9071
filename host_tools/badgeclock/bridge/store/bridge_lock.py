"""One bridge per store: a lock that lasts exactly as long as its process.

Two bridges on one store would each consider the other's calls lost. A lease that expires would allow that when a bridge
hangs, so there is none: with SQLite the lock is the system's on a file beside the store, with PostgreSQL it is the
session's (an advisory lock on its own connection, which the server ends a minute after a machine is lost). Readers and
commands need no lock.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from badgeclock.bridge import logs
from badgeclock.bridge.errors import StoreInUse
from badgeclock.errors import StoreError

WATCH_S: Final = 1.0
"""How often the lock is checked: its file may be removed, its connection cut."""
_KEY: Final = 0x6261_6467_6563_6C6B
"""The advisory lock's number, in the store's database."""
_KEEPALIVE: Final = ("tcp_keepalives_idle = 30", "tcp_keepalives_interval = 10", "tcp_keepalives_count = 3")
_TAKE: Final = text("SELECT pg_try_advisory_lock(:key)")
_HOLDER: Final = text(
    "SELECT activity.application_name, host(activity.client_addr), activity.backend_start "
    "FROM pg_locks JOIN pg_stat_activity AS activity USING (pid) "
    "WHERE locktype = 'advisory' AND granted AND objsubid = 1 "
    "AND ((classid::bigint << 32) | objid::bigint) = :key "
    "AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)

log = logs.Named("badgeclock.bridge.store.bridge_lock")


class BridgeLock(Protocol):
    """A held lock."""

    def look(self) -> None:
        """Take it again if it was lost. Raises StoreInUse if another has it now, StoreError if that is unknown."""
        ...

    def release(self) -> None:
        """Release it."""
        ...


def take(url: str) -> BridgeLock:
    """The lock of the store at an SQLAlchemy URL. Raises StoreInUse, with the holder; StoreError."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _FileLock(Path(parsed.database or "store").resolve())
    return _SessionLock(parsed)


async def keep(lock: BridgeLock) -> None:
    """Keep a lock until cancelled. Raises StoreInUse if it was lost and another has it."""
    while True:
        await asyncio.sleep(WATCH_S)
        try:
            await asyncio.to_thread(lock.look)
        except StoreInUse:
            raise
        except StoreError as error:
            log.error("the store's lock cannot be looked at; trying again", error=str(error))


class _FileLock:
    """flock(2) on FILE.lock, which contains the holder and is never deleted."""

    def __init__(self, store: Path) -> None:
        self._path = store.with_name(store.name + ".lock")
        self._file = -1
        self._take()

    def look(self) -> None:
        if self._file >= 0 and self._is_ours():
            return
        log.warning("the store's lock file was removed; making it again")
        self.release()
        self._take()

    def release(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _take(self) -> None:
        while True:
            try:
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError as error:
                raise StoreError(
                    what=f"{self._path} cannot be opened ({error.strerror or type(error).__name__})",
                    kept="the store, untouched",
                    do="let the bridge's user write in the store's folder",
                ) from None
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                holder = os.pread(self._file, 200, 0).decode(errors="replace").strip()
                self.release()
                raise StoreInUse(holder or "another process") from None
            if self._is_ours():
                break
            self.release()  # it was removed between opening and locking
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{_myself()}, since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC\n".encode(), 0)

    def _is_ours(self) -> bool:
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return False
        held = os.fstat(self._file)
        return (there.st_dev, there.st_ino) == (held.st_dev, held.st_ino)


class _SessionLock:
    """pg_try_advisory_lock on its own connection."""

    def __init__(self, url: URL) -> None:
        self._engine: Engine = create_engine(
            url,
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
            connect_args={"application_name": f"badgeclock bridge, {_myself()}"[:63], "connect_timeout": 5},
        )
        self._connection: Connection | None = None
        self._plainly(self._take)

    def look(self) -> None:
        self._plainly(self._look)

    def release(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(SQLAlchemyError):
                self._connection.close()
            self._connection = None

    def _look(self) -> None:
        if self._connection is not None:
            try:
                self._connection.execute(text("SELECT 1"))
            except SQLAlchemyError:
                log.warning("the connection that holds the store's lock was cut; taking it again")
                self.release()
        if self._connection is None:
            self._take()

    def _take(self) -> None:
        connection = self._engine.connect()
        try:
            for setting in _KEEPALIVE:
                connection.execute(text(f"SET {setting}"))
            if not connection.execute(_TAKE, {"key": _KEY}).scalar_one():
                row = connection.execute(_HOLDER, {"key": _KEY}).first()
                raise StoreInUse(_holder(*row) if row else "another process")
        except BaseException:
            connection.close()
            raise
        self._connection = connection

    def _plainly(self, work: Callable[[], None]) -> None:
        try:
            work()
        except SQLAlchemyError as error:
            raise StoreError(
                what=f"the store cannot be locked: {type(error).__name__}",
                kept="the store as it is",
                do="look at the database's own log",
            ) from None


def _holder(name: str | None, address: str | None, since: datetime | None) -> str:
    where = f" at {address}" if address else ""
    when = f", since {since.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if since else ""
    return f"{name or 'another session'}{where}{when}"


def _myself() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"
