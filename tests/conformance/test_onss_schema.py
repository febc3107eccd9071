"""Every message held against the authority's own WSDL and XSD files, which are not part of the product.

They are looked for in `shared/onss` beside the checkout; without them these tests are skipped.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
import zeep
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
    today,
    tomorrow,
    worker_item,
)
from tests.sandbox_process import SandboxProcess
from zeep.transports import Transport

from badgeclock.authorities import ws_security
from badgeclock.authorities.base import Cancellation, PresenceItem, Registered, SearchCriteria, Status
from badgeclock.authorities.errors import AuthorityAmbiguous, AuthorityRejected
from badgeclock.authorities.onss import requests as onss_requests
from badgeclock.authorities.onss_soap import OnssSoap
from badgeclock.authorities.soap import SECURITY
from badgeclock.errors import AuthorityError
from badgeclock.onss import description
from badgeclock.sandbox.credentials import kept_in

XSD = "http://www.w3.org/2001/XMLSchema"
WSDL_NAMES = ("PresenceRegistration-SAMLHok_v1.wsdl", "PresenceRegistration-X509_v1.wsdl")


@pytest.fixture(scope="module")
def published(root: Path) -> Path:
    """The folder of the authority's published interface."""
    folder = root.parent / "shared" / "onss"
    if not (folder / "presenceregistration" / "v1" / WSDL_NAMES[0]).is_file():
        pytest.skip(f"the authority's WSDL and XSD files are not in {folder}: nothing to hold the messages against")
    return folder


@pytest.fixture(scope="module")
def their_schema(published: Path) -> etree.XMLSchema:
    wrapper = etree.Element(f"{{{XSD}}}schema")
    for namespace, path in (
        (MESSAGES, "presenceregistration/v1/PresenceRegistration_protocol_v1.xsd"),
        (FAULTS, "errors/v1/socsec-errors-schema-v1.xsd"),
    ):
        etree.SubElement(wrapper, f"{{{XSD}}}import", namespace=namespace, schemaLocation=(published / path).as_uri())
    return etree.XMLSchema(wrapper)


@pytest.fixture(scope="module")
def our_schema() -> etree.XMLSchema:
    return description.schema_of(description.WSDL)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    with SandboxProcess(tmp_path_factory.mktemp("sandbox"), validation_delay_ms=0) as running:
        yield running


@dataclass
class Exchange:
    """One call as it went over the wire."""

    soap_action: str
    request: bytes
    status: int
    answer: bytes


@dataclass
class Tap:
    """A listener on the wire between client and sandbox."""

    sandbox: SandboxProcess
    endpoint: str = ""
    exchanges: list[Exchange] = field(default_factory=list)


@contextlib.asynccontextmanager
async def tapped(sandbox: SandboxProcess) -> AsyncIterator[Tap]:
    """Passes every call on to the sandbox, and keeps it."""
    tap = Tap(sandbox)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()[1:]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
        request = await reader.readexactly(int(headers["content-length"]))
        passed_on = {name: headers[name] for name in ("content-type", "soapaction")}
        async with httpx.AsyncClient(trust_env=False) as onward:
            answer = await onward.post(sandbox.endpoint, content=request, headers=passed_on)
        tap.exchanges.append(Exchange(headers["soapaction"], request, answer.status_code, answer.content))
        head = f"HTTP/1.1 {answer.status_code} X\r\nContent-Length: {len(answer.content)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + answer.content)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        tap.endpoint = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        yield tap


def body_of(message: bytes) -> etree._Element:
    root = etree.fromstring(message)
    assert root.tag == f"{{{SOAP}}}Envelope"
    [body] = root.findall(f"{{{SOAP}}}Body")
    [element] = list(body)
    return element


def assert_valid(schema: etree.XMLSchema, element: etree._Element) -> None:
    assert schema.validate(element), f"{schema.error_log}\n{etree.tostring(element, pretty_print=True).decode()}"


