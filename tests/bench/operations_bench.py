"""Backup, restore and deletion of what is old, with a million presences and while something else goes on.

A backup is made by the command, beside a bridge that takes twenty punches a second, and put in place elsewhere beside
it. Deletion runs by the command as well, alone on the machine but for another writer of the same store, which changes
one row and waits a moment, again and again: its longest wait is what a punch can wait for the store.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from tests.bench import grown_store
from tests.bench.living_store import Punching, fleet_of, rig_on
from tests.bench.load import LoadClock, Rig

PRESENCES: Final = int(os.environ.get("BADGECLOCK_BENCH_PRESENCES", "1000000"))
PER_S: Final = 20.0
PUNCHING_S: Final = 40.0
DAYS_DELETED: Final = 5
"""Of 1,000 presences each."""
PATIENCE_S: Final = 600.0
BETWEEN_S: Final = 0.002


def measure() -> dict[str, float]:
    """Figures by their names in catalogue.py. Raises RuntimeError if a punch is lost, CalledProcessError of a command
    that fails.
    """
    with tempfile.TemporaryDirectory(prefix="badgeclock-bench-") as folder:
        rig = rig_on(Path(folder) / "rig", PRESENCES)
        try:
            fleet = fleet_of(rig, "live", PER_S, PUNCHING_S)
            return _retention(rig) | _backup(rig, Path(folder), fleet)
        finally:
            rig.close()


def _backup(rig: Rig, folder: Path, fleet: Sequence[LoadClock]) -> dict[str, float]:
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    config = elsewhere / "bridge.toml"
    config.write_text(rig.config.read_text().replace('"data.key"', f'"{rig.config.parent / "data.key"}"'))
    rig.start()
    clocks = Punching(rig, fleet, PER_S)
    made = _seconds(rig.config, "backup", "make", str(folder / "backup"))
    restored = _seconds(config, "backup", "restore", str(folder / "backup"), "--reason", "measured")
    return {
        "backup.make_s.1e6": made,
        "backup.restore_s.1e6": restored,
        "backup.pause_ms": clocks.wait() * 1000,
    }


def _retention(rig: Rig) -> dict[str, float]:
    first = grown_store.LAST_DAY - timedelta(days=PRESENCES // grown_store.WORKERS - 1)
    kept = (datetime.now(UTC).date() - first).days - DAYS_DELETED
    rig.config.write_text(rig.config.read_text() + f"[retention]\npresences_days = {kept}\n")
    waits: list[float] = []
    stop = threading.Event()
    beside = threading.Thread(target=_write, args=(rig.config.parent / "bridge.db", stop, waits))
    beside.start()
    try:
        took = _seconds(rig.config, "retention", "run", "--reason", "measured")
    finally:
        stop.set()
        beside.join()
    waits.sort()
    return {
        "retention.pause_ms.p99": waits[len(waits) * 99 // 100] * 1000,
        "retention.pause_ms.max": waits[-1] * 1000,
        "retention.presences_per_s": DAYS_DELETED * grown_store.WORKERS / took,
    }


def _write(file: Path, stop: threading.Event, waits: list[float]) -> None:
    """Change one row of a store again and again, as a bridge does; the seconds until each change could begin."""
    connection = sqlite3.connect(file, isolation_level=None, timeout=PATIENCE_S)
    connection.execute("PRAGMA synchronous=FULL")
    while not stop.is_set():
        began = time.perf_counter()
        connection.execute("BEGIN IMMEDIATE")
        waits.append(time.perf_counter() - began)
        connection.execute("UPDATE clocks SET failing_times = failing_times WHERE id = 1")
        connection.execute("COMMIT")
        stop.wait(BETWEEN_S)
    connection.close()


def _seconds(config: Path, *words: str) -> float:
    """How long a command of `badgeclock bridge` takes."""
    command = [sys.executable, "-m", "badgeclock.cli.main", "bridge", *words, "--config", str(config)]
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return time.monotonic() - began


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
