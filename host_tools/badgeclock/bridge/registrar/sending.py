"""Sends queued presences: commits them as SENT, and only then calls; writes what the authority answers.

A call without an answer, or with one in doubt, leaves its presences UNKNOWN: `lost_answers` searches for them before
anything is sent again.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import structlog
from sqlalchemy import Connection, update

from badgeclock.authorities.base import Outcome, Refused, Registered
from badgeclock.authorities.errors import AuthorityAmbiguous, AuthorityRejected, AuthorityUnavailable, Doubt
from badgeclock.bridge.metrics import Metrics
from badgeclock.bridge.presences.regimes import Declared
from badgeclock.bridge.registrar import found_numbers, outbox, reception_numbers, transitions
from badgeclock.bridge.registrar.authority_calls import AuthorityCalls, write_events
from badgeclock.bridge.registrar.delays import FIRST_SEARCH_MS, FOLLOW_FIRST_MS
from badgeclock.bridge.registrar.due_work import DueWork
from badgeclock.bridge.registrar.outbox import Due
from badgeclock.bridge.registrar.reception_numbers import Number
from badgeclock.bridge.registrar.signals import SentTimes, Signals
from badgeclock.bridge.store import event_log, schema
from badgeclock.bridge.store.event_log import Event, Severity
from badgeclock.bridge.store.states import PresenceState
from badgeclock.bridge.store.vault import Vault

GRACE_S: Final = 3.0
"""How long calls in progress may take when the bridge stops."""
CODE_OTHER: Final = 255
"""What a clock shows for a refusal whose code is not a small number."""
_ALONE_AFTER: Final = frozenset({Doubt.TURNED_DOWN, Doubt.TOO_LARGE, Doubt.NOT_ADMITTED, Doubt.UNPROVED})
_TO_BLAME_ALONE: Final = frozenset({Doubt.TURNED_DOWN, Doubt.TOO_LARGE})
_TO_BLAME_ITSELF: Final = ("SOA-03", "REST-400", "LOCAL")
"""Codes of calls rejected for their content."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Answer:
    """The result of one register call, ready to be written; `happened` are the events of its gate."""

    result: str
    outcomes: Mapping[str, Outcome]
    rejected: AuthorityRejected | None
    doubted: AuthorityAmbiguous | None
    happened: list[Event]


