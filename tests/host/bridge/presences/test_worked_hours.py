"""Hours from punches: worked time, breaks, and unknown time."""

from __future__ import annotations

import pytest

from badgeclock.bridge.presences.shifts import Passage
from badgeclock.bridge.presences.worked_hours import Hours, of_punches
from badgeclock.protocol.record import Direction

IN, OUT, NONE = Direction.IN, Direction.OUT, Direction.NONE
BREAK, BACK = Direction.BREAK_START, Direction.BREAK_END
HOUR_MS = 3_600_000

SHIFTS = {
    "in and out": ([(7, IN), (15, OUT)], (7, 15, 480, 0, True)),
    "with a break": ([(7, IN), (11, BREAK), (12, BACK), (16, OUT)], (7, 16, 480, 60, True)),
    "gone during the break": ([(7, IN), (11, BREAK), (12, OUT)], (7, 12, 240, 0, True)),
    "out and in again": ([(7, IN), (11, OUT), (13, IN), (16, OUT)], (7, 16, 420, 0, True)),
    "no out": ([(7, IN), (11, BREAK), (12, BACK)], (7, None, 240, 60, False)),
    "no in": ([(15, OUT)], (None, 15, 0, 0, False)),
    "no end of the break": ([(7, IN), (11, BREAK), (16, OUT)], (7, 16, 240, 0, True)),
    "in twice": ([(7, IN), (8, IN), (15, OUT)], (7, 15, 480, 0, True)),
    "out twice": ([(7, IN), (15, OUT), (16, OUT)], (7, 16, 480, 0, False)),
    "no direction": ([(7, NONE), (15, NONE)], (7, None, 0, 0, False)),
    "a minute is a whole one": ([(7, IN), (7.5, OUT)], (7, 7.5, 30, 0, True)),
    "no punch": ([], (None, None, 0, 0, False)),
}


@pytest.mark.parametrize("shift", SHIFTS)
def test_what_a_shift_comes_to(shift: str) -> None:
    punches, (first, last, worked, breaks, is_complete) = SHIFTS[shift]
    passages = [Passage(int(hour * HOUR_MS), direction) for hour, direction in punches]
    first_ms, last_ms = (None if hour is None else int(hour * HOUR_MS) for hour in (first, last))
    assert of_punches(passages) == Hours(first_ms, last_ms, worked, breaks, is_complete)
