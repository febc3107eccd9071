"""Keeps the time in UTC, with its error bound.

The running clock is a count of milliseconds that `ticks_ms` drives, with an interval that certainly contains the true
time:

- at start it comes from the RTC, one second wide, widened by what the RTC may have drifted since it was set;
- reading the RTC where its second may change halves that second, repeatedly (`refine`);
- the bridge over its authenticated channel replaces it by one as wide as the round trip (`set_from_bridge`);
- every second widens it by the crystal's possible drift, and reading the RTC narrows it again;
- at the end of June and of December a leap second may come, which is not announced to a clock: the interval grows by
  one second either way, on the RTC's side too;
- how fast the crystal runs is learned from the bridge's answers, an hour or more apart; then each second widens it
  less. That is in memory only: each start measures it again;
- NTP is a hint (`accept_hint`): anyone on the network path can answer, so it states no bound, is asked only while
  there is none, and sets neither the RTC nor the clock by which TLS judges certificates, unless that refused a date.

Unix seconds everywhere. The RTC gives a calendar date and `localtime` counts it, so no port's own epoch (1970 or 2000)
has a say: that conversion is `_rtc_seconds`, here and nowhere else. The RTC's note, six bytes kept on its battery,
records when it was set, how exactly, and by how many milliseconds its seconds lag, because writing an RTC starts a
whole second.

On a port of 32 bits a Unix second is not a small integer; it is made once a second, and `stamp` reuses it.
"""

import struct
import time

from micropython import const

from app import localtime
from app.log.record import BOUND_NONE, SOURCE_BRIDGE, SOURCE_NONE, SOURCE_NTP, SOURCE_RTC, bound_decode, bound_encode

# DS3231SN: +-3.5 ppm over -40..+85 °C and 1 ppm of ageing in the first year (datasheet 19-5170, "Electrical
# Characteristics"). ESP32-WROOM-32: crystal +-10 ppm, more with temperature and age; a worse part, +-100 ppm, is still
# within these limits. The rates of one crystal at any two moments are no more than 25 ppm apart (AT cut, -20 to +70
# °C). 1 ppm is 1 us a second.
RTC_DRIFT_PPM = const(5)
TICKS_DRIFT_PPM = const(100)
TEMPERATURE_PPM = const(25)

_LEARN_MS = const(3600000)  # the least time between two answers that measure the crystal's rate
_LEARN_MOST_S = const(1728000)  # 20 days, well below where the uptime wraps
_RTC_WORTH_US = const(200000)  # an RTC that may be off by this much more than the running clock is set again
_OFF_CENTRE_US = const(4000)
_WIDEST_US = const(1000000000)  # 16 minutes to either side; more is no bound. Below 2**30, so it needs no heap
_FINE_US = const(8000)  # a second's edge known this well is not searched for again
_IDLE_MS = const(10000)  # between two looks when there is nothing to gain
_AWAY_S = const(345600)  # 4 days, a long weekend: an RTC further from the record may have jumped
_EARLIEST_S = const(1577836800)  # 2020-01-01: an RTC with an earlier date was never set
_NOTE = ">IHB"  # hours since 1970 when it was set, lag in ms, encoded bound; the first byte is zero and left out
_UPTIME_WRAP = const(1 << 32)
_LEAP_US = const(1000000)


