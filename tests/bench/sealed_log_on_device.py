"""What the clock's core costs, measured inside MicroPython; prints one JSON object. `seal_bench` starts it.

    micropython -X heapsize=128k sealed_log_on_device.py FIRMWARE TESTS

FIRMWARE is the folder that holds `app` (sources, or compiled by mpy-cross), TESTS the one of nor.py and quiet_flash.py.
On i386 the heap figures are those of an ESP32's object layout; the times are this machine's.
"""

import gc
import json
import sys
import time
from hashlib import sha256

sys.path[:0] = sys.argv[1:3]

BATCHES = 40
CALLS = 50
MONDAY = 1767596291
CLOCK_ID = "clock-0001"


def heap_of_import():
    """Bytes that stay on the heap after every module of the core is imported."""
    gc.collect()
    before = gc.mem_alloc()
    import app.sealed_log

    assert app.sealed_log
    gc.collect()
    return gc.mem_alloc() - before


def plain_hmac(key, message, more=b""):
    """HMAC as it is plainly written, pads byte by byte: what `hmac256` is measured beside."""
    key = key + bytes(64 - len(key))
    inner = sha256(bytes(b ^ 0x36 for b in key))
    inner.update(message + more)
    outer = sha256(bytes(b ^ 0x5C for b in key))
    outer.update(inner.digest())
    return outer.digest()


def cost(call, *arguments):
    """(microseconds, heap bytes) of one call."""
    call(*arguments)
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    call(*arguments)
    used = gc.mem_alloc() - before
    gc.enable()
    best = None
    for _ in range(BATCHES):  # the quickest batch is the one that other processes disturbed least
        gc.collect()  # MicroPython's allocator slows down as the heap fills
        start = time.ticks_us()
        for _ in range(CALLS):
            call(*arguments)
        took = time.ticks_diff(time.ticks_us(), start)
        best = took if best is None else min(best, took)
    return best / CALLS, used


def hmac_figures():
    from app.hmac256 import hmac256

    key, message, more = bytes(range(32)), bytes(16), bytes(48)
    assert hmac256(key, message, more) == plain_hmac(key, message, more)
    figures = {}
    for name, call, arguments in (
        ("hmac", hmac256, (key, message, more)),
        ("hmac_plain", plain_hmac, (key, message, more)),
    ):
        figures[name + "_us"], figures[name + "_bytes"] = cost(call, *arguments)
    return figures


def stamp():
    from app.record import SOURCE_BRIDGE, Stamp

    made = Stamp()
    made.utc_s, made.source = MONDAY, SOURCE_BRIDGE
    return made


def started(journal, seal):
    """A founded log, open and with nothing left for idle."""
    from app.founding import found
    from app.sealed_log import RESET_POWER_ON, SealedLog

    now = stamp()
    found(journal, seal, CLOCK_ID, bytes(range(32)), bytes(8), now)
    log = SealedLog(journal, seal, CLOCK_ID, bytes(8))
    log.open(RESET_POWER_ON, now)
    while log.idle(now):
        pass
    return log


def punch_figures():
    """Heap of a punch and of an idle call with nothing to do, without the flash's share."""
    from quiet_flash import QuietFlash

    log, now, token = started(QuietFlash(3), QuietFlash(2)), stamp(), bytes(8)
    figures = {}
    for name, call in (("punch_bytes", lambda: log.punch(1, token, now)), ("idle_bytes", lambda: log.idle(now))):
        call()
        gc.collect()
        gc.disable()
        before = gc.mem_alloc()
        call()
        figures[name] = gc.mem_alloc() - before
        gc.enable()
    return figures


def flash_figures():
    """Page programs and erases of 1,000 punches: before their signal, and in idle after them."""
    from nor import Nor

    journal, seal = Nor(4), Nor(4)
    log, now, token = started(journal, seal), stamp(), bytes(8)
    before_signal = [0, 0]
    in_idle = [0, 0]

    def count(into):
        into[0] += journal.page_programs + seal.page_programs
        into[1] += journal.erases + seal.erases
        journal.reset_counts()
        seal.reset_counts()

    journal.reset_counts()
    seal.reset_counts()
    for _ in range(1000):
        log.punch(1, token, now)
        count(before_signal)
        log.ack(log.head)
        while log.idle(now):
            pass
        count(in_idle)
        gc.collect()
    return {
        "programs_a_punch": before_signal[0] / 1000,
        "erases_a_punch": before_signal[1] / 1000,
        "idle_programs_a_punch": in_idle[0] / 1000,
        "idle_erases_a_punch": in_idle[1] / 1000,
    }


def mount_figures(sectors, heads):
    """Flash reads until the log is open, with that many records. Needs heap for the flash."""
    from app.sealed_log import RESET_POWER_ON, SealedLog
    from nor import Nor

    journal, seal = Nor(sectors), Nor(4)
    log, now, token = started(journal, seal), stamp(), bytes(8)
    figures = {}
    for head in heads:
        while log.head < head:
            log.punch(1, token, now)
        journal.reset_counts()
        seal.reset_counts()
        start = time.ticks_us()
        SealedLog(journal, seal, CLOCK_ID, bytes(8)).open(RESET_POWER_ON, now)
        figures[f"mount_us_{head}"] = time.ticks_diff(time.ticks_us(), start)
        figures[f"mount_journal_reads_{head}"] = journal.reads
        figures[f"mount_seal_reads_{head}"] = seal.reads
        log.open(RESET_POWER_ON, now)
    return figures


def main():
    figures = {"import_bytes": heap_of_import()}
    figures.update(hmac_figures())
    figures.update(punch_figures())
    figures.update(flash_figures())
    if gc.mem_free() > 4000000:
        figures.update(mount_figures(336, (2, 1000, 16000)))
    print(json.dumps(figures))


main()
