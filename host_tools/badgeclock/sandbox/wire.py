"""SOAP of the sandbox: strict parsing of requests, and answers built element by element.

Rejected, with the service's own codes: what is not XML (SOA-03001), not SOAP 1.1 (03002), without a proper SOAPAction
(03004), not an operation of the WSDL (03005), against the XSD (03006), or against the specification's words (03007). If
certificates are required, a message without a valid signature is not authenticated (01001); otherwise a WS-Security
header is ignored. Any other header with mustUnderstand is rejected.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from lxml import etree

from badgeclock.onss import description
from badgeclock.onss.description import FAULTS, MESSAGES, OPERATIONS, TYPES
from badgeclock.sandbox.envelope import ENVELOPE, SECURITY, body_element, parse
from badgeclock.sandbox.errors import NotAuthenticated, TurnedDown
from badgeclock.sandbox.rules import Presence, describe
from badgeclock.sandbox.statuses import SOAP_WORD
from badgeclock.sandbox.store import Registration, Step

_M: Final = f"{{{MESSAGES}}}"
_T: Final = f"{{{TYPES}}}"
_F: Final = f"{{{FAULTS}}}"
_S: Final = f"{{{ENVELOPE}}}"
_NAMESPACES: Final = {"soap": ENVELOPE, "m": MESSAGES, "t": TYPES}
_CONSTRUCTION: Final = "1"
_ACTIONS: Final = {description.soap_action(operation): operation for operation in OPERATIONS}


@dataclass(frozen=True, slots=True)
class Request:
    """A call that follows the WSDL and the XSD: its operation and the element in its body."""

    operation: str
    element: etree._Element


def operation_of(soap_action: str | None) -> str | None:
    """The operation that a SOAPAction header names, quoted or not; None if it names none."""
    return _ACTIONS.get((soap_action or "").strip().strip('"'))


def read_request(
    content_type: str,
    soap_action: str | None,
    data: bytes,
    schema: etree.XMLSchema,
    authenticate: Callable[[etree._Element], object],
    limit: int,
) -> Request:
    """The call in an HTTP request of at most `limit` bytes, once `authenticate` returned. Raises TurnedDown."""
    if content_type.partition(";")[0].strip().lower() != "text/xml":
        raise TurnedDown("SOA-03002", "the content type of SOAP 1.1 is text/xml")
    envelope = parse(data, limit)
    element = body_element(envelope)
    for entry in envelope.iterfind(f"{_S}Header/*"):
        if entry.get(f"{_S}mustUnderstand") in {"1", "true"} and not entry.tag.startswith(f"{{{SECURITY}}}"):
            raise TurnedDown("SOA-03004", "a header that must be understood is not", faultcode="MustUnderstand")
    try:
        authenticate(envelope)
    except NotAuthenticated as flaw:
        raise TurnedDown("SOA-01001", f"the message is not authenticated: {flaw}") from None
    if soap_action is None:
        raise TurnedDown("SOA-03004", "the SOAPAction header is missing")
    operation = operation_of(soap_action)
    if operation is None or element.tag != f"{_M}{OPERATIONS[operation][0]}":
        raise TurnedDown("SOA-03005", "SOAPAction and body do not name one operation of the WSDL")
    if not schema.validate(element):
        raise TurnedDown("SOA-03006", _first_violation(schema))
    return Request(operation, element)


def items(request: Request) -> list[etree._Element]:
    """The item elements of a registerPresences or cancelPresences request."""
    return list(request.element)


def presence(item: etree._Element, today: date) -> Presence:
    """A presence to register; no date means today."""
    day_text = text(item, "RegistrationDate")
    company_id = text(item, "CompanyID")
    return Presence(
        day=today if day_text is None else day(day_text),
        inss=text(item, "INSS"),
        company_id=None if company_id is None else int(company_id),
        limosa_id=text(item, "LimosaId"),
        workplace_id=text(item, "WorkPlaceId") or "",
        reference=text(item, "ClientPresenceRegistrationReference"),
    )


def day(lexical: str) -> date | None:
    """An xs:date, ignoring its zone; None if it is beyond Python's calendar."""
    try:
        return date.fromisoformat(lexical.strip()[:10])
    except ValueError:
        return None


