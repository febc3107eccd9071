"""Brings every presence to the authority, and its reception number back: exactly once, whatever is lost on the way.

Three tasks, each with one duty. `_send` takes what is queued, commits it as SENT, and only then calls. `_resolve` asks
the authority about presences whose answer was lost, and lets only those be sent again that it surely does not have.
`_follow` waits for the outcome of the content check. An authority that is away closes the `Gate` for all of them.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import structlog
from sqlalchemy import Connection, update

from badgeclock.authorities.base import (
    Authority,
    AuthorityAmbiguous,
    AuthorityRejected,
    AuthorityUnavailable,
    Found,
    Outcome,
    Refused,
    Registered,
    SearchCriteria,
    Status,
    attributed,
)
from badgeclock.bridge import events, outbox, schema
from badgeclock.bridge.backoff import Backoff
from badgeclock.bridge.events import Event, Severity
from badgeclock.bridge.metrics import Metrics
from badgeclock.bridge.outbox import Due, Number
from badgeclock.bridge.states import PresenceState
from badgeclock.bridge.store import Store
from badgeclock.bridge.vault import Vault
from badgeclock.errors import StoreError

POLL_S: Final = 1.0
"""How often the queue is looked at for what another process put there; this one's own work wakes the tasks at once."""
STORE_RETRY_S: Final = 1.0
GRACE_S: Final = 3.0
"""How long calls under way may take when the bridge is told to stop."""
RETRY_USELESS_S: Final = 30.0
"""How long an authority is left alone that says trying soon is useless."""
FIRST_SEARCH_MS: Final = 1000
FOLLOW_FIRST_MS: Final = 2000
"""The authority asks for nothing sooner than two seconds after a registration."""
FOLLOW_MOST_MS: Final = 900_000
FOLLOW_GROWTH: Final = 1.5
FOLLOWED_AT_ONCE: Final = 64
SEARCHED_AT_ONCE: Final = 200
SEARCH_SINGLY: Final = 5
"""Up to so many lost answers of one workplace and day are searched for one by one."""
CLOCKS_APART: Final = timedelta(minutes=10)
"""How far the authority's clock may be from ours when a search is narrowed by time."""
CODE_OTHER: Final = 255
"""What a clock shows for a refusal whose code is no small number."""
_TO_BLAME_ITSELF: Final = ("SOA-03", "REST-400", "LOCAL")
"""Codes of calls that were turned down for what stands in them."""

log = structlog.get_logger("badgeclock.bridge.registrar")

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Gate:
    """Open while the authority answers; after a failure closed for a while, then open for one call at a time."""

    def __init__(self, backoff: Backoff) -> None:
        self._backoff = backoff
        self._closed_until = 0.0

    @property
    def away(self) -> bool:
        """Whether the last call failed."""
        return self._backoff.failures > 0

    @property
    def closed_s(self) -> float:
        """Seconds until the next call may go out; 0 if it may now."""
        return max(0.0, self._closed_until - time.monotonic())

    def failed(self, at_least_s: float | None = None) -> None:
        """The authority is away; it may have said for how long. Calls that were under way together fail as one."""
        if not self.closed_s:
            self._closed_until = time.monotonic() + self._backoff.failed(at_least_s)
        elif at_least_s:
            self._closed_until = max(self._closed_until, time.monotonic() + at_least_s)

    def succeeded(self) -> None:
        """The authority answered."""
        self._backoff.succeeded()
        self._closed_until = 0.0


