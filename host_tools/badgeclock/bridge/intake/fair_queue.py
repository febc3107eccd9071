"""The intake's queue: each clock has a share of it, and the clocks take turns.

Messages of a clock beyond its share are dropped and counted, and delay no other clock's message. An honest clock never
exceeds its share: it sends more only as it is acknowledged, and repeats what is not.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Iterable
from typing import Final

from badgeclock.bridge.intake.batch import ClockMessage
from badgeclock.protocol.record import RECORD_BYTES

SHARE_BYTES: Final = (2 * 256 + 32) * RECORD_BYTES
"""Maximum waiting of one clock. A clock has at most 256 records in flight (WINDOW_RECORDS in
firmware/app/net/uplink.py), may send them again while the first still wait, and sends its status besides."""
_LEAST_BYTES: Final = RECORD_BYTES
"""Minimum size that a message counts for."""


class _OfClock:
    """The waiting messages of one clock, and their bytes."""

    __slots__ = ("messages", "waiting_bytes")

    def __init__(self) -> None:
        self.messages: deque[ClockMessage] = deque()
        self.waiting_bytes = 0


class FairQueue:
    """Messages in turns by clock, each clock's in the order they came."""

    def __init__(self, share_bytes: int = SHARE_BYTES) -> None:
        self._share_bytes = share_bytes
        self._waiting: OrderedDict[str, _OfClock] = OrderedDict()
        """By clock; one without messages is not in it."""
        self._length = 0
        self.waiting_bytes = 0
        """Of all that waits, each message counted as in its clock's share."""
        self._dropped: Counter[str] = Counter()

    def __len__(self) -> int:
        return self._length

    def put(self, message: ClockMessage) -> bool:
        """Add a message; False if its clock exceeds its share, and it is dropped."""
        name, weight = _clock_part(message.topic), _weight(message)
        of_clock = self._waiting.get(name) or _OfClock()
        if of_clock.waiting_bytes + weight > self._share_bytes:
            self._dropped[name] += 1
            return False
        of_clock.messages.append(message)
        self._add(name, of_clock, weight)
        return True

    def put_back(self, messages: Iterable[ClockMessage]) -> None:
        """Put messages back in front of those of their clocks, in this order."""
        for message in reversed(list(messages)):
            name = _clock_part(message.topic)
            of_clock = self._waiting.get(name) or _OfClock()
            of_clock.messages.appendleft(message)
            self._add(name, of_clock, _weight(message))

    def _add(self, name: str, of_clock: _OfClock, weight: int) -> None:
        self._waiting[name] = of_clock
        of_clock.waiting_bytes += weight
        self._length += 1
        self.waiting_bytes += weight

    def take(self) -> ClockMessage:
        """The next message of the clock whose turn it is. Raises KeyError if none waits."""
        name, of_clock = self._waiting.popitem(last=False)
        message = of_clock.messages.popleft()
        weight = _weight(message)
        of_clock.waiting_bytes -= weight
        if of_clock.messages:
            self._waiting[name] = of_clock
        self._length -= 1
        self.waiting_bytes -= weight
        return message

    def dropped(self) -> Counter[str]:
        """How many messages were dropped since the last call, by the clock's part of their topics."""
        dropped, self._dropped = self._dropped, Counter()
        return dropped


def _weight(message: ClockMessage) -> int:
    payload_bytes = len(message.payload)
    return max(_LEAST_BYTES, payload_bytes)


def _clock_part(topic: str) -> str:
    """The clock's part of a topic: all but its channel. Another value there would be another clock."""
    return topic.rpartition("/")[0]
