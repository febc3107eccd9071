"""Many pages with the same data cost one read of the store."""

from __future__ import annotations

import asyncio

import pytest
from tests.host.bridge.world import Hand

from badgeclock.console.site import LOOK_HOLDS_S, LOOKS_MOST, Looks


async def test_pages_that_ask_for_the_same_at_once_share_one_look_for_a_second() -> None:
    clock, made = Hand(), []
    looks = Looks(clock)

    async def look() -> int:
        await asyncio.sleep(0)
        made.append(1)
        return len(made)

    assert await asyncio.gather(*(looks.look("all sites", look) for _ in range(200))) == [1] * 200
    assert await looks.look("one site", look) == 2
    assert await looks.look("all sites", look) == 1
    clock.s += LOOK_HOLDS_S
    assert await looks.look("all sites", look) == 3
    looks.forget()
    assert await looks.look("all sites", look) == 4
    for number in range(LOOKS_MOST * 2):
        await looks.look(number, look)
    assert len(looks._found) == len(looks._locks) == LOOKS_MOST


async def test_a_look_that_fails_is_made_again_by_the_next() -> None:
    looks, answers = Looks(Hand()), [ValueError("the store is away"), None]

    async def look() -> str:
        error = answers.pop(0)
        if error is not None:
            raise error
        return "there"

    with pytest.raises(ValueError, match="away"):
        await looks.look("all sites", look)
    assert not looks._locks
    assert await looks.look("all sites", look) == "there"
