"""Frames to clocks: acknowledgements, receipts, the time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from tests.host.bridge.world import BOTH, STRANGER_UID, Clock, World, running

from badgeclock.bridge.downlink import receipts
from badgeclock.bridge.downlink.frames_out import COUNTER_BLOCK, Downlink, Message
from badgeclock.bridge.downlink.receipts import NewReceipt
from badgeclock.bridge.intake import batcher
from badgeclock.bridge.intake.acknowledger import Acknowledger
from badgeclock.bridge.intake.batch import ClockMessage
from badgeclock.bridge.intake.batcher import Batch, Batcher
from badgeclock.bridge.intake.intake import Intake
from badgeclock.bridge.store import schema
from badgeclock.protocol import frames
from badgeclock.protocol.errors import FrameRefused
from badgeclock.protocol.frames import Ack, FrameType, ReceiptState, Verdict
from badgeclock.protocol.record import BATCH_RECORDS, RECORD_BYTES

DATABASES = BOTH

HOUR_MS = 3_600_000


@dataclass
class Line:
    """Replaces the broker's connection."""

    published: list[Message] = field(default_factory=list)
    paused: bool = False

    def publish(self, message: Message) -> None:
        self.published.append(message)

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False


def batcher_on(world: World, line: Line, *, queue_messages: int = 100, group_messages: int = 100) -> Batcher:
    return Batcher(
        world.store,
        world.intake,
        line,
        committed=Acknowledger(world.store, world.downlink, line.publish, lambda: world.now_ms).publish,
        now_ms=lambda: world.now_ms,
        group_messages=group_messages,
        queue_messages=queue_messages,
    )


async def answers(world: World, *messages: tuple[str, bytes]) -> list[Message]:
    """The bridge's publications for one batch of messages."""
    line = Line()
    clock_messages = [ClockMessage(topic, payload, world.now_ms) for topic, payload in messages]
    await batcher_on(world, line).commit(Batch(clock_messages))
    return line.published


def kinds(world: World, messages: list[Message]) -> list[FrameType]:
    return [FrameType(world.clock.hear(message.payload).type) for message in messages]


async def test_a_clock_that_comes_online_hears_the_time_what_is_committed_and_its_receipts(world: World) -> None:
    clock = world.clock
    world.punches(*clock.start(), clock.punch(STRANGER_UID))
    said = await answers(world, (clock.topic("status"), clock.online(session=b"sessionA")))
    assert kinds(world, said) == [FrameType.TIME, FrameType.ACK, FrameType.RECEIPTS]
    assert [message.topic for message in said] == [clock.topic(name) for name in ("command", "ack", "receipts")]
    time, ack, receipts = (clock.hear(message.payload) for message in said)
    assert frames.unpack_time(time.body) == (world.now_ms, frames.upward_counter(1, 1, 1))
    assert frames.unpack_ack(ack.body) == Ack(3, Verdict.IN_ORDER)
    assert frames.unpack_receipts(receipts.body) == [(1, 2, ReceiptState.UNKNOWN_BADGE, 0, 0)]
    assert time.counter < ack.counter < receipts.counter


async def test_records_are_acknowledged_in_the_session_of_their_connection(world: World) -> None:
    clock = world.clock
    await answers(world, (clock.topic("status"), clock.online(session=b"sessionA")))
    (first,) = await answers(world, (clock.topic("punches"), b"".join(clock.start())))
    assert frames.unpack_ack(clock.hear(first.payload).body).next_seq == 2
    await answers(world, (clock.topic("status"), clock.online(session=b"sessionB")))
    with pytest.raises(FrameRefused):
        clock.hear(first.payload)
    (second,) = await answers(world, (clock.topic("punches"), clock.punch()))
    assert clock.hear(second.payload).counter > 0


async def test_a_clock_that_is_gone_or_never_came_is_sent_nothing(world: World) -> None:
    clock = world.clock
    assert await answers(world, (clock.topic("punches"), b"".join(clock.start()))) == []
    await answers(world, (clock.topic("status"), clock.online(session=b"sessionA")))
    await answers(world, (clock.topic("status"), clock.offline()))
    assert await answers(world, (clock.topic("punches"), clock.punch())) == []
    assert len(world.stored()) == 3


