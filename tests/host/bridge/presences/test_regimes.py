"""The result of each sector's rule for punches: tables of cases, and properties of all of them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.host.bridge.world import (
    ANNA_UID,
    BOTH,
    BRAM_UID,
    LUZ_LIMOSA,
    LUZ_UID,
    NOON_MS,
    World,
)

from badgeclock.authorities.base import Direction as Way
from badgeclock.authorities.base import MovementItem
from badgeclock.bridge.people import employers, identities, workers
from badgeclock.bridge.presences.regimes import (
    MOVEMENT_LATE_MS,
    RULES,
    Declared,
    Night,
    Place,
    Regime,
    Seen,
    Wanted,
    employer_declared,
    local_day,
    too_late,
)
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.states import IdentityKind, Reason
from badgeclock.protocol.record import Direction, Origin

DATABASES = BOTH
BRUSSELS = "Europe/Brussels"
SUN, MON, TUE = date(2026, 1, 4), date(2026, 1, 5), date(2026, 1, 6)
SELF_EMPLOYED_KBO = "0206731645"
NONE, IN, OUT = Direction.NONE, Direction.IN, Direction.OUT
BREAK, BACK = Direction.BREAK_START, Direction.BREAK_END
DAYS = (Regime.CONSTRUCTION, Regime.MEAT)
MOVEMENTS = (Regime.CLEANING, Regime.MOVING, Regime.CONSTRUCTION_IN_OUT)


def moment(text: str) -> int:
    """Milliseconds of a UTC time."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def day_of(day: date, earlier: date | None = None) -> Wanted:
    return Wanted(Declared.DAY, day, earlier)


def moves(day: date, way: Way, earlier: date | None = None) -> Wanted:
    return Wanted(Declared.MOVEMENT, day, earlier, way)


def seen(direction: Direction, utc: str | int, *, is_sure: bool = True, regime: Regime = Regime.MEAT) -> Seen:
    utc_ms = moment(utc) if isinstance(utc, str) else utc
    return Seen(direction, is_sure, utc_ms, Place(1, "1Y1TEST00001Z", BRUSSELS, regime))


@pytest.mark.parametrize("regime", DAYS)
@pytest.mark.parametrize(
    ("direction", "utc", "wanted"),
    [
        # Who goes, or is in a break, may have come the day before; who comes by key has not.
        (IN, "2026-01-05T05:55", day_of(MON)),
        (NONE, "2026-01-05T05:55", day_of(MON)),
        (BREAK, "2026-01-06T01:00", day_of(TUE, MON)),
        (BACK, "2026-01-06T01:30", day_of(TUE, MON)),
        (OUT, "2026-01-06T05:00", day_of(TUE, MON)),
        (IN, "2026-01-06T00:30", day_of(TUE)),
        # Local midnight is 23:00 UTC in winter, 22:00 in summer.
        (IN, "2026-01-05T22:59:59.999", day_of(MON)),
        (IN, "2026-01-05T23:00", day_of(TUE)),
        (IN, "2026-07-05T21:59:59.999", day_of(date(2026, 7, 5))),
        (IN, "2026-07-05T22:00", day_of(date(2026, 7, 6))),
        # The nights in which the clocks change.
        (OUT, "2026-03-29T00:30", day_of(date(2026, 3, 29), date(2026, 3, 28))),
        (OUT, "2026-10-25T10:59", day_of(date(2026, 10, 25), date(2026, 10, 24))),
    ],
)
def test_construction_and_meat_declare_the_day(regime: Regime, direction: Direction, utc: str, wanted: Wanted) -> None:
    assert RULES[regime].wanted(seen(direction, utc)) == wanted
    assert RULES[regime].wanted(seen(direction, utc, is_sure=False)) == day_of(
        wanted.day, wanted.day - timedelta(days=1)
    )


@pytest.mark.parametrize(
    ("hours", "began", "ends", "is_night"),
    [
        ("22:00-06:00", 22 * 60, 6 * 60, True),
        ("22:00-06:00", 20 * 60, 8 * 60, True),
        ("22:00-06:00", 20 * 60 - 1, 6 * 60, False),
        ("22:00-06:00", 22 * 60, 8 * 60 + 1, False),
        ("00:00-05:00", 22 * 60, 5 * 60, True),
        ("00:00-05:00", 21 * 60, 5 * 60, False),
        ("03:00-05:00", 23 * 60, 5 * 60, False),
    ],
)
def test_what_is_a_nights_shift(hours: str, began: int, ends: int, *, is_night: bool) -> None:
    night = Night.of(hours)
    assert night is not None
    assert night.is_shift(began, ends) is is_night


