"""Verifies the seals of a batch's messages while the batch before it is still being committed.

It is a guess, made without the store: each clock is assumed to be in the state that the batches before leave. A result
counts only if the clock's row, once locked, has exactly the state that verifying started from; verifying is pure, so it
would give the same result then. After a wrong guess it is repeated from the row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from badgeclock.bridge.intake import seal_process
from badgeclock.bridge.intake.batch import ClockMessage
from badgeclock.protocol import seal
from badgeclock.protocol.record import RECORD_BYTES, is_batch
from badgeclock.protocol.seal import SealState, VerifiedRun


class VerifiedMessages(NamedTuple):
    """Messages of one clock whose records follow one another by their numbers, and how far their seals are valid."""

    start: SealState
    messages: Sequence[ClockMessage]
    result: VerifiedRun

    def fits(self, state: SealState, messages: Sequence[ClockMessage], at: int) -> bool:
        """Whether verifying `messages` from place `at` on would give this result now."""
        same = messages[at : at + len(self.messages)]
        return self.start == state and len(same) == len(self.messages) and same[-1] is self.messages[-1]


def verify_messages(state: SealState, messages: Sequence[ClockMessage], at: int) -> VerifiedMessages | None:
    """Verify the messages from place `at` on that continue a clock's chain; None if the first of them does not."""
    continuing = _continuing(state.next_seq, messages, at)
    return VerifiedMessages(state, continuing, seal.verify_run(state, _joined(continuing))) if continuing else None


def _continuing(expected: int, messages: Sequence[ClockMessage], at: int) -> Sequence[ClockMessage]:
    """The messages from place `at` on that follow one another, beginning with record number `expected`."""
    end = at
    while end < len(messages):
        payload = messages[end].payload
        if not is_batch(payload) or int.from_bytes(payload[4:8], "big") != expected:
            break
        expected += len(payload) // RECORD_BYTES
        end += 1
    return messages[at:end]


def _joined(messages: Sequence[ClockMessage]) -> bytes:
    return b"".join([message.payload for message in messages]) if len(messages) > 1 else messages[0].payload


class SpeculativeVerifier:
    """Remembers each clock's state after its verified messages, until a commit confirms or replaces it."""

    def __init__(
        self,
        expected: Callable[[str], SealState | None],
        verify_chains: Callable[[seal_process.Chains], list[VerifiedRun]] = seal_process.verify_here,
    ) -> None:
        """`expected(name)` is a clock's state after the newest commit, as far as this process has it; `verify_chains`
        verifies the seals.
        """
        self._expected = expected
        self._verify_chains = verify_chains
        self._guesses: dict[str, SealState] = {}

    def verify(self, messages_by_clock: Mapping[str, Sequence[ClockMessage]]) -> dict[str, VerifiedMessages]:
        """A result for each clock whose messages begin with the expected record."""
        continuing = []
        for name, messages in messages_by_clock.items():
            state = self._guesses.get(name) or self._expected(name)
            if state is not None and (of_clock := _continuing(state.next_seq, messages, 0)):
                continuing.append((name, state, of_clock))
        results = self._verify_chains([(state, _joined(messages)) for _, state, messages in continuing])
        verified = {}
        for (name, state, messages), result in zip(continuing, results, strict=True):
            verified[name] = VerifiedMessages(state, messages, result)
            self._guesses[name] = result.state
        return verified

    def committed(self, states: Mapping[str, SealState]) -> None:
        """Clocks as a commit leaves them. Drops the guesses that the commit has caught up with."""
        for name, state in states.items():
            guess = self._guesses.get(name)
            if guess is not None and guess.next_seq <= state.next_seq:
                self._guesses.pop(name, None)

    def failed(self) -> None:
        """Drop every guess."""
        self._guesses.clear()
