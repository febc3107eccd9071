"""The four operations of PresenceRegistration, as the specification words them, over the store and the script.

Runs in one thread: a call is done, and committed, before the next begins.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

from lxml import etree

from badgeclock.authorities.base import Status
from badgeclock.authorities.onss import description
from badgeclock.authorities.onss.description import CANCEL, GET, REGISTER, SEARCH, TYPES
from badgeclock.sandbox import rules, wire
from badgeclock.sandbox.control import Fault, FaultKind, Script
from badgeclock.sandbox.store import SORT_COLUMNS, Call, Criteria, Store

_FETCH_DEFAULT: Final = 50
_T: Final = f"{{{TYPES}}}"


class Service:
    """The simulated authority. `clock` gives the time in UTC, before the script's offset."""

    def __init__(self, store: Store, script: Script, clock: Callable[[], datetime]) -> None:
        self.store = store
        self.script = script
        self._clock = clock
        self._schema = description.schema_of(description.WSDL)
        self._tickets = 0

    @classmethod
    def reopened(
        cls, path: Path, seed: int, latency_ms: int, validation_delay_ms: int, clock: Callable[[], datetime]
    ) -> Service:
        """A service over the store at `path` with the script kept there; the pace is the one given here.

        Raises StoreError.
        """
        store = Store(path, seed)
        pace = {"latency_ms": latency_ms, "validation_delay_ms": validation_delay_ms}
        return cls(store, Script.model_validate((store.load("script") or {}) | pace), clock)

    def now(self) -> datetime:
        """The service's time, in UTC."""
        return self._clock() + timedelta(seconds=self.script.clock_offset_s)

    def change(self, change: dict[str, object]) -> Script:
        """Replace parts of the script, for good. Raises pydantic.ValidationError."""
        self._keep(self.script.changed(change))
        return self.script

    def take_fault(self, operation: str | None) -> Fault | None:
        """The fault that the call of `operation` that is coming in has to meet; it is used up."""
        fault = self.script.next_fault(operation)
        if fault is not None:
            self._keep(self.script.without_fault(fault))
        return fault

    def note(self, operation: str | None, outcome: str) -> None:
        """Keep what became of a call."""
        self.store.note_call(Call(self._now_ms(), operation, outcome))

    def settle(self) -> None:
        """Do the content checks whose time has come."""
        self.store.settle(self._now_ms(), self.script.remarks_on, description.SAME_DECLARATION)

    def answer(self, content_type: str, soap_action: str | None, data: bytes, fault: Fault | None) -> bytes:
        """The envelope that answers a call, committed; a `fault` that spoils the work or its answer is heeded.

        Raises wire.TurnedDown.
        """
        request = wire.read_request(content_type, soap_action, data, self._schema)
        kind = None if fault is None else fault.kind
        body = {REGISTER: self._register, CANCEL: self._cancel, SEARCH: self._search, GET: self._get}[
            request.operation
        ](_first_half(request) if kind is FaultKind.CLOSE_HALF_COMMITTED else request)
        if kind is FaultKind.ANSWER_SWAPPED and len(body) > 1:
            body.insert(0, body[1])
        if kind is FaultKind.ANSWER_MISSING and len(body) > 0:
            body.remove(body[-1])
        return wire.envelope(body)

    def fault_envelope(self, turned_down: wire.TurnedDown) -> bytes:
        """The envelope of a SystemError, under the next ticket."""
        self._tickets += 1
        return wire.fault(turned_down, f"sandbox-{self._tickets}")

    def _register(self, request: wire.Request) -> etree._Element:
        today = self._today()
        asked = [(item, wire.presence(item, today)) for item in wire.items(request)]
        wrong = [
            list(dict.fromkeys(rules.register_errors(presence, today) + self.script.refusal_codes(presence)))[:10]
            for _, presence in asked
        ]
        taken = [presence for (_, presence), codes in zip(asked, wrong, strict=True) if not codes]
        now_ms = self._now_ms()
        registered = iter(self.store.register(taken, now_ms, now_ms + self.script.validation_delay_ms))
        body = wire.answer(REGISTER)
        for (item, _), codes in zip(asked, wrong, strict=True):
            if codes:
                wire.add_refused(body, item, codes)
            else:
                wire.add_registered(body, item, next(registered), ())
        return body

    def _cancel(self, request: wire.Request) -> etree._Element:
        self.settle()
        today = self._today()
        body = wire.answer(CANCEL)
        for item in wire.items(request):
            number = int(wire.text(item, "PresenceRegistrationId") or "")
            codes = rules.cancel_errors(
                number, wire.text(item, "CancellationReason") or "", self._held(number), self.store.issued(), today
            )
            if codes:
                wire.add_not_cancelled(body, item, codes)
                continue
            self.store.cancel(number, self._now_ms())
            entry = self.store.get(number)
            assert entry is not None  # it was there to be cancelled, and nothing is ever removed
            wire.add_cancelled(body, entry, ())
        return body

    def _search(self, request: wire.Request) -> etree._Element:
        self.settle()
        asked = request.element[0]
        offset, limit = _page(asked)
        order = SORT_COLUMNS[asked.findtext(f"{_T}SortingProperties/{_T}SortCriteria", "ID")]
        descending = asked.findtext(f"{_T}SortingProperties/{_T}SortDirection") == "DESCENDING"
        total, found = self.store.search(_criteria(asked), order.desc() if descending else order.asc(), offset, limit)
        body = wire.answer(SEARCH)
        listed = wire.add_list(
            wire.add_result(body, "SearchPresencesResponseType", "SearchPresencesRequest", asked), total
        )
        for entry in found:
            wire.add_held(listed, "PresenceRegistration", entry, ())
        return body

    def _get(self, request: wire.Request) -> etree._Element:
        self.settle()
        asked = request.element[0]
        number = int(wire.text(asked, "PresenceRegistrationId") or "")
        body = wire.answer(GET)
        result = wire.add_result(body, "GetPresenceRegistrationResponseType", "GetPresenceRegistrationRequest", asked)
        found = wire.add_element(result, "GetPresenceRegistrationType")
        entry = self.store.get(number)
        if entry is not None:
            wire.add_held(found, "PresenceRegistrationType", entry, self.store.history(number))
        return body

    def _held(self, number: int) -> rules.Held | None:
        entry = self.store.get(number)
        if entry is None:
            return None
        cancelled = entry.last.status is Status.CANCELLED
        return rules.Held(entry.day, cancelled, number not in self.script.not_ours)

    def _keep(self, script: Script) -> None:
        self.store.save("script", script.model_dump(mode="json"))
        self.script = script

    def _today(self) -> date:
        return self.now().astimezone(description.ZONE).date()

    def _now_ms(self) -> int:
        return int(self.now().timestamp() * 1000)


