"""Sends settings to clocks that have others. `remote_settings` decides which clocks those are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection

from badgeclock.bridge.clocks import remote_settings
from badgeclock.bridge.downlink.frames_out import Downlink, Message
from badgeclock.bridge.downlink.sender import Sender
from badgeclock.bridge.store.database import Store

POLL_S: Final = 1.0
CLOCKS_A_ROUND: Final = 100


class SettingsSender(Sender):
    """Sends each clock its settings, and again after `AGAIN_MS` while it reports another version."""

    def __init__(
        self, store: Store, downlink: Downlink, publish: Callable[[Message], None], now_ms: Callable[[], int]
    ) -> None:
        super().__init__(store, downlink, publish, pause_s=POLL_S, if_store_fails="settings wait for the store")
        self._now_ms = now_ms
        self._sent: dict[tuple[int, bytes, int], int] = {}

    @property
    def waits(self) -> bool:
        """Unanswered settings are sent again."""
        return bool(self._sent)

    async def work(self) -> None:
        """Send what is due and was not sent recently."""
        now_ms = self._now_ms()
        self._sent = {key: at for key, at in self._sent.items() if now_ms - at < remote_settings.AGAIN_MS}
        due = await self._store.reading(remote_settings.due)
        sending = [one for one in due if (one.clock_id, one.session, one.version) not in self._sent][:CLOCKS_A_ROUND]
        if not sending:
            return
        await self._store.writing(self._lift_and_prepare, [one.clock_id for one in sending])
        for one in sending:
            self.publish_all(self._downlink.settings(one.clock_id, one.version, one.wanted))
            self._sent[one.clock_id, one.session, one.version] = now_ms

    def _lift_and_prepare(self, connection: Connection, clock_ids: list[int]) -> None:
        remote_settings.lift_versions(connection, clock_ids)
        self._downlink.prepare(connection, clock_ids)
