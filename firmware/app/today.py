"""The page of today: one badge's punches of today, with the outcome of each.

Opened by the info key and then a badge, or by holding a badge for two seconds. The journal is read on request, a sector
per turn, newest first; nothing is kept. Today is the site's local day. A shift that was open at midnight belongs to it,
as far back as `direction_hours`. Duplicates are left out. Loaded on request, dropped once read.
"""

import struct

from micropython import const

from app.log import record, unpacked

ROWS = const(6)

_BLOCK = const(9)  # records read at once; a sector of 63 has seven times as many
_BLOCKS_A_TURN = const(7)
_TURNS = const(40)  # a clock with more than 2,520 records a day shows only the newest


class Search:
    """The punches of one badge. token: its 8 bytes; log: the SealedLog; hours: how long a shift may be open.

    rows: (direction, local time, receipt state or 0, its number or code, or without a receipt whether the bridge has
    the record), oldest first, at most six; more: how many older ones there are. Valid once `step` returns True.
    """

    def __init__(self, token, log, timekeeper, receipts, hours):
        self.rows = []
        self.more = 0
        self._token = token
        self._log = log
        self._receipts = receipts
        self._timekeeper = timekeeper
        self._now_s = timekeeper.now_s()
        self._midnight_s = midnight_s(self._now_s, timekeeper) if self._now_s else 0
        self._shift_s = self._now_s - hours * 3600
        self._buf = bytearray(_BLOCK * record.RECORD_BYTES)
        self._block = (log.head + _BLOCK - 1) // _BLOCK  # the one above those that are read next
        self._turns = _TURNS

    def step(self):
        """Read on for a few milliseconds; True once all is read."""
        for _ in range(_BLOCKS_A_TURN):
            if not self._read():
                return True
        self._turns -= 1
        return not self._turns

    def _read(self):
        """Take the badge's punches from the next older block; False if nothing older can belong to today."""
        if not self._block:
            return False
        self._block -= 1
        seq = self._block * _BLOCK
        buf, token = self._buf, self._token
        count, _ = self._log.read_into(buf, seq, _BLOCK)
        if not count or struct.unpack_from(">I", buf, 4)[0] >= seq + _BLOCK:
            return True  # all burnt, or older than the ring
        for at in range((count - 1) * record.RECORD_BYTES, -1, -record.RECORD_BYTES):
            # The first bytes alone first: a slice of every record would be kilobytes of garbage.
            if buf[at + 1] == record.KIND_PUNCH and buf[at + 24] == token[0] and buf[at + 25] == token[1]:
                try:
                    entry = unpacked.unpack(buf, at)
                except ValueError:  # of a newer firmware, or with a flipped bit
                    continue
                if entry.token == token and not entry.flags & record.FLAG_DUPLICATE and not self._add_row(entry):
                    return False
        utc_s = struct.unpack_from(">I", buf, 12)[0]
        return not utc_s or (self._now_s > 0 and utc_s >= min(self._midnight_s, self._shift_s))

    def _add_row(self, entry):
        """Make a row of a punch of the badge; False if it was before today."""
        direction = entry.flags & record.DIRECTION_MASK
        moment = "--:--"
        if entry.utc_s:
            if not self._now_s or (
                entry.utc_s < self._midnight_s and (direction == record.DIRECTION_OUT or entry.utc_s <= self._shift_s)
            ):
                return False
            moment = "%02d:%02d" % self._timekeeper.local_of(entry.utc_s)[3:5]
        elif entry.boot != self._log.boot:
            return True  # without a time, so of unknown age
        if len(self.rows) == ROWS:
            self.more += 1
        else:
            receipt = self._receipts.find(entry.seq) or (0, entry.seq < self._log.tail)
            self.rows.insert(0, (direction, moment) + receipt)
        return True


def midnight_s(now_s, timekeeper):
    """Unix second at which the site's present day began, also on the days of 23 and 25 hours."""
    local = timekeeper.local_of(now_s)
    start_s = now_s - local[3] * 3600 - local[4] * 60 - local[5]
    hour = timekeeper.local_of(start_s)[3]
    return start_s + (3600 if hour > 12 else -3600 * hour)
