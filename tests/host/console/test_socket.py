"""The bridge's socket: rights of its clients, and that no request can harm the bridge."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.host.bridge.world import eventually
from tests.host.console.morning import Morning

from badgeclock.bridge.acts import acts_socket
from badgeclock.bridge.acts.acts import Asked
from badgeclock.bridge.acts.acts_socket import ActsSocket
from badgeclock.bridge.store import schema
from badgeclock.console import door as doors
from badgeclock.console.door import BridgeDoor
from badgeclock.console.errors import ActRefused, BridgeSilent


@contextlib.asynccontextmanager
async def listening(morning: Morning, acted: list[int]) -> AsyncIterator[BridgeDoor]:
    """The bridge's end, while the context lasts; and a console's door to it, which cannot write to the store itself."""
    bridge = ActsSocket(morning.socket, morning.office, morning.vault, lambda: morning.now_ms, lambda: acted.append(1))
    task = asyncio.create_task(bridge.run())
    await eventually(morning.socket.is_socket)
    yield BridgeDoor(morning.socket, "sqlite:////nowhere/bridge.db", morning.vault, lambda: morning.now_ms)
    task.cancel()
    await asyncio.wait([task])
    assert not morning.socket.exists()


async def test_an_act_goes_through_the_running_bridge_and_wakes_it(morning: Morning) -> None:
    acted: list[int] = []
    secret = morning.session("otto")
    async with listening(morning, acted) as door:
        done = await door.ask(Asked.GIVE_BADGE, secret, item="clock-0001/4", worker="W-006")
        assert done == {"queued": 1}
        with pytest.raises(ActRefused, match="no worker") as caught:
            await door.ask(Asked.GIVE_BADGE, secret, item="clock-0001/4", worker="W-777")
        assert caught.value.kind == "PeopleError"
        with pytest.raises(ActRefused, match="nobody is signed in"):
            await door.ask(Asked.SETTLE, "x" * 43, item="event/1", why="x")
        with pytest.raises(ActRefused, match="too long"):
            await door.ask(Asked.SETTLE, secret, item="event/1", why="x" * 70_000)
    assert acted == [1]
    with pytest.raises(ActRefused, match="the store failed"):
        await door.ask(Asked.SETTLE, secret, item="event/1", why="no bridge runs, and the store is not there")


async def test_nobody_but_the_bridges_user_may_open_it(morning: Morning, monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening(morning, []) as door:
        assert stat.S_IMODE(morning.socket.stat().st_mode) == 0o600
        # Anyone who the kernel says is another user gets no answer, root apart.
        monkeypatch.setattr(acts_socket, "_ROOT", -1)
        monkeypatch.setattr(os, "geteuid", lambda: 12_345)
        with pytest.raises(BridgeSilent):
            await door.ask(Asked.NOTE_PAGE, morning.session("otto"))


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"[]\n",
        b'{"act": 1}\n',
        b'{"act": "settle", "session": null, "fields": {}}\n',
        b"\xff\n",
        b"9" * 4400 + b"\n",
    ],
)
async def test_what_is_no_request_is_refused_in_words(morning: Morning, line: bytes) -> None:
    async with listening(morning, []):
        with acts_socket.named(morning.socket) as name:
            reader, writer = await asyncio.open_unix_connection(name)
        writer.write(line)
        answer = json.loads(await reader.readline())
        assert "does not understand" in answer["refused"]["what"]
        writer.close()


async def test_a_console_that_stands_still_holds_nothing_up(morning: Morning, monkeypatch: pytest.MonkeyPatch) -> None:
    """Suspended before, in the middle of and after its request it keeps no place for good, and the store is free."""
    monkeypatch.setattr(acts_socket, "WAIT_S", 0.3)
    secret = morning.session("otto")
    request = json.dumps({"act": "settle", "session": secret, "fields": {"item": "event/1", "why": "x"}}).encode()
    async with listening(morning, []) as door:
        held = []
        for sent in (b"", request[:20], request + b"\n"):
            with acts_socket.named(morning.socket) as name:
                reader, writer = await asyncio.open_unix_connection(name)
            writer.write(sent)
            held.append((reader, writer))
        with morning.office.write() as connection:
            connection.execute(schema.events.delete().where(schema.events.c.id == -1))
        assert await door.ask(Asked.NOTE_PAGE, secret) == {}
        for reader, writer in held[:2]:
            assert await reader.read() == b"", "it is let go of without an answer"
            writer.close()
        held[2][1].close()
        for _ in range(acts_socket.CONNECTIONS + 5):
            with acts_socket.named(morning.socket) as name:
                held.append(await asyncio.open_unix_connection(name))
        assert await held[-1][0].read() == b"", "too many at once"
        for reader, writer in held[3:]:
            await reader.read()
            writer.close()
        assert await door.ask(Asked.NOTE_PAGE, secret) == {}


async def test_a_bridge_that_does_not_answer_is_said_and_nothing_is_done_twice(
    morning: Morning, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "ANSWER_S", 0.2)
    standing: list[asyncio.StreamWriter] = []
    with acts_socket.named(morning.socket) as name:
        server = await asyncio.start_unix_server(lambda _, writer: standing.append(writer), name)
    async with server:
        door = BridgeDoor(morning.socket, morning.url, morning.vault, lambda: morning.now_ms)
        with pytest.raises(BridgeSilent, match="may still be carried out"):
            await door.ask(Asked.GIVE_BADGE, morning.session("otto"), item="clock-0001/4", worker="W-006")
        for writer in standing:
            writer.close()
    assert "UNASSIGNED" in morning.punches(), "the console does not write while a bridge holds the socket"


async def test_a_long_path_is_no_hindrance(morning: Morning, tmp_path: Path) -> None:
    morning.socket = tmp_path / ("deep" * 20) / ("folder" * 20) / "acts.sock"
    morning.socket.parent.mkdir(parents=True)
    async with listening(morning, []) as door:
        assert await door.ask(Asked.NOTE_PAGE, morning.session("otto")) == {}
