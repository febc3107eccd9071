"""Who holds which badge, and the root that the keys of a site's own badges come from.

As in people.py every function takes the connection of an open transaction, and a badge is known by its token only:
UIDs and badge numbers are forgotten when the function returns. A badge that is taken back keeps its row, with the time.
"""

from __future__ import annotations

import secrets
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, select, update

from badgeclock.badges.card import NUMBER_BYTES
from badgeclock.badges.keys import ROOT_BYTES, Root
from badgeclock.bridge.downlink import rosters
from badgeclock.bridge.errors import PeopleError
from badgeclock.bridge.people import people
from badgeclock.bridge.people.people import NUMBER_PROVED, UID_READ
from badgeclock.bridge.store import audit_log, event_log, schema
from badgeclock.bridge.store.audit_log import Act, Operator
from badgeclock.bridge.store.event_log import Event, Severity
from badgeclock.bridge.store.vault import BADGE_ROOT, Vault
from badgeclock.protocol import seal


class Badge(NamedTuple):
    """A badge of the history: its row, whose it is (reference and row), since and until when (ms; None: in use)."""

    id: int
    worker: str
    worker_id: int
    since_ms: int
    until_ms: int | None


class Desk(NamedTuple):
    """What a site's desk needs to know of the site."""

    site_id: int
    site_key: bytes
    root: Root

    def number_token(self, number: bytes) -> bytes:
        """Token of a badge that proves itself by this number."""
        return seal.badge_token(self.site_key, NUMBER_PROVED, number)

    def uid_token(self, uid: bytes) -> bytes:
        """Token of a badge by its UID."""
        return seal.badge_token(self.site_key, UID_READ, uid)


def set_badge_root(connection: Connection, vault: Vault, site: str, root: bytes, now_ms: int) -> bool:
    """Give the bridge the root of a site's badges, 32 bytes. Another root than before makes every card strange.

    Returns False if it is the same.
    """
    if len(root) != ROOT_BYTES:
        raise PeopleError("a badge key has 32 bytes", "give the site's .badge.key file of the workshop")
    table = schema.sites
    row = connection.execute(select(table.c.id, table.c.badge_root_closed).where(table.c.name == site)).one_or_none()
    if row is None:
        raise people.no_site(site)
    before = None if row.badge_root_closed is None else vault.open(BADGE_ROOT, site, row.badge_root_closed)
    if before == root:
        return False
    closed = vault.close(BADGE_ROOT, site, root)
    connection.execute(update(table).where(table.c.id == row.id).values(badge_root_closed=closed))
    what = f"the site {site} has {'a' if before is None else 'another'} badge key"
    event_log.write(connection, [Event(Severity.INFO, event_log.Kind.BADGE_KEY_SET, what)], now_ms)
    return True


def desk_of(connection: Connection, vault: Vault, site_id: int) -> Desk:
    """The desk of a site; raises PeopleError if the bridge was not given its badge key."""
    table = schema.sites
    row = connection.execute(select(table).where(table.c.id == site_id)).one()
    if row.badge_root_closed is None:
        raise PeopleError(
            f"the bridge has no badge key of the site {row.name!r}",
            "give it with `badgeclock bridge site set --badge-key`",
        )
    root = Root(vault.open(BADGE_ROOT, row.name, row.badge_root_closed))
    return Desk(row.id, people.site_key_of(vault, row), root)


def new_number(connection: Connection, desk: Desk) -> bytes:
    """A badge number, 8 random bytes, that no badge of the site ever had."""
    table = schema.badges
    while True:
        number = secrets.token_bytes(NUMBER_BYTES)
        known = (table.c.site_id == desk.site_id) & (table.c.token == desk.number_token(number))
        if connection.execute(select(table.c.id).where(known)).first() is None:
            return number


def of_token(connection: Connection, site_id: int, token: bytes) -> Badge | None:
    """The newest badge with this token at a site: the one in use, or the one that was last."""
    badges = schema.badges
    order = badges.c.until_ms.is_not(None), badges.c.until_ms.desc()
    found = connection.execute(
        _with_workers().where(badges.c.site_id == site_id, badges.c.token == token).order_by(*order).limit(1)
    ).one_or_none()
    return None if found is None else Badge(*found)


