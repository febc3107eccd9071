"""Declares every presence to the authority, and brings its reception number back: exactly once, whatever gets lost.

Four tasks, each with one duty. `_send` takes queued presences, commits them as SENT, and only then calls. `_resolve`
searches at the authority for presences without an answer, and only lets those be sent again that it certainly does not
have: the call can no longer be carried out, and several searches, further and further apart, found nothing. `_follow`
waits for the result of the content check, and checks once more later. `_cancel` carries out a person's decisions
(`corrections`). Every call goes through the authority's `Gate`. One registrar per authority: it handles only that one's
declarations.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import structlog
from sqlalchemy import Connection, or_, select, update

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
from badgeclock.authorities.errors import AuthorityAmbiguous, AuthorityRejected, AuthorityUnavailable, Doubt
from badgeclock.bridge import logs
from badgeclock.bridge.metrics import Metrics
from badgeclock.bridge.presences.regimes import ITEM_OF, Declared
from badgeclock.bridge.registrar import cancellations, outbox, reception_numbers, transitions
from badgeclock.bridge.registrar.call_gate import CLOSED_MOST_S, Gate
from badgeclock.bridge.registrar.cancellations import DueCancellation
from badgeclock.bridge.registrar.outbox import Due
from badgeclock.bridge.registrar.reception_numbers import Number
from badgeclock.bridge.registrar.search_criteria import criteria_for, looks, pieces, searches
from badgeclock.bridge.store import event_log, schema
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.store.event_log import Event, Severity
from badgeclock.bridge.store.states import PresenceState
from badgeclock.bridge.store.vault import Vault
from badgeclock.errors import StoreError

POLL_S: Final = 1.0
"""How often to check the queue for other processes' entries; this one's own work wakes the tasks at once."""
STORE_RETRY_S: Final = 1.0
GRACE_S: Final = 3.0
"""How long calls in progress may take when the bridge stops."""
RETRY_USELESS_S: Final = 30.0
"""Pause for an authority whose answer means that an early retry is useless."""
FIRST_SEARCH_MS: Final = 1000
SEARCH_GROWTH: Final = 2
SEARCH_MOST_MS: Final = 30_000
SEARCHES_LEAST: Final = 3
"""This many searches must find nothing before a presence is sent again: a service may show new entries late."""
FOLLOW_FIRST_MS: Final = 2000
"""The authority requires two seconds between a registration and the next query."""
FOLLOW_MOST_MS: Final = 900_000
FOLLOW_GROWTH: Final = 1.5
FOLLOWED_AT_ONCE: Final = 500
CANCELLED_AT_ONCE: Final = 50
SEARCHED_AT_ONCE: Final = 1000
TOO_LATE: Final = "9"
"""The authority's code for a late cancellation."""
CODE_OTHER: Final = 255
"""What a clock shows for a refusal whose code is not a small number."""
_ALONE_AFTER: Final = frozenset({Doubt.TURNED_DOWN, Doubt.TOO_LARGE, Doubt.NOT_ADMITTED, Doubt.UNPROVED})
_TO_BLAME_ALONE: Final = frozenset({Doubt.TURNED_DOWN, Doubt.TOO_LARGE})
_TO_BLAME_ITSELF: Final = ("SOA-03", "REST-400", "LOCAL")
"""Codes of calls rejected for their content."""

log = structlog.get_logger("badgeclock.bridge.registrar.registrar")

_P = ParamSpec("_P")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Answer:
    """The result of one register call, ready to be written; `happened` are the events of its gate."""

    result: str
    outcomes: Mapping[str, Outcome]
    rejected: AuthorityRejected | None
    doubted: AuthorityAmbiguous | None
    happened: list[Event]


def declared_by(authority: Authority) -> frozenset[Declared]:
    """What an authority accepts, in the bridge's terms."""
    return frozenset(declared for declared, item in ITEM_OF.items() if item in authority.declares)


