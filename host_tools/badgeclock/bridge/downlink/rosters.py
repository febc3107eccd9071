"""Rosters: the badges of each clock, and how a changed roster reaches it.

`changed` marks a site's roster as changed, in the transaction of the change. The running bridge (`roster_sender`) gives
each clock of the site its own new version once the site has been quiet for `SETTLE_MS`, and sends it part by part: the
next part when the clock has answered the one before, the same again after `AGAIN_MS`. A clock keeps the received parts
of a version over a lost connection and over power loss, so a transfer continues where it stopped; the clock's STATUS
reports what it has. Clocks that are retired, under quarantine or without space for a roster get nothing.

A version is one above all that the bridge sent or the clock reported before, so that it grows even if the bridge's
store was restored to an earlier state. A roster contains tokens and languages, and nothing else about a badge or a
person.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, func, or_, select, update

from badgeclock.bridge.store import schema
from badgeclock.bridge.store.states import ClockState
from badgeclock.protocol.roster import Entries, pack_entries

SETTLE_MS: Final = 3_000
"""A roster is sent once its site has had no change for this long, ..."""
LONGEST_MS: Final = 60_000
"""... but after this long even if changes continue."""
AGAIN_MS: Final = 5_000
"""An unanswered part is sent again: a clock reads none while badges are presented."""


class Due(NamedTuple):
    """An online clock whose roster is outdated. `version` None: the new one has no number yet."""

    clock_id: int
    site_id: int
    changes: int
    version: int | None
    reported: int


def changed(connection: Connection, site_ids: Iterable[int], now_ms: int) -> None:
    """Mark the badges or languages of these sites (rows) as changed."""
    table = schema.sites
    values = {"roster_changes": table.c.roster_changes + 1, "roster_changed_ms": now_ms}
    connection.execute(update(table).where(table.c.id.in_(sorted(set(site_ids)))).values(values))


def changed_of_worker(connection: Connection, worker_id: int, now_ms: int) -> None:
    """The same for every site where this worker (row) has a badge in use."""
    table = schema.badges
    in_use = (table.c.worker_id == worker_id) & table.c.until_ms.is_(None)
    changed(connection, connection.execute(select(table.c.site_id).where(in_use)).scalars(), now_ms)


def of_site(connection: Connection, site_id: int, keys: int) -> Entries:
    """The badges in use at a site, each with its worker's language, for a clock that makes tokens with so many keys.

    A clock further behind than the present key change gets an empty roster, and rejects nobody.
    """
    badges, workers, sites = schema.badges, schema.workers, schema.sites
    has = connection.execute(select(sites.c.site_keys).where(sites.c.id == site_id)).scalar_one()
    token = badges.c.token if keys == has else badges.c.token_before
    rows = connection.execute(
        select(token.label("token"), workers.c.language)
        .join(workers, workers.c.id == badges.c.worker_id)
        .where(badges.c.site_id == site_id, badges.c.until_ms.is_(None), token.is_not(None))
    )
    return pack_entries({row.token: row.language for row in rows} if keys in (has, has - 1) else {})


def _stale() -> ColumnElement[bool]:
    """Clocks (joined with their sites) that can have a roster and have another one than the site's.

    A site without any badge so far has none to send.
    """
    clocks, sites = schema.clocks, schema.sites
    other = or_(
        clocks.c.roster_of.is_(None),
        clocks.c.roster_of != sites.c.roster_changes,
        clocks.c.roster_keys != clocks.c.site_keys,
    )
    return (
        (clocks.c.state == ClockState.ACTIVE)
        & clocks.c.roster_told.is_not(None)
        & or_(sites.c.roster_changes > 0, clocks.c.roster_told > 0)
        & or_(other, clocks.c.roster_told != clocks.c.roster_version)
    )


def due(connection: Connection, now_ms: int) -> list[Due]:
    """Online clocks that need a roster now. A transfer in progress continues while the site changes."""
    clocks, sites = schema.clocks, schema.sites
    rows = connection.execute(
        select(
            clocks.c.id,
            clocks.c.site_id,
            clocks.c.roster_of,
            clocks.c.roster_version,
            clocks.c.roster_told,
            clocks.c.roster_ms,
            clocks.c.roster_keys,
            clocks.c.site_keys,
            sites.c.roster_changes,
            sites.c.roster_changed_ms,
        )
        .join(sites, sites.c.id == clocks.c.site_id)
        .where(_stale(), clocks.c.online)
        .order_by(clocks.c.id)
    )
    found = []
    for row in rows:
        settled = row.roster_changed_ms is None or row.roster_changed_ms <= now_ms - SETTLE_MS
        waited = row.roster_ms is not None and row.roster_ms <= now_ms - LONGEST_MS
        version: int | None = row.roster_version
        other = row.roster_of != row.roster_changes and (settled or waited)
        if row.roster_told > row.roster_version or other or row.roster_keys != row.site_keys:
            version = None
        elif row.roster_told == row.roster_version:
            continue  # it has the last one sent; the site has not settled since
        found.append(Due(row.id, row.site_id, row.roster_changes, version, row.roster_told))
    return found


def any_waits(connection: Connection) -> bool:
    """Whether an online clock has an outdated roster: one that is due now, or once its site settles."""
    clocks, sites = schema.clocks, schema.sites
    waiting = select(clocks.c.id).join(sites, sites.c.id == clocks.c.site_id).where(_stale(), clocks.c.online)
    return connection.execute(waiting.limit(1)).first() is not None


def stale(connection: Connection) -> int:
    """How many clocks in use have an outdated roster, online or not."""
    clocks, sites = schema.clocks, schema.sites
    counted = select(func.count()).select_from(clocks).join(sites, sites.c.id == clocks.c.site_id).where(_stale())
    return connection.execute(counted).scalar_one()


def number(connection: Connection, nameless: list[Due], now_ms: int) -> None:
    """Give each clock a version for the state that its site's roster has now."""
    clocks, sites = schema.clocks, schema.sites
    for one in nameless:
        row = connection.execute(
            select(clocks.c.roster_version, clocks.c.roster_told, clocks.c.site_keys, sites.c.roster_changes)
            .join(sites, sites.c.id == clocks.c.site_id)
            .where(clocks.c.id == one.clock_id)
            .with_for_update(of=clocks)
        ).one()
        version = max(row.roster_version, row.roster_told or 0) + 1
        values = {
            "roster_version": version,
            "roster_of": row.roster_changes,
            "roster_ms": now_ms,
            "roster_keys": row.site_keys,
        }
        connection.execute(update(clocks).where(clocks.c.id == one.clock_id).values(values))


def note_in_use(connection: Connection, clock_id: int, session: bytes, version: int) -> None:
    """Record which version a clock has in use, if it reported it in its present session."""
    table = schema.clocks
    there = (table.c.id == clock_id) & (table.c.session == session)
    connection.execute(update(table).where(there).values(roster_told=version))
