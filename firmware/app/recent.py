"""The last punch of each badge.

Bounded: 256 badges in buckets of eight, where the one that punched longest ago makes room. Nothing of it is stored
apart from the log, from which `recall` fills it at start, so it cannot disagree with it, and power loss forgets
nothing.
"""

import struct
from array import array

from micropython import const

_BUCKETS = const(32)
_BUCKET_SLOTS = const(8)
_SLOT = const(7)  # halfwords: the token's four, two of the moment, the direction; direction 0xFFFF is an empty slot
_EMPTY = const(0xFFFF)


class Recent:
    """Last punch by badge token (8 bytes): its moment in seconds and its direction."""

    def __init__(self):
        self._slots = array("H", b"\xff" * (2 * _SLOT * _BUCKET_SLOTS * _BUCKETS))

    def find(self, token):
        """(moment_s, direction) of the badge's last punch, or None."""
        first, second, third, fourth = struct.unpack(">HHHH", token)
        at = self._find(first, second, third, fourth)
        if at < 0:
            return None
        slots = self._slots
        return slots[at + 4] << 16 | slots[at + 5], slots[at + 6]

    def put(self, token, moment_s, direction):
        """Note a punch; moment_s from 0 to 2**32 - 1."""
        first, second, third, fourth = struct.unpack(">HHHH", token)
        at = self._find(first, second, third, fourth)
        if at < 0:
            at = self._oldest(fourth)
        slots = self._slots
        slots[at] = first
        slots[at + 1] = second
        slots[at + 2] = third
        slots[at + 3] = fourth
        slots[at + 4] = moment_s >> 16
        slots[at + 5] = moment_s & 0xFFFF
        slots[at + 6] = direction

    def _find(self, first, second, third, fourth):
        slots = self._slots
        at = fourth % _BUCKETS * (_BUCKET_SLOTS * _SLOT)
        for _ in range(_BUCKET_SLOTS):
            if (
                slots[at] == first
                and slots[at + 1] == second
                and slots[at + 2] == third
                and slots[at + 3] == fourth
                and slots[at + 6] != _EMPTY
            ):
                return at
            at += _SLOT
        return -1

    def _oldest(self, fourth):
        """The bucket's empty slot, or the one with the earliest moment."""
        slots = self._slots
        at = fourth % _BUCKETS * (_BUCKET_SLOTS * _SLOT)
        oldest = at
        for _ in range(_BUCKET_SLOTS):
            if slots[at + 6] == _EMPTY:
                return at
            if (slots[at + 4], slots[at + 5]) < (slots[oldest + 4], slots[oldest + 5]):
                oldest = at
            at += _SLOT
        return oldest
