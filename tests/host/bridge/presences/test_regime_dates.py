"""A site that declares days until a day and movements from it on: switched at local midnight, with people inside."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from tests.host.bridge.world import ANNA_UID, BOTH, BRAM_UID, LUZ_UID, World

from badgeclock.bridge.errors import PeopleError
from badgeclock.bridge.presences.regimes import Regime
from badgeclock.bridge.store import schema
from badgeclock.protocol.record import Direction, Origin

DATABASES = BOTH
BRUSSELS = ZoneInfo("Europe/Brussels")
SWITCH = date(2026, 1, 6)
IN, OUT, BREAK, BACK = Direction.IN, Direction.OUT, Direction.BREAK_START, Direction.BREAK_END


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=BRUSSELS).timestamp() * 1000)


def punch(world: World, local_time: str, direction: Direction, uid: bytes = ANNA_UID) -> None:
    world.clock.utc_ms = world.now_ms = at(local_time)
    world.punches(world.clock.punch(uid, direction, origin=Origin.KEY))


def switching(world: World) -> None:
    world.punches(*world.clock.start())
    world.change_site(regime=Regime.CONSTRUCTION_IN_OUT, regime_from=SWITCH)


def declared(world: World) -> list[tuple[str, str, str]]:
    return [(f"{row.day:%m-%d}", row.declared, row.way) for row in world.rows(schema.presences)]


def test_the_regime_changes_at_local_midnight_and_nobody_inside_is_lost(world: World) -> None:
    switching(world)
    punch(world, "2026-01-05 14:00", IN)
    punch(world, "2026-01-05 23:59", IN, BRAM_UID)
    punch(world, "2026-01-06 00:00", IN, LUZ_UID)
    # Who was inside at midnight goes with the day on which the shift began; who comes is a movement.
    punch(world, "2026-01-06 00:10", BREAK)
    punch(world, "2026-01-06 00:20", BACK)
    punch(world, "2026-01-06 00:30", OUT)
    punch(world, "2026-01-06 07:00", IN)
    punch(world, "2026-01-06 16:00", OUT)
    assert declared(world) == [
        ("01-05", "day", ""),
        ("01-05", "day", ""),
        ("01-06", "movement", "in"),
        ("01-06", "movement", "in"),
        ("01-06", "movement", "out"),
    ]
    assert {row.state for row in world.rows(schema.punches)} == {"DECLARED"}
    of_anna = [row.presence_id for row in world.rows(schema.punches) if row.worker_id == 1]
    assert of_anna == [1, 1, 1, 1, 4, 5]


def test_a_forgotten_out_of_the_last_day_does_not_hide_the_movements_of_the_first(world: World) -> None:
    switching(world)
    punch(world, "2026-01-05 07:00", IN)
    punch(world, "2026-01-06 20:00", OUT)
    assert declared(world) == [("01-05", "day", ""), ("01-06", "movement", "out")]


async def test_both_services_take_their_own(world: World) -> None:
    switching(world)
    punch(world, "2026-01-05 23:50", IN)
    await world.registered(lambda: world.states()[-1] == "REGISTERED")
    punch(world, "2026-01-06 07:00", IN, BRAM_UID)
    await world.registered(lambda: world.states()[-1] == "REGISTERED")
    assert [type(item).__name__ for item in world.authority.items.values()] == ["PresenceItem", "MovementItem"]


def test_a_change_to_come_becomes_the_regime_when_the_next_one_is_set(world: World) -> None:
    switching(world)
    (site,) = world.rows(schema.sites)
    assert (site.regime, site.next_regime, site.regime_from) == ("construction", "construction-io", SWITCH)
    world.now_ms = at("2026-01-07 12:00")
    world.change_site(workplace="1Y1TEST00009Z")
    (site,) = world.rows(schema.sites)
    assert (site.regime, site.next_regime, site.regime_from) == ("construction-io", None, None)


@pytest.mark.parametrize("values", [{"regime_from": SWITCH}, {"regime": Regime.MEAT, "regime_from": date(2026, 1, 5)}])
def test_a_change_that_cannot_be_is_refused(world: World, values: dict[str, object]) -> None:
    with pytest.raises(PeopleError, match="a day to come"):
        world.change_site(**values)


def test_a_going_is_declared_as_its_coming_was_whatever_the_office_changed(world: World) -> None:
    world.punches(*world.clock.start())
    world.change_site(regime=Regime.CLEANING)
    punch(world, "2026-01-05 22:00", IN)
    world.change_site(workplace="1Y1TEST00009Z")
    punch(world, "2026-01-06 02:00", OUT)
    punch(world, "2026-01-06 20:00", OUT)
    assert [row.workplace for row in world.rows(schema.presences)] == ["1Y1TEST00001Z"] * 2 + ["1Y1TEST00009Z"]
