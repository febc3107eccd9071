"""Admission to the planning interface: a valid token, its scopes, and its rate limit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from fastapi import Depends, HTTPException, Request
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as AsgiScope

from badgeclock.bridge.errors import ScopeMissing
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.web.api_tokens import RateBound, Scope, Token
from badgeclock.bridge.web.planning_refusals import BODY_BYTES_MOST, NO_TOKEN, OPENAPI, asked_too_often, refusal
from badgeclock.bridge.web.shown_token import token_of
from badgeclock.errors import StoreError

_NOBODY: Final = 0
"""The key under which the rate limit counts all clients without a valid token."""


class Guard:
    """Admits requests with a valid token within its rate limit, before the request is parsed."""

    def __init__(self, app: ASGIApp, store: Store, now_ms: Callable[[], int], bound: RateBound) -> None:
        self._app = app
        self._store = store
        self._now_ms = now_ms
        self._bound = bound

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        path = scope["path"].removeprefix(scope.get("root_path", "")) if scope["type"] == "http" else ""
        if path == OPENAPI:
            await self._app(scope, receive, send)
        elif path:
            await self._guarded(scope, receive, send)

    async def _guarded(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        try:
            token = await token_of(scope, self._store, self._now_ms())
        except StoreError as error:
            await refusal(503, error)(scope, receive, send)
            return
        wait_s = self._bound.wait_s(_NOBODY if token is None else token.id)
        if wait_s:
            await asked_too_often(wait_s)(scope, receive, send)
        elif token is None:
            await NO_TOKEN(scope, receive, send)
        else:
            scope["state"] = {**scope.get("state", {}), "token": token}
            await self._app(scope, _bounded(receive), send)


def _bounded(receive: Receive) -> Receive:
    """The same, with an error for a body that is too large."""
    size = 0

    async def received() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > BODY_BYTES_MOST:
            raise HTTPException(413)
        return message

    return received


def needs(scope: Scope) -> Any:
    """A dependency that returns the token of a request; raises ScopeMissing without this scope."""

    def check(request: Request) -> Token:
        token: Token = request.state.token
        if scope not in token.scopes:
            raise ScopeMissing(scope)
        return token

    return Depends(check)
