"""Who is answered on the bridge's port: this machine without a word, others only with a token."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from tests.host.bridge.world import World

from badgeclock.bridge.metrics import Metrics
from badgeclock.bridge.settings import HttpSettings
from badgeclock.bridge.store.audit_log import Operator
from badgeclock.bridge.web import api_tokens, status_api
from badgeclock.bridge.web.api_tokens import Scope

BEYOND = HttpSettings(host="10.1.2.3", beyond_this_machine=True, names=("bridge.example",))


@pytest.fixture
def asking(world: World) -> Callable[[HttpSettings, str], TestClient]:
    def client(settings: HttpSettings, name: str) -> TestClient:
        app = status_api.create_app(world.store, world.vault, Metrics(), lambda: True, settings, lambda: world.now_ms)
        return TestClient(app, base_url=f"http://{name}")

    return client


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.8.8"])
def test_this_machine_asks_without_a_token(asking: Callable[[HttpSettings, str], TestClient], host: str) -> None:
    assert asking(HttpSettings(host=host), "localhost").get("/api/clocks").status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "10.1.2.3", "::", "bridge.example"])  # noqa: S104 - refused
def test_a_host_that_others_reach_needs_an_explicit_word(host: str) -> None:
    with pytest.raises(ValueError, match="beyond_this_machine = true"):
        HttpSettings(host=host)
    assert not HttpSettings(host=host, beyond_this_machine=True).is_loopback


def test_beyond_this_machine_the_api_wants_a_token_of_its_scope_and_health_does_not(
    world: World, asking: Callable[[HttpSettings, str], TestClient]
) -> None:
    client = asking(BEYOND, "bridge.example")
    assert client.get("/readyz").status_code == 200
    refused = client.get("/api/clocks")
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")

    def token(*scopes: Scope) -> dict[str, str]:
        with world.store.write() as connection:
            made = api_tokens.make(connection, "screen", scopes, 1, Operator("anna"), world.now_ms)
        return {"authorization": f"Bearer {made}"}

    assert client.get("/api/clocks", headers=token(Scope.PLANNING_READ)).status_code == 403
    good = token(Scope.STATUS_READ)
    assert client.get("/api/clocks", headers=good).status_code == 200
    assert client.get("/api/punches", headers=good).status_code == 200
    world.now_ms += 2 * api_tokens.DAY_MS
    assert client.get("/api/clocks", headers=good).status_code == 401
    assert client.get("/api/clocks", headers={"host": "evil.example"}).status_code == 400
