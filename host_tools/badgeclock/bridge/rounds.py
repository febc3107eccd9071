"""Parts of the bridge that work in rounds: one round when woken, and one after each pause.

If the store fails, only the round is lost: it is logged, and the next round follows after the same pause. A part that
looks for work in the store skips rounds in which there can be none (`rest_while`).
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Final

from badgeclock.bridge import logs
from badgeclock.errors import StoreError

REST_MOST_S: Final = 5.0

log = logs.Named("badgeclock.bridge.rounds")


class Rounds(ABC):
    """Runs `work` in rounds until cancelled."""

    def __init__(self, *, pause_s: float | None, if_store_fails: str) -> None:
        """`pause_s` is the longest pause between two rounds; None: a round only when woken. `if_store_fails` is the log
        message for a failed store.
        """
        self._pause_s = pause_s
        self._if_store_fails = if_store_fails
        self._woken = asyncio.Event()
        self._commits: Callable[[], int] | None = None

    def rest_while(self, commits: Callable[[], int]) -> None:
        """Skip rounds while `commits()` returns the same number (`ChangeWatch.number`), nothing is due by time and
        nothing wakes the part; but not for longer than `REST_MOST_S`.
        """
        self._commits = commits

    def wake(self) -> None:
        """There may be something to do: begin the next round now, or right after the one under way."""
        self._woken.set()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            self._woken.clear()
            seen, began = self._commits and self._commits(), time.monotonic()
            try:
                await self.work()
            except StoreError as error:
                self.store_failed()
                log.error(self._if_store_fails, error=str(error))
                seen = None
            while not await self._is_woken_in_pause():
                if seen is None or self._commits is None or self._commits() != seen or self.waits:
                    break
                if time.monotonic() - began >= REST_MOST_S:
                    break

    async def _is_woken_in_pause(self) -> bool:
        try:
            async with asyncio.timeout(self._pause_s):
                return await self._woken.wait()
        except TimeoutError:
            return False

    @abstractmethod
    async def work(self) -> None:
        """One round; may raise StoreError."""

    @property
    def waits(self) -> bool:
        """Whether the next round has something that is due by time."""
        return False

    def store_failed(self) -> None:
        """A round ended with a StoreError: discard state that assumes its transactions were committed."""
        return
