"""Health and metrics, for this machine only unless the settings allow others; the rest of the port is mounted here.

What monitoring requests all the time is here; the other applications (`status_views`, the planning interface) are made
at their first request, because the libraries they are made with take a third of a bridge's start.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Final

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as AsgiScope

from badgeclock.bridge.metrics import Metrics
from badgeclock.bridge.settings import HttpSettings
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.store.vault import Vault
from badgeclock.bridge.wall_clock import wall_clock_ms
from badgeclock.bridge.web import status_guard
from badgeclock.bridge.web.bounded_http import CONNECTIONS_MOST, BoundedHttp
from badgeclock.errors import SettingsError, StoreError

API: Final = "/api"
PLANNING: Final = "/planning/v1"


class Later:
    """An application that is built at the first request for it, in its own thread."""

    def __init__(self, make: Callable[[], ASGIApp]) -> None:
        self._make = make
        self._made: ASGIApp | None = None
        self._making = asyncio.Lock()

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        async with self._making:
            if self._made is None:
                self._made = await asyncio.to_thread(self._make)
        await self._made(scope, receive, send)


def create_app(
    store: Store,
    vault: Vault,
    metrics: Metrics,
    broker_up: Callable[[], bool],
    http: HttpSettings,
    now_ms: Callable[[], int] = wall_clock_ms,
) -> Starlette:
    """The application; `broker_up` returns whether the broker is connected and answers."""

    def livez(_: Request) -> Response:
        return PlainTextResponse("alive\n")

    def readyz(_: Request) -> Response:
        state = {"broker": broker_up(), "store": _store_works(store)}
        return JSONResponse(state, status_code=200 if all(state.values()) else 503)

    def figures(_: Request) -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    def views() -> ASGIApp:
        from badgeclock.bridge.web import status_views  # noqa: PLC0415 - see the top

        return status_views.create_app(store, vault, now_ms)

    guards = [
        Middleware(status_guard.OneLength),
        Middleware(status_guard.KnownNames, allowed_hosts=status_guard.names_of(http.host, http.names)),
    ]
    if not http.is_loopback:
        guards.append(Middleware(status_guard.TokenForApi, store=store, now_ms=now_ms))
    return Starlette(
        routes=[Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", figures), Mount(API, Later(views))],
        middleware=guards,
    )


def _store_works(store: Store) -> bool:
    try:
        with store.read() as connection:
            connection.execute(text("SELECT 1"))
    except StoreError:
        return False
    return store.takes_writes


class _Server(uvicorn.Server):
    """Leaves signals to the service that it is part of."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serving(settings: HttpSettings, app: Starlette) -> AsyncIterator[Callable[[], Any]]:
    """Serve while the context lasts; gives the coroutine function to run beside everything else.

    Raises SettingsError if the address cannot be used.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise SettingsError(
            what=f"[http] {settings.host}:{settings.port} cannot be used: {error.strerror}",
            kept="nothing was started",
            do="free the port or set another; port 0 turns the interface off",
        ) from None
    config = uvicorn.Config(
        app,
        http=BoundedHttp,
        backlog=CONNECTIONS_MOST,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
    )
    server = _Server(config)
    try:
        yield lambda: server.serve(sockets=[listener])
    finally:
        server.should_exit = True
        listener.close()
