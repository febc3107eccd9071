"""The sandbox's REST services: Check In and Out at Work and its token endpoint, described by an OpenAPI file of its
own.

Names are those of `onss.rest_names`, in the models too, so that the OpenAPI file, the sandbox and the client change
together. A request that follows the OpenAPI file is answered 200, with an item's errors at its place in the list; any
other is answered by a problem (RFC 9457) that names the field and quotes no value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final

from fastapi import Depends, FastAPI, Form, Path, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from fastapi.security import OAuth2
from starlette.exceptions import HTTPException

from badgeclock.onss import description
from badgeclock.onss import rest_names as n
from badgeclock.sandbox import rules
from badgeclock.sandbox.admission import REQUEST_LIMIT_BYTES, Admission
from badgeclock.sandbox.control import Fault, FaultKind
from badgeclock.sandbox.errors import Denied
from badgeclock.sandbox.rest_models import (
    NUMBER_MOST,
    CancelAnswer,
    Cancelled,
    CancelOutcome,
    CancelRequest,
    Created,
    CreateOutcome,
    Employer,
    Error,
    Held,
    HistoryStep,
    Movement,
    NotCancelled,
    NotCreated,
    Place,
    Problem,
    RegisterAnswer,
    RegisterRequest,
    SearchAnswer,
    SearchCriteria,
    SearchRequest,
    TokenAnswer,
    TokenDenial,
    Validity,
)
from badgeclock.sandbox.rules import Presence, Wire
from badgeclock.sandbox.statuses import OF_REST_WORD, REST_WORD
from badgeclock.sandbox.store import SORT_COLUMNS, Criteria, Registration, Step
from badgeclock.sandbox.tokens import ASSERTION_LIMIT

MOUNTED_AT: Final = "/REST"
OPENAPI_PATH: Final = "/openapi.json"
_BASE: Final = n.BASE.removeprefix(MOUNTED_AT)
_TOKEN_PATH: Final = n.TOKEN_PATH.removeprefix(MOUNTED_AT)
_JSON: Final = "application/json"
_SCOPE: Final = "scope:sandbox:presenceregistration"

_PROBLEMS: Final = {
    400: "badRequest",
    401: "invalidAccessToken",
    403: "missingPermission",
    404: n.NOT_FOUND,
    405: "methodNotAllowed",
    413: "payloadTooLarge",
    429: "tooManyRequests",
    500: "internalServerError",
    503: "serviceUnavailable",
}


def create_app(admission: Admission) -> FastAPI:
    """The REST services, to be mounted at `MOUNTED_AT`."""
    service = admission.service
    app = FastAPI(
        title="Check In and Out at Work, simulated",
        version="1",
        description="Badgeclock's sandbox. Names marked as assumed in its documentation are not the NSSO's word.",
        openapi_url=OPENAPI_PATH,
        docs_url=None,
        redoc_url=None,
        servers=[{"url": MOUNTED_AT}],
        root_path_in_servers=False,
        separate_input_output_schemas=False,
    )
    app.router.route_class = _route_class(admission)
    app.add_exception_handler(HTTPException, _http_problem)
    flow = {"clientCredentials": {"tokenUrl": n.TOKEN_PATH, "scopes": {}}}
    problems = {status: _documented(status) for status in (400, 401, 403, 413, 429, 500, 503)}
    missing = problems | {404: _documented(404)}
    options: dict[str, Any] = {
        "responses": problems,
        "dependencies": [Depends(OAuth2(flows=flow, auto_error=False))],
        "response_model_exclude_none": True,
    }

    @app.post(_BASE + n.REGISTER, operation_id="registerInBulk", **options)
    async def register(body: RegisterRequest, request: Request) -> RegisterAnswer:
        """Declare movements; each gets a reception number, or the reasons why not."""
        presences = [_presence(item) for item in body.items]
        if _kind(request) is FaultKind.CLOSE_HALF_COMMITTED:
            presences = presences[: (len(presences) + 1) // 2]
        outcomes = await admission.work(service.register, presences)
        return RegisterAnswer.model_construct(items=_spoilt([_created(one) for one in outcomes], request))

    @app.post(_BASE + n.CANCEL, operation_id="cancelInBulk", **options)
    async def cancel(body: CancelRequest, request: Request) -> CancelAnswer:
        """Cancel registrations; each is cancelled, or the reasons why not are given."""
        items = body.items
        if _kind(request) is FaultKind.CLOSE_HALF_COMMITTED:
            items = items[: (len(items) + 1) // 2]
        outcomes = []
        for item in items:
            outcome = await admission.work(service.cancel, item.number, item.reason, Wire.REST)
            outcomes.append(_cancelled(item.number, outcome))
        return CancelAnswer.model_construct(items=_spoilt(outcomes, request))

    @app.post(_BASE + n.SEARCH, operation_id="search", **options)
    async def search(body: SearchRequest) -> SearchAnswer:
        """Search; an INSS must not be in a URL, so this is a POST."""
        await admission.work(service.settle)
        criteria = _criteria(body.criteria)
        if criteria is None:
            return SearchAnswer.model_construct(total=0, items=[])
        total, found = await admission.work(
            service.store.search, criteria, SORT_COLUMNS["ID"].asc(), body.first, body.size
        )
        return SearchAnswer.model_construct(total=total, items=[_held(entry, None) for entry in found])

    @app.get(_BASE + n.GET + "/{number:int}", operation_id="get", **(options | {"responses": missing}))
    async def get(number: Annotated[int, Path(ge=1, le=NUMBER_MOST)]) -> Held:
        """One registration with its history."""
        await admission.work(service.settle)
        entry = await admission.work(service.get, number, Wire.REST)
        if entry is None:
            raise HTTPException(404, "there is no registration with this number")
        return _held(entry, await admission.work(service.store.history, number))

    denials: dict[int | str, dict[str, Any]] = {
        status: {"model": TokenDenial, "description": "no token"} for status in (400, 401, 413, 429, 500, 503)
    }

    @app.post(_TOKEN_PATH, operation_id="token", responses=denials)
    async def token(
        request: Request,
        grant_type: Annotated[str, Form(max_length=100)],
        client_assertion_type: Annotated[str, Form(max_length=200)],
        client_assertion: Annotated[str, Form(max_length=ASSERTION_LIMIT)],
        scope: Annotated[str | None, Form(max_length=1000)] = None,
    ) -> TokenAnswer:
        """An access token for a client that proves itself with a signed JWT (RFC 7523)."""
        form = {
            "grant_type": grant_type,
            "client_assertion_type": client_assertion_type,
            "client_assertion": client_assertion,
        }
        if service.tokens is None:
            raise Denied(401, "invalid_client", "this sandbox was started without --credentials and knows no client")
        grant = await admission.work(service.tokens.grant, form, str(request.url), service.script.token_lifetime_s)
        return TokenAnswer(
            access_token=grant.access_token,
            token_type="Bearer",  # noqa: S106 - the kind of token
            expires_in=grant.expires_in,
            scope=scope or _SCOPE,
        )

    _correct_openapi(app)
    return app


def _correct_openapi(app: FastAPI) -> None:
    """FastAPI's own description, without the unused 422, and with problems described."""
    described = app.openapi

    def openapi() -> dict[str, Any]:
        schema = described()
        for path in schema["paths"].values():
            for operation in path.values():
                operation["responses"].pop("422", None)
                for answer in operation["responses"].values():
                    if n.PROBLEM in answer["content"]:
                        answer["content"] = {n.PROBLEM: answer["content"].get(_JSON, answer["content"][n.PROBLEM])}
        return schema

    app.openapi = openapi  # type: ignore[method-assign]


