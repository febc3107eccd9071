"""`time` of the ESP32 port: seconds count from 2000-01-01, there are no time zones, and a clock without a battery
starts at 0. Sleeping and ticks are the unix port's own.
"""

# ruff: noqa: D103, F403, FBT003, PLW0603 - names, arguments and results are the ESP32 port's

import _virtual_bus as _bus
import utime as _host
from utime import *

_EPOCH_DAYS = 730425  # days from 0000-03-01 to 2000-01-01 in the proleptic Gregorian calendar

# The clock's microseconds since 2000 less the host's since 1970.
_offset_us = 0


def time():
    return time_ns() // 1000000000


def time_ns():
    return _host.time_ns() + _offset_us * 1000


def set_us(us):
    """Set the clock to `us` microseconds since 2000."""
    global _offset_us
    _offset_us = us - _host.time_ns() // 1000
    _bus.post_data(_bus.RTC_SET, 0, 0, _offset_us.to_bytes(8, "little", True))


def gmtime(secs=None):
    if secs is None:
        secs = time()
    days = secs // 86400
    secs %= 86400
    weekday = (days + 5) % 7  # 2000-01-01 was a Saturday
    # Years begin in March here, so that the leap day ends one.
    day = days + _EPOCH_DAYS
    era = day // 146097
    day -= era * 146097
    year = (day - day // 1460 + day // 36524 - day // 146096) // 365
    day -= year * 365 + year // 4 - year // 100
    month = (5 * day + 2) // 153
    day -= (153 * month + 2) // 5
    year += era * 400
    month += 3
    if month > 12:
        month -= 12
        year += 1
    yearday = days - _days(year, 1, 1) + 1
    return (year, month, day + 1, secs // 3600, secs // 60 % 60, secs % 60, weekday, yearday)


localtime = gmtime


def mktime(fields):
    year, month, day, hour, minute, second = fields[:6]
    return ((_days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second


def _days(year, month, day):
    """Days from 2000-01-01 to the given date of the Gregorian calendar."""
    if month <= 2:
        month += 12
        year -= 1
    return year * 365 + year // 4 - year // 100 + year // 400 + (153 * (month - 3) + 2) // 5 + day - 1 - _EPOCH_DAYS
