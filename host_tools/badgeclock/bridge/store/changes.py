"""Detects whether any program has committed to the store since the last check: cheaply, and without reading what.

SQLite counts the commits of other connections (`PRAGMA data_version`), PostgreSQL reports the end of its log. Either
may report a change too many, never one too few.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from sqlalchemy import text

from badgeclock.bridge.rounds import Rounds
from badgeclock.bridge.store.database import Store

LOOK_S: Final = 0.5


class Changes:
    """Checks one store, on its own connection."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._own: Any = None
        self._seen: object = None

    def look(self) -> bool:
        """Whether there was a commit since the last check; True at the first. Raises StoreError."""
        seen = self._place()
        is_changed, self._seen = seen != self._seen, seen
        return is_changed

    def _place(self) -> object:
        if self._own is None:
            with self._store.read() as connection:
                if connection.dialect.name != "sqlite":
                    return connection.execute(text("SELECT pg_current_wal_insert_lsn()")).scalar_one()
                self._own = connection.engine.raw_connection()  # the counter is one connection's, kept open
        return self._own.execute("PRAGMA data_version").fetchone()

    def close(self) -> None:
        """Close the connection."""
        if self._own is not None:
            self._own.close()
            self._own = None


class ChangeWatch(Rounds):
    """Checks in rounds; `number` changes after each check that saw a commit. Parts that look for work in the store do
    so only after it changed.
    """

    def __init__(self, store: Store) -> None:
        super().__init__(pause_s=LOOK_S, if_store_fails="whether anything was committed is not known")
        self._changes = Changes(store)
        self._number = 0

    def number(self) -> int:
        """How many checks saw a commit, or failed."""
        return self._number

    async def run(self) -> None:
        """Check until cancelled."""
        try:
            await super().run()
        finally:
            self._changes.close()

    async def work(self) -> None:
        """Check once."""
        if await asyncio.to_thread(self._changes.look):
            self._number += 1

    def store_failed(self) -> None:
        """The state is unknown: callers must read the store."""
        self._number += 1
