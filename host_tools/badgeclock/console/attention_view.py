"""The attention list within an account's reach, and all details of one item."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, select

from badgeclock.bridge.acts import within
from badgeclock.bridge.attention import attention
from badgeclock.bridge.attention.attention import Row
from badgeclock.bridge.clocks import registry
from badgeclock.bridge.registrar import filings, review_queue
from badgeclock.bridge.store import schema
from badgeclock.bridge.web.reach import Reach, Within

ROWS_MOST: Final = 2000
"""A page reads at most this many items, the oldest."""
WORKERS_MOST: Final = 500
"""At most this many workers are offered as a choice; with more, the reference is typed."""
_CLOCK_QUARANTINED: Final = "clock_quarantined"


@dataclass(frozen=True, slots=True)
class Item:
    """An item, its evidence, and the zone of its times."""

    row: Row
    zone: str
    presence: dict[str, Any] | None
    punches: list[dict[str, Any]]
    clock: dict[str, Any] | None


def rows(connection: Connection, reach: Reach, now_ms: int) -> list[Row]:
    """Items within a reach, oldest first. One that belongs to no site is only for unlimited accounts."""
    found = attention.listing(connection, ROWS_MOST, now_ms)
    if reach.is_everything:
        return found
    inside = within.of(connection, reach, now_ms)
    names, references = inside.site_names(), inside.references()
    return [row for row in found if _is_within(row, inside, names, references)]


def _is_within(row: Row, inside: Within, names: frozenset[str], references: frozenset[str]) -> bool:
    if row.site not in names:
        return False
    return row.worker in references or (row.worker is None and inside.has_all_employers)


def find(connection: Connection, reach: Reach, reason: str, item: str, now_ms: int) -> Item | None:
    """One item; None if it is not, or no longer, open."""
    row = next((row for row in rows(connection, reach, now_ms) if (row.reason, row.item) == (reason, item)), None)
    if row is None:
        return None
    presence, punches, clock = None, [], None
    of = row.item
    if row.item.startswith(filings.ITEM):
        number = within.number(row.item, filings.ITEM)
        of = next((one["of"] for one in filings.listing(connection, ROWS_MOST) if one["number"] == number), row.item)
    if of.startswith(attention.EVENT_ITEM):
        pass
    elif row.reason.startswith("clock_"):
        clock = registry.quarantine_of(connection, row.item, 0, 0) if row.reason == _CLOCK_QUARANTINED else None
    elif "/" in of:
        name, _, seq = of.rpartition("/")
        punches = review_queue.describe_punch(connection, name, int(seq))["punches"]
    else:
        presence = review_queue.describe_presence(connection, of)
        punches = presence["punches"]
    return Item(row, _zone(connection, row.site), presence, punches, clock)


def workers_to_choose(connection: Connection, reach: Reach, now_ms: int) -> list[str]:
    """References of workers within the reach; none if there are too many to choose from."""
    table = schema.workers
    inside = within.of(connection, reach, now_ms)
    found = connection.execute(
        select(table.c.reference).where(*inside.workers(table.c.id)).order_by(table.c.reference).limit(WORKERS_MOST + 1)
    ).scalars()
    references = list(found)
    return references if len(references) <= WORKERS_MOST else []


def _zone(connection: Connection, site: str | None) -> str:
    table = schema.sites
    zone = connection.execute(select(table.c.time_zone).where(table.c.name == site)).scalar()
    return zone or DEFAULT_ZONE


DEFAULT_ZONE: Final = "Europe/Brussels"
"""The zone for items of no site."""
