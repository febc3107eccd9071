"""One bridge per store: the second one reports the holder, and only the first one's end frees the store."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from tests.host.bridge.world import BOTH, eventually

from badgeclock.bridge.errors import StoreInUse
from badgeclock.bridge.store import bridge_lock
from badgeclock.errors import StoreError

DATABASES = BOTH
HOLD = (
    "import sys, time; from badgeclock.bridge.store import bridge_lock; "
    "lock = bridge_lock.take(sys.argv[1]); print('held', flush=True); time.sleep(600)"
)


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge_lock, "WATCH_S", 0.02)


def holding(url: str) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, url], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_the_second_says_who_has_it_until_the_first_ends_however_it_ends(database: str) -> None:
    process = holding(database)
    try:
        with pytest.raises(StoreInUse, match=f"process {process.pid} on ") as refused:
            bridge_lock.take(database)
        assert "since 20" in str(refused.value)
        with pytest.raises(StoreInUse):  # however often it is tried
            bridge_lock.take(database)
    finally:
        process.kill()
        process.communicate()
    lock = asyncio.run(when_free(database))
    with pytest.raises(StoreInUse, match=f"process {os.getpid()} on "):
        bridge_lock.take(database)
    lock.release()
    bridge_lock.take(database).release()


async def when_free(url: str) -> bridge_lock.BridgeLock:
    """The lock, as soon as the system or the server has noticed that its holder has ended."""
    taken: list[bridge_lock.BridgeLock] = []

    def free() -> bool:
        try:
            taken.append(bridge_lock.take(url))
        except StoreInUse:
            return False
        return True

    await eventually(free)
    return taken[0]


def lose(url: str) -> None:
    """Do to the lock what an administrator may do without stopping the bridge."""
    if url.startswith("sqlite:///"):
        Path(url.removeprefix("sqlite:///") + ".lock").unlink()
        return
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name LIKE 'badgeclock bridge%' AND datname = current_database()"
        )


def holder(url: str) -> str | None:
    """The lock's holder: from its file, written once it is held; on PostgreSQL the number of its session."""
    if url.startswith("sqlite:///"):
        file = Path(url.removeprefix("sqlite:///") + ".lock")
        return (file.read_text() or None) if file.exists() else None
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        held = (
            "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        row = connection.execute(held).fetchone()
        return None if row is None else str(row[0])


async def test_a_lock_that_was_lost_is_taken_again(database: str) -> None:
    lock = bridge_lock.take(database)
    lose(database)
    gone = holder(database)  # a session may take a moment to end
    task = asyncio.create_task(bridge_lock.keep(lock))
    await eventually(lambda: holder(database) not in (None, gone))
    with pytest.raises(StoreInUse):
        bridge_lock.take(database)
    assert not task.done()
    task.cancel()
    await asyncio.wait([task])
    lock.release()


async def test_a_bridge_that_lost_its_lock_to_another_ends(database: str) -> None:
    lock = bridge_lock.take(database)
    lose(database)
    other = await when_free(database)
    with pytest.raises(StoreInUse):
        await bridge_lock.keep(lock)
    other.release()
    lock.release()


def test_a_folder_in_which_nothing_can_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be opened"):
        bridge_lock.take(f"sqlite:///{tmp_path / 'absent' / 'bridge.db'}")
