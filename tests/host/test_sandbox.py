"""The simulated authority as a process: strict on its input, honest about its store, misbehaving on request."""

from __future__ import annotations

import asyncio
import json
import random
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from tests.presences import (
    EMPLOYER,
    FAULTS,
    LIMOSA,
    MESSAGES,
    OTHER_EMPLOYER,
    SOAP,
    TYPES,
    WORKERS,
    WORKPLACE,
    WRONG_WORKER,
    in_envelope,
    limosa_item,
    post,
    tomorrow,
    worker_item,
)
from tests.sandbox_process import SandboxNotStarted, SandboxProcess

from badgeclock.authorities.base import Registered, SearchCriteria
from badgeclock.authorities.errors import AuthorityAmbiguous, AuthorityUnavailable
from badgeclock.authorities.onss_soap import OnssSoap
from badgeclock.authorities.soap import SECURITY
from badgeclock.onss.description import REMARKS
from badgeclock.sandbox import rules
from badgeclock.sandbox.control import Script
from badgeclock.sandbox.rules import Held, Presence, cancel_errors, register_errors


def presence_xml(**other: str) -> str:
    """A presence in a request, in the order of the schema; a value of "" leaves the element out."""
    values = {
        "RegistrationDate": tomorrow().isoformat(),
        "INSS": WORKERS[0],
        "CompanyID": str(int(EMPLOYER)),
        "LimosaId": "",
        "WorkPlaceId": WORKPLACE,
        "ClientPresenceRegistrationReference": "ref",
    } | other
    inside = "".join(f"<t:{name}>{value}</t:{name}>" for name, value in values.items() if value)
    return f"<m:PresenceRegistrationRequest>{inside}</m:PresenceRegistrationRequest>"


def register_message(*presences: str) -> bytes:
    inside = "".join(presences or (presence_xml(),))
    return in_envelope(
        f'<m:RegisterPresencesRequest xmlns:m="{MESSAGES}" xmlns:t="{TYPES}">{inside}</m:RegisterPresencesRequest>'
    )


def search_message(criteria: str, rest: str = "") -> bytes:
    return in_envelope(
        f'<m:SearchPresencesRequest xmlns:m="{MESSAGES}" xmlns:t="{TYPES}"><m:SearchPresenceRequest>'
        f"<t:SearchPresenceRegistrationCriteria>{criteria}</t:SearchPresenceRegistrationCriteria>{rest}"
        "</m:SearchPresenceRequest></m:SearchPresencesRequest>"
    )


def period_xml(first: str, last: str) -> str:
    return (
        "<t:RegistrationPeriodList><t:RegistrationPeriod>"
        f"<t:RegistrationPeriodStartDate>{first}</t:RegistrationPeriodStartDate>"
        f"<t:RegistrationPeriodEndDate>{last}</t:RegistrationPeriodEndDate>"
        "</t:RegistrationPeriod></t:RegistrationPeriodList>"
    )


def page_xml(first_row: int, fetch_size: int) -> str:
    inside = f"<t:FirstRow>{first_row}</t:FirstRow><t:FetchSize>{fetch_size}</t:FetchSize>"
    return f"<t:PaginationProperties>{inside}</t:PaginationProperties>"


def fault_code(answer: httpx.Response) -> str:
    """The service's code in a SOAP fault; fails if the answer is none."""
    assert answer.status_code == 500, answer.text
    code = etree.fromstring(answer.content).findtext(
        f"{{{SOAP}}}Body/{{{SOAP}}}Fault/detail/{{{FAULTS}}}SystemError/{{{FAULTS}}}Code"
    )
    assert code is not None, answer.text
    return code


def codes(answer: httpx.Response) -> list[str | None]:
    assert answer.status_code == 200, answer.text
    return [code.text for code in etree.fromstring(answer.content).iter(f"{{{TYPES}}}ErrorCode")]


# Rejected calls

GOOD = register_message()


