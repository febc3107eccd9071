"""The current reasons for notices: from the attention list, today's people, certificates, and the bridge's own state.

A piece of news has a key that identifies it in later rounds. It names no person: the page that it links to does, for
those who may see it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from badgeclock.bridge.attention import attention, validity
from badgeclock.bridge.attention.attention import Row
from badgeclock.bridge.attention.validity import Ending
from badgeclock.bridge.presences import today
from badgeclock.bridge.presences.attendance import Status
from badgeclock.bridge.presences.local_times import moment_ms
from badgeclock.bridge.presences.today import Person, PlaceToday
from badgeclock.bridge.store import schema

if TYPE_CHECKING:
    from badgeclock.bridge.settings import NoticesSettings

ROWS_MOST: Final = 1000
"""Most items of the attention list reported singly; beyond, each reason is one piece of news."""
OF_ONE_REASON: Final = 200
UNREGISTERED_MS: Final = 600_000
"""A number that has not arrived this long after the punch is missing; until then it is pending."""
_MINUTE_MS: Final = 60_000
_MANY: Final = "*"


class Kind(StrEnum):
    """The kinds of notices."""

    UNREGISTERED = "unregistered"
    """Somebody is present without a number shortly before the site's time."""
    ABSENT = "absent"
    """Somebody was expected and has not come."""
    REFUSED = "refused"
    UNKNOWN_BADGE = "unknown_badge"
    CLOCK_OFFLINE = "clock_offline"
    CLOCK_SILENT = "clock_silent"
    CLOCK_FULL = "clock_full"
    CERTIFICATE = "certificate"
    BRIDGE = "bridge"
    """A trouble of the bridge itself."""
    WAITS = "waits"
    """Anything else of the attention list."""
    SUMMARY = "summary"


OF_REASON: Final[Mapping[str, Kind | None]] = {
    "refused": Kind.REFUSED,
    "unknown_badge": Kind.UNKNOWN_BADGE,
    "clock_offline": Kind.CLOCK_OFFLINE,
    "clock_silent": Kind.CLOCK_SILENT,
    "clock_never_heard": Kind.CLOCK_SILENT,
    "clock_memory": Kind.CLOCK_FULL,
    "clock_certificate": None,  # `validity` reports it, in steps
    "authority_away": Kind.BRIDGE,
}
"""By reason of the attention list; all others are WAITS."""
_PATIENT: Final = (Kind.CLOCK_OFFLINE, Kind.CLOCK_SILENT, Kind.BRIDGE)
"""Kinds that come and go by themselves: only lasting ones are reported."""


@dataclass(frozen=True, slots=True)
class News:
    """One piece of news. `name` is a reason, a certificate's holder, or a trouble; `days` are those left of a
    certificate; `until_ms` is when it ends without a notice.
    """

    kind: Kind
    key: str
    site: str = ""
    clock: str = ""
    item: str = ""
    name: str = ""
    reason: str = ""
    days: int | None = None
    number: int = 1
    until_ms: int | None = None

    def about(self) -> dict[str, Any]:
        """What is stored besides its kind and key, for JSON."""
        found = asdict(self)
        return {name: value for name, value in found.items() if name not in ("kind", "key", "until_ms")}


@dataclass(frozen=True, slots=True)
class Trouble:
    """The bridge's own troubles, by name, and since when."""

    name: str
    since_ms: int


def current(
    connection: Connection,
    settings: NoticesSettings,
    files: Iterable[Ending],
    troubles: Iterable[Trouble],
    now_ms: int,
) -> Current:
    """All current news. `files` are the certificates named in the bridge's settings."""
    counts = attention.counts(connection, now_ms)
    rows = attention.listing(connection, ROWS_MOST, now_ms)
    patience_ms = settings.patience_minutes * _MINUTE_MS
    since = [*_waiting(rows, counts)]
    since += [(News(Kind.BRIDGE, f"bridge/{one.name}", name=one.name), one.since_ms) for one in troubles]
    before_ms = now_ms - patience_ms
    young = frozenset(one.key for one, since_ms in since if one.kind in _PATIENT and since_ms > before_ms)
    found = [one for one, _ in since if one.key not in young]
    endings = [*files, *validity.of_store(connection, now_ms)]
    found += [*_endings(endings, now_ms)]
    own = _own_deadlines(connection)
    for place in today.look(connection, now_ms).places:
        found += [*_people(place, settings, own, now_ms)]
    is_whole = sum(counts.values()) <= ROWS_MOST
    wanted = {one.key: one for one in found if one.kind in settings.kinds}
    empty = None if is_whole else frozenset(reason for reason, number in counts.items() if not number)
    return Current(wanted, young, empty)


