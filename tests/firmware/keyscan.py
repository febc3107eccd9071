"""Looks for spent keys in flash images, for all of them at once: quick enough to do it after every power cut.

A key counts as found if any aligned quarter of it, 8 bytes, is anywhere. Three bytes of each quarter choose a bit of a
table; one pass in machine code gives the places whose bit is set, and only those are compared.
"""

import sys
from array import array

import micropython
from micropython import const

# One bit of so many for each quarter: the more, the fewer vain comparisons. A small heap has no 32 KB in one piece.
_MASK = 0x3FFFF if sys.maxsize > 0x7FFFFFFF else 0x7FFF
_QUARTER_BYTES = const(8)
_MOST_HITS = const(1024)


@micropython.viper
def _hits(data: ptr8, length: int, table: ptr8, mask: int, places: ptr32) -> int:
    """Offsets in `data` whose three bytes have their bit in `table`; how many, at most _MOST_HITS."""
    count = 0
    window = int(data[0]) << 8 | int(data[1])
    for at in range(2, length):
        window = (window << 8 | int(data[at])) & 0xFFFFFF
        bit = (window ^ (window >> 6)) & mask
        if int(table[bit >> 3]) >> (bit & 7) & 1 and count < _MOST_HITS:
            places[count] = at - 2
            count += 1
    return count


def _bit(quarter):
    window = quarter[0] << 16 | quarter[1] << 8 | quarter[2]
    return (window ^ (window >> 6)) & _MASK


class KeyScan:
    """Has keys of 32 bytes, `known` from the start; `search` looks for these and more."""

    def __init__(self, known):
        self._table = bytearray((_MASK + 1) // 8)
        self._places = array("i", bytes(4 * _MOST_HITS))
        self._quarters = set()
        for key in known:
            self._quarters.update(_quarters_of(key))
        for quarter in self._quarters:
            self._set(quarter)

    def search(self, contents, more):
        """(index of the content, offset) of the first place in `contents` where a known key or one of `more` shows; or
        None.
        """
        new = set()
        for key in more:
            new.update(_quarters_of(key))
        before = {}
        for quarter in new:
            place = _bit(quarter) >> 3
            before.setdefault(place, self._table[place])
            self._set(quarter)
        try:
            for index, content in enumerate(contents):
                hits = _hits(content, len(content), self._table, _MASK, self._places)
                assert hits < _MOST_HITS, "the table is too full to decide"
                for hit in range(hits):
                    at = self._places[hit]
                    quarter = bytes(content[at : at + _QUARTER_BYTES])
                    if quarter in new or quarter in self._quarters:
                        return index, at
            return None
        finally:
            for place, value in before.items():
                self._table[place] = value

    def _set(self, quarter):
        bit = _bit(quarter)
        self._table[bit >> 3] |= 1 << (bit & 7)


def _quarters_of(key):
    return [key[at : at + _QUARTER_BYTES] for at in range(0, len(key), _QUARTER_BYTES)]
