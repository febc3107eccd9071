"""A site's poster: its workplace number in text, and a QR code that opens the site's page on a phone."""

from __future__ import annotations

import io
from typing import Annotated
from urllib.parse import quote, urlencode

import segno
from fastapi import FastAPI, Query
from sqlalchemy import Connection, select
from starlette.requests import Request
from starlette.responses import Response

from badgeclock.bridge.acts import within
from badgeclock.bridge.people import sites
from badgeclock.bridge.store import schema
from badgeclock.bridge.web.reach import Reach
from badgeclock.console import languages, words
from badgeclock.console.site import Console, elsewhere


def add(app: FastAPI, console: Console) -> None:
    """The pages of this file."""

    @app.get("/poster")
    async def poster(request: Request, site: Annotated[str, Query(max_length=200)] = "") -> Response:
        who = await console.admitted(request)
        if isinstance(who, Response):
            return who
        name, workplace = await console.store.reading(_site, who.account.reach, site, console.now_ms())
        said = [
            (language, [languages.catalogue(language).gettext(each) for each in words.POSTER])
            for language in languages.LANGUAGES
        ]
        picture = f"/poster/qr.svg?{urlencode({'site': name})}"
        return console.page(request, "poster.html", who, site=name, workplace=workplace, words=said, picture=picture)

    @app.get("/poster/qr.svg")
    async def picture(request: Request, site: Annotated[str, Query(max_length=200)] = "") -> Response:
        who = await console.admitted(request)
        if isinstance(who, Response):
            return who
        _, workplace = await console.store.reading(_site, who.account.reach, site, console.now_ms())
        out = io.BytesIO()
        address = f"{str(request.base_url).rstrip('/')}/at/{quote(workplace)}"
        segno.make(address, error="q").save(out, kind="svg", scale=8, border=4, dark="#000", light="#fff")
        return Response(out.getvalue(), media_type="image/svg+xml")

    @app.get("/at/{workplace}")
    async def at(request: Request, workplace: str) -> Response:
        who = await console.admitted(request)
        if isinstance(who, Response):
            return who
        name = await console.store.reading(_named, who.account.reach, workplace, console.now_ms())
        return elsewhere(request, f"/?{urlencode({'site': name})}" if name else "/")


def _site(connection: Connection, reach: Reach, name: str, now_ms: int) -> tuple[str, str]:
    """Name and workplace number of a site within a reach. Raises PeopleError."""
    within.of(connection, reach, now_ms).check_site(name)
    row = sites.find_row(connection, name)
    return row.name, row.workplace


def _named(connection: Connection, reach: Reach, workplace: str, now_ms: int) -> str:
    """The first site within the reach with a workplace number; empty if there is none."""
    table, inside = schema.sites, within.of(connection, reach, now_ms)
    which = select(table.c.name).where(table.c.workplace == workplace, *inside.sites(table.c.id)).order_by(table.c.id)
    return connection.execute(which.limit(1)).scalar() or ""
