"""The rules of the sectors: what a punch declares, by the regime of its site. Independent of store and network.

Two kinds of declarations. Construction and meat declare **a day**: one presence a worker, site and local day, opened by
the day's first punch unless that ends a shift that was open at midnight (`shifts`). Cleaning, moving, and construction
once its law requires it, declare **a movement**: every IN and OUT with its time; a break is an OUT at its start and an
IN at its end.

The clock always records in, out and break; the regime decides what is declared. A site can change its regime on a day.
Nothing is backdated: what arrives too late to be declared truthfully becomes a Reason for a person's decision.
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
"""How far a clock's time may run ahead of the bridge's before a person must decide."""
LONGEST_SHIFT_H: Final = 12
"""Default of a site's longest shift, in hours. A compromise: a lower value ends a shift with a forgotten OUT sooner, a
higher one still assigns long overtime to the right shift."""
NIGHT_MARGIN_MIN: Final = 120
"""By how many minutes a night shift may begin before the site's night hours, and end after them."""
MOVEMENT_LATE_MS: Final = 600_000
"""The law requires movements in real time; no document found defines the tolerance. Another vendor's client uses ten
minutes."""
DAY_MIN: Final = 1440


class Regime(StrEnum):
    """The rules for a site's presences."""

    CONSTRUCTION = "construction"
    MEAT = "meat"
    CLEANING = "cleaning"
    MOVING = "moving"
    CONSTRUCTION_IN_OUT = "construction-io"
    """Construction once OUT must be declared too, announced for 2027: to be set when the law is in force."""


ONLY_THE_WORKER: Final[Mapping[Regime, str]] = {
    Regime.CLEANING: "programme law of 26 December 2022, articles 22 to 48, and Check In and Out at Work",
    Regime.MOVING: "Check In and Out at Work",
    Regime.CONSTRUCTION_IN_OUT: "the law on going from a construction site, which ends registration from afar",
}
"""The regimes where each worker registers in person, on the spot and in real time, not through the employer, with the
law. In construction and meat the employer registers, on the day or before (PresenceRegistration 1.11).
"""


class Declared(StrEnum):
    """What a presence declares to the authority."""

    DAY = "day"
    MOVEMENT = "movement"


ITEM_OF: Final[Mapping[Declared, type[Item]]] = {Declared.DAY: PresenceItem, Declared.MOVEMENT: MovementItem}
"""The item of an authority that declares each."""


class Night(NamedTuple):
    """A site's night hours: minutes of the local day, the end below the beginning if midnight is between."""

    begin_min: int
    end_min: int

    @classmethod
    def of(cls, text: str | None) -> Night | None:
        """From "22:00-06:00", as stored; None for no night hours."""
        if not text:
            return None
        begin, end = (int(part[:2]) * 60 + int(part[3:]) for part in text.split("-"))
        return cls(begin, end)

    def is_shift(self, began_min: int, ends_min: int) -> bool:
        """Whether a shift from a minute of the day before to a minute of this day is a night shift."""
        first_min = self.begin_min - NIGHT_MARGIN_MIN + (DAY_MIN if self.begin_min < self.end_min else 0)
        return began_min >= first_min and ends_min <= self.end_min + NIGHT_MARGIN_MIN


class Place(NamedTuple):
    """A site's data for the rules. `next_regime` applies from the local day `from_day` on; None: no change."""

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
        """From a row with `PLACE_COLUMNS` of a site, and its number as `site_id`."""
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
        """What is declared for a local day."""
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
    """A punch's data for the rules: its direction, whether a key or the clock's own fixed direction gives it, its
    moment (ms UTC) and its place.
    """

    direction: Direction
    is_sure: bool
    utc_ms: int
    place: Place


class Wanted(NamedTuple):
    """What a punch declares.

    day      the local day at the site
    earlier  the day before, if an open shift at midnight matters
    way      in or out, for a movement
    """

    declared: Declared
    day: date
    earlier: date | None = None
    way: Way | None = None


class Rule(NamedTuple):
    """What a regime declares, and its function of a punch."""

    declared: Declared
    wanted: Callable[[Seen], Wanted | Reason]


