"""A private copy of the office's tables, in memory, on which an import is tried.

The store is read in short transactions and never locked: punches are taken meanwhile. The copy has what the rules of
imports read and write; punches are only counted, so nothing that they would cause is decided there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, func, insert, select, text

from badgeclock.bridge.store import schema
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.store.states import PunchState

_COPIED: Final = (
    schema.employers,
    schema.sites,
    schema.workers,
    schema.engagements,
    schema.badges,
    schema.plans,
    schema.expected,
    schema.dimona_periods,
    schema.works,
)
_EMPTY: Final = (schema.events, schema.acts, schema.clocks, schema.records, schema.punches)
"""The tables that the rules also write or look into; their rows have no part in whether a row can be imported."""
ROWS_AT_ONCE: Final = 5_000
"""Rows read in one transaction of the store."""


@dataclass(frozen=True, slots=True)
class OfficeCopy:
    """The copy's open transaction, and the store's unassigned punches by site (row) and token."""

    connection: Connection
    _waiting: Counter[tuple[int, bytes]]

    def waiting_for(self, now_ms: int) -> int:
        """How many punches wait for the badges that were given in the copy at that moment."""
        table = schema.badges
        given = select(table.c.site_id, table.c.token, table.c.token_before).where(
            table.c.since_ms == now_ms, table.c.until_ms.is_(None)
        )
        rows = self.connection.execute(given).all() if self._waiting else []
        return sum(self._waiting[row.site_id, token] for row in rows for token in {row.token, row.token_before})


@contextmanager
def office_copy(store: Store) -> Iterator[OfficeCopy]:
    """A copy of the store as it is now, or nearly: its tables are read one after the other."""
    copy = Store("sqlite://")
    try:
        with copy.write() as connection:
            # Its rows may be of moments a second apart, and it is never committed.
            connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
            schema.metadata.create_all(connection, tables=[*_COPIED, *_EMPTY])
            for table in _COPIED:
                for rows in _pages(store, table):
                    connection.execute(insert(table), rows)
            yield OfficeCopy(connection, _waiting(store))
            connection.rollback()
    finally:
        copy.close()


def _pages(store: Store, table: Any) -> Iterator[list[dict[str, Any]]]:
    after = 0
    while True:
        with store.read() as connection:
            wanted = select(table).where(table.c.id > after).order_by(table.c.id).limit(ROWS_AT_ONCE)
            rows = [row._asdict() for row in connection.execute(wanted)]
        if not rows:
            return
        yield rows
        after = rows[-1]["id"]


def _waiting(store: Store) -> Counter[tuple[int, bytes]]:
    table = schema.punches
    with store.read() as connection:
        rows = connection.execute(
            select(table.c.site_id, table.c.token, func.count())
            # Written like the partial index, so that it is used.
            .where(text(f"({schema.PUNCH_FOR_PERSON})"), table.c.state == PunchState.UNASSIGNED)
            .group_by(table.c.site_id, table.c.token)
        ).tuples()
        return Counter({(site_id, token): number for site_id, token, number in rows})
