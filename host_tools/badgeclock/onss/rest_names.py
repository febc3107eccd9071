"""Every field name of Check In and Out at Work (REST presenceRegistration v1), and its source.

The NSSO's OpenAPI file was not available, so corrections belong in this table: client and sandbox read and write by it,
and no other code contains a name. `official` is from a page of the NSSO or the federal REST guide; `third party` is
from other clients; `assumed` is ours, by analogy with the SOAP service, and must be compared with the OpenAPI file
before production use.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Self


class Source(StrEnum):
    """The source of a name."""

    OFFICIAL = "official"
    THIRD_PARTY = "third party"
    ASSUMED = "assumed"


class Name(str):
    """A field name; `meaning` is its purpose."""

    __slots__ = ("meaning", "source")
    source: Source
    meaning: str

    def __new__(cls, text: str, source: Source, meaning: str) -> Self:
        made = super().__new__(cls, text)
        made.source = source
        made.meaning = meaning
        TABLE.append(made)
        return made

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        """A copy is a plain string, not a second entry in the table."""
        return (str, (str(self),))


TABLE: list[Name] = []
"""Every name, in the order of this file."""


def _official(text: str, meaning: str) -> Name:
    return Name(text, Source.OFFICIAL, meaning)


def _third_party(text: str, meaning: str) -> Name:
    return Name(text, Source.THIRD_PARTY, meaning)


def _assumed(text: str, meaning: str) -> Name:
    return Name(text, Source.ASSUMED, meaning)


# Where
BASE: Final = _official("/REST/presenceRegistration/v1", "the service's path on its host")
TOKEN_PATH: Final = _official("/REST/oauth/v5/token", "the token endpoint's path")
REGISTER: Final = _third_party("/presenceRegistrations/registerInBulk", "POST: declare")
CANCEL: Final = _assumed("/presenceRegistrations/cancelInBulk", "POST: cancel")
SEARCH: Final = _assumed("/presenceRegistrations/search", "POST: search; not GET, for an INSS has no place in a URL")
GET: Final = _assumed("/presenceRegistrations", "GET, with a number behind it: one registration and its history")

# What is declared
ITEMS: Final = _third_party("items", "the list in a bulk request and in its answer")
MOMENT: Final = _third_party("registrationDate", "when, in UTC, whole seconds")
SSIN: Final = _third_party("ssin", "the worker's INSS")
LIMOSA: Final = _assumed("limosaId", "instead of worker and employer")
TYPE: Final = _third_party("type", "the direction")
IN: Final = _third_party("IN", "arrival, and the end of a break")
OUT: Final = _third_party("OUT", "departure, and the start of a break")
EMPLOYER: Final = _third_party("employer", "one of the two numbers below")
ENTERPRISE: Final = _third_party("enterpriseNumber", "KBO/BCE, 10 digits")
FOREIGN_VAT: Final = _third_party("foreignVatNumber", "of an employer abroad")
PLACE: Final = _third_party("placeOfWork", "coordinates or an address")
COORDINATES: Final = _third_party("coordinates", "WGS 84")
LONGITUDE: Final = _third_party("longitude", "degrees")
LATITUDE: Final = _third_party("latitude", "degrees")
ADDRESS: Final = _third_party("address", "instead of coordinates")
POSTCODE: Final = _third_party("postCode", "4 digits")
MUNICIPALITY: Final = _third_party("municipalityName", "of the address")
STREET: Final = _third_party("streetName", "of the address")
HOUSE: Final = _third_party("houseNumber", "of the address")
BOX: Final = _third_party("boxNumber", "of the address; may be absent")
WORKS: Final = _third_party("contractualRelationshipReference", "the site's number in the declaration of works")

# What comes back
CREATED: Final = _third_party("createdPresenceRegistration", "an item that was taken")
NOT_CREATED: Final = _third_party("notCreatedPresenceRegistration", "an item that was not")
ID: Final = _third_party("id", "the reception number")
VALIDITY: Final = _third_party("validity", "the state of the content check")
REMARKS: Final = _third_party("remarks", "what the content check has to say")
ERRORS: Final = _assumed("errors", "why an item was not taken, or not cancelled")
CODE: Final = _assumed("code", "of an error; the numbers of the SOAP service")
DESCRIPTION: Final = _assumed("description", "of an error")
PENDING: Final = _third_party("pending", "the content check is still to come")
VALID: Final = _assumed("valid", "the content check found nothing")
INVALID: Final = _assumed("invalid", "registered nevertheless, with remarks")
CANCELLED: Final = _assumed("cancelled", "cancelled")

# Search, get and cancel
CRITERIA: Final = _assumed("criteria", "of a search")
PERIODS: Final = _assumed("periods", "1 to 31 of them")
FROM: Final = _assumed("from", "a period's first day")
UNTIL: Final = _assumed("until", "a period's last day")
VALIDITIES: Final = _assumed("validities", "only these")
CREATED_FROM: Final = _assumed("createdFrom", "not created before")
CREATED_UNTIL: Final = _assumed("createdUntil", "not created after")
FIRST: Final = _assumed("firstRow", "of the page, from 0")
SIZE: Final = _assumed("fetchSize", "of the page, 1 to 500")
TOTAL: Final = _assumed("total", "how many meet the criteria")
CREATION: Final = _assumed("creationDate", "when the service took it")
SSIN_NOW: Final = _assumed("currentSsin", "the worker's present INSS at the service")
HISTORY: Final = _assumed("history", "every step, oldest first")
AT: Final = _assumed("date", "of a step")
REASON: Final = _assumed("cancellationReason", "of a cancellation")
CANCELLED_ITEM: Final = _assumed("cancelledPresenceRegistration", "an item that was cancelled")
NOT_CANCELLED_ITEM: Final = _assumed("notCancelledPresenceRegistration", "an item that was not")

# Problems (RFC 9457), as the federal REST guide has them
PROBLEM: Final = _official("application/problem+json", "the content type of a problem")
PROBLEM_TYPE: Final = _official("urn:problem-type:belgif:", "what the type of a common problem begins with")
NOT_FOUND: Final = _official("resourceNotFound", "the problem of a number that the service does not hold")
BAD_REQUEST: Final = _official("badRequest", "the problem of a request that was not processed, for its form")
NO_TOKEN: Final = _official("noAccessToken", "the problem of a request without a token")
INVALID_TOKEN: Final = _official("invalidAccessToken", "the problem of a token that the service did not issue")
EXPIRED_TOKEN: Final = _official("expiredAccessToken", "the problem of a token that has ended")
ISSUES: Final = _official("issues", "the parts of a bad request that are to blame")
ISSUE_NAME: Final = _official("name", "of such a part: items[3].ssin")

BATCH_LIMIT: Final = 200
"""Items in one call: the SOAP service's limit, assumed here."""
