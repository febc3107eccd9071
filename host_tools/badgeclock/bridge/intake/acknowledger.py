"""Says to clocks what commits leave to say. Only the bridge's first process does: two could overtake each other on the
way to a clock, which takes no frame older than one it has.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

import structlog

from badgeclock.bridge.downlink.frames_out import Downlink, Message
from badgeclock.bridge.intake.batch import Taken
from badgeclock.bridge.store.database import Store
from badgeclock.errors import StoreError
from badgeclock.protocol.frames import Ack, Time

log = structlog.get_logger("badgeclock.bridge.intake.acknowledger")


class Answers:
    """Makes frames of what was committed, here or by another worker, and publishes them."""

    def __init__(
        self, store: Store, downlink: Downlink, publish: Callable[[Message], None], now_ms: Callable[[], int]
    ) -> None:
        self._store = store
        self._downlink = downlink
        self._publish = publish
        self._now_ms = now_ms
        self._elsewhere: dict[int, Ack] = {}
        self._came = asyncio.Event()

    def give(self, taken: Taken) -> None:
        """Say what a commit of this process left to say; its transaction has reserved the frames' counters."""
        for clock_id, counter in taken.times.items():
            self._send(self._downlink.time(clock_id, Time(self._now_ms(), counter)))
        for clock_id, ack in taken.acks.items():
            self._send(self._downlink.ack(clock_id, ack))
        for clock_id, receipts in taken.receipts.items():
            self._send(self._downlink.receipts(clock_id, receipts))

    def give_for_another(self, acks: Mapping[int, Ack]) -> None:
        """Say what another worker has committed, as soon as the clocks' counters are reserved."""
        self._elsewhere.update(acks)
        self._came.set()

    async def run(self) -> None:
        """Answer for the other workers until cancelled."""
        while True:
            await self._came.wait()
            self._came.clear()
            acks, self._elsewhere = self._elsewhere, {}
            try:
                if not self._downlink.ready(acks, 1):
                    await self._store.writing(self._downlink.prepare, list(acks))
            except StoreError as error:
                # What is committed stays so: the clocks send it again, and are acknowledged then.
                self._downlink.forget_all()
                log.error("acknowledgements wait for the store", clocks=len(acks), error=str(error))
                continue
            for clock_id, ack in acks.items():
                self._send(self._downlink.ack(clock_id, ack))

    def _send(self, messages: Sequence[Message]) -> None:
        for message in messages:
            self._publish(message)
