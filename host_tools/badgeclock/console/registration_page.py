"""Registration by the office: one worker, somebody at the gate by number, many at once, and what is planned."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Annotated, Any, Final
from urllib.parse import quote, urlencode

from fastapi import FastAPI, Query
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from badgeclock.bridge.accounts.roles import Right
from badgeclock.bridge.acts.acts import Asked
from badgeclock.bridge.registrar.decisions import CancelCode
from badgeclock.bridge.registrar.office_registrations import DAYS_AHEAD
from badgeclock.console import attention_view, people, presences_view, registration_view
from badgeclock.console.errors import ActRefused, BridgeSilent
from badgeclock.console.presences_page import Day
from badgeclock.console.registration_view import Source
from badgeclock.console.signing_in import DO, posted
from badgeclock.console.site import BETWEEN, MANY, Console, elsewhere
from badgeclock.console.visitor import Visitor
from badgeclock.errors import BadgeclockError

PAGE: Final = "/register"
_PARTS: Final = 3


def add(app: FastAPI, console: Console) -> None:
    """The pages of this file."""

    @app.get(PAGE)
    async def register_page(
        request: Request,
        site: Annotated[str, Query(max_length=200)] = "",
        done: Annotated[str, Query(max_length=32)] = "",
    ) -> Response:
        who = await console.admitted(request, Right.DECIDE)
        if isinstance(who, Response):
            return who
        return await _page(console, request, who, site, done=done)

    @app.get(f"{PAGE}/many")
    async def many_page(
        request: Request,
        site: Annotated[str, Query(max_length=200)] = "",
        source: Source = Source.WEEK,
        employer: Annotated[str, Query(max_length=10)] = "",
        first: Day = None,
        last: Day = None,
    ) -> Response:
        who = await console.admitted(request, Right.DECIDE)
        if isinstance(who, Response):
            return who
        asked = {"source": source.value, "employer": employer}
        return await _many(console, request, who, site, asked, first, last)

    @app.post(DO + "register")
    async def register(request: Request) -> Response:
        return await _posted(console, request, _register)

    @app.post(DO + "register-many")
    async def register_many(request: Request) -> Response:
        return await _posted(console, request, _register_many)

    @app.post(DO + "withdraw-registration")
    async def withdraw(request: Request) -> Response:
        return await _posted(console, request, _withdraw)

    @app.post(DO + "cancel-presence")
    async def cancel(request: Request) -> Response:
        return await _posted(console, request, _cancel)


_Do = Callable[[Console, Visitor, dict[str, str]], Awaitable[str]]


async def _posted(console: Console, request: Request, do: _Do) -> Response:
    """Have an act done; `do` returns the next page. A refusal is shown on the form's own page, with what was typed."""
    came = await posted(console, request)
    if isinstance(came, Response):
        return came
    who, fields = came
    try:
        path = await do(console, who, fields)
    except (ActRefused, BridgeSilent) as error:
        status = 409 if isinstance(error, ActRefused) else 503
        if do is not _register or not who.may(Right.DECIDE):
            return console.problem(request, who, error, status)
        return await _page(
            console, request, who, fields.get("site", ""), status=status, error=error, typed=dict(fields)
        )
    console.looks.forget()
    return elsewhere(request, path)


async def _register(console: Console, who: Visitor, fields: dict[str, str]) -> str:
    site = fields.get("site", "")
    days = _days(fields.get("day", ""), fields.get("until", ""))
    employer = fields.get("employer", "").strip() or None
    ask: dict[str, Any] = {"site": site, "why": fields.get("why", "")}
    if number := fields.get("number", "").strip():
        more = {"name": fields.get("name", ""), "employer_name": fields.get("employer_name", "")}
        done = await console.door.ask(
            Asked.REGISTER_AT_GATE, who.secret, **ask, **more, number=number, employer=employer, days=days
        )
    else:
        worker = fields.get("worker", "").strip()
        entries = [{"worker": worker, "day": day, "employer": employer} for day in days]
        done = await console.door.ask(Asked.REGISTER, who.secret, **ask, entries=entries)
    return _next(site, done)


async def _register_many(console: Console, who: Visitor, fields: dict[str, str]) -> str:
    site = fields.get("site", "")
    parts = [line.split("|") for line in fields.get(MANY, "").split(BETWEEN) if line.count("|") == _PARTS - 1]
    entries = [{"worker": worker, "day": day, "employer": kbo or None} for worker, day, kbo in parts]
    done = await console.door.ask(Asked.REGISTER, who.secret, site=site, entries=entries, why=fields.get("why", ""))
    return _next(site, done)


