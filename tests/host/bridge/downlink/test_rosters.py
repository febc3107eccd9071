"""Rosters on their way to clocks: their badges, when they are sent, and what ends or breaks a transfer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.host.bridge.world import (
    ANNA_UID,
    BRAM_UID,
    LUZ_UID,
    NOON_MS,
    SITE,
    STRANGER_UID,
    Clock,
    World,
    token_of,
)

from badgeclock.bridge import errors
from badgeclock.bridge.clocks import enrolment
from badgeclock.bridge.downlink import rosters
from badgeclock.bridge.downlink.frames_out import Message
from badgeclock.bridge.downlink.roster_sender import REFUSED_MS, RosterSender
from badgeclock.bridge.downlink.rosters import AGAIN_MS, LONGEST_MS, SETTLE_MS
from badgeclock.bridge.people import badges, checks, sites
from badgeclock.bridge.presences.regimes import Regime
from badgeclock.bridge.store import schema
from badgeclock.protocol import frames, roster
from badgeclock.protocol.frames import NO_SESSION, Frame, FrameType, RosterAnswer, RosterPart, RosterResult

SECOND = "clock-0002"


class Flash:
    """A clock's side: takes parts in order, answers each, and reports its state in STATUS. `says` overrides answers."""

    def __init__(self, world: World, clock: Clock) -> None:
        self.world = world
        self.clock = clock
        self.version = 0
        self.known: dict[bytes, str | None] = {}
        self.staged: dict[int, bytes] = {}
        self.staged_version = 0
        self.says: Callable[[RosterPart], RosterAnswer | None] = self._take

    def hear(self, message: Message) -> bytes | None:
        """A frame of the bridge; the clock's answer, if it is one of a roster."""
        frame = self.clock.hear(message.payload)
        if frame.type != FrameType.ROSTER:
            return None
        answer = self.says(frames.unpack_roster(frame.body))
        return None if answer is None else self.answer(answer)

    def answer(self, answer: RosterAnswer) -> bytes:
        """The frame of an answer in the clock's present connection."""
        clock = self.clock
        clock.number += 1
        counter = frames.upward_counter(clock.state.boot, clock.connection, clock.number)
        body = frames.pack_roster_answer(answer)
        frame = Frame(FrameType.ROSTER_ANSWER, counter, body)
        return frames.seal_frame(frames.upward_key(clock.link_key), clock.name, NO_SESSION, frame)

    def online(self, session: bytes) -> None:
        """A STATUS of a new connection, for the bridge."""
        frame = self.clock.online(session=session, roster=(self.version, len(self.known)), settings=0)
        self.world.status(frame, self.clock)

    def _take(self, part: RosterPart) -> RosterAnswer:
        if part.version <= self.version:
            return RosterAnswer(self.version, 0, RosterResult.IN_USE)
        if part.part == 0 and self.staged_version != part.version:
            self.staged, self.staged_version = {}, part.version
        self.staged[part.part] = part.content
        wanted = len(self.staged)
        if wanted < part.parts:
            return RosterAnswer(part.version, wanted, RosterResult.NEXT)
        self._use(part)
        return RosterAnswer(part.version, part.parts, RosterResult.IN_USE)

    def _use(self, part: RosterPart) -> None:
        header = part.version.to_bytes(4, "big") + self.staged[0]
        content = b"".join(self.staged[number] for number in range(1, part.parts))
        languages = header[12:28].rstrip(b"\0").decode()
        entries = roster.Entries(tuple(languages[at : at + 2] for at in range(0, len(languages), 2)), content)
        key = roster.roster_key(frames.downward_key(self.clock.link_key))
        assert roster.pack_header(key, part.version, entries) == header
        self.known, self.version = dict(roster.known(entries)), part.version


class Bridge:
    """Rosters of the world's store, their messages carried to clocks and the answers back."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.published: list[Message] = []
        self.rosters = RosterSender(
            world.store, world.vault, world.downlink, self.published.append, lambda: self.world.now_ms
        )
        self.flashes = {name: Flash(world, clock) for name, clock in world.clocks.items()}

    async def rounds(self, count: int = 12) -> int:
        """So many rounds of the bridge, with the clocks' answers; returns the frames sent."""
        sent = 0
        for _ in range(count):
            await self.rosters.work()
            messages, self.published[:] = list(self.published), []
            sent += len(messages)
            for message in messages:
                name = message.topic.split("/")[2]
                answer = self.flashes[name].hear(message)
                if answer is not None:
                    assert self.rosters.deliver(self.world.clocks[name].topic("roster"), answer)
            if not messages:
                self.world.now_ms += 1000
        return sent


@pytest.fixture
def bridge(world: World) -> Bridge:
    made = Bridge(world)
    world.punches(*world.clock.start())
    made.flashes[world.clock.name].online(b"sessionA")
    world.now_ms += SETTLE_MS
    return made


def flash_of(bridge: Bridge) -> Flash:
    return bridge.flashes[bridge.world.clock.name]


