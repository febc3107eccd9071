"""Hours from punches: for each shift of a worker at a place, beginning and end, hours worked and on a break.

An IN begins work and an OUT ends it; a break is an OUT at its start and an IN at its end. Missing punches are not
invented: a shift whose last punch is not an OUT, or that begins with an OUT, is incomplete, and only the time between
an IN and the OUT after it counts. A registration by hand has no hours. Hours are not proof of a registration: the
reception number is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from sqlalchemy import Connection, select

from badgeclock.bridge.presences import attendance
from badgeclock.bridge.presences.attendance import Declaration, PlaceDay, distinct, shift_of
from badgeclock.bridge.presences.regimes import COMING
from badgeclock.bridge.presences.shifts import Passage
from badgeclock.bridge.store import schema
from badgeclock.protocol.record import Direction

DAYS_MOST: Final = 62
_MINUTE_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Hours:
    """The hours of a shift's punches, in whole minutes rounded down; moments are ms UTC, None: not punched."""

    first_ms: int | None
    last_ms: int | None
    worked_min: int
    break_min: int
    is_complete: bool


@dataclass(frozen=True, slots=True)
class WorkedShift:
    """A worker's shift of a day at a place, and its declarations."""

    worker: str
    sites: tuple[str, ...]
    workplace: str
    zone: str
    day: date
    hours: Hours
    declarations: tuple[Declaration, ...]

    @property
    def employers(self) -> tuple[str, ...]:
        """The enterprise numbers under which it is declared."""
        return tuple(dict.fromkeys(one.employer for one in self.declarations if one.employer))

    @property
    def numbers(self) -> tuple[int, ...]:
        """The valid reception numbers."""
        return tuple(one.reception_number for one in self.declarations if one.reception_number is not None)

    @property
    def is_manual(self) -> bool:
        """Whether the office registered it."""
        return any(one.manual for one in self.declarations)


_COMES: Final = COMING | {Direction.BREAK_END}


def of_punches(punches: Sequence[Passage]) -> Hours:
    """The hours of a shift's punches, oldest first."""
    if not punches:
        return Hours(None, None, 0, 0, is_complete=False)
    worked_ms = break_ms = 0
    since_ms: int | None = None
    on_break_ms: int | None = None
    is_complete = punches[0].direction in COMING
    for at_ms, direction in punches:
        if direction in _COMES:
            if on_break_ms is not None:
                break_ms += at_ms - on_break_ms
                on_break_ms = None
            since_ms = at_ms if since_ms is None else since_ms
            continue
        if since_ms is None:
            is_complete = is_complete and direction is Direction.OUT and on_break_ms is not None
        else:
            worked_ms += at_ms - since_ms
            since_ms = None
        on_break_ms = at_ms if direction is Direction.BREAK_START else None
    is_complete = is_complete and punches[-1].direction is Direction.OUT
    first_ms = punches[0].utc_ms if punches[0].direction in _COMES else None
    last_ms = punches[-1].utc_ms if punches[-1].direction is Direction.OUT else None
    return Hours(first_ms, last_ms, worked_ms // _MINUTE_MS, break_ms // _MINUTE_MS, is_complete)


def between(
    connection: Connection, first: date, last: date, now_ms: int, *, site_id: int | None, worker_id: int | None
) -> list[WorkedShift]:
    """The shifts of local days, of one site's place or all, of one worker or all; by worker, day and place."""
    days = [first + timedelta(days=step) for step in range((last - first).days + 1)][:DAYS_MOST]
    places = attendance.places_on(connection, now_ms, days[0])
    attendance.load_shifts(connection, places, days, worker_id)
    table = schema.workers
    names = dict(connection.execute(select(table.c.id, table.c.reference)).tuples().all())
    found = [
        shift
        for place in distinct(places)
        if site_id is None or site_id in place.names
        for shift in _of_place(place, days, names)
    ]
    return sorted(found, key=lambda one: (one.worker, one.day, one.workplace))


def _of_place(place: PlaceDay, days: Iterable[date], names: Mapping[int, str]) -> Iterable[WorkedShift]:
    workers = {*place.shifts, *(worker for worker, _ in place.unpunched)}
    for worker_id in workers:
        for day in days:
            shift = shift_of(place, worker_id, day)
            if shift is not None:
                hours = of_punches([Passage(one.utc_ms, one.direction) for one in shift.punches])
                declared = tuple(one.declaration for one in shift.presences)
                site_ids = {one.site_id for one in shift.punches} | {one.site_id for one in shift.presences}
                at = tuple(sorted(place.names[one] for one in site_ids))
                yield WorkedShift(names[worker_id], at, place.rules.workplace, place.zone, day, hours, declared)
