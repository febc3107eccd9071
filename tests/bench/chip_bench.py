"""The free memory of an ESP32 with the firmware, by the model of it that the virtual board has
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
from badgeclock.protocol.record import Flag
from badgeclock.virtual.desfire import DesfireEv2
from tests.system.heap_meter import HeapMeter, stock_stack
from tests.system.test_proofs import ProvingStack, records, write

UID, NUMBER = bytes.fromhex("04a1b2c3d4e511"), b"\x11" * 8


def measure() -> dict[str, float]:
    """Bytes; `chip.start_s` in seconds of this machine."""
    with tempfile.TemporaryDirectory(prefix="badgeclock-bench-") as scratch:
        for image in ("stock", "own", "proof"):
            (Path(scratch) / image).mkdir()
        with stock_stack(Path(scratch) / "stock") as stack:
            stock = _idle(stack)
            _, stock_reads = _start(stack)
        with Stack(Path(scratch) / "own", latency_ms=50) as stack:
            own = _idle(stack)
            start_s, reads = _start(stack)
        proof_low = _proved(Path(scratch) / "proof")
    return {
        "chip.stock.heap_used": stock[0],
        "chip.stock.idf_low": stock[1],
        "chip.own.heap_used": own[0],
        "chip.own.idf_low": own[1],
        "chip.own.idf_low_proof": proof_low,
        "chip.start_s": start_s,
        "chip.start_flash_reads": reads,
        "chip.start_flash_reads_stock": stock_reads,
    }


def _idle(stack: Stack) -> tuple[int, int]:
    """Bytes of the heap in use, and what of the shared memory was free at the lowest."""
    meter = HeapMeter(stack)
    meter.wait_online()
    meter.settled()
    return meter.heap_used(), meter.idf_low()


def _proved(folder: Path) -> int:
    """What was free at the lowest on a clock that takes only badges that prove themselves, after one has, with its
    record at the bridge.
    """
    stack = ProvingStack(folder, latency_ms=50)
    card = DesfireEv2(UID)
    write(stack.workshop.badge_root(cast.SITE), NUMBER, card)
    (folder / "clock").mkdir(exist_ok=True)
    (folder / "clock" / "cards.json").write_text(json.dumps({f"{card.kind}:{UID.hex()}": card.memory()}))
    with stack:
        meter = HeapMeter(stack)
        meter.wait_online()
        stack.control.tap(UID.hex(), 300, card.kind)
        deadline = time.monotonic() + 60
        while not (punches := records(stack)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"no punch of the badge came: {stack.control.screen_text()}")
            time.sleep(0.1)
        if not punches[0].flags & Flag.PROVED:
            raise ValueError("the badge did not prove itself")
        meter.settled()
        return meter.idf_low()


def _start(stack: Stack) -> tuple[float, int]:
    """From power to the idle screen: seconds, and reads of the flash."""
    stack.control.plug_out()
    stack.control.clear_stats()
    begun = time.monotonic()
    stack.control.plug_in()
    stack.control.wait_text("Hold your badge", after=None)
    return time.monotonic() - begun, stack.control.stats()["flash"]["reads"]


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