def crowd(world: World, count: int) -> None:
    """Gives so many more badges to one worker at once."""
    with world.store.write() as connection:
        site_id = connection.execute(schema.sites.select()).scalar_one()
        row = {"site_id": site_id, "worker_id": 1, "since_ms": world.now_ms}
        rows = [{**row, "token": number.to_bytes(8, "big")} for number in range(count)]
        connection.execute(schema.badges.insert(), rows)
        rosters.changed(connection, [site_id], world.now_ms)


async def test_a_clock_gets_the_badges_in_use_at_its_site_with_their_workers_languages(bridge: Bridge) -> None:
    bridge.world.change_worker("W-002", language="nl")
    bridge.world.now_ms += SETTLE_MS
    await bridge.rounds()
    flash = flash_of(bridge)
    assert flash.known == {token_of(ANNA_UID): None, token_of(BRAM_UID): "nl", token_of(LUZ_UID): None}
    assert bridge.world.clock_row().roster_told == flash.version == 1
    assert bridge.rosters.in_use == 1
    assert await bridge.rounds() == 0, "and nothing more"


async def test_a_change_goes_out_when_the_site_has_settled_and_once_for_many(bridge: Bridge) -> None:
    await bridge.rounds()
    world, flash = bridge.world, flash_of(bridge)
    for _ in range(2):
        world.assign(STRANGER_UID, "W-001")
    crowd(world, 199)
    assert await bridge.rounds(2) == 0, "not while it may go on"
    await bridge.rounds(20)
    assert (flash.version, len(flash.known)) == (2, 203)
    with world.store.write() as connection:
        one = connection.execute(schema.badges.select().where(schema.badges.c.token == token_of(ANNA_UID))).one()
        badge = badges.Badge(one.id, "W-001", one.worker_id, one.since_ms, None)
        badges.revoke(connection, badge, by="tests", now_ms=world.now_ms)
    await bridge.rounds(20)
    assert (flash.version, len(flash.known)) == (3, 202)
    assert token_of(ANNA_UID) not in flash.known


