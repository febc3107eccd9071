"""Who is at a site, since when and with which number or why not; and who was expected and has not punched.

Reads the store at one moment. Sites with the same workplace number are one place. A shift belongs to the day of its
presence; for a movement, and for a punch without a presence, to the day on which it began. A worker in a shift that
began the day before, and was not over at midnight, counts as present today.

Nothing here shows a name, a national number or a badge: workers are shown by the office's own reference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection, select

from badgeclock.authorities.base import Direction as Way
from badgeclock.bridge.presences.attendance import (
    DAY,
    WHY,
    Declaration,
    KeptRows,
    PlaceDay,
    SeenPunch,
    Shift,
    Status,
    carried,
    distinct,
    load_shifts,
    places_on,
    shift_of,
    whereabouts,
)
from badgeclock.bridge.presences.expectations import Expectation, Source
from badgeclock.bridge.presences.expected_workers import KeptHabits, load_plans, unplanned
from badgeclock.bridge.presences.local_times import checked_day, local_moment, moment_ms
from badgeclock.bridge.presences.regimes import local_day
from badgeclock.bridge.store import schema


@dataclass(frozen=True, slots=True)
class Expected:
    """When somebody is expected (ms UTC, None: unknown), and the source; by habit, on how many of how many of the last
    working days they were present.
    """

    source: Source
    from_ms: int | None
    to_ms: int | None
    days_there: int | None
    days_seen: int | None


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody at a place. `worker` is the office's reference; None for an unknown badge, whose last punch is `item`
    (CLOCK/SEQ). Times are ms UTC: the first and the last punch of the shift. `site` is that of the last punch, else the
    one where they are expected; `elsewhere` is another site where they are present.
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
class PlaceToday:
    """A place on a day: its sites, and its people; `planned`: whether there is a plan of the day."""

    sites: tuple[str, ...]
    workplace: str
    time_zone: str
    day: date
    planned: bool
    people: tuple[Person, ...]

    def counts(self) -> dict[str, int]:
        """The number of people by status."""
        return {status.value: sum(one.status is status for one in self.people) for status in Status}


@dataclass(frozen=True, slots=True)
class Report:
    """The attendance at a moment (ms UTC), place by place."""

    now_ms: int
    places: tuple[PlaceToday, ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """A cache for a program that reads repeatedly: each read still gives the store's present content."""

    rows: KeptRows = field(default_factory=KeptRows)
    habits: KeptHabits = field(default_factory=KeptHabits)


def look(
    connection: Connection,
    now_ms: int,
    *,
    day: date | None = None,
    site_id: int | None = None,
    kept: Kept | None = None,
) -> Report:
    """Every place with somebody present or expected on a local day (None: each place's today), or the place of one
    site. `kept` is for looks at today alone.

    Raises PeopleError for a day at the ends of the calendar.
    """
    places = places_on(connection, now_ms, day and checked_day(day))
    load_shifts(connection, places, kept=None if kept is None else kept.rows)
    load_plans(connection, places)
    asked = [place for place in distinct(places) if site_id is None or site_id in place.names]
    habits = unplanned(connection, places, asked, None if kept is None else (kept.habits, now_ms))
    names = dict(connection.execute(select(schema.workers.c.id, schema.workers.c.reference)).tuples().all())
    at = whereabouts(places)
    made = [_here(place, habits.get(id(place), {}), names, at, now_ms) for place in asked]
    shown = tuple(one for one in made if one.people or site_id is not None)
    return Report(now_ms, tuple(sorted(shown, key=lambda one: one.sites)))


STANDINGS: Final = ("here", "without_number", "gone", "expected", "absent")


def standings(report: Report) -> dict[str, int]:
    """The number of people by each of STANDINGS: inside; inside without a number; gone; expected later; expected by now
    and not come.
    """
    found = dict.fromkeys(STANDINGS, 0)
    for place in report.places:
        counts = place.counts()
        inside = [one for one in place.people if one.status in (Status.HERE, Status.BREAK)]
        found["here"] += len(inside)
        found["without_number"] += sum(one.number is None for one in inside)
        found["gone"] += counts[Status.GONE]
        found["expected"] += counts[Status.LATER]
        found["absent"] += counts[Status.MISSING]
    return found


def as_dict(report: Report) -> dict[str, Any]:
    """The same for JSON: moments in ms UTC, and also in the site's local time, with the offset."""
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
                "reference": declared.reference,
                "employer": declared.employer or None,
                "day": declared.day.isoformat(),
                "way": declared.way or None,
                "moment_ms": declared.moment_ms,
                "state": declared.state,
                "reason": declared.reason,
                "error_code": declared.error_code,
                "reception_number": declared.reception_number,
                "why": declared.why,
                "manual": declared.manual,
            }
            for declared in one.declarations
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


_ORDER: Final = {status: at for at, status in enumerate(Status)}


