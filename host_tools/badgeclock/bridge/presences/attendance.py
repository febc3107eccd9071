"""Attendance at a place on a day: the shifts of its workers, and the declarations for each.

Sites with the same workplace number are one place. A shift belongs to the day of its presence; for a movement, and for
a punch without a presence, to the day on which it began.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import takewhile
from operator import itemgetter
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, select

from badgeclock.bridge.presences import shifts
from badgeclock.bridge.presences.expectations import Expectation
from badgeclock.bridge.presences.regimes import CLOCK_AHEAD_MS, COMING, PLACE_COLUMNS, Place, local_day
from badgeclock.bridge.presences.shifts import Passage
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.states import ENDED, PresenceState, PunchState, Reason
from badgeclock.protocol.record import Direction

DAY: Final = timedelta(days=1)
_SEEN: Final = (PunchState.WAITING, PunchState.UNASSIGNED, PunchState.INVALID)
"""Punches without a presence that show that somebody was there: nothing is declared for them yet."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """A presence of somebody's shift and its state; `why` explains why it has no number, or what is wrong with it."""

    reference: str
    employer: str
    day: date
    way: str
    moment_ms: int | None
    state: PresenceState
    reason: str | None
    error_code: int | None
    reception_number: int | None
    why: str | None
    manual: bool = False
    """Whether the office registered it."""


class SeenPunch(NamedTuple):
    """A punch of a worker at a place, in order of time."""

    utc_ms: int
    direction: Direction
    site_id: int
    item: str
    presence: SeenPresence | None
    why: str | None


class SeenPresence(NamedTuple):
    """A presence that is registered or in progress, and the row of its worker."""

    id: int
    site_id: int
    worker_id: int
    declaration: Declaration


@dataclass(slots=True)
class PlaceDay:
    """The sites with one workplace number, on the requested day."""

    rules: Place
    day: date
    names: dict[int, str] = field(default_factory=dict)
    shifts: dict[int, dict[date, list[SeenPunch]]] = field(default_factory=dict)
    """By worker, the punches of the shift of each day."""
    unpunched: dict[tuple[int, date], list[SeenPresence]] = field(default_factory=lambda: defaultdict(list))
    """Presences without a punch, by worker and day."""
    strangers: dict[bytes, list[SeenPunch]] = field(default_factory=lambda: defaultdict(list))
    ended: dict[tuple[int, date], PresenceState] = field(default_factory=dict)
    planned: dict[date, dict[int, Expectation]] = field(default_factory=dict)

    @property
    def zone(self) -> str:
        """The zone in which its days begin and end."""
        return self.rules.time_zone


class Status(StrEnum):
    """A worker's status at a place on a day."""

    HERE = "here"
    """The last punch of the shift is not an OUT."""
    BREAK = "break"
    GONE = "gone"
    MISSING = "missing"
    """Expected by now, and no punch."""
    LATER = "later"
    """Expected, and the time has not come."""
    ELSEWHERE = "elsewhere"
    """Expected, and punched at another place on that day."""


def places_on(connection: Connection, now_ms: int, day: date | None) -> dict[int, PlaceDay]:
    """The place of each site, by the site's row."""
    table = schema.sites
    columns = (table.c[name] for name in PLACE_COLUMNS)
    rows = connection.execute(select(table.c.id.label("site_id"), table.c.name, *columns).order_by(table.c.id))
    by_number: dict[str, PlaceDay] = {}
    found = {}
    for row in rows:
        place = by_number.get(row.workplace)
        if place is None:
            rules = Place.of(row)
            place = by_number[row.workplace] = PlaceDay(rules, day or local_day(now_ms, rules.time_zone))
        place.names[row.site_id] = row.name
        found[row.site_id] = place
    return found


def distinct(places: Mapping[int, PlaceDay]) -> list[PlaceDay]:
    """The distinct places."""
    return list({id(place): place for place in places.values()}.values())


