"""Times of a site's local day, also in the two nights when clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from badgeclock.bridge.errors import PeopleError

_YEARS: Final = (2000, 2199)


def checked_day(day: date) -> date:
    """The same day, if it is plausible; raises PeopleError at the ends of the calendar."""
    if not _YEARS[0] <= day.year <= _YEARS[1]:
        raise PeopleError(f"{day.isoformat()} is no day from {_YEARS[0]} to {_YEARS[1]}", "correct the year")
    return day


@lru_cache(maxsize=4096)
def moment_ms(day: date, minute: int, time_zone: str, *, fold: int = 0) -> int:
    """A minute (0 to 1439) of a local day as ms UTC. In the repeated hour of autumn the first, with `fold` 1 the
    second; a minute skipped in spring uses the offset before the change.
    """
    local = datetime.combine(day, time(minute // 60, minute % 60, fold=fold), ZoneInfo(time_zone))
    return int(local.timestamp() * 1000)


def local_moment(utc_ms: int, time_zone: str) -> datetime:
    """A moment in local time, with its offset."""
    return datetime.fromtimestamp(utc_ms / 1000, UTC).astimezone(ZoneInfo(time_zone))


@lru_cache(maxsize=8192)
def clock_text(utc_ms: int, time_zone: str, day: date) -> str:
    """A moment in local time, 07:02; preceded by month and day if it is not on `day`, followed by the offset in the
    repeated hour.
    """
    local = local_moment(utc_ms, time_zone)
    before = "" if local.date() == day else f"{local:%m-%d} "
    is_twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    after = f" ({local:%z})" if is_twice else ""
    return f"{before}{local:%H:%M}{after}"