@pytest.mark.parametrize(
    ("message", "headers", "code"),
    [
        (b"", {}, "SOA-03001"),
        (b"no XML", {}, "SOA-03001"),
        (GOOD[:-5], {}, "SOA-03001"),
        (b"<!DOCTYPE x [<!ENTITY e 'x'>]>" + GOOD, {}, "SOA-03001"),
        (b"x" * (2 * 1024 * 1024 + 1), {}, "SOA-03001"),
        (b"<?xml version='1.0' encoding='klingon'?>" + GOOD, {}, "SOA-03001"),
        (b"<a/>", {}, "SOA-03002"),
        (GOOD.replace(SOAP.encode(), b"http://www.w3.org/2003/05/soap-envelope"), {}, "SOA-03002"),
        (in_envelope(""), {}, "SOA-03002"),
        (in_envelope("<a/><b/>"), {}, "SOA-03002"),
        (GOOD, {"Content-Type": "application/soap+xml"}, "SOA-03002"),
        (GOOD, {"Content-Type": "application/json"}, "SOA-03002"),
        (GOOD, {"SOAPAction": '""'}, "SOA-03005"),
        (GOOD, {"SOAPAction": f"{MESSAGES}/cancelPresences"}, "SOA-03005"),
        (GOOD, {"SOAPAction": "registerPresences"}, "SOA-03005"),
        (in_envelope("<a/>"), {}, "SOA-03005"),
        (GOOD.replace(MESSAGES.encode(), b"urn:x"), {}, "SOA-03005"),
        (GOOD.replace(TYPES.encode(), b"urn:x"), {}, "SOA-03006"),
        (register_message(*[presence_xml()] * 201), {}, "SOA-03006"),
        (GOOD.replace(presence_xml().encode(), b""), {}, "SOA-03006"),
        (register_message(presence_xml(INSS="8507300332")), {}, "SOA-03006"),
        (register_message(presence_xml(CompanyID="12345678901")), {}, "SOA-03006"),
        (register_message(presence_xml(CompanyID="BE0438195916")), {}, "SOA-03006"),
        (register_message(presence_xml(WorkPlaceId="1Y1000NF9KCQZ1")), {}, "SOA-03006"),
        (register_message(presence_xml(WorkPlaceId="")), {}, "SOA-03006"),
        (register_message(presence_xml(LimosaId=LIMOSA)), {}, "SOA-03006"),
        (register_message(presence_xml(INSS="")), {}, "SOA-03006"),
        (register_message(presence_xml(RegistrationDate="02/03/2026")), {}, "SOA-03006"),
        (register_message(presence_xml(ClientPresenceRegistrationReference="x" * 25)), {}, "SOA-03006"),
        (register_message(presence_xml(Sector="1")), {}, "SOA-03006"),
    ],
    ids=lambda value: f"{value[:60]!r}" if isinstance(value, bytes) else str(value),
)
def test_a_call_that_breaks_a_rule_is_turned_down_whole(
    sandbox: SandboxProcess, message: bytes, headers: dict[str, str], code: str
) -> None:
    before = sandbox.received()["total"]
    answer = post(sandbox.endpoint, "registerPresences", message, **headers)
    assert fault_code(answer) == code
    assert WORKERS[0] not in answer.text
    assert sandbox.received()["total"] == before


def test_a_call_without_a_soap_action_is_turned_down(sandbox: SandboxProcess) -> None:
    headers = {"Content-Type": "text/xml"}
    answer = httpx.post(sandbox.endpoint, content=GOOD, headers=headers, trust_env=False)
    assert fault_code(answer) == "SOA-03004"


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ('<x:Lock xmlns:x="urn:x" s:mustUnderstand="1"/>', "SOA-03004"),
        ('<x:Lock xmlns:x="urn:x" s:mustUnderstand="0"/>', None),
        (f'<x:Security xmlns:x="{SECURITY}" s:mustUnderstand="1"/>', None),
    ],
)
def test_only_a_strange_header_that_must_be_understood_is_turned_down(
    sandbox: SandboxProcess, header: str, code: str | None
) -> None:
    message = GOOD.replace(b"<s:Body>", f"<s:Header>{header}</s:Header><s:Body>".encode())
    answer = post(sandbox.endpoint, "registerPresences", message)
    assert (fault_code(answer) if code else codes(answer)) == (code or [])


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
def test_only_post_reaches_the_service(sandbox: SandboxProcess, method: str) -> None:
    assert httpx.request(method, sandbox.endpoint, trust_env=False).status_code == 405


