"""The journal: a ring of flash sectors without a file system or an index (docs/protocol.md §5).

Record seq is in logical sector k = seq // 63, at slot seq % 63; sector k at physical sector k modulo their number. This
module handles place and format; `sealed_log`, which has the acknowledged position, decides whether a sector may be
erased.

Sectors are prepared (erased, header programmed) in ascending order. Power loss in between leaves no valid header, so
the sector is prepared again; it never had unacknowledged records.
"""

import struct
from binascii import crc32

from micropython import const

from app.errors import JournalError
from app.log.record import RECORD_BYTES

RECORDS_A_SECTOR = const(63)
HEADER_BYTES = const(64)
LEAST_SECTORS = const(3)

_SECTOR_BYTES = const(4096)
_MARK_AT = const(16)
_MARK_BYTES = const(16)
_FORMAT_READ_BYTES = const(512)
_MOST_BURNT = const(255)  # the maximum of a BOOT record

_LAYOUT = ">4sIII"
_MAGIC = b"BCJ1"
_ERASED_RECORD = b"\xff" * RECORD_BYTES
BURNT_RECORD = bytes(RECORD_BYTES)
_UNACKED_MARK = b"\xff" * _MARK_BYTES
_ACKED_MARK = bytes(_MARK_BYTES)

_IOCTL_BLOCK_COUNT = const(4)
_IOCTL_BLOCK_ERASE = const(6)


