"""A tap, from the first look at the badge to the first tone: modelled time of its input and output, bytecode
instructions, heap. The whole firmware on i386 MicroPython, its code in place, behind the virtual board's chips.

A tap begins with the first SPI transfer of the poll that finds the badge, and ends with the buzzer's first pulse.
Between them runs nothing else: no task waits there.
"""

from __future__ import annotations

import itertools
import re
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from badgeclock.partition_table import board_partitions
from badgeclock.technician import firmware, workshop
from badgeclock.technician.provision import Broker, Plan, provision
from badgeclock.technician.serial_device import open_device
from badgeclock.toolchain.places import ROOT
from badgeclock.virtual.board import VirtualBoard
from badgeclock.virtual.bus import Handler, Op
from tests.bench.catalogue import TAP_PARTS
from tests.bench.vm_counter import VmCounter, by_place

TAPS = 24
COUNTED_TAPS = 6
SIGNAL_PATIENCE_S = 60.0
REST_S = 1.0

# The ESP32's port, as reader_on_device.py has it: a transfer, MicroPython's call included; a byte at 5 MHz; and on
# I2C nine bits a byte at 400 kHz, the address among them.
CALL_US = 60.0
SPI_BYTE_US = 1.6
I2C_BYTE_US = 22.5
READER_SPI, RTC_ADDRESS = 2, 0x68

# The purpose of each file of the firmware in a tap.
PARTS = {
    "reader": ("iso14443", "mfrc522"),
    "seal": ("seal", "hmac256", "keystore"),
    "journal": ("sealed_log", "journal", "record"),
    "display": ("face", "screens", "font", "signals", "ssd1306", "buzzer", "led", "pattern"),
}

ALLOCATION = """
import gc as _gc, app.iso14443, drivers.pattern
_poll, _play = app.iso14443.Reader.poll, drivers.pattern.Player.play
_at = 0

def _polled(reader, uid):
    global _at
    _at = _gc.mem_alloc()
    return _poll(reader, uid)

def _played(player, pattern):
    _play(player, pattern)
    print("allocated:", _gc.mem_alloc() - _at)

app.iso14443.Reader.poll, drivers.pattern.Player.play = _polled, _played
"""


@dataclass(frozen=True)
class Request:
    """One exchange of MicroPython with the hardware: its request, and what preceded it."""

    op: int
    unit: int
    arg: int
    size: int
    flash_ms: float
    air_ms: float
    instructions: int


class Bus:
    """Records the traffic on a board's buses."""

    def __init__(self, board: VirtualBoard) -> None:
        self.requests: list[Request] = []
        self.counter: VmCounter | None = None
        self._board = board
        board._handlers.update({op: self._noted(op, handler) for op, handler in board._handlers.items()})

    def _noted(self, op: int, handler: Handler) -> Handler:
        board = self._board

        def handle(unit: int, n: int, arg: int, data: bytes) -> bytes | None:
            seen = len(self.counter.trace) if self.counter is not None else 0
            answer = handler(unit, n, arg, data)
            air = board.reader.air
            air_ms = (air.sent_ns + air.received_ns + air.waiting_ns) / 1e6
            self.requests.append(Request(op, unit, arg, n, board.flash.stats.model_ms, air_ms, seen))
            return answer

        return handle

    def wait_fed(self) -> None:
        """Returns once the clock has fed its watchdog, which ends a poll."""
        self._wait(lambda: any(one.op == Op.WDT_FEED for one in list(self.requests)), "the watchdog was not fed")

    def tap(self) -> list[Request]:
        """The requests from a tap's beginning to its end, both among them, and the one before. Raises AssertionError if
        there is no tone within SIGNAL_PATIENCE_S.
        """
        self._wait(lambda: next(_signalled(list(self.requests)), None) is not None, "no tone came")
        return next(_signalled(list(self.requests)))

    @staticmethod
    def _wait(done: Callable[[], bool], otherwise: str) -> None:
        deadline = time.monotonic() + SIGNAL_PATIENCE_S
        while not done():
            assert time.monotonic() < deadline, otherwise
            time.sleep(0.005)


