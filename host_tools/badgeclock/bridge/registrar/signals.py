"""What the registrar's tasks tell each other: that there is work, and when which presence was sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Signals:
    """Set by what makes work for a task: something was queued, an answer was lost, a number came, somebody decided."""

    queued: asyncio.Event = field(default_factory=asyncio.Event)
    lost: asyncio.Event = field(default_factory=asyncio.Event)
    numbered: asyncio.Event = field(default_factory=asyncio.Event)
    decided: asyncio.Event = field(default_factory=asyncio.Event)


class SentTimes:
    """When each presence without an answer was sent, in monotonic seconds: a machine's time of day may change at any
    moment.

    call_ms how long a call may take before its client gives up settle_ms how much longer until it is carried out, and
    can be found
    """

    def __init__(self, call_ms: int, settle_ms: int, monotonic: Callable[[], float]) -> None:
        self._call_ms = call_ms
        self._settle_ms = settle_ms
        self.monotonic = monotonic
        self._started_at = monotonic()
        self._sent_at: dict[int, float] = {}

    def start(self) -> None:
        """This process begins: what another one sent was sent before now."""
        self._started_at = self.monotonic()

    def note(self, ids: Iterable[int], began_at: float) -> None:
        """Note presences whose call was begun at a moment and has just ended."""
        # Even if this process was delayed before it sent the call, the call ended only now.
        sent_at = max(began_at, self.monotonic() - self._call_ms / 1000)
        self._sent_at |= dict.fromkeys(ids, sent_at)

    def forget(self, presence_id: int) -> None:
        """The presence's answer is known."""
        self._sent_at.pop(presence_id, None)

    def left_s(self, presence_id: int) -> float:
        """Seconds until "not found" proves that a presence was not registered: the call's own time and its settling
        time from when it was sent; for another process's call, from this one's start.
        """
        since = self._sent_at.get(presence_id, self._started_at)
        return since + (self._call_ms + self._settle_ms) / 1000 - self.monotonic()