async def every_kind_of_call(tap: Tap) -> None:
    """All four operations with each of their optional elements, in part refused, and the faults of each."""
    async with OnssSoap(tap.endpoint) as client:
        tap.sandbox.control(
            refuse=[{"inss": WORKERS[1], "code": "5"}],
            remark=[{"company_id": OTHER_EMPLOYER, "remarks": ["EMPLOYER NOT ACTIVE", "DUC IS NOT EXISTING"]}],
        )
        outcomes = await client.register(
            [
                worker_item("a"),
                worker_item("b", inss=WRONG_WORKER, company_id="0438195917", workplace_id="OI"),
                worker_item("c", inss=WORKERS[1], date=today() - timedelta(days=9)),
                worker_item("d" * 24, inss=WORKERS[2], company_id=OTHER_EMPLOYER),
                limosa_item("e"),
                limosa_item("f", limosa_id="<&\"'>", workplace_id="<&>"),
            ]
        )
        assert [isinstance(outcome, Registered) for outcome in outcomes] == [True, False, False, True, True, False]
        assert len(await client.register([worker_item(f"n{place}") for place in range(200)])) == 200
        numbers = [getattr(outcome, "reception_number", 0) for outcome in outcomes]
        for number in (numbers[0], numbers[3], numbers[4], 7, 10**15 - 1):
            await client.get(number)
        await client.cancel([Cancellation(reception_number=numbers[0], reason="HOLIDAY")])
        await client.cancel(
            [Cancellation(reception_number=number, reason="C32A") for number in (numbers[0], numbers[4], 7)]
        )
        await client.get(numbers[0])
        now = datetime.now(UTC)
        for criteria in (
            SearchCriteria(periods=((today(), tomorrow()),)),
            SearchCriteria(periods=((tomorrow(), tomorrow()),) * 31, workplace_id="NONE"),
            SearchCriteria(
                periods=((today(), tomorrow()),),
                inss=WORKERS[2],
                company_id=OTHER_EMPLOYER,
                workplace_id=WORKPLACE,
                statuses=tuple(Status),
                remarks=description.REMARKS,
                created_from=now - timedelta(days=1),
                created_to=now + timedelta(days=1),
            ),
        ):
            await client.search(criteria)
        item = worker_item("x")
        for code in ("SOA-02002", "SOA-02001", "SOA-00001", "SOA-03006"):
            for retry in (True, False, None):
                tap.sandbox.control(faults=[{"kind": "system-error", "code": code, "retry": retry}])
                with pytest.raises(AuthorityError):
                    await client.register([item])


@pytest.fixture(scope="module")
def exchanges(sandbox: SandboxProcess) -> list[Exchange]:
    async def listen() -> list[Exchange]:
        async with tapped(sandbox) as tap:
            await every_kind_of_call(tap)
            return tap.exchanges

    return asyncio.run(listen())


def test_every_request_of_the_client_follows_the_authoritys_schema(
    exchanges: list[Exchange], their_schema: etree.XMLSchema
) -> None:
    for exchange in exchanges:
        element = body_of(exchange.request)
        assert_valid(their_schema, element)
        operation = exchange.soap_action.strip('"').removeprefix(f"{MESSAGES}/")
        assert element.tag == f"{{{MESSAGES}}}{description.OPERATIONS[operation][0]}"
    assert len({exchange.soap_action for exchange in exchanges}) == 4


def test_every_answer_of_the_sandbox_follows_the_authoritys_schema(
    exchanges: list[Exchange], their_schema: etree.XMLSchema
) -> None:
    kinds = set()
    for exchange in exchanges:
        element = body_of(exchange.answer)
        if exchange.status == 500:
            assert element.tag == f"{{{SOAP}}}Fault"
            detail = element.find("detail")
            assert detail is not None
            [element] = list(detail)
        assert_valid(their_schema, element)
        kinds.add(etree.QName(element).localname)
    assert kinds == {
        "RegisterPresencesResponse",
        "CancelPresencesResponse",
        "SearchPresencesResponse",
        "GetPresenceRegistrationResponse",
        "SystemError",
    }


@pytest.mark.parametrize(
    ("message", "headers"),
    [
        (b"<", {}),
        (b"<a/>", {}),
        (in_envelope("<a/>"), {}),
        (in_envelope("<a/>"), {"SOAPAction": ""}),
        (in_envelope(f'<RegisterPresencesRequest xmlns="{MESSAGES}"/>'), {}),
        (in_envelope(f'<RegisterPresencesRequest xmlns="{MESSAGES}"/>'), {"Content-Type": "application/json"}),
    ],
)
def test_every_fault_of_the_sandbox_follows_the_authoritys_schema(
    sandbox: SandboxProcess, their_schema: etree.XMLSchema, message: bytes, headers: dict[str, str]
) -> None:
    sandbox.control(faults=[])
    answer = post(sandbox.endpoint, "registerPresences", message, **headers)
    assert answer.status_code == 500
    fault = body_of(answer.content)
    assert [child.tag for child in fault] == ["faultcode", "faultstring", "detail"]
    assert_valid(their_schema, fault[2][0])


