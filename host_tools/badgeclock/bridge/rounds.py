"""Parts of the bridge that work in rounds: one round whenever they are woken, and one after each pause.

A store that fails costs the round, not the part: it is logged, and the next round comes after the same pause.
"""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod

from badgeclock.bridge import logs
from badgeclock.errors import StoreError

log = logs.Named("badgeclock.bridge.rounds")


class Rounds(ABC):
    """Runs `work` in rounds until cancelled."""

    def __init__(self, *, pause_s: float | None, if_store_fails: str) -> None:
        """`pause_s` is the longest pause between two rounds; None: a round only when woken. `if_store_fails` is what
        the log says then.
        """
        self._pause_s = pause_s
        self._if_store_fails = if_store_fails
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """There may be something to do: begin the next round now, or right after the one under way."""
        self._woken.set()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            self._woken.clear()
            try:
                await self.work()
            except StoreError as error:
                self.store_failed()
                log.error(self._if_store_fails, error=str(error))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pause_s):
                    await self._woken.wait()

    @abstractmethod
    async def work(self) -> None:
        """One round; may raise StoreError."""

    def store_failed(self) -> None:
        """A round ended with a StoreError: give up what is true only if its transactions were committed."""
        return
