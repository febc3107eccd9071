"""An SNTP server on loopback (RFC 4330), as on a site's router: returns the set time, or a false one.

It answers one query at a time in its own thread. Anything but a query gets no answer.
"""

from __future__ import annotations

import contextlib
import secrets
import socket
import struct
import threading
from collections.abc import Callable
from enum import Enum
from typing import Final

LOOPBACK: Final = "127.0.0.1"
PACKET: Final = struct.Struct(">BBbbII4s8s8s8s8s")
TO_1970_S: Final = 2_208_988_800
VERSION_4: Final = 4 << 3
CLIENT: Final = 3
SERVER: Final = 4
MODE: Final = 7
NOT_IN_TIME: Final = 3 << 6
LIE_S: Final = 3 * 365 * 86_400
LONGEST: Final = 512


class Temper(Enum):
    """How a time server answers: correctly, not at all, three years ahead, "no time myself", or nonsense."""

    RIGHT = "right"
    SILENT = "silent"
    LYING = "lying"
    LOST = "lost"
    RUBBISH = "rubbish"


def timestamp(unix_s: float) -> bytes:
    """An NTP timestamp: seconds since 1900 modulo 2**32, and their fraction, 32 bits each."""
    whole = int(unix_s // 1)
    return struct.pack(">II", (whole + TO_1970_S) % 2**32, int((unix_s - whole) * 2**32))


def write_answer(question: bytes, unix_s: float, *, stratum: int = 2) -> bytes | None:
    """The answer to a client's packet; None for anything else."""
    if len(question) < PACKET.size or question[0] & MODE != CLIENT:
        return None
    now = timestamp(unix_s)
    leap = 0 if stratum else NOT_IN_TIME
    origin = question[40:48]
    return PACKET.pack(leap | VERSION_4 | SERVER, stratum, 6, -20, 64, 64, bytes(4), now, origin, now, now)


class TimeServer:
    """Answers at `port` on loopback until it is closed. now: returns Unix seconds; temper: how the next is answered."""

    def __init__(self, now: Callable[[], float], temper: Callable[[], Temper]) -> None:
        self._now = now
        self._temper = temper
        self._closed = False
        self.asked = 0
        """The number of queries."""
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.bind((LOOPBACK, 0))
        self.port: int = self._sock.getsockname()[1]
        self._thread = threading.Thread(target=self._run, name="time server", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop."""
        self._closed = True
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", (LOOPBACK, self.port))
        self._thread.join(1.0)

    def _run(self) -> None:
        with self._sock:
            while True:
                question, asker = self._sock.recvfrom(LONGEST)
                if self._closed:
                    return
                self.asked += 1
                answer = self._answer(question)
                if answer is not None:
                    with contextlib.suppress(OSError):
                        self._sock.sendto(answer, asker)

    def _answer(self, question: bytes) -> bytes | None:
        temper = self._temper()
        if temper is Temper.SILENT:
            return None
        if temper is Temper.RUBBISH:
            return secrets.token_bytes(secrets.randbelow(LONGEST))
        lie_s = LIE_S if temper is Temper.LYING else 0
        return write_answer(question, self._now() + lie_s, stratum=0 if temper is Temper.LOST else 2)
