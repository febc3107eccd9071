"""Seals walked in another process: the same answers, whatever becomes of it."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator

import pytest
from tests.host.bridge.world import STRANGER_UID, Clock

from badgeclock.bridge.intake import seal_process
from badgeclock.bridge.intake.seal_process import APART_RECORDS, Apart, here, walker
from badgeclock.protocol import seal
from badgeclock.protocol.record import RECORD_BYTES


@pytest.fixture
def apart() -> Iterator[Apart]:
    made = Apart()
    yield made
    made.close()


@pytest.fixture(scope="module")
def heap() -> seal_process.Heap:
    """Ten clocks' chains from their first record on, together more than APART_RECORDS; every other one is spoilt."""
    chance = random.Random(1)
    chains = []
    for number in range(10):
        clock = Clock(f"clock-{number:04d}")
        start = clock.state
        raws = b"".join([*clock.start(), *(clock.punch(STRANGER_UID) for _ in range(APART_RECORDS // 8))])
        if number % 2:
            at = chance.randrange(len(raws))
            raws = raws[:at] + bytes([raws[at] ^ 1 << chance.randrange(8)]) + raws[at + 1 :]
        chains.append((start, raws))
    return chains


def told(walks: list[seal.Walk]) -> list[tuple[object, ...]]:
    """Walks, comparable: refusals by what they say."""
    return [(walk.state, walk.taken, type(walk.refused), str(walk.refused)) for walk in walks]


def process_of(apart: Apart) -> int:
    """The other process."""
    assert apart._process is not None
    return apart._process.pid


def test_what_is_walked_apart_is_what_would_be_walked_here(apart: Apart, heap: seal_process.Heap) -> None:
    assert told(apart.walk(heap)) == told(here(heap))
    assert {walk.taken == len(raws) // RECORD_BYTES for walk, (_, raws) in zip(here(heap), heap, strict=True)} == {
        True,
        False,
    }
    first = process_of(apart)
    again = [(walk.state, b"") for walk in here(heap)]
    assert told(apart.walk([*heap, *again])) == told(here([*heap, *again]))
    assert process_of(apart) == first


def test_a_few_records_are_walked_here(apart: Apart, heap: seal_process.Heap) -> None:
    few = heap[:1]
    assert told(apart.walk(few)) == told(here(few))
    assert apart._process is None


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_process_that_is_killed_or_hangs_costs_no_record(
    apart: Apart, heap: seal_process.Heap, how: signal.Signals
) -> None:
    apart.walk(heap)
    gone = process_of(apart)
    assert apart._socket is not None
    assert apart._socket.gettimeout() == seal_process.ANSWER_S
    apart._socket.settimeout(0.3)
    os.kill(gone, how)
    assert told(apart.walk(heap)) == told(here(heap))
    assert told(apart.walk(heap)) == told(here(heap))
    assert process_of(apart) != gone


def test_the_process_ends_with_the_one_that_started_it(apart: Apart, heap: seal_process.Heap) -> None:
    apart.walk(heap)
    assert apart._process is not None
    assert apart._socket is not None
    apart._socket.close()
    assert apart._process.wait(10) == 0


def test_one_processor_has_nobody_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    walk, _ = walker()
    assert walk is here
