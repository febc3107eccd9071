"""Parts that work in rounds: what starts a round, and the effect of a failing store."""

from __future__ import annotations

import asyncio

import pytest
from tests.host.bridge.world import eventually, running

from badgeclock.bridge import rounds
from badgeclock.bridge.rounds import Rounds
from badgeclock.errors import StoreError


class Counting(Rounds):
    """Counts its rounds; the first so many find no store."""

    def __init__(self, pause_s: float | None, failing: int = 0) -> None:
        super().__init__(pause_s=pause_s, if_store_fails="the count waits for the store")
        self.rounds = self.given_up = self.looks = self.committed = 0
        self.is_waiting = False
        self.failing = failing

    async def work(self) -> None:
        self.rounds += 1
        if self.rounds <= self.failing:
            raise StoreError(what="the store failed", kept="nothing", do="look at it")

    def store_failed(self) -> None:
        self.given_up += 1

    @property
    def waits(self) -> bool:
        return self.is_waiting

    def commits(self) -> int:
        self.looks += 1
        return self.committed


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


async def test_rounds_are_left_out_while_nothing_was_committed_and_nothing_is_waited_for() -> None:
    counting = Counting(pause_s=0.001)
    counting.rest_while(counting.commits)
    task = asyncio.create_task(counting.run())
    await eventually(lambda: counting.looks > 5)
    assert counting.rounds == 1
    counting.committed += 1
    await eventually(lambda: counting.rounds == 2)
    counting.wake()
    await eventually(lambda: counting.rounds == 3)
    counting.is_waiting = True
    await eventually(lambda: counting.rounds > 5)
    task.cancel()
    await asyncio.wait([task])


async def test_a_round_comes_now_and_then_without_any_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "REST_MOST_S", 0.01)
    counting = Counting(pause_s=0.001)
    counting.rest_while(counting.commits)
    await running(counting.run(), lambda: counting.rounds >= 3)


async def test_a_part_whose_store_failed_does_not_rest() -> None:
    counting = Counting(pause_s=0.001, failing=2)
    counting.rest_while(counting.commits)
    await running(counting.run(), lambda: counting.rounds >= 3)
