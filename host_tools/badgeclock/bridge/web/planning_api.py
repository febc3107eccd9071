"""The interface for planning tools: keeps employers, sites, workers and badges in step, and tells of presences.

Described by `/planning/v1/openapi.json`; for whom, see tokens.py. Everything that is written goes by the rules of
people.py and into the book of acts under the token's name. What comes in bodies (numbers, UIDs) is never in an URL and
never given back: a worker is a reference and initials, a badge its row.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Annotated, Any, Final

from fastapi import Depends, FastAPI, HTTPException, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from sqlalchemy import Connection, select
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as AsgiScope

from badgeclock import __version__
from badgeclock.bridge import errors, logs
from badgeclock.bridge.errors import PeopleError, ScopeMissing
from badgeclock.bridge.people import badges, employers, identities, sites, workers
from badgeclock.bridge.people.badges import Badge
from badgeclock.bridge.people.sites import Address, Site
from badgeclock.bridge.presences.regimes import Regime
from badgeclock.bridge.store import audit_log, schema
from badgeclock.bridge.store.audit_log import Act, Change, Operator
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.store.states import IdentityKind, PresenceState, Reason
from badgeclock.bridge.store.vault import Vault
from badgeclock.bridge.web import api_tokens
from badgeclock.bridge.web.api_tokens import RateBound, Scope, Token
from badgeclock.errors import BadgeclockError, StoreError

PATH: Final = "/planning/v1"
OPENAPI: Final = "/openapi.json"
BODY_BYTES_MOST: Final = 65_536
ROWS_MOST: Final = 1000
DAYS_MOST: Final = 31
ID_MOST: Final = 2**53 - 1
"""The largest whole number that every reader of JSON takes for itself (RFC 8259 §6)."""
_NOBODY: Final = 0
"""Who asks without a token that is good, as the bound on requests counts them: all together."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


Line = Annotated[str, Field(max_length=200)]
Kbo = Annotated[str, Field(max_length=20, description="Enterprise number (KBO/BCE), or Belgian VAT number.")]
Reference = Annotated[str, Field(min_length=1, max_length=200, description="The office's own number of the worker.")]
SiteName = Annotated[str, Field(min_length=1, max_length=200)]
Milliseconds = Annotated[int, Field(description="Milliseconds since 1970-01-01 UTC.")]


class EmployerBody(_Model):
    """An employer."""

    kbo: Kbo
    name: Line = ""


class AddressBody(_Model):
    """A Belgian address."""

    street: Line
    house_number: Line = ""
    box: Line = ""
    post_code: Annotated[str, Field(pattern=r"^[1-9][0-9]{3}$")]
    municipality: Line


class SiteBody(_Model):
    """A site, by its name. Its keys come from the workshop, not from here."""

    name: SiteName
    workplace: Annotated[str, Field(pattern=r"^[0-9A-Z]{13}$", description="Its number in the declaration of works.")]
    regime: Annotated[Regime, Field(strict=False)] = Regime.CONSTRUCTION
    time_zone: Line = sites.TIME_ZONE
    address: AddressBody | None = None
    latitude: Annotated[float | None, Field(ge=-90, le=90, description="WGS 84, degrees.")] = None
    longitude: Annotated[float | None, Field(ge=-180, le=180)] = None
    languages: Annotated[
        list[Annotated[str, Field(pattern=r"^[a-z]{2}$")]],
        Field(max_length=8, description="ISO 639-1 codes, the most usual first."),
    ] = []


class SiteTold(SiteBody):
    """A site, and whether the bridge has its key: without it no badge can be given at the site."""

    id: int
    has_key: bool


class EmployerTold(EmployerBody):
    """An employer."""

    id: int