@dataclass(frozen=True, slots=True)
class _Answer:
    """What one register call came to, ready to be written."""

    result: str
    outcomes: Mapping[str, Outcome]
    unavailable: AuthorityUnavailable | None = None
    rejected: AuthorityRejected | None = None


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
        backoff: Backoff | None = None,
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
        self.gate = Gate(backoff or Backoff())

    def wake(self) -> None:
        """Something was queued."""
        self._queued.set()

    async def run(self) -> None:
        """Work until cancelled. Calls under way get `GRACE_S`; then they stay SENT, for the next start to ask about."""
        lost = await self._commit(outbox.unsettle, self._now_ms())
        if lost:
            log.warning("answers lost by a stop", presences=lost)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._send())
                group.create_task(self._resolve())
                group.create_task(self._follow())
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
            while not self.gate.closed_s and len(self._calls) < (1 if self.gate.away else self._most_calls):
                call = secrets.token_hex(8)
                limit = self._authority.batch_limit
                batch = await self._commit(outbox.claim, self._vault, self._now_ms(), limit, call)
                if not batch:
                    break
                task = asyncio.create_task(self._call(call, batch))
                self._calls.add(task)
                task.add_done_callback(self._call_ended)
            await self._pause(self._queued, self.gate.closed_s or POLL_S)

    def _call_ended(self, task: asyncio.Task[None]) -> None:
        self._calls.discard(task)
        self._queued.set()
        if not task.cancelled() and (error := task.exception()):
            log.error("a call ended badly", error=type(error).__name__)

    async def _call(self, call: str, batch: Sequence[Due]) -> None:
        answer = await self._register(batch)
        await self._commit(self._write_answer, call, batch, answer)
        if answer.result == "answered":
            self._numbered.set()
        elif answer.result == "ambiguous":
            self._lost.set()

    async def _register(self, batch: Sequence[Due]) -> _Answer:
        started = time.monotonic()
        unavailable = rejected = None
        outcomes: dict[str, Outcome] = {}
        try:
            given = await self._authority.register([one.item for one in batch])
            outcomes = {outcome.reference: outcome for outcome in given}
            result = "answered"
        except AuthorityUnavailable as error:
            result, unavailable = "unavailable", error
        except AuthorityRejected as error:
            result, rejected = "rejected", error
        except AuthorityAmbiguous:
            result = "ambiguous"
        except Exception as error:  # noqa: BLE001 - a fault in a client must cost neither a presence nor the registrar
            log.error("the authority's client failed", error=type(error).__name__)
            result = "ambiguous"
        self._metrics.calls.labels("register", result).observe(time.monotonic() - started)
        return _Answer(result, outcomes, unavailable, rejected)

    def _write_answer(self, connection: Connection, call: str, batch: Sequence[Due], answer: _Answer) -> None:
        now_ms = self._now_ms()
        ids = [one.id for one in batch]
        words = dict.fromkeys(ids, answer.result)
        if answer.unavailable:
            outbox.requeue(connection, ids, PresenceState.SENT, now_ms)
            self._away(connection, answer.unavailable, now_ms)
        elif answer.rejected:
            self._write_rejection(connection, batch, answer.rejected, now_ms)
        elif answer.result == "ambiguous":
            self._lose(connection, ids, now_ms)
        else:
            self._back(connection, now_ms)
            for one in batch:
                outcome = answer.outcomes.get(one.item.reference)
                words[one.id] = self._write_outcome(connection, one, outcome, now_ms)
        for word in words.values():
            self._metrics.outcomes.labels(word).inc()
        outbox.answered(connection, call, words, now_ms)

    def _write_outcome(self, connection: Connection, one: Due, outcome: Outcome | None, now_ms: int) -> str:
        if isinstance(outcome, Registered):
            due_ms = now_ms + FOLLOW_FIRST_MS
            outbox.register(connection, one.id, PresenceState.SENT, outbox.number_of(outcome), due_ms, now_ms)
            self._note_identity(connection, one, outcome.inss, now_ms)
            return "registered"
        if isinstance(outcome, Refused):
            text = "; ".join(outcome.descriptions)
            outbox.refuse(connection, one.id, outcome.code, text, now_ms)
            return "refused"
        self._lose(connection, [one.id], now_ms)
        return "unanswered"

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
        elif not blamed:
            self.gate.failed()
        for one in blamed:
            outbox.refuse(connection, one.id, CODE_OTHER, rejected.code, now_ms)
        outbox.requeue(connection, others, PresenceState.SENT, now_ms)
        what = f"the authority turned a call down: {rejected.code}"
        events.write(connection, [Event(Severity.ALARM, events.Kind.CALL_REJECTED, what)], now_ms)

    def _lose(self, connection: Connection, ids: Sequence[int], now_ms: int) -> None:
        values = {"due_ms": now_ms + FIRST_SEARCH_MS, "lost_ms": now_ms, "tries": 0}
        outbox.move(connection, ids, PresenceState.SENT, PresenceState.UNKNOWN, values)
        what = "the answer to a registration was lost; asking before anything is sent again"
        events.write(connection, [Event(Severity.WARNING, events.Kind.ANSWER_LOST, what)], now_ms)

    # --- lost answers ---

    async def _resolve(self) -> None:
        while True:
            self._lost.clear()
            if not self.gate.closed_s:
                states = [PresenceState.UNKNOWN]
                lost = await self._look(outbox.due, self._vault, states, self._now_ms(), SEARCHED_AT_ONCE)
                for criteria, group in _searches(lost):
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
            alone = [one for one in group if one.item.inss]
            if self.gate.closed_s:
                return False
            if len(group) > 1 and alone:
                for one in alone:
                    await self._search(_criteria_for(one), [one])
                return True
            await self._commit(self._postpone, group)
            return True
        by_reference = attributed(found, [one.item for one in group])
        await self._commit(self._write_search, group, by_reference, asked_ms)
        self._queued.set()
        self._numbered.set()
        return True

    def _postpone(self, connection: Connection, group: Sequence[Due]) -> None:
        for one in group:
            due_ms = self._now_ms() + follow_delay_ms(one.tries)
            outbox.postpone(connection, one.id, due_ms, one.tries + 1)

    def _write_search(
        self, connection: Connection, group: Sequence[Due], found: Mapping[str, Sequence[Found]], asked_ms: int
    ) -> None:
        now_ms = self._now_ms()
        self._back(connection, now_ms)
        for one in group:
            # The lowest number that stands is ours; the rest is a double registration.
            mine = sorted(
                found.get(one.item.reference, ()),
                key=lambda presence: (presence.status is Status.CANCELLED, presence.reception_number),
            )
            if mine:
                first = mine[0]
                created_ms = int(first.created.timestamp() * 1000)
                number = Number(first.reception_number, created_ms, first.status, first.remarks)
                due_ms = now_ms + FOLLOW_FIRST_MS
                outbox.register(connection, one.id, PresenceState.UNKNOWN, number, due_ms, now_ms)
                for further in mine[1:]:
                    outbox.note_further_number(connection, one.id, further.reception_number, now_ms)
                self._metrics.outcomes.labels("found").inc()
            elif asked_ms >= one.lost_ms + self._settle_ms:
                outbox.requeue(connection, [one.id], PresenceState.UNKNOWN, now_ms)
                self._metrics.outcomes.labels("not_found").inc()
            else:
                outbox.postpone(connection, one.id, one.lost_ms + self._settle_ms, one.tries)

    # --- content check ---

    async def _follow(self) -> None:
        while True:
            self._numbered.clear()
            if not self.gate.closed_s:
                states = [PresenceState.REGISTERED]
                waiting = await self._look(outbox.due, self._vault, states, self._now_ms(), FOLLOWED_AT_ONCE)
                limit = asyncio.Semaphore(self._most_calls)
                async with asyncio.TaskGroup() as group:
                    for one in waiting:
                        group.create_task(self._follow_one(one, limit))
                if len(waiting) == FOLLOWED_AT_ONCE and not self.gate.closed_s:
                    continue
            await self._pause(self._numbered, await self._idle_s())

    async def _follow_one(self, one: Due, limit: asyncio.Semaphore) -> None:
        number = one.reception_number
        if number is None:
            return
        async with limit:
            if self.gate.closed_s:
                return
            found = await self._ask("get", lambda: self._authority.get(number))
            await self._commit(self._write_follow, one, found)

    def _write_follow(self, connection: Connection, one: Due, found: Found | None) -> None:
        now_ms = self._now_ms()
        if found is not None:
            self._back(connection, now_ms)
            self._note_identity(connection, one, found.inss_now, now_ms)
            if outbox.settle(connection, one.id, found.status, found.remarks, now_ms):
                return
        outbox.postpone(connection, one.id, now_ms + follow_delay_ms(one.tries), one.tries + 1)

    # --- what all three share ---

    async def _ask(self, call: str, question: Callable[[], Awaitable[_T]]) -> _T | None:
        """A call that changes nothing at the authority; None if it was not answered."""
        started = time.monotonic()
        answer = None
        try:
            answer = await question()
            result = "answered"
        except AuthorityUnavailable as error:
            result = "unavailable"
            await self._commit(self._away, error, self._now_ms())
        except AuthorityAmbiguous:
            result = "ambiguous"
            self.gate.failed()
        except AuthorityRejected as error:
            result = "rejected"
            what = f"the authority turned a {call} down: {error.code}"
            event = Event(Severity.ALARM, events.Kind.CALL_REJECTED, what)
            await self._commit(events.write, [event], self._now_ms())
        except Exception as error:  # noqa: BLE001 - a fault in a client must not end the registrar
            log.error("the authority's client failed", call=call, error=type(error).__name__)
            result = "failed"
            self.gate.failed()
        self._metrics.calls.labels(call, result).observe(time.monotonic() - started)
        return answer

    def _away(self, connection: Connection, error: AuthorityUnavailable, now_ms: int) -> None:
        if not self.gate.away:
            event = Event(Severity.WARNING, events.Kind.AUTHORITY_AWAY, "the authority does not answer; trying again")
            events.write(connection, [event], now_ms)
        useless = RETRY_USELESS_S if error.retry is False else 0.0
        self.gate.failed(max(error.retry_after or 0.0, useless))

    def _back(self, connection: Connection, now_ms: int) -> None:
        if self.gate.away:
            events.write(connection, [Event(Severity.INFO, events.Kind.AUTHORITY_BACK, "it answers again")], now_ms)
        self.gate.succeeded()

    def _note_identity(self, connection: Connection, one: Due, inss_now: str | None, now_ms: int) -> None:
        if inss_now is not None and one.item.inss is not None and inss_now != one.item.inss:
            what = f"the authority knows the worker of presence {one.id} by another national number now"
            events.write(connection, [Event(Severity.WARNING, events.Kind.NATIONAL_NUMBER_CHANGED, what)], now_ms)

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

    async def _look(
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
            due_ms: Any = await self._store.reading(outbox.next_due_ms, PresenceState.REGISTERED)
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


def _criteria_for(one: Due) -> SearchCriteria:
    item = one.item
    return SearchCriteria(
        periods=((item.date, item.date),),
        inss=item.inss,
        company_id=item.company_id,
        workplace_id=item.workplace_id,
        created_from=None if item.inss else datetime.fromtimestamp(one.sent_ms / 1000, UTC) - CLOCKS_APART,
    )


def _searches(lost: Sequence[Due]) -> list[tuple[SearchCriteria, list[Due]]]:
    """As few questions as answer for all: one a person, or one a workplace and day if there are many, or of Limosa."""
    places: dict[tuple[str, Any], list[Due]] = defaultdict(list)
    for one in lost:
        places[one.item.workplace_id, one.item.date].append(one)
    questions = []
    for (workplace, day), group in places.items():
        together = group if len(group) > SEARCH_SINGLY else [one for one in group if not one.item.inss]
        if together:
            since = datetime.fromtimestamp(min(one.sent_ms for one in together) / 1000, UTC) - CLOCKS_APART
            criteria = SearchCriteria(periods=((day, day),), workplace_id=workplace, created_from=since)
            questions.append((criteria, together))
        questions += [(_criteria_for(one), [one]) for one in group if one not in together]
    return questions
