"""The presences of workers on the days of a batch of punches, and those that the batch opens.

A presence belongs to the worker: it is found by worker, day and place, even if the office has changed employer,
workplace number or identity since. Two gates with one workplace number are one place, and so is a site whose number has
changed.
"""

from __future__ import annotations

import json
import secrets
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, func, select

from badgeclock.authorities.base import Direction as Way
from badgeclock.bridge.presences.regimes import COMING, Declared, Place
from badgeclock.bridge.presences.shifts import Assumed, Passage
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.database import among, array_text, insert_beside_others, insert_rows, portions
from badgeclock.bridge.store.states import ENDED, PresenceState
from badgeclock.protocol.record import Direction

WorkerDay = tuple[int, date]
_NEWEST: Final = select(func.max(schema.presences.c.id))
_OF_PUNCH: Final = schema.punches.c
_PASSAGES: Final = select(_OF_PUNCH.presence_id, _OF_PUNCH.utc_ms, _OF_PUNCH.direction).order_by(
    _OF_PUNCH.utc_ms, _OF_PUNCH.id
)

REFERENCE_BEGINS: Final = "BC"
"""The prefix of our references; a day and twelve random digits follow."""


class Key(NamedTuple):
    """The key of a presence: unique among valid ones. `moment_ms` is 0 and `way` empty for a day."""

    worker_id: int
    employer_kbo: str
    workplace: str
    day: date
    moment_ms: int = 0
    way: str = ""


_ENTRY: Final = ", ".join(
    f"presences.{name}"
    for name in (
        *("worker_id", "employer_kbo", "workplace", "moment_ms", "way"),
        *("id", "site_id", "state", "error_code", "reception_number", "assumed", "kept_ms"),
    )
)
_ON_DAY: Final = {
    "postgresql": f"SELECT {_ENTRY} FROM presences WHERE worker_id = ANY(%s::bigint[]) AND day = %s ORDER BY id",  # noqa: S608 - our own names
    "sqlite": f"SELECT {_ENTRY} FROM json_each(?) AS given CROSS JOIN presences "  # noqa: S608 - as above
    "ON presences.worker_id = given.value AND presences.day = ? ORDER BY presences.id",
}
"""The presences of some workers on a day, as they are stored: what every batch reads.

SQLite joins in this order (CROSS JOIN). With a list in an IN clause it takes the index of days, and reads the whole
day for each list.
"""
_STATES: Final = {state.value: state for state in PresenceState}


@dataclass(slots=True)
class Entry:
    """A presence of the book. `id` is 0 until `write` has inserted it; `assumed` is None once it was confirmed;
    `was_assumed` stays.
    """

    id: int
    key: Key
    site_id: int
    state: PresenceState
    error_code: int
    reception_number: int
    assumed: Assumed | None = None
    was_assumed: bool = False

    def is_at(self, place: Place) -> bool:
        """Whether it is of this place."""
        return self.site_id == place.site_id or self.key.workplace == place.workplace


