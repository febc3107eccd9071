"""The mark of who holds which badge: another one after each change of what that depends on.

Database triggers change it with each change of badges, engagements, workers and employers, in the same transaction,
whichever program makes it. So an answer about holders that was read after a mark is still right while the mark is the
same. On SQLite it is one row. On PostgreSQL several processes write at once and must not wait for each other's row:
each statement adds a row, and the mark is their sum; `fold` replaces them by one, which also changes it. Without a row
there is no mark, and nothing may be kept.
"""

from __future__ import annotations

import secrets
from typing import Any, Final

from sqlalchemy import Connection, delete, func, insert, select

from badgeclock.bridge.store import schema

FOLD_FROM: Final = 64
"""Minimum of rows to replace."""
_BY_CHANCE: Final = 1 << 53


def mark(connection: Connection) -> Any:
    """The present mark: to be compared, no more. None: there is none."""
    return connection.exec_driver_sql("SELECT sum(mark) FROM holder_marks").scalar()


def are_to_fold(connection: Connection) -> bool:
    """Whether the rows are so many that replacing them is worth a transaction, or none."""
    rows = connection.execute(select(func.count()).select_from(schema.holder_marks)).scalar_one()
    return not 0 < rows < FOLD_FROM


def fold(connection: Connection) -> None:
    """Replace the rows by one; in the caller's write transaction."""
    table = schema.holder_marks
    connection.execute(delete(table))
    connection.execute(insert(table).values(mark=secrets.randbelow(_BY_CHANCE)))
