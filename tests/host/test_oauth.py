"""Access tokens: one for all, renewed in time by one caller, and none of it ever in a text."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from tests.sandbox_process import SandboxProcess

from badgeclock.authorities import oauth
from badgeclock.authorities.errors import AuthorityUnavailable
from badgeclock.authorities.oauth import ASSERTION_TYPE, ClientKey, Tokens
from badgeclock.authorities.routes import Route
from badgeclock.authorities.transport import Answer, Transport
from badgeclock.sandbox.credentials import CLIENT_ID, Keys, kept_in
from badgeclock.sandbox.errors import Denied
from badgeclock.sandbox.tokens import Tokens as Given

ENDPOINT = "http://127.0.0.1/token"
NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def keys(sandbox_keys: Path) -> Keys:
    return kept_in(sandbox_keys)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, sandbox_keys: Path) -> Iterator[SandboxProcess]:
    with SandboxProcess(tmp_path_factory.mktemp("oauth"), credentials=sandbox_keys) as sandbox:
        yield sandbox


@pytest.fixture
async def tokens(running: SandboxProcess, keys: Keys) -> AsyncIterator[Tokens]:
    running.control(faults=[], token_lifetime_s=600)
    transport = Transport(
        connect_timeout_s=5,
        timeout_s=10,
        tls=Route().tls,
        proxy_of=lambda _: None,
        accept="application/json",
    )
    yield Tokens(transport, running.token, ClientKey(CLIENT_ID, keys.client.key, running.token), None)
    await transport.close()


def asked(sandbox: SandboxProcess) -> int:
    """How often the token endpoint was called."""
    return sum(call["operation"] == "token" for call in sandbox.received()["calls"])


async def test_one_token_serves_all_who_ask_at_once(running: SandboxProcess, tokens: Tokens) -> None:
    before = asked(running)
    got = await asyncio.gather(*(tokens.get() for _ in range(20)))
    assert len(set(got)) == 1
    assert await tokens.get() == got[0]
    assert asked(running) == before + 1


async def test_a_token_that_was_turned_down_is_replaced_once(running: SandboxProcess, tokens: Tokens) -> None:
    first = await tokens.get()
    before = asked(running)
    tokens.spoil(first)
    second = await tokens.get()
    tokens.spoil(first)  # another call that had the first one
    assert second != first
    assert await tokens.get() == second
    assert asked(running) == before + 1


async def test_a_token_is_renewed_before_its_end(
    running: SandboxProcess, tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(oauth.time, "monotonic", lambda: now)
    first = await tokens.get()
    now += 600 - oauth.RENEW_BEFORE_S - 1
    assert await tokens.get() == first
    now += 2
    second = await tokens.get()
    assert second != first
    now += 600 - oauth.RENEW_BEFORE_S + 1
    running.control(faults=[{"kind": "http-500", "operation": "token", "count": 99}])
    assert await tokens.get() == second, "it still holds though no new one can be had"
    now += oauth.RENEW_BEFORE_S
    with pytest.raises(AuthorityUnavailable):
        await tokens.get()


@pytest.mark.parametrize(
    ("kind", "retry"),
    [
        ("not-authenticated", False),
        ("http-500", True),
        ("maintenance", True),
        ("rate-limited", True),
        ("answer-not-xml", False),
        ("close-after-commit", True),
        ("close-before-reading", True),
    ],
)
async def test_without_a_token_nothing_was_declared(
    running: SandboxProcess, tokens: Tokens, kind: str, *, retry: bool
) -> None:
    running.control(faults=[{"kind": kind, "operation": "token"}])
    with pytest.raises(AuthorityUnavailable) as away:
        await tokens.get()
    assert away.value.retry is retry
    await tokens.get()


def assertion(keys: Keys, key: Any = None, header: dict[str, Any] | None = None, **other: Any) -> str:
    claims: dict[str, Any] = {
        "iss": CLIENT_ID,
        "sub": CLIENT_ID,
        "aud": ENDPOINT,
        "jti": "once",
        "iat": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + 240,
    } | other
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(header or {"alg": "RS256"}, claims, key or RSAKey.import_key(keys.client.key_pem))


def form(text: str, **other: str) -> dict[str, str]:
    usual = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE, "client_assertion": text}
    return usual | other


def given_out(keys: Keys, now: datetime = NOW) -> Given:
    return Given(keys.client, lambda: now)


def test_an_assertion_of_ours_is_granted_a_token_that_ends(keys: Keys) -> None:
    now = NOW
    tokens = Given(keys.client, lambda: now)
    own = ClientKey(CLIENT_ID, keys.client.key, ENDPOINT)
    grant = tokens.grant(form(own.assertion(NOW)), ENDPOINT, 60)
    for header, holds in (
        (f"Bearer {grant.access_token}", True),
        (f"bearer {grant.access_token}", True),
        (f"Basic {grant.access_token}", False),
        (grant.access_token, False),
        ("Bearer", False),
        ("", False),
        (None, False),
        ("Bearer x", False),
    ):
        assert tokens.holds(header) is holds, header
    now += timedelta(seconds=60)
    assert not tokens.holds(f"Bearer {grant.access_token}")


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"iss": "another"}, "client id"),
        ({"sub": "another"}, "client id"),
        ({"aud": "http://127.0.0.1/elsewhere"}, "aud"),
        ({"aud": None}, "aud"),
        ({"jti": None}, "jti"),
        ({"jti": ""}, "jti"),
        ({"iat": None}, "iat"),
        ({"exp": "soon"}, "needed"),
        ({"exp": int(NOW.timestamp()) + 3600}, "at most"),
        ({"exp": int(NOW.timestamp()) - 61, "iat": int(NOW.timestamp()) - 90}, "now"),
        ({"iat": int(NOW.timestamp()) + 90, "exp": int(NOW.timestamp()) + 99}, "now"),
    ],
    ids=[
        *("issuer", "subject", "audience", "no audience", "no id", "empty id", "not issued", "ends in words"),
        *("too long", "ended", "not yet issued"),
    ],  # of no value that depends on the time: every worker must find the same tests
)
def test_an_assertion_that_does_not_hold_is_denied(keys: Keys, other: dict[str, Any], why: str) -> None:
    with pytest.raises(Denied, match=why) as denied:
        given_out(keys).grant(form(assertion(keys, **other)), ENDPOINT, 60)
    assert (denied.value.status, denied.value.error) == (401, "invalid_client")


def test_neither_another_key_nor_another_algorithm_nor_a_second_use_is_taken(keys: Keys) -> None:
    tokens = given_out(keys)
    tokens.grant(form(assertion(keys)), ENDPOINT, 60)
    with pytest.raises(Denied, match="before"):
        tokens.grant(form(assertion(keys)), ENDPOINT, 60)
    stranger = RSAKey.import_key(keys.service.key_pem)
    shared = OctKey.import_key(b"a secret that both know, 32 bytes")
    for text in (
        assertion(keys, stranger, jti="a"),
        assertion(keys, shared, {"alg": "HS256"}, jti="b"),
        "eyJhbGciOiJub25lIn0.e30.",
        "x",
        "",
        "x" * 9000,
    ):
        with pytest.raises(Denied):
            tokens.grant(form(text), ENDPOINT, 60)
    with pytest.raises(Denied) as denied:
        tokens.grant(form(assertion(keys, jti="d"), grant_type="password"), ENDPOINT, 60)
    assert denied.value.error == "unsupported_grant_type"


@given(st.text(alphabet="eyJ0.ab-_=", max_size=200))
@settings(deadline=None, max_examples=100)
def test_any_text_for_an_assertion_is_denied(keys: Keys, text: str) -> None:
    with pytest.raises(Denied):
        given_out(keys).grant(form(text), ENDPOINT, 60)


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.sampled_from([200, 201, 400, 401, 429, 500, 503]),
    st.binary(max_size=60)
    | st.fixed_dictionaries(
        {},
        optional={
            "access_token": _JSON | st.just("00000100166-token"),
            "token_type": _JSON | st.sampled_from(["Bearer", "bearer", "mac"]),
            "expires_in": _JSON | st.just(300),
            "error": _JSON | st.just("00000100166"),
        },
    ).map(lambda body: json.dumps(body).encode()),
)
@settings(deadline=None, max_examples=120)
def test_any_answer_is_a_token_or_nothing_was_declared(status: int, content: bytes) -> None:
    told = ""
    try:
        token = oauth._read(Answer(status, None, content), 0.0)
    except AuthorityUnavailable as error:
        told = str(error)
    else:
        assert 0 < token.renew_at <= token.ends_at <= 86_400
        assert token.text not in repr(token)
    assert "00000100166" not in told


@pytest.mark.parametrize(
    ("told", "lasts_s"),
    [
        (300, 300),
        (300.5, 300.5),
        ("300", 300),
        (None, oauth.LIFETIME_DEFAULT_S),
        ("absent", oauth.LIFETIME_DEFAULT_S),
        ("9" * 40, 86_400),
        ("soon", None),
        ("", None),
        ("-5", None),
        (0, None),
        ("0", None),
        (True, None),
        ([], None),
    ],
    ids=str,
)
def test_how_long_a_token_holds_is_read_in_every_form_it_is_said(told: Any, lasts_s: float | None) -> None:
    body = {"access_token": "t", "token_type": "Bearer"} | ({} if told == "absent" else {"expires_in": told})
    answer = Answer(200, None, json.dumps(body).encode())
    if lasts_s is None:
        with pytest.raises(AuthorityUnavailable):
            oauth._read(answer, 0.0)
    else:
        assert oauth._read(answer, 0.0).ends_at == lasts_s


def test_an_assertion_names_its_key_by_the_endpoints_name_for_it_or_its_thumbprint(keys: Keys) -> None:
    key = RSAKey.import_key(keys.client.key_pem)
    for key_id, kid in ((None, key.thumbprint()), ("key-7", "key-7")):
        own = ClientKey("me", keys.client.key, ENDPOINT, key_id)
        assert jwt.decode(own.assertion(NOW), key, algorithms=["RS256"]).header["kid"] == kid


def test_an_assertion_says_who_we_are_for_minutes_and_never_twice_the_same(keys: Keys) -> None:
    own = ClientKey("me", keys.client.key, ENDPOINT)
    key = RSAKey.import_key(keys.client.key_pem)
    first, second = (jwt.decode(own.assertion(NOW), key, algorithms=["RS256"]).claims for _ in range(2))
    assert (first["iss"], first["sub"], first["aud"]) == ("me", "me", ENDPOINT)
    assert first["exp"] - first["iat"] <= 300
    assert first["jti"] != second["jti"]
