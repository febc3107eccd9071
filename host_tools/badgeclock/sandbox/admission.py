"""The sandbox's admission for every call, SOAP or REST: which scripted fault applies, and how the call ends.

First the script's fault for the call is determined (`Service.meet`); one before any work ends the call. Then its
handler runs, and faults of the answer apply.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, ParamSpec, TypeVar

from fastapi import Request, Response
from starlette.requests import ClientDisconnect

from badgeclock.sandbox.connections import Connections
from badgeclock.sandbox.control import Fault, FaultKind
from badgeclock.sandbox.service import Service

REQUEST_LIMIT_BYTES: Final = 2 * 1024 * 1024  # 200 presences are about 100 KB

UNPROCESSED: Final = frozenset(
    {
        FaultKind.HTTP_500,
        FaultKind.HANG,
        FaultKind.CLOSE_BEFORE_READING,
        FaultKind.SYSTEM_ERROR,
        FaultKind.SYSTEM_ERROR_UNSIGNED,
        FaultKind.MAINTENANCE,
        FaultKind.NOT_AUTHENTICATED,
        FaultKind.NOT_AUTHORISED,
        FaultKind.RATE_LIMITED,
    }
)

Handler = Callable[[bytes, Fault | None], Awaitable[tuple[Response, str]]]
"""Gets the body and the fault of its work; returns the answer, and the call's result in a word."""
Voice = Callable[[Fault], Response]
"""A service's answer that it did nothing."""

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Admission:
    """The admission to one service, which runs calls one at a time in one thread."""

    def __init__(self, service: Service, connections: Connections) -> None:
        self.service = service
        self._connections = connections
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="service")

    async def work(self, function: Callable[_P, _T], *arguments: _P.args, **named: _P.kwargs) -> _T:
        """Do something in the service's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: function(*arguments, **named))

    async def admit(self, request: Request, operation: str | None, voice: Voice, handle: Handler) -> Response:
        """The answer to a call of `operation` (None: it named none), as far as the script allows."""
        fault: Fault | None = await self.work(self.service.meet, operation)
        kind = None if fault is None else fault.kind
        unprocessed = fault is not None and kind in UNPROCESSED
        if unprocessed:
            await self.work(self.service.note, operation, str(kind))
        if kind is FaultKind.CLOSE_BEFORE_READING:
            return await self._broken_off(request)
        try:
            data = await _read_body(request)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is left to read it
        if unprocessed:
            assert fault is not None
            answer = voice(fault)
        else:
            answer, outcome = await handle(data, fault)
            await self.work(self.service.note, operation, outcome if kind is None else f"{outcome}, then {kind}")
        await asyncio.sleep(self.service.script.latency_ms / 1000)
        if kind in (FaultKind.HANG, FaultKind.TIMEOUT_AFTER_COMMIT):
            return await _silence(request)
        if kind in (FaultKind.CLOSE_AFTER_COMMIT, FaultKind.CLOSE_HALF_COMMITTED):
            return await self._broken_off(request)
        if kind is FaultKind.HTTP_500_AFTER_COMMIT:
            return Response("Internal Server Error", 500, media_type="text/plain")
        if kind is FaultKind.ANSWER_NOT_XML:
            return Response("<html><p>Welcome to the proxy", 200, media_type=answer.media_type)
        return answer

    async def _broken_off(self, request: Request) -> Response:
        assert request.client is not None  # uvicorn over TCP always says who called
        self._connections.break_off((request.client.host, request.client.port))
        return await _silence(request)


async def _read_body(request: Request) -> bytes:
    """The body, or as much of it as shows that it is too large."""
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > REQUEST_LIMIT_BYTES:
            break
    return bytes(data)


async def _silence(request: Request) -> Response:
    """Waits until the client goes."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    return Response(status_code=500)  # nobody is left to read it