@dataclass(slots=True)
class KeptRows:
    """Objects that a read of the store made of its rows, for the next read: an unchanged row gives the same object.

    By the row of a presence and of a punch; shifts by workplace and worker. Not shared between readings of different
    days at once.
    """

    presences: dict[int, tuple[tuple[Any, ...], SeenPresence]] = field(default_factory=dict)
    punches: dict[int, tuple[tuple[Any, ...], SeenPresence, SeenPunch]] = field(default_factory=dict)
    shifts: dict[tuple[str, int], tuple[Place, list[SeenPunch], dict[date, list[SeenPunch]]]] = field(
        default_factory=dict
    )


def load_shifts(
    connection: Connection,
    places: Mapping[int, PlaceDay],
    of: Sequence[date] = (),
    worker_id: int | None = None,
    kept: KeptRows | None = None,
) -> None:
    """The punches of the day before, the day and the day after it, shift by shift; with `of`, for each of these days
    instead of the places' own; of one worker, or of all. `kept`: what the reading before made.
    """
    days = {day + DAY * step for day in of or [place.day for place in distinct(places)] for step in (-1, 0, 1)}
    if not days:
        return
    before, now = kept or KeptRows(), KeptRows()
    standing = {}
    for one in _presences(connection, days, worker_id, before, now):
        if one.declaration.state in ENDED:
            places[one.site_id].ended[one.worker_id, one.declaration.day] = one.declaration.state
        else:
            standing[one.id] = one
    punched = set()
    passages: dict[tuple[int, int], list[SeenPunch]] = defaultdict(list)
    of_site = {site_id: id(place) for site_id, place in places.items()}
    clocks = dict(connection.execute(select(schema.clocks.c.id, schema.clocks.c.name)).tuples().all())
    for presence, punch in _declared_punches(connection, days, worker_id, standing, clocks, before, now):
        punched.add(presence.id)
        passages[of_site[punch.site_id], presence.worker_id].append(punch)
    for row in _open_punches(connection, days, worker_id):
        place = places[row.site_id]
        moment_ms = _moment_ms(row.utc_ms, row.received_ms)
        item = f"{clocks[row.clock_id]}/{row.seq}"
        punch = SeenPunch(moment_ms, Direction(row.direction), row.site_id, item, None, _why_open(row))
        if row.worker_id is not None:
            passages[id(place), row.worker_id].append(punch)
        elif local_day(moment_ms, place.zone) == place.day:
            place.strangers[row.token].append(punch)
    by_id = {id(place): place for place in distinct(places)}
    for (place_id, of_worker), some in passages.items():
        place = by_id[place_id]
        place.shifts[of_worker] = _shifts_of(place, of_worker, sorted(some, key=_MOMENT), before, now)
    for one in standing.values():
        if one.id not in punched:
            places[one.site_id].unpunched[one.worker_id, one.declaration.day].append(one)
    if kept is not None:
        kept.presences, kept.punches, kept.shifts = now.presences, now.punches, now.shifts


_MOMENT: Final = itemgetter(0)
"""Of a SeenPunch."""
_PRESENCE_COLUMNS: Final = (
    *("id", "site_id", "worker_id", "reference", "employer_kbo", "day", "way", "moment_ms"),
    *("state", "reason", "error_code", "error_text", "reception_number", "manual"),
)
_PUNCH_COLUMNS: Final = ("id", "presence_id", "site_id", "clock_id", "seq", "direction", "utc_ms", "received_ms")


def _presences(
    connection: Connection, days: set[date], worker_id: int | None, before: KeptRows, now: KeptRows
) -> list[SeenPresence]:
    table = schema.presences
    own = [] if worker_id is None else [table.c.worker_id == worker_id]
    which = select(*(table.c[name] for name in _PRESENCE_COLUMNS)).where(table.c.day.in_(sorted(days)), *own)
    found = []
    for row in connection.execute(which.order_by(table.c.id)).all():
        values = tuple(row)
        known = before.presences.get(values[0])
        if known is None or known[0] != values:
            known = values, SeenPresence(row.id, row.site_id, row.worker_id, _declaration_of(row))
        now.presences[values[0]] = known
        found.append(known[1])
    return found


