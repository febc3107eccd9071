"""Whether anything was committed to the store since the last look, by whatever program: cheaply, and without a look at
what.

SQLite counts the commits of other connections (`PRAGMA data_version`), PostgreSQL says where its log ends. Either may
say so once too often, never once too seldom.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from badgeclock.bridge.store.database import Store


class Changes:
    """Looks at one store, by its own connection."""

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
        with self._store.read() as connection:
            if connection.dialect.name != "sqlite":
                return connection.execute(text("SELECT pg_current_wal_insert_lsn()")).scalar_one()
            if self._own is None:  # the count is of one connection, so that it must stay the same
                self._own = connection.engine.raw_connection()
        return self._own.execute("PRAGMA data_version").fetchone()

    def close(self) -> None:
        """Give the connection back."""
        if self._own is not None:
            self._own.close()
            self._own = None
