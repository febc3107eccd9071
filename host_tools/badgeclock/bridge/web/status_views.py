"""A window on the store, `/api` of the bridge's port: punches, events, what waits for a person, clocks.

Nothing here changes anything, and nothing here shows a badge, a name or a national number: a worker is a reference and
initials.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from fastapi import FastAPI, Query
from fastapi.responses import JSONResponse
from sqlalchemy import Connection, select

from badgeclock.bridge.attention import attention
from badgeclock.bridge.clocks import registry
from badgeclock.bridge.errors import PeopleError
from badgeclock.bridge.people.workers import initials_of
from badgeclock.bridge.presences.presence_events import code_of
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.store.states import PunchState
from badgeclock.bridge.store.vault import Vault
from badgeclock.errors import StoreError
from badgeclock.protocol.record import Direction, Kind

ROWS_MOST: Final = 1000
ROWS_USUAL: Final = 100


def create_app(store: Store, vault: Vault, now_ms: Callable[[], int]) -> FastAPI:
    """The application, to be mounted at `/api`."""
    app = FastAPI(title="Badgeclock bridge", openapi_url=None, docs_url=None, redoc_url=None)

    @app.get("/punches")
    def punches(
        after: int = Query(0, ge=0, le=2**62), limit: int = Query(ROWS_USUAL, ge=1, le=ROWS_MOST)
    ) -> list[dict[str, Any]]:
        with store.read() as connection:
            return punches_after(connection, vault, after, limit)

    @app.get("/events")
    def events(
        after: int = Query(0, ge=0, le=2**62), limit: int = Query(ROWS_USUAL, ge=1, le=ROWS_MOST)
    ) -> list[dict[str, Any]]:
        with store.read() as connection:
            return events_after(connection, after, limit)

    @app.get("/attention")
    def waiting(limit: int = Query(ROWS_USUAL, ge=1, le=ROWS_MOST)) -> list[dict[str, Any]]:
        with store.read() as connection:
            return [row.as_dict() for row in attention.listing(connection, limit, now_ms())]

    @app.get("/clocks")
    def all_clocks() -> list[dict[str, Any]]:
        with store.read() as connection:
            return registry.listing(connection)

    @app.get("/clocks/{name}/quarantine")
    def quarantine(
        name: str, after: int = Query(0, ge=0, le=2**62), limit: int = Query(ROWS_USUAL, ge=1, le=ROWS_MOST)
    ) -> dict[str, Any]:
        with store.read() as connection:
            return registry.quarantine_of(connection, name, after, limit)

    @app.get("/clocks/{name}/orders")
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
    """Punches behind a number, in the order they were stored, each with its state now."""
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
    """Events behind a number, oldest first."""
    table = schema.events
    rows = connection.execute(select(table).where(table.c.id > after).order_by(table.c.id).limit(limit))
    return [dict(row._mapping) for row in rows]  # noqa: SLF001 - a row's public name for itself as a mapping