def elements_of(wsdl: Path) -> dict[str, tuple[str, str, str]]:
    """Each operation's SOAPAction and the names of its two elements, as zeep reads them from a WSDL file."""
    client = zeep.Client(str(wsdl))  # type: ignore[no-untyped-call]
    [binding] = client.wsdl.bindings.values()
    return {
        name: (operation.soapaction, str(operation.input.body.qname), str(operation.output.body.qname))
        for name, operation in binding.all().items()
    }


@pytest.mark.parametrize("name", WSDL_NAMES)
def test_our_description_names_the_same_operations_actions_and_elements(published: Path, name: str) -> None:
    assert elements_of(description.WSDL) == elements_of(published / "presenceregistration" / "v1" / name)


VALUES = ("", " ", "0", "-1", "9" * 9, "9" * 10, "9" * 11, "9" * 15, "9" * 16, "x" * 13, "x" * 14, "x" * 15, "x" * 16)
MORE_VALUES = ("x" * 24, "x" * 25, "2026-03-02", "2026-03-02Z", "2026-03-02T07:58:11", "VALIDATED", "ID", "true", "1.0")


@given(data=st.data())
@settings(deadline=None, max_examples=500)
def test_our_schema_and_theirs_judge_every_message_alike(
    exchanges: list[Exchange], our_schema: etree.XMLSchema, their_schema: etree.XMLSchema, data: st.DataObject
) -> None:
    short = [exchange for exchange in exchanges if len(exchange.request) < 10_000]
    exchange = data.draw(st.sampled_from(short))
    element = body_of(data.draw(st.sampled_from([exchange.request, exchange.answer])))
    inside = [each for each in element.iter() if each is not element]
    for _ in range(data.draw(st.integers(1, 2))):
        chosen = data.draw(st.sampled_from(inside))
        parent = chosen.getparent()
        assert parent is not None
        other = data.draw(st.sampled_from(inside))
        match data.draw(st.sampled_from(["value", "drop", "double", "rename", "namespace", "borrow", "attribute"])):
            case "value":
                chosen.text = data.draw(st.sampled_from(VALUES + MORE_VALUES))
            case "drop":
                parent.remove(chosen)
            case "double":
                chosen.addnext(etree.fromstring(etree.tostring(chosen)))
            case "rename":
                chosen.tag = other.tag
            case "namespace":
                namespace = data.draw(st.sampled_from([TYPES, MESSAGES, FAULTS]))
                chosen.tag = f"{{{namespace}}}{etree.QName(chosen).localname}"
            case "borrow":
                parent.insert(0, etree.fromstring(etree.tostring(other)))
            case _:
                chosen.set("Id", "7")
        inside = [each for each in element.iter() if each is not element]
        if not inside:
            break
    if element.tag != f"{{{SOAP}}}Fault":
        assert our_schema.validate(element) == their_schema.validate(element), etree.tostring(element).decode()
    elif (error := element.find(f"detail/{{{FAULTS}}}SystemError")) is not None:
        assert our_schema.validate(error) == their_schema.validate(error), etree.tostring(error).decode()


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("PresenceRegistrationRequest", 200),
        ("CancelPresenceRequest", 200),
        ("RegistrationPeriod", 31),
        ("PresenceRegistration", 500),
        ("Remark", 10),
        ("Error", 10),
    ],
)
def test_our_schema_and_theirs_set_the_same_limits(
    exchanges: list[Exchange], our_schema: etree.XMLSchema, their_schema: etree.XMLSchema, name: str, limit: int
) -> None:
    """In some message where such an element may be repeated, both allow `limit` of them and neither one more."""
    for exchange in exchanges:
        for message in (exchange.request, exchange.answer):
            element = body_of(message)
            found = next((each for each in element.iter() if etree.QName(each).localname == name), None)
            parent = None if found is None else found.getparent()
            if found is None or parent is None:
                continue
            copies = [each for each in parent if each.tag == found.tag]
            for copy in copies[1:]:
                parent.remove(copy)
            for _ in range(limit - 1):
                found.addnext(etree.fromstring(etree.tostring(found)))
            if not their_schema.validate(element):
                continue  # not the place where it may be repeated
            assert_valid(our_schema, element)
            found.addnext(etree.fromstring(etree.tostring(found)))
            assert not their_schema.validate(element)
            assert not our_schema.validate(element)
            return
    pytest.fail(f"no message seen repeats {name}")


