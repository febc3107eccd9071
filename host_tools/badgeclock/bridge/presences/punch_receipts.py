"""The receipt that a clock shows for a punch: the punch's own reception number, or its day's.

A movement has its own number. A day has one, which the punch that opened it shows as its own; every other punch of the
day shares it, and the end of a night shift shares that of the day before: a clock shows the number only as that of the
day (docs/protocol.md §6, receipt state 7). Pure.
"""

from __future__ import annotations

from datetime import date
from typing import Final

from badgeclock.authorities.base import Direction as Way
from badgeclock.bridge.presences.day_book import Key
from badgeclock.bridge.presences.regimes import COMING, WAYS
from badgeclock.bridge.store.states import RECEIPT_OF, PresenceState
from badgeclock.protocol.frames import ReceiptState
from badgeclock.protocol.record import Direction

_WITH_NUMBER: Final = frozenset({ReceiptState.REGISTERED, ReceiptState.VALIDATED, ReceiptState.REMARKS})
_DAYS_MOST: Final = 255


def own(state: PresenceState, error_code: int, number: int, key: Key, direction: Direction) -> Content | None:
    """State, error code and reception number for the punch that opened a presence; None if there is none.

    With a number, the error code is the direction that the bridge used, if the clock used another: a punch that opens a
    day is an IN, and a key may have corrected a movement.
    """
    receipt = RECEIPT_OF.get(state)
    if receipt is None:
        return None
    if receipt in _WITH_NUMBER:
        is_as_taken = WAYS.get(direction) == key.way if key.way else direction in COMING
        error_code = 0 if is_as_taken else int(Direction.OUT if key.way == Way.OUT else Direction.IN)
    return receipt, error_code, number


def joined(state: PresenceState, error_code: int, number: int, key: Key, day: date) -> Content | None:
    """The same for a punch of a local day that belongs to an existing presence."""
    receipt = RECEIPT_OF.get(state)
    if receipt is None:
        return None
    if receipt in _WITH_NUMBER:
        if not key.way:
            return ReceiptState.OF_DAY, min((day - key.day).days, _DAYS_MOST), number
        error_code = 0
    return receipt, error_code, number


Content = tuple[ReceiptState, int, int]
"""A receipt's state, error code and reception number."""
