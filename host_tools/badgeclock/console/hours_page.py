"""Hours: the office's list and its file for payroll, and a worker's own page by a link."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Annotated, Any

from fastapi import FastAPI, Query
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from badgeclock.authorities.base import BELGIUM
from badgeclock.bridge.accounts.links import Link
from badgeclock.bridge.accounts.roles import Right
from badgeclock.bridge.acts.acts import Asked
from badgeclock.bridge.presences.regimes import local_day
from badgeclock.bridge.presences.worked_hours import WorkedShift
from badgeclock.console import attention_view, hours_view, languages, people, presences_view
from badgeclock.console.errors import ActRefused, BridgeSilent
from badgeclock.console.presences_page import Day
from badgeclock.console.signing_in import DO, posted
from badgeclock.console.site import Console


def add(app: FastAPI, console: Console) -> None:
    """The pages of this file."""

    @app.get("/hours")
    async def hours(
        request: Request,
        first: Day = None,
        last: Day = None,
        site: Annotated[str, Query(max_length=200)] = "",
        worker: Annotated[str, Query(max_length=200)] = "",
    ) -> Response:
        who = await console.admitted(request, Right.DECIDE)
        if isinstance(who, Response):
            return who
        days = hours_view.days_of(first, last, local_day(console.now_ms(), BELGIUM.key))

        def look(connection: Connection) -> dict[str, Any]:
            now_ms, reach = console.now_ms(), who.account.reach
            found = hours_view.rows(connection, reach, *days, site, worker.strip(), now_ms)
            names = {one.worker for one in found}
            workers = people.shown(connection, console.vault, names, names=who.session.shows_names)
            sites = presences_view.sites_within(connection, reach, now_ms)
            return {"rows": found, "workers": workers, "sites": sites}

        found = await console.store.reading(look)
        asked = {"site": site, "worker": worker, "first": days[0], "last": days[1]}
        return _page(console, request, who, found["rows"], asked, workers=found["workers"], sites=found["sites"])

    @app.post(DO + Asked.NOTE_HOURS.value)
    async def payroll(request: Request) -> Response:
        return await _payroll(console, request)


def _page(
    console: Console, request: Request, who: Any, rows: list[WorkedShift], asked: dict[str, Any], **context: Any
) -> Response:
    own = {"link": None, "workers": {}, "sites": [], **context}
    return console.page(
        request,
        "hours.html",
        who,
        rows=rows,
        asked=asked,
        total=hours_view.total(rows),
        zone=attention_view.DEFAULT_ZONE,
        **own,
    )


async def _payroll(console: Console, request: Request) -> Response:
    """The file for payroll, or one worker's PDF; exporting is an act."""
    came = await posted(console, request)
    if isinstance(came, Response):
        return came
    who, fields = came
    today = local_day(console.now_ms(), BELGIUM.key)
    days = hours_view.days_of(_day(fields.get("first", "")), _day(fields.get("last", "")), today)
    site, worker = fields.get("site", ""), fields.get("worker", "").strip()
    try:
        await console.door.ask(
            Asked.NOTE_HOURS, who.secret, site=site, worker=worker, first=days[0].isoformat(), last=days[1].isoformat()
        )
    except (ActRefused, BridgeSilent) as error:
        return console.problem(request, who, error, 409 if isinstance(error, ActRefused) else 503)
    found = await console.store.reading(hours_view.rows, who.account.reach, *days, site, worker, console.now_ms())
    if worker and fields.get("form") == "pdf":
        return await _pdf(console, request, found, worker, days)
    return _csv(found, days)


def _csv(found: list[WorkedShift], days: tuple[date, date]) -> Response:
    headers = {"content-disposition": f'attachment; filename="hours-no-proof-{days[0]}-{days[1]}.csv"'}
    return Response(hours_view.as_csv(found), media_type="text/csv; charset=utf-8", headers=headers)


async def _pdf(
    console: Console, request: Request, found: list[WorkedShift], worker: str, days: tuple[date, date]
) -> Response:
    # Loaded here, for no other page needs it, and it takes longer to load than they do.
    from badgeclock.console import hours_pdf  # noqa: PLC0415

    language = languages.of(request)
    words, locale = languages.catalogue(language).gettext, languages.locale_of(language)
    made = await asyncio.to_thread(hours_pdf.as_pdf, found, worker, days, console.now_ms(), words, locale)
    headers = {"content-disposition": f'inline; filename="hours-no-proof-{days[0]}-{days[1]}.pdf"'}
    return Response(made, media_type="application/pdf", headers=headers)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


async def of_link(console: Console, request: Request, link: Link, form: str) -> Response:
    """A worker's own page: the last two months."""
    today = local_day(console.now_ms(), BELGIUM.key)
    days = hours_view.days_of(date.fromordinal(max(1, today.toordinal() - 61)), today, today)

    def look(connection: Connection) -> tuple[list[WorkedShift], str]:
        worker_id = link.worker_id or 0
        found = hours_view.own(connection, worker_id, *days, console.now_ms())
        return found, hours_view.reference_of(connection, worker_id)

    rows, reference = await console.store.reading(look)
    if form == "csv":
        return _csv(rows, days)
    if form == "pdf":
        return await _pdf(console, request, rows, reference, days)
    asked = {"site": "", "worker": reference, "first": days[0], "last": days[1]}
    return _page(console, request, None, rows, asked, link=link)