class Sending:
    """The task that registers."""

    def __init__(
        self,
        calls: AuthorityCalls,
        work: DueWork,
        signals: Signals,
        sent: SentTimes,
        vault: Vault,
        declares: frozenset[Declared],
        metrics: Metrics,
        *,
        now_ms: Callable[[], int],
        most_calls: int,
    ) -> None:
        self._calls = calls
        self._work = work
        self._signals = signals
        self._sent = sent
        self._vault = vault
        self._declares = declares
        self._metrics = metrics
        self._now_ms = now_ms
        self._most_calls = most_calls
        self._batch_most = calls.authority.batch_limit
        self._under_way: set[asyncio.Task[None]] = set()

    async def end(self) -> None:
        """Give calls in progress `GRACE_S`; then they stay SENT, to be searched for at the next start."""
        if self._under_way:
            _, pending = await asyncio.wait(self._under_way, timeout=GRACE_S)
            for call in pending:
                call.cancel()
            await asyncio.gather(*pending, return_exceptions=True)

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            self._signals.queued.clear()
            while (
                len(self._under_way) < self._most_calls
                and not self._work.is_nothing_due(PresenceState.QUEUED)
                and await self._calls.gate.admission()
            ):
                call, place = secrets.token_hex(8), self._work.place
                most = self._batch_most
                batch = await self._work.commit(outbox.claim, self._vault, self._declares, self._now_ms(), most, call)
                if not batch:
                    self._calls.gate.turned_back()
                    # An empty claim would be an empty commit.
                    await self._work.found_nothing((place[0], place[1] + 1), PresenceState.QUEUED)
                    break
                task = asyncio.create_task(self._call(call, batch))
                self._under_way.add(task)
                task.add_done_callback(self._call_ended)
            await self._work.poll(self._signals.queued)

    def _call_ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._signals.queued.set()
        if not task.cancelled() and (error := task.exception()):
            log.error("a call ended badly", error=type(error).__name__)

    async def _call(self, call: str, batch: Sequence[Due]) -> None:
        sent_at = self._sent.monotonic()
        try:
            answer = await self._register(batch)
        finally:
            self._calls.gate.left()
        self._sent.note((one.id for one in batch), sent_at)
        lost = await self._work.commit(self._write_answer, call, batch, answer)
        for one in batch:
            if one.id not in lost:
                self._sent.forget(one.id)
        if answer.result == "answered":
            self._signals.numbered.set()
        if lost:
            self._signals.lost.set()

    async def _register(self, batch: Sequence[Due]) -> _Answer:
        started = time.monotonic()
        rejected = doubted = None
        outcomes: dict[str, Outcome] = {}
        happened: list[Event] = []
        try:
            answers = await self._calls.authority.register([one.item for one in batch])
            outcomes = {outcome.reference: outcome for outcome in answers}
            result, happened = "answered", self._calls.back()
        except AuthorityUnavailable as error:
            result, happened = "unavailable", self._calls.away(error)
        except AuthorityRejected as error:
            result, rejected = "rejected", error
            if not error.references and not error.code.startswith(_TO_BLAME_ITSELF):
                self._calls.gate.failed()
        except AuthorityAmbiguous as error:
            result, doubted, happened = "ambiguous", error, self._calls.doubted("registration", error)
            if error.doubt is Doubt.TOO_LARGE:
                self._batch_most = max(1, len(batch) // 2)
        except Exception as error:  # noqa: BLE001 - a bug in a client must cost neither a presence nor the registrar
            log.error("the authority's client failed", error=type(error).__name__)
            result = "ambiguous"
        self._metrics.calls.labels("register", result).observe(time.monotonic() - started)
        return _Answer(result, outcomes, rejected, doubted, happened)

    def _write_answer(self, connection: Connection, call: str, batch: Sequence[Due], answer: _Answer) -> frozenset[int]:
        """Record a call's result; returns the presences whose result is unknown."""
        now_ms = self._now_ms()
        ids = [one.id for one in batch]
        words = dict.fromkeys(ids, answer.result)
        write_events(connection, answer.happened, now_ms)
        if answer.result == "unavailable":
            transitions.requeue(connection, ids, PresenceState.SENT, now_ms)
        elif answer.rejected:
            self._write_rejection(connection, batch, answer.rejected, now_ms)
        elif answer.result == "ambiguous":
            self._lose(connection, ids, now_ms, self._next_time(batch, answer.doubted))
        else:
            words = self._write_outcomes(connection, batch, answer.outcomes, now_ms)
        for word, count in Counter(words.values()).items():
            self._metrics.outcomes.labels(word).inc(count)
        outbox.answered(connection, call, words, now_ms)
        return frozenset(one for one, word in words.items() if word in ("ambiguous", "unanswered"))

    def _write_outcomes(
        self, connection: Connection, batch: Sequence[Due], outcomes: Mapping[str, Outcome], now_ms: int
    ) -> dict[int, str]:
        registered: dict[int, Number] = {}
        refused: dict[int, Refused] = {}
        words: dict[int, str] = {}
        for one in batch:
            outcome = outcomes.get(one.item.reference)
            if isinstance(outcome, Registered):
                registered[one.id], words[one.id] = reception_numbers.number_of(outcome), "registered"
                found_numbers.note_identity(connection, one, outcome.inss, now_ms)
            elif isinstance(outcome, Refused):
                refused[one.id], words[one.id] = outcome, "refused"
            else:
                words[one.id] = "unanswered"
        transitions.register(connection, PresenceState.SENT, registered, now_ms + FOLLOW_FIRST_MS, now_ms)
        transitions.refuse(connection, PresenceState.SENT, refused, now_ms)
        self._lose(connection, [one for one, word in words.items() if word == "unanswered"], now_ms)
        return words

    def _write_rejection(
        self, connection: Connection, batch: Sequence[Due], rejected: AuthorityRejected, now_ms: int
    ) -> None:
        """The whole call was rejected: find the presence at fault without losing the others."""
        blamed = [one for one in batch if one.item.reference in rejected.references]
        others = [one.id for one in batch if one.item.reference not in rejected.references]
        if not blamed and rejected.code.startswith(_TO_BLAME_ITSELF):
            if len(batch) == 1:
                blamed, others = list(batch), []
            else:
                table = schema.presences
                connection.execute(update(table).where(table.c.id.in_(others)).values(alone=True))
        refused = {
            one.id: Refused(reference=one.item.reference, codes=(str(CODE_OTHER),), descriptions=(rejected.code,))
            for one in blamed
        }
        transitions.refuse(connection, PresenceState.SENT, refused, now_ms)
        transitions.requeue(connection, others, PresenceState.SENT, now_ms)
        what = f"the authority turned a call down: {rejected.code}"
        event_log.write(connection, [self._calls.event(Severity.ALARM, event_log.Kind.CALL_REJECTED, what)], now_ms)

    def _lose(
        self, connection: Connection, ids: Sequence[int], now_ms: int, next_time: Mapping[str, Any] | None = None
    ) -> None:
        """The result for these is unknown: search before sending again, with the values of `next_time`."""
        if not ids:
            return
        values = {"due_ms": now_ms + FIRST_SEARCH_MS, "lost_ms": now_ms, "tries": 0, **(next_time or {})}
        transitions.move(connection, ids, PresenceState.SENT, PresenceState.UNKNOWN, values)
        what = "the answer to a registration was lost; asking before anything is sent again"
        event_log.write(connection, [Event(Severity.WARNING, event_log.Kind.ANSWER_LOST, what)], now_ms)

    def _next_time(self, batch: Sequence[Due], doubted: AuthorityAmbiguous | None) -> dict[str, Any]:
        """Consequences of a call in doubt for the next one. One of the batch may be at fault, so each is sent alone;
        one that was already rejected alone is at fault itself, if the authority does not have it.
        """
        if doubted is None or doubted.doubt not in _ALONE_AFTER:
            return {}
        if doubted.doubt is Doubt.TOO_LARGE and len(batch) > 1:
            return {}  # smaller calls may pass
        again = len(batch) == 1 and batch[0].alone
        return {"alone": True, "error_text": doubted.code if again and doubted.doubt in _TO_BLAME_ALONE else None}
