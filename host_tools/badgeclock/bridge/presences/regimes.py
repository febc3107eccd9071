"""The rules of the sectors: what a punch calls for, by the regime of its site. Nothing here knows store or network.

Two kinds of declarations. Construction and meat declare **a day**: one presence a worker, employer, workplace and local
day, opened by the day's first IN. Cleaning, moving, and construction once its law asks for it, declare **a movement**:
every coming and going with its time; a break is a going at its start and a coming at its end.

The clock always keeps in, out and break; the regime decides what of it is declared. Nothing is backdated: what comes
too late to be declared truthfully is a Reason for a person to look at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from badgeclock.authorities.base import BELGIUM, Item, MovementItem, PresenceItem
from badgeclock.authorities.base import Direction as Way
from badgeclock.bridge.store.states import IdentityKind, Reason
from badgeclock.protocol.record import Direction

QUARTER_MS: Final = 900_000
CLOCK_AHEAD_MS: Final = 300_000
"""How far into tomorrow a clock's time may run before a person must look."""
NIGHT_SHIFT_ENDS_HOUR: Final = 12
"""Until this local hour an OUT or a break without a presence of its own day belongs to the day before."""
MOVEMENT_LATE_MS: Final = 600_000
"""A movement is declared in real time, says the law; what that allows no document found says. Ten minutes is what
another vendor's client keeps to."""


class Regime(StrEnum):
    """Which rule a site's presences follow."""

    CONSTRUCTION = "construction"
    MEAT = "meat"
    CLEANING = "cleaning"
    MOVING = "moving"
    CONSTRUCTION_IN_OUT = "construction-io"
    """Construction once going must be declared too, announced for 2027: to be set when the law is in force."""


class Declared(StrEnum):
    """What a presence declares to the authority."""

    DAY = "day"
    MOVEMENT = "movement"


ITEM_OF: Final[Mapping[Declared, type[Item]]] = {Declared.DAY: PresenceItem, Declared.MOVEMENT: MovementItem}
"""By which item of an authority each is declared."""


class Seen(NamedTuple):
    """Of a punch what a rule looks at: its direction, its moment (ms UTC) and the site's time zone."""

    direction: Direction
    utc_ms: int
    time_zone: str


class Wanted(NamedTuple):
    """What a punch calls for.

    day      the local day at the site
    opens    whether it opens a presence if there is none; else it only belongs to one
    earlier  another day to whose presence it may belong
    way      in or out, of a movement
    """

    declared: Declared
    day: date
    opens: bool
    earlier: date | None = None
    way: Way | None = None


class Rule(NamedTuple):
    """What a regime declares, and by which function of a punch."""

    declared: Declared
    wanted: Callable[[Seen], Wanted | Reason]


def day_of_presence(seen: Seen) -> Wanted | Reason:
    """Construction and meat: the first IN, or punch without direction, of the local day opens its presence.

    All others of the day belong to it. A night shift is declared for the day it began on: its OUT and its breaks after
    midnight belong there. Whoever comes IN again after midnight is there on that day too.
    """
    day, hour = _local(seen.utc_ms, seen.time_zone)
    if seen.direction in _OPENS_A_DAY:
        return Wanted(Declared.DAY, day, opens=True)
    earlier = day - timedelta(days=1) if hour < NIGHT_SHIFT_ENDS_HOUR else None
    return Wanted(Declared.DAY, day, opens=False, earlier=earlier)


def movement(seen: Seen) -> Wanted | Reason:
    """Cleaning and moving: every punch is a movement. One without direction is never guessed at."""
    way = _WAYS.get(seen.direction)
    if way is None:
        return Reason.NO_DIRECTION
    return Wanted(Declared.MOVEMENT, _local(seen.utc_ms, seen.time_zone)[0], opens=True, way=way)


_OPENS_A_DAY: Final = frozenset({Direction.NONE, Direction.IN})
_WAYS: Final = {
    Direction.IN: Way.IN,
    Direction.OUT: Way.OUT,
    Direction.BREAK_START: Way.OUT,
    Direction.BREAK_END: Way.IN,
}

RULES: Final[Mapping[Regime, Rule]] = {
    Regime.CONSTRUCTION: Rule(Declared.DAY, day_of_presence),
    Regime.MEAT: Rule(Declared.DAY, day_of_presence),
    Regime.CLEANING: Rule(Declared.MOVEMENT, movement),
    Regime.MOVING: Rule(Declared.MOVEMENT, movement),
    Regime.CONSTRUCTION_IN_OUT: Rule(Declared.MOVEMENT, movement),
}


def employer_declared(kind: IdentityKind, employer_kbo: str | None) -> str:
    """The enterprise number a worker is declared under; empty under Limosa, whose number says it all.

    It is the worker's own employer, whoever runs the site: a subcontractor's workers are declared under the
    subcontractor. The self-employed are declared under their own enterprise.
    """
    return employer_kbo or "" if kind is IdentityKind.NISS else ""


def ahead(utc_ms: int, now_ms: int, time_zone: str) -> bool:
    """Whether a moment lies on a day that has not begun at the site, nor begins within `CLOCK_AHEAD_MS`."""
    return local_day(utc_ms, time_zone) > local_day(now_ms + CLOCK_AHEAD_MS, time_zone)


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
    return _local(utc_ms, time_zone)[0]


def _local(utc_ms: int, time_zone: str) -> tuple[date, int]:
    return _local_quarter(utc_ms // QUARTER_MS, time_zone)


@lru_cache(maxsize=4096)
def _local_quarter(quarter: int, time_zone: str) -> tuple[date, int]:
    """Day and hour. Both begin on a quarter of an hour everywhere: every offset in use is a multiple of one."""
    local = datetime.fromtimestamp(quarter * QUARTER_MS / 1000, UTC).astimezone(ZoneInfo(time_zone))
    return local.date(), local.hour
