"""The clock's health on a whole site: what it tells, what is made of it, and what an operator or technician can ask."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from badgeclock.demo import cast
from badgeclock.demo.stack import Stack
from tests.system.crowd import enroll

pytestmark = pytest.mark.timeout(240)

PATIENCE_S = 60.0
CLOCK = cast.CLOCK_ID


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("health"), latency_ms=50) as running:
        yield running


def clock_of(stack: Stack) -> dict[str, Any]:
    answer = httpx.get(f"http://127.0.0.1:{stack._http_port}/api/clocks", trust_env=False, timeout=5).json()
    assert isinstance(answer[0], dict)
    return dict(answer[0])


def wait_until(met: Callable[[], bool], what: str, state: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not met():
        assert time.monotonic() < deadline, f"not within {PATIENCE_S:.0f} s: {what}; now {state()}"
        time.sleep(0.1)


def order(stack: Stack, what: str) -> tuple[int, dict[str, Any]]:
    """Give an order as an operator does; the exit code, and how it ended."""
    line = [sys.executable, "-m", "badgeclock.cli.main", "bridge", "clock", "order", CLOCK, what]
    more = ["--reason", "a test", "--json", "--config", str(stack.bridge_config)]
    done = subprocess.run([*line, *more], capture_output=True, text=True, check=False, timeout=90)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout.splitlines()[-1])


def wait_told(stack: Stack, **said: Any) -> None:
    """Until the clock's last STATUS says so."""

    def status() -> dict[str, Any]:
        return {name: clock_of(stack)["status"][name] for name in said}

    wait_until(lambda: status() == said, f"a STATUS that says {said}", status)


def test_what_changes_is_told_at_once_with_everything_else_that_a_clock_knows_of_itself(stack: Stack) -> None:
    stack.door.set_temperature(-12.5)
    stack.door.set_rssi(-83)
    stack.door.open_case()
    wait_told(stack, case_open=True, temperature=-13, rssi=-83)
    status = clock_of(stack)["status"]
    certificate = stack.workshop.clock(CLOCK).certificate
    assert status["cert_until"] == int(certificate.not_valid_after_utc.timestamp())
    assert (status["reader_fault"], status["tears"], status["heartbeat_s"]) == (None, 0, 600)
    stack.door.close_case()
    wait_told(stack, case_open=False)
    stack.door.break_wire("miso-high")
    wait_told(stack, reader_fault="miso-high")
    wait_until(
        lambda: {"reader-broken", "signal"} <= {mark["cause"] for mark in clock_of(stack)["marks"]},
        "the bridge marks the clock",
        lambda: clock_of(stack)["marks"],
    )
    code, done = order(stack, "self-test")
    assert code == 1
    assert done["report"]["reader"] == "miso-high"
    stack.door.mend_wires()
    wait_told(stack, reader_fault=None)


def test_a_clock_is_ordered_to_test_itself_to_tell_what_happened_and_to_restart(stack: Stack) -> None:
    (badge,) = enroll(stack, "health", 1)
    code, done = order(stack, "self-test")
    assert (code, done["outcome"]) == (0, "passed"), done
    code, done = order(stack, "capture")
    assert code == 0
    assert any("reader: good" in line for line in done["report"]["lines"]), done
    assert order(stack, "identify")[0] == 0
    stack.door.network_down()
    stack.door.wait_text("No", timeout=30)
    stack.door.signal_after(stack.door.tap(badge.uid, 300))
    stack.door.network_up()
    boot = clock_of(stack)["status"]["boot"]
    code, done = order(stack, "restart")
    assert code == 0
    assert done["outcome"] == f"restarted, boot {boot + 1}"
    wait_until(lambda: len(stack.punches()) == 1, "the punch that was kept before", stack.punches)


def test_a_technician_reads_the_same_on_the_display_and_a_badge_cuts_it_short(stack: Stack) -> None:
    door = stack.door
    stack.wait_online()
    for key in ("in", "out"):
        door.press(key, 4000)
    door.wait_text("1/4 Clock", "boot", timeout=20)
    door.wait_text("1/4 Clock", "heap", timeout=5)
    wait_until(lambda: key_events(door.events()) == 0, "both keys up", door.screen_text)
    door.press("info")
    door.wait_text("2/4 Records", "sealed yes", timeout=10)
    door.press("info")
    door.wait_text("3/4 Network", "signal -83 dBm", timeout=10)
    door.press("info")
    door.wait_text("4/4 Parts", "reader 92", timeout=10)
    tap = door.tap("0badcafe", 300)
    assert door.signal_after(tap) < PATIENCE_S * 1000
    door.wait_text("Saved", timeout=5)
    door.wait_text("Hold your badge", timeout=20)
    console = (stack.directory / "clock" / "console.log").read_text(errors="replace")
    assert "no pages" not in console
    assert "died" not in console


def key_events(events: list[dict[str, Any]]) -> int:
    """How many keys are down, by what happened to them."""
    down: set[str] = set()
    for event in events:
        if event["kind"] == "key":
            (down.add if event.get("pressed", event.get("down")) else down.discard)(str(event["key"]))
    return len(down)
