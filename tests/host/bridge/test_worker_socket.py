"""Messages between workers: real sockets, and every way in which one of them can be slow or absent."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.host.bridge.world import eventually

from badgeclock.bridge.worker_socket import FIRST, WAITING_BYTES, Relay, _Inward
from badgeclock.protocol.frames import Ack, Verdict
from badgeclock.protocol.topics import Channel, topic

NAMES = [f"clock-{number:04d}" for number in range(40)]
TOPICS = [topic(name, Channel.PUNCHES) for name in NAMES]


class Worker:
    """One worker's end: what it accepted and acknowledged, and whether it reads from the broker."""

    def __init__(self, folder: Path, number: int, workers: int) -> None:
        self.taken: list[tuple[str, bytes]] = []
        self.acks: dict[int, Ack] = {}
        self.pauses = 0
        source = self if number == FIRST else None
        self.relay = Relay(folder, number, workers, source, accept=self._accept, acknowledge=self._acknowledge)
        self._running: asyncio.Task[None] | None = None

    def pause(self) -> None:
        self.pauses += 1

    def resume(self) -> None:
        self.pauses -= 1

    def start(self) -> None:
        self._running = asyncio.create_task(self.relay.run())

    async def end(self) -> None:
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait([self._running])

    def _accept(self, topic_: str, payload: bytes) -> None:
        self.taken.append((topic_, payload))

    def _acknowledge(self, acks: Mapping[int, Ack]) -> None:
        self.acks.update(acks)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short enough for the name of a socket."""
    with tempfile.TemporaryDirectory(prefix="relay-") as made:
        yield Path(made)


@contextlib.asynccontextmanager
async def crew(folder: Path, count: int) -> AsyncIterator[list[Worker]]:
    """So many workers, the first one connected with every other."""
    workers = [Worker(folder, number, count) for number in range(1, count + 1)]
    for worker in workers:
        worker.start()
    try:
        await eventually(lambda: {number for _, number in owners(workers[0])} == set(range(1, count + 1)))
        await eventually(lambda: all(worker.relay.is_joined for worker in workers))
        yield workers
    finally:
        for worker in workers:
            await worker.end()


def owners(first: Worker) -> set[tuple[str, int]]:
    """Which worker has each clock."""
    return {(topic_, first.relay.owner(topic_)) for topic_ in TOPICS}


async def test_all_of_a_clocks_messages_reach_one_worker(folder: Path) -> None:
    async with crew(folder, 3) as workers:
        said = [(topic_, bytes([turn]) * random.randrange(1, 4033)) for turn in range(30) for topic_ in TOPICS]
        for message in said:
            workers[0].relay.deliver(*message)
        await eventually(lambda: sum(len(worker.taken) for worker in workers) == len(said))
        assert sorted(message for worker in workers for message in worker.taken) == sorted(said)
        having = [{topic_ for topic_, _ in worker.taken} for worker in workers]
        assert all(having)
        assert sum(map(len, having)) == len(TOPICS)


async def test_messages_that_one_worker_gets_stay_in_order(folder: Path) -> None:
    async with crew(folder, 2) as workers:
        said = [(topic_, turn.to_bytes(4, "big")) for turn in range(500) for topic_ in TOPICS[:4]]
        for message in said:
            workers[0].relay.deliver(*message)
        await eventually(lambda: sum(len(worker.taken) for worker in workers) == len(said))
        for topic_ in TOPICS[:4]:
            assert [it for worker in workers for it in worker.taken if it[0] == topic_] == [
                it for it in said if it[0] == topic_
            ]


async def test_the_first_worker_hears_what_the_others_have_committed(folder: Path) -> None:
    acks = {row: Ack(row * 7, Verdict.GAP if row % 2 else Verdict.IN_ORDER, bytes([row]) * 8) for row in range(1, 90)}
    async with crew(folder, 3) as workers:
        await eventually(lambda: (workers[2].relay.send_acks({1: acks[1]}), bool(workers[0].acks))[1])
        for row, ack in acks.items():
            workers[1 + row % 2].relay.send_acks({row: ack})
        await eventually(lambda: len(workers[0].acks) == len(acks))
        assert workers[0].acks == acks
        assert (workers[1].acks, workers[2].acks) == ({}, {})


async def test_the_clocks_of_a_worker_that_is_away_go_to_another_until_it_is_back(folder: Path) -> None:
    async with crew(folder, 3) as workers:
        before = owners(workers[0])
        await workers[1].end()
        left = [workers[0], workers[2]]
        await eventually(lambda: not any(number == 2 for _, number in owners(workers[0])))
        assert {it for it in before if it[1] != 2} < owners(workers[0])
        workers[0].relay.deliver(TOPICS[0], b"meanwhile")
        await eventually(lambda: any((TOPICS[0], b"meanwhile") in worker.taken for worker in left))
        workers[1] = Worker(folder, 2, 3)
        workers[1].start()
        await eventually(lambda: owners(workers[0]) == before)


async def test_the_broker_is_not_read_while_a_worker_does_not_read_and_everything_comes_in_the_end(
    folder: Path,
) -> None:
    async with crew(folder, 2) as workers:
        first, second = workers
        theirs = [topic_ for topic_ in TOPICS if first.relay.owner(topic_) == 2]
        second.relay.pause()
        await asyncio.sleep(0.05)
        told = 0
        while not first.pauses:
            first.relay.deliver(theirs[told % len(theirs)], bytes(4032))
            told += 1
            assert told * 4032 < 4 * WAITING_BYTES, "what is held for a worker has a bound"
            await asyncio.sleep(0)
        assert second.taken == []
        second.relay.send_acks({5: Ack(9, Verdict.IN_ORDER)})
        await eventually(lambda: first.acks == {5: Ack(9, Verdict.IN_ORDER)})
        second.relay.resume()
        await eventually(lambda: len(second.taken) == told)
        assert (first.pauses, second.pauses) == (0, 0)


async def test_a_connection_that_was_being_accepted_when_reading_paused_is_not_read_either(folder: Path) -> None:
    async with crew(folder, 2) as (_, second):
        inward = second.relay._new_inward()
        second.relay.pause()
        ours, theirs = socket.socketpair()
        with ours:
            transport, _ = await asyncio.get_running_loop().connect_accepted_socket(lambda: inward, theirs)
            ours.send(b"M")
            await eventually(lambda: not transport.is_reading())
            second.relay.resume()
            assert transport.is_reading()


async def test_a_worker_that_ends_while_it_does_not_read_holds_nobody_up(folder: Path) -> None:
    async with crew(folder, 2) as workers:
        first, second = workers
        theirs = next(topic_ for topic_ in TOPICS if first.relay.owner(topic_) == 2)
        second.relay.pause()
        await asyncio.sleep(0.05)
        while not first.pauses:
            first.relay.deliver(theirs, bytes(4032))
            await asyncio.sleep(0)
        await second.end()
        await eventually(lambda: first.pauses == 0)
        first.relay.deliver(theirs, b"for me")
        assert first.taken == [(theirs, b"for me")]


async def test_a_socket_that_an_earlier_worker_left_behind_is_no_hindrance(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(folder / str(FIRST)))
    async with crew(folder, 2) as workers:
        assert len(workers) == 2


@given(
    st.lists(st.tuples(st.sampled_from(TOPICS), st.binary(max_size=300)), max_size=12),
    st.lists(st.integers(1, 400), min_size=1),
)
def test_however_the_bytes_are_cut_the_messages_are_the_same(
    messages: list[tuple[str, bytes]], cuts: list[int]
) -> None:
    taken: list[tuple[str, bytes]] = []
    inward = _Inward(set(), lambda *message: taken.append(message), lambda _: None, lambda: False)
    stream = b"M" + b"".join(
        len(name).to_bytes(2, "big") + len(payload).to_bytes(4, "big") + name.encode() + payload
        for name, payload in messages
    )
    turn = 0
    while stream:
        size = cuts[turn % len(cuts)]
        inward.data_received(stream[:size])
        stream, turn = stream[size:], turn + 1
    assert taken == messages