def _here(
    place: PlaceDay,
    otherwise: Mapping[int, Expectation],
    names: Mapping[int, str],
    at: Mapping[int, Sequence[tuple[PlaceDay, str]]],
    now_ms: int,
) -> PlaceToday:
    expected = [(place.day, one) for one in place.planned.get(place.day, otherwise).values()]
    if local_day(now_ms, place.zone) == place.day:
        nights = [(place.day - DAY, one) for one in place.planned.get(place.day - DAY, {}).values()]
        expected += [night for night in nights if now_ms < (_times(place, *night)[1] or 0)]
    people: list[Person] = []
    met: dict[int, Shift] = {}
    of_met: dict[int, Expected] = {}
    for day, one in expected:
        hours = _expected(place, day, one)
        shift = _meets(place, day, one.worker_id, hours, now_ms)
        if shift is not None:
            met[one.worker_id], of_met[one.worker_id] = shift, hours
        else:
            people.append(_absent(place, day, one, hours, names, at, now_ms))
    there = {*place.shifts, *(worker for worker, _ in place.unpunched)}
    for worker_id in there | met.keys():
        seen = met.get(worker_id) or shift_of(place, worker_id, place.day) or carried(place, worker_id, now_ms)
        if seen is not None:
            people.append(_person(place, names[worker_id], seen, of_met.get(worker_id)))
    people += [_stranger(place, punches) for punches in place.strangers.values()]
    people.sort(key=lambda one: (_ORDER[one.status], one.worker is None, one.worker or one.item or ""))
    is_planned = place.day in place.planned
    return PlaceToday(
        tuple(place.names.values()), place.rules.workplace, place.zone, place.day, is_planned, tuple(people)
    )


def _meets(place: PlaceDay, day: date, worker_id: int, hours: Expected, now_ms: int) -> Shift | None:
    """The shift that meets an expectation: that of its day, or one that extends into its hours."""
    shift = shift_of(place, worker_id, day)
    if shift is not None:
        return shift
    if day == place.day:
        night = carried(place, worker_id, now_ms)
        if night is not None:
            is_gone = night.status is Status.GONE
            reaches_ms = night.punches[-1].utc_ms if is_gone else now_ms
            if not is_gone if hours.from_ms is None else hours.from_ms < reaches_ms:
                return night
    later = shift_of(place, worker_id, day + DAY)
    is_in_time = later is not None and later.since_ms is not None and later.since_ms < (hours.to_ms or 0)
    return later if is_in_time else None


def _absent(
    place: PlaceDay,
    day: date,
    one: Expectation,
    hours: Expected,
    names: Mapping[int, str],
    at: Mapping[int, Sequence[tuple[PlaceDay, str]]],
    now_ms: int,
) -> Person:
    elsewhere = next((site for other, site in at.get(one.worker_id, ()) if other is not place), None)
    begins_ms = _moment_ms(place, day, 0) if hours.from_ms is None else hours.from_ms
    late = Status.ELSEWHERE if elsewhere else Status.MISSING
    ended = place.ended.get((one.worker_id, day))
    return Person(
        worker=names[one.worker_id],
        status=Status.LATER if now_ms < begins_ms else late,
        site=place.names[one.site_id or min(place.names)],
        why=None if ended is None else WHY[ended],
        expected=hours,
        elsewhere=elsewhere,
    )


def _person(place: PlaceDay, worker: str, shift: Shift, expected: Expected | None) -> Person:
    declared = tuple(one.declaration for one in shift.presences)
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


def _stranger(place: PlaceDay, punches: Sequence[SeenPunch]) -> Person:
    first, *_ = ordered = sorted(punches, key=lambda one: one.utc_ms)
    newest = ordered[-1]
    shift = Shift(tuple(ordered), (), first.utc_ms)
    return Person(
        worker=None,
        status=shift.status,
        site=place.names[newest.site_id],
        since_ms=first.utc_ms,
        last_ms=newest.utc_ms,
        item=newest.item,
        why=newest.why,
    )


def _expected(place: PlaceDay, day: date, one: Expectation) -> Expected:
    return Expected(one.source, *_times(place, day, one), one.days_there, one.days_seen)


def _times(place: PlaceDay, day: date, one: Expectation) -> tuple[int | None, int | None]:
    """Beginning and end (ms UTC); an end that is not after the beginning is on the next day."""
    from_ms = None if one.from_min is None else _moment_ms(place, day, one.from_min)
    if one.to_min is None:
        return from_ms, None
    ends_on = day + DAY if one.from_min is not None and one.to_min <= one.from_min else day
    return from_ms, _moment_ms(place, ends_on, one.to_min, fold=1)


def _moment_ms(place: PlaceDay, day: date, minute: int, fold: int = 0) -> int:
    return moment_ms(day, minute, place.zone, fold=fold)
