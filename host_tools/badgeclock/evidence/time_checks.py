"""Checks that genuine records agree about time, and contain nothing outside the format.

The seal proves that a clock wrote a record, not that its time was right. It is checked only against its own claims:

* Within one start, UTC and uptime advance together, except for the error bounds that both records state, a step of up
  to two seconds that needs no TIME_SET (docs/protocol.md §2), and a crystal's drift.
* A TIME_SET record may change UTC to anything, but the time before, which it carries, must follow from the
  record before.
* A start may begin with any time if it states no bound on its error. If it states one, UTC may not lie before the
  record before it by more than both bounds: the true time cannot have gone back.
* A record that came to the bridge before the moment that it claims, bound included, claims the future. Late is normal.
* What a start states by its RTC, before the bridge sets it, must not be wrong by more than the bounds. The bridge's
  TIME_SET shows whether it was: an RTC can jump while the clock is off, and nothing contradicts it until then.
* Without a time or without a bound, UTC is not a claim; uptime may then not go back by less than twelve days (more is
  like a long silence, since it is counted modulo 2**32).

An EPOCH record or a BOOT that had to be written between the setting of the clock and its TIME_SET carries the new time
already; it is judged together with the TIME_SET.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator
from typing import Final

from badgeclock.evidence.findings import Reason
from badgeclock.protocol import record as records
from badgeclock.protocol.record import RECORD_BYTES, Kind, Source

STEP_MS: Final = 2000
"""The largest step of the clock without a TIME_SET record."""
DRIFT_PER: Final = 10_000
"""The allowed drift of a clock's crystal: one millisecond in this many of uptime, 100 ppm."""
SLACK_MS: Final = 5
"""Rounding of two records, and the milliseconds between taking the time and the uptime of a stamp."""
ARRIVAL_SLACK_MS: Final = 2000
"""How far the bridge's own clock may be behind."""
DAY_S: Final = 86_400

_WRAP: Final = 1 << 32
_BACK: Final = _WRAP - (1 << 30)
_FIELDS: Final = struct.Struct(">xBHI4xIHBBI8s8x8s16x")
_TIMES: Final = struct.Struct(">12xIHxB44x")
_BOUND_MS: Final = tuple(records.bound_decode(encoded) for encoded in range(256))
_BOOT: Final = int(Kind.BOOT)
_TIME_SET: Final = int(Kind.TIME_SET)
_EPOCH: Final = int(Kind.EPOCH)
_NO_TIME: Final = int(Source.NONE)
_BY_RTC: Final = int(Source.RTC)
_ABOUT_SETTING: Final = (_BOOT, _TIME_SET)

_Moment = tuple[int, int | None, int, int]
"""When a record was made, by its own claims: UTC in ms, its bound (None: the UTC is no claim), uptime in ms, source.

A plain tuple: one is made for each of a million records.
"""


