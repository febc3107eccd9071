"""The book of acts: who did what, when and why, newest first, and whether the chain of the book is intact.

An account limited to some sites or employers sees only its own acts.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import FastAPI, Query
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from badgeclock.bridge.accounts.roles import Right
from badgeclock.bridge.store import audit_log
from badgeclock.bridge.store.audit_log import Act
from badgeclock.console import act_words, attention_view
from badgeclock.console.site import Console

ROWS_SHOWN: Final = 100


def add(app: FastAPI, console: Console) -> None:
    """The page of this file."""

    @app.get("/acts")
    async def acts_page(
        request: Request,
        operator: Annotated[str, Query(max_length=100)] = "",
        act: Annotated[str, Query(max_length=32)] = "",
        subject: Annotated[str, Query(max_length=64)] = "",
        before: Annotated[int, Query(ge=0, le=2**53)] = 0,
    ) -> Response:
        who = await console.admitted(request, Right.BOOK)
        if isinstance(who, Response):
            return who
        own = None if who.account.reach.is_everything else f"{who.account.name} (console)"
        kind = Act(act) if act in set(Act) else None
        rows = await console.store.reading(
            _rows, before or None, own or operator.strip() or None, kind, subject.strip()
        )
        return console.page(
            request,
            "acts.html",
            who,
            rows=rows[:ROWS_SHOWN],
            is_more=len(rows) > ROWS_SHOWN,
            operator=own or operator,
            is_own=own is not None,
            act=act,
            subject=subject,
            acts=act_words.ACTS,
            of_act=act_words.of_act,
            of_subject=act_words.of_subject,
            zone=attention_view.DEFAULT_ZONE,
        )


def _rows(
    connection: Connection, before: int | None, operator: str | None, act: Act | None, subject: str
) -> list[dict[str, Any]]:
    return audit_log.newest_first(
        connection, before, ROWS_SHOWN + 1, operator=operator, act=act, subject=subject or None
    )
