"""Walks the seals of a group's messages while the group before it is still being committed.

It is a guess, made without the store: each clock is taken to be where the groups before it leave it. A walk counts only
if the clock's row, once it is locked, holds exactly the state that the walk started from; a walk is pure, so whoever
makes it then would find the same. Where the guess was wrong the walk is made again, from the row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from badgeclock.bridge.intake import seal_process
from badgeclock.bridge.intake.batch import Delivery
from badgeclock.protocol import record as records
from badgeclock.protocol import seal
from badgeclock.protocol.record import RECORD_BYTES
from badgeclock.protocol.seal import SealState, Walk


class Stretch(NamedTuple):
    """Messages of one clock that follow one another by their numbers, and how far their seals carry."""

    start: SealState
    messages: Sequence[Delivery]
    raws: bytes
    walk: Walk

    def fits(self, state: SealState, messages: Sequence[Delivery], at: int) -> bool:
        """Whether it is what walking `messages` from place `at` on would find now."""
        some = messages[at : at + len(self.messages)]
        return self.start == state and len(some) == len(self.messages) and some[-1] is self.messages[-1]


def stretch(state: SealState, messages: Sequence[Delivery], at: int) -> Stretch | None:
    """Walk the messages from place `at` on that continue a clock's chain; None if the first of them does not."""
    some = _continuing(state.next_seq, messages, at)
    if not some:
        return None
    raws = _joined(some)
    return Stretch(state, some, raws, seal.walk(state, raws))


def _continuing(expected: int, messages: Sequence[Delivery], at: int) -> Sequence[Delivery]:
    """The messages from place `at` on that follow one another, beginning with record number `expected`."""
    end = at
    while end < len(messages):
        payload = messages[end].payload
        if not records.is_batch(payload) or int.from_bytes(payload[4:8], "big") != expected:
            break
        expected += len(payload) // RECORD_BYTES
        end += 1
    return messages[at:end]


def _joined(messages: Sequence[Delivery]) -> bytes:
    return b"".join([message.payload for message in messages]) if len(messages) > 1 else messages[0].payload


class Ahead:
    """Remembers where the messages that were walked leave their clocks, until a commit says where they are."""

    def __init__(
        self,
        expected: Callable[[str], SealState | None],
        walk: Callable[[seal_process.Heap], list[Walk]] = seal_process.here,
    ) -> None:
        """`expected(name)` is a clock's state after the newest commit, as far as this process knows it; `walk` is what
        walks seals.
        """
        self._expected = expected
        self._walk = walk
        self._leaves: dict[str, SealState] = {}

    def walk(self, punches: Mapping[str, Sequence[Delivery]]) -> dict[str, Stretch]:
        """A stretch for each clock whose messages begin with one that it seems to have next."""
        found = []
        for name, messages in punches.items():
            state = self._leaves.get(name) or self._expected(name)
            if state is not None and (some := _continuing(state.next_seq, messages, 0)):
                found.append((name, state, some, _joined(some)))
        walks = self._walk([(state, raws) for _, state, _, raws in found])
        walked = {}
        for (name, state, some, raws), walk in zip(found, walks, strict=True):
            walked[name] = Stretch(state, some, raws, walk)
            self._leaves[name] = walk.state
        return walked

    def committed(self, states: Mapping[str, SealState]) -> None:
        """Clocks as a commit leaves them: a guess that it has reached is none any more."""
        for name, state in states.items():
            guess = self._leaves.get(name)
            if guess is not None and guess.next_seq <= state.next_seq:
                self._leaves.pop(name, None)

    def failed(self) -> None:
        """No guess holds any more."""
        self._leaves.clear()