class TimeChecks:
    """Checks records, in order, against those before them. For records with a valid seal."""

    def __init__(self) -> None:
        self.steps: list[tuple[int, int]] = []
        """(seq, step in ms) of each TIME_SET that changed a time that was known."""
        self.corrected: list[tuple[int, int, int]] = []
        """(first, last, error in ms) of numbers whose time by the RTC was wrong by more than they state."""
        self._claim: tuple[int, int] | None = None  # the last UTC that was a claim, and its bound
        self.lose()

    def lose(self) -> None:
        """Restart: the next record does not follow the ones given so far."""
        self._before: _Moment | None = None  # of the record before, in the same start
        self._waiting: tuple[int, Reason, _Moment, _Moment] | None = None
        self._day: int | None = None  # on which the running epoch began
        self._closed: tuple[int, int] | None = None  # the last record, if it was an EPOCH: its number and day
        self._by_rtc: tuple[int, int, int] | None = None  # first and last number by this start's RTC, widest bound
        self._moved_ms = 0  # by TIME_SET records since

    @property
    def epoch_day(self) -> int | None:
        """The day on which the running epoch began; None if its first record was not given."""
        if self._closed is not None:
            return self._closed[1]
        return self._day

    def check(self, raws: memoryview) -> Iterator[tuple[int, Reason]]:
        """Judge consecutive records; returns (seq, reason) of each that disagrees."""
        for kind, flags, seq, utc_s, ms, source, bound, uptime_ms, token, detail in _FIELDS.iter_unpack(raws):
            if not records.is_canonical(kind, flags, utc_s, ms, source, bound, token, detail):
                yield seq, Reason.UNUSED_BYTES
            now = (utc_s * 1000 + ms, _BOUND_MS[bound] if source else None, uptime_ms, source)
            before = self._before
            if source == _BY_RTC or kind in _ABOUT_SETTING:
                self._follow_rtc(kind, seq, now, detail)
            if kind == _BOOT:
                yield from self._settle()
                if self._goes_back(now):
                    yield seq, Reason.TIME
            elif kind == _TIME_SET:
                yield from self._check_time_set(seq, now, detail)
            elif before is not None:
                if self._waiting is not None:
                    yield from self._settle()
                reason = _disagreement(before, now)
                if reason is not None and kind == _EPOCH:
                    self._waiting = (seq, reason, before, now)
                elif reason is not None:
                    yield seq, reason
            if kind == _EPOCH or self._closed is not None or not seq:
                yield from self._check_day(kind, seq, utc_s, detail)
            self._before = now
            if now[1] is not None:
                self._claim = (now[0], now[1])

    def end(self) -> Iterator[tuple[int, Reason]]:
        """Findings that are open when there is no further record."""
        yield from self._settle()

    def _settle(self) -> Iterator[tuple[int, Reason]]:
        """An EPOCH record's time that no TIME_SET after it explained."""
        if self._waiting is not None:
            yield self._waiting[0], self._waiting[1]
            self._waiting = None

    def _follow_rtc(self, kind: int, seq: int, now: _Moment, detail: bytes) -> None:
        """Record a start's claim by its RTC, and whether the bridge's time confirms it."""
        now_ms, now_bound_ms, _, source = now
        if kind == _BOOT:
            self._by_rtc, self._moved_ms = None, 0
        if kind != _TIME_SET:
            if source == _BY_RTC and now_bound_ms is not None:
                first, _, widest_ms = self._by_rtc or (seq, seq, 0)
                self._by_rtc = first, seq, max(widest_ms, now_bound_ms)
            return
        old_ms, _ = records.time_before(detail)
        self._moved_ms += now_ms - old_ms
        if self._by_rtc is None or now_bound_ms is None:
            return
        first, last, widest_ms = self._by_rtc
        self._by_rtc = None
        if abs(self._moved_ms) > widest_ms + now_bound_ms + STEP_MS + SLACK_MS + now[2] // DRIFT_PER:
            self.corrected.append((first, last, -self._moved_ms))

    def _goes_back(self, now: _Moment) -> bool:
        """Whether a start's first record claims a time that cannot come after the last one claimed."""
        now_ms, now_bound_ms, _, _ = now
        if self._claim is None or now_bound_ms is None:
            return False
        utc_ms, bound_ms = self._claim
        return now_ms + now_bound_ms + STEP_MS < utc_ms - bound_ms

    def _check_time_set(self, seq: int, now: _Moment, detail: bytes) -> Iterator[tuple[int, Reason]]:
        old_ms, old_source = records.time_before(detail)
        before = self._before
        if self._waiting is not None and self._waiting[3] == now:
            before = self._waiting[2]  # the records between were made with the new time
            self._waiting = None
        yield from self._settle()
        if old_source != _NO_TIME:
            self.steps.append((seq, now[0] - old_ms))
        if before is None or before[:3] == now[:3]:
            return
        if (old_source == _NO_TIME) != (before[3] == _NO_TIME):
            yield seq, Reason.TIME_SET
            return
        old = (old_ms, before[1], now[2], old_source)
        if _disagreement(before, old) is not None:
            yield seq, Reason.TIME_SET

    def _check_day(self, kind: int, seq: int, utc_s: int, detail: bytes) -> Iterator[tuple[int, Reason]]:
        """The day that an EPOCH record names is that of the epoch's first record.

        If the first number was burnt, it is the day of the EPOCH record before: the clock had no other.
        """
        if seq == 0:
            self._day = utc_s // DAY_S
        elif self._closed is not None:
            closed_at, closed_day = self._closed
            self._day = utc_s // DAY_S if seq == closed_at + 1 else closed_day
        self._closed = None
        if kind == _EPOCH:
            if self._day is not None and int.from_bytes(detail[4:], "big") != self._day:
                yield seq, Reason.EPOCH_DAY
            self._closed = (seq, utc_s // DAY_S)
            self._day = None


def _disagreement(before: _Moment, now: _Moment) -> Reason | None:
    """Why two moments of one start, in this order, cannot both be right; None if they can."""
    before_ms, before_bound_ms, before_uptime_ms, before_source = before
    now_ms, now_bound_ms, now_uptime_ms, now_source = now
    passed_ms = (now_uptime_ms - before_uptime_ms) % _WRAP
    if before_source == _NO_TIME and now_source != _NO_TIME:
        return Reason.TIME
    if before_bound_ms is None or now_bound_ms is None:
        return Reason.UPTIME if passed_ms >= _BACK else None
    by_utc_ms = now_ms - before_ms
    allowed_ms = before_bound_ms + now_bound_ms + STEP_MS + SLACK_MS
    if by_utc_ms > 0:
        allowed_ms += by_utc_ms // DRIFT_PER
    if passed_ms >= _BACK and by_utc_ms < passed_ms - allowed_ms:
        return Reason.UPTIME
    apart_ms = (by_utc_ms - passed_ms + (_WRAP >> 1)) % _WRAP - (_WRAP >> 1)
    if by_utc_ms < -allowed_ms or not -allowed_ms <= apart_ms <= allowed_ms:
        return Reason.TIME
    return None


def early_arrivals(raws: memoryview, first_seq: int, received_ms: array[int]) -> Iterator[int]:
    """Numbers of records that claim, bound included, a moment after the bridge had them; ms since 1970-01-01 UTC."""
    for index, (utc_s, ms, bound) in enumerate(_TIMES.iter_unpack(raws)):
        bound_ms = _BOUND_MS[bound]
        # A clock without a time says 1970, which is never too early.
        if bound_ms is not None and utc_s * 1000 + ms - bound_ms > received_ms[index] + ARRIVAL_SLACK_MS:
            yield first_seq + index


def moment_of(raw: bytes) -> tuple[int, int, int]:
    """Kind, UTC in ms and source of one record, for people."""
    _, kind, utc_s, ms, source, _ = struct.unpack_from(">BB10xIHBB", raw)
    return kind, utc_s * 1000 + ms, source


assert _FIELDS.size == _TIMES.size == RECORD_BYTES
