"""Notifies the system's service manager that a service is ready, alive, or stopping (sd_notify(3)).

Without a manager, as from a shell, nothing is sent. Sending never waits, so an absent manager costs nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from typing import Final

READY: Final = "READY=1"
STOPPING: Final = "STOPPING=1"
_ALIVE: Final = "WATCHDOG=1"


def say(message: str) -> None:
    """Send one message."""
    name = os.environ.get("NOTIFY_SOCKET", "")
    if not name.startswith(("/", "@")):
        return
    address = "\0" + name[1:] if name.startswith("@") else name
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as out:
        out.sendto(message.encode(), address)


def watchdog_s() -> float | None:
    """The watchdog's interval for this process, seconds; None if it has none."""
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()) or not microseconds.isdecimal():
        return None
    return int(microseconds) / 1e6 or None


async def keep_alive() -> None:
    """Report the service as ready, then as alive three times per watchdog interval, until cancelled, which reports it
    as stopping.
    """
    say(READY)
    every_s = watchdog_s()
    try:
        while True:
            await asyncio.sleep(3600 if every_s is None else every_s / 3)
            if every_s is not None:
                say(_ALIVE)
    finally:
        say(STOPPING)
