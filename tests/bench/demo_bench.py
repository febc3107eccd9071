"""How long a worker waits: from the badge in the field to the signal, and to the reception number on the display.

Everything is real but the chips and the authority, whose sandbox takes 200 ms to answer: broker, TLS, bridge, SQLite,
and the firmware on i386 MicroPython behind the board's simulated bus.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from badgeclock.demo.stack import AUTHORITY_LATENCY_MS, Stack
from badgeclock.demo.way import Tap, follow
from tests.system.crowd import enroll

TAPS = 40
HOLD_MS = 300
BETWEEN_TAPS_S = 0.9
LAST_ANSWER_S = 5.0


def measure() -> dict[str, float]:
    """Taps TAPS different workers one after another; raises RuntimeError unless each is registered on the display."""
    with tempfile.TemporaryDirectory(prefix="badgeclock-bench-") as folder:
        started = time.monotonic()
        with Stack(Path(folder), latency_ms=AUTHORITY_LATENCY_MS) as stack:
            start_s = time.monotonic() - started
            before = stack.control.stats()
            taps = []
            for badge in enroll(stack, "bench", TAPS):
                taps.append(Tap(badge, stack.control.tap(badge.uid, HOLD_MS).t_field))
                time.sleep(BETWEEN_TAPS_S)
            time.sleep(LAST_ANSWER_S)
            ways = follow(taps, stack.control.events(), stack.punches())
            after = stack.control.stats()
    signals = [way.tap_to_signal_ms for way in ways if way.tap_to_signal_ms is not None]
    registered = [way.tap_to_registered_ms for way in ways if way.tap_to_registered_ms is not None]
    if len(signals) < TAPS or len(registered) < TAPS:
        raise RuntimeError(f"of {TAPS} taps {len(signals)} were signalled and {len(registered)} registered")
    return {
        "demo.start_s": start_s,
        "demo.tap_to_signal_ms.p50": statistics.median(signals),
        "demo.tap_to_signal_ms.max": max(signals),
        "demo.tap_to_registered_ms.p50": statistics.median(registered),
        "demo.tap_to_registered_ms.max": max(registered),
        "demo.page_programs_per_punch": (after["flash"]["page_programs"] - before["flash"]["page_programs"]) / TAPS,
        "demo.display_bytes_per_punch": (after["i2c"]["bytes"] - before["i2c"]["bytes"]) / TAPS,
    }
