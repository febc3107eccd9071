"""The inspector's pages: who is on a site now, by an account or by a link that expires; and those links.

A link's secret is removed from the address at once and kept in a cookie of these pages.
"""

from __future__ import annotations

import asyncio
import hmac
from typing import Annotated, Any, Final

from fastapi import FastAPI, Query
from sqlalchemy import Connection, select
from starlette.requests import Request
from starlette.responses import Response

from badgeclock.bridge.accounts import links, sessions
from badgeclock.bridge.accounts.links import Kind, Link
from badgeclock.bridge.accounts.roles import Right
from badgeclock.bridge.acts import link_acts, within
from badgeclock.bridge.acts.acts import Asked
from badgeclock.bridge.store import schema
from badgeclock.console import attention_view, hours_page, inspection_view, languages, people, presences_view
from badgeclock.console.errors import ActRefused, BridgeSilent
from badgeclock.console.inspection_view import Inspection, Shows
from badgeclock.console.signing_in import DO, posted
from badgeclock.console.site import Console, elsewhere, fields_of
from badgeclock.console.visitor import Visitor

VISIT: Final = "/visit"
COOKIE: Final = "badgeclock-visit"
HOURS: Final = (1, 4, 12, 24, 24 * 7, 24 * 31)
"""The choices for how long a link lasts."""
_CSV: Final = "csv"
_PDF: Final = "pdf"


def add(app: FastAPI, console: Console) -> None:
    """The pages of this file."""

    @app.get("/inspection")
    async def inspection(
        request: Request,
        site: Annotated[str, Query(max_length=200)] = "",
        form: Annotated[str, Query(max_length=4)] = "",
    ) -> Response:
        who = await console.admitted(request)
        if isinstance(who, Response):
            return who
        shows = Shows.NAME if who.may(Right.NUMBERS) or who.session.shows_names else Shows.REFERENCE
        return await _list(console, request, who, site, form, shows)

    @app.post(DO + Asked.SHOW_NUMBERS.value)
    async def show_numbers(request: Request) -> Response:
        came = await posted(console, request)
        if isinstance(came, Response):
            return came
        who, fields = came
        site = fields.get("site", "")
        try:
            await console.door.ask(Asked.SHOW_NUMBERS, who.secret, site=site)
        except (ActRefused, BridgeSilent) as error:
            return console.problem(request, who, error, 409 if isinstance(error, ActRefused) else 503)
        return await _list(console, request, who, site, fields.get("form", ""), Shows.NUMBER)

    @app.get(VISIT + "/{secret}")
    async def open_link(request: Request, secret: str) -> Response:
        return await _open(console, request, secret)

    @app.get(VISIT)
    async def visit(request: Request, form: Annotated[str, Query(max_length=4)] = "") -> Response:
        return await _visit(console, request, form, Shows.NAME)

    @app.post(VISIT)
    async def visit_numbers(request: Request) -> Response:
        return await _visit_numbers(console, request)

    @app.get("/links")
    async def links_page(request: Request) -> Response:
        who = await console.admitted(request, Right.DECIDE)
        if isinstance(who, Response):
            return who
        return await _links(console, request, who)

    @app.post(DO + Asked.MAKE_LINK.value)
    async def make_link(request: Request) -> Response:
        return await _make_link(console, request)

    @app.post(DO + Asked.REVOKE_LINK.value)
    async def revoke_link(request: Request) -> Response:
        return await _revoke_link(console, request)


async def _list(console: Console, request: Request, who: Visitor, site: str, form: str, shows: Shows) -> Response:
    names = await console.store.reading(presences_view.sites_within, who.account.reach, console.now_ms())
    if not site and len(names) == 1:
        site = names[0]
    if not site:
        return _page(console, request, who, None, names=names)
    found = await console.store.reading(
        inspection_view.look, console.vault, site, shows, console.now_ms(), who.account.reach
    )
    can_show = who.may(Right.NUMBERS) and shows is not Shows.NUMBER
    return await _answer(console, request, who, found, form, names=names, can_show=can_show, path="/inspection")


async def _answer(
    console: Console, request: Request, who: Visitor | None, found: Inspection, form: str, **context: Any
) -> Response:
    """The list as a page, or as a file."""
    if form == _CSV:
        gettext = languages.catalogue(languages.of(request)).gettext
        headers = {"content-disposition": f'attachment; filename="on-site-{found.day}.csv"'}
        text = inspection_view.as_csv(found, gettext)
        return Response(text, media_type="text/csv; charset=utf-8", headers=headers)
    if form == _PDF:
        # Imported here: no other page needs it, and it is slow to import.
        from badgeclock.console import inspection_pdf  # noqa: PLC0415

        language = languages.of(request)
        words = languages.catalogue(language).gettext
        made = await asyncio.to_thread(inspection_pdf.as_pdf, found, words, languages.locale_of(language))
        headers = {"content-disposition": f'inline; filename="on-site-{found.day}.pdf"'}
        return Response(made, media_type="application/pdf", headers=headers)
    return _page(console, request, who, found, **context)