def utc_now() -> datetime:
    """The machine's time."""
    return datetime.now(UTC)


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
        raise wire.TurnedDown("SOA-03007", f"FirstRow is from 0, FetchSize from 1 to {description.FETCH_LIMIT}")
    return first_row, fetch_size


def _criteria(asked: etree._Element) -> Criteria:
    criteria = asked.find(f"{_T}SearchPresenceRegistrationCriteria")
    assert criteria is not None  # the schema holds
    periods = tuple(_period(period) for period in criteria.iterfind(f"{_T}RegistrationPeriodList/*"))
    company_id = wire.text(criteria, "CompanyID")
    created_from = wire.text(criteria, "CreationStartDate")
    created_to = wire.text(criteria, "CreationEndDate")
    return Criteria(
        periods=periods,
        inss=wire.text(criteria, "INSS"),
        company_id=None if company_id is None else int(company_id),
        workplace_id=wire.text(criteria, "WorkPlaceId"),
        statuses=tuple(
            description.STATUS_FROM_WIRE[status.text or ""] for status in criteria.iterfind(f"{_T}StatusList/*")
        ),
        remarks=tuple(remark.text or "" for remark in criteria.iterfind(f"{_T}RemarkList/*")),
        created_from_ms=None if created_from is None else wire.milliseconds(created_from),
        created_to_ms=None if created_to is None else wire.milliseconds(created_to),
    )


def _period(period: etree._Element) -> tuple[date, date]:
    first = wire.day(wire.text(period, "RegistrationPeriodStartDate") or "")
    last = wire.day(wire.text(period, "RegistrationPeriodEndDate") or "")
    if first is None or last is None or first > last:
        raise wire.TurnedDown("SOA-03007", "a period's first day is after its last, or beyond the calendar")
    return first, last
