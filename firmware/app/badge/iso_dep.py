"""ISO/IEC 14443-4: commands and answers of any length with a badge that was selected, at 106 kbit/s.

RATS, then blocks: I-blocks with chaining both ways, R-blocks for repetition, S(WTX) for more time, and S(DESELECT).
Every loop is bounded by a count, and all together by one deadline for the badge; nothing that a badge sends makes this
wait longer or raise. Section numbers are those of ISO/IEC 14443-4:2018. The buffers are made once.
"""

import time

from micropython import const

from app.badge.iso14443 import DEAF, GARBLED, TIMEOUT, TIMEOUT_US, crc_a

_FRAME = const(64)  # FSD, and the reader's FIFO: PCB, information field, CRC
_RATS = const(0xE0)
_FSDI_64 = const(0x50)  # FSDI 5: 64 bytes; CID 0 [5.1]
_ACTIVATION_US = const(4834)  # 65,536/fc: a badge answers RATS and S(DESELECT) within [5.6.1, 8.1]
_FSC = (16, 24, 32, 40, 48, 64)  # by FSCI; longer ones do not fit the FIFO [5.2.3]
_FSCI_DEFAULT = const(2)
_FWI_DEFAULT = const(4)
_FWI_LAST = const(14)
_UNIT_US = const(302)  # 256 * 16/fc: frame waiting time and start-up guard time by powers of two of it [5.2.5, 7.2]
_MARGIN_US = const(3700)  # 49,152/fc that the reader waits beyond the badge's time

# Protocol control bytes without CID and NAD [7.1.2.1]
_I_BLOCK = const(0x02)
_I_MASK = const(0xEE)  # without chaining and number
_CHAINING = const(0x10)
_R_ACK = const(0xA2)
_R_NAK = const(0xB2)
_R_MASK = const(0xFE)
_S_DESELECT = const(0xC2)
_S_WTX = const(0xF2)
_WTXM_MASK = const(0x3F)
_WTXM_LAST = const(59)

_SHORTEST = const(3)  # bytes of a frame: one and its CRC
_ATTEMPTS = const(2)  # of RATS and S(DESELECT)
_TRIES = const(3)  # of a block
_WTX_MOST = const(16)  # for one block
_BADGE_MS = const(500)
_DESELECT_MS = const(50)

_BLANK = bytes(1 + _FRAME)


