"""Another key for a site: what a stolen clock's key reveals before and after, and that nobody's history is lost."""

from __future__ import annotations

import hmac
from collections.abc import Iterable

import pytest
from tests.host.bridge.world import ANNA_UID, BOTH, BRAM_UID, LUZ_UID, SITE, SITE_KEY, STRANGER_UID, Clock, World

from badgeclock.bridge.downlink import rosters
from badgeclock.bridge.errors import PeopleError
from badgeclock.bridge.people import badge_keys, badges
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.audit_log import Operator
from badgeclock.bridge.store.states import PunchState
from badgeclock.protocol import seal
from badgeclock.protocol.record import Direction, Flag, Kind

DATABASES = BOTH
NEW_KEY = bytes(range(100, 132))
BOTH_KEYS = SITE_KEY + NEW_KEY
PEOPLE = {ANNA_UID: "W-001", BRAM_UID: "W-002", LUZ_UID: "W-003"}


def begin(world: World, keys: bytes = BOTH_KEYS) -> bool:
    with world.store.write() as connection:
        return badge_keys.give_site_key(connection, world.vault, SITE, keys, "operator", world.now_ms).happened


def forget(world: World) -> bool:
    with world.store.write() as connection:
        return badge_keys.forget_old_key(connection, SITE, "operator", world.now_ms)


def searched(site_key: bytes, uids: Iterable[bytes], tokens: Iterable[bytes]) -> set[bytes]:
    """The UIDs that the holder of a clock's site key finds for tokens: one HMAC a UID, as docs/theft.md has it."""
    wanted = set(tokens)
    return {uid for uid in uids if hmac.digest(site_key, b"\x01" + uid, "sha256")[:8] in wanted}


def said(clock: Clock, uid: bytes, keys: bytes, direction: Direction = Direction.IN) -> bytes:
    """A punch of a clock that makes its tokens with these keys."""
    token = seal.badge_token(keys, badge_keys.UID_READ, uid)
    return clock.append(clock.record(Kind.PUNCH, flags=int(direction), token=token))


def roster(world: World, keys: int) -> list[bytes]:
    with world.store.read() as connection:
        entries = rosters.of_site(connection, 1, keys)
    return [entries.content[at : at + 8] for at in range(0, len(entries.content), 10)]


def stored_tokens(world: World) -> list[bytes]:
    rows = world.rows(schema.badges)
    return [token for row in rows for token in (row.token, row.token_before, row.card) if token is not None]


def told(world: World, clock: Clock, keys: int, session: bytes) -> None:
    world.status(clock.online(session=session, site_keys=keys, roster=(0, 0)), clock)


def test_a_stolen_clocks_search_finds_every_badge_before_the_change_and_none_after_it(world: World) -> None:
    candidates = [*PEOPLE, *(number.to_bytes(4, "big") for number in range(2000))]
    assert searched(SITE_KEY, candidates, stored_tokens(world)) == set(PEOPLE)
    assert searched(SITE_KEY, candidates, roster(world, 1)) == set(PEOPLE)
    clock = world.clock
    world.punches(*clock.start(), said(clock, ANNA_UID, SITE_KEY))
    assert searched(SITE_KEY, candidates, [clock.sent[-1][24:32]]) == {ANNA_UID}

    assert begin(world)
    told(world, clock, 2, b"session2")
    assert forget(world)
    world.punches(said(clock, BRAM_UID, BOTH_KEYS))
    after = [*stored_tokens(world), *roster(world, 2), clock.sent[-1][24:32]]
    assert len(after) == 7
    assert searched(SITE_KEY, candidates, after) == set()
    assert searched(NEW_KEY, candidates, after) == set(), "the new key alone finds nothing either"
    assert [punch["worker"]["reference"] for punch in world.shown()] == ["W-001", "W-002"]


def test_during_the_change_the_bridge_takes_both_tokens_and_each_clock_has_its_own_roster(world: World) -> None:
    old, new = world.clock, world.add_clock(Clock("clock-0002", nonce=b"nonce002"))
    assert begin(world)
    told(world, old, 1, b"session1")
    told(world, new, 2, b"session2")
    world.punches(*old.start(), said(old, ANNA_UID, SITE_KEY), clock=old)
    world.punches(*new.start(), said(new, BRAM_UID, BOTH_KEYS), said(new, LUZ_UID, SITE_KEY), clock=new)
    shown = {punch["clock"] + str(punch["seq"]): punch["worker"] for punch in world.shown()}
    assert {at: worker["reference"] for at, worker in shown.items() if worker} == {
        "clock-00012": "W-001",
        "clock-00022": "W-002",
        "clock-00023": "W-003",  # it was made before the clock was given the new key, and sent after
    }
    assert sorted(roster(world, 1)) == sorted(seal.badge_token(SITE_KEY, 1, uid) for uid in PEOPLE)
    assert sorted(roster(world, 2)) == sorted(seal.badge_token(BOTH_KEYS, 1, uid) for uid in PEOPLE)
    assert roster(world, 3) == []


