"""Signing in and out, and a person's own account: password and codes."""

from __future__ import annotations

import asyncio
import hmac
import io
import secrets
from typing import Any, Final

import segno
import structlog
from fastapi import FastAPI
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from badgeclock.bridge.accounts import accounts, passwords, second_factor, sessions
from badgeclock.bridge.accounts.accounts import Secrets
from badgeclock.bridge.accounts.sessions import Held
from badgeclock.bridge.acts.acts import Asked
from badgeclock.bridge.errors import AccountError
from badgeclock.bridge.web.reach import names_of
from badgeclock.console import attention_view, languages, words
from badgeclock.console import visitor as visitors
from badgeclock.console.errors import ActRefused
from badgeclock.console.site import Console, elsewhere, fields_of, kept_of, local, to_sign_in
from badgeclock.console.visitor import Visitor

KEPT: Final = "kept."
"""Prefix of the field names of a form that came without a session."""
KEPT_PATH: Final = "kept_path"
PROVIDER: Final = "/sign-in/provider"
"""The address where the organisation's own sign-in begins."""
DO: Final = "/do/"
"""Addresses of forms whose fields may be kept."""
_MINUTE_S: Final = 60

log = structlog.get_logger("badgeclock.console")


def add(app: FastAPI, console: Console) -> None:
    """The pages of this file."""

    @app.get("/sign-in")
    async def sign_in_form(request: Request, to: str = "/") -> Response:
        if await console.visitor(request) is not None:
            return elsewhere(request, local(to))
        return sign_in_page(console, request, to=local(to))

    @app.post("/sign-in")
    async def sign_in(request: Request) -> Response:
        return await _sign_in(console, request)

    @app.post("/sign-out")
    async def sign_out(request: Request) -> Response:
        came = await posted(console, request)
        if isinstance(came, Response):
            return came
        await console.door.ask(Asked.SIGN_OUT, came[0].secret)
        answer = elsewhere(request, "/sign-in")
        visitors.forget(request, answer)
        return answer

    @app.post("/sign-out/everywhere")
    async def sign_out_everywhere(request: Request) -> Response:
        came = await posted(console, request)
        if isinstance(came, Response):
            return came
        await console.door.ask(Asked.SIGN_OUT_EVERYWHERE, came[0].secret)
        answer = elsewhere(request, "/sign-in")
        visitors.forget(request, answer)
        return answer

    @app.get("/language/{code}")
    async def language(request: Request, code: str, to: str = "/") -> Response:
        answer = elsewhere(request, local(to))
        if code in languages.LANGUAGES:
            visitors.remember_language(request, answer, code)
        return answer

    @app.get("/account")
    async def account(request: Request) -> Response:
        who = await console.visitor(request)
        return to_sign_in(request) if who is None else await _account_page(console, request, who)

    @app.post("/account/password")
    async def password(request: Request) -> Response:
        return await _changed(console, request, _new_password)

    @app.post("/account/codes")
    async def codes(request: Request) -> Response:
        return await _changed(console, request, _new_codes)


async def posted(console: Console, request: Request) -> tuple[Visitor, dict[str, str]] | Response:
    """The sender of a form, and its fields. If nobody is signed in, or the form is of an earlier session, returns the
    page to send it again: nothing that was typed is lost.
    """
    fields = await fields_of(request)
    who = await console.visitor(request)
    if who is None:
        return sign_in_page(console, request, status=401, kept=_kept(request, fields))
    if not hmac.compare_digest(fields.pop("token", "").encode(), who.form_token.encode()):
        return kept_page(console, request, who, _kept(request, fields), status=409)
    return who, fields


def _kept(request: Request, fields: dict[str, str]) -> dict[str, str]:
    path = request.url.path
    if not path.startswith(DO):
        return {}
    return {KEPT_PATH: path} | {f"{KEPT}{name}": value for name, value in kept_of(fields).items()}


def sign_in_page(
    console: Console,
    request: Request,
    *,
    to: str = "/",
    status: int = 200,
    wrong: str = "",
    minutes: int = 0,
    name: str = "",
    kept: dict[str, str] | None = None,
) -> Response:
    """The sign-in page; keeps what was typed before, to show it again afterwards."""
    return console.page(
        request,
        "sign_in.html",
        None,
        status,
        to=to,
        wrong=wrong,
        minutes=minutes,
        name=name,
        kept=kept or {},
        has_provider=console.settings.provider is not None,
    )


def kept_page(console: Console, request: Request, who: Visitor, kept: dict[str, str], status: int = 200) -> Response:
    """What was typed before a session ended, ready to send."""
    path = kept.get(KEPT_PATH, "")
    if not path.startswith(DO):
        return elsewhere(request, "/account")
    fields = {name.removeprefix(KEPT): value for name, value in kept.items() if name.startswith(KEPT)}
    return console.page(request, "kept.html", who, status, path=path, fields=fields)


