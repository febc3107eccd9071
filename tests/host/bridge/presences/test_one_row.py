"""However a presence of a person-day comes, punched, imported, from a planning tool or by a person: it is one row."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.host.bridge.world import ANNA_UID, BOTH, BRAM_UID, SITE, WORKPLACE, Clock, World

from badgeclock.bridge.people import employers, engagements, imports
from badgeclock.bridge.people.engagements import Engaged
from badgeclock.bridge.registrar import corrections
from badgeclock.bridge.registrar.decisions import CancelCode, Decision
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.audit_log import Operator
from badgeclock.bridge.web import planning_store
from badgeclock.bridge.web.planning_models import BadgeBody
from badgeclock.bridge.web.reach import Reach

DATABASES = BOTH
UID = bytes.fromhex("0a0b0c0d")
SECOND = "0206731645"
Route = Callable[[World, Clock], None]


def by_punch(world: World, clock: Clock) -> None:
    world.punches(clock.punch(ANNA_UID), clock=clock)


def by_import(world: World, clock: Clock) -> None:
    """A punch of a badge that nobody had, until an imported list gave it to her."""
    world.punches(clock.punch(UID), clock=clock)
    given = imports.tables(f"site;worker;uid\n{SITE};W-001;{UID.hex()}\n".encode(), "badges.csv", None)
    report = imports.carry_out(world.store, world.vault, given, Operator("tests", "new badge"), world.now_ms)
    assert not report.faults


def by_planning_tool(world: World, clock: Clock) -> None:
    """The same by the planning interface."""
    world.punches(clock.punch(UID), clock=clock)
    with world.store.write() as connection:
        body = BadgeBody(site=SITE, worker="W-001", uid=UID.hex())
        asker = planning_store.Asker(Operator("planner", ""), Reach(), world.now_ms)
        planning_store.assign_badge(connection, world.vault, body, asker)


def by_declaration(world: World, clock: Clock) -> None:
    """A punch that waited for a person, who says which employer it is for."""
    with world.store.write() as connection:
        employers.put(connection, SECOND, "Onderaannemer")
        engaged, operator = Engaged(SECOND), Operator("tests", "two contracts")
        engagements.engage(connection, "W-001", engaged, operator, world.now_ms)
    seq = clock.state.next_seq
    world.punches(clock.punch(ANNA_UID), clock=clock)
    waiting = [row for row in world.rows(schema.punches) if row.state == "WAITING"]
    with world.store.write() as connection:
        for _ in waiting:
            decision = Decision("tests", "asked her", world.now_ms)
            corrections.declare_punch(connection, clock.name, seq, corrections.Meant(employer_kbo=SECOND), decision)


def by_correction(world: World, clock: Clock) -> None:
    """A punch with somebody else's badge, of which a person says that it was hers, and for which employer."""
    world.punches(clock.punch(BRAM_UID), clock=clock)
    (wrong,) = [row.reference for row in world.rows(schema.presences) if row.worker_id == 2]
    with world.store.write() as connection:
        decision, employer = Decision("tests", "it was Anna", world.now_ms), employer_of_anna(world)
        right = corrections.Right("W-001", employer)
        corrections.correct(connection, wrong, right, CancelCode.PLANNING, decision)


def employer_of_anna(world: World) -> str | None:
    """Under which she is declared that day, if she is."""
    return next((row.employer_kbo for row in world.rows(schema.presences) if row.worker_id == 1), None)


ROUTES: tuple[Route, ...] = (by_punch, by_import, by_planning_tool, by_declaration, by_correction)


@pytest.mark.parametrize("second", ROUTES, ids=lambda route: route.__name__)
@pytest.mark.parametrize("first", ROUTES, ids=lambda route: route.__name__)
def test_two_ways_to_a_presence_of_one_person_day_meet_in_one_row(world: World, first: Route, second: Route) -> None:
    gate = world.add_clock(Clock("clock-b"))
    world.punches(*world.clock.start())
    world.punches(*gate.start(), clock=gate)
    first(world, world.clock)
    world.now_ms = gate.utc_ms = world.clock.utc_ms = world.now_ms + 3_600_000
    second(world, gate)
    standing = [row for row in world.rows(schema.presences) if row.worker_id == 1 and row.state != "CLOSED"]
    assert [(row.workplace, row.state) for row in standing] == [(WORKPLACE, "QUEUED")]
    assert {row.presence_id for row in world.rows(schema.punches) if row.worker_id == 1} == {standing[0].id}