@pytest.mark.parametrize("name", WSDL_NAMES)
def test_a_client_built_on_the_authoritys_wsdl_talks_to_the_sandbox(
    published: Path, sandbox: SandboxProcess, name: str
) -> None:
    sandbox.control(faults=[], refuse=[], remark=[])
    session = requests.Session()
    session.trust_env = False
    client: Any = zeep.Client(  # type: ignore[no-untyped-call]
        str(published / "presenceregistration" / "v1" / name),
        transport=Transport(session=session, operation_timeout=20),  # type: ignore[no-untyped-call]
    )
    [binding] = client.wsdl.bindings
    service = client.create_service(binding, sandbox.endpoint)
    answered = service.registerPresences(
        PresenceRegistrationRequest=[
            {"INSS": WORKERS[0], "CompanyID": int(EMPLOYER), "WorkPlaceId": WORKPLACE},
            {"INSS": WRONG_WORKER, "CompanyID": int(EMPLOYER), "WorkPlaceId": WORKPLACE},
        ]
    )
    number = answered[0].PresenceRegistration.PresenceRegistrationId
    assert answered[0].PresenceRegistration.LastValidation.Status == "SUCCESSFULLY REGISTERED"
    assert answered[1].PresenceRegistrationError.ErrorList.Error[0].ErrorCode == "5"
    # zeep 4.3 writes a Limosa presence but cannot read one back (it tries only the first branch of the choice).
    with client.settings(raw_response=True):
        limosa = {"RegistrationDate": tomorrow(), "LimosaId": LIMOSA, "WorkPlaceId": WORKPLACE}
        assert service.registerPresences(PresenceRegistrationRequest=[limosa]).status_code == 200
    held = service.getPresenceRegistration(GetPresenceRegistrationRequest={"PresenceRegistrationId": number})
    assert held.GetPresenceRegistrationType.PresenceRegistrationType.PresenceRegistrationId == number
    period = {"RegistrationPeriodStartDate": today(), "RegistrationPeriodEndDate": tomorrow()}
    found = service.searchPresences(
        SearchPresenceRequest={
            "SearchPresenceRegistrationCriteria": {
                "INSS": WORKERS[0],
                "RegistrationPeriodList": {"RegistrationPeriod": [period]},
            },
            "SortingProperties": {"SortDirection": "DESCENDING", "SortCriteria": "CREATION DATE"},
        }
    )
    assert found.PresenceRegistrationList.PresenceRegistrationResultCount >= 1
    cancelled = service.cancelPresences(
        CancelPresenceRequest=[{"PresenceRegistrationId": number, "CancellationReason": "C32A"}]
    )
    assert cancelled[0].PresenceRegistration.LastValidation.Status == "SUCCESSFULLY CANCELLED"
    sandbox.control(faults=[{"kind": "system-error"}])
    with pytest.raises(zeep.exceptions.Fault, match="script"):
        service.getPresenceRegistration(GetPresenceRegistrationRequest={"PresenceRegistrationId": number})


@pytest.mark.parametrize("name", WSDL_NAMES)
async def test_our_client_works_with_the_authoritys_wsdl_in_place_of_our_own(
    published: Path, sandbox: SandboxProcess, name: str
) -> None:
    sandbox.control(faults=[], refuse=[], remark=[])
    wsdl = published / "presenceregistration" / "v1" / name
    items: list[PresenceItem] = [worker_item("theirs-1"), limosa_item("theirs-2")]
    async with OnssSoap(sandbox.endpoint, wsdl=wsdl) as client:
        outcomes = await client.register(items)
        assert all(isinstance(outcome, Registered) for outcome in outcomes)
        numbers = [getattr(outcome, "reception_number", 0) for outcome in outcomes]
        assert (await client.get(numbers[1])) is not None
        found = await client.search(SearchCriteria(periods=((tomorrow(), tomorrow()),), statuses=(Status.VALIDATED,)))
        assert isinstance(found, list)
        cancellations = [Cancellation(reception_number=number, reason="PLANNING") for number in numbers]
        assert len(await client.cancel(cancellations)) == 2
        sandbox.control(faults=[{"kind": "system-error"}, {"kind": "system-error", "code": "SOA-03006", "retry": None}])
        with pytest.raises(AuthorityAmbiguous):
            await client.register(items)
        with pytest.raises(AuthorityRejected):
            await client.register(items)


