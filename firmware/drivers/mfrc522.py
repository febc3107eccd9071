"""NXP MFRC522, the contactless reader chip, on SPI: ISO 14443-A frames at the fewest bus transactions.

One transaction is one chip select. An exchange costs seven, and one more for an answer: stop, clear interrupts, flush,
fill the FIFO (one burst), command, start, read status (interrupts, errors, FIFO level and framing in one transfer),
empty the FIFO (one burst). No register is read before it is changed: the written values are known. The CRC is software,
since the chip's own takes five transactions. The IRQ pin signals the end of an exchange; without it (or if it never
moves) the status is polled.

Numbers in brackets are sections of the datasheet, MFRC522 Rev. 3.9. Nothing here allocates after construction.
"""

import time

from app.badge.iso14443 import COLLISION, DEAF, GARBLED, TIMEOUT, TIMEOUT_US
from micropython import const

# Addresses as sent: register << 1, and 0x80 to read [8.1.2.3].
_COMMAND = const(0x01 << 1)
_COM_IEN = const(0x02 << 1)
_DIV_IEN = const(0x03 << 1)
_COM_IRQ = const(0x04 << 1)
_ERROR = const(0x06 << 1)
_STATUS2 = const(0x08 << 1)
_FIFO_DATA = const(0x09 << 1)
_FIFO_LEVEL = const(0x0A << 1)
_CONTROL = const(0x0C << 1)
_BIT_FRAMING = const(0x0D << 1)
_MODE = const(0x11 << 1)
_TX_CONTROL = const(0x14 << 1)
_TX_ASK = const(0x15 << 1)
_RF_CFG = const(0x26 << 1)
_T_MODE = const(0x2A << 1)
_T_PRESCALER = const(0x2B << 1)
_T_RELOAD_H = const(0x2C << 1)
_T_RELOAD_L = const(0x2D << 1)
_VERSION = const(0x37 << 1)
_READ = const(0x80)

_IDLE = const(0x00)
_TRANSCEIVE = const(0x0C)
_SOFT_RESET = const(0x0F)
_POWER_DOWN = const(0x10)
_START_SEND = const(0x80)
_FLUSH = const(0x80)
_CLEAR_IRQS = const(0x7F)

# ComIrqReg [9.3.1.5]
_IRQ_TIMER = const(0x01)
_IRQ_ERROR = const(0x02)
_IRQ_RX = const(0x20)
_IRQ_OVER = const(0x23)

# ErrorReg [9.3.1.7]
_ERROR_COLLISION = const(0x08)
_ERROR_ANY = const(0x1F)

# Values written at initialisation, in order. ModeReg: CRC preset 6363h, wait for the field before sending [9.3.2.2].
# TxASKReg: 100 % ASK [9.3.2.6]. Timer: starts by itself after sending, one tick (2*169+1)/13.56 MHz = 25 us, 40 ticks =
# 1 ms [9.3.3.10, 8.5]; it stops at the 5th bit of an answer, so it serves every frame whose answer begins within 86 us
# (ISO 14443-3 §6.2.1.1). RFCfgReg: 38 dB of gain [9.3.3.6]. Interrupts: answer, error, timer on the pin, active low,
# driven both ways [9.3.1.3, 9.3.1.4].
_RF_GAIN_38_DB = const(0x58)
_TX_ON = const(0x83)
_TX_OFF = const(0x80)
_TICKS_1_MS = const(39)
_SETUP = (
    (_COMMAND, _IDLE),
    (_BIT_FRAMING, 0),
    (_TX_ASK, 0x40),
    (_MODE, 0x3D),
    (_T_MODE, 0x80),
    (_T_PRESCALER, 0xA9),
    (_T_RELOAD_H, 0),
    (_T_RELOAD_L, _TICKS_1_MS),
    (_RF_CFG, _RF_GAIN_38_DB),
    (_COM_IEN, 0x80 | _IRQ_OVER),
    (_DIV_IEN, 0x80),
    (_TX_CONTROL, _TX_ON),  # both antenna drivers on
)
_KEPT_FROM = const(2)  # from here on they are read again

