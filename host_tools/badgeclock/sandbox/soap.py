"""The four operations of PresenceRegistration over SOAP, by the specification.

Runs in the service's thread.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from fastapi import Response
from lxml import etree

from badgeclock.onss import description
from badgeclock.onss.description import CANCEL, GET, REGISTER, SEARCH, TYPES
from badgeclock.sandbox import wire, ws_security
from badgeclock.sandbox.admission import REQUEST_LIMIT_BYTES
from badgeclock.sandbox.control import Fault, FaultKind
from badgeclock.sandbox.errors import TurnedDown
from badgeclock.sandbox.rules import Wire
from badgeclock.sandbox.service import Service
from badgeclock.sandbox.statuses import OF_SOAP_WORD
from badgeclock.sandbox.store import SORT_COLUMNS, Criteria

_FETCH_DEFAULT: Final = 50
_T: Final = f"{{{TYPES}}}"
_XML: Final = "text/xml; charset=utf-8"
# The script's answers for calls that are not processed.
_FAULT_CODES: Final = {FaultKind.NOT_AUTHENTICATED: "SOA-01001", FaultKind.NOT_AUTHORISED: "SOA-01002"}
_TURNED_AWAY: Final = {FaultKind.MAINTENANCE: 503, FaultKind.RATE_LIMITED: 429}


class Soap:
    """The SOAP interface of a service."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._schema = description.schema_of(description.WSDL)
        self._tickets = 0
        self._seen = ws_security.Seen()

    def respond(
        self, content_type: str, soap_action: str | None, data: bytes, fault: Fault | None
    ) -> tuple[Response, str]:
        """The answer to a call, committed, and its result; applies a `fault` of work or answer."""
        try:
            return Response(self._answer(content_type, soap_action, data, fault), media_type=_XML), "answered"
        except TurnedDown as turned_down:
            return self._fault(turned_down, self._sign), f"{turned_down.code}: {turned_down.message}"

    def unprocessed(self, fault: Fault) -> Response:
        """The service's answer that it did nothing, as the script sets it."""
        if fault.kind in (FaultKind.SYSTEM_ERROR, FaultKind.SYSTEM_ERROR_UNSIGNED) or fault.kind in _FAULT_CODES:
            code = _FAULT_CODES.get(fault.kind, fault.code)
            retry = False if fault.kind in _FAULT_CODES else fault.retry
            refusal = TurnedDown(code, "as the sandbox's script asks", faultcode="Server", retry=retry)
            signed = fault.kind is not FaultKind.SYSTEM_ERROR_UNSIGNED
            return self._fault(refusal, self._sign if signed else lambda _: None)
        if fault.kind in _TURNED_AWAY:
            wait = {"Retry-After": str(fault.retry_after_s)}
            return Response("<h1>Not now</h1>", _TURNED_AWAY[fault.kind], headers=wait, media_type="text/html")
        return Response("Internal Server Error", 500, media_type="text/plain")

    def _answer(self, content_type: str, soap_action: str | None, data: bytes, fault: Fault | None) -> bytes:
        request = wire.read_request(
            content_type, soap_action, data, self._schema, self._authenticate, REQUEST_LIMIT_BYTES
        )
        kind = None if fault is None else fault.kind
        body = {REGISTER: self._register, CANCEL: self._cancel, SEARCH: self._search, GET: self._get}[
            request.operation
        ](_first_half(request) if kind is FaultKind.CLOSE_HALF_COMMITTED else request)
        if kind is FaultKind.ANSWER_SWAPPED and len(body) > 1:
            body.insert(0, body[1])
        if kind is FaultKind.ANSWER_MISSING and len(body) > 0:
            body.remove(body[-1])
        return wire.envelope(body, self._sign)

    def _authenticate(self, envelope: etree._Element) -> None:
        """Raises NotAuthenticated if certificates are required and the signature is missing, invalid or repeated."""
        if self._service.keys is not None:
            ws_security.check(envelope, self._service.clock(), self._trusted, self._seen)

    def _trusted(self, shown: x509.Certificate) -> list[x509.Certificate]:
        """The message's certificate, if it is valid now and our authority signed it."""
        assert self._service.keys is not None
        now = self._service.clock()
        if not shown.not_valid_before_utc <= now <= shown.not_valid_after_utc:
            return []
        try:
            shown.verify_directly_issued_by(self._service.keys.authority)
        except (ValueError, TypeError, InvalidSignature):
            return []
        return [shown]

    def _sign(self, envelope: etree._Element) -> None:
        if self._service.keys is not None:
            ws_security.sign(envelope, self._service.keys.service, self._service.clock())

    def _fault(self, turned_down: TurnedDown, sign: Callable[[etree._Element], object]) -> Response:
        """A SystemError under the next ticket, signed as answers are unless the script has it otherwise."""
        self._tickets += 1
        return Response(wire.fault(turned_down, f"sandbox-{self._tickets}", sign), 500, media_type=_XML)

    def _register(self, request: wire.Request) -> etree._Element:
        today = self._service.today()
        items = wire.items(request)
        body = wire.answer(REGISTER)
        outcomes = self._service.register([wire.presence(item, today) for item in items])
        for item, outcome in zip(items, outcomes, strict=True):
            if isinstance(outcome, list):
                wire.add_refused(body, item, outcome)
            else:
                wire.add_registered(body, item, outcome, ())
        return body

    def _cancel(self, request: wire.Request) -> etree._Element:
        body = wire.answer(CANCEL)
        for item in wire.items(request):
            number = int(wire.text(item, "PresenceRegistrationId") or "")
            outcome = self._service.cancel(number, wire.text(item, "CancellationReason") or "", Wire.SOAP)
            if isinstance(outcome, list):
                wire.add_not_cancelled(body, item, outcome)
            else:
                wire.add_cancelled(body, outcome, ())
        return body

    def _search(self, request: wire.Request) -> etree._Element:
        self._service.settle()
        asked = request.element[0]
        offset, limit = _page(asked)
        order = SORT_COLUMNS[asked.findtext(f"{_T}SortingProperties/{_T}SortCriteria", "ID")]
        descending = asked.findtext(f"{_T}SortingProperties/{_T}SortDirection") == "DESCENDING"
        total, found = self._service.store.search(
            _criteria(asked), order.desc() if descending else order.asc(), offset, limit
        )
        body = wire.answer(SEARCH)
        listed = wire.add_list(
            wire.add_result(body, "SearchPresencesResponseType", "SearchPresencesRequest", asked), total
        )
        for entry in found:
            wire.add_held(listed, "PresenceRegistration", entry, ())
        return body

    def _get(self, request: wire.Request) -> etree._Element:
        self._service.settle()
        asked = request.element[0]
        number = int(wire.text(asked, "PresenceRegistrationId") or "")
        body = wire.answer(GET)
        result = wire.add_result(body, "GetPresenceRegistrationResponseType", "GetPresenceRegistrationRequest", asked)
        found = wire.add_element(result, "GetPresenceRegistrationType")
        entry = self._service.get(number, Wire.SOAP)
        if entry is not None:
            wire.add_held(found, "PresenceRegistrationType", entry, self._service.store.history(number))
        return body


