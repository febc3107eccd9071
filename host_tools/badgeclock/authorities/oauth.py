"""OAuth 2.0 access tokens by client credentials, the client authenticated by a JWT it signed (RFC 7523, 2.2).

One token serves all calls until shortly before it expires; the first caller after that fetches the next, the others
wait for it. A rejected token is not used again. No failure here can have declared anything, so each is an
AuthorityUnavailable. No message contains a token, an assertion or a key.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jwt
from joserfc.jwk import RSAKey

from badgeclock.authorities import bounded, credentials, failures
from badgeclock.authorities.errors import AuthorityAmbiguous, AuthorityUnavailable
from badgeclock.authorities.failures import Call
from badgeclock.authorities.transport import Answer, Transport

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_LIFETIME_S: Final = 240
"""Below the stated maximum of 300 s, so that a clock off by a minute does not matter."""
RENEW_BEFORE_S: Final = 60.0
RENEW_BEFORE_SHARE: Final = 0.2
"""A token is renewed this long before its end, or in the last fifth of its life if that is shorter."""
LIFETIME_DEFAULT_S: Final = 300.0
"""For a token without a lifetime, or with null (RFC 6749, 5.1 only recommends that it does)."""
_LIFETIME_MOST_S: Final = 86_400.0
_TOKEN_FORM: Final = re.compile(r"[!-~]{1,16384}")
_CALL: Final = Call("token", changes=False)


@dataclass(frozen=True, slots=True)
class _Token:
    text: str = field(repr=False)
    renew_at: float  # both on the monotonic clock
    ends_at: float


class ClientKey:
    """The bridge's identity at a token endpoint: its client id and its RSA key.

    audience  what the assertions are for; usually the token endpoint's URL
    key_id    identifies the key at the endpoint (the assertion's `kid`); the key's thumbprint (RFC 7638) if None
    """

    def __init__(self, client_id: str, key: rsa.RSAPrivateKey, audience: str, key_id: str | None = None) -> None:
        self.client_id = client_id
        self._audience = audience
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self._key = RSAKey.import_key(pem)
        self._key_id = key_id or self._key.thumbprint()

    @classmethod
    def load(cls, client_id: str, key: Path, audience: str, key_id: str | None = None) -> ClientKey:
        """With the key in a PEM file. Raises SettingsError."""
        return cls(client_id, credentials.load_key(key), audience, key_id)

    def assertion(self, now: datetime) -> str:
        """A signed assertion of our identity: RS256, valid once and for minutes only."""
        issued = int(now.timestamp())
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self._audience,
            "jti": secrets.token_hex(16),
            "iat": issued,
            "exp": issued + ASSERTION_LIFETIME_S,
        }
        return jwt.encode({"alg": "RS256", "typ": "JWT", "kid": self._key_id}, claims, self._key)


class Tokens:
    """The access token for one service, from the token endpoint at `url`; `scope` None requests the client's own."""

    def __init__(self, transport: Transport, url: str, client: ClientKey, scope: str | None) -> None:
        self._transport = transport
        self._url = url
        self._client = client
        self._scope = scope
        self._token: _Token | None = None
        self._fetching = asyncio.Lock()

    async def get(self) -> str:
        """A valid token. Raises AuthorityUnavailable."""
        held = self._token
        if held is None or time.monotonic() >= held.renew_at:
            async with self._fetching:
                held = self._token
                if held is None or time.monotonic() >= held.renew_at:
                    held = await self._renewed(held)
        return held.text

    def spoil(self, text: str) -> None:
        """The service rejected this token: fetch another for the next call, unless that is done already."""
        if self._token is not None and self._token.text == text:
            self._token = None

    async def _renewed(self, held: _Token | None) -> _Token:
        try:
            self._token = await self._fetch()
        except AuthorityUnavailable:
            if held is None or time.monotonic() >= held.ends_at:
                raise
            return held  # it is valid a little longer, and the next call tries again
        return self._token

    async def _fetch(self) -> _Token:
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": await asyncio.to_thread(self._client.assertion, datetime.now(UTC)),
        }
        if self._scope is not None:
            form["scope"] = self._scope
        asked_at = time.monotonic()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        try:
            answer = await self._transport.exchange(_CALL, "POST", self._url, headers, urlencode(form).encode())
        except AuthorityAmbiguous as error:  # an endless answer
            raise _unavailable(error.what, retry=True) from None
        return _read(answer, asked_at)


def _read(answer: Answer, asked_at: float) -> _Token:
    content: Any = None
    with contextlib.suppress(ValueError, RecursionError):
        content = bounded.read_json(answer.content)
    body: dict[str, Any] = content if isinstance(content, dict) else {}
    if answer.status != HTTPStatus.OK:
        code = body.get("error")
        word = failures.plain(code) if isinstance(code, str) else "no word of why"
        later = answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status == HTTPStatus.TOO_MANY_REQUESTS
        what = f"token: HTTP {answer.status} ({word})"
        raise _unavailable(what, retry=later, retry_after=answer.retry_after, apart=answer.apart)
    text, kind, lifetime = body.get("access_token"), body.get("token_type"), _lifetime_s(body.get("expires_in"))
    if not isinstance(text, str) or not _TOKEN_FORM.fullmatch(text) or str(kind).lower() != "bearer":
        raise _unavailable("token: the answer holds no bearer token", retry=False)
    if lifetime is None:
        raise _unavailable("token: the answer does not say how long its token holds", retry=False)
    lasts_s = min(lifetime, _LIFETIME_MOST_S)
    early_s = min(RENEW_BEFORE_S, lasts_s * RENEW_BEFORE_SHARE)
    return _Token(text, asked_at + lasts_s - early_s, asked_at + lasts_s)


def _lifetime_s(expires_in: Any) -> float | None:
    """A token's lifetime in seconds, from its expires_in: a number, digits in a string, null or absent; None:
    unreadable."""
    if expires_in is None:
        return LIFETIME_DEFAULT_S
    if isinstance(expires_in, str) and expires_in.isascii() and expires_in.isdigit():
        expires_in = int(expires_in[:9])
    if isinstance(expires_in, bool) or not isinstance(expires_in, int | float) or not expires_in > 0:
        return None
    return float(min(expires_in, _LIFETIME_MOST_S))


def _unavailable(what: str, *, retry: bool, retry_after: float | None = None, apart: str = "") -> AuthorityUnavailable:
    return AuthorityUnavailable(
        what=what,
        kept=failures.UNTOUCHED,
        do="nothing; it is tried again" if retry else f"check client id, key and token endpoint in the settings{apart}",
        retry=retry,
        retry_after=retry_after,
    )