class WorkerBody(_Model):
    """A worker: with a national number (or bis) and an employer, or with a Limosa number."""

    reference: Reference
    name: Annotated[str, Field(min_length=1, max_length=200, repr=False)]
    niss: Annotated[str | None, Field(max_length=20, repr=False)] = None
    limosa: Annotated[str | None, Field(max_length=64, repr=False)] = None
    employer: Kbo | None = None
    language: Annotated[
        str | None,
        Field(
            pattern=r"^[a-z]{2}$",
            description="ISO 639-1, in which clocks speak to the worker; null: each site's own; left out: as it was.",
        ),
    ] = None


class WorkerTold(_Model):
    """A worker, without name and number."""

    id: int
    reference: str
    initials: str
    employer: str | None
    identity: IdentityKind
    language: str | None


class BadgeBody(_Model):
    """A badge that is given to a worker at a site; whoever had it has it no longer."""

    site: SiteName
    worker: Reference
    uid: Annotated[
        str,
        Field(
            pattern=r"^([0-9A-Fa-f]{8}|[0-9A-Fa-f]{14}|[0-9A-Fa-f]{20})$",
            repr=False,
            description="Hexadecimal digits, as a reader prints them; 4, 7 or 10 bytes. Only a token of it is kept.",
        ),
    ]


class BadgeGiven(_Model):
    """A badge's row, whether it is new, and presences queued for punches that waited for it."""

    badge: int
    is_new: bool
    queued: int


class BadgeTold(_Model):
    """A badge of the history: in use while `until_ms` is null."""

    badge: int
    site: str
    worker: str
    since_ms: Milliseconds
    until_ms: Milliseconds | None


def _whole(number: object) -> object:
    """JSON knows no whole numbers: 7.0 is one, whatever writes it."""
    return int(number) if isinstance(number, float) and number.is_integer() else number


class BadgeBack(_Model):
    """A badge that is taken back."""

    badge: Annotated[int, Field(ge=1, le=ID_MOST), BeforeValidator(_whole)]
    reason: Annotated[str, Field(max_length=500)] = ""


class PutDone(_Model):
    """What became of it: its row, whether it is new, and which parts changed."""

    id: int
    is_new: bool
    changed: list[str]


class PresenceTold(_Model):
    """A presence and where it stands; it is registered once it has a reception number."""

    id: int
    reference: str
    site: str
    worker: str
    employer: str
    day: date
    state: PresenceState
    reason: Reason | None
    reception_number: int | None
    error_code: int | None
    remarks: list[str]
    registered_ms: Milliseconds | None


class Refusal(_Model):
    """What happened, what was kept, and what to do."""

    what: str
    kept: str
    do: str


def _written(form: str, what: str) -> BeforeValidator:
    """Takes a parameter in this form alone: of ` +1_0` pydantic makes a number, and a day of the seconds since 1970."""

    def check(said: object) -> object:
        if isinstance(said, str) and not re.fullmatch(form, said, re.ASCII):
            raise ValueError(what)
        return said

    return BeforeValidator(check)


_WHOLE: Final = _written(r"0|[1-9][0-9]*", "a whole number has digits only, 0 first in none but 0")
_DAY: Final = _written(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "a day is YYYY-MM-DD (RFC 3339, full-date)")


