"""A person's decisions: cancel, correct, declare, close; each with author and reason, and never after the day."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest
from tests.host.bridge.registrar.test_registrar import all_in, moving
from tests.host.bridge.world import (
    ANNA_NISS,
    ANNA_UID,
    BOTH,
    BRAM_NISS,
    BRAM_UID,
    DAY_MS,
    KBO,
    NOON_MS,
    STRANGER_UID,
    World,
)

from badgeclock.authorities.base import Direction as Way
from badgeclock.bridge.clocks import registry
from badgeclock.bridge.errors import PresenceError, StoreConflict
from badgeclock.bridge.presences.regimes import MOVEMENT_LATE_MS, Declared, Regime
from badgeclock.bridge.registrar import cancellations, corrections, filings, outbox, review_queue
from badgeclock.bridge.registrar.corrections import Meant, Right
from badgeclock.bridge.registrar.decisions import CancelCode, Decision
from badgeclock.bridge.registrar.filings import Filed
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.states import PresenceState
from badgeclock.protocol.record import Direction

DATABASES = BOTH
PLANNING = CancelCode.PLANNING
NEW_NISS = "00000100463"


def decision(world: World, why: str = "wrong badge") -> Decision:
    return Decision("office", why, world.now_ms)


def reference(world: World, at: int = 0) -> str:
    row: str = world.rows(schema.presences)[at].reference
    return row


def states(world: World) -> list[str]:
    """The state of each presence."""
    return [row.state for row in world.rows(schema.presences)]


def cancel(world: World, at: int = 0, code: CancelCode = PLANNING) -> PresenceState | Filed:
    with world.store.write() as connection:
        return corrections.cancel(connection, reference(world, at), code, decision(world))


def correct(world: World, at: int = 0, worker: str | None = None, **right: Any) -> PresenceState | Filed:
    with world.store.write() as connection:
        return corrections.correct(connection, reference(world, at), Right(worker, **right), PLANNING, decision(world))


def close(world: World, at: int = 0) -> None:
    with world.store.write() as connection:
        corrections.close(connection, reference(world, at), decision(world))


def shown(world: World, at: int = 0) -> dict[str, object]:
    with world.store.read() as connection:
        return review_queue.describe_presence(connection, reference(world, at))


def listed(world: World) -> list[tuple[str, str, str | None]]:
    with world.store.read() as connection:
        found = review_queue.listing(connection, 100, world.now_ms)
    return [(one["item"], one["state"], one["reason"]) for one in found]


async def registered(world: World, uid: bytes = ANNA_UID) -> None:
    world.punches(*world.clock.start(), world.clock.punch(uid))
    await world.registered(all_in(world, "REGISTERED", "VALIDATED"))


async def until(world: World, *wanted: str) -> None:
    """Run a registrar until the presences stand so."""
    await world.registered(lambda: states(world) == list(wanted), world.registrar(now_ms=moving(world)))


async def test_a_registered_presence_is_cancelled_at_the_authority_and_the_clock_is_told(world: World) -> None:
    await registered(world)
    assert cancel(world) is PresenceState.CANCELLING
    await until(world, "CANCELLED")
    assert world.authority.standing() == {}
    assert world.receipts()[-1][1:3] == (2, 6)
    (row,) = world.rows(schema.corrections)
    assert (row.kind, row.code, row.why, row.by, row.outcome) == (
        "cancel",
        "PLANNING",
        "wrong badge",
        "office",
        "cancelled",
    )
    assert "cancel_asked" in world.events()
    assert "presence_cancelled" in world.events()


async def test_whoever_comes_again_after_a_cancellation_is_registered_anew(world: World) -> None:
    await registered(world)
    cancel(world)
    await until(world, "CANCELLED")
    world.punches(world.clock.punch(ANNA_UID))
    await until(world, "CANCELLED", "VALIDATED")
    world.punches(world.clock.punch(ANNA_UID, Direction.OUT))
    assert [punch["presence"] for punch in world.shown()][1:] == [reference(world, 1)] * 2


async def test_a_correction_cancels_and_registers_another_worker_under_a_new_number(world: World) -> None:
    await registered(world)
    assert correct(world, worker="W-002") is PresenceState.CANCELLING
    await until(world, "CANCELLED", "VALIDATED")
    old, new = world.rows(schema.presences)
    assert old.reception_number != new.reception_number
    assert world.authority.standing() == {new.reference: 1}
    assert world.authority.items[new.reference].inss == BRAM_NISS
    (punch,) = world.shown()
    assert (punch["worker"]["reference"], punch["reception_number"]) == ("W-002", new.reception_number)
    assert world.receipts()[-1][2:] == (4, new.reception_number)
    told = shown(world, 1)["decisions"]
    assert [(one["kind"], one["by"], one["replacement"]) for one in told] == [  # type: ignore[attr-defined]
        ("correct", "office", new.reference)
    ]


async def test_a_correction_for_a_worker_who_is_registered_already_only_cancels(world: World) -> None:
    world.punches(*world.clock.start(), world.clock.punch(ANNA_UID), world.clock.punch(BRAM_UID))
    await world.registered(all_in(world, "REGISTERED", "VALIDATED"))
    correct(world, worker="W-002")
    await until(world, "CANCELLED", "VALIDATED")
    assert {punch["presence"] for punch in world.shown()} == {reference(world, 1)}


async def test_a_corrected_site_or_number_is_declared_anew_for_the_same_worker(world: World) -> None:
    await registered(world)
    with pytest.raises(PresenceError, match="was declared for this"):
        correct(world)
    world.change_worker("W-001", niss=NEW_NISS)
    correct(world)
    await until(world, "CANCELLED", "VALIDATED")
    world.change_site(workplace="1Y1TEST00009Z")
    correct(world, 1)
    await until(world, "CANCELLED", "CANCELLED", "VALIDATED")
    sent = list(world.authority.items.values())
    assert [item.inss for item in sent] == [ANNA_NISS, NEW_NISS, NEW_NISS]
    assert [item.workplace_id for item in sent] == ["1Y1TEST00001Z", "1Y1TEST00001Z", "1Y1TEST00009Z"]
    assert "worker_changed" in world.events()
    assert "site_changed" in world.events()


@pytest.mark.parametrize("word", ["lost before", "lost after", "crash", "away"])
async def test_a_lost_answer_to_a_cancellation_is_asked_about_before_it_is_sent_again(world: World, word: str) -> None:
    await registered(world)
    world.authority.cancels = [word]
    cancel(world)
    await until(world, "CANCELLED")
    assert len(world.authority.asked_to_cancel) == (1 if word == "lost after" else 2)
    assert world.authority.standing() == {}


async def test_a_presence_that_somebody_cancelled_meanwhile_counts_as_cancelled(world: World) -> None:
    await registered(world)
    world.authority.cancel_by_hand(0)
    cancel(world)
    await until(world, "CANCELLED")


@pytest.mark.parametrize("word", ["refused", "rejected"])
async def test_a_cancellation_that_the_authority_refuses_leaves_the_presence_standing(world: World, word: str) -> None:
    await registered(world)
    if word == "rejected":
        world.authority.cancels = ["rejected SOA-03006"]
    else:
        world.authority.cancel_reasons = ("HOLIDAY",)
    cancel(world)
    await until(world, "VALIDATED")
    assert "cancel_refused" in world.events()
    (row,) = world.rows(schema.corrections)
    assert row.done_ms is not None
    assert ("11" in row.outcome) or ("SOA-03006" in row.outcome)
    world.authority.cancel_reasons = ("PLANNING",)
    cancel(world)
    await until(world, "CANCELLED")


@pytest.mark.parametrize("what", ["cancel", "correct"])
async def test_when_the_day_is_over_nothing_is_cancelled_and_a_correction_is_written_down(
    world: World, what: str
) -> None:
    await registered(world)
    world.now_ms = NOON_MS + DAY_MS
    filed = cancel(world) if what == "cancel" else correct(world, worker="W-002")
    assert filed == Filed(1, date(2026, 2, 4))
    with pytest.raises(PresenceError, match="as correction 1"):
        cancel(world)
    await until(world, "VALIDATED")
    assert world.authority.asked_to_cancel == []
    (row,) = world.rows(schema.filings)
    assert (row.kind, row.why, row.by, row.worker_id) == (
        what,
        "wrong badge",
        "office",
        None if what == "cancel" else 2,
    )
    assert world.events()[-1] == "correction_due"
    assert world.rows(schema.acts)[-1].act == "correction_filed"


async def test_the_authority_takes_no_correction_after_thirty_days(world: World) -> None:
    await registered(world)
    world.now_ms = NOON_MS + 31 * DAY_MS
    with pytest.raises(PresenceError, match="30 days ago"):
        cancel(world)
    world.now_ms -= DAY_MS
    assert isinstance(cancel(world), Filed)


async def test_a_cancellation_that_midnight_overtook_is_given_up_unless_it_was_done(world: World) -> None:
    world.punches(*world.clock.start(), world.clock.punch(ANNA_UID), world.clock.punch(BRAM_UID))
    await world.registered(all_in(world, "REGISTERED", "VALIDATED"))
    cancel(world, 0)
    cancel(world, 1)
    with world.store.write() as connection:  # the second was begun, and carried out, when the bridge was killed
        (_, second) = cancellations.due(connection, frozenset(Declared), world.now_ms, 9)
        cancellations.mark_begun(connection, second, world.now_ms)
    world.authority.cancel_by_hand(1)
    world.now_ms = NOON_MS + DAY_MS
    await until(world, "VALIDATED", "CANCELLED")
    assert world.authority.asked_to_cancel == []
    assert "cancel_refused" in world.events()
    (filed,) = world.rows(schema.filings)
    assert (filed.presence_id, filed.kind, filed.done_ms) == (1, "cancel", None)


def test_what_was_not_sent_yet_is_withdrawn_at_once_and_stays_open_for_the_next_punch(world: World) -> None:
    world.punches(*world.clock.start(), world.clock.punch(ANNA_UID))
    assert cancel(world) is PresenceState.CLOSED
    assert world.receipts() == [(1, 2, 6, 0)]
    world.punches(world.clock.punch(ANNA_UID))
    assert states(world) == ["CLOSED", "QUEUED"]


def test_what_is_under_way_must_wait_for_its_answer(world: World) -> None:
    world.punches(*world.clock.start(), world.clock.punch(ANNA_UID))
    with world.store.write() as connection:
        outbox.claim(connection, world.vault, frozenset(Declared), world.now_ms, 9, "call")
    for decide in (cancel, close, lambda of: correct(of, worker="W-002")):
        with pytest.raises(PresenceError, match="try again in a minute"):
            decide(world)


async def test_a_refused_presence_is_sent_again_once_what_was_wrong_is_corrected(world: World) -> None:
    world.authority.refused = {ANNA_NISS}
    world.punches(*world.clock.start(), world.clock.punch(ANNA_UID))
    await until(world, "REFUSED")
    assert listed(world) == [(reference(world), "REFUSED", None)]
    world.change_worker("W-001", niss=NEW_NISS)
    assert correct(world) is PresenceState.QUEUED
    await until(world, "VALIDATED")
    assert listed(world) == []
    assert world.shown()[0]["error_code"] is None


async def test_a_refused_presence_for_a_worker_who_is_registered_already_is_closed(world: World) -> None:
    world.authority.refused = {ANNA_NISS}
    world.punches(*world.clock.start(), world.clock.punch(ANNA_UID), world.clock.punch(BRAM_UID))
    await until(world, "REFUSED", "VALIDATED")
    assert correct(world, worker="W-002") is PresenceState.CLOSED
    assert {punch["presence"] for punch in world.shown()} == {reference(world, 1)}


async def test_what_somebody_cancelled_at_the_authority_is_declared_anew_under_a_new_number(world: World) -> None:
    world.punches(*world.clock.start(), world.clock.punch(ANNA_UID))
    world.authority.script = ["lost after"]
    world.authority.on_register = lambda: None
    await world.registered(lambda: states(world) == ["UNKNOWN"], world.registrar(settle_ms=10**9))
    world.authority.cancel_by_hand(0)
    await until(world, "WAITING")
    assert listed(world) == [(reference(world), "WAITING", "cancelled")]
    assert correct(world) is PresenceState.QUEUED
    await until(world, "CANCELLED", "VALIDATED")


def test_a_presence_whose_day_ended_is_closed_by_a_person_and_not_sent(world: World) -> None:
    world.punches(*world.clock.start(), world.clock.punch(ANNA_UID))
    world.now_ms = NOON_MS + DAY_MS
    with world.store.write() as connection:
        assert outbox.expire(connection, frozenset(Declared), world.now_ms) == 1
    assert listed(world) == [(reference(world), "WAITING", "day_over")]
    assert correct(world) == Filed(1, date(2026, 2, 4))
    close(world)
    assert [row.outcome for row in world.rows(schema.filings)] == ["closed"]
    assert listed(world) == []
    assert states(world) == ["CLOSED"]
    with pytest.raises(PresenceError, match="CLOSED already"):
        close(world)


def test_a_queue_without_an_authority_for_it_goes_to_a_person(world: World) -> None:
    clock = world.add_site("Office tower", "1Y1TEST00003Z", Regime.CLEANING)
    world.punches(*clock.start(), clock.punch(ANNA_UID), clock=clock)
    world.punches(*world.clock.start(), world.clock.punch(ANNA_UID))
    with world.store.write() as connection:
        assert outbox.expire(connection, frozenset({Declared.DAY}), world.now_ms) == 1
    assert [(state, reason) for _, state, reason in listed(world)] == [("WAITING", "no_authority")]


# --- the wrong way, the wrong site ---

OFFICE = "1Y1TEST00003Z"


async def moved(world: World, *directions: Direction) -> None:
    """Movements of Anna at a site that declares them, a minute after each other, registered."""
    clock = world.add_site("Office tower", OFFICE, Regime.CLEANING)
    raws = clock.start()
    for direction in directions:
        raws.append(clock.punch(ANNA_UID, direction))
        clock.utc_ms += 60_000
    world.now_ms = clock.utc_ms
    world.punches(*raws, clock=clock)
    await world.registered(lambda: set(states(world)) <= {"REGISTERED", "VALIDATED"} and bool(states(world)))


def ways(world: World) -> list[tuple[str, str, int]]:
    """Way, state and moment of each presence."""
    return [(row.way, row.state, row.moment_ms) for row in world.rows(schema.presences)]


def stands(world: World) -> list[str]:
    """Which ways the authority has registered, by their moments."""
    held = [found for found in world.authority.books if found.status.name != "CANCELLED"]
    return [str(found.direction) for found in sorted(held, key=lambda found: found.moment or found.created)]


async def test_an_out_that_was_an_in_is_cancelled_and_declared_as_in_at_its_own_moment(world: World) -> None:
    await moved(world, Direction.OUT)
    assert correct(world, way=Way.IN) is PresenceState.CANCELLING
    await until(world, "CANCELLED", "VALIDATED")
    assert ways(world) == [("out", "CANCELLED", NOON_MS), ("in", "VALIDATED", NOON_MS)]
    assert stands(world) == ["in"]
    (punch,) = world.shown()
    assert punch["presence"] == reference(world, 1)
    act = world.rows(schema.acts)[-1]
    assert (act.act, act.operator, act.reason) == ("presence_corrected", "office", "wrong badge")
    assert (act.detail["before"]["way"], act.detail["after"]["way"]) == ("out", "in")


async def test_in_and_out_that_were_swapped_are_both_put_right(world: World) -> None:
    await moved(world, Direction.OUT, Direction.IN)
    correct(world, 0, way=Way.IN)
    correct(world, 1, way=Way.OUT)
    await until(world, "CANCELLED", "CANCELLED", "VALIDATED", "VALIDATED")
    assert stands(world) == ["in", "out"]


async def test_an_in_that_is_put_right_bears_the_out_after_it_out(world: World) -> None:
    await moved(world, Direction.OUT, Direction.OUT)
    assert [(row.assumed, row.kept_ms) for row in world.rows(schema.presences)] == [("no_in", None)] * 2
    correct(world, 0, way=Way.IN)
    await until(world, "CANCELLED", "VALIDATED", "VALIDATED")
    assert world.rows(schema.presences)[1].kept_ms is not None


async def test_a_way_is_corrected_again_and_the_first_one_names_what_stands_in_its_place(world: World) -> None:
    await moved(world, Direction.OUT)
    correct(world, way=Way.IN)
    await until(world, "CANCELLED", "VALIDATED")
    with pytest.raises(PresenceError, match="replaced it") as refused:
        correct(world, way=Way.OUT)
    assert reference(world, 1) in str(refused.value)
    correct(world, 1, way=Way.OUT)
    await until(world, "CANCELLED", "CANCELLED", "VALIDATED")
    assert stands(world) == ["out"]
    assert len({row.reception_number for row in world.rows(schema.presences)}) == 3


async def test_two_corrections_at_once_are_one(world: World) -> None:
    await moved(world, Direction.OUT)
    correct(world, way=Way.IN)
    with pytest.raises(PresenceError, match="try again in a minute"):
        correct(world, worker="W-002")
    await until(world, "CANCELLED", "VALIDATED")
    assert stands(world) == ["in"]


@pytest.mark.parametrize("is_over", [False, True], ids=["today", "tomorrow"])
async def test_of_two_people_who_correct_at_the_same_time_one_does(world: World, is_over: bool) -> None:  # noqa: FBT001
    await moved(world, Direction.OUT)
    world.now_ms += DAY_MS * is_over
    ready = threading.Barrier(2)

    def decide(right: Right) -> str:
        ready.wait()
        try:
            with world.store.write() as connection:
                corrections.correct(connection, reference(world), right, PLANNING, decision(world))
        except (PresenceError, StoreConflict):
            return "refused"
        return "done"

    with ThreadPoolExecutor(2) as pool:
        ends = list(pool.map(decide, [Right(way=Way.IN), Right("W-002")]))
    assert sorted(ends) == ["done", "refused"]
    assert len(world.rows(schema.filings if is_over else schema.corrections)) == 1
    assert [row.act for row in world.rows(schema.acts)] == ["correction_filed" if is_over else "presence_corrected"]


async def test_a_way_that_is_right_already_and_a_day_are_not_corrected(world: World) -> None:
    await moved(world, Direction.OUT)
    with pytest.raises(PresenceError, match="and this way"):
        correct(world, way=Way.OUT)
    world.punches(*world.clock.start(), world.clock.punch(BRAM_UID))
    with pytest.raises(PresenceError, match="has no way"):
        correct(world, 1, way=Way.IN)


@pytest.mark.parametrize("word", ["lost before", "lost after", "crash"])
async def test_a_bridge_that_was_killed_between_cancelling_and_declaring_does_both_once(
    world: World, word: str
) -> None:
    await moved(world, Direction.OUT)
    world.authority.cancels = [word]
    correct(world, way=Way.IN)

    def tried() -> bool:
        return any(row.state == "CANCELLING" and row.tries for row in world.rows(schema.presences))

    await world.registered(lambda: tried() or states(world) != ["CANCELLING"], world.registrar())
    await until(world, "CANCELLED", "VALIDATED")
    assert stands(world) == ["in"]
    assert len(world.authority.books) == 2


async def test_a_correction_that_midnight_overtakes_is_written_down_as_it_was_asked_for(world: World) -> None:
    await moved(world, Direction.OUT)
    correct(world, way=Way.IN)
    world.now_ms = NOON_MS + DAY_MS
    await until(world, "VALIDATED")
    (filed,) = world.rows(schema.filings)
    assert (filed.kind, filed.way, filed.by, filed.why) == ("correct", "in", "office", "wrong badge")
    assert world.rows(schema.acts)[-1].act == "correction_filed"
    assert [row.settled_ms is None for row in world.rows(schema.events) if row.kind == "cancel_refused"] == [False]


async def test_a_declaration_that_midnight_overtakes_behind_its_cancellation_is_written_down_by_a_person(
    world: World,
) -> None:
    await registered(world)
    correct(world, worker="W-002")
    with world.store.write() as connection:  # cancelled at 23:59, and the bridge was killed
        (due,) = cancellations.due(connection, frozenset(Declared), world.now_ms, 9)
        world.authority.cancel_by_hand(0)
        cancellations.complete(connection, due, world.now_ms)
    world.now_ms = NOON_MS + DAY_MS
    await until(world, "CANCELLED", "WAITING")
    assert isinstance(correct(world, 1), Filed)
    (filed,) = world.rows(schema.filings)
    assert (filed.kind, filed.worker_id) == ("declare", 2)


async def test_a_presence_at_the_wrong_site_is_cancelled_and_declared_at_the_right_one(world: World) -> None:
    world.add_site("Quay 9", "1Y1TEST00009Z", Regime.CONSTRUCTION)
    await registered(world)
    assert correct(world, site="Quay 9") is PresenceState.CANCELLING
    await until(world, "CANCELLED", "VALIDATED")
    old, new = world.rows(schema.presences)
    assert (old.workplace, new.workplace, new.site_id) == ("1Y1TEST00001Z", "1Y1TEST00009Z", 2)
    assert world.authority.standing() == {new.reference: 1}
    act = world.rows(schema.acts)[-1]
    assert (act.detail["before"]["site"], act.detail["after"]["site"]) == (1, 2)


def test_what_was_not_sent_yet_goes_to_the_right_site_and_way_at_once(world: World) -> None:
    world.add_site("Hall", "1Y1TEST00008Z", Regime.CLEANING)
    clock = world.add_site("Office tower", OFFICE, Regime.CLEANING)
    world.punches(*clock.start(), clock.punch(ANNA_UID, Direction.OUT), clock=clock)
    assert correct(world, site="Hall", way=Way.IN) is PresenceState.QUEUED
    (row,) = world.rows(schema.presences)
    assert (row.way, row.workplace, row.site_id) == ("in", "1Y1TEST00008Z", 2)


async def test_a_site_that_declares_something_else_or_is_not_there_is_refused(world: World) -> None:
    world.add_site("Office tower", OFFICE, Regime.CLEANING)
    await registered(world)
    with pytest.raises(PresenceError, match="declares a movement"):
        correct(world, site="Office tower")
    with pytest.raises(PresenceError, match="no site 'Nowhere'"):
        correct(world, site="Nowhere")


async def test_a_movement_that_the_authority_finds_too_old_is_written_down(world: World) -> None:
    clock = world.add_site("Office tower", OFFICE, Regime.CLEANING)
    world.authority.refused, world.authority.refusal = {ANNA_NISS}, "6"
    world.punches(*clock.start(), clock.punch(ANNA_UID, Direction.OUT), clock=clock)
    await until(world, "REFUSED")
    assert isinstance(correct(world, way=Way.IN), Filed)
    (filed,) = world.rows(schema.filings)
    assert (filed.kind, filed.way) == ("declare", "in")


# --- the file for the authority ---


def end(world: World, how: Any, number: int = 1) -> None:
    with world.store.write() as connection:
        how(connection, number, decision(world, "its letter of 5 January"))


async def test_a_correction_ends_when_somebody_says_what_the_authority_answered(world: World) -> None:
    await registered(world)
    world.now_ms += DAY_MS
    cancel(world)
    end(world, filings.complete)
    (row,) = world.rows(schema.filings)
    assert (row.outcome, row.done_ms) == ("answered: its letter of 5 January", world.now_ms)
    assert [act.act for act in world.rows(schema.acts)][-2:] == ["correction_filed", "correction_done"]
    assert states(world) in (["REGISTERED"], ["VALIDATED"])
    with pytest.raises(PresenceError, match="no correction 1 is open"):
        end(world, filings.withdraw)


async def test_a_punch_whose_day_is_over_is_written_down_and_closed_once_the_authority_has_answered(
    world: World,
) -> None:
    world.now_ms += DAY_MS
    world.punches(*world.clock.start(), world.clock.punch(ANNA_UID))
    assert world.states() == ["WAITING"]
    assert declare(world, 2) == Filed(1, date(2026, 2, 4))
    with pytest.raises(PresenceError, match="as correction 1"):
        declare(world, 2)
    (row,) = world.rows(schema.filings)
    assert (row.kind, row.worker_id, row.employer_kbo, row.site_id, row.day) == (
        "declare",
        1,
        KBO,
        1,
        date(2026, 1, 5),
    )
    end(world, filings.withdraw)
    assert world.states() == ["WAITING"]
    declare(world, 2)
    end(world, filings.complete, 2)
    assert world.states() == ["CLOSED"]
    assert listed(world) == []


def on_day(world: World, seq: int, day: date, clock: str = "clock-0001") -> str | Filed:
    with world.store.write() as connection:
        return corrections.declare_punch(connection, clock, seq, Meant(day=day), decision(world))


async def test_a_punch_without_time_is_declared_for_the_day_that_a_person_names(world: World) -> None:
    clock = world.clock
    world.punches(*clock.start(), clock.punch(ANNA_UID, utc_s=0, ms=0), clock.punch(BRAM_UID, utc_s=0, ms=0))
    with pytest.raises(PresenceError, match="is to come"):
        on_day(world, 2, date(2026, 1, 6))
    made = on_day(world, 2, date(2026, 1, 5))
    await until(world, "VALIDATED")
    assert made == reference(world)
    assert on_day(world, 3, date(2026, 1, 4)) == Filed(1, date(2026, 2, 3))
    hall = world.add_site("Office tower", OFFICE, Regime.CLEANING)
    world.punches(*hall.start(), hall.punch(ANNA_UID, utc_s=0, ms=0), clock=hall)
    with pytest.raises(PresenceError, match="with its moment"):
        on_day(world, 2, date(2026, 1, 5), hall.name)


def test_a_punch_of_a_clock_that_ended_under_quarantine_is_written_down(world: World) -> None:
    clock = world.clock
    world.punches(*clock.start())
    before = clock.state
    world.punches(clock.punch(BRAM_UID))
    clock.state = before
    world.punches(clock.punch(ANNA_UID))
    clock.state = before
    clock.punch(BRAM_UID)
    world.now_ms += DAY_MS
    world.punches(clock.punch(ANNA_UID))
    assert [(punch["state"], punch["reason"]) for punch in world.shown()][1:] == [("WAITING", "quarantine")]
    with pytest.raises(PresenceError, match="release the clock"):
        declare(world, 3)
    with world.store.write() as connection:
        registry.end(connection, clock.name, by="office", reason="stolen", now_ms=world.now_ms)
    assert isinstance(declare(world, 3), Filed)


def test_a_punch_without_seal_is_only_ever_written_down(world: World) -> None:
    world.status(world.clock.online(session=b"session1", sealed=False))
    world.punches(*world.clock.start(), world.clock.unsealed(ANNA_UID))
    assert world.states() == ["INVALID"]
    assert [state for _, state, _ in listed(world)] == ["INVALID"]
    assert isinstance(declare(world, 2), Filed)
    assert world.rows(schema.presences) == []


# --- punches that wait ---


def declare(world: World, seq: int, direction: Direction | None = None, clock: str = "clock-0001") -> str | Filed:
    with world.store.write() as connection:
        return corrections.declare_punch(connection, clock, seq, Meant(direction), decision(world))


async def test_a_late_movement_is_declared_with_its_own_time_if_a_person_says_so(world: World) -> None:
    clock = world.add_site("Office tower", "1Y1TEST00003Z", Regime.CLEANING)
    world.now_ms += 4 * MOVEMENT_LATE_MS
    world.punches(*clock.start(), clock.punch(ANNA_UID), clock=clock)
    assert world.states() == ["WAITING"]
    made = declare(world, 2, clock=clock.name)
    await until(world, "VALIDATED")
    assert world.authority.items[made].moment.timestamp() * 1000 == NOON_MS  # type: ignore[union-attr]
    assert "presence_declared" in world.events()


def test_a_movement_without_direction_wants_to_be_told_which(world: World) -> None:
    clock = world.add_site("Office tower", "1Y1TEST00003Z", Regime.CLEANING)
    world.punches(*clock.start(), clock.punch(ANNA_UID, Direction.NONE), clock=clock)
    with pytest.raises(PresenceError, match="name it"):
        declare(world, 2, clock=clock.name)
    declare(world, 2, Direction.OUT, clock.name)
    assert [row.way for row in world.rows(schema.presences)] == ["out"]


def test_an_unknown_badge_and_a_clock_without_time_or_ahead_are_never_declared(world: World) -> None:
    clock = world.clock
    world.punches(
        *clock.start(), clock.punch(ANNA_UID), clock.punch(STRANGER_UID), clock.punch(BRAM_UID, utc_s=0, ms=0)
    )
    world.punches(clock.punch(ANNA_UID, utc_s=clock.utc_ms // 1000 + 86_400))
    for seq, why in ((3, "nobody was given"), (4, "no_time"), (5, "is to come"), (2, "no punch 2")):
        with pytest.raises(PresenceError, match=why):
            declare(world, seq)


def test_a_punch_that_waits_is_shown_with_its_seal_and_can_be_closed(world: World) -> None:
    world.punches(*world.clock.start(), world.clock.punch(STRANGER_UID))
    assert listed(world) == [("clock-0001/2", "UNASSIGNED", None)]
    with world.store.write() as connection:
        (evidence,) = review_queue.describe_punch(connection, "clock-0001", 2)["punches"]
        assert evidence["tag"] == world.clock.sent[2][-16:].hex()
        assert evidence["sealed"]
        corrections.close_punch(connection, "clock-0001", 2, decision(world, "a visitor"))
    assert listed(world) == []
    assert world.assign(STRANGER_UID, "W-002") == 0
    assert world.states() == ["CLOSED"]


async def test_all_there_is_of_a_presence_can_be_shown_and_names_nobody(world: World) -> None:
    await registered(world)
    cancel(world)
    await until(world, "CANCELLED")
    found = shown(world)
    assert [one["outcome"] for one in found["calls"]] == ["registered"]  # type: ignore[attr-defined]
    assert found["worker"] == "W-001"
    assert len(found["punches"]) == len(found["numbers"]) == len(found["decisions"]) == 1  # type: ignore[arg-type]
    assert ANNA_NISS not in str(found)
    assert "Anna" not in str(found)


@pytest.mark.parametrize("why", ["", "   ", "x" * 501])
def test_a_decision_without_a_reason_is_none(world: World, why: str) -> None:
    world.punches(*world.clock.start(), world.clock.punch(ANNA_UID))
    with pytest.raises(PresenceError, match="reason"), world.store.write() as connection:
        corrections.close(connection, reference(world), decision(world, why))
    assert states(world) == ["QUEUED"]


def test_what_is_not_there_is_named(world: World) -> None:
    with world.store.write() as connection:
        with pytest.raises(PresenceError, match="no presence 'BC1'"):
            corrections.close(connection, "BC1", decision(world))
        with pytest.raises(PresenceError, match="no punch 9"):
            review_queue.describe_punch(connection, "clock-0001", 9)
    world.punches(*world.clock.start(), world.clock.punch(ANNA_UID))
    with pytest.raises(PresenceError, match="no worker 'W-999'"):
        correct(world, worker="W-999")
