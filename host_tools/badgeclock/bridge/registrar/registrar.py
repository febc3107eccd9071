"""Brings every presence to the authority, and its reception number back: exactly once, whatever is lost on the way.

Four tasks, each with one duty. `_send` takes what is queued, commits it as SENT, and only then calls. `_resolve` asks
the authority about presences whose answer was lost, and lets only those be sent again that it surely does not have.
`_follow` waits for the outcome of the content check, and looks once more later. `_cancel` does what a person decided
(`corrections`). Every call goes through the authority's `Gate`. One registrar an authority: it sees only what that one
declares.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Concatenate, Final, ParamSpec, TypeVar

import structlog
from sqlalchemy import Connection, update

from badgeclock.authorities.base import (
    Authority,
    Cancellation,
    Cancelled,
    CancelOutcome,
    CancelRefused,
    Found,
    Outcome,
    Refused,
    Registered,
    SearchCriteria,
    Status,
    attributed,
)
from badgeclock.authorities.errors import AuthorityAmbiguous, AuthorityRejected, AuthorityUnavailable
from badgeclock.bridge.metrics import Metrics
from badgeclock.bridge.presences.regimes import ITEM_OF, Declared
from badgeclock.bridge.registrar import cancellations, outbox, reception_numbers, transitions
from badgeclock.bridge.registrar.call_gate import Gate
from badgeclock.bridge.registrar.cancellations import DueCancellation
from badgeclock.bridge.registrar.outbox import Due
from badgeclock.bridge.registrar.reception_numbers import Number
from badgeclock.bridge.registrar.search_criteria import by_person, criteria_for, looks, searches
from badgeclock.bridge.store import event_log, schema
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.store.event_log import Event, Severity
from badgeclock.bridge.store.states import PresenceState
from badgeclock.bridge.store.vault import Vault
from badgeclock.errors import StoreError

POLL_S: Final = 1.0
"""How often the queue is looked at for what another process put there; this one's own work wakes the tasks at once."""
STORE_RETRY_S: Final = 1.0
GRACE_S: Final = 3.0
"""How long calls under way may take when the bridge stops."""
RETRY_USELESS_S: Final = 30.0
"""How long an authority is left alone that says trying soon is useless."""
FIRST_SEARCH_MS: Final = 1000
FOLLOW_FIRST_MS: Final = 2000
"""The authority asks for nothing sooner than two seconds after a registration."""
FOLLOW_MOST_MS: Final = 900_000
FOLLOW_GROWTH: Final = 1.5
FOLLOWED_AT_ONCE: Final = 500
CANCELLED_AT_ONCE: Final = 50
SEARCHED_AT_ONCE: Final = 200
CODE_OTHER: Final = 255
"""What a clock shows for a refusal whose code is no small number."""
_TO_BLAME_ITSELF: Final = ("SOA-03", "REST-400", "LOCAL")
"""Codes of calls that were turned down for what stands in them."""

log = structlog.get_logger("badgeclock.bridge.registrar.registrar")

_P = ParamSpec("_P")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Answer:
    """What one register call came to, ready to be written; `happened` is what its gate made of it."""

    result: str
    outcomes: Mapping[str, Outcome]
    rejected: AuthorityRejected | None
    happened: list[Event]


def declared_by(authority: Authority) -> frozenset[Declared]:
    """What an authority takes, in the bridge's words."""
    return frozenset(declared for declared, item in ITEM_OF.items() if item in authority.declares)