class Page(BaseModel):
    """Which rows of a list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    after: Annotated[int, Field(ge=0, le=ID_MOST, description="Rows behind this id."), _WHOLE] = 0
    limit: Annotated[int, Field(ge=1, le=ROWS_MOST, description="At most so many."), _WHOLE] = 100


class PageOfDays(Page):
    """Which presences of a list: those of the days from `first` to `last`."""

    first: Annotated[date, _DAY]
    last: Annotated[date, _DAY]


_REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    401: {"model": Refusal, "description": "No token, or one that is not good any more"},
    403: {"model": Refusal, "description": "The token has not this scope"},
    413: {"model": Refusal, "description": f"The body is larger than {BODY_BYTES_MOST} bytes"},
    422: {"model": Refusal, "description": "The request has not the form that is described here"},
    429: {"model": Refusal, "description": "Asked too often; see Retry-After"},
    503: {"model": Refusal, "description": "The store does not work"},
}
_CANNOT_BE: Final[dict[int | str, dict[str, Any]]] = {
    409: {"model": Refusal, "description": "It cannot be: a wrong check digit, somebody who is not there …"}
}


class _Guard:
    """Lets in who has a good token and does not ask too often, before anything of the request is looked at."""

    def __init__(self, app: ASGIApp, store: Store, now_ms: Callable[[], int], bound: RateBound) -> None:
        self._app = app
        self._store = store
        self._now_ms = now_ms
        self._bound = bound

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        path = scope["path"].removeprefix(scope.get("root_path", "")) if scope["type"] == "http" else ""
        if path == OPENAPI:
            await self._app(scope, receive, send)
        elif path:
            await self._guarded(scope, receive, send)

    async def _guarded(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        try:
            token = await self._token(scope)
        except StoreError as error:
            await _refusal(503, error)(scope, receive, send)
            return
        wait_s = self._bound.wait_s(_NOBODY if token is None else token.id)
        if wait_s:
            await _asked_too_often(wait_s)(scope, receive, send)
        elif token is None:
            await _NO_TOKEN(scope, receive, send)
        else:
            scope["state"] = {**scope.get("state", {}), "token": token}
            await self._app(scope, _bounded(receive), send)

    async def _token(self, scope: AsgiScope) -> Token | None:
        said = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        kind, _, presented = said.decode("latin-1").partition(" ")
        presented = presented.strip()
        if kind.lower() != "bearer" or not api_tokens.has_form(presented):
            return None
        now_ms = self._now_ms()
        token = await self._store.reading(api_tokens.find, presented, now_ms)
        if token is not None and token.is_use_unnoted(now_ms):
            await self._store.writing(api_tokens.note_use, token, now_ms)
        return token


def _bounded(receive: Receive) -> Receive:
    """The same, ending with an error where a body becomes too large."""
    size = 0

    async def received() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > BODY_BYTES_MOST:
            raise HTTPException(413)
        return message

    return received


def _refusal(status: int, error: BadgeclockError, headers: dict[str, str] | None = None) -> JSONResponse:
    content = {"what": logs.masked(error.what), "kept": error.kept, "do": error.do}
    return JSONResponse(content, status_code=status, headers=headers)


def _refused(status: int, what: str, do: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return _refusal(status, BadgeclockError(what=what, kept="everything as it was", do=do), headers)


def _asked_too_often(wait_s: float) -> JSONResponse:
    after = {"Retry-After": str(math.ceil(wait_s))}
    return _refused(429, "too many requests in a minute", "ask again after the seconds in Retry-After", after)


_NO_TOKEN: Final = _refused(
    401,
    "there is no token, or it is not good any more",
    "send `Authorization: Bearer …` with a token of `badgeclock bridge token add`",
    {"WWW-Authenticate": "Bearer"},
)
_OTHERWISE: Final = {
    400: (422, "the body is no JSON", f"see {PATH}{OPENAPI}"),
    404: (404, "there is nothing here", f"see {PATH}{OPENAPI}"),
    413: (413, f"the body is larger than {BODY_BYTES_MOST} bytes", "send less at once"),
}


def _parameters_are_as_described(request: Request) -> None:
    """Each parameter once, and none where a body says everything: who sends more is told so and not half understood."""
    names = [name for name, _ in request.query_params.multi_items()]
    wrong = sorted({name for name in names if names.count(name) > 1 or request.method != "GET"})
    if wrong:
        raise RequestValidationError(
            [{"loc": ("query", name), "msg": "not described here, or said twice"} for name in wrong]
        )


def _needs(scope: Scope) -> Any:
    def check(request: Request) -> Token:
        token: Token = request.state.token
        if scope not in token.scopes:
            raise ScopeMissing(scope)
        return token

    return Depends(check)


def create_app(store: Store, vault: Vault, *, requests_a_minute: int, now_ms: Callable[[], int]) -> FastAPI:
    """The application, to be mounted at `PATH`."""
    bearer = HTTPBearer(auto_error=False, description="A token of `badgeclock bridge token add`.")
    app = FastAPI(
        title="Badgeclock planning interface",
        version=__version__,
        openapi_url=OPENAPI,
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(bearer), Depends(_parameters_are_as_described)],
        responses=_REFUSALS,
        separate_input_output_schemas=False,
    )
    app.add_middleware(_Guard, store=store, now_ms=now_ms, bound=RateBound(requests_a_minute))
    _add_handlers(app)
    may_read, may_write = _needs(Scope.PLANNING_READ), _needs(Scope.PLANNING_WRITE)

    @app.get("/employers", dependencies=[may_read])
    async def employers(page: Annotated[Page, Query()]) -> list[EmployerTold]:
        """Employers by id."""
        return await store.reading(_employers, page)

    @app.put("/employers", responses=_CANNOT_BE)
    async def put_employer(body: EmployerBody, token: Token = may_write) -> PutDone:
        """Add an employer, or give one that is there this name."""
        return await store.writing(_put_employer, body, _operator(token), now_ms())

    @app.get("/sites", dependencies=[may_read])
    async def sites(page: Annotated[Page, Query()]) -> list[SiteTold]:
        """Sites by id."""
        return await store.reading(_sites, page)

    @app.put("/sites", responses=_CANNOT_BE)
    async def put_site(body: SiteBody, token: Token = may_write) -> PutDone:
        """Add a site by its name, or make the one that is there like this."""
        return await store.writing(_put_site, body, _operator(token), now_ms())

    @app.get("/workers", dependencies=[may_read])
    async def workers(page: Annotated[Page, Query()]) -> list[WorkerTold]:
        """Workers by id, without names and numbers."""
        return await store.reading(_workers, vault, page)

    @app.put("/workers", responses=_CANNOT_BE)
    async def put_worker(body: WorkerBody, token: Token = may_write) -> PutDone:
        """Add a worker by reference, or make the one that is there like this."""
        return await store.writing(_put_worker, vault, body, _operator(token), now_ms())

    @app.get("/badges", dependencies=[may_read])
    async def badges(page: Annotated[Page, Query()]) -> list[BadgeTold]:
        """Badges and their history, by row."""
        return await store.reading(_badges, page)

    @app.post("/badges", responses=_CANNOT_BE)
    async def give_badge(body: BadgeBody, token: Token = may_write) -> BadgeGiven:
        """Give a badge to a worker. Today's punches of it that nobody had are declared."""
        return await store.writing(_give_badge, vault, body, _operator(token), now_ms())

    @app.post("/badges/revoke", responses=_CANNOT_BE)
    async def take_badge_back(body: BadgeBack, token: Token = may_write) -> BadgeTold:
        """Take a badge back: from now on it is unknown. What it punched before stays as it is."""
        return await store.writing(_take_badge_back, body, _operator(token), now_ms())

    @app.get("/presences", dependencies=[_needs(Scope.PRESENCES_READ)], responses=_CANNOT_BE)
    async def presences(page: Annotated[PageOfDays, Query()]) -> list[PresenceTold]:
        """Presences of the days from `first` to `last`, 31 at most, by id: where each stands now."""
        if not timedelta(0) <= page.last - page.first < timedelta(days=DAYS_MOST):
            raise PeopleError(f"the days are not in order, or more than {DAYS_MOST}", "ask for fewer days at once")
        return await store.reading(_presences, page)

    return app


