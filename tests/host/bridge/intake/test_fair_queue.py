"""The queue before the intake: turns by clock, shares, and the order of each clock's messages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from badgeclock.bridge.intake.batch import ClockMessage
from badgeclock.bridge.intake.fair_queue import SHARE_BYTES, FairQueue
from badgeclock.protocol.record import BATCH_RECORDS, RECORD_BYTES
from badgeclock.protocol.topics import Channel, topic

NAMES = [f"clock-{number:04d}" for number in range(4)]
WINDOW_RECORDS = 256  # of firmware/app/net/uplink.py


def message(name: str, number: int, size: int = RECORD_BYTES, channel: Channel = Channel.PUNCHES) -> ClockMessage:
    return ClockMessage(topic(name, channel), number.to_bytes(4, "big") + bytes(size - 4), number)


def taken(queue: FairQueue) -> list[ClockMessage]:
    return [queue.take() for _ in range(len(queue))]


def test_clocks_take_turns_whoever_has_more_waiting() -> None:
    queue = FairQueue()
    many = [message(NAMES[0], number) for number in range(50)]
    few = [message(NAMES[1], number) for number in range(2)]
    for one in (*many, *few):
        assert queue.put(one)
    assert taken(queue) == [many[0], few[0], many[1], few[1], *many[2:]]
    with pytest.raises(KeyError):
        queue.take()


def test_a_clocks_status_and_punches_share_its_turns_and_keep_their_order() -> None:
    queue = FairQueue()
    both = [message(NAMES[0], 0, channel=Channel.STATUS), message(NAMES[0], 1), message(NAMES[1], 2)]
    for one in both:
        queue.put(one)
    assert taken(queue) == [both[0], both[2], both[1]]


@pytest.mark.parametrize("records", [1, 7, BATCH_RECORDS])
def test_what_an_honest_clock_has_under_way_fits_its_share_and_a_status_beside_it(records: int) -> None:
    queue = FairQueue()
    messages = WINDOW_RECORDS // records
    assert all(queue.put(message(NAMES[0], number, records * RECORD_BYTES)) for number in range(messages))
    assert queue.put(message(NAMES[0], 0, 998, Channel.STATUS))
    assert queue.dropped() == {}


def test_what_is_beyond_a_share_is_dropped_and_counted_and_costs_no_other_clock_anything() -> None:
    queue = FairQueue()
    most = SHARE_BYTES // RECORD_BYTES
    put = [queue.put(message(NAMES[0], number, size)) for number, size in enumerate([4, RECORD_BYTES] * most)]
    assert put == [True] * most + [False] * most, "a short message counts as a record does"
    assert queue.put(message(NAMES[1], 0))
    prefix = topic(NAMES[0], Channel.PUNCHES).rpartition("/")[0]
    assert queue.dropped() == {prefix: most}
    assert queue.dropped() == {}
    assert len(queue) == most + 1
    queue.take()
    assert queue.put(message(NAMES[0], 0))


ORDERS = st.lists(st.tuples(st.sampled_from(["put", "take", "back"]), st.sampled_from(NAMES), st.integers(4, 600)))


@given(ORDERS)
def test_whatever_is_put_taken_and_put_back_each_clocks_order_holds_and_nothing_is_left_behind(
    orders: list[tuple[str, str, int]],
) -> None:
    queue = FairQueue(2000)
    expected: dict[str, list[ClockMessage]] = {name: [] for name in NAMES}
    last: ClockMessage | None = None
    for number, (order, name, size) in enumerate(orders):
        if order == "put":
            one = message(name, number, size)
            if queue.put(one):
                expected[name].append(one)
        elif order == "take" and len(queue):
            last = queue.take()
            assert expected[last.topic.split("/")[2]].pop(0) == last
        elif order == "back" and last is not None:
            queue.put_back([last])
            expected[last.topic.split("/")[2]].insert(0, last)
            last = None
        assert len(queue) == sum(map(len, expected.values()))
    for one in taken(queue):
        assert expected[one.topic.split("/")[2]].pop(0) == one
    assert len(queue) == queue.waiting_bytes == 0
    assert not queue._waiting
