"""Publishes the answers due after a commit: acknowledgements, the time, receipts that a clock misses.

Only the bridge's first process does this: frames of two could overtake each other on the way to a clock, which accepts
no frame older than one it has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from badgeclock.bridge.downlink.frames_out import Downlink, Message
from badgeclock.bridge.downlink.sender import Sender
from badgeclock.bridge.intake.batch import BatchResult
from badgeclock.bridge.store.database import Store
from badgeclock.protocol.frames import Ack, Time


class Acknowledger(Sender):
    """Makes and publishes frames for committed records, of this worker and others."""

    def __init__(
        self, store: Store, downlink: Downlink, publish: Callable[[Message], None], now_ms: Callable[[], int]
    ) -> None:
        super().__init__(store, downlink, publish, pause_s=None, if_store_fails="acknowledgements wait for the store")
        self._now_ms = now_ms
        self._of_workers: dict[int, Ack] = {}

    def publish(self, result: BatchResult) -> None:
        """Answer what this process committed; the frames' counters were reserved in the same transaction."""
        for clock_id, counter in result.times.items():
            self.publish_all(self._downlink.time(clock_id, Time(self._now_ms(), counter)))
        for clock_id, ack in result.acks.items():
            self.publish_all(self._downlink.ack(clock_id, ack))
        for clock_id, receipts in result.receipts.items():
            self.publish_all(self._downlink.receipts(clock_id, receipts))

    def publish_for_worker(self, acks: Mapping[int, Ack]) -> None:
        """Acknowledge what another worker committed, as soon as the clocks' counters are reserved."""
        self._of_workers.update(acks)
        self.wake()

    async def work(self) -> None:
        """Acknowledge what other workers committed. If the store fails, the clocks send again, and are answered
        then."""
        acks, self._of_workers = self._of_workers, {}
        await self.prepare(acks)
        for clock_id, ack in acks.items():
            self.publish_all(self._downlink.ack(clock_id, ack))
