"""The client of the authority's SOAP service, against the sandbox's process and against servers that answer amiss."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import pickle
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import trustme
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from tests.presences import (
    FAULTS,
    LIMOSA,
    MESSAGES,
    OTHER_EMPLOYER,
    TYPES,
    WORKERS,
    WRONG_WORKER,
    in_envelope,
    limosa_item,
    today,
    tomorrow,
    worker_item,
)
from tests.sandbox_process import SandboxProcess

from badgeclock.authorities import failures
from badgeclock.authorities.base import (
    Cancellation,
    Cancelled,
    CancelRefused,
    PresenceItem,
    Refused,
    Registered,
    SearchCriteria,
    Status,
)
from badgeclock.authorities.errors import AuthorityAmbiguous, AuthorityRejected, AuthorityUnavailable, Doubt
from badgeclock.authorities.onss import answers, faults
from badgeclock.authorities.onss_soap import OnssSoap
from badgeclock.authorities.transport import Answer
from badgeclock.errors import AuthorityError, SettingsError
from badgeclock.onss import description
from badgeclock.sandbox.control import FaultKind


@pytest.fixture
async def authority(sandbox: SandboxProcess) -> AsyncIterator[OnssSoap]:
    async with OnssSoap(sandbox.endpoint, timeout_s=20) as client:
        yield client


def references() -> Callable[[], str]:
    numbers = iter(range(10**9))
    stem = f"{datetime.now(UTC).timestamp():.6f}"
    return lambda: f"{stem}-{next(numbers)}"


new_reference = references()


def everything() -> SearchCriteria:
    return SearchCriteria(periods=((today() - timedelta(days=400), today() + timedelta(days=400)),))


async def held_references(authority: OnssSoap) -> set[str | None]:
    return {entry.reference for entry in await authority.search(everything())}


# Registering


async def test_a_worker_gets_a_reception_number_and_the_servers_time(authority: OnssSoap) -> None:
    item = worker_item(new_reference())
    [outcome] = await authority.register([item])
    assert isinstance(outcome, Registered)
    assert outcome.reference == item.reference
    assert outcome.status is Status.REGISTERED
    assert outcome.inss == item.inss
    assert abs(outcome.created - datetime.now(UTC)) < timedelta(minutes=5)


async def test_a_posted_worker_is_registered_by_limosa_number_alone(authority: OnssSoap) -> None:
    [outcome] = await authority.register([limosa_item(new_reference())])
    assert isinstance(outcome, Registered)
    assert outcome.inss is None
    found = await authority.get(outcome.reception_number)
    assert found is not None
    assert (found.limosa_id, found.inss, found.company_id) == (LIMOSA, None, None)


@pytest.mark.parametrize(
    ("other", "code"),
    [
        ({"company_id": "9438195916"}, 2),
        ({"company_id": "0438195917"}, 3),
        ({"workplace_id": "1Y1000NF9KCOZ"}, 4),
        ({"workplace_id": "1Y1"}, 4),
        ({"inss": WRONG_WORKER}, 5),
        ({"date": today() - timedelta(days=2)}, 6),
        ({"date": today() + timedelta(days=3)}, 6),
    ],
)
async def test_a_presence_the_authority_refuses_carries_its_code(
    authority: OnssSoap, other: dict[str, Any], code: int
) -> None:
    [outcome] = await authority.register([worker_item(new_reference(), **other)])
    assert isinstance(outcome, Refused)
    assert outcome.code == code
    assert len(outcome.codes) == len(outcome.descriptions) == 1


async def test_outcomes_of_a_mixed_batch_stand_in_the_order_of_its_items(authority: OnssSoap) -> None:
    items = [
        worker_item(new_reference(), inss=WORKERS[place % 5] if place % 3 else WRONG_WORKER) for place in range(200)
    ]
    outcomes = await authority.register(items)
    assert [outcome.reference for outcome in outcomes] == [item.reference for item in items]
    assert [isinstance(outcome, Registered) for outcome in outcomes] == [place % 3 != 0 for place in range(200)]
    numbers = [outcome.reception_number for outcome in outcomes if isinstance(outcome, Registered)]
    assert numbers == sorted(set(numbers))


async def test_batches_sent_at_once_do_not_mix(authority: OnssSoap) -> None:
    batches = [[worker_item(new_reference()) for _ in range(20)] for _ in range(8)]
    answered = await asyncio.gather(*(authority.register(batch) for batch in batches))
    for batch, outcomes in zip(batches, answered, strict=True):
        assert [outcome.reference for outcome in outcomes] == [item.reference for item in batch]


@pytest.mark.parametrize("count", [0, 201])
async def test_a_batch_of_impossible_size_is_not_sent(authority: OnssSoap, count: int) -> None:
    with pytest.raises(AuthorityRejected) as caught:
        await authority.register([worker_item(f"r{place}") for place in range(count)])
    assert caught.value.code == "LOCAL"


@pytest.mark.parametrize(
    "other",
    [
        {"inss": "8507300332"},
        {"inss": "٨٥٠٧٣٠٠٣٣٢٨"},
        {"inss": None},
        {"company_id": None},
        {"company_id": "438195916"},
        {"workplace_id": "1Y1000NF9KCQZ1"},
        {"workplace_id": "a\x00b"},
        {"limosa_id": LIMOSA},
        {"reference": "x" * 25},
        {"reference": ""},
    ],
)
async def test_an_ill_formed_item_is_named_and_nothing_is_sent(
    sandbox: SandboxProcess, authority: OnssSoap, other: dict[str, Any]
) -> None:
    calls = len(sandbox.received()["calls"])
    good = worker_item(new_reference())
    bad = worker_item(**({"reference": "the-bad-one"} | other))
    with pytest.raises(AuthorityRejected) as caught:
        await authority.register([good, bad])
    assert caught.value.references == (bad.reference,)
    assert WORKERS[0] not in str(caught.value)
    assert len(sandbox.received()["calls"]) == calls


async def test_two_items_with_one_reference_are_not_sent(authority: OnssSoap) -> None:
    with pytest.raises(AuthorityRejected) as caught:
        await authority.register([worker_item("twin"), worker_item("other"), worker_item("twin", inss=WORKERS[1])])
    assert caught.value.references == ("twin",)


async def test_the_same_presence_twice_gets_two_numbers_and_a_remark_on_the_second(authority: OnssSoap) -> None:
    one, two = worker_item(new_reference(), inss=WORKERS[4]), worker_item(new_reference(), inss=WORKERS[4])
    [first] = await authority.register([one])
    [second] = await authority.register([two])
    assert isinstance(first, Registered)
    assert isinstance(second, Registered)
    assert second.reception_number > first.reception_number
    found = await authority.get(second.reception_number)
    assert found is not None
    assert (found.status, found.remarks) == (Status.REMARKS, ("SAME DECLARATION HAS ALREADY BEEN REGISTERED",))


# Reading back


async def test_a_content_check_is_followed_to_its_end(sandbox: SandboxProcess, authority: OnssSoap) -> None:
    remark = "COMPANY IS NOT KNOWN  AS BUILDER OR  SUBCONTRACTOR IN THIS DUC"
    sandbox.control(remark=[{"workplace_id": "1Y1000AAAAAAZ", "remarks": [remark]}], validation_delay_ms=3_600_000)
    [outcome] = await authority.register([worker_item(new_reference(), workplace_id="1Y1000AAAAAAZ")])
    assert isinstance(outcome, Registered)
    waiting = await authority.get(outcome.reception_number)
    assert waiting is not None
    assert waiting.status is Status.REGISTERED
    sandbox.control(clock_offset_s=3_601)
    checked = await authority.get(outcome.reception_number)
    assert checked is not None
    assert (checked.status, checked.remarks) == (Status.REMARKS, (remark,))
    assert [step.status for step in checked.history] == [Status.REGISTERED, Status.REMARKS]
    assert checked.last.at == outcome.created + timedelta(hours=1)


async def test_an_unknown_number_is_nothing(authority: OnssSoap) -> None:
    assert await authority.get(1) is None


@pytest.mark.parametrize("number", [0, -1, 10**15])
async def test_an_absurd_number_is_not_asked_for(authority: OnssSoap, number: int) -> None:
    with pytest.raises(AuthorityRejected):
        await authority.get(number)


async def test_a_search_gathers_all_pages_in_order(authority: OnssSoap) -> None:
    workplace = "1Y1000PAGES0Z"
    sent: list[str] = []
    for _ in range(6):
        batch = [worker_item(new_reference(), workplace_id=workplace) for _ in range(170)]
        assert all(isinstance(outcome, Registered) for outcome in await authority.register(batch))
        sent += [item.reference for item in batch]
    found = await authority.search(SearchCriteria(periods=((tomorrow(), tomorrow()),), workplace_id=workplace))
    assert [entry.reference for entry in found] == sent  # 1,020: three pages


async def test_a_search_is_narrowed_by_each_of_its_criteria(authority: OnssSoap) -> None:
    site, other_site = "1Y1000SEARCHZ", "1Y10000THERXZ"
    items = [
        worker_item(new_reference(), workplace_id=site),
        worker_item(new_reference(), workplace_id=site, inss=WORKERS[1]),
        worker_item(new_reference(), workplace_id=site, inss=WORKERS[2], company_id=OTHER_EMPLOYER),
        worker_item(new_reference(), workplace_id=other_site, inss=WORKERS[2]),
        limosa_item(new_reference(), workplace_id=site),
    ]
    numbers = [getattr(outcome, "reception_number", 0) for outcome in await authority.register(items)]
    await authority.cancel([Cancellation(reception_number=numbers[4], reason="PLANNING")])

    async def places(**criteria: Any) -> set[int]:
        periods = criteria.pop("periods", ((tomorrow(), tomorrow()),))
        found = await authority.search(SearchCriteria(periods=periods, **criteria))
        return {numbers.index(entry.reception_number) for entry in found if entry.reception_number in numbers}

    now = datetime.now(UTC)
    assert await places() == {0, 1, 2, 3, 4}
    assert await places(workplace_id=site) == {0, 1, 2, 4}
    assert await places(inss=WORKERS[2]) == {2, 3}
    assert await places(company_id=OTHER_EMPLOYER) == {2}
    assert await places(workplace_id=site, statuses=(Status.CANCELLED,)) == {4}
    assert await places(workplace_id=site, statuses=(Status.VALIDATED, Status.REMARKS)) == {0, 1, 2}
    assert await places(workplace_id=site, remarks=("EMPLOYER NOT ACTIVE",)) == set()
    assert await places(created_to=now - timedelta(hours=1)) == set()
    assert await places(created_from=now - timedelta(hours=1), created_to=now + timedelta(hours=1)) == {0, 1, 2, 3, 4}
    assert await places(periods=((today() - timedelta(days=9), today() - timedelta(days=8)),)) == set()


@pytest.mark.parametrize(
    "criteria",
    [
        SearchCriteria(periods=()),
        SearchCriteria(periods=((today(), today()),) * 32),
        SearchCriteria(periods=((tomorrow(), today()),)),
        SearchCriteria(periods=((today(), today()),), inss="1"),
        SearchCriteria(periods=((today(), today()),), company_id="1"),
        SearchCriteria(periods=((today(), today()),), workplace_id=""),
        SearchCriteria(periods=((today(), today()),), remarks=("NO SUCH REMARK",)),
        SearchCriteria(periods=((today(), today()),), statuses=(Status.VALIDATED, Status.VALIDATED)),
    ],
)
async def test_impossible_criteria_are_not_sent(authority: OnssSoap, criteria: SearchCriteria) -> None:
    with pytest.raises(AuthorityRejected) as caught:
        await authority.search(criteria)
    assert caught.value.code == "LOCAL"


# Cancelling


async def test_cancellations_say_for_each_number_what_became_of_it(
    sandbox: SandboxProcess, authority: OnssSoap
) -> None:
    items = [worker_item(new_reference()) for _ in range(4)]
    numbers = [getattr(outcome, "reception_number", 0) for outcome in await authority.register(items)]
    assert await authority.cancel([Cancellation(reception_number=numbers[0], reason="DISEASE")]) == [
        Cancelled(reception_number=numbers[0])
    ]
    gap = next(number for number in range(numbers[0], numbers[3]) if number not in numbers)
    sandbox.control(not_ours=[numbers[1]])
    outcomes = await authority.cancel(
        [Cancellation(reception_number=number, reason="HOLIDAY") for number in (*numbers[:3], gap, 7)]
    )
    assert [getattr(outcome, "codes", "cancelled") for outcome in outcomes] == [
        ("8",),
        ("1",),
        "cancelled",
        ("10",),
        ("7",),
    ]
    assert all(isinstance(outcome, Cancelled | CancelRefused) for outcome in outcomes)
    sandbox.control(clock_offset_s=3 * 86_400)
    [late] = await authority.cancel([Cancellation(reception_number=numbers[3], reason="PLANNING")])
    assert isinstance(late, CancelRefused)
    assert late.codes == ("9",)


@pytest.mark.parametrize(
    "items",
    [
        [Cancellation(reception_number=5, reason="BORED")],
        [Cancellation(reception_number=0, reason="HOLIDAY")],
        [Cancellation(reception_number=5, reason="HOLIDAY")] * 2,
        [],
    ],
)
async def test_an_impossible_cancellation_is_not_sent(authority: OnssSoap, items: list[Cancellation]) -> None:
    with pytest.raises(AuthorityRejected):
        await authority.cancel(items)


# Failures (those common to every authority are in test_authority_contract.py)


@pytest.mark.parametrize("kind", [FaultKind.HTTP_500, FaultKind.HANG, FaultKind.CLOSE_AFTER_COMMIT])
async def test_a_reading_call_that_fails_can_simply_be_repeated(sandbox: SandboxProcess, kind: FaultKind) -> None:
    async with OnssSoap(sandbox.endpoint, timeout_s=1.5) as impatient, OnssSoap(sandbox.endpoint) as patient:
        for read in (lambda of: of.get(7), lambda of: of.search(everything())):
            sandbox.control(faults=[{"kind": kind}])
            with pytest.raises(AuthorityUnavailable) as caught:
                await read(impatient)
            assert caught.value.retry is True
            await read(patient)


@pytest.mark.parametrize(
    ("code", "retry", "expected", "doubt"),
    [
        # Found before the message is worked on, as the specification has it.
        ("SOA-01001", False, AuthorityUnavailable, None),
        ("SOA-01002", None, AuthorityUnavailable, None),
        ("SOA-01001", True, AuthorityUnavailable, None),
        ("SOA-03001", False, AuthorityRejected, None),
        ("SOA-03006", False, AuthorityRejected, None),
        # Nothing says that nothing was registered.
        ("SOA-02002", True, AuthorityAmbiguous, Doubt.AWAY),
        ("SOA-02002", None, AuthorityAmbiguous, Doubt.AWAY),
        ("SOA-02001", False, AuthorityAmbiguous, Doubt.AWAY),
        ("SOA-00001", True, AuthorityAmbiguous, Doubt.AWAY),
        ("SOA-00001", False, AuthorityAmbiguous, Doubt.LOST),
        ("SOA-00001", None, AuthorityAmbiguous, Doubt.LOST),
        ("SOA-09999", None, AuthorityAmbiguous, Doubt.LOST),
    ],
)
async def test_a_soap_fault_means_what_its_code_and_its_retry_say(
    sandbox: SandboxProcess,
    authority: OnssSoap,
    code: str,
    retry: object,
    expected: type[AuthorityError],
    doubt: Doubt | None,
) -> None:
    sandbox.control(faults=[{"kind": "system-error", "code": code, "retry": retry}])
    with pytest.raises(expected) as caught:
        await authority.register([worker_item(new_reference())])
    assert getattr(caught.value, "doubt", None) is doubt
    assert code in str(caught.value)


@pytest.mark.parametrize(
    ("code", "retry", "expected", "expected_retry"),
    [
        ("SOA-02002", True, AuthorityUnavailable, True),
        ("SOA-02001", False, AuthorityUnavailable, False),
        ("SOA-01001", False, AuthorityUnavailable, False),
        ("SOA-00001", None, AuthorityUnavailable, True),
        ("SOA-03006", False, AuthorityRejected, None),
    ],
)
async def test_a_soap_fault_of_a_reading_call_leaves_nothing_open(
    sandbox: SandboxProcess,
    authority: OnssSoap,
    code: str,
    retry: object,
    expected: type[AuthorityError],
    expected_retry: object,
) -> None:
    sandbox.control(faults=[{"kind": "system-error", "code": code, "retry": retry}])
    with pytest.raises(expected) as caught:
        await authority.get(7)
    assert getattr(caught.value, "retry", None) is expected_retry


async def test_maintenance_says_how_long_to_wait(sandbox: SandboxProcess, authority: OnssSoap) -> None:
    sandbox.control(faults=[{"kind": "maintenance", "retry_after_s": 120}])
    with pytest.raises(AuthorityAmbiguous) as caught:
        await authority.register([worker_item(new_reference())])
    assert (caught.value.doubt, caught.value.code, caught.value.retry_after) == (Doubt.AWAY, "HTTP-503", 120.0)


async def test_a_refused_connection_is_surely_nothing() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        async with OnssSoap(f"http://127.0.0.1:{free.getsockname()[1]}/v1") as client:
            with pytest.raises(AuthorityUnavailable):
                await client.register([worker_item("r")])


async def test_a_handshake_that_never_ends_is_surely_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with OnssSoap(f"https://127.0.0.1:{silent.getsockname()[1]}/v1", connect_timeout_s=0.3) as client:
            with pytest.raises(AuthorityUnavailable):
                await client.register([worker_item("r")])


async def test_a_certificate_nobody_vouches_for_is_surely_nothing() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    async with server, OnssSoap(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1") as client:
        with pytest.raises(AuthorityUnavailable, match="certificate"):
            await client.register([worker_item("r")])


# Servers that answer amiss


@contextlib.asynccontextmanager
async def answering(answer: Callable[[bytes], bytes], pause_s: float = 0.0) -> AsyncIterator[str]:
    """A server that reads each request whole and sends the result of `answer` for its body; byte by byte with a
    pause."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length")
            )
            reply = answer(await reader.readexactly(length))
            if pause_s:
                for byte in reply:
                    writer.write(bytes([byte]))
                    await writer.drain()
                    await asyncio.sleep(pause_s)
            writer.write(reply)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"


