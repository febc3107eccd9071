"""The NSSO's SOAP service PresenceRegistration version 1, as an `Authority`: construction and meat, one presence per
day.

zeep reads the description and writes the envelopes, except that of a registration of hundreds (`onss.requests`), which
is the same and takes a tenth of the time; `ws_security` signs them with the bridge's certificate, `transport`
sends them. Answers are parsed defensively, their signature is verified if the service's certificate is known, then they
are checked against the schema (zeep checks no limits, and 4.3 cannot read a Limosa presence back) and against the
request (`onss.answers`); `failures` and `onss.faults` classify failures.

A message's content never reaches a log or an error text.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from cryptography import x509
from lxml import etree

from badgeclock.authorities import credentials, failures, forms, ws_security
from badgeclock.authorities.base import (
    Cancellation,
    CancelOutcome,
    Found,
    Item,
    Outcome,
    PresenceItem,
    Refused,
    SearchCriteria,
)
from badgeclock.authorities.credentials import Credentials
from badgeclock.authorities.errors import AnswerMalformed, Doubt, NotSoap, NotTrusted
from badgeclock.authorities.failures import Call
from badgeclock.authorities.onss import answers, faults, requests
from badgeclock.authorities.onss_soap_settings import AlgorithmSuite, Settings
from badgeclock.authorities.routes import Route
from badgeclock.authorities.soap import body_element, parse_envelope
from badgeclock.authorities.transport import ANSWER_LIMIT_BYTES, Answer, Transport, checked_url
from badgeclock.errors import SettingsError
from badgeclock.onss import description
from badgeclock.onss.description import CANCEL, GET, MESSAGES, REGISTER, SEARCH

SEARCH_LIMIT: Final = 100_000  # presences in one search; beyond it the criteria are too wide

_Read = TypeVar("_Read")
_HTTP_OK: Final = 200

# operation: its class for judging failures
_CALLS: Final = {name: Call(name, changes=name in (REGISTER, CANCEL)) for name in description.OPERATIONS}

_SAMPLE: Final = (
    PresenceItem(reference="1", date=date(2026, 1, 2), workplace_id="W", inss="12345678901", company_id="0123456789"),
    PresenceItem(reference="2", date=date(2026, 1, 2), workplace_id="W", limosa_id="L"),
)


def connect(settings: Settings) -> OnssSoap:
    """The client that the settings describe. Raises SettingsError."""
    own = None
    if settings.certificate is not None and settings.key is not None:
        own = credentials.load(settings.certificate, settings.key)
        if own.expired(datetime.now(UTC)):
            raise SettingsError(
                what=f"the certificate in {settings.certificate} is not valid now",
                kept="nothing was sent; what is queued waits",
                do="renew it, register it at the authority's portal, and put it in its place",
            )
    known = settings.service_certificate
    return OnssSoap(
        settings.endpoint,
        wsdl=settings.wsdl or description.WSDL,
        connect_timeout_s=settings.connect_timeout_s,
        timeout_s=settings.timeout_s,
        route=Route(settings.proxy, settings.ca),
        own=own,
        service=() if known is None else credentials.load_certificates(known),
        suite=settings.algorithm_suite,
    )


class OnssSoap:
    """A client for one endpoint, for one event loop. Use as `async with`, or call `close`.

    endpoint           URL of the service; plain http only to this machine itself
    wsdl               our own description, or the authority's file as downloaded, its schemas beside it
    connect_timeout_s  for the connection, TLS included
    timeout_s          for the whole call, the connection included
    route              through which proxy and by whose certificates; None: as the environment says
    own                the credentials that sign every message; None sends them unsigned
    service            certificates of which one must have signed every answer; none: signatures are not checked, and
                       only TLS proves an answer's origin
    suite              the algorithms of the signatures

    Raises SettingsError if the endpoint or the description cannot be used.
    """

    declares: Final = frozenset[type[Item]]({PresenceItem})
    batch_limit: Final = description.BATCH_LIMIT
    cancel_reasons: Final = description.CANCEL_REASONS

    def __init__(
        self,
        endpoint: str,
        *,
        wsdl: Path = description.WSDL,
        connect_timeout_s: float = 5.0,
        timeout_s: float = 30.0,
        route: Route | None = None,
        own: Credentials | None = None,
        service: Sequence[x509.Certificate] = (),
        suite: AlgorithmSuite = AlgorithmSuite.BASIC256_SHA256,
    ) -> None:
        self._endpoint = checked_url(endpoint)
        self._suite = suite
        self._policy = ws_security.answers_under(suite)
        self._own = own
        self._known = tuple(service)
        self._schema, self._zeep = _described(wsdl)
        self._service = self._zeep.create_service(_binding_name(self._zeep, wsdl), self._endpoint)
        self._own_form = self._registers_in_own_form()
        way = Route() if route is None else route
        way.proxy_of(self._endpoint)  # an unfit one is said now, not at the first call
        self._transport = Transport(
            connect_timeout_s=connect_timeout_s,
            timeout_s=timeout_s,
            tls=way.tls,
            proxy_of=way.proxy_of,
            accept="text/xml",
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of connections; calls under way fail."""
        await self._transport.close()

    async def register(self, items: Sequence[Item]) -> list[Outcome]:
        """registerPresences; see `Authority.register`."""
        forms.check_items(_CALLS[REGISTER], self.declares, self.batch_limit, items)
        presences = [item for item in items if isinstance(item, PresenceItem)]
        return await self._call(
            REGISTER, lambda: self._registration(presences), lambda body: answers.register_outcomes(body, presences)
        )

    async def cancel(self, items: Sequence[Cancellation]) -> list[CancelOutcome]:
        """cancelPresences; see `Authority.cancel`."""
        forms.check_cancellations(_CALLS[CANCEL], self.cancel_reasons, self.batch_limit, items)
        write = self._writer(CANCEL, requests.cancel_arguments(items))
        return await self._call(CANCEL, write, lambda body: answers.cancel_outcomes(body, items))

    async def search(self, criteria: SearchCriteria) -> list[Found]:
        """searchPresences, page by page; see `Authority.search`."""
        if wrong := requests.search_misfits(criteria):
            raise failures.misfit(_CALLS[SEARCH], f"wrong criteria: {', '.join(wrong)}")
        found: dict[int, Found] = {}
        first_row = 0
        while True:
            write = self._writer(SEARCH, requests.search_arguments(criteria, first_row, description.FETCH_LIMIT))
            page = await self._call(SEARCH, write, answers.search_page)
            if isinstance(page, Refused):
                reason = " / ".join(page.descriptions)
                raise faults.fault_error(
                    _CALLS[SEARCH], faults.Fault("BusinessError", page.codes[0], reason, None), None
                )
            if page.total > SEARCH_LIMIT:
                raise failures.too_wide(_CALLS[SEARCH], page.total, SEARCH_LIMIT)
            found |= {entry.reception_number: entry for entry in page.found}
            first_row += len(page.found)
            if first_row >= page.total:
                return [found[number] for number in sorted(found)]
            if not page.found:
                counted = f"it counts {page.total} presences and lists {first_row} of them"
                raise failures.malformed(_CALLS[SEARCH], counted)

    async def get(self, reception_number: int) -> Found | None:
        """getPresenceRegistration; see `Authority.get`."""
        forms.check_reception_number(_CALLS[GET], reception_number)
        write = self._writer(GET, requests.get_arguments(reception_number))
        return await self._call(GET, write, lambda body: answers.found_by_number(body, reception_number))

    async def _call(
        self, operation: str, write: Callable[[], etree._Element], read: Callable[[etree._Element], _Read]
    ) -> _Read:
        """One operation: write, send, read. Messages of 200 items take milliseconds to write and read: in a thread."""
        message = await asyncio.to_thread(self._message, operation, write)
        headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{description.soap_action(operation)}"'}
        answer = await self._transport.exchange(_CALLS[operation], "POST", self._endpoint, headers, message)
        return await asyncio.to_thread(self._read, operation, answer, read)

    def _registers_in_own_form(self) -> bool:
        """Whether the description in use has registerPresences as ours has it: each kind of item is the same."""
        try:
            by_zeep = self._writer(REGISTER, requests.register_arguments(_SAMPLE))()
        except Exception:  # noqa: BLE001 - zeep has no class for it; the first call says what the description lacks
            return False
        return etree.tostring(by_zeep) == etree.tostring(requests.register_envelope(_SAMPLE))

    def _writer(self, operation: str, arguments: dict[str, Any]) -> Callable[[], etree._Element]:
        """A function that writes an operation's envelope by the description in use."""

        def write() -> etree._Element:
            envelope: etree._Element = self._zeep.create_message(self._service, operation, **arguments)
            return envelope

        return write

    def _registration(self, presences: Sequence[PresenceItem]) -> etree._Element:
        """The envelope of registerPresences."""
        if self._own_form:
            return requests.register_envelope(presences)
        return self._writer(REGISTER, requests.register_arguments(presences))()

    def _message(self, operation: str, write: Callable[[], etree._Element]) -> bytes:
        envelope = write()
        if not self._schema.validate(body_element(envelope)):
            raise failures.misfit(_CALLS[operation], "the message does not follow the service's description in use")
        if self._own is not None:
            ws_security.sign(envelope, self._own, datetime.now(UTC), self._suite)
        written: bytes = etree.tostring(envelope, xml_declaration=True, encoding="utf-8")
        return written

    def _read(self, operation: str, answer: Answer, read: Callable[[etree._Element], _Read]) -> _Read:
        """What an answer says: its body first, whatever its HTTP status; the status only if the body is no answer."""
        call = _CALLS[operation]
        try:
            envelope = parse_envelope(answer.content, ANSWER_LIMIT_BYTES)
            body = body_element(envelope)
        except NotSoap as flaw:
            if answer.status != _HTTP_OK:
                raise failures.http_error(call, answer.status, answer.retry_after) from None
            raise failures.malformed(call, f"it is {flaw}") from None
        is_fault = faults.is_fault(body)
        if self._known:
            try:
                ws_security.verify(envelope, datetime.now(UTC), self._signers, self._policy)
            except NotTrusted as flaw:
                reason = f" (a fault, {faults.read_fault(body).code or 'without a code'})" if is_fault else ""
                raise failures.malformed(call, f"{flaw}{reason}", Doubt.UNPROVED) from None
        if is_fault:
            raise faults.fault_error(call, faults.read_fault(body), answer.retry_after, answer.apart)
        if body.tag != f"{{{MESSAGES}}}{description.OPERATIONS[operation][1]}" or not self._schema.validate(body):
            raise failures.malformed(call, "it does not follow the service's schema")
        try:
            return read(body)
        except AnswerMalformed as flaw:
            raise failures.malformed(call, str(flaw)) from None

    def _signers(self, shown: x509.Certificate | None) -> Sequence[x509.Certificate]:
        """The certificates to verify an answer with: its own, if that is known, else each known one."""
        return self._known if shown is None else [one for one in self._known if one == shown]


@cache
def _described(wsdl: Path) -> tuple[etree.XMLSchema, Any]:
    """The schema and zeep's reading of a WSDL file, which takes a third of a second: once per process."""
    import zeep  # noqa: PLC0415 - commands that only read the settings start faster without it

    schema = description.schema_of(wsdl)
    make: Any = zeep.Client  # zeep has no types
    client = make(str(wsdl), settings=zeep.Settings(forbid_dtd=True, forbid_external=True))
    client.set_ns_prefix("m", MESSAGES)
    client.set_ns_prefix("t", description.TYPES)
    return schema, client


def _binding_name(client: Any, wsdl: Path) -> str:
    for name, binding in client.wsdl.bindings.items():
        if set(description.OPERATIONS) <= set(binding.all()):
            return str(name)
    raise SettingsError(
        what=f"{wsdl} describes no service with the operations {', '.join(description.OPERATIONS)}",
        kept="nothing was sent",
        do="give the WSDL file of PresenceRegistration version 1",
    )
