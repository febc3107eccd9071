"""Carries out what a person decided (`corrections`): cancels presences at the authority, one call each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from badgeclock.authorities.base import Cancellation, Cancelled, CancelOutcome, CancelRefused, Status
from badgeclock.authorities.errors import AuthorityRejected
from badgeclock.bridge.presences.regimes import Declared
from badgeclock.bridge.registrar import cancellations
from badgeclock.bridge.registrar.authority_calls import AuthorityCalls
from badgeclock.bridge.registrar.cancellations import DueCancellation
from badgeclock.bridge.registrar.delays import FIRST_SEARCH_MS, follow_delay_ms
from badgeclock.bridge.registrar.due_work import DueWork
from badgeclock.bridge.registrar.signals import Signals
from badgeclock.bridge.store.states import PresenceState

CANCELLED_AT_ONCE: Final = 50
TOO_LATE: Final = "9"
"""The authority's code for a late cancellation."""


class Cancelling:
    """The task that cancels."""

    def __init__(
        self,
        calls: AuthorityCalls,
        work: DueWork,
        signals: Signals,
        declares: frozenset[Declared],
        *,
        now_ms: Callable[[], int],
    ) -> None:
        self._calls = calls
        self._work = work
        self._signals = signals
        self._declares = declares
        self._now_ms = now_ms

    async def run(self) -> None:
        """Carry them out until the bridge stops."""
        while True:
            self._signals.decided.clear()
            asked: Sequence[DueCancellation] = ()
            if not self._calls.gate.closed_s and not self._work.is_nothing_due(PresenceState.CANCELLING):
                place = self._work.place
                asked = await self._work.read(cancellations.due, self._declares, self._now_ms(), CANCELLED_AT_ONCE)
                if not asked:
                    await self._work.found_nothing(place, PresenceState.CANCELLING)
                for one in asked:
                    if self._calls.gate.closed_s:
                        break
                    await self._cancel_one(one)
            if len(asked) < CANCELLED_AT_ONCE or self._calls.gate.closed_s:
                await self._work.poll(self._signals.decided)

    async def _cancel_one(self, one: DueCancellation) -> None:
        """One call per cancellation: they are rare, and a failure of one must not affect another."""
        if one.tries and await self._is_settled(one, None):
            return  # a call was begun before, and its answer was lost
        if one.too_late(self._now_ms()):
            await self._work.commit(cancellations.file, one, "too late, the day is over", self._now_ms())
            return
        await self._work.commit(cancellations.mark_begun, one, self._now_ms() + FIRST_SEARCH_MS)
        cancellation = Cancellation(reception_number=one.reception_number, reason=one.code)
        answer = await self._calls.ask("cancel", lambda: self._cancelled(cancellation))
        if isinstance(answer, Cancelled):
            await self._work.commit(cancellations.complete, one, self._now_ms())
            self._signals.queued.set()
        elif isinstance(answer, CancelRefused):
            too_late = TOO_LATE in answer.codes
            await self._is_settled(one, "; ".join(answer.descriptions) or ", ".join(answer.codes), too_late=too_late)

    async def _cancelled(self, cancellation: Cancellation) -> CancelOutcome:
        try:
            return (await self._calls.authority.cancel([cancellation]))[0]
        except AuthorityRejected as error:
            number = cancellation.reception_number
            return CancelRefused(reception_number=number, codes=(error.code,), descriptions=())

    async def _is_settled(self, one: DueCancellation, refused: str | None, *, too_late: bool = False) -> bool:
        """Query the state of a presence to be cancelled; returns whether nothing is left to do now.

        `refused` is the authority's reason for not cancelling it, if any: final unless it was cancelled before.
        `too_late`: whether that is the reason.
        """
        number = one.reception_number
        answer = await self._calls.ask("get", lambda: self._calls.listed(number))
        if answer is None:
            due_ms = self._now_ms() + follow_delay_ms(one.tries)
            await self._work.commit(cancellations.postpone, one, due_ms)
            return True
        if answer and answer[0].status is Status.CANCELLED:
            await self._work.commit(cancellations.complete, one, self._now_ms())
            self._signals.queued.set()
            return True
        if refused is None and answer:
            return False
        end = cancellations.file if too_late else cancellations.keep_registered
        await self._work.commit(end, one, refused or "the authority has no such number", self._now_ms())
        self._signals.numbered.set()
        return True
