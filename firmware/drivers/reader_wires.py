"""Diagnoses the wires between a board and its MFRC522. Loaded when needed, and dropped again.

    miso-high, miso-low  MISO is shorted to the supply or to ground
    no-answer            MISO is not driven: no reader, no supply, or SCK, MOSI, MISO or SS is open
    no-reset             the chip answers, but its RST pin does not reset it: a hang of its SPI would be permanent
    no-irq               the IRQ pin does not follow the chip: the reader's driver polls the status instead

A missing antenna is not detected: the chip cannot measure it, only a badge shows it. Numbers in brackets are sections
of the datasheet, MFRC522 Rev. 3.9.
"""

import time

from micropython import const

_COM_IEN = const(0x02 << 1)
_DIV_IEN = const(0x03 << 1)
_COM_IRQ = const(0x04 << 1)
_RF_CFG = const(0x26 << 1)
_VERSION = const(0x37 << 1)
_READ = const(0x80)

_MARK = const(0x58)  # a gain that a reset puts back to 48h [9.3.3.6]
_PUSH_PULL = const(0x80)
_LOW_FOR_TIMER = const(0x81)
_CLEAR = const(0x7F)
_SET_TIMER = const(0x81)  # bit 7 sets the marked bits [9.3.1.5]
_STARTUP_MS = const(50)


def inspect(spi, cs, rst, irq, miso):
    """The name of the fault, None if there is none. Leaves the chip unconfigured.

    spi, cs, rst, irq: as for drivers.mfrc522. miso: called with 0 or 1, returns MISO's level pulled down or up.
    """
    cs(1)
    pulled_down, pulled_up = miso(0), miso(1)
    if pulled_down:
        return "miso-high"
    if not pulled_up:
        return "miso-low"
    rst(1)
    if not _answers(spi, cs):
        return "no-answer"
    _transfer(spi, cs, _RF_CFG, _MARK)
    rst(0)
    time.sleep_us(10)  # >= 100 ns [8.8.1]
    rst(1)
    if not _answers(spi, cs) or _transfer(spi, cs, _RF_CFG | _READ, 0) == _MARK:
        return "no-reset"
    if irq is None:
        return None
    _transfer(spi, cs, _DIV_IEN, _PUSH_PULL)
    _transfer(spi, cs, _COM_IEN, _LOW_FOR_TIMER)
    _transfer(spi, cs, _COM_IRQ, _CLEAR)
    quiet = irq()
    _transfer(spi, cs, _COM_IRQ, _SET_TIMER)
    asked = irq()
    return None if quiet and not asked else "no-irq"


def _answers(spi, cs):
    """Whether a chip shows its version within its start-up time after the first look."""
    started, late = None, False
    while _transfer(spi, cs, _VERSION | _READ, 0) in (0x00, 0xFF):
        if late:
            return False
        if started is None:
            started = time.ticks_ms()
        time.sleep_ms(1)
        late = time.ticks_diff(time.ticks_ms(), started) >= _STARTUP_MS
    return True


def _transfer(spi, cs, address, value):
    both = bytearray((address, value))
    cs(0)
    spi.write_readinto(both, both)
    cs(1)
    return both[1]
