"""NOR flash behind esp32.Partition's block interface, strict where a real chip is silent, able to lose power anywhere.

Programming clears bits only: a 0 that should become 1 raises. Sectors of 4,096 bytes, made when touched, so a large
partition costs what is used of it. Several partitions share one `Power`; a cut tears the byte being programmed, or the
sector being erased, and everything after it raises PowerCut until `restore`.
"""

import random

SECTOR_BYTES = 4096
PAGE_BYTES = 256
_ERASED = b"\xff" * SECTOR_BYTES


class PowerCut(Exception):
    """The supply is gone in the middle of a program or erase, or still gone."""


class Power:
    """The supply of one board. `steps` counts what a cut can hit: each programmed byte and each erase."""

    def __init__(self):
        self.steps = 0
        self._cut_at = None
        self.is_cut = False

    def cut_after(self, steps, seed):
        """Lose power in the step after `steps` more; `seed` decides what is left of that byte or sector."""
        self._cut_at = self.steps + steps
        random.seed(seed)

    def restore(self):
        self._cut_at = None
        self.is_cut = False

    def spend(self, steps):
        """How many of `steps` happen wholly; fewer than asked means that power fails in the one after them."""
        if self.is_cut:
            raise PowerCut("no power")
        if self._cut_at is not None and self.steps + steps > self._cut_at:
            done = self._cut_at - self.steps
            self.steps = self._cut_at
            self.is_cut = True
            return done
        self.steps += steps
        return steps


class Nor:
    """A partition of `sectors` sectors, erased or as `image` (from `image()`) says."""

    def __init__(self, sectors, power=None, image=None):
        self.sectors = sectors
        self.power = power or Power()
        self._content = dict(image or {})
        self.reset_counts()

    def reset_counts(self):
        self.reads = self.read_bytes = 0
        self.programs = self.page_programs = self.programmed_bytes = 0
        self.erases = 0
        self.erases_of = {}

    def image(self):
        """What the chip holds, to make another from; cheap, and not changed by later writes."""
        for sector, content in self._content.items():
            self._content[sector] = bytes(content)
        return dict(self._content)

    def sector(self, number):
        """The 4,096 bytes of one sector, past all counters."""
        return self._content.get(number, _ERASED)

    def corrupt(self, sector, offset, content):
        """Put bytes there as no program could: bit rot, or an attacker with a programmer."""
        self._writable(sector)[offset : offset + len(content)] = content

    # --- esp32.Partition ---

    def readblocks(self, block, buf, offset=0):
        self._check_range(block, offset, len(buf))
        if self.power.is_cut:
            raise PowerCut("no power")
        self.reads += 1
        self.read_bytes += len(buf)
        buf[:] = memoryview(self.sector(block))[offset : offset + len(buf)]

    def writeblocks(self, block, buf, offset=None):
        if offset is None:
            self._erase(block)
            offset = 0
        self._check_range(block, offset, len(buf))
        self._program(block, offset, bytes(buf))

    def ioctl(self, operation, argument):
        if operation == 4:
            return self.sectors
        if operation == 5:
            return SECTOR_BYTES
        if operation == 6:
            self._check_range(argument, 0, SECTOR_BYTES)
            self._erase(argument)
            return 0
        raise ValueError(f"ioctl {operation}")

    # --- the chip ---

    def _program(self, block, offset, new):
        end = offset + len(new)
        old = bytes(memoryview(self.sector(block))[offset:end])
        wanted = int.from_bytes(new, "big")
        if int.from_bytes(old, "big") & wanted != wanted:
            raise ValueError(f"program of 0 to 1 in sector {block} at {offset}")
        done = self.power.spend(len(new))
        self.programs += 1
        self.page_programs += (end - 1) // PAGE_BYTES - offset // PAGE_BYTES + 1
        self.programmed_bytes += done
        sector = self._writable(block)
        sector[offset : offset + done] = new[:done]
        if done < len(new):
            sector[offset + done] = old[done] & (new[done] | random.getrandbits(8))
            raise PowerCut(f"while programming sector {block} at {offset + done}")

    def _erase(self, block):
        done = self.power.spend(1)
        self.erases += 1
        self.erases_of[block] = self.erases_of.get(block, 0) + 1
        if done:
            self._content.pop(block, None)
            return
        left = random.getrandbits(2)
        if left == 1:
            self._content.pop(block, None)
        elif left == 2:
            number = int.from_bytes(self.sector(block), "big")
            for _ in range(2):
                number |= int.from_bytes(bytes(random.getrandbits(8) for _ in range(SECTOR_BYTES)), "big")
            self._content[block] = number.to_bytes(SECTOR_BYTES, "big")
        elif left == 3:
            prefix = random.getrandbits(12)
            self._content[block] = _ERASED[:prefix] + bytes(memoryview(self.sector(block))[prefix:])
        raise PowerCut(f"while erasing sector {block}")

    def _writable(self, block):
        content = self._content.get(block, _ERASED)
        if not isinstance(content, bytearray):
            content = self._content[block] = bytearray(content)
        return content

    def _check_range(self, block, offset, length):
        if not 0 <= block < self.sectors or offset < 0 or offset + length > SECTOR_BYTES:
            raise ValueError(f"{length} bytes at {offset} of sector {block}")