def test_a_clock_that_has_the_new_key_is_due_for_a_roster_of_its_tokens(world: World) -> None:
    clock = world.clock
    told(world, clock, 1, b"session1")
    world.now_ms += 10 * rosters.LONGEST_MS
    with world.store.write() as connection:
        rosters.number(connection, rosters.due(connection, world.now_ms), world.now_ms)
        rosters.note_in_use(connection, 1, b"session1", 1)
    begin(world)
    with world.store.read() as connection:
        assert rosters.due(connection, world.now_ms) == []
    world.status(clock.online(session=b"session2", site_keys=2, roster=(1, 3)), clock)
    with world.store.write() as connection:
        (due,) = rosters.due(connection, world.now_ms)
        assert due.version is None
        rosters.number(connection, [due], world.now_ms)
        (due,) = rosters.due(connection, world.now_ms)
        assert due.version == 2
        rosters.note_in_use(connection, 1, b"session2", 2)
        assert rosters.due(connection, world.now_ms) == []


@pytest.mark.parametrize("known_by", ["uid", "punch of an old clock", "punch of a new clock"])
def test_a_stranger_of_both_clocks_is_one_badge_once_it_is_given(world: World, known_by: str) -> None:
    old, new = world.clock, world.add_clock(Clock("clock-0002", nonce=b"nonce002"))
    begin(world)
    told(world, old, 1, b"session1")
    told(world, new, 2, b"session2")
    world.punches(*old.start(), said(old, STRANGER_UID, SITE_KEY), clock=old)
    world.punches(*new.start(), said(new, STRANGER_UID, BOTH_KEYS, Direction.OUT), clock=new)
    assert {row.state for row in world.rows(schema.punches)} == {PunchState.UNASSIGNED}
    if known_by == "uid":
        world.assign(STRANGER_UID, "W-001")
    else:
        with world.store.write() as connection:
            badges.assign_punched(
                connection,
                world.vault,
                clock="clock-0001" if "old" in known_by else "clock-0002",
                seq=2,
                worker="W-001",
                operator=Operator("operator"),
                now_ms=world.now_ms,
            )
    states = [row.state for row in world.rows(schema.punches)]
    waiting = 1 if known_by == "punch of a new clock" else 0  # of its token alone the one before cannot be made
    assert states.count(PunchState.UNASSIGNED) == waiting
    assert world.rows(schema.badges)[-1].token == seal.badge_token(BOTH_KEYS, badge_keys.UID_READ, STRANGER_UID)


def test_what_waited_from_before_a_change_is_found_when_its_badge_is_given_after_it(world: World) -> None:
    clock = world.clock
    world.punches(*clock.start(), said(clock, STRANGER_UID, SITE_KEY))
    begin(world)
    told(world, clock, 2, b"session2")
    assert forget(world)
    world.assign(STRANGER_UID, "W-001")
    assert world.rows(schema.punches)[-1].state == PunchState.DECLARED
    assert world.rows(schema.badges)[-1].token_before is None


def test_a_badge_that_was_taken_back_stays_known_as_such(world: World) -> None:
    with world.store.write() as connection:
        (badge,) = badges.in_use(connection, "W-001")
        badges.revoke(connection, badge, by="operator", now_ms=world.now_ms)
    begin(world)
    with world.store.read() as connection:
        found = badges.of_token(connection, 1, seal.badge_token(BOTH_KEYS, badge_keys.UID_READ, ANNA_UID))
    assert found is not None
    assert (found.worker, found.until_ms) == ("W-001", world.now_ms)


def test_a_number_of_a_badge_that_proves_itself_is_raised_as_a_uid_is(world: World) -> None:
    world.give_number(b"number 1", "W-001")
    begin(world)
    clock = world.clock
    world.punches(*clock.start())
    told(world, clock, 2, b"session2")
    token = seal.badge_token(BOTH_KEYS, badge_keys.NUMBER_PROVED, b"number 1")
    world.punches(clock.append(clock.record(Kind.PUNCH, flags=int(Flag.PROVED) | Direction.IN, token=token)))
    assert [punch["worker"]["reference"] for punch in world.shown()] == ["W-001"]


def test_no_second_change_begins_and_none_ends_before_every_clock_has_the_key(world: World) -> None:
    other = world.add_clock(Clock("clock-0002", nonce=b"nonce002"))
    assert not forget(world)
    begin(world)
    assert not begin(world), "the same again is no change"
    told(world, world.clock, 2, b"session1")
    with pytest.raises(PeopleError, match="before this one"):
        begin(world, BOTH_KEYS + bytes(32))
    with pytest.raises(PeopleError, match="clock-0002"):
        forget(world)
    told(world, other, 2, b"session2")
    assert forget(world)
    assert begin(world, BOTH_KEYS + bytes(32))
    assert [row.site_keys for row in world.rows(schema.sites)] == [3]


@pytest.mark.parametrize(
    "keys", [NEW_KEY, NEW_KEY + SITE_KEY, BOTH_KEYS + bytes(32), SITE_KEY + bytes(31), b"", SITE_KEY[:31]]
)
def test_any_other_key_is_refused_and_changes_nothing(world: World, keys: bytes) -> None:
    before = stored_tokens(world)
    with pytest.raises(PeopleError):
        begin(world, keys)
    assert stored_tokens(world) == before