@pytest.mark.parametrize("regime", MOVEMENTS)
@pytest.mark.parametrize(
    ("direction", "utc", "wanted"),
    [
        (IN, "2026-01-05T05:55", moves(MON, Way.IN)),
        (OUT, "2026-01-05T16:00", moves(MON, Way.OUT, SUN)),
        (BREAK, "2026-01-05T11:00", moves(MON, Way.OUT, SUN)),
        (BACK, "2026-01-05T11:30", moves(MON, Way.IN, SUN)),
        (OUT, "2026-01-06T05:00", moves(TUE, Way.OUT, MON)),
        (NONE, "2026-01-05T05:55", Reason.NO_DIRECTION),
    ],
)
def test_cleaning_and_moving_declare_each_coming_and_going(
    regime: Regime, direction: Direction, utc: str, wanted: Wanted | Reason
) -> None:
    assert RULES[regime].wanted(seen(direction, utc)) == wanted


def test_every_regime_has_a_rule_that_keeps_to_what_it_declares() -> None:
    assert set(RULES) == set(Regime)
    for rule in RULES.values():
        wanted = rule.wanted(seen(IN, NOON_MS))
        assert isinstance(wanted, Wanted)
        assert wanted.declared is rule.declared


@given(
    regime=st.sampled_from(Regime),
    direction=st.sampled_from(Direction),
    is_sure=st.booleans(),
    utc_ms=st.integers(min_value=moment("2024-01-01"), max_value=moment("2040-01-01")),
    zone=st.sampled_from([BRUSSELS, "Europe/London", "Europe/Athens", "Asia/Kathmandu", "Pacific/Kiritimati"]),
)
def test_whatever_a_punch_says_its_day_is_that_of_its_own_moment(
    regime: Regime, direction: Direction, utc_ms: int, zone: str, *, is_sure: bool
) -> None:
    wanted = RULES[regime].wanted(Seen(direction, is_sure, utc_ms, Place(1, "1Y1TEST00001Z", zone, regime)))
    if isinstance(wanted, Reason):
        assert (regime in MOVEMENTS, direction) == (True, NONE)
        return
    assert wanted.day == local_day(utc_ms, zone)
    assert (wanted.way is None) == (wanted.declared is Declared.DAY)
    assert wanted.earlier is None or (wanted.day - wanted.earlier).days == 1


@pytest.mark.parametrize(
    ("day", "now", "zone", "late"),
    [
        (MON, "2026-01-05T22:59:59", BRUSSELS, False),
        (MON, "2026-01-05T23:00:00", BRUSSELS, True),
        (TUE, "2026-01-05T22:59:59", BRUSSELS, False),
        # East of Belgium a site's day ends first, west of it Belgium's: whichever is over, it is over.
        (MON, "2026-01-05T22:00:00", "Europe/Athens", True),
        (TUE, "2026-01-05T22:00:00", "Europe/Athens", False),
        (MON, "2026-01-05T23:30:00", "Europe/London", True),
    ],
)
def test_a_day_can_be_declared_until_it_is_over_at_the_site_or_in_belgium(
    day: date, now: str, zone: str, *, late: bool
) -> None:
    assert too_late(Declared.DAY, day, 0, moment(now), zone) is late


def test_a_movement_can_be_declared_for_ten_minutes_across_midnight_too() -> None:
    at_ms = moment("2026-01-05T22:55")
    for now_ms, late in ((at_ms, False), (at_ms + MOVEMENT_LATE_MS, False), (at_ms + MOVEMENT_LATE_MS + 1, True)):
        assert too_late(Declared.MOVEMENT, MON, at_ms, now_ms, BRUSSELS) is late


@pytest.mark.parametrize(
    ("kind", "kbo", "declared"),
    [
        (IdentityKind.NISS, "0438195916", "0438195916"),
        (IdentityKind.NISS, None, ""),
        (IdentityKind.LIMOSA, "0438195916", ""),
        (IdentityKind.LIMOSA, None, ""),
    ],
)
def test_under_which_employer_a_worker_is_declared(kind: IdentityKind, kbo: str | None, declared: str) -> None:
    assert employer_declared(kind, kbo) == declared


# --- the same through the store, up to the authority's items ---


def sent(world: World) -> list[tuple[str | None, str | None, str | None, str | None]]:
    """Who was declared where: INSS, Limosa number, enterprise and workplace of each item that was sent."""
    return [(item.inss, item.limosa_id, item.company_id, item.workplace_id) for item in world.authority.items.values()]


async def all_registered(world: World) -> None:
    await world.registered(lambda: set(world.states()) <= {"REGISTERED", "VALIDATED"})


async def test_several_sites_in_a_day_are_a_presence_each_and_two_gates_of_one_site_are_not(world: World) -> None:
    other = world.add_site("Quay 8", "1Y1TEST00002Z", Regime.CONSTRUCTION)
    gate = world.add_site("Quay 7, back gate", "1Y1TEST00001Z", Regime.CONSTRUCTION)
    for clock in (world.clock, other, gate):
        world.punches(*clock.start(), clock.punch(ANNA_UID), clock=clock)
    await all_registered(world)
    assert [where for *_, where in sent(world)] == ["1Y1TEST00001Z", "1Y1TEST00002Z"]


