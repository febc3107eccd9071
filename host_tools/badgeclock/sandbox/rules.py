"""What a presence must be to be registered, and a registration to be cancelled: the service's error codes per item.

Check digits are python-stdnum's. The specification gives codes 2 and 3 the same meaning; here 2 is a number that no
enterprise can have and 3 one whose check digits are wrong.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Final

from stdnum.be import ssn, vat

from badgeclock.onss.description import CANCEL_REASONS

_WORKPLACE: Final = re.compile(r"[A-HJ-NP-Z0-9]{13}")  # capitals and digits without I and O
AHEAD_MS: Final = 60_000
"""How far in the future a movement may be: clocks differ."""
_ENTERPRISE_NUMBER_END: Final = 2_000_000_000  # ten digits, the first of them 0 or 1

DESCRIPTIONS: Final = {
    "1": "not authorised to cancel this registration",
    "2": "invalid CompanyID",
    "3": "invalid CompanyID: check digits",
    "4": "invalid WorkPlaceId",
    "5": "invalid INSS",
    "6": "invalid registration date: only today or tomorrow; a movement only now",
    "7": "unknown PresenceRegistrationId",
    "8": "registration is already cancelled",
    "9": "too late to cancel this registration",
    "10": "registration not found",
    "11": "invalid cancellation reason",
}


class Wire(StrEnum):
    """The service of a presence: one does not show the other's declarations."""

    SOAP = "soap"
    REST = "rest"


@dataclass(frozen=True, slots=True)
class Presence:
    """A requested presence. `day` is None if the request's date is outside the calendar.

    A movement has `moment_ms` (Unix milliseconds), `direction` ("IN" or "OUT"), perhaps `vat` and `place`, as JSON.
    """

    day: date | None
    inss: str | None = field(repr=False)
    company_id: int | None
    limosa_id: str | None = field(repr=False)
    workplace_id: str | None
    reference: str | None
    moment_ms: int | None = None
    direction: str | None = None
    vat: str | None = None
    place: dict[str, Any] | None = field(default=None, repr=False)

    @property
    def wire(self) -> Wire:
        """The service for such a presence."""
        return Wire.SOAP if self.direction is None else Wire.REST


def describe(code: str) -> str:
    """The description of an error code."""
    return DESCRIPTIONS.get(code, "refused by the sandbox's script")


def register_errors(presence: Presence, today: date) -> list[str]:
    """The error codes of a presence, in ascending order; empty if it is accepted."""
    codes = _number_errors(presence)
    if presence.day not in (today, today + timedelta(days=1)):
        codes.append("6")
    return codes


def movement_errors(presence: Presence, now_ms: int, lateness_s: int) -> list[str]:
    """The same for a movement, which is declared when it happens: at most `lateness_s` seconds later, never before."""
    codes = _who_and_where_errors(presence) or _number_errors(presence)
    oldest, newest = now_ms - lateness_s * 1000, now_ms + AHEAD_MS
    if presence.moment_ms is None or not oldest <= presence.moment_ms <= newest:
        codes.append("6")
    return codes


def _who_and_where_errors(presence: Presence) -> list[str]:
    """Errors of a movement's parts: person, employer, place."""
    codes = []
    employers = (presence.company_id is not None) + (presence.vat is not None)
    if employers != (presence.limosa_id is None):
        codes.append("2")
    if (presence.workplace_id is None and presence.place is None) or len(presence.place or {}) > 1:
        codes.append("4")
    if (presence.inss is None) == (presence.limosa_id is None):
        codes.append("5")
    return codes


def _number_errors(presence: Presence) -> list[str]:
    codes = []
    if presence.company_id is not None:
        if not 0 < presence.company_id < _ENTERPRISE_NUMBER_END:
            codes.append("2")
        elif not vat.is_valid(f"{presence.company_id:010d}"):
            codes.append("3")
    if presence.workplace_id is not None and not _WORKPLACE.fullmatch(presence.workplace_id):
        codes.append("4")
    if presence.inss is not None and not ssn.is_valid(presence.inss):
        codes.append("5")
    return codes


@dataclass(frozen=True, slots=True)
class Held:
    """The service's data under a number to be cancelled."""

    day: date
    cancelled: bool
    ours: bool


def cancel_errors(number: int, reason: str, held: Held | None, issued: Sequence[int], today: date) -> list[str]:
    """The error codes of a cancellation; empty if it is done.

    issued  the first and the last number ever given, empty before the first. A number outside is unknown (7), one
            inside that is nobody's is not found (10).
    """
    codes = []
    if held is None:
        inside = bool(issued) and issued[0] <= number <= issued[-1]
        codes.append("10" if inside else "7")
    elif not held.ours:
        codes.append("1")
    elif held.cancelled:
        codes.append("8")
    elif held.day < today:
        codes.append("9")
    if reason not in CANCEL_REASONS:
        codes.append("11")
    return codes