def test_a_page_of_another_name_cannot_call_it(sandbox: SandboxProcess) -> None:
    headers = {"Host": "evil.example"}
    answer = httpx.post(f"{sandbox.base}/control", json={}, headers=headers, trust_env=False)
    assert answer.status_code == 400


# Refused items

TODAY = date(2026, 3, 2)


def presence(**other: Any) -> Presence:
    fields: dict[str, Any] = {
        "day": TODAY,
        "inss": WORKERS[0],
        "company_id": int(EMPLOYER),
        "limosa_id": None,
        "workplace_id": WORKPLACE,
        "reference": None,
    }
    return Presence(**(fields | other))


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ({}, []),
        ({"inss": None, "company_id": None, "limosa_id": LIMOSA}, []),
        *(({"inss": inss}, []) for inss in WORKERS),
        ({"day": TODAY + timedelta(days=1)}, []),
        ({"company_id": int(OTHER_EMPLOYER)}, []),
        ({"company_id": 0}, ["2"]),
        ({"company_id": -438195916}, ["2"]),
        ({"company_id": 2_438_195_916}, ["2"]),
        ({"company_id": 438195917}, ["3"]),
        ({"workplace_id": "1Y1000NF9KCQI"}, ["4"]),
        ({"workplace_id": "1Y1000NF9KCQO"}, ["4"]),
        ({"workplace_id": "1y1000nf9kcqz"}, ["4"]),
        ({"workplace_id": "1Y1000NF9KCQ"}, ["4"]),
        ({"workplace_id": ""}, ["4"]),
        ({"inss": WRONG_WORKER}, ["5"]),
        ({"inss": "00000000000"}, ["5"]),
        ({"inss": "٨٥٠٧٣٠٠٣٣٢٨"}, ["5"]),
        ({"day": TODAY - timedelta(days=1)}, ["6"]),
        ({"day": TODAY + timedelta(days=2)}, ["6"]),
        ({"day": None}, ["6"]),
        (
            {"company_id": 438195917, "workplace_id": "OI", "inss": WRONG_WORKER, "day": None},
            ["3", "4", "5", "6"],
        ),
    ],
)
def test_each_error_of_a_presence_has_its_code(other: dict[str, Any], expected: list[str]) -> None:
    assert register_errors(presence(**other), TODAY) == expected


@pytest.mark.parametrize(
    ("held", "reason", "expected"),
    [
        (Held(TODAY, cancelled=False, ours=True), "HOLIDAY", []),
        (Held(TODAY + timedelta(days=1), cancelled=False, ours=True), "C32A", []),
        (Held(TODAY, cancelled=False, ours=False), "PLANNING", ["1"]),
        (Held(TODAY, cancelled=True, ours=True), "DISEASE", ["8"]),
        (Held(TODAY - timedelta(days=1), cancelled=False, ours=True), "HOLIDAY", ["9"]),
        (Held(TODAY, cancelled=False, ours=True), "BORED", ["11"]),
        (Held(TODAY, cancelled=True, ours=True), "BORED", ["8", "11"]),
        (None, "HOLIDAY", ["10"]),
    ],
)
def test_each_error_of_a_cancellation_has_its_code(held: Held | None, reason: str, expected: list[str]) -> None:
    assert cancel_errors(50, reason, held, (10, 90), TODAY) == expected


@pytest.mark.parametrize(("number", "issued"), [(50, ()), (9, (10, 90)), (91, (10, 90))])
def test_a_number_never_given_is_unknown(number: int, issued: tuple[int, ...]) -> None:
    assert cancel_errors(number, "HOLIDAY", None, issued, TODAY) == ["7"]


def test_every_code_has_its_description() -> None:
    assert set(rules.DESCRIPTIONS) == {str(code) for code in range(1, 12)}


