"""Sites in groups, with the worst of each; one site with its regimes; and employers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from badgeclock.bridge.accounts.roles import Right
from badgeclock.console import clocks_view, sites_view
from badgeclock.console.site import Console
from badgeclock.console.sites_view import Employer, Group
from badgeclock.console.visitor import Visitor


def add(app: FastAPI, console: Console) -> None:
    """The pages of this file."""

    @app.get("/sites")
    async def list_page(request: Request) -> Response:
        who = await console.admitted(request)
        if isinstance(who, Response):
            return who

        async def look() -> Mapping[str, Any]:
            groups, employers = await console.store.reading(_list, console, who)
            return {
                "groups_of_sites": groups,
                "employers": employers,
                "regimes": sites_view.REGIMES,
                "healths": clocks_view.HEALTHS,
            }

        return await console.live_page(request, who, "sites.html", "/sites", look)

    @app.get("/sites/{name:path}")
    async def one_page(request: Request, name: str) -> Response:
        who = await console.admitted(request)
        if isinstance(who, Response):
            return who
        found = await console.store.reading(sites_view.find_site, who.account.reach, name, console.now_ms())
        if found is None:
            return console.page(request, "gone.html", who, 404, error=None)
        return console.page(
            request,
            "site.html",
            who,
            one=found,
            regimes=sites_view.REGIMES,
            healths=clocks_view.HEALTHS,
            may=_may_change(who),
        )


def _list(connection: Connection, console: Console, who: Visitor) -> tuple[list[Group], list[Employer]]:
    now_ms, reach = console.now_ms(), who.account.reach
    return sites_view.groups(connection, reach, now_ms), sites_view.employers(connection, reach, now_ms)


def _may_change(who: Visitor) -> bool:
    """Sites and employers are shared: a limited account cannot change them."""
    return who.may(Right.OFFICE) and who.account.reach.is_everything
