"""The REST service's requests and answers as JSON, by the names of `rest_names`.

Answers are not trusted: every field's type, form and range is checked, and an answer that does not fit the request is
`AnswerMalformed`. An outcome has neither reference nor person, so here, unlike over SOAP, only its place in the list
identifies its item. No message made here contains a person's number.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from badgeclock.authorities import bounded
from badgeclock.authorities.base import (
    BELGIUM,
    Address,
    Cancellation,
    Cancelled,
    CancelOutcome,
    CancelRefused,
    Direction,
    Found,
    MovementItem,
    Outcome,
    Refused,
    Registered,
    SearchCriteria,
    Status,
    Validation,
)
from badgeclock.authorities.errors import AnswerMalformed
from badgeclock.authorities.failures import blotted, plain
from badgeclock.authorities.forms import is_company_id, is_inss, is_reception_number
from badgeclock.onss import rest_names as n

_LIST_LIMIT: Final = 1000  # elements of any list in an answer; a search's page has at most 500
_TEXT_LIMIT: Final = 1000
_BLAMED: Final = re.compile(rf"\$?\.?{n.ITEMS}\[([0-9]{{1,3}})\]")

_TYPE_OF: Final = {Direction.IN: n.IN, Direction.OUT: n.OUT}
_DIRECTION_OF: Final = {str(name): direction for direction, name in _TYPE_OF.items()}
_VALIDITY_OF: Final = {
    Status.REGISTERED: n.PENDING,
    Status.VALIDATED: n.VALID,
    Status.REMARKS: n.INVALID,
    Status.CANCELLED: n.CANCELLED,
}
_STATUS_OF: Final = {str(name): status for status, name in _VALIDITY_OF.items()}

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a search: how many the service holds in all, and those on this page."""

    total: int
    found: tuple[Found, ...]


def register_request(items: Sequence[MovementItem]) -> dict[str, Any]:
    """The body of a call to declare."""
    return {n.ITEMS: [_movement(item) for item in items]}


def cancel_request(items: Sequence[Cancellation]) -> dict[str, Any]:
    """The body of a call to cancel."""
    return {n.ITEMS: [{n.ID: item.reception_number, n.REASON: item.reason} for item in items]}


def search_request(criteria: SearchCriteria, first_row: int, fetch_size: int) -> dict[str, Any]:
    """The body of a search for one page, by reception number."""
    chosen: dict[str, Any] = {
        n.PERIODS: [{n.FROM: first.isoformat(), n.UNTIL: last.isoformat()} for first, last in criteria.periods]
    }
    if criteria.inss is not None:
        chosen[n.SSIN] = criteria.inss
    if criteria.company_id is not None:
        chosen[n.ENTERPRISE] = criteria.company_id
    if criteria.workplace_id is not None:
        chosen[n.WORKS] = criteria.workplace_id
    if criteria.statuses:
        chosen[n.VALIDITIES] = [_VALIDITY_OF[status] for status in criteria.statuses]
    if criteria.remarks:
        chosen[n.REMARKS] = list(criteria.remarks)
    if criteria.created_from is not None:
        chosen[n.CREATED_FROM] = written(criteria.created_from)
    if criteria.created_to is not None:
        chosen[n.CREATED_UNTIL] = written(criteria.created_to)
    return {n.CRITERIA: chosen, n.FIRST: first_row, n.SIZE: fetch_size}


def written(moment: datetime) -> str:
    """An aware time as the service is sent times: UTC, Z; milliseconds if there are any."""
    utc = moment.astimezone(UTC).replace(tzinfo=None)
    return utc.isoformat(timespec="milliseconds" if utc.microsecond else "seconds") + "Z"