def test_one_wrong_item_does_not_hold_up_the_others(sandbox: SandboxProcess) -> None:
    message = register_message(presence_xml(), presence_xml(INSS=WRONG_WORKER), presence_xml(WorkPlaceId="x"))
    answer = post(sandbox.endpoint, "registerPresences", message)
    assert codes(answer) == ["5", "4"]
    assert len(re.findall("PresenceRegistrationId>", answer.text)) == 2  # one element


@pytest.mark.parametrize("day", ["-2026-03-02", "12026-03-02", "2026-03-02Z", "0001-01-01", "9999-12-31+14:00"])
def test_a_day_beyond_the_calendar_is_a_wrong_day(sandbox: SandboxProcess, day: str) -> None:
    message = register_message(presence_xml(RegistrationDate=day))
    assert codes(post(sandbox.endpoint, "registerPresences", message)) == ["6"]


def test_no_day_means_today(sandbox: SandboxProcess) -> None:
    reference = f"today-{time.time_ns()}"[:24]
    message = register_message(presence_xml(RegistrationDate="", ClientPresenceRegistrationReference=reference))
    assert codes(post(sandbox.endpoint, "registerPresences", message)) == []
    newest = sandbox.received()["registrations"][-1]
    assert newest["reference"] == reference
    assert newest["date"] in {(tomorrow() - timedelta(days=1)).isoformat(), tomorrow().isoformat()}


@pytest.mark.parametrize(
    ("criteria", "rest"),
    [
        (period_xml("2026-03-03", "2026-03-02"), ""),
        (period_xml("-2026-03-03", "2026-03-02"), ""),
        (
            period_xml("2026-03-02", "2026-03-02") + "<t:CreationStartDate>99999-01-01T00:00:00</t:CreationStartDate>",
            "",
        ),
        *((period_xml("2026-03-02", "2026-03-02"), page_xml(*page)) for page in ((-1, 50), (0, 0), (0, 501))),
    ],
)
def test_search_criteria_that_make_no_sense_are_turned_down(sandbox: SandboxProcess, criteria: str, rest: str) -> None:
    answer = post(sandbox.endpoint, "searchPresences", search_message(criteria, rest))
    assert fault_code(answer) == "SOA-03007"


def test_a_search_without_a_period_is_turned_down(sandbox: SandboxProcess) -> None:
    assert fault_code(post(sandbox.endpoint, "searchPresences", search_message(""))) == "SOA-03006"


@pytest.mark.parametrize(
    "key", ["ID", "REGISTRATION DATE", "CREATION DATE", "STATUS", "PLACE OF WORK", "COMPANY ID", "CHANNEL", "SENDER ID"]
)
def test_a_search_can_be_sorted_by_each_key_both_ways(sandbox: SandboxProcess, key: str) -> None:
    site = f"1Y1{time.time_ns() % 10**9:09d}Z"
    presences = [
        presence_xml(WorkPlaceId=site, ClientPresenceRegistrationReference=str(place), CompanyID=company)
        for place, company in enumerate((str(int(EMPLOYER)), str(int(OTHER_EMPLOYER))))
    ]
    assert codes(post(sandbox.endpoint, "registerPresences", register_message(*presences))) == []
    orders = []
    for direction in ("ASCENDING", "DESCENDING"):
        rest = (
            f"<t:SortingProperties><t:SortDirection>{direction}</t:SortDirection>"
            f"<t:SortCriteria>{key}</t:SortCriteria></t:SortingProperties>"
        )
        criteria = f"<t:WorkPlaceId>{site}</t:WorkPlaceId>" + period_xml("2026-01-01", "2099-01-01")
        answer = etree.fromstring(post(sandbox.endpoint, "searchPresences", search_message(criteria, rest)).content)
        orders.append([e.text for e in answer.iter(f"{{{TYPES}}}ClientPresenceRegistrationReference")])
    assert sorted(orders[0]) == ["0", "1"]
    if key in ("ID", "COMPANY ID", "CHANNEL", "SENDER ID"):
        assert orders[0] == orders[1][::-1]


# Scripted behaviour


