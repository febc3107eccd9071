"""Receipts that any process of the bridge wrote: sent once, in the order of all, those since the start."""

from __future__ import annotations

import pytest
from tests.host.bridge.world import BOTH, Clock, World

from badgeclock.bridge.downlink import receipts
from badgeclock.bridge.downlink.frames_out import Message
from badgeclock.bridge.downlink.receipt_sender import ReceiptSender
from badgeclock.bridge.downlink.receipts import NewReceipt
from badgeclock.protocol import frames
from badgeclock.protocol.frames import ReceiptState

DATABASES = BOTH


def issue(world: World, *clock_ids: int) -> None:
    with world.store.write() as connection:
        new = [NewReceipt(clock_id, 7, ReceiptState.UNKNOWN_BADGE) for clock_id in clock_ids]
        receipts.issue(connection, new, world.now_ms)


@pytest.mark.parametrize("rows_read", [2, 4096])
async def test_each_receipt_since_the_start_is_sent_once_to_its_clock(
    world: World, monkeypatch: pytest.MonkeyPatch, rows_read: int
) -> None:
    monkeypatch.setattr(receipts, "RECEIPTS_READ", rows_read)
    clocks = [world.clock, world.add_clock(Clock("clock-0002"))]
    for clock in clocks:
        world.status(clock.online(session=b"sessionA"), clock)
    published: list[Message] = []
    sender = ReceiptSender(world.store, world.downlink, published.append)

    async def sent() -> list[list[int]]:
        """The numbers that go out now, for each clock."""
        published.clear()
        await sender.work()
        heard = [[m for m in published if m.topic == clock.topic("receipts")] for clock in clocks]
        assert sum(map(len, heard)) == len(published)
        bodies = [[clock.hear(m.payload).body for m in own] for clock, own in zip(clocks, heard, strict=True)]
        return [[entry.number for body in own for entry in frames.unpack_receipts(body)] for own in bodies]

    issue(world, 1, 1, 2)
    assert await sent() == [[], []]
    issue(world, 1, 2, 1, 1, 2)
    assert await sent() == [[3, 4, 5], [2, 3]]
    assert await sent() == [[], []]
    issue(world, 2)
    assert await sent() == [[], [4]]
