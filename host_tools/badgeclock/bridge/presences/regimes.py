"""The rules of the sectors: what a punch calls for, by the regime of its site. Nothing here knows store or network.

Two kinds of declarations. Construction and meat declare **a day**: one presence a worker, site and local day, opened by
the day's first punch unless that ends a shift that was open at midnight (`shifts`). Cleaning, moving, and construction
once its law asks for it, declare **a movement**: every coming and going with its time; a break is a going at its start
and a coming at its end.

The clock always keeps in, out and break; the regime decides what of it is declared. A site can have a regime until a
day and another from it on. Nothing is backdated: what comes too late to be declared truthfully is a Reason for a person
to look at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from badgeclock.authorities.base import BELGIUM, Item, MovementItem, PresenceItem
from badgeclock.authorities.base import Direction as Way
from badgeclock.bridge.store.states import IdentityKind, Reason
from badgeclock.protocol.record import Direction

HOUR_MS: Final = 3_600_000
QUARTER_MS: Final = 900_000
CLOCK_AHEAD_MS: Final = 300_000
"""By how much a clock's time may run ahead of the bridge's before a person must look."""
LONGEST_SHIFT_H: Final = 12
"""Longest shift of a site that says nothing else, in hours. A choice: the less, the sooner a forgotten OUT is no longer
taken for open; the more, the longer a day's overtime still ends the right shift."""
NIGHT_MARGIN_MIN: Final = 120
"""By how many minutes a night shift may begin before the site's night hours, and end after them."""
MOVEMENT_LATE_MS: Final = 600_000
"""A movement is declared in real time, says the law; what that allows no document found says. Ten minutes is what
another vendor's client keeps to."""
DAY_MIN: Final = 1440


class Regime(StrEnum):
    """Which rule a site's presences follow."""

    CONSTRUCTION = "construction"
    MEAT = "meat"
    CLEANING = "cleaning"
    MOVING = "moving"
    CONSTRUCTION_IN_OUT = "construction-io"
    """Construction once going must be declared too, announced for 2027: to be set when the law is in force."""


ONLY_THE_WORKER: Final[Mapping[Regime, str]] = {
    Regime.CLEANING: "programme law of 26 December 2022, articles 22 to 48, and Check In and Out at Work",
    Regime.MOVING: "Check In and Out at Work",
    Regime.CONSTRUCTION_IN_OUT: "the law on going from a construction site, which ends registration from afar",
}
"""The regimes where each worker registers in person, on the spot and in real time, and no employer does it for them, by
what law. In construction and meat the employer registers, on the day or before (PresenceRegistration 1.11).
"""


class Declared(StrEnum):
    """What a presence declares to the authority."""

    DAY = "day"
    MOVEMENT = "movement"


ITEM_OF: Final[Mapping[Declared, type[Item]]] = {Declared.DAY: PresenceItem, Declared.MOVEMENT: MovementItem}
"""By which item of an authority each is declared."""


class Night(NamedTuple):
    """The hours in which a site works at night: minutes of the local day, the end below the beginning if midnight lies
    between.
    """

    begin_min: int
    end_min: int

    @classmethod
    def of(cls, text: str | None) -> Night | None:
        """Out of "22:00-06:00", as the store has it; None for no night hours."""
        if not text:
            return None
        begin, end = (int(part[:2]) * 60 + int(part[3:]) for part in text.split("-"))
        return cls(begin, end)

    def is_shift(self, began_min: int, ends_min: int) -> bool:
        """Whether a shift that began the day before at a minute, and ends at one, is a night's."""
        first_min = self.begin_min - NIGHT_MARGIN_MIN + (DAY_MIN if self.begin_min < self.end_min else 0)
        return began_min >= first_min and ends_min <= self.end_min + NIGHT_MARGIN_MIN


class Place(NamedTuple):
    """A site as the rules see it. `next_regime` counts from the local day `from_day` on; None: nothing changes."""

    site_id: int
    workplace: str
    time_zone: str
    regime: Regime
    next_regime: Regime | None = None
    from_day: date | None = None
    longest_shift_ms: int = LONGEST_SHIFT_H * HOUR_MS
    night: Night | None = None

    @classmethod
    def of(cls, row: Any) -> Place:
        """Out of a row that has `PLACE_COLUMNS` of a site, and its number as `site_id`."""
        return cls(
            row.site_id,
            row.workplace,
            row.time_zone,
            Regime(row.regime),
            None if row.next_regime is None else Regime(row.next_regime),
            row.regime_from,
            row.longest_shift_h * HOUR_MS,
            Night.of(row.night_hours),
        )

    def regime_on(self, day: date) -> Regime:
        """The regime of a local day."""
        if self.next_regime is not None and self.from_day is not None and day >= self.from_day:
            return self.next_regime
        return self.regime

    def declares_on(self, day: date) -> Declared:
        """What is declared of a local day."""
        return RULES[self.regime_on(day)].declared


PLACE_COLUMNS: Final = (
    "workplace",
    "time_zone",
    "regime",
    "next_regime",
    "regime_from",
    "longest_shift_h",
    "night_hours",
)
"""The columns of `sites` that make a Place."""


class Seen(NamedTuple):
    """Of a punch what a rule looks at: its direction, whether a key or the clock's own fixed direction says so, its
    moment (ms UTC) and its place.
    """

    direction: Direction
    is_sure: bool
    utc_ms: int
    place: Place


class Wanted(NamedTuple):
    """What a punch calls for.

    day      the local day at the site
    earlier  the day before, if what was open at midnight has to do with it
    way      in or out, of a movement
    """

    declared: Declared
    day: date
    earlier: date | None = None
    way: Way | None = None


