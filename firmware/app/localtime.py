"""Calendar arithmetic on Unix seconds, and the local time that a display shows.

Everything else counts in UTC. Pure functions without the `time` module, whose epoch differs between ports. The
proleptic Gregorian calendar is counted in eras of 400 years from 1 March (Howard Hinnant, "chrono-compatible
low-level date algorithms"), right for every date that 32 bits of seconds can hold (1970 to 2106).
"""

from micropython import const

DAY_S = const(86400)

_EU_CHANGE_HOUR_S = const(3600)  # 01:00 UTC, directive 2000/84/EC

# Name -> standard offset from UTC in seconds, and whether summer time follows the directive of the EU.
ZONES = {"Europe/Brussels": (3600, True), "UTC": (0, False)}


def days_from_civil(year, month, day):
    """Days from 1970-01-01 to a date; month and day count from 1."""
    if month <= 2:
        year -= 1
    era = year // 400
    year_of_era = year - era * 400
    day_of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    return era * 146097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719468


def civil_from_days(days):
    """(year, month, day) of a count of days since 1970-01-01."""
    days += 719468
    era = days // 146097
    day_of_era = days - era * 146097
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * month + 2) // 5 + 1
    month = month + 3 if month < 10 else month - 9
    return era * 400 + year_of_era + (1 if month <= 2 else 0), month, day


def unix_from_civil(year, month, day, hour, minute, second):
    """Unix seconds of a UTC date and time."""
    return days_from_civil(year, month, day) * DAY_S + hour * 3600 + minute * 60 + second


def last_sunday(year, month):
    """Days since 1970-01-01 of the last Sunday of a month of 31 days (March and October are)."""
    last = days_from_civil(year, month, 31)
    return last - (last + 4) % 7  # 1970-01-01 was a Thursday: Sunday is (days + 4) % 7 == 0


def offset_s(utc_s, zone):
    """Seconds to add to UTC in a zone of ZONES at that moment."""
    standard, summer = ZONES[zone]
    if summer:
        year = civil_from_days(utc_s // DAY_S)[0]
        start = last_sunday(year, 3) * DAY_S + _EU_CHANGE_HOUR_S
        end = last_sunday(year, 10) * DAY_S + _EU_CHANGE_HOUR_S
        if start <= utc_s < end:
            return standard + 3600
    return standard


def local(utc_s, zone):
    """(year, month, day, hour, minute, second, weekday) in a zone of ZONES; Monday is 0."""
    moment = utc_s + offset_s(utc_s, zone)
    days = moment // DAY_S
    year, month, day = civil_from_days(days)
    rest = moment - days * DAY_S
    return year, month, day, rest // 3600, rest // 60 % 60, rest % 60, (days + 3) % 7
