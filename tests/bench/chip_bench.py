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
        with stock_stack(Path(scratch) / "stock") as stack:
            stock = _idle(stack)
        with Stack(Path(scratch) / "own", latency_ms=50) as stack:
            own = _idle(stack)
            start_s = _start_s(stack)
            with open_device(str(stack.directory / "clock" / "tty")) as device:
                provision(device, Plan(stack.workshop, cast.CLOCK_ID, firmware.build(), badges="both"))
            proof = _idle(stack)
    return {
        "chip.stock.heap_used": stock.heap_used(),
        "chip.stock.idf_low": stock.idf_low(),
        "chip.own.heap_used": own.heap_used(),
        "chip.own.idf_low": own.idf_low(),
        "chip.own.idf_low_proof": proof.idf_low(),
        "chip.start_s": start_s,
    }


def _idle(stack: Stack) -> HeapMeter:
    meter = HeapMeter(stack)
    stack.wait_online()
    meter.settled()
    return meter


def _start_s(stack: Stack) -> float:
    """From power to the idle screen."""
    stack.control.plug_out()
    begun = time.monotonic()
    stack.control.plug_in()
    stack.control.wait_text("Hold your badge", after=None)
    return time.monotonic() - begun


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