async def test_only_receipts_above_those_the_clock_has_and_of_the_last_day_are_told_again(world: World) -> None:
    clock = world.clock
    world.punches(*clock.start(), clock.punch(STRANGER_UID))
    world.now_ms += 23 * HOUR_MS
    clock.utc_ms = world.now_ms
    world.punches(*(clock.punch(STRANGER_UID) for _ in range(40)))

    async def told(receipt: int) -> list[int]:
        said = await answers(world, (clock.topic("status"), clock.online(receipt=receipt, session=b"%08d" % receipt)))
        heard = [clock.hear(message.payload) for message in said]
        return [
            entry.number
            for frame in heard
            if frame.type == FrameType.RECEIPTS
            for entry in frames.unpack_receipts(frame.body)
        ]

    assert await told(0) == list(range(1, 42))
    assert await told(39) == [40, 41]
    assert await told(41) == []
    world.now_ms += 2 * HOUR_MS
    assert await told(0) == list(range(2, 42))


async def test_a_status_that_comes_again_is_answered_without_the_time(world: World) -> None:
    clock = world.clock
    frame = clock.online(session=b"sessionA")
    await answers(world, (clock.topic("status"), frame))
    said = await answers(world, (clock.topic("status"), frame))
    assert kinds(world, said) == [FrameType.ACK]


async def test_an_older_status_is_ignored(world: World) -> None:
    clock = world.clock
    old = clock.online(session=b"sessionA")
    will = clock.offline()
    await answers(world, (clock.topic("status"), clock.online(session=b"sessionB")))
    assert await answers(world, (clock.topic("status"), old), (clock.topic("status"), will)) == []
    assert [(row.online, row.session) for row in world.rows(schema.clocks)] == [(True, b"sessionB")]
    assert world.events() == ["status_ignored"]


async def test_a_forged_status_changes_nothing_and_is_an_event(world: World) -> None:
    forger = Clock(nonce=b"guessed!")
    clock = world.clock
    await answers(world, (clock.topic("status"), clock.online(session=b"sessionA")))
    for forged in (
        forger.online(session=b"evilevil"),
        clock.online()[:-1] + b"\x00",
        Clock("clock-0002").online(),
    ):
        assert await answers(world, (clock.topic("status"), forged)) == []
    assert [row.session for row in world.rows(schema.clocks)] == [b"sessionA"]
    assert set(world.events()) == {"status_refused"}


async def test_counters_grow_strictly_over_restarts_and_failed_commits(world: World) -> None:
    clock = world.clock
    counters = []
    await answers(world, (clock.topic("status"), clock.online(session=b"sessionA")))
    raws = clock.start()
    for life in range(6):
        for _ in range(3):
            (message,) = await answers(world, (clock.topic("punches"), b"".join(raws)))
            counters.append(clock.hear(message.payload).counter)
        if life % 2:
            world.intake.failed()
        else:
            world.downlink = Downlink(world.vault)
            world.intake = Intake(world.vault, world.downlink)
    assert counters == sorted(set(counters))


async def test_a_block_of_counters_that_runs_out_is_followed_by_the_next(world: World) -> None:
    clock = world.clock
    await answers(world, (clock.topic("status"), clock.online(session=b"sessionA")))
    seen = []
    for _ in range(COUNTER_BLOCK + 500):
        if not world.downlink.ready([1], 1):
            with world.store.write() as connection:
                world.downlink.prepare(connection, [1])
        (message,) = world.downlink.ack(1, Ack(0, Verdict.IN_ORDER))
        seen.append(clock.hear(message.payload).counter)
    assert seen == sorted(set(seen))


def test_receipts_are_numbered_per_clock_without_gaps(world: World) -> None:
    other = world.add_clock(Clock("clock-0002"))
    world.punches(*world.clock.start(), world.clock.punch(STRANGER_UID))
    world.punches(*other.start(), other.punch(STRANGER_UID), other.punch(STRANGER_UID), clock=other)
    world.punches(world.clock.punch(STRANGER_UID))
    rows = [(row.clock_id, row.number) for row in world.rows(schema.receipts)]
    assert rows == [(1, 1), (2, 1), (2, 2), (1, 2)]


def test_a_transaction_that_fails_uses_up_no_receipt_number(world: World) -> None:
    one = [NewReceipt(1, 7, ReceiptState.UNKNOWN_BADGE)]

    def fail() -> None:
        with world.store.write() as connection:
            receipts.issue(connection, one, 0)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with world.store.write() as connection:
        receipts.issue(connection, one, 0)
    assert [number for number, *_ in world.receipts()] == [1]