@pytest.mark.parametrize(
    "match",
    [
        {"inss": WORKERS[1]},
        {"company_id": OTHER_EMPLOYER},
        {"company_id": str(int(OTHER_EMPLOYER))},
        {"workplace_id": "1Y1000REFUSED"},
        {"inss": WORKERS[1], "workplace_id": "1Y1000REFUSED"},
    ],
)
async def test_presences_can_be_refused_by_what_they_name(sandbox: SandboxProcess, match: dict[str, str]) -> None:
    sandbox.control(refuse=[match | {"code": "5"}])
    met = worker_item("met", inss=WORKERS[1], company_id=OTHER_EMPLOYER, workplace_id="1Y1000REFUSED")
    async with OnssSoap(sandbox.endpoint) as client:
        refused, registered, posted = await client.register([met, worker_item("not-met"), limosa_item("posted")])
    assert getattr(refused, "codes", ()) == ("5",)
    assert isinstance(registered, Registered)
    assert isinstance(posted, Registered)


def test_remarks_can_be_made_on_a_posted_worker() -> None:
    script = Script().changed({"remark": [{"limosa_id": LIMOSA, "remarks": list(REMARKS[5:7])}]})
    posted = presence(inss=None, company_id=None, limosa_id=LIMOSA)
    assert script.remarks_on(posted) == ["LIMOSA ID IS NOT KNOWN", "LIMOSA ID IS NOT ACTIVE AT DATE"]
    assert script.remarks_on(presence()) == []


@pytest.mark.parametrize(
    "change",
    [
        {"faults": [{"kind": "explode"}]},
        {"faults": [{"kind": "hang", "count": 0}]},
        {"refuse": [{"code": "5"}]},
        {"remark": [{"inss": "1", "remarks": []}]},
        {"latency_ms": -1},
        {"unheard_of": 1},
    ],
)
def test_what_cannot_be_done_is_refused_and_changes_nothing(sandbox: SandboxProcess, change: dict[str, object]) -> None:
    before = httpx.get(f"{sandbox.base}/control", trust_env=False).json()
    answer = httpx.post(f"{sandbox.base}/control", json=change, trust_env=False)
    assert answer.status_code == 422
    assert httpx.get(f"{sandbox.base}/control", trust_env=False).json() == before


def test_a_fault_waits_for_its_operation_and_counts_down(sandbox: SandboxProcess) -> None:
    sandbox.control(faults=[{"kind": "http-500", "operation": "registerPresences", "count": 2}])
    search = search_message(period_xml("2026-03-02", "2026-03-02"))
    statuses = [post(sandbox.endpoint, "registerPresences", GOOD).status_code]
    assert post(sandbox.endpoint, "searchPresences", search).status_code == 200
    statuses += [post(sandbox.endpoint, "registerPresences", GOOD).status_code for _ in range(2)]
    assert statuses == [500, 500, 200]
    assert sandbox.control()["faults"] == []


def test_what_it_has_received_is_shown_masked(sandbox: SandboxProcess) -> None:
    sandbox.control(
        refuse=[{"inss": WORKERS[3], "code": "5"}], remark=[{"limosa_id": LIMOSA, "remarks": ["DUC IS NOT EXISTING"]}]
    )
    posted = presence_xml(INSS="", CompanyID="", LimosaId=LIMOSA, ClientPresenceRegistrationReference="&lt;b&gt;")
    assert codes(post(sandbox.endpoint, "registerPresences", register_message(presence_xml(), posted))) == []
    received = sandbox.received()
    first, second = received["registrations"][-2:]
    assert (first["inss"], first["company_id"]) == ("*********66", EMPLOYER)
    assert (second["limosa_id"], second["reference"]) == ("*" * 15 + "60", "<b>")
    assert received["calls"][0]["outcome"] == "answered"
    assert sandbox.received(after=first["reception_number"])["registrations"] == [second]
    page = httpx.get(f"{sandbox.base}/", trust_env=False)
    assert page.status_code == 200
    assert "&lt;b&gt;" in page.text
    assert "<b>" not in page.text
    for shown in (page.text, json.dumps(received), json.dumps(sandbox.control())):
        for secret in (WORKERS[0], WORKERS[3], LIMOSA):
            assert secret not in shown


