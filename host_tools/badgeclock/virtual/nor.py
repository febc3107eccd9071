"""NOR flash in a file: a program only clears bits, an erase sets a sector, and the power may go at any byte.

The image is a shared mapping of the file, so what was programmed is in the file at once and outlives the board's
process. Figures of the modelled time are typical values of a W25Q32JV (datasheet rev. G, section 9.6): 0.4 ms for a
page program of 256 bytes, 45 ms for a sector erase of 4 KB.
"""

from __future__ import annotations

import mmap
import os
import random
import time
from array import array
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import Self

SECTOR_BYTES = 4096
PAGE_BYTES = 256


@dataclass(frozen=True)
class FlashTiming:
    """How long the flash keeps the clock waiting, microseconds."""

    page_program_us: int
    sector_erase_us: int


# Modelled milliseconds are always counted with TYPICAL; a board waits as long as its own timing says.
TYPICAL = FlashTiming(page_program_us=400, sector_erase_us=45_000)
INSTANT = FlashTiming(page_program_us=0, sector_erase_us=0)


class InterruptedErase(Enum):
    """What a sector holds when the power went during its erase."""

    UNTOUCHED = "untouched"
    ONES = "ones"
    RANDOM = "random"
    PREFIX = "prefix"


class PowerLost(Exception):
    """The power went in the middle of a flash operation; what the flash holds now is what it will hold at power on."""


@dataclass
class FlashStats:
    """What the flash was asked to do since the counts were last cleared."""

    reads: int = 0
    bytes_read: int = 0
    page_programs: int = 0
    bytes_programmed: int = 0
    erases: int = 0
    bits_not_set: int = 0  # bits that a program wanted at 1 and that were 0 already
    model_ms: float = 0.0

    def as_dict(self) -> dict[str, float]:
        """The counts by name."""
        return {**asdict(self), "model_ms": round(self.model_ms, 3)}


class NorFlash:
    """A NOR flash chip whose cells are the bytes of a file. Addresses and sizes are bytes."""

    def __init__(self, path: Path, size: int, *, timing: FlashTiming = INSTANT, seed: int = 0) -> None:
        """Open `path`, or make it with every bit set. `seed` decides the bits of torn bytes and interrupted erases."""
        self.size = size
        self.timing = timing
        self.stats = FlashStats()
        self.wear = array("I", bytes(4 * (size // SECTOR_BYTES)))
        self.on_power_lost: Callable[[], None] = lambda: None
        self.erase_outcome: InterruptedErase | None = None
        self._random = random.Random(seed)
        self._steps_left: int | None = None
        fresh = not path.exists() or path.stat().st_size != size
        if fresh:
            path.write_bytes(b"\xff" * size)
        self._fd = os.open(path, os.O_RDWR)
        self._cells = mmap.mmap(self._fd, size)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Write the mapping back and let go of the file."""
        self._cells.flush()
        self._cells.close()
        os.close(self._fd)

    def cut_after(self, steps: int, *, erase: InterruptedErase | None = None) -> None:
        """Lose the power after `steps` more steps: a byte programmed is a step, and so is a sector erased.

        The step after those is the torn one: of a byte, any of the bits that were to be cleared are; a sector is left
        as `erase` says, or as the seed decides.
        """
        self._steps_left = steps
        self.erase_outcome = erase

    def cancel_cut(self) -> None:
        """Forget a cut that has not come yet."""
        self._steps_left = None

    def reseed(self, seed: int) -> None:
        """Start the pseudo-random choices of torn steps again, for a replay."""
        self._random.seed(seed)

    def read(self, address: int, n: int) -> bytes:
        """`n` bytes from `address`. Raises ValueError outside of the chip."""
        self._check(address, n)
        self.stats.reads += 1
        self.stats.bytes_read += n
        return self._cells[address : address + n]

    def program(self, address: int, data: bytes | memoryview) -> None:
        """Clear the bits that are 0 in `data`. Raises PowerLost, ValueError outside of the chip."""
        n = len(data)
        self._check(address, n)
        if n == 0:
            return
        torn = self._steps_left is not None and self._steps_left < n
        whole = self._steps_left if torn and self._steps_left is not None else n
        self._clear_bits(address, data[:whole])
        if torn:
            self._tear_byte(address + whole, data[whole])
            self._lose_power()
        if self._steps_left is not None:
            self._steps_left -= n
        self._pass(page_programs=(address + n - 1) // PAGE_BYTES - address // PAGE_BYTES + 1)

    def erase_sector(self, address: int) -> None:
        """Set every bit of the sector at `address`. Raises PowerLost, ValueError if it is not the start of a sector."""
        self._check(address, SECTOR_BYTES)
        if address % SECTOR_BYTES:
            raise ValueError(f"address {address:#x} is not the start of a sector")
        self.wear[address // SECTOR_BYTES] += 1
        self.stats.erases += 1
        if self._steps_left == 0:
            self._interrupt_erase(address)
            self._lose_power()
        self._cells[address : address + SECTOR_BYTES] = b"\xff" * SECTOR_BYTES
        if self._steps_left is not None:
            self._steps_left -= 1
        self._pass(erases=1)

    def write_image(self, address: int, data: bytes) -> None:
        """Put `data` there as a programmer outside of the clock would: erased first, counted nowhere."""
        self._check(address, len(data))
        self._cells[address : address + len(data)] = data

    def _check(self, address: int, n: int) -> None:
        if address < 0 or n < 0 or address + n > self.size:
            raise ValueError(f"{n} bytes at {address:#x} are outside of the flash")

    def _clear_bits(self, address: int, data: bytes | memoryview) -> None:
        n = len(data)
        if n == 0:
            return
        old = int.from_bytes(self._cells[address : address + n], "little")
        wanted = int.from_bytes(data, "little")
        new = old & wanted
        self._cells[address : address + n] = new.to_bytes(n, "little")
        self.stats.bytes_programmed += n
        if new != wanted:
            self.stats.bits_not_set += (new ^ wanted).bit_count()

    def _tear_byte(self, address: int, wanted: int) -> None:
        old = self._cells[address]
        clearing = old & ~wanted & self._random.getrandbits(8)
        self._cells[address] = old & ~clearing

    def _interrupt_erase(self, address: int) -> None:
        outcome = self.erase_outcome or self._random.choice(list(InterruptedErase))
        if outcome is InterruptedErase.ONES:
            cells = b"\xff" * SECTOR_BYTES
        elif outcome is InterruptedErase.RANDOM:
            cells = self._random.randbytes(SECTOR_BYTES)
        elif outcome is InterruptedErase.PREFIX:
            done = self._random.randrange(SECTOR_BYTES)
            cells = b"\xff" * done + self._cells[address + done : address + SECTOR_BYTES]
        else:
            return
        self._cells[address : address + SECTOR_BYTES] = cells

    def _lose_power(self) -> None:
        self._steps_left = None
        self.on_power_lost()
        raise PowerLost

    def _pass(self, *, page_programs: int = 0, erases: int = 0) -> None:
        self.stats.page_programs += page_programs
        self.stats.model_ms += (page_programs * TYPICAL.page_program_us + erases * TYPICAL.sector_erase_us) / 1000
        wait_us = page_programs * self.timing.page_program_us + erases * self.timing.sector_erase_us
        if wait_us:
            time.sleep(wait_us / 1e6)
