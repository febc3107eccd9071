"""The right result for every person-day when taps are forgotten, shifts pass midnight and gates have only their own
taps.

`forgotten_taps.csv` has a punch a row: the gate, its local time, the key that was pressed, what is expected. Where no
key was pressed, the way is that of the clock's own rule (`clock_ways`), as the firmware has it.
"""

from __future__ import annotations

import csv
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from tests.host.bridge.presences.clock_ways import ClockWays
from tests.host.bridge.world import ANNA_UID, BOTH, BRAM_UID, KBO, SITE, WORKPLACE, Clock, World, token_of

from badgeclock.bridge.people import badges, employers, engagements
from badgeclock.bridge.people.engagements import Engaged
from badgeclock.bridge.presences.regimes import Regime
from badgeclock.bridge.registrar import corrections, review_queue
from badgeclock.bridge.registrar.corrections import CancelCode, Decision
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.audit_log import Operator
from badgeclock.protocol.record import Direction, Origin

DATABASES = BOTH
BRUSSELS = ZoneInfo("Europe/Brussels")
NIGHT = "22:00-06:00"
SUBCONTRACTOR = "0206731645"
SECOND_UID = bytes.fromhex("0a0b0c0d")
CASES = Path(__file__).with_name("forgotten_taps.csv")


class Row(NamedTuple):
    """A punch of the table."""

    case: str
    gate: str
    local_time: str
    key: str
    expect: str

    @property
    def utc_ms(self) -> int:
        return int(datetime.fromisoformat(self.local_time).replace(tzinfo=BRUSSELS).timestamp() * 1000)


def rows() -> list[Row]:
    with CASES.open(encoding="utf-8", newline="") as file:
        return [Row(**row) for row in csv.DictReader(file)]


def cases() -> list[Any]:
    names = dict.fromkeys(row.case for row in rows())
    return [pytest.param([row for row in rows() if row.case == case], id=case) for case in names]