def http(content: bytes, status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(content)}", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + content


def submitted(item: PresenceItem) -> str:
    who = (
        f"<LimosaId>{item.limosa_id}</LimosaId>"
        if item.limosa_id
        else f"<INSS>{item.inss}</INSS><CompanyID>{int(item.company_id or 0)}</CompanyID>"
    )
    return (
        f"<PresenceRegistrationSubmitted><RegistrationDate>{item.date}</RegistrationDate>{who}"
        f"<WorkPlaceId>{item.workplace_id}</WorkPlaceId>"
        f"<ClientPresenceRegistrationReference>{item.reference}</ClientPresenceRegistrationReference>"
        "</PresenceRegistrationSubmitted>"
    )


def registered(item: PresenceItem, number: int = 123456789012345, status: str = "SUCCESSFULLY REGISTERED") -> str:
    return (
        f'<m:PresenceRegistrationResponse><PresenceRegistration xmlns="{TYPES}">{submitted(item)}'
        f"<PresenceRegistrationId>{number}</PresenceRegistrationId>"
        "<CreationDate>2026-03-02T07:58:11.327</CreationDate><Channel>WS</Channel>"
        f"<LastValidation><Status>{status}</Status></LastValidation>"
        "</PresenceRegistration></m:PresenceRegistrationResponse>"
    )