async def test_a_subcontractors_worker_and_the_self_employed_are_declared_under_their_own_enterprise(
    world: World,
) -> None:
    with world.store.write() as connection:
        employers.add(connection, SELF_EMPLOYED_KBO, "Zelfstandige")
        workers.add(
            connection,
            world.vault,
            reference="W-010",
            name="Zoe Zelf",
            identity=identities.niss("00000100463"),
            employer_kbo=SELF_EMPLOYED_KBO,
        )
    uid = bytes.fromhex("0a0b0c0d")
    world.assign(uid, "W-010")
    world.punches(*world.clock.start(), world.clock.punch(ANNA_UID), world.clock.punch(uid))
    await all_registered(world)
    assert [company for _, _, company, _ in sent(world)] == ["0438195916", SELF_EMPLOYED_KBO]


async def test_under_limosa_the_number_alone_is_declared_and_another_employer_makes_no_second_presence(
    world: World,
) -> None:
    world.punches(*world.clock.start(), world.clock.punch(LUZ_UID))
    world.change_worker("W-003", employer_kbo="0438195916")
    world.punches(world.clock.punch(LUZ_UID))
    await all_registered(world)
    assert sent(world) == [(None, LUZ_LIMOSA, None, "1Y1TEST00001Z")]


async def test_a_night_shift_is_one_presence_of_the_day_it_began_on(world: World) -> None:
    clock = world.clock
    world.punches(*clock.start())
    for hours, direction in ((10, IN), (14, BREAK), (14.5, BACK), (18, OUT)):
        clock.utc_ms = world.now_ms = NOON_MS + int(hours * 3_600_000)
        world.punches(clock.punch(direction=direction, origin=Origin.KEY))
    assert [row.day for row in world.rows(schema.presences)] == [MON]
    assert {shown["presence"] for shown in world.shown()} == {world.rows(schema.presences)[0].reference}


async def test_a_number_that_changed_from_bis_to_national_makes_no_second_presence(world: World) -> None:
    world.punches(*world.clock.start(), world.clock.punch(ANNA_UID))
    world.change_worker("W-001", niss="00000100463")
    world.punches(world.clock.punch(ANNA_UID), world.clock.punch(ANNA_UID, OUT))
    await all_registered(world)
    assert sent(world) == [("00000100463", None, "0438195916", "1Y1TEST00001Z")]
    assert len(world.rows(schema.presences)) == 1


async def test_a_cleaners_day_is_four_movements_with_their_times_in_order(world: World) -> None:
    clock = world.add_site("Office tower", "1Y1TEST00003Z", Regime.CLEANING)
    world.punches(*clock.start(), clock=clock)
    raws = []
    for minutes, direction in ((0, IN), (2, BREAK), (4, BACK), (6, OUT)):
        clock.utc_ms = NOON_MS + minutes * 60_000
        raws.append(clock.punch(ANNA_UID, direction))
        raws.append(clock.punch(BRAM_UID, direction))
    world.now_ms = clock.utc_ms
    world.punches(*raws, clock=clock)
    await all_registered(world)
    items = [item for item in world.authority.items.values() if isinstance(item, MovementItem)]
    annas = [(item.moment.minute, item.direction) for item in items if item.inss == items[0].inss]
    assert annas == [(0, Way.IN), (2, Way.OUT), (4, Way.IN), (6, Way.OUT)]
    assert [len(call) for call in world.authority.calls] == [2, 2, 2, 2]
    assert all(item.workplace_id == "1Y1TEST00003Z" for item in items)
    assert len({shown["reception_number"] for shown in world.shown()}) == 8


def test_a_movement_that_comes_too_late_waits_for_a_person_and_so_does_one_without_direction(world: World) -> None:
    clock = world.add_site("Office tower", "1Y1TEST00003Z", Regime.CLEANING)
    world.punches(*clock.start(), clock.punch(ANNA_UID, IN), clock.punch(BRAM_UID, NONE), clock=clock)
    clock.utc_ms = world.now_ms
    world.now_ms += MOVEMENT_LATE_MS + 1
    world.punches(clock.punch(BRAM_UID, IN), clock=clock)
    assert [(shown["state"], shown["reason"]) for shown in world.shown()] == [
        ("QUEUED", None),
        ("WAITING", "no_direction"),
        ("WAITING", "late"),
    ]


def test_the_same_movement_told_by_two_clocks_is_declared_once(world: World) -> None:
    clock = world.add_site("Office tower", "1Y1TEST00003Z", Regime.CLEANING)
    world.punches(*clock.start(), clock.punch(ANNA_UID, IN), clock.punch(ANNA_UID, IN), clock=clock)
    assert len(world.rows(schema.presences)) == 1
