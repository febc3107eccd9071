"""One connection through a proxy: two flows, each unit of which passes through the active faults."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from badgeclock.chaos import mqtt
from badgeclock.chaos.faults import Connection, Do, Fault, Flow, Layer, Pause, Send, Way, flow
from badgeclock.chaos.switchboard import Switchboard

QUEUED_UNITS: Final = 16
OVERTAKEN_S: Final = 0.2
"""How long a held packet waits for one that overtakes it."""

NextUnit = Callable[[asyncio.StreamReader], Awaitable[bytes]]
End = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Over(Exception):
    """The connection ends now."""


async def chunk(reader: asyncio.StreamReader) -> bytes:
    """A unit of Layer.BYTES: what TCP brought; empty at the end."""
    return await reader.read(4096)


class Relay:
    """Relays between `near` (the clock's end) and `far` (the broker's), through the faults of `layer`."""

    def __init__(
        self,
        switchboard: Switchboard,
        layer: Layer,
        number: int,
        seed: int,
        past: dict[Way, deque[bytes]],
    ) -> None:
        self._switchboard = switchboard
        self._layer = layer
        self._connection = Connection(number)
        self._flows = {
            way: flow(way, self._connection, seed, switchboard.counts, past[way]) for way in (Way.UP, Way.DOWN)
        }
        self._next_unit: NextUnit = chunk if layer is Layer.BYTES else mqtt.read_packet

    async def run(self, near: End, far: End) -> None:
        """Return once either end has ended, or a fault ended both; both are closed then."""
        self._near = near[1]
        ways = [
            asyncio.create_task(self._pass(near[0], far[1], self._flows[Way.UP])),
            asyncio.create_task(self._pass(far[0], near[1], self._flows[Way.DOWN])),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for writer in (near[1], far[1]):
                with contextlib.suppress(OSError, RuntimeError):
                    writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flow: Flow) -> None:
        units: asyncio.Queue[bytes] = asyncio.Queue(QUEUED_UNITS)
        ended = asyncio.Event()
        reading = asyncio.create_task(self._read(reader, units, ended))
        coming = asyncio.create_task(units.get())
        try:
            while True:
                await asyncio.wait([coming], timeout=OVERTAKEN_S if flow.held else None)
                if not coming.done():
                    late, flow.held = flow.held, b""
                    await self._send(late, writer, flow)
                    continue
                unit = coming.result()
                if not unit:
                    return
                coming = asyncio.create_task(units.get())
                await self._treat(unit, self._switchboard.on(self._layer), writer, flow, ended)
        except (_Over, OSError):
            return
        finally:
            for task in (reading, coming):
                task.cancel()
            await asyncio.gather(reading, coming, return_exceptions=True)

    async def _read(self, reader: asyncio.StreamReader, units: asyncio.Queue[bytes], ended: asyncio.Event) -> None:
        try:
            while unit := await self._next_unit(reader):
                await units.put(unit)
        except (OSError, asyncio.IncompleteReadError, ValueError):
            pass  # the end, however it was caused
        ended.set()
        await units.put(b"")

    async def _treat(
        self,
        unit: bytes,
        faults: tuple[Fault, ...],
        writer: asyncio.StreamWriter,
        flow: Flow,
        ended: asyncio.Event,
    ) -> None:
        if not faults:
            await self._send(unit, writer, flow)
            return
        fault, rest = faults[0], faults[1:]
        for step in fault.treat(unit, flow):
            if isinstance(step, Send):
                await self._treat(step.data, rest, writer, flow, ended)
            elif isinstance(step, Pause):
                await asyncio.sleep(step.seconds)
            elif step is Do.HOLD:
                await self._hold(fault, ended)
            else:
                if step is Do.RESET:
                    self._reset()
                raise _Over

    async def _hold(self, fault: Fault, ended: asyncio.Event) -> None:
        """Wait until the fault is lifted; if an end closes before, the connection ends and held data is dropped."""
        waits = [asyncio.create_task(self._switchboard.lifted(fault)), asyncio.create_task(ended.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if ended.is_set():
            raise _Over

    async def _send(self, unit: bytes, writer: asyncio.StreamWriter, flow: Flow) -> None:
        writer.write(unit)
        await writer.drain()
        if self._layer is Layer.BYTES:
            self._connection.bytes_passed += len(unit)
            return
        self._connection.kinds_passed.add(mqtt.kind(unit))
        if mqtt.kind(unit) == mqtt.PUBLISH:
            flow.past.append(unit)

    def _reset(self) -> None:
        sock = self._near.get_extra_info("socket")
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._near.transport.abort()
