"""Sockets between the workers of one bridge: the first passes a clock's messages to the worker that has the clock;
acknowledgements go back.

Only the first worker reads from the broker. A shared subscription (`$share/…`) would be open to every clock that names
it: the broker picks a subscriber before it checks rights, and drops the message if that one may not read. A clock's
records follow one another, and the process that handles them needs its row locked and its seal open, so each clock has
its worker: by a checksum of its name, or the next worker that is connected. The first passes a message on unread, over
a Unix socket in a folder that only this user may enter. Nothing is kept for an absent worker, and nothing is sent
twice: messages that a worker loses by exiting are sent again by the clock.
"""

from __future__ import annotations

import asyncio
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, NoReturn, Protocol, cast

import structlog

from badgeclock.protocol import frames
from badgeclock.protocol.frames import Ack, Verdict

RETRY_S: Final = 0.2
FIRST: Final = 1
"""The worker that reads from the broker and sends to clocks."""
WAITING_BYTES: Final = 1 << 20
"""With this many bytes unread by a worker, reading from the broker pauses."""
_MESSAGES: Final = b"M"
_ANSWERS: Final = b"A"
_HEAD: Final = struct.Struct(">HI")
_ANSWER: Final = struct.Struct(f">Q{len(frames.pack_ack(Ack(0, Verdict.IN_ORDER)))}s")

log = structlog.get_logger("badgeclock.bridge.worker_socket")


class Source(Protocol):
    """The source of this worker's own messages. Each `pause` is followed by one `resume`."""

    def pause(self) -> None:
        """Stop delivering for now."""

    def resume(self) -> None:
        """Deliver again."""


class Relay:
    """One worker's ends of the sockets. It can be paused like a connection to the broker."""

    def __init__(
        self,
        folder: Path,
        number: int,
        workers: int,
        source: Source | None,
        *,
        accept: Callable[[str, bytes], None],
        acknowledge: Callable[[Mapping[int, Ack]], None],
    ) -> None:
        """`source` delivers the first worker's messages; the others have none. `accept(topic, payload)` gets the
        messages of this worker's clocks; `acknowledge(acks)` gets, in the first worker, what the others have committed.
        Neither may raise.
        """
        self._folder = folder
        self._number = number
        self._workers = workers
        self._source = source
        self._accept = accept
        self._acknowledge = acknowledge
        self._outward: dict[int, _Outward] = {}
        self._to_first: _Outward | None = None
        self._inward: set[_Inward] = set()
        self._paused = False

    @property
    def is_joined(self) -> bool:
        """Whether what this worker commits reaches the first one."""
        return self._number == FIRST or self._to_first is not None

    def deliver(self, topic: str, payload: bytes) -> None:
        """In the first worker: accept a message of a clock, or pass it to the worker that has the clock.

        Never waits, never raises.
        """
        outward = self._outward.get(self.owner(topic))
        if outward is None:
            self._accept(topic, payload)
        else:
            name = topic.encode()
            outward.send(b"".join((_HEAD.pack(len(name), len(payload)), name, payload)))

    def send_acks(self, acks: Mapping[int, Ack]) -> None:
        """Have the first worker acknowledge committed records to clocks, given by row."""
        if self._to_first is not None:
            self._to_first.send(
                b"".join([_ANSWER.pack(clock_id, frames.pack_ack(ack)) for clock_id, ack in acks.items()])
            )

    def pause(self) -> None:
        """Stop reading from the broker and the first worker."""
        self._paused = True
        if self._source is not None:
            self._source.pause()
        for inward in self._inward:
            inward.update_reading()

    def resume(self) -> None:
        """Resume reading."""
        self._paused = False
        if self._source is not None:
            self._source.resume()
        for inward in self._inward:
            inward.update_reading()

    async def run(self) -> None:
        """Listen, and stay connected to the others, until cancelled. Raises OSError if the folder cannot be used."""
        # The call itself removes a socket that an earlier process of this number left behind.
        loop = asyncio.get_running_loop()
        server = await loop.create_unix_server(self._new_inward, self._path(self._number))
        try:
            async with asyncio.TaskGroup() as group:
                if self._number == FIRST:
                    for number in range(FIRST + 1, self._workers + 1):
                        group.create_task(self._connected(number, _MESSAGES))
                else:
                    group.create_task(self._connected(FIRST, _ANSWERS))
        finally:
            server.close()
            for inward in list(self._inward):
                inward.close()

    def _new_inward(self) -> _Inward:
        return _Inward(self._inward, self._accept, self._acknowledge, lambda: self._paused)

    def owner(self, topic: str) -> int:
        """The worker that has the clock of a topic: this one, or another that is connected."""
        name = topic.rpartition("/")[0]
        home = zlib.crc32(name.encode())
        for step in range(self._workers):
            number = (home + step) % self._workers + 1
            if number == self._number or (number in self._outward and self._outward[number].is_open):
                return number
        return self._number

    async def _connected(self, number: int, purpose: bytes) -> NoReturn:
        """Stay connected to another worker for one purpose."""
        loop = asyncio.get_running_loop()
        while True:
            outward = _Outward(self._source if purpose == _MESSAGES else None)
            try:
                await loop.create_unix_connection(lambda: outward, self._path(number))  # noqa: B023 - called within it
                outward.send(purpose)
                self._set(number, purpose, outward)
                await outward.lost.wait()
                log.warning("another worker is gone", worker=number)
            except OSError:
                pass  # it does not listen yet
            finally:
                self._set(number, purpose, None)
                outward.close()
            await asyncio.sleep(RETRY_S)

    def _set(self, number: int, purpose: bytes, outward: _Outward | None) -> None:
        if purpose == _ANSWERS:
            self._to_first = outward
        elif outward is None:
            self._outward.pop(number, None)
        else:
            self._outward[number] = outward

    def _path(self, number: int) -> str:
        return str(self._folder / str(number))


