"""The whole way, on real processes: broker, sandbox, bridge, and the firmware on a virtual clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from badgeclock.demo import cast
from badgeclock.demo.cast import Badge
from badgeclock.demo.once import run_once
from badgeclock.demo.stack import Stack
from badgeclock.demo.way import END_STATES, EndState, Way
from tests.presences import in_envelope, post
from tests.system.at_the_reader import gone
from tests.system.crowd import enroll

pytestmark = pytest.mark.timeout(240)

BETWEEN_TAPS_S = 0.7
HOLD_MS = 300
SETTLE_S = 180.0
REGISTERED = END_STATES[EndState.REGISTERED]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("way"), latency_ms=100) as running:
        yield running


def test_every_badge_of_the_demo_comes_to_its_end_on_the_display_and_in_the_store(stack: Stack) -> None:
    ways: list[Way] = []
    assert run_once(stack, ways.append), [way.as_json() for way in ways]
    seqs = [way.seq for way in ways]
    assert seqs == sorted(set(seqs), key=lambda seq: seq or 0)
    assert all(way.tap_to_signal_ms is not None for way in ways)
    assert len({way.reception_number for way in ways if way.reception_number}) == 3


def test_the_authority_of_the_demo_takes_nothing_that_is_not_signed(stack: Stack) -> None:
    answer = post(f"{stack.sandbox_url}/PresenceRegistration/v1", "registerPresences", in_envelope("<x/>"))
    assert "SOA-01001" in answer.text


def test_the_same_badge_again_within_a_minute_is_shown_as_such_and_not_declared(stack: Stack) -> None:
    gone(stack.control)
    before = len(stack.received())
    badge = next(badge for badge in cast.BADGES if badge.key == "anna")
    tap = stack.control.tap(badge.uid, HOLD_MS)
    stack.control.wait_text("Already at", timeout=SETTLE_S, after=tap.id)
    wait_until(lambda: any(punch["state"] == "DUPLICATE" for punch in stack.punches()), "a DUPLICATE in the store")
    assert len(stack.received()) == before


@pytest.mark.parametrize("station", ["broker", "bridge", "sandbox"])
def test_a_station_killed_in_the_middle_and_started_again_costs_no_punch_and_doubles_none(
    stack: Stack, station: str
) -> None:
    badges = enroll(stack, station, 9)
    process = {"broker": stack.broker, "bridge": stack.bridge, "sandbox": stack.sandbox}[station]
    before = {registration["reference"] for registration in stack.received()}
    tap_all(stack, badges[:3])
    process.kill()
    tap_all(stack, badges[3:6])
    stack.stations[station].start()
    tap_all(stack, badges[6:])
    expect_each_registered_once(stack, badges, before)


def test_the_clock_unplugged_in_the_middle_sends_what_it_kept_when_it_has_power_again(stack: Stack) -> None:
    badges = enroll(stack, "plug", 4)
    before = {registration["reference"] for registration in stack.received()}
    stack.stations["network"].stop()
    tap_all(stack, badges[:2])
    stack.stations["power"].stop()
    stack.stations["network"].start()
    stack.stations["power"].start()
    stack.wait_online()
    tap_all(stack, badges[2:])
    expect_each_registered_once(stack, badges, before)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "http-500", "count": 3},
        {"kind": "hang", "count": 1},
        {"kind": "timeout-after-commit", "count": 1},
        {"kind": "close-half-committed", "count": 1},
        {"kind": "http-500-after-commit", "count": 1},
        {"kind": "maintenance", "count": 2, "retry_after_s": 1},
    ],
    ids=lambda fault: str(fault["kind"]),
)
def test_an_authority_that_fails_gets_each_presence_once_in_the_end(stack: Stack, fault: dict[str, Any]) -> None:
    badges = enroll(stack, str(fault["kind"]), 2)
    before = {registration["reference"] for registration in stack.received()}
    control(stack, {"faults": [{"operation": "registerPresences", **fault}]})
    tap_all(stack, badges)
    expect_each_registered_once(stack, badges, before)


def test_nothing_that_identifies_a_person_or_a_badge_stands_in_any_log(stack: Stack) -> None:
    secrets = [worker.inss or worker.limosa_id for worker in cast.WORKERS] + [badge.uid for badge in cast.BADGES]
    for log in [*(stack.directory / "logs").iterdir(), stack.directory / "clock" / "console.log"]:
        text = log.read_bytes().lower()
        for secret in secrets:
            assert secret is not None
            assert secret.lower().encode() not in text, f"{log.name} holds a number that it must not"


def test_a_stack_that_is_left_leaves_no_process(tmp_path: Path) -> None:
    with Stack(tmp_path / "left") as running:
        pids = [process.pid for process in (running.broker, running.sandbox, running.bridge, running.clock)]
        pids.append(int(running.control.stats()["pid"]))
    wait_until(lambda: not [pid for pid in pids if pid and alive(pid)], "all processes gone", timeout_s=10)


def tap_all(stack: Stack, badges: list[Badge]) -> None:
    """Taps each badge once and waits until the clock has signalled it."""
    for badge in badges:
        tap = stack.control.tap(badge.uid, HOLD_MS)
        stack.control.signal_after(tap)
        time.sleep(BETWEEN_TAPS_S)


def expect_each_registered_once(stack: Stack, badges: list[Badge], before: set[str]) -> None:
    references = {badge.worker.reference for badge in badges if badge.worker}

    def mine() -> list[dict[str, Any]]:
        return [punch for punch in stack.punches() if punch["worker"] and punch["worker"]["reference"] in references]

    wait_until(
        lambda: len(mine()) == len(badges) and all(punch["state"] in REGISTERED for punch in mine()),
        f"{len(badges)} punches registered",
        state=lambda: [(punch["seq"], punch["state"], punch["reason"]) for punch in mine()],
    )
    new = [registration for registration in stack.received() if registration["reference"] not in before]
    assert len(new) == len(badges)
    assert {registration["reference"] for registration in new} == {punch["presence"] for punch in mine()}
    assert {registration["reception_number"] for registration in new} == {punch["reception_number"] for punch in mine()}


def control(stack: Stack, change: dict[str, Any]) -> None:
    httpx.post(f"{stack.sandbox_url}/control", json=change, trust_env=False, timeout=5).raise_for_status()


def alive(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def wait_until(
    met: Callable[[], bool], what: str, *, timeout_s: float = SETTLE_S, state: Callable[[], object] = lambda: ""
) -> None:
    deadline = time.monotonic() + timeout_s
    while not met():
        assert time.monotonic() < deadline, f"not within {timeout_s:.0f} s: {what}; now {state()}"
        time.sleep(0.1)
