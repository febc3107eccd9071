"""What a service says to the system's service manager: that it is ready, alive, or stops (sd_notify(3)).

Without a manager, as from a shell, nothing is said. A manager that is away costs nothing: no message is waited for.
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
    """How often the manager wants to be sure that this very process is alive, seconds; None if it does not."""
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()) or not microseconds.isdecimal():
        return None
    return int(microseconds) / 1e6 or None


async def keep_alive() -> None:
    """Say that the service is ready, and three times in each of the watchdog's times that its loop turns; until
    cancelled, which says that it stops.
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