async def _withdraw(console: Console, who: Visitor, fields: dict[str, str]) -> str:
    number = fields.get("item", "")
    asked = int(number) if number.isascii() and number.isdigit() and len(number) < len(str(2**62)) else 0
    await console.door.ask(Asked.WITHDRAW_REGISTRATION, who.secret, number=asked, why=fields.get("why", ""))
    return f"{PAGE}?{urlencode({'site': fields.get('site', ''), 'done': 'withdrawn'})}"


async def _cancel(console: Console, who: Visitor, fields: dict[str, str]) -> str:
    item = fields.get("item", "")
    code = fields.get("code") or CancelCode.PLANNING.value
    done = await console.door.ask(Asked.CANCEL, who.secret, item=item, code=code, why=fields.get("why", ""))
    return f"/presences/{quote(item)}?done={'filed' if 'correction' in done else 'cancel'}"


def _next(site: str, done: dict[str, Any]) -> str:
    counts = "-".join(str(done[name]) for name in ("queued", "planned", "there"))
    return f"{PAGE}?{urlencode({'site': site, 'done': counts})}"


def _days(first: str, last: str) -> list[str]:
    """The days of a form; the bridge refuses what is not a day."""
    try:
        begins, ends = date.fromisoformat(first), date.fromisoformat(last or first)
    except ValueError:
        return [first]
    span = min(max((ends - begins).days, 0), DAYS_AHEAD)
    return [(begins + timedelta(days=step)).isoformat() for step in range(span + 1)]


async def _page(
    console: Console,
    request: Request,
    who: Visitor,
    site: str,
    *,
    status: int = 200,
    done: str = "",
    error: BadgeclockError | None = None,
    typed: dict[str, str] | None = None,
) -> Response:
    found = await console.store.reading(_look, console, who, site)
    counts = [int(part) for part in done.split("-") if part.isascii() and part.isdigit() and len(part) < len("1000")]
    return console.page(
        request,
        "register.html",
        who,
        status,
        **found,
        counts=counts if len(counts) == _PARTS else None,
        withdrawn=done == "withdrawn",
        error=error,
        typed=typed or {},
        states=presences_view.STATES,
        ahead=DAYS_AHEAD,
    )


def _look(connection: Connection, console: Console, who: Visitor, site: str) -> dict[str, Any]:
    now_ms, reach = console.now_ms(), who.account.reach
    names = presences_view.sites_within(connection, reach, now_ms)
    if not site and len(names) == 1:
        site = names[0]
    of = registration_view.site_of(connection, reach, site, now_ms) if site else None
    planned = registration_view.planned(connection, reach, now_ms, site)
    by_hand = registration_view.by_hand(connection, reach, now_ms, of.name, of.today) if of else []
    choice = attention_view.workers_to_choose(connection, reach, now_ms)
    references = [*choice, *(one["worker"] for one in planned), *(row.worker for row in by_hand)]
    workers = people.shown(connection, console.vault, references, names=who.session.shows_names)
    return {
        "sites": names,
        "of": of,
        "planned": planned,
        "by_hand": by_hand,
        "workers": workers,
        "choice": [workers[reference] for reference in choice],
        "scan_site": of.name if of else "",
    }


async def _many(
    console: Console,
    request: Request,
    who: Visitor,
    site: str,
    asked: dict[str, str],
    first: date | None,
    last: date | None,
) -> Response:
    def look(connection: Connection) -> dict[str, Any]:
        now_ms, reach = console.now_ms(), who.account.reach
        of = registration_view.site_of(connection, reach, site, now_ms)
        days = registration_view.days_of(first, last, of.today)
        source = Source(asked["source"])
        preview = registration_view.preview(connection, reach, of.name, source, asked["employer"], days, now_ms)
        workers = people.shown(
            connection, console.vault, [worker for worker, *_ in preview.rows], names=who.session.shows_names
        )
        employers = registration_view.employers_at(connection, reach, of.name, now_ms, of.today)
        return {"of": of, "preview": preview, "workers": workers, "employers": employers, "asked": asked}

    found = await console.store.reading(look)
    return console.page(
        request,
        "register_many.html",
        who,
        **found,
        sources=registration_view.SOURCES,
        outcomes=registration_view.OUTCOMES,
    )
