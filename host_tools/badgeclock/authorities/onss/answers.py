"""Converts the service's schema-valid answers to outcomes.

Every answer is compared with its request: as many outcomes as items, in the same order, with the same references, about
the same people. Otherwise it is `AnswerMalformed`: a reception number on another person's punch would be worse than
none. No message made here contains an INSS or a Limosa number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from lxml import etree

from badgeclock.authorities import belgian_time
from badgeclock.authorities.base import (
    Cancellation,
    Cancelled,
    CancelOutcome,
    CancelRefused,
    Found,
    Outcome,
    PresenceItem,
    Refused,
    Registered,
    Status,
    Validation,
)
from badgeclock.authorities.errors import AnswerMalformed
from badgeclock.authorities.failures import blotted, plain
from badgeclock.authorities.forms import is_reception_number
from badgeclock.authorities.onss.statuses import STATUS_FROM_WIRE
from badgeclock.onss.description import MESSAGES, TYPES

_T: Final = f"{{{TYPES}}}"
_M: Final = f"{{{MESSAGES}}}"
_Parts = dict[str, Any]
"""An element's children by tag."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a search: how many the service has in all, and those on this page."""

    total: int
    found: tuple[Found, ...]


def register_outcomes(body: etree._Element, items: Sequence[PresenceItem]) -> list[Outcome]:
    """The outcome of each item, in order. Raises AnswerMalformed."""
    answers = body.findall(f"{_M}PresenceRegistrationResponse")
    _same_count(answers, items)
    outcomes = [_outcome(answer, item, place) for place, (answer, item) in enumerate(zip(answers, items, strict=True))]
    numbers = [outcome.reception_number for outcome in outcomes if isinstance(outcome, Registered)]
    if len(set(numbers)) != len(numbers):
        raise AnswerMalformed("one reception number was given to two items")
    return outcomes


def cancel_outcomes(body: etree._Element, items: Sequence[Cancellation]) -> list[CancelOutcome]:
    """The outcome of each cancellation, in order. Raises AnswerMalformed."""
    answers = body.findall(f"{_M}CancelPresenceResponse")
    _same_count(answers, items)
    outcomes: list[CancelOutcome] = []
    for place, (answer, item) in enumerate(zip(answers, items, strict=True)):
        choice = answer[0]
        refused = choice.tag == f"{_T}PresenceRegistrationError"
        said = _parts(choice)
        number = _reception_number(_parts(_child(said, "CancelPresenceRequest")) if refused else said)
        if number != item.reception_number:
            raise AnswerMalformed(f"outcome {place} is about another reception number than item {place}")
        if refused:
            codes, descriptions = _errors(_child(said, "ErrorList"))
            outcomes.append(CancelRefused(reception_number=number, codes=codes, descriptions=descriptions))
        elif _validation(_child(said, "LastValidation")).status is Status.CANCELLED:
            outcomes.append(Cancelled(reception_number=number))
        else:
            raise AnswerMalformed(f"outcome {place} is neither cancelled nor an error")
    return outcomes


def search_page(body: etree._Element) -> Page | Refused:
    """One page of a search's results, or the service's errors (with an empty reference). Raises AnswerMalformed."""
    result = _parts(_child(_parts(body), "SearchPresencesResponseType", _M))
    refused = result.get(f"{_T}PresenceRegistrationError")
    if refused is not None:
        codes, descriptions = _errors(_child(_parts(refused), "ErrorList"))
        return Refused(reference="", codes=codes, descriptions=descriptions)
    listed = result.get(f"{_T}PresenceRegistrationList")
    if listed is None:
        raise AnswerMalformed("the search's answer has neither a list nor errors")
    total = int(_text(_child(_parts(listed), "PresenceRegistrationResultCount")))
    found = tuple(_found(entry) for entry in listed.findall(f"{_T}PresenceRegistration"))
    if total < len(found):
        raise AnswerMalformed(f"the search counts {total} presences and lists {len(found)}")
    return Page(total=total, found=found)


def found_by_number(body: etree._Element, reception_number: int) -> Found | None:
    """The presence with that number, or None. Raises AnswerMalformed."""
    answer = _parts(_child(_parts(body), "GetPresenceRegistrationResponseType", _M))
    entry = _parts(_child(answer, "GetPresenceRegistrationType")).get(f"{_T}PresenceRegistrationType")
    if entry is None:
        return None
    found = _found(entry)
    if found.reception_number != reception_number:
        raise AnswerMalformed("the answer is about another reception number than the one asked for")
    return found


def _outcome(answer: etree._Element, item: PresenceItem, place: int) -> Outcome:
    choice = answer[0]
    said = _parts(choice)
    echo, whole = _submitted(said)
    for field, differs in _ECHO_CHECKS if whole else _READ_BACK_CHECKS:
        if differs(echo, item):
            raise AnswerMalformed(f"outcome {place} does not have the {field} of item {place}")
    if choice.tag == f"{_T}PresenceRegistrationError":
        codes, descriptions = _errors(_child(said, "ErrorList"))
        return Refused(reference=item.reference, codes=codes, descriptions=descriptions)
    last = _validation(_child(said, "LastValidation"))
    if last.status is Status.CANCELLED:
        raise AnswerMalformed(f"outcome {place} is cancelled though it was to be registered")
    return Registered(
        reference=item.reference,
        reception_number=_reception_number(said),
        created=_moment(_text(_child(said, "CreationDate"))),
        status=last.status,
        remarks=last.remarks,
        inss=_optional(said, "INSS"),
    )


