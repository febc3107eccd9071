"""The number of presences in each state: updated with each change, never counted.

Database triggers maintain it for every change of a presence. SQLite has a row for each state. On PostgreSQL several
processes write at once and must not wait for each other's row: each statement adds rows with its changes, and `fold`
merges them.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, delete, func, insert, select

from badgeclock.bridge.store import schema
from badgeclock.bridge.store.states import PresenceState

FOLD_FROM: Final = 4 * len(PresenceState)
"""Minimum of rows to merge."""


def by_state(connection: Connection) -> dict[str, int]:
    """The number of presences in each state, zeros included."""
    table = schema.presence_counts
    rows = connection.execute(select(table.c.state, func.sum(table.c.number).label("number")).group_by(table.c.state))
    return {
        **dict.fromkeys((state.value for state in PresenceState), 0),
        **{row.state: int(row.number) for row in rows},
    }


def are_to_fold(connection: Connection) -> bool:
    """Whether the rows are so many that merging them is worth a transaction."""
    return connection.execute(select(func.count()).select_from(schema.presence_counts)).scalar_one() >= FOLD_FROM


def fold(connection: Connection) -> None:
    """Merge the rows of each state into one; in the caller's write transaction."""
    table = schema.presence_counts
    rows = connection.execute(delete(table).returning(table.c.state, table.c.number)).all()
    sums: dict[str, int] = {}
    for row in rows:
        sums[row.state] = sums.get(row.state, 0) + row.number
    connection.execute(insert(table), [{"state": state, "number": number} for state, number in sums.items()])
