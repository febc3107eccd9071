"""The key store: a raw partition in which the used key is programmed to zero (docs/protocol.md §4).

NOR flash clears bits without an erase, so a spent key is gone at once; a file system or NVS would keep copies. There is
always a whole slot: the next one is programmed and read back before the old one is zeroed.

States of a slot: erased (0xFF), live (its check is right), spent (zero), torn (anything else). What power loss leaves:

    next slot torn        the old one is live; the torn one is zeroed
    both live             the higher seq counts, then the higher acked; it is programmed again, the old one zeroed
    old slot half zeroed  the next one is live; the old one is zeroed
    sector half erased    holds no key; it is erased again before it is used

A sector that begins with SECRETS_MAGIC is not of the ring: the clock's secrets are in it (app.log.secret_slot).
"""

import struct
from hashlib import sha256

from micropython import const

from app.errors import KeyStoreError

SLOT_BYTES = const(128)
SECRETS_MAGIC = b"BCS1"
_CHECKED_BYTES = const(112)
_SECTOR_BYTES = const(4096)
_SLOTS_A_SECTOR = const(32)

_LAYOUT = ">4sIHHIIIH6x32s32s16s"
_MAGIC = b"BCK1"
_ERASED_SLOT = b"\xff" * SLOT_BYTES
_SPENT_SLOT = bytes(SLOT_BYTES)

_ERASED = const(0)
_SPENT = const(1)
_TORN = const(2)
_LIVE = const(3)

_IOCTL_BLOCK_COUNT = const(4)
_IOCTL_BLOCK_ERASE = const(6)

_READS_BEFORE_GIVING_UP = const(3)
_MOST_STUCK = const(8)  # bytes of a spent slot that worn cells may not zero: they reveal nothing of a key


class KeyState:
    """The state that the clock needs to seal its next record.

    `seq` of the next record, `epoch`, `boot` count, `records` in the epoch so far, `acked` (every seq below it), `day`
    on which the epoch began (days since 1970-01-01), `connections` of the next boot that may be used already, `r` and
    `e_next` of 32 bytes, `tag` of 16.
    """

    def __init__(self):
        self.seq = 0
        self.epoch = 0
        self.boot = 0
        self.records = 0
        self.acked = 0
        self.day = 0
        self.connections = 0
        self.r = b""
        self.e_next = b""
        self.tag = bytearray(16)


