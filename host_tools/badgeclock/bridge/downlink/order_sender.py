"""Sends orders to clocks and handles their reports. `orders` decides which are due."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import Connection

from badgeclock.bridge.downlink import orders
from badgeclock.bridge.downlink.frames_out import Downlink, Message
from badgeclock.bridge.downlink.sender import Sender
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.store.vault import Vault
from badgeclock.protocol.errors import FrameRefused
from badgeclock.protocol.topics import Channel, clock_of

POLL_S: Final = 1.0
REPORTS_WAITING: Final = 1000
"""Reports kept until the next round; further ones are dropped, and their orders sent again."""
REPORTS_WAITING_EACH: Final = 4
"""The same for one clock, so that it does not crowd out others."""


class OrderSender(Sender):
    """Sends each order that is due; a report begins a round at once."""

    def __init__(
        self,
        store: Store,
        vault: Vault,
        downlink: Downlink,
        publish: Callable[[Message], None],
        now_ms: Callable[[], int],
    ) -> None:
        super().__init__(store, downlink, publish, pause_s=POLL_S, if_store_fails="orders wait for the store")
        self._vault = vault
        self._now_ms = now_ms
        self._reports: list[tuple[str, bytes]] = []
        self._waiting: Counter[str] = Counter()
        self._is_open = False
        self.results: Counter[str] = Counter()
        """Reports that were accepted ("taken"), and those that were refused, by reason."""

    def deliver(self, topic: str, payload: bytes) -> bool:
        """Accept a message from the broker if it is a report; never waits and never raises."""
        name = clock_of(topic, Channel.REPORT)
        if name is None:
            return False
        if len(self._reports) < REPORTS_WAITING and self._waiting[name] < REPORTS_WAITING_EACH:
            self._reports.append((name, payload))
            self._waiting[name] += 1
            self.wake()
        return True

    @property
    def waits(self) -> bool:
        """Unanswered orders are sent again."""
        return self._is_open

    async def work(self) -> None:
        """Handle the received reports, detect restarts, and send each due order once."""
        reports, self._reports = self._reports, []
        self._waiting.clear()
        self._is_open = bool(reports) or await self._store.reading(orders.any_open)
        if self._is_open:
            self.publish_all(await self._store.writing(self._round, reports, self._now_ms()))

    def _round(self, connection: Connection, reports: Sequence[tuple[str, bytes]], now_ms: int) -> list[Message]:
        """One round in one transaction. Frames are made in it, so that none goes to a session that it did not see; an
        order is recorded as sent before it is sent.
        """
        for name, payload in reports:
            try:
                orders.handle_report(connection, self._vault, name, payload, now_ms)
                self.results["taken"] += 1
            except FrameRefused as refused:
                self.results[refused.reason] += 1
        orders.close_restarted(connection, now_ms)
        due = orders.due(connection, now_ms)
        self._downlink.prepare(connection, [order.clock_id for order in due])
        messages = []
        for order in due:
            orders.mark_sent(connection, order, now_ms)
            messages += self._downlink.command(order.clock_id, order.command, order.id)
        return messages
