"""Parts that work in rounds: what begins a round, and what a failing store does to one."""

from __future__ import annotations

import asyncio

from tests.host.bridge.world import eventually, running

from badgeclock.bridge.rounds import Rounds
from badgeclock.errors import StoreError


class Counting(Rounds):
    """Counts its rounds; the first so many find no store."""

    def __init__(self, pause_s: float | None, failing: int = 0) -> None:
        super().__init__(pause_s=pause_s, if_store_fails="the count waits for the store")
        self.rounds = self.given_up = 0
        self.failing = failing

    async def work(self) -> None:
        self.rounds += 1
        if self.rounds <= self.failing:
            raise StoreError(what="the store failed", kept="nothing", do="look at it")

    def store_failed(self) -> None:
        self.given_up += 1


async def test_a_round_comes_after_each_pause() -> None:
    counting = Counting(pause_s=0.001)
    await running(counting.run(), lambda: counting.rounds >= 3)


async def test_without_a_pause_a_round_comes_only_when_woken_and_none_is_missed() -> None:
    counting = Counting(pause_s=None)
    task = asyncio.create_task(counting.run())
    await eventually(lambda: counting.rounds == 1)
    for expected in (2, 3):
        counting.wake()
        await eventually(lambda expected=expected: counting.rounds == expected)
    task.cancel()
    await asyncio.wait([task])


async def test_a_store_that_fails_costs_the_round_and_not_the_part() -> None:
    counting = Counting(pause_s=0.001, failing=2)
    await running(counting.run(), lambda: counting.rounds >= 4)
    assert counting.given_up == 2