# Durability


async def registered_until_killed(sandbox: SandboxProcess, seed: int) -> tuple[dict[str, int], set[str]]:
    """Batches of 50 until kill -9 at a moment of the seed's choice: numbers answered, references left open."""
    answered: dict[str, int] = {}
    left_open: set[str] = set()
    chance = random.Random(seed)
    first_answer = asyncio.Event()

    async def work(client: OnssSoap, worker: int) -> None:
        for batch in range(10**6):
            items = [worker_item(f"{seed}-{worker}-{batch}-{place}") for place in range(50)]
            try:
                outcomes = await client.register(items)
            except AuthorityAmbiguous:
                left_open.update(item.reference for item in items)
                return
            except AuthorityUnavailable:
                return
            for outcome in outcomes:
                assert isinstance(outcome, Registered)
                answered[outcome.reference] = outcome.reception_number
            first_answer.set()

    async with OnssSoap(sandbox.endpoint, timeout_s=20) as client:
        tasks = [asyncio.create_task(work(client, worker)) for worker in range(2)]
        await first_answer.wait()
        await asyncio.sleep(chance.uniform(0, 0.2))
        sandbox.kill()
        await asyncio.gather(*tasks)
    return answered, left_open


@pytest.mark.parametrize("seed", range(3))
async def test_after_kill_9_a_search_shows_exactly_what_was_committed(tmp_path: Path, seed: int) -> None:
    with SandboxProcess(tmp_path, seed=seed, latency_ms=20) as sandbox:
        endpoint = sandbox.endpoint
        answered, left_open = await registered_until_killed(sandbox, seed)
        sandbox.start()
        assert sandbox.endpoint == endpoint
        async with OnssSoap(sandbox.endpoint) as client:
            found = await client.search(SearchCriteria(periods=((tomorrow(), tomorrow()),)))
            [later] = await client.register([worker_item("later")])
    held = {entry.reference: entry.reception_number for entry in found}
    assert len(held) == len(found), f"a reference twice (seed {seed})"
    assert answered.items() <= held.items(), f"an answered registration is gone (seed {seed})"
    assert set(held) - set(answered) <= left_open, f"a registration nobody sent (seed {seed})"
    assert isinstance(later, Registered)
    assert later.reception_number > max(held.values())


async def test_the_same_seed_gives_the_same_numbers(tmp_path: Path) -> None:
    numbers = []
    for name, seed in (("one", 7), ("two", 7), ("three", 8)):
        (tmp_path / name).mkdir()
        with SandboxProcess(tmp_path / name, seed=seed) as sandbox:
            async with OnssSoap(sandbox.endpoint) as client:
                outcomes = await client.register([worker_item(f"r{place}") for place in range(20)])
        numbers.append([getattr(outcome, "reception_number", 0) for outcome in outcomes])
    assert numbers[0] == numbers[1] != numbers[2]
    assert all(10**11 <= number < 10**15 for number in numbers[0])


def test_what_it_was_told_outlives_it_but_its_pace_is_the_command_lines(tmp_path: Path) -> None:
    with SandboxProcess(tmp_path, latency_ms=5) as sandbox:
        sandbox.control(refuse=[{"inss": WORKERS[1], "code": "5"}], latency_ms=70, not_ours=[5])
        sandbox.kill()
        sandbox.start()
        told = sandbox.control()
    assert [entry["code"] for entry in told["refuse"]] == ["5"]
    assert told["not_ours"] == [5]
    assert told["latency_ms"] == 5


def test_calls_that_hang_do_not_hold_up_its_end(tmp_path: Path) -> None:
    with SandboxProcess(tmp_path) as sandbox:
        sandbox.control(faults=[{"kind": "hang"}])
        host, port = httpx.URL(sandbox.base).host, httpx.URL(sandbox.base).port or 0
        with socket.create_connection((host, port)) as hanging:
            head = (
                f'POST /PresenceRegistration/v1 HTTP/1.1\r\nHost: {host}\r\nSOAPAction: ""\r\nContent-Length: 0\r\n\r\n'
            )
            hanging.sendall(head.encode())
            sandbox.stop()
    assert sandbox._process.returncode == 0
    assert [path.name for path in tmp_path.glob("sandbox.db*")] == ["sandbox.db"]


