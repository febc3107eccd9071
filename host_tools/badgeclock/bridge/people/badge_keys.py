"""A site's keys for badges: the key of its tokens, and the root of the keys on its own badges."""

from __future__ import annotations

import secrets
from enum import IntEnum
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, bindparam, func, select, update

from badgeclock.badges.card import NUMBER_BYTES
from badgeclock.badges.keys import ISSUE_BYTES, ROOT_BYTES, Root
from badgeclock.bridge.errors import PeopleError
from badgeclock.bridge.people import sites
from badgeclock.bridge.store import event_log, schema
from badgeclock.bridge.store.audit_log import Change
from badgeclock.bridge.store.event_log import Event, Severity
from badgeclock.bridge.store.states import ClockState
from badgeclock.bridge.store.vault import BADGE_ROOT, SITE_KEY, Vault
from badgeclock.protocol import seal

NUMBER_PROVED: Final = 2
UID_READ: Final = 1
"""What a token is derived from (docs/protocol.md): the number of a badge that proved itself, or a UID."""


class Form(IntEnum):
    """What the keys of a card that proves itself are derived from (docs/badges.md §4)."""

    BY_UID_ALONE = 1
    BY_ISSUE = 2


class WrittenCard(NamedTuple):
    """A card that the desk wrote or read: its true UID, the random bytes of its issue (none: form 1)."""

    uid: bytes
    issue: bytes

    @property
    def form(self) -> Form:
        """What its keys are derived from."""
        return Form.BY_ISSUE if self.issue else Form.BY_UID_ALONE


class Tokens(NamedTuple):
    """The tokens of one badge: with all keys of its site; with all but the last, while the clocks are getting that one
    (else None); and the earlier ones, newest last, under which punches of the unassigned badge may still wait.
    """

    now: bytes
    before: bytes | None = None
    earlier: tuple[bytes, ...] = ()


class SiteKeys(NamedTuple):
    """The keys of one site, by its row: `site_key` has 32 bytes for each key so far."""

    site_id: int
    site_key: bytes
    root: Root
    is_changing: bool

    def number_token(self, number: bytes) -> bytes:
        """Token of a badge that proves itself by this number."""
        return seal.badge_token(self.site_key, NUMBER_PROVED, number)

    def number_tokens(self, number: bytes) -> Tokens:
        """The same, with the earlier ones."""
        return tokens(self.site_key, NUMBER_PROVED, number, is_changing=self.is_changing)

    def uid_token(self, uid: bytes) -> bytes:
        """Token of a badge by its UID."""
        return seal.badge_token(self.site_key, UID_READ, uid)


def tokens(site_keys: bytes, badge_type: int, badge_id: bytes, *, is_changing: bool) -> Tokens:
    """Every token that a site's clocks may have made for a badge."""
    ends = range(sites.SITE_KEY_BYTES, len(site_keys) + 1, sites.SITE_KEY_BYTES)
    *earlier, now = (seal.badge_token(site_keys[:end], badge_type, badge_id) for end in ends)
    return Tokens(now, earlier[-1] if earlier and is_changing else None, tuple(earlier))


def give_site_key(connection: Connection, vault: Vault, name: str, site_keys: bytes, by: str, now_ms: int) -> Change:
    """Give the bridge a site's key, as `sites.set_key`; or one more key, which begins a key change.

    From then on a badge has two tokens: the bridge accepts both, and each clock gets a roster of the ones it makes. The
    badge keeps its history at the site. Raises PeopleError while an earlier change is in progress.
    """
    table = schema.sites
    row = sites.find_row(connection, name)
    had = b"" if row is None or row.site_key_closed is None else vault.open(SITE_KEY, row.name, row.site_key_closed)
    if row is None or not had or site_keys[: len(had)] != had or len(site_keys) != len(had) + sites.SITE_KEY_BYTES:
        return sites.set_key(connection, vault, name, site_keys)
    if row.key_changed_ms is not None:
        raise PeopleError(
            f"the site {name!r} is at the change of its key before this one",
            "bring that to every clock, then `badgeclock bridge site set --forget-old-key`",
        )
    badges = schema.badges
    _raise_tokens(connection, row.id, site_keys[len(had) :])
    values = {
        "site_key_closed": vault.close(SITE_KEY, row.name, site_keys),
        "site_keys": row.site_keys + 1,
        "key_changed_ms": now_ms,
    }
    connection.execute(update(table).where(table.c.id == row.id).values(values))
    count = connection.execute(select(func.count()).where(badges.c.site_id == row.id)).scalar_one()
    what = f"{by} began to change the key of the site {name}: {count} badges have two tokens meanwhile"
    event_log.write(connection, [Event(Severity.INFO, event_log.Kind.SITE_KEY_CHANGED, what)], now_ms)
    return Change("site", row.id, is_new=False, changed=("site_key",))


