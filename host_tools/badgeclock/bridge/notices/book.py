"""The notices sent so far, and the letters to be sent, in the store.

News that comes and news that is over make one letter for each recipient, in the transaction that writes them down: each
gets one notice, even across restarts. A letter is retried, with growing pauses, for a day; its id stays the same, so
that a recipient can recognise a duplicate.
"""

from __future__ import annotations

import hashlib
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, delete, func, insert, select, text, update

from badgeclock.bridge.notices.news import OF_REASON, Current, Kind, News
from badgeclock.bridge.store import schema

LINES_MOST: Final = 40
"""Lines of a letter; further ones are only counted."""
ITEMS_MOST: Final = 20
"""Items of a line that a webhook gets."""
LETTERS_MOST: Final = 16
"""Sent at once."""
FIRST_PAUSE_MS: Final = 60_000
LONGEST_PAUSE_MS: Final = 3_600_000
GIVE_UP_MS: Final = 86_400_000
KEEP_MS: Final = 31 * 86_400_000
"""How long ended notices and finished letters are kept."""
_DELETED_MOST: Final = 500


class Channel(StrEnum):
    """The channel of a notice."""

    EMAIL = "email"
    WEBHOOK = "webhook"


class Outcome(StrEnum):
    """How a letter ended."""

    SENT = "sent"
    GIVEN_UP = "given up"
    WITHDRAWN = "withdrawn"
    """Its recipient is no longer in the settings."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """A recipient; `address` is an e-mail address, or the webhook's URL."""

    channel: Channel
    address: str

    @property
    def mark(self) -> str:
        """Its name in the store."""
        return hashlib.sha256(f"{self.channel} {self.address}".encode()).hexdigest()[:24]


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter that is due. `uid` is the same at each try."""

    id: int
    uid: str
    channel: Channel
    recipient: str
    body: Mapping[str, Any]
    made_ms: int
    tries: int


def write(connection: Connection, found: Current, recipients: Sequence[Recipient], now_ms: int) -> int:
    """Record new and ended items, with a letter for each recipient if there are any; returns the number of letters."""
    table = schema.notices
    open_rows = connection.execute(select(table).where(_is_open())).all()
    known = {row.key for row in open_rows}
    come = [one for key, one in found.news.items() if key not in known]
    silent = [row for row in open_rows if row.until_ms is not None and row.until_ms <= now_ms]
    gone = [
        row
        for row in open_rows
        if row not in silent and row.kind != Kind.SUMMARY and found.is_over(row.key, row.about["reason"])
    ]
    for some in _portions([row.id for row in (*silent, *gone)]):
        connection.execute(update(table).where(table.c.id.in_(some)).values(over_ms=now_ms))
    if come:
        connection.execute(insert(table), [_row(one, now_ms) for one in come])
    superseded = _steps_of({(one.about()["name"], one.item) for one in come if one.kind is Kind.CERTIFICATE})
    over = [row for row in gone if (row.kind, row.about["name"], row.about["item"]) not in superseded]
    if not come and not over:
        return 0
    body = {
        "kind": "notices",
        "new": lines_of((one.kind, one.about()) for one in come),
        "over": lines_of((Kind(row.kind), row.about) for row in over),
    }
    return _post(connection, body, recipients, now_ms)


def _steps_of(certificates: Iterable[tuple[str, str]]) -> set[tuple[str, str, str]]:
    """Certificates that reached their next step: the step before is replaced, not over."""
    return {(Kind.CERTIFICATE.value, name, item) for name, item in certificates}


def summarise(
    connection: Connection,
    waiting: Mapping[str, int],
    day: str,
    until_ms: int,
    recipients: Sequence[Recipient],
    now_ms: int,
) -> int:
    """The daily summary: the number of open items by reason; none when nothing is open. Once a day; returns the number
    of letters."""
    if is_summarised(connection, day):
        return 0
    table = schema.notices
    counts = {reason: number for reason, number in waiting.items() if number}
    news = [
        News(OF_REASON.get(reason) or Kind.WAITS, "", name=reason, reason=reason, number=number)
        for reason, number in counts.items()
    ]
    connection.execute(insert(table), [_row(News(Kind.SUMMARY, _of_day(day), until_ms=until_ms), now_ms)])
    if not counts:
        return 0
    body = {"kind": "summary", "new": lines_of((one.kind, one.about()) for one in news), "over": [], "day": day}
    return _post(connection, body, recipients, now_ms)


def is_summarised(connection: Connection, day: str) -> bool:
    """Whether that day's summary was made."""
    table = schema.notices
    made = connection.execute(select(table.c.id).where(_is_open(), table.c.key == _of_day(day))).first()
    return made is not None


def _of_day(day: str) -> str:
    return f"{Kind.SUMMARY}/{day}"


