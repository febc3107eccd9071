"""The token endpoint's rules: issuing and checking tokens (RFC 6749 4.4, RFC 7523 2.2, RFC 6750).

Tokens are kept in memory: a restarted sandbox has none, and its clients fetch new ones.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from cryptography.hazmat.primitives import serialization
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from badgeclock.sandbox.credentials import CLIENT_ID, Identity
from badgeclock.sandbox.errors import Denied

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
"""RFC 7523 2.2."""
ASSERTION_MOST_S: Final = 300
"""The longest life of an assertion, from a third party's client."""
CLOCK_SKEW_S: Final = 60
ASSERTION_LIMIT: Final = 8192
_REPLAYS_LIMIT: Final = 100_000


@dataclass(frozen=True, slots=True)
class Grant:
    """A token, and its lifetime in seconds."""

    access_token: str
    expires_in: int


class Tokens:
    """The tokens given out to the one client; `clock` is the machine's time, in UTC."""

    def __init__(self, client: Identity, clock: Callable[[], datetime]) -> None:
        public = client.certificate.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self._key = RSAKey.import_key(public)
        self._clock = clock
        self._ends: dict[str, float] = {}
        self._used: dict[str, float] = {}

    def grant(self, form: dict[str, str], endpoint: str, lifetime_s: int) -> Grant:
        """A token, if the form's assertion authenticates the client. Raises Denied."""
        if form.get("grant_type") != "client_credentials":
            raise Denied(400, "unsupported_grant_type", "only client_credentials is supported")
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise Denied(401, "invalid_client", "a client proves itself with a signed JWT")
        self._check(form.get("client_assertion", ""), endpoint)
        now = self._clock().timestamp()
        self._ends = {token: end for token, end in self._ends.items() if end > now}
        token = secrets.token_urlsafe(48)
        self._ends[token] = now + lifetime_s
        return Grant(token, lifetime_s)

    def holds(self, authorization: str | None) -> bool:
        """Whether an Authorization header has a valid token of ours."""
        scheme, _, token = (authorization or "").partition(" ")
        end = self._ends.get(token.strip())
        return scheme.lower() == "bearer" and end is not None and end > self._clock().timestamp()

    def _check(self, assertion: str, endpoint: str) -> None:
        if len(assertion) > ASSERTION_LIMIT:
            raise Denied(401, "invalid_client", "the assertion is too long")
        try:
            decoded = jwt.decode(assertion, self._key, algorithms=["RS256"])
        except (JoseError, ValueError, TypeError, RecursionError):
            raise Denied(
                401, "invalid_client", "the assertion is no JWT that the client's key signed with RS256"
            ) from None
        claims: dict[str, Any] = decoded.claims
        now = self._clock().timestamp()
        issued, ends, identity = claims.get("iat"), claims.get("exp"), claims.get("jti")
        if claims.get("iss") != CLIENT_ID or claims.get("sub") != CLIENT_ID:
            raise Denied(401, "invalid_client", "iss and sub are both the client id")
        audience = claims.get("aud")
        if endpoint not in (audience if isinstance(audience, list) else [audience]):
            raise Denied(401, "invalid_client", "aud is this endpoint's URL")
        if not isinstance(issued, int) or not isinstance(ends, int) or not isinstance(identity, str) or not identity:
            raise Denied(401, "invalid_client", "iat, exp and jti are needed")
        if not issued - CLOCK_SKEW_S <= now < ends + CLOCK_SKEW_S or ends - issued > ASSERTION_MOST_S:
            raise Denied(401, "invalid_client", f"it holds at most {ASSERTION_MOST_S} s, and now")
        self._used = {used: end for used, end in self._used.items() if end + CLOCK_SKEW_S > now}
        if identity in self._used or len(self._used) > _REPLAYS_LIMIT:
            raise Denied(401, "invalid_client", "the assertion was used before")
        self._used[identity] = ends
