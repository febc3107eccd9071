"""Time that a test advances by hand, and an I2C bus with chips' register files: what the drivers' and the app's tests
share.
"""

import time

PERIOD = time.ticks_add(0, -1) + 1  # of the port's ticks


class Time:
    """Replaces module `time` in a module: ticks that start just below their wrap, and move when set or slept."""

    def __init__(self):
        self.now_ms = 0
        self._base = time.ticks_add(0, -5000)  # the wrap comes after five seconds

    def ticks_ms(self):
        if self.now_ms < 0x10000000:  # small numbers, which need no heap
            return time.ticks_add(self._base, self.now_ms)
        return (self._base + self.now_ms) % PERIOD

    def ticks_us(self):
        return time.ticks_add(0, self.now_ms * 1000 & 0x0FFFFFFF)

    ticks_add = staticmethod(time.ticks_add)
    ticks_diff = staticmethod(time.ticks_diff)

    def sleep_ms(self, ms):
        self.now_ms += ms

    def sleep_us(self, us):
        self.now_ms += (us + 999) // 1000


class Bcd:
    """A DS3231's register file with its calendar at a given Unix time that `clock.now_ms` moves, and a drift."""

    def __init__(self, clock, unix_ms, drift_ppm=0):
        self.clock = clock
        self.drift_ppm = drift_ppm
        self.registers = bytearray(0x13)
        self.registers[0x0F] = 0x88
        self.dead = False
        self.set_ms(unix_ms)

    def set_ms(self, unix_ms):
        self._set_ms = unix_ms
        self._at_ms = self.clock.now_ms

    def now_ms(self):
        passed = self.clock.now_ms - self._at_ms
        return self._set_ms + passed + passed * self.drift_ppm // 1000000

    def writeto_mem(self, address, register, data):
        self._check(address)
        self.registers[register : register + len(data)] = data
        if register == 0:
            year, month, day, hour, minute, second = (
                (value >> 4) * 10 + (value & 15)
                for value in (data[6], data[5] & 0x7F, data[4], data[2], data[1], data[0])
            )
            days = _days(2000 + year + (100 if data[5] & 0x80 else 0), month, day)
            self.set_ms(((days * 24 + hour) * 60 + minute) * 60000 + second * 1000)

    def readfrom_mem_into(self, address, register, into):
        self._check(address)
        if register == 0:
            self.registers[0:7] = self._calendar()
        into[:] = self.registers[register : register + len(into)]

    def _check(self, address):
        if self.dead or address != 0x68:
            raise OSError(19)

    def _calendar(self):
        seconds = self.now_ms() // 1000
        days = seconds // 86400
        year = 1970
        while _days(year + 1, 1, 1) <= days:
            year += 1
        month = 12
        while _days(year, month, 1) > days:
            month -= 1
        day = days - _days(year, month, 1) + 1
        values = (seconds % 60, seconds // 60 % 60, seconds // 3600 % 24, 1, day, month, year % 100)
        calendar = bytearray(value // 10 << 4 | value % 10 for value in values)
        if year >= 2100:
            calendar[5] |= 0x80
        return calendar


def _days(year, month, day):
    """Days since 1970, counted year by year and month by month: slow, and independent of the firmware's way."""
    days = 0
    for y in range(1970, year):
        days += 366 if _is_leap(y) else 365
    for m in range(1, month):
        days += (31, 29 if _is_leap(year) else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[m - 1]
    return days + day - 1


def _is_leap(year):
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


days_since_1970 = _days


class Panel:
    """An SSD1306's RAM on I2C, in page addressing mode; `sent` counts the bytes of data, `pages` the pages in order.
    `first`: columns of the RAM before the one that is seen first. `inverted`: dark on light. `on`: until `dip` takes
    that, with the set-up and the RAM. `readable`: its status can be read. `seen`: called after each write, when a
    person can see it.
    """

    readable = True
    seen = None

    def __init__(self, first=0):
        self.ram = bytearray(1024)
        self.inverted = 0
        self._first = first
        self._column = 0
        self.commands = bytearray()
        self.pages = []
        self.sent = 0
        self.dead = False
        self.on = False
        self._page = 0

    def dip(self):
        """A dip of the supply: the chip was reset, answers as before, and is dark."""
        self.ram[:] = bytes(at * 37 & 0xFF for at in range(1024))
        self.inverted = 0
        self.on = False
        self.commands = bytearray()

    def is_set_up(self):
        """Whether the commands since the last dip have switched its supply on, and it."""
        return self.on and (b"\x8d\x14" in self.commands or b"\xad\x8b" in self.commands)

    def readfrom_into(self, address, into):
        if self.dead or not self.readable or address != 0x3C:
            raise OSError(19)
        into[0] = 0x00 if self.on else 0x40

    def writeto_mem(self, address, control, data):
        if self.dead or address != 0x3C:
            raise OSError(19)
        if control == 0x40:
            column = self._column - self._first
            assert 0 <= column <= 128 - len(data)
            self.ram[self._page * 128 + column : self._page * 128 + column + len(data)] = data
            self.sent += len(data)
            self.pages.append(self._page)
        else:
            assert control == 0x00
            self.commands.extend(data)
            if len(data) == 3 and data[0] & 0xF8 == 0xB0:
                self._page = data[0] & 7
                assert data[1] < 16
                assert data[2] >> 4 == 1
                self._column = data[1] | (data[2] & 15) << 4
            elif data[0] in (0xA6, 0xA7):
                self.inverted = data[0] & 1
            elif len(data) == 1 or data[0] == 0xAE:
                assert data[-1] in (0xAE, 0xAF)
                self.on = data[-1] == 0xAF
        if self.seen:
            self.seen()
