"""Time that passes only when everybody waits: a test of the clock's tasks is as quick as its work, and what else the
machine does makes no difference.

Import this before anything of the app: it is in the place of `time`, and `asyncio` waits by it.
"""

import asyncio
import sys
import time as real
from asyncio import core

_AHEAD_MS = 3600000  # asyncio's own queue still stamps what may run at once with the real ticks: they are past then


class Time:
    """Replaces module `time`; `pass_ms` moves it."""

    def __init__(self):
        self._now = real.ticks_add(real.ticks_ms(), _AHEAD_MS)
        self.passed_ms = 0

    def pass_ms(self, ms):
        self._now = real.ticks_add(self._now, ms)
        self.passed_ms += ms

    sleep_ms = pass_ms

    def sleep_us(self, us):
        self.pass_ms((us + 999) // 1000)

    def ticks_ms(self):
        return self._now

    def ticks_us(self):
        return real.ticks_add(0, self.passed_ms * 1000 & 0x0FFFFFFF)

    ticks_add = staticmethod(real.ticks_add)
    ticks_diff = staticmethod(real.ticks_diff)
    gmtime = staticmethod(real.gmtime)
    time = staticmethod(real.time)


time = sys.modules["time"] = Time()


def _wait_io_event(queue, ms):
    """Replaces asyncio's: nothing waits for a socket here."""
    assert not queue.map, "a socket answers in real time"
    if ms > 0:
        time.pass_ms(ms)


core.ticks = time.ticks_ms
core.IOQueue.wait_io_event = _wait_io_event


def run(task, ms):
    """Run a coroutine for so long at most; whether that was too short."""
    asyncio.new_event_loop()

    async def until():
        await asyncio.wait_for_ms(task, ms)

    try:
        asyncio.run(until())
    except asyncio.TimeoutError:
        return True
    return False
