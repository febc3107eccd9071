"""Belgian time without a zone, in both nights in which the clocks are changed, and at any other moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from badgeclock.authorities import belgian_time
from badgeclock.authorities.base import BELGIUM

SPRING, AUTUMN = datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("wall", "earliest", "latest"),
    [
        ("2026-03-29 01:59:59", "00:59:59", "00:59:59"),
        ("2026-03-29 02:00:00", "01:00:00", "01:00:00"),
        ("2026-03-29 02:30:00", "01:00:00", "01:30:00"),
        ("2026-03-29 02:59:59", "01:00:00", "01:59:59"),
        ("2026-03-29 03:00:00", "01:00:00", "01:00:00"),
        ("2026-10-25 01:59:59", "23:59:59", "23:59:59"),
        ("2026-10-25 02:00:00", "00:00:00", "01:00:00"),
        ("2026-10-25 02:05:00", "00:05:00", "01:05:00"),
        ("2026-10-25 02:59:59", "00:59:59", "01:59:59"),
        ("2026-10-25 03:00:00", "02:00:00", "02:00:00"),
        ("2026-07-01 12:00:00", "10:00:00", "10:00:00"),
        ("2026-01-05 12:00:00", "11:00:00", "11:00:00"),
    ],
)
def test_a_time_without_a_zone_is_read_as_wide_as_it_can_be_meant(wall: str, earliest: str, latest: str) -> None:
    meant = datetime.fromisoformat(wall)
    assert f"{belgian_time.earliest(meant):%H:%M:%S}" == earliest
    assert f"{belgian_time.latest(meant):%H:%M:%S}" == latest


@pytest.mark.parametrize(
    ("moment", "from_bound", "to_bound"),
    [
        ("2026-10-24T23:55:00", "2026-10-25T01:55:00.000", "2026-10-25T01:55:00.000"),
        ("2026-10-25T00:00:00", "2026-10-25T01:59:59.999", "2026-10-25T03:00:00.000"),
        ("2026-10-25T00:55:00", "2026-10-25T01:59:59.999", "2026-10-25T03:00:00.000"),  # the first 02:55
        ("2026-10-25T01:05:00", "2026-10-25T01:59:59.999", "2026-10-25T03:00:00.000"),  # the second 02:05
        ("2026-10-25T02:05:00", "2026-10-25T03:05:00.000", "2026-10-25T03:05:00.000"),
        ("2026-03-29T00:55:00", "2026-03-29T01:55:00.000", "2026-03-29T01:55:00.000"),
        ("2026-03-29T01:05:00", "2026-03-29T03:05:00.000", "2026-03-29T03:05:00.000"),
    ],
)
def test_a_bound_is_before_or_after_the_hour_that_comes_twice(moment: str, from_bound: str, to_bound: str) -> None:
    at = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    assert belgian_time.from_bound(at) == from_bound
    assert belgian_time.to_bound(at) == to_bound


def shown(moment: datetime) -> str:
    """What a clock on a wall in Belgium shows, as the service writes it."""
    return moment.astimezone(BELGIUM).replace(tzinfo=None).isoformat(timespec="milliseconds")


MOMENTS = st.builds(
    lambda at, ms: at + timedelta(milliseconds=ms),
    st.sampled_from([SPRING, AUTUMN]),
    st.integers(-7_200_000, 7_200_000),
) | st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - given in UTC


@given(asked=MOMENTS, later_ms=st.integers(0, 10_800_000))
@example(asked=AUTUMN - timedelta(minutes=5), later_ms=600_000)
def test_whoever_compares_texts_or_takes_them_for_either_hour_finds_what_was_created_since(
    asked: datetime, later_ms: int
) -> None:
    created = asked + timedelta(milliseconds=later_ms)
    first, last = belgian_time.from_bound(asked), belgian_time.to_bound(created)
    assert first <= shown(created)
    assert shown(asked) <= last
    for fold in (0, 1):
        read = [datetime.fromisoformat(text).replace(tzinfo=BELGIUM, fold=fold) for text in (first, last)]
        assert read[0].astimezone(UTC) <= asked
        assert read[1].astimezone(UTC) >= created


@given(moment=MOMENTS)
def test_what_a_clock_shows_is_read_as_its_moment_or_the_one_an_hour_apart(moment: datetime) -> None:
    moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    wall = datetime.fromisoformat(shown(moment))
    assert moment in (belgian_time.earliest(wall), belgian_time.latest(wall))
    assert belgian_time.read(shown(moment)) == belgian_time.earliest(wall)
    assert belgian_time.read(moment.isoformat()) == moment
