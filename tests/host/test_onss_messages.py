"""The messages that are written and read without zeep: the same as zeep's, whatever is in them."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from tests import fuzzing
from tests.presences import MESSAGES, TYPES, in_envelope, worker_item

from badgeclock.authorities import bounded, soap
from badgeclock.authorities.base import Outcome, PresenceItem, Refused, Registered
from badgeclock.authorities.errors import AnswerMalformed, Flaw, NotSoap
from badgeclock.authorities.failures import blotted, plain
from badgeclock.authorities.onss import answers, requests
from badgeclock.authorities.onss.statuses import STATUS_FROM_WIRE
from badgeclock.authorities.onss_soap import OnssSoap
from badgeclock.onss import description

VISIBLE = st.characters(min_codepoint=0x21, max_codepoint=0x7E)
DIGITS = st.characters(min_codepoint=0x30, max_codepoint=0x39)


def number(digits: int) -> st.SearchStrategy[str]:
    return st.text(DIGITS, min_size=digits, max_size=digits)


ANYBODY = {
    "date": st.dates(date(1900, 1, 1), date(2999, 12, 31)),
    "reference": st.text(VISIBLE, min_size=1, max_size=24),
    "workplace_id": st.text(VISIBLE, min_size=1, max_size=13),
}
ITEMS = st.builds(PresenceItem, inss=number(11), company_id=number(10), **ANYBODY) | st.builds(
    PresenceItem, limosa_id=st.text(VISIBLE, min_size=1, max_size=64), **ANYBODY
)


@pytest.fixture(scope="module")
def client() -> OnssSoap:
    return OnssSoap("http://localhost/")


def by_zeep(client: OnssSoap, items: Sequence[PresenceItem]) -> etree._Element:
    return client._writer(description.REGISTER, requests.register_arguments(items))()


# Writing


@given(items=st.lists(ITEMS, min_size=1, max_size=6))
@settings(deadline=None, max_examples=200)
def test_a_registration_is_what_zeep_writes_of_the_same_items(client: OnssSoap, items: list[PresenceItem]) -> None:
    assert etree.tostring(requests.register_envelope(items)) == etree.tostring(by_zeep(client, items))


def test_under_our_own_description_it_is_written_without_zeep(client: OnssSoap) -> None:
    assert client._own_form


@pytest.mark.parametrize("used", ["the order of elements", "an element's name"])
def test_under_a_description_that_has_it_otherwise_zeep_writes_it(tmp_path: Path, used: str) -> None:
    for path in description.WSDL.parent.glob("*.*s*"):
        shutil.copy(path, tmp_path)
    types = tmp_path / "types.xsd"
    first, second = (
        '<xs:element name="WorkPlaceId" type="WorkPlace"/>',
        '<xs:element name="ClientPresenceRegistrationReference" type="OwnReference" minOccurs="0"/>',
    )
    text = types.read_text()
    assert text.count(first) == text.count(second) == 1
    if used == "the order of elements":
        text = text.replace(first, "").replace(second, second + first)
    else:
        text = text.replace('"RegistrationDate" type="xs:date" minOccurs="0"', '"Day" type="xs:date" minOccurs="0"')
    types.write_text(text)
    other = OnssSoap("http://localhost/", wsdl=tmp_path / description.WSDL.name)
    assert not other._own_form
    if used == "the order of elements":
        message = other._message(description.REGISTER, lambda: other._registration([worker_item("a")]))
        names = [etree.QName(element).localname for element in etree.fromstring(message).iter()]
        assert names[-2:] == ["ClientPresenceRegistrationReference", "WorkPlaceId"]
    else:
        with pytest.raises(TypeError, match="RegistrationDate"):
            other._message(description.REGISTER, lambda: other._registration([worker_item("a")]))


# Reading


def zeep_reads(client: OnssSoap, envelope: etree._Element) -> list[Any]:
    operation = client._service._binding.get(description.REGISTER)
    said = operation.process_reply(envelope)
    return list(getattr(said, "PresenceRegistrationResponse", said))


def utc(moment: datetime) -> datetime:
    return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo("Europe/Brussels"))).astimezone(UTC)


def outcome_of(said: Any, item: PresenceItem) -> Outcome:
    """The outcome in what zeep read; AnswerMalformed if it is another item's."""
    refused = said.PresenceRegistrationError is not None
    choice = said.PresenceRegistrationError if refused else said.PresenceRegistration
    echo = choice.PresenceRegistrationSubmitted
    whole = echo is not None
    if not whole:
        echo = choice.PresenceRegistrationConsultSubmitted
    day = echo.RegistrationDate
    is_same = (
        echo.ClientPresenceRegistrationReference == item.reference
        and echo.WorkPlaceId == item.workplace_id
        and day in (None, item.date)
    )
    if whole:
        is_same &= item.inss == echo.INSS and Decimal(echo.CompanyID) == Decimal(item.company_id or "")
    if not is_same:
        raise AnswerMalformed("of another item")
    if refused:
        errors = choice.ErrorList.Error
        return Refused(
            reference=item.reference,
            codes=tuple(plain(error.ErrorCode or "") for error in errors),
            descriptions=tuple(plain(error.ErrorDescription or "") for error in errors),
        )
    last = choice.LastValidation
    if last.Status == description.CANCELLED:
        raise AnswerMalformed("cancelled")
    return Registered(
        reference=item.reference,
        reception_number=int(choice.PresenceRegistrationId),
        created=utc(choice.CreationDate),
        status=STATUS_FROM_WIRE[last.Status],
        remarks=() if last.RemarkList is None else tuple(blotted(one or "") for one in last.RemarkList.Remark),
        inss=choice.INSS,
    )


