"""Sends receipts to clocks, in the order of their numbers, as soon as they are committed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Final

from badgeclock.bridge.downlink import receipts
from badgeclock.bridge.downlink.frames_out import Downlink, Message
from badgeclock.bridge.downlink.sender import Sender
from badgeclock.bridge.store.database import Store
from badgeclock.protocol.frames import RECEIPTS_MAX, Receipt

POLL_S: Final = 1.0
"""How often to look for receipts that another process wrote; this one's own are sent at once."""


class ReceiptSender(Sender):
    """Sends every receipt once; a clock requests missing ones with its next STATUS."""

    def __init__(self, store: Store, downlink: Downlink, publish: Callable[[Message], None]) -> None:
        super().__init__(store, downlink, publish, pause_s=POLL_S, if_store_fails="receipts wait for the store")
        self._sent: int | None = None
        """Place of the last one that was sent, in the order of all; those before the start are not sent."""

    async def work(self) -> None:
        """Send all new receipts."""
        if self._sent is None:
            self._sent = await self._store.reading(receipts.newest)
        while rows := await self._store.reading(receipts.after, self._sent):
            by_clock: dict[int, list[Receipt]] = defaultdict(list)
            for row in rows:
                by_clock[row.clock_id].append(row.receipt)
            await self.prepare(by_clock, max(map(len, by_clock.values())) // RECEIPTS_MAX + 1)
            for clock_id, of_clock in by_clock.items():
                self.publish_all(self._downlink.receipts(clock_id, of_clock))
            self._sent = rows[-1].id
