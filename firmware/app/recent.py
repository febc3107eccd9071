"""The last punch of each badge.

Bounded: 256 badges in buckets of eight, made as they are needed, where the one that punched longest ago is replaced; 64
where the code is in the heap. It is stored only in the log, from which `recall` fills it at start, so it cannot
disagree with it, and power loss loses nothing. When the clock is set by a step, entries of this start move with it.
"""

import gc
import struct
from array import array

from micropython import const

_BUCKETS = const(32)
_FEW_BUCKETS = const(8)
_BUCKET_SLOTS = const(8)
_SLOT = const(7)  # halfwords: the token's four, two of the moment, the direction; direction 0xFFFF is an empty slot
_EMPTY = const(0xFFFF)
_DIRECTION = const(0xFF)
_NO_BUCKET = array("H")
# Flags of a direction: `shift` moves the punch, because its moment was counted from this start; the moment is the
# earliest possible.
MOVES = const(0x100)
EARLIEST = const(0x200)


class Recent:
    """Last punch by badge token (8 bytes): its moment in seconds and its direction.

    is_short: memory is short, so there are few buckets. whole: no badge was ever dropped: one that is not found has
    never punched here.
    """

    def __init__(self, is_short):
        self.whole = True
        self._buckets = [_NO_BUCKET] * (
            _FEW_BUCKETS if is_short else _BUCKETS
        )  # in pieces, made when needed: few sites have 256 badges

    def find(self, token):
        """(moment_s, direction, MOVES and EARLIEST or 0) of the badge's last punch, or None."""
        first, second, third, fourth = struct.unpack(">HHHH", token)
        slots = self._buckets[fourth % len(self._buckets)]
        at = _find(slots, first, second, third, fourth)
        if at < 0:
            return None
        marks = slots[at + 6]
        return slots[at + 4] << 16 | slots[at + 5], marks & _DIRECTION, marks & ~_DIRECTION

    def put(self, token, moment_s, direction):
        """Note a punch; moment_s from 0 to 2**32 - 1. direction: DIRECTION_* of app.log.record, or'd with the marks."""
        first, second, third, fourth = struct.unpack(">HHHH", token)
        bucket = fourth % len(self._buckets)
        slots = self._buckets[bucket]
        at = _find(slots, first, second, third, fourth)
        if not slots:
            gc.collect()  # into the lowest hole: in the middle of what is free it would cut the largest piece
            try:
                slots = self._buckets[bucket] = array("H", b"\xff" * (2 * _SLOT * _BUCKET_SLOTS))
            except MemoryError:  # the badge is dropped, which at most misses a duplicate
                self.whole = False
                return
        if at < 0:
            at = self._oldest(slots)
        slots[at] = first
        slots[at + 1] = second
        slots[at + 2] = third
        slots[at + 3] = fourth
        slots[at + 4] = moment_s >> 16
        slots[at + 5] = moment_s & 0xFFFF
        slots[at + 6] = direction

    def shift(self, step_s):
        """The clock was set by so many seconds: move what was counted from this start."""
        for slots in self._buckets:
            for at in range(0, len(slots), _SLOT):
                if slots[at + 6] != _EMPTY and slots[at + 6] & MOVES:
                    moment_s = max((slots[at + 4] << 16 | slots[at + 5]) + step_s, 0)
                    slots[at + 4] = moment_s >> 16 & 0xFFFF
                    slots[at + 5] = moment_s & 0xFFFF

    def _oldest(self, slots):
        """The bucket's empty slot, or the one with the earliest moment."""
        at = oldest = 0
        for _ in range(_BUCKET_SLOTS):
            if slots[at + 6] == _EMPTY:
                return at
            if (slots[at + 4], slots[at + 5]) < (slots[oldest + 4], slots[oldest + 5]):
                oldest = at
            at += _SLOT
        self.whole = False
        return oldest


def _find(slots, first, second, third, fourth):
    """The badge's place in a bucket, -1 if it has none."""
    for at in range(0, len(slots), _SLOT):
        if (
            slots[at] == first
            and slots[at + 1] == second
            and slots[at + 2] == third
            and slots[at + 3] == fourth
            and slots[at + 6] != _EMPTY
        ):
            return at
    return -1
