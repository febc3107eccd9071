"""What became of the newest records, as far as the bridge has told: for whoever asks the clock (app.today).

Bounded: the newest receipt of each of the last 256 records that have one, five bytes each, in place by number. Not
stored: the bridge tells the receipts of the last day again after a start (docs/protocol.md §7).
"""

from micropython import const

from app import frames

_RECORDS = const(256)
_SLOT = const(5)  # bytes: number ÷ 256 in two; state in a half; the rest is what the state tells
_TOLD = const(1000000)  # of a reception number the last six digits


class Receipts:
    """Receipts by seq. A later one for the same seq replaces an earlier one."""

    def __init__(self):
        self._slots = bytearray(_SLOT * _RECORDS)

    def put(self, seq, state, code, reception_number):
        """Note a receipt (docs/protocol.md §6); one of a record too long ago is left out."""
        slots = self._slots
        at = seq % _RECORDS * _SLOT
        turn = seq // _RECORDS & 0xFFFF
        if slots[at + 2] and slots[at] << 8 | slots[at + 1] > turn:
            return
        told = code if state == frames.RECEIPT_REFUSED else reception_number % _TOLD
        slots[at] = turn >> 8
        slots[at + 1] = turn & 0xFF
        slots[at + 2] = state << 4 | told >> 16
        slots[at + 3] = told >> 8 & 0xFF
        slots[at + 4] = told & 0xFF

    def find(self, seq):
        """(state, error code or the last six digits of the reception number) of the record; None if none is known."""
        slots = self._slots
        at = seq % _RECORDS * _SLOT
        if not slots[at + 2] or slots[at] << 8 | slots[at + 1] != seq // _RECORDS & 0xFFFF:
            return None
        return slots[at + 2] >> 4, (slots[at + 2] & 0x0F) << 16 | slots[at + 3] << 8 | slots[at + 4]
