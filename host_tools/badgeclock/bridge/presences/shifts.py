"""Whether the first punch of a local day ends the shift that was open at midnight, or opens a presence of the new day.

For the regimes that declare days. A missing day cannot be repaired, an extra one can be cancelled until midnight. So:

* an OUT or a break by key (or of a clock that has one direction) ends a shift that began no longer ago than the site's
  longest one;
* a direction that only a clock's memory says ends one where the site has night hours, if it was a night's shift;
* everything else opens a presence of the new day. Where that is not evident it is *assumed*: declared, flagged, and
  offered to a person who can still cancel it.

Pure: the caller brings the punches of the day before, of all gates of the site.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from badgeclock.bridge.presences.regimes import COMING, HOUR_MS, Place, Seen, local_minute
from badgeclock.protocol.record import Direction

REST_MS: Final = 11 * HOUR_MS
"""Who comes sooner after the last punch of the day before has hardly been away: the rest between two days of work
(directive 2003/88/EC, article 3)."""


EARLY_MIN: Final = 240
"""Before this minute of the day nobody's first punch is evident, where a site gives no night hours."""
LATELY_DAYS: Final = 7
"""So many days back a worker's newest shift says whether they work at night."""


class Passage(NamedTuple):
    """A punch of the day before, at any gate of the site: its moment (ms UTC) and what its clock took it for."""

    utc_ms: int
    direction: Direction


class Assumed(StrEnum):
    """Why it is not evident that a worker is there on the day that a punch opened."""

    OPEN_SHIFT = "open_shift"
    """This punch may be the end of the day before's shift: that has no OUT as its last punch, or was a moment ago."""
    NO_IN = "no_in"
    """An OUT or a break, and nothing that it could be the end of."""


_GONE: Final = frozenset({Direction.BREAK_START, Direction.OUT})


def ends_shift(seen: Seen, before: Sequence[Passage]) -> bool:
    """Whether a punch ends the shift of the day before, whose passages are given oldest first."""
    since_ms = began_ms(before, seen.utc_ms - seen.place.longest_shift_ms)
    if since_ms is None:
        return False
    if seen.is_sure:
        return seen.direction not in COMING
    return _is_night_shift(seen.place, since_ms, seen.utc_ms)


def assumed(seen: Seen, before: Sequence[Passage], lately: Sequence[Passage] = ()) -> Assumed | None:
    """Why the day that a punch opens is not evident; None if it is. `lately` are the passages of the worker's newest
    shift of the week before, if there is none of the day before.
    """
    is_open = bool(before) and before[-1].direction not in (Direction.OUT, Direction.NONE)
    if seen.direction not in COMING:
        return Assumed.OPEN_SHIFT if is_open else Assumed.NO_IN
    if seen.is_sure:
        return None
    if not before:
        return Assumed.NO_IN if _may_end_a_night(seen, lately) else None
    is_soon = seen.utc_ms - before[-1].utc_ms < REST_MS
    return Assumed.OPEN_SHIFT if is_soon or (is_open and seen.direction is Direction.IN) else None


def _may_end_a_night(seen: Seen, lately: Sequence[Passage]) -> bool:
    """Whether a first punch may be the end of a shift of which no other tap is: at night, or in the morning of a worker
    who worked at night lately.
    """
    night = seen.place.night
    if local_minute(seen.utc_ms, seen.place.time_zone) < (EARLY_MIN if night is None else night.end_min):
        return True
    return bool(lately) and _is_night_shift(seen.place, lately[0].utc_ms, seen.utc_ms)


def began_ms(before: Sequence[Passage], since_ms: int) -> int | None:
    """When a shift began that is no longer than it may be: the earliest coming since then, or whatever came first."""
    for at, passage in enumerate(before):
        if passage.utc_ms >= since_ms and (not at or passage.direction not in _GONE):
            return passage.utc_ms
    return None


def _is_night_shift(place: Place, began_ms: int, utc_ms: int) -> bool:
    if place.night is None:
        return False
    return place.night.is_shift(local_minute(began_ms, place.time_zone), local_minute(utc_ms, place.time_zone))
