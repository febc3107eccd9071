"""Sessions. A session is 256 random bits in a cookie, of which the store has only the SHA-256.

It expires some time after its last page, and some time after its beginning. Signing in, a new password and new codes
start a new one; no session ever gains rights.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, delete, func, insert, or_, select, update

from badgeclock.bridge.store import schema

HOUR_MS: Final = 3_600_000
IDLE_MS: Final = 2 * HOUR_MS
"""A session ends this long after its last page."""
SEEN_NOTED_MS: Final = 5 * 60_000
"""Resolution of the recorded time of the last page."""
KEPT_MS: Final = 24 * HOUR_MS
"""How long a row is kept after its end."""
_SECRET_BYTES: Final = 32
_FORM: Final = re.compile(r"[0-9A-Za-z_-]{43}")


class Session(NamedTuple):
    """A valid session, and the row of its account. `shows_names`: its owner has opened the workers' names."""

    id: int
    account_id: int
    seen_ms: int
    shows_names: bool

    def is_page_unnoted(self, now_ms: int) -> bool:
        """Whether its last recorded page is old enough to record this one."""
        return self.seen_ms <= now_ms - SEEN_NOTED_MS


class Held(NamedTuple):
    """A valid session, as its owner may see it: its start, its last page, its latest end."""

    id: int
    opened_ms: int
    seen_ms: int
    ends_ms: int


def open_session(connection: Connection, account_id: int, hours: int, now_ms: int) -> str:
    """Begin a session that ends after so many hours; returns its secret, which cannot be shown again."""
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    table = schema.sessions
    over = or_(table.c.ended_ms < now_ms - KEPT_MS, table.c.ends_ms < now_ms - KEPT_MS)
    connection.execute(delete(table).where(over))
    connection.execute(
        insert(table).values(
            secret_sha256=_hash(secret),
            account_id=account_id,
            opened_ms=now_ms,
            seen_ms=now_ms,
            ends_ms=now_ms + hours * HOUR_MS,
            shows_names=False,
        )
    )
    connection.execute(update(schema.accounts).where(schema.accounts.c.id == account_id).values(signed_in_ms=now_ms))
    return secret


def find(connection: Connection, secret: str, now_ms: int) -> Session | None:
    """The session of a secret, if it is valid."""
    if not _FORM.fullmatch(secret):
        return None
    table, accounts = schema.sessions, schema.accounts
    row = connection.execute(
        select(table)
        .join(accounts, accounts.c.id == table.c.account_id)
        .where(table.c.secret_sha256 == _hash(secret), accounts.c.ended_ms.is_(None))
    ).one_or_none()
    return _of_row(row) if row is not None and _holds(row, now_ms) else None


def note_page(connection: Connection, session_id: int, now_ms: int) -> None:
    """Record a page request."""
    table = schema.sessions
    connection.execute(update(table).where(table.c.id == session_id).values(seen_ms=now_ms))


def note_names(connection: Connection, session_id: int) -> None:
    """Record that the workers' names were opened."""
    table = schema.sessions
    connection.execute(update(table).where(table.c.id == session_id).values(shows_names=True))


def end(connection: Connection, session_id: int, now_ms: int) -> None:
    """Sign out."""
    table = schema.sessions
    connection.execute(
        update(table).where(table.c.id == session_id, table.c.ended_ms.is_(None)).values(ended_ms=now_ms)
    )


def end_all(connection: Connection, account_id: int, now_ms: int) -> None:
    """Sign an account out everywhere."""
    table = schema.sessions
    connection.execute(
        update(table).where(table.c.account_id == account_id, table.c.ended_ms.is_(None)).values(ended_ms=now_ms)
    )


def held(connection: Connection, account_id: int, now_ms: int) -> list[Held]:
    """The valid sessions of an account, most recently used first."""
    table = schema.sessions
    which = (table.c.account_id == account_id, *_holding(now_ms))
    rows = connection.execute(select(table).where(*which).order_by(table.c.seen_ms.desc()))
    return [Held(row.id, row.opened_ms, row.seen_ms, row.ends_ms) for row in rows]


def counts(connection: Connection, now_ms: int) -> dict[int, int]:
    """The number of valid sessions of each account (by its row)."""
    table = schema.sessions
    found = select(table.c.account_id, func.count()).where(*_holding(now_ms)).group_by(table.c.account_id)
    return dict(connection.execute(found).tuples().all())


def form_token(secret: str) -> str:
    """The token in every form of a session, derived from the secret, so that no other page can submit one."""
    return hmac.digest(secret.encode(), b"form", "sha256").hex()


def _holding(now_ms: int) -> tuple[ColumnElement[bool], ...]:
    table = schema.sessions
    return table.c.ended_ms.is_(None), table.c.ends_ms > now_ms, table.c.seen_ms > now_ms - IDLE_MS


def _holds(row: Any, now_ms: int) -> bool:
    return row.ended_ms is None and now_ms < row.ends_ms and now_ms < row.seen_ms + IDLE_MS


def _of_row(row: Any) -> Session:
    return Session(row.id, row.account_id, row.seen_ms, row.shows_names)


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
