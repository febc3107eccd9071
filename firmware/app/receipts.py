"""The outcome of the newest records, as reported by the bridge: for the pages of app.today.

Bounded: the receipts of the last 192 records that have one, four bytes each, in place by number. Not stored: the bridge
sends the receipts of the last day again after a start (docs/protocol.md §7).
"""

import struct

from micropython import const

# States of a receipt (docs/protocol.md §6)
RECEIPT_REGISTERED = const(1)
RECEIPT_REFUSED = const(2)
RECEIPT_UNKNOWN_BADGE = const(3)
RECEIPT_VALIDATED = const(4)
RECEIPT_REMARKS = const(5)
RECEIPT_OPERATOR = const(6)
RECEIPT_OF_DAY = const(7)  # the highest there is

_RECORDS = const(192)
_TURN = const(0x1FF)  # nine bits of seq ÷ 192 over three of the state over twenty of a detail
_DETAIL = const(1000000)  # of a reception number the last six digits


class Receipts:
    """Receipts by seq. A later one for the same seq replaces an earlier one."""

    def __init__(self):
        self._slots = bytearray(4 * _RECORDS)

    def put(self, seq, state, code, reception_number):
        """Store a receipt (docs/protocol.md §6) of one of the newest records."""
        at = seq % _RECORDS * 4
        before = struct.unpack_from(">I", self._slots, at)[0]
        turn = seq // _RECORDS & _TURN
        if before and (turn - (before >> 23)) & _TURN > _TURN // 2:
            return  # of a record that is newer
        detail = code if state == RECEIPT_REFUSED else reception_number % _DETAIL
        struct.pack_into(">I", self._slots, at, turn << 23 | state << 20 | detail)

    def find(self, seq):
        """(state, error code or the last six digits of the reception number) of the record; None if there is none."""
        found = struct.unpack_from(">I", self._slots, seq % _RECORDS * 4)[0]
        if found >> 23 != seq // _RECORDS & _TURN or not found >> 20 & 7:
            return None
        return found >> 20 & 7, found & 0xFFFFF
