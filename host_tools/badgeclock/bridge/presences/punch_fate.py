"""Decides from a punch alone, before the store is read: its fate, its day, and which punches of a batch are alike.
Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final, NamedTuple

from badgeclock.bridge.presences import regimes, shifts
from badgeclock.bridge.presences.employment import Holder
from badgeclock.bridge.presences.regimes import (
    CLOCK_AHEAD_MS,
    COMING,
    QUARTER_MS,
    RULES,
    Declared,
    Place,
    Seen,
    Wanted,
    day_ahead,
    day_is_over,
    is_ahead,
    local_day,
    movement_too_late,
)
from badgeclock.bridge.store.states import ClockState, PunchState, Reason
from badgeclock.protocol import record as records
from badgeclock.protocol.record import Direction, Origin

SURE: Final = frozenset({Origin.KEY, Origin.CLOCK})
"""Sources of a direction that do not depend on the clock's memory of the badge."""


CORRECTED_MS: Final = 15_000
"""Within this time after a punch with an assumed direction, a key's other direction for the same badge corrects it
(docs/protocol.md §2): three seconds to notice, ten that a key waits for its badge, two of margin."""


class Punch(NamedTuple):
    """A punch as stored by the clock, and the store's facts on the clock. `utc_ms` is 0 if the clock had no time;
    `bound` is the encoded bound of its error; `is_sure`: a key, or the clock's own direction, gives the direction;
    `is_assumed`: the clock itself only assumes it.
    """

    clock_id: int
    clock_state: ClockState
    seq: int
    place: Place
    token: bytes
    direction: Direction
    is_sure: bool
    utc_ms: int
    bound: int
    sealed: bool
    duplicate: bool
    received_ms: int
    is_assumed: bool = False


class Fate(NamedTuple):
    """The fate of a punch: `wanted` is set if it needs something that can be declared."""

    state: PunchState
    reason: Reason | None = None
    wanted: Wanted | None = None


_IS_ASSUMED: Final = attrgetter("is_assumed")


def fate_of(punch: Punch, holder: Holder | None, now_ms: int) -> Fate:
    """The fate of a punch decided at `now_ms`; depends only on its arguments."""
    if not punch.sealed:
        return Fate(PunchState.INVALID)
    if punch.duplicate:
        return Fate(PunchState.DUPLICATE)
    if holder is None:
        return Fate(PunchState.UNASSIGNED)
    if punch.clock_state is ClockState.QUARANTINED:
        return Fate(PunchState.WAITING, Reason.QUARANTINE)
    if not punch.utc_ms:
        return Fate(PunchState.WAITING, Reason.NO_TIME)
    if is_ahead(punch.utc_ms, now_ms):
        return _fate_ahead(punch, now_ms)
    fate = _fate_of_day(punch.place, punch.direction, punch.is_sure, punch.utc_ms // QUARTER_MS, now_ms // QUARTER_MS)
    if fate.wanted is not None and fate.wanted.way is not None and movement_too_late(punch.utc_ms, now_ms):
        return Fate(PunchState.WAITING, Reason.LATE)
    return fate


def _fate_ahead(punch: Punch, now_ms: int) -> Fate:
    """For a punch whose clock runs ahead: its day may still be known, the moment of a movement is not."""
    day = day_ahead(punch.utc_ms, records.bound_decode(punch.bound), now_ms, punch.place.time_zone)
    if day is None or punch.place.declares_on(day) is not Declared.DAY:
        return Fate(PunchState.WAITING, Reason.FUTURE)
    return _fate_of_day(punch.place, punch.direction, punch.is_sure, now_ms // QUARTER_MS, now_ms // QUARTER_MS)


@lru_cache(maxsize=4096)
def _fate_of_day(place: Place, direction: Direction, is_sure: bool, quarter: int, now_quarter: int) -> Fate:  # noqa: FBT001 - of a punch
    """The fate of all like punches within a quarter of an hour, the granularity of day boundaries
    (`regimes.local_day`)."""
    utc_ms, now_ms = quarter * QUARTER_MS, now_quarter * QUARTER_MS
    wanted = regimes.wanted(Seen(direction, is_sure, utc_ms, place))
    if isinstance(wanted, Reason):
        return Fate(PunchState.WAITING, wanted)
    if day_is_over(local_day(utc_ms, place.time_zone), now_ms, place.time_zone):
        return Fate(PunchState.WAITING, Reason.LATE)
    return Fate(PunchState.DECLARED, wanted=wanted)


def as_corrected(punches: Sequence[Punch]) -> Sequence[Punch]:
    """The same punches, with each assumed and immediately corrected one replaced by its correction: both are the same
    passage.
    """
    if not any(map(_IS_ASSUMED, punches)):
        return punches
    meant = list(punches)
    assumed: dict[tuple[int, bytes], int] = {}
    for at, punch in enumerate(punches):
        of = punch.clock_id, punch.token
        if punch.is_assumed:
            assumed[of] = at
        elif punch.is_sure and of in assumed:
            before = assumed.pop(of)
            if _puts_right(punch, punches[before]):
                meant[before] = punch
    return meant


def _puts_right(punch: Punch, before: Punch) -> bool:
    both_count = punch.sealed and before.sealed and not (punch.duplicate or before.duplicate)
    is_at_once = bool(before.utc_ms) and 0 <= punch.utc_ms - before.utc_ms <= CORRECTED_MS
    return both_count and is_at_once and punch.direction is not before.direction


_BY_DAY: Final = frozenset(regime for regime, rule in RULES.items() if rule.declared is Declared.DAY)


def alike(punches: Sequence[Punch], now_ms: int) -> tuple[list[Punch], list[int]]:
    """One punch of each group with the same fate and presence, and for each punch the index of its group.

    A backlog has many such: a worker who badges twice within a quarter of an hour, the granularity of day boundaries,
    is on the site once. A movement has its own moment.
    """
    kinds: list[Punch] = []
    numbers: dict[tuple[Any, ...], int] = {}
    kind_of: list[int] = []
    ahead_ms, last, by_day = now_ms + CLOCK_AHEAD_MS, None, False
    for punch in punches:
        _, clock_state, _, place, token, direction, is_sure, utc_ms, _, sealed, duplicate, _, _ = punch
        if place is not last:  # one clock's punches are together
            last, by_day = place, place.regime in _BY_DAY and place.next_regime is None
        moment = utc_ms // QUARTER_MS if by_day and 0 < utc_ms <= ahead_ms else -utc_ms
        alike = (place[0], token, direction, is_sure, moment, clock_state, sealed, duplicate)
        kind = numbers.setdefault(alike, len(kinds))
        if kind == len(kinds):
            kinds.append(punch)
        kind_of.append(kind)
    return kinds, kind_of


def day_wanted(punch: Punch) -> Wanted | None:
    """What a punch declares, if that is a day."""
    wanted = regimes.wanted(Seen(punch.direction, punch.is_sure, punch.utc_ms, punch.place))
    return wanted if isinstance(wanted, Wanted) and wanted.way is None else None


def shows_its_day(punch: Punch, wanted: Wanted) -> bool:
    """Whether a punch proves that its worker was there on its own day."""
    return wanted.way is None and shifts.is_of_its_day(Seen(punch.direction, punch.is_sure, punch.utc_ms, punch.place))


def goes_for_sure(punch: Punch) -> bool:
    """Whether a key says OUT for somebody who may have been taken for coming in."""
    return punch.is_sure and punch.direction not in COMING
