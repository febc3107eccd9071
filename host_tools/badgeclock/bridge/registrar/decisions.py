"""A person's decision about a presence or a punch: its kinds, its reason, and who made it."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

from badgeclock.bridge.errors import PresenceError

WHY_CHARACTERS: Final = 500


class CancelCode(StrEnum):
    """The reasons that the service accepts for a cancellation (PresenceRegistration 1.11, CancelPresenceRequest)."""

    PLANNING = "PLANNING"
    HOLIDAY = "HOLIDAY"
    DISEASE = "DISEASE"
    C32A = "C32A"


class Kind(StrEnum):
    """The kinds of decisions."""

    CANCEL = "cancel"
    CORRECT = "correct"
    CLOSE = "close"
    REGISTER = "register"
    """The office registers it, without a punch."""


class Decision(NamedTuple):
    """Who decided, why, and when (ms UTC)."""

    by: str
    why: str
    now_ms: int


def checked(decision: Decision) -> Decision:
    """The decision with its reason on one line; raises PresenceError if that is empty or too long."""
    why = " ".join(decision.why.split())
    if not why or len(why) > WHY_CHARACTERS:
        raise PresenceError(
            f"a decision needs its reason, in at most {WHY_CHARACTERS} characters", "say in a sentence why"
        )
    return decision._replace(why=why)
