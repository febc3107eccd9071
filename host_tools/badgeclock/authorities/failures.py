"""Classifies failed calls: after which the items are certainly unprocessed, and after which that is unknown.

| what came back | a call that changes something | a call that reads |
|---|---|---|
| no connection, or nothing was sent | unavailable | unavailable |
| broken or silent after the request began to leave | ambiguous | unavailable |
| the authority says that nothing was registered | unavailable or rejected | unavailable or rejected |
| any other answer that is not the complete answer to the call, with any HTTP status | ambiguous | by its status |
| an answer that violates the specification | ambiguous | ambiguous |

The body is read before the status: a complete answer counts with any status, and the service's own errors (a SOAP
fault, a problem in JSON) are read by its own module first. The rest are statuses from anything between us and the
service, before the commit or after it: after a call that changes something, the effect is unknown, and `Doubt` says
what to do besides searching. A reading call is retried soon after 429, 5xx and 408, seldom after 3xx and answers not
from the service (401, 403, 404, 405, 407, 410), and rejected by other 4xx.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

from badgeclock.authorities.errors import AuthorityAmbiguous, AuthorityRejected, AuthorityUnavailable, Doubt
from badgeclock.errors import AuthorityError

NOT_THE_SERVICE: Final = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.METHOD_NOT_ALLOWED,
        HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
        HTTPStatus.GONE,
    }
)
TURNED_AWAY: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})

UNTOUCHED: Final = "the service processed nothing of this call; its items are as they were"

_RETRY_AFTER_LIMIT_S: Final = 86_400.0
_CLOCKS_APART: Final = timedelta(seconds=30)
_PERSONAL_NUMBER: Final = re.compile(r"\d(?:[ ./-]?\d){10,}")
_TEXT_LIMIT: Final = 300
_OPEN: Final = "its items are kept; whether the service processed them is not known"
_SEARCH_FIRST: Final = "search the service by day and workplace, compare references, and send only what is missing"
_READS: Final = "the call only reads; nothing was changed"
_CHECK_WAY: Final = "check the endpoint in the settings, and any proxy between the bridge and it"


@dataclass(frozen=True, slots=True)
class Call:
    """A kind of call, by the service's own name; whether it changes something there."""

    name: str
    changes: bool


def http_error(call: Call, status: int, retry_after: float | None, reason: str = "") -> AuthorityError:
    """The meaning of an HTTP status with no more from the service than `reason`, a short text fit for a log."""
    what = f"{call.name}: HTTP {status}" + (f" ({reason})" if reason else " without a word of the service")
    if call.changes:
        return doubtful(what, _doubt_of(status), f"HTTP-{status}", retry_after)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in TURNED_AWAY or status == HTTPStatus.REQUEST_TIMEOUT:
        return AuthorityUnavailable(
            what=what, kept=_READS, do="nothing; it is tried again", retry=True, retry_after=retry_after
        )
    if status < HTTPStatus.BAD_REQUEST or status in NOT_THE_SERVICE:
        return AuthorityUnavailable(what=what, kept=_READS, do=_CHECK_WAY, retry=False, retry_after=retry_after)
    return AuthorityRejected(
        what=what, kept=UNTOUCHED, do="look at the items and at the endpoint in the settings", code=f"HTTP-{status}"
    )


def _doubt_of(status: int) -> Doubt:
    if status in TURNED_AWAY:
        return Doubt.AWAY
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return Doubt.TOO_LARGE
    if status in NOT_THE_SERVICE or HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return Doubt.NOT_ADMITTED
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.REQUEST_TIMEOUT:
        return Doubt.TURNED_DOWN
    return Doubt.LOST


def doubtful(what: str, doubt: Doubt, code: str, retry_after: float | None) -> AuthorityAmbiguous:
    """An answer to a changing call that does not say that nothing was registered."""
    do = f"{_CHECK_WAY}; and {_SEARCH_FIRST}" if doubt is Doubt.NOT_ADMITTED else _SEARCH_FIRST
    return AuthorityAmbiguous(what=what, kept=_OPEN, do=do, doubt=doubt, code=code, retry_after=retry_after)


def unsent(call: Call, why: str) -> AuthorityUnavailable:
    """The request was not sent."""
    return AuthorityUnavailable(
        what=f"{call.name}: {why}",
        kept="nothing was sent; the items are as they were",
        do="nothing if the service is known to be down; else check the endpoint, the network and the certificates",
    )


def lost(call: Call, what: str, code: str = "") -> AuthorityError:
    """The request was sent, and no answer with its result came."""
    if call.changes:
        return doubtful(what, Doubt.LOST, code, None)
    return AuthorityUnavailable(what=what, kept=_READS, do="nothing; it is tried again", retry=True)


def malformed(call: Call, why: str, doubt: Doubt = Doubt.LOST) -> AuthorityAmbiguous:
    """The answer violates the specification, or its origin is not proved."""
    return AuthorityAmbiguous(
        what=f"{call.name}: the answer cannot be trusted, {why}",
        kept=_OPEN if call.changes else _READS,
        do=_SEARCH_FIRST if call.changes else "ask again; if it stays so, report it to the authority's service desk",
        doubt=doubt,
    )


def misfit(call: Call, wrong: str, references: tuple[str, ...] = ()) -> AuthorityRejected:
    """The data does not have the message's form, so it was not sent."""
    return AuthorityRejected(
        what=f"{call.name}: not sent, {wrong}",
        kept="nothing was sent; the items are as they were",
        do="correct what is named, or send the rest without it",
        code="LOCAL",
        references=references,
    )


def too_wide(call: Call, total: int, limit: int) -> AuthorityRejected:
    """More results than one search may collect."""
    return AuthorityRejected(
        what=f"{call.name}: {total} presences meet the criteria, more than the {limit} that one search gathers",
        kept=_READS,
        do="narrow the criteria, by workplace or by day",
        code="LOCAL",
    )


def plain(text: str) -> str:
    """A service's text, fit for a log: one line, short, digits that could be a personal number masked."""
    line = " ".join(blotted(text).split())
    return "".join(character for character in line if character.isprintable())[:_TEXT_LIMIT]


def blotted(text: str) -> str:
    """A text with its spaces unchanged, at most 300 characters, without anything that could be a personal number."""
    return _PERSONAL_NUMBER.sub("***", text)[:_TEXT_LIMIT]


def seconds_to_wait(header: str | None, now: datetime) -> float | None:
    """A Retry-After header (RFC 9110, 10.2.3) as seconds from `now`, at most a day; None if absent or unreadable."""
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), _RETRY_AFTER_LIMIT_S)
    moment = http_date(text)
    return None if moment is None else min(max((moment - now).total_seconds(), 0.0), _RETRY_AFTER_LIMIT_S)


def clocks_apart(moment: datetime | None, now: datetime) -> str:
    """The difference between this machine's clock and the service's `moment`, as the end of a sentence on what to do;
    empty if small or unknown. Signatures are valid for minutes only, by the service's clock.
    """
    if moment is None or abs(moment - now) <= _CLOCKS_APART:
        return ""
    way = "behind" if moment > now else "ahead of"
    return f"; this machine's clock is {abs(moment - now).total_seconds():.0f} s {way} the service's: set it"


def http_date(header: str | None) -> datetime | None:
    """An HTTP date, aware; None if absent or unreadable."""
    try:
        moment = parsedate_to_datetime(header or "")
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