def refused(item: PresenceItem, description: str = "invalid INSS") -> str:
    return (
        f'<m:PresenceRegistrationResponse><PresenceRegistrationError xmlns="{TYPES}">{submitted(item)}'
        f"<ErrorList><Error><ErrorCode>5</ErrorCode><ErrorDescription>{description}</ErrorDescription></Error>"
        "</ErrorList></PresenceRegistrationError></m:PresenceRegistrationResponse>"
    )


def response(*outcomes: str) -> bytes:
    inside = "".join(outcomes)
    return in_envelope(f'<m:RegisterPresencesResponse xmlns:m="{MESSAGES}">{inside}</m:RegisterPresencesResponse>')


A, B = worker_item("a"), limosa_item("b")


async def outcomes_of(content: bytes, *headers: str) -> list[Registered | Refused]:
    async with (
        answering(lambda _: http(content, "200 OK", *headers)) as endpoint,
        OnssSoap(endpoint, timeout_s=10) as client,
    ):
        return await client.register([A, B])


async def test_an_answer_in_other_prefixes_with_the_least_of_elements_is_read() -> None:
    first, second = await outcomes_of(response(registered(A), refused(B)))
    assert first == Registered(
        reference="a",
        reception_number=123456789012345,
        created=datetime(2026, 3, 2, 6, 58, 11, 327_000, tzinfo=UTC),
        status=Status.REGISTERED,
    )
    assert second == Refused(reference="b", codes=("5",), descriptions=("invalid INSS",))


