"""What an ESP32's one memory has left with the firmware, by the model of it that the virtual board has
(boards/virtual/_virtual_memory.py): on MicroPython's official image, on the board's own, and on that with proofs of
badges.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

from badgeclock.demo import cast
from badgeclock.demo.stack import Stack
from badgeclock.technician import firmware
from badgeclock.technician.provision import Plan, provision
from badgeclock.technician.serial_device import open_device
from tests.system.heap_meter import HeapMeter, stock_stack


def measure() -> dict[str, float]:
    """Bytes; `chip.start_s` in seconds of this machine."""
    with tempfile.TemporaryDirectory(prefix="badgeclock-bench-") as scratch:
        for image in ("stock", "own"):
            (Path(scratch) / image).mkdir()
        with stock_stack(Path(scratch) / "stock") as stack:
            stock = _idle(stack)
        with Stack(Path(scratch) / "own", latency_ms=50) as stack:
            own = _idle(stack)
            start_s = _start_s(stack)
            with open_device(str(stack.directory / "clock" / "tty")) as device:
                provision(device, Plan(stack.workshop, cast.CLOCK_ID, firmware.build(), badges="both"))
            proof = _idle(stack)
    return {
        "chip.stock.heap_used": stock[0],
        "chip.stock.idf_low": stock[1],
        "chip.own.heap_used": own[0],
        "chip.own.idf_low": own[1],
        "chip.own.idf_low_proof": proof[1],
        "chip.start_s": start_s,
    }


def _idle(stack: Stack) -> tuple[int, int]:
    """Bytes of the heap in use, and what of the shared memory was free at the lowest."""
    meter = HeapMeter(stack)
    stack.wait_online()
    meter.settled()
    return meter.heap_used(), meter.idf_low()


def _start_s(stack: Stack) -> float:
    """From power to the idle screen."""
    stack.control.plug_out()
    begun = time.monotonic()
    stack.control.plug_in()
    stack.control.wait_text("Hold your badge", after=None)
    return time.monotonic() - begun


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
