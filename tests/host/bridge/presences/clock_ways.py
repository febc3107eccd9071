"""The way that a clock gives a punch, like firmware/app/punch.py, for simulations of many days.

`tests/conformance/test_clock_ways.py` holds it to the firmware itself.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from badgeclock.protocol.record import Direction, Origin

REST_S = 11 * 3600
_NEXT = {
    Direction.NONE: Direction.IN,
    Direction.IN: Direction.OUT,
    Direction.OUT: Direction.IN,
    Direction.BREAK_START: Direction.BREAK_END,
    Direction.BREAK_END: Direction.OUT,
}
_KEYS = {"in": Direction.IN, "out": Direction.OUT, "break": Direction.BREAK_START}


class ClockWays:
    """One clock that remembers every badge, without a fixed direction; `hours` is its `direction_hours`."""

    def __init__(self, hours: int = 14, zone: str = "Europe/Brussels", *, knows_midnight: bool = True) -> None:
        self._horizon_s = hours * 3600
        self._zone = ZoneInfo(zone)
        self._knows_midnight = knows_midnight
        self._last: dict[bytes, tuple[int, Direction]] = {}

    def way(self, token: bytes, utc_s: int, key: str = "") -> tuple[Direction, Origin]:
        """The direction of a punch, and where it comes from; the punch is remembered. `key` is in, out, break or
        empty.
        """
        last = self._last.get(token)
        is_fresh = last is not None and 0 <= utc_s - last[0] < self._horizon_s
        if key:
            direction, origin = _KEYS[key], Origin.KEY
            if key == "break" and is_fresh and last is not None and last[1] is Direction.BREAK_START:
                direction = Direction.BREAK_END
        elif last is None:
            direction, origin = Direction.IN, Origin.LAST_PUNCH
        elif is_fresh and not (self._knows_midnight and self._day(last[0]) != self._day(utc_s)):
            direction, origin = _NEXT[last[1]], Origin.LAST_PUNCH
        elif is_fresh and utc_s - last[0] < REST_S:
            direction, origin = _NEXT[last[1]], Origin.ASSUMED
        else:
            direction, origin = Direction.IN, Origin.ASSUMED
        self._last[token] = (utc_s, direction)
        return direction, origin

    def _day(self, utc_s: int) -> date:
        return datetime.fromtimestamp(utc_s, UTC).astimezone(self._zone).date()
