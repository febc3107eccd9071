"""The console as an application: its parts put together, and the handling of errors."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from badgeclock.bridge.errors import PeopleError
from badgeclock.bridge.settings import ConsoleSettings
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.store.vault import Vault
from badgeclock.bridge.web import status_guard
from badgeclock.console import (
    accounts_page,
    acts_page,
    attention_page,
    clocks_page,
    doing,
    hours_page,
    imports_page,
    inspection_page,
    live,
    now_page,
    people_page,
    poster_page,
    presences_page,
    provider_page,
    registration_page,
    settings_page,
    signing_in,
    sites_page,
    templating,
)
from badgeclock.console.attempts import Attempts
from badgeclock.console.door import Door
from badgeclock.console.errors import ConsoleError, NotForThisRole
from badgeclock.console.guard import STATIC, Guard
from badgeclock.console.import_jobs import ImportJobs
from badgeclock.console.live import Watch
from badgeclock.console.openid import Provider
from badgeclock.console.settings_page import Sections
from badgeclock.console.site import Console
from badgeclock.errors import BadgeclockError, StoreError

_MARKS = b"console: a browser that was here before"


def create_app(
    store: Store,
    vault: Vault,
    door: Door,
    settings: ConsoleSettings,
    now_ms: Callable[[], int],
    watch: Watch,
    shown: Sections | None = None,
    provider: Provider | None = None,
) -> FastAPI:
    """The application; `store` is only read, changes go through `door`. `shown` are the bridge's settings, as a page
    may show them.
    """
    marks = vault.witness(vault.newest, _MARKS) or b""
    jobs = ImportJobs(store.url, vault, door, now_ms)
    console = Console(store, vault, door, settings, now_ms, Attempts(marks), templating.environments(), jobs)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        watching = asyncio.create_task(watch.run())
        yield
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
        await asyncio.to_thread(jobs.close)

    app = FastAPI(title="Badgeclock console", openapi_url=None, docs_url=None, redoc_url=None, lifespan=lifespan)
    app.add_middleware(Guard)
    app.add_middleware(status_guard.KnownNames, allowed_hosts=status_guard.names_of(settings.host, settings.names))
    app.add_middleware(status_guard.OneLength)
    app.mount(STATIC.rstrip("/"), StaticFiles(directory=templating.FOLDER / "static"))

    @app.get("/livez")
    def livez() -> PlainTextResponse:
        return PlainTextResponse("alive\n")

    signing_in.add(app, console)
    provider_page.add(app, console, provider)
    now_page.add(app, console)
    registration_page.add(app, console)
    inspection_page.add(app, console)
    hours_page.add(app, console)
    poster_page.add(app, console)
    attention_page.add(app, console)
    presences_page.add(app, console)
    doing.add(app, console)
    clocks_page.add(app, console)
    people_page.add(app, console)
    sites_page.add(app, console)
    acts_page.add(app, console)
    settings_page.add(app, console, shown)
    accounts_page.add(app, console)
    imports_page.add(app, console)
    live.add(app, console, watch)
    _add_problems(app, console)
    return app


def _add_problems(app: FastAPI, console: Console) -> None:
    async def problem(request: Request, error: BadgeclockError, status: int) -> Response:
        who = None
        with contextlib.suppress(StoreError):
            who = await console.visitor(request)
        return console.problem(request, who, error, status)

    @app.exception_handler(StoreError)
    async def store_fails(request: Request, error: StoreError) -> Response:
        return await problem(request, error, 503)

    @app.exception_handler(ConsoleError)
    async def cannot(request: Request, error: ConsoleError) -> Response:
        return await problem(request, error, 409)

    @app.exception_handler(NotForThisRole)
    async def not_for_this_role(request: Request, error: NotForThisRole) -> Response:
        return await problem(request, error, 403)

    @app.exception_handler(PeopleError)
    async def absent(request: Request, error: PeopleError) -> Response:
        return await problem(request, error, 404)

    @app.exception_handler(HTTPException)
    async def other(request: Request, error: HTTPException) -> Response:
        what = "there is no such page" if error.status_code in (404, 405) else "the console cannot read that"
        said = BadgeclockError(what=what, kept="everything as it was", do="go back, or to the first page")
        return await problem(request, said, error.status_code)

    @app.exception_handler(RequestValidationError)
    async def unread(request: Request, _: Any) -> Response:
        said = BadgeclockError(
            what="the address of this page cannot be read", kept="everything as it was", do="go to the first page"
        )
        return await problem(request, said, 422)
