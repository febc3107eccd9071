"""Reads from the store who is expected at places on a day: by a plan, else by `expectations`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Final, NamedTuple

from sqlalchemy import Connection, func, or_, select

from badgeclock.authorities.base import Direction as Way
from badgeclock.bridge.presences import expectations
from badgeclock.bridge.presences.attendance import DAY, PlaceDay, distinct
from badgeclock.bridge.presences.expectations import LOOK_BACK_DAYS, Expectation, Service, Source
from badgeclock.bridge.presences.regimes import COMING, local_day, local_minute
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.database import chunks
from badgeclock.bridge.store.states import ENDED


def load_plans(connection: Connection, places: Mapping[int, PlaceDay]) -> None:
    """The plans of the day, and night shifts of the day before."""
    days = {place.day - DAY * step for place in distinct(places) for step in (0, 1)}
    plans, table = schema.plans, schema.expected
    rows = connection.execute(
        select(plans.c.site_id, plans.c.day, table.c.worker_id, table.c.from_min, table.c.to_min, table.c.source)
        .outerjoin(table, table.c.plan_id == plans.c.id)
        .where(plans.c.day.in_(sorted(days)))
    )
    for row in rows:
        planned = places[row.site_id].planned.setdefault(row.day, {})
        if row.worker_id is not None:
            planned[row.worker_id] = Expectation(
                row.worker_id, Source(row.source), row.from_min, row.to_min, site_id=row.site_id
            )


def unplanned(
    connection: Connection,
    places: Mapping[int, PlaceDay],
    asked: Iterable[PlaceDay],
    kept: tuple[KeptHabits, int] | None = None,
) -> dict[int, dict[int, Expectation]]:
    """Who is expected, by worker, at the places without a plan; `kept` as in `_habits`."""
    found: dict[int, dict[int, Expectation]] = {}
    wanted = [place for place in asked if place.day not in place.planned]
    services = _services(connection) if wanted else []
    for day in sorted({place.day for place in wanted}):
        of_day = [place for place in wanted if place.day == day]
        declared = expectations.by_dimona(services, _works_on(connection, places, day), day)
        elsewhere = {worker for of_place in declared.values() for worker in of_place} | _out_of_service(services, day)
        for place, habits in _habits(connection, places, of_day, day, kept):
            usual = {one.worker_id: one.from_min for one in habits}
            by_habit = {one.worker_id: one for one in habits if one.worker_id not in elsewhere}
            by_dimona = {
                worker: one if one.from_min is not None else replace(one, from_min=usual.get(worker))
                for worker, one in declared.get(place.rules.workplace, {}).items()
            }
            found[id(place)] = by_habit | by_dimona
    return found


def _services(connection: Connection) -> list[Service]:
    table = schema.dimona_periods
    return [Service(*row) for row in connection.execute(select(*(table.c[name] for name in Service._fields)))]


def _out_of_service(services: Iterable[Service], day: date) -> set[int]:
    """The workers who, by Dimona, are in nobody's service on a day."""
    held: dict[int, bool] = defaultdict(bool)
    for one in services:
        held[one.worker_id] |= one.holds(day)
    return {worker for worker, holds in held.items() if not holds}


def _works_on(connection: Connection, places: Mapping[int, PlaceDay], day: date) -> dict[int, frozenset[str]]:
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


HELD_MS: Final = 600_000
_OVERLAP: Final = 256
"""So many of the newest numbers are looked at again: on PostgreSQL a lower one may be committed after a higher one."""
_Usual = Mapping[str, Sequence[Expectation]]
"""By workplace."""


class KeptHabits:
    """Who is expected by the last working days, kept for the day: a reading of the store finds in a few statements
    whether anything has changed that it comes from.

    That is: a presence of a day that is over has come, or a coming of one; one was cancelled or closed; a person or an
    office's tool did something, by which old punches get their presences and sites their names. What none of these
    shows is seen after `HELD_MS`.
    """

    def __init__(self) -> None:
        self._held: dict[date, _Held] = {}

    def of(self, connection: Connection, places: Mapping[int, PlaceDay], day: date, now_ms: int) -> _Usual:
        """Who usually comes on a day, by workplace."""
        held = self._held.get(day)
        mark = _mark(connection)
        since = _newest(connection) if held is None else held.since
        late, newest = _late(connection, day, since)
        if held is None or (held.mark, held.late) != (mark, late) or not 0 <= now_ms - held.at_ms < HELD_MS:
            there = [place for place in distinct(places) if place.day == day]
            held = _Held(now_ms, mark, since, late, _usual(connection, places, there, day))
        since = _Newest(max(held.since.presence, newest.presence), max(held.since.punch, newest.punch))
        rest = _Late(
            frozenset(one for one in late.presences if one > since.presence),
            frozenset(one for one in late.punches if one > since.punch),
        )
        days = {place.day for place in places.values()}
        kept = {one: of for one, of in self._held.items() if one in days}
        self._held = kept | {day: held._replace(since=since, late=rest)}
        return held.usual


class _Newest(NamedTuple):
    """Numbers of rows, behind which those are that came lately."""

    presence: int
    punch: int


class _Late(NamedTuple):
    """Rows that came lately and are of days that are over."""

    presences: frozenset[int]
    punches: frozenset[int]


class _Held(NamedTuple):
    at_ms: int
    mark: tuple[int, int]
    since: _Newest
    late: _Late
    usual: _Usual