def milliseconds(lexical: str) -> int:
    """An xs:dateTime as Unix milliseconds, Belgian time if it has no zone. Raises TurnedDown beyond the calendar."""
    try:
        moment = datetime.fromisoformat(lexical.strip())
        aware = moment if moment.tzinfo else moment.replace(tzinfo=description.ZONE)
        return int(aware.timestamp() * 1000)
    except (ValueError, OverflowError):
        raise TurnedDown("SOA-03007", "a time is beyond the calendar") from None


def text(element: etree._Element, name: str) -> str | None:
    """The text of a child of the types' namespace; None if there is no such child."""
    child = element.find(f"{_T}{name}")
    return None if child is None else child.text or ""


def answer(operation: str) -> etree._Element:
    """An empty answer of an operation, to fill."""
    return etree.Element(f"{_M}{OPERATIONS[operation][1]}", nsmap={"m": MESSAGES, "t": TYPES})


def add_registered(parent: etree._Element, item: etree._Element, entry: Registration, history: Sequence[Step]) -> None:
    """One success of registerPresences."""
    outcome = etree.SubElement(parent, f"{_M}PresenceRegistrationResponse")
    registration = etree.SubElement(outcome, f"{_T}PresenceRegistration")
    _echo(registration, "PresenceRegistrationSubmitted", item)
    _fill(registration, entry, history)


def add_refused(parent: etree._Element, item: etree._Element, codes: Iterable[str]) -> None:
    """One error of registerPresences."""
    outcome = etree.SubElement(parent, f"{_M}PresenceRegistrationResponse")
    error = etree.SubElement(outcome, f"{_T}PresenceRegistrationError")
    _echo(error, "PresenceRegistrationSubmitted", item)
    _add_errors(error, codes)


def add_cancelled(parent: etree._Element, entry: Registration, history: Sequence[Step]) -> None:
    """One success of cancelPresences."""
    outcome = etree.SubElement(parent, f"{_M}CancelPresenceResponse")
    add_held(outcome, "PresenceRegistration", entry, history)


def add_not_cancelled(parent: etree._Element, item: etree._Element, codes: Iterable[str]) -> None:
    """One error of cancelPresences."""
    outcome = etree.SubElement(parent, f"{_M}CancelPresenceResponse")
    error = etree.SubElement(outcome, f"{_T}PresenceRegistrationError")
    _echo(error, "CancelPresenceRequest", item)
    _add_errors(error, codes)


def add_result(parent: etree._Element, name: str, echo_name: str, asked: etree._Element) -> etree._Element:
    """The result element of a search or a get, beginning with the request."""
    result = etree.SubElement(parent, f"{_M}{name}")
    _echo(result, echo_name, asked)
    return result


def add_list(parent: etree._Element, total: int) -> etree._Element:
    """The list of a search's result."""
    listed = etree.SubElement(parent, f"{_T}PresenceRegistrationList")
    _add(listed, "PresenceRegistrationResultCount", str(total))
    return listed


def add_element(parent: etree._Element, name: str) -> etree._Element:
    """An empty child in the types' namespace."""
    return etree.SubElement(parent, f"{_T}{name}")


def add_held(parent: etree._Element, name: str, entry: Registration, history: Sequence[Step]) -> None:
    """A registration at the service; an empty history is omitted."""
    registration = etree.SubElement(parent, f"{_T}{name}")
    held = etree.SubElement(registration, f"{_T}PresenceRegistrationConsultSubmitted")
    presence = entry.presence
    _add(held, "RegistrationDate", entry.day.isoformat())
    if presence.inss is not None:
        _add(held, "INSS", presence.inss)
    if presence.company_id is not None:
        _add(held, "CompanyID", str(presence.company_id))
    if presence.limosa_id is not None:
        _add(held, "LimosaId", presence.limosa_id)
    _add(held, "WorkPlaceId", presence.workplace_id or "")
    if presence.reference is not None:
        _add(held, "ClientPresenceRegistrationReference", presence.reference)
    _fill(registration, entry, history)


def envelope(body: etree._Element, sign: Callable[[etree._Element], object]) -> bytes:
    """An answer in its envelope, which `sign` may sign."""
    root = etree.Element(f"{_S}Envelope", nsmap=_NAMESPACES)
    etree.SubElement(root, f"{_S}Body").append(body)
    sign(root)
    return etree.tostring(root, xml_declaration=True, encoding="utf-8")