class DayBook:
    """Presences by worker and day: loaded from the store by `load`, and added by `open`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._entries: dict[WorkerDay, list[Entry]] = defaultdict(list)
        self._loaded: set[WorkerDay] = set()
        self._passages: dict[int, list[Passage]] = {}
        self._opened: list[Entry] = []
        self._lost: list[Entry] = []
        self._evident: list[Entry] = []
        self._corrected: list[Entry] = []

    def load(self, days: Iterable[WorkerDay]) -> None:
        """Read the presences of these workers on these days, once each: a day at a time, since for pairs of worker and
        day SQLite scans all presences.
        """
        wanted = set(days) - self._loaded
        self._loaded |= wanted
        workers: dict[date, list[int]] = defaultdict(list)
        for worker_id, day in wanted:
            workers[day].append(worker_id)
        for day, of_day in workers.items():
            rows = self._on_day(of_day, day)
            for worker_id, kbo, workplace, moment_ms, way, presence_id, site_id, state, code, number, why, kept in rows:
                key = Key(worker_id, kbo, workplace, day, moment_ms, way)
                entry = Entry(presence_id, key, site_id, _STATES[state], code, number or 0)
                if why is not None:
                    entry.assumed = None if kept is not None else Assumed(why)
                    entry.was_assumed = True
                self._entries[worker_id, day].append(entry)

    def _on_day(self, worker_ids: list[int], day: date) -> Any:
        if self._connection.dialect.name == "postgresql":
            return self._connection.exec_driver_sql(_ON_DAY["postgresql"], (array_text(worker_ids), day))
        return self._connection.exec_driver_sql(_ON_DAY["sqlite"], (json.dumps(worker_ids), day.isoformat()))

    def load_passages(self, workers: Iterable[WorkerDay]) -> None:
        """Read the punches of the loaded presences of these workers and days."""
        of = {entry.id: entry for day in workers for entry in self._entries.get(day, ()) if not entry.key.way}
        wanted = [presence_id for presence_id in of if presence_id and presence_id not in self._passages]
        self._passages |= {presence_id: [] for presence_id in wanted}
        for some in portions(self._connection, wanted):
            for row in self._connection.execute(_PASSAGES.where(among(self._connection, _OF_PUNCH.presence_id, some))):
                self._passages[row.presence_id].append(Passage(row.utc_ms, Direction(row.direction)))

    def passages(self, *entries: Entry) -> Sequence[Passage]:
        """The loaded punches of days' presences, oldest first."""
        if len(entries) == 1:
            return self._passages.get(entries[0].id, ())
        return sorted(passage for entry in entries for passage in self._passages.get(entry.id, ()))

    def add_passage(self, entry: Entry, passage: Passage) -> None:
        """Add a punch of the same batch to a presence whose punches are loaded."""
        if entry.id in self._passages:
            self._passages[entry.id].append(passage)

    def day_of(self, worker_id: int, day: date, place: Place) -> list[Entry]:
        """A worker's presences that declare a day at a place, valid ones last, each oldest first."""
        of_day = self._entries.get((worker_id, day))
        if not of_day:
            return []
        found = [entry for entry in of_day if not entry.key.way and entry.is_at(place)]
        return sorted(found, key=lambda entry: entry.state not in ENDED) if len(found) > 1 else found

    def joined(
        self, worker_id: int, day: date, place: Place, direction: Direction, by_badge: str | None
    ) -> Entry | None:
        """The day's presence that a punch at a place belongs to; None if it needs a new one.

        Of several, that of the badge's employer. A worker who returns after a person ended the presence, or with a
        badge of another employer, needs a new one.
        """
        found = self.day_of(worker_id, day, place)
        if not found:
            return None
        if by_badge is not None:
            of_badge = [entry for entry in found if entry.key.employer_kbo == by_badge]
            if not of_badge and direction in COMING:
                return None
            found = of_badge or found
        newest = found[-1]
        return None if newest.state in ENDED and direction in COMING else newest

    def movement(self, key: Key) -> Entry | None:
        """The valid movement with this key."""
        return next(
            (
                entry
                for entry in self._entries.get((key.worker_id, key.day), ())
                if entry.key == key and entry.state not in ENDED
            ),
            None,
        )

    def coming_before(self, worker_id: int, days: Iterable[date], place: Place, utc_ms: int) -> Entry | None:
        """The last movement in at a place before a moment, no longer ago than the longest shift."""
        since_ms = utc_ms - place.longest_shift_ms
        found = [
            entry
            for entry in self._movements(worker_id, days, place)
            if entry.key.way == Way.IN and since_ms <= entry.key.moment_ms <= utc_ms
        ]
        return max(found, key=_moment, default=None)

    def movement_before(self, worker_id: int, days: Iterable[date], place: Place, utc_ms: int) -> Entry | None:
        """A worker's newest movement of these days at a place before a moment."""
        found = [entry for entry in self._movements(worker_id, days, place) if entry.key.moment_ms < utc_ms]
        return max(found, key=_moment, default=None)

    def _movements(self, worker_id: int, days: Iterable[date], place: Place) -> Iterator[Entry]:
        for day in days:
            for entry in self._entries.get((worker_id, day), ()):
                if entry.key.way and entry.state not in ENDED and entry.is_at(place):
                    yield entry

    def open(self, key: Key, site_id: int, assumed: Assumed | None = None) -> Entry:
        """Add a presence, which `write` inserts."""
        entry = Entry(0, key, site_id, PresenceState.QUEUED, 0, 0, assumed, was_assumed=assumed is not None)
        self._entries[key.worker_id, key.day].append(entry)
        self._opened.append(entry)
        return entry

    def set_evident(self, entry: Entry) -> None:
        """Confirm an assumed presence: its worker was certainly there."""
        self._evident.append(entry)

    @property
    def evident(self) -> list[int]:
        """The rows of confirmed presences, once written."""
        return [entry.id for entry in self._evident if entry.id]

    def set_corrected(self, entry: Entry) -> None:
        """Mark an assumed movement as wrong: a key gave the other direction right after it."""
        entry.assumed = Assumed.CORRECTED
        if entry.id:
            self._corrected.append(entry)

    @property
    def corrected(self) -> list[Entry]:
        """The presences that existed before."""
        return self._corrected

    def write(self, now_ms: int) -> list[Entry]:
        """Insert opened presences; returns them, with their rows' numbers.

        On PostgreSQL another worker may have opened one of them since it was looked for: that is not inserted, keeps
        the number 0, and `take_lost` gives it.
        """
        opened, self._opened = self._opened, []
        if not opened:
            return []
        if self._connection.dialect.name == "postgresql":
            return self._write_beside_others(opened, now_ms)
        table = schema.presences
        first = (self._connection.execute(_NEWEST).scalar() or 0) + 1
        rows = []
        for number, entry in enumerate(opened, first):
            entry.id = number
            rows.append((number, *_plain_row(entry, now_ms)))
        insert_rows(self._connection, table, ("id", *_COLUMNS), rows)
        return opened

    def _write_beside_others(self, opened: list[Entry], now_ms: int) -> list[Entry]:
        # In one order, so that processes that open the same days wait for each other in one direction. The order within
        # a worker's day stays: the newest is the last.
        opened.sort(key=_worker_day)
        rows = [_plain_row(entry, now_ms) for entry in opened]
        ids = dict(insert_beside_others(self._connection, schema.presences, _COLUMNS, rows, ("reference", "id")))
        for entry, row in zip(opened, rows, strict=True):
            entry.id = ids.get(row[0], 0)
        self._lost += [entry for entry in opened if not entry.id]
        return [entry for entry in opened if entry.id]

    def take_lost(self) -> list[Entry]:
        """The entries that another worker has opened meanwhile; their days are read again when they are asked for."""
        lost, self._lost = self._lost, []
        for entry in lost:
            day = entry.key.worker_id, entry.key.day
            self._entries.pop(day, None)
            self._loaded.discard(day)
        return lost