ENTITY = '<!DOCTYPE x [<!ENTITY lol "lol"><!ENTITY many "&lol;&lol;&lol;">]>'
GOOD = response(registered(A), registered(B, 2))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\xff" * 100,
        b"Welcome to the hotel's network",
        b"<html><body>Sign in</body></html>",
        GOOD[:-30],
        ENTITY.encode() + GOOD,
        ENTITY.encode() + GOOD.replace(b">WS<", b">&many;<"),
        GOOD.replace(MESSAGES.encode(), b"urn:other"),
        GOOD.replace(TYPES.encode(), b"urn:other"),
        GOOD.replace(b"/soap/envelope/", b"/soap/other/"),
        GOOD.replace(b"RegisterPresencesResponse", b"CancelPresencesResponse"),
        in_envelope(""),
        in_envelope("<a/><b/>"),
        response(),
        response(registered(A)),
        response(registered(A), registered(B, 2), registered(B, 3)),
        response(registered(B), registered(A, 2)),
        response(registered(A), registered(A, 2)),
        response(registered(A, 0), registered(B, 2)),
        response(registered(A, -5), registered(B, 2)),
        response(registered(A, 10**15), registered(B, 2)),
        response(registered(A, 7), registered(B, 7)),
        response(registered(A, status="FINE"), registered(B, 2)),
        response(registered(A, status="SUCCESSFULLY CANCELLED"), registered(B, 2)),
        response(registered(worker_item("a", inss=WORKERS[1])), registered(B, 2)),
        response(registered(worker_item("a", company_id=OTHER_EMPLOYER)), registered(B, 2)),
        response(registered(worker_item("a", workplace_id="1Y10000THERXZ")), registered(B, 2)),
        response(registered(worker_item("a", date=today() - timedelta(days=5))), registered(B, 2)),
        response(registered(A), registered(limosa_item("b", limosa_id="1"), 2)),
        response(registered(A), refused(limosa_item("b", limosa_id="1"))),
        GOOD.replace(b"<CreationDate>2026-03-02T07:58:11.327", b"<CreationDate>12026-03-02T07:58:11"),
        GOOD.replace(b"<CreationDate>2026-03-02T07:58:11.327", b"<CreationDate>yesterday"),
        b"<!-- " + b"x" * (16 * 1024 * 1024) + b" -->" + GOOD,
    ],
    ids=lambda content: f"{len(content)} bytes {content[:24]!r}",
)
async def test_an_answer_that_cannot_be_trusted_leaves_it_open(content: bytes) -> None:
    with pytest.raises(AuthorityAmbiguous) as caught:
        await outcomes_of(content)
    assert WORKERS[0] not in str(caught.value)
    assert LIMOSA not in str(caught.value)


