"""The firmware's use of an ESP32's heap, and whether it grows: a provisioned virtual clock on i386, connected, through
10,000 punches; and the same firmware on an image that cannot run code in place.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from badgeclock.demo.stack import Stack
from badgeclock.partition_table import board_partitions
from badgeclock.technician import firmware
from tests.system.heap_meter import HeapMeter, Sample, stock_stack
from tests.system.soak import soak

PUNCHES = 10_000


def measure(punches: int = PUNCHES) -> dict[str, float]:
    """Bytes, by MicroPython's own count after a collection; what the virtual board's modules take is not in them.
    Raises AssertionError if a punch is lost, a task dies or memory runs out.
    """
    with (
        tempfile.TemporaryDirectory(prefix="badgeclock-bench-") as scratch,
        Stack(Path(scratch), latency_ms=50) as stack,
    ):
        meter = HeapMeter(stack)
        soaked = soak(stack, meter, punches)
        for word in ("MemoryError", "died", "not recorded"):
            assert word not in meter.console(), meter.console()[-2000:]
    print(f"  {soaked}")
    built = firmware.build()
    image = built.in_place(board_partitions()["romfs"].size)[firmware.ROM_PATH]
    return {
        "clock.heap_idle_bytes_i386": max(soaked.before.used, soaked.after.used),
        "clock.heap_low_water_free_i386": soaked.low_free,
        "clock.heap_smallest_piece_i386": soaked.smallest_piece,
        "clock.heap_idle_stock_bytes_i386": _stock().used,
        "clock.soak_punches": soaked.punches,
        "clock.soak_reconnects": soaked.reconnects,
        "firmware.mpy_bytes": sum(len(data) for path, data in built.files.items() if path.endswith(".mpy")),
        "firmware.image_bytes": len(image),
    }


def _stock() -> Sample:
    """The idle heap where all code was copied into it."""
    with (
        tempfile.TemporaryDirectory(prefix="badgeclock-bench-") as scratch,
        stock_stack(Path(scratch)) as stack,
    ):
        meter = HeapMeter(stack)
        stack.wait_online()
        return meter.settled()


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