def _submitted(entry: _Parts) -> tuple[_Parts, bool]:
    """The item in an answer; True if it is the item as sent, False if as stored by the service."""
    echo = entry.get(f"{_T}PresenceRegistrationSubmitted")
    if echo is not None:
        return _parts(echo), True
    return _parts(_child(entry, "PresenceRegistrationConsultSubmitted")), False


def _differs(tag: str, expected: Callable[[PresenceItem], str | None]) -> Callable[..., bool]:
    return lambda echo, item: _optional(echo, tag) != expected(item)


def _company_differs(echo: _Parts, item: PresenceItem) -> bool:
    return _company(echo) != item.company_id


def _date_differs(echo: _Parts, item: PresenceItem) -> bool:
    day = _day(echo)
    return day is not None and day != item.date


# A service with a newer INSS may return that, so only an echo of the item as sent is checked for its person.
_READ_BACK_CHECKS: Final = (
    ("reference", _differs("ClientPresenceRegistrationReference", lambda item: item.reference)),
    ("workplace", _differs("WorkPlaceId", lambda item: item.workplace_id)),
    ("date", _date_differs),
)
_ECHO_CHECKS: Final = (
    *_READ_BACK_CHECKS,
    ("worker", _differs("INSS", lambda item: item.inss)),
    ("Limosa number", _differs("LimosaId", lambda item: item.limosa_id)),
    ("employer", _company_differs),
)


def _found(entry: etree._Element) -> Found:
    said = _parts(entry)
    held, _ = _submitted(said)
    history = said.get(f"{_T}ValidationHistory")
    return Found(
        reception_number=_reception_number(said),
        reference=_optional(held, "ClientPresenceRegistrationReference"),
        date=_day(held),
        workplace_id=_text(_child(held, "WorkPlaceId")),
        created=_moment(_text(_child(said, "CreationDate"))),
        last=_validation(_child(said, "LastValidation")),
        history=() if history is None else tuple(_validation(step) for step in history),
        inss=_optional(held, "INSS"),
        inss_now=_optional(said, "INSS"),
        company_id=_company(held),
        limosa_id=_optional(held, "LimosaId"),
    )


def _validation(element: etree._Element) -> Validation:
    said = _parts(element)
    at = _optional(said, "ValidationDate")
    remarks = element.findall(f"{_T}RemarkList/{_T}Remark") if f"{_T}RemarkList" in said else ()
    return Validation(
        status=STATUS_FROM_WIRE[_text(_child(said, "Status"))],
        at=None if at is None else _moment(at),
        # Spaces inside a remark are the service's own; only what could be a personal number is removed.
        remarks=tuple(blotted(_text(remark)) for remark in remarks),
    )


def _errors(element: etree._Element) -> tuple[tuple[str, ...], tuple[str, ...]]:
    errors = [_parts(error) for error in element.findall(f"{_T}Error")]
    return (
        tuple(plain(_text(_child(error, "ErrorCode"))) for error in errors),
        tuple(plain(_text(_child(error, "ErrorDescription"))) for error in errors),
    )


def _reception_number(said: _Parts) -> int:
    number = int(_text(_child(said, "PresenceRegistrationId")))
    if not is_reception_number(number):
        raise AnswerMalformed("a reception number is not of 1 to 15 digits above zero")
    return number


def _moment(text: str) -> datetime:
    """An xs:dateTime in UTC; without a zone it is Belgian time."""
    try:
        return belgian_time.read(text)
    except (ValueError, OverflowError):
        raise AnswerMalformed("a time is beyond what a calendar holds") from None


def _day(said: _Parts) -> date | None:
    text = _optional(said, "RegistrationDate")
    if text is None:
        return None
    try:
        return date.fromisoformat(text.strip()[:10])  # an xs:date may have a zone after the day
    except ValueError:
        raise AnswerMalformed("a date is beyond what a calendar holds") from None


def _company(said: _Parts) -> str | None:
    text = _optional(said, "CompanyID")
    return None if text is None else f"{int(text):010d}"


def _same_count(answers: Sequence[etree._Element], items: Sequence[object]) -> None:
    if len(answers) != len(items):
        raise AnswerMalformed(f"{len(items)} items were sent and {len(answers)} outcomes came back")


def _parts(element: etree._Element) -> _Parts:
    """An answer to 200 items has thousands of elements: each is looked at once. Of two by one tag, the first counts."""
    return {child.tag: child for child in element.iterchildren(reversed=True)}


def _child(parts: _Parts, name: str, namespace: str = _T) -> etree._Element:
    child: etree._Element | None = parts.get(f"{namespace}{name}")
    if child is None:
        raise AnswerMalformed(f"an element {name} is missing")
    return child


def _optional(parts: _Parts, name: str) -> str | None:
    child = parts.get(f"{_T}{name}")
    return None if child is None else _text(child)


def _text(element: etree._Element) -> str:
    return element.text or ""