async def test_a_compressed_answer_is_not_unpacked() -> None:
    with pytest.raises(AuthorityAmbiguous):
        await outcomes_of(b"\x1f\x8b" + bytes(100), "Content-Encoding: gzip")


async def test_a_comment_inside_a_number_does_not_shorten_it() -> None:
    first, _ = await outcomes_of(response(registered(A, 7777), registered(B, 2)).replace(b"7777", b"77<!-- -->77"))
    assert isinstance(first, Registered)
    assert first.reception_number == 7777


async def test_bytes_that_drip_without_end_meet_the_deadline() -> None:
    async with (
        answering(lambda _: http(GOOD), pause_s=0.05) as endpoint,
        OnssSoap(endpoint, timeout_s=0.5) as client,
    ):
        with pytest.raises(AuthorityAmbiguous):
            await client.register([A, B])


@pytest.mark.parametrize(
    ("status", "doubt"),
    [
        (201, Doubt.LOST),
        (202, Doubt.LOST),
        (204, Doubt.LOST),
        (206, Doubt.LOST),
        (207, Doubt.LOST),
        (302, Doubt.NOT_ADMITTED),
        (400, Doubt.TURNED_DOWN),
        (401, Doubt.NOT_ADMITTED),
        (403, Doubt.NOT_ADMITTED),
        (404, Doubt.NOT_ADMITTED),
        (408, Doubt.LOST),
        (409, Doubt.TURNED_DOWN),
        (413, Doubt.TOO_LARGE),
        (429, Doubt.AWAY),
        (500, Doubt.LOST),
        (502, Doubt.LOST),
        (503, Doubt.AWAY),
        (504, Doubt.LOST),
    ],
)
@pytest.mark.parametrize("content", [b"", b"<html>no SOAP</html>", GOOD[:-30]])
async def test_no_http_status_says_that_nothing_was_registered(status: int, doubt: Doubt, content: bytes) -> None:
    content = b"" if status == 204 else content
    async with answering(lambda _: http(content, f"{status} X")) as endpoint, OnssSoap(endpoint) as client:
        with pytest.raises(AuthorityAmbiguous) as caught:
            await client.register([A, B])
    assert (caught.value.doubt, caught.value.code) == (doubt, f"HTTP-{status}")


