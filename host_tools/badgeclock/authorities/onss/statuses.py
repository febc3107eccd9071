"""The SOAP service's words for the state of a registration."""

from __future__ import annotations

from typing import Final

from badgeclock.authorities.base import Status
from badgeclock.onss import description

STATUS_ON_WIRE: Final = {
    Status.REGISTERED: description.REGISTERED,
    Status.CANCELLED: description.CANCELLED,
    Status.VALIDATED: description.VALIDATED,
    Status.REMARKS: description.FAILED,
}
STATUS_FROM_WIRE: Final = {text: status for status, text in STATUS_ON_WIRE.items()}