async def test_a_site_that_never_settles_is_not_waited_for_without_end(bridge: Bridge) -> None:
    await bridge.rounds()
    world, flash = bridge.world, flash_of(bridge)
    for number in range(2 * LONGEST_MS // 1000):
        world.assign(STRANGER_UID, f"W-00{1 + number % 3}")
        world.now_ms += 1000
        await bridge.rounds(1)
    assert flash.version > 1


async def test_a_part_without_an_answer_is_sent_again_and_not_before_its_time(bridge: Bridge) -> None:
    flash = flash_of(bridge)
    flash.says = lambda _: None
    await bridge.rosters.work()
    assert len(bridge.published) == 1
    bridge.world.now_ms += AGAIN_MS - 1
    await bridge.rosters.work()
    assert len(bridge.published) == 1
    bridge.world.now_ms += 1
    await bridge.rosters.work()
    assert len(bridge.published) == 2


async def test_a_transfer_goes_on_in_the_next_connection_and_after_a_restart_of_the_bridge(bridge: Bridge) -> None:
    world, flash = bridge.world, flash_of(bridge)
    crowd(world, 300)
    world.now_ms += SETTLE_MS
    await bridge.rounds(2)
    assert len(flash.staged) == 2
    world.status(world.clock.offline())
    assert await bridge.rounds(3) == 0
    again = Bridge(world)
    again.flashes[world.clock.name] = flash
    flash.online(b"sessionB")
    world.downlink.forget_all()
    sent = await again.rounds()
    assert (flash.version, len(flash.known)) == (1, 303)
    assert sent == 1 + 3, "the header, which shows where it stopped, and the three parts that were missing"


async def test_retired_and_quarantined_clocks_and_those_without_a_place_for_it_get_nothing(bridge: Bridge) -> None:
    world = bridge.world
    for state in ("RETIRED", "QUARANTINED"):
        with world.store.write() as connection:
            connection.execute(schema.clocks.update().values(state=state))
        assert await bridge.rounds(3) == 0
        with world.store.read() as connection:
            assert rosters.stale(connection) == 0
    with world.store.write() as connection:
        connection.execute(schema.clocks.update().values(state="ACTIVE"))
    world.status(world.clock.online(session=b"sessionC"))
    assert await bridge.rounds(3) == 0


@pytest.mark.parametrize("result", [RosterResult.TOO_LONG, RosterResult.SEAL, RosterResult.FLASH])
async def test_what_a_clock_refuses_is_told_and_tried_again_later(bridge: Bridge, result: RosterResult) -> None:
    flash = flash_of(bridge)
    taking, flash.says = flash.says, lambda part: RosterAnswer(part.version, 0, result)
    assert await bridge.rounds(4) == 1
    assert bridge.world.events() == ["roster_refused"]
    with bridge.world.store.read() as connection:
        assert rosters.stale(connection) == 1
    flash.says = taking
    bridge.world.now_ms += REFUSED_MS
    await bridge.rounds()
    assert flash.version == 1
    with bridge.world.store.read() as connection:
        assert rosters.stale(connection) == 0


async def test_a_clock_whose_version_is_above_the_stores_gets_a_higher_one(bridge: Bridge) -> None:
    flash = flash_of(bridge)
    flash.version = 40
    flash.online(b"sessionB")
    await bridge.rounds()
    assert flash.version == 41
    assert len(flash.known) == 3


async def test_a_clock_that_moves_to_another_site_gets_that_sites_badges(bridge: Bridge) -> None:
    await bridge.rounds()
    world, flash = bridge.world, flash_of(bridge)
    with world.store.write() as connection:
        sites.add(
            connection,
            world.vault,
            name="Quay 8",
            workplace="1Y1TEST00002Z",
            regime=Regime.CONSTRUCTION,
            site_key=bytes(32),
        )
        for uid in (ANNA_UID, BRAM_UID, STRANGER_UID)[:3]:
            badges.assign(
                connection, world.vault, site="Quay 8", worker="W-001", uid=uid, now_ms=world.now_ms - SETTLE_MS
            )
        enrolment.add(connection, world.vault, world.clock.bundle(), site="Quay 8", now_ms=world.now_ms)
    await bridge.rounds()
    assert flash.version == 2
    assert set(flash.known).isdisjoint({token_of(ANNA_UID), token_of(BRAM_UID)})
    assert len(flash.known) == 3
    assert SITE != "Quay 8"


async def test_answers_that_are_forged_old_or_of_another_connection_change_nothing(bridge: Bridge) -> None:
    world, flash = bridge.world, flash_of(bridge)
    flash.says = lambda _: None
    await bridge.rosters.work()
    topic = world.clock.topic("roster")
    done = flash.answer(RosterAnswer(1, 2, RosterResult.IN_USE))
    for forged in (b"", done[:-1] + b"x", world.clock.online(roster=(0, 0)), bytes(40)):
        assert bridge.rosters.deliver(topic, forged)
    world.clock.connection += 1
    assert bridge.rosters.deliver(topic, flash.answer(RosterAnswer(1, 2, RosterResult.IN_USE)))
    world.clock.connection -= 1
    first = flash.answer(RosterAnswer(1, 1, RosterResult.NEXT))
    later = flash.answer(RosterAnswer(1, 0, RosterResult.NEXT))
    assert bridge.rosters.deliver(topic, later)
    assert bridge.rosters.deliver(topic, first)
    await bridge.rosters.work()
    parts = [frames.unpack_roster(world.clock.hear(message.payload).body).part for message in bridge.published]
    assert parts == [0, 0]
    assert bridge.rosters.deliver("badgeclock/v1/nobody/roster", done)
    assert not bridge.rosters.deliver(world.clock.topic("status"), done)
    assert not bridge.rosters.deliver("elsewhere", done)


def test_no_roster_is_due_where_no_badge_was_ever_given(world: World) -> None:
    with world.store.write() as connection:
        connection.execute(schema.sites.update().values(roster_changes=0, roster_changed_ms=None))
    world.punches(*world.clock.start())
    world.status(world.clock.online(session=b"sessionA", roster=(0, 0)))
    with world.store.read() as connection:
        assert rosters.due(connection, NOON_MS + SETTLE_MS) == []


@pytest.mark.parametrize("language", ["", "n", "nld", "NL", "é1", "n1"])
def test_what_is_no_language_is_refused(language: str) -> None:
    with pytest.raises(errors.PeopleError, match="no language"):
        checks.checked_language(language)


def roster_changes(world: World) -> int:
    return int(world.rows(schema.sites)[0].roster_changes)


def test_a_worker_keeps_their_language_until_another_is_given_and_only_then_the_roster_is_another(world: World) -> None:
    before = roster_changes(world)
    said = [(language, world.change_worker("W-002", language=language)) for language in ("nl", None, "nl", "", "")]
    assert [(language, change.changed) for language, change in said] == [
        ("nl", ("language",)),
        (None, ()),
        ("nl", ()),
        ("", ("language",)),
        ("", ()),
    ]
    assert roster_changes(world) == before + 2
    world.change_worker("W-002", employer_kbo=None, niss="00000100463")
    assert roster_changes(world) == before + 2
    with pytest.raises(errors.PeopleError, match="no worker"):
        world.change_worker("W-999", language="nl")


def test_a_roster_tells_nothing_but_tokens_and_languages(world: World) -> None:
    with world.store.read() as connection:
        site_id: Any = connection.execute(schema.sites.select()).scalar()
        entries = rosters.of_site(connection, site_id, 1)
    assert sorted(entries.content[at : at + 8] for at in range(0, len(entries.content), 10)) == sorted(
        token_of(uid) for uid in (ANNA_UID, BRAM_UID, LUZ_UID)
    )
    assert all(entries.content[at + 8 : at + 10] == b"\0\0" for at in range(0, len(entries.content), 10))