def _raise_tokens(connection: Connection, site_id: int, key: bytes) -> None:
    """Give every present and past badge of a site its token under the new key."""
    table = schema.badges
    rows = connection.execute(select(table.c.id, table.c.token, table.c.card).where(table.c.site_id == site_id)).all()
    raised = [
        {
            "at": row.id,
            "token": seal.raised_token(key, row.token),
            "token_before": row.token,
            "card": None if row.card is None else seal.raised_token(key, row.card),
        }
        for row in rows
    ]
    if raised:
        columns: dict[str, Any] = {name: bindparam(name) for name in ("token", "token_before", "card")}
        connection.execute(update(table).where(table.c.id == bindparam("at")).values(columns), raised)


def without_last_key(connection: Connection, site_id: int) -> list[str]:
    """The clocks of a site that, as far as reported, do not make tokens with its last key yet."""
    clocks, table = schema.clocks, schema.sites
    behind = (
        select(clocks.c.name)
        .join(table, table.c.id == clocks.c.site_id)
        .where(table.c.id == site_id, clocks.c.state != ClockState.RETIRED, clocks.c.site_keys < table.c.site_keys)
        .order_by(clocks.c.name)
    )
    return list(connection.execute(behind).scalars())


def forget_old_key(connection: Connection, name: str, by: str, now_ms: int) -> bool:
    """End the change of a site's key: badges have one token again. False if none is in progress; raises PeopleError
    while a clock of the site lacks the new key.
    """
    table, badges = schema.sites, schema.badges
    row = sites.find_row(connection, name)
    if row is None:
        raise sites.no_site(name)
    if row.key_changed_ms is None:
        return False
    behind = without_last_key(connection, row.id)
    if behind:
        raise PeopleError(
            f"{', '.join(behind)} of {name!r} still make tokens without the new key",
            "provision each once more with the workshop's new key, or retire it",
        )
    connection.execute(update(badges).where(badges.c.site_id == row.id).values(token_before=None))
    connection.execute(update(table).where(table.c.id == row.id).values(key_changed_ms=None))
    what = f"{by} ended the change of the key of the site {name}: its clocks all have the new one"
    event_log.write(connection, [Event(Severity.INFO, event_log.Kind.SITE_KEY_CHANGED, what)], now_ms)
    return True


def set_badge_root(connection: Connection, vault: Vault, site: str, root: bytes, now_ms: int) -> bool:
    """Give the bridge the root of a site's badges, 32 bytes. With a different one, no existing card of the site can
    prove itself.

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
    """The keys of a site, by its row; raises PeopleError if the bridge does not have its badge key."""
    table = schema.sites
    row = connection.execute(select(table).where(table.c.id == site_id)).one()
    if row.badge_root_closed is None:
        raise PeopleError(
            f"the bridge has no badge key of the site {row.name!r}",
            "give it with `badgeclock bridge site set --badge-key`",
        )
    root = Root(vault.open(BADGE_ROOT, row.name, row.badge_root_closed))
    return SiteKeys(row.id, sites.key_of(vault, row), root, is_changing=row.key_changed_ms is not None)


def new_number(connection: Connection, keys: SiteKeys) -> bytes:
    """A new badge number, 8 random bytes, unique at the site."""
    table = schema.badges
    while True:
        number = secrets.token_bytes(NUMBER_BYTES)
        known = (table.c.site_id == keys.site_id) & (table.c.token == keys.number_token(number))
        if connection.execute(select(table.c.id).where(known)).first() is None:
            return number


def new_issue() -> bytes:
    """The random bytes of an issue, 8, from which its card's keys are derived."""
    return secrets.token_bytes(ISSUE_BYTES)
