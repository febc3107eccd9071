"""What a migration's way back must not do: lose something."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

from badgeclock.errors import StoreError


def none_of(table: str, which: str = "1 = 1") -> None:
    """Raise StoreError if a table has a row of this condition, for which the form before has no place."""
    if op.get_bind().execute(text(f"SELECT 1 FROM {table} WHERE {which} LIMIT 1")).first() is None:  # noqa: S608 - ours
        return
    raise StoreError(
        what=f"the form before has no place for what is in {table}",
        kept="the store, untouched",
        do="restore the backup that was made before the update",
    )