class Timekeeper:
    """UTC in milliseconds with a source and an error bound.

    rtc: `read() -> (year, month, day, hour, minute, second)` or None if it stopped, `note() -> 6 bytes` or None,
    `set(year, month, day, hour, minute, second, note)`; each may raise OSError. zone: of `localtime.ZONES`, for
    `local`. set_system_time: takes (year, month, day, hour, minute, second) for the port's own clock, by which TLS
    judges certificates.
    """

    def __init__(self, rtc, zone, set_system_time):
        self._rtc = rtc
        self._zone = zone
        self._set_system_time = set_system_time
        self.source = SOURCE_NONE
        self.rtc_faults = 0  # since this start: readings that failed, or contradicted certain knowledge
        self._mark = time.ticks_ms()
        self._uptime_ms = 0
        self._uptime_s = 0
        self._s = 0
        self._ms = 0
        self._low_us = -_WIDEST_US  # true time - running time is between low and high
        self._high_us = _WIDEST_US
        self._rtc_us = 0  # how far the RTC may be off by now
        self._lag_ms = 0  # its second n begins at n s + lag
        self._rtc_usable = False
        self._doubted = False  # its note is outdated
        self._bound = BOUND_NONE
        self._low_ppm = -TICKS_DRIFT_PPM  # true time passes by so much faster than the ticks, at least ...
        self._high_ppm = TICKS_DRIFT_PPM  # ... and at most
        self._anchor = None  # an earlier answer of the bridge: (its ms, uptime in ms, in s, how sure in us)
        self._leap_s = 0  # the next moment at which a leap second may come
        self.floor_s = 0  # the earliest possible moment, by the record; 0 if unknown
        self._given_s = 0  # the newest recorded moment not from this start's RTC; 0: none
        self.is_refused = False  # TLS refused certificates by this time, which has not been confirmed since
        self._start_from_rtc()

    def stamp(self, stamp):
        """Fill a record's Stamp (utc_s, ms, source, bound, uptime_ms) with the present; no allocation within one
        second.
        """
        self._advance()
        if self.source == SOURCE_NONE:
            stamp.utc_s = 0
            stamp.ms = 0
        else:
            stamp.utc_s = self._s
            stamp.ms = self._ms
        stamp.source = self.source
        stamp.bound = self._bound
        stamp.uptime_ms = self._uptime_ms

    def now_s(self):
        """Unix seconds, UTC; 0 when the clock has no time."""
        self._advance()
        return self._s if self.source != SOURCE_NONE else 0

    def uptime_s(self):
        """Whole seconds since this start."""
        self._advance()
        return self._uptime_s

    def local(self):
        """(year, month, day, hour, minute, second, weekday) at the site, or None without a time."""
        return self.local_of(self._s) if self.now_s() else None

    def local_of(self, utc_s):
        """The same for a given Unix second."""
        return localtime.local(utc_s, self._zone)

    @property
    def bound(self):
        """The encoded error bound as in a record: 255 is none."""
        self._advance()
        return self._bound

    @property
    def verified(self):
        """Whether the time is known within some bound; otherwise records are marked "time unverified"."""
        return self.bound != BOUND_NONE

    def set_from_bridge(self, utc_ms, rtt_ms):
        """Take the bridge's time, right at some moment of the round trip that ended now, and write it into the RTC.

        Returns the step in milliseconds, new minus old (the whole time if there was none). The caller records TIME_SET
        when it exceeds two seconds or the source was none.
        """
        self._advance()
        old_ms = self._s * 1000 + self._ms if self.source != SOURCE_NONE else 0
        new_ms = utc_ms + rtt_ms // 2
        step_ms = new_ms - old_ms
        half_us = (rtt_ms // 2 + 2) * 1000  # 2: the halving's rest, and the millisecond in which both clocks count
        self._learn(new_ms, half_us)
        if self.source == SOURCE_BRIDGE and self._rtc_usable and abs(step_ms) < 100000:
            low = max(self._low_us, step_ms * 1000 - half_us)
            high = min(self._high_us, step_ms * 1000 + half_us)
            if low <= high:  # two answers of the bridge narrow each other
                self._low_us, self._high_us = low, high
                self._centre()
                if self._rtc_us > _RTC_WORTH_US + max(-self._low_us, self._high_us):
                    self._write_rtc()
                return self._s * 1000 + self._ms - old_ms
        self._s, self._ms = new_ms // 1000, new_ms % 1000
        self._leap_s = _next_leap(self._s)
        self._low_us, self._high_us = -half_us, half_us
        self.source = SOURCE_BRIDGE
        self.is_refused = False
        self._refresh_bound()
        self._write_rtc()
        return step_ms

    def at_least(self, utc_s, sure_s, given_s):
        """Without its own time, start the port's clock from the newest recorded moment: certificates are then checked
        by a date that is only a little too early, and the bridge can be reached for the right one. An RTC whose time,
        bound included, is before `sure_s` has gone back: the newest moment is used instead, as uncertain. One that is
        days after the newest moment may have jumped, or the clock was off that long: its time is used, as uncertain
        until the bridge answers. given_s: the newest recorded moment from the bridge, or else of an earlier start; 0
        without one.
        """
        self.floor_s = sure_s
        self._given_s = given_s
        if self.source == SOURCE_NONE and utc_s >= _EARLIEST_S:
            self._set_system_clock(utc_s)
        elif self.source != SOURCE_NONE and self._s + 1 + self._high_us // 1000000 < sure_s:
            self._s = utc_s
            self._leap_s = _next_leap(utc_s)
            self._doubt()
            self._set_system_clock(utc_s)
        elif utc_s and self._bound != BOUND_NONE and self._s - utc_s > _AWAY_S:
            self._high_us = _WIDEST_US
            self._refresh_bound()
            self._leave_rtc()

    def refuse(self):
        """TLS reports that a certificate has expired or is not valid yet. Unless the bridge confirmed the time since
        this start, it may be wrong by years, regardless of the RTC's note: it has no bound from now on, and
        certificates are checked from the newest recorded moment. The running time stays: the broker's certificate may
        really be too old.
        """
        if self.source != SOURCE_BRIDGE:
            self.is_refused = True
            if self._bound != BOUND_NONE:
                self._doubt()
            if self._given_s:
                self.floor_s = self._given_s
                self._set_system_clock(self._given_s)

    def _doubt(self):
        """The RTC's time, bound included, cannot be right."""
        self._high_us = _WIDEST_US
        self._refresh_bound()
        self._disbelieve()

    @property
    def accepts_hints(self):
        """Whether NTP is the best source: there is no time, or one without a bound."""
        return self._bound == BOUND_NONE and self.source != SOURCE_BRIDGE

    def accept_hint(self, utc_ms):
        """Use an unauthenticated time, UTC in ms, within app.net.ntp's limits; only while it `accepts_hints`. Returns
        the step in milliseconds as `set_from_bridge`.
        """
        self._advance()
        old_ms = self._s * 1000 + self._ms if self.source != SOURCE_NONE else 0
        self._s, self._ms = utc_ms // 1000, utc_ms % 1000
        self._leap_s = _next_leap(self._s)
        self.source = SOURCE_NTP
        if self.is_refused:  # by the certain date, too
            self._set_system_clock(self._s)
        return utc_ms - old_ms

    def refine(self):
        """Read the RTC if that narrows the interval now, or to check that it still agrees (one bus transfer); returns
        the milliseconds until the next useful call.
        """
        self._advance()
        if not self._rtc_usable:
            if self._doubted:
                self._doubted = not self._set_rtc(BOUND_NONE)
            return _IDLE_MS
        gain_us = self._high_us - self._low_us - 2 * self._rtc_us
        if gain_us <= _FINE_US:
            self._read_rtc()  # it may have jumped
            return _IDLE_MS
        # The best moment is when the middle of the interval is at the edge of one of the RTC's seconds.
        early_ms = (self._lag_ms - self._ms - (self._low_us + self._high_us) // 2000) % 1000
        if min(early_ms, 1000 - early_ms) > max(1, gain_us // 4000):
            return early_ms
        self._read_rtc()
        return 900

    def _start_from_rtc(self):
        try:
            seconds = _rtc_seconds(self._rtc.read())
            note = self._rtc.note()
        except OSError:
            self.rtc_faults += 1
            return
        if seconds is None:
            return
        self.source = SOURCE_RTC
        self._s, self._ms = seconds, 500
        self._leap_s = _next_leap(seconds)
        if note is not None:
            hours, lag_ms, bound = struct.unpack(_NOTE, b"\x00" + note)
            age_h = seconds // 3600 - hours + 1
            set_ms = bound_decode(bound)
            if 0 < age_h < 50000 and lag_ms < 1000 and set_ms is not None and set_ms < 60000:
                self._rtc_us = set_ms * 1000 + age_h * 3600 * RTC_DRIFT_PPM
                leap_s = _next_leap(hours * 3600)
                while leap_s <= seconds:
                    self._rtc_us += _LEAP_US
                    leap_s = _next_leap(leap_s)
                self._lag_ms = lag_ms
                self._s += (self._ms + lag_ms) // 1000
                self._ms = (self._ms + lag_ms) % 1000
                self._low_us = -500000 - self._rtc_us
                self._high_us = 500000 + self._rtc_us
                self._rtc_usable = True
            elif set_ms is not None:  # it is before it was set, or years after
                self._disbelieve()
        self._refresh_bound()
        self._set_system_clock(self._s)

    def _read_rtc(self):
        """Cut the interval with one reading: at some moment of the transfer the true time was in the RTC's second, plus
        or minus its drift.
        """
        before = time.ticks_ms()
        try:
            seconds = _rtc_seconds(self._rtc.read())
        except OSError:  # of the bus: later readings of the RTC are as good as before
            self.rtc_faults += 1
            return
        self._advance()
        if seconds is None or abs(seconds - self._s) > 900:
            self._disbelieve()
            return
        transfer_us = (time.ticks_diff(self._mark, before) + 1) * 1000
        ahead_us = ((seconds - self._s) * 1000 + self._lag_ms - self._ms) * 1000
        low = max(self._low_us, ahead_us - self._rtc_us - 1000)
        high = min(self._high_us, ahead_us + 1000000 + transfer_us + self._rtc_us)
        if low > high:
            self._disbelieve()
            return
        self._low_us, self._high_us = low, high
        self._centre()

    def _disbelieve(self):
        """The RTC contradicts better knowledge."""
        self.rtc_faults += 1
        self._leave_rtc()

    def _leave_rtc(self):
        """Do not use the RTC until the bridge sets it again, even after a restart."""
        self._rtc_usable = False
        self._doubted = not self._set_rtc(BOUND_NONE)

    def _learn(self, true_ms, half_us):
        """Measure the true time per tick since an earlier answer of the bridge."""
        anchor = self._anchor
        if anchor is not None:
            passed_ms = (self._uptime_ms - anchor[1]) % _UPTIME_WRAP
            is_long = self._uptime_s - anchor[2] > _LEARN_MOST_S
            if passed_ms >= _LEARN_MS and not is_long:
                apart_us = (true_ms - anchor[0] - passed_ms) * 1000
                unsure_us = anchor[3] + half_us
                seconds = passed_ms // 1000
                low = max(self._low_ppm, (apart_us - unsure_us) // seconds - TEMPERATURE_PPM)
                high = min(self._high_ppm, (apart_us + unsure_us) // seconds + 1 + TEMPERATURE_PPM)
                if low > high:  # the bridge's time made a step, or the crystal is not of a known kind
                    low, high = -TICKS_DRIFT_PPM, TICKS_DRIFT_PPM
                    is_long = True
                self._low_ppm, self._high_ppm = low, high
            if not is_long and half_us * 2 > anchor[3]:
                return
        self._anchor = (true_ms, self._uptime_ms, self._uptime_s, half_us)

    def _centre(self):
        """Move the running clock to the middle of its interval."""
        shift_ms = (self._low_us + self._high_us) // 2000
        if shift_ms:
            total = self._ms + shift_ms
            if not 0 <= total < 1000:
                self._s += total // 1000
            self._ms = total % 1000
            self._low_us -= shift_ms * 1000
            self._high_us -= shift_ms * 1000
        self._refresh_bound()

    def _set_rtc(self, bound):
        """Set the RTC to the running clock's time, with that bound in its note; returns whether that worked."""
        note = struct.pack(_NOTE, self._s // 3600, self._ms, bound)[1:]
        try:
            self._rtc.set(*(_date(self._s) + (note,)))
        except OSError:
            return False
        return True

    def _write_rtc(self):
        if not self._set_rtc(self._bound):
            self.rtc_faults += 1
            self._rtc_usable = False
            self._doubted = True
        else:
            self._lag_ms = self._ms
            self._rtc_us = max(-self._low_us, self._high_us) + 2000
            self._rtc_usable = True
        self._set_system_clock(self._s)

    def _set_system_clock(self, utc_s):
        self._set_system_time(_date(utc_s))

    def _advance(self):
        """Advance the running clock by the ticks; at least once in the six days that a difference of ticks can
        represent.
        """
        now = time.ticks_ms()
        passed = time.ticks_diff(now, self._mark)
        self._mark = now
        self._uptime_ms += passed
        if self._uptime_ms >= _UPTIME_WRAP:
            self._uptime_ms -= _UPTIME_WRAP
        passed += self._ms
        if passed < 1000:
            self._ms = passed
            return
        whole = passed // 1000
        self._s += whole
        self._ms = passed - whole * 1000
        self._uptime_s += whole
        if self._s >= self._leap_s:
            self._pass_leap()
        if self._high_us < _WIDEST_US:
            self._low_us += whole * self._low_ppm
            self._high_us += whole * self._high_ppm
            self._rtc_us = min(_WIDEST_US, self._rtc_us + whole * RTC_DRIFT_PPM)
            if abs(self._low_us + self._high_us) > _OFF_CENTRE_US:
                self._centre()
            else:
                self._refresh_bound()

    def _pass_leap(self):
        """A leap second may have come since: true time may be a second less or more now, on the RTC's side too."""
        self._leap_s = _next_leap(self._s)
        self._anchor = None  # across it nothing is learned
        if self._high_us < _WIDEST_US:
            self._low_us -= _LEAP_US
            self._high_us += _LEAP_US
            self._rtc_us = min(_WIDEST_US, self._rtc_us + _LEAP_US)

    def _refresh_bound(self):
        widest = max(-self._low_us, self._high_us)
        if widest < _WIDEST_US:
            self._bound = bound_encode(widest // 1000 + 1)
        else:
            self._low_us, self._high_us = -_WIDEST_US, _WIDEST_US
            self._rtc_usable = False  # it would narrow an uncertain interval
            self._bound = BOUND_NONE


def _rtc_seconds(date):
    """Unix seconds of an RTC's calendar date; None if it has none, or one older than this product."""
    if date is None:
        return None
    seconds = localtime.unix_from_civil(*date)
    return seconds if seconds >= _EARLIEST_S else None


def _next_leap(utc_s):
    """The next moment after one, Unix seconds, at which a leap second may come: the end of June or of December, UTC."""
    year, month, _ = localtime.civil_from_days(utc_s // localtime.DAY_S)
    return localtime.unix_from_civil(year + month // 7, 1 if month > 6 else 7, 1, 0, 0, 0)


def _date(utc_s):
    """(year, month, day, hour, minute, second) in UTC."""
    rest = utc_s % localtime.DAY_S
    return localtime.civil_from_days(utc_s // localtime.DAY_S) + (rest // 3600, rest // 60 % 60, rest % 60)
