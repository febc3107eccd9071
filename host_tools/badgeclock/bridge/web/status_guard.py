"""Admission on the bridge's port, before a request is read.

A web page that points its own name at this machine gets no answer (DNS rebinding), a request that two parsers could
read differently ends its connection, and beyond this machine `/api` requires a token.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from starlette.datastructures import Headers
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as AsgiScope

from badgeclock.bridge.store.database import Store
from badgeclock.bridge.web.api_tokens import Scope
from badgeclock.bridge.web.shown_token import token_of
from badgeclock.errors import StoreError

HEALTH: Final = ("/livez", "/readyz", "/metrics")
_API: Final = "/api/"


class KnownNames(TrustedHostMiddleware):
    """Answers only under these host names. HTTP/1.0 has no Host: health pages answer it without; browsers never send
    it."""

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        is_old = scope["type"] == "http" and scope["http_version"] == "1.0" and "host" not in Headers(scope=scope)
        if is_old and scope["path"] in HEALTH:
            await self.app(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


class OneLength:
    """Refuses a request with two lengths, and ends its connection (RFC 9112 §6.1): a proxy may have used the other."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        headers = Headers(scope=scope) if scope["type"] == "http" else {}
        if "content-length" in headers and "transfer-encoding" in headers:
            refused = JSONResponse({"detail": "a request has one length"}, 400, {"connection": "close"})
            await refused(scope, receive, send)
        else:
            await self._app(scope, receive, send)


class TokenForApi:
    """Admits to `/api` only with a token of its scope."""

    def __init__(self, app: ASGIApp, store: Store, now_ms: Callable[[], int]) -> None:
        self._app = app
        self._store = store
        self._now_ms = now_ms

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "http" and scope["path"].startswith(_API):
            try:
                token = await token_of(scope, self._store, self._now_ms())
            except StoreError as error:
                await JSONResponse({"detail": str(error)}, 503)(scope, receive, send)
                return
            if token is None:
                challenge = {"www-authenticate": "Bearer"}
                what = f"beyond this machine /api requires a token with the scope {Scope.STATUS_READ}"
                await JSONResponse({"detail": what}, 401, challenge)(scope, receive, send)
                return
            if Scope.STATUS_READ not in token.scopes:
                what = f"the token has not the scope {Scope.STATUS_READ}"
                await JSONResponse({"detail": what}, 403)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def names_of(host: str, names: Sequence[str]) -> list[str]:
    """The accepted host names: this machine's own, the listening host, and those of a proxy."""
    return ["localhost", "127.0.0.1", "[::1]", host, *names]