def parse(content: bytes) -> dict[str, Any]:
    """The JSON object in an answer. Raises AnswerMalformed."""
    try:
        read = bounded.read_json(content, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise AnswerMalformed("it is no JSON") from None
    return _object(read)


def register_outcomes(body: dict[str, Any], items: Sequence[MovementItem], answered: datetime) -> list[Outcome]:
    """The outcome of each item, in order; `answered` is when the service answered, by its clock. Raises
    AnswerMalformed.
    """
    return _checked([_outcome(answer, item, answered) for answer, item in _by_item(body, items)])


def register_outcomes_in_part(body: dict[str, Any], items: Sequence[MovementItem], answered: datetime) -> list[Outcome]:
    """The same for a partial answer (HTTP 207): items without a clear result have no outcome.

    Only the place in the list identifies an outcome's item, so a list of another length is AnswerMalformed.
    """
    outcomes = []
    for answer, item in _by_item(body, items):
        with contextlib.suppress(AnswerMalformed):
            outcomes.append(_outcome(answer, item, answered))
    return _checked(outcomes)


def _by_item(body: dict[str, Any], items: Sequence[MovementItem]) -> Iterable[tuple[dict[str, Any], MovementItem]]:
    return zip(_as_many(body, items), items, strict=True)


def _outcome(answer: dict[str, Any], item: MovementItem, answered: datetime) -> Outcome:
    taken, refused = _either(answer, n.CREATED, n.NOT_CREATED)
    if refused is not None:
        codes, descriptions = _errors(refused)
        return Refused(reference=item.reference, codes=codes, descriptions=descriptions)
    assert taken is not None
    status = _status(taken)
    if status is Status.CANCELLED:
        raise AnswerMalformed("an item is cancelled though it was to be registered")
    return Registered(
        reference=item.reference,
        reception_number=_number(taken),
        created=_optional(taken, n.CREATION, _moment) or answered,
        status=status,
        remarks=_remarks(taken),
        inss=_optional(taken, n.SSIN_NOW, _inss),
    )


def _checked(outcomes: list[Outcome]) -> list[Outcome]:
    numbers = [outcome.reception_number for outcome in outcomes if isinstance(outcome, Registered)]
    if len(set(numbers)) != len(numbers):
        raise AnswerMalformed("one reception number was given to two items")
    return outcomes


def cancel_outcomes(body: dict[str, Any], items: Sequence[Cancellation]) -> list[CancelOutcome]:
    """The outcome of each cancellation, in order. Raises AnswerMalformed."""
    outcomes: list[CancelOutcome] = []
    for answer, item in zip(_as_many(body, items), items, strict=True):
        done, refused = _either(answer, n.CANCELLED_ITEM, n.NOT_CANCELLED_ITEM)
        members = done or refused or {}
        if _number(members) != item.reception_number:
            raise AnswerMalformed("an outcome is about another reception number than its item")
        if refused is not None:
            codes, descriptions = _errors(refused)
            number = item.reception_number
            outcomes.append(CancelRefused(reception_number=number, codes=codes, descriptions=descriptions))
        else:
            outcomes.append(Cancelled(reception_number=item.reception_number))
    return outcomes


def search_page(body: dict[str, Any]) -> Page:
    """One page of a search's results. Raises AnswerMalformed."""
    total = _of(body, n.TOTAL, int)
    found = tuple(_found(_object(entry)) for entry in _list(body, n.ITEMS))
    if total < len(found):
        raise AnswerMalformed(f"it counts {total} presences and lists {len(found)}")
    return Page(total, found)


def found_by_number(body: dict[str, Any], reception_number: int) -> Found:
    """The registration with that number. Raises AnswerMalformed."""
    found = _found(body)
    if found.reception_number != reception_number:
        raise AnswerMalformed("it is about another reception number than the one asked for")
    return found


@dataclass(frozen=True, slots=True)
class Problem:
    """A service's error (RFC 9457). `blamed` are places in the list of items; `summary` is fit for a log."""

    kind: str
    summary: str
    blamed: tuple[int, ...]


def read_problem(content_type: str, content: bytes) -> Problem:
    """The problem in an unsuccessful answer; missing fields stay empty."""
    if content_type != n.PROBLEM:
        return Problem("", "", ())
    try:
        body = parse(content)
    except AnswerMalformed:
        return Problem("", "", ())
    words = [body[name] for name in ("title", "detail") if isinstance(body.get(name), str)]
    kind = body.get("type")
    issues = body.get(n.ISSUES)
    names = [issue.get(n.ISSUE_NAME) for issue in issues if isinstance(issue, dict)] if isinstance(issues, list) else []
    places = [_BLAMED.match(name) for name in names if isinstance(name, str)]
    return Problem(
        kind=kind.removeprefix(n.PROBLEM_TYPE) if isinstance(kind, str) else "",
        summary=plain(": ".join(words)),
        blamed=tuple(sorted({int(place[1]) for place in places if place})),
    )


def _movement(item: MovementItem) -> dict[str, Any]:
    members: dict[str, Any] = {n.MOMENT: written(item.moment.replace(microsecond=0)), n.TYPE: _TYPE_OF[item.direction]}
    if item.limosa_id is not None:
        members[n.LIMOSA] = item.limosa_id
    else:
        members[n.SSIN] = item.inss
        members[n.EMPLOYER] = {n.FOREIGN_VAT: item.vat} if item.vat else {n.ENTERPRISE: item.company_id}
    if item.coordinates is not None:
        there = {n.LONGITUDE: item.coordinates.longitude, n.LATITUDE: item.coordinates.latitude}
        members[n.PLACE] = {n.COORDINATES: there}
    elif item.address is not None:
        members[n.PLACE] = {n.ADDRESS: _address(item.address)}
    if item.workplace_id is not None:
        members[n.WORKS] = item.workplace_id
    return members


def _address(address: Address) -> dict[str, str]:
    members: dict[str, str] = {
        n.POSTCODE: address.postcode,
        n.MUNICIPALITY: address.municipality,
        n.STREET: address.street,
        n.HOUSE: address.house_number,
    }
    return members | ({n.BOX: address.box} if address.box else {})


def _found(body: dict[str, Any]) -> Found:
    moment = _moment(_of(body, n.MOMENT, str))
    employer = _optional(body, n.EMPLOYER, _object) or {}
    steps = tuple(_step(_object(step)) for step in _list(body, n.HISTORY)) if n.HISTORY in body else ()
    last = steps[-1] if steps else Validation(status=_status(body), at=None, remarks=_remarks(body))
    if steps and last.status is not _status(body):
        raise AnswerMalformed("its history ends otherwise than it says")
    direction = _DIRECTION_OF.get(_of(body, n.TYPE, str))
    if direction is None:
        raise AnswerMalformed("a direction is none")
    found = Found(
        reception_number=_number(body),
        reference=None,
        date=moment.astimezone(BELGIUM).date(),
        workplace_id=_optional(body, n.WORKS, _text),
        created=_moment(_of(body, n.CREATION, str)),
        last=last,
        history=steps,
        inss=_optional(body, n.SSIN, _inss),
        inss_now=_optional(body, n.SSIN_NOW, _inss),
        company_id=_optional(employer, n.ENTERPRISE, _company),
        limosa_id=_optional(body, n.LIMOSA, _text),
        vat=_optional(employer, n.FOREIGN_VAT, _text),
        moment=moment,
        direction=direction,
    )
    if found.inss is None and found.limosa_id is None:
        raise AnswerMalformed("a registration is nobody's")
    return found


def _step(body: dict[str, Any]) -> Validation:
    return Validation(status=_status(body), at=_optional(body, n.AT, _moment), remarks=_remarks(body))


def _status(body: dict[str, Any]) -> Status:
    status = _STATUS_OF.get(_of(body, n.VALIDITY, str))
    if status is None:
        raise AnswerMalformed("a validity is none of the service's")
    return status


def _remarks(body: dict[str, Any]) -> tuple[str, ...]:
    return tuple(blotted(_text(remark)) for remark in (_list(body, n.REMARKS) if n.REMARKS in body else ()))


def _errors(body: dict[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    errors = [_object(error) for error in _list(body, n.ERRORS)] if n.ERRORS in body else []
    codes = tuple(plain(_of(error, n.CODE, str)) for error in errors)
    descriptions = tuple(plain(_optional(error, n.DESCRIPTION, _text) or "") for error in errors)
    # It was certainly refused, even if the reason has an unknown form.
    return (codes, descriptions) if codes else (("unknown",), ("the service gave no reason in a known form",))


def _number(body: dict[str, Any]) -> int:
    number = _of(body, n.ID, int)
    if not is_reception_number(number):
        raise AnswerMalformed("a reception number is not of 1 to 15 digits above zero")
    return number


def _as_many(body: dict[str, Any], items: Sequence[object]) -> list[dict[str, Any]]:
    answers = [_object(answer) for answer in _list(body, n.ITEMS)]
    if len(answers) != len(items):
        raise AnswerMalformed(f"{len(items)} items were sent and {len(answers)} outcomes came back")
    return answers


def _either(answer: dict[str, Any], yes: str, no: str) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    done, refused = _optional(answer, yes, _object), _optional(answer, no, _object)
    if (done is None) == (refused is None):
        raise AnswerMalformed("an outcome is neither a success nor an error, or both")
    return done, refused


def _list(body: dict[str, Any], name: str) -> list[Any]:
    found = _of(body, name, list)
    if len(found) > _LIST_LIMIT:
        raise AnswerMalformed("a list is too long")
    return found


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise AnswerMalformed("an object is wanted where there is none")
    return value


def _of(body: dict[str, Any], name: str, kind: type[_T]) -> _T:
    value = body.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise AnswerMalformed(f"{name} is missing or of another type")
    return value


def _optional(body: dict[str, Any], name: str, read: Callable[[Any], _T]) -> _T | None:
    value = body.get(name)
    return None if value is None else read(value)


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _TEXT_LIMIT:
        raise AnswerMalformed("a text is missing or too long")
    return value


def _inss(value: Any) -> str:
    if not is_inss(text := _text(value)):
        raise AnswerMalformed("a worker's number does not have its form")
    return text


def _company(value: Any) -> str:
    if not is_company_id(text := _text(value)):
        raise AnswerMalformed("an employer's number does not have its form")
    return text


def _moment(value: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(_text(value))
        if moment.tzinfo is None:
            raise AnswerMalformed("a time is without a zone")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise (
            error if isinstance(error, AnswerMalformed) else AnswerMalformed("a time is beyond what a calendar holds")
        ) from None


def _no_constant(_: str) -> None:
    raise ValueError("NaN and Infinity are no JSON")
