"""A clock lives in the memory that an ESP32 has for heap, Wi-Fi and TLS, with room to spare, in every situation.

Bytes on the i386 MicroPython, whose objects have an ESP32's size, by MicroPython's own count after a collection. Not
among them: mbedTLS's own memory, which the unix port takes from the system and an ESP32 from its other heap; and what
the virtual board's own modules take, which are C on an ESP32.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from badgeclock.demo.stack import Stack
from badgeclock.partition_table import board_partitions
from badgeclock.protocol.record import Kind, unpack
from badgeclock.technician import firmware
from tests.provisioned import copied
from tests.system.chaos_stack import expect_stored, stored_punches, stored_records
from tests.system.heap_meter import HeapMeter, stock_stack
from tests.system.soak import Soaked, soak

pytestmark = pytest.mark.timeout(300)

# Measured with the code in place: 56.4 KB (of 1,000 bytes) in use when connected and idle, 60.6 after the punches, of
# which a chip takes 4.5 less. Of what is free, 11.6 KB are in one piece afterwards and 5.6 KB at the scarcest moment;
# the clock asks for 1 KB at most.
USED_BYTES_AT_MOST = 65_536
FREE_BYTES_AT_LEAST = 50_000
"""As an ESP32 counts: with the block that its heap could grow by."""
IN_ONE_PIECE_AT_LEAST = 5_000
IN_ONE_PIECE_AT_REST = 9_000
LEFT_BYTES_AT_MOST = 5_500
"""Memory that may stay in use after the first punches: names, and objects that are made at the first need; the last
punches of 256 badges are 4 KB of it (app/recent.py)."""

# Measured with an image that copies all code into the heap: 95.8 KB.
STOCK_USED_BYTES_AT_MOST = 103_000

# 12,000 when each import looked on the littlefs first.
READS_TO_ONLINE_AT_MOST = 3_000

FEW, MANY = 120, 10_000


@pytest.fixture(scope="module")
def stack(provisioned: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(copied(provisioned, tmp_path_factory.mktemp("memory")), latency_ms=50) as running:
        yield running


def expect_room(soaked: Soaked, meter: HeapMeter) -> None:
    assert max(soaked.before.used, soaked.after.used) <= USED_BYTES_AT_MOST, soaked
    assert soaked.after.used - soaked.before.used <= LEFT_BYTES_AT_MOST, soaked
    assert soaked.low_free >= FREE_BYTES_AT_LEAST, soaked
    assert soaked.smallest_piece >= IN_ONE_PIECE_AT_LEAST, soaked
    assert soaked.after.largest >= IN_ONE_PIECE_AT_REST, soaked
    assert "MemoryError" not in meter.console()
    assert "died" not in meter.console()


def test_a_clock_in_a_chips_memory_taps_reconnects_and_restarts_with_room_to_spare(stack: Stack) -> None:
    meter = HeapMeter(stack)
    soaked = soak(stack, meter, FEW)
    assert soaked.reconnects
    expect_room(soaked, meter)

    before = len(stored_punches(stack))
    stack.control.plug_out()
    stack.control.clear_stats()
    stack.control.plug_in()
    stack.wait_online()
    assert stack.control.stats()["flash"]["reads"] <= READS_TO_ONLINE_AT_MOST
    stack.control.tap("5B000001", 120)
    expect_stored(stack, before + 1)
    assert meter.settled().used <= USED_BYTES_AT_MOST


def test_the_code_that_runs_is_the_image_that_provisioning_builds(stack: Stack) -> None:
    built = firmware.build()
    rom = board_partitions()["romfs"]
    image = built.in_place(rom.size)[firmware.ROM_PATH]
    with (stack.directory / "clock" / "flash.bin").open("rb") as flash:
        flash.seek(rom.offset)
        assert flash.read(len(image)) == image
    mapped = [
        line.split()
        for line in Path(f"/proc/{stack.control.stats()['pid']}/maps").read_text().splitlines()
        if line.endswith("flash.bin")
    ]
    assert [(int(line[2], 16), line[1]) for line in mapped] == [(rom.offset, "r--s")]
    boot = unpack(stored_records(stack)[1])
    assert (boot.kind, boot.detail[4:]) == (Kind.BOOT, bytes.fromhex(built.hash)[:4])
    with (stack.directory / "clock" / "console.log").open("rb") as log:
        assert b".mpy" not in log.read(), "no file of the code is beside the image"


@pytest.mark.torture
@pytest.mark.timeout(3600)
def test_10_000_punches_in_a_row_leave_the_heap_as_it_was(tmp_path: Path) -> None:
    with Stack(tmp_path, latency_ms=50) as stack:
        meter = HeapMeter(stack)
        expect_room(soak(stack, meter, MANY), meter)


@pytest.mark.torture
def test_the_official_image_copies_the_code_into_the_heap_and_still_has_room(tmp_path: Path) -> None:
    with stock_stack(tmp_path) as stack:
        meter = HeapMeter(stack)
        stack.wait_online()
        assert meter.settled().used <= STOCK_USED_BYTES_AT_MOST
        before = len(stored_punches(stack))
        for uid in ("5B000001", "5B000002"):
            stack.control.tap(uid, 120)
            time.sleep(0.5)
        expect_stored(stack, before + 2)
        assert "MemoryError" not in meter.console()
