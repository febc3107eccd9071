"""Who is expected at a site on a day without a plan: by the office's declarations, or by the last working days.

**By Dimona.** A worker whom Dimona has in an employer's service that day is expected at the workplace where the
declaration of works has this employer, if it is only one. A period of one day counts on any day; a longer one counts
from Monday to Friday, except on legal holidays.

**By the last five working days.** A working day of a site is one on which anybody was present, at most `LOOK_BACK_DAYS`
back; before a day from Monday to Friday, only such days count, so that a guard's weekend does not displace others. A
worker present on at least `OFTEN` of the newest five is expected, if the weekday is one of theirs: they were present on
one of the site's newest two working days of that weekday, counting those after their first day in that period. If there
are none, the weekday is theirs if it is Monday to Friday and their first day is less than two weeks ago. Nobody is
expected this way on a legal holiday.

Pure: the caller reads the store.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple

LOOK_BACK_DAYS: Final = 42
"""How far back working days count: six weeks, longer than the builders' summer holiday."""
LAST_DAYS: Final = 5
OFTEN: Final = 3
"""On how many of the last five days a worker must have been present: more than half."""
_ALIKE: Final = 2
_NEW: Final = timedelta(days=14)
_SATURDAY: Final = 5


class Source(StrEnum):
    """The source of an expectation."""

    PLANNING = "planning"
    """A planning tool's plan of the site's day."""
    LIST = "list"
    """A list that the office imported."""
    DIMONA = "dimona"
    """Dimona has the worker in service, and the declaration of works the employer at this site."""
    HABIT = "habit"
    """The last five working days."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """An expected worker (by row): from and to which minute of the local day, if known; for HABIT, on how many of how
    many last days the worker was present; for a plan, which of the place's sites.
    """

    worker_id: int
    source: Source
    from_min: int | None = None
    to_min: int | None = None
    days_there: int | None = None
    days_seen: int | None = None
    site_id: int | None = None


class Service(NamedTuple):
    """A Dimona period: worker and employer by row, first and last day (None: open), times of a single day."""

    worker_id: int
    employer_id: int
    from_day: date
    to_day: date | None
    from_min: int | None
    to_min: int | None

    def holds(self, day: date) -> bool:
        """Whether the worker is in this service on a day."""
        return self.from_day <= day and (self.to_day is None or day <= self.to_day)

    def is_worked(self, day: date) -> bool:
        """Whether a day is a working day of the period."""
        return self.from_day == self.to_day or (day.weekday() < _SATURDAY and day not in legal_holidays(day.year))


def by_dimona(
    services: Iterable[Service], places_of: Mapping[int, frozenset[str]], day: date
) -> dict[str, dict[int, Expectation]]:
    """Who is expected by Dimona on a day: by workplace and worker. `places_of` has each employer's workplaces that day,
    from the declaration of works.
    """
    found: dict[str, dict[int, Expectation]] = {}
    for service in services:
        places = places_of.get(service.employer_id, frozenset())
        if len(places) != 1 or not service.holds(day) or not service.is_worked(day):
            continue
        of_place = found.setdefault(next(iter(places)), {})
        expected = Expectation(service.worker_id, Source.DIMONA, service.from_min, service.to_min)
        before = of_place.get(service.worker_id)
        if before is None or (expected.from_min or 0) < (before.from_min or 0):
            of_place[service.worker_id] = expected
    return found


def by_habit(days: Mapping[date, frozenset[int]], day: date) -> list[Expectation]:
    """Who is expected at a place by its last five working days; `days` has who was present on each day before."""
    if day in legal_holidays(day.year):
        return []
    newest = last_days([one for one, there in days.items() if there], day)
    often = Counter(worker for one in newest for worker in days[one])
    worked = _looked_at(days, day)
    return [
        Expectation(worker, Source.HABIT, days_there=times, days_seen=len(newest))
        for worker, times in sorted(often.items())
        if times >= OFTEN and _is_weekday_of(worker, days, worked, day)
    ]


def last_days(days: Iterable[date], day: date) -> list[date]:
    """The newest five working days that count for a day, newest first."""
    return [one for one in _looked_at(days, day) if one.weekday() < _SATURDAY or day.weekday() >= _SATURDAY][:LAST_DAYS]


def _looked_at(days: Iterable[date], day: date) -> list[date]:
    since = day - timedelta(days=LOOK_BACK_DAYS)
    return sorted((one for one in days if since <= one < day), reverse=True)


def _is_weekday_of(worker: int, days: Mapping[date, frozenset[int]], worked: Sequence[date], day: date) -> bool:
    first = min(one for one in worked if worker in days[one])
    alike = [one for one in worked if one.weekday() == day.weekday()][:_ALIKE]
    known = [one for one in alike if one >= first]
    if known:
        return any(worker in days[one] for one in known)
    return day.weekday() < _SATURDAY and first > day - _NEW


@lru_cache(maxsize=64)
def legal_holidays(year: int) -> frozenset[date]:
    """The ten legal holidays of Belgium (Royal Decree of 18 April 1974, article 1), not the days that replace them."""
    easter = _easter(year)
    fixed = ((1, 1), (5, 1), (7, 21), (8, 15), (11, 1), (11, 11), (12, 25))
    return frozenset(
        {date(year, month, day) for month, day in fixed} | {easter + timedelta(days=after) for after in (1, 39, 50)}
    )


def _easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (J. Meeus, Astronomical Algorithms, chapter 8)."""
    century, of_century = divmod(year, 100)
    moon = (19 * (year % 19) + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    week = (32 + 2 * (century % 4) + 2 * (of_century // 4) - moon - of_century % 4) % 7
    late = (year % 19 + 11 * moon + 22 * week) // 451
    month, day = divmod(moon + week - 7 * late + 114, 31)
    return date(year, month, day + 1)
