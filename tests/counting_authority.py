"""An authority that counts: it commits before, after, in the middle of or without any answer that a client can meet.

It speaks both services over HTTP, SOAP and REST, keeps accepted items in memory, and is its own implementation of both:
it shares only the signature with the product's client or sandbox. What a call of `register` is to meet is a `Plan`:
which answer, and what is committed when. Searches may show new entries late, and compare times as texts without a zone,
as a service does that keeps Belgian wall time. Its clock is a `Time`, which runs faster than the machine's.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from lxml import etree

from badgeclock.authorities import ws_security
from badgeclock.authorities.credentials import Credentials
from tests.presences import FAULTS, MESSAGES, SOAP, TYPES, in_envelope

SPEED: Final = 100
"""Seconds of a `Time` in one of the machine's."""
TICK_S: Final = 0.005
REFUSES: Final = frozenset({"SOA-01001", "SOA-01002", "SOA-03006"})
"""Faults that are the service's own word that nothing was registered."""
_BRUSSELS: Final = ZoneInfo("Europe/Brussels")
_T: Final = f"{{{TYPES}}}"
_WHOLE: Final = "whole"


class Time:
    """Milliseconds UTC that run `SPEED` times as fast as the machine's, while `running`."""

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms
        self.sending: set[str] = set()
        """A clock that stops while a first call is in progress, so that a busy machine adds no time."""

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Start it."""
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            task.cancel()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            if not self.sending:
                self.now_ms += int(TICK_S * 1000 * SPEED)

    async def sleep(self, seconds: float) -> None:
        """Wait until so much of this time has passed."""
        until = self.now_ms + seconds * 1000
        while self.now_ms < until:  # noqa: ASYNC110 - it is stopped while it is not `running`
            await asyncio.sleep((until - self.now_ms) / 1000 / SPEED)


class Answer(NamedTuple):
    """The answer to a call. `body`: whole, half, part (of a REST list), html, empty, or a fault's code; `how`: answer,
    cut (the connection is broken after the request was read), hang (nothing until the client goes).
    """

    name: str
    status: int = 200
    body: str = _WHOLE
    headers: tuple[str, ...] = ()
    how: str = "answer"
    retry: bool | None = None
    signed: bool = True

    @property
    def commits(self) -> bool:
        """Whether the authority may have committed, by its own documents."""
        return self.body not in REFUSES

    @property
    def tells_all(self) -> bool:
        """Whether it has a result for each item, so that it must have been committed."""
        return self.how == "answer" and self.body == _WHOLE


_WITHOUT_BODY: Final = (204, 205, 304)
_STATUSES: Final = (
    *(200, 201, 202, 203, 204, 205, 206, 207, 208, 226),
    *(300, 301, 302, 303, 304, 305, 307, 308),
    *(400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 418),
    *(421, 422, 423, 424, 425, 426, 428, 429, 431, 451),
    *(500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511, 520, 599),
)
ANSWERS: Final = (
    *(Answer(f"{status}", status, "empty" if status in _WITHOUT_BODY else "html") for status in _STATUSES),
    Answer("429, Retry-After of a day", 429, "empty", ("Retry-After: 86400",)),
    Answer("503, Retry-After", 503, "html", ("Retry-After: 30",)),
    Answer("206, half an answer", 206, "half"),
    Answer("200, half an answer", 200, "half"),
    *(
        Answer(f"fault {code}, Retry {retry}", 500, code, retry=retry)
        for code in ("SOA-00001", "SOA-02001", "SOA-02002", "SOA-09999")
        for retry in (True, False, None)
    ),
    Answer("a BusinessError", 500, "BUS-1"),
    Answer("a bare Client fault", 500, "Client"),
    Answer("a bare Server fault", 500, "Server"),
    *(Answer(f"fault {code}", 500, code, retry=False) for code in sorted(REFUSES)),
    Answer("cut after the request was read", how="cut"),
    Answer("silence", how="hang"),
    *(Answer(f"{status}, whole answer", status) for status in (200, 201, 202, 409, 500, 503)),
)
"""Statuses and faults that a client can meet."""

NOTHING, BEFORE, HALF = "nothing", "before the answer", "half of it before the answer"


@dataclass(frozen=True)
class Plan:
    """The plan of a call: its answer, what is committed, and how many seconds after it was read."""

    answer: Answer
    commits: str = BEFORE
    after_s: float = 0.0


@dataclass
class Entry:
    """One registration. `says` is what its item says of who, where and when."""

    number: int
    reference: str | None
    says: dict[str, Any]
    created_ms: int
    visible_ms: int

    @property
    def created(self) -> str:
        """As the service writes times: Belgian, without a zone."""
        moment = datetime.fromtimestamp(self.created_ms / 1000, UTC).astimezone(_BRUSSELS)
        return moment.replace(tzinfo=None).isoformat(timespec="milliseconds")


@dataclass
class CountingAuthority:
    """Listens on 127.0.0.1 while `listening`.

    plan          gets the references (over REST, who, which way and when) of a call of `register`; None: its duty
    search        gives what a search meets; None: its duty
    visible_s     how long after it was created an entry is found
    keys          whose signature answers bear
    """

    time: Time
    plan: Callable[[list[str]], Plan | None] = lambda _: None
    search: Callable[[], Answer | None] = lambda: None
    visible_s: float = 0.0
    keys: Credentials | None = None
    tls: ssl.SSLContext | None = None
    port: int = 0
    books: list[Entry] = field(default_factory=list)
    calls: list[tuple[str, list[str], int]] = field(default_factory=list)
    numbers: Any = field(default_factory=lambda: itertools.count(100_000_000_001))

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """Serve; gives host and port. The same port when it listens again."""
        tasks: set[asyncio.Task[None]] = set()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks.add(task)
            try:
                with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                    await self._serve(reader, writer)
            finally:
                tasks.discard(task)
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", self.port, ssl=self.tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield f"127.0.0.1:{self.port}"
        finally:
            server.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def arrived(self) -> None:
        """Wait until whatever was on its way has been carried out."""
        await asyncio.gather(*self._late)

    def __post_init__(self) -> None:
        self._late: set[asyncio.Task[None]] = set()

    def registered(self) -> Counter[str]:
        """How often each reference was registered."""
        return Counter(str(entry.reference) for entry in self.books)

    # --- the wire ---

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next((int(line[15:]) for line in head.split("\r\n") if line.lower().startswith("content-length:")), 0)
        content = await reader.readexactly(length)
        path = head.split(" ", 2)[1]
        if path.endswith("/token"):
            await self._send(
                writer, 200, json.dumps({"access_token": "t", "token_type": "Bearer", "expires_in": "600"})
            )
            return
        wire: _Soap | _Rest = _Rest(self, path, content) if "presenceRegistrations" in path else _Soap(self, content)
        plan = None
        self.time.sending -= set(wire.references)
        if wire.operation == "register":
            plan = self.plan(wire.references)
        elif wire.operation == "search" and (answer := self.search()) is not None:
            plan = Plan(answer)
        self.calls.append((wire.operation, wire.references, self.time.now_ms))
        plan = plan or Plan(Answer("its duty"))
        count = {NOTHING: 0, HALF: (len(wire.items) + 1) // 2, BEFORE: len(wire.items)}[plan.commits]
        if wire.operation != "register":
            count = 0
        if plan.after_s:
            late = asyncio.create_task(self._commit_late(wire, count, plan.after_s))
            self._late.add(late)
            late.add_done_callback(self._late.discard)
        taken = [] if plan.after_s else self._commit(wire, count)
        answer = plan.answer
        if answer.how == "cut":
            writer.transport.abort()
        elif answer.how == "hang":
            await reader.read()
        else:
            text = wire.fault(answer) if answer.body not in _BODIES else _BODIES[answer.body](wire, taken)
            await self._send(writer, answer.status, self._signed(text) if answer.signed else text, answer.headers)

    async def _commit_late(self, wire: _Soap | _Rest, count: int, after_s: float) -> None:
        await self.time.sleep(after_s)
        self._commit(wire, count)

    def _commit(self, wire: _Soap | _Rest, count: int) -> list[Entry]:
        now_ms = self.time.now_ms
        made = [
            Entry(
                next(self.numbers),
                wire.reference_of(item),
                wire.says(item),
                now_ms,
                now_ms + int(self.visible_s * 1000),
            )
            for item in wire.items[:count]
        ]
        self.books += made
        return made

    def _signed(self, text: str) -> str:
        if self.keys is None or not text.startswith("<s:Envelope"):
            return text
        envelope = etree.fromstring(text)
        ws_security.sign(envelope, self.keys, datetime.now(UTC))
        return etree.tostring(envelope).decode()

    async def _send(self, writer: asyncio.StreamWriter, status: int, text: str, headers: Iterable[str] = ()) -> None:
        content = text.encode()
        kind = "application/json" if text.startswith("{") else "text/xml"
        length = [] if status in _WITHOUT_BODY else [f"Content-Length: {len(content)}"]
        lines = [f"HTTP/1.1 {status} X", f"Content-Type: {kind}", "Connection: close", *length, *headers]
        writer.write("\r\n".join([*lines, "", ""]).encode() + content)
        await writer.drain()

    def visible(self) -> list[Entry]:
        """The registrations that a search may show by now."""
        return [entry for entry in self.books if entry.visible_ms <= self.time.now_ms]


class _Soap:
    """One call of the SOAP service."""

    def __init__(self, authority: CountingAuthority, content: bytes) -> None:
        self._authority = authority
        self._asked = etree.fromstring(content).find(f"{{{SOAP}}}Body")[0]  # type: ignore[index]
        name = etree.QName(self._asked).localname
        self.operation = {"RegisterPresencesRequest": "register", "SearchPresencesRequest": "search"}.get(name, "get")
        self.items = list(self._asked) if self.operation == "register" else []
        self.references = [str(self.reference_of(item)) for item in self.items]

    def reference_of(self, item: etree._Element) -> str | None:
        return item.findtext(f"{_T}ClientPresenceRegistrationReference")

    def says(self, item: etree._Element) -> dict[str, Any]:
        return {etree.QName(child).localname: child.text for child in item}

    def whole(self, taken: list[Entry]) -> str:
        if self.operation == "register":
            inside = "".join(
                f"<m:PresenceRegistrationResponse>{_entry(entry, 'Submitted')}</m:PresenceRegistrationResponse>"
                for entry in taken
            )
            return _envelope("RegisterPresencesResponse", inside)
        if self.operation == "search":
            found = [entry for entry in self._authority.visible() if self._meets(entry)]
            asked = _inner(self._asked[0])
            listed = "".join(_entry(entry, "ConsultSubmitted") for entry in found)
            return _envelope(
                "SearchPresencesResponse",
                f'<m:SearchPresencesResponseType xmlns="{TYPES}">'
                f"<SearchPresencesRequest>{asked}</SearchPresencesRequest>"
                f"<PresenceRegistrationList><PresenceRegistrationResultCount>{len(found)}"
                f"</PresenceRegistrationResultCount>{listed}</PresenceRegistrationList></m:SearchPresencesResponseType>",
            )
        number = self._asked.findtext(f".//{_T}PresenceRegistrationId")
        found = [entry for entry in self._authority.books if str(entry.number) == number]
        held = "".join(_entry(entry, "ConsultSubmitted", "PresenceRegistrationType") for entry in found)
        return _envelope(
            "GetPresenceRegistrationResponse",
            f'<m:GetPresenceRegistrationResponseType><GetPresenceRegistrationRequest xmlns="{TYPES}">'
            f"{_inner(self._asked[0])}</GetPresenceRegistrationRequest>"
            f'<GetPresenceRegistrationType xmlns="{TYPES}">{held}</GetPresenceRegistrationType>'
            "</m:GetPresenceRegistrationResponseType>",
        )

    def _meets(self, entry: Entry) -> bool:
        criteria = self._asked.find(f".//{_T}SearchPresenceRegistrationCriteria")
        assert criteria is not None
        same = all(
            criteria.findtext(f"{_T}{name}") in (None, entry.says.get(name))
            for name in ("INSS", "CompanyID", "WorkPlaceId")
        )
        days = [
            (period.findtext(f"{_T}RegistrationPeriodStartDate"), period.findtext(f"{_T}RegistrationPeriodEndDate"))
            for period in criteria.iterfind(f"{_T}RegistrationPeriodList/*")
        ]
        day = entry.says["RegistrationDate"]
        first, last = criteria.findtext(f"{_T}CreationStartDate"), criteria.findtext(f"{_T}CreationEndDate")
        # As texts, like a service that stores Belgian wall time.
        created = (first is None or first <= entry.created) and (last is None or entry.created <= last)
        return same and created and any(str(start) <= day <= str(end) for start, end in days)

    def fault(self, answer: Answer) -> str:
        code = answer.body
        if code in ("Client", "Server"):
            detail = ""
        else:
            kind = "BusinessError" if code.startswith("BUS") else "SystemError"
            retry = "" if answer.retry is None else f"<f:Retry>{str(answer.retry).lower()}</f:Retry>"
            detail = (
                f'<detail><f:{kind} xmlns:f="{FAULTS}"><f:Origin>x</f:Origin><f:Code>{code}</f:Code>'
                f"<f:Message>no</f:Message>{retry}</f:{kind}></detail>"
            )
        faultcode = code if code in ("Client", "Server") else "Server"
        return in_envelope(
            f"<s:Fault><faultcode>s:{faultcode}</faultcode><faultstring>no</faultstring>{detail}</s:Fault>"
        ).decode()


class _Rest:
    """One call of the REST service, which keeps no references: an item is who, which way and when."""

    def __init__(self, authority: CountingAuthority, path: str, content: bytes) -> None:
        self._authority = authority
        self._asked: dict[str, Any] = json.loads(content) if content else {}
        self._number = int(path.rsplit("/", 1)[1]) if path.rsplit("/", 1)[1].isdigit() else 0
        self.operation = "register" if path.endswith("registerInBulk") else "get" if self._number else "search"
        self.items: list[Any] = self._asked["items"] if self.operation == "register" else []
        self.references = [str(self.reference_of(item)) for item in self.items]

    def reference_of(self, item: dict[str, Any]) -> str | None:
        return f"{item['ssin']} {item['type']} {item['registrationDate']}"

    def says(self, item: dict[str, Any]) -> dict[str, Any]:
        return item

    def whole(self, taken: list[Entry]) -> str:
        if self.operation == "register":
            by_reference = {entry.reference: entry for entry in taken}
            return json.dumps({"items": [_created(by_reference.get(one)) for one in self.references]})
        if self.operation == "search":
            found = [_held(entry) for entry in self._authority.visible() if self._meets(entry)]
            return json.dumps({"total": len(found), "items": found})
        found = [_held(entry) for entry in self._authority.books if entry.number == self._number]
        return json.dumps(found[0] if found else {})

    def _meets(self, entry: Entry) -> bool:
        criteria = self._asked["criteria"]
        item = entry.says
        day = datetime.fromisoformat(item["registrationDate"]).astimezone(_BRUSSELS).date().isoformat()
        created = datetime.fromtimestamp(entry.created_ms / 1000, UTC)
        since = criteria.get("createdFrom")
        return (
            any(period["from"] <= day <= period["until"] for period in criteria["periods"])
            and criteria.get("ssin") in (None, item["ssin"])
            and criteria.get("enterpriseNumber") in (None, item["employer"]["enterpriseNumber"])
            and criteria.get("contractualRelationshipReference") in (None, item["contractualRelationshipReference"])
            and (since is None or datetime.fromisoformat(since) <= created)
        )

    def fault(self, answer: Answer) -> str:
        return json.dumps({"type": "about:blank", "title": answer.body})


def _created(entry: Entry | None) -> dict[str, Any]:
    """An item's place in the list; of one that was not worked on it says nothing clear."""
    if entry is None:
        return {"status": 500}
    return {"createdPresenceRegistration": {"id": entry.number, "validity": "pending", "remarks": []}}


