"""The clock's health on a whole site: its reports, their evaluation, and an operator's orders."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from badgeclock.bridge.clocks import registry
from badgeclock.bridge.downlink import orders
from badgeclock.bridge.settings import load
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.wall_clock import wall_clock_ms
from badgeclock.demo import cast
from badgeclock.demo.stack import Stack
from badgeclock.protocol.frames import Command
from badgeclock.protocol.record import BOUND_NONE, Kind, Source, unpack
from tests.provisioned import copied
from tests.system.chaos_stack import stored_records
from tests.system.crowd import enroll

pytestmark = [pytest.mark.timeout(240), pytest.mark.torture]

PATIENCE_S = 60.0
CLOCK = cast.CLOCK_ID


@pytest.fixture(scope="module")
def stack(provisioned: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(copied(provisioned, tmp_path_factory.mktemp("health")), latency_ms=50) as running:
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


def order(stack: Stack, command: Command) -> dict[str, Any]:
    """Give an order in the store, as an operator's command does; how it ended."""
    store = Store(load(stack.bridge_config).store.url)
    try:
        with store.write() as connection:
            number = registry.order(connection, CLOCK, command, by="tests", reason="a test", now_ms=wall_clock_ms()).id

        def found() -> dict[str, Any]:
            with store.read() as connection:
                return orders.find(connection, number)

        wait_until(lambda: found()["done_ms"] is not None, f"the end of {command.name}", found)
        return found()
    finally:
        store.close()


def wait_told(stack: Stack, **said: Any) -> None:
    """Wait until the clock's last STATUS satisfies this."""

    def status() -> dict[str, Any]:
        return {name: clock_of(stack)["status"][name] for name in said}

    wait_until(lambda: status() == said, f"a STATUS that says {said}", status)


def test_what_changes_is_told_at_once_with_everything_else_that_a_clock_knows_of_itself(stack: Stack) -> None:
    stack.control.set_temperature(-12.5)
    stack.control.set_rssi(-83)
    stack.control.open_case()
    wait_told(stack, case_open=True, temperature=-13, rssi=-83)
    status = clock_of(stack)["status"]
    certificate = stack.workshop.clock(CLOCK).certificate
    assert status["cert_until"] == int(certificate.not_valid_after_utc.timestamp())
    assert (status["reader_fault"], status["tears"], status["heartbeat_s"]) == (None, 0, 600)
    stack.control.close_case()
    wait_told(stack, case_open=False)
    stack.control.break_wire("miso-high")
    wait_told(stack, reader_fault="miso-high")
    wait_until(
        lambda: {"reader-broken", "signal"} <= {mark["cause"] for mark in clock_of(stack)["marks"]},
        "the bridge marks the clock",
        lambda: clock_of(stack)["marks"],
    )
    done = order(stack, Command.SELF_TEST)
    assert done["outcome"] == "failed: reader miso-high"
    stack.control.mend_wires()
    wait_told(stack, reader_fault=None)


def test_a_clock_is_ordered_to_test_itself_to_tell_what_happened_and_to_restart(stack: Stack) -> None:
    (badge,) = enroll(stack, "health", 1)
    assert order(stack, Command.SELF_TEST)["outcome"] == "passed"
    done = order(stack, Command.CAPTURE)
    assert any("reader: good" in line for line in done["report"]["lines"]), done
    assert order(stack, Command.IDENTIFY)["outcome"] == "the clock showed its id"
    stack.control.network_down()
    stack.control.wait_text("No", timeout=PATIENCE_S)
    stack.control.signal_after(stack.control.tap(badge.uid, 300))
    stack.control.network_up()
    boot = clock_of(stack)["status"]["boot"]
    done = order(stack, Command.RESTART)
    assert done["outcome"] == f"restarted, boot {boot + 1}"
    wait_until(lambda: len(stack.punches()) == 1, "the punch that was kept before", stack.punches)
    console = (stack.directory / "clock" / "console.log").read_text(errors="replace")
    assert "died" not in console
    assert "clock: Wi-Fi does not join: 200" in console


@pytest.mark.parametrize("years", [3, -2])
def test_an_rtc_that_is_years_off_does_not_lock_the_clock_out(stack: Stack, years: int) -> None:
    """TLS judges certificates by the clock's own date: "has expired", or "starts in the future"."""
    stack.wait_online()
    boot, before = clock_of(stack)["status"]["boot"], len(set_times(stack))
    stack.control.plug_out()
    stack.control.set_rtc(time.time() + years * 31_557_600)
    stack.control.plug_in()
    wait_until(lambda: clock_of(stack)["status"]["boot"] > boot, "the clock's next start", lambda: clock_of(stack))
    assert clock_of(stack)["status"]["bound_ms"] is None, "what it says of its time before the bridge sets it"
    since = [record for record in map(unpack, stored_records(stack)) if record.boot > boot]
    claims = {record.bound for record in since if record.source == Source.RTC}
    assert claims == {BOUND_NONE}, "nothing on record states a time by that RTC"
    if years > 0:  # else it began with its newest record's time, which may be right within two seconds: no step
        wait_until(lambda: len(set_times(stack)) > before, "the time that the bridge set", lambda: set_times(stack))
        assert abs(set_times(stack)[-1] - time.time()) < PATIENCE_S


def set_times(stack: Stack) -> list[int]:
    """The Unix seconds of the clock's TIME_SET records that the bridge has."""
    return [record.utc_s for record in map(unpack, stored_records(stack)) if record.kind == Kind.TIME_SET]
