"""A second client with a clock's own id and certificate: the broker ends the first one's connection (§3.1.4)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

from badgeclock.chaos import mqtt
from badgeclock.chaos.relay import End

ANSWER_TIMEOUT_S: Final = 5.0
STAYS_S: Final = 0.1


async def take_over(connect: Callable[[], Awaitable[End]], client_id: str) -> bool:
    """Connect as `client_id`, stay for a moment, disconnect. True if the broker accepted the connection."""
    try:
        reader, writer = await connect()
    except OSError:
        return False
    try:
        writer.write(mqtt.connect(client_id))
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            answer = await mqtt.read_packet(reader)
        await asyncio.sleep(STAYS_S)
        return mqtt.kind(answer) == mqtt.CONNACK and answer[-1] == 0
    except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError):
        return False
    finally:
        with contextlib.suppress(OSError, RuntimeError):
            writer.close()
