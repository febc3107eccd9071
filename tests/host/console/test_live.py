"""The messages on the stream of an open page, and their times."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import event
from tests.host.console.morning import Morning

from badgeclock.bridge.people import employers
from badgeclock.console import live, site

Visit = Callable[[str], TestClient]
CHANGED = "event: changed\ndata: \n\n"


async def until_changed(lines: AsyncIterator[str]) -> None:
    async with asyncio.timeout(60):
        async for line in lines:
            if line == CHANGED:
                return


async def test_it_says_that_something_has_changed_and_goes_on_by_the_time_alone(
    morning: Morning, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "LOOK_S", 0.01)
    monkeypatch.setattr(live, "BEAT_S", 0.01)
    watching = asyncio.create_task(morning.watch.run())
    lines = morning.watch.changes()
    assert (await anext(lines)).startswith("retry: 2000")
    await until_changed(lines)  # the first look
    assert await anext(lines) == await anext(lines) == "event: beat\ndata: \n\n"
    with morning.office.write() as connection:
        employers.add(connection, "0999999922", "Voorbeeld")
    await until_changed(lines)
    # Nothing is committed, and anyone who was still to come is missing from seven on.
    monkeypatch.setattr(live, "AGAIN_S", 0.05)
    later = morning.watch.changes()
    await anext(later)
    await until_changed(later)
    morning.watch.end()
    assert [line async for line in lines] == [line async for line in later] == []
    watching.cancel()
    await asyncio.wait([watching])


async def test_so_many_streams_are_open_at_once(morning: Morning, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "STREAMS_MOST", 2)
    streams = [morning.watch.changes() for _ in range(2)]
    for stream in streams:
        assert not morning.watch.is_full
        await anext(stream)
    assert morning.watch.is_full
    await streams[0].aclose()
    assert not morning.watch.is_full
    await streams[1].aclose()


async def test_two_hundred_streams_cost_no_query_and_their_pages_one_look(
    morning: Morning, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "LOOK_S", 0.01)
    monkeypatch.setattr(live, "FETCHES_S", 1000)
    monkeypatch.setattr(site, "LOOK_HOLDS_S", 3600.0)
    asked: list[str] = []
    event.listen(morning.store._engine, "before_cursor_execute", lambda *of: asked.append(of[2]))
    watching = asyncio.create_task(morning.watch.run())
    streams = [morning.watch.changes() for _ in range(200)]
    for stream in streams:
        await anext(stream)
    asked.clear()
    with morning.office.write() as connection:
        employers.add(connection, "0999999922", "Voorbeeld")
    await asyncio.gather(*(until_changed(stream) for stream in streams))
    assert set(asked) <= {"BEGIN DEFERRED"}, "of the one look whether anything was committed"
    # Each page's own session is looked up; what they show is looked up and written once.
    clients = [visit(name) for name in ("otto", "otto", "otto", "ada", "ada")]
    pages = [client.get("/", headers={"hx-request": "true"}).text for client in clients]
    looks = [one for one in asked if "FROM punches JOIN presences" in one]
    assert len(looks) == 2, "once for operators, once for administrators"
    assert pages[0] == pages[1] == pages[2]
    assert pages[0].lstrip().startswith('<div id="live"')
    assert "otto" not in pages[0]
    morning.watch.end()
    watching.cancel()
    await asyncio.wait([watching])


def test_of_many_open_pages_each_is_told_later_and_less_often() -> None:
    assert live.spread_s(live.FETCHES_S) == 0
    assert live.spread_s(200) == 200 / live.FETCHES_S > 1
