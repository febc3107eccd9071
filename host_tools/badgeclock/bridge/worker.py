"""Several processes that take clocks' messages, where one is not enough (`badgeclock bridge run --workers N`).

The first worker is the bridge itself. Only it is connected to the broker; it passes each message to the worker that has
the clock (`worker_socket`). It also does everything else: status, all frames to clocks, desk, registrar. It starts the
others and restarts any that exit; they end with it, even if it is killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog

from badgeclock.bridge import store_url
from badgeclock.bridge.backoff import Backoff
from badgeclock.bridge.intake.batch import BatchResult
from badgeclock.bridge.intake.batcher import Batcher
from badgeclock.bridge.intake.flood_watch import FloodWatch
from badgeclock.bridge.intake.intake import Intake
from badgeclock.bridge.metrics import Metrics
from badgeclock.bridge.parts import Parts, Phase
from badgeclock.bridge.settings import BridgeSettings
from badgeclock.bridge.store import vault
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.web import status_api
from badgeclock.bridge.worker_socket import Relay
from badgeclock.errors import SettingsError

END_S: Final = 5.0
_RESTART_CAP_S: Final = 30.0
_PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h

log = structlog.get_logger("badgeclock.bridge.worker")


def check(settings: BridgeSettings) -> None:
    """Raise SettingsError if these settings cannot have several workers."""
    if settings.intake.workers > 1 and settings.store.url.startswith(store_url.SQLITE.rstrip("/")):
        raise SettingsError(
            what=f"{settings.intake.workers} workers cannot write one SQLite file at a time",
            kept="nothing was started",
            do="set [store] url to a PostgreSQL database, or [intake] workers to 1",
        )


class Worker:
    """A further intake: commits what its clocks send and has it acknowledged; nothing else."""

    def __init__(self, settings: BridgeSettings, number: int, folder: Path, now_ms: Callable[[], int]) -> None:
        """`settings` are the bridge's, `folder` has the workers' sockets. Raises the same errors at start as the
        bridge.
        """
        check(settings)
        own = settings.of_worker(number)
        keys = vault.load(own.secrets.data_key_file)
        self._settings = own
        self._store = Store(own.store.url)
        self._store.check()
        self._metrics = Metrics()
        self._relay = Relay(
            folder, number, settings.intake.workers, None, accept=self._accept, acknowledge=lambda _: None
        )
        self._batcher = Batcher(
            self._store,
            Intake(keys, None, own.intake.patience_ms),
            self._relay,
            committed=self._committed,
            now_ms=now_ms,
            group_messages=own.intake.group_messages,
            queue_messages=own.intake.queue_messages,
        )
        self._parts = Parts(END_S)
        self._parts.add("intake", Phase.INTAKE, self._batcher.run, finish=self._batcher.settled)
        self._parts.add("relay", Phase.ANSWERS, self._relay.run)
        self._floods = FloodWatch(self._store, self._batcher.dropped, now_ms)
        self._parts.add("flood watch", Phase.UPKEEP, self._floods.run)
        self._metrics.watch(
            lambda: {
                "first_worker_connected": float(self._relay.is_joined),
                "intake_waiting_messages": self._batcher.waiting,
                "intake_dropped_messages": float(self._floods.messages),
            },
            dict,
        )
        self._app = status_api.create_app(self._store, keys, self._metrics, lambda: self._relay.is_joined, own.http)

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set, then commit what was received."""
        async with contextlib.AsyncExitStack() as stack:
            stack.callback(self._store.close)
            if self._settings.http.port:
                serve = await stack.enter_async_context(status_api.serving(self._settings.http, self._app))
                self._parts.add("http", Phase.WEB, serve)
            await self._parts.run(stop)

    def _accept(self, topic: str, payload: bytes) -> None:
        self._batcher.deliver(topic, payload)

    def _committed(self, result: BatchResult) -> None:
        self._metrics.count_group(result.counts)
        if result.acks:
            self._relay.send_acks(result.acks)


class Crew:
    """The other workers of a bridge, as processes of their own."""

    def __init__(self, settings: BridgeSettings, config: Path, folder: Path) -> None:
        """`folder` has the workers' sockets. Raises SettingsError if these settings cannot have several."""
        check(settings)
        self._folder = folder
        self._numbers = range(2, settings.intake.workers + 1)
        self._config = config
        self._environment = {**os.environ, "BADGECLOCK_BRIDGE_INTAKE__WORKERS": str(settings.intake.workers)}

    async def run(self) -> None:
        """Keep them running until cancelled, then end them."""
        async with asyncio.TaskGroup() as group:
            for number in self._numbers:
                group.create_task(self._keep(number))

    async def _keep(self, number: int) -> None:
        backoff = Backoff(cap_s=_RESTART_CAP_S)
        while True:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "badgeclock.cli.main", "bridge", "intake", str(number)),
                *("--config", str(self._config), "--of", str(os.getpid()), "--meet", str(self._folder)),
                env=self._environment,
            )
            try:
                status = await process.wait()
            finally:
                if process.returncode is None:
                    await _end(process)
            wait_s = backoff.failed()
            log.error("a worker has ended; restarting it", worker=number, status=status, wait_s=round(wait_s, 1))
            await asyncio.sleep(wait_s)


async def _end(process: asyncio.subprocess.Process) -> None:
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), END_S + 1)
    except TimeoutError:
        process.kill()
        await process.wait()


def end_with(parent: int) -> None:
    """Have the system kill this process when `parent` ends for any reason; at once if it has already ended."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(0)
