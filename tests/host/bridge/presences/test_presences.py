"""The bridge's declarations, items for a person, and receipts to the clock."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from tests.host.bridge.world import (
    ANNA_UID,
    BOTH,
    BRAM_UID,
    DAY_MS,
    LUZ_UID,
    NOON_MS,
    SITE,
    STRANGER_UID,
    Clock,
    World,
)

from badgeclock.bridge.presences.employment import Holder
from badgeclock.bridge.presences.punch_fate import Fate, Punch, fate_of
from badgeclock.bridge.presences.regimes import Declared, Place, Regime, Wanted, local_day
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.states import ClockState, PunchState, Reason
from badgeclock.protocol.record import Direction, Origin, bound_encode

DATABASES = BOTH
HOUR_MS = 3_600_000
BRUSSELS = "Europe/Brussels"


def moment(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def punch(**fields: object) -> Punch:
    made = {
        "clock_id": 1,
        "clock_state": ClockState.ACTIVE,
        "seq": 2,
        "place": Place(1, "1Y1TEST00001Z", BRUSSELS, Regime.CONSTRUCTION),
        "token": b"anybadge",
        "direction": Direction.IN,
        "is_sure": True,
        "utc_ms": NOON_MS,
        "bound": bound_encode(1000),
        "sealed": True,
        "duplicate": False,
        "received_ms": NOON_MS,
    }
    return Punch(**{**made, **fields})  # type: ignore[arg-type]


def declared(day: date, earlier: date | None = None) -> Fate:
    return Fate(PunchState.DECLARED, wanted=Wanted(Declared.DAY, day, earlier))


def at(utc: str, bound_ms: int | None = 1000, regime: Regime = Regime.CONSTRUCTION) -> Punch:
    place = Place(1, "1Y1TEST00001Z", BRUSSELS, regime)
    return punch(utc_ms=moment(utc), bound=bound_encode(bound_ms), place=place)


ANNA = Holder(1, "0438195916")
SUN, MON, TUE = date(2026, 1, 4), date(2026, 1, 5), date(2026, 1, 6)
FUTURE = Fate(PunchState.WAITING, Reason.FUTURE)
LATE = Fate(PunchState.WAITING, Reason.LATE)


@pytest.mark.parametrize(
    ("made", "holder", "now_ms", "fate"),
    [
        (punch(), ANNA, NOON_MS, declared(MON)),
        (punch(is_sure=False), ANNA, NOON_MS, declared(MON, SUN)),
        (punch(direction=Direction.NONE), ANNA, NOON_MS, declared(MON)),
        (punch(direction=Direction.OUT), ANNA, NOON_MS, declared(MON, SUN)),
        (punch(direction=Direction.BREAK_END), ANNA, NOON_MS, declared(MON, SUN)),
        (punch(), None, NOON_MS, Fate(PunchState.UNASSIGNED)),
        (punch(duplicate=True), ANNA, NOON_MS, Fate(PunchState.DUPLICATE)),
        (punch(sealed=False), ANNA, NOON_MS, Fate(PunchState.INVALID)),
        (punch(sealed=False, duplicate=True), None, NOON_MS, Fate(PunchState.INVALID)),
        (punch(clock_state=ClockState.QUARANTINED), ANNA, NOON_MS, Fate(PunchState.WAITING, Reason.QUARANTINE)),
        (punch(utc_ms=0), ANNA, NOON_MS, Fate(PunchState.WAITING, Reason.NO_TIME)),
        (punch(), ANNA, NOON_MS + DAY_MS, LATE),
        (at("2026-01-05T11:00", regime=Regime.CLEANING), ANNA, NOON_MS + DAY_MS, LATE),
        (punch(utc_ms=NOON_MS + DAY_MS), ANNA, NOON_MS, Fate(PunchState.WAITING, Reason.FUTURE)),
        # A clock two minutes ahead at midnight is believed; one six minutes ahead is not, unless its bound says so.
        (at("2026-01-05T23:01"), ANNA, moment("2026-01-05T22:59"), declared(TUE)),
        (at("2026-01-05T23:04"), ANNA, moment("2026-01-05T22:58"), FUTURE),
        (at("2026-01-05T23:04", 300_000), ANNA, moment("2026-01-05T22:58"), declared(MON)),
        (at("2026-01-05T23:30"), ANNA, moment("2026-01-05T22:30"), FUTURE),
        # Tomorrow at 23:00, received at 23:56.
        (at("2026-01-06T22:00"), ANNA, moment("2026-01-05T22:56"), FUTURE),
        (at("2026-01-06T22:00", None), ANNA, moment("2026-01-05T22:56"), FUTURE),
        # Received on the day that the clock names: that day, whatever the hour. Of a movement the moment counts.
        (at("2026-01-05T15:00"), ANNA, moment("2026-01-05T11:00"), declared(MON)),
        (at("2026-01-05T15:00", regime=Regime.CLEANING), ANNA, moment("2026-01-05T11:00"), FUTURE),
    ],
)
def test_the_fate_of_a_punch(made: Punch, holder: Holder | None, now_ms: int, fate: Fate) -> None:
    assert fate_of(made, holder, now_ms) == fate


@pytest.mark.parametrize(
    ("utc", "day"),
    [
        ("2026-01-05T22:59:59", date(2026, 1, 5)),
        ("2026-01-05T23:00:00", date(2026, 1, 6)),
        ("2026-03-28T22:59:59", date(2026, 3, 28)),  # the night to summer time
        ("2026-03-29T21:59:59", date(2026, 3, 29)),
        ("2026-03-29T22:00:00", date(2026, 3, 30)),
        ("2026-10-25T22:59:59", date(2026, 10, 25)),  # and back
        ("2026-10-25T23:00:00", date(2026, 10, 26)),
        ("2028-02-29T12:00:00", date(2028, 2, 29)),
        ("2038-01-19T03:14:08", date(2038, 1, 19)),
    ],
)
def test_the_day_is_the_sites_own(utc: str, day: date) -> None:
    assert local_day(moment(utc), BRUSSELS) == day


def test_the_first_in_of_the_day_opens_a_presence_and_the_rest_belong_to_it(world: World) -> None:
    clock = world.clock
    world.punches(
        *clock.start(),
        clock.punch(direction=Direction.IN),
        clock.punch(direction=Direction.BREAK_START),
        clock.punch(direction=Direction.BREAK_END),
        clock.punch(direction=Direction.OUT),
        clock.punch(direction=Direction.IN),
    )
    assert world.states() == ["QUEUED"] * 5
    assert len({shown["presence"] for shown in world.shown()}) == 1
    assert len(world.rows(schema.presences)) == 1


def test_workers_and_days_have_presences_of_their_own(world: World) -> None:
    clock = world.clock
    world.punches(*clock.start(), clock.punch(ANNA_UID), clock.punch(BRAM_UID), clock.punch(LUZ_UID))
    clock.utc_ms += DAY_MS
    world.now_ms += DAY_MS
    world.punches(clock.punch(ANNA_UID))
    assert len(world.rows(schema.presences)) == 4
    assert [row.employer_kbo for row in world.rows(schema.presences)] == ["0438195916", "0438195916", "", "0438195916"]


def test_two_clocks_of_a_site_in_one_group_open_one_presence(world: World) -> None:
    other = world.add_clock(Clock("clock-0002"))
    world.deliver(
        (world.clock.topic("punches"), b"".join([*world.clock.start(), world.clock.punch()])),
        (other.topic("punches"), b"".join([*other.start(), other.punch()])),
    )
    assert world.states() == ["QUEUED", "QUEUED"]
    assert len(world.rows(schema.presences)) == 1


def test_an_out_after_midnight_belongs_to_the_day_before(world: World) -> None:
    clock = world.clock
    world.punches(*clock.start(), clock.punch(direction=Direction.IN))
    clock.utc_ms += 13 * HOUR_MS
    world.now_ms += 13 * HOUR_MS
    world.change_site(longest_shift_h=13)
    world.punches(clock.punch(direction=Direction.OUT, origin=Origin.KEY))
    assert world.states() == ["QUEUED", "QUEUED"]
    assert len(world.rows(schema.presences)) == 1


def test_an_unknown_badge_is_told_to_the_clock_and_declared_once_it_is_assigned(world: World) -> None:
    world.punches(*world.clock.start(), world.clock.punch(STRANGER_UID))
    assert world.states() == ["UNASSIGNED"]
    assert world.receipts() == [(1, 2, 3, 0)]
    assert world.assign(STRANGER_UID, "W-002") == 1
    assert world.states() == ["QUEUED"]
    assert world.assign(STRANGER_UID, "W-002") == 0
    assert len(world.rows(schema.presences)) == 1


def test_yesterdays_punch_of_an_unknown_badge_is_never_backdated(world: World) -> None:
    world.punches(*world.clock.start(), world.clock.punch(STRANGER_UID))
    world.now_ms += DAY_MS
    assert world.assign(STRANGER_UID, "W-002") == 0
    assert [(shown["state"], shown["reason"]) for shown in world.shown()] == [("WAITING", "late")]
    assert [receipt[2] for receipt in world.receipts()] == [3, 6]
    assert world.rows(schema.presences) == []


def test_a_badge_given_to_somebody_else_declares_the_new_holder_only_from_then_on(world: World) -> None:
    world.punches(*world.clock.start(), world.clock.punch(ANNA_UID))
    world.assign(ANNA_UID, "W-002")
    world.punches(world.clock.punch(ANNA_UID))
    assert [shown["worker"]["reference"] for shown in world.shown()] == ["W-001", "W-002"]
    in_use = [row for row in world.rows(schema.badges) if row.until_ms is None]
    assert len(in_use) == 3


def test_a_backlog_of_yesterday_is_kept_and_waits_for_a_person(world: World) -> None:
    world.clock.utc_ms -= DAY_MS
    world.punches(*world.clock.start(), world.clock.punch())
    assert [(shown["state"], shown["reason"]) for shown in world.shown()] == [("WAITING", "late")]
    assert world.rows(schema.presences) == []


def test_lists_show_reference_and_initials_and_nothing_else_of_a_person(world: World) -> None:
    world.punches(*world.clock.start(), world.clock.punch(BRAM_UID))
    (shown,) = world.shown()
    assert shown["worker"] == {"reference": "W-002", "initials": "BVDB"}
    assert "Bram" not in str(shown)
    assert SITE not in str(shown)
