"""The NSSO's SOAP service PresenceRegistration version 1, as an `Authority`.

zeep reads the description and writes the envelopes; httpx carries them, because every wait here has an end: one
deadline for the connection and one for the whole call, however slowly the bytes drip. Answers are parsed defensively,
held against the schema (zeep checks no limits, and 4.3 cannot read a Limosa presence back) and then against the request
(`onss.answers`); what a failure means is decided in `onss.faults`.

Nothing of a message's content reaches a log or an error text.
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import httpx
import zeep
from lxml import etree

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
from badgeclock.authorities.onss import answers, description, faults, requests
from badgeclock.authorities.onss.description import CANCEL, GET, MESSAGES, REGISTER, SEARCH
from badgeclock.authorities.soap import NotSoap, body_element, parse_envelope
from badgeclock.errors import SettingsError

ANSWER_LIMIT_BYTES: Final = 16 * 1024 * 1024  # 500 presences with their history are about 1 MB
SEARCH_LIMIT: Final = 100_000  # presences in one search; beyond it the criteria are too wide
# Below the 5 s after which common servers close an idle connection: a request that meets the closing is ambiguous.
KEEPALIVE_S: Final = 2.0

_Read = TypeVar("_Read")
_ZeepClient: Final[Any] = zeep.Client  # zeep has no types


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    retry_after: float | None
    content: bytes


class OnssSoap:
    """A client for one endpoint, for one event loop. Use as `async with`, or call `close`.

    endpoint           URL of the service; plain http only to this machine itself
    wsdl               our own description, or the authority's file as downloaded, its schemas beside it
    connect_timeout_s  for the connection, TLS included
    timeout_s          for the whole call, the connection included
    tls                the TLS context to use; None is httpx's own, with verification
    proxy              URL of an HTTP proxy; proxies named in the environment are not used

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
        tls: ssl.SSLContext | None = None,
        proxy: str | None = None,
    ) -> None:
        self._endpoint = _checked(endpoint)
        self._timeout_s = timeout_s
        self._schema = description.schema_of(wsdl)
        self._zeep = _ZeepClient(str(wsdl), settings=zeep.Settings(forbid_dtd=True, forbid_external=True))
        self._zeep.set_ns_prefix("m", MESSAGES)
        self._zeep.set_ns_prefix("t", description.TYPES)
        self._service = self._zeep.create_service(_binding_name(self._zeep, wsdl), self._endpoint)
        self._http = httpx.AsyncClient(
            verify=True if tls is None else tls,
            proxy=proxy,
            trust_env=False,
            timeout=httpx.Timeout(timeout_s, connect=min(connect_timeout_s, timeout_s)),
            limits=httpx.Limits(keepalive_expiry=KEEPALIVE_S),
            headers={"Accept": "text/xml", "Accept-Encoding": "identity"},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of connections; calls under way fail."""
        await self._http.aclose()

    async def register(self, items: Sequence[Item]) -> list[Outcome]:
        """registerPresences; see `Authority.register`."""
        self._check_count(REGISTER, items)
        presences = [item for item in items if isinstance(item, PresenceItem)]
        if strange := tuple(item.reference for item in items if not isinstance(item, PresenceItem)):
            raise faults.misfit(REGISTER, f"{len(strange)} items are no presences of a day", strange)
        wrong = {item.reference: fields for item in presences if (fields := requests.misfits(item))}
        if wrong:
            reference, fields = next(iter(wrong.items()))
            first = f"the first is {answers.plain(reference)}: {', '.join(fields)}"
            raise faults.misfit(REGISTER, f"the form of {len(wrong)} items is wrong; {first}", tuple(wrong))
        if twice := requests.repeated(presences):
            raise faults.misfit(REGISTER, f"{len(twice)} references stand on more than one item", twice)
        arguments = requests.register_arguments(presences)
        return await self._call(REGISTER, arguments, lambda body: answers.register_outcomes(body, presences))

    async def cancel(self, items: Sequence[Cancellation]) -> list[CancelOutcome]:
        """cancelPresences; see `Authority.cancel`."""
        self._check_count(CANCEL, items)
        if any(not _is_reception_number(item.reception_number) for item in items):
            raise faults.misfit(CANCEL, "a reception number is not of 1 to 15 digits above zero")
        if len({item.reception_number for item in items}) != len(items):
            raise faults.misfit(CANCEL, "a reception number stands on more than one item")
        if any(item.reason not in self.cancel_reasons for item in items):
            raise faults.misfit(CANCEL, f"a reason is none of {', '.join(self.cancel_reasons)}")
        arguments = requests.cancel_arguments(items)
        return await self._call(CANCEL, arguments, lambda body: answers.cancel_outcomes(body, items))

    async def search(self, criteria: SearchCriteria) -> list[Found]:
        """searchPresences, page by page; see `Authority.search`."""
        if wrong := requests.search_misfits(criteria):
            raise faults.misfit(SEARCH, f"wrong criteria: {', '.join(wrong)}")
        found: dict[int, Found] = {}
        first_row = 0
        while True:
            arguments = requests.search_arguments(criteria, first_row, description.FETCH_LIMIT)
            page = await self._call(SEARCH, arguments, answers.search_page)
            if isinstance(page, Refused):
                said = " / ".join(page.descriptions)
                raise faults.fault_error(SEARCH, faults.Fault("BusinessError", page.codes[0], said, None), None)
            if page.total > SEARCH_LIMIT:
                raise faults.too_wide(SEARCH, page.total, SEARCH_LIMIT)
            found |= {entry.reception_number: entry for entry in page.found}
            first_row += len(page.found)
            if first_row >= page.total:
                return [found[number] for number in sorted(found)]
            if not page.found:
                raise faults.malformed(SEARCH, f"it counts {page.total} presences and lists {first_row} of them")

    async def get(self, reception_number: int) -> Found | None:
        """getPresenceRegistration; see `Authority.get`."""
        if not _is_reception_number(reception_number):
            raise faults.misfit(GET, "the reception number is not of 1 to 15 digits above zero")
        arguments = requests.get_arguments(reception_number)
        return await self._call(GET, arguments, lambda body: answers.found_by_number(body, reception_number))

    def _check_count(self, operation: str, items: Sequence[object]) -> None:
        if not 1 <= len(items) <= self.batch_limit:
            raise faults.misfit(operation, f"{len(items)} items where 1 to {self.batch_limit} may be sent at once")

    async def _call(self, operation: str, arguments: dict[str, Any], read: Callable[[etree._Element], _Read]) -> _Read:
        """One operation: write, send, read. Messages of 200 items take milliseconds to write and read: in a thread."""
        message = await asyncio.to_thread(self._message, operation, arguments)
        answer = await self._exchange(operation, message)
        return await asyncio.to_thread(self._read, operation, answer, read)

    def _message(self, operation: str, arguments: dict[str, Any]) -> bytes:
        envelope = self._zeep.create_message(self._service, operation, **arguments)
        if not self._schema.validate(body_element(envelope)):
            raise faults.misfit(operation, "the message does not follow the service's description in use")
        written: bytes = etree.tostring(envelope, xml_declaration=True, encoding="utf-8")
        return written

    async def _exchange(self, operation: str, message: bytes) -> _Answer:
        sending = False

        async def watch(event: str, _: dict[str, Any]) -> None:
            nonlocal sending
            sending = sending or event.endswith(".send_request_headers.started")

        headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{description.soap_action(operation)}"'}
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._http.stream(
                    "POST", self._endpoint, content=message, headers=headers, extensions={"trace": watch}
                ) as response,
            ):
                content = bytearray()
                async for chunk in response.aiter_raw():
                    content += chunk
                    if len(content) > ANSWER_LIMIT_BYTES:
                        raise faults.malformed(operation, f"it is larger than {ANSWER_LIMIT_BYTES} bytes")
                wait_s = faults.seconds_to_wait(response.headers.get("Retry-After"), datetime.now(UTC))
                return _Answer(response.status_code, wait_s, bytes(content))
        except (TimeoutError, httpx.RequestError) as error:
            why = f"{type(error).__name__}, {answers.plain(str(error)) or f'no answer within {self._timeout_s:g} s'}"
            if sending:
                raise faults.lost(operation, f"{operation}: the answer was lost ({why})") from None
            raise faults.unsent(operation, f"no connection to the service ({why})") from None

    def _read(self, operation: str, answer: _Answer, read: Callable[[etree._Element], _Read]) -> _Read:
        try:
            body = body_element(parse_envelope(answer.content, ANSWER_LIMIT_BYTES))
        except NotSoap as flaw:
            if answer.status != httpx.codes.OK:
                raise faults.http_error(operation, answer.status, answer.retry_after) from None
            raise faults.malformed(operation, f"it is {flaw}") from None
        if faults.is_fault(body):
            raise faults.fault_error(operation, faults.read_fault(body), answer.retry_after)
        if answer.status != httpx.codes.OK:
            raise faults.http_error(operation, answer.status, answer.retry_after)
        if body.tag != f"{{{MESSAGES}}}{description.OPERATIONS[operation][1]}" or not self._schema.validate(body):
            raise faults.malformed(operation, "it does not follow the service's schema")
        try:
            return read(body)
        except answers.Malformed as flaw:
            raise faults.malformed(operation, str(flaw)) from None


def _checked(endpoint: str) -> str:
    try:
        url = httpx.URL(endpoint)
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme == "https" and url.host and not url.userinfo:
        return endpoint
    if url.scheme == "http" and _is_this_machine(url.host) and not url.userinfo:
        return endpoint
    raise SettingsError(
        what="the authority's endpoint is no https URL (plain http may only lead to this machine, for the sandbox)",
        kept="nothing was sent",
        do="correct the endpoint in the settings; a name and password do not belong in it",
    )


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _binding_name(client: Any, wsdl: Path) -> str:
    for name, binding in client.wsdl.bindings.items():
        if set(description.OPERATIONS) <= set(binding.all()):
            return str(name)
    raise SettingsError(
        what=f"{wsdl} describes no service with the operations {', '.join(description.OPERATIONS)}",
        kept="nothing was sent",
        do="give the WSDL file of PresenceRegistration version 1",
    )


def _is_reception_number(number: int) -> bool:
    return 1 <= number < description.RECEPTION_NUMBER_LIMIT
