"""A clock as seen from the network: flash that can be copied and put back, starts, connections, and what an ACK
does."""

from __future__ import annotations

import copy
import itertools
from typing import Any

from tests.host.bridge.world import Clock, World

from badgeclock.bridge.intake.batch import BatchResult
from badgeclock.protocol import record as records
from badgeclock.protocol.frames import Ack, Verdict

BATCH = 16
_sessions = itertools.count(1)
_moments = itertools.count(1)

Message = tuple[str, bytes]


class Device:
    """`clock` is the content of its flash; the rest is lost with the power, except the acked marks of whole sectors."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.tail = 0
        self.base = self.cursor = 0

    def copy(self) -> Device:
        """Another device with the same flash, keys and all."""
        return copy.deepcopy(self)

    @property
    def head(self) -> int:
        return self.clock.state.next_seq

    def start(self, burnt: int = 0) -> None:
        """Power on: a BOOT record, connections count again. No two starts fall on the same moment."""
        self.clock.utc_ms += next(_moments)
        if self.head:
            self.clock.boot(burnt)
        else:
            self.clock.start()
        self.clock.connection = self.clock.number = 0
        self.tail = min(self.tail, self.head // 63 * 63)

    def connect(self) -> Message:
        """A new connection, and its first STATUS."""
        self.resend()
        return self.status(session=b"%08d" % next(_sessions))

    def status(self, **said: Any) -> Message:
        return self.clock.topic("status"), self.clock.online(tail=self.tail, **said)

    def resend(self) -> None:
        """Nothing is under way: what is not acknowledged goes next."""
        self.base = self.cursor = self.tail

    def batch(self) -> Message | None:
        """The next records to send, if any; they are under way then."""
        due = [raw for raw in self.clock.sent if seq_of(raw) >= self.cursor][:BATCH]
        if not due:
            return None
        self.cursor = seq_of(due[-1]) + 1
        return self.clock.topic("punches"), b"".join(due)

    def hear(self, ack: Ack) -> None:
        """The firmware's handling of an ACK: free what is acknowledged, continue, or go back."""
        if ack.next_seq > self.head:
            return
        self.tail = max(self.tail, ack.next_seq)
        if ack.verdict is Verdict.GAP or ack.next_seq < self.base:
            self.base = self.cursor = ack.next_seq
        else:
            self.base = ack.next_seq
            self.cursor = max(self.cursor, self.base)


def seq_of(raw: bytes) -> int:
    return records.unpack(raw).seq


def answer(taken: BatchResult, device: Device) -> None:
    """Give the device every ACK of a committed group."""
    for ack in taken.acks.values():
        device.hear(ack)


def talk(world: World, device: Device, rounds: int = 12) -> list[Ack]:
    """A connection on a good network until nothing is left to send; every ACK that the bridge gave."""
    acks: list[Ack] = []
    message: Message | None = device.connect()
    for _ in range(rounds):
        if message is None:
            break
        taken = world.deliver(message)
        acks += taken.acks.values()
        answer(taken, device)
        message = device.batch()
    return acks
