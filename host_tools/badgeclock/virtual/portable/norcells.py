"""NOR flash cells and their faults. CPython and MicroPython run this same file.

A program only clears bits, an erase sets a sector of 4,096 bytes. `Supply` may cut the power at any step: a programmed
byte (or row, or page: `grain_bytes`) is a step, and so is an erase. `Chip` counts its work and holds the faults:

    torn program       any of the bits that were to be cleared are
    interrupted erase  the sector is untouched, all ones, random, or all ones up to some byte
    unstable cells     bits that read differently each time, until they are programmed again or erased
    dead sector        programs and erases of it silently do nothing
    unreadable sector  a read of it is an error
    bit rot            a bit has another value

`Sectors` stores the cells. Pseudo-random choices come from `Dice`, so one seed gives the same flash on every machine.
Modelled time is that of a W25Q32JV (datasheet rev. G, section 9.6, typical): 0.4 ms for a page program of 256 bytes, 45
ms for a sector erase.
"""

SECTOR_BYTES = 4096
PAGE_BYTES = 256
PAGE_PROGRAM_US = 400
SECTOR_ERASE_US = 45000

UNTOUCHED = "untouched"
ONES = "ones"
RANDOM = "random"
PREFIX = "prefix"
ERASE_OUTCOMES = (UNTOUCHED, ONES, RANDOM, PREFIX)

READ_ERROR = 5  # EIO

ERASED = b"\xff" * SECTOR_BYTES


class PowerCut(Exception):
    """The supply failed in the middle of a program or erase, or is still off."""


class ProgramRefused(ValueError):
    """A program that a real chip would silently not carry out."""


class ReadError(OSError):
    """The chip returned no data."""


