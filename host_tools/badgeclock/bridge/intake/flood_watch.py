"""Says who floods the bridge: a clock of which many messages were dropped, since it had its share of the queue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

from badgeclock.bridge import logs
from badgeclock.bridge.rounds import Rounds
from badgeclock.bridge.store import event_log
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.store.event_log import Event, Severity
from badgeclock.protocol.errors import TopicRefused
from badgeclock.protocol.topics import Channel, parse

LOOK_S: Final = 10.0
FLOOD_MESSAGES: Final = 1000
"""From so many dropped messages of a clock between two looks on it is a flood: a hundred a second beyond its share. An
honest clock has nothing dropped, and sends a window of 256 records again after two seconds at the soonest."""
_WHAT: Final = "sends more than any clock does; what is beyond its share is dropped, other clocks do not wait for it"


class FloodWatch(Rounds):
    """Looks in rounds. `messages` counts all that was dropped, a flood or not."""

    def __init__(self, store: Store, dropped: Callable[[], Counter[str]], now_ms: Callable[[], int]) -> None:
        """`dropped()` gives how many messages were dropped since its last call, by the clock's part of their topics."""
        super().__init__(pause_s=LOOK_S, if_store_fails="who floods the bridge is not written down")
        self._store = store
        self._dropped = dropped
        self._now_ms = now_ms
        self.messages = 0

    async def work(self) -> None:
        """Count what was dropped, and write an event for each clock that floods."""
        dropped = self._dropped()
        self.messages += dropped.total()
        floods = [prefix for prefix, number in dropped.items() if number >= FLOOD_MESSAGES]
        events = [Event(Severity.ALARM, event_log.Kind.FLOODED, _WHAT, _clock_of(prefix)) for prefix in floods]
        if events:
            await self._store.writing(event_log.write, events, self._now_ms())


def _clock_of(prefix: str) -> str | None:
    """The clock id of a topic without its channel; None if it is no clock's."""
    try:
        return logs.masked(parse(f"{prefix}/{Channel.PUNCHES.value}")[0])
    except TopicRefused:
        return None
