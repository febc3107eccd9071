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
from badgeclock.console import attention_page, attention_view, imports_page, words
from badgeclock.console.errors import ActRefused, BridgeSilent
from badgeclock.console.signing_in import DO, posted
from badgeclock.console.site import BETWEEN, MANY, Console, elsewhere, local
from badgeclock.console.visitor import Visitor
from badgeclock.errors import BadgeclockError

MANY_MOST: Final = 200
SEVERAL: Final = "several"
"""Of a form about several things that wait, each with its own act."""
_OFFERED: Final = words.SAVED | words.DONE.keys() | {Asked.IMPORT}
_ANYHOW: Final = frozenset({"why", "night_hours"})
"""Fields that are sent even when empty, so that the error names them."""


class Outcome(NamedTuple):
    """The result for one of several items."""

    item: str
    error: BadgeclockError | None


def add(app: FastAPI, console: Console) -> None:
    """The handler of forms."""

    @app.post(DO + SEVERAL)
    async def several(request: Request) -> Response:
        came = await posted(console, request)
        return came if isinstance(came, Response) else await _several(console, request, *came)

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
    items = fields.pop(MANY).split(BETWEEN)
    outcomes = []
    for item in dict.fromkeys(items[:MANY_MOST]):
        try:
            await ask(console, who, asked, {**fields, "item": item})
            outcomes.append(Outcome(item, None))
        except (ActRefused, BridgeSilent) as error:
            outcomes.append(Outcome(item, error))
    return _outcome(console, request, who, asked, outcomes, fields)


async def _several(console: Console, request: Request, who: Visitor, fields: dict[str, str]) -> Response:
    """One decision about several things that wait: of each the act that it is there, with one reason for all."""
    items = [one for one in fields.pop(MANY, "").split(BETWEEN) if one]
    what = next((one for one in words.SEVERAL if one.word == fields.get("what")), None)
    if what is None or not items:
        nothing = ActRefused(
            "Nothing", what="nothing was chosen", kept="everything as it was", do="choose what it is about"
        )
        return console.problem(request, who, nothing, 409)
    waits = await console.store.reading(attention_view.rows, who.account.reach, console.now_ms())
    rows = {f"{row.reason}/{row.item}": row for row in waits}
    outcomes = []
    for item in dict.fromkeys(items[:MANY_MOST]):
        row = rows.get(item)
        button = None if row is None else words.several_button(row, what)
        if row is None:
            outcomes.append(
                Outcome(item, _refusal("it is no longer waiting: somebody has decided it", "look at the list again"))
            )
        elif button is None:
            outcomes.append(Outcome(item, _refusal("that alone does not settle it", "open it in the list")))
        else:
            filled = {"item": row.item, "why": fields.get("why", "")}
            if "cause" in button.fields:
                filled["cause"] = words.cause_of(row.reason)
            try:
                await ask(console, who, button.act, filled)
                outcomes.append(Outcome(item, None))
            except (ActRefused, BridgeSilent) as error:
                outcomes.append(Outcome(item, error))
    return _outcome(console, request, who, SEVERAL, outcomes, fields)


def _refusal(what: str, do: str) -> ActRefused:
    return ActRefused("Several", what=what, kept="everything as it was", do=do)


def _outcome(
    console: Console, request: Request, who: Visitor, done: str, outcomes: list[Outcome], fields: dict[str, str]
) -> Response:
    """The page before, if all is done; else a page with the result of each."""
    back = local(fields.get("back", ""))
    refused = [one for one in outcomes if one.error is not None]
    if not refused:
        return elsewhere(request, with_done(back, done))
    left = {**fields, MANY: BETWEEN.join(one.item for one in refused)}
    number = len(outcomes) - len(refused)
    return console.page(
        request, "many.html", who, 409, outcomes=outcomes, number=number, path=request.url.path, fields=left, back=back
    )


def with_done(path: str, done: str) -> str:
    """The address of a page that also shows what was done."""
    parts = urlsplit(path)
    query = "&".join(part for part in parts.query.split("&") if part and not part.startswith("done="))
    return f"{parts.path}?{query}{'&' if query else ''}done={quote(done)}"