def share_out(authorities: Sequence[Authority]) -> list[tuple[Authority, frozenset[Declared]]]:
    """The uses of each authority; a declaration that several accept goes to the first, so one may have none."""
    shared: list[tuple[Authority, frozenset[Declared]]] = []
    given: frozenset[Declared] = frozenset()
    for authority in authorities:
        own = declared_by(authority) - given
        given |= own
        shared.append((authority, own))
    return shared


class Registrar:
    """Runs until cancelled; call `wake` after queueing presences. `changed` is called after every commit of its own.

    call_ms    how long a call may take before its client gives up
    settle_ms  how much longer until it is carried out, and can be found
    calls      how many calls may be in progress at once
    monotonic  seconds; the time for settling, since a machine's time of day may change at any moment
    """

    def __init__(
        self,
        store: Store,
        vault: Vault,
        authority: Authority,
        metrics: Metrics,
        *,
        now_ms: Callable[[], int],
        changed: Callable[[], None],
        call_ms: int,
        settle_ms: int,
        calls: int,
        gate: Gate | None = None,
        declares: frozenset[Declared] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        commits: Callable[[], int] | None = None,
    ) -> None:
        """`commits()` returns a new number after any commit to the store (`ChangeWatch.number`): while it is unchanged,
        the store is not read again. Without it the store is read every `POLL_S`.
        """
        self._store = store
        self._vault = vault
        self._authority = authority
        self._metrics = metrics
        self._now_ms = now_ms
        self._changed = changed
        self._monotonic = monotonic
        self._started_at = monotonic()
        self._sent_at: dict[int, float] = {}
        self._call_ms = call_ms
        self._settle_ms = settle_ms
        self._batch_most = authority.batch_limit
        self._most_calls = calls
        self._calls: set[asyncio.Task[None]] = set()
        self._queued = asyncio.Event()
        self._lost = asyncio.Event()
        self._numbered = asyncio.Event()
        self._decided = asyncio.Event()
        self.declares = declared_by(authority) if declares is None else declares
        self.gate = gate or Gate()
        self.name = "+".join(sorted(self.declares))
        self._was_away = False
        self._commits = commits
        self._stirred = 0
        """How often this process signalled or did something that may mean new work."""
        self._nothing: dict[tuple[PresenceState, ...], tuple[int, int, int | None]] = {}
        """By states in which a check found nothing due: the numbers of `_place` before it, and when something will be
        due."""

    def wake(self) -> None:
        """Wake up: something was queued, or decided."""
        self._stirred += 1
        self._queued.set()
        self._decided.set()

    async def run(self) -> None:
        """Work until cancelled. Calls in progress get `GRACE_S`; then they stay SENT, to be searched for at the next
        start."""
        self._started_at = self._monotonic()
        self._was_away = await self._store_says_away()
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
            while (
                len(self._calls) < self._most_calls
                and not self._is_nothing_due(PresenceState.QUEUED)
                and await self.gate.admission()
            ):
                call, place = secrets.token_hex(8), self._place
                most = self._batch_most
                batch = await self._commit(outbox.claim, self._vault, self.declares, self._now_ms(), most, call)
                if not batch:
                    self.gate.turned_back()
                    # An empty claim would be an empty commit.
                    await self._found_nothing((place[0], place[1] + 1), PresenceState.QUEUED)
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
        sent_at = self._monotonic()
        try:
            answer = await self._register(batch)
        finally:
            self.gate.left()
        # Even if this process was delayed before it sent the call, the call ended only now.
        sent_at = max(sent_at, self._monotonic() - self._call_ms / 1000)
        self._sent_at |= dict.fromkeys((one.id for one in batch), sent_at)
        lost = await self._commit(self._write_answer, call, batch, answer)
        for one in batch:
            if one.id not in lost:
                self._sent_at.pop(one.id, None)
        if answer.result == "answered":
            self._numbered.set()
        if lost:
            self._lost.set()

    async def _register(self, batch: Sequence[Due]) -> _Answer:
        started = time.monotonic()
        rejected = doubted = None
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
        except AuthorityAmbiguous as error:
            result, doubted, happened = "ambiguous", error, self._doubted("registration", error)
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
        _write_events(connection, answer.happened, now_ms)
        if answer.result == "unavailable":
            transitions.requeue(connection, ids, PresenceState.SENT, now_ms)
        elif answer.rejected:
            self._write_rejection(connection, batch, answer.rejected, now_ms)
        elif answer.result == "ambiguous":
            self._lose(connection, ids, now_ms, self._next_time(batch, answer.doubted))
        else:
            words = self._write_outcomes(connection, batch, answer.outcomes, now_ms)
        for word in words.values():
            self._metrics.outcomes.labels(word).inc()
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
                self._note_identity(connection, one, outcome.inss, now_ms)
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
        event_log.write(connection, [self._event(Severity.ALARM, event_log.Kind.CALL_REJECTED, what)], now_ms)

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
        """Search for one call's presences; returns whether to continue with the next call."""
        if await self._searched(criteria, group):
            return True
        if len(group) == 1 and not self.gate.closed_s:
            await self._commit(self._postpone, group)
        elif not self.gate.closed_s:
            # A wide search may be rejected; it can be split into narrow ones.
            for narrower, some in pieces(group):
                if not await self._searched(narrower, some):
                    if self.gate.closed_s:
                        return False
                    await self._commit(self._postpone, some)
        return not self.gate.closed_s

    async def _searched(self, criteria: SearchCriteria, group: Sequence[Due]) -> bool:
        """Run one search for presences, and record its result; returns whether it was answered."""
        left_s = {one.id: self._left_s(one) for one in group}
        found = await self._ask("search", lambda: self._authority.search(criteria))
        if found is None:
            return False
        mine = attributed(found, [one.item for one in group])
        for settled in await self._commit(self._write_search, group, mine, left_s):
            self._sent_at.pop(settled, None)
        self._queued.set()
        self._numbered.set()
        return True

    def _postpone(self, connection: Connection, group: Sequence[Due]) -> None:
        now_ms = self._now_ms()
        transitions.postpone(connection, {one.id: now_ms + follow_delay_ms(one.tries) for one in group}, look=0)

    def _left_s(self, one: Due) -> float:
        """Seconds until "not found" proves that a presence was not registered: the call's own time and its settling
        time from when it was sent; for another process's call, from this one's start.
        """
        since = self._sent_at.get(one.id, self._started_at)
        return since + (self._call_ms + self._settle_ms) / 1000 - self._monotonic()

    def _write_search(
        self,
        connection: Connection,
        group: Sequence[Due],
        found: Mapping[str, Sequence[Found]],
        left_s: Mapping[int, float],
    ) -> set[int]:
        """`left_s` is the value of `_left_s` at the search; returns those that need no further search."""
        now_ms = self._now_ms()
        registered: dict[int, Number] = {}
        absent: list[int] = []
        refused: dict[int, Refused] = {}
        open_still: dict[int, int] = {}
        mine = self._own(connection, group, found)
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
        self._keep_numbers(connection, mine, now_ms)
        transitions.requeue(connection, absent, PresenceState.UNKNOWN, now_ms)
        transitions.refuse(connection, PresenceState.UNKNOWN, refused, now_ms)
        transitions.postpone(connection, open_still)
        self._metrics.outcomes.labels("found").inc(len(registered))
        self._metrics.outcomes.labels("not_found").inc(len(absent))
        return {one.id for one in group} - set(open_still)

    def _own(
        self, connection: Connection, group: Sequence[Due], found: Mapping[str, Sequence[Found]]
    ) -> dict[int, list[Found]]:
        """The authority's registrations of each presence, without those of other presences: first the valid one with
        the lowest number, which is the presence's own; the rest are double registrations.
        """
        numbers = {one.reception_number for held in found.values() for one in held}
        whose = reception_numbers.whose(connection, numbers, self.declares)
        return {
            one.id: sorted(
                (
                    held
                    for held in found.get(one.item.reference, ())
                    if whose.get(held.reception_number, one.id) == one.id
                ),
                key=lambda held: (held.status is Status.CANCELLED, held.reception_number),
            )
            for one in group
        }

    def _keep_numbers(self, connection: Connection, mine: Mapping[int, Sequence[Found]], now_ms: int) -> None:
        numbers = {presence_id: [one.reception_number for one in held] for presence_id, held in mine.items() if held}
        reception_numbers.keep(connection, numbers, now_ms)

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
        """Check many presences of one workplace and day with one search; returns whether it was answered."""
        found = await self._ask("search", lambda: self._authority.search(criteria))
        if found is None:
            return False
        await self._commit(self._write_looks, together, found)
        return True

    async def _follow_one(self, one: Due, limit: asyncio.Semaphore) -> None:
        number = one.reception_number
        if number is None:
            return
        async with limit:
            if self.gate.closed_s or not self.gate.spare:
                return
            held: list[Found] = []
            if one.lost_ms:
                # It may have been sent twice: a search shows that, a query by number does not.
                held = await self._ask("search", lambda: self._authority.search(criteria_for(one))) or []
            if all(presence.reception_number != number for presence in held):
                held += await self._ask("get", lambda: self._listed(number)) or []
            await self._commit(self._write_looks, [one], held)

    def _write_looks(self, connection: Connection, looked_at: Sequence[Due], held: Sequence[Found]) -> None:
        now_ms = self._now_ms()
        by_number = {presence.reception_number: presence for presence in held}
        found: dict[PresenceState, dict[int, Number]] = {PresenceState.REGISTERED: {}, PresenceState.VALIDATED: {}}
        for one in looked_at:
            presence = by_number.get(one.reception_number or 0)
            if presence is not None:
                self._note_identity(connection, one, presence.inss_now, now_ms)
                found[one.state][one.id] = Number(presence.reception_number, presence.status, presence.remarks)
        whose = attributed(held, [one.item for one in looked_at])
        self._keep_numbers(connection, self._own(connection, looked_at, whose), now_ms)
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
            if not self.gate.closed_s and not self._is_nothing_due(PresenceState.CANCELLING):
                place = self._place
                asked = await self._read(cancellations.due, self.declares, self._now_ms(), CANCELLED_AT_ONCE)
                if not asked:
                    await self._found_nothing(place, PresenceState.CANCELLING)
                for one in asked:
                    if self.gate.closed_s:
                        break
                    await self._cancel_one(one)
            if len(asked) < CANCELLED_AT_ONCE or self.gate.closed_s:
                await self._pause(self._decided, min(self.gate.closed_s or POLL_S, POLL_S))

    async def _cancel_one(self, one: DueCancellation) -> None:
        """One call per cancellation: they are rare, and a failure of one must not affect another."""
        if one.tries and await self._is_settled(one, None):
            return  # a call was begun before, and its answer was lost
        if one.too_late(self._now_ms()):
            await self._commit(cancellations.file, one, "too late, the day is over", self._now_ms())
            return
        await self._commit(cancellations.mark_begun, one, self._now_ms() + FIRST_SEARCH_MS)
        cancellation = Cancellation(reception_number=one.reception_number, reason=one.code)
        answer = await self._ask("cancel", lambda: self._cancelled(cancellation))
        if isinstance(answer, Cancelled):
            await self._commit(cancellations.complete, one, self._now_ms())
            self._queued.set()
        elif isinstance(answer, CancelRefused):
            too_late = TOO_LATE in answer.codes
            await self._is_settled(one, "; ".join(answer.descriptions) or ", ".join(answer.codes), too_late=too_late)

    async def _cancelled(self, cancellation: Cancellation) -> CancelOutcome:
        try:
            return (await self._authority.cancel([cancellation]))[0]
        except AuthorityRejected as error:
            number = cancellation.reception_number
            return CancelRefused(reception_number=number, codes=(error.code,), descriptions=())

    async def _is_settled(self, one: DueCancellation, refused: str | None, *, too_late: bool = False) -> bool:
        """Query the state of a presence to be cancelled; returns whether nothing is left to do now.

        `refused` is the authority's reason for not cancelling it, if any: final unless it was cancelled before.
        `too_late`: whether that is the reason.
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
        end = cancellations.file if too_late else cancellations.keep_registered
        await self._commit(end, one, refused or "the authority has no such number", self._now_ms())
        self._numbered.set()
        return True

    async def _listed(self, number: int) -> list[Found]:
        found = await self._authority.get(number)
        return [] if found is None else [found]

    # --- shared ---

    async def _ask(self, call: str, question: Callable[[], Awaitable[_T]]) -> _T | None:
        """A call that registers nothing; None if it was not answered, or not admitted."""
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
        except AuthorityAmbiguous as error:
            result, happened = "ambiguous", self._doubted(call, error)
            self.gate.failed(error.retry_after)
        except AuthorityRejected as error:
            result = "rejected"
            what = f"the authority turned a {call} down: {error.code}"
            happened = [self._event(Severity.ALARM, event_log.Kind.CALL_REJECTED, what)]
        except Exception as error:  # noqa: BLE001 - a bug in a client must not end the registrar
            log.error("the authority's client failed", call=call, error=type(error).__name__)
            result = "failed"
            self.gate.failed()
        finally:
            self.gate.left()
        self._metrics.calls.labels(call, result).observe(time.monotonic() - started)
        if happened:
            await self._commit(_write_events, happened, self._now_ms())
        return answer

    def _away(self, error: AuthorityUnavailable) -> list[Event]:
        """Close the gate; returns the events to write."""
        if error.retry is False:
            happened = self._left_alone(Severity.ALARM, error.what, error.retry_after)
        else:
            happened = self._left_alone(Severity.WARNING, "the authority does not answer", error.retry_after)
        self.gate.failed(max(error.retry_after or 0.0, RETRY_USELESS_S if error.retry is False else 0.0))
        return happened

    def _doubted(self, call: str, error: AuthorityAmbiguous) -> list[Event]:
        """The effect of a call in doubt on the gate; returns the events to write."""
        if error.doubt is Doubt.UNPROVED:
            self.gate.failed()
            what = f"the answer to a {call} proves nothing: {error.what}"
            return [self._event(Severity.ALARM, event_log.Kind.ANSWER_UNPROVED, what)]
        if error.doubt is Doubt.AWAY:
            what = f"the authority turns calls away ({error.code})"
            happened = self._left_alone(Severity.WARNING, what, error.retry_after)
            self.gate.failed(error.retry_after)
            return happened
        if error.doubt is Doubt.NOT_ADMITTED:
            self.gate.failed(max(error.retry_after or 0.0, RETRY_USELESS_S))
        if error.doubt is not Doubt.LOST:
            what = f"the authority turned a {call} down: {error.code}"
            return [self._event(Severity.ALARM, event_log.Kind.CALL_REJECTED, what)]
        return []

    def _left_alone(self, severity: Severity, what: str, retry_after: float | None) -> list[Event]:
        """The event that an authority has become unavailable."""
        if self.gate.away:
            return []
        again = "trying again"
        if (retry_after or 0.0) > CLOSED_MOST_S:
            again = f"it asks for {retry_after:.0f} s; trying again within {CLOSED_MOST_S / 60:.0f} minutes"
        return [self._event(severity, event_log.Kind.AUTHORITY_AWAY, f"{what}; {again}")]

    def _back(self) -> list[Event]:
        """Open the gate; returns the events to write."""
        happened = []
        if self.gate.away or self._was_away:
            happened = [self._event(Severity.INFO, event_log.Kind.AUTHORITY_BACK, "it answers again")]
        self._was_away = False
        self.gate.succeeded()
        return happened

    def _event(self, severity: Severity, kind: event_log.Kind, what: str) -> Event:
        """An event about this authority, named by what it accepts."""
        return Event(severity, kind, logs.masked(what), about=self.name)

    async def _store_says_away(self) -> bool:
        """Whether the authority asked an earlier process to pause, and has not answered since."""
        table = schema.events
        away = (
            (table.c.kind == event_log.Kind.AUTHORITY_AWAY)
            & table.c.settled_ms.is_(None)
            & (table.c.about == self.name)
        )

        def look(connection: Connection) -> list[int]:
            return list(connection.execute(select(table.c.id).where(away).limit(1)).scalars())

        return bool(await self._read(look))

    def _note_identity(self, connection: Connection, one: Due, inss_now: str | None, now_ms: int) -> None:
        if inss_now is not None and one.item.inss is not None and inss_now != one.item.inss:
            what = f"the authority has another national number for worker {one.worker} now"
            kind = event_log.Kind.NATIONAL_NUMBER_CHANGED
            event_log.write(connection, [Event(Severity.WARNING, kind, what, about=one.worker)], now_ms)

    async def _due(self, limit: int, *states: PresenceState) -> list[Due]:
        if self._is_nothing_due(*states):
            return []
        place = self._place
        found = await self._read(outbox.due, self._vault, states, self.declares, self._now_ms(), limit)
        if not found:
            await self._found_nothing(place, *states)
        return found

    @property
    def _place(self) -> tuple[int, int]:
        """Numbers that change when the store may have new work."""
        return self._commits() if self._commits else 0, self._stirred

    def _is_nothing_due(self, *states: PresenceState) -> bool:
        """Whether the last check found nothing, nothing was committed or signalled since, and nothing is due by
        time."""
        if states not in self._nothing:
            return False
        *place, due_ms = self._nothing[states]
        return tuple(place) == self._place and (due_ms is None or self._now_ms() < due_ms)

    async def _found_nothing(self, place: tuple[int, int], *states: PresenceState) -> None:
        """Remember the result of a check begun at a place."""
        if self._commits is None:
            return
        try:
            times = [await self._store.reading(outbox.next_due_ms, state, self.declares) for state in states]
        except StoreError:
            self._nothing.pop(states, None)
        else:
            self._nothing[states] = (*place, min((one for one in times if one is not None), default=None))

    async def _commit(self, work: Callable[Concatenate[Connection, _P], _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
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
        if self._is_nothing_due(PresenceState.REGISTERED, PresenceState.VALIDATED):
            due_ms = self._nothing[PresenceState.REGISTERED, PresenceState.VALIDATED][2]
            return POLL_S if due_ms is None else min(max((due_ms - self._now_ms()) / 1000, 0.01), POLL_S)
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


def settle_absent(connection: Connection, names: Collection[str], now_ms: int) -> None:
    """Settle events of authorities that are no longer in the settings, or from an earlier version: `names` are those of
    the present registrars.
    """
    table = schema.events
    others = or_(table.c.about.is_(None), table.c.about.not_in(names))
    away = (table.c.kind == event_log.Kind.AUTHORITY_AWAY) & table.c.settled_ms.is_(None) & others
    connection.execute(update(table).where(away).values(settled_ms=now_ms))


def _write_events(connection: Connection, happened: list[Event], now_ms: int) -> None:
    """Write events; settle those of an authority that answers again."""
    event_log.write(connection, happened, now_ms)
    for one in happened:
        if one.kind is event_log.Kind.AUTHORITY_BACK:
            event_log.settle(connection, event_log.Kind.AUTHORITY_AWAY, now_ms, about=one.about)


def search_delay_ms(tries: int) -> int:
    """Delay between a search that found nothing and the next; `tries` counts the earlier ones."""
    return int(min(SEARCH_MOST_MS, FIRST_SEARCH_MS * SEARCH_GROWTH ** min(tries + 1, 64)))


def follow_delay_ms(tries: int) -> int:
    """Pause for a presence after `tries` checks without a result."""
    return int(min(FOLLOW_MOST_MS, FOLLOW_FIRST_MS * FOLLOW_GROWTH ** min(tries, 64)))
