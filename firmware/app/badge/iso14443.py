"""ISO 14443-3 Type A above a reader chip: detects the badge in the field, once, never mixed with another.

A complete UID takes REQA, then anticollision and SELECT for each cascade level. The cascade follows the SAK's bit 3
(0x04), the check byte of every level and the CRC of every SAK must be right. Cards that answer differently at the same
time are several badges: none is read. A badge that was read is halted (HLTA); halted cards do not answer REQA, so a
badge left on the reader is read once and another can be read beside it. Every exchange is bounded by the chip's driver,
so every poll is.
"""

import time

from micropython import const

# Negative results of a reader chip's `exchange`; otherwise it returns the length of the answer.
TIMEOUT = const(-1)  # no answer
COLLISION = const(-2)  # several cards answered differently
GARBLED = const(-3)  # an answer with wrong parity, framing or length of the last byte
DEAF = const(-4)  # the chip did not end the exchange: it hangs

TIMEOUT_US = const(1000)  # how long a chip waits until an answer begins, unless set otherwise

# Results of `poll` other than a length.
NOTHING = const(0)
SEVERAL = const(-1)
FAILED = const(-2)

SAK_ISO_DEP = const(0x20)  # the badge is compliant with ISO/IEC 14443-4

_REQA = const(0x26)
_WUPA = const(0x52)
_SHORT_FRAME_BITS = const(7)
_SELECT_ALL = const(0x20)
_SELECT_UID = const(0x70)
_CASCADE_TAG = const(0x88)
_SAK_INCOMPLETE = const(0x04)
_CL1 = const(0x93)
_LEVELS = const(3)

_UNCLEAR = (COLLISION, GARBLED)  # made once: a tuple of imported names would be built at every use

_PRESENCE_MS = const(200)  # between two looks for the badges that were read
# a badge not seen for less has not left: cards drop out and return (acnode-cl does the same)
_GONE_MS = const(1000)
_CHECK_MS = const(3000)  # between two self-checks of the chip
_FAILURES = const(8)  # exchanges that failed one after another before the chip is suspected
_RENEW_MS = const(3600000)  # a healthy chip is configured again, for faults that its registers do not show
_HOPELESS = const(3)  # consecutive restarts without effect before the reader counts as broken


def crc_a(data, start, end):
    """CRC_A of data[start:end]: polynomial 0x8408, preset 0x6363 (ISO 14443-3 annex B); sent low byte first."""
    crc = 0x6363
    for i in range(start, end):
        byte = data[i] ^ (crc & 0xFF)
        byte = (byte ^ (byte << 4)) & 0xFF
        crc = (crc >> 8) ^ (byte << 8) ^ (byte << 3) ^ (byte >> 4)
    return crc


