"""Queues the office's planned registrations once the authority accepts their day.

Independent of the registrars, like the expiry: a plan is queued in time even if an authority is unavailable, and one
that can no longer be sent is given to a person.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from badgeclock.bridge.registrar import office_registrations
from badgeclock.bridge.rounds import Rounds
from badgeclock.bridge.store.database import Store

EVERY_S: Final = 60.0


class LaterRegistrations(Rounds):
    """Looks for due plans every `EVERY_S`."""

    def __init__(self, store: Store, now_ms: Callable[[], int], queued: Callable[[], None]) -> None:
        """`queued` is called when a round has ended plans."""
        super().__init__(pause_s=EVERY_S, if_store_fails="planned registrations cannot be looked through; trying again")
        self._store = store
        self._now_ms = now_ms
        self._queued = queued

    async def work(self) -> None:
        """Queue due plans."""
        if await self._store.writing(office_registrations.send_due, self._now_ms()):
            self._queued()
