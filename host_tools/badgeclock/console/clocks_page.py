"""Clocks: the list, worst first, with orders and muting for several at once; and one clock in detail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import FastAPI, Query
from starlette.requests import Request
from starlette.responses import Response

from badgeclock.bridge.accounts.roles import Right
from badgeclock.bridge.acts.clock_acts import Order
from badgeclock.bridge.clocks.remote_settings import SETTINGS
from badgeclock.console import clocks_view, words
from badgeclock.console.clocks_view import HEALTHS, Health
from badgeclock.console.site import Console


def add(app: FastAPI, console: Console) -> None:
    """The pages of this file."""

    @app.get("/clocks")
    async def list_page(
        request: Request,
        site: Annotated[str, Query(max_length=200)] = "",
        health: Annotated[str, Query(max_length=20)] = "",
    ) -> Response:
        who = await console.admitted(request)
        if isinstance(who, Response):
            return who

        async def look() -> Mapping[str, Any]:
            found = await console.store.reading(clocks_view.clocks, who.account.reach, console.now_ms())
            return {
                "clocks": [one for one in found if (not site or one.site == site) and health in ("", one.health)],
                "everyone": found,
                "site": site,
                "health": health,
                "healths": HEALTHS,
                "retired": Health.RETIRED,
                "orders": words.ORDERS,
            }

        query = urlencode({name: value for name, value in (("site", site), ("health", health)) if value})
        here = f"/clocks?{query}" if query else "/clocks"
        return await console.live_page(request, who, "clocks.html", here, look)

    @app.get("/clocks/{name}")
    async def one_page(request: Request, name: str) -> Response:
        who = await console.admitted(request)
        if isinstance(who, Response):
            return who
        found = await console.store.reading(clocks_view.find, who.account.reach, name, console.now_ms())
        if found is None:
            return console.page(request, "gone.html", who, 404, error=None)
        orders, events, kept = await console.store.reading(clocks_view.history, name)
        return console.page(
            request,
            "clock.html",
            who,
            clock=found,
            given=orders,
            events=events,
            kept=kept,
            said=words.said,
            reason_of=lambda cause: f"clock_{cause.replace('-', '_')}",
            orders={order: text for order, text in words.ORDERS.items() if order in list(Order)},
            settings=SETTINGS,
            healths=HEALTHS,
            may=who.may(Right.OFFICE) and found.health is not Health.RETIRED,
            may_release=who.may(Right.DECIDE) and found.health is Health.QUARANTINE,
        )