def lines_of(news: Iterable[tuple[Kind, Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """News of one kind about one site, clock or certificate as one line; at most LINES_MOST, and one with the count of
    the rest."""
    lines: dict[tuple[str, ...], dict[str, Any]] = {}
    beyond = 0
    for kind, about in news:
        key = (kind, about["site"], about["clock"], about["name"], about["item"] if kind is Kind.CERTIFICATE else "")
        line = lines.get(key)
        if line is None:
            if len(lines) == LINES_MOST:
                beyond += about["number"]
                continue
            line = lines[key] = {
                "kind": kind.value,
                **{name: about[name] for name in ("site", "clock", "name", "days")},
                "number": 0,
                "items": [],
            }
        line["number"] += about["number"]
        if about["item"] and len(line["items"]) < ITEMS_MOST:
            line["items"].append(about["item"])
    found = list(lines.values())
    if beyond:
        more: dict[str, Any] = dict.fromkeys(("site", "clock", "name"), "")
        found.append({"kind": "more", **more, "days": None, "number": beyond, "items": []})
    return found


def due(connection: Connection, now_ms: int) -> list[Letter]:
    """The letters to send now, oldest first."""
    table = schema.letters
    rows = connection.execute(
        select(table).where(_is_under_way(), table.c.due_ms <= now_ms).order_by(table.c.due_ms).limit(LETTERS_MOST)
    )
    return [
        Letter(row.id, row.uid, Channel(row.channel), row.recipient, row.body, row.made_ms, row.tries) for row in rows
    ]


def claim(connection: Connection, letter: Letter, now_ms: int) -> bool:
    """Claim a due letter, so that no other process sends it; returns whether it was still due. If the claimer fails
    before it notes the result, anyone may send the letter after the first pause.
    """
    table = schema.letters
    still = (table.c.id == letter.id, _is_under_way(), table.c.due_ms <= now_ms)
    taken = connection.execute(update(table).where(*still).values(due_ms=now_ms + FIRST_PAUSE_MS))
    return taken.rowcount == 1


def note(connection: Connection, letter: Letter, outcome: Outcome | None, now_ms: int) -> Outcome | None:
    """Note the result of a try: its outcome, or None for one that failed and is retried. Returns the letter's
    outcome."""
    table = schema.letters
    if outcome is None and now_ms - letter.made_ms >= GIVE_UP_MS:
        outcome = Outcome.GIVEN_UP
    values: dict[str, Any] = {"tries": letter.tries + 1}
    if outcome is None:
        values["due_ms"] = now_ms + min(FIRST_PAUSE_MS * 2 ** min(letter.tries, 10), LONGEST_PAUSE_MS)
    else:
        values |= {"ended_ms": now_ms, "outcome": outcome.value}
    connection.execute(update(table).where(table.c.id == letter.id).values(values))
    return outcome


def waiting(connection: Connection) -> Counter[str]:
    """How many letters are being sent, by channel."""
    table = schema.letters
    rows = connection.execute(select(table.c.channel, func.count()).where(_is_under_way()).group_by(table.c.channel))
    return Counter(dict(rows.tuples().all()))


def given_up(connection: Connection, since_ms: int) -> int:
    """How many letters finally failed since a moment."""
    table = schema.letters
    which = (table.c.ended_ms >= since_ms) & (table.c.outcome == Outcome.GIVEN_UP)
    return connection.execute(select(func.count()).where(which)).scalar_one()


def opened(connection: Connection) -> list[dict[str, Any]]:
    """Notices that are not over, oldest first."""
    table = schema.notices
    rows = connection.execute(select(table).where(_is_open(), table.c.kind != Kind.SUMMARY).order_by(table.c.opened_ms))
    return [{"kind": row.kind, "since_ms": row.opened_ms, **row.about} for row in rows]


def forget(connection: Connection, now_ms: int) -> None:
    """Delete some of what ended long ago."""
    for table, column in ((schema.notices, schema.notices.c.over_ms), (schema.letters, schema.letters.c.ended_ms)):
        old = select(table.c.id).where(column < now_ms - KEEP_MS).order_by(column).limit(_DELETED_MOST)
        connection.execute(delete(table).where(table.c.id.in_(old.correlate(None))))


def has_old(connection: Connection, now_ms: int) -> bool:
    """Whether there is anything for `forget`."""
    return any(
        connection.execute(select(column).where(column < now_ms - KEEP_MS).limit(1)).first() is not None
        for column in (schema.notices.c.over_ms, schema.letters.c.ended_ms)
    )


def changes(connection: Connection, found: Current, now_ms: int) -> bool:
    """Whether `write` would write anything: checked first, so that a round without news does not need the writer."""
    rows = connection.execute(
        select(schema.notices.c.key, schema.notices.c.kind, schema.notices.c.until_ms, schema.notices.c.about).where(
            _is_open()
        )
    ).all()
    known = {row.key for row in rows}
    if found.news.keys() - known:
        return True
    return any(
        (row.until_ms is not None and row.until_ms <= now_ms)
        or (row.kind != Kind.SUMMARY and found.is_over(row.key, row.about["reason"]))
        for row in rows
    )


def _post(connection: Connection, body: Mapping[str, Any], recipients: Sequence[Recipient], now_ms: int) -> int:
    rows = [
        {
            "uid": uuid.uuid4().hex,
            "channel": one.channel.value,
            "recipient": one.mark,
            "body": {**body, "made_ms": now_ms},
            "made_ms": now_ms,
            "due_ms": now_ms,
            "tries": 0,
        }
        for one in recipients
    ]
    if rows:
        connection.execute(insert(schema.letters), rows)
    return len(rows)


def _row(one: News, now_ms: int) -> dict[str, Any]:
    return {
        "kind": one.kind.value,
        "key": one.key,
        "about": one.about(),
        "opened_ms": now_ms,
        "until_ms": one.until_ms,
    }


def _is_open() -> Any:
    return text(schema.NOTICE_OPEN)


def _is_under_way() -> Any:
    return text(schema.LETTER_OPEN)


def _portions(numbers: Sequence[int]) -> Iterable[Sequence[int]]:
    return (numbers[start : start + _DELETED_MOST] for start in range(0, len(numbers), _DELETED_MOST))
