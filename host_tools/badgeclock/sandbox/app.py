"""The sandbox's HTTP: the SOAP endpoint, the REST services, the control endpoint, and received data, for people and for
tests.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import Body, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, select_autoescape
from pydantic import ValidationError
from starlette.middleware.trustedhost import TrustedHostMiddleware

from badgeclock.sandbox import rest, wire
from badgeclock.sandbox.admission import Admission
from badgeclock.sandbox.connections import Connections
from badgeclock.sandbox.control import Fault, Script
from badgeclock.sandbox.service import Service
from badgeclock.sandbox.soap import Soap
from badgeclock.sandbox.store import SORT_COLUMNS, Criteria, Registration

ENDPOINT_PATH: Final = "/PresenceRegistration/v1"
_PAGE_ROWS: Final = 50


def create_app(service: Service, connections: Connections, allowed_hosts: list[str]) -> FastAPI:
    """The application. `allowed_hosts` are its accepted host names, against DNS rebinding."""
    app = FastAPI(title="Badgeclock sandbox", docs_url=None, redoc_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=allowed_hosts)
    admission = Admission(service, connections)
    soap = Soap(service)
    page = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=select_autoescape()).get_template(
        "received.html"
    )

    @app.post(ENDPOINT_PATH, include_in_schema=False)
    async def presence_registration(request: Request) -> Response:
        """The authority's SOAP endpoint."""
        action = request.headers.get("soapaction")
        content_type = request.headers.get("content-type", "")

        async def handle(data: bytes, fault: Fault | None) -> tuple[Response, str]:
            return await admission.work(soap.respond, content_type, action, data, fault)

        return await admission.admit(request, wire.operation_of(action), soap.unprocessed, handle)

    app.mount(rest.MOUNTED_AT, rest.create_app(admission))

    @app.get("/control")
    async def read_control() -> dict[str, Any]:
        """The present script."""
        return _masked_script(service.script)

    @app.post("/control")
    async def change_control(change: Annotated[dict[str, Any], Body()]) -> dict[str, Any]:
        """Change the sandbox's script; absent parts stay, a list replaces the one before."""
        try:
            return _masked_script(await admission.work(service.change, change))
        except ValidationError as error:
            raise RequestValidationError(error.errors(include_input=False, include_context=False)) from None

    @app.get("/received")
    async def received(
        after: Annotated[int, Query(ge=0, le=2**62)] = 0, limit: Annotated[int, Query(ge=1, le=1000)] = 200
    ) -> dict[str, Any]:
        """Registrations above a reception number, by number, and the newest calls. Personal numbers are masked."""
        return await admission.work(_received, service, after, limit)

    @app.get("/", response_class=HTMLResponse, include_in_schema=False)
    async def show() -> str:
        """The same for a person, newest first."""
        return page.render(**await admission.work(_newest, service))

    return app


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
    presence = entry.presence
    fields: dict[str, Any] = {
        "reception_number": entry.number,
        "wire": str(presence.wire),
        "reference": presence.reference,
        "date": entry.day.isoformat(),
        "inss": _mask(presence.inss),
        "company_id": None if presence.company_id is None else f"{presence.company_id:010d}",
        "limosa_id": _mask(presence.limosa_id),
        "workplace_id": presence.workplace_id,
        "created": _iso(entry.created_ms),
        "status": str(entry.last.status),
        "remarks": list(entry.last.remarks),
    }
    if presence.moment_ms is not None:
        fields |= {"moment": _iso(presence.moment_ms), "direction": presence.direction, "vat": presence.vat}
    return fields


def _masked_script(script: Script) -> dict[str, Any]:
    fields = script.model_dump(mode="json")
    for entry in (*fields["refuse"], *fields["remark"], *fields["relapse"]):
        for name in ("inss", "limosa_id"):
            entry[name] = _mask(entry[name])
    return fields


def _mask(number: str | None) -> str | None:
    """A personal number with only its last two characters left."""
    return None if number is None else "*" * max(len(number) - 2, 0) + number[-2:]


def _iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
