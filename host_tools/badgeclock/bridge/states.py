"""The words of the store: where a presence, a punch and a clock can stand, and which steps a presence may take."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from badgeclock.protocol.frames import ReceiptState


class PresenceState(StrEnum):
    """Where a presence stands on its way to the authority."""

    QUEUED = "QUEUED"
    SENT = "SENT"
    """Committed before the call goes out: from here on the authority may have it."""
    REGISTERED = "REGISTERED"
    VALIDATED = "VALIDATED"
    REMARKS = "REMARKS"
    REFUSED = "REFUSED"
    UNKNOWN = "UNKNOWN"
    """Sent, and the answer was lost: the authority is asked before anything is sent again."""
    WAITING = "WAITING"
    """A person must decide; the reason stands beside it."""


class PunchState(StrEnum):
    """Where a punch stands that has no presence; with one, it stands where its presence does."""

    DECLARED = "DECLARED"
    """It has a presence: look there."""
    UNASSIGNED = "UNASSIGNED"
    """Nobody was given this badge."""
    DUPLICATE = "DUPLICATE"
    """The clock saw the same badge a moment before."""
    INVALID = "INVALID"
    """Its record is not vouched for by a seal."""
    WAITING = "WAITING"
    """A person must decide; the reason stands beside it."""


class Reason(StrEnum):
    """Why something waits for a person."""

    LATE = "late"
    """The day of the punch is over; nothing is backdated."""
    FUTURE = "future"
    """The clock's day has not begun here."""
    NO_TIME = "no_time"
    """The clock had no time at all."""
    NO_IN = "no_in"
    """An OUT or a break, and no presence it could belong to."""
    QUARANTINE = "quarantine"
    """The clock is under quarantine."""
    DAY_OVER = "day_over"
    """The authority could not be reached before the day ended."""
    CANCELLED = "cancelled"
    """Somebody cancelled the presence at the authority."""


class ClockState(StrEnum):
    """Whether a clock's word is acted upon."""

    ACTIVE = "ACTIVE"
    QUARANTINED = "QUARANTINED"
    """What it sent or said contradicts what it said before: all it sends is kept, nothing is declared."""
    RETIRED = "RETIRED"
    """Ended by its RETIRE record, by an operator, or provisioned anew: its records stay, its name may be used again."""


class DeskState(StrEnum):
    """Where a job of the badge desk stands."""

    ASKED = "ASKED"
    """Waits for the bridge."""
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"
    """It cannot be; the outcome says why and what to do."""
    INTERRUPTED = "INTERRUPTED"
    """The badge, the clock or the bridge went away in the middle: the same again takes it up."""
    STOPPED = "STOPPED"
    """Whoever asked for it changed their mind."""


STEPS: Final[Mapping[PresenceState, frozenset[PresenceState]]] = {
    PresenceState.QUEUED: frozenset({PresenceState.SENT, PresenceState.WAITING}),
    PresenceState.SENT: frozenset(
        {
            PresenceState.REGISTERED,
            PresenceState.REFUSED,
            PresenceState.UNKNOWN,
            PresenceState.QUEUED,
        }
    ),
    PresenceState.UNKNOWN: frozenset({PresenceState.REGISTERED, PresenceState.QUEUED, PresenceState.WAITING}),
    PresenceState.REGISTERED: frozenset({PresenceState.VALIDATED, PresenceState.REMARKS, PresenceState.WAITING}),
    PresenceState.VALIDATED: frozenset(),
    PresenceState.REMARKS: frozenset(),
    PresenceState.REFUSED: frozenset({PresenceState.QUEUED}),
    PresenceState.WAITING: frozenset({PresenceState.QUEUED}),
}
"""From each state, the states a presence may go to next."""

RECEIPT_OF: Final[Mapping[PresenceState, ReceiptState]] = {
    PresenceState.REGISTERED: ReceiptState.REGISTERED,
    PresenceState.VALIDATED: ReceiptState.VALIDATED,
    PresenceState.REMARKS: ReceiptState.REMARKS,
    PresenceState.REFUSED: ReceiptState.REFUSED,
    PresenceState.WAITING: ReceiptState.OPERATOR,
}
"""What the clock is told of a presence; states without an entry are nothing to tell."""
