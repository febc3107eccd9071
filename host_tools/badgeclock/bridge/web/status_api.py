"""Health, metrics and a read-only view of the store, for this machine only unless the settings allow others.

Nothing here changes anything, and nothing here shows a badge, a name or a national number: a worker is a reference and
initials.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Final

import uvicorn
from fastapi import FastAPI, Query, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import Connection, select, text

from badgeclock.bridge.attention import attention
from badgeclock.bridge.clocks import registry
from badgeclock.bridge.errors import PeopleError
from badgeclock.bridge.metrics import Metrics
from badgeclock.bridge.people.workers import initials_of
from badgeclock.bridge.presences.presence_events import code_of
from badgeclock.bridge.settings import HttpSettings
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.store.states import PunchState
from badgeclock.bridge.store.vault import Vault
from badgeclock.bridge.wall_clock import wall_clock_ms
from badgeclock.bridge.web import status_guard
from badgeclock.bridge.web.bounded_http import CONNECTIONS_MOST, BoundedHttp
from badgeclock.errors import SettingsError, StoreError
from badgeclock.protocol.record import Direction, Kind

ROWS_MOST: Final = 1000
ROWS_USUAL: Final = 100


def create_app(
    store: Store,
    vault: Vault,
    metrics: Metrics,
    broker_up: Callable[[], bool],
    http: HttpSettings,
    now_ms: Callable[[], int] = wall_clock_ms,
) -> FastAPI:
    """The application; `broker_up` returns whether the broker is connected and answers."""
    app = FastAPI(title="Badgeclock bridge", openapi_url=None, docs_url=None, redoc_url=None)
    if not http.is_loopback:
        app.add_middleware(status_guard.TokenForApi, store=store, now_ms=now_ms)
    app.add_middleware(status_guard.KnownNames, allowed_hosts=status_guard.names_of(http.host, http.names))
    app.add_middleware(status_guard.OneLength)

    @app.api_route("/livez", methods=["GET", "HEAD"])
    def livez() -> PlainTextResponse:
        return PlainTextResponse("alive\n")

    @app.api_route("/readyz", methods=["GET", "HEAD"])
    def readyz() -> JSONResponse:
        state = {"broker": broker_up(), "store": _store_works(store)}
        return JSONResponse(state, status_code=200 if all(state.values()) else 503)

    @app.api_route("/metrics", methods=["GET", "HEAD"])
    def figures() -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    @app.get("/api/punches")
    def punches(
        after: int = Query(0, ge=0, le=2**62), limit: int = Query(ROWS_USUAL, ge=1, le=ROWS_MOST)
    ) -> list[dict[str, Any]]:
        with store.read() as connection:
            return punches_after(connection, vault, after, limit)

    @app.get("/api/events")
    def events(
        after: int = Query(0, ge=0, le=2**62), limit: int = Query(ROWS_USUAL, ge=1, le=ROWS_MOST)
    ) -> list[dict[str, Any]]:
        with store.read() as connection:
            return events_after(connection, after, limit)

    @app.get("/api/attention")
    def waiting(limit: int = Query(ROWS_USUAL, ge=1, le=ROWS_MOST)) -> list[dict[str, Any]]:
        with store.read() as connection:
            return [row.as_dict() for row in attention.listing(connection, limit, now_ms())]

    @app.get("/api/clocks")
    def all_clocks() -> list[dict[str, Any]]:
        with store.read() as connection:
            return registry.listing(connection)

    @app.get("/api/clocks/{name}/quarantine")
    def quarantine(
        name: str, after: int = Query(0, ge=0, le=2**62), limit: int = Query(ROWS_USUAL, ge=1, le=ROWS_MOST)
    ) -> dict[str, Any]:
        with store.read() as connection:
            return registry.quarantine_of(connection, name, after, limit)

    @app.get("/api/clocks/{name}/orders")
    def orders(name: str, limit: int = Query(ROWS_USUAL, ge=1, le=ROWS_MOST)) -> list[dict[str, Any]]:
        with store.read() as connection:
            return registry.orders_of(connection, name, limit)

    @app.exception_handler(PeopleError)
    def absent(_: Any, error: PeopleError) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, status_code=404)

    @app.exception_handler(StoreError)
    def failed(_: Any, error: StoreError) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, status_code=503)

    return app


def punches_after(connection: Connection, vault: Vault, after: int, limit: int) -> list[dict[str, Any]]:
    """Punches after a number, in the order of storing, each with its present state."""
    table, clocks, workers, presences = schema.punches, schema.clocks, schema.workers, schema.presences
    rows = connection.execute(
        select(
            table,
            clocks.c.name.label("clock"),
            workers.c.reference,
            workers.c.name_closed,
            presences.c.reference.label("presence"),
            presences.c.state.label("presence_state"),
            presences.c.reason.label("presence_reason"),
            presences.c.reception_number,
            presences.c.error_code,
            presences.c.remarks,
            presences.c.registered_ms,
        )
        .join(clocks, clocks.c.id == table.c.clock_id)
        .outerjoin(workers, workers.c.id == table.c.worker_id)
        .outerjoin(presences, presences.c.id == table.c.presence_id)
        .where(table.c.id > after)
        .order_by(table.c.id)
        .limit(limit)
    )
    return [
        {
            "id": row.id,
            "clock": row.clock,
            "seq": row.seq,
            "kind": Kind.PUNCH.name,
            "direction": Direction(row.direction).name,
            "utc_ms": row.utc_ms,
            "state": _state(row),
            "reason": row.presence_reason or row.reason,
            "badge_code": code_of(row.token) if row.state == PunchState.UNASSIGNED else None,
            "reception_number": row.reception_number,
            "error_code": row.error_code or None,
            "remarks": row.remarks or [],
            "worker": None
            if row.reference is None
            else {
                "reference": row.reference,
                "initials": initials_of(vault, row.reference, row.name_closed),
            },
            "presence": row.presence,
            "received_ms": row.received_ms,
            "registered_ms": row.registered_ms,
        }
        for row in rows
    ]


def _state(row: Any) -> str:
    state: str = row.presence_state if row.state == PunchState.DECLARED else row.state
    return state


def events_after(connection: Connection, after: int, limit: int) -> list[dict[str, Any]]:
    """Events after a number, oldest first."""
    table = schema.events
    rows = connection.execute(select(table).where(table.c.id > after).order_by(table.c.id).limit(limit))
    return [dict(row._mapping) for row in rows]  # noqa: SLF001 - a row's public name for itself as a mapping


def _store_works(store: Store) -> bool:
    try:
        with store.read() as connection:
            connection.execute(text("SELECT 1"))
    except StoreError:
        return False
    return store.takes_writes


class _Server(uvicorn.Server):
    """Leaves signals to the service."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serving(settings: HttpSettings, app: FastAPI) -> AsyncIterator[Callable[[], Any]]:
    """Serve within the context; yields the coroutine function to run beside everything else.

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
