"""An OpenID provider over HTTP, with real signatures, that keeps to PKCE and its client's secret, until `twist`ed."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import uvicorn
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

CLIENT_ID, CLIENT_SECRET = "badgeclock", "the client's secret"


def honest(_: dict[str, Any]) -> None:
    """Leave claims as they are."""


class OpenIdProvider:
    """Signs `person` in to whoever asks. `now_s` is its time of day."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self.now_s = now_s
        self.issuer = ""
        self.person = {"sub": "248289761001", "preferred_username": "ida"}
        self.key = RSAKey.generate_key(2048, parameters={"kid": "first"})
        self.signs_with: Any = self.key
        self.algorithm = "RS256"
        self.twist: Callable[[dict[str, Any]], None] = honest
        self.discovery: dict[str, Any] = {}
        self.asked: list[str] = []
        self._codes: dict[str, dict[str, str]] = {}

    def app(self) -> FastAPI:
        """Its four pages."""
        app = FastAPI()

        @app.get("/.well-known/openid-configuration")
        def discovery() -> dict[str, Any]:
            self.asked.append("discovery")
            pages = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
            about = {name: f"{self.issuer}/{page}" for name, page in pages.items()}
            return {"issuer": self.issuer, **about, **self.discovery}

        @app.get("/keys")
        def keys() -> dict[str, Any]:
            self.asked.append("keys")
            return dict(KeySet([self.key]).as_dict(private=False))

        @app.get("/authorize")
        def authorize(request: Request) -> Response:
            query = dict(request.query_params)
            assert query["response_type"] == "code"
            assert (query["client_id"], query["code_challenge_method"]) == (CLIENT_ID, "S256")
            assert query["scope"].split()[0] == "openid"
            code = secrets.token_urlsafe(16)
            self._codes[code] = query
            back = {"code": code, "state": query["state"], "iss": self.issuer}
            return RedirectResponse(f"{query['redirect_uri']}?{urlencode(back)}", 302)

        @app.post("/token")
        async def token(request: Request) -> Response:
            form = await request.form()
            begun = self._codes.pop(str(form["code"]), None)
            proved = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
            digest = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
            challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            if (
                begun is None
                or request.headers.get("authorization") != f"Basic {proved}"
                or begun["code_challenge"] != challenge
                or begun["redirect_uri"] != form["redirect_uri"]
            ):
                return JSONResponse({"error": "invalid_grant"}, 400)
            return JSONResponse(
                {"access_token": "x", "token_type": "Bearer", "id_token": self._id_token(begun["nonce"])}
            )

        return app

    def _id_token(self, nonce: str) -> str:
        now = int(self.now_s())
        claims = {"iss": self.issuer, "aud": CLIENT_ID, "nonce": nonce, "iat": now, "exp": now + 300, **self.person}
        self.twist(claims)
        if self.algorithm == "none":
            parts = (json.dumps(part).encode() for part in ({"alg": "none"}, claims))
            return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."
        return jwt.encode({"alg": self.algorithm, "kid": "first"}, claims, self.signs_with, algorithms=[self.algorithm])


@contextmanager
def running(provider: OpenIdProvider) -> Iterator[None]:
    """The provider on this machine, while the context lasts."""
    server = uvicorn.Server(uvicorn.Config(provider.app(), host="127.0.0.1", port=0, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        provider.issuer = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        yield
    finally:
        server.should_exit = True
        thread.join()


def others_key(provider: OpenIdProvider) -> None:
    """Sign with a key that is not the provider's."""
    provider.signs_with = RSAKey.generate_key(2048, parameters={"kid": "first"})


def shared_key(provider: OpenIdProvider) -> None:
    """Sign with the public key as if it were a secret (the old confusion of algorithms)."""
    provider.algorithm = "HS256"
    provider.signs_with = OctKey.import_key(str(provider.key.as_dict(private=False)["n"]))


def unsigned(provider: OpenIdProvider) -> None:
    """Sign with nothing."""
    provider.algorithm = "none"
