"""What a task of the registrar has to do now: read from the store, and not read again while nothing can have changed.

Every transaction of the registrar goes through `commit`, which repeats it until the store takes it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Concatenate, Final, ParamSpec, TypeVar

import structlog
from sqlalchemy import Connection

from badgeclock.bridge.presences.regimes import Declared
from badgeclock.bridge.registrar import outbox
from badgeclock.bridge.registrar.call_gate import Gate
from badgeclock.bridge.registrar.outbox import Due
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.store.states import PresenceState
from badgeclock.bridge.store.vault import Vault
from badgeclock.errors import StoreError

POLL_S: Final = 1.0
"""How often to check the queue for other processes' entries; this one's own work wakes the tasks at once."""
STORE_RETRY_S: Final = 1.0

log = structlog.get_logger(__name__)

_P = ParamSpec("_P")
_T = TypeVar("_T")


class DueWork:
    """The presences that are due, and the transactions on them."""

    def __init__(
        self,
        store: Store,
        vault: Vault,
        declares: frozenset[Declared],
        gate: Gate,
        *,
        now_ms: Callable[[], int],
        changed: Callable[[], None],
        commits: Callable[[], int] | None,
    ) -> None:
        self._store = store
        self._vault = vault
        self._declares = declares
        self._gate = gate
        self._now_ms = now_ms
        self._changed = changed
        self._commits = commits
        self._stirred = 0
        """How often this process signalled or did something that may mean new work."""
        self._nothing: dict[tuple[PresenceState, ...], tuple[int, int, int | None]] = {}
        """By states in which a check found nothing due: the numbers of `place` before it, and when something will be
        due."""

    def stir(self) -> None:
        """Something was queued, or decided."""
        self._stirred += 1

    async def poll(self, woken: asyncio.Event) -> None:
        """Wait until woken, until the gate opens, or for another process's work."""
        await self.pause(woken, min(self._gate.closed_s or POLL_S, POLL_S))

    async def commit(self, work: Callable[Concatenate[Connection, _P], _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """One transaction, retried until it succeeds: an answer must not be lost."""
        while True:
            try:
                done = await self._store.writing(work, *args, **kwargs)
            except StoreError as error:
                log.error("the store does not take an answer; trying again", error=str(error))
                await asyncio.sleep(STORE_RETRY_S)
            else:
                self._stirred += 1
                self._changed()
                return done

    async def read(
        self, work: Callable[Concatenate[Connection, _P], list[_T]], *args: _P.args, **kwargs: _P.kwargs
    ) -> list[_T]:
        """What `work` reads; nothing while the store cannot be read."""
        try:
            return await self._store.reading(work, *args, **kwargs)
        except StoreError as error:
            log.error("the store cannot be read; trying again", error=str(error))
            await asyncio.sleep(STORE_RETRY_S)
            return []

    async def due(self, limit: int, *states: PresenceState) -> list[Due]:
        """At most so many presences that are due in these states."""
        if self.is_nothing_due(*states):
            return []
        place = self.place
        found = await self.read(outbox.due, self._vault, states, self._declares, self._now_ms(), limit)
        if not found:
            await self.found_nothing(place, *states)
        return found

    @property
    def place(self) -> tuple[int, int]:
        """Numbers that change when the store may have new work."""
        return self._commits() if self._commits else 0, self._stirred

    def is_nothing_due(self, *states: PresenceState) -> bool:
        """Whether the last check found nothing, nothing was committed or signalled since, and nothing is due by
        time."""
        if states not in self._nothing:
            return False
        *place, due_ms = self._nothing[states]
        return tuple(place) == self.place and (due_ms is None or self._now_ms() < due_ms)

    async def found_nothing(self, place: tuple[int, int], *states: PresenceState) -> None:
        """Remember the result of a check begun at a place."""
        if self._commits is None:
            return
        try:
            times = [await self._store.reading(outbox.next_due_ms, state, self._declares) for state in states]
        except StoreError:
            self._nothing.pop(states, None)
        else:
            self._nothing[states] = (*place, min((one for one in times if one is not None), default=None))

    async def idle_s(self) -> float:
        """Seconds until a content check is due."""
        if self._gate.closed_s:
            return min(self._gate.closed_s, POLL_S)
        if self.is_nothing_due(PresenceState.REGISTERED, PresenceState.VALIDATED):
            due_ms = self._nothing[PresenceState.REGISTERED, PresenceState.VALIDATED][2]
            return POLL_S if due_ms is None else min(max((due_ms - self._now_ms()) / 1000, 0.01), POLL_S)
        try:
            due_ms = await self._store.reading(outbox.next_due_ms, PresenceState.REGISTERED, self._declares)
        except StoreError:
            return STORE_RETRY_S
        return POLL_S if due_ms is None else min(max((due_ms - self._now_ms()) / 1000, 0.01), POLL_S)

    async def pause(self, woken: asyncio.Event, most_s: float) -> None:
        """Wait until woken, for so long at most."""
        try:
            async with asyncio.timeout(most_s):
                await woken.wait()
        except TimeoutError:
            pass
