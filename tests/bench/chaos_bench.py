"""The effect of a bad network on a worker: tap to signal under every fault beside no fault; a backlog of 20,000 punches
that drains while badging goes on; and the heap through a storm of reconnections.

Taps are on the whole firmware on i386 MicroPython behind the virtual board's chips, the broker is a
real Mosquitto over TLS, and the fault proxy is between them. The faults take turns with no fault, in one run.
"""

from __future__ import annotations

import itertools
import math
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from badgeclock.chaos.faults import FAULTS, NONE
from badgeclock.chaos.proxy import ChaosProxy
from badgeclock.demo.stack import Stack
from tests.system.chaos_stack import expect_stored, stack_through_proxy, stored_punches, tap_to_signal_ms
from tests.system.crowd import enroll
from tests.system.heap_meter import HeapMeter
from tests.system.uplink_rig import CLOCK_ID, Bridge, ClockProcess, Keys, Site, running

BADGES = 12
ROUNDS = 4
TAPS_A_ROUND = 25
PERIOD_S = 0.3
REST_S = 1.7
"""Between the rounds of a fault."""
DEAF_RESOLVER = "deaf-dns"
ENDING = ("refuse", "drop", "reset-after", "corrupt", "nonsense", "takeover", DEAF_RESOLVER)
"""Faults that end connections: others stand between them, so that the clock's backoff stays short."""

BACKLOG = 20_000
BACKLOG_SECTORS = 400
BACKLOG_TAP_EVERY_MS = 20

STORMS = ("refuse", "reset-after=2500", "drop", "takeover=1", "nonsense", "hang-tls")
STORM_S = 5.0
STORM_TIMES = 3


def measure() -> dict[str, float]:
    """Flat figures; see tests/bench/catalogue.py. Raises AssertionError if a tap had no signal or a punch was lost."""
    return _taps() | _backlog() | _storm()


@contextmanager
def _stack() -> Iterator[tuple[Stack, ChaosProxy]]:
    with tempfile.TemporaryDirectory(prefix="badgeclock-bench-") as folder, stack_through_proxy(Path(folder)) as both:
        yield both


# --- tap to signal ---


def _taps() -> dict[str, float]:
    found: dict[str, list[float]] = {fault: [] for fault in (NONE, *FAULTS, DEAF_RESOLVER)}
    with _stack() as (stack, proxy):
        uids = itertools.cycle(badge.uid for badge in enroll(stack, "chaos", BADGES))
        before = len(stored_punches(stack))
        for turn in range(ROUNDS):
            for fault in order():
                stack.wait_online()
                if turn % 2:  # it must meet the clock while it connects
                    proxy.turn("refuse")
                    found["refuse"] += tap_to_signal_ms(stack, [next(uids)], PERIOD_S)
                _begin(fault, stack, proxy)
                found[fault] += tap_to_signal_ms(stack, [next(uids) for _ in range(TAPS_A_ROUND)], PERIOD_S)
                time.sleep(REST_S)
                proxy.turn(NONE)
                stack.control.network_up()
        expect_stored(stack, before + sum(map(len, found.values())))
    return {
        f"uplink.tap_ms.{fault}.{name}": value for fault, taps in found.items() for name, value in spread(taps).items()
    }


def order() -> list[str]:
    """No fault and every fault, those that end connections with others between them."""
    staying = [fault for fault in (NONE, *FAULTS) if fault not in ENDING]
    pairs = itertools.zip_longest(staying, ENDING)
    return [fault for pair in pairs for fault in pair if fault is not None]


def _begin(fault: str, stack: Stack, proxy: ChaosProxy) -> None:
    if fault != DEAF_RESOLVER:
        proxy.turn(fault)
        return
    proxy.turn(NONE)
    stack.control.network_down()  # the clock forgets the address only in another network
    stack.control.wait_text("No Wi-Fi", timeout=30)
    stack.control.network(DEAF_RESOLVER)


def spread(values: list[float]) -> dict[str, float]:
    """p50, p99 (nearest rank) and max."""
    ordered = sorted(values)
    return {
        "p50": statistics.median(ordered),
        "p99": ordered[math.ceil(0.99 * len(ordered)) - 1],
        "max": ordered[-1],
    }


# --- a backlog ---


def _backlog() -> dict[str, float]:
    """The sealed log and the uplink on a flash of 400 sectors; a tap is due every 20 ms while the backlog drains."""
    with tempfile.TemporaryDirectory(prefix="badgeclock-bench-") as folder:
        site = Site(Path(folder) / "site")
        site.start()
        try:
            keys = Keys.of(site.shop, CLOCK_ID)
            with running(ClockProcess(site, Path(folder) / "clock", keys=keys, sectors=BACKLOG_SECTORS)) as clock:
                clock.do("wifi", up=False)
                clock.do("punch", count=BACKLOG, pace=200)
                clock.wait_state("the backlog", lambda said: not said["wanted"], patience_s=600)
                with Bridge(site, keys) as bridge:
                    bridge.gives_receipts = False
                    mark = len(clock.events)
                    clock.do("tap", every_ms=BACKLOG_TAP_EVERY_MS)
                    clock.do("wifi", up=True)
                    while clock.state()["tail"] < BACKLOG:  # called seldom: it collects the clock's memory
                        time.sleep(0.5)
                    clock.do("tap", every_ms=0)
                    state = clock.wait_state("the last ack", lambda said: said["tail"] == said["head"])
                    assert sorted(bridge.heard[CLOCK_ID].records) == list(range(state["head"]))
                    assert not bridge.faults
                    acked = [said for said in clock.events[mark:] if said["event"] == "acked"]
                    taps = [said["late_ms"] for said in clock.events[mark:] if said["event"] == "tap"]
        finally:
            site.kill()
    seconds = next(said["at"] for said in acked if said["tail"] >= BACKLOG) - acked[0]["at"]
    figures = {f"uplink.backlog_tap_ms.{name}": value for name, value in spread(taps).items()}
    return figures | {
        "uplink.backlog_20000_s": seconds,
        "uplink.backlog_records_per_s": (BACKLOG - acked[0]["tail"]) / seconds,
        "uplink.backlog_taps": len(taps),
    }


# --- the heap in a storm ---


def _storm() -> dict[str, float]:
    """Reconnection after reconnection, taps all the while: the least free heap after any collection."""
    with _stack() as (stack, proxy):
        badges = enroll(stack, "storm", BADGES)
        meter = HeapMeter(stack)
        stack.wait_online()
        before, taps = len(stored_punches(stack)), 0
        uids = itertools.cycle(badge.uid for badge in badges)
        for storm in STORMS * STORM_TIMES:
            stack.control.network_down()  # when Wi-Fi is back the clock's backoff restarts
            stack.control.wait_text("No Wi-Fi", timeout=30)
            proxy.turn(storm)
            stack.control.network_up()
            ends = time.monotonic() + STORM_S
            while time.monotonic() < ends:
                tap_to_signal_ms(stack, [next(uids), next(uids)], PERIOD_S)
                taps += 2
                time.sleep(REST_S)
            proxy.turn(NONE)
        expect_stored(stack, before + taps)
        meter.settled()
        assert "MemoryError" not in meter.console()
        return {
            "uplink.heap_low_water_free_i386": min(sample.free for sample in meter.samples()),
            "uplink.storm_connections": proxy.accepted,
        }
