"""Settles a movement out once the movement in that it belongs to becomes known."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from sqlalchemy import Connection, select, text, update

from badgeclock.authorities.base import Direction as Way
from badgeclock.bridge.presences.day_book import Key
from badgeclock.bridge.presences.shifts import Assumed
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.database import chunks
from badgeclock.bridge.store.states import ENDED

HOUR_MS: Final = 3_600_000


def bear_out(connection: Connection, comings: Iterable[tuple[Key, int]], now_ms: int) -> None:
    """Settle each movement out that was flagged because no movement in preceded it within the site's longest shift, if
    one of these now does. Each is a presence's key and its site's row; other declarations are skipped.
    """
    of_worker: dict[int, list[tuple[Key, int]]] = {}
    for key, site_id in comings:
        if key.way == Way.IN:
            of_worker.setdefault(key.worker_id, []).append((key, site_id))
    days = {key.day + timedelta(later) for some in of_worker.values() for key, _ in some for later in (0, 1)}
    table, sites = schema.presences, schema.sites
    open_yet = (
        select(table.c.id, table.c.worker_id, table.c.site_id, table.c.workplace, table.c.moment_ms)
        .add_columns(sites.c.longest_shift_h)
        .join(sites, sites.c.id == table.c.site_id)
        .where(text(schema.ASSUMED), table.c.assumed == Assumed.NO_IN, table.c.way == Way.OUT)
        .where(table.c.state.not_in(list(ENDED)))
    )
    borne_out = []
    for some in chunks(days):
        for out in connection.execute(open_yet.where(table.c.day.in_(some))):
            since_ms = out.moment_ms - out.longest_shift_h * HOUR_MS
            borne_out += [
                out.id
                for key, site_id in of_worker.get(out.worker_id, ())
                if since_ms <= key.moment_ms <= out.moment_ms
                and (site_id == out.site_id or key.workplace == out.workplace)
            ]
    for some_ids in chunks(borne_out):
        connection.execute(update(table).where(table.c.id.in_(some_ids)).values(kept_ms=now_ms))