class _Outward(asyncio.Protocol):
    """The sending end to another worker. Messages of one loop turn share one write."""

    def __init__(self, source: Source | None) -> None:
        """`source` is paused while the other worker does not read."""
        self._source = source
        self._gathered: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self._holds_up = False
        self.lost = asyncio.Event()

    @property
    def is_open(self) -> bool:
        return self._transport is not None

    def send(self, data: bytes) -> None:
        if not self._gathered:
            asyncio.get_running_loop().call_soon(self._write)
        self._gathered.append(data)

    def close(self) -> None:
        self._write()
        if self._transport is not None:
            self._transport.close()
        self._go_on()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's transport is not a subclass
        self._transport.set_write_buffer_limits(WAITING_BYTES)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - as every protocol's
        self._transport = None
        self._go_on()
        self.lost.set()

    def pause_writing(self) -> None:
        if self._source is not None and not self._holds_up:
            self._holds_up = True
            self._source.pause()

    def resume_writing(self) -> None:
        self._go_on()

    def _go_on(self) -> None:
        if self._source is not None and self._holds_up:
            self._holds_up = False
            self._source.resume()

    def _write(self) -> None:
        if self._gathered and self._transport is not None:
            self._transport.write(b"".join(self._gathered))
        self._gathered.clear()


class _Inward(asyncio.Protocol):
    """The receiving end from another worker."""

    def __init__(
        self,
        ends: set[_Inward],
        accept: Callable[[str, bytes], None],
        acknowledge: Callable[[Mapping[int, Ack]], None],
        is_paused: Callable[[], bool],
    ) -> None:
        """It is in `ends` while open; `is_paused`: whether reading is paused now."""
        self._ends = ends
        self._accept = accept
        self._acknowledge = acknowledge
        self._is_paused = is_paused
        self._unread = b""
        self._purpose = b""
        self._transport: asyncio.Transport | None = None

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's transport is not a subclass
        self._ends.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - as every protocol's
        self._transport = None
        self._ends.discard(self)

    def data_received(self, data: bytes) -> None:
        if not self._purpose:
            self._purpose, data = data[:1], data[1:]
            self.update_reading()
        self._unread += data
        if self._purpose == _ANSWERS:
            self._acknowledge(dict(self._acks()))
        else:
            for topic, payload in self._messages():
                self._accept(topic, payload)

    def update_reading(self) -> None:
        """Pause or resume reading. Acknowledgements are always read: clocks wait for them, and they cost little."""
        if self._transport is not None and self._purpose == _MESSAGES:
            (self._transport.pause_reading if self._is_paused() else self._transport.resume_reading)()

    def _acks(self) -> Iterator[tuple[int, Ack]]:
        whole = len(self._unread) // _ANSWER.size * _ANSWER.size
        for clock_id, body in _ANSWER.iter_unpack(self._unread[:whole]):
            yield clock_id, frames.unpack_ack(body)
        self._unread = self._unread[whole:]

    def _messages(self) -> Iterator[tuple[str, bytes]]:
        data, at = self._unread, 0
        while at + _HEAD.size <= len(data):
            topic_bytes, payload_bytes = _HEAD.unpack_from(data, at)
            start = at + _HEAD.size
            end = start + topic_bytes + payload_bytes
            if end > len(data):
                break
            yield data[start : start + topic_bytes].decode(), data[start + topic_bytes : end]
            at = end
        self._unread = data[at:]
