"""Ends the wait of presences that have become too late, and gives them to a person.

Independent of the registrars: an authority may be unavailable, or there may be none for a site's declarations. The same
round merges the counts of presences since the last.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection

from badgeclock.bridge.presences.regimes import Declared
from badgeclock.bridge.registrar import outbox
from badgeclock.bridge.rounds import Rounds
from badgeclock.bridge.store import holder_marks, presence_counts
from badgeclock.bridge.store.database import Store

EVERY_S: Final = 15.0


class Expiry(Rounds):
    """Checks the queue every `EVERY_S`."""

    def __init__(
        self, store: Store, declares: frozenset[Declared], now_ms: Callable[[], int], changed: Callable[[], None]
    ) -> None:
        """`declares` is what all authorities together accept; `changed` is called when a round has moved presences."""
        super().__init__(pause_s=EVERY_S, if_store_fails="the queue cannot be looked through; trying again")
        self._store = store
        self._declares = declares
        self._now_ms = now_ms
        self._changed = changed

    async def work(self) -> None:
        """Give presences that have become too late to a person."""
        if await self._store.writing(self._round):
            self._changed()

    def _round(self, connection: Connection) -> int:
        presence_counts.fold(connection)
        holder_marks.fold(connection)
        return outbox.expire(connection, self._declares, self._now_ms())