def parsed(content: bytes) -> tuple[etree._Element, etree._Element]:
    envelope = soap.parse_envelope(content, len(content))
    return envelope, soap.body_element(envelope)


def ours(content: bytes, items: Sequence[PresenceItem]) -> list[Outcome] | None:
    """None: refused."""
    try:
        return answers.register_outcomes(parsed(content)[1], items)
    except AnswerMalformed:
        return None


def zeeps(client: OnssSoap, content: bytes, items: Sequence[PresenceItem]) -> list[Outcome] | None:
    try:
        said = zeep_reads(client, copy.deepcopy(parsed(content)[0]))
        if len(said) != len(items):
            return None
        outcomes = [outcome_of(one, item) for one, item in zip(said, items, strict=True)]
    except AnswerMalformed:
        return None
    numbers = [outcome.reception_number for outcome in outcomes if isinstance(outcome, Registered)]
    return outcomes if len(set(numbers)) == len(numbers) and all(0 < one < 10**15 for one in numbers) else None


PEOPLE = [worker_item("a"), worker_item("b", inss="00000100195"), worker_item("c", inss="00200100211")]
TEXTS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x2FF), max_size=30).map(
    lambda text: text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
)
MOMENTS = st.builds(
    lambda day, hour, zone: f"{day}T{hour}{zone}",
    st.dates(date(2000, 1, 1), date(2040, 1, 1)),
    st.times(),
    st.sampled_from(["", "Z", "+01:00", "-05:30"]),
)
STATUSES = st.sampled_from(sorted(STATUS_FROM_WIRE))
NUMBERS = st.integers(1, 10**15 - 1)


@st.composite
def echoes(draw: st.DrawFn, item: PresenceItem, name: str) -> str:
    """An item as an answer has it, now and then with one thing of another."""
    other = draw(st.sampled_from(["", "", "", "", "reference", "workplace", "day", "worker", "employer", "no day"]))
    day = "2019-01-01" if other == "day" else item.date.isoformat()
    days = "" if other == "no day" else f"<RegistrationDate>{day}</RegistrationDate>"
    inss = "99999999999" if other == "worker" else item.inss
    company = 123456789 if other == "employer" else int(item.company_id or "")
    workplace = "1Y10000000000" if other == "workplace" else item.workplace_id
    reference = "another" if other == "reference" else item.reference
    return (
        f"<{name}>{days}<INSS>{inss}</INSS><CompanyID>{company}</CompanyID><WorkPlaceId>{workplace}</WorkPlaceId>"
        f"<ClientPresenceRegistrationReference>{reference}</ClientPresenceRegistrationReference></{name}>"
    )


