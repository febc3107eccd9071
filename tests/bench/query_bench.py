"""Queries on a store with ten thousand and with a million presences, and a bridge that runs on it without clocks.

Each question is the bridge's own function on SQLite: milliseconds of the processor, the fewest of some readings, since
what else the machine does meanwhile is no part of it. The store is made once (`grown_store`).
"""

from __future__ import annotations

import gc
import json
import os
import resource
import socket
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection

from badgeclock.bridge.attention import attention
from badgeclock.bridge.operations import retention
from badgeclock.bridge.presences.holders import holders_of
from badgeclock.bridge.presences.regimes import Declared
from badgeclock.bridge.registrar import outbox, reception_numbers, review_queue
from badgeclock.bridge.settings import RetentionSettings
from badgeclock.bridge.store import presence_counts
from badgeclock.bridge.store.audit_log import Operator
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.store.states import PresenceState
from badgeclock.bridge.web import planning_store
from badgeclock.bridge.web.planning_models import PageOfDays
from badgeclock.bridge.web.planning_store import Asker
from badgeclock.bridge.web.reach import EVERYTHING
from tests.bench import grown_store
from tests.bench.load import Drive, LoadClock, Rig, allow_many_connections

SIZES: Final = {"1e4": 10_000, "1e6": 1_000_000}
ROUNDS: Final = 7
IDLE_S: Final = 20.0
SETTLED_S: Final = 5.0
CLOCKS: Final = int(os.environ.get("BADGECLOCK_BENCH_CLOCKS", "10000"))
CLOCKS_SETTLED_S: Final = 20.0
NOW_MS: Final = grown_store.ms_of(grown_store.LAST_DAY, 18)
_PAST: Final = grown_store.LAST_DAY - timedelta(days=5)

ASKED: Final[dict[str, Callable[[Connection], Any]]] = {
    "next_due": lambda connection: outbox.next_due_ms(connection, PresenceState.REGISTERED, [Declared.DAY]),
    "presences_by_state": presence_counts.by_state,
    "attention_counts": lambda connection: attention.counts(connection, NOW_MS),
    "presence_list": lambda connection: review_queue.listing(connection, 100, NOW_MS),
    "planning_presences": lambda connection: planning_store.presences_after(
        connection, Asker(Operator("bench"), EVERYTHING, NOW_MS), PageOfDays(first=_PAST, last=_PAST, limit=1000)
    ),
    "numbers_known": lambda connection: reception_numbers.whose(
        connection, range(10**9 + 1, 10**9 + 201), [Declared.DAY]
    ),
    "holders": lambda connection: holders_of(connection, grown_store.punches_of(500)),
    "retention_due": lambda connection: retention.due(connection, RetentionSettings(), NOW_MS),
}


def measure() -> dict[str, float]:
    """Figures by their names in catalogue.py."""
    figures: dict[str, float] = {}
    for size, presences in SIZES.items():
        with tempfile.TemporaryDirectory(prefix="badgeclock-bench-") as folder:
            path = Path(folder) / "grown.db"
            grown_store.place(presences, path)
            store = Store(f"sqlite:///{path}")
            for name, ask in ASKED.items():
                figures[f"scale.query_ms.{name}.{size}"] = _fastest_ms(store, ask)
            store.close()
            figures |= _idle(Path(folder), path, size)
    return figures | _quiet_clocks()


def _fastest_ms(store: Store, ask: Callable[[Connection], Any]) -> float:
    took = []
    for _ in range(ROUNDS):
        gc.collect()
        with store.read() as connection:
            began = time.thread_time()
            ask(connection)
            took.append(time.thread_time() - began)
    return min(took) * 1000


def _idle(folder: Path, path: Path, size: str) -> dict[str, float]:
    """Processor and memory of a bridge with broker and no clocks, scraped as by Prometheus."""
    rig = Rig(folder / "rig")
    try:
        rig.store.close()
        target = rig.config.parent / "bridge.db"
        for file in rig.config.parent.glob("bridge.db*"):
            file.unlink()
        path.rename(target)
        rig.start()
        time.sleep(SETTLED_S)
        return _cost_of(rig, size)
    finally:
        rig.close()


def _cost_of(rig: Rig, name: str) -> dict[str, float]:
    before = rig.cpu_s("bridge")
    began = time.monotonic()
    while time.monotonic() - began < IDLE_S:
        _ask_metrics(rig)
        time.sleep(IDLE_S / 4)
    spent = rig.cpu_s("bridge") - before
    return {
        f"scale.idle_cpu_percent.{name}": spent / (time.monotonic() - began) * 100,
        f"scale.rss_mb.{name}": rig.resident_kb("bridge") / 1024,
    }


def _quiet_clocks() -> dict[str, float]:
    """The same of a bridge whose clocks are all connected and have said their status, and send nothing meanwhile."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = allow_many_connections(CLOCKS)
    try:
        with tempfile.TemporaryDirectory(prefix="badgeclock-bench-") as folder:
            rig = Rig(Path(folder))
            try:
                rig.start()
                fleet = rig.add_clocks("quiet", wanted)
                _found(rig, fleet)
                time.sleep(CLOCKS_SETTLED_S)
                return _cost_of(rig, "clocks_1e4")
            finally:
                rig.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def _found(rig: Rig, fleet: list[LoadClock]) -> None:
    for number, clock in enumerate(fleet):
        # The ports of one address would do, but not beside those that wait in TIME_WAIT.
        clock.connect(rig, f"127.0.0.{1 + number % 8}")
    drive = Drive(fleet)
    drive.listen(1)
    drive.run(2)


def _ask_metrics(rig: Rig) -> None:
    with socket.create_connection(("127.0.0.1", rig.http_port), 60) as connection:
        connection.sendall(b"GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n")
        while connection.recv(65_536):
            pass


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
