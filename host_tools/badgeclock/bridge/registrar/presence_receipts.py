"""Receipts of presences, which clocks show for their punches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection, select

from badgeclock.bridge.downlink import receipts
from badgeclock.bridge.downlink.receipts import NewReceipt
from badgeclock.bridge.presences import punch_receipts
from badgeclock.bridge.presences.day_book import Key
from badgeclock.bridge.presences.regimes import local_day
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.database import chunks
from badgeclock.bridge.store.states import PresenceState
from badgeclock.protocol.record import Direction


class _Punch(NamedTuple):
    """A punch, its presence and its site, as they are read; the presence's Key follows."""

    id: int
    clock_id: int
    seq: int
    direction: int
    utc_ms: int
    presence_id: int
    state: str
    error_code: int
    reception_number: int | None
    time_zone: str


_OF_PRESENCE: Final = _Punch._fields.index("state")
_KEY_AT: Final = len(_Punch._fields)


def issue(connection: Connection, presence_ids: Sequence[int], now_ms: int) -> None:
    """Receipts for every punch of these presences, with their present state; the earliest punch opened it."""
    punches, table, sites = schema.punches, schema.presences, schema.sites
    new = []
    for some in chunks(presence_ids):
        found = connection.execute(
            select(
                *(punches.c[name] for name in _Punch._fields[:_OF_PRESENCE]),
                *(table.c[name] for name in _Punch._fields[_OF_PRESENCE:-1]),
                sites.c.time_zone,
                *(table.c[name] for name in Key._fields),
            )
            .join(table, table.c.id == punches.c.presence_id)
            .join(sites, sites.c.id == punches.c.site_id)
            .where(table.c.id.in_(some))
            .order_by(punches.c.id)
        )
        rows = [(_Punch._make(row[:_KEY_AT]), Key._make(row[_KEY_AT:])) for row in found.tuples().all()]
        opened = {row.presence_id: row for row, _ in sorted(rows, key=_moment, reverse=True)}
        for row, key in rows:
            what = (PresenceState(row.state), row.error_code, row.reception_number or 0, key)
            if row is opened[row.presence_id]:
                content = punch_receipts.own(*what, Direction(row.direction))
            else:
                content = punch_receipts.joined(*what, local_day(row.utc_ms, row.time_zone))
            if content is not None:
                new.append(NewReceipt(row.clock_id, row.seq, *content))
    receipts.issue(connection, new, now_ms)


def _moment(found: tuple[_Punch, Key]) -> tuple[int, int]:
    return found[0].utc_ms, found[0].id
