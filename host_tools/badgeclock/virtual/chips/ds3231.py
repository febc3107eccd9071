"""DS3231, the battery-backed real-time clock (Maxim DS3231 rev. 10; register map: figure 1).

It keeps time with the host's clock plus an offset, and drifts by `drift_ppm`. The battery keeps it through a power cut.
"""

from __future__ import annotations

import calendar
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

REGISTERS = 0x13
SECONDS, MINUTES, HOURS, WEEKDAY, DAY, MONTH, YEAR = range(7)
CONTROL, STATUS, AGING, TEMPERATURE = 0x0E, 0x0F, 0x10, 0x11
OSF = 0x80
EOSC = 0x80  # of CONTROL: the oscillator stops while only the battery supplies it
HOURS_12 = 0x40
CENTURY = 0x80

# The registers hold two digits of the year and a century bit; 0 is 2000 here, as drivers have it.
FIRST_YEAR = 2000


class Ds3231:
    """One RTC chip. `host_s` is the host's Unix time in seconds, with a fraction; a test may control it."""

    def __init__(self, host_s: Callable[[], float] = time.time) -> None:
        self._host_s = host_s
        self._pointer = 0
        self.temperature_c = 25.0
        self.drift_ppm = 0.0
        self._stopped_unix_s: float | None = None
        self.battery_empty()

    def battery_empty(self) -> None:
        """The chip lost all power: 2000-01-01 00:00:00, and the oscillator-stop flag is set."""
        self._regs = bytearray(REGISTERS)
        self._regs[CONTROL] = 0x1C
        self._regs[STATUS] = 0x88
        self._weekday_shift = 1
        self._hours_12 = False
        self._set(datetime(FIRST_YEAR, 1, 1, tzinfo=UTC))

    def lose_supply(self) -> None:
        """Only the battery is left, on which the oscillator runs unless EOSC stops it."""
        if self._regs[CONTROL] & EOSC:
            self._regs[STATUS] |= OSF
            self._stopped_unix_s = self.unix_s()

    def supply_back(self) -> None:
        """The supply is there; a stopped oscillator continues from where it was."""
        if self._stopped_unix_s is not None:
            self._set_unix_s, self._set_host_s = self._stopped_unix_s, self._host_s()
            self._stopped_unix_s = None

    def state(self) -> dict[str, object]:
        """The battery-backed state, as JSON values, for restore()."""
        return {
            "ahead_s": self._set_unix_s - self._set_host_s,
            "set_host_s": self._set_host_s,
            "registers": self._regs.hex(),
            "weekday_shift": self._weekday_shift,
            "hours_12": self._hours_12,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from an earlier state(), with the time that has passed since."""
        self._set_host_s = float(state["set_host_s"])
        self._set_unix_s = self._set_host_s + float(state["ahead_s"])
        self._regs[:] = bytes.fromhex(state["registers"])
        self._weekday_shift = int(state["weekday_shift"])
        self._hours_12 = bool(state["hours_12"])

    @property
    def oscillator_stopped(self) -> bool:
        """OSF: the time cannot be trusted until it is set and the flag is cleared."""
        return bool(self._regs[STATUS] & OSF)

    def unix_s(self) -> float:
        """The chip's UTC, Unix seconds with a fraction."""
        host_s = self._host_s()
        return self._set_unix_s + (host_s - self._set_host_s) * (1 + self.drift_ppm * 1e-6)

    def set_unix_s(self, unix_s: float) -> None:
        """Set the chip from outside, as a technician's tool would, and clear OSF."""
        self._set_unix_s = unix_s
        self._set_host_s = self._host_s()
        self._regs[STATUS] &= ~OSF

    def write(self, data: bytes) -> None:
        """One I2C write: the register pointer, then data from there on; the pointer wraps at 0x12."""
        if not data:
            return
        self._pointer = data[0] % REGISTERS
        values = {}
        for byte in data[1:]:
            values[self._pointer] = byte
            self._pointer = (self._pointer + 1) % REGISTERS
        if values.keys() & set(range(SECONDS, YEAR + 1)):
            shown = self._time_registers()
            for register in range(YEAR + 1):
                shown[register] = values.get(register, shown[register])
            self._set_from(shown)
        for register, value in values.items():
            if register == STATUS:
                # OSF and the alarm flags can only be cleared; BSY is the chip's.
                self._regs[STATUS] = self._regs[STATUS] & value & 0x83 | value & 0x08 | self._regs[STATUS] & 0x04
            elif YEAR < register < TEMPERATURE:
                self._regs[register] = value

    def read(self, n: int) -> bytes:
        """One I2C read of `n` bytes from the register pointer on; all time registers are of one moment."""
        quarters = round(self.temperature_c * 4)
        regs = self._time_registers() + self._regs[YEAR + 1 :]
        regs[TEMPERATURE] = quarters >> 2 & 0xFF
        regs[TEMPERATURE + 1] = (quarters & 3) << 6
        out = bytes(regs[(self._pointer + i) % REGISTERS] for i in range(n))
        self._pointer = (self._pointer + n) % REGISTERS
        return out

    def _set(self, moment: datetime) -> None:
        self._set_unix_s = moment.timestamp()
        self._set_host_s = self._host_s()

    def _time_registers(self) -> bytearray:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(self.unix_s()))
        hours = moment.hour
        hour_bits = _bcd(hours)
        if self._hours_12:
            hour_bits = HOURS_12 | (0x20 if hours >= 12 else 0) | _bcd(hours % 12 or 12)
        century = CENTURY if (moment.year - FIRST_YEAR) // 100 % 2 else 0
        return bytearray(
            (
                _bcd(moment.second),
                _bcd(moment.minute),
                hour_bits,
                (moment.weekday() + self._weekday_shift - 1) % 7 + 1,
                _bcd(moment.day),
                _bcd(moment.month) | century,
                _bcd(moment.year % 100),
            )
        )

    def _set_from(self, regs: bytearray) -> None:
        hours = regs[HOURS]
        self._hours_12 = bool(hours & HOURS_12)
        hour = _number(hours & 0x1F) % 12 + (12 if hours & 0x20 else 0) if self._hours_12 else _number(hours & 0x3F)
        year = FIRST_YEAR + _number(regs[YEAR]) + (100 if regs[MONTH] & CENTURY else 0)
        month = min(max(_number(regs[MONTH] & 0x1F), 1), 12)
        last_day = calendar.monthrange(year, month)[1]
        day = min(max(_number(regs[DAY] & 0x3F), 1), last_day)
        moment = datetime(
            year,
            month,
            day,
            hour % 24,
            _number(regs[MINUTES] & 0x7F) % 60,
            _number(regs[SECONDS] & 0x7F) % 60,
            tzinfo=UTC,
        )
        self._weekday_shift = (regs[WEEKDAY] - 1 - moment.weekday()) % 7 + 1
        self._set(moment)


def _bcd(value: int) -> int:
    return value // 10 << 4 | value % 10


def _number(bcd: int) -> int:
    return (bcd >> 4) * 10 + (bcd & 0x0F)
