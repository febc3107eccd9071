"""What reads much reads it a part at a time: SQLite brings its log into the file between two of them, and PostgreSQL's
vacuum passes. No transaction is as long as the store is old.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection
from tests.host.bridge.world import ANNA_UID, Clock, World

from badgeclock.bridge.operations import data_subject_export
from badgeclock.bridge.store import audit_log
from badgeclock.bridge.store.audit_log import Act, Operator
from badgeclock.evidence import store_source
from badgeclock.evidence.findings import Findings
from badgeclock.evidence.keys import ClockKeys

WHO = Operator("tester", "why")
ROWS = 3


@pytest.fixture
def busy(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A store with some punches and acts, which is read `ROWS` rows at a time."""
    world.punches(*world.clock.start(), *(world.clock.punch(ANNA_UID) for _ in range(8)))
    with world.store.write() as connection:
        for _ in range(8):
            audit_log.write(connection, WHO, Act.BACKED_UP, "store", {}, world.now_ms)
    for module, name in (
        (audit_log, "ROWS_AT_ONCE"),
        (store_source, "_ROWS_AT_ONCE"),
        (data_subject_export, "_ROWS_AT_ONCE"),
    ):
        monkeypatch.setattr(module, name, ROWS)
    return world


def keys_of(clock: Clock) -> ClockKeys:
    return ClockKeys(clock.name, clock.nonce, clock.e0)


def verify_records(world: World) -> int:
    read = store_source.read(world.store, keys_of(world.clock), Findings())
    return sum(run.end - run.first for run in read.runs)


def verify_acts(world: World) -> int:
    return audit_log.verify_in_use(world.store.read).acts


def export_person(world: World) -> int:
    found = data_subject_export.collect(world.store, world.vault, "W-001", WHO, world.now_ms)
    return len(found["punches"])


@pytest.mark.parametrize("reading", [verify_records, verify_acts, export_person])
def test_a_checkpoint_passes_between_two_parts_of_what_reads_much(
    busy: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, reading: Callable[[World], int]
) -> None:
    parts = 0
    read = busy.store.read

    @contextmanager
    def counted() -> Iterator[Connection]:
        nonlocal parts
        with read() as connection:
            yield connection
        parts += 1
        with busy.store.write() as connection:
            connection.exec_driver_sql("UPDATE sites SET roster_changes = roster_changes + 1")
        assert checkpoint(tmp_path / "bridge.db")

    monkeypatch.setattr(busy.store, "read", counted)
    rows = reading(busy)
    assert rows >= 8
    assert parts > rows // ROWS


def checkpoint(file: Path) -> bool:
    """Whether SQLite's whole log could be brought into the file at once."""
    database: Any = sqlite3.connect(file, timeout=0)
    try:
        refused, *_ = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        database.close()
    return not refused
