"""The bridge's end of the console's socket: one line of JSON for each request, one for each answer.

Only the bridge's own user may open it (mode 0600, and the kernel says who connects). A request is carried out by the
bridge's one writer, so that no other process holds the store's lock: a console that hangs, floods or crashes delays no
punch. The number of connections and the time of each are limited; an incomplete request is not carried out.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from badgeclock.bridge import logs
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.store.vault import Vault
from badgeclock.errors import BadgeclockError

LINE_BYTES: Final = 65_536
"""Limit of a request other than an import; the console keeps its own to it."""
IMPORT_BYTES: Final = 4 * 2**20
"""Limit of an import's rows: no line is longer."""
WAIT_S: Final = 10.0
"""How long receiving a request, and sending its answer, may take."""
CONNECTIONS: Final = 32
_PEER: Final = struct.Struct("3i")
"""pid, uid and gid of the other end (unix(7), SO_PEERCRED)."""
_ROOT: Final = 0

log = logs.Named("badgeclock.bridge.acts")


@contextlib.contextmanager
def named(path: Path) -> Iterator[str]:
    """A short enough name (108 bytes, unix(7)) for a socket's file in any folder: relative to an open folder."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


class ActsSocket:
    """Listens until cancelled. `acted` is called after each act that was committed."""

    def __init__(
        self, path: Path, store: Store, vault: Vault, now_ms: Callable[[], int], acted: Callable[[], None]
    ) -> None:
        self._path = path
        self._store = store
        self._vault = vault
        self._now_ms = now_ms
        self._acted = acted
        self._serving: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve until cancelled; without a folder for the socket the bridge continues, and logs that."""
        try:
            listener = self._listener()
        except OSError as error:
            log.error("the console can change nothing: its socket cannot be made", error=error.strerror or str(error))
            await asyncio.Event().wait()
            return
        try:
            server = await asyncio.start_unix_server(self._connected, sock=listener, limit=IMPORT_BYTES)
            async with server:
                await server.serve_forever()
        finally:
            for task in self._serving:
                task.cancel()
            with contextlib.suppress(OSError):
                self._path.unlink()

    def _listener(self) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._path.unlink(missing_ok=True)
            before = os.umask(0o177)
            try:
                with named(self._path) as name:
                    listener.bind(name)
            finally:
                os.umask(before)
        except BaseException:
            listener.close()
            raise
        return listener

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            if len(self._serving) <= CONNECTIONS and _is_own_user(writer):
                async with asyncio.timeout(WAIT_S):
                    line = await reader.readuntil(b"\n")
                answer = await self._answered(line)
                writer.write(json.dumps(answer).encode() + b"\n")
                async with asyncio.timeout(WAIT_S):
                    await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # no request came, or the client has gone
        finally:
            self._serving.discard(task)
            writer.close()

    async def _answered(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
            asked, secret, fields = request["act"], request["session"], request["fields"]
            if not (isinstance(asked, str) and isinstance(secret, str) and isinstance(fields, dict)):
                raise TypeError
        except (ValueError, KeyError, TypeError):
            return _refusal(_unread())
        try:
            # Loaded when somebody first acts, in no thread that takes punches.
            perform = await asyncio.to_thread(_performing)
            done = await self._store.writing(perform, self._vault, asked, secret, fields, self._now_ms())
        except BadgeclockError as error:
            return _refusal(error)
        self._acted()
        return {"done": done}


def _performing() -> Callable[..., dict[str, Any]]:
    from badgeclock.bridge.acts.acts import perform  # noqa: PLC0415 - a third of what a bridge would load at its start

    return perform


def _unread() -> BadgeclockError:
    return BadgeclockError(
        what="the bridge does not understand what the console asks",
        kept="everything as it was",
        do="run both in one version",
    )


def _refusal(error: BadgeclockError) -> dict[str, Any]:
    return {"refused": {"kind": type(error).__name__, "what": error.what, "kept": error.kept, "do": error.do}}


def _is_own_user(writer: asyncio.StreamWriter) -> bool:
    other: socket.socket = writer.get_extra_info("socket")
    _, uid, _ = _PEER.unpack(other.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
    return uid in (os.geteuid(), _ROOT)
