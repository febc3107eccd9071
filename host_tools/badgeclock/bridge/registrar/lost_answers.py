"""Searches at the authority for presences without an answer, and only lets those be sent again that it certainly does
not have: the call can no longer be carried out, and several searches, further and further apart, found nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from sqlalchemy import Connection

from badgeclock.authorities.base import Found, Refused, SearchCriteria, attributed
from badgeclock.bridge.metrics import Metrics
from badgeclock.bridge.presences.regimes import Declared
from badgeclock.bridge.registrar import found_numbers, transitions
from badgeclock.bridge.registrar.authority_calls import AuthorityCalls
from badgeclock.bridge.registrar.delays import FOLLOW_FIRST_MS, follow_delay_ms, search_delay_ms
from badgeclock.bridge.registrar.due_work import DueWork
from badgeclock.bridge.registrar.outbox import Due
from badgeclock.bridge.registrar.reception_numbers import Number
from badgeclock.bridge.registrar.search_criteria import pieces, searches
from badgeclock.bridge.registrar.sending import CODE_OTHER
from badgeclock.bridge.registrar.signals import SentTimes, Signals
from badgeclock.bridge.store.states import PresenceState

SEARCHES_LEAST: Final = 3
"""This many searches must find nothing before a presence is sent again: a service may show new entries late."""
SEARCHED_AT_ONCE: Final = 1000


class LostAnswers:
    """The task that searches."""

    def __init__(
        self,
        calls: AuthorityCalls,
        work: DueWork,
        signals: Signals,
        sent: SentTimes,
        declares: frozenset[Declared],
        metrics: Metrics,
        *,
        now_ms: Callable[[], int],
    ) -> None:
        self._calls = calls
        self._work = work
        self._signals = signals
        self._sent = sent
        self._declares = declares
        self._metrics = metrics
        self._now_ms = now_ms

    async def run(self) -> None:
        """Search until cancelled."""
        while True:
            self._signals.lost.clear()
            if not self._calls.gate.closed_s:
                lost = await self._work.due(SEARCHED_AT_ONCE, PresenceState.UNKNOWN)
                for criteria, group in searches(lost):
                    if not await self._search(criteria, group):
                        break
                if len(lost) == SEARCHED_AT_ONCE and not self._calls.gate.closed_s:
                    continue
            await self._work.poll(self._signals.lost)

    async def _search(self, criteria: SearchCriteria, group: Sequence[Due]) -> bool:
        """Search for one call's presences; returns whether to continue with the next call."""
        if await self._searched(criteria, group):
            return True
        if len(group) == 1 and not self._calls.gate.closed_s:
            await self._work.commit(self._postpone, group)
        elif not self._calls.gate.closed_s:
            # A wide search may be rejected; it can be split into narrow ones.
            for narrower, some in pieces(group):
                if not await self._searched(narrower, some):
                    if self._calls.gate.closed_s:
                        return False
                    await self._work.commit(self._postpone, some)
        return not self._calls.gate.closed_s

    async def _searched(self, criteria: SearchCriteria, group: Sequence[Due]) -> bool:
        """Run one search for presences, and record its result; returns whether it was answered."""
        left_s = {one.id: self._sent.left_s(one.id) for one in group}
        found = await self._calls.ask("search", lambda: self._calls.authority.search(criteria))
        if found is None:
            return False
        mine = attributed(found, [one.item for one in group])
        for settled in await self._work.commit(self._write_search, group, mine, left_s):
            self._sent.forget(settled)
        self._signals.queued.set()
        self._signals.numbered.set()
        return True

    def _postpone(self, connection: Connection, group: Sequence[Due]) -> None:
        now_ms = self._now_ms()
        transitions.postpone(connection, {one.id: now_ms + follow_delay_ms(one.tries) for one in group}, look=0)

    def _write_search(
        self,
        connection: Connection,
        group: Sequence[Due],
        found: Mapping[str, Sequence[Found]],
        left_s: Mapping[int, float],
    ) -> set[int]:
        """`left_s` is the value of `SentTimes.left_s` at the search; returns those that need no further search."""
        now_ms = self._now_ms()
        registered: dict[int, Number] = {}
        absent: list[int] = []
        refused: dict[int, Refused] = {}
        open_still: dict[int, int] = {}
        mine = found_numbers.own(connection, group, found, self._declares)
        for one in group:
            if held := mine[one.id]:
                registered[one.id] = Number(held[0].reception_number, held[0].status, held[0].remarks)
                continue
            if left_s[one.id] > 0 or one.tries + 1 < SEARCHES_LEAST:
                delay_ms = search_delay_ms(one.tries)
                open_still[one.id] = now_ms + (
                    min(delay_ms, int(left_s[one.id] * 1000) + 1) if left_s[one.id] > 0 else delay_ms
                )
            elif one.blamed:
                codes = (str(CODE_OTHER),)
                refused[one.id] = Refused(reference=one.item.reference, codes=codes, descriptions=(one.blamed,))
            else:
                absent.append(one.id)
        transitions.register(connection, PresenceState.UNKNOWN, registered, now_ms + FOLLOW_FIRST_MS, now_ms)
        found_numbers.keep(connection, mine, now_ms)
        transitions.requeue(connection, absent, PresenceState.UNKNOWN, now_ms)
        transitions.refuse(connection, PresenceState.UNKNOWN, refused, now_ms)
        transitions.postpone(connection, open_still)
        self._metrics.outcomes.labels("found").inc(len(registered))
        self._metrics.outcomes.labels("not_found").inc(len(absent))
        return {one.id for one in group} - set(open_still)
