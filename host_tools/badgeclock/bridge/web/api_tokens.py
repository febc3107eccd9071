"""Tokens of programs that use the planning interface: their names, and their rights.

A token is shown once, when it is made; the store has only its SHA-256. It is 256 random bits, so a plain hash is enough
(it cannot be guessed). Each has scopes, a reach (`reach.py`), an end, and a rate limit.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, insert, select, update

from badgeclock.bridge.errors import PeopleError
from badgeclock.bridge.store import audit_log, schema
from badgeclock.bridge.store.audit_log import Act, Operator
from badgeclock.bridge.web.reach import EVERYTHING, Reach, names_of, of_stored

DAY_MS: Final = 86_400_000
USED_NOTED_MS: Final = 3_600_000
"""Resolution of a token's recorded last use."""
_SECRET_BYTES: Final = 32
_FORM: Final = re.compile(r"bct_([1-9][0-9]{0,17})_([0-9A-Za-z_-]{43})")
_NAME: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z ._-]{0,63}")


class Scope(StrEnum):
    """What a token may do."""

    PLANNING_READ = "planning:read"
    """See employers, sites, workers (by reference) and badges (by row)."""
    PLANNING_WRITE = "planning:write"
    """Add and change them."""
    PRESENCES_READ = "presences:read"
    """See presences and their reception numbers, by worker's reference."""
    STATUS_READ = "status:read"
    """See `/api`, if the bridge's port is reachable from other machines."""


class Token(NamedTuple):
    """A valid token."""

    id: int
    name: str
    scopes: frozenset[Scope]
    used_ms: int | None
    reach: Reach = EVERYTHING

    def is_use_unnoted(self, now_ms: int) -> bool:
        """Whether its last recorded use is old enough to record this one."""
        return self.used_ms is None or self.used_ms <= now_ms - USED_NOTED_MS


def make(
    connection: Connection,
    name: str,
    scopes: Sequence[Scope],
    days: int,
    operator: Operator,
    now_ms: int,
    reach: Reach = EVERYTHING,
) -> str:
    """Make a token that ends after so many days; returns it, which cannot be shown again."""
    if not _NAME.fullmatch(name):
        raise PeopleError("a token's name has 1 to 64 letters, digits, blanks and . _ -", "name the program it is for")
    if not scopes:
        raise PeopleError("a token needs a scope", f"give it one of {', '.join(Scope)}")
    if not reach.is_everything and Scope.STATUS_READ in scopes:
        raise PeopleError(
            f"{Scope.STATUS_READ} shows the bridge as a whole, so that it cannot be for some sites or employers alone",
            "make its own token for it, which reaches everything",
        )
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    table = schema.api_tokens
    values = {
        "name": name,
        "secret_sha256": _hash(secret),
        "scopes": sorted(set(scopes)),
        "reach": reach.stored(),
        "made_by": operator.name,
        "made_ms": now_ms,
        "ends_ms": now_ms + days * DAY_MS,
    }
    number = connection.execute(insert(table).values(values).returning(table.c.id)).scalar_one()
    detail: dict[str, Any] = {"name": name, "scopes": values["scopes"], "days": days}
    if not reach.is_everything:
        detail["reach"] = names_of(connection, reach.stored())
    audit_log.write(connection, operator, Act.TOKEN_MADE, ("token", number), detail, now_ms)
    return f"bct_{number}_{secret}"


def revoke(connection: Connection, number: int, operator: Operator, now_ms: int) -> str:
    """End a token, by its row, at once; returns its name. Raises PeopleError if it does not exist, or has ended."""
    table = schema.api_tokens
    row = connection.execute(select(table).where(table.c.id == number)).one_or_none()
    if row is None or row.revoked_ms is not None:
        raise PeopleError(f"there is no token {number} to revoke", "look at `badgeclock bridge token list`")
    connection.execute(update(table).where(table.c.id == number).values(revoked_ms=now_ms))
    audit_log.write(connection, operator, Act.TOKEN_REVOKED, ("token", number), {"name": row.name}, now_ms)
    return str(row.name)


def has_form(presented: str) -> bool:
    """Whether a text has the form of a token; others are rejected without reading the store."""
    return _FORM.fullmatch(presented) is not None


def find(connection: Connection, presented: str, now_ms: int) -> Token | None:
    """The presented token; None if it is unknown, has ended or was revoked."""
    form = _FORM.fullmatch(presented)
    if form is None:
        return None
    table = schema.api_tokens
    row = connection.execute(select(table).where(table.c.id == int(form[1]))).one_or_none()
    if row is None or not hmac.compare_digest(row.secret_sha256, _hash(form[2])):
        return None
    if row.revoked_ms is not None or row.ends_ms <= now_ms:
        return None
    return Token(row.id, row.name, frozenset(map(Scope, row.scopes)), row.used_ms, of_stored(row.reach))


def note_use(connection: Connection, token: Token, now_ms: int) -> None:
    """Record the use of a token."""
    table = schema.api_tokens
    connection.execute(update(table).where(table.c.id == token.id).values(used_ms=now_ms))


def listing(connection: Connection) -> list[dict[str, Any]]:
    """Every token so far, without its hash; with the names of sites and numbers of employers in its reach."""
    table = schema.api_tokens
    return [
        {name: value for name, value in row._asdict().items() if name != "secret_sha256"}
        | {"reach": names_of(connection, row.reach)}
        for row in connection.execute(select(table).order_by(table.c.id))
    ]


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


class RateBound:
    """A rate limit per client: so many requests a minute, and as many at once; one client's excess does not affect
    others."""

    def __init__(self, a_minute: int, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._a_second = a_minute / 60
        self._most = float(a_minute)
        self._clock_s = clock_s
        self._left: dict[int, tuple[float, float]] = {}

    def wait_s(self, asker: int) -> float:
        """0 if the client (a token's row; 0 without one) may proceed, else the seconds until it may."""
        now = self._clock_s()
        left, since = self._left.get(asker, (self._most, now))
        left = min(self._most, left + (now - since) * self._a_second)
        allowed = left >= 1
        self._left[asker] = (left - 1 if allowed else left, now)
        return 0.0 if allowed else (1 - left) / self._a_second
