"""Detects clocks that flood the bridge: many of their messages were dropped because they exceeded their share of the
queue, or arrived outside the queue, where an honest clock sends little.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from typing import Final

from badgeclock.bridge import logs
from badgeclock.bridge.rounds import Rounds
from badgeclock.bridge.store import event_log
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.store.event_log import Event, Severity
from badgeclock.protocol.errors import TopicRefused
from badgeclock.protocol.topics import Channel, parse

LOOK_S: Final = 1.0
LOOKS: Final = 10
FLOOD_MESSAGES: Final = 1000
"""This many messages of a clock within LOOKS rounds are a flood: a hundred a second beyond its share of the queue, or
outside it. An honest clock has nothing dropped, and sends a window of 256 records again after two seconds at the
soonest; outside the queue it answers each request of the bridge once."""
_WHAT: Final = "sends more than any clock does; what is beyond its share is dropped, other clocks do not wait for it"


class FloodWatch(Rounds):
    """Works in rounds. `messages` counts all dropped messages, flood or not."""

    def __init__(
        self,
        store: Store,
        dropped: Callable[[], Counter[str]],
        now_ms: Callable[[], int],
        beside: Callable[[], Counter[str]] = Counter[str],
        flooded: Callable[[], None] = lambda: None,
    ) -> None:
        """`dropped()` gives how many messages were dropped since its last call, by the clock's part of their topics;
        `beside()` how many arrived outside the queue; `flooded()` is called once a flood is in the store.
        """
        super().__init__(pause_s=LOOK_S, if_store_fails="who floods the bridge is not written down")
        self._store = store
        self._dropped = dropped
        self._now_ms = now_ms
        self._beside = beside
        self._flooded = flooded
        self._looks: deque[Counter[str]] = deque(maxlen=LOOKS)
        self.messages = 0

    async def work(self) -> None:
        """Count dropped messages, and write an event for each clock that floods."""
        dropped = self._dropped()
        self.messages += dropped.total()
        self._looks.append(dropped + self._beside())
        of_late = sum(self._looks, Counter[str]())
        floods = [prefix for prefix, number in of_late.items() if number >= FLOOD_MESSAGES]
        if not floods:
            return
        events = [Event(Severity.ALARM, event_log.Kind.FLOODED, _WHAT, _clock_of(prefix)) for prefix in floods]
        await self._store.writing(event_log.write, events, self._now_ms())
        for look in self._looks:
            for prefix in floods:
                del look[prefix]
        self._flooded()


def _clock_of(prefix: str) -> str | None:
    """The clock id of a topic without its channel; None if it is no clock's."""
    try:
        return logs.masked(parse(f"{prefix}/{Channel.PUNCHES.value}")[0])
    except TopicRefused:
        return None
