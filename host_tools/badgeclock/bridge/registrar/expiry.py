"""Ends the wait of presences that have become too late, and gives them to a person.

Independent of the registrars: an authority may be unavailable, or there may be none for a site's declarations. The same
round merges the counts of presences since the last, and the marks of holders.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from badgeclock.bridge.presences.regimes import Declared
from badgeclock.bridge.registrar import outbox
from badgeclock.bridge.rounds import Rounds
from badgeclock.bridge.store import holder_marks, presence_counts
from badgeclock.bridge.store.database import Store, batched

EVERY_S: Final = 15.0
AT_ONCE: Final = 1000
"""Presences that one transaction moves, in about 40 ms, for which acknowledgements wait."""


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
        """Give presences that have become too late to a person: looked for beside the writers, then moved few at a
        time, so that no acknowledgement waits for all of them.
        """
        for rows in (presence_counts, holder_marks):
            if await self._store.reading(rows.are_to_fold):
                await self._store.writing(rows.fold)
        now_ms, moved = self._now_ms(), 0
        found = await self._store.reading(outbox.waited_too_long, self._declares, now_ms)
        for some in batched(found, AT_ONCE):
            moved += await self._store.writing(outbox.expire, self._declares, now_ms, some)
        if moved:
            self._changed()
