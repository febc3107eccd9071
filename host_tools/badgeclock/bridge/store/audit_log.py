"""The book of acts: who did what, when and why, with the values before and after, without personal data.

Written in the transaction of the act itself. A worker is identified by row number, which means nothing once the row is
erased. The book only grows: the database refuses to change or delete a row, and each row's hash covers the row before,
so that anyone with the newest hash (a backup's manifest, a print-out) can detect a changed history.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row, Select, func, insert, select, text

from badgeclock.bridge import logs
from badgeclock.bridge.errors import AuditError
from badgeclock.bridge.store import schema

REASON_CHARACTERS: Final = 500
NO_ACT: Final = bytes(32)
"""Used as the hash before the first act."""
_OPERATOR_CHARACTERS: Final = 100
_ADVISORY_LOCK: Final = 0x62636163
"""PostgreSQL's lock for one writer of the book at a time: "bcac"."""
ROWS_AT_ONCE: Final = 10_000


class Act(StrEnum):
    """Everything that an operator, or the bridge by its settings, can do to stored data."""

    EMPLOYER_ADDED = "employer_added"
    EMPLOYER_CHANGED = "employer_changed"
    SITE_ADDED = "site_added"
    SITE_CHANGED = "site_changed"
    SITE_KEY_SET = "site_key_set"
    BADGE_KEY_SET = "badge_key_set"
    WORKER_ADDED = "worker_added"
    WORKER_CHANGED = "worker_changed"
    WORKER_ENGAGED = "worker_engaged"
    WORKER_ERASED = "worker_erased"
    WORKER_EXPORTED = "worker_exported"
    BADGE_ASSIGNED = "badge_assigned"
    BADGE_ISSUED = "badge_issued"
    BADGE_REVOKED = "badge_revoked"
    BADGE_WIPED = "badge_wiped"
    PRESENCE_CANCEL_ASKED = "presence_cancel_asked"
    PRESENCE_CORRECTED = "presence_corrected"
    PRESENCE_CLOSED = "presence_closed"
    PRESENCE_KEPT = "presence_kept"
    PRESENCE_REGISTERED = "presence_registered"
    REGISTRATION_PLANNED = "registration_planned"
    REGISTRATION_WITHDRAWN = "registration_withdrawn"
    CORRECTION_FILED = "correction_filed"
    CORRECTION_WRITTEN = "correction_written"
    CORRECTION_DONE = "correction_done"
    CORRECTION_WITHDRAWN = "correction_withdrawn"
    ATTENTION_SETTLED = "attention_settled"
    PUNCH_DECLARED = "punch_declared"
    PUNCH_CLOSED = "punch_closed"
    CLOCK_ADDED = "clock_added"
    CLOCK_RELEASED = "clock_released"
    CLOCK_ORDERED = "clock_ordered"
    CLOCK_SETTINGS_ORDERED = "clock_settings_ordered"
    CLOCK_RETIREMENT_ORDERED = "clock_retirement_ordered"
    CLOCK_ENDED = "clock_ended"
    CLOCK_SILENCED = "clock_silenced"
    CLOCK_SILENCE_ENDED = "clock_silence_ended"
    IMPORTED = "imported"
    PLAN_PUT = "plan_put"
    PLAN_WITHDRAWN = "plan_withdrawn"
    DIMONA_PUT = "dimona_put"
    WORKS_PUT = "works_put"
    TOKEN_MADE = "token_made"  # noqa: S105 - the name of an act
    TOKEN_REVOKED = "token_revoked"  # noqa: S105 - the name of an act
    ACCOUNT_MADE = "account_made"
    ACCOUNT_CHANGED = "account_changed"
    ACCOUNT_ENDED = "account_ended"
    SIGNED_IN = "signed_in"
    NAMES_SHOWN = "names_shown"
    NUMBERS_SHOWN = "numbers_shown"
    LINK_MADE = "link_made"
    LINK_OPENED = "link_opened"
    LINK_REVOKED = "link_revoked"
    HOURS_EXPORTED = "hours_exported"
    DATA_KEY_ADDED = "data_key_added"
    DATA_KEY_RETIRED = "data_key_retired"
    DELETED = "deleted"
    BACKED_UP = "backed_up"
    RESTORED = "restored"