@pytest.mark.parametrize("status", [200, 201, 202, 207, 302, 403, 409, 429, 500, 503])
async def test_a_whole_answer_counts_whatever_the_status(status: int) -> None:
    async with answering(lambda _: http(GOOD, f"{status} X")) as endpoint, OnssSoap(endpoint) as client:
        first, second = await client.register([A, B])
    assert isinstance(first, Registered)
    assert isinstance(second, Registered)
    assert (first.reception_number, second.reception_number) == (123456789012345, 2)


@pytest.mark.parametrize(
    ("status", "expected", "retry"),
    [
        (301, AuthorityUnavailable, False),
        (400, AuthorityRejected, None),
        (401, AuthorityUnavailable, False),
        (403, AuthorityUnavailable, False),
        (404, AuthorityUnavailable, False),
        (408, AuthorityUnavailable, True),
        (413, AuthorityRejected, None),
        (429, AuthorityUnavailable, True),
        (500, AuthorityUnavailable, True),
        (503, AuthorityUnavailable, True),
    ],
)
async def test_an_http_status_of_a_reading_call_means_what_it_can(
    status: int, expected: type[AuthorityError], retry: object
) -> None:
    async with answering(lambda _: http(b"<html/>", f"{status} X")) as endpoint, OnssSoap(endpoint) as client:
        with pytest.raises(expected) as caught:
            await client.search(everything())
    assert getattr(caught.value, "retry", None) is retry


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("17", 17.0),
        ("99999999999999999999", 86_400.0),
        (format_datetime(datetime(2026, 3, 2, 8, 1, tzinfo=UTC), usegmt=True), 60.0),
        (format_datetime(datetime(2026, 3, 2, 7, 0, tzinfo=UTC), usegmt=True), 0.0),
        ("soon", None),
        ("-5", None),
        (None, None),
    ],
)
def test_retry_after_is_read_in_both_its_forms(header: str | None, seconds: float | None) -> None:
    assert failures.seconds_to_wait(header, datetime(2026, 3, 2, 8, 0, tzinfo=UTC)) == seconds


@pytest.mark.parametrize(
    ("away_s", "said"), [(0, ""), (29, ""), (-29, ""), (90, "90 s behind"), (-90, "90 s ahead of")]
)
def test_who_is_not_admitted_is_told_if_the_clocks_differ(away_s: int, said: str) -> None:
    now = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
    apart = failures.clocks_apart(now + timedelta(seconds=away_s), now)
    fault = faults.Fault("SystemError", "SOA-01001", "", None)
    text = str(faults.fault_error(failures.Call("registerPresences", changes=True), fault, None, apart))
    assert said in text
    assert ("this machine's clock" in text) is bool(said)