def _operator(token: Token) -> Operator:
    return Operator(f"token {token.id} ({token.name})")


def _add_handlers(app: FastAPI) -> None:
    """Every refusal has one form, and none gives back what was sent."""

    @app.exception_handler(RequestValidationError)
    def unfit(_: Request, error: RequestValidationError) -> JSONResponse:
        faults = [f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in error.errors()]
        return _refused(422, "; ".join(faults[:10])[:1000], f"see {PATH}{OPENAPI}")

    @app.exception_handler(PeopleError)
    def cannot_be(_: Request, error: PeopleError) -> JSONResponse:
        return _refusal(409, error)

    @app.exception_handler(errors.AuditError)
    def no_reason(_: Request, error: errors.AuditError) -> JSONResponse:
        return _refusal(409, error)

    @app.exception_handler(ScopeMissing)
    def forbidden(_: Request, error: ScopeMissing) -> JSONResponse:
        return _refusal(403, error)

    @app.exception_handler(StoreError)
    def failed(_: Request, error: StoreError) -> JSONResponse:
        return _refusal(503, error)

    @app.exception_handler(400)
    @app.exception_handler(404)
    @app.exception_handler(413)
    def otherwise(_: Request, error: HTTPException) -> JSONResponse:
        status, what, do = _OTHERWISE[error.status_code]
        return _refused(status, what, do)

    @app.exception_handler(405)
    def not_so(request: Request, _: HTTPException) -> JSONResponse:
        # Each route knows its own methods only; what may be done at a path is all of them.
        routes = [route for route in app.routes if isinstance(route, Route) and route.matches(request.scope)[0].value]
        methods = sorted({method for route in routes for method in route.methods or ()})
        return _refused(405, "this cannot be done here", f"see {PATH}{OPENAPI}", {"Allow": ", ".join(methods)})


