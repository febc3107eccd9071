"""Punches for a running stack without a worker's pauses: the load of months on a clock.

Rushes of badges, most of them known to the bridge, some not, some twice, at times two together, while the uplink sends
and the bridge acknowledges; and a network that fails and returns. The clock is never restarted. Each badge stays at the
reader until the clock's flash holds its punch, which is looked at from outside, so that none can be missed.
"""

from __future__ import annotations

import mmap
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from badgeclock.demo.stack import Stack
from badgeclock.partition_table import board_partitions
from badgeclock.protocol.record import FORMAT, RECORD_BYTES, Kind
from badgeclock.virtual.nor import SECTOR_BYTES
from tests.system.chaos_stack import expect_stored, stored_punches
from tests.system.crowd import enroll
from tests.system.heap_meter import HeapMeter, Sample

KNOWN, STRANGERS = 200, 100
"""Badges: more than the 256 whose last punch a clock remembers (app/recent.py)."""
UNMUTED_AFTER = 8
"""So many others stand between two punches of a badge; a clock is deaf for two seconds to the last four."""
RUSH, PAUSE_S = 100, 2.5
"""Badges one after another, then a pause."""
NETWORK_EVERY = 400
OFFLINE_FOR = 30
TAKEN_WITHIN_S = 20.0

_RECORDS_A_SECTOR = SECTOR_BYTES // RECORD_BYTES - 1


@dataclass(frozen=True)
class Soaked:
    """A clock's load, and its heap: when idle before and after, and the lowest moments in between."""

    punches: int
    strangers: int
    twice: int
    pairs: int
    reconnects: int
    before: Sample
    after: Sample
    low_free: int
    smallest_piece: int


class Journal:
    """The punches in a virtual clock's flash, counted as they come."""

    def __init__(self, flash: mmap.mmap) -> None:
        self._flash = flash
        self._part = board_partitions()["journal"]
        self._seq = 0
        self._punches = 0

    def punches(self) -> int:
        """How many there are."""
        while True:
            sector, slot = divmod(self._seq, _RECORDS_A_SECTOR)
            place = sector * SECTOR_BYTES % self._part.size + (slot + 1) * RECORD_BYTES
            head = self._flash[self._part.offset + place : self._part.offset + place + 8]
            if head[0] != FORMAT or int.from_bytes(head[4:], "big") != self._seq:
                return self._punches
            self._punches += head[1] == Kind.PUNCH
            self._seq += 1

    def wait(self, count: int) -> None:
        """Returns once there are `count`. Raises AssertionError after TAKEN_WITHIN_S."""
        deadline = time.monotonic() + TAKEN_WITHIN_S
        while self.punches() < count:
            assert time.monotonic() < deadline, f"punch {count} is not in the flash"
            time.sleep(0.004)


@contextmanager
def journal(stack: Stack) -> Iterator[Journal]:
    """The journal of the stack's clock."""
    with (
        (stack.directory / "clock" / "flash.bin").open("rb") as file,
        mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as flash,
    ):
        yield Journal(flash)


def soak(stack: Stack, meter: HeapMeter, count: int, seed: int = 1) -> Soaked:
    """`count` punches, all of them kept, acknowledged and in the bridge's store afterwards. Raises AssertionError."""
    dice = random.Random(seed)
    known = [badge.uid for badge in enroll(stack, "soak", min(KNOWN, max(2 * UNMUTED_AFTER, count // 4)))]
    strangers = [f"{0x04 << 48 | dice.getrandbits(48):014X}" for _ in range(STRANGERS)]
    stack.wait_online()
    before = meter.settled()
    idle = len(meter.samples())
    control = stack.control
    lately: list[str] = []
    seen: set[str] = set()
    kinds = {"strangers": 0, "twice": 0, "pairs": 0, "reconnects": 0}
    with journal(stack) as kept:
        start = kept.punches()
        for tap in range(count):
            uid = dice.choice(strangers if dice.random() < 0.2 else known)
            while uid in lately:
                uid = dice.choice(known)
            lately = [*lately[1 - UNMUTED_AFTER :], uid]
            kinds["strangers"] += uid in strangers
            kinds["twice"] += uid in seen
            seen.add(uid)
            control.hold(uid)
            kept.wait(start + tap + 1)
            control.remove()
            if dice.random() < 0.01:
                kinds["pairs"] += 1
                for one in lately[-2:]:  # muted, so that they make no punch however they are read
                    control.hold(one)
                time.sleep(0.15)
                control.remove()
            if tap % NETWORK_EVERY == NETWORK_EVERY // 4:
                kinds["reconnects"] += 1
                control.network_down()
            elif tap % NETWORK_EVERY == NETWORK_EVERY // 4 + OFFLINE_FOR:
                control.network_up()
            if tap % RUSH == RUSH - 1:
                time.sleep(PAUSE_S)
        control.network_up()
        expect_stored(stack, start + count)
    assert len(stored_punches(stack)) == start + count, "a punch was stored that nobody made"
    stack.wait_online()
    after = meter.settled()
    samples = meter.samples()[idle:]
    return Soaked(
        count,
        **kinds,
        before=before,
        after=after,
        low_free=min(sample.free for sample in samples),
        smallest_piece=min(sample.largest for sample in samples),
    )