def _moment(entry: Entry) -> int:
    return entry.key.moment_ms


def _worker_day(entry: Entry) -> WorkerDay:
    return entry.key.worker_id, entry.key.day


def new_row(key: Key, site_id: int, now_ms: int, assumed: Assumed | None = None) -> dict[str, Any]:
    """The columns of a new presence: queued, under its own reference (24 characters)."""
    entry = Entry(0, key, site_id, PresenceState.QUEUED, 0, 0, assumed)
    return {**dict(zip(_COLUMNS, _plain_row(entry, now_ms), strict=True)), "day": key.day, "remarks": []}


_COLUMNS: Final = (
    *("reference", "worker_id", "employer_kbo", "workplace", "day", "declared", "moment_ms", "way", "site_id"),
    *("state", "error_code", "remarks", "tries", "alone", "due_ms", "created_ms", "assumed"),
)
"""Of a new presence; the others are empty."""
_MOVEMENT, _WHOLE_DAY, _QUEUED = Declared.MOVEMENT.value, Declared.DAY.value, PresenceState.QUEUED.value


def _plain_row(entry: Entry, now_ms: int) -> tuple[Any, ...]:
    """A new presence's `_COLUMNS` as numbers and text, which either database takes."""
    worker_id, employer_kbo, workplace, day, moment_ms, way = entry.key
    return (
        f"{_reference_begins(day)}{secrets.token_hex(6)}",
        worker_id,
        employer_kbo,
        workplace,
        day.isoformat(),
        _MOVEMENT if way else _WHOLE_DAY,
        moment_ms,
        str(way),
        entry.site_id,
        _QUEUED,
        0,
        "[]",
        0,
        False,
        now_ms,
        now_ms,
        None if entry.assumed is None else entry.assumed.value,
    )


@lru_cache(maxsize=16)
def _reference_begins(day: date) -> str:
    return f"{REFERENCE_BEGINS}{day:%Y%m%d}-"
