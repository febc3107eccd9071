"""An authority's announced maintenance, as written in the settings: Belgian local time."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import time as wall_time
from typing import Final, NamedTuple

from badgeclock.authorities import belgian_time
from badgeclock.authorities.base import BELGIUM

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEKLY: Final = re.compile(r"(daily|mon|tue|wed|thu|fri|sat|sun) (\d\d:\d\d)-(\d\d:\d\d)")
_ONCE: Final = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d) to (\d{4}-\d\d-\d\d \d\d:\d\d)")


class _Window(NamedTuple):
    """A maintenance in Belgian wall clock time; `weekdays` are empty for one with dates, which are in UTC."""

    weekdays: frozenset[int]
    start: wall_time
    end: wall_time
    first: datetime | None = None
    last: datetime | None = None


@dataclass(frozen=True, slots=True)
class Calendar:
    """All announced maintenance of an authority, in Belgian time."""

    windows: tuple[_Window, ...] = ()

    @classmethod
    def parse(cls, lines: Iterable[str]) -> Calendar:
        """Read lines like `sun 02:00-06:00`, `daily 23:30-00:30` and `2026-12-24 18:00 to 2026-12-25 06:00`.

        A window that ends at or before its beginning ends the next day. When clocks change it is as wide as
        `belgian_time` interprets it. Raises ValueError with the line.
        """
        return cls(tuple(_window(line) for line in lines))

    def away_until(self, now: datetime) -> datetime | None:
        """When the present maintenance ends, in UTC; None if there is none. `now` is aware.

        Windows that follow one another without a gap are one.
        """
        until = now
        for _ in range(2 * len(self.windows) + 1):
            ends = [end for window in self.windows if (end := _end(window, until)) is not None]
            if not ends:
                break
            until = max(ends)
        return None if until == now else until.astimezone(UTC)


def _window(line: str) -> _Window:
    text = " ".join(line.lower().split())
    try:
        if weekly := _WEEKLY.fullmatch(text):
            days = range(7) if weekly[1] == "daily" else [_DAYS.index(weekly[1])]
            return _Window(frozenset(days), wall_time.fromisoformat(weekly[2]), wall_time.fromisoformat(weekly[3]))
        if once := _ONCE.fullmatch(text):
            first = belgian_time.earliest(datetime.fromisoformat(once[1]))
            last = belgian_time.latest(datetime.fromisoformat(once[2]))
            if first < last:
                return _Window(frozenset(), wall_time(), wall_time(), first, last)
    except ValueError:
        pass
    raise ValueError(
        f"{line!r} is no maintenance: write `sun 02:00-06:00`, `daily 23:30-00:30` or "
        "`2026-12-24 18:00 to 2026-12-25 06:00`"
    )


def _end(window: _Window, now: datetime) -> datetime | None:
    """When the window that holds `now` ends; None if it does not."""
    if window.first is not None and window.last is not None:
        return window.last if window.first <= now < window.last else None
    today = now.astimezone(BELGIUM).date()
    for day in (today - timedelta(days=1), today):
        if day.weekday() in window.weekdays:
            start = belgian_time.earliest(datetime.combine(day, window.start))
            last_day = day if window.start < window.end else day + timedelta(days=1)
            end = belgian_time.latest(datetime.combine(last_day, window.end))
            if start <= now < end:
                return end
    return None