class Gates:
    """The gates of the one site, each with a clock that has only its own punches."""

    def __init__(self, world: World, *, knows_midnight: bool) -> None:
        self.world = world
        self.knows_midnight = knows_midnight
        self.clocks: dict[str, Clock] = {}
        self.ways: dict[str, ClockWays] = {}

    def tap(self, gate: str, utc_ms: int, key: str = "", uid: bytes = ANNA_UID) -> Any:
        """Punch at a gate and deliver it at once; the punch's row."""
        world = self.world
        if gate not in self.clocks:
            first = not self.clocks
            self.clocks[gate] = world.clock if first else world.add_clock(Clock(f"clock-{gate.lower()}"))
            self.ways[gate] = ClockWays(knows_midnight=self.knows_midnight)
            self.clocks[gate].utc_ms = world.now_ms = utc_ms
            world.punches(*self.clocks[gate].start(), clock=self.clocks[gate])
        clock = self.clocks[gate]
        clock.utc_ms = world.now_ms = utc_ms
        direction, origin = self.ways[gate].way(token_of(uid), utc_ms // 1000, key)
        world.punches(clock.punch(uid, direction, origin=origin), clock=clock)
        return world.rows(schema.punches)[-1]


@pytest.mark.parametrize("knows_midnight", [True, False], ids=["this firmware", "an earlier firmware"])
@pytest.mark.parametrize("case", cases())
def test_every_person_day_of_the_table(world: World, case: list[Row], *, knows_midnight: bool) -> None:
    gates = Gates(world, knows_midnight=knows_midnight)
    world.change_site(night_hours=NIGHT if any("night hours" in row.expect for row in case) else "")
    last = None
    for row in case:
        if case[0].case == "employer_changed_at_noon" and last is not None:
            change_employer(world)
        punch = gates.tap(row.gate, row.utc_ms, row.key)
        (presence,) = [one for one in world.rows(schema.presences) if one.id == punch.presence_id]
        if row.expect.startswith("same presence"):
            assert presence.id == last, row
        else:
            assert presence.id != last, row
            assert presence.day == date.fromisoformat(row.expect.split(",")[0].split()[-1]), row
            assert (presence.assumed is not None) == ("assumed, flagged" in row.expect), row
        last = presence.id
    assert "presence_assumed" in world.events() or not any("flagged" in row.expect for row in case)


def deliver_late(world: World, gate: str, *taps: tuple[str, str]) -> list[Any]:
    """Taps (local time, key) of a gate that had no connection, all at once now; their rows."""
    clock = world.add_clock(Clock(f"clock-{gate.lower()}"))
    clock.utc_ms = at(taps[0][0])
    raws = clock.start()
    for local_time, key in taps:
        clock.utc_ms = at(local_time)
        direction = {"in": Direction.IN, "out": Direction.OUT, "break": Direction.BREAK_START}[key]
        raws.append(clock.punch(ANNA_UID, direction, origin=Origin.KEY))
    before = len(world.rows(schema.punches))
    world.punches(*raws, clock=clock)
    return world.rows(schema.punches)[before:]


def test_what_comes_days_late_belongs_to_the_day_that_was_declared_and_opens_none(world: World) -> None:
    gates = Gates(world, knows_midnight=True)
    gates.tap("A", at("2026-01-05 07:00"), "in")
    gates.tap("A", at("2026-01-07 07:00"), "in")
    taps = ("2026-01-05 12:00", "break"), ("2026-01-06 00:30", "out"), ("2026-01-06 07:00", "in")
    late = deliver_late(world, "B", *taps)
    assert [(row.state, row.reason, row.presence_id) for row in late] == [
        ("DECLARED", None, 1),
        ("WAITING", "late", None),  # the shift may be 12 hours long
        ("WAITING", "late", None),
    ]
    assert days(world) == [("01-05", None), ("01-07", None)]


def test_an_end_of_a_shift_that_comes_days_late_belongs_to_it(world: World) -> None:
    gates = Gates(world, knows_midnight=True)
    gates.tap("A", at("2026-01-05 14:00"), "in")
    gates.tap("A", at("2026-01-07 07:00"), "in")
    (late,) = deliver_late(world, "B", ("2026-01-06 00:30", "out"))
    assert (late.state, late.presence_id) == ("DECLARED", 1)


def test_a_late_punch_with_a_badge_that_changed_hands_waits(world: World) -> None:
    gates = Gates(world, knows_midnight=True)
    gates.tap("A", at("2026-01-05 07:00"), "in")
    gates.tap("A", at("2026-01-05 07:10"), "in", BRAM_UID)
    world.now_ms = at("2026-01-06 09:00")
    world.assign(ANNA_UID, "W-002")
    (late,) = deliver_late(world, "B", ("2026-01-05 16:00", "out"))
    assert (late.state, late.reason, late.presence_id) == ("WAITING", "late", None)


def test_gates_of_which_one_comes_hours_later_and_out_of_order_make_one_day(world: World) -> None:
    gates = Gates(world, knows_midnight=True)
    gates.tap("A", at("2026-01-05 12:30"))
    gates.tap("A", at("2026-01-05 17:00"))
    late = deliver_late(world, "B", ("2026-01-05 07:00", "in"), ("2026-01-05 12:00", "out"))
    assert {row.presence_id for row in late} == {1}
    assert days(world) == [("01-05", None)]


@pytest.mark.parametrize("offset_h", [-1, 1])
def test_a_gate_an_hour_off_costs_no_day_and_makes_none(world: World, offset_h: int) -> None:
    """Its bound on the error says nothing, so the day that it names counts, if that is today."""
    gates = Gates(world, knows_midnight=True)
    gates.tap("A", at("2026-01-05 06:55"))
    off = world.add_clock(Clock("clock-off"))
    off.utc_ms = world.now_ms + offset_h * 3_600_000
    world.punches(*off.start(), clock=off)
    for day, hour, direction in (("05", 16, Direction.OUT), ("06", 7, Direction.IN), ("06", 16, Direction.OUT)):
        world.now_ms = at(f"2026-01-{day} {hour:02d}:00")
        off.utc_ms = world.now_ms + offset_h * 3_600_000
        punch = off.punch(ANNA_UID, direction, origin=Origin.LAST_PUNCH)
        world.punches(punch, clock=off)
    gates.tap("A", at("2026-01-07 06:55"))
    assert [day for day, _ in days(world)] == ["01-05", "01-06", "01-07"]


@pytest.mark.parametrize(
    ("began", "ends", "hours", "found"),
    [
        # A day and a night through; the clocks go an hour on, and an hour back.
        ("2026-01-05 08:00", "2026-01-06 08:00", 24, [("01-05", None)]),
        ("2026-01-05 08:00", "2026-01-06 08:01", 24, [("01-05", None), ("01-06", "open_shift")]),
        ("2026-03-28 08:00", "2026-03-29 08:30", 24, [("03-28", None)]),
        ("2026-10-24 08:00", "2026-10-25 07:30", 24, [("10-24", None), ("10-25", "open_shift")]),
        ("2026-03-28 20:00", "2026-03-29 08:30", 12, [("03-28", None)]),
        ("2026-10-24 20:00", "2026-10-25 07:30", 12, [("10-24", None), ("10-25", "open_shift")]),
        # Midnight to the millisecond.
        ("2026-01-05 14:00", "2026-01-06 00:00", 12, [("01-05", None)]),
        ("2026-01-05 00:00", "2026-01-05 12:00", 12, [("01-05", None)]),
    ],
)
def test_a_shift_is_as_long_as_it_really_was(
    world: World, began: str, ends: str, hours: int, found: list[tuple[str, str | None]]
) -> None:
    gates = Gates(world, knows_midnight=True)
    world.change_site(longest_shift_h=hours)
    gates.tap("A", at(began), "in")
    gates.tap("A", at(ends), "out")
    assert days(world) == found


def test_at_midnight_exactly_a_day_begins(world: World) -> None:
    gates = Gates(world, knows_midnight=True)
    gates.tap("A", at("2026-01-06 00:00") - 1, "in")
    gates.tap("A", at("2026-01-06 00:00"), "in", BRAM_UID)
    assert days(world) == [("01-05", None), ("01-06", None)]


def test_of_two_employers_days_a_key_ends_the_one_that_is_open(world: World) -> None:
    """The morning's punches, for another employer, came after the evening's."""
    gates = Gates(world, knows_midnight=True)
    with world.store.write() as connection:
        employers.put(connection, SUBCONTRACTOR, "Onderaannemer")
        for employer in (KBO, SUBCONTRACTOR):
            engaged, operator = Engaged(employer), Operator("tests", "two contracts")
            engagements.engage(connection, "W-001", engaged, operator, world.now_ms)
        for uid, employer in ((ANNA_UID, KBO), (SECOND_UID, SUBCONTRACTOR)):
            badges.assign(
                connection, world.vault, site=SITE, worker="W-001", uid=uid, employer_kbo=employer, now_ms=world.now_ms
            )
    gates.tap("A", at("2026-01-05 14:30"), "in", SECOND_UID)
    clock = world.add_clock(Clock("clock-late"))
    clock.utc_ms = at("2026-01-05 06:00")
    raws = [*clock.start(), clock.punch(ANNA_UID, Direction.IN, origin=Origin.KEY)]
    clock.utc_ms = at("2026-01-05 14:00")
    raws.append(clock.punch(ANNA_UID, Direction.OUT, origin=Origin.KEY))
    world.punches(*raws, clock=clock)
    punch = gates.tap("A", at("2026-01-06 00:30"), "out", SECOND_UID)
    assert (punch.presence_id, days(world)) == (1, [("01-05", None), ("01-05", None)])


def change_employer(world: World) -> None:
    with world.store.write() as connection:
        employers.put(connection, SUBCONTRACTOR, "Onderaannemer")
    world.change_worker("W-001", employer_kbo=SUBCONTRACTOR)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=BRUSSELS).timestamp() * 1000)