def _declared_punches(
    connection: Connection,
    days: set[date],
    worker_id: int | None,
    standing: Mapping[int, SeenPresence],
    clocks: Mapping[int, str],
    before: KeptRows,
    now: KeptRows,
) -> Iterator[tuple[SeenPresence, SeenPunch]]:
    """The punches that belong to standing presences of these days."""
    table, presences = schema.punches, schema.presences
    own = [] if worker_id is None else [table.c.worker_id == worker_id, presences.c.worker_id == worker_id]
    which = (
        select(*(table.c[name] for name in _PUNCH_COLUMNS))
        .join(presences, presences.c.id == table.c.presence_id)
        .where(presences.c.day.in_(sorted(days)), *own)
    )
    for row in connection.execute(which).all():
        values = tuple(row)
        number, presence_id, site_id, clock_id, seq, direction, utc_ms, received_ms = values
        presence = standing.get(presence_id)
        if presence is None:
            continue
        known = before.punches.get(number)
        if known is None or known[1] is not presence or known[0] != values:
            moment_ms = _moment_ms(utc_ms, received_ms)
            item = f"{clocks[clock_id]}/{seq}"
            known = values, presence, SeenPunch(moment_ms, Direction(direction), site_id, item, presence, None)
        now.punches[number] = known
        yield presence, known[2]


def _open_punches(connection: Connection, days: set[date], worker_id: int | None) -> Sequence[Any]:
    """The punches of these days that belong to no presence."""
    table = schema.punches
    own = [] if worker_id is None else [table.c.worker_id == worker_id]
    columns = (*_PUNCH_COLUMNS, "token", "state", "reason", "worker_id")
    first_ms, end_ms = _utc_ms(min(days) - DAY), _utc_ms(max(days) + 2 * DAY)
    of_days = table.c.utc_ms.between(first_ms, end_ms) | table.c.received_ms.between(first_ms, end_ms)
    which = select(*(table.c[name] for name in columns)).where(
        table.c.presence_id.is_(None), table.c.state.in_(_SEEN), of_days, *own
    )
    return connection.execute(which).all()


def _moment_ms(utc_ms: int, received_ms: int) -> int:
    """The clock's own moment, if that is likely; else when the punch came here."""
    return utc_ms if 0 < utc_ms <= received_ms + CLOCK_AHEAD_MS else received_ms


def _shifts_of(
    place: PlaceDay, worker_id: int, punches: list[SeenPunch], before: KeptRows, now: KeptRows
) -> dict[date, list[SeenPunch]]:
    key = place.rules.workplace, worker_id
    known = before.shifts.get(key)
    if known is None or known[1] != punches or known[0] != place.rules:
        known = place.rules, punches, _shifts(place, punches)
    now.shifts[key] = known
    return known[2]


def _utc_ms(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp() * 1000)


def _shifts(place: PlaceDay, punches: Sequence[SeenPunch]) -> dict[date, list[SeenPunch]]:
    """The punches of a worker, oldest first, by the day of their shift."""
    found: dict[date, list[SeenPunch]] = {}
    newest: date | None = None
    for punch in punches:
        day = local_day(punch.utc_ms, place.zone)
        if punch.presence is not None and not punch.presence.declaration.way:
            day = punch.presence.declaration.day
        elif punch.direction not in COMING and newest is not None:
            began_ms = _began_ms(found[newest], punch.utc_ms - place.rules.longest_shift_ms)
            day = day if began_ms is None else newest
        found.setdefault(day, []).append(punch)
        newest = day
    return found


def _began_ms(shift: Sequence[SeenPunch], since_ms: int) -> int | None:
    """The earliest arrival of somebody present since then; None if there is none."""
    return shifts.began_ms([Passage(one.utc_ms, one.direction) for one in shift], since_ms)


