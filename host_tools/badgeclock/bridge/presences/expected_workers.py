"""Reads from the store who is expected at places on a day: by a plan, else by `expectations`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date

from sqlalchemy import Connection, func, or_, select

from badgeclock.authorities.base import Direction as Way
from badgeclock.bridge.presences import expectations
from badgeclock.bridge.presences.attendance import DAY, PlaceDay, distinct
from badgeclock.bridge.presences.expectations import LOOK_BACK_DAYS, Expectation, Service, Source
from badgeclock.bridge.presences.regimes import COMING, local_day, local_minute
from badgeclock.bridge.store import schema
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
    connection: Connection, places: Mapping[int, PlaceDay], asked: Iterable[PlaceDay]
) -> dict[int, dict[int, Expectation]]:
    """Who is expected, by worker, at the places without a plan."""
    found: dict[int, dict[int, Expectation]] = {}
    wanted = [place for place in asked if place.day not in place.planned]
    services = _services(connection) if wanted else []
    for day in sorted({place.day for place in wanted}):
        of_day = [place for place in wanted if place.day == day]
        declared = expectations.by_dimona(services, _works_on(connection, places, day), day)
        elsewhere = {worker for of_place in declared.values() for worker in of_place} | _out_of_service(services, day)
        for place, habits in _habits(connection, places, of_day, day):
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


def _habits(
    connection: Connection, places: Mapping[int, PlaceDay], wanted: Sequence[PlaceDay], day: date
) -> list[tuple[PlaceDay, list[Expectation]]]:
    """Who is expected at places by their last working days, from the latest of their first punches on these days."""
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
