"""Accounts, for administrators: who may use the console, what each may do and reach, and who is signed in."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from badgeclock.bridge.accounts import accounts
from badgeclock.bridge.accounts.roles import Right, Role
from badgeclock.console import attention_view
from badgeclock.console.errors import NotForThisRole
from badgeclock.console.site import Console


def add(app: FastAPI, console: Console) -> None:
    """The page of this file."""

    @app.get("/accounts")
    async def accounts_page(request: Request) -> Response:
        who = await console.admitted(request, Right.ACCOUNTS)
        if isinstance(who, Response):
            return who
        if not who.account.reach.is_everything:
            raise NotForThisRole(
                what="this page is for administrators who reach everything",
                kept="everything as it was",
                do="ask one of them",
            )
        found = await console.store.reading(accounts.listing, console.now_ms())
        return console.page(
            request,
            "accounts.html",
            who,
            accounts=[one for one in found if one["ended_ms"] is None],
            ended=[one for one in found if one["ended_ms"] is not None],
            roles=list(Role),
            zone=attention_view.DEFAULT_ZONE,
        )
