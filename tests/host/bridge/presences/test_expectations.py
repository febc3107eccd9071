"""Who is expected without a plan: the rule of the last working days, and that of Dimona; no store."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from badgeclock.bridge.presences.expectations import (
    LOOK_BACK_DAYS,
    Expectation,
    Service,
    Source,
    by_dimona,
    by_habit,
    legal_holidays,
)

MONDAY = date(2026, 3, 2)
DAY = timedelta(days=1)


def weeks(first: date, last: date, *who: str, weekdays: str = "12345") -> dict[date, frozenset[int]]:
    """The days on which worker 1, 2, … was there: `who` has a text of weekdays (1 is Monday) for each."""
    days = {}
    for step in range((last - first).days + 1):
        on = first + DAY * step
        there = {at for at, mine in enumerate(who or (weekdays,), 1) if str(on.isoweekday()) in mine}
        if there:
            days[on] = frozenset(there)
    return days


def expected(days: dict[date, frozenset[int]], day: date) -> set[int]:
    return {one.worker_id for one in by_habit(days, day)}


@pytest.mark.parametrize(
    ("mine", "of_seven"),
    [("12345", "12345"), ("123", "123"), ("1245", "1245"), ("23456", "23456"), ("1234567", "1234567"), ("12", "")],
)
def test_a_worker_is_expected_on_the_weekdays_that_are_theirs(mine: str, of_seven: str) -> None:
    days = weeks(date(2026, 1, 19), MONDAY - DAY, "1234567", mine)
    found = {
        str(on.isoweekday())
        for step in range(7)
        if 2 in expected(days | weeks(MONDAY, MONDAY + DAY * (step - 1), "1234567", mine), on := MONDAY + DAY * step)
    }
    assert found == set(of_seven), "two days of seven are never three of the last five"


def test_three_of_the_last_five_working_days_and_not_two() -> None:
    days = {MONDAY - DAY * back: frozenset({1}) for back in (3, 4, 5, 6, 7)}
    days |= {MONDAY - DAY * back: frozenset({1, 2, 3}) for back in (3, 5)}
    days[MONDAY - DAY * 7] = frozenset({1, 2})
    found = {one.worker_id: one for one in by_habit(days, MONDAY)}
    assert found.keys() == {1, 2}
    assert found[2] == Expectation(2, Source.HABIT, days_there=3, days_seen=5)


def test_a_weekend_is_not_worked_because_somebody_works_from_monday_to_friday() -> None:
    days = weeks(MONDAY - DAY * 28, MONDAY - DAY * 3)
    assert expected(days, MONDAY) == {1}
    assert expected(days, MONDAY - DAY) == expected(days, MONDAY - DAY * 2) == set()


def test_who_is_new_is_expected_from_monday_to_friday_after_three_days() -> None:
    days = weeks(MONDAY - DAY * 28, MONDAY + DAY * 4, "12345", "")
    for step in (0, 1, 2):
        assert 2 not in expected(days, MONDAY + DAY * step)
        days[MONDAY + DAY * step] |= {2}
    assert 2 in expected(days, MONDAY + DAY * 3)
    days[MONDAY + DAY * 3] |= {2}
    days[MONDAY + DAY * 4] |= {2}
    assert 2 not in expected(days, MONDAY + DAY * 5)


def test_after_a_holiday_of_weeks_the_days_before_it_count_and_after_six_weeks_nothing_does() -> None:
    days = weeks(date(2026, 6, 1), date(2026, 7, 10))
    assert expected(days, date(2026, 8, 3)) == {1}
    assert expected(days, date(2026, 7, 10) + DAY * (LOOK_BACK_DAYS + 3)) == set()


def test_nobody_is_expected_by_habit_on_a_legal_holiday_and_the_day_after_is_as_ever() -> None:
    days = weeks(date(2026, 3, 2), date(2026, 4, 3))
    assert expected(days, date(2026, 4, 6)) == set()
    assert expected(days, date(2026, 4, 7)) == {1}
    days |= weeks(date(2026, 4, 7), date(2026, 4, 10))
    assert expected(days, date(2026, 4, 13)) == {1}


def test_the_legal_holidays_are_the_ten_of_the_decree() -> None:
    assert sorted(legal_holidays(2026)) == [
        *(date(2026, 1, 1), date(2026, 4, 6), date(2026, 5, 1), date(2026, 5, 14), date(2026, 5, 25)),
        *(date(2026, 7, 21), date(2026, 8, 15), date(2026, 11, 1), date(2026, 11, 11), date(2026, 12, 25)),
    ]
    # Easter at its earliest and latest of this century, and where simpler rules go wrong.
    for year, month, day in ((2008, 3, 23), (2011, 4, 24), (2038, 4, 25), (2049, 4, 18), (2076, 4, 19)):
        assert date(year, month, day) + DAY in legal_holidays(year)


def test_dimona_names_a_site_only_where_the_works_have_the_employer_at_one() -> None:
    service = Service(7, 1, date(2026, 1, 1), None, None, None)
    assert by_dimona([service], {1: frozenset({"A"})}, MONDAY) == {"A": {7: Expectation(7, Source.DIMONA)}}
    assert by_dimona([service], {1: frozenset({"A", "B"})}, MONDAY) == {}
    assert by_dimona([service], {}, MONDAY) == {}
    assert by_dimona([service], {1: frozenset({"A"})}, MONDAY - DAY) == {}
    assert by_dimona([service], {1: frozenset({"A"})}, date(2026, 4, 6)) == {}
    assert by_dimona([service._replace(to_day=MONDAY - DAY)], {1: frozenset({"A"})}, MONDAY) == {}


def test_a_dimona_of_one_day_counts_on_a_sunday_and_gives_the_earliest_hours() -> None:
    sunday = MONDAY - DAY
    evening = Service(7, 1, sunday, sunday, 1080, 1320)
    morning = evening._replace(from_min=480, to_min=720)
    found = by_dimona([evening, morning], {1: frozenset({"A"})}, sunday)
    assert found == {"A": {7: Expectation(7, Source.DIMONA, 480, 720)}}
    assert by_dimona([evening, morning], {1: frozenset({"A"})}, MONDAY) == {}
