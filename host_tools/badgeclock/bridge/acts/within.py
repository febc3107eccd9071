"""Whether an item is within an account's reach. Items outside do not exist for the account."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, select

from badgeclock.authorities.base import BELGIUM
from badgeclock.bridge.attention.attention import EVENT_ITEM
from badgeclock.bridge.errors import NotAllowed
from badgeclock.bridge.presences.regimes import local_day
from badgeclock.bridge.registrar import filings
from badgeclock.bridge.store import schema
from badgeclock.bridge.web.reach import Reach, Within

_SEQ_DIGITS: Final = len(str(2**63)) - 1


def of(connection: Connection, reach: Reach, now_ms: int) -> Within:
    """The sites and workers in a reach today."""
    return Within(connection, reach, local_day(now_ms, BELGIUM.key))


def check_item(connection: Connection, reach: Reach, item: str, now_ms: int) -> None:
    """Raise NotAllowed unless an item (a presence's reference, CLOCK/SEQ, correction/NUMBER, a clock) is within the
    reach."""
    if reach.is_everything:
        return
    if item.startswith(EVENT_ITEM):
        raise _beyond(item)
    within = of(connection, reach, now_ms)
    presences, punches, filed = schema.presences, schema.punches, schema.filings
    if item.startswith(filings.ITEM):
        which = select(filed.c.presence_id, filed.c.punch_id).where(filed.c.id == number(item, filings.ITEM))
        row = connection.execute(which).one_or_none()
        if row is None:
            raise _beyond(item)
        # -1 is nobody's key; for NULL SQLite plans a scan.
        presence = presences.c.id == (row.presence_id or -1)
        punch = punches.c.id == (row.punch_id or -1)
    else:
        clock, _, seq = item.rpartition("/")
        presence = presences.c.reference == item
        held = schema.clocks.c.name == clock
        clocks = select(schema.clocks.c.id).where(held)
        punch = punches.c.clock_id.in_(clocks) & (punches.c.seq == (int(seq) if _is_number(seq) else -1))
    found = connection.execute(select(presences.c.id).where(presence, *within.presences())).first()
    if found is None:
        own = within.workers(punches.c.worker_id)
        if within.has_all_employers:
            own = []
        found = connection.execute(select(punches.c.id).where(punch, *within.sites(punches.c.site_id), *own)).first()
    if found is None:
        raise _beyond(item)


def check_clock(connection: Connection, reach: Reach, name: str, now_ms: int) -> None:
    """Raise NotAllowed unless a clock's site, with all its workers, is within the reach."""
    if reach.is_everything:
        return
    within, table = of(connection, reach, now_ms), schema.clocks
    which = select(table.c.id).where(table.c.name == name, *within.sites(table.c.site_id))
    if not within.has_all_employers or connection.execute(which).first() is None:
        raise _beyond(name)


def number(item: str, before: str) -> int:
    """The number after a word; -1 if there is none."""
    digits = item.removeprefix(before)
    return int(digits) if _is_number(digits) else -1


def _is_number(digits: str) -> bool:
    return digits.isascii() and digits.isdigit() and len(digits) <= _SEQ_DIGITS


def _beyond(item: str) -> NotAllowed:
    return NotAllowed(f"nothing of the name {item!r} waits within your reach", "look at the list again")
