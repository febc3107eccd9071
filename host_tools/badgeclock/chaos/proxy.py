"""The proxy between clocks and their broker, in its own thread; its faults are switched while it runs.

Without a workshop it passes TCP, and TLS goes through end to end: the faults of `Layer.BYTES`. With the site's workshop
a second stage ends TLS with the broker's own certificate, and connects to the broker under the calling clock's
certificate: then those of `Layer.PACKETS` are available too.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket
import ssl
import tempfile
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from badgeclock.chaos import faults
from badgeclock.chaos.faults import Fault, Layer, Listening, Takeover, Way
from badgeclock.chaos.identities import Identities, Identity
from badgeclock.chaos.relay import End, Relay
from badgeclock.chaos.rival import take_over
from badgeclock.chaos.switchboard import Switchboard
from badgeclock.errors import BadgeclockError, SettingsError
from badgeclock.listeners import fill_queue, listen

LOOPBACK: Final = "127.0.0.1"
FAR_TIMEOUT_S: Final = 10.0

Address = tuple[str, int]
_T = TypeVar("_T")


class _Stage:
    """Listens, and relays each connection to `target`; its data passes through the faults of one layer."""

    layer: Layer

    def __init__(self, switchboard: Switchboard, seed: int, target: Address) -> None:
        self.switchboard = switchboard
        self.accepted = 0
        self._seed = seed
        self._target = target
        self._past = {way: faults.past() for way in Way}
        self._relays: set[asyncio.Task[None]] = set()
        self._acceptor: asyncio.Task[None] | None = None
        self._listeners: list[socket.socket] = []

    async def listen(self, host: str, port: int) -> int:
        """Listen, as far as the active faults allow; returns the port."""
        listener = listen(host, port)
        self._listeners = [listener]
        self._acceptor = asyncio.create_task(self._accept_all(listener))
        return int(listener.getsockname()[1])

    async def shut(self) -> None:
        """Stop listening."""
        if self._acceptor is not None:
            self._acceptor.cancel()
            await asyncio.gather(self._acceptor, return_exceptions=True)
            self._acceptor = None
        for sock in self._listeners:
            sock.close()
        self._listeners.clear()

    def fall_silent(self, host: str, port: int) -> None:
        """Listen, and answer no connection."""
        listener = listen(host, port, backlog=0)
        self._listeners = [listener, *fill_queue(listener)]

    async def close(self) -> None:
        await self.shut()
        for relay in self._relays:
            relay.cancel()
        await asyncio.gather(*self._relays, return_exceptions=True)

    def _near_context(self) -> ssl.SSLContext | None:
        return None

    async def _far(self, _near: asyncio.StreamWriter) -> End:
        """The connection to the target for an accepted one. Raises OSError."""
        return await asyncio.open_connection(*self._target)

    async def _accept_all(self, listener: socket.socket) -> None:
        context = self._near_context()
        while True:
            sock, _ = await asyncio.get_running_loop().sock_accept(listener)
            self.accepted += 1
            task = asyncio.create_task(self._serve(sock, self.accepted, context))
            self._relays.add(task)
            task.add_done_callback(self._relays.discard)

    async def _serve(self, sock: socket.socket, number: int, context: ssl.SSLContext | None) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        try:
            transport, _ = await loop.connect_accepted_socket(lambda: protocol, sock, ssl=context)
        except OSError:
            return  # the TLS handshake failed
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        try:
            async with asyncio.timeout(FAR_TIMEOUT_S):
                far = await self._far(writer)
            await Relay(self.switchboard, self.layer, number, self._seed, self._past).run((reader, writer), far)
        except (OSError, BadgeclockError):
            pass  # the broker is down, or the clock is not of this site: the clock's connection is closed
        finally:
            with contextlib.suppress(OSError, RuntimeError):
                writer.close()


class _ByteStage(_Stage):
    layer = Layer.BYTES


class _PacketStage(_Stage):
    layer = Layer.PACKETS

    def __init__(
        self, switchboard: Switchboard, seed: int, target: Address, shop: Identities, identity: Identity | None
    ) -> None:
        super().__init__(switchboard, seed, target)
        self._shop = shop
        self._identity = identity or shop.broker()
        self._clocks: set[str] = set()
        self._rivals: asyncio.Task[None] | None = None
        switchboard.turned.append(self._turned)

    async def close(self) -> None:
        if self._rivals is not None:
            self._rivals.cancel()
        await super().close()

    def _near_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        _show(context, self._identity)
        context.load_verify_locations(self._shop.authority_certificate)
        context.verify_mode = ssl.CERT_REQUIRED
        return context

    async def _far(self, _near: asyncio.StreamWriter) -> End:
        name = dict(part[0] for part in _near.get_extra_info("peercert")["subject"])["commonName"]
        self._clocks.add(name)
        return await self._connect_as(name)

    async def _connect_as(self, clock_id: str) -> End:
        context = ssl.create_default_context(cafile=str(self._shop.authority_certificate))
        _show(context, self._shop.clock(clock_id))
        return await asyncio.open_connection(*self._target, ssl=context)

    def _turned(self) -> None:
        if self._rivals is not None:
            self._rivals.cancel()
            self._rivals = None
        for fault in self.switchboard.on(Layer.PACKETS):
            if isinstance(fault, Takeover):
                self._rivals = asyncio.get_running_loop().create_task(self._take_over(fault.amount or 1))

    async def _take_over(self, period_s: float) -> None:
        while True:
            for clock_id in sorted(self._clocks):
                if await take_over(functools.partial(self._connect_as, clock_id), clock_id):
                    self.switchboard.counts[Takeover.name] += 1
            await asyncio.sleep(period_s)


class ChaosProxy:
    """A context manager: listens on `listen` (port 0: any free one) and passes to the broker at `to`.

    `workshop` lets it see MQTT packets; `identity` is the certificate it then shows in place of the broker's. Raises
    SettingsError if it cannot listen, or for a fault that is not available.
    """

    def __init__(
        self,
        to: Address,
        *,
        listen: Address = (LOOPBACK, 0),
        workshop: Identities | None = None,
        identity: Identity | None = None,
        seed: int = 0,
        fault: str = faults.NONE,
    ) -> None:
        self._host = listen[0]
        self._workshop = workshop
        self._refuse_packets(faults.parse(fault))
        self._switchboard = Switchboard()
        self._stages: list[_Stage] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="chaos", daemon=True)
        self._thread.start()
        try:
            self.port = self._call(self._open(to, listen, seed, identity))
            self.turn(fault)
        except BaseException:
            self._end_loop()
            raise

    def close(self) -> None:
        """End every connection and stop."""
        self._call(self._close())
        self._end_loop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def turn(self, fault: str) -> None:
        """Switch to exactly the faults in the text: see `faults.parse`."""
        on = faults.parse(fault)
        self._refuse_packets(on)
        self._call(self._turn(on))

    @property
    def counts(self) -> dict[str, int]:
        """How often each fault took effect so far."""
        return dict(self._switchboard.counts)

    @property
    def accepted(self) -> int:
        """How many connections were accepted so far."""
        return self._outer.accepted

    # --- on the loop ---

    async def _open(self, to: Address, listen: Address, seed: int, identity: Identity | None) -> int:
        try:
            if self._workshop is not None:
                inner = _PacketStage(self._switchboard, seed, to, self._workshop, identity)
                self._stages.append(inner)
                to = (LOOPBACK, await inner.listen(LOOPBACK, 0))
            self._outer = _ByteStage(self._switchboard, seed, to)
            self._stages.insert(0, self._outer)
            return await self._outer.listen(*listen)
        except OSError as error:
            await self._close()
            raise SettingsError(
                what=f"cannot listen on {listen[0]}:{listen[1]} ({error.strerror})",
                kept="everything as it was",
                do="choose another address with --listen",
            ) from error

    async def _turn(self, on: tuple[Fault, ...]) -> None:
        before = self._switchboard.listening
        self._switchboard.turn(on)
        if self._switchboard.listening is before:
            return
        await self._outer.shut()
        if self._switchboard.listening is Listening.SILENT:
            self._outer.fall_silent(self._host, self.port)
        elif self._switchboard.listening is Listening.OPEN:
            await self._outer.listen(self._host, self.port)

    async def _close(self) -> None:
        for stage in self._stages:
            await stage.close()

    def _call(self, work: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _end_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _refuse_packets(self, on: tuple[Fault, ...]) -> None:
        for fault in on:
            if fault.layer is Layer.PACKETS and self._workshop is None:
                raise SettingsError(
                    what=f"{fault.name} is a fault of MQTT packets, which TLS hides",
                    kept="the faults as they were",
                    do="name the site's workshop with --workshop; the proxy then shows the broker's certificate",
                )


def _show(context: ssl.SSLContext, identity: Identity) -> None:
    """Load this certificate into the context; ssl accepts only a file, which is deleted at once."""
    with tempfile.TemporaryDirectory(prefix="badgeclock-chaos-") as folder:
        pem = Path(folder) / "identity.pem"
        pem.touch(mode=0o600)
        pem.write_bytes(identity.certificate_pem + identity.key_pem)
        context.load_cert_chain(pem)