class Operator(NamedTuple):
    """Who acts, and why (empty where the act needs none)."""

    name: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """The result of writing a row: its table's word and number, and whether it is new or which columns changed.

    `before` and `after` have the values of columns that reveal nothing about a person; of the others only the name.
    """

    kind: str
    id: int
    is_new: bool
    changed: tuple[str, ...] = ()
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)

    @property
    def happened(self) -> bool:
        """Whether there is anything to record."""
        return self.is_new or bool(self.changed)


class Book(NamedTuple):
    """A verified book: the number of acts, and the newest hash."""

    acts: int
    head: bytes


def reason(words: str) -> str:
    """A text as it may be recorded, on one line; raises AuditError if it is empty, too long, or contains a national
    number."""
    line = " ".join(words.split())
    if not line or len(line) > REASON_CHARACTERS:
        raise AuditError(
            what=f"a decision needs its reason, in at most {REASON_CHARACTERS} characters",
            kept="everything as it was",
            do="say in a sentence why",
        )
    if logs.masked(line) != line:
        raise AuditError(
            what="the reason looks as if it held a national number, and reasons are kept without limit",
            kept="everything as it was",
            do="name a worker by reference",
        )
    return line


class Note(NamedTuple):
    """An act to be recorded."""

    operator: Operator
    act: Act
    subject: str
    detail: Mapping[str, Any]
    at_ms: int


def write(
    connection: Connection,
    operator: Operator,
    act: Act,
    subject: tuple[str, int] | str,
    detail: Mapping[str, Any],
    now_ms: int,
) -> None:
    """Record an act, in the open transaction. `subject` is a kind and a row ("worker", 12) or a word ("store").

    `detail` has numbers, texts, and lists and mappings of them; nothing in it may identify a person.
    """
    about = subject if isinstance(subject, str) else f"{subject[0]} {subject[1]}"
    write_all(connection, [Note(operator, act, about, detail, now_ms)])


def write_change(
    connection: Connection, operator: Operator, change: Change, added: Act, changed: Act, now_ms: int
) -> None:
    """Record the change of a written row, if there is any."""
    if change.happened:
        write_all(connection, [note_of(operator, change, added, changed, now_ms)])


