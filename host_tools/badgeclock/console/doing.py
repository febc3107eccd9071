"""Handles the forms of acts: for one item or several at once, and the page shown afterwards.

A form names its act in the address; its fields are those of the act (`acts.acts`), plus `back`, the page to return to,
and `reason`, which identifies the item. With `items` it is about several, each in its own act: those that can be done
are done, and the page lists why the others failed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlsplit

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from badgeclock.bridge.acts.acting import Done
from badgeclock.bridge.acts.acts import DEEDS, Asked
from badgeclock.console import attention_page, imports_page, words
from badgeclock.console.errors import ActRefused, BridgeSilent
from badgeclock.console.signing_in import DO, posted
from badgeclock.console.site import BETWEEN, MANY, Console, elsewhere, local
from badgeclock.console.visitor import Visitor
from badgeclock.errors import BadgeclockError

MANY_MOST: Final = 200
_OFFERED: Final = words.SAVED | words.DONE.keys() | {Asked.IMPORT}
_ANYHOW: Final = frozenset({"why", "night_hours"})
"""Fields that are sent even when empty, so that the error names them."""


class Outcome(NamedTuple):
    """The result for one of several items."""

    item: str
    error: BadgeclockError | None


def add(app: FastAPI, console: Console) -> None:
    """The handler of forms."""

    @app.post(DO + "{asked}")
    async def act(request: Request, asked: str) -> Response:
        came = await posted(console, request)
        if isinstance(came, Response):
            return came
        who, fields = came
        if asked not in DEEDS or asked not in _OFFERED:
            return console.page(request, "gone.html", who, 404, error=None)
        if asked == Asked.IMPORT:
            return await imports_page.carry_out(console, request, who, fields)
        if MANY in fields:
            return await _many(console, request, who, Asked(asked), fields)
        return await _one(console, request, who, Asked(asked), fields)


async def _one(console: Console, request: Request, who: Visitor, asked: Asked, fields: dict[str, str]) -> Response:
    back, reason = local(fields.get("back", "")), fields.get("reason", "")
    try:
        done = await ask(console, who, asked, fields)
    except (ActRefused, BridgeSilent) as error:
        status = 409 if isinstance(error, ActRefused) else 503
        if reason:
            item, typed = fields.get("item", ""), {**fields, "act": asked}
            return await attention_page.item_page(
                console, request, who, reason, item, status=status, error=error, typed=typed
            )
        if asked in words.SAVED:
            return console.problem(request, who, error, status)
        return console.page(
            request, "again.html", who, status, error=error, path=request.url.path, fields=fields, back=back
        )
    if asked in words.SAVED:
        return elsewhere(request, back)
    if "password" in done:
        return console.page(request, "first_password.html", who, name=fields.get("item", ""), password=done["password"])
    to = back if fields.get("back") else "/attention"
    return elsewhere(request, with_done(to, words.FILED if "correction" in done else asked))


async def ask(console: Console, who: Visitor, asked: Asked, fields: Mapping[str, Any]) -> Done:
    """Have an act done with the form's fields. Raises ActRefused, BridgeSilent."""
    filled = {
        name: value
        for name, value in fields.items()
        if name not in ("back", "reason") and (name in _ANYHOW or str(value).strip())
    }
    try:
        return await console.door.ask(asked, who.secret, **filled)
    finally:
        console.looks.forget()


async def _many(console: Console, request: Request, who: Visitor, asked: Asked, fields: dict[str, str]) -> Response:
    back, items = local(fields.get("back", "")), fields.pop(MANY).split(BETWEEN)
    outcomes = []
    for item in dict.fromkeys(items[:MANY_MOST]):
        try:
            await ask(console, who, asked, {**fields, "item": item})
            outcomes.append(Outcome(item, None))
        except (ActRefused, BridgeSilent) as error:
            outcomes.append(Outcome(item, error))
    refused = [one for one in outcomes if one.error is not None]
    if not refused:
        return elsewhere(request, with_done(back, asked))
    left = {**fields, MANY: BETWEEN.join(one.item for one in refused)}
    done = len(outcomes) - len(refused)
    return console.page(
        request, "many.html", who, 409, refused=refused, number=done, path=request.url.path, fields=left, back=back
    )


def with_done(path: str, done: str) -> str:
    """The address of a page that also shows what was done."""
    parts = urlsplit(path)
    query = "&".join(part for part in parts.query.split("&") if part and not part.startswith("done="))
    return f"{parts.path}?{query}{'&' if query else ''}done={quote(done)}"
