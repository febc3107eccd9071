"""A stolen clock: what is done about it and what is open, step by step until nothing is."""

from __future__ import annotations

import pytest
from sqlalchemy import update
from tests.host.bridge.world import ANNA_UID, BRAM_UID, LUZ_UID, SITE, SITE_KEY, Clock, World

from badgeclock.bridge.clocks import badge_desk_jobs, registry, theft
from badgeclock.bridge.clocks.badge_desk_jobs import Outcome
from badgeclock.bridge.clocks.theft import State
from badgeclock.bridge.errors import PeopleError
from badgeclock.bridge.people import badge_keys, badges
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.states import DeskState

STOLEN = "clock-0002"


@pytest.fixture
def world(world: World) -> World:
    """The world with a badge root, and a second clock of the site that sent messages and is then stolen."""
    with world.store.write() as connection:
        badge_keys.set_badge_root(connection, world.vault, SITE, bytes(range(32)), world.now_ms)
    world.status(world.clock.online(session=b"session1"))
    stolen = world.add_clock(Clock(STOLEN, nonce=b"nonce002"))
    world.status(stolen.online(session=b"session2"), stolen)
    world.now_ms += 60_000
    return world


def states(world: World) -> dict[str, State]:
    with world.store.read() as connection:
        found = theft.steps(connection, STOLEN)
    assert all(bool(step.do) == (step.state is not State.DONE) for step in found)
    return {step.name: step.state for step in found}


def issue(world: World, worker: str, number: bytes, uid: bytes) -> None:
    card = badge_keys.WrittenCard(uid, b"issue  1")
    with world.store.write() as connection:
        keys = badge_keys.site_keys_of(connection, world.vault, 1)
        badges.issue(connection, keys, worker, number, card, by="a test", at=STOLEN, now_ms=world.now_ms)


def test_everything_is_open_at_first_and_done_step_by_step(world: World) -> None:
    issue(world, "W-001", b"number 1", bytes.fromhex("04a3c652117f80"))
    assert states(world) == {
        "records": State.OPEN,
        "site key": State.OPEN,
        "badge root": State.OPEN,
        "Wi-Fi password": State.ASK,
        "desk keys": State.DONE,
        "badges by UID": State.OPEN,
    }
    with world.store.write() as connection:
        registry.end(connection, STOLEN, by="operator", reason="stolen", now_ms=world.now_ms)
    assert states(world)["records"] is State.DONE

    with world.store.write() as connection:
        keys = SITE_KEY + bytes(range(100, 132))
        badge_keys.give_site_key(connection, world.vault, SITE, keys, "operator", world.now_ms)
    assert states(world)["site key"] is State.OPEN, "the other clock has the old one"
    world.status(world.clock.online(site_keys=2))
    assert states(world)["site key"] is State.OPEN, "the store has both tokens"
    with world.store.write() as connection:
        badge_keys.forget_old_key(connection, SITE, "operator", world.now_ms)
    assert states(world)["site key"] is State.DONE

    world.now_ms += 1000
    with world.store.write() as connection:
        badge_keys.set_badge_root(connection, world.vault, SITE, bytes(range(1, 33)), world.now_ms)
    assert states(world)["badge root"] is State.OPEN, "a badge has keys of the old one"
    with world.store.write() as connection:
        for worker in ("W-001", "W-002", "W-003"):
            for badge in badges.in_use(connection, worker):
                badges.revoke(connection, badge, by="a test", now_ms=world.now_ms)
    for number, (worker, uid) in enumerate((("W-001", ANNA_UID), ("W-002", BRAM_UID), ("W-003", LUZ_UID))):
        issue(world, worker, b"number %d" % (5 + number), uid)
    done = states(world)
    assert set(done.values()) == {State.DONE, State.ASK}
    assert "badges by UID" not in done


def test_badges_that_an_earlier_firmware_issued_are_to_be_issued_again(world: World) -> None:
    world.status(world.clocks[STOLEN].online(desk=None), world.clocks[STOLEN])
    assert states(world)["desk keys"] is State.DONE, "none was issued there"
    kind = badge_desk_jobs.Kind.ISSUE
    with world.store.write() as connection:
        asked = {"clock": STOLEN, "kind": kind, "worker": "W-001", "asked_by": "operator", "now_ms": world.now_ms}
        job = badge_desk_jobs.ask(connection, **asked)
        badge_desk_jobs.begin(connection, job, world.now_ms)
        badge_desk_jobs.end(connection, job, DeskState.DONE, Outcome("issued", badge=4), world.now_ms)
    assert states(world)["desk keys"] is State.OPEN


def test_a_site_without_cards_that_prove_themselves_has_no_badge_root_to_replace(world: World) -> None:
    with world.store.write() as connection:
        connection.execute(update(schema.sites).values(badge_root_closed=None))
    assert "badge root" not in states(world)


def test_a_clock_that_is_not_there_is_refused(world: World) -> None:
    with world.store.read() as connection, pytest.raises(PeopleError, match="no clock"):
        theft.steps(connection, "clock-0009")