def _signalled(requests: list[Request]) -> Iterator[list[Request]]:
    """The taps among them. A tone that comes later in a signal is played between two polls and begins none."""
    fed = begin = 0
    for at, one in enumerate(requests):
        if one.op == Op.WDT_FEED:
            fed, begin = at, 0
        elif fed and not begin and _is_reader(one):
            begin = at
        elif begin and one.op == Op.PWM and one.size:
            yield requests[begin - 1 : at + 1]


def measure() -> dict[str, float]:
    """Flat figures; see tests/bench/catalogue.py. Raises CannotCount where instructions cannot be counted."""
    with _clock() as (board, bus):
        modelled = [_modelled(tap) for tap in _taps(board, bus, TAPS)]
        model = {part: statistics.mean(one[part] for one in modelled) for part in TAP_PARTS}
        counted = _counted(board, bus)
        instructions = {part: statistics.median(one[part] for one in counted) for part in (*TAP_PARTS, "other")}
        allocated = _allocated(board, bus)
    for name, shares in (("ms", model), ("instructions", instructions)):
        print(f"  {name} of a tap: " + ", ".join(f"{part} {shares[part]:.4g}" for part in shares))
    totals = [sum(one.values()) for one in counted]
    print(f"  instructions of {COUNTED_TAPS} taps: {totals}; heap bytes: {allocated}")
    return {
        "clock.tap_model_ms": sum(model.values()),
        **{f"clock.tap_model_ms.{part}": model[part] for part in TAP_PARTS},
        "clock.tap_vm_instructions": statistics.median(totals),
        **{f"clock.tap_vm_instructions.{part}": instructions[part] for part in (*TAP_PARTS, "other")},
        "clock.tap_alloc_bytes": max(allocated),
    }


@contextmanager
def _clock() -> Iterator[tuple[VirtualBoard, Bus]]:
    """A provisioned clock that found no network, idle; and its bus."""
    with tempfile.TemporaryDirectory(prefix="badgeclock-bench-") as scratch:
        home = Path(scratch)
        with VirtualBoard(home / "clock") as board:
            bus = Bus(board)
            board.plug_in()
            plan = Plan(
                workshop.create(home / "workshop"), "clock-0001", firmware.build(), "Bench", Broker("localhost")
            )
            with open_device(str(home / "clock" / "tty")) as device:
                provision(device, plan)
            _wait_idle(board)
            yield board, bus


def _wait_idle(board: VirtualBoard) -> None:
    deadline = time.monotonic() + SIGNAL_PATIENCE_S
    while not any("Hold your badge" in line for line in board.screen_text()):
        assert time.monotonic() < deadline, board.screen_text()
        time.sleep(0.1)
    time.sleep(1)


def _taps(board: VirtualBoard, bus: Bus, count: int) -> Iterator[list[Request]]:
    """Taps of ever new badges with UIDs of four bytes, each after the clock came to rest."""
    for uid in itertools.islice(_uids, count):
        bus.requests.clear()
        bus.wait_fed()
        board.hold(uid.to_bytes(4, "big"))
        yield bus.tap()
        board.remove()
        time.sleep(REST_S)


_uids = itertools.count(0x5B000000)


def _is_reader(one: Request) -> bool:
    return one.op in (Op.SPI_WRITE, Op.SPI_READ, Op.SPI_TRANSFER) and one.unit == READER_SPI


