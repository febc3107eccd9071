"""The sandbox's HTTP: the SOAP endpoint, the control endpoint, and what it has received, for people and for tests."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import Body, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, select_autoescape
from pydantic import ValidationError
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect

from badgeclock.sandbox import wire
from badgeclock.sandbox.connections import Connections
from badgeclock.sandbox.control import Fault, FaultKind, Script
from badgeclock.sandbox.service import Service
from badgeclock.sandbox.store import SORT_COLUMNS, Criteria, Registration

ENDPOINT_PATH: Final = "/PresenceRegistration/v1"
_PAGE_ROWS: Final = 50
_UNPROCESSED: Final = frozenset(
    {
        FaultKind.HTTP_500,
        FaultKind.HANG,
        FaultKind.CLOSE_BEFORE_READING,
        FaultKind.SYSTEM_ERROR,
        FaultKind.MAINTENANCE,
    }
)
_XML: Final = "text/xml; charset=utf-8"


def create_app(service: Service, connections: Connections, allowed_hosts: list[str]) -> FastAPI:
    """The application. `allowed_hosts` are the names it may be called by, against pages that rebind their own."""
    app = FastAPI(title="Badgeclock sandbox", docs_url=None, redoc_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=allowed_hosts)
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="service")
    page = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=select_autoescape()).get_template(
        "received.html"
    )

    async def work(function: Any, *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(thread, function, *arguments)

    @app.post(ENDPOINT_PATH, include_in_schema=False)
    async def soap(request: Request) -> Response:
        """The authority's endpoint."""
        operation = wire.operation_of(request.headers.get("soapaction"))
        fault: Fault | None = await work(service.take_fault, operation)
        kind = None if fault is None else fault.kind
        if kind is not None and kind in _UNPROCESSED:
            await work(service.note, operation, str(kind))
        if kind is FaultKind.CLOSE_BEFORE_READING:
            return await _broken_off(request, connections)
        try:
            data = await _read_body(request)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is left to read it
        answer = await work(_answer, service, request, operation, data, fault)
        await asyncio.sleep(service.script.latency_ms / 1000)
        if kind in (FaultKind.HANG, FaultKind.TIMEOUT_AFTER_COMMIT):
            return await _silence(request)
        if kind in (FaultKind.CLOSE_AFTER_COMMIT, FaultKind.CLOSE_HALF_COMMITTED):
            return await _broken_off(request, connections)
        assert isinstance(answer, Response)
        return answer

    @app.get("/control")
    async def read_control() -> dict[str, Any]:
        """What the sandbox was told to do."""
        return _masked_script(service.script)

    @app.post("/control")
    async def change_control(change: Annotated[dict[str, Any], Body()]) -> dict[str, Any]:
        """Tell the sandbox what to do; what is absent stays, a list replaces the one before."""
        try:
            return _masked_script(await work(service.change, change))
        except ValidationError as error:
            raise RequestValidationError(error.errors(include_input=False, include_context=False)) from None

    @app.get("/received")
    async def received(
        after: Annotated[int, Query(ge=0, le=2**62)] = 0, limit: Annotated[int, Query(ge=1, le=1000)] = 200
    ) -> dict[str, Any]:
        """Registrations above a reception number, by number, and the newest calls. Personal numbers are masked."""
        result: dict[str, Any] = await work(_received, service, after, limit)
        return result

    @app.get("/", response_class=HTMLResponse, include_in_schema=False)
    async def show() -> str:
        """The same for a person, newest first."""
        return page.render(**await work(_newest, service))

    return app


def _answer(service: Service, request: Request, operation: str | None, data: bytes, fault: Fault | None) -> Response:
    """What the call deserves, done and noted; runs in the service's thread."""
    kind = None if fault is None else fault.kind
    if fault is not None and kind in _UNPROCESSED:
        return _unprocessed(service, fault)
    content_type = request.headers.get("content-type", "")
    try:
        content = service.answer(content_type, request.headers.get("soapaction"), data, fault)
    except wire.TurnedDown as turned_down:
        service.note(operation, f"{turned_down.code}: {turned_down.message}")
        return Response(service.fault_envelope(turned_down), 500, media_type=_XML)
    service.note(operation, "answered" if kind is None else f"processed, then {kind}")
    if kind is FaultKind.HTTP_500_AFTER_COMMIT:
        return Response("Internal Server Error", 500, media_type="text/plain")
    if kind is FaultKind.ANSWER_NOT_XML:
        return Response("<html><p>Welcome to the proxy", 200, media_type=_XML)
    return Response(content, 200, media_type=_XML)


def _unprocessed(service: Service, fault: Fault) -> Response:
    if fault.kind is FaultKind.SYSTEM_ERROR:
        said = wire.TurnedDown(fault.code, "told to by the sandbox's script", faultcode="Server", retry=fault.retry)
        return Response(service.fault_envelope(said), 500, media_type=_XML)
    if fault.kind is FaultKind.MAINTENANCE:
        wait = {"Retry-After": str(fault.retry_after_s)}
        return Response("<h1>Maintenance</h1>", 503, headers=wait, media_type="text/html")
    return Response("Internal Server Error", 500, media_type="text/plain")


async def _read_body(request: Request) -> bytes:
    """The body, or as much of it as shows that it is too large."""
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > wire.REQUEST_LIMIT_BYTES:
            break
    return bytes(data)


async def _silence(request: Request) -> Response:
    """Waits until the client goes."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    return Response(status_code=500)  # nobody is left to read it


async def _broken_off(request: Request, connections: Connections) -> Response:
    assert request.client is not None  # uvicorn over TCP always says who called
    connections.break_off((request.client.host, request.client.port))
    return await _silence(request)


def _received(service: Service, after: int, limit: int) -> dict[str, Any]:
    service.settle()
    total, entries = service.store.search(Criteria(after=after), SORT_COLUMNS["ID"].asc(), 0, limit)
    return {
        "total": total,
        "registrations": [_masked(entry) for entry in entries],
        "calls": [
            {"at": _iso(call.at_ms), "operation": call.operation, "outcome": call.outcome}
            for call in service.store.newest_calls(limit)
        ],
    }


def _newest(service: Service) -> dict[str, Any]:
    service.settle()
    total, entries = service.store.search(Criteria(), SORT_COLUMNS["ID"].desc(), 0, _PAGE_ROWS)
    calls = service.store.newest_calls(_PAGE_ROWS)
    return {
        "total": total,
        "registrations": [_masked(entry) for entry in entries],
        "calls": [{"at": _iso(call.at_ms), "operation": call.operation, "outcome": call.outcome} for call in calls],
        "script": _masked_script(service.script),
    }


def _masked(entry: Registration) -> dict[str, Any]:
    return {
        "reception_number": entry.number,
        "reference": entry.reference,
        "date": entry.day.isoformat(),
        "inss": _mask(entry.inss),
        "company_id": None if entry.company_id is None else f"{entry.company_id:010d}",
        "limosa_id": _mask(entry.limosa_id),
        "workplace_id": entry.workplace_id,
        "created": _iso(entry.created_ms),
        "status": str(entry.last.status),
        "remarks": list(entry.last.remarks),
    }


def _masked_script(script: Script) -> dict[str, Any]:
    told = script.model_dump(mode="json")
    for entry in (*told["refuse"], *told["remark"]):
        for name in ("inss", "limosa_id"):
            entry[name] = _mask(entry[name])
    return told


def _mask(number: str | None) -> str | None:
    """A personal number with only its last two characters left."""
    return None if number is None else "*" * max(len(number) - 2, 0) + number[-2:]


def _iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
