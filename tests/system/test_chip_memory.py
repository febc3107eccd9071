"""One memory for heap, Wi-Fi and TLS: on an ESP32 it decides whether a clock starts; the order of use matters."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from badgeclock.demo.stack import Stack
from badgeclock.technician.serial_device import open_device
from badgeclock.virtual.accesspoint import Network
from badgeclock.virtual.board import PARTITIONS, BoardOptions, Image, VirtualBoard
from tests.clock_names import module
from tests.provisioned import copied
from tests.releases import kept
from tests.system.heap_meter import HeapMeter, stock_stack

pytestmark = pytest.mark.timeout(300)

# Measured here: 87.5 KB and 11,776 (docs/chip.md).
STOCK_USED_BYTES_AT_MOST = 90_500
IDF_LOW_BYTES_AT_LEAST = 8_192

TAKEN = (
    "import machine\nelsewhere = [machine.UART(1, tx=machine.Pin(15), rx=machine.Pin(15), rxbuf=size) for size in {}]\n"
)
BROKEN_ONCE = """\
import machine
made = machine.I2C
def broken(*_, **__):
    machine.I2C = made
    raise OSError(-259, "ESP_ERR_INVALID_STATE")
machine.I2C = broken
"""
"""A part that cannot be allocated, until its screen is to be shown."""
AGAIN_MS = 60_000
PROMPT_MS = 45_000
"""After which a clock that is at the prompt starts again (firmware/main.py)."""


def said(stack: Stack, words: str, start: int) -> None:
    """Wait until the clock's console shows a text after `start`."""
    log = stack.directory / "clock" / "console.log"
    deadline = time.monotonic() + 60
    while words not in (text := log.read_bytes()[start:].decode(errors="replace")):
        assert time.monotonic() < deadline, text[-1500:]
        time.sleep(0.1)


def restart_with(stack: Stack, path: str, content: bytes) -> int:
    """Put a file on the clock and restart it; where its console goes on."""
    with open_device(str(stack.directory / "clock" / "tty")) as device:
        device.put(path, content)
        start = (stack.directory / "clock" / "console.log").stat().st_size
        device.restart()
    return start


def test_this_version_comes_online_on_the_official_image(tmp_path: Path) -> None:
    with stock_stack(tmp_path) as stack:
        meter = HeapMeter(stack)
        meter.wait_online()
        meter.settled()
        assert meter.heap_used() <= STOCK_USED_BYTES_AT_MOST
        assert meter.idf_low() >= IDF_LOW_BYTES_AT_LEAST
        assert "MemoryError" not in meter.console()


@pytest.mark.torture  # provisioned with its own tools, which takes half a minute
def test_the_release_before_fails_in_the_model_as_on_the_chip(tmp_path: Path) -> None:
    old = kept.last()
    options = BoardOptions(image=Image.STOCK, partitions=PARTITIONS.with_name("partitions-16mb.csv"))
    with VirtualBoard(tmp_path / "clock", options) as board:
        board.set_network(Network.DOWN)
        board.plug_in()
        old.run(["ca", "init", tmp_path / "workshop"], folder=tmp_path)
        old.run(
            [
                *("clock", "provision", board.console.path, "--workshop", tmp_path / "workshop", "--id", "clock-0001"),
                *("--site", "Quay 7", "--broker", "localhost:8883", "--wifi-ssid", "site"),
            ],
            folder=tmp_path,
        )
        log = tmp_path / "clock" / "console.log"
        deadline = time.monotonic() + 60
        while b"Wifi Unknown Error 0x0101" not in log.read_bytes():
            assert time.monotonic() < deadline, (board.screen_text(), log.read_text(errors="replace")[-1500:])
            time.sleep(0.1)


def test_what_fails_at_start_is_shown_with_a_number_and_tried_again(
    provisioned: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with Stack(copied(provisioned, tmp_path_factory.mktemp("chip")), latency_ms=50) as stack:
        stack.wait_online()
        faults = {
            # enough for Wi-Fi and the parts, too little for the heap to grow to the rest of the clock
            1: (TAKEN.format([107_000, 12_000]) + "kept = bytearray(31_000)\n", "MemoryError"),
            2: (TAKEN.format([107_000, 56_000]), "RuntimeError"),
            3: (BROKEN_ONCE, "OSError"),
            4: (f"import sys\nsys.modules[{module('firmware/app/composition.py')!r}] = None\n", "AttributeError"),
        }
        for number, (boot, reason) in faults.items():
            start = restart_with(stack, "/boot.py", boot.encode())
            said(stack, f"clock: cannot start: {number} {reason}", start)
            stack.control.wait_text(f"code {number}", timeout=60, after=None)
            assert stack.control.stats()["watchdog_ms"] == AGAIN_MS
        start = restart_with(stack, "/boot.py", b"import sys\nsys.modules['start'] = None\n")
        said(stack, "AttributeError", start)
        deadline = time.monotonic() + 60
        while stack.control.stats()["watchdog_ms"] != PROMPT_MS:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_a_clock_whose_code_lies_in_place_keeps_memory_free_through_reconnects(
    provisioned: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with Stack(copied(provisioned, tmp_path_factory.mktemp("chip")), latency_ms=50) as stack:
        meter = HeapMeter(stack)
        meter.wait_online()
        meter.settled()
        assert meter.idf_low() > 0
        assert "MemoryError" not in meter.console()