@st.composite
def validations(draw: st.DrawFn) -> str:
    """The inside of a Validation."""
    at = draw(st.none() | MOMENTS)
    remarks = draw(st.lists(TEXTS, max_size=3))
    listed = "".join(f"<Remark>{remark}</Remark>" for remark in remarks)
    return (
        f"<Status>{draw(STATUSES)}</Status>"
        + ("" if at is None else f"<ValidationDate>{at}</ValidationDate>")
        + (f"<RemarkList>{listed}</RemarkList>" if remarks else "")
    )


@st.composite
def outcomes(draw: st.DrawFn, item: PresenceItem) -> str:
    """One outcome of an answer that the schema allows."""
    if draw(st.integers(0, 3)) == 0:
        errors = "".join(
            f"<Error><ErrorCode>{code}</ErrorCode><ErrorDescription>{told}</ErrorDescription></Error>"
            for code, told in draw(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=3))
        )
        echo = draw(echoes(item, "PresenceRegistrationSubmitted"))
        return f"<PresenceRegistrationError>{echo}<ErrorList>{errors}</ErrorList></PresenceRegistrationError>"
    kind = draw(st.sampled_from(["PresenceRegistrationSubmitted", "PresenceRegistrationConsultSubmitted"]))
    inss = draw(st.none() | number(11))
    history = draw(st.lists(validations(), max_size=2))
    listed = "".join(f"<Validation>{one}</Validation>" for one in history)
    return (
        f"<PresenceRegistration>{draw(echoes(item, kind))}"
        + ("" if inss is None else f"<INSS>{inss}</INSS>")
        + f"<PresenceRegistrationId>{draw(NUMBERS)}</PresenceRegistrationId><CreationDate>{draw(MOMENTS)}"
        f"</CreationDate><Channel>{draw(TEXTS)}</Channel><LastValidation>{draw(validations())}</LastValidation>"
        + (f"<ValidationHistory>{listed}</ValidationHistory>" if history else "")
        + "</PresenceRegistration>"
    )


def answer_of(inside: Sequence[str]) -> bytes:
    listed = "".join(f"<m:PresenceRegistrationResponse>{one}</m:PresenceRegistrationResponse>" for one in inside)
    return in_envelope(
        f'<m:RegisterPresencesResponse xmlns:m="{MESSAGES}" xmlns="{TYPES}">{listed}</m:RegisterPresencesResponse>'
    )


@given(data=st.data())
@settings(deadline=None, max_examples=300)
def test_an_answer_says_what_zeep_reads_in_it(client: OnssSoap, data: st.DataObject) -> None:
    of = [data.draw(outcomes(item)) for item in PEOPLE[: data.draw(st.integers(1, 3))]]
    if data.draw(st.integers(0, 9)) == 0:
        of.reverse()
    content = answer_of(of)
    asked = PEOPLE[: max(1, len(of) - (data.draw(st.integers(0, 9)) == 0))]
    assert client._schema.validate(parsed(content)[1]), client._schema.error_log
    assert ours(content, asked) == zeeps(client, content, asked)


# What is counted in the bytes, and what by a scan


DEEP = bounded.DEPTH_MOST


def nested(depth: int) -> bytes:
    return b"<a>" * (depth - 2) + b"</a>" * (depth - 2)


def envelope_with(inside: bytes) -> bytes:
    return in_envelope("%s").replace(b"%s", inside)


