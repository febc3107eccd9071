"""Signing in through the organisation's own provider: the redirect and the return.

The redirect is a page of its own that continues by itself: a form may not lead to another site
(Content-Security-Policy), and what was typed before the session ended is kept, to be shown again afterwards.
"""

from __future__ import annotations

import secrets
from typing import Final

import structlog
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from badgeclock.bridge.accounts import accounts
from badgeclock.bridge.acts.acts import Asked
from badgeclock.console import signing_in, words
from badgeclock.console import visitor as visitors
from badgeclock.console.errors import ActRefused, ProviderAway, ProviderRefused
from badgeclock.console.openid import PENDING_S, Provider
from badgeclock.console.signing_in import KEPT, KEPT_PATH, PROVIDER
from badgeclock.console.site import Console, elsewhere, fields_of, local

BACK: Final = f"{PROVIDER}/back"
_BROWSER: Final = "badgeclock-signing-in"

log = structlog.get_logger("badgeclock.console")


def add(app: FastAPI, console: Console, provider: Provider | None) -> None:
    """The pages of this file; none without a provider."""
    if provider is None:
        return

    @app.post(PROVIDER)
    async def begin(request: Request) -> Response:
        fields = await fields_of(request)
        kept = {key: value for key, value in fields.items() if key == KEPT_PATH or key.startswith(KEPT)}
        browser, address = secrets.token_urlsafe(32), request.client.host if request.client else ""
        redirect = f"{request.url.scheme}://{request.url.netloc}{BACK}"
        try:
            page = await provider.begin(address, browser, redirect, local(fields.get("to", "/")), kept)
        except ProviderRefused as error:
            return _refused(console, request, error, kept)
        answer = console.page(request, "to_provider.html", None, address=page)
        is_secure = request.url.scheme == "https"
        answer.set_cookie(
            _BROWSER, browser, max_age=int(PENDING_S), path=PROVIDER, httponly=True, secure=is_secure, samesite="lax"
        )
        return answer

    @app.get(BACK)
    async def back(request: Request) -> Response:
        browser = request.cookies.get(_BROWSER, "")
        try:
            person, begun = await provider.end(browser, dict(request.query_params))
        except ProviderRefused as error:
            return _refused(console, request, error, {})
        found = await console.store.reading(accounts.find, person.name)
        done = None
        if found is not None:
            try:
                done = await console.door.ask(
                    Asked.SIGN_IN,
                    account=found.account.id,
                    hours=console.settings.session_hours,
                    subject_sha256=person.subject_sha256,
                )
            except ActRefused:
                log.warning("a sign-in by the provider was refused", account=found.account.name)
        if done is None:
            return signing_in.sign_in_page(
                console, request, status=403, wrong=words.NO_ACCOUNT, to=begun.to, kept=dict(begun.kept)
            )
        log.info("signed in", account=person.name, by="provider", address=begun.address)
        answer = elsewhere(request, begun.to)
        if begun.kept:
            who = await console.store.reading(visitors.find, done["secret"], console.now_ms())
            if who is not None:
                answer = signing_in.kept_page(console, request, who, dict(begun.kept))
        visitors.remember(request, answer, done["secret"])
        answer.delete_cookie(_BROWSER, path=PROVIDER)
        return answer


def _refused(console: Console, request: Request, error: ProviderRefused, kept: dict[str, str]) -> Response:
    log.warning("a sign-in by the provider was refused", why=error.why)
    is_away = isinstance(error, ProviderAway)
    wrong = words.AWAY_PROVIDER if is_away else words.WRONG_PROVIDER
    return signing_in.sign_in_page(console, request, status=503 if is_away else 403, wrong=wrong, kept=kept)