def _documented(status: int) -> dict[str, Any]:
    return {"model": Problem, "content": {n.PROBLEM: {}}, "description": _PROBLEMS[status]}


def _route_class(admission: Admission) -> type[APIRoute]:
    """Routes whose calls pass the admission before and after their handler."""

    class Passing(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handler = super().get_route_handler()
            operation = self.operation_id
            voice = _deny if operation == "token" else _unprocessed

            async def passed(request: Request) -> Response:
                async def handle(data: bytes, fault: Fault | None) -> tuple[Response, str]:
                    answer = await _answer(admission, operation, handler, request, data, fault)
                    return answer, "answered" if answer.status_code < 400 else f"HTTP {answer.status_code}"

                return await admission.admit(request, operation, voice, handle)

            return passed

    return Passing


async def _answer(
    admission: Admission,
    operation: str | None,
    handler: Callable[[Request], Coroutine[Any, Any, Response]],
    request: Request,
    data: bytes,
    fault: Fault | None,
) -> Response:
    """The answer of a route's handler to a body, with refusals in the right form."""
    if len(data) > REQUEST_LIMIT_BYTES:
        return _denial(Denied(413, "invalid_request", "too large")) if operation == "token" else _problem(413)
    tokens = admission.service.tokens
    if operation != "token" and tokens is not None and not tokens.holds(request.headers.get("authorization")):
        return _problem(
            401, "there is no access token of this service that holds", headers={"WWW-Authenticate": "Bearer"}
        )

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": data, "more_body": False}

    again = Request(request.scope, receive)
    again.state.fault = fault
    try:
        return await handler(again)
    except Denied as denied:
        return _denial(denied)
    except RequestValidationError as error:
        if operation == "token":
            return _denial(Denied(400, "invalid_request", "a parameter is missing, or too long"))
        return _bad_request(error)
    except HTTPException as error:
        if operation == "token":
            return _denial(Denied(400, "invalid_request", "the form cannot be read"))
        return _problem(error.status_code, error.detail)


def _kind(request: Request) -> FaultKind | None:
    fault: Fault | None = request.state.fault
    return None if fault is None else fault.kind


def _spoilt(outcomes: list[Any], request: Request) -> list[Any]:
    """The outcomes that the script sets."""
    kind = _kind(request)
    if kind is FaultKind.ANSWER_SWAPPED and len(outcomes) > 1:
        outcomes[:2] = outcomes[1::-1]
    if kind is FaultKind.ANSWER_MISSING:
        outcomes.pop()
    return outcomes


def _unprocessed(fault: Fault) -> Response:
    wait = {"Retry-After": str(fault.retry_after_s)}
    if fault.kind is FaultKind.NOT_AUTHENTICATED:
        return _problem(401, "as the sandbox's script asks", headers={"WWW-Authenticate": "Bearer"})
    if fault.kind is FaultKind.NOT_AUTHORISED:
        return _problem(403, "as the sandbox's script asks")
    if fault.kind is FaultKind.RATE_LIMITED:
        return _problem(429, headers=wait)
    if fault.kind is FaultKind.MAINTENANCE:
        return _problem(503, headers=wait)
    return _problem(500)


def _deny(fault: Fault) -> Response:
    wait = {"Retry-After": str(fault.retry_after_s)}
    if fault.kind in (FaultKind.NOT_AUTHENTICATED, FaultKind.NOT_AUTHORISED):
        return _denial(Denied(401, "invalid_client", "as the sandbox's script asks"))
    if fault.kind is FaultKind.RATE_LIMITED:
        return _denial(Denied(429, "temporarily_unavailable", "too many calls"), wait)
    if fault.kind is FaultKind.MAINTENANCE:
        return _denial(Denied(503, "temporarily_unavailable", "maintenance"), wait)
    return _denial(Denied(500, "server_error", "as the sandbox's script asks"))


def _denial(denied: Denied, headers: dict[str, str] | None = None) -> Response:
    content = {"error": denied.error, "error_description": denied.why}
    return JSONResponse(content, denied.status, headers={"Cache-Control": "no-store"} | (headers or {}))


async def _http_problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _problem(error.status_code, headers=dict(error.headers or {}))


def _problem(status: int, detail: str | None = None, *, headers: dict[str, str] | None = None) -> Response:
    kind = _PROBLEMS.get(status, "badRequest")
    content = {"type": n.PROBLEM_TYPE + kind, "title": _title(kind), "status": status}
    return JSONResponse(content | ({"detail": detail} if detail else {}), status, headers=headers, media_type=n.PROBLEM)


def _title(kind: str) -> str:
    return re.sub("([A-Z])", r" \1", kind).capitalize()


def _bad_request(error: RequestValidationError) -> Response:
    """Which fields are wrong, as items[3].ssin, and how; never a value."""
    issues = []
    for fault in error.errors():
        place = ""
        for part in fault["loc"][1:]:
            place += f"[{part}]" if isinstance(part, int) else f".{part}" if place else str(part)
        issue = {"type": "urn:problem-type:belgif:input-validation:schemaViolation", n.ISSUE_NAME: place}
        issues.append(issue | {"detail": str(fault["type"])})
    content = {"type": f"{n.PROBLEM_TYPE}badRequest", "title": "Bad request", "status": 400, n.ISSUES: issues[:100]}
    return JSONResponse(content, 400, media_type=n.PROBLEM)


def _presence(item: Movement) -> Presence:
    moment = _read_moment(item.moment)
    employer = item.employer
    enterprise = None if employer is None else employer.enterprise
    place = None if item.place is None else item.place.model_dump(by_alias=True, exclude_none=True)
    return Presence(
        day=None if moment is None else moment.astimezone(description.ZONE).date(),
        inss=item.ssin,
        company_id=None if enterprise is None else int(enterprise),
        limosa_id=item.limosa,
        workplace_id=item.works,
        reference=None,
        moment_ms=None if moment is None else int(moment.timestamp() * 1000),
        direction=item.type,
        vat=None if employer is None else employer.vat,
        place=place or None,
    )


def _read_moment(text: str) -> datetime | None:
    """The time, in UTC; None if no calendar holds it."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _criteria(asked: SearchCriteria) -> Criteria | None:
    """The criteria; None if a time is outside the calendar, so that nothing can match."""
    try:
        periods = tuple((date.fromisoformat(one.first), date.fromisoformat(one.last)) for one in asked.periods)
    except ValueError:
        return None
    bounds = []
    for text in (asked.created_from, asked.created_until):
        moment = None if text is None else _read_moment(text)
        if text is not None and moment is None:
            return None
        bounds.append(None if moment is None else int(moment.timestamp() * 1000))
    return Criteria(
        wire=Wire.REST,
        periods=periods,
        inss=asked.ssin,
        company_id=None if asked.enterprise is None else int(asked.enterprise),
        workplace_id=asked.works,
        statuses=tuple(OF_REST_WORD[validity] for validity in asked.validities),
        remarks=tuple(asked.remarks),
        created_from_ms=bounds[0],
        created_to_ms=bounds[1],
    )


def _created(outcome: Registration | list[str]) -> CreateOutcome:
    if isinstance(outcome, list):
        return CreateOutcome.model_construct(not_created=NotCreated.model_construct(errors=_errors(outcome)))
    made = Created.model_construct(number=outcome.number, validity=_validity(outcome.last), remarks=[])
    return CreateOutcome.model_construct(created=made)


def _cancelled(number: int, outcome: Registration | list[str]) -> CancelOutcome:
    if isinstance(outcome, list):
        refused = NotCancelled.model_construct(number=number, errors=_errors(outcome))
        return CancelOutcome.model_construct(not_cancelled=refused)
    done = Cancelled.model_construct(number=number, validity=_validity(outcome.last))
    return CancelOutcome.model_construct(cancelled=done)


def _errors(codes: list[str]) -> list[Error]:
    return [Error.model_construct(code=code, description=rules.describe(code)) for code in codes]


def _validity(step: Step) -> Validity:
    return REST_WORD[step.status]  # type: ignore[return-value]  # the table's four words


def _held(entry: Registration, history: list[Step] | None) -> Held:
    presence = entry.presence
    employer = Employer.model_construct(
        enterprise=None if presence.company_id is None else f"{presence.company_id:010d}", vat=presence.vat
    )
    return Held.model_construct(
        number=entry.number,
        moment=_iso(presence.moment_ms or 0),
        type="IN" if presence.direction == "IN" else "OUT",
        ssin=presence.inss,
        ssin_now=presence.inss,
        limosa=presence.limosa_id,
        employer=None if presence.company_id is None and presence.vat is None else employer,
        place=None if presence.place is None else Place.model_validate(presence.place),
        works=presence.workplace_id,
        created=_iso(entry.created_ms),
        validity=_validity(entry.last),
        remarks=list(entry.last.remarks),
        history=None if history is None else [_step(step) for step in history],
    )


def _step(step: Step) -> HistoryStep:
    return HistoryStep.model_construct(validity=_validity(step), at=_iso(step.at_ms), remarks=list(step.remarks))


def _iso(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms // 1000, UTC):%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}Z"