@dataclass(frozen=True, slots=True)
class Current:
    """The news by key. `young` are the keys of news that have not lasted long enough for a notice: one that already got
    a notice, as before a restart of the bridge, is not over either. `empty` are the reasons without any open item, if
    there are so many items that not all were read: for other reasons it is unknown whether a row is over. None: all
    were read.
    """

    news: Mapping[str, News]
    young: frozenset[str] = frozenset()
    empty: frozenset[str] | None = None

    def is_over(self, key: str, reason: str) -> bool:
        """Whether the reason for a notice is over."""
        if key in self.news or key in self.young:
            return False
        return self.empty is None or not reason or reason in self.empty


def _waiting(rows: Iterable[Row], counts: Mapping[str, int]) -> Iterator[tuple[News, int]]:
    """The news of the attention list, and since when each is there (ms UTC)."""
    many = [reason for reason, number in counts.items() if number > OF_ONE_REASON]
    for reason in many:
        kind = OF_REASON.get(reason, Kind.WAITS)
        if kind is not None:
            yield News(kind, f"{reason}/{_MANY}", name=reason, reason=reason, number=counts[reason]), 0
    for row in rows:
        kind = OF_REASON.get(row.reason, Kind.WAITS)
        if kind is None or row.reason in many:
            continue
        key = f"{row.reason}/{row.item}"
        site, clock = row.site or "", (row.clock or "") if row.reason.startswith("clock_") else ""
        yield News(kind, key, site, clock, row.item, row.reason, row.reason), row.since_ms


def _endings(endings: Iterable[Ending], now_ms: int) -> Iterator[News]:
    for one in endings:
        step = validity.step_of(one, now_ms)
        if step is not None:
            key = f"certificate/{one.holder}/{one.name}/{one.until_ms}/{step}"
            clock = one.name if one.holder is validity.Holder.CLOCK else ""
            yield News(Kind.CERTIFICATE, key, clock=clock, item=one.name, name=one.holder, days=one.days_left(now_ms))


class Deadline(NamedTuple):
    """By which minute of the local day everybody at a site has a number, and how long before a notice is sent."""

    minute: int
    minutes_before: int


def _own_deadlines(connection: Connection) -> Mapping[str, tuple[str, int | None]]:
    """By site's name, the time that it has set itself ("08:30"), and the minutes before, if it has set them."""
    table = schema.sites
    own = select(table.c.name, table.c.deadline, table.c.deadline_minutes).where(table.c.deadline.is_not(None))
    return {row.name: (row.deadline, row.deadline_minutes) for row in connection.execute(own)}


def _deadline(site: str, settings: NoticesSettings, own: Mapping[str, tuple[str, int | None]]) -> Deadline | None:
    """The deadline of a site: its own, else the settings'."""
    if site in own:
        time, minutes = own[site]
        hours, _, rest = time.partition(":")
        return Deadline(int(hours) * 60 + int(rest), settings.deadline_minutes if minutes is None else minutes)
    minute = settings.minute_of(site)
    return None if minute is None else Deadline(minute, settings.deadline_minutes)


def _people(
    place: PlaceToday, settings: NoticesSettings, own: Mapping[str, tuple[str, int | None]], now_ms: int
) -> Iterator[News]:
    """People present without a number shortly before the site's time, and people who have not come."""
    zone = ZoneInfo(place.time_zone)
    tomorrow = place.day + timedelta(days=1)
    until_ms = int(datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=zone).timestamp() * 1000)
    called = {
        site: moment_ms(place.day, found.minute, place.time_zone) - found.minutes_before * _MINUTE_MS
        for site in place.sites
        if (found := _deadline(site, settings, own)) is not None
    }
    of_place_ms = min(called.values(), default=None)
    for one in place.people:
        kind = None
        called_ms = called.get(one.site, of_place_ms)
        is_near = called_ms is not None and now_ms >= called_ms
        if one.status is Status.MISSING:
            expected_ms = None if one.expected is None else one.expected.from_ms
            late_ms = called_ms if expected_ms is None else expected_ms + settings.absent_minutes * _MINUTE_MS
            kind = Kind.ABSENT if late_ms is not None and now_ms >= late_ms else None
        elif is_near and one.worker is not None and one.number is None and _is_there(one, now_ms):
            kind = Kind.UNREGISTERED
        if kind is not None:
            who = hashlib.sha256(f"{place.workplace} {place.day} {one.worker}".encode()).hexdigest()[:24]
            yield News(kind, f"{kind}/{place.day}/{who}", one.site, until_ms=until_ms)


def _is_there(one: Person, now_ms: int) -> bool:
    if one.status not in (Status.HERE, Status.BREAK, Status.GONE):
        return False
    return one.since_ms is not None and now_ms - one.since_ms >= UNREGISTERED_MS
