"""`badgeclock demo` from the user's view: one command, a page, and nothing left behind. --once is in test_wheel.py."""

from __future__ import annotations

import os
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


def registered(client: httpx.Client, times: int) -> None:
    """Wait until so many punches on the demo's page have a number."""
    with client.stream("GET", "/events") as events:
        for line in events.iter_lines():
            if len(re.findall(r'"reception_number": \d', line)) == times:
                return


def give_the_badge_away_on_the_operators_pages(client: httpx.Client, demo: int) -> None:
    """By the address and the password on the demo's page, through the running bridge; and punches go on while the
    console is suspended.
    """
    client.post("/tap/unknown").raise_for_status()
    page = client.get("/").text
    address = re.search(r'href="(http://127\.0\.0\.1:\d+)/"', page)
    password = re.search(r'password <b class="n">(\S+)</b>', page)
    assert address
    assert password
    with httpx.Client(base_url=address[1], trust_env=False, timeout=60, headers={"origin": address[1]}) as console:
        signed_in = console.post("/sign-in", data={"name": "otto", "password": password[1]})
        assert signed_in.headers["location"] == "/"
        while not (item := re.search(r"/attention/unknown_badge/(clock-0001/\d+)", console.get("/attention").text)):
            time.sleep(0.2)
        form = re.search(r'name="token" value="(\w+)"', console.get("/account").text)
        assert form
        fields = {"token": form[1], "item": item[1], "reason": "unknown_badge", "worker": "W-002"}
        assert console.post("/do/give-badge", data=fields).headers["location"] == "/attention?done=give-badge"
        while "unknown_badge" in console.get("/attention").text:
            time.sleep(0.2)
    registered(client, 2)
    (own,) = [pid for pid in children_of(demo) if b"console\0run" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    os.kill(own, signal.SIGSTOP)
    client.post("/tap/luz").raise_for_status()
    registered(client, 3)
    os.kill(own, signal.SIGCONT)


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
        if number == signal.SIGINT:
            give_the_badge_away_on_the_operators_pages(client, process.pid)
    running = children_of(process.pid)
    assert len(running) >= 5
    process.send_signal(number)
    process.wait(STOP_TIMEOUT_S)
    wait_until_gone(running)
