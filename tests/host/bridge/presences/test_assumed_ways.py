"""The way of a punch without a key: flagged if nothing confirms it, and corrected by a key at once."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.host.bridge.world import ANNA_UID, BOTH, BRAM_UID, NOON_MS, Clock, World

from badgeclock.bridge.presences.punch_fate import CORRECTED_MS, Punch, as_corrected
from badgeclock.bridge.presences.regimes import MOVEMENT_LATE_MS, Place, Regime
from badgeclock.bridge.registrar import corrections, review_queue
from badgeclock.bridge.registrar.corrections import CancelCode, Decision
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.states import ClockState
from badgeclock.protocol.record import Direction, Origin

DATABASES = BOTH
BRUSSELS = ZoneInfo("Europe/Brussels")
IN, OUT, BREAK, BACK = Direction.IN, Direction.OUT, Direction.BREAK_START, Direction.BREAK_END
KEY, LAST, ASSUMED, FIXED = Origin.KEY, Origin.LAST_PUNCH, Origin.ASSUMED, Origin.CLOCK


@pytest.fixture
def cleaners(world: World) -> World:
    """A site that declares movements."""
    world.change_site(regime=Regime.CLEANING)
    world.punches(*world.clock.start())
    return world


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=BRUSSELS).timestamp() * 1000)


def sealed(clock: Clock, utc_ms: int, direction: Direction, origin: Origin, uid: bytes = ANNA_UID) -> bytes:
    clock.utc_ms = utc_ms
    return clock.punch(uid, direction, origin=origin)


def punch(world: World, local_time: str, direction: Direction, origin: Origin, clock: Clock | None = None) -> None:
    """A punch of Anna's that comes at once."""
    world.now_ms = at(local_time)
    world.punches(sealed(clock or world.clock, world.now_ms, direction, origin), clock=clock)


def flags(world: World) -> list[tuple[str, str | None]]:
    return [(row.way, row.assumed) for row in world.rows(schema.presences)]


def listed(world: World) -> list[dict[str, Any]]:
    with world.store.read() as connection:
        return review_queue.listing(connection, 10, world.now_ms)


def warnings(world: World) -> list[str]:
    return [row.detail for row in world.rows(schema.events) if row.kind == "presence_assumed"]


def test_a_movement_whose_way_a_clock_assumes_and_nothing_bears_out_is_flagged_and_listed(cleaners: World) -> None:
    punch(cleaners, "2026-01-05 12:00", IN, ASSUMED)
    (row,) = cleaners.rows(schema.presences)
    assert (row.state, row.way, row.assumed) == ("QUEUED", "in", "way")
    assert [(one["item"], one["way"], one["assumed"]) for one in listed(cleaners)] == [(row.reference, "in", "way")]
    (text,) = warnings(cleaners)
    assert text == (
        f"presence {row.reference} of W-001 at Quay 7 is assumed: no key says that it is a coming, nor does the"
        " movement before; if it is not, correct it today"
    )
    with cleaners.store.write() as connection:
        corrections.keep(connection, row.reference, Decision("tests", "was coming", cleaners.now_ms))
    assert listed(cleaners) == []


async def test_such_a_movement_is_cancelled_as_any_other(cleaners: World) -> None:
    punch(cleaners, "2026-01-05 12:00", IN, ASSUMED)
    await cleaners.registered(lambda: set(cleaners.states()) <= {"REGISTERED", "VALIDATED"})
    (row,) = cleaners.rows(schema.presences)
    with cleaners.store.write() as connection:
        corrections.cancel(connection, row.reference, CancelCode.PLANNING, Decision("tests", "went", cleaners.now_ms))
    assert listed(cleaners) == []
    await cleaners.registered(lambda: cleaners.states() == ["CANCELLED"])


@pytest.mark.parametrize(
    ("before", "then", "flag"),
    [
        # The movement before confirms it, over a night and over a weekend.
        (("2026-01-05 17:00", OUT), ("2026-01-06 07:00", IN, ASSUMED), None),
        (("2026-01-02 17:00", OUT), ("2026-01-05 07:00", IN, ASSUMED), None),
        (("2026-01-05 22:00", IN), ("2026-01-06 06:00", OUT, ASSUMED), None),
        (("2026-01-05 22:00", IN), ("2026-01-06 02:00", BREAK, KEY), None),
        # A forgotten OUT, and an OUT after an OUT.
        (("2026-01-05 07:00", IN), ("2026-01-06 07:00", IN, ASSUMED), "way"),
        (("2026-01-05 17:00", OUT), ("2026-01-06 01:00", OUT, ASSUMED), "no_in"),
        # Longer ago than a week nothing is looked at.
        (("2026-01-05 17:00", OUT), ("2026-01-13 07:00", IN, ASSUMED), "way"),
        # Another gate has seen the worker go, or come.
        (("2026-01-05 07:00", IN), ("2026-01-05 16:00", IN, LAST), "way"),
        (("2026-01-05 22:00", IN), ("2026-01-06 06:00", IN, LAST), "way"),
        # Its clock has seen an IN that came too late to be declared; nobody goes who has not come.
        (("2026-01-05 17:00", OUT), ("2026-01-06 12:00", OUT, LAST), "no_in"),
        (("2026-01-05 07:00", IN), ("2026-01-05 19:00", OUT, KEY), None),
        (("2026-01-05 07:00", IN), ("2026-01-05 19:01", OUT, KEY), "no_in"),
        # A key, and a clock of one direction, are believed.
        (("2026-01-05 07:00", IN), ("2026-01-05 16:00", IN, KEY), None),
        (("2026-01-05 07:00", IN), ("2026-01-05 16:00", IN, FIXED), None),
    ],
)
def test_what_bears_a_way_out_is_the_movement_before_at_whatever_gate(
    cleaners: World, before: tuple[str, Direction], then: tuple[str, Direction, Origin], flag: str | None
) -> None:
    gate = cleaners.add_clock(Clock("clock-b"))
    cleaners.now_ms = gate.utc_ms = at(before[0])
    cleaners.punches(*gate.start(), clock=gate)
    punch(cleaners, *before, KEY)
    punch(cleaners, *then, clock=gate)
    assert cleaners.rows(schema.presences)[-1].assumed == flag