def _page(
    console: Console,
    request: Request,
    who: Visitor | None,
    found: Inspection | None,
    *,
    names: list[str],
    can_show: bool = False,
    path: str = "/inspection",
    link: Link | None = None,
    token: str = "",
) -> Response:
    return console.page(
        request,
        "inspection.html",
        who,
        found=found,
        names=names,
        can_show=can_show,
        path=path,
        link=link,
        link_token=token,
        states=presences_view.STATES,
        verdicts=inspection_view.VERDICTS,
    )


# --- by a link ---


async def _open(console: Console, request: Request, secret: str) -> Response:
    """Remove the secret from the address, and record in the book that the link was opened."""
    address = request.client.host if request.client else ""
    if console.attempts.wait_s(address, f"link {address}", ""):
        return console.page(request, "link_ended.html", None, 429)
    try:
        await console.door.ask(Asked.OPEN_LINK, secret)
    except ActRefused:
        console.attempts.failed(address, f"link {address}", "")
        return console.page(request, "link_ended.html", None, 404)
    answer = elsewhere(request, VISIT)
    is_secure = request.url.scheme == "https"
    answer.set_cookie(COOKIE, secret, httponly=True, secure=is_secure, samesite="lax", path=VISIT)
    return answer


async def _visit(console: Console, request: Request, form: str, shows: Shows) -> Response:
    secret = request.cookies.get(COOKIE, "")
    link = await console.store.reading(links.find, secret, console.now_ms())
    if link is None:
        return console.page(request, "link_ended.html", None, 404)
    if link.kind is Kind.WORKER:
        return await hours_page.of_link(console, request, link, form)
    found = await console.looks.look(
        ("visit", link.site_id, shows), lambda: console.store.reading(_of_link, console, link, shows)
    )
    token = sessions.form_token(secret)
    can_show = shows is not Shows.NUMBER
    return await _answer(
        console, request, None, found, form, names=[], can_show=can_show, path=VISIT, link=link, token=token
    )


def _of_link(connection: Connection, console: Console, link: Link, shows: Shows) -> Inspection:
    table = schema.sites
    site = connection.execute(select(table.c.name).where(table.c.id == link.site_id)).scalar_one()
    return inspection_view.look(connection, console.vault, site, shows, console.now_ms())


async def _visit_numbers(console: Console, request: Request) -> Response:
    secret, fields = request.cookies.get(COOKIE, ""), await fields_of(request)
    if not secret or not hmac.compare_digest(fields.get("token", "").encode(), sessions.form_token(secret).encode()):
        return console.page(request, "link_ended.html", None, 404)
    try:
        await console.door.ask(Asked.LINK_NUMBERS, secret)
    except ActRefused:
        return console.page(request, "link_ended.html", None, 404)
    return await _visit(console, request, fields.get("form", ""), Shows.NUMBER)


# --- the links themselves ---


async def _links(
    console: Console, request: Request, who: Visitor, *, address: str = "", error: Any = None, status: int = 200
) -> Response:
    found = await console.store.reading(_look_links, console, who)
    return console.page(request, "links.html", who, status, **found, address=address, error=error, hours=HOURS)


def _look_links(connection: Connection, console: Console, who: Visitor) -> dict[str, Any]:
    now_ms, reach = console.now_ms(), who.account.reach
    inside = within.of(connection, reach, now_ms)
    rows = [row for row in links.listing(connection, now_ms) if link_acts.is_within(inside, row)]
    choice = attention_view.workers_to_choose(connection, reach, now_ms)
    references = [*choice, *(row.worker for row in rows)]
    workers = people.shown(connection, console.vault, references, names=who.session.shows_names)
    sites = sorted(inside.site_names()) if inside.has_all_employers else []
    return {
        "rows": rows,
        "workers": workers,
        "choice": [workers[one] for one in choice],
        "sites": sites,
        "zone": attention_view.DEFAULT_ZONE,
    }


async def _make_link(console: Console, request: Request) -> Response:
    came = await posted(console, request)
    if isinstance(came, Response):
        return came
    who, fields = came
    hours = fields.get("hours", "")
    try:
        done = await console.door.ask(
            Asked.MAKE_LINK,
            who.secret,
            site=fields.get("site") or None,
            worker=fields.get("worker") or None,
            hours=int(hours) if hours in map(str, HOURS) else 0,
            why=fields.get("why", ""),
        )
    except (ActRefused, BridgeSilent) as error:
        status = 409 if isinstance(error, ActRefused) else 503
        if not who.may(Right.DECIDE):
            return console.problem(request, who, error, status)
        return await _links(console, request, who, error=error, status=status)
    return await _links(console, request, who, address=f"{str(request.base_url).rstrip('/')}{VISIT}/{done['secret']}")


async def _revoke_link(console: Console, request: Request) -> Response:
    came = await posted(console, request)
    if isinstance(came, Response):
        return came
    who, fields = came
    number = fields.get("item", "")
    asked = int(number) if number.isascii() and number.isdigit() and len(number) < len(str(2**62)) else 0
    try:
        await console.door.ask(Asked.REVOKE_LINK, who.secret, number=asked, why=fields.get("why", ""))
    except (ActRefused, BridgeSilent) as error:
        return console.problem(request, who, error, 409 if isinstance(error, ActRefused) else 503)
    return elsewhere(request, "/links")
