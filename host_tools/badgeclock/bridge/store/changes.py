"""Whether anything was committed to the store since the last look, by whatever program: cheaply, and without a look at
what.

SQLite counts the commits of other connections (`PRAGMA data_version`), PostgreSQL says where its log ends. Either may
say so once too often, never once too seldom.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from sqlalchemy import text

from badgeclock.bridge.rounds import Rounds
from badgeclock.bridge.store.database import Store

LOOK_S: Final = 0.5


class Changes:
    """Looks at one store, by a connection of its own."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._own: Any = None
        self._seen: object = None

    def look(self) -> bool:
        """Whether there was a commit since the last look; True at the first. Raises StoreError."""
        seen = self._place()
        is_changed, self._seen = seen != self._seen, seen
        return is_changed

    def _place(self) -> object:
        if self._own is None:
            with self._store.read() as connection:
                if connection.dialect.name != "sqlite":
                    return connection.execute(text("SELECT pg_current_wal_insert_lsn()")).scalar_one()
                self._own = connection.engine.raw_connection()  # the count is of one connection, which must stay
        return self._own.execute("PRAGMA data_version").fetchone()

    def close(self) -> None:
        """Give the connection back."""
        if self._own is not None:
            self._own.close()
            self._own = None


class ChangeWatch(Rounds):
    """Looks in rounds; `number` is another one after each look that saw a commit. What asks the store for work in
    rounds of its own asks only when it is.
    """

    def __init__(self, store: Store) -> None:
        super().__init__(pause_s=LOOK_S, if_store_fails="whether anything was committed is not known")
        self._changes = Changes(store)
        self._number = 0

    def number(self) -> int:
        """How many looks saw a commit, or failed."""
        return self._number

    async def run(self) -> None:
        """Look until cancelled."""
        try:
            await super().run()
        finally:
            self._changes.close()

    async def work(self) -> None:
        """Look once."""
        if await asyncio.to_thread(self._changes.look):
            self._number += 1

    def store_failed(self) -> None:
        """Nothing is known: who asks is to ask the store."""
        self._number += 1
