"""Links that open one page to anyone who has them, and expire: a site's list for an inspector on site, or a worker's
own registrations.

A link is 256 random bits in an address, of which the store has only the SHA-256. It is made for one site or one worker,
for a number of hours, with a reason; it can be ended at any time. Making it, and opening data that only its page shows,
are acts in the book.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from enum import StrEnum
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, select, update

from badgeclock.bridge.errors import PeopleError
from badgeclock.bridge.people import sites
from badgeclock.bridge.people.rows import add_row, named
from badgeclock.bridge.store import audit_log, schema
from badgeclock.bridge.store.audit_log import Act, Operator

HOURS_MOST: Final = 24 * 31
_HOUR_MS: Final = 3_600_000
_USE_NOTED_MS: Final = 60_000
"""Resolution of the recorded last use."""
_SECRET_BYTES: Final = 32
_FORM: Final = re.compile(r"[0-9A-Za-z_-]{43}")


class Kind(StrEnum):
    """What a link opens."""

    INSPECTOR = "inspector"
    """The people at a site now, for an inspector."""
    WORKER = "worker"
    """A worker's own registrations and hours."""


class Wanted(NamedTuple):
    """The site or the worker (the office's reference), and the number of hours."""

    site: str | None
    worker: str | None
    hours: int


class Link(NamedTuple):
    """A valid link: its row, what it opens, the row of its site or worker, its maker, and when it ends."""

    id: int
    kind: Kind
    site_id: int | None
    worker_id: int | None
    made_by: str
    ends_ms: int
    used_ms: int | None

    @property
    def operator(self) -> Operator:
        """The actor through it, as recorded in the book of acts."""
        return Operator(f"link {self.id} ({self.kind})", f"given out by {self.made_by}")

    def is_use_unnoted(self, now_ms: int) -> bool:
        """Whether its last recorded use is old enough to record this one."""
        return self.used_ms is None or self.used_ms <= now_ms - _USE_NOTED_MS


def make(connection: Connection, wanted: Wanted, operator: Operator, now_ms: int) -> str:
    """Make a link, with its reason; returns its secret, which cannot be shown again. Raises PeopleError, AuditError."""
    why = audit_log.reason(operator.reason)
    if (wanted.site is None) == (wanted.worker is None):
        raise PeopleError("a link is for a site, or for a worker", "name one of them")
    if not 1 <= wanted.hours <= HOURS_MOST:
        raise PeopleError(f"a link lasts from 1 to {HOURS_MOST} hours", "choose fewer")
    of: dict[str, Any]
    if wanted.site is not None:
        of = {"kind": Kind.INSPECTOR, "site_id": sites.row_id(connection, wanted.site)}
    else:
        of = {"kind": Kind.WORKER, "worker_id": _worker(connection, wanted.worker or "")}
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    ends_ms = now_ms + wanted.hours * _HOUR_MS
    values = {"made_by": operator.name, "why": why, "made_ms": now_ms, "ends_ms": ends_ms}
    number = add_row(connection, schema.links, secret_sha256=_hash(secret), **of, **values)
    detail = {"link": number, "kind": of["kind"].value, "ends_ms": ends_ms}
    audit_log.write(connection, operator, Act.LINK_MADE, _subject(of), detail, now_ms)
    return secret


def find(connection: Connection, secret: str, now_ms: int) -> Link | None:
    """The link of a secret, if it is valid."""
    if not _FORM.fullmatch(secret):
        return None
    table = schema.links
    row = connection.execute(
        select(table).where(
            table.c.secret_sha256 == _hash(secret), table.c.ends_ms > now_ms, table.c.revoked_ms.is_(None)
        )
    ).one_or_none()
    if row is None:
        return None
    return Link(row.id, Kind(row.kind), row.site_id, row.worker_id, row.made_by, row.ends_ms, row.used_ms)


def note_use(connection: Connection, link: Link, now_ms: int) -> None:
    """Record the use of a link."""
    table = schema.links
    connection.execute(update(table).where(table.c.id == link.id).values(used_ms=now_ms))


def revoke(connection: Connection, number: int, operator: Operator, now_ms: int) -> None:
    """End a link at once. Raises PeopleError if there is no valid one of that number."""
    table = schema.links
    row = connection.execute(
        select(table).where(table.c.id == number, table.c.ends_ms > now_ms, table.c.revoked_ms.is_(None))
    ).one_or_none()
    if row is None:
        raise PeopleError(f"link {number} has ended already, or there is none", "look at the list of links")
    connection.execute(update(table).where(table.c.id == number).values(revoked_ms=now_ms))
    of = {"site_id": row.site_id} if row.site_id is not None else {"worker_id": row.worker_id}
    audit_log.write(connection, operator, Act.LINK_REVOKED, _subject(of), {"link": number}, now_ms)


def listing(connection: Connection, now_ms: int) -> list[Any]:
    """The valid links, by their end, with `site` and `worker` by name and reference."""
    table, of_sites, workers = schema.links, schema.sites, schema.workers
    return list(
        connection.execute(
            select(table, of_sites.c.name.label("site"), workers.c.reference.label("worker"))
            .outerjoin(of_sites, of_sites.c.id == table.c.site_id)
            .outerjoin(workers, workers.c.id == table.c.worker_id)
            .where(table.c.ends_ms > now_ms, table.c.revoked_ms.is_(None))
            .order_by(table.c.ends_ms, table.c.id)
        ).all()
    )


def _subject(of: dict[str, Any]) -> tuple[str, int]:
    return ("site", of["site_id"]) if of.get("site_id") is not None else ("worker", of["worker_id"])


def _worker(connection: Connection, reference: str) -> int:
    table = schema.workers
    found = connection.execute(select(table.c.id).where(named(table.c.reference, reference))).scalar()
    if found is None:
        raise PeopleError(f"there is no worker {reference!r}", "look at your own personnel list")
    return int(found)


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
