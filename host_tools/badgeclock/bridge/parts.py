"""The running parts of a process: started together, and stopped in an order that each part declares.

When the first part ends, or the process is to stop, all parts are stopped, phase by phase. An error of a part is raised
once all of them have ended.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from enum import IntEnum
from typing import Any, Final, NamedTuple

GRACE_S: Final = 3.0
"""How long a part may take to finish what it has begun before it is cancelled."""


class Phase(IntEnum):
    """When a part ends: after those of all phases above it, before those below."""

    DESK = 1
    """Ends the clocks' issue mode, which needs the broker."""
    BROKER = 2
    """Receives messages; after this phase none arrive."""
    INTAKE = 3
    """Commits what was received."""
    ANSWERS = 4
    """Acknowledges what was committed."""
    REGISTRARS = 5
    """Gives calls in progress a moment."""
    SENDERS = 6
    UPKEEP = 7
    WEB = 8


class _Part(NamedTuple):
    name: str
    phase: Phase
    run: Callable[[], Coroutine[Any, Any, None]]
    finish: Callable[[], Awaitable[None]] | None


class Parts:
    """The parts of one process. No part can be added without the phase in which it ends."""

    def __init__(self, grace_s: float = GRACE_S) -> None:
        self._grace_s = grace_s
        self._parts: list[_Part] = []

    def add(
        self,
        name: str,
        phase: Phase,
        run: Callable[[], Coroutine[Any, Any, None]],
        *,
        finish: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Add a part: `run` works until cancelled; `finish`, if given, waits until its work in progress is done, for at
        most `grace_s`.
        """
        self._parts.append(_Part(name, phase, run, finish))

    async def run(self, stop: asyncio.Event) -> None:
        """Run all parts until `stop` is set, one of them ends, or this is cancelled; then end all and raise the first
        error of any.
        """
        tasks = [(part, asyncio.create_task(part.run(), name=part.name)) for part in self._parts]
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait([stopping, *(task for _, task in tasks)], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            for part, task in sorted(tasks, key=lambda started: started[0].phase):
                await self._end(part, task)
        for _, task in tasks:
            if not task.cancelled() and (error := task.exception()):
                raise error

    async def _end(self, part: _Part, task: asyncio.Task[None]) -> None:
        if part.finish is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._grace_s):
                    await part.finish()
        task.cancel()
        await asyncio.wait([task])