def note_of(operator: Operator, change: Change, added: Act, changed: Act, now_ms: int) -> Note:
    """The act to record for a written row."""
    detail: dict[str, Any] = {"changed": list(change.changed)} if change.changed else {}
    detail |= {"before": _plain(change.before)} if change.before else {}
    detail |= {"after": _plain(change.after)} if change.after else {}
    return Note(operator, added if change.is_new else changed, f"{change.kind} {change.id}", detail, now_ms)


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values for JSON."""
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in values.items()}


def write_all(connection: Connection, notes: Sequence[Note]) -> None:
    """Record acts in order, in the open transaction; many cost little more than one."""
    if not notes:
        return
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
    head = newest_hash(connection)
    rows = []
    for note in notes:
        values = {
            "at_ms": note.at_ms,
            "operator": note.operator.name[:_OPERATOR_CHARACTERS],
            "act": note.act.value,
            "subject": note.subject,
            "reason": reason(note.operator.reason) if note.operator.reason else "",
            "detail": dict(note.detail),
        }
        head = _hash(head, values)
        rows.append({**values, "hash": head})
    connection.execute(insert(schema.acts), rows)


def newest_hash(connection: Connection) -> bytes:
    """The hash of the newest act, unverified."""
    table = schema.acts
    return connection.execute(select(table.c.hash).order_by(table.c.id.desc()).limit(1)).scalar() or NO_ACT


def _hash(before: bytes, values: Mapping[str, Any]) -> bytes:
    """SHA-256 over the previous hash and the row's own values, in one canonical JSON."""
    words = [values[name] for name in ("at_ms", "operator", "act", "subject", "reason", "detail")]
    canonical = json.dumps(words, ensure_ascii=True, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(before + canonical.encode()).digest()


def verify(connection: Connection, known_head: bytes | None = None) -> Book:
    """Check every act against the one before; raises AuditError at the first that was changed.

    With `known_head`, the hash of an act noted earlier, that act must be among them: nothing up to it is missing.
    """
    return _verified(_pages(lambda: nullcontext(connection)), known_head)


def verify_in_use(reading: Callable[[], AbstractContextManager[Connection]], known_head: bytes | None = None) -> Book:
    """The same for a store in use, a page per transaction: acts are added and never changed."""
    return _verified(_pages(reading), known_head)


def _pages(reading: Callable[[], AbstractContextManager[Connection]]) -> Iterator[Row[Any]]:
    """Every act, oldest first."""
    table, after = schema.acts, None
    while True:
        wanted = select(table).order_by(table.c.id).limit(ROWS_AT_ONCE)
        with reading() as connection:
            page = connection.execute(wanted if after is None else wanted.where(table.c.id > after)).all()
        yield from page
        if len(page) < ROWS_AT_ONCE:
            return
        after = page[-1].id


def _verified(acts: Iterable[Row[Any]], known_head: bytes | None) -> Book:
    head, count = NO_ACT, 0
    seen = known_head in {None, NO_ACT}
    for row in acts:
        if row.hash != _hash(head, row._asdict()):
            raise AuditError(
                what=f"act {row.id} is not as it was written, or the one before it is missing",
                kept=f"the {count} acts before it hold",
                do="compare with a backup; find out who can write to the database",
            )
        head, count = row.hash, count + 1
        seen = seen or head == known_head
    if not seen:
        raise AuditError(
            what="the act that was noted earlier is not in the book: acts were cut off, or it is another store's",
            kept=f"the {count} acts that are there hold together",
            do="compare with a backup; find out who can write to the database",
        )
    return Book(count, head)


def newest(connection: Connection) -> Book:
    """How many acts there are and the newest hash, unverified."""
    count = connection.execute(select(func.count()).select_from(schema.acts)).scalar_one()
    return Book(count, newest_hash(connection))


def listing(connection: Connection, after: int, limit: int, subject: str | None = None) -> list[dict[str, Any]]:
    """Acts after a number, oldest first; only those of `subject`, as "worker 12". Workers are named while known."""
    table = schema.acts
    wanted = select(table).where(table.c.id > after).order_by(table.c.id).limit(limit)
    if subject is not None:
        wanted = wanted.where(table.c.subject == subject)
    return _described(connection, connection.execute(wanted).all())


def newest_first(
    connection: Connection,
    before: int | None,
    limit: int,
    *,
    operator: str | None = None,
    act: Act | None = None,
    subject: str | None = None,
) -> list[dict[str, Any]]:
    """The newest acts before a number (None: of all), newest first; only of one operator, kind or subject."""
    table = schema.acts
    of = [
        column == value
        for column, value in ((table.c.operator, operator), (table.c.act, act), (table.c.subject, subject))
        if value is not None
    ]
    if not of:
        return _described(connection, _newest_of_all(connection, before, limit))
    wanted = select(table).where(*of).order_by(table.c.id.desc()).limit(limit)
    if before is not None:
        wanted = wanted.where(table.c.id < before)
    return _described(connection, connection.execute(wanted).all())


def _newest_of_all(connection: Connection, before: int | None, limit: int) -> Sequence[Any]:
    table = schema.acts
    wanted = select(table).order_by(table.c.id.desc()).limit(limit)
    return connection.execute(wanted if before is None else wanted.where(table.c.id < before)).all()


def _described(connection: Connection, rows: Sequence[Any]) -> list[dict[str, Any]]:
    names = _names(connection, {row.subject for row in rows})
    return [
        {
            "id": row.id,
            "at_ms": row.at_ms,
            "operator": row.operator,
            "act": row.act,
            "subject": row.subject,
            "name": names.get(row.subject),
            "reason": row.reason,
            "detail": row.detail,
            "hash": row.hash.hex(),
        }
        for row in rows
    ]


def _names(connection: Connection, subjects: set[str]) -> dict[str, str]:
    """By subject, the row's present name."""
    found: dict[str, str] = {}
    called = {
        "worker": (schema.workers.c.id, schema.workers.c.reference),
        "site": (schema.sites.c.id, schema.sites.c.name),
        "employer": (schema.employers.c.id, schema.employers.c.kbo),
        "clock": (schema.clocks.c.id, schema.clocks.c.name),
        "token": (schema.api_tokens.c.id, schema.api_tokens.c.name),
        "account": (schema.accounts.c.id, schema.accounts.c.name),
    }
    for kind, (number, name) in called.items():
        rows = {int(subject.split()[1]) for subject in subjects if subject.startswith(f"{kind} ")}
        statement: Select[tuple[int, str]] = select(number, name).where(number.in_(rows))
        if rows:
            found |= {f"{kind} {row[0]}": row[1] for row in connection.execute(statement)}
    return found
