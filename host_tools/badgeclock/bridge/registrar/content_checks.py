"""Waits for the result of the authority's content check of registered presences, and checks once more later."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import Connection

from badgeclock.authorities.base import Found, SearchCriteria, attributed
from badgeclock.bridge.presences.regimes import Declared
from badgeclock.bridge.registrar import found_numbers, transitions
from badgeclock.bridge.registrar.authority_calls import AuthorityCalls
from badgeclock.bridge.registrar.delays import follow_delay_ms
from badgeclock.bridge.registrar.due_work import DueWork
from badgeclock.bridge.registrar.outbox import Due
from badgeclock.bridge.registrar.reception_numbers import Number
from badgeclock.bridge.registrar.search_criteria import criteria_for, looks
from badgeclock.bridge.registrar.signals import Signals
from badgeclock.bridge.store.states import PresenceState

FOLLOWED_AT_ONCE: Final = 500


class ContentChecks:
    """The task that follows registered presences."""

    def __init__(
        self,
        calls: AuthorityCalls,
        work: DueWork,
        signals: Signals,
        declares: frozenset[Declared],
        *,
        now_ms: Callable[[], int],
        most_calls: int,
    ) -> None:
        self._calls = calls
        self._work = work
        self._signals = signals
        self._declares = declares
        self._now_ms = now_ms
        self._most_calls = most_calls

    async def run(self) -> None:
        """Check until cancelled."""
        while True:
            self._signals.numbered.clear()
            if not self._calls.gate.closed_s and self._calls.gate.spare:
                waiting = await self._work.due(FOLLOWED_AT_ONCE, PresenceState.REGISTERED, PresenceState.VALIDATED)
                many, few = looks(waiting)
                for criteria, together in many:
                    if not await self._follow_place(criteria, together):
                        few += together
                limit = asyncio.Semaphore(self._most_calls)
                async with asyncio.TaskGroup() as group:
                    for one in few:
                        group.create_task(self._follow_one(one, limit))
                if len(waiting) == FOLLOWED_AT_ONCE and not self._calls.gate.closed_s and self._calls.gate.spare:
                    continue
            await self._work.pause(self._signals.numbered, await self._work.idle_s())

    async def _follow_place(self, criteria: SearchCriteria, together: Sequence[Due]) -> bool:
        """Check many presences of one workplace and day with one search; returns whether it was answered."""
        found = await self._calls.ask("search", lambda: self._calls.authority.search(criteria))
        if found is None:
            return False
        await self._work.commit(self._write_looks, together, found)
        return True

    async def _follow_one(self, one: Due, limit: asyncio.Semaphore) -> None:
        number = one.reception_number
        if number is None:
            return
        async with limit:
            if self._calls.gate.closed_s or not self._calls.gate.spare:
                return
            held: list[Found] = []
            if one.lost_ms:
                # It may have been sent twice: a search shows that, a query by number does not.
                held = await self._calls.ask("search", lambda: self._calls.authority.search(criteria_for(one))) or []
            if all(presence.reception_number != number for presence in held):
                held += await self._calls.ask("get", lambda: self._calls.listed(number)) or []
            await self._work.commit(self._write_looks, [one], held)

    def _write_looks(self, connection: Connection, looked_at: Sequence[Due], held: Sequence[Found]) -> None:
        now_ms = self._now_ms()
        by_number = {presence.reception_number: presence for presence in held}
        found: dict[PresenceState, dict[int, Number]] = {PresenceState.REGISTERED: {}, PresenceState.VALIDATED: {}}
        for one in looked_at:
            presence = by_number.get(one.reception_number or 0)
            if presence is not None:
                found_numbers.note_identity(connection, one, presence.inss_now, now_ms)
                found[one.state][one.id] = Number(presence.reception_number, presence.status, presence.remarks)
        whose = attributed(held, [one.item for one in looked_at])
        found_numbers.keep(connection, found_numbers.own(connection, looked_at, whose, self._declares), now_ms)
        settled: set[int] = set()
        for state, numbers in found.items():
            settled |= transitions.settle(connection, state, numbers, now_ms)
        again = {one.id: now_ms + follow_delay_ms(one.tries) for one in looked_at if one.id not in settled}
        transitions.postpone(connection, again)
