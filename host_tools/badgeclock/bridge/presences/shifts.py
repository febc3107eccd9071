"""Whether the first punch of a local day ends the shift that was open at midnight, or opens a presence of the new day;
and which declarations are assumed.

For regimes that declare days. A missing day cannot be repaired, an extra one can be cancelled until midnight. So:

* an OUT or a break by key (or of a clock with one direction) ends a shift that began no longer ago than the site's
  longest one;
* a direction from a clock's memory ends one if the site has night hours and it was a night shift;
* everything else opens a presence of the new day. If that is not evident it is *assumed*: declared, flagged, and
  offered to a person who can still cancel it.

Where movements are declared, a direction without a key is assumed unless the movement before it confirms it.

Pure: the caller provides the punches of the day before, of all gates of the site.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from badgeclock.authorities.base import Direction as Way
from badgeclock.bridge.presences.regimes import COMING, HOUR_MS, Place, Seen, local_minute
from badgeclock.protocol.record import Direction

REST_MS: Final = 11 * HOUR_MS
"""A worker who returns sooner after the last punch of the day before has hardly left: the minimum daily rest (directive
2003/88/EC, article 3)."""


MINUTE_MS: Final = 60_000
CLOCK_CHANGE_MS: Final = HOUR_MS
"""How far a wall clock may have jumped ahead since midnight."""
EARLY_MIN: Final = 240
"""Before this minute of the day no first punch is evident, if a site has no night hours."""
LATELY_DAYS: Final = 7
"""How many days back a worker's newest shift shows whether they work at night."""


class Passage(NamedTuple):
    """A punch of the day before, at any gate of the site: its moment (ms UTC) and its clock's direction."""

    utc_ms: int
    direction: Direction


class Assumed(StrEnum):
    """Why it is not evident that a worker was present on the day that a punch opened."""

    OPEN_SHIFT = "open_shift"
    """This punch may be the end of the day before's shift: its last punch is not an OUT, or was a moment ago."""
    NO_IN = "no_in"
    """An OUT or a break without a shift that it could end; a movement out without one in before it."""
    WAY = "way"
    """A movement: its direction is not from a key, and the movement before does not confirm it."""
    CORRECTED = "corrected"
    """A movement with such a direction that a key corrected right afterwards."""


_GONE: Final = frozenset({Direction.BREAK_START, Direction.OUT})


def ends_shift(seen: Seen, before: Sequence[Passage]) -> bool:
    """Whether a punch ends the shift of the day before, given by its passages, oldest first."""
    since_ms = began_ms(before, seen.utc_ms - seen.place.longest_shift_ms)
    if since_ms is None:
        return False
    if seen.is_sure:
        return seen.direction not in COMING
    return _is_night_shift(seen.place, since_ms, seen.utc_ms)


class Lately(NamedTuple):
    """The worker's newest shift at the place in the week before: its punches, oldest first, and whether it was evident
    at its first punch.
    """

    passages: Sequence[Passage]
    was_evident: bool


def assumed(seen: Seen, before: Sequence[Passage], lately: Lately | None = None) -> Assumed | None:
    """Why the day that a punch opens is not evident; None if it is. `before` are the passages of the day before;
    `lately` is the newest shift, which may be that of the day before.
    """
    is_open = bool(before) and before[-1].direction not in (Direction.OUT, Direction.NONE)
    if seen.direction not in COMING:
        return Assumed.OPEN_SHIFT if is_open else Assumed.NO_IN
    if seen.is_sure or is_of_its_day(seen):
        return None
    is_soon = bool(before) and seen.utc_ms - before[-1].utc_ms < REST_MS
    if is_soon or (is_open and seen.direction is Direction.IN):
        return Assumed.OPEN_SHIFT
    return Assumed.NO_IN if _may_end_a_night(seen, lately) else None


def is_of_its_day(seen: Seen) -> bool:
    """Whether a punch is so late in its day that no shift of the day before can last until then."""
    since_midnight_ms = local_minute(seen.utc_ms, seen.place.time_zone) * MINUTE_MS
    return since_midnight_ms >= seen.place.longest_shift_ms + CLOCK_CHANGE_MS


class Move(NamedTuple):
    """A movement at a place, at any gate: its moment (ms UTC) and its way."""

    utc_ms: int
    way: Way


def assumed_way(way: Way, seen: Seen, before: Move | None, *, clock_assumes: bool) -> Assumed | None:
    """Why the way of a movement is not evident; None if it is. `before` is the worker's newest movement at the place
    before it, within the days loaded; `clock_assumes`: its clock itself only assumes the way.

    A worker who is in leaves, and one who is out arrives: an opposite movement before confirms the way. A clock that
    assumes has no punch of the same day, so any movement before counts, and one is needed. Any other clock has seen the
    badge that day, so only another gate's movement within a shift can contradict it.
    """
    if seen.is_sure:
        return None
    if before is None:
        return Assumed.WAY if clock_assumes else None
    counts = clock_assumes or seen.utc_ms - before.utc_ms <= seen.place.longest_shift_ms
    return Assumed.WAY if counts and before.way is way else None


def _may_end_a_night(seen: Seen, lately: Lately | None) -> bool:
    """Whether a first punch may end a shift without any other punch: at night, unless the worker's last day began as
    early and was evident; or in the morning, for a worker with a recent night shift.
    """
    place = seen.place
    early_min = EARLY_MIN if place.night is None else place.night.end_min
    began_ms = lately.passages[0].utc_ms if lately is not None and lately.passages else None
    if local_minute(seen.utc_ms, place.time_zone) < early_min:
        comes_so_early = began_ms is not None and local_minute(began_ms, place.time_zone) < early_min
        return not (comes_so_early and lately is not None and lately.was_evident)
    return began_ms is not None and _is_night_shift(place, began_ms, seen.utc_ms)


def began_ms(before: Sequence[Passage], since_ms: int) -> int | None:
    """When a shift of at most the longest duration began: the earliest IN since then, or the first punch."""
    for at, passage in enumerate(before):
        if passage.utc_ms >= since_ms and (not at or passage.direction not in _GONE):
            return passage.utc_ms
    return None


def _is_night_shift(place: Place, began_ms: int, utc_ms: int) -> bool:
    if place.night is None:
        return False
    return place.night.is_shift(local_minute(began_ms, place.time_zone), local_minute(utc_ms, place.time_zone))
