"""`badgeclock demo` as its user meets it: one command, a page, and nothing left behind. --once is in test_wheel.py."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

pytestmark = pytest.mark.timeout(240)

COMMAND = [sys.executable, "-m", "badgeclock.cli.main", "demo"]
START_TIMEOUT_S = 90
STOP_TIMEOUT_S = 30


def children_of(pid: int) -> set[int]:
    """Every living descendant of a process, by /proc."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            parents[int(entry.name)] = int(fields[1])
    found: set[int] = set()
    new = {pid}
    while new:
        new = {child for child, parent in parents.items() if parent in new} - found
        found |= new
    return found


def alive(pids: set[int]) -> set[int]:
    return {pid for pid in pids if (Path("/proc") / str(pid)).exists()}


def wait_until_gone(pids: set[int]) -> None:
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while alive(pids):
        assert time.monotonic() < deadline, f"still running: {alive(pids)}"
        time.sleep(0.1)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    process = subprocess.Popen(
        [*COMMAND, "--port", "0", "--dir", str(tmp_path / 'a "demo" of Zoë')],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    address = re.search(r"http://\S+", line)
    assert address, f"the demo said {line!r}"
    yield process, address[0]
    if process.poll() is None:
        process.kill()
    process.wait()
    process.stdout.close()


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.torture), signal.SIGKILL]
)
def test_the_page_shows_a_tap_and_a_signal_ends_everything(
    demo: tuple[subprocess.Popen[str], str], number: signal.Signals
) -> None:
    process, address = demo
    with httpx.Client(base_url=address, trust_env=False, timeout=20) as client:
        assert "The way of a punch" in client.get("/").text
        assert client.post("/tap/nobody").status_code == 404
        assert client.get("/", headers={"Host": "attacker.example"}).status_code == 400
        client.post("/tap/anna").raise_for_status()
        with client.stream("GET", "/events") as events:
            for line in events.iter_lines():
                if line.startswith("data: [{") and re.search(r'"reception_number": \d', line):
                    break
    running = children_of(process.pid)
    assert len(running) >= 4
    process.send_signal(number)
    process.wait(STOP_TIMEOUT_S)
    wait_until_gone(running)