class KeyStore:
    """The key slots of one partition (esp32.Partition's block interface, 4,096 bytes a block, two blocks or more).

    `secrets` has bit s set if sector s holds the clock's secrets. `late` counts the sectors that had to be erased
    between two records because nothing was idle before.
    """

    def __init__(self, partition):
        self._partition = partition
        self.sectors = partition.ioctl(_IOCTL_BLOCK_COUNT, 0)
        self._slots = self.sectors * _SLOTS_A_SECTOR
        self._staged = bytearray(SLOT_BYTES)
        self._checked = memoryview(self._staged)[:_CHECKED_BYTES]
        self._buf = bytearray(SLOT_BYTES)
        self.live = -1  # the valid slot, or -1
        self._next = 0  # the slot for the next key
        self._used = 0  # bit s: sector s is not wholly erased
        self.secrets = 0
        self.late = 0

    def format(self):
        """Erase every sector that is not erased. All keys and secrets are gone. Raises KeyStoreError if one cannot be
        erased.
        """
        self.live, self._next, self._used, self.secrets = -1, 0, 0, 0
        for sector in range(self.sectors):
            if not self._is_blank(sector):
                self._partition.ioctl(_IOCTL_BLOCK_ERASE, sector)
                if not self._is_blank(sector):
                    raise KeyStoreError("sector %d of the key store cannot be erased; replace the clock" % sector)

    def load(self, state):
        """Find the live slot and fill `state` from it; make every other slot that is not erased spent.

        Returns False if none is live. Reads each slot once (repeatedly while none is live: a key is not lost to one bad
        read), programs only remains of a power cut. Raises KeyStoreError if a slot cannot be made spent.
        """
        for _ in range(_READS_BEFORE_GIVING_UP):
            kinds = self._scan(state)
            if self.live >= 0:
                break
        self._used = 0
        self._next = self._after(-1)
        for slot in range(self._slots):
            if kinds[slot] != _ERASED:
                self._used |= 1 << slot // _SLOTS_A_SECTOR
                if self.live >= 0 and slot // _SLOTS_A_SECTOR == self.live // _SLOTS_A_SECTOR:
                    self._next = self._after(slot)
        if self.live >= 0:
            # Both may be in an unstable state: the live slot's last bits, the one before's zeros.
            self._read(self.live)
            self._program(self.live, self._buf)
            before = (self.live - 1) % self._slots
            while self.secrets >> before // _SLOTS_A_SECTOR & 1:
                before = (before - _SLOTS_A_SECTOR) % self._slots
            if kinds[before] == _SPENT:
                self._program(before, _SPENT_SLOT)
        for slot in range(self._slots):
            if slot != self.live and kinds[slot] >= _TORN:
                self.spend(slot)
        return self.live >= 0

    def make_room(self):
        """Ensure that the next slot is erased; at worst this erases a spent sector now."""
        sector = self._next // _SLOTS_A_SECTOR
        if self._next % _SLOTS_A_SECTOR == 0 and self._used >> sector & 1:
            self._erase(sector)
            self.late += 1

    def is_short(self):
        """Whether the sector after the next slot's is still to be erased."""
        return self._used >> self._after(self._next | _SLOTS_A_SECTOR - 1) // _SLOTS_A_SECTOR & 1

    def stage(self, state):
        """Make the next slot's content in memory: all allocation happens here, before any flash is written."""
        struct.pack_into(
            _LAYOUT,
            self._staged,
            0,
            _MAGIC,
            state.seq,
            state.epoch,
            state.boot,
            state.records,
            state.acked,
            state.day,
            state.connections,
            state.r,
            state.e_next,
            state.tag,
        )
        struct.pack_into("16s", self._staged, _CHECKED_BYTES, sha256(self._checked).digest())

    def commit(self):
        """Program the staged slot, read it back, program the old one to zero and read that back: two page programs.

        Raises KeyStoreError if the slot cannot be read back, with its predecessor still live, or if that one cannot be
        zeroed: a remaining used key would let a thief rewrite what it sealed.
        """
        slot = self._next
        self._program(slot, self._staged)
        self._read(slot)
        if self._buf != self._staged:
            raise KeyStoreError("the flash does not hold key slot %d; the record is kept, restart the clock" % slot)
        if self.live >= 0:
            self.spend(self.live)
        self._used |= 1 << slot // _SLOTS_A_SECTOR
        self.live = slot
        self._next = self._after(slot)

    def end(self):
        """Program the live slot to zero, if there is one, and read that back; no other follows it. Raises KeyStoreError
        if it cannot be zeroed.
        """
        if self.live >= 0:
            self.spend(self.live)
            self.live = -1

    def tidy(self):
        """Erase one sector whose slots are all spent and that does not contain the live slot; False if there is
        none."""
        for sector in range(self.sectors):
            if self._used >> sector & 1 and sector != self.live // _SLOTS_A_SECTOR:
                self._erase(sector)
                return True
        return False

    def _scan(self, state):
        """The kind of each slot, one byte a slot; sets the live slot and fills `state` from it."""
        kinds = bytearray(self._slots)
        self.live = -1
        self.secrets = 0
        for slot in range(self._slots):
            if self.secrets >> slot // _SLOTS_A_SECTOR & 1:
                continue
            self._read(slot)
            if self._buf == _ERASED_SLOT:
                continue
            if slot % _SLOTS_A_SECTOR == 0 and self._buf[:4] == SECRETS_MAGIC:
                self.secrets |= 1 << slot // _SLOTS_A_SECTOR
                continue
            if self._buf == _SPENT_SLOT:
                kinds[slot] = _SPENT
            elif sha256(memoryview(self._buf)[:_CHECKED_BYTES]).digest()[:16] != self._buf[_CHECKED_BYTES:]:
                kinds[slot] = _TORN
            else:
                kinds[slot] = _LIVE
                fields = struct.unpack(_LAYOUT, self._buf)
                if fields[0] == _MAGIC and (self.live < 0 or (fields[1], fields[5]) > (state.seq, state.acked)):
                    self.live = slot
                    _, state.seq, state.epoch, state.boot, state.records, state.acked = fields[:6]
                    state.day, state.connections, state.r, state.e_next, state.tag[:] = fields[6:]
        return kinds

    def _after(self, slot):
        """The slot of the ring that follows `slot`."""
        slot = (slot + 1) % self._slots
        while self.secrets >> slot // _SLOTS_A_SECTOR & 1:
            slot = (slot + _SLOTS_A_SECTOR) % self._slots
        return slot

    def _is_blank(self, sector):
        for slot in range(sector * _SLOTS_A_SECTOR, (sector + 1) * _SLOTS_A_SECTOR):
            self._read(slot)
            if self._buf != _ERASED_SLOT:
                return False
        return True

    def _read(self, slot):
        at = slot % _SLOTS_A_SECTOR * SLOT_BYTES
        self._partition.readblocks(slot // _SLOTS_A_SECTOR, self._buf, at)

    def spend(self, slot):
        self._program(slot, _SPENT_SLOT)
        self._read(slot)
        if self._buf != _SPENT_SLOT and sum([byte != 0 for byte in self._buf]) > _MOST_STUCK:
            raise KeyStoreError("used key slot %d cannot be made zero; the records are kept, replace the clock" % slot)

    def _program(self, slot, content):
        at = slot % _SLOTS_A_SECTOR * SLOT_BYTES
        self._partition.writeblocks(slot // _SLOTS_A_SECTOR, content, at)

    def _erase(self, sector):
        self._partition.ioctl(_IOCTL_BLOCK_ERASE, sector)
        self._used &= ~(1 << sector)
