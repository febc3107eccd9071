"""The refusals of the planning interface: all have one form, and none repeats what was sent."""

from __future__ import annotations

import math
from typing import Any, Final

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.routing import Route

from badgeclock.bridge import logs
from badgeclock.bridge.errors import AuditError, BeyondReach, PeopleError, ScopeMissing
from badgeclock.bridge.web import status_api
from badgeclock.bridge.web.planning_models import Refusal
from badgeclock.errors import BadgeclockError, StoreError

PATH: Final = status_api.PLANNING
OPENAPI: Final = "/openapi.json"
BODY_BYTES_MOST: Final = 262_144
REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    401: {"model": Refusal, "description": "No token, or one that has expired or was revoked"},
    403: {"model": Refusal, "description": "The token has not this scope, or this is beyond its reach"},
    413: {"model": Refusal, "description": f"The body is larger than {BODY_BYTES_MOST} bytes"},
    422: {"model": Refusal, "description": "The request has not the form that is described here"},
    429: {"model": Refusal, "description": "Asked too often; see Retry-After"},
    503: {"model": Refusal, "description": "The store does not work"},
}
CANNOT_BE: Final[dict[int | str, dict[str, Any]]] = {
    409: {"model": Refusal, "description": "It cannot be: a wrong check digit, somebody who is not there …"}
}
_OTHERWISE: Final = {
    400: (422, "the body is no JSON", f"see {PATH}{OPENAPI}"),
    404: (404, "there is nothing here", f"see {PATH}{OPENAPI}"),
    413: (413, f"the body is larger than {BODY_BYTES_MOST} bytes", "send less at once"),
}


def refusal(status: int, error: BadgeclockError, headers: dict[str, str] | None = None) -> JSONResponse:
    """The answer for an error, without anything that looks like a national number."""
    content = {"what": logs.masked(error.what), "kept": error.kept, "do": error.do}
    return JSONResponse(content, status_code=status, headers=headers)


def refused(status: int, what: str, do: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """The answer to a request that changed nothing."""
    return refusal(status, BadgeclockError(what=what, kept="everything as it was", do=do), headers)


def asked_too_often(wait_s: float) -> JSONResponse:
    """The answer beyond the rate limit; `wait_s` are the seconds until the next request is admitted."""
    after = {"Retry-After": str(math.ceil(wait_s))}
    return refused(429, "too many requests in a minute", "ask again after the seconds in Retry-After", after)


NO_TOKEN: Final = refused(
    401,
    "there is no token, or it has expired or was revoked",
    "send `Authorization: Bearer …` with a token of `badgeclock bridge token add`",
    {"WWW-Authenticate": "Bearer"},
)


def check_parameters(request: Request) -> None:
    """Each parameter once, and none besides a body: anything else is refused, not ignored."""
    names = [name for name, _ in request.query_params.multi_items()]
    wrong = sorted({name for name in names if names.count(name) > 1 or request.method != "GET"})
    if wrong:
        raise RequestValidationError(
            [{"loc": ("query", name), "msg": "not described here, or said twice"} for name in wrong]
        )


def add_handlers(app: FastAPI) -> None:
    """Install the handlers that answer every refusal in that form."""

    @app.exception_handler(RequestValidationError)
    def unfit(_: Request, error: RequestValidationError) -> JSONResponse:
        faults = [f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in error.errors()]
        return refused(422, "; ".join(faults[:10])[:1000], f"see {PATH}{OPENAPI}")

    @app.exception_handler(PeopleError)
    def cannot_be(_: Request, error: PeopleError) -> JSONResponse:
        return refusal(409, error)

    @app.exception_handler(AuditError)
    def no_reason(_: Request, error: AuditError) -> JSONResponse:
        return refusal(409, error)

    @app.exception_handler(ScopeMissing)
    @app.exception_handler(BeyondReach)
    def forbidden(_: Request, error: BadgeclockError) -> JSONResponse:
        return refusal(403, error)

    @app.exception_handler(StoreError)
    def failed(_: Request, error: StoreError) -> JSONResponse:
        return refusal(503, error)

    @app.exception_handler(400)
    @app.exception_handler(404)
    @app.exception_handler(413)
    def otherwise(_: Request, error: HTTPException) -> JSONResponse:
        status, what, do = _OTHERWISE[error.status_code]
        return refused(status, what, do)

    @app.exception_handler(405)
    def not_so(request: Request, _: HTTPException) -> JSONResponse:
        # Each route has only its own methods; a path allows those of all its routes.
        routes = [route for route in app.routes if isinstance(route, Route) and route.matches(request.scope)[0].value]
        methods = sorted({method for route in routes for method in route.methods or ()})
        return refused(405, "this cannot be done here", f"see {PATH}{OPENAPI}", {"Allow": ", ".join(methods)})