# The published policy's requirements, and the place of each in ours. `Basic256` is the older variant's suite; ours is
# the SHA-256 one's. What only says how an answer may name its key matters when answers are read.
POLICY = {
    "AsymmetricBinding": "wsse:Security/ds:Signature",
    "InitiatorToken": "wsse:Security/wsse:BinarySecurityToken",
    "X509Token": "wsse:Security/wsse:BinarySecurityToken",
    "WssX509V3Token10": "wsse:Security/wsse:BinarySecurityToken[contains(@ValueType, '#X509v3')]",
    "IncludeTimestamp": "wsse:Security/wsu:Timestamp[wsu:Created and wsu:Expires]",
    "ProtectTokens": "wsse:Security[.//ds:Reference/@URI = concat('#', wsse:BinarySecurityToken/@wsu:Id)]",
    "SignedParts": "wsse:Security[.//ds:Reference/@URI = concat('#', ../../soap:Body/@wsu:Id)]",
    "Body": "wsse:Security[.//ds:Reference/@URI = concat('#', ../../soap:Body/@wsu:Id)]",
    "OnlySignEntireHeadersAndBody": "wsse:Security[count(.//ds:Reference) = 3]",
    "AlgorithmSuite": "wsse:Security[.//ds:SignatureMethod[contains(@Algorithm, '#rsa-sha256')]]",
    "Basic256": "wsse:Security[not(.//ds:DigestMethod[not(contains(@Algorithm, 'xmlenc#sha256'))])]",
    "Wss10": "wsse:Security/ds:Signature/ds:KeyInfo/wsse:SecurityTokenReference/wsse:Reference",
}
OF_ANSWERS = {"RecipientToken", "Layout", "Lax", "MustSupportRefIssuerSerial", "MustSupportRefKeyIdentifier", "Policy"}


async def test_a_signed_message_has_all_that_the_published_policy_asks_for(published: Path, tmp_path: Path) -> None:
    policy = etree.parse(published / "presenceregistration" / "v1" / "PresenceRegistration-X509_v1.wsdl")
    names = {"sp": "http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702"}
    asked = {etree.QName(element).localname for element in policy.iterfind(".//sp:*", names)}
    assert asked - OF_ANSWERS == set(POLICY)
    own = kept_in(tmp_path).client
    async with OnssSoap("https://localhost/", own=own) as client:
        written = client._message(description.REGISTER, lambda: client._registration([worker_item("a")]))
        message = etree.fromstring(written)
    spaces = {"soap": SOAP, "wsse": SECURITY, "wsu": ws_security.UTILITY, "ds": ws_security.SIGNATURE}
    for assertion, path in POLICY.items():
        assert message.xpath(f"/soap:Envelope/soap:Header/{path}", namespaces=spaces), assertion


ITEMS = st.builds(
    worker_item,
    st.from_regex(r"[!-~]{1,24}", fullmatch=True),
    date=st.dates(),
    inss=st.from_regex(r"[0-9]{11}", fullmatch=True),
    company_id=st.from_regex(r"0[0-9]{9}", fullmatch=True),
) | st.builds(limosa_item, st.from_regex(r"[!-~]{1,24}", fullmatch=True), limosa_id=st.just(LIMOSA))


@pytest.mark.parametrize("name", WSDL_NAMES)
def test_registrations_are_written_without_zeep_under_their_description_too(published: Path, name: str) -> None:
    client = OnssSoap("http://localhost/", wsdl=published / "presenceregistration" / "v1" / name)
    assert client._own_form


@given(items=st.lists(ITEMS, min_size=1, max_size=5))
@settings(deadline=None)
def test_what_is_written_without_zeep_is_valid(their_schema: etree.XMLSchema, items: list[PresenceItem]) -> None:
    assert_valid(their_schema, body_of(etree.tostring(onss_requests.register_envelope(items))))
