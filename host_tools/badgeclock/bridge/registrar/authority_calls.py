"""Calls to the authority through its gate, and the events of how it answers: away, in doubt, back."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection
from typing import Final, TypeVar

import structlog
from sqlalchemy import Connection, or_, select, update

from badgeclock.authorities.base import Authority, Found
from badgeclock.authorities.errors import AuthorityAmbiguous, AuthorityRejected, AuthorityUnavailable, Doubt
from badgeclock.bridge import logs
from badgeclock.bridge.metrics import Metrics
from badgeclock.bridge.registrar.call_gate import CLOSED_MOST_S, Gate
from badgeclock.bridge.registrar.due_work import DueWork
from badgeclock.bridge.store import event_log, schema
from badgeclock.bridge.store.event_log import Event, Severity

RETRY_USELESS_S: Final = 30.0
"""Pause for an authority whose answer means that an early retry is useless."""

log = structlog.get_logger(__name__)

_T = TypeVar("_T")


class AuthorityCalls:
    """One authority's calls. `name` is what it accepts, by which events name it."""

    def __init__(
        self, authority: Authority, gate: Gate, metrics: Metrics, work: DueWork, name: str, now_ms: Callable[[], int]
    ) -> None:
        self.authority = authority
        self.gate = gate
        self._metrics = metrics
        self._work = work
        self.name = name
        self._now_ms = now_ms
        self._was_away = False

    async def ask(self, call: str, question: Callable[[], Awaitable[_T]]) -> _T | None:
        """A call that registers nothing; None if it was not answered, or not admitted."""
        if not await self.gate.admission():
            return None
        started = time.monotonic()
        answer = None
        happened: list[Event] = []
        try:
            answer = await question()
            result, happened = "answered", self.back()
        except AuthorityUnavailable as error:
            result, happened = "unavailable", self.away(error)
        except AuthorityAmbiguous as error:
            result, happened = "ambiguous", self.doubted(call, error)
            self.gate.failed(error.retry_after)
        except AuthorityRejected as error:
            result = "rejected"
            what = f"the authority turned a {call} down: {error.code}"
            happened = [self.event(Severity.ALARM, event_log.Kind.CALL_REJECTED, what)]
        except Exception as error:  # noqa: BLE001 - a bug in a client must not end the registrar
            log.error("the authority's client failed", call=call, error=type(error).__name__)
            result = "failed"
            self.gate.failed()
        finally:
            self.gate.left()
        self._metrics.calls.labels(call, result).observe(time.monotonic() - started)
        if happened:
            await self._work.commit(write_events, happened, self._now_ms())
        return answer

    async def listed(self, number: int) -> list[Found]:
        """What the authority has under a number: one registration, or none."""
        found = await self.authority.get(number)
        return [] if found is None else [found]

    def away(self, error: AuthorityUnavailable) -> list[Event]:
        """Close the gate; returns the events to write."""
        if error.retry is False:
            happened = self._left_alone(Severity.ALARM, error.what, error.retry_after)
        else:
            happened = self._left_alone(Severity.WARNING, "the authority does not answer", error.retry_after)
        self.gate.failed(max(error.retry_after or 0.0, RETRY_USELESS_S if error.retry is False else 0.0))
        return happened

    def doubted(self, call: str, error: AuthorityAmbiguous) -> list[Event]:
        """The effect of a call in doubt on the gate; returns the events to write."""
        if error.doubt is Doubt.UNPROVED:
            self.gate.failed()
            what = f"the answer to a {call} proves nothing: {error.what}"
            return [self.event(Severity.ALARM, event_log.Kind.ANSWER_UNPROVED, what)]
        if error.doubt is Doubt.AWAY:
            what = f"the authority turns calls away ({error.code})"
            happened = self._left_alone(Severity.WARNING, what, error.retry_after)
            self.gate.failed(error.retry_after)
            return happened
        if error.doubt is Doubt.NOT_ADMITTED:
            self.gate.failed(max(error.retry_after or 0.0, RETRY_USELESS_S))
        if error.doubt is not Doubt.LOST:
            what = f"the authority turned a {call} down: {error.code}"
            return [self.event(Severity.ALARM, event_log.Kind.CALL_REJECTED, what)]
        return []

    def _left_alone(self, severity: Severity, what: str, retry_after: float | None) -> list[Event]:
        """The event that an authority has become unavailable."""
        if self.gate.away:
            return []
        again = "trying again"
        if (retry_after or 0.0) > CLOSED_MOST_S:
            again = f"it asks for {retry_after:.0f} s; trying again within {CLOSED_MOST_S / 60:.0f} minutes"
        return [self.event(severity, event_log.Kind.AUTHORITY_AWAY, f"{what}; {again}")]

    def back(self) -> list[Event]:
        """Open the gate; returns the events to write."""
        happened = []
        if self.gate.away or self._was_away:
            happened = [self.event(Severity.INFO, event_log.Kind.AUTHORITY_BACK, "it answers again")]
        self._was_away = False
        self.gate.succeeded()
        return happened

    def event(self, severity: Severity, kind: event_log.Kind, what: str) -> Event:
        """An event about this authority, named by what it accepts."""
        return Event(severity, kind, logs.masked(what), about=self.name)

    async def remember(self) -> None:
        """Read from the store whether the authority asked an earlier process to pause, and has not answered since."""
        table = schema.events
        away = (
            (table.c.kind == event_log.Kind.AUTHORITY_AWAY)
            & table.c.settled_ms.is_(None)
            & (table.c.about == self.name)
        )

        def look(connection: Connection) -> list[int]:
            return list(connection.execute(select(table.c.id).where(away).limit(1)).scalars())

        self._was_away = bool(await self._work.read(look))


def settle_absent(connection: Connection, names: Collection[str], now_ms: int) -> None:
    """Settle events of authorities that are no longer in the settings, or from an earlier version: `names` are those of
    the present registrars.
    """
    table = schema.events
    others = or_(table.c.about.is_(None), table.c.about.not_in(names))
    away = (table.c.kind == event_log.Kind.AUTHORITY_AWAY) & table.c.settled_ms.is_(None) & others
    connection.execute(update(table).where(away).values(settled_ms=now_ms))


def write_events(connection: Connection, happened: list[Event], now_ms: int) -> None:
    """Write events; settle those of an authority that answers again."""
    event_log.write(connection, happened, now_ms)
    for one in happened:
        if one.kind is event_log.Kind.AUTHORITY_BACK:
            event_log.settle(connection, event_log.Kind.AUTHORITY_AWAY, now_ms, about=one.about)