def days(world: World) -> list[tuple[str, str | None]]:
    return [(f"{row.day:%m-%d}", row.assumed) for row in world.rows(schema.presences)]


@pytest.mark.parametrize("change", ["workplace", "identity"])
def test_what_a_worker_has_open_is_joined_whatever_the_office_changes(world: World, change: str) -> None:
    gates = Gates(world, knows_midnight=True)
    gates.tap("A", at("2026-01-05 14:00"), "in")
    if change == "workplace":
        world.change_site(workplace="1Y1TEST00009Z")
    else:
        world.change_worker("W-001", niss="00000100463")
    for local_time, key in (("18:00", "break"), ("18:30", "break"), ("19:00", "in")):
        gates.tap("A", at(f"2026-01-05 {local_time}"), key)
    gates.tap("B", at("2026-01-06 00:30"), "out")
    assert days(world) == [("01-05", None)]
    assert world.rows(schema.presences)[0].workplace == WORKPLACE
    assert {row.state for row in world.rows(schema.punches)} == {"DECLARED"}


def test_an_out_by_key_after_more_than_the_longest_shift_opens_a_day_that_is_flagged(world: World) -> None:
    gates = Gates(world, knows_midnight=True)
    world.change_site(longest_shift_h=10)
    gates.tap("A", at("2026-01-05 14:00"), "in")
    gates.tap("A", at("2026-01-06 00:30"), "out")
    assert days(world) == [("01-05", None), ("01-06", "open_shift")]


