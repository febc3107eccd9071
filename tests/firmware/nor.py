"""NOR flash behind esp32.Partition's block interface, strict where a real chip is silent, able to lose power anywhere.

The cells and their faults are those of the virtual board, from the same file (badgeclock/virtual/portable). Sectors are
made when touched, so a large partition costs what is used of it. Several partitions share one `Power`; a cut tears the
byte being programmed, or the sector being erased, and everything after it raises PowerCut until `restore`.
"""

import os
import sys

sys.path.append(
    (os.getenv("BADGECLOCK_ROOT") or __file__.rsplit("/", 3)[0]) + "/host_tools/badgeclock/virtual/portable"
)

from norcells import ERASED, SECTOR_BYTES, Chip, PowerCut, Sectors, Supply

Power = Supply

__all__ = ("SECTOR_BYTES", "Nor", "Power", "PowerCut")


class Nor(Chip):
    """A partition of `sectors` sectors, erased or as `image` (from `image()`) says.

    Counts since `reset_counts`: `reads, read_bytes, programs, page_programs, programmed_bytes, erases, erases_of,
    model_ms`.
    """

    def __init__(self, sectors, power=None, image=None):
        super().__init__(sectors, power or Power(), Sectors(image))
        self.content = self.cells.content

    def image(self):
        """The chip's content, to make another from; cheap, and not changed by later writes."""
        return self.cells.image()

    def sector(self, number):
        """The 4,096 bytes of one sector, past all counters."""
        return self.cells.view(number)

    def corrupt(self, sector, offset, content):
        """Put bytes there as no program could: bit rot, or an attacker with a programmer."""
        self.cells.writable(sector)[offset : offset + len(content)] = content

    # --- esp32.Partition ---

    def readblocks(self, block, buf, offset=0):
        end = offset + len(buf)
        if self.unstable or self.unreadable or self.supply.is_cut or end > SECTOR_BYTES or block >= self.sectors:
            self.read(block, offset, buf)
        else:  # the same, quicker: the sweeps do little else
            self.reads += 1
            self.read_bytes += len(buf)
            buf[:] = memoryview(self.content.get(block, ERASED))[offset:end]

    def writeblocks(self, block, buf, offset=None):
        if offset is None:
            self.erase(block)
            offset = 0
        self.program(block, offset, bytes(buf))

    def ioctl(self, operation, argument):
        if operation == 4:
            return self.sectors
        if operation == 5:
            return SECTOR_BYTES
        if operation == 6:
            self.erase(argument)
            return 0
        raise ValueError(f"ioctl {operation}")