@pytest.mark.parametrize("head", [b"", b"<?xml version='1.0' encoding='utf-8'?>", b'<?xml version="1.0"?>\n', b"\n"])
@pytest.mark.parametrize(("depth", "is_read"), [(DEEP, True), (DEEP + 1, False), (250, False), (3000, False)])
def test_the_depth_is_bounded_however_it_is_found(head: bytes, depth: int, *, is_read: bool) -> None:
    content = head + envelope_with(nested(depth))
    if is_read:
        assert soap.parse_envelope(content, len(content)) is not None
    else:
        with pytest.raises(NotSoap):
            soap.parse_envelope(content, len(content))


@pytest.mark.parametrize("head", ["", "<?xml version='1.0' encoding='utf-8'?>", "<?xml version='1.0'?><!-- a=b -->"])
@pytest.mark.parametrize(
    "parts", ["<a/>", "<a></a>", "<a>=</a>", "<?p?><a/>", " b%d='1'", " b%d = '='", " xmlns:b%d='u'"]
)
@pytest.mark.parametrize("more", [0, 1])
def test_elements_and_attributes_are_counted_to_the_last(
    monkeypatch: pytest.MonkeyPatch, head: str, parts: str, more: int
) -> None:
    monkeypatch.setattr(bounded, "PARTS_MOST", 60)
    # The envelope with its namespace and its body are three, and one is around them.
    inside = "".join(parts % at if "%d" in parts else parts for at in range(56 + more))
    content = head.encode() + in_envelope(f"<w{inside}/>" if "%d" in parts else f"<w>{inside}</w>")
    if not more:
        assert soap.parse_envelope(content, len(content)) is not None
        return
    with pytest.raises(NotSoap) as refused:
        soap.parse_envelope(content, len(content))
    assert refused.value.flaw is Flaw.TOO_LARGE


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp037"])
def test_a_document_type_or_an_encoding_that_hides_it_is_refused_before_a_tree_is_built(
    monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    monkeypatch.setattr(soap.etree, "fromstring", lambda *_: pytest.fail("it was parsed"))
    text = f"<?xml version='1.0' encoding='{encoding}'?><!DOCTYPE a [<!ENTITY x 'y'>]>" + in_envelope("<a/>").decode()
    with pytest.raises(NotSoap) as refused:
        soap.parse_envelope(text.encode(encoding), len(text) * 3)
    assert refused.value.flaw is (Flaw.NOT_XML if encoding == "cp037" else Flaw.DOCTYPE)


def seen(content: bytes) -> str:
    """The tree of a message, or that it is refused."""
    try:
        return etree.tostring(soap.parse_envelope(content, 10**6)).decode()
    except NotSoap:
        return "refused"


FULL = answer_of(["<PresenceRegistration a='b=c'>x<![CDATA[<]]><!-- < = --><?p a=b?>&#60;</PresenceRegistration>"] * 3)
SEEDS = [
    FULL,
    b'<?xml version="1.0" encoding="UTF-8"?>' + FULL,
    FULL.decode().encode("utf-16"),
    b'<?xml version="1.0" encoding="iso-8859-1"?>' + FULL,
    b"<!DOCTYPE a [<!ENTITY x 'y'>]>" + FULL,
    envelope_with(b'<a b="c"/>' * 40 + nested(DEEP - 1)),
]


def test_a_message_is_refused_by_its_counts_or_read_as_by_the_scan(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the scan alone refuses is not well-formed by its older tables of names; nothing is read otherwise."""
    monkeypatch.setattr(bounded, "PARTS_MOST", 60)
    seed = fuzzing.seed()
    for chance in fuzzing.rounds(fuzzing.QUICK_S, seed):
        content = chance.choice(SEEDS)
        if chance.random() < 0.9:
            content = fuzzing.changed(content, chance)
        counted = seen(content)
        with monkeypatch.context() as patch:
            patch.setattr(bounded, "_has_few_parts", lambda _: False)
            assert counted == seen(content), f"BADGECLOCK_FUZZ_SEED={seed}: {content!r}"