def test_the_sites_longest_shift_may_be_longer(world: World) -> None:
    gates = Gates(world, knows_midnight=True)
    world.change_site(longest_shift_h=16)
    gates.tap("A", at("2026-01-05 14:00"), "in")
    gates.tap("A", at("2026-01-06 05:30"), "out")
    assert days(world) == [("01-05", None)]


def test_a_first_out_of_the_day_with_nothing_open_is_a_day_that_is_flagged(world: World) -> None:
    gates = Gates(world, knows_midnight=True)
    punch = gates.tap("A", at("2026-01-05 16:00"), "out")
    assert (punch.state, days(world)) == ("DECLARED", [("01-05", "no_in")])


def test_a_day_after_a_day_that_ended_with_out_is_not_flagged(world: World) -> None:
    gates = Gates(world, knows_midnight=True)
    for day in ("05", "06", "07"):
        gates.tap("A", at(f"2026-01-{day} 07:00"))
        gates.tap("A", at(f"2026-01-{day} 16:00"))
    assert days(world) == [("01-05", None), ("01-06", None), ("01-07", None)]


def test_an_in_by_key_later_that_day_makes_what_was_assumed_evident(world: World) -> None:
    gates = Gates(world, knows_midnight=True)
    gates.tap("A", at("2026-01-05 18:00"))
    gates.tap("A", at("2026-01-06 07:30"))
    assert [row.kept_ms for row in world.rows(schema.presences)] == [None, None]
    gates.tap("A", at("2026-01-06 12:30"), "in")
    assert [row.kept_ms for row in world.rows(schema.presences)] == [None, world.now_ms]


@pytest.mark.parametrize(
    ("local_time", "key", "hours", "is_kept"),
    [
        # A shift of at most twelve hours that began before midnight ends by noon, or by one if the clocks went on.
        ("2026-01-06 12:59", "", 12, False),
        ("2026-01-06 13:00", "", 12, True),
        ("2026-01-06 16:00", "out", 12, True),
        ("2026-01-06 16:00", "", 16, False),
        ("2026-01-06 17:00", "", 16, True),
        ("2026-01-06 23:00", "out", 24, False),
    ],
)
def test_a_punch_that_no_shift_of_the_day_before_lasts_until_makes_its_day_evident(
    world: World, local_time: str, key: str, hours: int, *, is_kept: bool
) -> None:
    gates = Gates(world, knows_midnight=True)
    world.change_site(longest_shift_h=hours)
    gates.tap("A", at("2026-01-05 18:00"))
    gates.tap("A", at("2026-01-06 07:30"))
    gates.tap("A", at(local_time), key)
    assert days(world) == [("01-05", None), ("01-06", "open_shift")]
    assert (world.rows(schema.presences)[-1].kept_ms is not None) is is_kept
    with world.store.read() as connection:
        assert (review_queue.listing(connection, 10, world.now_ms) == []) is is_kept