def _held(entry: Entry) -> dict[str, Any]:
    created = datetime.fromtimestamp(entry.created_ms / 1000, UTC).isoformat(timespec="milliseconds")
    return {**entry.says, "id": entry.number, "creationDate": created, "validity": "valid", "remarks": []}


def _entry(entry: Entry, echo: str, name: str = "PresenceRegistration") -> str:
    said = "".join(f"<{key}>{value}</{key}>" for key, value in entry.says.items())
    status = "SUCCESSFULLY REGISTERED" if echo == "Submitted" else "VALIDATED"
    return (
        f'<{name} xmlns="{TYPES}"><PresenceRegistration{echo}>{said}</PresenceRegistration{echo}>'
        f"<PresenceRegistrationId>{entry.number}</PresenceRegistrationId>"
        f"<CreationDate>{entry.created}</CreationDate><Channel>WS</Channel>"
        f"<LastValidation><Status>{status}</Status></LastValidation></{name}>"
    )


def _inner(element: etree._Element) -> str:
    return "".join(etree.tostring(child, encoding="unicode") for child in element)


def _envelope(name: str, inside: str) -> str:
    return in_envelope(f'<m:{name} xmlns:m="{MESSAGES}">{inside}</m:{name}>').decode()


_BODIES: Final[dict[str, Callable[[Any, list[Entry]], str]]] = {
    _WHOLE: lambda wire, taken: wire.whole(taken),
    "part": lambda wire, taken: wire.whole(taken),
    "half": lambda wire, taken: wire.whole(taken)[: len(wire.whole(taken)) // 2],
    "html": lambda wire, taken: "<html><body>Welcome to the proxy</body></html>",  # noqa: ARG005 - as the others
    "empty": lambda wire, taken: "",  # noqa: ARG005 - as the others
}
