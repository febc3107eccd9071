"""The cost of the clock's core, measured inside MicroPython; prints one JSON object. `seal_bench` starts it.

    micropython -X heapsize=128k sealed_log_on_device.py FIRMWARE TESTS heap|flash|mount

heap: memory and time of the seal. flash: page programs and erases, beside littlefs on the same model. mount: reads at
start, for which the modelled flash itself needs 16 MB of heap.

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
PUNCHES = 1000
PAGE_BYTES = 256
# boards/esp32_devkit: partitions.csv, partitions-16mb.csv
JOURNAL_SECTORS_4MB = 336
JOURNAL_SECTORS_16MB = 3056
# Typical values of a W25Q32JV (datasheet rev. G, section 9.6)
PAGE_PROGRAM_MS = 0.4
SECTOR_ERASE_MS = 45


def heap_of_import():
    """Bytes that stay on the heap after every module of the core is imported."""
    gc.collect()
    before = gc.mem_alloc()
    import app.log.sealed_log

    assert app.log.sealed_log
    gc.collect()
    return gc.mem_alloc() - before


def plain_hmac(key, message, more=b""):
    """A plain HMAC, with pads byte by byte: the reference for `hmac256`."""
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
    from app.log.hmac256 import hmac256

    key, message, more = bytes(range(32)), bytes(16), bytes(48)
    assert hmac256(key, message, more) == plain_hmac(key, message, more)
    figures = {}
    for name, call, arguments in (
        ("hmac", hmac256, (key, message, more)),
        ("hmac_plain", plain_hmac, (key, message, more)),
    ):
        took, used = cost(call, *arguments)
        figures[f"seal.{name}_us_i386"], figures[f"seal.{name}_bytes_i386"] = took, used
    return figures


def stamp():
    from app.log.record import SOURCE_BRIDGE, Stamp

    made = Stamp()
    made.utc_s, made.source = MONDAY, SOURCE_BRIDGE
    return made


def started(journal, seal):
    """A founded log, open and with nothing left for idle."""
    from app.log.provisioning import provision
    from app.log.sealed_log import RESET_POWER_ON, SealedLog

    now = stamp()
    provision(journal, seal, CLOCK_ID, bytes(range(32)), bytes(8), now)
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
    for name, call in (
        ("alloc_bytes_per_punch_i386", lambda: log.punch(1, token, now)),
        ("idle_bytes_i386", lambda: log.idle(now)),
    ):
        call()
        gc.collect()
        gc.disable()
        before = gc.mem_alloc()
        call()
        figures["seal." + name] = gc.mem_alloc() - before
        gc.enable()
    return figures


def model_ms(page_programs, erases):
    return page_programs * PAGE_PROGRAM_MS + erases * SECTOR_ERASE_MS


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
    for _ in range(PUNCHES):
        log.punch(1, token, now)
        count(before_signal)
        log.ack(log.head)
        while log.idle(now):
            pass
        count(in_idle)
        gc.collect()
    return {
        "journal.page_programs_per_punch": before_signal[0] / PUNCHES,
        "journal.erases_before_signal": before_signal[1] / PUNCHES,
        "journal.model_ms_per_punch": model_ms(*before_signal) / PUNCHES,
        "journal.idle_page_programs_per_punch": in_idle[0] / PUNCHES,
        "journal.idle_erases_per_punch": in_idle[1] / PUNCHES,
        "journal.idle_model_ms_per_punch": model_ms(*in_idle) / PUNCHES,
    }


def littlefs_figures():
    """The same punches as 64 bytes appended to a file on littlefs and flushed, on the same model of the flash.

    As MicroPython's start-up makes the file system on an ESP32 (ports/esp32/modules/inisetup.py), of the size of our
    journal partition, but programming whole pages: with its own 32 bytes it needs nearly twice the programs.
    """
    import vfs
    from nor import Nor

    class BlockDevice(Nor):
        def ioctl(self, operation, argument):
            # init, deinit and sync: nothing to do for a flash, and 0 is what esp32.Partition answers
            return 0 if operation <= 3 else Nor.ioctl(self, operation, argument)

    flash = BlockDevice(JOURNAL_SECTORS_4MB)
    vfs.VfsLfs2.mkfs(flash, progsize=PAGE_BYTES)
    vfs.mount(vfs.VfsLfs2(flash, progsize=PAGE_BYTES), "/bench")
    record = bytes(range(64))
    with open("/bench/punches", "ab") as file:  # noqa: PTH123 - MicroPython has no pathlib
        file.write(record)
        file.flush()
        flash.reset_counts()
        worst_ms, before = 0, 0
        for _ in range(PUNCHES):
            file.write(record)
            file.flush()
            now_ms = model_ms(flash.page_programs, flash.erases)
            worst_ms, before = max(worst_ms, now_ms - before), now_ms
        figures = {
            "littlefs.page_programs_per_punch": flash.page_programs / PUNCHES,
            "littlefs.erases_per_punch": flash.erases / PUNCHES,
            "littlefs.model_ms_per_punch": before / PUNCHES,
            "littlefs.model_ms_worst": worst_ms,
        }
    vfs.umount("/bench")
    return figures


def mount_figures(sectors, heads):
    """Flash reads until the log is open, with that many records on it. Needs heap for the flash."""
    from app.log.sealed_log import RESET_POWER_ON, SealedLog
    from nor import Nor

    journal, seal = Nor(sectors), Nor(4)
    log, now = started(journal, seal), stamp()
    figures = {}
    for head in heads:
        while log.head < head:
            # The fresh token is on purpose: in a large heap MicroPython's allocator forgets how far memory is taken
            # until something of one block is asked for, and would search it all for every other allocation.
            log.punch(1, bytes(8), now)
        journal.reset_counts()
        seal.reset_counts()
        start = time.ticks_us()
        SealedLog(journal, seal, CLOCK_ID, bytes(8)).open(RESET_POWER_ON, now)
        figures[f"seal.mount_us.{head}"] = time.ticks_diff(time.ticks_us(), start)
        figures[f"journal.mount_reads.{head}"] = journal.reads
        figures[f"seal.mount_reads.{head}"] = seal.reads
        log.open(RESET_POWER_ON, now)
    return figures


def main(part):
    if part == "mount":
        figures = mount_figures(JOURNAL_SECTORS_16MB, (1, 1000, 16000, 190000))
    elif part == "flash":
        figures = flash_figures()
        figures.update(littlefs_figures())
    else:
        figures = {"seal.import_bytes_i386": heap_of_import()}
        figures.update(hmac_figures())
        figures.update(punch_figures())
    print(json.dumps(figures))


main(sys.argv[3])
