"""Registrations by the office: once, processed like every presence, marked as its own, where the law allows it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import Connection
from tests.host.bridge.world import ANNA_UID, BOTH, DAY_MS, KBO, NOON_MS, SITE, WORKPLACE, World

from badgeclock.bridge.errors import AuditError, PresenceError
from badgeclock.bridge.people import employers, engagements
from badgeclock.bridge.presences import today
from badgeclock.bridge.presences.regimes import Regime
from badgeclock.bridge.registrar import corrections, office_registrations, review_queue
from badgeclock.bridge.registrar.corrections import Right
from badgeclock.bridge.registrar.decisions import CancelCode, Decision
from badgeclock.bridge.registrar.later_registrations import LaterRegistrations
from badgeclock.bridge.registrar.office_registrations import DAYS_AHEAD, Done, Entry, Outcome
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.audit_log import Operator

DATABASES = BOTH
MONDAY = date(2026, 1, 5)
OTHER_KBO = "0448181966"


def decision(world: World, why: str = "the gate had no power") -> Decision:
    return Decision("Office", why, world.now_ms)


def register(world: World, *entries: Entry) -> list[Done]:
    with world.store.write() as connection:
        return office_registrations.register(connection, entries, decision(world))


async def sent(world: World) -> None:
    """Until the authority has answered for every presence."""
    answered = {"REGISTERED", "VALIDATED", "CANCELLED"}
    await world.registered(lambda: {row.state for row in world.rows(schema.presences)} <= answered)


def outcomes(done: list[Done]) -> list[Outcome]:
    return [one.outcome for one in done]


async def test_it_takes_the_way_of_every_presence_once_and_bears_author_and_reason(world: World) -> None:
    (done,) = register(world, Entry("W-001", SITE, MONDAY))
    assert done.outcome is Outcome.QUEUED
    assert outcomes(register(world, Entry("W-001", SITE, MONDAY), Entry("W-001", SITE, MONDAY))) == [Outcome.THERE]
    world.punches(*world.clock.start(), world.clock.punch(ANNA_UID))
    await sent(world)
    (row,) = world.rows(schema.presences)
    assert (row.reference, row.manual, row.workplace) == (done.item, True, WORKPLACE)
    assert world.authority.standing() == {done.item: 1}
    assert [punch.presence_id for punch in world.rows(schema.punches)] == [row.id]
    with world.store.read() as connection:
        shown = review_queue.describe_presence(connection, done.item)
    assert shown["manual"] is True
    assert [(one["kind"], one["by"], one["why"]) for one in shown["decisions"]] == [
        ("register", "Office", "the gate had no power")
    ]
    (act,) = [one for one in world.rows(schema.acts) if one.act == "presence_registered"]
    assert (act.operator, act.reason, act.subject) == ("Office", "the gate had no power", f"presence {row.id}")
    assert "presence_by_hand" in world.events()


async def test_who_punched_is_not_registered_again_and_what_is_corrected_stays_the_offices(world: World) -> None:
    world.punches(*world.clock.start(), world.clock.punch(ANNA_UID))
    assert outcomes(register(world, Entry("W-001", SITE, MONDAY), Entry("W-002", SITE, MONDAY))) == [
        Outcome.THERE,
        Outcome.QUEUED,
    ]
    await sent(world)
    by_punch, by_hand = world.rows(schema.presences)
    assert (by_punch.manual, by_hand.manual) == (False, True)
    with world.store.write() as connection:
        corrections.correct(connection, by_hand.reference, Right("W-003"), CancelCode.PLANNING, decision(world))
    await sent(world)
    assert [row.manual for row in world.rows(schema.presences)] == [False, True, True]
    assert set(world.authority.standing().values()) == {1}


@pytest.mark.parametrize("regime", [Regime.CLEANING, Regime.MOVING, Regime.CONSTRUCTION_IN_OUT])
def test_where_only_the_worker_registers_the_laws_reason_is_said(world: World, regime: Regime) -> None:
    world.add_site("Hall 3", "1Y1TEST00002Z", regime)
    with pytest.raises(PresenceError, match="in person, on the spot and in real time"):
        register(world, Entry("W-001", "Hall 3", MONDAY))
    assert not world.rows(schema.presences)


def test_from_the_day_on_that_the_law_changes_nothing_is_planned(world: World) -> None:
    world.change_site(regime=Regime.CONSTRUCTION_IN_OUT, regime_from=MONDAY + timedelta(days=3))
    days = [MONDAY + timedelta(days=days) for days in (2, 3)]
    assert outcomes(register(world, Entry("W-001", SITE, days[0]))) == [Outcome.PLANNED]
    with pytest.raises(PresenceError, match="ends registration from afar"):
        register(world, Entry("W-001", SITE, days[1]))


WRONG = [
    (Entry("W-001", SITE, MONDAY - timedelta(days=1)), "is over"),
    (Entry("W-001", SITE, MONDAY + timedelta(days=DAYS_AHEAD + 1)), "days ahead"),
    (Entry("W-777", SITE, MONDAY), "no worker"),
    (Entry("W-001", "nowhere", MONDAY), "no site"),
    (Entry("W-001", SITE, MONDAY, OTHER_KBO), "not engaged"),
]


@pytest.mark.parametrize(("entry", "why"), WRONG, ids=lambda value: value if isinstance(value, str) else "")
def test_what_cannot_be_registered_leaves_all_of_its_act_undone(world: World, entry: Entry, why: str) -> None:
    with pytest.raises(PresenceError, match=why):
        register(world, Entry("W-002", SITE, MONDAY), entry)
    assert not world.rows(schema.presences)
    assert not [row for row in world.rows(schema.acts) if row.act == "presence_registered"]


def test_a_reason_is_needed_and_bears_no_national_number(world: World) -> None:
    for why, error in (("", PresenceError), ("for 85073003328", AuditError)):
        with pytest.raises(error), world.store.write() as connection:
            office_registrations.register(connection, [Entry("W-001", SITE, MONDAY)], decision(world, why))


async def test_a_subcontractors_worker_is_declared_under_the_employer_that_is_named(world: World) -> None:
    with world.store.write() as connection:
        employers.add(connection, OTHER_KBO, "Onderaannemer")
        engagements.engage(connection, "W-001", engagements.Engaged(OTHER_KBO), Operator("Office"), world.now_ms)
    with pytest.raises(PresenceError, match="which of the worker's employers"):
        register(world, Entry("W-001", SITE, MONDAY))
    register(world, Entry("W-001", SITE, MONDAY, OTHER_KBO), Entry("W-001", SITE, MONDAY, KBO))
    register(world, Entry("W-003", SITE, MONDAY))
    await sent(world)
    assert [row.employer_kbo for row in world.rows(schema.presences)] == [OTHER_KBO, KBO, ""]
    assert world.authority.books[2].limosa_id


async def test_days_ahead_are_planned_and_sent_once_the_authority_takes_them(world: World) -> None:
    days = [MONDAY + timedelta(days=days) for days in range(4)]
    done = register(world, *(Entry("W-001", SITE, day) for day in days))
    assert outcomes(done) == [Outcome.QUEUED, Outcome.QUEUED, Outcome.PLANNED, Outcome.PLANNED]
    assert outcomes(register(world, Entry("W-001", SITE, days[3]))) == [Outcome.THERE]
    with world.store.write() as connection:
        office_registrations.withdraw(connection, int(done[3].item), decision(world, "he is ill"))
        with pytest.raises(PresenceError, match="is planned any more"):
            office_registrations.withdraw(connection, int(done[3].item), decision(world))
        assert [one["day"] for one in office_registrations.planned(connection)] == [days[2].isoformat()]
    woken: list[int] = []
    rounds = LaterRegistrations(world.store, lambda: world.now_ms, lambda: woken.append(1))
    await rounds.work()
    assert not woken
    await sent(world)
    world.now_ms = NOON_MS + DAY_MS
    await rounds.work()
    await rounds.work()
    assert woken == [1]
    await sent(world)
    assert [(row.day, row.manual) for row in world.rows(schema.presences)] == [(day, True) for day in days[:3]]
    assert set(world.authority.standing().values()) == {1}
    kept, withdrawn = world.rows(schema.later_registrations)
    assert (kept.outcome, withdrawn.outcome, withdrawn.presence_id) == ("sent", "withdrawn", None)
    assert kept.presence_id == world.rows(schema.presences)[2].id


async def test_a_plan_that_cannot_be_sent_ends_and_calls_a_person(world: World) -> None:
    register(world, Entry("W-001", SITE, MONDAY + timedelta(days=2)), Entry("W-002", SITE, MONDAY + timedelta(days=3)))
    world.change_site(regime=Regime.CONSTRUCTION_IN_OUT, regime_from=MONDAY + timedelta(days=3))
    world.now_ms = NOON_MS + 3 * DAY_MS  # no bridge ran on the days between
    await LaterRegistrations(world.store, lambda: world.now_ms, lambda: None).work()
    assert not world.rows(schema.presences)
    assert [row.outcome[:9] for row in world.rows(schema.later_registrations)] == ["not sent:", "not sent:"]
    events = [row for row in world.rows(schema.events) if row.kind == "registration_not_sent"]
    assert ["its day was over" in row.detail for row in events] == [True, False]


def person(connection: Connection, world: World, worker: str) -> today.Person:
    (place,) = today.look(connection, world.now_ms).places
    return next(one for one in place.people if one.worker == worker)


def test_who_was_registered_by_hand_is_told_apart_in_the_list_of_who_is_here(world: World) -> None:
    register(world, Entry("W-001", SITE, MONDAY))
    with world.store.read() as connection:
        assert [one.manual for one in person(connection, world, "W-001").declarations] == [True]
        assert person(connection, world, "W-001").since_ms is None
        listed = today.as_dict(today.look(connection, world.now_ms))["places"][0]["people"]
    assert [one["declarations"][0]["manual"] for one in listed if one["worker"] == "W-001"] == [True]
