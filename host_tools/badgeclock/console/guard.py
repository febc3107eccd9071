"""Checks every request before a page handles it, and adds headers to every answer.

A page may load from and send to the console alone and runs no inline script; it cannot be framed or cached. A request
that changes something must come from a page of the console itself: by the browser's headers (Sec-Fetch-Site, Origin),
besides the token in each form of a session.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from badgeclock.bridge.people.spreadsheets import FILE_BYTES_MOST

BODY_BYTES_MOST: Final = 65_536
UPLOAD: Final = "/imports"
UPLOAD_BYTES_MOST: Final = FILE_BYTES_MOST + BODY_BYTES_MOST
"""Limit of a list sent for import, with the form's overhead."""
STATIC: Final = "/static/"
_SAFE: Final = ("GET", "HEAD")
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}
_CAMERA: Final = "/register"
"""The one page that may use the camera: it reads a Limosa declaration's code, or a badge's."""
_KEPT_S: Final = 3600
_ONE_YEAR_S: Final = 31_536_000


class Guard:
    """Middleware around the whole application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        if scope["type"] != "http":
            return

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                _add_headers(MutableHeaders(scope=message), scope)
            await send(message)

        headers = Headers(scope=scope)
        if scope["method"] not in _SAFE and not is_own_page(scope["scheme"], headers):
            refused = PlainTextResponse("This was not sent by a page of the console. Nothing was changed.\n", 403)
            await refused(scope, receive, sent)
        elif not _fits(headers, UPLOAD_BYTES_MOST if scope["path"] == UPLOAD else BODY_BYTES_MOST):
            refused = PlainTextResponse("That is too much for a form. Nothing was changed.\n", 413)
            await refused(scope, receive, sent)
        else:
            await self._app(scope, receive, sent)


def is_own_page(scheme: str, headers: Headers) -> bool:
    """Whether the browser's headers show that a page of this origin sent a request. A client that sends neither is not
    a browser."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None and site != "same-origin":
        return False
    if origin is not None:
        parts = urlsplit(origin)
        return (parts.scheme, parts.netloc) == (scheme, headers.get("host"))
    return site is not None


def _fits(headers: Headers, bytes_most: int) -> bool:
    """Whether a form's length is declared and within the limit."""
    if "transfer-encoding" in headers:
        return False
    length = headers.get("content-length", "0")
    return length.isascii() and length.isdigit() and len(length) < 10 and int(length) <= bytes_most


def _add_headers(headers: MutableHeaders, scope: Scope) -> None:
    for name, value in _HEADERS.items():
        headers[name] = value
    if scope["path"] == _CAMERA:
        headers["permissions-policy"] = headers["permissions-policy"].replace("camera=()", "camera=(self)")
    is_static = scope["path"].startswith(STATIC)
    headers["cache-control"] = f"public, max-age={_KEPT_S}" if is_static else "no-store"
    if scope["scheme"] == "https":
        headers["strict-transport-security"] = f"max-age={_ONE_YEAR_S}"