def in_use(connection: Connection, worker: str) -> list[Badge]:
    """The badges a worker has, oldest first; raises PeopleError if there is no such worker."""
    check_worker(connection, worker)
    badges, workers = schema.badges, schema.workers
    having = _with_workers().where(workers.c.reference == worker, badges.c.until_ms.is_(None)).order_by(badges.c.id)
    return [Badge(*row) for row in connection.execute(having)]


def history(connection: Connection, worker: str) -> list[tuple[Badge, str]]:
    """Every badge that a worker has or had, oldest first, each with its site; raises PeopleError."""
    check_worker(connection, worker)
    badges, sites = schema.badges, schema.sites
    had = (
        _with_workers()
        .join(sites, sites.c.id == badges.c.site_id)
        .add_columns(sites.c.name)
        .where(schema.workers.c.reference == worker)
        .order_by(badges.c.id)
    )
    return [(Badge(*row[:-1]), row[-1]) for row in connection.execute(had)]


def check_worker(connection: Connection, worker: str) -> None:
    """Raise PeopleError if there is no such worker."""
    table = schema.workers
    if connection.execute(select(table.c.id).where(table.c.reference == worker)).first() is None:
        raise PeopleError(f"there is no worker {worker!r}", "add the worker with `badgeclock bridge worker add`")


def _with_workers() -> Any:
    badges, workers = schema.badges, schema.workers
    return select(badges.c.id, workers.c.reference, workers.c.id, badges.c.since_ms, badges.c.until_ms).join(
        workers, workers.c.id == badges.c.worker_id
    )


def issue(connection: Connection, desk: Desk, worker: str, number: bytes, *, by: str, at: str, now_ms: int) -> Badge:
    """Link a badge that was written to a worker. It goes on record who did it, at which clock."""
    token = desk.number_token(number)
    people.assign_token(connection, site_id=desk.site_id, worker=worker, token=token, now_ms=now_ms)
    badge = of_token(connection, desk.site_id, token)
    assert badge is not None
    what = f"badge {badge.id} was issued to {worker} by {by} at {at}"
    event_log.write(connection, [Event(Severity.INFO, event_log.Kind.BADGE_ISSUED, what)], now_ms)
    _note(connection, Act.BADGE_ISSUED, by, badge.worker_id, {"badge": badge.id, "clock": at}, now_ms)
    return badge


def revoke(connection: Connection, badge: Badge, *, by: str, reason: str = "", now_ms: int) -> None:
    """Take a badge back: from now on it is unknown at the site's clocks. What it punched before stays as it is."""
    table = schema.badges
    taken = update(table).where(table.c.id == badge.id).values(until_ms=now_ms).returning(table.c.site_id)
    rosters.changed(connection, [connection.execute(taken).scalar_one()], now_ms)
    what = f"badge {badge.id} of {badge.worker} was taken back by {by}"
    event_log.write(connection, [Event(Severity.INFO, event_log.Kind.BADGE_REVOKED, what)], now_ms)
    _note(connection, Act.BADGE_REVOKED, by, badge.worker_id, {"badge": badge.id}, now_ms, reason)


def wiped(connection: Connection, *, by: str, at: str, now_ms: int) -> None:
    """Put on record that a card was made blank."""
    what = f"a card was made blank by {by} at {at}"
    event_log.write(connection, [Event(Severity.INFO, event_log.Kind.BADGE_WIPED, what)], now_ms)
    audit_log.write(connection, Operator(by), Act.BADGE_WIPED, "card", {"clock": at}, now_ms)


def _note(
    connection: Connection, act: Act, by: str, worker_id: int, detail: dict[str, Any], now_ms: int, reason: str = ""
) -> None:
    audit_log.write(connection, Operator(by, reason), act, ("worker", worker_id), detail, now_ms)


MASK: Final = "••••"


def masked(identifier: bytes) -> str:
    """The last two hexadecimal digits of a UID or number, for a person who must tell two cards apart."""
    return MASK + identifier[-1:].hex()
