"""Maxim DS3231, a real-time clock with a temperature-compensated crystal, on I2C. It keeps UTC.

Its two alarms are not used: their seven registers (07h to 0Dh) live on the battery and hold a note of six bytes and
its check byte. Registers: datasheet 19-5170, figure 1.
"""

from micropython import const

_TIME = const(0x00)
_ALARMS = const(0x07)
_CONTROL = const(0x0E)  # then status, ageing offset, temperature
_OSF = const(0x80)  # the oscillator stopped at some time since this was cleared: the time is invalid
# The oscillator runs on the battery too, no square wave, no alarm interrupts; it has not stopped, no 32 kHz; no ageing.
_SET_UP = b"\x04\x00\x00"
_32KHZ = const(0x08)  # of the status
_TEMPERATURE = const(3)  # from the control register on: two's complement, whole degrees
_CENTURY = const(0x80)
_TWELVE_HOURS = const(0x40)
_NOTE_BYTES = const(6)


class DS3231:
    """The chip at its fixed address 68h. Every call is one or two short transfers and may raise OSError."""

    def __init__(self, i2c, address=0x68):
        self._i2c = i2c
        self._address = address
        self._time = bytearray(7)
        self._set = bytearray(14)
        self._set_up = bytearray(4)

    def read(self):
        """(year, month, day, hour, minute, second) in UTC, 2000 to 2199; None if the oscillator has stopped since
        `set`, or if the registers have no valid date. A configuration that differs from `set`'s could make the time
        stop or drift at the next loss of supply, so it is written again.
        """
        found = self._set_up
        self._i2c.readfrom_mem_into(self._address, _CONTROL, found)
        if found[1] & _OSF:
            return None
        if found[0] != _SET_UP[0] or found[1] & _32KHZ or found[2]:
            self._i2c.writeto_mem(self._address, _CONTROL, _SET_UP)
        registers = self._time
        self._i2c.readfrom_mem_into(self._address, _TIME, registers)
        if registers[2] & _TWELVE_HOURS:
            return None
        second, minute, hour = _from_bcd(registers[0]), _from_bcd(registers[1]), _from_bcd(registers[2])
        day, month = _from_bcd(registers[4]), _from_bcd(registers[5] & ~_CENTURY)
        year = _from_bcd(registers[6])
        if not (0 <= second < 60 and 0 <= minute < 60 and 0 <= hour < 24):
            return None
        if not (1 <= day <= 31 and 1 <= month <= 12 and year >= 0):
            return None
        return 2000 + year + (100 if registers[5] & _CENTURY else 0), month, day, hour, minute, second

    def note(self):
        """The six bytes given to `set`, or None if there are none."""
        registers = self._time
        self._i2c.readfrom_mem_into(self._address, _ALARMS, registers)
        note = bytes(registers[:_NOTE_BYTES])
        return note if _check(note) == registers[_NOTE_BYTES] else None

    def temperature(self):
        """Degrees Celsius at the chip, whole, to +-3 (datasheet, "Temperature Registers"); measured every 64 s."""
        self._i2c.readfrom_mem_into(self._address, _CONTROL, self._set_up)
        return (self._set_up[_TEMPERATURE] ^ 0x80) - 0x80

    def set(self, year, month, day, hour, minute, second, note):
        """Start a second now, with that date in UTC (2000 to 2199) and a note of six bytes. One transfer, so that
        date and note belong together; the chip's second begins at its acknowledge. Writing the seconds resets the
        chip's countdown.
        """
        registers = self._set
        registers[0] = _to_bcd(second)
        registers[1] = _to_bcd(minute)
        registers[2] = _to_bcd(hour)
        registers[3] = 1  # the day of the week is not used
        registers[4] = _to_bcd(day)
        registers[5] = _to_bcd(month) | (_CENTURY if year >= 2100 else 0)
        registers[6] = _to_bcd(year % 100)
        registers[_ALARMS : _ALARMS + _NOTE_BYTES] = note
        registers[_ALARMS + _NOTE_BYTES] = _check(note)
        self._i2c.writeto_mem(self._address, _TIME, registers)
        self._i2c.writeto_mem(self._address, _CONTROL, _SET_UP)


def _check(note):
    """A check byte that is wrong for registers of all zero or all FFh."""
    check = 0xA5
    for byte in note:
        check = (check * 31 + byte) & 0xFF
    return check


def _to_bcd(value):
    return value // 10 << 4 | value % 10


def _from_bcd(register):
    """0 to 99, or -1 for invalid BCD."""
    tens, ones = register >> 4, register & 0x0F
    return tens * 10 + ones if tens < 10 and ones < 10 else -1
