"""Signing in by the organisation's own provider, a real one on this machine; and every answer that must not count."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from fastapi.testclient import TestClient
from pydantic import ValidationError
from tests.host.console import openid_provider
from tests.host.console.morning import WHO, Morning
from tests.host.console.openid_provider import CLIENT_ID, CLIENT_SECRET, OpenIdProvider

from badgeclock.bridge.accounts import accounts
from badgeclock.bridge.accounts.roles import Role
from badgeclock.bridge.settings import ConsoleSettings, ProviderSettings
from badgeclock.bridge.store import schema
from badgeclock.console.openid import PENDING_MOST, PENDING_OF_ADDRESS, Provider
from badgeclock.errors import SettingsError


@pytest.fixture(scope="module")
def served() -> Iterator[OpenIdProvider]:
    """One provider for the file: its key takes longest."""
    made = OpenIdProvider(lambda: 0.0)
    with openid_provider.running(made):
        yield made


class Visit:
    """A browser that signs in by the provider."""

    def __init__(self, morning: Morning, provider: OpenIdProvider, folder: Path) -> None:
        secret = folder / "client.secret"
        secret.write_text(CLIENT_SECRET + "\n")
        secret.chmod(0o600)
        self.settings = ProviderSettings(issuer=provider.issuer, client_id=CLIENT_ID, client_secret_file=secret)
        morning.settings = ConsoleSettings(names=("testserver",), provider=self.settings)
        self.of_console = Provider(self.settings, lambda: morning.now_ms / 1000)
        self._app = morning.app(self.of_console)
        self.client = self.another()

    def another(self) -> TestClient:
        made = TestClient(self._app, base_url="http://testserver", follow_redirects=False)
        made.headers["origin"] = "http://testserver"
        return made

    def begin(self, **fields: str) -> str:
        """Press the button; the provider's page to which the console leads."""
        page = self.client.post("/sign-in/provider", data={"to": "/attention", **fields})
        assert page.status_code == 200, page.text
        (address,) = re.findall(r'content="0;url=([^"]+)"', page.text)
        assert "form-action 'self'" in page.headers["content-security-policy"]
        return unescape(address)

    def at_provider(self, address: str) -> str:
        """Sign in there; where it leads back."""
        return httpx.get(address, timeout=60).headers["location"].removeprefix("http://testserver")

    def signs_in(self) -> httpx.Response:
        return self.client.get(self.at_provider(self.begin()))


@pytest.fixture
def visit(morning: Morning, served: OpenIdProvider, tmp_path: Path) -> Iterator[Visit]:
    """Of Ida, who has an account, at an honest provider."""
    key, person = served.key, dict(served.person)
    served.now_s = lambda: morning.now_ms / 1000
    served.asked.clear()
    with morning.office.write() as connection:
        accounts.make_by_provider(connection, "ida", Role.VIEWER, WHO, morning.now_ms)
    yield Visit(morning, served, tmp_path)
    served.key, served.signs_with, served.algorithm, served.person = key, key, "RS256", person
    served.twist, served.discovery = openid_provider.honest, {}


def test_somebody_signs_in_by_the_provider_and_is_bound_to_the_account(
    morning: Morning, served: OpenIdProvider, visit: Visit
) -> None:
    assert "Sign in through your organisation" in visit.client.get("/sign-in").text
    query = parse_qs(urlsplit(visit.begin()).query)
    assert {"state", "nonce", "code_challenge"} <= query.keys()
    done = visit.signs_in()
    assert (done.status_code, done.headers["location"]) == (303, "/attention")
    assert visit.client.get("/").status_code == 200
    page = visit.client.get("/account").text
    assert "You sign in through your organisation" in page
    assert "Present password" not in page
    assert served.asked == ["discovery", "keys"], "what the provider says of itself is kept"
    assert [row.act for row in morning.rows(schema.acts)][-1] == "signed_in"
    # Another person who gets that name at the provider later is not the account's owner.
    served.person = {"sub": "666", "preferred_username": "ida"}
    refused = visit.signs_in()
    assert (refused.status_code, "No account here" in refused.text) == (403, True)
    # Nobody signs in with a password there, nor by the provider where there is a password.
    assert visit.client.post("/sign-in", data={"name": "ida", "password": ""}).status_code == 403
    served.person = {"sub": "7", "preferred_username": "otto"}
    assert visit.signs_in().status_code == 403
    # Locked is locked here too.
    served.person = {"sub": "248289761001", "preferred_username": "ida"}
    with morning.office.write() as connection:
        accounts.lock(connection, "ida", WHO, morning.now_ms)
    assert visit.signs_in().status_code == 403
    with morning.office.write() as connection:
        accounts.unlock(connection, "ida", WHO, morning.now_ms)
    assert visit.signs_in().status_code == 303


def other(name: str, value: Any) -> Callable[[OpenIdProvider], None]:
    def twist(provider: OpenIdProvider) -> None:
        provider.twist = lambda claims: claims.update({name: value})

    return twist


def without(name: str) -> Callable[[OpenIdProvider], None]:
    def twist(provider: OpenIdProvider) -> None:
        provider.twist = lambda claims: claims.pop(name)

    return twist


