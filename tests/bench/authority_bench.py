"""How fast the clients and the sandbox bring back reception numbers together, with nothing between them to wait for.

Both sides in their own processes on one machine, so the figures are a floor for the client and a ceiling for a demo.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from badgeclock.authorities import credentials
from badgeclock.authorities.base import Authority, Item, Registered
from badgeclock.authorities.oauth import ClientKey
from badgeclock.authorities.onss_rest import OnssRest
from badgeclock.authorities.onss_soap import OnssSoap
from badgeclock.sandbox.credentials import CLIENT_ID
from tests.presences import movement_item, worker_item
from tests.sandbox_process import SandboxProcess

BATCHES = 15
BATCH = 200
SINGLES = 200


def measure() -> dict[str, float]:
    """Registrations a second in batches of 200 and one by one, each call after the answer to the last."""
    with tempfile.TemporaryDirectory() as folder:
        with SandboxProcess(Path(folder)) as sandbox:
            figures = asyncio.run(_unsigned(sandbox))
        keys = Path(folder) / "keys"
        with SandboxProcess(Path(folder), credentials=keys) as sandbox:
            return figures | asyncio.run(_proving_itself(sandbox, keys))


async def _unsigned(sandbox: SandboxProcess) -> dict[str, float]:
    async with OnssSoap(sandbox.endpoint) as client:
        return await _figures(client, "authority.", worker_item)


async def _proving_itself(sandbox: SandboxProcess, keys: Path) -> dict[str, float]:
    own = credentials.load(keys / "client.pem", keys / "client.key")
    service = credentials.load_certificates(keys / "service.pem")
    async with OnssSoap(sandbox.endpoint, own=own, service=service) as soap:
        figures = await _figures(soap, "authority.signed.", worker_item)
    client = ClientKey(CLIENT_ID, own.key, sandbox.token)
    async with OnssRest(sandbox.rest, sandbox.token, client) as rest:
        return figures | await _figures(rest, "authority.rest.", movement_item)


async def _figures(client: Authority, prefix: str, item: Callable[[str], Item]) -> dict[str, float]:
    await _register(client, "warm", 2, BATCH, item)
    return {
        f"{prefix}batch_presences_per_s": await _register(client, "batch", BATCHES, BATCH, item),
        f"{prefix}single_presences_per_s": await _register(client, "single", SINGLES, 1, item),
    }


async def _register(client: Authority, name: str, calls: int, size: int, item: Callable[[str], Item]) -> float:
    """Presences a second over `calls` calls of `size` presences."""
    batches = [[item(f"{name}-{call}-{place}") for place in range(size)] for call in range(calls)]
    started = time.perf_counter()
    for batch in batches:
        outcomes = await client.register(batch)
        assert all(isinstance(outcome, Registered) for outcome in outcomes)
    return calls * size / (time.perf_counter() - started)
