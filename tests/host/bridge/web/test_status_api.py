"""Admission on the bridge's port: this machine without a token, others only with one."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from fastapi.testclient import TestClient
from tests.host.bridge.world import World

from badgeclock.bridge.metrics import Metrics
from badgeclock.bridge.settings import HttpSettings
from badgeclock.bridge.store.audit_log import Operator
from badgeclock.bridge.web import api_tokens, bounded_http, status_api
from badgeclock.bridge.web.api_tokens import Scope
from badgeclock.bridge.web.bounded_http import CONNECTIONS_MOST

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


@asynccontextmanager
async def served(world: World) -> AsyncIterator[Callable[[bytes], Awaitable[tuple[StreamReader, StreamWriter]]]]:
    """The port, with a client that sends something."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        settings = HttpSettings(port=probe.getsockname()[1])
    app = status_api.create_app(world.store, world.vault, Metrics(), lambda: True, settings, lambda: world.now_ms)
    opened: list[StreamWriter] = []

    async def said(what: bytes) -> tuple[StreamReader, StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", settings.port)
        opened.append(writer)
        writer.write(what)
        return reader, writer

    async with status_api.serving(settings, app) as serve:
        serving = asyncio.create_task(serve())
        while not opened:
            with contextlib.suppress(OSError):
                await said(b"")
            await asyncio.sleep(0.01)
        try:
            yield said
        finally:
            for writer in opened:
                writer.close()
            serving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await serving


HEALTH = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def test_whoever_holds_many_connections_keeps_nobody_from_being_answered(world: World) -> None:
    async with served(world) as said:
        waiting = [await said(b"GET /api/") for _ in range(2 * CONNECTIONS_MOST)]
        reader, _ = await said(HEALTH)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        for first, _ in waiting[: CONNECTIONS_MOST - 1]:
            with contextlib.suppress(ConnectionResetError):
                assert await first.read() == b"", "who has waited longest is out"
        late, _ = waiting[-1]
        assert not late.at_eof()


async def test_a_request_that_does_not_come_whole_ends(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_http, "FINISHED_S", 0.2)
    async with served(world) as said:
        for begun in (b"", b"GET /api/", HEALTH):
            reader, _ = await said(begun)
            with contextlib.suppress(ConnectionResetError):
                assert (await reader.read()).startswith(b"HTTP/1.1 200" if begun == HEALTH else b"")