class Journal:
    """One partition (esp32.Partition's block interface, 4,096 bytes a block, three blocks or more).

    `sectors` their number, `capacity` in records, `ahead` how many sectors beyond the head's are prepared, `ready` the
    newest prepared logical sector, or -1, `erases` the highest erase count in any header seen.
    """

    def __init__(self, partition):
        self._partition = partition
        self.sectors = partition.ioctl(_IOCTL_BLOCK_COUNT, 0)
        if self.sectors < LEAST_SECTORS:
            raise JournalError("the journal partition has %d sectors of at least %d" % (self.sectors, LEAST_SECTORS))
        self.capacity = self.sectors * RECORDS_A_SECTOR
        # The sector before the head's is kept: a restart must read the slot before the head.
        self.ahead = min(2, self.sectors - 2)
        self.ready = -1
        self.erases = 0
        self._header = bytearray(HEADER_BYTES)
        self._buf = bytearray(RECORD_BYTES)

    def format(self):
        """Erase every sector that is not erased. All records are gone. Raises JournalError if one cannot be erased."""
        buf, erased = bytearray(_FORMAT_READ_BYTES), b"\xff" * _FORMAT_READ_BYTES
        for sector in range(self.sectors):
            if not self._is_blank(sector, buf, erased):
                self._partition.ioctl(_IOCTL_BLOCK_ERASE, sector)
                if not self._is_blank(sector, buf, erased):
                    raise JournalError("sector %d of the journal cannot be erased; replace the clock" % sector)
        self.ready = -1

    def mount(self, head):
        """Find the prepared sectors around the next record's seq: at most 1 + `ahead` reads."""
        k = head // RECORDS_A_SECTOR
        # Records were written to a sector after its header, so their positions are valid even if the header is damaged.
        if not self._load_header(k) and head % RECORDS_A_SECTOR == 0:
            self.ready = k - 1
            return
        self.ready = k
        while self.ready < k + self.ahead and self._load_header(self.ready + 1):
            self.ready += 1

    def find_head(self):
        """The seq after the newest record, from the flash alone, and mount there: O(log sectors) reads."""
        k = self._newest_sector()
        if k < 0:
            self.ready = -1
            return 0
        for _ in range(self.ahead):
            if k and self._is_erased(k * RECORDS_A_SECTOR):
                k -= 1
        low, high = 0, RECORDS_A_SECTOR
        while low < high:
            middle = (low + high) // 2
            if self._is_erased(k * RECORDS_A_SECTOR + middle):
                high = middle
            else:
                low = middle + 1
        head = k * RECORDS_A_SECTOR + low
        self.mount(head)
        return head

    @property
    def oldest(self):
        """The oldest logical sector whose records may still be there."""
        return max(self.ready + 1 - self.sectors, 0)

    def first_unmarked(self, head):
        """The first logical sector without an acked mark, not beyond the head's; O(log sectors) reads.

        Marks are programmed in ascending order, never on the head's sector.
        """
        low, high = self.oldest, head // RECORDS_A_SECTOR
        if low < high and self._is_done(low):
            low += 1
        while low < high:
            middle = (low + high) // 2
            if self._load_header(middle) and self._mark_is(_ACKED_MARK):
                low = middle + 1
            else:
                high = middle
        return low

    def prepare(self, k):
        """Erase logical sector k's place, if it is not fresh, and program its header. The old records are lost.

        Raises JournalError if the header cannot be written: without it, the records would not count as unsent.
        """
        place = k % self.sectors
        self._read(place, 0, self._header)
        # Every place is erased once per turn, so a header lost to a power cut still has a count.
        erases = max(k // self.sectors - 1, 0)
        if self._header_is_valid():
            erases = struct.unpack_from(_LAYOUT, self._header)[2]
        if k >= self.sectors or not self._is_blank(place, self._buf, _ERASED_RECORD):
            self._partition.ioctl(_IOCTL_BLOCK_ERASE, place)
            erases += 1
        self.erases = max(self.erases, erases)
        struct.pack_into(_LAYOUT, self._header, 0, _MAGIC, k, erases, 0)
        struct.pack_into(">I", self._header, 12, self._header_crc())
        self._partition.writeblocks(place, memoryview(self._header)[:_MARK_AT], 0)
        if not self._load_header(k):
            raise JournalError("the flash does not hold sector %d's header; nothing is lost, restart the clock" % k)
        self.ready = k

    def mark_acked(self, k):
        """Mark in sector k's header that all its records are acknowledged."""
        self._partition.writeblocks(k % self.sectors, _ACKED_MARK, _MARK_AT)

    def write(self, seq, record):
        """Program the 64 bytes of a record, one page program, and read them back.

        Raises JournalError if they cannot be read back.
        """
        self._program(seq, record)
        self.read(seq, self._buf)
        if self._buf != record:
            raise JournalError("the flash does not hold record %d; restart the clock, it then declares it burnt" % seq)

    def burn(self, seq):
        """Program the slot of a torn record to zero."""
        self._program(seq, BURNT_RECORD)

    def read(self, seq, buf):
        """Read the records from seq up into `buf`, whole records of one sector."""
        self._read(seq // RECORDS_A_SECTOR % self.sectors, HEADER_BYTES + seq % RECORDS_A_SECTOR * RECORD_BYTES, buf)

    def is_erased(self, seq):
        """Whether the slot of seq is empty, or its sector is not prepared."""
        return seq // RECORDS_A_SECTOR > self.ready or self._is_erased(seq)

    def burnt_before(self, head):
        """How many slots right before `head` are burnt; a reader stops at the first record."""
        count = 0
        while count < min(head, _MOST_BURNT):
            self.read(head - 1 - count, self._buf)
            if self._buf != BURNT_RECORD:
                break
            count += 1
        return count

    def _newest_sector(self):
        """The newest logical sector with a valid header, or -1."""
        last = self.sectors - 1
        if not self._is_header_at(0):
            # The first place is being prepared for a new turn, or the journal is new.
            return self._header_k() if self._is_header_at(last) else -1
        first = self._header_k()
        low, high = 0, last
        while low < high:
            middle = (low + high + 1) // 2
            if self._is_header_at(middle) and self._header_k() == first + middle:
                low = middle
            else:
                high = middle - 1
        return first + low

    def _load_header(self, k):
        """Read the header at k's place; whether it is k's."""
        return self._is_header_at(k % self.sectors) and self._header_k() == k

    def _is_header_at(self, place):
        self._read(place, 0, self._header)
        return self._header_is_valid() and self._header_k() % self.sectors == place

    def _header_is_valid(self):
        magic, _, erases, crc = struct.unpack_from(_LAYOUT, self._header)
        if magic != _MAGIC or crc != self._header_crc():
            return False
        self.erases = max(self.erases, erases)
        return True

    def _header_k(self):
        return struct.unpack_from(">I", self._header, 4)[0]

    def _header_crc(self):
        return crc32(memoryview(self._header)[:12])

    def _mark_is(self, mark):
        return memoryview(self._header)[_MARK_AT : _MARK_AT + _MARK_BYTES] == mark

    def _is_done(self, k):
        """Whether the oldest sector, k, is acknowledged: it has its mark, or was being erased for the next turn.

        A flipped bit in the header or the mark does not count. Before an erase the mark is all zero, so if it is not,
        the erase is far advanced: then the header is all ones, or the first record is gone.
        """
        valid = self._load_header(k)
        mark = memoryview(self._header)[_MARK_AT : _MARK_AT + _MARK_BYTES]
        if sum([byte == 0xFF for byte in mark]) < _MARK_BYTES - 1:
            return True
        if valid:
            return False
        blank = memoryview(self._header)[:_MARK_AT] == _UNACKED_MARK
        first = k * RECORDS_A_SECTOR
        self.read(first, self._buf)
        return blank or (struct.unpack_from(">I", self._buf, 4)[0] != first and self._buf != BURNT_RECORD)

    def _is_blank(self, place, buf, erased):
        for at in range(0, _SECTOR_BYTES, len(buf)):
            self._read(place, at, buf)
            if buf != erased:
                return False
        return True

    def _is_erased(self, seq):
        self.read(seq, self._buf)
        return self._buf == _ERASED_RECORD

    def _program(self, seq, content):
        at = HEADER_BYTES + seq % RECORDS_A_SECTOR * RECORD_BYTES
        self._partition.writeblocks(seq // RECORDS_A_SECTOR % self.sectors, content, at)

    def _read(self, place, at, buf):
        self._partition.readblocks(place, buf, at)
