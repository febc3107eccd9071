"""A program that is suspended in the middle of a write to an SQLite store: who it is, and that it stops no intake."""

from __future__ import annotations

import ast
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.bench.load import Drive, Rig, now_ms
from tests.host.bridge.world import World

from badgeclock.bridge.store import database, write_lock
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.store.write_lock import WriteLockWatch
from badgeclock.cli import context
from badgeclock.errors import StoreError

PATIENCE_S = 60.0
# It is in the middle of its write, and ends that when it is made to go on.
HOLDS = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
connection.execute("CREATE TABLE held (x)")
print("holds", flush=True)
{stand}
connection.execute("COMMIT")
"""


@contextmanager
def holding(path: Path, stand: str) -> Iterator[subprocess.Popen[str]]:
    """Another program that is in the middle of a write."""
    command = [sys.executable, "-c", HOLDS.format(stand=stand), str(path), "--name", "Anna Proef"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "holds\n"
            yield process
        finally:
            process.kill()


def wait_for(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


SUSPENDED = "os.kill(os.getpid(), signal.SIGSTOP)"
AT_WORK = "while True: pass"
WAITS = "sys.stdin.readline()"
SUSPENDED_AGAIN = f"""
signal.signal(signal.SIGCONT, lambda *_: {SUSPENDED})
while True: {SUSPENDED}
"""


async def test_who_holds_the_store_is_said_and_a_suspended_program_is_made_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    World(tmp_path).close()
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.1)
    store = Store(f"sqlite:///{tmp_path / 'bridge.db'}")
    watch = WriteLockWatch(f"sqlite:///{tmp_path / 'bridge.db'}")
    with holding(tmp_path / "bridge.db", SUSPENDED) as other:
        wait_for(lambda: (found := write_lock.holder(tmp_path / "bridge.db")) is not None and found.is_stopped)
        with pytest.raises(StoreError, match=f"process {other.pid} .*suspended") as refused, store.write():
            pass
        assert f"kill -CONT {other.pid}" in refused.value.do
        assert "Anna" not in str(refused.value)
        assert not store.takes_writes
        await watch.work()
        await watch.work()
        assert other.wait(PATIENCE_S) == 0, "it has ended its write"
    with store.write() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM held").scalar() == 0
    assert store.takes_writes
    store.close()


def works_more(path: Path, seen: list[int]) -> bool:
    """Whether the program that holds the store has worked since it was last `seen`."""
    found = write_lock.holder(path)
    if found is None or (seen and found.worked == seen[-1]):
        return False
    seen.append(found.worked)
    return True


async def test_a_program_that_works_is_left_alone_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    World(tmp_path).close()
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.1)
    store = Store(f"sqlite:///{tmp_path / 'bridge.db'}")
    watch = WriteLockWatch(f"sqlite:///{tmp_path / 'bridge.db'}")
    with holding(tmp_path / "bridge.db", AT_WORK) as other:
        for looks in range(write_lock.LONG_ROUNDS + 2):
            wait_for(lambda: works_more(tmp_path / "bridge.db", seen))
            await watch.work()
            assert len(seen) == looks + 1
        with pytest.raises(StoreError, match=f"process {other.pid}") as refused, store.write():
            pass
        assert "suspended" not in str(refused.value)
    with store.write():
        assert write_lock.holder(tmp_path / "bridge.db") is None, "one's own lock is nobody else's"
    store.close()


@pytest.mark.parametrize("stand", [WAITS, SUSPENDED_AGAIN], ids=["waits", "suspended-again"])
async def test_a_program_that_stands_in_its_write_for_a_minute_is_ended_and_its_change_undone(
    tmp_path: Path, stand: str
) -> None:
    World(tmp_path).close()
    store = Store(f"sqlite:///{tmp_path / 'bridge.db'}")
    watch = WriteLockWatch(f"sqlite:///{tmp_path / 'bridge.db'}")
    with holding(tmp_path / "bridge.db", stand) as other:
        for _ in range(write_lock.LONG_ROUNDS):
            await watch.work()
        assert other.poll() is None
        for _ in range(write_lock.LONG_ROUNDS):  # what it did in between is work, if it was measurable
            await watch.work()
        assert other.wait(PATIENCE_S) == -signal.SIGKILL
    with store.write() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM sqlite_master WHERE name = 'held'").scalar() == 0
    store.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="a command of root's needs root")
def test_a_command_of_roots_is_within_reach_of_the_bridges_user_while_it_has_the_store(tmp_path: Path) -> None:
    config, nobody, who = _settings(tmp_path), 54_321, context.operator()
    World(tmp_path).close()
    os.chown(tmp_path / "bridge.db", nobody, nobody)

    def reached() -> bool:
        asks = f"import os; os.setuid({nobody}); os.kill({os.getpid()}, 0)"
        return subprocess.run([sys.executable, "-c", asks], capture_output=True, check=False).returncode == 0

    assert not reached()
    with context.changing(config):
        assert reached()
        assert context.operator() == who
        assert os.geteuid() == 0
    assert not reached()


HAS_THE_STORE = re.compile(r"\b(changing|looking|write|read)\(").search
PRINTS_OR_ASKS = re.compile(r"\b(echo|print|prompt|confirm|secret_\w+)$").search


def test_no_command_prints_or_asks_while_it_has_the_store() -> None:
    # A terminal that was halted (Ctrl-S), or a pager, would hold the store for as long as it likes.
    found = [
        f"{path.name}:{call.lineno}"
        for path in sorted(Path(context.__file__).parent.glob("*.py"))
        for block in ast.walk(ast.parse(path.read_text()))
        if isinstance(block, ast.With) and any(HAS_THE_STORE(ast.unparse(one.context_expr)) for one in block.items)
        for call in ast.walk(block)
        if isinstance(call, ast.Call) and PRINTS_OR_ASKS(ast.unparse(call.func))
    ]
    assert not found


def test_intake_goes_on_and_nothing_is_lost_when_a_program_was_suspended_in_its_write(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    try:
        tokens = rig.employ(5)
        (clock,) = rig.add_clocks("clock", 1)
        clock.seal(10, 1, tokens, now_ms())
        rig.start()
        clock.connect(rig)
        with holding(rig.config.with_name("bridge.db"), SUSPENDED):
            drive = Drive([clock], resend_s=5.0)
            drive.run(window=4)
            assert drive.done
        clock.check_last_ack()
        assert "made to go on" in (tmp_path / "bridge.log").read_text()
    finally:
        rig.close()


def _settings(tmp_path: Path) -> Path:
    (tmp_path / "data.key").write_text(b"data key of the tests, 32 bytes.".hex())
    (tmp_path / "data.key").chmod(0o600)
    config = tmp_path / "bridge.toml"
    config.write_text(
        '[broker]\nca = "c"\ncertificate = "c"\nkey = "k"\n[secrets]\ndata_key_file = "data.key"\n'
        '[authority]\nendpoint = "http://127.0.0.1:9/"\n'
    )
    return config


@pytest.mark.usefixtures("world")
def test_a_command_is_not_suspended_in_the_midst_of_its_write(tmp_path: Path) -> None:
    config = _settings(tmp_path)
    held: list[bool] = []

    def suspend(*_: object) -> None:
        with sqlite3.connect(tmp_path / "bridge.db", timeout=0) as other:
            try:
                other.execute("BEGIN IMMEDIATE")
                held.append(False)
            except sqlite3.OperationalError:
                held.append(True)
        other.close()

    before = signal.signal(signal.SIGTSTP, suspend)
    ends = threading.Event()
    another = threading.Thread(target=ends.wait)
    another.start()
    try:
        with context.changing(config):
            # Ctrl-Z is for the process, and the kernel gives it to a thread of its choice.
            signal.pthread_kill(another.ident or 0, signal.SIGTSTP)
            time.sleep(0.2)
            assert not held
            os.kill(os.getpid(), signal.SIGTSTP)
        wait_for(lambda: bool(held))
    finally:
        signal.signal(signal.SIGTSTP, before)
        ends.set()
        another.join()
    assert held == [False], "when it is suspended, it no longer holds the store"