def _mark(connection: Connection) -> tuple[int, int]:
    """How many presences have ended, and the newest act."""
    counts, acts = schema.presence_counts, schema.acts
    of_ended = select(func.coalesce(func.sum(counts.c.number), 0)).where(counts.c.state.in_(list(ENDED)))
    newest_act = select(func.coalesce(func.max(acts.c.id), 0))
    return int(connection.execute(of_ended).scalar_one()), int(connection.execute(newest_act).scalar_one())


def _newest(connection: Connection) -> _Newest:
    """A little before the newest rows that there are."""
    found = []
    for table in (schema.presences, schema.punches):
        top = connection.execute(select(func.coalesce(func.max(table.c.id), 0))).scalar_one()
        found.append(max(0, int(top) - _OVERLAP))
    return _Newest(*found)


def _late(connection: Connection, day: date, since: _Newest) -> tuple[_Late, _Newest]:
    """Which rows behind those numbers are of days before, and where to look from the next time."""
    presences, punches = schema.presences, schema.punches
    came = connection.execute(
        select(presences.c.id, presences.c.day).where(presences.c.id > since.presence).order_by(presences.c.id)
    ).all()
    tapped = connection.execute(
        select(punches.c.id, punches.c.presence_id)
        .where(punches.c.id > since.punch, punches.c.direction.in_(COMING))
        .order_by(punches.c.id)
    ).all()
    days: dict[int, date] = {}
    for some in chunks(sorted({row.presence_id for row in tapped if row.presence_id is not None})):
        of_these = select(presences.c.id, presences.c.day).where(presences.c.id.in_(some))
        days |= dict(connection.execute(of_these).tuples().all())
    late = _Late(
        frozenset(row.id for row in came if row.day < day),
        frozenset(row.id for row in tapped if days.get(row.presence_id, day) < day),
    )
    ends = (came[-1].id if came else 0, tapped[-1].id if tapped else 0)
    return late, _Newest(*(max(0, end - _OVERLAP) for end in ends))


def _habits(
    connection: Connection,
    places: Mapping[int, PlaceDay],
    wanted: Sequence[PlaceDay],
    day: date,
    kept: tuple[KeptHabits, int] | None,
) -> list[tuple[PlaceDay, list[Expectation]]]:
    """Who is expected at places by their last working days, from the latest of their first punches on these days.

    `kept`: what the process keeps of them, and now (ms UTC).
    """
    usual = _usual(connection, places, wanted, day) if kept is None else kept[0].of(connection, places, day, kept[1])
    held = schema.badges
    with_badge = set(connection.execute(select(held.c.worker_id).where(held.c.until_ms.is_(None)).distinct()).scalars())
    return [
        (place, [one for one in usual.get(place.rules.workplace, ()) if one.worker_id in with_badge])
        for place in wanted
    ]


def _usual(
    connection: Connection, places: Mapping[int, PlaceDay], wanted: Sequence[PlaceDay], day: date
) -> dict[str, list[Expectation]]:
    """The same whether they still have a badge or not."""
    days_there = _days_there(connection, places, day)
    newest = {id(place): expectations.last_days(days_there[id(place)], day) for place in wanted}
    first_min = _first_minutes(connection, places, {one for days in newest.values() for one in days})
    found: dict[str, list[Expectation]] = {}
    for place in wanted:
        expected = found[place.rules.workplace] = []
        for one in expectations.by_habit(days_there[id(place)], day):
            came = [first_min.get((id(place), one.worker_id, on)) for on in newest[id(place)]]
            from_min = max((minute for minute in came if minute is not None), default=None)
            expected.append(replace(one, from_min=from_min))
    return found


def _days_there(
    connection: Connection, places: Mapping[int, PlaceDay], day: date
) -> dict[int, dict[date, frozenset[int]]]:
    """Who was at each place on each of the days before, by valid presences; for movements by an arrival, not the end of
    a break.
    """
    table, punches = schema.presences, schema.punches
    standing = select(table.c.site_id, table.c.worker_id, table.c.day).where(
        table.c.day.between(day - DAY * LOOK_BACK_DAYS, day - DAY), table.c.state.not_in(list(ENDED))
    )
    came = standing.join(punches, punches.c.presence_id == table.c.id).where(
        table.c.way == Way.IN, punches.c.direction.in_(COMING)
    )
    found: dict[int, dict[date, set[int]]] = {id(place): defaultdict(set) for place in places.values()}
    for statement in (standing.where(table.c.way == ""), came):
        for site_id, worker_id, on in connection.execute(statement).all():
            found[id(places[site_id])][on].add(worker_id)
    return {place: {on: frozenset(there) for on, there in days.items()} for place, days in found.items()}


def _first_minutes(
    connection: Connection, places: Mapping[int, PlaceDay], days: set[date]
) -> dict[tuple[int, int, date], int]:
    """The minute of the first arrival of each worker at each place on each of these days, if it was on the day
    itself."""
    if not days:
        return {}
    table, punches = schema.presences, schema.punches
    rows = connection.execute(
        select(table.c.site_id, table.c.worker_id, table.c.day, func.min(punches.c.utc_ms))
        .join(punches, punches.c.presence_id == table.c.id)
        .where(table.c.day.in_(sorted(days)), table.c.state.not_in(list(ENDED)))
        .where(punches.c.direction.in_(COMING), punches.c.utc_ms > 0)
        .group_by(table.c.site_id, table.c.worker_id, table.c.day)
    )
    found: dict[tuple[int, int, date], int] = {}
    for site_id, worker_id, day, first_ms in rows.all():
        place = places[site_id]
        if local_day(first_ms, place.zone) == day:
            minute = local_minute(first_ms, place.zone)
            key = (id(place), worker_id, day)
            found[key] = min(minute, found.get(key, minute))
    return found
