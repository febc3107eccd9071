"""Steps of a value over time, played without waiting: what a buzzer and a lamp have in common."""

import time


class Player:
    """Plays a pattern, a flat tuple (value, milliseconds, value, milliseconds, …), then returns to `rest`.

    A subclass gives `_apply(value)`. `play` starts the first step at once; the caller calls `step` at the returned
    times.
    """

    def __init__(self, rest):
        self._rest = rest
        self._pattern = self._then = ()
        self._next = 0
        self._due = time.ticks_ms()

    def play(self, pattern, then=()):
        """Start a pattern now, in place of one that still plays; another may follow it."""
        self._pattern = pattern
        self._then = then
        self._next = 0
        self._due = time.ticks_ms()
        self.step()

    @property
    def playing(self):
        """Whether a pattern plays."""
        return bool(self._pattern)

    def step(self):
        """Do what is due; returns the milliseconds until the next call, or -1 when nothing plays."""
        while self._pattern:
            wait = time.ticks_diff(self._due, time.ticks_ms())
            if wait > 0:
                return wait
            if self._next >= len(self._pattern):
                self._pattern = self._then
                self._then = ()
                self._next = 0
                if not self._pattern:
                    self._apply(self._rest)
                continue
            self._apply(self._pattern[self._next])
            self._due = time.ticks_add(self._due, self._pattern[self._next + 1])
            self._next += 2
        return -1