def _put_employer(connection: Connection, body: EmployerBody, operator: Operator, now_ms: int) -> PutDone:
    change = employers.put(connection, body.kbo, body.name)
    return _put(connection, change, (Act.EMPLOYER_ADDED, Act.EMPLOYER_CHANGED), operator, now_ms)


def _put_site(connection: Connection, body: SiteBody, operator: Operator, now_ms: int) -> PutDone:
    site = Site(
        body.name,
        body.workplace,
        body.regime,
        body.time_zone,
        None if body.address is None else Address(**body.address.model_dump()),
        body.latitude,
        body.longitude,
        tuple(body.languages),
    )
    change = sites.put(connection, site)
    return _put(connection, change, (Act.SITE_ADDED, Act.SITE_CHANGED), operator, now_ms)


def _put_worker(connection: Connection, vault: Vault, body: WorkerBody, operator: Operator, now_ms: int) -> PutDone:
    change = workers.put(
        connection,
        vault,
        reference=body.reference,
        name=body.name,
        identity=identities.niss_or_limosa(body.niss, body.limosa),
        employer_kbo=body.employer,
        language=(body.language or "") if "language" in body.model_fields_set else None,
        now_ms=now_ms,
    )
    return _put(connection, change, (Act.WORKER_ADDED, Act.WORKER_CHANGED), operator, now_ms)


def _put(connection: Connection, change: Change, acts: tuple[Act, Act], operator: Operator, now_ms: int) -> PutDone:
    audit_log.write_change(connection, operator, change, *acts, now_ms)
    return PutDone(id=change.id, is_new=change.is_new, changed=list(change.changed))


def _give_badge(connection: Connection, vault: Vault, body: BadgeBody, operator: Operator, now_ms: int) -> BadgeGiven:
    uid = bytes.fromhex(body.uid)
    given = badges.assign(connection, vault, site=body.site, worker=body.worker, uid=uid, now_ms=now_ms)
    if given.is_new:
        detail = {"badge": given.badge, "site": body.site}
        audit_log.write(connection, operator, Act.BADGE_ASSIGNED, ("worker", given.worker), detail, now_ms)
    return BadgeGiven(badge=given.badge, is_new=given.is_new, queued=given.queued)


