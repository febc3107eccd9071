"""The organisation's own sign-in, by OpenID Connect: the requests to the provider, and the checks of its answers.

The authorization code flow (OpenID Connect Core 1.0 §3.1) with PKCE (RFC 7636, S256), a state and a nonce of 256 bits
each, and the issuer in the answer where the provider gives it (RFC 9207). An ID token counts if its signature is by a
key of the provider, by an asymmetric algorithm, and issuer, audience, nonce and times are right (§3.1.3.7). Answers are
bounded in size and time; redirects are not followed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import ssl
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from badgeclock import key_file, text_file
from badgeclock.bridge.settings import ProviderSettings, is_loopback
from badgeclock.console.errors import ProviderAway, ProviderRefused
from badgeclock.errors import SettingsError

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Accepted algorithms: none with a shared key, and never `none`."""
SKEW_S: Final = 60
ISSUED_MOST_S: Final = 600
"""An older ID token cannot belong to this sign-in."""
PENDING_S: Final = 600.0
PENDING_MOST: Final = 2_000
PENDING_OF_ADDRESS: Final = 20
"""Sign-ins that one address may have in progress; its own oldest is dropped first, never another's."""
DISCOVERY_S: Final = 3600.0
ANSWER_BYTES_MOST: Final = 256 * 1024
TIMEOUT_S: Final = 10.0
_DISCOVERY: Final = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in in progress: what its answer must match, the page to go to, and what was typed before."""

    address: str
    browser: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    redirect: str
    to: str
    kept: Mapping[str, str] = field(repr=False)
    at_s: float


@dataclass(frozen=True, slots=True)
class Person:
    """A person's identity at the provider: the claim with the account's name, and the SHA-256 of issuer and subject."""

    name: str
    subject_sha256: str


class Provider:
    """The provider of `settings`. `now_s` is the time of day, for the expiry of tokens."""

    def __init__(
        self,
        settings: ProviderSettings,
        now_s: Callable[[], float],
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._secret = _secret(settings)
        self._now_s = now_s
        self._clock_s = clock_s
        self._tls: ssl.SSLContext | bool = True
        if settings.ca is not None:
            self._tls = ssl.create_default_context(cafile=str(settings.ca))
        self._begun: OrderedDict[str, Begun] = OrderedDict()
        self._about: tuple[float, dict[str, Any]] | None = None
        self._keys: KeySet | None = None

    async def begin(self, address: str, browser: str, redirect: str, to: str, kept: Mapping[str, str]) -> str:
        """Begin a sign-in of a browser (a random word in its cookie); returns the provider's page for it.

        Raises ProviderRefused.
        """
        about = await self._discovered()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        self._keep(state, Begun(address, browser, nonce, verifier, redirect, to, dict(kept), self._clock_s()))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": redirect,
            "scope": self._settings.scopes,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        page: str = about["authorization_endpoint"]
        return f"{page}{'&' if urlsplit(page).query else '?'}{urlencode(query)}"

    async def end(self, browser: str, answer: Mapping[str, str]) -> tuple[Person, Begun]:
        """Who came back, and the sign-in that they began. Each sign-in can be completed once, whatever the answer.
        Raises ProviderRefused."""
        self._trim()
        begun = self._begun.pop(answer.get("state", ""), None)
        if begun is None or not browser or not hmac.compare_digest(begun.browser.encode(), browser.encode()):
            raise ProviderRefused("the state is of no sign-in that this browser began")
        if answer.get("iss", self._settings.issuer) != self._settings.issuer:
            raise ProviderRefused("the answer is of another issuer")
        code = answer.get("code", "")
        if "error" in answer or not code:
            raise ProviderRefused("the provider signed nobody in")
        token = await self._token(code, begun)
        return await self._person(token, begun.nonce), begun

    def _keep(self, state: str, begun: Begun) -> None:
        self._trim()
        own = [key for key, one in self._begun.items() if one.address == begun.address]
        for key in own[: max(0, len(own) + 1 - PENDING_OF_ADDRESS)]:
            del self._begun[key]
        self._begun[state] = begun
        while len(self._begun) > PENDING_MOST:
            self._begun.popitem(last=False)

    def _trim(self) -> None:
        over_s = self._clock_s() - PENDING_S
        while self._begun and next(iter(self._begun.values())).at_s < over_s:
            self._begun.popitem(last=False)

    # --- requests to the provider ---

    async def _discovered(self) -> dict[str, Any]:
        if self._about is not None and self._clock_s() - self._about[0] < DISCOVERY_S:
            return self._about[1]
        about = await self._json("GET", self._settings.issuer.rstrip("/") + _DISCOVERY)
        if about.get("issuer") != self._settings.issuer:
            raise ProviderRefused("the provider says that it is another issuer")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if not _may_be_asked(about.get(name)):
                raise ProviderRefused(f"the provider's {name} is no address by HTTPS")
        self._about, self._keys = (self._clock_s(), about), None
        return about

    async def _token(self, code: str, begun: Begun) -> str:
        about = await self._discovered()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": begun.redirect,
            "code_verifier": begun.verifier,
        }
        auth = None
        if self._secret is None:
            form["client_id"] = self._settings.client_id
        else:
            auth = httpx.BasicAuth(self._settings.client_id, self._secret)
        answer = await self._json("POST", about["token_endpoint"], data=form, auth=auth)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise ProviderRefused("the provider gave no ID token")
        return token

    async def _person(self, token: str, nonce: str) -> Person:
        try:
            claims = await self._claims(token)
        except (JoseError, ValueError, TypeError, KeyError):
            raise ProviderRefused("the ID token's signature does not hold") from None
        issuer, subject, audience = claims.get("iss"), claims.get("sub"), claims.get("aud")
        heard = audience if isinstance(audience, list) else [audience]
        if issuer != self._settings.issuer or not isinstance(subject, str) or not subject:
            raise ProviderRefused("the ID token is of another issuer, or of nobody")
        if self._settings.client_id not in heard or claims.get("azp", self._settings.client_id) != (
            self._settings.client_id
        ):
            raise ProviderRefused("the ID token is for another client")
        if len(heard) > 1 and "azp" not in claims:
            raise ProviderRefused("the ID token is for several clients, and does not say for which")
        said = claims.get("nonce")
        if not isinstance(said, str) or not hmac.compare_digest(said.encode(), nonce.encode()):
            raise ProviderRefused("the ID token is of another sign-in")
        _check_times(claims, self._now_s())
        name = claims.get(self._settings.name_claim)
        digest = hashlib.sha256(json.dumps([issuer, subject]).encode()).hexdigest()
        return Person(name.strip().lower() if isinstance(name, str) else "", digest)

    async def _claims(self, token: str) -> dict[str, Any]:
        keys = await self._key_set()
        try:
            return dict(jwt.decode(token, keys, algorithms=list(ALGORITHMS)).claims)
        except (JoseError, ValueError):
            self._keys = None  # the provider may have changed its keys since
            return dict(jwt.decode(token, await self._key_set(), algorithms=list(ALGORITHMS)).claims)

    async def _key_set(self) -> KeySet:
        if self._keys is None:
            about = await self._discovered()
            found = await self._json("GET", about["jwks_uri"])
            keys = [key for key in found.get("keys", []) if isinstance(key, dict) and key.get("kty") in ("RSA", "EC")]
            self._keys = KeySet.import_key_set({"keys": keys})
        return self._keys

    async def _json(self, method: str, address: str, **more: Any) -> dict[str, Any]:
        try:
            async with (
                httpx.AsyncClient(verify=self._tls, timeout=TIMEOUT_S, follow_redirects=False) as client,
                client.stream(method, address, headers={"accept": "application/json"}, **more) as answer,
            ):
                content = b""
                async for part in answer.aiter_bytes():
                    content += part
                    if len(content) > ANSWER_BYTES_MOST:
                        raise ProviderRefused("the provider's answer is too long")
                status = answer.status_code
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ProviderAway(f"the provider does not answer: {type(error).__name__}") from None
        if status != httpx.codes.OK:
            raise ProviderRefused(f"the provider answered with status {status}")
        try:
            found = json.loads(content)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise ProviderRefused("the provider's answer is no JSON object")
        return found


def _check_times(claims: Mapping[str, Any], now_s: float) -> None:
    ends, made = claims.get("exp"), claims.get("iat")
    if not isinstance(ends, (int, float)) or not isinstance(made, (int, float)):
        raise ProviderRefused("the ID token does not say when it was made and ends")
    if not now_s - SKEW_S < ends or not now_s - ISSUED_MOST_S < made < now_s + SKEW_S:
        raise ProviderRefused("the ID token has ended, or is not of now")


def _may_be_asked(address: Any) -> bool:
    if not isinstance(address, str):
        return False
    parts = urlsplit(address)
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))


def _secret(settings: ProviderSettings) -> str | None:
    path = settings.client_secret_file
    if path is None:
        return None
    try:
        if key_file.is_open_to_all(path):
            raise SettingsError(
                what=f"everybody on this machine may read {path}", kept="nothing was started", do=f"chmod 600 {path}"
            )
        return text_file.read(path).strip()
    except OSError as error:
        raise SettingsError(
            what=f"{path} cannot be read: {error.strerror}", kept="nothing was started", do="name the secret's file"
        ) from None
