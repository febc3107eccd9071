"""How fast the registrar brings presences to an authority that answers in 200 ms, and their numbers back.

The real registrar, client and SQLite store in this process, the sandbox in its own; the machine's cores carry both. The
presences are queued as the intake queues them, one punch each, and counted until all have their reception number
committed, which the receipts of the same transaction show. The bound is what the same calls allow if nothing of ours
took time: batch size times calls at once, divided by the answer's time.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from pathlib import Path

from sqlalchemy import func, insert, select

from badgeclock.authorities.onss_soap import OnssSoap
from badgeclock.bridge.downlink import receipts
from badgeclock.bridge.metrics import Metrics
from badgeclock.bridge.people import identities, sites, workers
from badgeclock.bridge.presences.day_book import Key, new_row
from badgeclock.bridge.presences.regimes import local_day
from badgeclock.bridge.registrar.registrar import Registrar
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.states import PresenceState, PunchState
from badgeclock.bridge.wall_clock import wall_clock_ms
from tests.host.bridge.world import KBO, WORKPLACE, World
from tests.national_numbers import national_number
from tests.sandbox_process import SandboxProcess

LATENCY_MS = 200
CALLS = 4
PRESENCES = int(os.environ.get("BADGECLOCK_BENCH_PRESENCES", "20000"))
VALIDATION_DELAY_MS = 3_600_000
"""The content check comes when the figure is taken: following it up is not part of it."""


def queue(world: World, count: int) -> None:
    """So many workers, each with a queued presence of today and its punch."""
    now_ms = world.now_ms
    day = local_day(now_ms, sites.TIME_ZONE)
    with world.store.write() as connection:
        worker_ids = []
        for n in range(count):
            identity = identities.niss(national_number(99_700_000 + n))
            worker_ids.append(
                workers.add(connection, world.vault, reference=f"B-{n}", name="B", identity=identity, employer_kbo=KBO)
            )
        keys = [Key(worker_id, KBO, WORKPLACE, day) for worker_id in worker_ids]
        connection.execute(insert(schema.presences), [new_row(key, 1, now_ms) for key in keys])
        made = connection.execute(select(schema.presences.c.id, schema.presences.c.worker_id)).all()
        connection.execute(
            insert(schema.punches),
            [
                {
                    "clock_id": 1,
                    "seq": at,
                    "site_id": 1,
                    "token": bytes(8),
                    "direction": 1,
                    "utc_ms": now_ms,
                    "state": PunchState.DECLARED,
                    "worker_id": row.worker_id,
                    "presence_id": row.id,
                    "received_ms": now_ms,
                }
                for at, row in enumerate(made)
            ],
        )


def counted(world: World, *states: PresenceState) -> int:
    """How many presences stand so."""
    table = schema.presences
    with world.store.read() as connection:
        return int(connection.execute(select(func.count()).where(table.c.state.in_(states))).scalar_one())


def told(world: World) -> int:
    """How many receipts are committed: one a presence, with its number or its refusal. Reading the last of them takes
    nothing beside the registrar's work, as counting presences would.
    """
    with world.store.read() as connection:
        return receipts.newest(connection)


async def registered_per_s(world: World, client: OnssSoap, count: int) -> tuple[float, float]:
    """Presences a second until all are registered, and seconds of the processor this process took for each."""
    registrar = Registrar(
        world.store,
        world.vault,
        client,
        Metrics(),
        now_ms=wall_clock_ms,
        changed=lambda: None,
        call_ms=30_000,
        settle_ms=5000,
        calls=CALLS,
    )
    started, worked = time.perf_counter(), time.process_time()
    task = asyncio.create_task(registrar.run())
    try:
        while told(world) < count:
            if task.done():
                raise RuntimeError("the registrar ended")
            await asyncio.sleep(0.05)
    finally:
        elapsed, took = time.perf_counter() - started, time.process_time() - worked
        task.cancel()
        await asyncio.wait([task])
    if counted(world, PresenceState.REGISTERED) != count:
        raise RuntimeError("not every presence was registered")
    return count / elapsed, took / count


def measure() -> dict[str, float]:
    """Presences a second, the bound, and the processor's share."""
    with tempfile.TemporaryDirectory(prefix="badgeclock-bench-") as scratch:
        folder = Path(scratch)
        world = World(folder)
        world.now_ms = wall_clock_ms()
        queue(world, PRESENCES)
        with SandboxProcess(folder, latency_ms=LATENCY_MS, validation_delay_ms=VALIDATION_DELAY_MS) as sandbox:
            per_s, cpu_s = asyncio.run(_measure(world, sandbox.endpoint))
            received = sandbox.received()["total"]
        if received != PRESENCES:
            raise RuntimeError(f"the sandbox has {received} registrations of {PRESENCES}")
        if told(world) != PRESENCES:
            raise RuntimeError(f"{told(world)} receipts were written for {PRESENCES} presences")
        world.close()
    return {
        "registrar.presences_per_s": per_s,
        "registrar.bound_presences_per_s": OnssSoap.batch_limit * CALLS * 1000 / LATENCY_MS,
        "registrar.cpu_us_per_presence": cpu_s * 1e6,
    }


async def _measure(world: World, endpoint: str) -> tuple[float, float]:
    async with OnssSoap(endpoint) as client:
        return await registered_per_s(world, client, PRESENCES)