_TICK_US = const(25)
_FRAMES_US = const(14000)  # the longest exchange without the timer: a frame of 64 bytes both ways takes 12 ms
_SHORTEST_US = const(300)  # no exchange is shorter: REQA and ATQA take 450 us
_STEP_US = const(50)
_FIELD_OFF_MS = const(6)
_STARTUP_MS = const(50)  # crystal start-up and 1,024 clocks [8.8]; boards differ, all are within this
_MISSED_IRQS = const(3)


class MFRC522:
    """The chip. spi: a bus with `write(buf)`, `readinto(buf, write)` and `write_readinto(out, in)`, at most 10 MHz,
    mode 0. cs, rst: pins called with 0 or 1. irq: a pin called for its level, or None to poll the status.

    version: the VersionReg that `start` found, None if there is no reader. 91h and 92h are NXP's, B2h, 88h, 12h, 89h
    are clones that work; only 00h and FFh, an empty bus, mean no reader.
    """

    def __init__(self, spi, cs, rst, irq=None):
        self._spi = spi
        self._cs = cs
        self._rst = rst
        self._irq_pin = irq
        self._irq = irq
        self._missed = 0
        self._framing = 0
        self._timeout_us = TIMEOUT_US
        self.version = None
        self._write2 = bytearray(2)
        self._status_out = bytes(
            # any order in one transfer [8.1.2.1]
            (_COM_IRQ | _READ, _ERROR | _READ, _FIFO_LEVEL | _READ, _CONTROL | _READ, 0)
        )
        self._status = bytearray(5)
        self._health_out = bytearray(len(_SETUP) + 1)
        self._health_out[0] = _STATUS2 | _READ
        self._health_out[1] = _VERSION | _READ
        for i in range(_KEPT_FROM, len(_SETUP)):
            self._health_out[i] = _SETUP[i][0] | _READ
        self._health = bytearray(len(_SETUP) + 1)
        self._configured = bytearray(len(_SETUP) + 1)
        cs(1)

    def start(self):
        """Reset by pin, or by command if the pin is not wired, and configure. True if a reader answers as
        configured.
        """
        self._rst(0)
        time.sleep_us(10)  # >= 100 ns [8.8.1]
        self._rst(1)
        self._write(_COMMAND, _SOFT_RESET)
        started = None
        while True:
            late = started is not None and time.ticks_diff(time.ticks_ms(), started) >= _STARTUP_MS
            version = self._read(_VERSION)
            if version not in (0x00, 0xFF) and not self._read(_COMMAND) & _POWER_DOWN:
                break
            if started is None:
                started = time.ticks_ms()
            if late:
                self.version = None
                return False
            time.sleep_ms(1)
        self.version = version
        for address, value in _SETUP:
            self._write(address, value)
        self._framing = 0
        self._timeout_us = TIMEOUT_US
        self._irq = self._irq_pin
        self._missed = 0
        self._transfer(self._health_out, self._configured)
        # A clone may read back some bits differently, but not the antenna's.
        return self._configured[-1] & _TX_ON == _TX_ON and self.healthy()

    def healthy(self):
        """Whether the chip is still configured: one transaction reads every configured register back.

        A chip that lost power or hangs shows other values; one stuck in MIFARE encryption shows
        Status2Reg.MFCrypto1On while VersionReg still reads right, the deafness of long runs (Tasmota #25052).
        """
        if self.version is None:
            return False
        found, configured = self._health, self._configured
        self._transfer(self._health_out, found)
        if found[1] & 0x08 or found[2] != self.version:
            return False
        for i in range(3, len(found)):  # noqa: SIM110 - a generator takes heap
            if found[i] != configured[i]:
                return False
        return True

    def wait_at_most(self, timeout_us):
        """Set the time within which an answer must begin, at most 1.6 s; two transactions if it changes.

        A caller that sets more than TIMEOUT_US sets that back: `healthy` expects it, and idle polls are that short.
        """
        if timeout_us == self._timeout_us:
            return
        self._timeout_us = timeout_us
        ticks = timeout_us // _TICK_US - 1
        self._write(_T_RELOAD_H, ticks >> 8)
        self._write(_T_RELOAD_L, ticks & 0xFF)

    def renew_field(self):
        """Switch the carrier off for 6 ms: every card in the field loses its state (5 ms do: ISO/IEC 14443-3 §5)."""
        self._write(_TX_CONTROL, _TX_OFF)
        time.sleep_ms(_FIELD_OFF_MS)
        self._write(_TX_CONTROL, _TX_ON)

    def exchange(self, frame, answer, last_bits=0):
        """Send a frame and receive its answer.

        frame: a bytearray, or a part of one, whose first byte the driver uses; the rest is sent, of its last byte only
        `last_bits` bits (0: all 8). answer: a bytearray; its first byte is undefined afterwards, the answer follows.
        Returns the number of bytes received (at most 64, those beyond `answer` are dropped), or TIMEOUT, COLLISION,
        GARBLED, DEAF.
        """
        self._load(frame, last_bits)
        self._write(_COMMAND, _TRANSCEIVE)
        self._write(_BIT_FRAMING, _START_SEND | last_bits)
        if not self._wait():
            return DEAF
        status = self._status
        errors = status[2]
        if errors & _ERROR_COLLISION:
            return COLLISION
        if not status[1] & _IRQ_RX:
            return GARBLED if errors & _ERROR_ANY else TIMEOUT
        if errors & _ERROR_ANY or status[4] & 0x07:  # RxLastBits: an incomplete last byte
            return GARBLED
        self._cs(0)
        self._spi.readinto(answer, _FIFO_DATA | _READ)
        self._cs(1)
        return status[3]

    def _load(self, frame, last_bits):
        """Stop, clear and fill. StartSend is written without being cleared first, so a change of framing goes before
        the command: should the chip still hold the bit, it then starts with the right framing.
        """
        self._write(_COMMAND, _IDLE)
        self._write(_COM_IRQ, _CLEAR_IRQS)
        self._write(_FIFO_LEVEL, _FLUSH)
        frame[0] = _FIFO_DATA
        self._cs(0)
        self._spi.write(frame)
        self._cs(1)
        if last_bits != self._framing:
            self._write(_BIT_FRAMING, last_bits)
            self._framing = last_bits

    def _wait(self):
        """Wait until the chip ends the exchange, with the status read; False if it does not.

        The time runs from the first poll, when the start has certainly reached the chip, and only a poll that began
        after the deadline counts as late: another task may have run in between. A pin that never changes, or is wrong,
        counts as not wired: after a few exchanges only the status is polled.
        """
        started = None
        deadline_us = self._timeout_us + _FRAMES_US
        irq = self._irq
        time.sleep_us(_SHORTEST_US)
        pin_moved = irq is not None
        while pin_moved:
            late = started is not None and time.ticks_diff(time.ticks_us(), started) > deadline_us
            if not irq():
                break
            if started is None:
                started = time.ticks_us()
            if late:
                pin_moved = False
            else:
                time.sleep_us(_STEP_US)
        while True:
            late = started is not None and time.ticks_diff(time.ticks_us(), started) > deadline_us
            self._transfer(self._status_out, self._status)
            if self._status[1] == 0xFF:  # bit 7 reads 0 on a chip: nobody drives the bus
                return False
            if self._status[1] & _IRQ_OVER:
                break
            if late:
                return False
            if started is None:
                started = time.ticks_us()
            pin_moved = False
            time.sleep_us(_STEP_US)
        if pin_moved:
            self._missed = 0
        elif irq is not None:
            self._missed += 1
            if self._missed == _MISSED_IRQS:
                self._irq = None
        return True

    def _write(self, address, value):
        self._write2[0] = address
        self._write2[1] = value
        self._cs(0)
        self._spi.write(self._write2)
        self._cs(1)

    def _read(self, address):
        """One register's value."""
        self._write2[0] = address | _READ
        self._write2[1] = 0
        self._cs(0)
        self._spi.write_readinto(self._write2, self._write2)
        self._cs(1)
        return self._write2[1]

    def _transfer(self, out, into):
        self._cs(0)
        self._spi.write_readinto(out, into)
        self._cs(1)
