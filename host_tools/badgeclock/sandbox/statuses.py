"""The state of a registration in the sandbox, and its words in both protocols."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from badgeclock.onss import description
from badgeclock.onss import rest_names as n


class Status(StrEnum):
    """The state of a registration in the store."""

    REGISTERED = "registered"  # the content check is still to come
    VALIDATED = "validated"
    REMARKS = "remarks"
    CANCELLED = "cancelled"


SOAP_WORD: Final = {
    Status.REGISTERED: description.REGISTERED,
    Status.VALIDATED: description.VALIDATED,
    Status.REMARKS: description.FAILED,
    Status.CANCELLED: description.CANCELLED,
}
REST_WORD: Final = {
    Status.REGISTERED: str(n.PENDING),
    Status.VALIDATED: str(n.VALID),
    Status.REMARKS: str(n.INVALID),
    Status.CANCELLED: str(n.CANCELLED),
}
OF_SOAP_WORD: Final = {word: status for status, word in SOAP_WORD.items()}
OF_REST_WORD: Final = {word: status for status, word in REST_WORD.items()}
