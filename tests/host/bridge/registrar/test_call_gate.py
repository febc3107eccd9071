"""When an authority is called, and when it is left alone."""

from __future__ import annotations

import asyncio
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from badgeclock.authorities.base import BELGIUM
from badgeclock.authorities.maintenance import Calendar
from badgeclock.bridge.backoff import Backoff
from badgeclock.bridge.registrar.call_gate import Bucket, Circuit, Gate


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.s = 1000.0

    def __call__(self) -> float:
        return self.s


def gate(**parts: object) -> Gate:
    return Gate(Backoff(base_s=0.01, cap_s=0.02), **parts)  # type: ignore[arg-type]


async def test_while_it_answers_calls_go_out_side_by_side() -> None:
    door = gate()
    assert [await door.admission() for _ in range(10)] == [True] * 10
    assert door.circuit is Circuit.CLOSED


async def test_after_a_failure_nothing_goes_out_then_one_at_a_time_until_one_is_answered() -> None:
    door = gate()
    assert await door.admission()
    door.failed(at_least_s=0.05)
    door.left()
    assert door.circuit is Circuit.OPEN
    assert not await door.admission()
    await asyncio.sleep(door.closed_s)
    assert door.circuit is Circuit.HALF_OPEN
    assert await door.admission()
    second = asyncio.create_task(door.admission())
    await asyncio.sleep(0)
    assert not second.done()
    door.succeeded()
    door.left()
    assert await second
    assert door.circuit is Circuit.CLOSED


async def test_a_failed_probe_sends_home_whoever_waited_behind_it() -> None:
    door = gate()
    door.failed()
    await asyncio.sleep(door.closed_s)
    assert await door.admission()
    second = asyncio.create_task(door.admission())
    await asyncio.sleep(0)
    door.failed(at_least_s=30)
    door.left()
    assert not await second


def test_the_authority_may_ask_for_more_time_while_the_circuit_is_open() -> None:
    door = gate()
    door.failed(at_least_s=10)
    door.failed(at_least_s=60)
    door.failed()
    assert 59 < door.closed_s <= 60


async def test_waiting_for_a_turn_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("badgeclock.bridge.registrar.call_gate.ADMISSION_S", 0.05)
    door = gate(bucket=Bucket(0.001, 1))
    assert await door.admission()
    assert not await door.admission()


async def test_calls_keep_to_the_rate() -> None:
    clock = Hand()
    bucket = Bucket(2.0, 3, clock)
    taken = []
    for _ in range(200):
        while not bucket.wait_s():
            bucket.take()
            taken.append(clock.s)
        clock.s += 0.1
    assert taken[:3] == [1000.0] * 3
    for at, begin in enumerate(taken):
        within = [other for other in taken[at:] if other < begin + 10]
        assert len(within) <= 3 + 2 * 10


def test_a_token_that_was_not_used_comes_back_and_what_can_wait_leaves_some_for_what_cannot() -> None:
    clock = Hand()
    bucket = Bucket(1.0, 4, clock)
    assert bucket.spare
    bucket.take()
    bucket.take()
    assert not bucket.wait_s()
    assert not bucket.spare
    bucket.give_back()
    assert bucket.spare
    assert Bucket().spare


@given(
    per_s=st.floats(min_value=0.1, max_value=1000),
    burst=st.integers(1, 50),
    pauses=st.lists(st.floats(min_value=0, max_value=5), max_size=40),
)
def test_never_more_than_rate_and_burst_together(per_s: float, burst: int, pauses: list[float]) -> None:
    clock = Hand()
    bucket = Bucket(per_s, burst, clock)
    taken = 0
    for pause in pauses:
        clock.s += pause
        while not bucket.wait_s() and taken < 10_000:
            bucket.take()
            taken += 1
        assert taken <= burst + (clock.s - 1000.0) * per_s + 1e-6


# --- maintenance ---


async def test_nothing_is_called_during_maintenance() -> None:
    now = datetime(2026, 1, 4, 3, tzinfo=BELGIUM)
    door = gate(calendar=Calendar.parse(["sun 02:00-06:00"]), utc_now=lambda: now)
    assert door.in_maintenance
    assert door.closed_s == 3 * 3600
    assert not await door.admission()
    now = datetime(2026, 1, 4, 6, tzinfo=BELGIUM)
    assert await door.admission()