class IsoDep:
    """Exchanges frames with one badge at a time through a chip with `exchange` and `wait_at_most` (drivers.mfrc522).

    badge_ms: this long after `activate` nothing more is sent, so a badge's time is bounded by it and one answer;
    writing a badge takes longer than the half second that is enough to read one.
    """

    def __init__(self, chip):
        self._chip = chip
        self.badge_ms = _BADGE_MS
        self._sent = bytearray(1 + _FRAME)
        self._view = memoryview(self._sent)
        self._received = bytearray(1 + _FRAME)
        self._until = time.ticks_ms()
        self._active = False
        self._number = 0
        self._room = 0
        self._wait_us = 0

    def activate(self):
        """Activate the selected badge for commands: RATS. 0, or the chip's TIMEOUT, GARBLED, COLLISION or DEAF."""
        self._until = time.ticks_add(time.ticks_ms(), self.badge_ms)
        self._number = 0
        self._room = 0
        self._active = False
        for _ in range(_ATTEMPTS):  # RATS may be sent again once [5.6.1]
            self._sent[1] = _RATS
            self._sent[2] = _FSDI_64
            received = self._exchange(2, _ACTIVATION_US)
            self._active = self._active or received != TIMEOUT
            if received >= 0:
                return self._apply_ats(received)
            if received == DEAF:
                break
        return received

    def allow(self):
        """Restart the badge's time limit: for a longer exchange than reading."""
        self._until = time.ticks_add(time.ticks_ms(), self.badge_ms)

    def transceive(self, command, length, answer):
        """Send the first `length` bytes of `command` and put the badge's answer into `answer`: its length in bytes, or
        a negative result of the chip. An answer longer than `answer` is GARBLED. Both may be longer than a frame.
        TIMEOUT without an active badge.
        """
        if not self._room:
            return TIMEOUT
        start = 0
        while True:
            end = min(length, start + self._room)
            pcb = _I_BLOCK | (_CHAINING if end < length else 0)
            received = self._block(pcb, command, start, end)
            if received < 0:
                return received
            start = end
            if not pcb & _CHAINING:
                break
        block = self._received
        count = 0
        while True:
            if count + received - 1 > len(answer):
                return GARBLED
            for i in range(2, received + 1):
                answer[count] = block[i]
                count += 1
            if not block[1] & _CHAINING:
                return count
            if received == 1:  # a chain of empty blocks would never end
                return GARBLED
            received = self._block(_R_ACK, command, 0, 0)
            if received < 0:
                return received

    def deselect(self):
        """Halt the badge, erase all of its data, and restore the chip's waiting time. Never raises.

        A badge that did not answer RATS gets nothing: HLTA halts it, and this would wake it again.
        """
        self._until = time.ticks_add(time.ticks_ms(), _DESELECT_MS)
        for _ in range(_ATTEMPTS if self._active else 0):
            self._sent[1] = _S_DESELECT
            if self._exchange(1, _ACTIVATION_US) == 1 and self._received[1] == _S_DESELECT:
                break
        self._chip.wait_at_most(TIMEOUT_US)
        self._room = 0
        self._sent[:] = _BLANK
        self._received[:] = _BLANK

    def _apply_ats(self, length):
        """Follow the ATS of `length` bytes that was received [5.2]: 0, or GARBLED."""
        ats = self._received
        if ats[1] != length:
            return GARBLED
        fsci, tb = _FSCI_DEFAULT, _FWI_DEFAULT << 4
        if length > 1:
            t0 = ats[2]
            fsci = t0 & 0x0F
            at = 3 + (t0 >> 4 & 1)  # TA: bit rates, of which the lowest is kept
            if t0 & 0x20:
                tb = ats[at]
            if 1 + (t0 >> 4 & 1) + (t0 >> 5 & 1) + (t0 >> 6 & 1) >= length:
                return GARBLED  # interface bytes are missing
        fwi, sfgi = tb >> 4, tb & 0x0F
        if fwi > _FWI_LAST:  # reserved: the default [5.2.5]
            fwi = _FWI_DEFAULT
        if sfgi > _FWI_LAST:
            sfgi = 0
        self._room = _FSC[min(fsci, len(_FSC) - 1)] - 3
        self._wait_us = (_UNIT_US << fwi) + _MARGIN_US
        if sfgi:
            guard_ms = ((_UNIT_US << sfgi) + 999) // 1000
            if guard_ms >= self.badge_ms:
                return TIMEOUT
            time.sleep_ms(guard_ms)
        return 0

    def _block(self, pcb, data, start, end):
        """Send an I-block with data[start:end], or an R(ACK), and take the block that answers it into `_received`: the
        length of what is there from 1 on, or a negative result [7.5].

        An I-block whose chain continues is answered by an R(ACK) of its number, any other by an I-block of the badge.
        """
        wanted = _R_ACK if pcb & _R_MASK == _I_BLOCK | _CHAINING else _I_BLOCK
        extensions = 0
        tries = 1
        received = self._send_block(pcb, data, start, end)
        while True:
            control = self._received[1] if received > 0 else 0
            if control & 1 == self._number and (
                (wanted == _I_BLOCK and control & _I_MASK == _I_BLOCK)
                or (wanted == _R_ACK and control & _R_MASK == _R_ACK and received == 1)
            ):
                self._number ^= 1
                return received
            if received == 2 and control == _S_WTX:
                factor = self._received[2] & _WTXM_MASK
                extensions += 1
                if not 1 <= factor <= _WTXM_LAST or extensions > _WTX_MOST:
                    return GARBLED
                self._sent[1] = _S_WTX
                self._sent[2] = factor
                received = self._exchange(2, self._wait_us * factor)
                continue
            if received == DEAF or tries == _TRIES:
                return received if received < 0 else GARBLED
            tries += 1
            # An R(ACK) of the block before means that the I-block was not understood [7.5.4.2, rule 6]. Missing blocks
            # are requested again: by R(NAK), and within the badge's chain by the same R(ACK) [rules 4 and 5].
            if pcb == _R_ACK or (control & _R_MASK == _R_ACK and received == 1 and control & 1 != self._number):
                received = self._send_block(pcb, data, start, end)
            else:
                received = self._send_block(_R_NAK, data, 0, 0)

    def _send_block(self, pcb, data, start, end):
        sent = self._sent
        sent[1] = pcb | self._number
        at = 2
        for i in range(start, end):
            sent[at] = data[i]
            at += 1
        return self._exchange(at - 1, self._wait_us)

    def _exchange(self, length, wait_us):
        """Send `length` bytes of `_sent`, from 1 on, and their CRC; gives the length of a frame with a right CRC,
        without that, or a negative result. Nothing is sent after the badge's time.
        """
        left_us = time.ticks_diff(self._until, time.ticks_ms()) * 1000
        if left_us <= 0:
            return TIMEOUT
        sent, received = self._sent, self._received
        crc = crc_a(sent, 1, 1 + length)
        sent[1 + length] = crc & 0xFF
        sent[2 + length] = crc >> 8
        self._chip.wait_at_most(min(wait_us, left_us))
        count = self._chip.exchange(self._view[: 3 + length], received)
        if count < 0:
            return count
        if not _SHORTEST <= count <= _FRAME:
            return GARBLED
        count -= 2
        if crc_a(received, 1, 1 + count) != received[1 + count] | received[2 + count] << 8:
            return GARBLED
        return count