def test_a_first_punch_that_its_clock_knows_to_be_one_is_not_flagged(cleaners: World) -> None:
    punch(cleaners, "2026-01-05 07:00", IN, LAST)
    assert (flags(cleaners), warnings(cleaners)) == ([("in", None)], [])


@pytest.mark.parametrize(
    ("came", "is_question"),
    [
        (("2026-01-05 16:56", KEY), False),
        (("2026-01-05 17:00", LAST), False),
        (("2026-01-05 17:01", KEY), True),  # after the going
    ],
)
def test_a_coming_that_arrives_after_its_going_bears_it_out(
    cleaners: World, came: tuple[str, Origin], *, is_question: bool
) -> None:
    gate = cleaners.add_clock(Clock("clock-b"))
    gate.utc_ms = at("2026-01-05 04:00")
    cleaners.punches(*gate.start(), clock=gate)
    in_time = sealed(gate, at(came[0]), IN, came[1])
    punch(cleaners, "2026-01-05 17:00", OUT, KEY)
    assert [one["assumed"] for one in listed(cleaners)] == ["no_in"]
    cleaners.now_ms = at("2026-01-05 17:05")
    cleaners.punches(in_time, clock=gate)
    assert [one.get("assumed") for one in listed(cleaners)] == (["no_in"] if is_question else [])


def test_a_movement_of_another_place_bears_nothing_out(cleaners: World) -> None:
    other = cleaners.add_site("Office tower", "1Y1TEST00003Z", Regime.CLEANING)
    cleaners.punches(*other.start(), clock=other)
    punch(cleaners, "2026-01-05 17:00", OUT, KEY)
    punch(cleaners, "2026-01-06 07:00", IN, ASSUMED, clock=other)
    assert flags(cleaners) == [("out", "no_in"), ("in", "way")]


async def test_a_way_that_a_key_put_right_before_it_was_sent_is_one_movement_of_both_punches(cleaners: World) -> None:
    punch(cleaners, "2026-01-05 22:00", IN, KEY)
    tapped_ms = cleaners.now_ms = at("2026-01-06 09:30")
    wrong = sealed(cleaners.clock, tapped_ms, IN, ASSUMED)
    right = sealed(cleaners.clock, tapped_ms + 2_000, OUT, KEY)
    cleaners.now_ms += 60_000
    cleaners.punches(wrong, right)
    assert flags(cleaners) == [("in", None), ("out", None)]
    assert cleaners.rows(schema.presences)[-1].moment_ms == tapped_ms + 2_000
    *_, first, second = cleaners.rows(schema.punches)
    assert (first.direction, second.direction) == (IN, OUT), "what the clock sealed stays"
    assert first.presence_id == second.presence_id
    await cleaners.registered(lambda: set(cleaners.states()[1:]) <= {"REGISTERED", "VALIDATED"})
    of_first = [row for row in cleaners.rows(schema.receipts) if row.seq == first.seq][-1]
    assert of_first.error_code == OUT, "the clock shows what the bridge took it for"


def test_a_way_that_a_key_put_right_after_it_was_declared_is_offered_for_cancellation(cleaners: World) -> None:
    punch(cleaners, "2026-01-05 22:00", IN, KEY)
    punch(cleaners, "2026-01-06 09:30:00", IN, ASSUMED)
    assert flags(cleaners) == [("in", None), ("in", "way")]
    with cleaners.store.write() as connection:
        wrong = cleaners.rows(schema.presences)[-1].reference
        corrections.keep(connection, wrong, Decision("tests", "seems right", cleaners.now_ms))
    cleaners.clock.utc_ms += 1
    punch(cleaners, "2026-01-06 09:30:02", OUT, KEY)
    assert flags(cleaners) == [("in", None), ("in", "way"), ("out", None)], "a person has decided"


