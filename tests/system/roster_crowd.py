"""A site's badges by the thousand, and the bridge's view of a clock's roster: for the test and the bench."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, func, insert, select

from badgeclock.bridge.clocks import remote_settings
from badgeclock.bridge.downlink import rosters
from badgeclock.bridge.settings import load
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.database import Store
from badgeclock.demo import cast
from badgeclock.demo.stack import Stack

FIRST_TOKEN = 1 << 60
TOKENS_APART = 1 << 40


@contextmanager
def writing(stack: Stack) -> Iterator[Connection]:
    """One transaction on the stack's store."""
    store = Store(load(stack.bridge_config).store.url)
    try:
        with store.write() as connection:
            yield connection
    finally:
        store.close()


def now_ms() -> int:
    """Milliseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1_000_000


def in_use(stack: Stack) -> int:
    """How many badges are in use."""
    with writing(stack) as connection:
        counted = select(func.count()).select_from(schema.badges).where(schema.badges.c.until_ms.is_(None))
        return connection.execute(counted).scalar_one()


def crowd(stack: Stack, count: int) -> None:
    """Gives so many more badges, that no test has, to a worker who is there already."""
    with writing(stack) as connection:
        site_id = connection.execute(select(schema.sites.c.id)).scalars().first()
        worker_id = connection.execute(select(schema.workers.c.id)).scalars().first()
        assert site_id is not None
        common = {"site_id": site_id, "worker_id": worker_id, "since_ms": now_ms()}
        tokens = range(FIRST_TOKEN, FIRST_TOKEN + count * TOKENS_APART, TOKENS_APART)
        connection.execute(insert(schema.badges), [{**common, "token": token.to_bytes(8, "big")} for token in tokens])
        rosters.changed(connection, [site_id], now_ms())


def shown(stack: Stack) -> dict[str, Any]:
    """The bridge's view of the clock's roster and settings."""
    with writing(stack) as connection:
        (one,) = remote_settings.listing(connection, cast.CLOCK_ID)
    return one


def has_roster(stack: Stack, entries: int) -> bool:
    """Whether the clock has the newest roster, of so many badges."""
    now = shown(stack)
    return bool(now["roster_version"] == now["roster_told"] and now["roster_entries"] == entries)