def fault(turned_down: TurnedDown, ticket: str, sign: Callable[[etree._Element], object]) -> bytes:
    """A SystemError in its envelope, under a ticket's number, which `sign` may sign."""
    root = etree.Element(f"{_S}Envelope", nsmap={"soap": ENVELOPE, "f": FAULTS})
    element = etree.SubElement(etree.SubElement(root, f"{_S}Body"), f"{_S}Fault")
    etree.SubElement(element, "faultcode").text = f"soap:{turned_down.faultcode}"
    etree.SubElement(element, "faultstring").text = turned_down.message
    error = etree.SubElement(etree.SubElement(element, "detail"), f"{_F}SystemError", Id=ticket)
    etree.SubElement(error, f"{_F}Origin").text = "Badgeclock sandbox"
    etree.SubElement(error, f"{_F}Code").text = turned_down.code
    message = etree.SubElement(error, f"{_F}Message")
    message.text = turned_down.message
    message.set("{http://www.w3.org/XML/1998/namespace}lang", "en")
    if turned_down.retry is not None:
        etree.SubElement(error, f"{_F}Retry").text = "true" if turned_down.retry else "false"
    etree.SubElement(error, f"{_F}Contact").text = "the operator of this sandbox"
    etree.SubElement(error, f"{_F}Environment").text = "Simulation"
    sign(root)
    return etree.tostring(root, xml_declaration=True, encoding="utf-8")


def _fill(registration: etree._Element, entry: Registration, history: Sequence[Step]) -> None:
    _add(registration, "Sector", _CONSTRUCTION)
    if entry.presence.inss is not None:
        _add(registration, "INSS", entry.presence.inss)
    _add(registration, "PresenceRegistrationId", str(entry.number))
    _add(registration, "CreationDate", _local(entry.created_ms))
    _add(registration, "Channel", "WS")
    _fill_validation(etree.SubElement(registration, f"{_T}LastValidation"), entry.last)
    if history:
        steps = etree.SubElement(registration, f"{_T}ValidationHistory")
        for step in history:
            _fill_validation(etree.SubElement(steps, f"{_T}Validation"), step)
    sender = etree.SubElement(registration, f"{_T}Sender")
    _add(sender, "SenderId", "sandbox")
    _add(sender, "SenderUserType", "EMPLOYER")


def _fill_validation(element: etree._Element, step: Step) -> None:
    _add(element, "Status", SOAP_WORD[step.status])
    _add(element, "ValidationDate", _local(step.at_ms))
    if step.remarks:
        remarks = etree.SubElement(element, f"{_T}RemarkList")
        for remark in step.remarks:
            _add(remarks, "Remark", remark)


def _add_errors(parent: etree._Element, codes: Iterable[str]) -> None:
    errors = etree.SubElement(parent, f"{_T}ErrorList")
    for code in codes:
        error = etree.SubElement(errors, f"{_T}Error")
        _add(error, "ErrorCode", code)
        _add(error, "ErrorDescription", describe(code))


def _echo(parent: etree._Element, name: str, original: etree._Element) -> None:
    """A copy of the request, under another name."""
    echo = etree.SubElement(parent, f"{_T}{name}")
    echo.extend([copy.deepcopy(child) for child in original])


def _add(parent: etree._Element, name: str, content: str) -> None:
    etree.SubElement(parent, f"{_T}{name}").text = content


def _local(at_ms: int) -> str:
    """Unix milliseconds as the service prints times: Belgian, milliseconds, no zone."""
    moment = datetime.fromtimestamp(at_ms // 1000, UTC).replace(microsecond=at_ms % 1000 * 1000)
    return moment.astimezone(description.ZONE).replace(tzinfo=None).isoformat(timespec="milliseconds")


def _first_violation(schema: etree.XMLSchema) -> str:
    """The element and the rule it violates, without its value."""
    log: Any = schema.error_log  # the stubs leave it empty
    first = log[0]
    element = first.message.partition("}")[2].partition("'")[0]
    return f"{element or 'an element'} breaks the schema ({first.type_name})"
