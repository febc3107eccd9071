"""People: the list, with engagements for several at once; and one worker with engagements, badges, plans, presences."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, Query
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from badgeclock.bridge.accounts.roles import Right
from badgeclock.console import people, people_view, presences_view, sites_view
from badgeclock.console.people import Shown
from badgeclock.console.people_view import Listed, Whole
from badgeclock.console.site import Console
from badgeclock.console.sites_view import Employer
from badgeclock.console.visitor import Visitor

CLOCK_LANGUAGES = ("nl", "fr", "de", "en")


def add(app: FastAPI, console: Console) -> None:
    """The pages of this file."""

    @app.get("/people")
    async def list_page(
        request: Request,
        worker: Annotated[str, Query(max_length=200)] = "",
        employer: Annotated[str, Query(max_length=10)] = "",
    ) -> Response:
        who = await console.admitted(request)
        if isinstance(who, Response):
            return who
        listed, workers, employers = await console.store.reading(_list, console, who, worker.strip(), employer)
        return console.page(
            request,
            "people.html",
            who,
            listed=listed,
            workers=workers,
            employers=employers,
            worker=worker,
            employer=employer,
            may=who.may(Right.OFFICE),
        )

    @app.get("/people/{reference:path}")
    async def one_page(request: Request, reference: str) -> Response:
        who = await console.admitted(request)
        if isinstance(who, Response):
            return who
        found, workers, employers = await console.store.reading(_one, console, who, reference)
        if found is None:
            return console.page(request, "gone.html", who, 404, error=None)
        return console.page(
            request,
            "person.html",
            who,
            found=found,
            workers=workers,
            employers=employers,
            states=presences_view.STATES,
            clock_languages=CLOCK_LANGUAGES,
            may=who.may(Right.OFFICE),
        )


def _list(
    connection: Connection, console: Console, who: Visitor, words: str, employer: str
) -> tuple[Listed, dict[str, Shown], list[Employer]]:
    now_ms, reach, names = console.now_ms(), who.account.reach, who.session.shows_names
    listed = people_view.people(connection, console.vault, reach, words, employer, now_ms, names=names)
    references = [one.reference for one in listed.people]
    workers = people.shown(connection, console.vault, references, names=names)
    return listed, workers, sites_view.employers(connection, reach, now_ms)


def _one(
    connection: Connection, console: Console, who: Visitor, reference: str
) -> tuple[Whole | None, dict[str, Shown], list[Employer]]:
    now_ms, reach = console.now_ms(), who.account.reach
    found = people_view.find(connection, reach, reference, now_ms)
    own = [] if found is None else [found.person.reference]
    workers = people.shown(connection, console.vault, own, names=who.session.shows_names)
    return found, workers, sites_view.employers(connection, reach, now_ms)