class Reader:
    """Looks for badges through a chip with `exchange`, `start`, `healthy`, `version` (drivers.mfrc522).

    present: a badge that was read is still there, or left less than a second ago. sak: of the badge that `poll` found;
    bit SAK_ISO_DEP means that it supports app.badge.iso_dep, and it stays selected until the next poll. resets: how
    often the chip had to be restarted. usable: the chip answers as configured, and its last starts helped. fault: the
    last result of `inspect`, a word or None; it is called at the start and when the reader becomes unusable and usable
    again (drivers.reader_wires), and leaves the chip to be started.
    """

    def __init__(self, chip, inspect=None):
        self.chip = chip
        self.present = False
        self.sak = 0
        self.resets = 0
        self._short = bytearray(2)
        self._select_all = bytearray((0, _CL1, _SELECT_ALL))
        self._select = bytearray(10)
        self._halt = bytearray((0, 0x50, 0x00, 0x57, 0xCD))  # HLTA with its CRC
        self._atqa = bytearray(3)
        self._level = bytearray(6)
        self._sak = bytearray(4)
        self._halt_due = False
        self._failures = 0
        now = time.ticks_ms()
        self._found = now
        self._seen = now
        self._looked = now
        self._checked = now
        self._renewed = now
        self._inspect = inspect
        self._starts = 0
        self._answers = self.usable = True
        self._look_closer()
        self.usable = self._answers

    @property
    def version(self):
        """The chip's version register, None without a reader."""
        return self.chip.version

    @property
    def held_ms(self):
        """Time from the last reading of a badge until a badge was last seen."""
        return time.ticks_diff(self._seen, self._found)

    @property
    def away_ms(self):
        """Time since a badge was last seen; less than six days."""
        return time.ticks_diff(time.ticks_ms(), self._seen)

    def poll(self, uid):
        """Poll once for a badge that was not read yet.

        uid: a bytearray of at least 10 bytes. Gives 4, 7 or 10, the length of the UID now in it; 0 for no such badge,
        -1 for more than one badge, -2 if the exchange failed. Bounded: 3 ms without a badge, about 10 ms with one, 75
        ms at worst.
        """
        if not self._answers or (self._failures and self._starts >= _HOPELESS):  # each exchange would take its maximum
            return NOTHING
        if self._halt_due:  # not while a person waits: the badge's signal comes first
            self._halt_due = False
            self.chip.exchange(self._halt, self._atqa)  # no answer means success: 1 ms of it (ISO 14443-3 §6.4.3)
        if self.present:
            self._look()
        result = self._read(uid)
        if result in _UNCLEAR:  # noise looks like either: try once more, after returning the cards to idle
            self._request(_REQA)
            again = self._read(uid)
            result = again if again != TIMEOUT else GARBLED
        if result > 0:
            self.present = True
            self._halt_due = True
            self._found = self._seen = self._looked = time.ticks_ms()
            self._failures = self._starts = 0
            return result
        if result == TIMEOUT:
            self._failures = 0
            return NOTHING
        if result == COLLISION:
            self._failures = 0
            return SEVERAL
        self._failures += _FAILURES if result == DEAF else 1
        return FAILED

    def again(self):
        """Make the next poll find the last badge as new, whatever its state."""
        self.chip.renew_field()
        self._halt_due = False

    def check(self):
        """Check the chip; call it with every poll. Every few seconds, and at once when exchanges keep failing, its
        registers are compared with the configured values; a chip that differs is reset and configured again. After
        three restarts without effect it is broken until it passes, and once an hour a chip is restarted in any case.
        Returns `usable`.
        """
        now = time.ticks_ms()
        patient = self._failures < _FAILURES or self._starts >= _HOPELESS
        if patient and time.ticks_diff(now, self._checked) < _CHECK_MS:
            return self.usable
        self._checked = now
        suspected = self._failures >= _FAILURES
        self._failures = 0
        if self._answers and not suspected and self.chip.healthy():
            self._starts = 0
            if not self.usable:
                self.usable = True
                self._look_closer()
            elif time.ticks_diff(now, self._renewed) >= _RENEW_MS and not self.present:
                self._renewed = now
                self._answers = self.chip.start()
            return True
        self.resets += 1
        self._halt_due = False
        self._answers = self.chip.start()
        self._starts = self._starts + 1 if self._answers else 0
        usable = self._answers and self._starts < _HOPELESS
        if self.usable != usable:
            self.usable = usable
            self._look_closer()
        return usable

    def _look_closer(self):
        """Find the fault of a reader that became unusable, or the remaining fault of a usable one."""
        self.fault = self._inspect() if self._inspect else None
        self._answers = self.chip.start()
        if not self.usable and self.fault is None:
            self.fault = "deaf"  # nothing is wrong with its wires

    def _look(self):
        """Check periodically whether a halted badge is still there: WUPA wakes it, the REQA that follows in every poll
        returns it to the halt state without an answer.
        """
        now = time.ticks_ms()
        if time.ticks_diff(now, self._looked) < _PRESENCE_MS:
            return
        self._looked = now
        answer = self._request(_WUPA)
        if answer > 0 or answer in _UNCLEAR:
            self._seen = now
        elif time.ticks_diff(now, self._seen) >= _GONE_MS:
            self.present = False
        self._request(_REQA)

    def _request(self, command):
        self._short[1] = command
        return self.chip.exchange(self._short, self._atqa, _SHORT_FRAME_BITS)

    def _read(self, uid):
        """REQA and every cascade level: the UID's length, or an error of the chip's driver."""
        received = self._request(_REQA)
        if received != 2:
            return received if received < 0 else GARBLED
        length = 0
        for level in range(_LEVELS):
            received = self._select_level(_CL1 + 2 * level)
            if received < 0:
                self._forget(uid, length)
                return GARBLED if received == TIMEOUT else received
            more = self._sak[1] & _SAK_INCOMPLETE
            tagged = self._level[1] == _CASCADE_TAG
            if bool(more) != tagged or (more and level == _LEVELS - 1):
                self._forget(uid, length)
                return GARBLED
            for i in range(2 if more else 1, 5):
                uid[length] = self._level[i]
                length += 1
            if not more:
                self.sak = self._sak[1]
                self._forget(uid, 0)
                return length
        return GARBLED

    def _select_level(self, command):
        """Anticollision and SELECT of one level into `_level` and `_sak`: 3 bytes received, or an error below zero."""
        frame, level, sak = self._select_all, self._level, self._sak
        frame[1] = command
        received = self.chip.exchange(frame, level)
        if received < 0:
            return received
        if received != 5 or level[1] ^ level[2] ^ level[3] ^ level[4] != level[5]:
            return GARBLED
        frame = self._select
        frame[1] = command
        frame[2] = _SELECT_UID
        for i in range(1, 6):
            frame[2 + i] = level[i]
        crc = crc_a(frame, 1, 8)
        frame[8] = crc & 0xFF
        frame[9] = crc >> 8
        received = self.chip.exchange(frame, sak)
        if received < 0:
            return received
        if received != 3 or crc_a(sak, 1, 2) != sak[2] | sak[3] << 8:
            return GARBLED
        return received

    def _forget(self, uid, length):
        """Erase the UID from this object's buffers, and from the first bytes of `uid` if it is incomplete."""
        for i in range(length):
            uid[i] = 0
        for i in range(1, 6):
            self._level[i] = 0
            self._select[2 + i] = 0
        self._select[8] = self._select[9] = 0  # a CRC gives away 16 bits of its input
