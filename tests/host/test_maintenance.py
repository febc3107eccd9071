"""The calendar of an authority's maintenance."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from badgeclock.authorities.base import BELGIUM
from badgeclock.authorities.maintenance import Calendar


def belgian(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BELGIUM).astimezone(UTC)


@pytest.mark.parametrize(
    ("line", "now", "until"),
    [
        ("sun 02:00-06:00", "2026-01-04 01:59:59", None),
        ("sun 02:00-06:00", "2026-01-04 02:00", "2026-01-04 06:00"),
        ("sun 02:00-06:00", "2026-01-04 05:59:59", "2026-01-04 06:00"),
        ("sun 02:00-06:00", "2026-01-04 06:00", None),
        ("sun 02:00-06:00", "2026-01-05 03:00", None),
        # Across midnight, and a whole day.
        ("daily 23:30-00:30", "2026-01-05 23:45", "2026-01-06 00:30"),
        ("daily 23:30-00:30", "2026-01-06 00:15", "2026-01-06 00:30"),
        ("SUN  22:00-22:00", "2026-01-05 21:00", "2026-01-05 22:00"),
        ("2026-12-24 18:00 to 2026-12-25 06:00", "2026-12-24 18:00", "2026-12-25 06:00"),
        ("2026-12-24 18:00 to 2026-12-25 06:00", "2026-12-25 06:00", None),
        # The nights in which the clocks change: the window is four hours on the wall, three or five in truth.
        ("sun 01:00-05:00", "2026-03-29 03:30", "2026-03-29 05:00"),
        ("sun 01:00-05:00", "2026-10-25 04:59", "2026-10-25 05:00"),
    ],
)
def test_when_maintenance_ends(line: str, now: str, until: str | None) -> None:
    found = Calendar.parse([line]).away_until(belgian(now))
    assert found == (None if until is None else belgian(until))


def test_windows_that_follow_one_another_are_one() -> None:
    calendar = Calendar.parse(["mon 01:00-02:00", "daily 02:00-03:00", "2026-01-05 03:00 to 2026-01-05 04:30"])
    assert calendar.away_until(belgian("2026-01-05 01:10")) == belgian("2026-01-05 04:30")


def test_an_endless_calendar_still_has_an_answer() -> None:
    until = Calendar.parse(["daily 00:00-12:00", "daily 12:00-00:00"]).away_until(belgian("2026-01-05 01:10"))
    assert until is not None
    assert until > belgian("2026-01-05 01:10")


@pytest.mark.parametrize(
    "line", ["", "sun", "son 02:00-06:00", "sun 25:00-26:00", "2026-12-25 06:00 to 2026-12-24 18:00", "sun 2:00-6:00"]
)
def test_a_line_that_is_no_maintenance_is_named(line: str) -> None:
    with pytest.raises(ValueError, match="no maintenance"):
        Calendar.parse([line])


@given(
    line=st.text(max_size=40) | st.from_regex(r"(sun|daily) [0-9:]{1,6}-[0-9:]{1,6}|[0-9 :-]{5,18} to [0-9 :-]{5,18}")
)
def test_any_text_is_a_calendar_or_a_value_error(line: str) -> None:
    try:
        calendar = Calendar.parse([line])
    except ValueError:
        return
    until = calendar.away_until(belgian("2026-01-05 01:10"))
    assert until is None or until > belgian("2026-01-05 01:10")


@given(
    start=st.integers(0, 1439),
    end=st.integers(0, 1439),
    day=st.sampled_from(["daily", "sun"]),
    at=st.integers(0, 2 * 366 * 1440),
)
def test_after_the_end_that_is_told_maintenance_is_over(start: int, end: int, day: str, at: int) -> None:
    line = f"{day} {start // 60:02d}:{start % 60:02d}-{end // 60:02d}:{end % 60:02d}"
    calendar = Calendar.parse([line])
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=at)
    until = calendar.away_until(now)
    if until is not None:
        assert now < until <= now + timedelta(hours=25 * 4)
        if (day, start) != ("daily", end):
            assert calendar.away_until(until) is None
