"""The events on a board, in order, with CLOCK_MONOTONIC milliseconds."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

Event = dict[str, Any]

KEPT = 20_000


def now_ms() -> float:
    """CLOCK_MONOTONIC in milliseconds: the same clock in every process of the machine."""
    return time.monotonic_ns() / 1e6


class EventLog:
    """The newest KEPT events; ids count from 1. Safe between threads."""

    def __init__(self) -> None:
        self._events: deque[Event] = deque(maxlen=KEPT)
        self._last_id = 0
        self._changed = threading.Condition()

    def add(self, kind: str, *, at_ms: float | None = None, **fields: Any) -> int:
        """Record an event, now or at a given time; returns its id."""
        with self._changed:
            self._last_id += 1
            t_ms = round(now_ms() if at_ms is None else at_ms, 3)
            self._events.append({"id": self._last_id, "t_ms": t_ms, "kind": kind, **fields})
            self._changed.notify_all()
            return self._last_id

    def after(self, event_id: int) -> list[Event]:
        """The events with an id above `event_id`, oldest first."""
        with self._changed:
            return [event for event in self._events if event["id"] > event_id]

    def wait(self, matches: Callable[[Event], bool], *, after: int, timeout_s: float) -> Event | None:
        """The first event above `after` that matches, as soon as it happens, or None after `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while True:
                for event in self._events:
                    if event["id"] > after and matches(event):
                        return event
                rest = deadline - time.monotonic()
                if rest <= 0:
                    return None
                self._changed.wait(rest)