def _modelled(tap: list[Request]) -> dict[str, float]:
    """Milliseconds by part: the reader's SPI and what is in the air, flash programs by partition, the I2C chips."""
    parts = dict.fromkeys(TAP_PARTS, 0.0)
    seal = board_partitions()["seal"]
    for before, one in itertools.pairwise(tap):
        if _is_reader(one):
            parts["reader"] += (CALL_US + one.size * SPI_BYTE_US) / 1000 + one.air_ms - before.air_ms
        elif one.op in (Op.FLASH_PROGRAM, Op.FLASH_ERASE, Op.FLASH_READ):
            part = "seal" if seal.offset <= one.arg < seal.end else "journal"
            parts[part] += CALL_US / 1000 + one.flash_ms - before.flash_ms
        elif one.op in (Op.I2C_WRITE, Op.I2C_READ, Op.I2C_WRITE_MEM, Op.I2C_READ_MEM):
            part = "time" if one.arg & 0x7F == RTC_ADDRESS else "display"
            parts[part] += (CALL_US + (one.size + 2) * I2C_BYTE_US) / 1000
    return parts


# --- bytecode instructions ---


def _counted(board: VirtualBoard, bus: Bus) -> list[dict[str, int]]:
    """Instructions by part of COUNTED_TAPS taps: those of the firmware in place, by file, and of what is frozen in
    MicroPython. The virtual board's own modules are C on an ESP32, lie in the heap here, and are left out.
    """
    assert board.pid is not None
    places = _places(board.pid)
    counts = []
    with VmCounter(board.pid) as counter:
        bus.counter = counter
        for tap in _taps(board, bus, COUNTED_TAPS):
            # Begin and end are exact except for MicroPython's work while a request is on its way to the chips' thread.
            trace = counter.trace[tap[1].instructions : tap[-1].instructions]
            by_file = by_place(trace, places)
            counts.append(_by_part(by_file))
        bus.counter = None
    return counts


def _by_part(by_file: Counter[str]) -> dict[str, int]:
    parts = dict.fromkeys((*TAP_PARTS, "other"), 0)
    for path, count in by_file.items():
        if not path:
            continue  # the virtual board's own
        name = Path(path).stem
        parts[next((part for part, files in PARTS.items() if name in files), "other")] += count
        if name in ("timekeeper", "ds3231", "localtime"):
            parts["other"] -= count
            parts["time"] += count
    return parts


def _places(pid: int) -> dict[str, tuple[int, int]]:
    """Where in the process the firmware's files are mapped, and MicroPython's own frozen code."""
    built = firmware.build()
    rom = board_partitions()["romfs"]
    image = built.in_place(rom.size)[firmware.ROM_PATH]
    places = {}
    start = 0
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        found = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) ([0-9a-f]+) .*?(/\S*)?$", line)
        assert found is not None, line
        if (found[5] or "").endswith("flash.bin"):
            assert int(found[4], 16) == rom.offset, line
            start = int(found[1], 16)
        elif re.search(r"/micropython[^/]*$", found[5] or "") and "w" not in found[3]:
            places[f"frozen {found[1]}"] = (int(found[1], 16), int(found[2], 16))
    assert start, "the process runs nothing in place"
    for path, data in built.files.items():
        if path.endswith(".mpy"):
            at = image.index(data)
            places[path] = (start + at, start + at + len(data))
    return places


# --- heap ---


def _allocated(board: VirtualBoard, bus: Bus) -> list[int]:
    """Heap bytes of TAPS taps from before the poll until the tone was started."""
    boot = (ROOT / "firmware" / "boot.py").read_text()
    with open_device(board.console.path) as device:
        device.put("/boot.py", (boot + ALLOCATION).encode())
        device.restart()
    _wait_idle(board)
    log = board.home / "console.log"
    found: list[int] = []
    for _ in _taps(board, bus, TAPS):
        told: list[str] = []
        deadline = time.monotonic() + SIGNAL_PATIENCE_S
        while not told:  # the buzzer's comes first, then the lamp's
            assert time.monotonic() < deadline, "the clock reported no allocation"
            time.sleep(0.01)
            told = re.findall(r"allocated: (\d+)", log.read_text(errors="replace"))[2 * len(found) :]
        found.append(int(told[0]))
        time.sleep(0.2)
    return found