def test_a_first_punch_so_late_in_its_day_is_not_flagged(world: World) -> None:
    gates = Gates(world, knows_midnight=True)
    gates.tap("A", at("2026-01-05 14:00"))
    gates.tap("A", at("2026-01-06 14:00"))
    assert days(world) == [("01-05", None), ("01-06", None)]


def test_an_out_by_key_right_after_the_clock_assumed_ends_the_shift_all_the_same(world: World) -> None:
    gates = Gates(world, knows_midnight=True)
    gates.tap("A", at("2026-01-05 14:00"))
    gates.tap("A", at("2026-01-06 00:30"))
    punch = gates.tap("A", at("2026-01-06 00:30") + 5_000, "out")
    assert (punch.presence_id, days(world)) == (1, [("01-05", None), ("01-06", "open_shift")])


@pytest.mark.parametrize(
    ("local_time", "night", "flag"),
    [("00:38", NIGHT, "no_in"), ("06:05", NIGHT, None), ("03:59", "", "no_in"), ("04:00", "", None)],
)
def test_who_is_there_at_night_and_was_not_the_day_before_may_be_at_the_end_of_an_untapped_shift(
    world: World, local_time: str, night: str, flag: str | None
) -> None:
    world.change_site(night_hours=night)
    Gates(world, knows_midnight=True).tap("A", at(f"2026-01-10 {local_time}"))
    assert days(world) == [("01-10", flag)]


def test_the_morning_of_a_worker_of_nights_lately_is_not_evident(world: World) -> None:
    gates = Gates(world, knows_midnight=True)
    world.change_site(night_hours=NIGHT)
    gates.tap("A", at("2026-01-07 21:50"))
    gates.tap("A", at("2026-01-08 06:05"))
    gates.tap("B", at("2026-01-10 06:05"))
    assert days(world) == [("01-07", None), ("01-10", "no_in")]


def test_a_night_after_a_night_of_which_the_beginning_was_not_tapped_either_is_flagged(world: World) -> None:
    gates = Gates(world, knows_midnight=True)
    world.change_site(night_hours=NIGHT)
    for local_time in ("08 01:07", "08 01:26", "09 01:00", "09 01:26", "09 05:57"):
        gates.tap("A", at(f"2026-01-{local_time}"))
    assert days(world) == [("01-08", "no_in"), ("01-09", "no_in")]


@pytest.mark.parametrize(
    ("by", "flags"),
    [
        ("nothing", ["no_in"] * 5),
        ("a person", ["no_in"] * 5),
        ("a key", ["no_in", None, None, None, None]),
        ("the afternoon", ["no_in"] * 5),
    ],
)
def test_who_begins_early_every_day_is_evident_once_a_key_has_said_so(
    world: World, by: str, flags: list[str | None]
) -> None:
    ends = "14:00" if by == "the afternoon" else "12:00"
    gates = Gates(world, knows_midnight=True)
    world.change_site(night_hours=NIGHT)
    for day in ("05", "06"):
        gates.tap("A", at(f"2026-01-{day} 05:45"), "in" if by == "a key" and day == "06" else "")
        if by == "a person" and day == "06":
            with world.store.write() as connection:
                reference = world.rows(schema.presences)[-1].reference
                corrections.keep(connection, reference, Decision("tests", "begins so early", world.now_ms))
        gates.tap("A", at(f"2026-01-{day} {ends}"))
    for day in ("07", "08", "12"):
        gates.tap("A", at(f"2026-01-{day} 05:45"))
        gates.tap("A", at(f"2026-01-{day} {ends}"))
    assert [flag for _, flag in days(world)] == flags


def test_a_night_after_one_that_is_evident_since_the_evening_is_flagged(world: World) -> None:
    gates = Gates(world, knows_midnight=True)
    world.change_site(night_hours=NIGHT)
    for local_time in ("07 00:51", "07 01:26", "07 22:01", "08 00:56", "08 06:08", "09 01:09", "09 05:58"):
        gates.tap("A", at(f"2026-01-{local_time}"))
    assert days(world) == [("01-07", "no_in"), ("01-09", "no_in")]
    assert [row.kept_ms is not None for row in world.rows(schema.presences)] == [True, False]


