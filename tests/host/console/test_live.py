"""The messages on the stream of an open page, and their times."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.host.console.morning import Morning

from badgeclock.bridge.people import employers
from badgeclock.console import live

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