class Registrar:
    """Runs until cancelled; `wake` it when presences were queued. `changed` is called after every commit of its own."""

    def __init__(
        self,
        store: Store,
        vault: Vault,
        authority: Authority,
        metrics: Metrics,
        *,
        now_ms: Callable[[], int],
        changed: Callable[[], None],
        settle_ms: int,
        calls: int,
        gate: Gate | None = None,
        declares: frozenset[Declared] | None = None,
    ) -> None:
        self._store = store
        self._vault = vault
        self._authority = authority
        self._metrics = metrics
        self._now_ms = now_ms
        self._changed = changed
        self._settle_ms = settle_ms
        self._most_calls = calls
        self._calls: set[asyncio.Task[None]] = set()
        self._queued = asyncio.Event()
        self._lost = asyncio.Event()
        self._numbered = asyncio.Event()
        self._decided = asyncio.Event()
        self.declares = declared_by(authority) if declares is None else declares
        self.gate = gate or Gate()

    def wake(self) -> None:
        """Something was queued, or decided."""
        self._queued.set()
        self._decided.set()

    async def run(self) -> None:
        """Work until cancelled. Calls under way get `GRACE_S`; then they stay SENT, for the next start to ask about."""
        lost = await self._commit(outbox.unsettle, self.declares, self._now_ms())
        if lost:
            log.warning("answers lost by a stop", presences=lost)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._send())
                group.create_task(self._resolve())
                group.create_task(self._follow())
                group.create_task(self._cancel())
        finally:
            if self._calls:
                _, pending = await asyncio.wait(self._calls, timeout=GRACE_S)
                for call in pending:
                    call.cancel()
                await asyncio.gather(*pending, return_exceptions=True)

    # --- sending ---

    async def _send(self) -> None:
        while True:
            self._queued.clear()
            while len(self._calls) < self._most_calls and await self.gate.admission():
                call = secrets.token_hex(8)
                limit = self._authority.batch_limit
                batch = await self._commit(outbox.claim, self._vault, self.declares, self._now_ms(), limit, call)
                if not batch:
                    self.gate.turned_back()
                    break
                task = asyncio.create_task(self._call(call, batch))
                self._calls.add(task)
                task.add_done_callback(self._call_ended)
            await self._pause(self._queued, min(self.gate.closed_s or POLL_S, POLL_S))

    def _call_ended(self, task: asyncio.Task[None]) -> None:
        self._calls.discard(task)
        self._queued.set()
        if not task.cancelled() and (error := task.exception()):
            log.error("a call ended badly", error=type(error).__name__)

    async def _call(self, call: str, batch: Sequence[Due]) -> None:
        try:
            answer = await self._register(batch)
        finally:
            self.gate.left()
        await self._commit(self._write_answer, call, batch, answer)
        if answer.result == "answered":
            self._numbered.set()
        elif answer.result == "ambiguous":
            self._lost.set()

    async def _register(self, batch: Sequence[Due]) -> _Answer:
        started = time.monotonic()
        rejected = None
        outcomes: dict[str, Outcome] = {}
        happened: list[Event] = []
        try:
            answers = await self._authority.register([one.item for one in batch])
            outcomes = {outcome.reference: outcome for outcome in answers}
            result, happened = "answered", self._back()
        except AuthorityUnavailable as error:
            result, happened = "unavailable", self._away(error)
        except AuthorityRejected as error:
            result, rejected = "rejected", error
            if not error.references and not error.code.startswith(_TO_BLAME_ITSELF):
                self.gate.failed()
        except AuthorityAmbiguous:
            result = "ambiguous"
        except Exception as error:  # noqa: BLE001 - a fault in a client must cost neither a presence nor the registrar
            log.error("the authority's client failed", error=type(error).__name__)
            result = "ambiguous"
        self._metrics.calls.labels("register", result).observe(time.monotonic() - started)
        return _Answer(result, outcomes, rejected, happened)

    def _write_answer(self, connection: Connection, call: str, batch: Sequence[Due], answer: _Answer) -> None:
        now_ms = self._now_ms()
        ids = [one.id for one in batch]
        words = dict.fromkeys(ids, answer.result)
        event_log.write(connection, answer.happened, now_ms)
        if answer.result == "unavailable":
            transitions.requeue(connection, ids, PresenceState.SENT, now_ms)
        elif answer.rejected:
            self._write_rejection(connection, batch, answer.rejected, now_ms)
        elif answer.result == "ambiguous":
            self._lose(connection, ids, now_ms)
        else:
            words = self._write_outcomes(connection, batch, answer.outcomes, now_ms)
        for word in words.values():
            self._metrics.outcomes.labels(word).inc()
        outbox.answered(connection, call, words, now_ms)

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
                self._note_identity(connection, one, outcome.inss, now_ms)
            elif isinstance(outcome, Refused):
                refused[one.id], words[one.id] = outcome, "refused"
            else:
                words[one.id] = "unanswered"
        transitions.register(connection, PresenceState.SENT, registered, now_ms + FOLLOW_FIRST_MS, now_ms)
        transitions.refuse(connection, refused, now_ms)
        self._lose(connection, [one for one, word in words.items() if word == "unanswered"], now_ms)
        return words

    def _write_rejection(
        self, connection: Connection, batch: Sequence[Due], rejected: AuthorityRejected, now_ms: int
    ) -> None:
        """The whole call was turned down: find out whose fault it is without losing the others."""
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
        transitions.refuse(connection, refused, now_ms)
        transitions.requeue(connection, others, PresenceState.SENT, now_ms)
        what = f"the authority turned a call down: {rejected.code}"
        event_log.write(connection, [Event(Severity.ALARM, event_log.Kind.CALL_REJECTED, what)], now_ms)

    def _lose(self, connection: Connection, ids: Sequence[int], now_ms: int) -> None:
        if not ids:
            return
        values = {"due_ms": now_ms + FIRST_SEARCH_MS, "lost_ms": now_ms, "tries": 0}
        transitions.move(connection, ids, PresenceState.SENT, PresenceState.UNKNOWN, values)
        what = "the answer to a registration was lost; asking before anything is sent again"
        event_log.write(connection, [Event(Severity.WARNING, event_log.Kind.ANSWER_LOST, what)], now_ms)

    # --- lost answers ---

    async def _resolve(self) -> None:
        while True:
            self._lost.clear()
            if not self.gate.closed_s:
                lost = await self._due(SEARCHED_AT_ONCE, PresenceState.UNKNOWN)
                for criteria, group in searches(lost):
                    if not await self._search(criteria, group):
                        break
                if len(lost) == SEARCHED_AT_ONCE and not self.gate.closed_s:
                    continue
            await self._pause(self._lost, min(self.gate.closed_s or POLL_S, POLL_S))

    async def _search(self, criteria: SearchCriteria, group: Sequence[Due]) -> bool:
        """Ask about one group of lost answers; whether it is worth asking about the next."""
        asked_ms = self._now_ms()
        found = await self._ask("search", lambda: self._authority.search(criteria))
        if found is None:
            # Not answered. Others may fare better, and a wide question can be asked in narrow pieces.
            alone = [one for one in group if by_person(one)]
            if self.gate.closed_s:
                return False
            if len(group) > 1 and alone:
                for one in alone:
                    await self._search(criteria_for(one), [one])
                return True
            await self._commit(self._postpone, group)
            return True
        await self._commit(self._write_search, group, attributed(found, [one.item for one in group]), asked_ms)
        self._queued.set()
        self._numbered.set()
        return True

    def _postpone(self, connection: Connection, group: Sequence[Due]) -> None:
        now_ms = self._now_ms()
        transitions.postpone(connection, {one.id: now_ms + follow_delay_ms(one.tries) for one in group})

    def _write_search(
        self, connection: Connection, group: Sequence[Due], found: Mapping[str, Sequence[Found]], asked_ms: int
    ) -> None:
        now_ms = self._now_ms()
        registered: dict[int, Number] = {}
        numbers: dict[int, list[int]] = {}
        absent: list[int] = []
        open_still: dict[int, int] = {}
        for one in group:
            # The lowest number that stands is ours; the rest is a double registration.
            mine = sorted(
                found.get(one.item.reference, ()),
                key=lambda presence: (presence.status is Status.CANCELLED, presence.reception_number),
            )
            if mine:
                first = mine[0]
                registered[one.id] = Number(first.reception_number, first.status, first.remarks)
                numbers[one.id] = [presence.reception_number for presence in mine]
            elif asked_ms >= one.lost_ms + self._settle_ms:
                absent.append(one.id)
            else:
                open_still[one.id] = one.lost_ms + self._settle_ms
        transitions.register(connection, PresenceState.UNKNOWN, registered, now_ms + FOLLOW_FIRST_MS, now_ms)
        reception_numbers.keep(connection, numbers, now_ms)
        transitions.requeue(connection, absent, PresenceState.UNKNOWN, now_ms)
        transitions.postpone(connection, open_still, look=0)
        self._metrics.outcomes.labels("found").inc(len(registered))
        self._metrics.outcomes.labels("not_found").inc(len(absent))

    # --- content check ---

    async def _follow(self) -> None:
        while True:
            self._numbered.clear()
            if not self.gate.closed_s and self.gate.spare:
                waiting = await self._due(FOLLOWED_AT_ONCE, PresenceState.REGISTERED, PresenceState.VALIDATED)
                many, few = looks(waiting)
                for criteria, together in many:
                    if not await self._follow_place(criteria, together):
                        few += together
                limit = asyncio.Semaphore(self._most_calls)
                async with asyncio.TaskGroup() as group:
                    for one in few:
                        group.create_task(self._follow_one(one, limit))
                if len(waiting) == FOLLOWED_AT_ONCE and not self.gate.closed_s and self.gate.spare:
                    continue
            await self._pause(self._numbered, await self._idle_s())

    async def _follow_place(self, criteria: SearchCriteria, together: Sequence[Due]) -> bool:
        """Look at many presences of one workplace and day with one search; whether it was answered."""
        found = await self._ask("search", lambda: self._authority.search(criteria))
        if found is None:
            return False
        by_number = {presence.reception_number: presence for presence in found}
        await self._commit(self._write_looks, together, by_number)
        return True

    async def _follow_one(self, one: Due, limit: asyncio.Semaphore) -> None:
        number = one.reception_number
        if number is None:
            return
        async with limit:
            if self.gate.closed_s or not self.gate.spare:
                return
            found = await self._ask("get", lambda: self._authority.get(number))
            await self._commit(self._write_looks, [one], {} if found is None else {number: found})

    def _write_looks(self, connection: Connection, looked_at: Sequence[Due], by_number: Mapping[int, Found]) -> None:
        now_ms = self._now_ms()
        found: dict[PresenceState, dict[int, Number]] = {PresenceState.REGISTERED: {}, PresenceState.VALIDATED: {}}
        for one in looked_at:
            presence = by_number.get(one.reception_number or 0)
            if presence is not None:
                self._note_identity(connection, one, presence.inss_now, now_ms)
                found[one.state][one.id] = Number(presence.reception_number, presence.status, presence.remarks)
        settled: set[int] = set()
        for state, numbers in found.items():
            settled |= transitions.settle(connection, state, numbers, now_ms)
        again = {one.id: now_ms + follow_delay_ms(one.tries) for one in looked_at if one.id not in settled}
        transitions.postpone(connection, again)

    # --- what a person decided ---

    async def _cancel(self) -> None:
        while True:
            self._decided.clear()
            asked: Sequence[DueCancellation] = ()
            if not self.gate.closed_s:
                asked = await self._read(cancellations.due, self.declares, self._now_ms(), CANCELLED_AT_ONCE)
                for one in asked:
                    if self.gate.closed_s:
                        break
                    await self._cancel_one(one)
            if len(asked) < CANCELLED_AT_ONCE or self.gate.closed_s:
                await self._pause(self._decided, min(self.gate.closed_s or POLL_S, POLL_S))

    async def _cancel_one(self, one: DueCancellation) -> None:
        """One call a cancellation: they are rare, and a failure of one must not affect another."""
        if one.tries and await self._is_settled(one, None):
            return  # a call was begun before, and its answer was lost
        if one.too_late(self._now_ms()):
            await self._commit(cancellations.keep_registered, one, "too late, the day is over", self._now_ms())
            return
        await self._commit(cancellations.mark_begun, one, self._now_ms() + FIRST_SEARCH_MS)
        cancellation = Cancellation(reception_number=one.reception_number, reason=one.code)
        answer = await self._ask("cancel", lambda: self._cancelled(cancellation))
        if isinstance(answer, Cancelled):
            await self._commit(cancellations.complete, one, self._now_ms())
            self._queued.set()
        elif isinstance(answer, CancelRefused):
            await self._is_settled(one, "; ".join(answer.descriptions) or ", ".join(answer.codes))

    async def _cancelled(self, cancellation: Cancellation) -> CancelOutcome:
        try:
            return (await self._authority.cancel([cancellation]))[0]
        except AuthorityRejected as error:
            number = cancellation.reception_number
            return CancelRefused(reception_number=number, codes=(error.code,), descriptions=())

    async def _is_settled(self, one: DueCancellation, refused: str | None) -> bool:
        """Ask where a presence stands that was to be cancelled; whether nothing is left to be done now.

        `refused` is why the authority did not cancel it, if it said so: that is final unless it was cancelled before.
        """
        number = one.reception_number
        answer = await self._ask("get", lambda: self._listed(number))
        if answer is None:
            due_ms = self._now_ms() + follow_delay_ms(one.tries)
            await self._commit(cancellations.postpone, one, due_ms)
            return True
        if answer and answer[0].status is Status.CANCELLED:
            await self._commit(cancellations.complete, one, self._now_ms())
            self._queued.set()
            return True
        if refused is None and answer:
            return False
        await self._commit(
            cancellations.keep_registered, one, refused or "the authority has no such number", self._now_ms()
        )
        self._numbered.set()
        return True

    async def _listed(self, number: int) -> list[Found]:
        found = await self._authority.get(number)
        return [] if found is None else [found]

    # --- what all share ---

    async def _ask(self, call: str, question: Callable[[], Awaitable[_T]]) -> _T | None:
        """A call that registers nothing; None if it was not answered, or not let through."""
        if not await self.gate.admission():
            return None
        started = time.monotonic()
        answer = None
        happened: list[Event] = []
        try:
            answer = await question()
            result, happened = "answered", self._back()
        except AuthorityUnavailable as error:
            result, happened = "unavailable", self._away(error)
        except AuthorityAmbiguous:
            result = "ambiguous"
            self.gate.failed()
        except AuthorityRejected as error:
            result = "rejected"
            what = f"the authority turned a {call} down: {error.code}"
            happened = [Event(Severity.ALARM, event_log.Kind.CALL_REJECTED, what)]
        except Exception as error:  # noqa: BLE001 - a fault in a client must not end the registrar
            log.error("the authority's client failed", call=call, error=type(error).__name__)
            result = "failed"
            self.gate.failed()
        finally:
            self.gate.left()
        self._metrics.calls.labels(call, result).observe(time.monotonic() - started)
        if happened:
            await self._commit(event_log.write, happened, self._now_ms())
        return answer

    def _away(self, error: AuthorityUnavailable) -> list[Event]:
        """Close the gate; what is to be written about it."""
        what = "the authority does not answer; trying again"
        happened = [] if self.gate.away else [Event(Severity.WARNING, event_log.Kind.AUTHORITY_AWAY, what)]
        useless = RETRY_USELESS_S if error.retry is False else 0.0
        self.gate.failed(max(error.retry_after or 0.0, useless))
        return happened

    def _back(self) -> list[Event]:
        """Open the gate; what is to be written about it."""
        happened = []
        if self.gate.away:
            happened = [Event(Severity.INFO, event_log.Kind.AUTHORITY_BACK, "it answers again")]
        self.gate.succeeded()
        return happened

    def _note_identity(self, connection: Connection, one: Due, inss_now: str | None, now_ms: int) -> None:
        if inss_now is not None and one.item.inss is not None and inss_now != one.item.inss:
            what = f"the authority knows worker {one.worker} by another national number now"
            event_log.write(connection, [Event(Severity.WARNING, event_log.Kind.NATIONAL_NUMBER_CHANGED, what)], now_ms)

    async def _due(self, limit: int, *states: PresenceState) -> list[Due]:
        return await self._read(outbox.due, self._vault, states, self.declares, self._now_ms(), limit)

    async def _commit(self, work: Callable[Concatenate[Connection, _P], _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """One transaction, tried until the store takes it: an answer once given must not be forgotten."""
        while True:
            try:
                done = await self._store.writing(work, *args, **kwargs)
            except StoreError as error:
                log.error("the store does not take an answer; trying again", error=str(error))
                await asyncio.sleep(STORE_RETRY_S)
            else:
                self._changed()
                return done

    async def _read(
        self, work: Callable[Concatenate[Connection, _P], list[_T]], *args: _P.args, **kwargs: _P.kwargs
    ) -> list[_T]:
        try:
            return await self._store.reading(work, *args, **kwargs)
        except StoreError as error:
            log.error("the store cannot be read; trying again", error=str(error))
            await asyncio.sleep(STORE_RETRY_S)
            return []

    async def _idle_s(self) -> float:
        if self.gate.closed_s:
            return min(self.gate.closed_s, POLL_S)
        try:
            due_ms = await self._store.reading(outbox.next_due_ms, PresenceState.REGISTERED, self.declares)
        except StoreError:
            return STORE_RETRY_S
        return POLL_S if due_ms is None else min(max((due_ms - self._now_ms()) / 1000, 0.01), POLL_S)

    async def _pause(self, woken: asyncio.Event, most_s: float) -> None:
        try:
            async with asyncio.timeout(most_s):
                await woken.wait()
        except TimeoutError:
            pass


def follow_delay_ms(tries: int) -> int:
    """How long to leave a presence alone after `tries` looks that came to nothing."""
    return int(min(FOLLOW_MOST_MS, FOLLOW_FIRST_MS * FOLLOW_GROWTH ** min(tries, 64)))