def test_an_in_by_key_after_a_forgotten_out_is_evident(world: World) -> None:
    gates = Gates(world, knows_midnight=True)
    gates.tap("A", at("2026-01-05 07:00"), "in")
    gates.tap("A", at("2026-01-06 06:30"), "in")
    assert days(world) == [("01-05", None), ("01-06", None)]


def test_at_a_night_site_gates_that_know_nothing_of_each_other_end_the_shift_all_the_same(world: World) -> None:
    gates = Gates(world, knows_midnight=True)
    world.change_site(night_hours=NIGHT)
    for gate, local_time in (("A", "05 21:50"), ("B", "06 01:00"), ("A", "06 01:30"), ("B", "06 06:05")):
        gates.tap(gate, at(f"2026-01-{local_time}"))
    assert days(world) == [("01-05", None)]
    gates.tap("A", at("2026-01-06 21:50"))
    assert [day for day, _ in days(world)] == ["01-05", "01-06"]


def test_at_a_night_site_a_days_forgotten_out_does_not_eat_the_next_day(world: World) -> None:
    gates = Gates(world, knows_midnight=True)
    world.change_site(night_hours=NIGHT)
    for local_time in ("05 07:00", "05 12:00", "05 18:30", "06 06:15"):
        gates.tap("A", at(f"2026-01-{local_time}"))
    assert days(world) == [("01-05", None), ("01-06", "open_shift")]


def test_a_shift_of_another_site_is_not_ended_here(world: World) -> None:
    other = world.add_site("Quay 8", "1Y1TEST00002Z", Regime.CONSTRUCTION)
    gates = Gates(world, knows_midnight=True)
    gates.tap("A", at("2026-01-05 14:00"), "in")
    other.utc_ms = world.now_ms = at("2026-01-06 00:30")
    world.punches(*other.start(), other.punch(direction=Direction.OUT, origin=Origin.KEY), clock=other)
    assert days(world) == [("01-05", None), ("01-06", "no_in")]


def test_a_day_that_was_cancelled_is_opened_again_by_who_comes_and_not_by_who_goes(world: World) -> None:
    gates = Gates(world, knows_midnight=True)
    gates.tap("A", at("2026-01-05 18:00"))
    gates.tap("A", at("2026-01-06 07:30"))
    with world.store.write() as connection:
        extra = world.rows(schema.presences)[-1].reference
        corrections.cancel(connection, extra, CancelCode.PLANNING, Decision("tests", "nobody came", world.now_ms))
    gates.tap("A", at("2026-01-06 08:00"), "out")
    assert [row.state for row in world.rows(schema.presences)] == ["QUEUED", "CLOSED"]
    gates.tap("A", at("2026-01-06 12:00"), "in")
    assert [row.state for row in world.rows(schema.presences)] == ["QUEUED", "CLOSED", "QUEUED"]


def test_what_is_assumed_is_listed_until_somebody_keeps_it_or_its_day_is_over(world: World) -> None:
    gates = Gates(world, knows_midnight=True)
    gates.tap("A", at("2026-01-05 18:00"))
    gates.tap("A", at("2026-01-06 07:30"))
    reference = world.rows(schema.presences)[-1].reference

    def listed() -> list[tuple[str, str]]:
        with world.store.read() as connection:
            return [(one["item"], one["assumed"]) for one in review_queue.listing(connection, 10, world.now_ms)]

    assert listed() == [(reference, "open_shift")]
    now_ms, world.now_ms = world.now_ms, at("2026-01-07 00:01")
    assert listed() == []
    world.now_ms = now_ms
    with world.store.write() as connection:
        corrections.keep(connection, reference, Decision("tests", "was there", world.now_ms))
    assert listed() == []
    assert world.events()[-1] == "presence_kept"
    assert SITE in world.rows(schema.events)[-2].detail
