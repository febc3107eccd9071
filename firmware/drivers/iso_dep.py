"""ISO/IEC 14443-4: commands and answers of any length with a badge that was selected, at 106 kbit/s.

RATS, then blocks: I-blocks with chaining both ways, R-blocks that ask again, S(WTX) that lets the badge think, and
S(DESELECT). Every loop ends by a count and, all of them, by one deadline for the badge; nothing a badge sends makes
this wait longer or raise. Section numbers are those of ISO/IEC 14443-4:2018. The buffers are made once.
"""

import time

from drivers.iso14443 import crc_a
from drivers.mfrc522 import DEAF, GARBLED, TIMEOUT, TIMEOUT_US
from micropython import const

_FRAME = const(64)  # FSD, and the reader's FIFO: PCB, information field, CRC
_RATS = const(0xE0)
_FSDI_64 = const(0x50)  # FSDI 5: 64 bytes; CID 0 [5.1]
_ACTIVATION_US = const(4834)  # 65,536/fc: a badge answers RATS and S(DESELECT) within [5.6.1, 8.1]
_FSC = (16, 24, 32, 40, 48, 64)  # by FSCI; longer ones do not fit the FIFO [5.2.3]
_FSCI_DEFAULT = const(2)
_FWI_DEFAULT = const(4)
_FWI_LAST = const(14)
_UNIT_US = const(302)  # 256 * 16/fc: frame waiting time and start-up guard time by powers of two of it [5.2.5, 7.2]
_MARGIN_US = const(3700)  # 49,152/fc that the reader waits longer than the badge may take

# Protocol control bytes without CID and NAD [7.1.2.1]
_I_BLOCK = const(0x02)
_I_MASK = const(0xEE)  # but for chaining and number
_CHAINING = const(0x10)
_R_ACK = const(0xA2)
_R_NAK = const(0xB2)
_R_MASK = const(0xFE)
_S_DESELECT = const(0xC2)
_S_WTX = const(0xF2)
_WTXM_MASK = const(0x3F)
_WTXM_LAST = const(59)

_TRIES = const(3)  # of a block
_WTX_MOST = const(16)  # for one block
_BADGE_MS = const(500)
_DESELECT_MS = const(50)

_BLANK = bytes(1 + _FRAME)


class IsoDep:
    """Speaks with one badge at a time through a chip with `exchange` and `wait_at_most` (drivers.mfrc522).

    badge_ms: after `activate` nothing is sent any more when it is over, so a badge's time is bounded by it and one
    answer; whoever writes badges needs more than the half second that is enough to read one.
    """

    def __init__(self, chip):
        self._chip = chip
        self.badge_ms = _BADGE_MS
        self._sent = bytearray(1 + _FRAME)
        self._view = memoryview(self._sent)
        self._received = bytearray(1 + _FRAME)
        self._until = time.ticks_ms()
        self._number = 0
        self._room = 0
        self._wait_us = 0

    def activate(self):
        """Turn the badge that was selected last into one that takes commands: RATS. Gives 0, or the chip's TIMEOUT,
        GARBLED, COLLISION or DEAF.
        """
        return TIMEOUT

    def transceive(self, command, length, answer):
        """Send the first `length` bytes of `command` and put the badge's answer into `answer`: its length in bytes, or a
        negative result of the chip. An answer longer than `answer` is GARBLED. Both may be longer than a frame.
        """
        return TIMEOUT

    def deselect(self):
        """Let the badge halt, forget every byte of it, and give the chip back its waiting time. Never raises."""
