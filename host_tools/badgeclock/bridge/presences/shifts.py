"""Whether the first punch of a local day ends the shift that was open at midnight, or opens a presence of the new day;
and which of what is declared is not evident.

For the regimes that declare days. A missing day cannot be repaired, an extra one can be cancelled until midnight. So:

* an OUT or a break by key (or of a clock that has one direction) ends a shift that began no longer ago than the site's
  longest one;
* a direction that only a clock's memory says ends one where the site has night hours, if it was a night's shift;
* everything else opens a presence of the new day. Where that is not evident it is *assumed*: declared, flagged, and
  offered to a person who can still cancel it.

Where movements are declared, a direction that no key says is assumed unless the movement before it says the same.

Pure: the caller brings the punches of the day before, of all gates of the site.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from badgeclock.authorities.base import Direction as Way
from badgeclock.bridge.presences.regimes import COMING, HOUR_MS, Place, Seen, local_minute
from badgeclock.protocol.record import Direction

REST_MS: Final = 11 * HOUR_MS
"""Who comes sooner after the last punch of the day before has hardly been away: the rest between two days of work
(directive 2003/88/EC, article 3)."""


MINUTE_MS: Final = 60_000
CLOCK_CHANGE_MS: Final = HOUR_MS
"""By so much a wall clock may have gone on since midnight without time passing."""
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
    """An OUT or a break, and nothing that it could be the end of; a movement out, and none in before it."""
    WAY = "way"
    """A movement: no key says its direction, and the movement before it does not bear it out."""
    CORRECTED = "corrected"
    """A movement with such a direction: right after it a key said another."""


_GONE: Final = frozenset({Direction.BREAK_START, Direction.OUT})


def ends_shift(seen: Seen, before: Sequence[Passage]) -> bool:
    """Whether a punch ends the shift of the day before, whose passages are given oldest first."""
    since_ms = began_ms(before, seen.utc_ms - seen.place.longest_shift_ms)
    if since_ms is None:
        return False
    if seen.is_sure:
        return seen.direction not in COMING
    return _is_night_shift(seen.place, since_ms, seen.utc_ms)


class Lately(NamedTuple):
    """The worker's newest shift at the place in the week before: its punches, oldest first, and whether it was evident
    when the first of them came.
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
    """Whether a punch comes so late in its day that no shift of the day before lasts until then."""
    since_midnight_ms = local_minute(seen.utc_ms, seen.place.time_zone) * MINUTE_MS
    return since_midnight_ms >= seen.place.longest_shift_ms + CLOCK_CHANGE_MS


class Move(NamedTuple):
    """A movement at a place, whatever gate: its moment (ms UTC) and its way."""

    utc_ms: int
    way: Way


def assumed_way(way: Way, seen: Seen, before: Move | None, *, clock_assumes: bool) -> Assumed | None:
    """Why the way of a movement is not evident; None if it is. `before` is the worker's newest movement at the place
    before it, of as many days as were looked at; `clock_assumes` whether its clock itself only assumes the way.

    A worker who is in leaves, and one who is out comes: a movement before that says the same bears the way out. A clock
    that assumes knows no punch of the same day, so any movement before counts, and one there must be. Any other clock
    has seen the badge that day, so only what another gate has seen within a shift can contradict it.
    """
    if seen.is_sure:
        return None
    if before is None:
        return Assumed.WAY if clock_assumes else None
    counts = clock_assumes or seen.utc_ms - before.utc_ms <= seen.place.longest_shift_ms
    return Assumed.WAY if counts and before.way is way else None


def _may_end_a_night(seen: Seen, lately: Lately | None) -> bool:
    """Whether a first punch may be the end of a shift of which no other tap is: at night, unless the worker's last day
    began so early too and was evident; or in the morning of a worker who worked at night lately.
    """
    place = seen.place
    early_min = EARLY_MIN if place.night is None else place.night.end_min
    began_ms = lately.passages[0].utc_ms if lately is not None and lately.passages else None
    if local_minute(seen.utc_ms, place.time_zone) < early_min:
        comes_so_early = began_ms is not None and local_minute(began_ms, place.time_zone) < early_min
        return not (comes_so_early and lately is not None and lately.was_evident)
    return began_ms is not None and _is_night_shift(place, began_ms, seen.utc_ms)


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
