"""What the clock's firmware takes of an ESP32's heap: a provisioned virtual clock, connected, 200 taps, a reconnect."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

from badgeclock.demo.stack import Stack
from badgeclock.technician import firmware
from tests.system.crowd import enroll
from tests.system.heap_meter import HeapMeter

BADGES = 12
TAPS = 200
HOLD_MS = 120
BETWEEN_TAPS_S = 0.35


def measure() -> dict[str, float]:
    """Bytes on i386 with the default heap of 128 KB: in use when idle and connected, free at the lowest (after a
    collection, 200 taps and a reconnect), and the size of the compiled firmware.
    """
    with (
        tempfile.TemporaryDirectory(prefix="badgeclock-bench-") as scratch,
        Stack(Path(scratch), latency_ms=50) as stack,
    ):
        badges = enroll(stack, "memory", BADGES)
        meter = HeapMeter(stack)
        stack.wait_online()
        idle = meter.settled().used - meter.module_bytes
        for tap in range(TAPS):
            stack.door.tap(badges[tap % BADGES].uid, HOLD_MS)
            time.sleep(BETWEEN_TAPS_S)
        stack.door.network_down()
        stack.door.wait_text("No", timeout=30)
        stack.door.network_up()
        stack.wait_online()
        meter.settled()
        low = min(sample.free for sample in meter.samples())
    files = firmware.build().files
    return {
        "clock.heap_idle_bytes_i386": idle,
        "clock.heap_low_water_free_i386": low,
        "firmware.mpy_bytes": sum(len(data) for path, data in files.items() if path.endswith(".mpy")),
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
