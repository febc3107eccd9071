"""Whether an authority may be called now: a circuit breaker, a token bucket and a calendar of its maintenance.

One `Gate` per authority; every call goes through it. While the authority answers, calls run concurrently, up to its
rate limit. After a failure the circuit is open: no calls for a growing time with full jitter, or for as long as the
authority requested, a quarter of an hour at most. Then it is half open: one call at a time, until one is answered.
During announced maintenance there are no calls at all.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from badgeclock.authorities.maintenance import Calendar
from badgeclock.bridge.backoff import Backoff

CLOSED_MOST_S: Final = 900.0
"""Upper limit of a pause that the authority requests: the request may be a mistake, and a day's presences cannot wait a
day.
"""
ADMISSION_S: Final = 5.0
"""How long a call waits for its turn; then its task checks its conditions again."""


class Circuit(StrEnum):
    """The breaker's state."""

    CLOSED = "closed"
    """Calls flow."""
    OPEN = "open"
    """A call failed: no calls."""
    HALF_OPEN = "half-open"
    """One call at a time, as a test."""


class Bucket:
    """A rate limit with bursts: `per_s` tokens a second are added, up to `burst`.

    `per_s` 0 is no limit. Times are those of `monotonic`, seconds.
    """

    def __init__(self, per_s: float = 0.0, burst: int = 1, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._per_s = per_s
        self._burst = float(max(burst, 1))
        self._monotonic = monotonic
        self._tokens = self._burst
        self._at = monotonic()

    def wait_s(self) -> float:
        """Seconds until there is a token."""
        if not self._per_s:
            self._tokens = self._burst
            return 0.0
        now = self._monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._per_s)
        self._at = now
        return max(0.0, (1.0 - self._tokens) / self._per_s)

    @property
    def spare(self) -> bool:
        """Whether there are enough tokens for calls that can wait, besides urgent ones."""
        return not self.wait_s() and self._tokens >= min(self._burst, self._burst / 2 + 1)

    def take(self) -> None:
        """Use an available token."""
        self._tokens -= 1.0

    def give_back(self) -> None:
        """Return an unused token."""
        self._tokens = min(self._burst, self._tokens + 1.0)


class Gate:
    """Lets calls through to one authority. `utc_now` is the time for the calendar, `monotonic` that for the breaker,
    seconds.
    """

    def __init__(
        self,
        backoff: Backoff | None = None,
        *,
        bucket: Bucket | None = None,
        calendar: Calendar | None = None,
        utc_now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._backoff = backoff or Backoff()
        self._bucket = bucket or Bucket()
        self._calendar = calendar or Calendar()
        self._utc_now = utc_now
        self._monotonic = monotonic
        self._open_until = 0.0
        self._under_way = 0
        self._changed = asyncio.Event()

    @property
    def away(self) -> bool:
        """Whether the last call failed."""
        return self._backoff.failures > 0

    @property
    def circuit(self) -> Circuit:
        """The breaker's state."""
        if self._open_until > self._monotonic():
            return Circuit.OPEN
        return Circuit.HALF_OPEN if self.away else Circuit.CLOSED

    @property
    def spare(self) -> bool:
        """Whether the rate limit has room for calls that can wait."""
        return self._bucket.spare

    @property
    def in_maintenance(self) -> bool:
        """Whether announced maintenance is in progress."""
        return self._calendar.away_until(self._utc_now()) is not None

    @property
    def closed_s(self) -> float:
        """Seconds until breaker and calendar allow a call; 0 if now."""
        now = self._utc_now()
        until = self._calendar.away_until(now)
        announced = 0.0 if until is None else (until - now).total_seconds()
        return max(0.0, self._open_until - self._monotonic(), announced)

    async def admission(self) -> bool:
        """Wait for a call's turn, `ADMISSION_S` at most; returns whether it is admitted. Then `left` or `turned_back`
        must follow.

        While the circuit is open or during maintenance, returns False at once.
        """
        give_up = self._monotonic() + ADMISSION_S
        while not self.closed_s:
            wait_s = self._bucket.wait_s()
            full = self.away and self._under_way > 0
            if not full and not wait_s:
                self._bucket.take()
                self._under_way += 1
                return True
            left_s = give_up - self._monotonic()
            if left_s <= 0:
                return False
            self._changed.clear()
            try:
                async with asyncio.timeout(left_s if full else min(left_s, wait_s)):
                    await self._changed.wait()
            except TimeoutError:
                pass
        return False

    def left(self) -> None:
        """An admitted call has ended; `failed` or `succeeded` was called before."""
        self._under_way -= 1
        self._changed.set()

    def turned_back(self) -> None:
        """An admitted call was not made."""
        self._bucket.give_back()
        self.left()

    def failed(self, at_least_s: float | None = None) -> None:
        """The authority is unavailable, perhaps for a stated time. Concurrent calls count as one failure."""
        now = self._monotonic()
        at_least_s = None if at_least_s is None else min(at_least_s, CLOSED_MOST_S)
        if self._open_until <= now:
            self._open_until = now + self._backoff.failed(at_least_s)
        elif at_least_s:
            self._open_until = max(self._open_until, now + at_least_s)

    def succeeded(self) -> None:
        """The authority answered."""
        self._backoff.succeeded()
        self._open_until = 0.0
        self._changed.set()
