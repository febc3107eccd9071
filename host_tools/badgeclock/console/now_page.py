"""The first page: the operator's morning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, NamedTuple
from urllib.parse import quote

from fastapi import FastAPI, Query
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from badgeclock.bridge.acts import within
from badgeclock.bridge.attention.attention import Row
from badgeclock.bridge.people import sites
from badgeclock.bridge.presences import today
from badgeclock.bridge.web.reach import cut
from badgeclock.console import attention_view, now_view, people, words
from badgeclock.console.now_view import Now
from badgeclock.console.people import Shown
from badgeclock.console.site import Console
from badgeclock.console.visitor import Visitor

FIRST_ROWS: Final = 8
"""At most this many items are on the first page; the rest is one page further."""


class Seen(NamedTuple):
    """What is read from the store for the page."""

    now: Now
    waits: tuple[Row, ...]
    workers: dict[str, Shown]
    links: dict[str, str]
    """By item, the page where it can be decided."""


def add(app: FastAPI, console: Console) -> None:
    """The page of this file."""

    @app.get("/")
    async def now_page(request: Request, site: Annotated[str | None, Query(max_length=200)] = None) -> Response:
        who = await console.admitted(request)
        if isinstance(who, Response):
            return who

        async def seen() -> Mapping[str, Any]:
            return {
                "seen": await console.store.reading(look, console, who, site),
                "site": site,
                "said": words.said,
                "zone": attention_view.DEFAULT_ZONE,
            }

        here = "/" if site is None else f"/?site={quote(site)}"
        return await console.live_page(request, who, "now.html", here, seen)


def look(connection: Connection, console: Console, who: Visitor, site: str | None) -> Seen:
    """One moment of the store, within the visitor's reach. Raises PeopleError for an unknown site."""
    now_ms, reach = console.now_ms(), who.account.reach
    inside = within.of(connection, reach, now_ms)
    if site is not None:
        inside.check_site(site)
    site_id = None if site is None else sites.row_id(connection, site)
    report = today.look(connection, now_ms, site_id=site_id, kept=console.kept)
    if not reach.is_everything:
        report = cut(report, inside)
    waits = attention_view.rows(connection, reach, now_ms)
    if site is not None:
        waits = [row for row in waits if row.site in {name for place in report.places for name in place.sites}]
    now = now_view.made(report, len(waits), None if site else now_view.ROWS_MOST)
    references = [one.worker for one in now.people()] + [row.worker for row in waits[:FIRST_ROWS]]
    workers = people.shown(connection, console.vault, references, names=who.session.shows_names)
    links = {row.item: f"/attention/{row.reason}/{quote(row.item)}" for row in waits}
    return Seen(now, tuple(waits[:FIRST_ROWS]), workers, links)