@dataclass(frozen=True, slots=True)
class Shift:
    """Somebody's shift at a place: its punches, its presences, and its beginning."""

    punches: tuple[SeenPunch, ...]
    presences: tuple[SeenPresence, ...]
    since_ms: int | None

    @property
    def status(self) -> Status:
        """Whether its last punch is an OUT, a break, or neither.

        A gate that has not seen a break begin at another gate takes its end for a beginning.
        """
        if self.punches and self.punches[-1].direction is Direction.OUT:
            return Status.GONE
        begun = takewhile(lambda one: one.direction is Direction.BREAK_START, reversed(self.punches))
        return Status.BREAK if sum(1 for _ in begun) % 2 else Status.HERE


def shift_of(place: PlaceDay, worker_id: int, day: date) -> Shift | None:
    """The shift of a day, if there is one."""
    punches = place.shifts.get(worker_id, {}).get(day, [])
    presences = {one.presence.id: one.presence for one in punches if one.presence is not None}
    presences |= {one.id: one for one in place.unpunched.get((worker_id, day), ())}
    if not punches and not presences:
        return None
    return Shift(tuple(punches), tuple(presences.values()), punches[0].utc_ms if punches else None)


def carried(place: PlaceDay, worker_id: int, now_ms: int) -> Shift | None:
    """The shift of the day before, if it continued after midnight: it has a punch since then, or it is open at `now_ms`
    and no longer than the longest shift. A punch without direction does not show that somebody stayed.
    """
    shift = shift_of(place, worker_id, place.day - DAY)
    if shift is None or not shift.punches:
        return None
    newest = shift.punches[-1]
    if local_day(newest.utc_ms, place.zone) >= place.day:
        return shift
    is_open = newest.direction not in (Direction.OUT, Direction.NONE)
    if not is_open or local_day(now_ms, place.zone) != place.day:
        return None
    began_ms = _began_ms(shift.punches, now_ms - place.rules.longest_shift_ms)
    return None if began_ms is None else replace(shift, since_ms=began_ms)


def whereabouts(places: Mapping[int, PlaceDay]) -> dict[int, list[tuple[PlaceDay, str]]]:
    """Where each worker punched on the day of a place: the place, and the site of the last punch."""
    found: dict[int, list[tuple[PlaceDay, str]]] = defaultdict(list)
    for place in distinct(places):
        for worker_id, of_worker in place.shifts.items():
            if punches := of_worker.get(place.day):
                found[worker_id].append((place, place.names[punches[-1].site_id]))
    return found


WHY: Final[Mapping[PresenceState, str]] = {
    PresenceState.QUEUED: "waits to be sent",
    PresenceState.SENT: "sent, no answer yet",
    PresenceState.UNKNOWN: "sent, without a clear answer; the authority is searched",
    PresenceState.REFUSED: "refused by the authority",
    PresenceState.WAITING: "waits for a person",
    PresenceState.CANCELLING: "is being cancelled",
    PresenceState.CANCELLED: "its presence was cancelled",
    PresenceState.CLOSED: "its presence was closed by a person",
    PresenceState.REMARKS: "registered, with remarks",
}


def _declaration_of(row: Any) -> Declaration:
    return Declaration(
        row.reference,
        row.employer_kbo,
        row.day,
        row.way,
        row.moment_ms or None,
        PresenceState(row.state),
        row.reason,
        row.error_code or None,
        row.reception_number,
        _why_presence(row),
        row.manual,
    )


def _why_presence(row: Any) -> str | None:
    why = WHY.get(PresenceState(row.state))
    if why is None:
        return None
    if row.error_code and row.state == PresenceState.REFUSED:
        return f"{why}: code {row.error_code} {row.error_text or ''}".rstrip()
    return f"{why}: {row.reason}" if row.reason else why


def _why_open(row: Any) -> str:
    """Why a punch has no presence."""
    if row.state == PunchState.UNASSIGNED:
        return "nobody was given this badge"
    if row.state == PunchState.INVALID:
        return "its record has no valid seal"
    return f"waits for a person: {Reason(row.reason)}" if row.reason else "waits for a person"