def day_of_presence(seen: Seen) -> Wanted | Reason:
    """Construction and meat: a punch belongs to its local day, and opens the day's presence if there is none.

    A night shift is declared for the day on which it began: a possible end of one depends on the day before, and so
    does a direction from the clock's memory. An IN by key after midnight also makes a presence of that day.
    """
    day = local_day(seen.utc_ms, seen.place.time_zone)
    return Wanted(Declared.DAY, day, None if _comes_for_sure(seen) else day - _DAY)


def movement(seen: Seen) -> Wanted | Reason:
    """Cleaning and moving: every punch is a movement. A missing direction is never guessed.

    An OUT belongs to the IN before it, and a break to its shift, which may have begun the day before. The movement
    before also shows whether a direction from a clock's memory can be right.
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
"""The directions of somebody arriving; the others are of somebody present."""
WAYS: Final[Mapping[Direction, Way]] = {
    Direction.IN: Way.IN,
    Direction.OUT: Way.OUT,
    Direction.BREAK_START: Way.OUT,
    Direction.BREAK_END: Way.IN,
}
"""In or out, by the punch's direction; a break is an OUT at its start and an IN at its end."""

RULES: Final[Mapping[Regime, Rule]] = {
    Regime.CONSTRUCTION: Rule(Declared.DAY, day_of_presence),
    Regime.MEAT: Rule(Declared.DAY, day_of_presence),
    Regime.CLEANING: Rule(Declared.MOVEMENT, movement),
    Regime.MOVING: Rule(Declared.MOVEMENT, movement),
    Regime.CONSTRUCTION_IN_OUT: Rule(Declared.MOVEMENT, movement),
}


def wanted(seen: Seen) -> Wanted | Reason:
    """What a punch declares by the regime of its place on its local day."""
    return RULES[seen.place.regime_on(local_day(seen.utc_ms, seen.place.time_zone))].wanted(seen)


def employer_declared(kind: IdentityKind, employer_kbo: str | None) -> str:
    """The enterprise number a worker is declared under; empty under Limosa, where the number is enough.

    It is the worker's own employer, not the site's: a subcontractor's workers are declared under the
    subcontractor. The self-employed are declared under their own enterprise.
    """
    return employer_kbo or "" if kind is IdentityKind.NISS else ""


def is_ahead(utc_ms: int, now_ms: int) -> bool:
    """Whether a clock's time runs further ahead of the bridge's than unnoticed errors of both can explain."""
    return utc_ms > now_ms + CLOCK_AHEAD_MS


def day_ahead(utc_ms: int, bound_ms: int | None, now_ms: int, time_zone: str) -> date | None:
    """The local day of a moment that `is_ahead`, if it is known; else None.

    No punch happens after it is received. So the day is known if the clock's time is on the present day, or if the
    earliest moment within its error bound is before the reception and on the same day.
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
    """Whether a day is over at the site or in Belgium: the service accepts only today or tomorrow, by its own clock."""
    return day < max(local_day(now_ms, time_zone), local_day(now_ms, BELGIUM.key))


def movement_too_late(utc_ms: int, now_ms: int) -> bool:
    """Whether a movement is so long ago that declaring it would be backdating."""
    return now_ms - utc_ms > MOVEMENT_LATE_MS


def local_day(utc_ms: int, time_zone: str) -> date:
    """The day at the site at a moment (ms since 1970-01-01 UTC)."""
    return _local_quarter(utc_ms // QUARTER_MS, time_zone)[0]


def local_minute(utc_ms: int, time_zone: str) -> int:
    """The minute of the local day at a moment, 0 to 1439."""
    return _local_quarter(utc_ms // QUARTER_MS, time_zone)[1] + utc_ms % QUARTER_MS // 60_000


@lru_cache(maxsize=4096)
def _local_quarter(quarter: int, time_zone: str) -> tuple[date, int]:
    """Day, and its minute. Days begin on a quarter of an hour everywhere: every offset in use is a multiple."""
    local = datetime.fromtimestamp(quarter * QUARTER_MS / 1000, UTC).astimezone(ZoneInfo(time_zone))
    return local.date(), local.hour * 60 + local.minute