@pytest.mark.parametrize("faultcode", ["s:Client", "s:VersionMismatch", "s:MustUnderstand"])
async def test_a_bare_soap_fault_that_blames_the_client_is_not_the_services_word(faultcode: str) -> None:
    fault = in_envelope(f"<s:Fault><faultcode>{faultcode}</faultcode><faultstring>no</faultstring></s:Fault>")
    async with answering(lambda _: http(fault, "500 X")) as endpoint, OnssSoap(endpoint) as client:
        with pytest.raises(AuthorityAmbiguous) as caught:
            await client.register([A, B])
        assert caught.value.doubt is Doubt.TURNED_DOWN
        with pytest.raises(AuthorityRejected):
            await client.search(everything())


async def test_a_business_error_turns_a_call_down_and_does_not_say_that_nothing_was_registered() -> None:
    fault = in_envelope(
        "<s:Fault><faultcode>s:Client</faultcode><faultstring>no</faultstring><detail>"
        f'<f:BusinessError xmlns:f="{FAULTS}">'
        "<f:Origin>x</f:Origin><f:Code>BUS-7</f:Code><f:Message>no</f:Message></f:BusinessError></detail></s:Fault>"
    )
    async with answering(lambda _: http(fault, "500 X")) as endpoint, OnssSoap(endpoint) as client:
        with pytest.raises(AuthorityAmbiguous) as caught:
            await client.register([A, B])
    assert (caught.value.doubt, caught.value.code) == (Doubt.TURNED_DOWN, "BUS-7")


async def test_a_search_that_counts_more_than_it_lists_is_not_believed() -> None:
    asked = (
        "<SearchPresencesRequest><SearchPresenceRegistrationCriteria><RegistrationPeriodList><RegistrationPeriod>"
        "<RegistrationPeriodStartDate>2026-03-02</RegistrationPeriodStartDate>"
        "<RegistrationPeriodEndDate>2026-03-02</RegistrationPeriodEndDate></RegistrationPeriod>"
        "</RegistrationPeriodList></SearchPresenceRegistrationCriteria></SearchPresencesRequest>"
    )
    listed = "<PresenceRegistrationList><PresenceRegistrationResultCount>3</PresenceRegistrationResultCount>"
    for result in (f"{listed}</PresenceRegistrationList>", ""):
        content = in_envelope(
            f'<m:SearchPresencesResponse xmlns:m="{MESSAGES}"><m:SearchPresencesResponseType xmlns="{TYPES}">'
            f"{asked}{result}</m:SearchPresencesResponseType></m:SearchPresencesResponse>"
        )
        async with answering(lambda _, content=content: http(content)) as endpoint, OnssSoap(endpoint) as client:  # type: ignore[misc]
            with pytest.raises(AuthorityAmbiguous):
                await client.search(everything())


# Nobody's number is shown


async def test_no_personal_number_is_in_a_log_a_repr_or_an_error(caplog: pytest.LogCaptureFixture) -> None:
    telling = f"INSS {WORKERS[0]} (85.07.30-033.28) and {LIMOSA} are unknown"
    fault = in_envelope(
        f"<s:Fault><faultcode>s:Server</faultcode><faultstring>{telling}</faultstring><detail><f:SystemError "
        f'xmlns:f="{FAULTS}"><f:Origin>x</f:Origin><f:Code>SOA-00001</f:Code><f:Message>{telling}</f:Message>'
        "</f:SystemError></detail></s:Fault>"
    )
    told = [repr(A), repr(B), repr(SearchCriteria(periods=(), inss=WORKERS[0]))]
    # Another test silenced the libraries' logs; here they must be on.
    with (
        caplog.at_level(logging.DEBUG),
        caplog.at_level(logging.DEBUG, "httpx"),
        caplog.at_level(logging.DEBUG, "httpcore"),
    ):
        told += [repr(outcome) for outcome in await outcomes_of(response(refused(A, telling), registered(B)))]
        async with answering(lambda _: http(fault, "500 X")) as endpoint, OnssSoap(endpoint) as client:
            for call in (client.register([A, B]), client.search(everything())):
                with pytest.raises(AuthorityError) as caught:
                    await call
                told += [str(caught.value), repr(caught.value)]
    assert caplog.records
    for text in (*told, caplog.text):
        for secret in (WORKERS[0], "85.07.30-033.28", LIMOSA):
            assert secret not in text


