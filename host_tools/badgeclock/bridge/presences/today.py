"""Who is at a site, since when and with which number or why not; and who was expected and has not punched.

A reading of the store, of one moment. Sites with one workplace number are one place. A shift is of the day of its
presence; of a movement, and of a punch that has no presence, it is of the day on which it began. Who is in a shift that
began the day before, and was not over at midnight, is here today.

Nothing here shows a name, a national number or a badge: workers go by the office's own reference.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, func, or_, select

from badgeclock.authorities.base import Direction as Way
from badgeclock.bridge.presences import expectations, shifts
from badgeclock.bridge.presences.expectations import LOOK_BACK_DAYS, Expectation, Service, Source
from badgeclock.bridge.presences.local_times import local_moment, moment_ms
from badgeclock.bridge.presences.regimes import (
    CLOCK_AHEAD_MS,
    COMING,
    PLACE_COLUMNS,
    Place,
    local_day,
    local_minute,
)
from badgeclock.bridge.presences.shifts import Passage
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.states import ENDED, PresenceState, PunchState, Reason
from badgeclock.protocol.record import Direction

_DAY: Final = timedelta(days=1)
_SEEN: Final = (PunchState.WAITING, PunchState.UNASSIGNED, PunchState.INVALID)
"""Punches without a presence that say that somebody was there: of whom nothing is declared yet."""


class Status(StrEnum):
    """How somebody stands towards a place and a day."""

    HERE = "here"
    """The last punch of the shift is no going."""
    BREAK = "break"
    GONE = "gone"
    MISSING = "missing"
    """Expected by now, and no punch."""
    LATER = "later"
    """Expected, and the time has not come."""
    ELSEWHERE = "elsewhere"
    """Expected, and punched at another place on that day."""


@dataclass(frozen=True, slots=True)
class Expected:
    """From when to when somebody is expected (ms UTC, None: it is not said), and where that comes from; by habit, on
    how many of how many of the last working days they were there.
    """

    source: Source
    from_ms: int | None
    to_ms: int | None
    days_there: int | None
    days_seen: int | None


@dataclass(frozen=True, slots=True)
class Declaration:
    """A presence of somebody's shift and where it stands; `why` says why it has no number, or what is wrong with it."""

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


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody at a place. `worker` is the office's reference; None for a badge that nobody was given, whose last punch
    is `item` (CLOCK/SEQ). Times are ms UTC: the first and the last punch of the shift.
    """

    worker: str | None
    status: Status
    site: str
    since_ms: int | None = None
    last_ms: int | None = None
    item: str | None = None
    number: int | None = None
    why: str | None = None
    declarations: tuple[Declaration, ...] = ()
    expected: Expected | None = None
    elsewhere: str | None = None


@dataclass(frozen=True, slots=True)
class Here:
    """A place on a day: its sites, and its people; `planned` says whether a plan of the day says who is expected."""

    sites: tuple[str, ...]
    workplace: str
    time_zone: str
    day: date
    planned: bool
    people: tuple[Person, ...]

    def counts(self) -> dict[str, int]:
        """How many people stand how."""
        return {status.value: sum(one.status is status for one in self.people) for status in Status}


@dataclass(frozen=True, slots=True)
class Report:
    """What the store says at a moment (ms UTC), place by place."""

    now_ms: int
    places: tuple[Here, ...]


class _Punch(NamedTuple):
    """A punch of a worker at a place, in the order of its moments."""

    utc_ms: int
    direction: Direction
    site_id: int
    item: str
    presence: _Presence | None
    why: str | None


class _Presence(NamedTuple):
    """A presence that stands, and the row of its worker."""

    id: int
    site_id: int
    worker_id: int
    told: Declaration


@dataclass(slots=True)
class _Place:
    """The sites with one workplace number, on the day that is asked for."""

    rules: Place
    day: date
    names: dict[int, str] = field(default_factory=dict)
    shifts: dict[int, dict[date, list[_Punch]]] = field(default_factory=dict)
    """By worker, the punches of the shift of each day."""
    unpunched: dict[tuple[int, date], list[_Presence]] = field(default_factory=lambda: defaultdict(list))
    """Presences without a punch, by worker and day."""
    strangers: dict[bytes, list[_Punch]] = field(default_factory=lambda: defaultdict(list))
    ended: dict[tuple[int, date], PresenceState] = field(default_factory=dict)
    planned: dict[date, dict[int, Expectation]] = field(default_factory=dict)

    @property
    def zone(self) -> str:
        return self.rules.time_zone


def look(connection: Connection, now_ms: int, *, day: date | None = None, site_id: int | None = None) -> Report:
    """Every place with somebody there or expected on a local day (None: each place's today), or the one of a site."""
    places = _places(connection, now_ms, day)
    _load_presences(connection, places)
    _load_plans(connection, places)
    asked = [place for place in _distinct(places) if site_id is None or site_id in place.names]
    habits = _unplanned(connection, places, asked)
    names = dict(connection.execute(select(schema.workers.c.id, schema.workers.c.reference)).tuples().all())
    at = _whereabouts(places)
    made = [_here(place, habits.get(id(place), {}), names, at, now_ms) for place in asked]
    shown = tuple(one for one in made if one.people or site_id is not None)
    return Report(now_ms, tuple(sorted(shown, key=lambda one: one.sites)))


def as_dict(report: Report) -> dict[str, Any]:
    """The same for JSON: moments in ms UTC, and beside them as the wall of the site shows them, with the offset."""
    return {
        "now_ms": report.now_ms,
        "places": [
            {
                "sites": list(place.sites),
                "workplace": place.workplace,
                "time_zone": place.time_zone,
                "day": place.day.isoformat(),
                "planned": place.planned,
                "counts": place.counts(),
                "people": [_person_as_dict(one, place.time_zone) for one in place.people],
            }
            for place in report.places
        ],
    }


def _person_as_dict(one: Person, zone: str) -> dict[str, Any]:
    expected = one.expected
    return {
        "worker": one.worker,
        "status": one.status,
        "site": one.site,
        "since_ms": one.since_ms,
        "since": _wall(one.since_ms, zone),
        "last_ms": one.last_ms,
        "last": _wall(one.last_ms, zone),
        "item": one.item,
        "number": one.number,
        "why": one.why,
        "declarations": [
            {
                "reference": told.reference,
                "employer": told.employer or None,
                "day": told.day.isoformat(),
                "way": told.way or None,
                "moment_ms": told.moment_ms,
                "state": told.state,
                "reason": told.reason,
                "error_code": told.error_code,
                "reception_number": told.reception_number,
                "why": told.why,
            }
            for told in one.declarations
        ],
        "expected": None
        if expected is None
        else {
            "source": expected.source,
            "from_ms": expected.from_ms,
            "from": _wall(expected.from_ms, zone),
            "to_ms": expected.to_ms,
            "to": _wall(expected.to_ms, zone),
            "days_there": expected.days_there,
            "days_seen": expected.days_seen,
        },
        "elsewhere": one.elsewhere,
    }


def _wall(utc_ms: int | None, zone: str) -> str | None:
    return None if utc_ms is None else local_moment(utc_ms, zone).isoformat(timespec="seconds")


def _places(connection: Connection, now_ms: int, day: date | None) -> dict[int, _Place]:
    """The place of each site, by the site's row."""
    table = schema.sites
    columns = (table.c[name] for name in PLACE_COLUMNS)
    rows = connection.execute(select(table.c.id.label("site_id"), table.c.name, *columns).order_by(table.c.id))
    by_number: dict[str, _Place] = {}
    found = {}
    for row in rows:
        place = by_number.get(row.workplace)
        if place is None:
            rules = Place.of(row)
            place = by_number[row.workplace] = _Place(rules, day or local_day(now_ms, rules.time_zone))
        place.names[row.site_id] = row.name
        found[row.site_id] = place
    return found


def _distinct(places: Mapping[int, _Place]) -> list[_Place]:
    return list({id(place): place for place in places.values()}.values())


# What is there


def _load_presences(connection: Connection, places: Mapping[int, _Place]) -> None:
    """The punches of the day before, of the day and of the day after it, shift by shift."""
    days = {place.day + _DAY * step for place in _distinct(places) for step in (-1, 0, 1)}
    if not days:
        return
    table = schema.presences
    rows = connection.execute(select(table).where(table.c.day.in_(sorted(days))).order_by(table.c.id)).all()
    presences = {row.id: _Presence(row.id, row.site_id, row.worker_id, _declaration(row)) for row in rows}
    standing = {number: one for number, one in presences.items() if one.told.state not in ENDED}
    for one in presences.values():
        if one.id not in standing:
            places[one.site_id].ended[one.worker_id, one.told.day] = one.told.state
    punched = set()
    passages: dict[tuple[int, int], list[_Punch]] = defaultdict(list)
    for row in _punches(connection, days):
        presence = standing.get(row.presence_id)
        if row.presence_id is not None and presence is None:
            continue
        if presence is not None:
            punched.add(presence.id)
        place = places[row.site_id]
        is_likely = 0 < row.utc_ms <= row.received_ms + CLOCK_AHEAD_MS
        moment_ms = row.utc_ms if is_likely else row.received_ms
        why = None if presence else _why_open(row)
        punch = _Punch(moment_ms, Direction(row.direction), row.site_id, f"{row.clock}/{row.seq}", presence, why)
        worker_id = presence.worker_id if presence else row.worker_id
        if worker_id is not None:
            passages[id(place), worker_id].append(punch)
        elif local_day(moment_ms, place.zone) == place.day:
            place.strangers[row.token].append(punch)
    by_id = {id(place): place for place in _distinct(places)}
    for (place_id, worker_id), some in passages.items():
        by_id[place_id].shifts[worker_id] = _shifts(by_id[place_id], sorted(some, key=lambda one: one.utc_ms))
    for one in standing.values():
        if one.id not in punched:
            places[one.site_id].unpunched[one.worker_id, one.told.day].append(one)


def _punches(connection: Connection, days: set[date]) -> list[Any]:
    """The punches that belong to presences of these days, and those of these days that belong to none."""
    table, presences, clocks = schema.punches, schema.presences, schema.clocks
    columns = (
        *(table.c[name] for name in ("seq", "site_id", "token", "direction", "utc_ms", "received_ms")),
        *(table.c[name] for name in ("state", "reason", "worker_id", "presence_id")),
        clocks.c.name.label("clock"),
    )
    joined = select(*columns).join(clocks, clocks.c.id == table.c.clock_id)
    declared = joined.join(presences, presences.c.id == table.c.presence_id).where(presences.c.day.in_(sorted(days)))
    first_ms, end_ms = _utc_ms(min(days) - _DAY), _utc_ms(max(days) + 2 * _DAY)
    of_days = table.c.utc_ms.between(first_ms, end_ms) | table.c.received_ms.between(first_ms, end_ms)
    open_yet = joined.where(table.c.presence_id.is_(None), table.c.state.in_(_SEEN), of_days)
    return [*connection.execute(declared), *connection.execute(open_yet)]


def _utc_ms(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp() * 1000)


def _shifts(place: _Place, punches: Sequence[_Punch]) -> dict[date, list[_Punch]]:
    """The punches of a worker, oldest first, by the day of their shift."""
    found: dict[date, list[_Punch]] = {}
    newest: date | None = None
    for punch in punches:
        day = local_day(punch.utc_ms, place.zone)
        if punch.presence is not None and not punch.presence.told.way:
            day = punch.presence.told.day
        elif punch.direction not in COMING and newest is not None:
            began_ms = _began_ms(found[newest], punch.utc_ms - place.rules.longest_shift_ms)
            day = day if began_ms is None else newest
        found.setdefault(day, []).append(punch)
        newest = day
    return found


def _began_ms(shift: Sequence[_Punch], since_ms: int) -> int | None:
    """When somebody came who was there since then, at the earliest; None if nobody did."""
    return shifts.began_ms([Passage(one.utc_ms, one.direction) for one in shift], since_ms)


# Who is expected


def _load_plans(connection: Connection, places: Mapping[int, _Place]) -> None:
    """The plans of the day, and of the day before whose nights go on."""
    days = {place.day - _DAY * step for place in _distinct(places) for step in (0, 1)}
    plans, table = schema.plans, schema.expected
    rows = connection.execute(
        select(plans.c.site_id, plans.c.day, table.c.worker_id, table.c.from_min, table.c.to_min, table.c.source)
        .outerjoin(table, table.c.plan_id == plans.c.id)
        .where(plans.c.day.in_(sorted(days)))
    )
    for row in rows:
        planned = places[row.site_id].planned.setdefault(row.day, {})
        if row.worker_id is not None:
            planned[row.worker_id] = Expectation(row.worker_id, Source(row.source), row.from_min, row.to_min)


def _unplanned(
    connection: Connection, places: Mapping[int, _Place], asked: Iterable[_Place]
) -> dict[int, dict[int, Expectation]]:
    """Who is expected, by worker, at the places of which no plan says it."""
    found: dict[int, dict[int, Expectation]] = {}
    wanted = [place for place in asked if place.day not in place.planned]
    services = _services(connection) if wanted else []
    for day in sorted({place.day for place in wanted}):
        of_day = [place for place in wanted if place.day == day]
        declared = expectations.by_dimona(services, _works_on(connection, places, day), day)
        elsewhere = {worker for of_place in declared.values() for worker in of_place} | _out_of_service(services, day)
        for place, habits in _habits(connection, places, of_day, day):
            by_habit = {one.worker_id: one for one in habits if one.worker_id not in elsewhere}
            found[id(place)] = by_habit | declared.get(place.rules.workplace, {})
    return found


def _services(connection: Connection) -> list[Service]:
    table = schema.dimona_periods
    return [Service(*row) for row in connection.execute(select(*(table.c[name] for name in Service._fields)))]


def _out_of_service(services: Iterable[Service], day: date) -> set[int]:
    """The workers of whom Dimona says that they are in no service on a day."""
    held: dict[int, bool] = defaultdict(bool)
    for one in services:
        held[one.worker_id] |= one.holds(day)
    return {worker for worker, holds in held.items() if not holds}


def _works_on(connection: Connection, places: Mapping[int, _Place], day: date) -> dict[int, frozenset[str]]:
    """The workplaces at which the declaration of works has each employer (by row) on a day."""
    table = schema.works
    rows = connection.execute(
        select(table.c.employer_id, table.c.site_id).where(
            table.c.from_day <= day, or_(table.c.to_day.is_(None), table.c.to_day >= day)
        )
    )
    found: dict[int, set[str]] = defaultdict(set)
    for row in rows:
        found[row.employer_id].add(places[row.site_id].rules.workplace)
    return {employer: frozenset(workplaces) for employer, workplaces in found.items()}


def _habits(
    connection: Connection, places: Mapping[int, _Place], wanted: Sequence[_Place], day: date
) -> list[tuple[_Place, list[Expectation]]]:
    """Who is expected at places by their last working days, from the latest of their first punches on these days on."""
    days_there = _days_there(connection, places, day)
    newest = {id(place): expectations.last_days(days_there[id(place)], day) for place in wanted}
    first_min = _first_minutes(connection, places, {one for days in newest.values() for one in days})
    held = schema.badges
    with_badge = set(connection.execute(select(held.c.worker_id).where(held.c.until_ms.is_(None)).distinct()).scalars())
    found = []
    for place in wanted:
        expected = []
        for one in expectations.by_habit(days_there[id(place)], day):
            if one.worker_id in with_badge:
                came = [first_min.get((id(place), one.worker_id, on)) for on in newest[id(place)]]
                from_min = max((minute for minute in came if minute is not None), default=None)
                expected.append(replace(one, from_min=from_min))
        found.append((place, expected))
    return found


def _days_there(
    connection: Connection, places: Mapping[int, _Place], day: date
) -> dict[int, dict[date, frozenset[int]]]:
    """Who was at each place on each of the days before, by presences that stand."""
    table = schema.presences
    rows = connection.execute(
        select(table.c.site_id, table.c.worker_id, table.c.day).where(
            table.c.day.between(day - _DAY * LOOK_BACK_DAYS, day - _DAY),
            table.c.state.not_in(list(ENDED)),
            table.c.way != Way.OUT,
        )
    )
    found: dict[int, dict[date, set[int]]] = {id(place): defaultdict(set) for place in places.values()}
    for site_id, worker_id, on in rows:
        found[id(places[site_id])][on].add(worker_id)
    return {place: {on: frozenset(there) for on, there in days.items()} for place, days in found.items()}


def _first_minutes(
    connection: Connection, places: Mapping[int, _Place], days: set[date]
) -> dict[tuple[int, int, date], int]:
    """The minute of the first punch of each worker at each place on each of these days, if that was on the day."""
    if not days:
        return {}
    table, punches = schema.presences, schema.punches
    rows = connection.execute(
        select(table.c.site_id, table.c.worker_id, table.c.day, func.min(punches.c.utc_ms))
        .join(punches, punches.c.presence_id == table.c.id)
        .where(table.c.day.in_(sorted(days)), table.c.state.not_in(list(ENDED)), punches.c.utc_ms > 0)
        .group_by(table.c.site_id, table.c.worker_id, table.c.day)
    )
    found: dict[tuple[int, int, date], int] = {}
    for site_id, worker_id, day, first_ms in rows:
        place = places[site_id]
        if local_day(first_ms, place.zone) == day:
            minute = local_minute(first_ms, place.zone)
            key = (id(place), worker_id, day)
            found[key] = min(minute, found.get(key, minute))
    return found


# Both together


@dataclass(frozen=True, slots=True)
class _Shift:
    """Somebody's shift at a place: its punches, its presences, and since when."""

    punches: tuple[_Punch, ...]
    presences: tuple[_Presence, ...]
    since_ms: int | None

    @property
    def status(self) -> Status:
        if self.punches and self.punches[-1].direction is Direction.OUT:
            return Status.GONE
        if self.punches and self.punches[-1].direction is Direction.BREAK_START:
            return Status.BREAK
        return Status.HERE


def _shift_of(place: _Place, worker_id: int, day: date) -> _Shift | None:
    """The shift of a day, if there is one."""
    punches = place.shifts.get(worker_id, {}).get(day, [])
    presences = {one.presence.id: one.presence for one in punches if one.presence is not None}
    presences |= {one.id: one for one in place.unpunched.get((worker_id, day), ())}
    if not punches and not presences:
        return None
    return _Shift(tuple(punches), tuple(presences.values()), punches[0].utc_ms if punches else None)


def _carried(place: _Place, worker_id: int, now_ms: int) -> _Shift | None:
    """The shift of the day before, if it went on after midnight: it has a punch since then, or it is open at `now_ms`
    and no longer than the longest shift. A punch that says no direction does not say that somebody stayed.
    """
    shift = _shift_of(place, worker_id, place.day - _DAY)
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


def _whereabouts(places: Mapping[int, _Place]) -> dict[int, list[tuple[_Place, str]]]:
    """Where each worker punched for the day of a place: the place, and the site of the last punch."""
    found: dict[int, list[tuple[_Place, str]]] = defaultdict(list)
    for place in _distinct(places):
        for worker_id, of_worker in place.shifts.items():
            if punches := of_worker.get(place.day):
                found[worker_id].append((place, place.names[punches[-1].site_id]))
    return found


def _here(
    place: _Place,
    unplanned: Mapping[int, Expectation],
    names: Mapping[int, str],
    at: Mapping[int, Sequence[tuple[_Place, str]]],
    now_ms: int,
) -> Here:
    expected = [(place.day, one) for one in place.planned.get(place.day, unplanned).values()]
    for one in place.planned.get(place.day - _DAY, {}).values():
        to_ms = _times(place, place.day - _DAY, one)[1]
        if to_ms is not None and now_ms < to_ms and to_ms > _moment_ms(place, place.day, 0):
            expected.append((place.day - _DAY, one))
    people: list[Person] = []
    met: dict[int, _Shift] = {}
    of_met: dict[int, Expected] = {}
    for day, one in expected:
        told = _expected(place, day, one)
        shift = _meets(place, day, one, told, now_ms)
        if shift is not None:
            met[one.worker_id], of_met[one.worker_id] = shift, told
        else:
            people.append(_absent(place, day, one.worker_id, told, names, at, now_ms))
    there = {*place.shifts, *(worker for worker, _ in place.unpunched)}
    for worker_id in there | met.keys():
        seen = met.get(worker_id) or _shift_of(place, worker_id, place.day) or _carried(place, worker_id, now_ms)
        if seen is not None:
            people.append(_person(place, names[worker_id], seen, of_met.get(worker_id)))
    people += [_stranger(place, punches) for punches in place.strangers.values()]
    order = list(Status)
    people.sort(key=lambda one: (order.index(one.status), one.worker is None, one.worker or one.item or ""))
    is_planned = place.day in place.planned
    return Here(tuple(place.names.values()), place.rules.workplace, place.zone, place.day, is_planned, tuple(people))


def _meets(place: _Place, day: date, one: Expectation, told: Expected, now_ms: int) -> _Shift | None:
    """The shift by which an expectation is met: that of its day, or one that reaches into its hours."""
    shift = _shift_of(place, one.worker_id, day)
    if shift is not None:
        return shift
    if day == place.day:
        carried = _carried(place, one.worker_id, now_ms)
        if carried is not None:
            is_gone = carried.status is Status.GONE
            reaches_ms = carried.punches[-1].utc_ms if is_gone else now_ms
            if not is_gone if told.from_ms is None else told.from_ms < reaches_ms:
                return carried
    later = _shift_of(place, one.worker_id, day + _DAY)
    is_in_time = later is not None and later.since_ms is not None and later.since_ms < (told.to_ms or 0)
    return later if is_in_time else None


def _absent(
    place: _Place,
    day: date,
    worker_id: int,
    told: Expected,
    names: Mapping[int, str],
    at: Mapping[int, Sequence[tuple[_Place, str]]],
    now_ms: int,
) -> Person:
    elsewhere = next((site for other, site in at.get(worker_id, ()) if other is not place), None)
    begins_ms = _moment_ms(place, day, 0) if told.from_ms is None else told.from_ms
    status = Status.LATER if now_ms < begins_ms else Status.MISSING
    ended = place.ended.get((worker_id, day))
    return Person(
        worker=names[worker_id],
        status=Status.ELSEWHERE if elsewhere else status,
        site=next(iter(place.names.values())),
        why=None if ended is None else _WHY[ended],
        expected=told,
        elsewhere=elsewhere,
    )


def _person(place: _Place, worker: str, shift: _Shift, expected: Expected | None) -> Person:
    declared = tuple(one.told for one in shift.presences)
    comings = [one for one in declared if one.way != Way.OUT] or list(declared)
    reasons = [one.why for one in declared if one.why] + [one.why for one in shift.punches if one.why]
    site_id = shift.punches[-1].site_id if shift.punches else shift.presences[-1].site_id
    return Person(
        worker=worker,
        status=shift.status,
        site=place.names[site_id],
        since_ms=shift.since_ms,
        last_ms=shift.punches[-1].utc_ms if shift.punches else None,
        item=next((one.item for one in reversed(shift.punches) if one.why), None),
        number=comings[-1].reception_number if comings else None,
        why="; ".join(dict.fromkeys(reasons)) or None,
        declarations=declared,
        expected=expected,
    )


def _stranger(place: _Place, punches: Sequence[_Punch]) -> Person:
    first, *_ = ordered = sorted(punches, key=lambda one: one.utc_ms)
    newest = ordered[-1]
    shift = _Shift(tuple(ordered), (), first.utc_ms)
    return Person(
        worker=None,
        status=shift.status,
        site=place.names[newest.site_id],
        since_ms=first.utc_ms,
        last_ms=newest.utc_ms,
        item=newest.item,
        why=newest.why,
    )


def _expected(place: _Place, day: date, one: Expectation) -> Expected:
    return Expected(one.source, *_times(place, day, one), one.days_there, one.days_seen)


def _times(place: _Place, day: date, one: Expectation) -> tuple[int | None, int | None]:
    """From when to when (ms UTC); an end that is not after the beginning lies on the next day."""
    from_ms = None if one.from_min is None else _moment_ms(place, day, one.from_min)
    if one.to_min is None:
        return from_ms, None
    ends_on = day + _DAY if one.from_min is not None and one.to_min <= one.from_min else day
    return from_ms, _moment_ms(place, ends_on, one.to_min, fold=1)


def _moment_ms(place: _Place, day: date, minute: int, fold: int = 0) -> int:
    return moment_ms(day, minute, place.zone, fold=fold)


# Why there is no number


_WHY: Final[Mapping[PresenceState, str]] = {
    PresenceState.QUEUED: "waits to be sent",
    PresenceState.SENT: "sent, no answer yet",
    PresenceState.UNKNOWN: "sent, and no answer says what became of it; the authority is searched",
    PresenceState.REFUSED: "refused by the authority",
    PresenceState.WAITING: "waits for a person",
    PresenceState.CANCELLING: "is being cancelled",
    PresenceState.CANCELLED: "its presence was cancelled",
    PresenceState.CLOSED: "its presence was closed by a person",
    PresenceState.REMARKS: "registered, with remarks",
}


def _declaration(row: Any) -> Declaration:
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
    )


def _why_presence(row: Any) -> str | None:
    why = _WHY.get(PresenceState(row.state))
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
