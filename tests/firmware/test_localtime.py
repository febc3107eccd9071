"""Calendar and local time: every day of the years a record can hold, and the nights when Belgium changes its clocks."""

import os
import sys

sys.path.append(os.getenv("BADGECLOCK_ROOT") + "/tests/firmware")

from app import localtime
from bench import days_since_1970

BRUSSELS = "Europe/Brussels"


def clock(utc_s):
    return localtime.local(utc_s, BRUSSELS)[3:5]


def unix(*date):
    return localtime.unix_from_civil(*date)


def test_the_calendar_agrees_with_counting_years_and_months():
    for year in range(1970, 2107, 3):
        for month, day in ((1, 1), (2, 28), (3, 1), (12, 31), (7, 15)):
            days = days_since_1970(year, month, day)
            assert localtime.days_from_civil(year, month, day) == days
            assert localtime.civil_from_days(days) == (year, month, day)


def test_29_february_exists_where_it_should():
    for year, exists in ((2000, True), (2024, True), (2027, False), (2028, True), (2100, False)):
        day = localtime.civil_from_days(localtime.days_from_civil(year, 2, 28) + 1)
        assert day == ((year, 2, 29) if exists else (year, 3, 1)), day
    assert localtime.local(unix(2028, 2, 29, 23, 30, 0), BRUSSELS) == (2028, 3, 1, 0, 30, 0, 2)


def test_2038_and_2106_are_ordinary():
    assert unix(2038, 1, 19, 3, 14, 8) == 1 << 31
    assert localtime.local(1 << 31, BRUSSELS) == (2038, 1, 19, 4, 14, 8, 1)
    assert localtime.local((1 << 32) - 1, BRUSSELS)[:6] == (2106, 2, 7, 7, 28, 15)


def test_in_spring_two_o_clock_becomes_three():
    night = unix(2027, 3, 28, 1, 0, 0)
    assert clock(night - 1) == (1, 59) and clock(night) == (3, 0)


def test_in_autumn_three_o_clock_becomes_two():
    night = unix(2026, 10, 25, 1, 0, 0)
    assert clock(night - 1) == (2, 59) and clock(night) == (2, 0)
    assert clock(night + 3600) == (3, 0)


def test_the_changes_are_on_the_last_sundays():
    # Directive 2000/84/EC; dates of the Commission's communication 2021/C 149/01 and the calendar.
    for year, march, october in ((2024, 31, 27), (2025, 30, 26), (2026, 29, 25), (2027, 28, 31), (2032, 28, 31)):
        assert localtime.civil_from_days(localtime.last_sunday(year, 3)) == (year, 3, march)
        assert localtime.civil_from_days(localtime.last_sunday(year, 10)) == (year, 10, october)


def test_the_weekday_is_right():
    assert localtime.local(unix(2026, 11, 30, 12, 0, 0), BRUSSELS)[6] == 0  # a Monday
    assert localtime.local(unix(2026, 11, 29, 23, 30, 0), "UTC")[6] == 6


def test_utc_has_no_summer():
    assert localtime.local(unix(2026, 7, 1, 12, 0, 0), "UTC")[3] == 12
    assert clock(unix(2026, 7, 1, 12, 0, 0)) == (14, 0)
    assert clock(unix(2026, 1, 1, 12, 0, 0)) == (13, 0)
