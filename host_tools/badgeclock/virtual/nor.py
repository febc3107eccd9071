"""The virtual board's NOR flash: the cells of `portable/norcells.py` in a file, addressed as one chip.

The image is a shared mapping of the file, so programmed data is in the file at once and survives the board's process.
Faults are kept in memory: a new board has none, as if the chip had been replaced with its content.
"""

from __future__ import annotations

import mmap
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import Self

from badgeclock.virtual.portable.norcells import (
    ERASE_OUTCOMES,
    ERASED,
    PAGE_PROGRAM_US,
    SECTOR_BYTES,
    SECTOR_ERASE_US,
    Chip,
    Dice,
    PowerCut,
    ReadError,
    Sectors,
    Supply,
)

__all__ = [
    "INSTANT",
    "SECTOR_BYTES",
    "TYPICAL",
    "FlashFault",
    "FlashStats",
    "FlashTiming",
    "InterruptedErase",
    "NorFlash",
    "PowerCut",
    "ReadError",
]


@dataclass(frozen=True)
class FlashTiming:
    """How long the flash keeps the clock waiting, microseconds."""

    page_program_us: int
    sector_erase_us: int


# Modelled milliseconds are always counted with TYPICAL; a board waits by its own timing.
TYPICAL = FlashTiming(page_program_us=PAGE_PROGRAM_US, sector_erase_us=SECTOR_ERASE_US)
INSTANT = FlashTiming(page_program_us=0, sector_erase_us=0)


class InterruptedErase(Enum):
    """A sector's content after a power cut during its erase."""

    UNTOUCHED, ONES, RANDOM, PREFIX = ERASE_OUTCOMES


class FlashFault(Enum):
    """A lasting fault, and its place: in a sector, or in the bits of one byte."""

    DEAD = "dead"  # sector: programs and erases do nothing, in silence
    UNREADABLE = "unreadable"  # sector: reads fail
    ROT = "rot"  # bits: they have the other value
    UNSTABLE = "unstable"  # bits: they read differently each time, until programmed again or erased


@dataclass
class FlashStats:
    """The work of the flash since the counts were last cleared."""

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


class _MappedSectors(Sectors):
    """Sectors in a mapped file."""

    def __init__(self, cells: memoryview) -> None:
        super().__init__()
        self._cells = cells

    def view(self, sector: int) -> memoryview:
        return self._cells[sector * SECTOR_BYTES : (sector + 1) * SECTOR_BYTES]

    def writable(self, sector: int) -> memoryview:
        return self.view(sector)

    def put(self, sector: int, content: bytes) -> None:
        self.view(sector)[:] = content

    def blank(self, sector: int) -> None:
        self.put(sector, ERASED)


class _LenientChip(Chip):
    """A chip that, like a real one, silently ignores bits that should become 1; they are counted."""

    bits_not_set = 0

    def wanted_ones(self, sector: int, offset: int, bits: int) -> None:  # noqa: ARG002 - the model says where
        self.bits_not_set += bits.bit_count()


class NorFlash:
    """A NOR flash chip whose cells are the bytes of a file. Addresses and sizes are bytes.

    `chip` is the model, for its faults: see `norcells.Chip`.
    """

    def __init__(self, path: Path, size: int, *, timing: FlashTiming = INSTANT, seed: int = 0) -> None:
        """Open `path`, or make it with every bit set. `seed` decides the bits of torn bytes and interrupted erases."""
        self.size = size
        self.timing = timing
        self.on_power_lost: Callable[[], None] = lambda: None
        fresh = not path.exists() or path.stat().st_size != size
        if fresh:
            path.write_bytes(b"\xff" * size)
        self._fd = os.open(path, os.O_RDWR)
        self._map = mmap.mmap(self._fd, size)
        self._cells = memoryview(self._map)
        self._supply = Supply()
        self._dice = Dice(seed)
        self.chip = _LenientChip(size // SECTOR_BYTES, self._supply, _MappedSectors(self._cells))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Write the mapping back and close the file."""
        self._cells.release()
        self._map.flush()
        self._map.close()
        os.close(self._fd)

    @property
    def stats(self) -> FlashStats:
        """The counts since `clear_stats`."""
        chip = self.chip
        return FlashStats(
            chip.reads,
            chip.read_bytes,
            chip.page_programs,
            chip.programmed_bytes,
            chip.erases,
            chip.bits_not_set,
            chip.model_ms,
        )

    def clear_stats(self) -> None:
        """Reset the counts; wear stays."""
        self.chip.reset_counts()
        self.chip.bits_not_set = 0

    @property
    def wear(self) -> list[int]:
        """Erases of each sector since the flash was opened."""
        return [self.chip.wear.get(sector, 0) for sector in range(self.chip.sectors)]

    def cut_after(self, steps: int, *, erase: InterruptedErase | None = None) -> None:
        """Lose the power after `steps` more steps: a byte programmed is a step, and so is a sector erased.

        The step after those is the torn one: of a byte, any of the bits that were to be cleared are; a sector is left
        as `erase` says, or as the seed decides.
        """
        self._supply.cut_after(steps, self._dice.bits(32), erase.value if erase else "")

    def cancel_cut(self) -> None:
        """Cancel a pending cut."""
        self._supply.cancel_cut()

    def read(self, address: int, n: int) -> bytes:
        """`n` bytes from `address`. Raises ReadError, ValueError outside of the chip."""
        self._check(address, n)
        buf = bytearray(n)
        view = memoryview(buf)
        for sector, offset, part in _parts(address, n):
            self.chip.read(sector, offset, view[part])
        return bytes(buf)

    def program(self, address: int, data: bytes | memoryview) -> None:
        """Clear the bits that are 0 in `data`. Raises PowerCut, ValueError outside of the chip."""
        self._check(address, len(data))
        before = self.chip.page_programs
        try:
            for sector, offset, part in _parts(address, len(data)):
                self.chip.program(sector, offset, bytes(data[part]))
        except PowerCut:
            self._lose_power()
            raise
        self._wait((self.chip.page_programs - before) * self.timing.page_program_us)

    def erase_sector(self, address: int) -> None:
        """Set every bit of the sector at `address`. Raises PowerCut, ValueError if it is not the start of a sector."""
        self._check(address, SECTOR_BYTES)
        if address % SECTOR_BYTES:
            raise ValueError(f"address {address:#x} is not the start of a sector")
        try:
            self.chip.erase(address // SECTOR_BYTES)
        except PowerCut:
            self._lose_power()
            raise
        self._wait(self.timing.sector_erase_us)

    def write_image(self, address: int, data: bytes) -> None:
        """Put `data` there as a programmer outside of the clock would: erased first, counted nowhere."""
        self._check(address, len(data))
        self._cells[address : address + len(data)] = data

    def _check(self, address: int, n: int) -> None:
        if address < 0 or n < 0 or address + n > self.size:
            raise ValueError(f"{n} bytes at {address:#x} are outside of the flash")

    def _lose_power(self) -> None:
        # The board handles being without power; the flash is ready for the next start.
        self._supply.restore()
        self.on_power_lost()

    def _wait(self, us: int) -> None:
        if us:
            time.sleep(us / 1e6)


def _parts(address: int, n: int) -> list[tuple[int, int, slice]]:
    """The sectors that `n` bytes from `address` touch: sector, offset in it, which of the bytes."""
    parts = []
    at = 0
    while at < n:
        sector, offset = divmod(address + at, SECTOR_BYTES)
        count = min(n - at, SECTOR_BYTES - offset)
        parts.append((sector, offset, slice(at, at + count)))
        at += count
    return parts
