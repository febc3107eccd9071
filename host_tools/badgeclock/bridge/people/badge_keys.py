"""The keys of a site that badges are known by: the key of its tokens, and the root of the keys on its own badges."""

from __future__ import annotations

import secrets
from enum import IntEnum
from typing import Final, NamedTuple

from sqlalchemy import Connection, select, update

from badgeclock.badges.card import NUMBER_BYTES
from badgeclock.badges.keys import ISSUE_BYTES, ROOT_BYTES, Root
from badgeclock.bridge.errors import PeopleError
from badgeclock.bridge.people import sites
from badgeclock.bridge.store import event_log, schema
from badgeclock.bridge.store.event_log import Event, Severity
from badgeclock.bridge.store.vault import BADGE_ROOT, Vault
from badgeclock.protocol import seal

NUMBER_PROVED: Final = 2
UID_READ: Final = 1
"""What a token is made of (docs/protocol.md): the number of a badge that proved itself, or a UID that was read."""


class Form(IntEnum):
    """What the keys of a card that proves itself are made of (docs/badges.md §4)."""

    BY_UID_ALONE = 1
    BY_ISSUE = 2


class WrittenCard(NamedTuple):
    """A card that the desk wrote or read: its true UID, the random bytes of its issue (none: form 1)."""

    uid: bytes
    issue: bytes

    @property
    def form(self) -> Form:
        """What its keys are made of."""
        return Form.BY_ISSUE if self.issue else Form.BY_UID_ALONE


class SiteKeys(NamedTuple):
    """The keys of one site, by its row."""

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
    """Give the bridge the root of a site's badges, 32 bytes. Under another one no card of the site proves itself.

    Returns False if it is the same.
    """
    if len(root) != ROOT_BYTES:
        raise PeopleError("a badge key has 32 bytes", "give the site's .badge.key file of the workshop")
    table = schema.sites
    row = sites.find_row(connection, site)
    if row is None:
        raise sites.no_site(site)
    before = None if row.badge_root_closed is None else vault.open(BADGE_ROOT, row.name, row.badge_root_closed)
    if before == root:
        return False
    closed = vault.close(BADGE_ROOT, row.name, root)
    connection.execute(update(table).where(table.c.id == row.id).values(badge_root_closed=closed))
    what = f"the site {site} has {'a' if before is None else 'another'} badge key"
    event_log.write(connection, [Event(Severity.INFO, event_log.Kind.BADGE_KEY_SET, what)], now_ms)
    return True


def site_keys_of(connection: Connection, vault: Vault, site_id: int) -> SiteKeys:
    """The keys of a site, by its row; raises PeopleError if the bridge was not given its badge key."""
    table = schema.sites
    row = connection.execute(select(table).where(table.c.id == site_id)).one()
    if row.badge_root_closed is None:
        raise PeopleError(
            f"the bridge has no badge key of the site {row.name!r}",
            "give it with `badgeclock bridge site set --badge-key`",
        )
    root = Root(vault.open(BADGE_ROOT, row.name, row.badge_root_closed))
    return SiteKeys(row.id, sites.key_of(vault, row), root)


def new_number(connection: Connection, keys: SiteKeys) -> bytes:
    """A badge number, 8 random bytes, that no badge of the site ever had."""
    table = schema.badges
    while True:
        number = secrets.token_bytes(NUMBER_BYTES)
        known = (table.c.site_id == keys.site_id) & (table.c.token == keys.number_token(number))
        if connection.execute(select(table.c.id).where(known)).first() is None:
            return number


def new_issue() -> bytes:
    """The random bytes of an issue, 8, which its card's keys are made with."""
    return secrets.token_bytes(ISSUE_BYTES)