async def _sign_in(console: Console, request: Request) -> Response:
    fields = await fields_of(request)
    name = fields.get("name", "").strip().lower()
    kept = {key: value for key, value in fields.items() if key == KEPT_PATH or key.startswith(KEPT)}
    to, address = local(fields.get("to", "/")), request.client.host if request.client else ""
    mark = request.cookies.get(visitors.MARK, "")

    def again(status: int, wrong: str, minutes: int = 0) -> Response:
        return sign_in_page(console, request, to=to, status=status, wrong=wrong, minutes=minutes, name=name, kept=kept)

    wait_s = console.attempts.wait_s(address, name, mark)
    if wait_s:
        answer = again(429, words.TOO_MANY, int(wait_s // _MINUTE_S) + 1)
        answer.headers["retry-after"] = str(int(wait_s) + 1)
        return answer
    found = await console.store.reading(accounts.find, name)
    is_right = await console.is_password(found.password_hash if found else None, fields.get("password", ""))
    step = None if found is None else _step(console, found, fields.get("code", ""))
    if found is None or not is_right or (found.account.has_codes and step is None):
        console.attempts.failed(address, name, mark)
        log.warning("a sign-in was refused", account=name if found else "none of that name", address=address)
        return again(403, words.WRONG_SIGN_IN)
    try:
        done = await console.door.ask(
            Asked.SIGN_IN, account=found.account.id, hours=console.settings.session_hours, totp_step=step
        )
    except ActRefused:
        return again(403, words.WRONG_SIGN_IN)
    log.info("signed in", account=name, address=address)
    answer = elsewhere(request, to)
    if kept:
        who = await console.store.reading(visitors.find, done["secret"], console.now_ms())
        if who is not None:
            answer = kept_page(console, request, who, kept)
    visitors.remember(request, answer, done["secret"])
    visitors.remember_mark(request, answer, console.attempts.mark(name, secrets.token_hex(8)))
    return answer


def _step(console: Console, found: Secrets, code: str) -> int | None:
    if found.totp_closed is None:
        return None
    secret = second_factor.opened(console.vault, found.account.name, found.totp_closed)
    return second_factor.step_of(secret, code, console.now_ms(), found.totp_step)


# --- the account's own page ---


async def _account_page(
    console: Console,
    request: Request,
    who: Visitor,
    status: int = 200,
    *,
    error: AccountError | None = None,
) -> Response:
    secret = second_factor.new_secret()
    held, reach = await console.store.reading(_own, who, console.now_ms())
    return console.page(
        request,
        "account.html",
        who,
        status,
        error=error,
        said=request.query_params.get("done", ""),
        held=held,
        reach=reach,
        zone=attention_view.DEFAULT_ZONE,
        secret=secret,
        picture=_picture(second_factor.address(secret, who.account.name)),
    )


def _own(connection: Connection, who: Visitor, now_ms: int) -> tuple[list[Held], dict[str, list[str]]]:
    """The sessions of the visitor's account, and what it reaches."""
    return sessions.held(connection, who.account.id, now_ms), names_of(connection, who.account.reach.stored())


def _picture(address: str) -> str:
    """A QR code as inline SVG: no other request shows the secret."""
    out = io.BytesIO()
    segno.make(address, error="m").save(
        out, kind="svg", xmldecl=False, svgns=False, scale=4, border=2, dark="#000", light="#fff", nl=False
    )
    return out.getvalue().decode()


async def _changed(console: Console, request: Request, change: Any) -> Response:
    """Carry out a change of the account, which requires the password again; the session continues as a new one."""
    came = await posted(console, request)
    if isinstance(came, Response):
        return came
    who, fields = came
    try:
        found = await _proved(console, request, who, fields)
        done = await change(console, who, found, fields)
    except AccountError as error:
        return await _account_page(console, request, who, 422, error=error)
    except ActRefused as error:
        return console.problem(request, who, error, 409)
    answer = elsewhere(request, f"/account?done={'password' if change is _new_password else 'codes'}")
    visitors.remember(request, answer, done["secret"])
    return answer


async def _proved(console: Console, request: Request, who: Visitor, fields: dict[str, str]) -> Secrets:
    """The secrets of the visitor's account, if the password in the form is right. Raises AccountError."""
    address, mark = request.client.host if request.client else "", request.cookies.get(visitors.MARK, "")
    if console.attempts.wait_s(address, who.account.name, mark):
        raise AccountError("too many wrong passwords", "wait a quarter of an hour")
    found = await console.store.reading(accounts.find, who.account.name)
    if found is None or not await console.is_password(found.password_hash, fields.get("password", "")):
        console.attempts.failed(address, who.account.name, mark)
        raise AccountError("the present password is wrong", "type it again")
    return found


async def _new_password(console: Console, who: Visitor, _: Secrets, fields: dict[str, str]) -> dict[str, Any]:
    new = passwords.checked(fields.get("new_password", ""), who.account.name)
    if new != fields.get("again", ""):
        raise AccountError("the new password was not typed alike twice", "type it again")
    if new == fields.get("password"):
        raise AccountError("the new password is the present one", "take another")
    kept = await asyncio.to_thread(passwords.hashed, new)
    return await console.door.ask(
        Asked.SET_PASSWORD, who.secret, password_hash=kept, hours=console.settings.session_hours
    )


async def _new_codes(console: Console, who: Visitor, found: Secrets, fields: dict[str, str]) -> dict[str, Any]:
    hours = console.settings.session_hours
    if found.totp_closed is not None:
        if _step(console, found, fields.get("code", "")) is None:
            raise AccountError("the code is wrong, or was used", "wait for the next one, and type it")
        return await console.door.ask(Asked.SET_CODES, who.secret, hours=hours)
    secret = fields.get("secret", "")
    try:
        step = second_factor.step_of(secret, fields.get("code", ""), console.now_ms(), None)
    except ValueError:
        step = None
    if step is None:
        raise AccountError(
            "the code is not that of the new picture",
            "scan the picture below again, and type the code that the app shows",
        )
    return await console.door.ask(Asked.SET_CODES, who.secret, secret=secret, step=step, hours=hours)
