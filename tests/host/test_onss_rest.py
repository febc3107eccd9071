"""What the REST client sends and accepts: form, places, problems, and answers of any shape at all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.presences import EMPLOYER, LIMOSA, WORKERS, WORKPLACE, movement_item, worker_item

from badgeclock.authorities import forms, onss_rest
from badgeclock.authorities.base import (
    Address,
    Cancellation,
    Cancelled,
    CancelRefused,
    Coordinates,
    Direction,
    Found,
    Item,
    Refused,
    Registered,
    Status,
    Validation,
    attributed,
)
from badgeclock.authorities.errors import (
    AnswerMalformed,
    AuthorityAmbiguous,
    AuthorityRejected,
    AuthorityUnavailable,
    Doubt,
)
from badgeclock.authorities.onss import rest_messages
from badgeclock.authorities.transport import Answer
from badgeclock.errors import AuthorityError
from badgeclock.onss import rest_names as n

MOMENT = datetime(2026, 3, 2, 5, 58, 11, 987_000, tzinfo=UTC)
ANSWERED = datetime(2026, 3, 2, 5, 58, 12, tzinfo=UTC)
THERE = Coordinates(latitude=50.84, longitude=4.35)
KAAI = Address(postcode="1000", municipality="Brussel", street="Kaai", house_number="7", box="2")
A, B = movement_item("a", moment=MOMENT), movement_item("b", moment=MOMENT, inss=WORKERS[1], direction=Direction.OUT)


# Requests


def test_a_worker_at_coordinates_is_written_as_other_peoples_clients_do() -> None:
    item = movement_item("a", moment=MOMENT, coordinates=THERE)
    assert json.loads(json.dumps(rest_messages.register_request([item]))) == {
        "items": [
            {
                "registrationDate": "2026-03-02T05:58:11Z",
                "ssin": WORKERS[0],
                "type": "IN",
                "employer": {"enterpriseNumber": EMPLOYER},
                "placeOfWork": {"coordinates": {"longitude": 4.35, "latitude": 50.84}},
                "contractualRelationshipReference": WORKPLACE,
            }
        ]
    }


def test_a_foreign_employers_worker_at_an_address_and_a_posted_one_are_written() -> None:
    foreign = movement_item("a", moment=MOMENT, company_id=None, vat="FR12345678901", address=KAAI, workplace_id=None)
    posted = movement_item("b", moment=MOMENT, direction=Direction.OUT, inss=None, company_id=None, limosa_id=LIMOSA)
    first, second = json.loads(json.dumps(rest_messages.register_request([foreign, posted])))["items"]
    assert first["employer"] == {"foreignVatNumber": "FR12345678901"}
    address = {"postCode": "1000", "municipalityName": "Brussel", "streetName": "Kaai", "houseNumber": "7"}
    assert first["placeOfWork"] == {"address": address | {"boxNumber": "2"}}
    assert "contractualRelationshipReference" not in first
    assert second["type"] == "OUT"
    assert {"ssin", "employer"}.isdisjoint(second)


@pytest.mark.parametrize(
    ("other", "field"),
    [
        ({"moment": datetime(2026, 3, 2, 5, 58)}, "moment"),  # noqa: DTZ001 - that it is naive is the point
        ({"moment": MOMENT.astimezone().replace(tzinfo=None)}, "moment"),
        ({"workplace_id": None}, "workplace_id"),
        ({"coordinates": THERE, "address": KAAI}, "coordinates"),
        ({"coordinates": Coordinates(latitude=91, longitude=0)}, "coordinates"),
        ({"coordinates": Coordinates(latitude=0, longitude=float("nan"))}, "coordinates"),
        ({"address": Address(postcode="0999", municipality="x", street="x", house_number="1")}, "address"),
        ({"address": Address(postcode="1000", municipality="", street="x", house_number="1")}, "address"),
        ({"vat": "FR12345678901"}, "vat"),
        ({"company_id": None, "vat": "12345"}, "vat"),
        ({"limosa_id": LIMOSA}, "limosa_id"),
        ({"inss": None, "company_id": None, "limosa_id": "é"}, "limosa_id"),
    ],
    ids=str,
)
def test_a_movement_that_cannot_be_written_is_named_by_its_field(other: dict[str, Any], field: str) -> None:
    wrong = forms.misfits(movement_item("a", **({"moment": MOMENT} | other)))
    assert [text.partition(" ")[0] for text in wrong] == [field]


def test_every_name_says_who_vouches_for_it() -> None:
    assert {name.source for name in n.TABLE} == set(n.Source)
    assert all(name.meaning for name in n.TABLE)
    assert n.REGISTER.source is n.Source.THIRD_PARTY
    assert n.CANCEL.source is n.Source.ASSUMED


# Whose a registration is


def found(item: Item, number: int, **other: Any) -> Found:
    fields: dict[str, Any] = {
        "reception_number": number,
        "reference": None,
        "date": item.date,
        "workplace_id": item.workplace_id,
        "created": ANSWERED,
        "last": Validation(status=Status.REGISTERED, at=None),
        "inss": item.inss,
        "company_id": item.company_id,
        "limosa_id": item.limosa_id,
    }
    if item in (A, B):
        fields |= {"moment": MOMENT.replace(microsecond=0), "direction": getattr(item, "direction", None)}
    return Found(**(fields | other))


def numbers(presences: Sequence[Found], *items: Item) -> dict[str, list[int]]:
    return {
        reference: [one.reception_number for one in mine] for reference, mine in attributed(presences, items).items()
    }


def test_a_registration_without_reference_is_whose_words_it_has() -> None:
    assert numbers([found(B, 2), found(A, 1)], A, B) == {"a": [1], "b": [2]}
    assert numbers([found(A, 9), found(A, 3)], A, B) == {"a": [3, 9]}


@pytest.mark.parametrize(
    "other",
    [
        {"moment": MOMENT + timedelta(seconds=1)},
        {"moment": None},
        {"direction": Direction.OUT},
        {"inss": WORKERS[2]},
        {"company_id": None, "vat": "FR12345678901"},
        {"workplace_id": None},
        {"limosa_id": LIMOSA},
    ],
    ids=str,
)
def test_a_registration_that_says_something_else_is_nobodys(other: dict[str, Any]) -> None:
    assert numbers([found(A, 1, **other)], A, B) == {}


def test_a_reference_decides_and_a_number_that_changed_is_recognised() -> None:
    assert numbers([found(A, 1, reference="b"), found(A, 2, reference="z")], A, B) == {"b": [1], "z": [2]}
    assert numbers([found(A, 1, inss=WORKERS[3], inss_now=WORKERS[0])], A) == {"a": [1]}
    day = worker_item("day")
    assert numbers([found(day, 5)], day) == {"day": [5]}
    assert numbers([found(day, 5)], A) == {}


# Answers


def created(number: int = 17611, **other: Any) -> dict[str, Any]:
    return {"createdPresenceRegistration": {"id": number, "validity": "pending", "remarks": []} | other}


def test_outcomes_as_other_peoples_clients_have_seen_them_are_read() -> None:
    refused = {"notCreatedPresenceRegistration": {"ssin": WORKERS[0], "reason": "whatever it may hold"}}
    first, second = rest_messages.register_outcomes({"items": [created(), refused]}, [A, B], ANSWERED)
    assert first == Registered(reference="a", reception_number=17611, created=ANSWERED, status=Status.REGISTERED)
    assert isinstance(second, Refused)
    assert (second.codes, second.code) == (("unknown",), 255)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"items": {}},
        {"items": [created()]},
        {"items": [created(), created(), created()]},
        {"items": [created(), created()]},
        {"items": [created(), {}]},
        {"items": [created(), None]},
        {"items": [created(1), created(2) | {"notCreatedPresenceRegistration": {}}]},
        {"items": [created(1), created(0)]},
        {"items": [created(1), created(10**15)]},
        {"items": [created(1), created(2, id="2")]},
        {"items": [created(1), created(2, id=True)]},
        {"items": [created(1), created(2, validity="fine")]},
        {"items": [created(1), created(2, validity="cancelled")]},
        {"items": [created(1), created(2, remarks=[7])]},
        {"items": [created(1), created(2, remarks=["x"] * 1001)]},
        {"items": [created(1), created(2, creationDate="2026-03-02T05:58:11")]},
        {"items": [created(1), created(2, creationDate="yesterday")]},
        {"items": [created(1), {"notCreatedPresenceRegistration": {"errors": [{}]}}]},
    ],
    ids=lambda body: json.dumps(body)[-90:],
)
def test_an_answer_that_does_not_fit_what_was_asked_is_not_believed(body: dict[str, Any]) -> None:
    with pytest.raises(AnswerMalformed):
        rest_messages.register_outcomes(body, [A, B], ANSWERED)


@pytest.mark.parametrize("content", [b"", b"[]", b"7", b"{", b'{"a": NaN}', b"\xff", b"[" * 100_000])
def test_what_is_no_json_object_is_not_believed(content: bytes) -> None:
    with pytest.raises(AnswerMalformed):
        rest_messages.parse(content)


def test_cancellations_are_held_against_their_numbers() -> None:
    asked = [Cancellation(reception_number=number, reason="HOLIDAY") for number in (5, 6)]
    errors = [{"code": "9", "description": f"too late for {WORKERS[0]}"}]
    answer = [{n.CANCELLED_ITEM: {"id": 5}}, {n.NOT_CANCELLED_ITEM: {"id": 6, "errors": errors}}]
    done, refused = rest_messages.cancel_outcomes({"items": answer}, asked)
    assert done == Cancelled(reception_number=5)
    assert refused == CancelRefused(reception_number=6, codes=("9",), descriptions=("too late for ***",))
    with pytest.raises(AnswerMalformed):
        rest_messages.cancel_outcomes({"items": answer[::-1]}, asked)


def held(**other: Any) -> dict[str, Any]:
    usual = {
        "id": 17611,
        "registrationDate": "2026-03-02T05:58:11Z",
        "type": "IN",
        "ssin": WORKERS[0],
        "creationDate": "2026-03-02T05:58:12.345Z",
        "validity": "valid",
        "remarks": [],
    }
    return usual | other


@pytest.mark.parametrize(
    "other",
    [
        {"id": 17612},
        {"type": "AROUND"},
        {"ssin": "1"},
        {"ssin": None},
        {"registrationDate": None},
        {"creationDate": "9999-12-31T23:59:59-23:59"},
        {"employer": []},
        {"employer": {"enterpriseNumber": "12"}},
        {"history": [{"validity": "pending", "date": "2026-03-02T05:58:12Z"}]},
        {"history": "long"},
    ],
    ids=str,
)
def test_a_registration_that_makes_no_sense_is_not_believed(other: dict[str, Any]) -> None:
    assert rest_messages.found_by_number(held(), 17611).status is Status.VALIDATED
    with pytest.raises(AnswerMalformed):
        rest_messages.found_by_number(held(**other), 17611)


# Refusals


@pytest.mark.parametrize(
    ("status", "doubt"),
    [
        (201, Doubt.LOST),
        (207, Doubt.LOST),
        (301, Doubt.NOT_ADMITTED),
        (401, Doubt.NOT_ADMITTED),
        (403, Doubt.NOT_ADMITTED),
        (404, Doubt.NOT_ADMITTED),
        (400, Doubt.TURNED_DOWN),
        (409, Doubt.TURNED_DOWN),
        (413, Doubt.TOO_LARGE),
        (429, Doubt.AWAY),
        (500, Doubt.LOST),
        (503, Doubt.AWAY),
    ],
)
def test_no_status_says_that_nothing_was_registered(status: int, doubt: Doubt) -> None:
    problem = json.dumps({"type": "x", "title": f"about {WORKERS[0]}", "detail": "Bearer"}).encode()
    for answer in (Answer(status, None, b""), Answer(status, None, problem, n.PROBLEM)):
        error = onss_rest._refusal(onss_rest._REGISTER, answer)
        assert isinstance(error, AuthorityAmbiguous)
        assert error.doubt is doubt
        assert WORKERS[0] not in str(error)


@pytest.mark.parametrize(
    ("status", "expected", "retry"),
    [
        (301, AuthorityUnavailable, False),
        (401, AuthorityUnavailable, False),
        (403, AuthorityUnavailable, False),
        (404, AuthorityUnavailable, False),
        (400, AuthorityRejected, None),
        (413, AuthorityRejected, None),
        (429, AuthorityUnavailable, True),
        (503, AuthorityUnavailable, True),
    ],
)
def test_a_status_of_a_reading_call_means_what_it_can(
    status: int, expected: type[AuthorityError], retry: object
) -> None:
    error = onss_rest._refusal(onss_rest._SEARCH, Answer(status, None, b""))
    assert isinstance(error, expected)
    assert getattr(error, "retry", None) is retry


def problem_of(kind: str) -> bytes:
    return json.dumps({"type": n.PROBLEM_TYPE + kind, "title": "No"}).encode()


@pytest.mark.parametrize(
    ("answer", "blames"),
    [
        (Answer(401, None, problem_of("invalidAccessToken"), n.PROBLEM), True),
        (Answer(401, None, problem_of("expiredAccessToken"), n.PROBLEM), True),
        (Answer(401, None, b"", challenge='Bearer realm="x", error="invalid_token"'), True),
        (Answer(401, None, problem_of("missingPermission"), n.PROBLEM), False),
        (Answer(401, None, b"<html>log in</html>", "text/html", challenge="Basic"), False),
        (Answer(403, None, problem_of("invalidAccessToken"), n.PROBLEM), False),
    ],
    ids=lambda value: getattr(value, "challenge", None) or str(getattr(value, "content", value)),
)
def test_only_the_service_itself_says_that_a_token_kept_it_from_looking(answer: Answer, *, blames: bool) -> None:
    assert onss_rest._blames_token(answer) is blames
    expected = AuthorityUnavailable if blames else AuthorityAmbiguous
    assert isinstance(onss_rest._refusal(onss_rest._REGISTER, answer), expected)


@pytest.mark.parametrize(
    ("items", "whose"),
    [
        ([created(1), created(2)], ["a", "b"]),
        ([created(1), {}], ["a"]),
        ([{"status": 500}, created(2)], ["b"]),
        ([created(1), {"notCreatedPresenceRegistration": {}}], ["a", "b"]),
    ],
)
def test_an_answer_in_part_is_believed_where_it_is_clear(items: list[dict[str, Any]], whose: list[str]) -> None:
    outcomes = rest_messages.register_outcomes_in_part({"items": items}, [A, B], ANSWERED)
    assert [outcome.reference for outcome in outcomes] == whose
    with pytest.raises(AnswerMalformed):
        rest_messages.register_outcomes_in_part({"items": items[:1]}, [A, B], ANSWERED)


def test_a_bad_request_blames_the_items_that_it_names() -> None:
    issues = [{"name": "items[1].ssin"}, {"name": "items[7]"}, {"name": 3}, 4, {"name": "items[x]"}]
    content = json.dumps({"type": f"{n.PROBLEM_TYPE}badRequest", "title": "Bad", "issues": issues}).encode()
    rejected = onss_rest._rejected(Answer(400, None, content, n.PROBLEM), [A, B])
    assert (rejected.code, rejected.references) == (onss_rest.CONTENT_REJECTED, ("b",))
    assert onss_rest._rejected(Answer(400, None, b"{}", n.PROBLEM), [A, B]).references == ()


# Any answer at all

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*n.TABLE, "x"]), inner, max_size=4),
    max_leaves=12,
)


@st.composite
def damaged(draw: st.DrawFn, whole: dict[str, Any]) -> dict[str, Any]:
    """A good answer with one of its parts replaced by any value."""
    copy = json.loads(json.dumps(whole))
    part: Any = copy
    while True:
        keys: list[Any] = list(part) if isinstance(part, dict) else list(range(len(part)))
        key = draw(st.sampled_from(keys))
        if isinstance(part[key], dict | list) and part[key] and draw(st.booleans()):
            part = part[key]
            continue
        part[key] = draw(_JSON)
        assert isinstance(copy, dict)
        return copy


GOOD = {"items": [created(1), created(2, remarks=["RELATED DIMONA NOT OK"])]}
PAGE = {"total": 1, "items": [held(history=[{"validity": "valid", "date": "2026-03-02T05:58:12Z", "remarks": []}])]}


@given(st.one_of(_JSON, damaged(GOOD)))
@settings(deadline=None, max_examples=120)
def test_any_outcomes_are_read_or_refused(body: Any) -> None:
    try:
        outcomes = rest_messages.register_outcomes(body if isinstance(body, dict) else {}, [A, B], ANSWERED)
    except AnswerMalformed:
        return
    assert [outcome.reference for outcome in outcomes] == ["a", "b"]
    for outcome in outcomes:
        assert isinstance(outcome, Refused) or 1 <= outcome.reception_number < 10**15


@given(st.one_of(_JSON, damaged(PAGE)))
@settings(deadline=None, max_examples=120)
def test_any_page_is_read_or_refused(body: Any) -> None:
    try:
        page = rest_messages.search_page(body if isinstance(body, dict) else {})
    except AnswerMalformed:
        return
    assert len(page.found) <= page.total


@given(st.one_of(_JSON.map(json.dumps).map(str.encode), st.binary(max_size=60)))
@settings(deadline=None, max_examples=100)
def test_any_problem_is_read(content: bytes) -> None:
    problem = rest_messages.read_problem(n.PROBLEM, content)
    assert len(problem.summary) <= 300
