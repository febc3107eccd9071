"""A clock whose flash is put back, and the end of a clock: real broker, bridge, command line, and the firmware."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from badgeclock.demo import cast
from badgeclock.demo.stack import Stack
from badgeclock.technician.workshop import Workshop
from tests.provisioned import PASSWORD, copied
from tests.system.crowd import enroll

pytestmark = pytest.mark.timeout(240)

SETTLE_S = 180.0
REGISTERED = {"REGISTERED", "VALIDATED"}


@pytest.fixture(scope="module")
def stack(provisioned: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(copied(provisioned, tmp_path_factory.mktemp("ends")), latency_ms=50) as running:
        yield running


def ask(stack: Stack, path: str) -> Any:
    return httpx.get(f"http://127.0.0.1:{stack._http_port}{path}", trust_env=False, timeout=5).json()


def clock_of(stack: Stack) -> dict[str, Any]:
    (clock,) = ask(stack, "/api/clocks")
    assert isinstance(clock, dict)
    return clock


def command(stack: Stack, *arguments: str) -> str:
    """Run `badgeclock bridge clock …` beside the running bridge; returns its output."""
    line = [sys.executable, "-m", "badgeclock.cli.main", "bridge", "clock", *arguments]
    done = subprocess.run(
        [*line, "--config", str(stack.bridge_config)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def wait_until(met: Callable[[], bool], what: str, state: Callable[[], object]) -> None:
    deadline = time.monotonic() + SETTLE_S
    while not met():
        assert time.monotonic() < deadline, f"not within {SETTLE_S:.0f} s: {what}; now {state()}"
        time.sleep(0.1)


def wait_for(stack: Stack, **said: Any) -> None:
    """Wait until the bridge reports this of the clock."""
    wait_until(
        lambda: {name: clock_of(stack)[name] for name in said} == said, f"the clock is {said}", lambda: clock_of(stack)
    )


def wait_acked(stack: Stack) -> None:
    """Wait until the clock's idle screen shows online and nothing unsent."""
    wait_until(
        lambda: [line.strip() for line in stack.control.screen_text()][-1:] == ["Online"],
        "everything acknowledged",
        stack.control.screen_text,
    )


def put(stack: Stack, flash: bytes) -> None:
    """Put an image on the clock's flash, as a programmer would, and give it power."""
    stack.control.plug_out()
    with image(stack).open("r+b") as file:
        file.write(flash)
    stack.control.plug_in()
    stack.wait_online()


def image(stack: Stack) -> Path:
    return stack.directory / "clock" / "flash.bin"


def test_a_flash_put_back_is_found_and_the_true_one_goes_on_and_is_retired_by_order(stack: Stack) -> None:
    badges = enroll(stack, "ends", 4)

    def tap(number: int) -> None:
        stack.control.signal_after(stack.control.tap(badges[number].uid, 300))

    tap(0)
    wait_acked(stack)
    stack.control.plug_out()
    old = image(stack).read_bytes()
    stack.control.plug_in()
    stack.wait_online()
    tap(1)
    wait_until(lambda: len(stack.punches()) == 2, "two punches", stack.punches)
    wait_acked(stack)
    stack.control.plug_out()
    new = image(stack).read_bytes()

    # Somebody puts yesterday's flash back: the second punch is not on it.
    put(stack, old)
    wait_for(stack, state="QUARANTINED", held_reason="rollback")
    tap(2)
    wait_until(
        lambda: ask(stack, f"/api/clocks/{cast.CLOCK_ID}/quarantine")["kept"] >= 2,
        "its records kept aside",
        lambda: ask(stack, f"/api/clocks/{cast.CLOCK_ID}/quarantine"),
    )
    assert len(stack.punches()) == 2
    alarms = ask(stack, f"/api/clocks/{cast.CLOCK_ID}/quarantine")["alarms"]
    assert "rollback" in {alarm["kind"] for alarm in alarms}
    assert "cannot go on" in command(stack, "release", cast.CLOCK_ID, "--reason", "a test")
    # Which of the two depends on whether its new records have caught up with the store's.
    wait_until(
        lambda: clock_of(stack)["held_reason"] in {"rollback", "fork"},
        "the clock is under quarantine again",
        lambda: clock_of(stack),
    )

    # The true flash comes back: two chains have spoken. Released, it continues normally.
    put(stack, new)
    wait_for(stack, state="QUARANTINED", held_reason="clone")
    command(stack, "release", cast.CLOCK_ID, "--reason", "the true flash is back")
    tap(3)
    wait_until(lambda: len(stack.punches()) == 3, "three punches", stack.punches)
    wait_for(stack, state="ACTIVE", held_reason=None)
    wait_until(lambda: {punch["state"] for punch in stack.punches()} <= REGISTERED, "all are registered", stack.punches)

    assert "ends now" in command(stack, "retire", cast.CLOCK_ID, "--reason", "the site closes")
    wait_for(stack, state="RETIRED", open_orders=0)
    stack.control.wait_text("Clock retired", "Not saved", timeout=SETTLE_S)
    wait_until(lambda: clock_of(stack)["status"]["retired"], "its status says so", lambda: clock_of(stack))
    stack.control.tap(badges[0].uid, 300)
    # Its last record is acknowledged: nothing that opens a network, a broker's door or a badge's token is left in it.
    shop = Workshop(stack.directory / "workshop")
    bundle = shop.bundle(cast.CLOCK_ID)
    assert bundle is not None
    secrets = {
        "link key": bundle.link_key.hex().encode(),
        "site key": shop.site_key(cast.SITE).hex().encode(),
        "Wi-Fi password": PASSWORD.encode(),
    }
    assert all(secret in new for secret in secrets.values()), "the search finds them while they are there"

    def left() -> list[str]:
        flash = image(stack).read_bytes()
        return [name for name, secret in secrets.items() if secret in flash]

    wait_until(lambda: not left(), "the whole flash without a secret", left)
    stack.control.plug_out()
    stack.control.plug_in()
    stack.control.wait_text("Not set up", "retired", timeout=SETTLE_S)
    assert len(stack.punches()) == 3
    assert "RETIRED" in command(stack, "list")