def test_a_port_in_use_or_a_store_that_is_none_ends_with_a_clear_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SandboxNotStarted, match="cannot listen"):
        SandboxProcess(tmp_path, port=taken.getsockname()[1])
    (tmp_path / "sandbox.db").write_bytes(b"this is no database, whatever its name says" * 100)
    with pytest.raises(SandboxNotStarted, match="cannot be opened"):
        SandboxProcess(tmp_path)


def test_the_command_says_what_it_does() -> None:
    command = [sys.executable, "-c", "from badgeclock.cli.sandbox import app; app()", "run", "--help"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, env={"COLUMNS": "200"}).stdout
    for option in ("--host", "--port", "--store", "--seed", "--latency-ms", "--validation-delay-ms"):
        assert option in said


# Any bytes at all


@pytest.fixture(scope="module")
def web() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=20) as client:
        yield client


def assert_answered_as_soap(
    process: SandboxProcess, web: httpx.Client, message: bytes, headers: dict[str, str]
) -> None:
    usual = {"Content-Type": "text/xml", "SOAPAction": f'"{MESSAGES}/registerPresences"'}
    answer = web.post(process.endpoint, content=message, headers=usual | headers)
    if answer.status_code == 200:
        assert etree.fromstring(answer.content).tag == f"{{{SOAP}}}Envelope"
    else:
        assert fault_code(answer).startswith("SOA-0300")


@given(message=st.binary(max_size=300) | st.text(max_size=300).map(in_envelope))
@settings(deadline=None, max_examples=100)
def test_any_bytes_get_a_soap_fault(process: SandboxProcess, web: httpx.Client, message: bytes) -> None:
    assert_answered_as_soap(process, web, message, {})


@given(
    start=st.integers(0, len(GOOD)),
    length=st.integers(0, 40),
    put=st.binary(max_size=12) | st.sampled_from([b"<", b"&", b"\x00", b"9" * 20, b"-", b"</s:Body>", b"\xef\xbb\xbf"]),
)
@settings(deadline=None, max_examples=150)
def test_a_damaged_request_gets_an_answer_or_a_soap_fault(
    process: SandboxProcess, web: httpx.Client, start: int, length: int, put: bytes
) -> None:
    assert_answered_as_soap(process, web, GOOD[:start] + put + GOOD[start + length :], {})


@given(
    values=st.dictionaries(
        st.sampled_from(["RegistrationDate", "INSS", "CompanyID", "LimosaId", "WorkPlaceId", "Sector"]),
        st.sampled_from(
            ["0", "-1", "9" * 10, "9" * 11, "9" * 19, "2026-02-30", "0000-01-01", "+5", "1.0", "é", "&lt;"]
        ),
    )
)
@settings(deadline=None, max_examples=100)
def test_odd_values_get_an_answer_or_a_soap_fault(
    process: SandboxProcess, web: httpx.Client, values: dict[str, str]
) -> None:
    assert_answered_as_soap(process, web, register_message(presence_xml(**values)), {})


@given(
    header=st.sampled_from(["Content-Type", "SOAPAction"]),
    value=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40).map(str.strip),
)
@settings(deadline=None, max_examples=60)
def test_odd_headers_get_a_soap_fault(process: SandboxProcess, web: httpx.Client, header: str, value: str) -> None:
    assert_answered_as_soap(process, web, GOOD, {header: value})


@given(raw=st.binary(min_size=1, max_size=200))
@settings(deadline=None, max_examples=40)
def test_bytes_that_are_no_http_do_not_end_it(process: SandboxProcess, web: httpx.Client, raw: bytes) -> None:
    url = httpx.URL(process.base)
    with socket.create_connection((url.host, url.port or 0), timeout=20) as connection:
        connection.sendall(raw)
    assert web.get(f"{process.base}/control").status_code == 200
