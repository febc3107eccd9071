"""The items of the attention list that an account with a reach may decide on."""

from __future__ import annotations

import pytest
from tests.host.bridge.world import ANNA_UID, BOTH, BRAM_UID, DAY_MS, SITE, Clock, World

from badgeclock.bridge.acts import within
from badgeclock.bridge.errors import NotAllowed
from badgeclock.bridge.presences.regimes import Regime
from badgeclock.bridge.registrar import corrections
from badgeclock.bridge.registrar.corrections import Meant
from badgeclock.bridge.registrar.decisions import CancelCode, Decision
from badgeclock.bridge.store import schema
from badgeclock.bridge.web import reach
from badgeclock.bridge.web.reach import EVERYTHING

DATABASES = BOTH
OTHER = "Quay 9"


@pytest.fixture
async def filed(world: World) -> dict[str, str]:
    """The site of each correction that waits for the authority: of a presence at either, and of a punch at either."""
    clocks = {SITE: world.clock, OTHER: world.add_site(OTHER, "1Y1TEST00002Z", Regime.CONSTRUCTION)}
    for clock in clocks.values():
        world.punches(*clock.start(), clock.punch(ANNA_UID), clock=clock)
    await world.registered(lambda: {row.state for row in world.rows(schema.presences)} <= {"REGISTERED", "VALIDATED"})
    world.now_ms += DAY_MS
    for clock in clocks.values():
        world.punches(clock.punch(BRAM_UID), clock=clock)
    why = Decision("office", "not there", world.now_ms)
    sites = {row.id: row.name for row in world.rows(schema.sites)}
    found = {}
    with world.store.write() as connection:
        for row in connection.execute(schema.presences.select().order_by(schema.presences.c.id)).all():
            made = corrections.cancel(connection, row.reference, CancelCode.PLANNING, why)
            assert isinstance(made, corrections.Filed)
            found[f"correction/{made.number}"] = sites[row.site_id]
        for site, clock in clocks.items():
            declared = corrections.declare_punch(connection, clock.name, seq_of_last(clock), Meant(), why)
            assert isinstance(declared, corrections.Filed)
            found[f"correction/{declared.number}"] = site
    return found


def seq_of_last(clock: Clock) -> int:
    return clock.state.next_seq - 1


def within_reach(world: World, of: reach.Reach, items: list[str]) -> list[str]:
    """Those of these items that may be decided on."""
    allowed = []
    for item in items:
        with world.store.read() as connection:
            try:
                within.check_item(connection, of, item, world.now_ms)
            except NotAllowed:
                continue
        allowed.append(item)
    return allowed


async def test_a_correction_is_within_the_reach_of_its_presences_or_its_punchs_site(
    world: World, filed: dict[str, str]
) -> None:
    assert sorted(filed.values()) == [SITE, SITE, OTHER, OTHER]
    absent = ["correction/99", "correction/", "correction/x"]
    for site in (SITE, OTHER):
        with world.store.read() as connection:
            own = reach.of_names(connection, (site,), ())
        assert within_reach(world, own, [*filed, *absent]) == [item for item, at in filed.items() if at == site]
    assert within_reach(world, EVERYTHING, [*filed]) == [*filed]