class Rule(NamedTuple):
    """What a regime declares, and by which function of a punch."""

    declared: Declared
    wanted: Callable[[Seen], Wanted | Reason]


def day_of_presence(seen: Seen) -> Wanted | Reason:
    """Construction and meat: a punch belongs to its local day, and opens the day's presence if there is none.

    A night shift is declared for the day it began on: what may be the end of one has to do with the day before, and so
    has all that only the clock's memory says. Whoever comes IN by key after midnight is there on that day too.
    """
    day = local_day(seen.utc_ms, seen.place.time_zone)
    return Wanted(Declared.DAY, day, None if _comes_for_sure(seen) else day - _DAY)


def movement(seen: Seen) -> Wanted | Reason:
    """Cleaning and moving: every punch is a movement. One without direction is never guessed at.

    A going belongs to the coming before it, and a break to its shift, which may have begun the day before. What was
    before says too whether a direction can be right that only a clock's memory says.
    """
    way = WAYS.get(seen.direction)
    if way is None:
        return Reason.NO_DIRECTION
    day = local_day(seen.utc_ms, seen.place.time_zone)
    return Wanted(Declared.MOVEMENT, day, None if _comes_for_sure(seen) else day - _DAY, way)


def _comes_for_sure(seen: Seen) -> bool:
    return seen.is_sure and seen.direction in COMING


_DAY: Final = timedelta(days=1)
COMING: Final = frozenset({Direction.NONE, Direction.IN})
"""The directions of who comes; the others are those of somebody who was there."""
WAYS: Final[Mapping[Direction, Way]] = {
    Direction.IN: Way.IN,
    Direction.OUT: Way.OUT,
    Direction.BREAK_START: Way.OUT,
    Direction.BREAK_END: Way.IN,
}
"""Of a movement, by the direction of its punch; a break is a going at its start and a coming at its end."""

RULES: Final[Mapping[Regime, Rule]] = {
    Regime.CONSTRUCTION: Rule(Declared.DAY, day_of_presence),
    Regime.MEAT: Rule(Declared.DAY, day_of_presence),
    Regime.CLEANING: Rule(Declared.MOVEMENT, movement),
    Regime.MOVING: Rule(Declared.MOVEMENT, movement),
    Regime.CONSTRUCTION_IN_OUT: Rule(Declared.MOVEMENT, movement),
}


def wanted(seen: Seen) -> Wanted | Reason:
    """What a punch calls for by the regime of its place on its local day."""
    return RULES[seen.place.regime_on(local_day(seen.utc_ms, seen.place.time_zone))].wanted(seen)


def employer_declared(kind: IdentityKind, employer_kbo: str | None) -> str:
    """The enterprise number a worker is declared under; empty under Limosa, whose number says it all.

    It is the worker's own employer, whoever runs the site: a subcontractor's workers are declared under the
    subcontractor. The self-employed are declared under their own enterprise.
    """
    return employer_kbo or "" if kind is IdentityKind.NISS else ""


def is_ahead(utc_ms: int, now_ms: int) -> bool:
    """Whether a clock's time runs further ahead of the bridge's than both may be wrong without anybody noticing."""
    return utc_ms > now_ms + CLOCK_AHEAD_MS


def day_ahead(utc_ms: int, bound_ms: int | None, now_ms: int, time_zone: str) -> date | None:
    """The local day of a moment that `is_ahead`, as far as it is known; None if it is not.

    Nothing was punched after it was received. So the day is known if the clock names the present one, or if the
    earliest moment that its own bound allows lies before the reception and on the same day.
    """
    today = local_day(now_ms, time_zone)
    earliest_ms = utc_ms if bound_ms is None else utc_ms - bound_ms
    is_known = local_day(utc_ms, time_zone) == today or (
        earliest_ms <= now_ms + CLOCK_AHEAD_MS and local_day(earliest_ms, time_zone) == today
    )
    return today if is_known else None


def too_late(declared: Declared, day: date, utc_ms: int, now_ms: int, time_zone: str) -> bool:
    """Whether it is too late at `now_ms` to declare a presence of a local day, or a movement of a moment (ms UTC)."""
    if declared is Declared.MOVEMENT:
        return movement_too_late(utc_ms, now_ms)
    return day_is_over(day, now_ms, time_zone)


def day_is_over(day: date, now_ms: int, time_zone: str) -> bool:
    """Whether a day is over at the site or in Belgium: the service takes today or tomorrow only, by its own clock."""
    return day < max(local_day(now_ms, time_zone), local_day(now_ms, BELGIUM.key))


def movement_too_late(utc_ms: int, now_ms: int) -> bool:
    """Whether a movement lies so far back that to declare it would be to backdate it."""
    return now_ms - utc_ms > MOVEMENT_LATE_MS


def local_day(utc_ms: int, time_zone: str) -> date:
    """The day at the site at a moment (ms since 1970-01-01 UTC)."""
    return _local_quarter(utc_ms // QUARTER_MS, time_zone)[0]


def local_minute(utc_ms: int, time_zone: str) -> int:
    """The minute of the local day at a moment, 0 to 1439."""
    return _local_quarter(utc_ms // QUARTER_MS, time_zone)[1] + utc_ms % QUARTER_MS // 60_000


@lru_cache(maxsize=4096)
def _local_quarter(quarter: int, time_zone: str) -> tuple[date, int]:
    """Day, and minute of it. A day begins on a quarter of an hour everywhere: every offset in use is a multiple."""
    local = datetime.fromtimestamp(quarter * QUARTER_MS / 1000, UTC).astimezone(ZoneInfo(time_zone))
    return local.date(), local.hour * 60 + local.minute
