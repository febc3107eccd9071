"""HTTP to an authority with bounded waits: one deadline for the connection, one for the whole call.

A call ends even if bytes arrive very slowly. Requests that were not sent are distinguished from those sent and not
answered, since only the first may simply be sent again. This module retries nothing, follows no redirect and
decompresses nothing.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from badgeclock.authorities import failures
from badgeclock.authorities.failures import Call
from badgeclock.authorities.services import on_this_machine
from badgeclock.errors import SettingsError

ANSWER_LIMIT_BYTES: Final = 4 * 1024 * 1024
"""500 presences with their history, the largest page that is requested, are about 1 MB."""
# Below the 5 s after which common servers close an idle connection: a request at that moment would be ambiguous.
KEEPALIVE_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer. `retry_after` in seconds, None if not said; `content_type` without its parameters; `date` the
    service's time; `apart` as `failures.clocks_apart` has it; `challenge` the WWW-Authenticate of a 401.
    """

    status: int
    retry_after: float | None
    content: bytes = field(repr=False)
    content_type: str = ""
    date: datetime | None = None
    apart: str = ""
    challenge: str = ""


class Transport:
    """Connections to one service, for one event loop.

    connect_timeout_s  for the connection, TLS included
    timeout_s          for the whole call, the connection included
    tls                the TLS context to use
    proxy_of           the HTTP proxy, by URL, for a URL; None: none
    """

    def __init__(
        self,
        *,
        connect_timeout_s: float,
        timeout_s: float,
        tls: ssl.SSLContext,
        proxy_of: Callable[[str], str | None],
        accept: str,
    ) -> None:
        self._timeout_s = timeout_s
        self._proxy_of = proxy_of
        self._new_client = partial(
            httpx.AsyncClient,
            verify=tls,
            trust_env=False,
            timeout=httpx.Timeout(timeout_s, connect=min(connect_timeout_s, timeout_s)),
            limits=httpx.Limits(keepalive_expiry=KEEPALIVE_S),
            headers={"Accept": accept, "Accept-Encoding": "identity"},
        )
        self._clients: dict[str | None, httpx.AsyncClient] = {}

    async def close(self) -> None:
        """Let go of connections; calls under way fail."""
        for client in self._clients.values():
            await client.aclose()

    def _client(self, url: str) -> httpx.AsyncClient:
        proxy = self._proxy_of(url)
        if proxy not in self._clients:
            self._clients[proxy] = self._new_client(proxy=proxy)
        return self._clients[proxy]

    async def exchange(
        self, call: Call, method: str, url: str, headers: Mapping[str, str], content: bytes | None = None
    ) -> Answer:
        """Send one request and read its answer. Raises AuthorityUnavailable or AuthorityAmbiguous."""
        sending = False

        async def watch(event: str, about: dict[str, Any]) -> None:
            nonlocal sending
            if event.endswith(".send_request_headers.started"):
                # A proxy gets CONNECT first; if it refuses, nothing was sent.
                sending = sending or about["request"].method != b"CONNECT"

        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._client(url).stream(
                    method, url, content=content, headers=dict(headers), extensions={"trace": watch}
                ) as response,
            ):
                read = bytearray()
                async for chunk in response.aiter_raw():
                    read += chunk
                    if len(read) > ANSWER_LIMIT_BYTES:
                        raise failures.malformed(call, f"it is larger than {ANSWER_LIMIT_BYTES} bytes")
                now = datetime.now(UTC)
                date = failures.http_date(response.headers.get("Date"))
                return Answer(
                    response.status_code,
                    failures.seconds_to_wait(response.headers.get("Retry-After"), now),
                    bytes(read),
                    response.headers.get("Content-Type", "").partition(";")[0].strip().lower(),
                    date,
                    failures.clocks_apart(date, now),
                    response.headers.get("WWW-Authenticate", ""),
                )
        except (TimeoutError, httpx.RequestError) as error:
            reason = failures.plain(str(error)) or f"no answer within {self._timeout_s:g} s"
            why = f"{type(error).__name__}, {reason}"
            if sending:
                raise failures.lost(call, f"{call.name}: the answer was lost ({why})") from None
            raise failures.unsent(call, f"no connection to the service ({why})") from None


def checked_url(url: str) -> str:
    """The URL, if personal numbers may be sent there: https, or plain http to this machine itself. Raises
    SettingsError."""
    try:
        read = httpx.URL(url)
    except httpx.InvalidURL:
        read = httpx.URL("")
    if (
        has_place(url)
        and not read.userinfo
        and (read.scheme == "https" or (read.scheme == "http" and on_this_machine(url)))
    ):
        return url
    raise SettingsError(
        what="the authority's endpoint is no https URL (plain http may only lead to this machine, for the sandbox)",
        kept="nothing was sent",
        do="correct the endpoint in the settings; a name and password do not belong in it",
    )


def has_place(url: str) -> bool:
    """Whether a URL has a host, and a valid port or none. httpx itself accepts any number."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0 and bool(httpx.URL(url).host)
    except (httpx.InvalidURL, ValueError):
        return False
