"""Receipts of presences, which clocks show for their punches."""

from __future__ import annotations

from collections.abc import Sequence

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


def issue(connection: Connection, presence_ids: Sequence[int], now_ms: int) -> None:
    """Receipts for every punch of these presences, with their present state; the earliest punch opened it."""
    punches, table, sites = schema.punches, schema.presences, schema.sites
    new = []
    for some in chunks(presence_ids):
        rows = connection.execute(
            select(
                *(punches.c[name] for name in ("id", "clock_id", "seq", "direction", "utc_ms", "presence_id")),
                *(table.c[name] for name in (*Key._fields, "state", "error_code", "reception_number")),
                sites.c.time_zone,
            )
            .join(table, table.c.id == punches.c.presence_id)
            .join(sites, sites.c.id == punches.c.site_id)
            .where(table.c.id.in_(some))
            .order_by(punches.c.id)
        ).all()
        opened = {row.presence_id: row for row in sorted(rows, key=lambda row: (row.utc_ms, row.id), reverse=True)}
        for row in rows:
            key = Key(*(getattr(row, name) for name in Key._fields))
            what = (PresenceState(row.state), row.error_code, row.reception_number or 0, key)
            if row is opened[row.presence_id]:
                content = punch_receipts.own(*what, Direction(row.direction))
            else:
                content = punch_receipts.joined(*what, local_day(row.utc_ms, row.time_zone))
            if content is not None:
                new.append(NewReceipt(row.clock_id, row.seq, *content))
    receipts.issue(connection, new, now_ms)