def test_such_a_movement_is_flagged_as_corrected_and_the_event_says_so(cleaners: World) -> None:
    punch(cleaners, "2026-01-05 22:00", IN, KEY)
    punch(cleaners, "2026-01-06 09:30:00", IN, ASSUMED)
    punch(cleaners, "2026-01-06 09:30:02", OUT, KEY)
    assert flags(cleaners) == [("in", None), ("in", "corrected"), ("out", None)]
    wrong = cleaners.rows(schema.presences)[1].reference
    assert [(one["item"], one["assumed"]) for one in listed(cleaners)] == [(wrong, "corrected")]
    assert warnings(cleaners)[-1] == (
        f"presence {wrong} of W-001 at Quay 7 is assumed: a coming, but right after it a key said the other way; if it"
        " was none, cancel it today"
    )


@pytest.mark.parametrize(
    ("later_ms", "direction", "origin", "uid", "is_correction"),
    [
        (CORRECTED_MS, OUT, KEY, ANNA_UID, True),
        (CORRECTED_MS + 1, OUT, KEY, ANNA_UID, False),
        (2_000, OUT, LAST, ANNA_UID, False),
        (2_000, OUT, KEY, BRAM_UID, False),
    ],
)
def test_only_a_key_for_the_same_badge_at_once_puts_a_way_right(
    cleaners: World, later_ms: int, direction: Direction, origin: Origin, uid: bytes, *, is_correction: bool
) -> None:
    tapped_ms = at("2026-01-06 09:30")
    wrong = sealed(cleaners.clock, tapped_ms, IN, ASSUMED)
    right = sealed(cleaners.clock, tapped_ms + later_ms, direction, origin, uid)
    cleaners.now_ms = tapped_ms + MOVEMENT_LATE_MS
    cleaners.punches(wrong, right)
    assert len(cleaners.rows(schema.presences)) == (1 if is_correction else 2)


@pytest.mark.parametrize(
    "change", [{"sealed": False}, {"duplicate": True}, {"utc_ms": 0}, {"clock_id": 2}, {"direction": OUT}]
)
def test_a_punch_that_does_not_count_is_not_put_right_and_puts_nothing_right(change: dict[str, Any]) -> None:
    place = Place(1, "1Y1TEST00001Z", "Europe/Brussels", Regime.CLEANING)
    wrong = Punch(
        clock_id=1,
        clock_state=ClockState.ACTIVE,
        seq=7,
        place=place,
        token=b"token",
        direction=IN,
        is_sure=False,
        utc_ms=NOON_MS,
        bound=0,
        sealed=True,
        duplicate=False,
        received_ms=NOON_MS,
        is_assumed=True,
    )
    right = wrong._replace(seq=8, direction=OUT, is_sure=True, is_assumed=False, utc_ms=NOON_MS + 2_000)
    assert as_corrected([wrong, right]) == [right, right]
    changed = wrong._replace(**change), right
    assert as_corrected(changed) == list(changed)
    if "direction" not in change:
        changed = wrong, right._replace(**change)
        assert as_corrected(changed) == list(changed)


def test_two_assumed_punches_of_which_a_key_puts_the_second_right(cleaners: World) -> None:
    moments = [at("2026-01-06 09:30") + later_ms for later_ms in (0, 60_000, 62_000)]
    ways = [(IN, ASSUMED), (OUT, ASSUMED), (BREAK, KEY)]
    raws = [sealed(cleaners.clock, ms, *way) for ms, way in zip(moments, ways, strict=True)]
    cleaners.now_ms = moments[-1]
    cleaners.punches(*raws)
    assert [(row.way, row.moment_ms) for row in cleaners.rows(schema.presences)] == [
        ("in", moments[0]),
        ("out", moments[2]),
    ]


def test_an_out_that_a_key_put_right_before_it_came_ends_the_shift_and_opens_no_day(world: World) -> None:
    world.punches(*world.clock.start())
    punch(world, "2026-01-05 14:00", IN, KEY)
    tapped_ms = at("2026-01-06 00:30")
    wrong = sealed(world.clock, tapped_ms, IN, ASSUMED)
    right = sealed(world.clock, tapped_ms + 2_000, OUT, KEY)
    world.now_ms = tapped_ms + 3_000
    world.punches(wrong, right)
    assert [(f"{row.day:%m-%d}", row.assumed) for row in world.rows(schema.presences)] == [("01-05", None)]
    assert {row.presence_id for row in world.rows(schema.punches)} == {1}


def test_an_in_that_a_key_put_right_is_evident(world: World) -> None:
    world.punches(*world.clock.start())
    punch(world, "2026-01-05 18:00", IN, KEY)
    tapped_ms = at("2026-01-06 04:30")
    wrong = sealed(world.clock, tapped_ms, OUT, ASSUMED)
    right = sealed(world.clock, tapped_ms + 2_000, IN, KEY)
    world.now_ms = tapped_ms + 3_000
    world.punches(wrong, right)
    assert [(f"{row.day:%m-%d}", row.assumed) for row in world.rows(schema.presences)] == [
        ("01-05", None),
        ("01-06", None),
    ]