@pytest.mark.parametrize(
    "twist",
    [
        other("iss", "https://evil.example"),
        other("aud", "another-client"),
        other("aud", [CLIENT_ID, "another-client"]),
        other("azp", "another-client"),
        other("nonce", "x" * 43),
        other("nonce", 7),
        without("nonce"),
        other("exp", 1),
        without("exp"),
        other("iat", 1),
        without("iat"),
        other("sub", ""),
        without("sub"),
        openid_provider.others_key,
        openid_provider.shared_key,
        openid_provider.unsigned,
    ],
)
def test_a_token_that_is_wrong_in_anything_signs_nobody_in(
    served: OpenIdProvider, visit: Visit, twist: Callable[[OpenIdProvider], None]
) -> None:
    twist(served)
    refused = visit.signs_in()
    assert (refused.status_code, "was not accepted" in refused.text) == (403, True)
    assert visit.client.get("/").headers["location"].startswith("/sign-in")


def test_an_answer_counts_once_and_in_the_browser_that_asked(served: OpenIdProvider, visit: Visit) -> None:
    back = visit.at_provider(visit.begin())
    assert visit.another().get(back).status_code == 403, "another browser"
    assert visit.client.get(back).status_code == 403, "it is used up by that"
    back = visit.at_provider(visit.begin())
    assert visit.client.get(back).status_code == 303
    assert visit.client.get(back).status_code == 403, "once"
    code = parse_qs(urlsplit(back).query)["code"][0]
    state = parse_qs(urlsplit(visit.begin()).query)["state"][0]
    for query in (
        {"code": code, "state": state},
        {"code": code},
        {"state": state},
        {"error": "access_denied", "state": parse_qs(urlsplit(visit.begin()).query)["state"][0]},
        {"code": code, "state": "\x00", "iss": served.issuer},
    ):
        assert visit.client.get(f"/sign-in/provider/back?{urlencode(query)}").status_code == 403, query
    back = visit.at_provider(visit.begin())
    assert visit.client.get(back.replace("iss=http", "iss=https")).status_code == 403, "RFC 9207"


def test_the_providers_key_may_change_and_its_word_of_itself_is_checked(
    morning: Morning, served: OpenIdProvider, visit: Visit
) -> None:
    assert visit.signs_in().status_code == 303
    openid_provider.others_key(served)
    served.key = served.signs_with
    assert visit.signs_in().status_code == 303, "its keys are looked at again"
    for lie in (
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://provider.example/token"},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": 7},
    ):
        served.discovery = lie
        visit.of_console = Provider(visit.settings, lambda: 0.0)
        client = TestClient(morning.app(visit.of_console), base_url="http://testserver")
        answer = client.post("/sign-in/provider", data={}, headers={"origin": "http://testserver"})
        assert (answer.status_code, "was not accepted" in answer.text) == (403, True), lie


def test_a_provider_that_is_away_is_said(morning: Morning) -> None:
    settings = ProviderSettings(issuer="http://127.0.0.1:9", client_id=CLIENT_ID)
    morning.settings = ConsoleSettings(names=("testserver",), provider=settings)
    client = TestClient(morning.app(Provider(settings, lambda: 0.0)), base_url="http://testserver")
    answer = client.post(
        "/sign-in/provider",
        data={"kept_path": "/do/settle", "kept.why": "typed"},
        headers={"origin": "http://testserver"},
    )
    assert (answer.status_code, "The provider does not answer" in answer.text) == (503, True)
    assert 'name="kept.why" value="typed"' in answer.text


def test_what_was_typed_before_the_session_ended_is_there_after_the_provider(visit: Visit) -> None:
    form = {"item": "event/1", "reason": "unknown_clock", "why": "it is the spare one"}
    page = visit.client.post("/do/settle", data=form)
    kept = dict(re.findall(r'name="(kept[^"]*)" value="([^"]*)"', page.text))
    again = visit.client.get(visit.at_provider(visit.begin(**kept))).text
    assert "What you typed is still here" in again
    assert 'value="it is the spare one"' in again


async def test_who_floods_it_pushes_out_nobody_elses_sign_in(served: OpenIdProvider, visit: Visit) -> None:
    assert served.issuer
    own = await visit.of_console.begin("198.51.100.1", "mine", "http://x/back", "/", {})
    for _ in range(PENDING_OF_ADDRESS * 3):
        await visit.of_console.begin("203.0.113.66", "theirs", "http://x/back", "/", {})
    assert len(visit.of_console._begun) == 1 + PENDING_OF_ADDRESS
    state = parse_qs(urlsplit(own).query)["state"][0]
    assert visit.of_console._begun[state].browser == "mine"
    assert PENDING_MOST > PENDING_OF_ADDRESS


def test_settings_that_would_give_the_secret_away_are_refused(tmp_path: Path) -> None:
    secret = tmp_path / "client.secret"
    secret.write_text(CLIENT_SECRET)
    secret.chmod(0o644)
    settings = ProviderSettings(issuer="https://id.example", client_id=CLIENT_ID, client_secret_file=secret)
    with pytest.raises(SettingsError, match="everybody on this machine may read"):
        Provider(settings, lambda: 0.0)
    with pytest.raises(ValidationError, match="speaks HTTPS"):
        ProviderSettings(issuer="http://id.example", client_id=CLIENT_ID)