def _take_badge_back(connection: Connection, body: BadgeBack, operator: Operator, now_ms: int) -> BadgeTold:
    rows = connection.execute(_with_sites().where(schema.badges.c.id == body.badge)).all()
    if not rows or rows[0].until_ms is not None:
        raise PeopleError(f"badge {body.badge} is not in use", "look at the list of badges")
    badge = Badge(body.badge, rows[0].worker, rows[0].worker_id, rows[0].since_ms, None)
    badges.revoke(connection, badge, by=operator.name, reason=body.reason, now_ms=now_ms)
    return _badge(rows[0], now_ms)


def _employers(connection: Connection, page: Page) -> list[EmployerTold]:
    return [EmployerTold(id=row.id, kbo=row.kbo, name=row.name) for row in _page(connection, schema.employers, page)]


def _sites(connection: Connection, page: Page) -> list[SiteTold]:
    return [
        SiteTold(
            id=row.id,
            has_key=row.site_key_closed is not None,
            name=row.name,
            workplace=row.workplace,
            regime=Regime(row.regime),
            time_zone=row.time_zone,
            address=None if row.address is None else AddressBody(**row.address),
            latitude=row.latitude,
            longitude=row.longitude,
            languages=row.languages or [],
        )
        for row in _page(connection, schema.sites, page)
    ]


def _page(connection: Connection, table: Any, page: Page) -> Sequence[Any]:
    return connection.execute(select(table).where(table.c.id > page.after).order_by(table.c.id).limit(page.limit)).all()


def _workers(connection: Connection, vault: Vault, page: Page) -> list[WorkerTold]:
    table, of = schema.workers, schema.employers
    rows = connection.execute(
        select(table, of.c.kbo)
        .outerjoin(of, of.c.id == table.c.employer_id)
        .where(table.c.id > page.after)
        .order_by(table.c.id)
        .limit(page.limit)
    )
    return [
        WorkerTold(
            id=row.id,
            reference=row.reference,
            initials=workers.initials_of(vault, row.reference, row.name_closed),
            employer=row.kbo,
            identity=IdentityKind(row.identity_kind),
            language=row.language,
        )
        for row in rows
    ]


def _with_sites() -> Any:
    badges, workers, sites = schema.badges, schema.workers, schema.sites
    return (
        select(badges, workers.c.reference.label("worker"), sites.c.name.label("site"))
        .join(workers, workers.c.id == badges.c.worker_id)
        .join(sites, sites.c.id == badges.c.site_id)
    )


def _badges(connection: Connection, page: Page) -> list[BadgeTold]:
    table = schema.badges
    rows = connection.execute(_with_sites().where(table.c.id > page.after).order_by(table.c.id).limit(page.limit))
    return [_badge(row, row.until_ms) for row in rows]


def _badge(row: Any, until_ms: int | None) -> BadgeTold:
    return BadgeTold(badge=row.id, site=row.site, worker=row.worker, since_ms=row.since_ms, until_ms=until_ms)


def _presences(connection: Connection, page: PageOfDays) -> list[PresenceTold]:
    table, workers, sites = schema.presences, schema.workers, schema.sites
    rows = connection.execute(
        select(table, workers.c.reference.label("worker"), sites.c.name.label("site"))
        .join(workers, workers.c.id == table.c.worker_id)
        .join(sites, sites.c.id == table.c.site_id)
        .where(table.c.day >= page.first, table.c.day <= page.last, table.c.id > page.after)
        .order_by(table.c.id)
        .limit(page.limit)
    )
    return [
        PresenceTold(
            id=row.id,
            reference=row.reference,
            site=row.site,
            worker=row.worker,
            employer=row.employer_kbo,
            day=row.day,
            state=PresenceState(row.state),
            reason=None if row.reason is None else Reason(row.reason),
            reception_number=row.reception_number,
            error_code=row.error_code or None,
            remarks=row.remarks,
            registered_ms=row.registered_ms,
        )
        for row in rows
    ]
