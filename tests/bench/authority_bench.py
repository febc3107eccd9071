"""How fast the client and the sandbox bring back reception numbers together, with nothing between them to wait for.

Both sides in their own processes on one machine, so the figures are a floor for the client and a ceiling for a demo.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

from badgeclock.authorities.base import Registered
from badgeclock.authorities.onss_soap import OnssSoap
from badgeclock.sandbox.process import SandboxProcess
from tests.presences import worker_item

BATCHES = 15
BATCH = 200
SINGLES = 200


def measure() -> dict[str, float]:
    """Registrations a second in batches of 200 and one by one, each call after the answer to the last."""
    with tempfile.TemporaryDirectory() as folder, SandboxProcess(Path(folder)) as sandbox:
        return asyncio.run(_measure(sandbox.endpoint))


async def _measure(endpoint: str) -> dict[str, float]:
    async with OnssSoap(endpoint) as client:
        await _register(client, "warm", 2, BATCH)
        return {
            "authority.batch_presences_per_s": await _register(client, "batch", BATCHES, BATCH),
            "authority.single_presences_per_s": await _register(client, "single", SINGLES, 1),
        }


async def _register(client: OnssSoap, name: str, calls: int, size: int) -> float:
    """Presences a second over `calls` calls of `size` presences."""
    batches = [[worker_item(f"{name}-{call}-{place}") for place in range(size)] for call in range(calls)]
    started = time.perf_counter()
    for batch in batches:
        outcomes = await client.register(batch)
        assert all(isinstance(outcome, Registered) for outcome in outcomes)
    return calls * size / (time.perf_counter() - started)