def _first_half(request: wire.Request) -> wire.Request:
    """The request without the later half of its items, when it is a list of them."""
    if request.operation in (REGISTER, CANCEL):
        for item in wire.items(request)[(len(request.element) + 1) // 2 :]:
            request.element.remove(item)
    return request


def _page(asked: etree._Element) -> tuple[int, int]:
    pagination = asked.find(f"{_T}PaginationProperties")
    if pagination is None:
        return 0, _FETCH_DEFAULT
    first_row = int(wire.text(pagination, "FirstRow") or "")
    fetch_size = int(wire.text(pagination, "FetchSize") or "")
    if first_row < 0 or not 1 <= fetch_size <= description.FETCH_LIMIT:
        raise TurnedDown("SOA-03007", f"FirstRow is from 0, FetchSize from 1 to {description.FETCH_LIMIT}")
    return first_row, fetch_size


def _criteria(asked: etree._Element) -> Criteria:
    criteria = asked.find(f"{_T}SearchPresenceRegistrationCriteria")
    assert criteria is not None  # the schema holds
    periods = tuple(_period(period) for period in criteria.iterfind(f"{_T}RegistrationPeriodList/*"))
    company_id = wire.text(criteria, "CompanyID")
    created_from = wire.text(criteria, "CreationStartDate")
    created_to = wire.text(criteria, "CreationEndDate")
    return Criteria(
        wire=Wire.SOAP,
        periods=periods,
        inss=wire.text(criteria, "INSS"),
        company_id=None if company_id is None else int(company_id),
        workplace_id=wire.text(criteria, "WorkPlaceId"),
        statuses=tuple(OF_SOAP_WORD[status.text or ""] for status in criteria.iterfind(f"{_T}StatusList/*")),
        remarks=tuple(remark.text or "" for remark in criteria.iterfind(f"{_T}RemarkList/*")),
        created_from_ms=None if created_from is None else wire.milliseconds(created_from),
        created_to_ms=None if created_to is None else wire.milliseconds(created_to),
    )


def _period(period: etree._Element) -> tuple[date, date]:
    first = wire.day(wire.text(period, "RegistrationPeriodStartDate") or "")
    last = wire.day(wire.text(period, "RegistrationPeriodEndDate") or "")
    if first is None or last is None or first > last:
        raise TurnedDown("SOA-03007", "a period's first day is after its last, or beyond the calendar")
    return first, last
