"""Reads a virtual clock's heap from outside, by a boot.py of its own that looks at each collection of memory.

The clock collects its memory itself whenever no badge is near, through the module `gc`; the meter is in that
module's place and prints what was there. The firmware is the one that is delivered, and what the meter and the virtual
board's own modules take of the heap is counted separately.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from badgeclock.demo.stack import Stack
from badgeclock.technician.serial_device import open_device
from badgeclock.toolchain.places import ROOT
from badgeclock.virtual.board import PARTITIONS, Image

BLOCK_BYTES = 16  # of MicroPython's heap on 32 bits
TIMEOUT_S = 60.0
STEADY_SAMPLES, STEADY_BYTES = 5, 64

METER = """
import esp32 as _esp32, gc as _gc, micropython, sys
_gc.collect()
_before = _gc.mem_alloc()

class Meter:
    def __getattr__(self, name):
        return getattr(_gc, name)

    def collect(self):
        _gc.collect()
        print("heap:", _gc.mem_alloc(), _gc.mem_free())
        print("idf:", *_esp32.idf_heap_info(_esp32.HEAP_DATA)[0], _esp32._memory.used())
        micropython.mem_info()

sys.modules["gc"] = Meter()
_gc.collect()
print("meter:", _gc.mem_alloc() - _before)
"""


@dataclass(frozen=True)
class Sample:
    """The heap after a collection: bytes that the firmware uses, bytes free, the largest piece."""

    used: int
    free: int
    largest: int


def stock_stack(directory: Path) -> Stack:
    """A stack, to be entered, whose clock has the official image, on a module of 16 MB: its programs do not fit the
    `vfs` of one of 4 MB.
    """
    table = PARTITIONS.with_name("partitions-16mb.csv")
    return Stack(directory, latency_ms=50, image=Image.STOCK, partitions=table)


class HeapMeter:
    """The samples of the clock of a running stack, from a restart on."""

    def __init__(self, stack: Stack) -> None:
        """Put the meter on the clock and restart it."""
        self._stack = stack
        self._log = stack.directory / "clock" / "console.log"
        boot = (ROOT / "firmware" / "boot.py").read_text() + METER
        with open_device(str(stack.directory / "clock" / "tty")) as device:
            device.put("/boot.py", boot.encode())
            self._start = self._log.stat().st_size
            device.restart()
        self.wait(lambda samples: len(samples) > 2)  # one is the start's; then the clock runs

    @property
    def module_bytes(self) -> int:
        """The memory of the virtual board's own modules, which are in the image of an ESP32."""
        return int(self._stack.control.stats()["module_heap_bytes"])

    def console(self) -> str:
        """The clock's output since the meter started it."""
        return self._log.read_bytes()[self._start :].decode(errors="replace")

    def samples(self) -> list[Sample]:
        """Every collection so far."""
        console = self.console()
        found = re.findall(r"heap: (\d+) (\d+)\r?\n(?:.*\r?\n){4}.*max free sz: (\d+)", console)
        meter = re.findall(r"meter: (\d+)", console)
        beside = self.module_bytes + int(meter[-1]) if meter else 0
        return [Sample(int(used) - beside, int(free), int(blocks) * BLOCK_BYTES) for used, free, blocks in found]

    def idf_low(self) -> int:
        """The least that was ever left of the memory that heap, Wi-Fi and TLS share, as the board models it."""
        return min(int(low) for low in re.findall(r"idf: \d+ \d+ \d+ (\d+)", self.console()))

    def heap_used(self) -> int:
        """Bytes in use at the last collection, as the board models an ESP32's heap."""
        return int(re.findall(r"idf: \d+ \d+ \d+ \d+ (\d+)", self.console())[-1])

    def settled(self) -> Sample:
        """The heap when nothing happens: as soon as STEADY_SAMPLES collections from now found the same in use."""
        before = len(self.samples())

        def steady(samples: list[Sample]) -> bool:
            last = [sample.used for sample in samples[max(before, len(samples) - STEADY_SAMPLES) :]]
            return len(last) == STEADY_SAMPLES and max(last) - min(last) <= STEADY_BYTES

        return self.wait(steady)[-1]

    def wait_online(self) -> None:
        """Return once the clock that the meter restarted shows that it is online; the bridge may not have missed it."""
        deadline = time.monotonic() + TIMEOUT_S
        while "clock: started" not in self.console():
            if time.monotonic() > deadline:
                raise TimeoutError(f"the clock's console ends with: {self.console()[-1000:]}")
            time.sleep(0.1)
        self._stack.control.wait_text("Online", timeout=TIMEOUT_S, after=None)

    def wait(self, done: Callable[[list[Sample]], bool]) -> list[Sample]:
        """The samples as soon as they are as wanted. Raises TimeoutError with the console's end."""
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            samples = self.samples()
            if done(samples):
                return samples
            time.sleep(0.1)
        raise TimeoutError(f"the clock's console ends with: {self.console()[-1000:]}")
