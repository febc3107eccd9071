"""The cost of the bridge's intake without the broker: judged, decided and committed, on SQLite with synchronous=FULL.

Every record is a punch of a known badge, half IN and half OUT, so that presences, punches and the running seal are
written as in service. Groups are as large as the service makes them under load. Beside it, in the same run: the seal
alone, and the bare driver writing the same 64-byte rows in transactions of the same size.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from badgeclock.bridge.downlink.frames_out import Downlink
from badgeclock.bridge.intake.batch import ClockMessage
from badgeclock.bridge.intake.intake import Intake
from badgeclock.cli.run import collect_seldom
from badgeclock.protocol import seal
from badgeclock.protocol.record import Direction
from tests.host.bridge.world import ANNA_UID, BRAM_UID, Clock, World

CLOCKS = 50
BATCHES_A_CLOCK = 16
RECORDS_A_BATCH = 63
SINGLES_A_CLOCK = 200
GROUP_MESSAGES_BATCH = 50
GROUP_MESSAGES_SINGLE = 1000


def fleet(world: World, prefix: str, batches: int, records_a_batch: int) -> list[list[bytes]]:
    """Per clock its `punches` payloads, sealed; the clocks are founded and added to the bridge."""
    payloads = []
    for number in range(CLOCKS):
        clock = world.add_clock(Clock(f"{prefix}-{number:03d}"))
        world.punches(*clock.start(), clock=clock)
        mine = []
        for _ in range(batches):
            raws = [
                clock.punch((ANNA_UID, BRAM_UID)[n % 2], (Direction.IN, Direction.OUT)[n // 2 % 2])
                for n in range(records_a_batch)
            ]
            mine.append(b"".join(raws))
        payloads.append(mine)
    return payloads


def groups(world: World, prefix: str, payloads: Sequence[Sequence[bytes]], size: int) -> Iterable[list[ClockMessage]]:
    """The messages of all clocks in turn, in groups."""
    turn = [
        ClockMessage(f"badgeclock/v1/{prefix}-{number:03d}/punches", mine[at], world.now_ms)
        for at in range(len(payloads[0]))
        for number, mine in enumerate(payloads)
    ]
    return (turn[at : at + size] for at in range(0, len(turn), size))


def taken_per_s(world: World, prefix: str, payloads: Sequence[Sequence[bytes]], size: int) -> float:
    """Records a second through the intake, commit included."""
    intake = Intake(world.vault, Downlink(world.vault))
    ready = list(groups(world, prefix, payloads, size))
    collect_seldom()
    started = time.perf_counter()
    accepted = 0
    for group in ready:
        with world.store.write() as connection:
            accepted += intake.handle(connection, group, world.now_ms).counts["accepted"]
    elapsed = time.perf_counter() - started
    expected = sum(len(payload) for mine in payloads for payload in mine) // 64
    if accepted != expected:
        raise RuntimeError(f"{accepted} of {expected} records were accepted")
    return accepted / elapsed


def verified_per_s(payloads: Sequence[bytes], clock: Clock) -> float:
    """Records a second through the seal alone."""
    state = seal.found(clock.name, clock.e0, clock.nonce)
    fresh = Clock(clock.name)
    for raw in fresh.start():
        state = seal.advance(state, raw)[1]
    raws = [payload[at : at + 64] for payload in payloads for at in range(0, len(payload), 64)]
    started = time.perf_counter()
    for raw in raws:
        state = seal.advance(state, raw)[1]
    return len(raws) / (time.perf_counter() - started)


def bare_rows_per_s(folder: Path, rows: int, a_commit: int) -> float:
    """Rows of 64 bytes a second that the bare driver commits, WAL and synchronous=FULL as the bridge has them."""
    connection = sqlite3.connect(folder / "bare.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(
        "CREATE TABLE records (clock INTEGER, seq INTEGER, raw BLOB, PRIMARY KEY (clock, seq)) WITHOUT ROWID"
    )
    raw = bytes(range(64))
    started = time.perf_counter()
    for at in range(0, rows, a_commit):
        connection.execute("BEGIN IMMEDIATE")
        some = [(number % CLOCKS, number // CLOCKS, raw) for number in range(at, at + a_commit)]
        connection.executemany("INSERT INTO records VALUES (?, ?, ?)", some)
        connection.execute("COMMIT")
    elapsed = time.perf_counter() - started
    connection.close()
    return rows / elapsed


def measure() -> dict[str, float]:
    """Figures of the intake; records a second."""
    with tempfile.TemporaryDirectory(prefix="badgeclock-bench-") as scratch:
        folder = Path(scratch)
        world = World(folder)
        batches = fleet(world, "batch", BATCHES_A_CLOCK, RECORDS_A_BATCH)
        singles = fleet(world, "single", SINGLES_A_CLOCK, 1)
        figures = {
            "bridge.intake.batch_records_per_s": taken_per_s(world, "batch", batches, GROUP_MESSAGES_BATCH),
            "bridge.intake.single_records_per_s": taken_per_s(world, "single", singles, GROUP_MESSAGES_SINGLE),
            "bridge.intake.verify_records_per_s": verified_per_s(batches[0], Clock("batch-000")),
        }
        group_rows = GROUP_MESSAGES_BATCH * RECORDS_A_BATCH
        figures["bridge.intake.bare_sqlite_rows_per_s"] = bare_rows_per_s(folder, 16 * group_rows, group_rows)
        world.close()
    return figures


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
