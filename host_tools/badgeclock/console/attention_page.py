"""The attention pages: the list, one item with its evidence, and the acts that settle it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import FastAPI, Query
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from badgeclock.bridge.accounts.roles import Right
from badgeclock.bridge.attention.attention import Row
from badgeclock.console import attention_view, people, words
from badgeclock.console.attention_view import Item
from badgeclock.console.people import Shown
from badgeclock.console.site import Console
from badgeclock.console.visitor import Visitor
from badgeclock.errors import BadgeclockError

ROWS_SHOWN: Final = 200


def add(app: FastAPI, console: Console) -> None:
    """The pages of this file."""

    @app.get("/attention")
    async def list_page(
        request: Request,
        site: Annotated[str, Query(max_length=200)] = "",
        reason: Annotated[str, Query(max_length=64)] = "",
    ) -> Response:
        who = await console.admitted(request)
        if isinstance(who, Response):
            return who

        async def look() -> Mapping[str, Any]:
            found, workers = await console.store.reading(_rows, console, who, site, reason)
            shown = [row for row in found if _is_of(row, site, reason)]
            return {
                "rows": shown[:ROWS_SHOWN],
                "total": len(shown),
                "all_rows": found,
                "workers": workers,
                "site": site,
                "reason": reason,
                "said": words.said,
                "zone": attention_view.DEFAULT_ZONE,
                "several": words.several_of(shown[:ROWS_SHOWN]),
            }

        query = urlencode({name: value for name, value in (("site", site), ("reason", reason)) if value})
        here = f"/attention?{query}" if query else "/attention"
        return await console.live_page(request, who, "attention.html", here, look)

    @app.get("/attention/{reason}/{item:path}")
    async def one_page(request: Request, reason: str, item: str) -> Response:
        who = await console.admitted(request)
        if isinstance(who, Response):
            return who
        return await item_page(console, request, who, reason, item)


def _is_of(row: Row, site: str, reason: str) -> bool:
    return (not site or row.site == site) and (not reason or row.reason == reason)


def _rows(
    connection: Connection, console: Console, who: Visitor, site: str, reason: str
) -> tuple[list[Row], dict[str, Shown]]:
    found = attention_view.rows(connection, who.account.reach, console.now_ms())
    references = [row.worker for row in [row for row in found if _is_of(row, site, reason)][:ROWS_SHOWN]]
    return found, people.shown(connection, console.vault, references, names=who.session.shows_names)


async def item_page(
    console: Console,
    request: Request,
    who: Visitor,
    reason: str,
    item: str,
    *,
    status: int = 200,
    error: BadgeclockError | None = None,
    typed: dict[str, str] | None = None,
) -> Response:
    """The page of one item; after a refused act with the error and the values typed."""
    found = await console.store.reading(attention_view.find, who.account.reach, reason, item, console.now_ms())
    if found is None:
        return console.page(request, "gone.html", who, status if error else 404, error=error)
    workers, choice = await console.store.reading(_workers, console, who, found)
    return console.page(
        request,
        "item.html",
        who,
        status,
        found=found,
        said=words.said(reason),
        buttons=words.buttons_of(found.row) if who.may(Right.DECIDE) else (),
        workers=workers,
        choice=choice,
        codes=words.CANCEL_CODES,
        error=error,
        typed=typed or {},
    )


def _workers(
    connection: Connection, console: Console, who: Visitor, found: Item
) -> tuple[dict[str, Shown], list[Shown]]:
    references = attention_view.workers_to_choose(connection, who.account.reach, console.now_ms())
    names = people.shown(connection, console.vault, [*references, found.row.worker], names=who.session.shows_names)
    return names, [names[reference] for reference in references]
