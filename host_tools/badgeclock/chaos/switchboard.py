"""Which faults are on, and how often each took effect. Belongs to one event loop."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

from badgeclock.chaos.faults import Fault, Layer, Listening


class Switchboard:
    """The faults that are on. `turned` is called after each change."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.turned: list[Callable[[], None]] = []
        self._on: tuple[Fault, ...] = ()
        self._change = asyncio.Event()

    def turn(self, faults: tuple[Fault, ...]) -> None:
        """Switch to exactly these faults."""
        self._on = faults
        self._change.set()
        self._change = asyncio.Event()
        for call in self.turned:
            call()

    def on(self, layer: Layer) -> tuple[Fault, ...]:
        """The faults of a layer that are on, in the order they were named."""
        return tuple(fault for fault in self._on if fault.layer is layer)

    @property
    def listening(self) -> Listening:
        """The present handling of new connections."""
        return next((one.listening for one in self._on if one.listening is not Listening.OPEN), Listening.OPEN)

    async def lifted(self, fault: Fault) -> None:
        """Return once the fault is off."""
        while any(one is fault for one in self._on):
            await self._change.wait()
