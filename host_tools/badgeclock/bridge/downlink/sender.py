"""The common base of all parts that send frames to clocks: the store, the downlink, the broker, and the rounds."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from badgeclock.bridge.downlink.frames_out import Downlink, Message
from badgeclock.bridge.rounds import Rounds
from badgeclock.bridge.store.database import Store


class Sender(Rounds):
    """A part that sends in rounds. Functions elsewhere decide what is sent, and to whom."""

    def __init__(
        self,
        store: Store,
        downlink: Downlink,
        publish: Callable[[Message], None],
        *,
        pause_s: float | None,
        if_store_fails: str,
    ) -> None:
        super().__init__(pause_s=pause_s, if_store_fails=if_store_fails)
        self._store = store
        self._downlink = downlink
        self._publish = publish

    def store_failed(self) -> None:
        """Counters of the failed transaction are not reserved."""
        self._downlink.forget_all()

    async def prepare(self, clock_ids: Iterable[int], frames_each: int = 1) -> None:
        """Reserve counters for so many frames to each of these clocks; raises StoreError."""
        wanted = list(clock_ids)
        if not self._downlink.ready(wanted, frames_each):
            await self._store.writing(self._downlink.prepare, wanted, frames_each)

    def publish_all(self, messages: Iterable[Message]) -> int:
        """Publish messages in their order; returns how many."""
        count = 0
        for message in messages:
            self._publish(message)
            count += 1
        return count