async def test_a_queue_that_is_full_stops_the_reading_and_every_message_is_taken(world: World) -> None:
    line = Line()
    grouping = batcher_on(world, line, queue_messages=4, group_messages=2)
    raws = [*world.clock.start(), *(world.clock.punch(STRANGER_UID) for _ in range(5))]
    for raw in raws:
        grouping.deliver(world.clock.topic("punches"), raw)
    assert (grouping.waiting, line.paused, grouping.pauses) == (7, True, 1)
    await running(grouping.run(), lambda: len(world.stored()) == 7)
    assert not line.paused
    assert world.stored() == raws


async def test_messages_that_come_right_after_a_commit_share_the_next_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batcher, "APART_S", 3600.0)
    sizes: list[int] = []
    grouping = batcher_on(world, Line())
    commit, committed = grouping.commit, asyncio.Event()

    async def counted(batch: Batch) -> None:
        sizes.append(batch.length)
        await commit(batch)
        committed.set()

    monkeypatch.setattr(grouping, "commit", counted)
    first = b"".join(world.clock.start())
    raws = [world.clock.punch(STRANGER_UID) for _ in range(batcher.ENOUGH_BYTES // RECORD_BYTES)]
    much = [b"".join(raws[at : at + BATCH_RECORDS]) for at in range(3, len(raws), BATCH_RECORDS)]
    topic = world.clock.topic("punches")

    async def deliver() -> None:
        grouping.deliver(topic, first)
        await committed.wait()
        for raw in raws[:3]:
            grouping.deliver(topic, raw)
            await asyncio.sleep(0)
        for some in much:
            grouping.deliver(topic, some)

    sending = asyncio.create_task(deliver())
    await running(grouping.run(), lambda: len(world.stored()) == 2 + len(raws))
    await sending
    assert sizes == [1, 3 + len(much)], "alone at once; the others together, once they are enough"


async def test_what_was_verified_ahead_counts_only_where_the_store_stands_as_was_guessed(world: World) -> None:
    """A clock is put back and founded again, or its group is lost, between the look and the commit."""
    raws = [*world.clock.start(), *(world.clock.punch(STRANGER_UID) for _ in range(4))]
    topic = world.clock.topic("punches")
    world.punches(*raws[:3])
    groups = [[ClockMessage(topic, raw, world.now_ms)] for raw in raws[3:]]
    verified = [world.intake.verify_ahead(group) for group in groups]
    assert [list(part) for part in verified] == [[world.clock.name]] * 3, (
        "each was verified from where the last one ends"
    )
    with world.store.write() as connection:
        taken = world.intake.handle(connection, groups[1], world.now_ms, verified[1:2])
    assert taken.acks == {1: (3, Verdict.GAP, bytes(8))}, "the group before it was lost"
    assert world.stored() == raws[:3]
    for group, part in zip(groups, verified, strict=True):
        with world.store.write() as connection:
            world.intake.handle(connection, group, world.now_ms, [part])
    assert world.stored() == raws


async def test_a_clock_whose_messages_could_not_be_verified_ahead_is_caught_up_with(world: World) -> None:
    """After a start nothing is known of its chain, and each batch is verified before the one before is committed."""
    raws = [*world.clock.start(), *(world.clock.punch(STRANGER_UID) for _ in range(6))]
    world.punches(*raws[:2])
    world.intake = Intake(world.vault, world.downlink)
    topic, name = world.clock.topic("punches"), world.clock.name
    first, second, third = ([ClockMessage(topic, raw, world.now_ms) for raw in raws[at : at + 2]] for at in (2, 4, 6))
    assert world.intake.verify_ahead(first) == {}
    with world.store.write() as connection:
        assert world.intake.verify_ahead(second) == {}
        world.intake.handle(connection, first, world.now_ms)
    caught_up = world.intake.verify_missed(second, [{}])
    assert list(caught_up) == [name]
    assert world.intake.verify_missed(second, [caught_up]) == {}, "once is enough"
    with world.store.write() as connection:
        verified = world.intake.verify_ahead(third)
        assert list(verified) == [name]
        world.intake.handle(connection, second, world.now_ms, [{}, caught_up])
    with world.store.write() as connection:
        world.intake.handle(connection, third, world.now_ms, [verified])
    assert world.stored() == raws