class Dice:
    """Marsaglia's 32-bit xorshift ("Xorshift RNGs", 2003): small, and the same everywhere."""

    def __init__(self, seed: int) -> None:
        self._state = (seed * 2654435761 ^ 0x9E3779B9) & 0xFFFFFFFF or 1

    def bits(self, count: int) -> int:
        """A number of `count` bits, up to 32."""
        x = self._state
        x ^= (x << 13) & 0xFFFFFFFF
        x ^= x >> 17
        x ^= (x << 5) & 0xFFFFFFFF
        self._state = x
        return x >> (32 - count)

    def octets(self, count: int) -> bytes:
        """`count` bytes, a multiple of 4."""
        return b"".join([self.bits(32).to_bytes(4, "big") for _ in range(count // 4)])


def torn_byte(old: int, new: int, dice: Dice) -> int:
    """A byte `old` after a power cut while being programmed with `new`: some bits are cleared."""
    return old & ~(old & ~new & dice.bits(8))


class Supply:
    """The power of one board. `steps` counts what a cut can hit.

    `grain_bytes`: how many bytes the chip programs at once, and a cut tears together. `leaves_unstable`: whether a torn
    program's bits read at random afterwards.
    """

    def __init__(self) -> None:
        self.steps = 0
        self.is_cut = False
        self.grain_bytes = 1
        self.leaves_unstable = False
        self.dice = Dice(0)
        self.erase_outcome = ""
        self._cut_at = -1

    def cut_after(self, steps: int, seed: int, erase: str = "") -> None:
        """Lose power in the step after `steps` more. `seed` decides the remaining content of that byte or sector;
        `erase` is one of ERASE_OUTCOMES, or empty: the seed decides that too.
        """
        self._cut_at = self.steps + steps
        self.dice = Dice(seed)
        self.erase_outcome = erase

    def cancel_cut(self) -> None:
        """Cancel a pending cut."""
        self._cut_at = -1

    def restore(self) -> None:
        """Power is back, and no cut is due."""
        self._cut_at = -1
        self.is_cut = False

    def spend(self, steps: int) -> int:
        """How many of `steps` complete; fewer than requested means that power fails in the one after them."""
        if self.is_cut:
            raise PowerCut("no power")
        if 0 <= self._cut_at < self.steps + steps:
            done = self._cut_at - self.steps
            self.steps = self._cut_at
            self.is_cut = True
            return done
        self.steps += steps
        return steps


class Sectors:
    """Where the cells are, by sector of 4,096 bytes. This one keeps only what is not erased, in `content`."""

    def __init__(self, image: "dict[int, bytes] | None" = None) -> None:
        self.content: dict[int, bytes | bytearray] = {}
        if image:
            self.content.update(image)

    def view(self, sector: int) -> "bytes | bytearray | memoryview":
        """The content, to read."""
        return self.content.get(sector, ERASED)

    def writable(self, sector: int) -> "bytearray | memoryview":
        """The content, to change in place."""
        content = self.content.get(sector, ERASED)
        if not isinstance(content, bytearray):
            content = self.content[sector] = bytearray(content)
        return content

    def put(self, sector: int, content: bytes) -> None:
        """Store 4,096 bytes there."""
        self.content[sector] = content

    def blank(self, sector: int) -> None:
        """Set every bit of it to 1."""
        self.content.pop(sector, None)

    def image(self) -> "dict[int, bytes]":
        """The content by sector, erased ones left out; not changed later."""
        for sector, content in self.content.items():
            self.content[sector] = bytes(content)
        return dict(self.content)  # type: ignore[arg-type]  # all of them are bytes now


class Chip:
    """`sectors` sectors on one `supply`. Reads, programs and erases stay within a sector.

    `row_bytes` 16 holds every program to flash encryption's rule: whole rows, each once between two erases.
    """

    def __init__(self, sectors: int, supply: Supply, cells: Sectors) -> None:
        self.sectors = sectors
        self.supply = supply
        self.cells = cells
        self.row_bytes = 0
        self.wear: dict[int, int] = {}  # erases of each sector since it was made
        self.dead: set[int] = set()
        self.unreadable: set[int] = set()
        self.unstable: dict[int, dict[int, int]] = {}  # sector: {offset: mask of the bits}
        self.read_dice = Dice(1)
        self._written_rows: dict[int, set[int]] = {}
        self.reset_counts()

    def reset_counts(self) -> None:
        """Count from zero again; wear goes on."""
        self.reads = self.read_bytes = 0
        self.programs = self.page_programs = self.programmed_bytes = 0
        self.erases = 0
        self.erases_of: dict[int, int] = {}

    @property
    def model_ms(self) -> float:
        """How long a real chip would have been busy since the counts were reset."""
        return (self.page_programs * PAGE_PROGRAM_US + self.erases * SECTOR_ERASE_US) / 1000

    # --- a clock's operations ---

    def read(self, sector: int, offset: int, buf: "bytearray | memoryview") -> None:
        """Fill `buf` from there. Raises PowerCut, ReadError, ValueError outside of the chip."""
        end = offset + len(buf)
        if not 0 <= sector < self.sectors or offset < 0 or end > SECTOR_BYTES:
            raise ValueError(f"{len(buf)} bytes at {offset} of sector {sector} are outside of the flash")
        if self.supply.is_cut:
            raise PowerCut("no power")
        self.reads += 1
        self.read_bytes += len(buf)
        if sector in self.unreadable:
            raise ReadError(READ_ERROR)
        buf[:] = memoryview(self.cells.view(sector))[offset:end]
        if sector in self.unstable:
            for at, mask in self.unstable[sector].items():
                if offset <= at < end:
                    buf[at - offset] = buf[at - offset] & ~mask | self.read_dice.bits(8) & mask

    def program(self, sector: int, offset: int, new: bytes) -> None:
        """Clear the bits that are 0 in `new`. Raises PowerCut, ProgramRefused, ValueError outside of the chip."""
        end = offset + len(new)
        if not 0 <= sector < self.sectors or offset < 0 or end > SECTOR_BYTES:
            raise ValueError(f"{len(new)} bytes at {offset} of sector {sector} are outside of the flash")
        if not new:
            return
        if self.row_bytes:
            self._check_rows(sector, offset, end)
        old = bytes(memoryview(self.cells.view(sector))[offset:end])
        wanted = int.from_bytes(new, "big")
        before = int.from_bytes(old, "big")
        left = before & wanted
        if left != wanted:
            self.wanted_ones(sector, offset, self._without_unstable(sector, offset, end, wanted & ~before))
        grain = self.supply.grain_bytes
        units = (end - 1) // grain - offset // grain + 1
        done = self.supply.spend(units)
        whole = len(new) if done == units else max((offset // grain + done) * grain - offset, 0)
        self.programs += 1
        self.page_programs += (end - 1) // PAGE_BYTES - offset // PAGE_BYTES + 1
        self.programmed_bytes += whole
        if sector not in self.dead:
            cells = self.cells.writable(sector)
            cells[offset : offset + whole] = left.to_bytes(len(new), "big")[:whole]
            if sector in self.unstable:
                self._settle(sector, offset, new[:whole])
            if done < units:
                torn_end = min(whole + grain - (offset + whole) % grain, len(new))
                for at in range(whole, torn_end):
                    self._tear(sector, offset + at, old[at], new[at])
        if done < units:
            raise PowerCut(f"while programming sector {sector} at {offset + whole}")

    def erase(self, sector: int) -> None:
        """Set every bit of a sector. Raises PowerCut, ValueError outside of the chip."""
        if not 0 <= sector < self.sectors:
            raise ValueError(f"sector {sector} is outside of the flash")
        done = self.supply.spend(1)
        self.erases += 1
        self.erases_of[sector] = self.erases_of.get(sector, 0) + 1
        self.wear[sector] = self.wear.get(sector, 0) + 1
        if sector not in self.dead:
            if done:
                self.cells.blank(sector)
                self.unstable.pop(sector, None)
                self._written_rows.pop(sector, None)
            else:
                self._interrupt_erase(sector)
        if not done:
            raise PowerCut(f"while erasing sector {sector}")

    def wanted_ones(self, sector: int, offset: int, bits: int) -> None:
        """`bits`, big-endian from `offset` on, should become 1, which no program does. A chip ignores that silently."""
        if bits:
            raise ProgramRefused(f"program of 0 to 1 in sector {sector} at {offset}")

    # --- faults ---

    def rot(self, sector: int, offset: int, mask: int) -> None:
        """Flip the bits of `mask` in one byte."""
        self.cells.writable(sector)[offset] ^= mask

    def make_unstable(self, sector: int, offset: int, mask: int) -> None:
        """Make the bits of `mask` in one byte read differently each time, until they are programmed again or erased."""
        cells = self.unstable.setdefault(sector, {})
        cells[offset] = cells.get(offset, 0) | mask

    def mend(self) -> None:
        """End every lasting fault; the cells' content is unchanged."""
        self.dead.clear()
        self.unreadable.clear()
        self.unstable.clear()

    # --- inside ---

    def _tear(self, sector: int, at: int, old: int, new: int) -> None:
        self.cells.writable(sector)[at] = torn_byte(old, new, self.supply.dice)
        if self.supply.leaves_unstable and old & ~new:
            self.make_unstable(sector, at, old & ~new & 0xFF)

    def _settle(self, sector: int, offset: int, new: bytes) -> None:
        """Bits of unstable cells that are programmed once more have their value."""
        cells = self.unstable[sector]
        for at in list(cells):
            if offset <= at < offset + len(new):
                cells[at] &= new[at - offset]
                if not cells[at]:
                    del cells[at]
        if not cells:
            del self.unstable[sector]

    def _without_unstable(self, sector: int, offset: int, end: int, bits: int) -> int:
        """`bits` without those that may as well be 1 at this moment."""
        for at, mask in self.unstable.get(sector, {}).items():
            if offset <= at < end:
                bits &= ~(mask << 8 * (end - 1 - at))
        return bits

    def _interrupt_erase(self, sector: int) -> None:
        dice = self.supply.dice
        outcome = self.supply.erase_outcome or ERASE_OUTCOMES[dice.bits(2)]
        if outcome == ONES:
            self.cells.blank(sector)
        elif outcome == RANDOM:
            number = int.from_bytes(bytes(self.cells.view(sector)), "big")
            for _ in range(2):
                number |= int.from_bytes(dice.octets(SECTOR_BYTES), "big")
            self.cells.put(sector, number.to_bytes(SECTOR_BYTES, "big"))
        elif outcome == PREFIX:
            done = dice.bits(12)
            self.cells.put(sector, ERASED[:done] + bytes(memoryview(self.cells.view(sector))[done:]))

    def _check_rows(self, sector: int, offset: int, end: int) -> None:
        if offset % self.row_bytes or end % self.row_bytes:
            raise ProgramRefused(f"{end - offset} bytes at {offset} of sector {sector} are not whole rows")
        if sector not in self._written_rows:
            content = bytes(self.cells.view(sector))
            blank = ERASED[: self.row_bytes]
            self._written_rows[sector] = {
                at // self.row_bytes
                for at in range(0, SECTOR_BYTES, self.row_bytes)
                if content[at : at + self.row_bytes] != blank
            }
        written = self._written_rows[sector]
        for row in range(offset // self.row_bytes, end // self.row_bytes):
            if row in written:
                raise ProgramRefused(f"row {row} of sector {sector} is programmed twice")
            written.add(row)
