"""The simulated authority's rules, for both protocols: registers, checks and cancels, by store and script.

Runs in one thread: a call is done, and committed, before the next begins.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from math import ceil
from pathlib import Path

from badgeclock.onss import description
from badgeclock.sandbox import rules
from badgeclock.sandbox.control import Fault, FaultKind, Script
from badgeclock.sandbox.credentials import Keys
from badgeclock.sandbox.rules import Presence, Wire
from badgeclock.sandbox.statuses import Status
from badgeclock.sandbox.store import Call, Registration, Store
from badgeclock.sandbox.tokens import Tokens


class Service:
    """The simulated authority. `clock` gives the time in UTC, before the script's offset; with `keys` it accepts only
    signed calls, or calls with a token; without them any.
    """

    def __init__(self, store: Store, script: Script, clock: Callable[[], datetime], keys: Keys | None = None) -> None:
        self.store = store
        self.script = script
        self.clock = clock
        self.keys = keys
        self.tokens = None if keys is None else Tokens(keys.client, clock)
        self._calls = store.calls()
        self._window_ends = 0.0
        self._window_calls = 0

    @classmethod
    def reopened(
        cls,
        path: Path,
        seed: int,
        latency_ms: int,
        validation_delay_ms: int,
        clock: Callable[[], datetime],
        keys: Keys | None = None,
    ) -> Service:
        """A service on the store at `path` with its stored script; the pace is the given one.

        Raises StoreError.
        """
        store = Store(path, seed)
        pace = {"latency_ms": latency_ms, "validation_delay_ms": validation_delay_ms}
        return cls(store, Script.model_validate((store.load("script") or {}) | pace), clock, keys)

    def now(self) -> datetime:
        """The service's time, in UTC."""
        return self.clock() + timedelta(seconds=self.script.clock_offset_s)

    def now_ms(self) -> int:
        """The same in Unix milliseconds."""
        return int(self.now().timestamp() * 1000)

    def today(self) -> date:
        """The service's day, in Belgium."""
        return self.now().astimezone(description.ZONE).date()

    def change(self, change: dict[str, object]) -> Script:
        """Replace parts of the script, permanently. Raises pydantic.ValidationError."""
        self._keep(self.script.changed(change))
        self._window_ends = 0.0
        return self.script

    def meet(self, operation: str | None) -> Fault | None:
        """What applies to an incoming call of `operation`: maintenance, the limit of calls, a fault of the script,
        which is then used up, or a random one.
        """
        self._calls += 1
        if (rest_s := self.script.maintained_s(self.clock())) is not None:
            return Fault(kind=FaultKind.MAINTENANCE, retry_after_s=min(rest_s, 86_400))
        if (wait_s := self._too_soon_s()) is not None:
            return Fault(kind=FaultKind.RATE_LIMITED, retry_after_s=wait_s)
        fault = self.script.next_fault(operation)
        if fault is not None:
            self._keep(self.script.without_fault(fault))
            return fault
        picked = self.script.picked(operation, self.store.seed, self._calls)
        return None if picked is None else Fault(kind=picked)

    def note(self, operation: str | None, outcome: str) -> None:
        """Record the result of a call."""
        self.store.note_call(Call(self.now_ms(), operation, outcome))

    def settle(self) -> None:
        """Do the content checks that are due, and invalidate presences by the script."""
        now_ms = self.now_ms()
        self.store.settle(now_ms, self.script.remarks_on, description.SAME_DECLARATION)
        if self.script.relapse:
            self.store.relapse(now_ms, self.script.relapses)

    def register(self, presences: Sequence[Presence]) -> list[Registration | list[str]]:
        """For each presence its registration, or its error codes (1 to 10); committed."""
        wrong = [self._wrong_with(presence) for presence in presences]
        taken = [presence for presence, codes in zip(presences, wrong, strict=True) if not codes]
        now_ms = self.now_ms()
        registered = iter(self.store.register(taken, now_ms, now_ms + self.script.validation_delay_ms))
        return [codes or next(registered) for codes in wrong]

    def cancel(self, number: int, reason: str, wire: Wire) -> Registration | list[str]:
        """The cancelled registration, or the error codes; committed."""
        self.settle()
        held = self._held(number, wire)
        codes = rules.cancel_errors(number, reason, held, self.store.issued(), self.today())
        if codes:
            return codes
        self.store.cancel(number, self.now_ms())
        entry = self.store.get(number)
        assert entry is not None  # it existed, and nothing is ever removed
        return entry

    def get(self, number: int, wire: Wire) -> Registration | None:
        """A registration through that service, or None."""
        entry = self.store.get(number)
        return entry if entry is not None and entry.presence.wire is wire else None

    def _wrong_with(self, presence: Presence) -> list[str]:
        if presence.wire is Wire.SOAP:
            codes = rules.register_errors(presence, self.today())
        else:
            codes = rules.movement_errors(presence, self.now_ms(), self.script.lateness_s)
        return list(dict.fromkeys(codes + self.script.refusal_codes(presence)))[:10]

    def _held(self, number: int, wire: Wire) -> rules.Held | None:
        entry = self.get(number, wire)
        if entry is None:
            return None
        cancelled = entry.last.status is Status.CANCELLED
        return rules.Held(entry.day, cancelled, number not in self.script.not_ours)

    def _too_soon_s(self) -> int | None:
        """Whole seconds to wait if this call exceeds the limit; else None, and the call is counted."""
        limit = self.script.rate_limit
        if limit is None:
            return None
        now = time.monotonic()
        if now >= self._window_ends:
            self._window_ends, self._window_calls = now + limit.window_s, 0
        if self._window_calls >= limit.calls:
            return ceil(self._window_ends - now)
        self._window_calls += 1
        return None

    def _keep(self, script: Script) -> None:
        self.store.save("script", script.model_dump(mode="json"))
        self.script = script


def utc_now() -> datetime:
    """The machine's time."""
    return datetime.now(UTC)
