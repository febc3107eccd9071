"""The states of presences, punches and clocks, and the steps that a presence may take.

`STEPS` is the presence's whole state machine, as data: the code makes no other step (`registrar/transitions.py`), and
the drawing in docs/states.md is generated from it (`bridge/store/states_diagram.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from badgeclock.protocol.frames import ReceiptState


class PresenceState(StrEnum):
    """A presence's state on its way to the authority."""

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
    """A person must decide; the reason is beside it."""
    CANCELLING = "CANCELLING"
    """A person asked to cancel it; the authority has not confirmed yet."""
    CANCELLED = "CANCELLED"
    """Cancelled at the authority. What a correction put in its place is its own presence."""
    CLOSED = "CLOSED"
    """Not to be declared, or declared by other means: a person says so, with name and reason."""


class PunchState(StrEnum):
    """The state of a punch that has no presence; with one, its presence's state counts."""

    DECLARED = "DECLARED"
    """It has a presence: look there."""
    UNASSIGNED = "UNASSIGNED"
    """Nobody was given this badge."""
    DUPLICATE = "DUPLICATE"
    """The clock saw the same badge a moment before."""
    INVALID = "INVALID"
    """Its record is not vouched for by a seal."""
    WAITING = "WAITING"
    """A person must decide; the reason is beside it."""
    CLOSED = "CLOSED"
    """A person decided that it is not declared."""


class Reason(StrEnum):
    """Why something waits for a person."""

    LATE = "late"
    """Its day is over, or its moment too long ago; nothing is backdated."""
    FUTURE = "future"
    """The clock's day has not begun here."""
    NO_TIME = "no_time"
    """The clock had no time at all."""
    NO_IN = "no_in"
    """An OUT or a break, and no presence it could belong to; of earlier versions, now it opens one that is assumed."""
    EMPLOYER = "which_employer"
    """The worker has several employers that day, and neither badge nor site says which."""
    NO_DIRECTION = "no_direction"
    """Coming and going are declared here, and the punch says neither."""
    QUARANTINE = "quarantine"
    """The clock is under quarantine."""
    DAY_OVER = "day_over"
    """The authority could not be reached before the day ended."""
    NO_AUTHORITY = "no_authority"
    """None of the authorities in the settings takes what this site declares."""
    CANCELLED = "cancelled"
    """Somebody cancelled the presence at the authority."""


class IdentityKind(StrEnum):
    """The kinds of a worker's number at the authority."""

    NISS = "niss"
    LIMOSA = "limosa"


class ClockState(StrEnum):
    """Whether a clock's word is acted upon."""

    ACTIVE = "ACTIVE"
    QUARANTINED = "QUARANTINED"
    """What it sent or said contradicts what it sent or said before: all it sends is kept, nothing is declared."""
    RETIRED = "RETIRED"
    """Ended by its RETIRE record, by an operator, or provisioned again: its records stay, its name is free."""


class DeskState(StrEnum):
    """The state of a job of the badge desk."""

    ASKED = "ASKED"
    """Waits for the bridge."""
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"
    """It cannot be; the outcome says why and what to do."""
    INTERRUPTED = "INTERRUPTED"
    """The badge, the clock or the bridge went away in the middle: the same again takes it up."""
    STOPPED = "STOPPED"
    """The person who asked for it withdrew it."""


class Step(NamedTuple):
    """A step that a presence may take, and what brings it about. A step from None is a presence's beginning."""

    old: PresenceState | None
    new: PresenceState
    cause: str


_S: Final = PresenceState
STEPS: Final[tuple[Step, ...]] = (
    Step(None, _S.QUEUED, "a punch calls for it, or a correction, or the office registers it"),
    Step(_S.QUEUED, _S.SENT, "about to be sent, committed before the call"),
    Step(_S.QUEUED, _S.WAITING, "too late to be declared, or no authority takes it"),
    Step(_S.QUEUED, _S.CLOSED, "withdrawn by a person"),
    Step(_S.SENT, _S.REGISTERED, "the reception number came"),
    Step(_S.SENT, _S.REFUSED, "an error code came"),
    Step(_S.SENT, _S.QUEUED, "it never left, or the authority itself says that nothing was registered"),
    Step(_S.SENT, _S.UNKNOWN, "no answer says what became of it"),
    Step(_S.UNKNOWN, _S.REGISTERED, "the authority has it"),
    Step(_S.UNKNOWN, _S.QUEUED, "the authority surely does not have it"),
    Step(_S.UNKNOWN, _S.REFUSED, "turned down twice, alone, and the authority surely does not have it"),
    Step(_S.REGISTERED, _S.VALIDATED, "the content check found nothing"),
    Step(_S.REGISTERED, _S.REMARKS, "the content check left remarks"),
    Step(_S.REGISTERED, _S.WAITING, "somebody cancelled it at the authority"),
    Step(_S.REGISTERED, _S.CANCELLING, "cancelled or corrected by a person"),
    Step(_S.VALIDATED, _S.REMARKS, "looked at once more, it has remarks"),
    Step(_S.VALIDATED, _S.WAITING, "looked at once more, somebody cancelled it at the authority"),
    Step(_S.VALIDATED, _S.CANCELLING, "cancelled or corrected by a person"),
    Step(_S.REMARKS, _S.CANCELLING, "cancelled or corrected by a person"),
    Step(_S.CANCELLING, _S.CANCELLED, "the authority has cancelled it"),
    Step(_S.CANCELLING, _S.REGISTERED, "the authority did not cancel it, or it was too late, so it stays registered"),
    Step(_S.REFUSED, _S.QUEUED, "corrected by a person"),
    Step(_S.REFUSED, _S.CLOSED, "settled by a person"),
    Step(_S.WAITING, _S.QUEUED, "corrected by a person"),
    Step(_S.WAITING, _S.CANCELLED, "declared again by a person after somebody cancelled it"),
    Step(_S.WAITING, _S.CLOSED, "settled by a person"),
)
"""Every step there is."""

MAY: Final[frozenset[tuple[PresenceState | None, PresenceState]]] = frozenset((step.old, step.new) for step in STEPS)
"""The same as pairs (from, to)."""

ENDED: Final[frozenset[PresenceState]] = frozenset({_S.CANCELLED, _S.CLOSED})
"""The states in which a presence no longer counts for its worker's day: another may take its place."""

SETTLED: Final[frozenset[PresenceState]] = ENDED | {_S.VALIDATED, _S.REMARKS}
"""Final states of a presence, unless a person decides otherwise."""

RECEIPT_OF: Final[Mapping[PresenceState, ReceiptState]] = {
    PresenceState.REGISTERED: ReceiptState.REGISTERED,
    PresenceState.VALIDATED: ReceiptState.VALIDATED,
    PresenceState.REMARKS: ReceiptState.REMARKS,
    PresenceState.REFUSED: ReceiptState.REFUSED,
    PresenceState.WAITING: ReceiptState.OPERATOR,
    PresenceState.CANCELLED: ReceiptState.OPERATOR,
    PresenceState.CLOSED: ReceiptState.OPERATOR,
}
"""What a clock's receipt says of a presence; states without an entry have no receipt."""
