"""What a failed call means: which failures leave the items surely unprocessed, and which leave it open.

| what came back | a call that changes something | a call that reads |
|---|---|---|
| no connection, or nothing was sent | unavailable | unavailable |
| broken or silent after the request began to leave | ambiguous | unavailable |
| SOAP fault SOA-02002, or any fault that says Retry = true | unavailable, retry | unavailable, retry |
| SOAP fault SOA-02001 (not available), SOA-01001 and 01002 (who we are) | unavailable, retry useless | the same |
| SOAP fault SOA-0300x, BusinessError, SOAP's own Client fault | rejected | rejected |
| any other SOAP fault (SOA-00001: a service error in the midst of the work) | ambiguous | unavailable |
| HTTP 429, 503 without a fault: turned away at the door | unavailable, retry | unavailable, retry |
| HTTP 3xx, 401, 403, 404, 405, 407, 410 without a fault: not the service | unavailable, retry useless | the same |
| HTTP 408, and 500, 502, 504 and other 5xx without a fault: may come after the commit | ambiguous | unavailable |
| other HTTP 4xx without a fault | rejected | rejected |
| an answer that is not what the specification allows | ambiguous | ambiguous |
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

from lxml import etree

from badgeclock.authorities.base import AuthorityAmbiguous, AuthorityRejected, AuthorityUnavailable
from badgeclock.authorities.onss import description
from badgeclock.authorities.onss.answers import plain
from badgeclock.authorities.onss.description import FAULTS
from badgeclock.authorities.soap import ENVELOPE
from badgeclock.errors import AuthorityError

CHANGING: Final = frozenset({description.REGISTER, description.CANCEL})

_TEMPORARILY_UNAVAILABLE: Final = "SOA-02002"
_UNAVAILABLE: Final = "SOA-02001"
_NOT_ADMITTED: Final = ("SOA-01001", "SOA-01002")
_BAD_MESSAGE: Final = "SOA-0300"
_NOT_THE_SERVICE: Final = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.METHOD_NOT_ALLOWED,
        HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
        HTTPStatus.GONE,
    }
)
_TURNED_AWAY: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_RETRY_AFTER_LIMIT_S: Final = 86_400.0

_UNTOUCHED: Final = "the service processed nothing of this call; its items are as they were"
_OPEN: Final = "its items are kept; whether the service processed them is not known"
_SEARCH_FIRST: Final = "search the service by day and workplace, compare references, and send only what is missing"


@dataclass(frozen=True, slots=True)
class Fault:
    """A SOAP fault. `kind` is SystemError, BusinessError or empty; `code` the service's code or else SOAP's own."""

    kind: str
    code: str
    message: str
    retry: bool | None


def read_fault(element: etree._Element) -> Fault:
    """A soap:Fault element; whatever it lacks stays empty."""
    detail = element.find("detail")
    if detail is not None:
        for kind in ("SystemError", "BusinessError"):
            said = detail.find(f"{{{FAULTS}}}{kind}")
            if said is not None:
                messages = [plain(message.text or "") for message in said.findall(f"{{{FAULTS}}}Message")]
                return Fault(
                    kind=kind,
                    code=plain(said.findtext(f"{{{FAULTS}}}Code", "")),
                    message=plain(" / ".join(messages)),
                    retry=_RETRY.get(said.findtext(f"{{{FAULTS}}}Retry", "").strip()),
                )
    return Fault(
        kind="",
        code=plain(element.findtext("faultcode", "")).rpartition(":")[2],
        message=plain(element.findtext("faultstring", "")),
        retry=None,
    )


def is_fault(element: etree._Element) -> bool:
    """Whether a body element is a SOAP fault."""
    return element.tag == f"{{{ENVELOPE}}}Fault"


def fault_error(operation: str, fault: Fault, retry_after: float | None) -> AuthorityError:
    """What a SOAP fault means for an operation."""
    what = f"{operation}: the service answered {fault.code or 'a fault'} ({fault.message or 'no message'})"
    if fault.retry or fault.code == _TEMPORARILY_UNAVAILABLE:
        return AuthorityUnavailable(
            what=what, kept=_UNTOUCHED, do="nothing; it is tried again", retry=True, retry_after=retry_after
        )
    if fault.code == _UNAVAILABLE:
        return AuthorityUnavailable(
            what=what,
            kept=_UNTOUCHED,
            do="look for the authority's notice of maintenance; retrying soon is useless, it says",
            retry=False,
            retry_after=retry_after,
        )
    if fault.code in _NOT_ADMITTED:
        return AuthorityUnavailable(
            what=what,
            kept=_UNTOUCHED,
            do="check the certificate that the bridge shows and its registration at the authority's portal",
            retry=False,
            retry_after=retry_after,
        )
    if fault.kind == "BusinessError" or fault.code.startswith(_BAD_MESSAGE) or fault.code in _SOAP_REFUSALS:
        return AuthorityRejected(
            what=what, kept=_UNTOUCHED, do="look at the items and at the service's description in use", code=fault.code
        )
    return lost(operation, what)


def http_error(operation: str, status: int, retry_after: float | None) -> AuthorityError:
    """What an HTTP status without a SOAP fault means for an operation."""
    what = f"{operation}: HTTP {status} without a SOAP fault"
    if status in _TURNED_AWAY:
        return AuthorityUnavailable(
            what=what, kept=_UNTOUCHED, do="nothing; it is tried again", retry=True, retry_after=retry_after
        )
    if status < HTTPStatus.BAD_REQUEST or status in _NOT_THE_SERVICE:
        return AuthorityUnavailable(
            what=what,
            kept=_UNTOUCHED,
            do="check the endpoint in the settings, and what stands between the bridge and it",
            retry=False,
            retry_after=retry_after,
        )
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT:
        return lost(operation, what)
    return AuthorityRejected(
        what=what, kept=_UNTOUCHED, do="look at the items and at the endpoint in the settings", code=f"HTTP-{status}"
    )


def unsent(operation: str, why: str) -> AuthorityUnavailable:
    """The request did not leave."""
    return AuthorityUnavailable(
        what=f"{operation}: {why}",
        kept="nothing was sent; the items are as they were",
        do="nothing if the service is known to be down; else check the endpoint, the network and the certificates",
    )


def lost(operation: str, what: str) -> AuthorityError:
    """The request left, and no answer came that says what became of it."""
    if operation in CHANGING:
        return AuthorityAmbiguous(what=what, kept=_OPEN, do=_SEARCH_FIRST)
    return AuthorityUnavailable(
        what=what, kept="the call only reads; nothing was changed", do="nothing; it is tried again", retry=True
    )


def malformed(operation: str, why: str) -> AuthorityAmbiguous:
    """An answer came that the specification does not allow."""
    return AuthorityAmbiguous(
        what=f"{operation}: the answer cannot be trusted, {why}",
        kept=_OPEN if operation in CHANGING else "the call only reads; nothing was changed",
        do=_SEARCH_FIRST if operation in CHANGING else "ask again; if it stays so, tell the authority's service desk",
    )


def misfit(operation: str, wrong: str, references: tuple[str, ...] = ()) -> AuthorityRejected:
    """What was to be sent does not have the form of the message, so it was not sent."""
    return AuthorityRejected(
        what=f"{operation}: not sent, {wrong}",
        kept="nothing was sent; the items are as they were",
        do="correct what is named, or send the rest without it",
        code="LOCAL",
        references=references,
    )


def too_wide(operation: str, total: int, limit: int) -> AuthorityRejected:
    """More answers to a search than one search may gather."""
    return AuthorityRejected(
        what=f"{operation}: {total} presences meet the criteria, more than the {limit} that one search gathers",
        kept="the call only reads; nothing was changed",
        do="narrow the criteria, by workplace or by day",
        code="LOCAL",
    )


def seconds_to_wait(header: str | None, now: datetime) -> float | None:
    """A Retry-After header (RFC 9110, 10.2.3) as seconds from `now`, at most a day; None if absent or unreadable."""
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), _RETRY_AFTER_LIMIT_S)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max((aware - now).total_seconds(), 0.0), _RETRY_AFTER_LIMIT_S)


_RETRY: Final = {"true": True, "1": True, "false": False, "0": False}
_SOAP_REFUSALS: Final = frozenset({"Client", "VersionMismatch", "MustUnderstand"})
