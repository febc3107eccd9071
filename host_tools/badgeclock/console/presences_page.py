"""Presences: a list filtered by the address, the same as CSV, and the history of one."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from urllib.parse import urlencode

from fastapi import FastAPI, Query
from pydantic import BeforeValidator
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from badgeclock.authorities.base import BELGIUM
from badgeclock.bridge.accounts.roles import Right
from badgeclock.bridge.presences.regimes import local_day
from badgeclock.console import attention_view, people, presences_view, words
from badgeclock.console.people import Shown
from badgeclock.console.presences_view import Filter, Standing
from badgeclock.console.site import Console
from badgeclock.console.visitor import Visitor

Day = Annotated[date | None, BeforeValidator(lambda written: written or None)]
"""A day in an address; an empty field means none."""


def add(app: FastAPI, console: Console) -> None:
    """The pages of this file."""

    @app.get("/presences")
    async def list_page(
        request: Request,
        first: Day = None,
        last: Day = None,
        site: Annotated[str, Query(max_length=200)] = "",
        worker: Annotated[str, Query(max_length=200)] = "",
        standing: Standing = Standing.ALL,
        form: Annotated[str, Query(max_length=3)] = "",
    ) -> Response:
        who = await console.admitted(request)
        if isinstance(who, Response):
            return who
        days = presences_view.of_days(first, last, local_day(console.now_ms(), BELGIUM.key))
        asked = Filter(*days, site, worker.strip(), standing)
        if form == "csv":
            found = await console.store.reading(
                presences_view.rows, who.account.reach, asked, console.now_ms(), presences_view.CSV_ROWS_MOST
            )
            name = f"presences-{asked.first}-{asked.last}.csv"
            headers = {"content-disposition": f'attachment; filename="{name}"'}
            return Response(presences_view.as_csv(found), media_type="text/csv; charset=utf-8", headers=headers)
        shown, sites, workers = await console.store.reading(_list, console, who, asked)
        query = urlencode(
            {"first": asked.first, "last": asked.last, "site": site, "worker": worker, "standing": standing.value}
        )
        return console.page(
            request,
            "presences.html",
            who,
            asked=asked,
            rows=shown[: presences_view.ROWS_SHOWN],
            is_more=len(shown) > presences_view.ROWS_SHOWN,
            sites=sites,
            workers=workers,
            states=presences_view.STATES,
            standings=presences_view.STANDINGS,
            csv=f"/presences?{query}&form=csv",
        )

    @app.get("/presences/{reference}")
    async def one_page(request: Request, reference: str, done: Annotated[str, Query(max_length=16)] = "") -> Response:
        who = await console.admitted(request)
        if isinstance(who, Response):
            return who
        found = await console.store.reading(presences_view.find, who.account.reach, reference, console.now_ms())
        if found is None:
            return console.page(request, "gone.html", who, 404, error=None)
        workers, reason = await console.store.reading(_one, console, who, found["item"], found["worker"])
        return console.page(
            request,
            "presence.html",
            who,
            found=found,
            workers=workers,
            reason=reason,
            states=presences_view.STATES,
            can_cancel=who.may(Right.DECIDE) and not reason and found["state"] in presences_view.CANCELLED_HERE,
            codes=words.CANCEL_CODES,
            came=done,
            filed_said=words.FILED_SAID,
        )


def _list(
    connection: Connection, console: Console, who: Visitor, asked: Filter
) -> tuple[list[object], list[str], dict[str, Shown]]:
    now_ms, reach = console.now_ms(), who.account.reach
    shown = presences_view.rows(connection, reach, asked, now_ms, presences_view.ROWS_SHOWN + 1)
    names = {row.worker for row in shown}
    workers = people.shown(connection, console.vault, names, names=who.session.shows_names)
    return shown, presences_view.sites_within(connection, reach, now_ms), workers


def _one(
    connection: Connection, console: Console, who: Visitor, item: str, worker: str
) -> tuple[dict[str, Shown], str]:
    """The worker, and the reason why it is open, if it is."""
    waits = attention_view.rows(connection, who.account.reach, console.now_ms())
    reason = next((row.reason for row in waits if row.item == item), "")
    return people.shown(connection, console.vault, [worker], names=who.session.shows_names), reason