def test_errors_survive_the_way_between_processes() -> None:
    said = {"what": "w", "kept": "k", "do": "d"}
    unavailable = pickle.loads(pickle.dumps(AuthorityUnavailable(**said, retry=False, retry_after=2.5)))  # noqa: S301
    assert (str(unavailable), unavailable.retry, unavailable.retry_after) == ("w. Kept: k. To do: d.", False, 2.5)
    open_still = AuthorityAmbiguous(**said, doubt=Doubt.AWAY, code="HTTP-503", retry_after=2.5)
    ambiguous = pickle.loads(pickle.dumps(open_still))  # noqa: S301
    assert (str(ambiguous), ambiguous.doubt, ambiguous.code, ambiguous.retry_after) == (
        *("w. Kept: k. To do: d.", Doubt.AWAY, "HTTP-503", 2.5),
    )
    rejected = pickle.loads(pickle.dumps(AuthorityRejected(**said, code="C", references=("a",))))  # noqa: S301
    assert (str(rejected), rejected.code, rejected.references) == ("w. Kept: k. To do: d.", "C", ("a",))


@pytest.mark.parametrize(
    ("codes", "shown"), [(("5", "4"), 5), (("254",), 254), (("255",), 255), (("999",), 255), (("X",), 255), ((), 255)]
)
def test_a_code_fits_the_byte_that_the_clock_is_sent(codes: tuple[str, ...], shown: int) -> None:
    assert Refused(reference="r", codes=codes, descriptions=codes).code == shown


# Settings


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://services.example.be/v1",
        "ftp://localhost/v1",
        "services",
        "",
        "https://u" + ":p@example.be/",
        "http://[x",
    ],
)
def test_an_endpoint_that_would_carry_numbers_in_the_clear_is_refused(endpoint: str) -> None:
    with pytest.raises(SettingsError):
        OnssSoap(endpoint)


def test_a_description_that_is_none_is_refused(tmp_path: Path) -> None:
    not_wsdl = tmp_path / "x.wsdl"
    for content in ("", "not xml", "<a/>"):
        not_wsdl.write_text(content)
        with pytest.raises(SettingsError):
            OnssSoap("https://localhost/", wsdl=not_wsdl)
    with pytest.raises(SettingsError):
        OnssSoap("https://localhost/", wsdl=tmp_path / "absent.wsdl")


# Any bytes at all


@pytest.fixture(scope="module")
def reader() -> OnssSoap:
    return OnssSoap("http://localhost/")


def read_or_fail(reader: OnssSoap, status: int, content: bytes) -> None:
    """Either both items' outcomes, in order, or one of the three errors; never a personal number in an error."""
    answer = Answer(status, None, content)
    try:
        outcomes = reader._read(description.REGISTER, answer, lambda body: answers.register_outcomes(body, [A, B]))
    except (AuthorityUnavailable, AuthorityAmbiguous, AuthorityRejected) as error:
        told = str(error)
    else:
        told = ""
        assert_outcomes(outcomes)
    assert WORKERS[0] not in told
    assert LIMOSA not in told


def assert_outcomes(outcomes: Sequence[Registered | Refused]) -> None:
    assert [outcome.reference for outcome in outcomes] == ["a", "b"]
    for outcome in outcomes:
        assert isinstance(outcome, Refused) or 1 <= outcome.reception_number < 10**15


@given(status=st.sampled_from([200, 500, 503]), content=st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
@settings(deadline=None, max_examples=150)
def test_any_bytes_are_read_or_refused(reader: OnssSoap, status: int, content: bytes) -> None:
    read_or_fail(reader, status, content)


@given(
    start=st.integers(0, len(GOOD)),
    length=st.integers(0, 40),
    put=st.binary(max_size=12) | st.sampled_from([b"<", b"&", b"]]>", b"</s:Body>", b"-", b"9" * 20, b"\xc3"]),
)
@settings(deadline=None, max_examples=400)
def test_a_damaged_answer_is_read_or_refused(reader: OnssSoap, start: int, length: int, put: bytes) -> None:
    read_or_fail(reader, 200, GOOD[:start] + put + GOOD[start + length :])


@given(data=st.data())
@settings(deadline=None, max_examples=300)
def test_an_answer_with_elements_moved_changed_or_lost_is_read_or_refused(
    reader: OnssSoap, data: st.DataObject
) -> None:
    root = etree.fromstring(response(registered(A), refused(B)))
    elements = [element for element in root.iter() if element.getparent() is not None]
    for _ in range(data.draw(st.integers(1, 3))):
        element = data.draw(st.sampled_from(elements))
        parent = element.getparent()
        match data.draw(st.sampled_from(["text", "drop", "double", "first"])):
            case "text":
                element.text = data.draw(
                    st.sampled_from(["", "0", "-1", "9" * 19, "a", "é", "2026-99-99", "99999-01-01"])
                )
            case "drop" if parent is not None:
                parent.remove(element)
            case "double" if parent is not None:
                parent.append(etree.fromstring(etree.tostring(element)))
            case "first" if parent is not None:
                parent.insert(0, element)
    read_or_fail(reader, 200, etree.tostring(root))
