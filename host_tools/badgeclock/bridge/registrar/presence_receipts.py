"""Receipts of presences: what the clocks are to show about the punches that belong to them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select

from badgeclock.bridge.downlink import receipts
from badgeclock.bridge.downlink.receipts import NewReceipt
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.database import chunks
from badgeclock.bridge.store.states import RECEIPT_OF, PresenceState


def issue(connection: Connection, presence_ids: Sequence[int], now_ms: int) -> None:
    """Receipts for every punch of these presences, of where they stand now."""
    punches, table = schema.punches, schema.presences
    new = []
    for some in chunks(presence_ids):
        rows = connection.execute(
            select(punches.c.clock_id, punches.c.seq, table.c.state, table.c.error_code, table.c.reception_number)
            .join(table, table.c.id == punches.c.presence_id)
            .where(table.c.id.in_(some))
            .order_by(punches.c.id)
        )
        for row in rows:
            state = RECEIPT_OF.get(PresenceState(row.state))
            if state is not None:
                new.append(NewReceipt(row.clock_id, row.seq, state, row.error_code, row.reception_number or 0))
    receipts.issue(connection, new, now_ms)
