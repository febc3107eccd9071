"""The badge desk in the bridge: real store, real frames, cards that keep to their protocol; a clock that may not."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update
from tests.host.badges import earlier_cards
from tests.host.bridge.world import ANNA_UID, SITE, SITE_KEY, STRANGER_UID, Clock, World, eventually

from badgeclock.badges import card as cards
from badgeclock.badges.errors import CardError
from badgeclock.badges.keys import AID, Root
from badgeclock.bridge.clocks import badge_desk as desk_module
from badgeclock.bridge.clocks import badge_desk_jobs
from badgeclock.bridge.clocks.badge_desk import BadgeDesk
from badgeclock.bridge.clocks.badge_desk_jobs import Job, Kind
from badgeclock.bridge.downlink.frames_out import Message
from badgeclock.bridge.errors import PeopleError
from badgeclock.bridge.metrics import Metrics
from badgeclock.bridge.people import badge_keys, badges
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.states import ClockState, DeskState
from badgeclock.protocol import frames, seal
from badgeclock.protocol import record as records
from badgeclock.protocol.errors import FrameRefused
from badgeclock.protocol.frames import NO_SESSION, DeskEnd, DeskResult, DeskStep, Frame, FrameType
from badgeclock.virtual.desfire import Desfire, DesfireEv2

UID = bytes.fromhex("04A3C652117F80")
ROOT = Root(bytes(range(40, 72)))
ANSWER = dict[str, Any]


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits that end within a test's patience."""
    monkeypatch.setattr(desk_module, "POLL_S", 0.01)
    monkeypatch.setattr(desk_module, "_STOP_POLL_S", 0.02)
    monkeypatch.setattr(desk_module, "SEVERAL_PAUSE_S", 0.01)
    monkeypatch.setattr(desk_module, "CLOSED_S", 0.2)


@pytest.fixture
def world(world: World) -> World:
    """The world with a badge key, and its clock online."""
    with world.store.write() as connection:
        badge_keys.set_badge_root(connection, world.vault, SITE, ROOT.secret, world.now_ms)
    world.punches(*world.clock.start())
    world.status(world.clock.online(session=b"sessionA"))
    return world


class Pulled(Exception):
    """The card has left the field."""


@dataclass
class Laid:
    """A card on the reader; it is removed after so many answers, n.5: it carries out one more."""

    card: Desfire
    frames: float = 1e9
    sent: int = 0

    def answer(self, apdu: bytes) -> bytes:
        if self.sent >= self.frames:
            raise Pulled
        work = self.card.work(apdu)
        self.sent += 1
        if self.sent > self.frames:
            raise Pulled
        assert work is not None
        return work.answer


@dataclass
class DeskClock:
    """A clock in issue mode, as docs/protocol.md has it. `pile` is what will be laid on its reader, one after another;
    a tuple of a DeskResult and a payload is what it answers instead of a badge.
    """

    clock: Clock
    pile: list[Laid | tuple[int, bytes]] = field(default_factory=list)
    steps: list[frames.Desk] = field(default_factory=list)
    silent_after: int = 1_000_000
    spoil: Callable[[frames.Desk], frames.Desk] = lambda said: said
    keep: Callable[[bytes], None] = lambda _: None
    """Where the record goes that a job begins with."""
    keys: frames.DeskKeys | None = None
    behind: int = 0
    waits: frames.Desk | None = None
    laid: Laid | None = None
    number: int = 1000

    def hear(self, payload: bytes) -> list[bytes]:
        """The frames that answer one of the bridge's."""
        frame = self.clock.hear(payload)
        body, keys = frame.body, frames.desk_keys(self.clock.link_key)
        if frame.type == FrameType.SEALED_DESK:
            seq, body = frames.unpack_desk_seq(body)
            if self.keys is None or self.keys.seq != seq:
                if seq != self.clock.state.next_seq:
                    self.behind += 1
                    return [self._frame(FrameType.SEALED_DESK_ANSWER, self.clock.state.next_seq.to_bytes(4, "big"))]
                self.keys = frames.sealed_desk_keys(self.clock.state.r, seq)
                self.keep(self.clock.append(self.clock.record(records.Kind.CONFIG)))
            keys = self.keys
        else:
            assert frame.type == FrameType.DESK
        step = frames.unpack_desk(keys.down, self.clock.session, frame.counter, body)
        self.steps.append(step)
        if len(self.steps) > self.silent_after:
            return []
        said = self._do(step)
        return [] if said is None else [self.frame(self.spoil(said))]

    def frame(self, said: frames.Desk) -> bytes:
        """An answer under the keys of the job, or of all jobs."""
        keys = self.keys or frames.desk_keys(self.clock.link_key)
        text = frames.pack_desk(keys.up, self.clock.session, self._counter(self.number + 1), said)
        if keys.seq is None:
            return self._frame(FrameType.DESK_ANSWER, text)
        return self._frame(FrameType.SEALED_DESK_ANSWER, frames.pack_desk_seq(keys) + text)

    def _frame(self, frame_type: FrameType, body: bytes) -> bytes:
        self.number += 1
        frame = Frame(frame_type, self._counter(self.number), body)
        return frames.seal_frame(frames.upward_key(self.clock.link_key), self.clock.name, NO_SESSION, frame)

    def _counter(self, number: int) -> int:
        return frames.upward_counter(self.clock.state.boot, self.clock.connection, number)

    def lay(self) -> list[bytes]:
        """Lay the next badge for a step that waits for one."""
        step, self.waits = self.waits, None
        assert step is not None
        return [self.frame(self._badge(step))]

    def _do(self, step: frames.Desk) -> frames.Desk | None:
        if step.word == DeskStep.BADGE:
            if not self.pile:
                self.waits = step
                return None
            return self._badge(step)
        self.waits = None
        if step.word != DeskStep.APDU:
            return step._replace(word=DeskResult.DONE, payload=b"")
        try:
            if self.laid is None:
                raise Pulled
            return step._replace(word=DeskResult.ANSWER, payload=self.laid.answer(step.payload))
        except Pulled:
            self.laid = None
            return step._replace(word=DeskResult.GONE, payload=b"")

    def _badge(self, step: frames.Desk) -> frames.Desk:
        laid = self.pile.pop(0)
        if isinstance(laid, tuple):
            return step._replace(word=laid[0], payload=laid[1])
        laid.card.begin()
        self.laid = laid
        return step._replace(word=DeskResult.BADGE, payload=b"\x20" + laid.card.uid)


class Office:
    """A running desk, its clocks, and its callers."""

    def __init__(self, world: World, *clocks: DeskClock) -> None:
        self.world = world
        self.clocks = {one.clock.name: one for one in clocks}
        for one in clocks:
            one.keep = functools.partial(world.punches, clock=one.clock)
        self.published: list[Message] = []
        self.heard: list[tuple[str, bytes]] = []
        self.metrics = Metrics()
        self.desk = BadgeDesk(
            world.store,
            world.vault,
            world.downlink,
            self.metrics,
            publish=self.publish,
            now_ms=lambda: world.now_ms,
        )

    def publish(self, message: Message) -> None:
        self.published.append(message)
        clock = self.clocks[message.topic.split("/")[2]]
        for payload in clock.hear(message.payload):
            self.say(clock, payload)

    def say(self, clock: DeskClock, payload: bytes) -> None:
        self.heard.append((clock.clock.topic("desk"), payload))
        asyncio.get_running_loop().call_soon(self.desk.deliver, clock.clock.topic("desk"), payload)

    def ask(self, kind: Kind, worker: str | None = None, clock: str = "clock-0001") -> int:
        with self.world.store.write() as connection:
            return badge_desk_jobs.ask(
                connection, clock=clock, kind=kind, worker=worker, asked_by="desk officer", now_ms=self.world.now_ms
            )

    def job(self, job_id: int) -> Job:
        with self.world.store.read() as connection:
            return badge_desk_jobs.find(connection, job_id)

    async def ended(self, job_id: int) -> Job:
        await eventually(lambda: self.job(job_id).state not in badge_desk_jobs.OPEN)
        return self.job(job_id)

    async def done(self, kind: Kind, worker: str | None = None) -> Job:
        """One job from asking to its end."""
        async with self.running():
            return await self.ended(self.ask(kind, worker))

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.desk.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    def badges(self) -> list[tuple[str, bool]]:
        """(worker, whether in use) of every badge by number."""
        with self.world.store.read() as connection:
            uid_tokens = {row.token for row in connection.execute(schema.badges.select()) if row.id <= 3}
            return [
                (holder.worker, holder.until_ms is None)
                for row in connection.execute(schema.badges.select().order_by(schema.badges.c.id))
                if row.token not in uid_tokens
                and (holder := badges.of_token(connection, row.site_id, row.token)) is not None
            ]


def office(world: World, *field: Laid | tuple[int, bytes]) -> Office:
    return Office(world, DeskClock(world.clock, list(field)))


def clock_of(one: Office) -> DeskClock:
    return one.clocks["clock-0001"]


def number_on(card: Desfire) -> bytes | None:
    card.begin()
    found = cards.desfire.run(cards.examine(ROOT), lambda apdu: Laid(card).answer(apdu))
    return found.number


def events(world: World, kind: str) -> list[str]:
    return [row.detail for row in world.rows(schema.events) if row.kind == kind]


# --- issue ---


async def test_a_blank_card_becomes_the_badge_of_a_worker(world: World) -> None:
    card = DesfireEv2(UID)
    one = office(world, Laid(card))
    job = await one.done(Kind.ISSUE, "W-001")
    assert job.outcome is not None
    assert (job.state, job.outcome.what) == (DeskState.DONE, "the card is a badge of W-001 now")
    number = number_on(card)
    assert number is not None
    assert job.outcome.card == f"••••{number.hex()[-2:]}"
    (row,) = [row for row in world.rows(schema.badges) if row.id == job.outcome.badge]
    assert row.token == seal.badge_token(SITE_KEY, badge_keys.NUMBER_PROVED, number)
    assert row.until_ms is None
    assert events(world, "badge_issued") == [
        f"badge {row.id} was issued to W-001 by desk officer at clock-0001",
    ]
    assert one.badges() == [("W-001", True)]
    steps = [step.word for step in clock_of(one).steps]
    assert steps[:2] == [DeskStep.OPEN, DeskStep.BADGE]
    assert clock_of(one).steps[-1] == (job.id, len(steps), DeskStep.CLOSE, bytes([DeskEnd.DONE]))
    assert [step.step for step in clock_of(one).steps] == list(range(1, len(steps) + 1))


async def test_punches_that_the_badge_makes_from_then_on_are_the_workers(world: World) -> None:
    card = DesfireEv2(UID)
    await office(world, Laid(card)).done(Kind.ISSUE, "W-001")
    number = number_on(card)
    assert number is not None
    clock = world.clock
    token = seal.badge_token(SITE_KEY, badge_keys.NUMBER_PROVED, number)
    record = clock.record(records.Kind.PUNCH, flags=int(records.Flag.PROVED) | records.Direction.IN, token=token)
    world.punches(clock.append(record))
    assert [punch["worker"]["reference"] for punch in world.shown()] == ["W-001"]


async def test_the_same_again_says_that_it_is_so_already(world: World) -> None:
    card = DesfireEv2(UID)
    first = await office(world, Laid(card)).done(Kind.ISSUE, "W-001")
    again = await office(world, Laid(card)).done(Kind.ISSUE, "W-001")
    assert first.outcome is not None
    assert again.outcome is not None
    assert again.state is DeskState.DONE
    assert again.outcome.what == "the card is the badge of W-001 already"
    assert again.outcome.badge == first.outcome.badge


async def test_a_badge_in_use_is_not_given_to_another(world: World) -> None:
    card = DesfireEv2(UID)
    await office(world, Laid(card)).done(Kind.ISSUE, "W-001")
    before = card.memory()
    one = office(world, Laid(card))
    job = await one.done(Kind.ISSUE, "W-002")
    assert job.outcome is not None
    assert job.state is DeskState.FAILED
    assert "the badge of W-001" in job.outcome.what
    assert "badgeclock badge revoke --worker W-001" in job.outcome.do
    assert card.memory() == before
    assert clock_of(one).steps[-1].payload == bytes([DeskEnd.FAILED])


async def test_a_badge_that_was_taken_back_is_written_anew_for_the_next_worker(world: World) -> None:
    card = DesfireEv2(UID)
    one = office(world, Laid(card))
    first = await one.done(Kind.ISSUE, "W-001")
    old = number_on(card)
    with world.store.write() as connection:
        (badge,) = [badge for badge in badges.in_use(connection, "W-001") if badge.id == first.outcome.badge]  # type: ignore[union-attr]
        badges.revoke(connection, badge, by="a test", now_ms=world.now_ms)
    job = await office(world, Laid(card)).done(Kind.ISSUE, "W-002")
    assert job.state is DeskState.DONE
    assert number_on(card) != old
    assert one.badges() == [("W-001", False), ("W-002", True)]


@pytest.mark.parametrize("cut", [0.5, 6, 9.5, 17, 22.5, 27, 29.5, 31.5])
async def test_a_card_pulled_away_is_laid_again_and_finished_within_the_job(world: World, cut: float) -> None:
    card = DesfireEv2(UID)
    one = office(world, Laid(card, cut), Laid(card))
    job = await one.done(Kind.ISSUE, "W-001")
    assert job.state is DeskState.DONE, job.outcome
    assert number_on(card) is not None
    assert one.badges() == [("W-001", True)]


async def test_a_card_pulled_away_too_often_interrupts_the_job_and_the_next_finishes_it(world: World) -> None:
    card = DesfireEv2(UID)
    one = office(world, *[Laid(card, 20 + left) for left in range(5)])
    job = await one.done(Kind.ISSUE, "W-001")
    assert job.outcome is not None
    assert job.state is DeskState.INTERRUPTED
    assert job.outcome.what == "interrupted: the card was pulled away"
    assert "lay the card again" in job.outcome.do
    assert one.badges() == []
    assert (await office(world, Laid(card)).done(Kind.ISSUE, "W-001")).state is DeskState.DONE
    assert one.badges() == [("W-001", True)]


async def test_several_badges_and_one_that_does_not_answer_are_waited_out(world: World) -> None:
    one = office(world, (DeskResult.SEVERAL, b""), (DeskResult.GONE, b""), Laid(DesfireEv2(UID)))
    assert (await one.done(Kind.ISSUE, "W-001")).state is DeskState.DONE


@pytest.mark.parametrize(
    ("laid", "what"),
    [
        ((DeskResult.UNFIT, b"\x08" + ANNA_UID), "cannot prove itself"),
        (Laid(type("Mute", (Desfire,), {"work": lambda *_: type("W", (), {"answer": b"\x6d\x00"})})(UID)), "no MIFARE"),
    ],
)
async def test_a_badge_that_cannot_be_one_is_refused_with_what_to_take(
    world: World, laid: Laid | tuple[int, bytes], what: str
) -> None:
    job = await office(world, laid).done(Kind.ISSUE, "W-001")
    assert job.outcome is not None
    assert job.state is DeskState.FAILED
    assert what in job.outcome.what
    assert "DESFire" in job.outcome.do


# --- a card with false claims ---


def keys_of(card: Desfire) -> set[str]:
    """Every key on a card except the factory's, from its emulator."""
    found = {key[0] for one in card.memory()["applications"].values() for key in one["keys"]}
    return found - {bytes(16).hex()}


def file_that(keys: set[str], card: Desfire) -> bytes | None:
    """The file of a victim's card, if one of these keys opens it."""
    for key in keys:
        card.begin()
        with contextlib.suppress(CardError):
            dialogue = read_with(bytes.fromhex(key))
            return cards.desfire.run(dialogue, Laid(card).answer)
    return None


def read_with(key: bytes) -> cards.Dialogue[bytes]:
    yield from cards.desfire.select(AID)
    session = yield from cards.desfire.authenticate(1, key)
    return (yield from session.enciphered_answer(0xBD, b"\x01" + bytes(3) + b"\x11\0\0", 17))


@pytest.mark.parametrize("issued_by", ["this version", "an earlier one"])
async def test_an_emulated_blank_card_that_claims_a_victims_uid_gets_no_key_of_the_victims(
    world: World, issued_by: str
) -> None:
    """The bridge has the UIDs of the cards that this version issued, and of earlier ones that were read since."""
    victim = DesfireEv2(UID)
    if issued_by == "this version":
        await office(world, Laid(victim)).done(Kind.ISSUE, "W-001")
    else:
        earlier_cards.issue(ROOT, b"number 1", victim)
        world.give_number(b"number 1", "W-001")
    thiefs = DesfireEv2(UID)
    before = thiefs.memory()
    job = await office(world, Laid(thiefs)).done(Kind.ISSUE, "W-002")
    assert keys_of(thiefs) & (keys_of(victim) - {ROOT.identity.hex()}) == set()
    assert file_that(keys_of(thiefs), victim) is None
    if issued_by == "this version":
        assert job.outcome is not None
        assert job.state is DeskState.FAILED
        assert "claims the UID of the badge of W-001" in job.outcome.what
        assert thiefs.memory() == before
        assert events(world, "badge_uid_claimed") == [
            "a blank card at clock-0001 has the UID of the badge of W-001; desk officer asked for a badge of W-002",
        ]
    else:
        thiefs.applications[AID].files[1] = victim.applications[AID].files[1]
        assert number_on(thiefs) is None, "the site's own proof takes the thief's card for the victim's"


async def test_no_badge_is_issued_that_a_clock_of_the_site_cannot_read(world: World) -> None:
    older = world.add_clock(Clock("clock-0002"))
    world.status(older.online(session=b"sessionB", badges=None), older)
    card = DesfireEv2(UID)
    before = card.memory()
    job = await office(world, Laid(card)).done(Kind.ISSUE, "W-001")
    assert job.outcome is not None
    assert job.state is DeskState.FAILED
    assert "the firmware of clock-0002" in job.outcome.what
    assert card.memory() == before
    world.status(older.online(badges=2), older)
    assert (await office(world, Laid(card)).done(Kind.ISSUE, "W-001")).state is DeskState.DONE


async def test_a_worker_who_has_the_card_by_its_uid_hands_that_badge_in_first(world: World) -> None:
    world.assign(UID, "W-001")
    card = DesfireEv2(UID)
    job = await office(world, Laid(card)).done(Kind.ISSUE, "W-001")
    assert job.outcome is not None
    assert job.state is DeskState.FAILED
    with world.store.write() as connection:
        badges.revoke(connection, badges.in_use(connection, "W-001")[-1], by="a test", now_ms=world.now_ms)
    assert (await office(world, Laid(card)).done(Kind.ISSUE, "W-001")).state is DeskState.DONE


async def test_reading_a_card_of_an_earlier_version_keeps_its_uid_from_others(world: World) -> None:
    victim = earlier_cards.issue(ROOT, b"number 1", DesfireEv2(UID))
    world.give_number(b"number 1", "W-001")
    told = await office(world, Laid(victim)).done(Kind.READ)
    assert told.outcome is not None
    assert told.outcome.what == "a genuine badge of this site, of an earlier version: replace it"
    job = await office(world, Laid(DesfireEv2(UID))).done(Kind.ISSUE, "W-002")
    assert job.outcome is not None
    assert "claims the UID of the badge of W-001" in job.outcome.what


async def test_what_is_known_of_a_card_stays_known_when_its_badge_goes_to_another_worker(world: World) -> None:
    card = DesfireEv2(UID)
    await office(world, Laid(card)).done(Kind.ISSUE, "W-001")
    (issued,) = [row for row in world.rows(schema.badges) if row.form is not None]
    with world.store.write() as connection:
        made = badge_keys.Tokens(issued.token)
        badges.assign_token(connection, site_id=issued.site_id, worker="W-003", made=made, now_ms=world.now_ms)
    row = world.rows(schema.badges)[-1]
    assert (row.form, row.issue, row.card) == (2, issued.issue, issued.card)
    assert bytes(card.applications[AID].files[2].data) == row.issue


# --- read and wipe ---


async def test_reading_says_whose_a_badge_is_and_whether_it_is_genuine(world: World) -> None:
    card = DesfireEv2(UID)

    async def read(laid: Laid | tuple[int, bytes]) -> tuple[str, str | None, bool | None]:
        job = await office(world, laid).done(Kind.READ)
        assert job.state is DeskState.DONE
        assert job.outcome is not None
        return job.outcome.what, job.outcome.worker, job.outcome.genuine

    assert await read(Laid(card)) == ("a blank card", None, False)
    assert (await office(world, *[Laid(card, 20)] * 5).done(Kind.ISSUE, "W-001")).state is DeskState.INTERRUPTED
    assert await read(Laid(card)) == ("a card begun and not finished", None, False)
    issued = await office(world, Laid(card)).done(Kind.ISSUE, "W-001")
    assert await read(Laid(card)) == ("a genuine badge of this site", "W-001", True)
    with world.store.write() as connection:
        (badge,) = [one for one in badges.in_use(connection, "W-001") if one.id == issued.outcome.badge]  # type: ignore[union-attr]
        badges.revoke(connection, badge, by="a test", now_ms=world.now_ms)
    assert await read(Laid(card)) == ("a genuine badge of this site; it was taken back from W-001", "W-001", True)
    what, worker, genuine = await read((DeskResult.UNFIT, b"\x08" + ANNA_UID))
    assert what.startswith("no proof")
    assert (worker, genuine) == ("W-001", False)
    what, worker, genuine = await read((DeskResult.UNFIT, b"\x08" + STRANGER_UID))
    assert what.endswith("nobody was given it")
    assert (worker, genuine) == (None, False)
    foreign = DesfireEv2(UID)
    foreign.begin()
    found = cards.desfire.run(cards.examine(Root(bytes(32))), Laid(foreign).answer)
    cards.desfire.run(cards.write(Root(bytes(32)), found, b"number 1", b"issue  1"), Laid(foreign).answer)
    what, worker, genuine = await read(Laid(foreign))
    assert "neither the factory's nor this site's" in what
    assert (worker, genuine) == (None, False)


async def test_a_card_is_made_blank_once_it_is_nobodys(world: World) -> None:
    card = DesfireEv2(UID)
    at_first = card.memory()
    issued = await office(world, Laid(card)).done(Kind.ISSUE, "W-001")
    refused = await office(world, Laid(card)).done(Kind.WIPE)
    assert refused.state is DeskState.FAILED
    with world.store.write() as connection:
        (badge,) = [one for one in badges.in_use(connection, "W-001") if one.id == issued.outcome.badge]  # type: ignore[union-attr]
        badges.revoke(connection, badge, by="a test", now_ms=world.now_ms)
    assert (await office(world, Laid(card, 12), Laid(card)).done(Kind.WIPE)).state is DeskState.DONE
    assert card.memory() == at_first
    assert events(world, "badge_wiped") == ["a card was made blank by desk officer at clock-0001"]


# --- refusals ---


async def test_nobody_lays_a_card(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk_module, "LAY_S", 0.1)
    one = office(world)
    job = await one.done(Kind.ISSUE, "W-001")
    assert job.outcome is not None
    assert job.state is DeskState.FAILED
    assert "no card was laid" in job.outcome.what
    assert clock_of(one).steps[-1].payload == bytes([DeskEnd.NOTHING])


async def test_whoever_asked_gives_up_while_a_card_is_waited_for(world: World) -> None:
    one = office(world)
    async with one.running():
        job_id = one.ask(Kind.ISSUE, "W-001")
        await eventually(lambda: clock_of(one).waits is not None)
        with world.store.write() as connection:
            badge_desk_jobs.stop(connection, job_id, world.now_ms)
        job = await one.ended(job_id)
    assert job.state is DeskState.STOPPED
    assert clock_of(one).steps[-1].payload == bytes([DeskEnd.NOTHING])


async def test_a_card_that_comes_late_is_issued(world: World) -> None:
    one = office(world)
    async with one.running():
        job_id = one.ask(Kind.ISSUE, "W-001")
        await eventually(lambda: clock_of(one).waits is not None)
        assert one.job(job_id).progress == "lay the card on the reader"
        clock_of(one).pile = [Laid(DesfireEv2(UID))]
        for payload in clock_of(one).lay():
            one.say(clock_of(one), payload)
        assert (await one.ended(job_id)).state is DeskState.DONE


async def test_a_clock_that_reconnects_or_goes_while_a_card_is_waited_for_interrupts_the_job(world: World) -> None:
    for frame in (lambda: world.clock.online(session=b"sessionB"), world.clock.offline):
        one = office(world)
        async with one.running():
            job_id = one.ask(Kind.ISSUE, "W-001")
            await eventually(lambda one=one: clock_of(one).waits is not None)  # type: ignore[misc]
            world.status(frame())
            job = await one.ended(job_id)
        assert job.outcome is not None
        assert job.outcome.what == "interrupted: the clock has lost its connection"


def set_clock(world: World, **values: Any) -> None:
    with world.store.write() as connection:
        connection.execute(update(schema.clocks).values(**values))


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ({"state": ClockState.QUARANTINED}, "under quarantine"),
        ({"online": False}, "offline"),
        ({"session": None}, "offline"),
    ],
)
async def test_a_clock_that_cannot_serve_is_told(world: World, values: dict[str, Any], what: str) -> None:
    set_clock(world, **values)
    one = office(world, Laid(DesfireEv2(UID)))
    job = await one.done(Kind.ISSUE, "W-001")
    assert job.outcome is not None
    assert job.state is DeskState.FAILED
    assert what in job.outcome.what
    assert one.published == []


async def test_a_clock_that_was_retired_meanwhile_is_told(world: World) -> None:
    one = office(world)
    job_id = one.ask(Kind.READ)
    set_clock(world, state=ClockState.RETIRED)
    async with one.running():
        assert "no clock" in (await one.ended(job_id)).outcome.what  # type: ignore[union-attr]


async def test_a_site_without_a_badge_key_is_told(world: World) -> None:
    with world.store.write() as connection:
        connection.execute(update(schema.sites).values(badge_root_closed=None))
    job = await office(world).done(Kind.READ)
    assert job.outcome is not None
    assert "no badge key" in job.outcome.what
    assert "badgeclock bridge site set" in job.outcome.do


def test_a_job_for_nobody_or_nowhere_is_refused_when_it_is_asked(world: World) -> None:
    one = office(world)
    with pytest.raises(PeopleError, match="no worker"):
        one.ask(Kind.ISSUE, "W-999")
    with pytest.raises(PeopleError, match="no clock"):
        one.ask(Kind.READ, clock="clock-0009")
    assert world.rows(schema.desk_jobs) == []


@pytest.mark.parametrize("silent_after", [0, 1, 2, 10, 30])
async def test_a_clock_that_falls_silent_interrupts_the_job(
    world: World, silent_after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited = desk_module.Conversation.step

    async def step(
        self: desk_module.Conversation, word: DeskStep, payload: bytes = b"", *, within_s: float = 60
    ) -> tuple[int, bytes]:
        """Short only where no answer can come."""
        return await waited(self, word, payload, within_s=within_s if self._step < silent_after else 0.1)

    if silent_after == 1:
        monkeypatch.setattr(desk_module, "LAY_S", 0.2)
    else:
        monkeypatch.setattr(desk_module.Conversation, "step", step)
    one = office(world, Laid(DesfireEv2(UID)))
    clock_of(one).silent_after = silent_after
    job = await one.done(Kind.ISSUE, "W-001")
    assert job.state is (DeskState.FAILED if silent_after == 1 else DeskState.INTERRUPTED)
    assert one.badges() == []


async def test_a_clock_that_left_issue_mode_interrupts_the_job(world: World) -> None:
    one = office(world, Laid(DesfireEv2(UID)))
    clock_of(one).spoil = lambda said: said._replace(word=DeskResult.ENDED) if said.step == 9 else said
    job = await one.done(Kind.ISSUE, "W-001")
    assert job.outcome is not None
    assert job.outcome.what == "interrupted: the clock has left issue mode"


async def test_a_new_connection_of_the_clock_interrupts_the_job(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk_module.Conversation.step, "__kwdefaults__", {"within_s": 0.5})
    one = office(world, Laid(DesfireEv2(UID)))

    def reconnected(said: frames.Desk) -> frames.Desk:
        if said.step == 9:
            world.status(world.clock.online(session=b"sessionB"))
        return said

    old = clock_of(one)
    old.spoil = reconnected
    job = await one.done(Kind.ISSUE, "W-001")
    assert job.state is DeskState.INTERRUPTED


# --- the bridge's own life ---


async def test_a_bridge_that_was_restarted_ends_what_ran_and_what_nobody_stands_for(world: World) -> None:
    one = office(world)
    ran, old, fresh = (one.ask(Kind.READ) for _ in range(3))
    with world.store.write() as connection:
        badge_desk_jobs.begin(connection, ran, world.now_ms)
        table = schema.desk_jobs
        connection.execute(update(table).where(table.c.id == old).values(asked_ms=world.now_ms - 60_000))
    clock_of(one).pile = [Laid(DesfireEv2(UID))]
    async with one.running():
        assert (await one.ended(ran)).state is DeskState.INTERRUPTED
        assert (await one.ended(old)).state is DeskState.STOPPED
        assert (await one.ended(fresh)).state is DeskState.DONE


async def test_a_bridge_that_is_stopped_lets_the_clock_leave_issue_mode(world: World) -> None:
    one = office(world)
    async with one.running():
        job_id = one.ask(Kind.ISSUE, "W-001")
        await eventually(lambda: clock_of(one).waits is not None)
    job = one.job(job_id)
    assert job.outcome is not None
    assert (job.state, job.outcome.what) == (DeskState.INTERRUPTED, "interrupted: the bridge is being stopped")
    assert clock_of(one).steps[-1].word == DeskStep.CLOSE


async def test_two_clocks_serve_at_once_and_one_clock_one_job_at_a_time(world: World) -> None:
    other = world.add_clock(Clock("clock-0002", nonce=b"nonce002"))
    world.punches(*other.start(), clock=other)
    world.status(other.online(session=b"sessionB"), other)
    one = Office(world, DeskClock(world.clock), DeskClock(other))
    async with one.running():
        first, second = one.ask(Kind.ISSUE, "W-001"), one.ask(Kind.ISSUE, "W-002")
        elsewhere = one.ask(Kind.ISSUE, "W-003", clock="clock-0002")
        await eventually(lambda: all(clock.waits is not None for clock in one.clocks.values()))
        assert one.job(second).state is DeskState.ASKED
        with world.store.read() as connection:
            assert badge_desk_jobs.is_next(connection, one.job(first))
            assert not badge_desk_jobs.is_next(connection, one.job(second))
            assert badge_desk_jobs.is_next(connection, one.job(elsewhere))
        for number, clock in enumerate(one.clocks.values()):
            clock.pile = [Laid(DesfireEv2(UID[:6] + bytes([number])))]
            for payload in clock.lay():
                one.say(clock, payload)
        clock_of(one).pile = [Laid(DesfireEv2(UID[:6] + b"\x09"))]
        for job_id in (first, second, elsewhere):
            assert (await one.ended(job_id)).state is DeskState.DONE
    assert sorted(one.badges()) == [("W-001", True), ("W-002", True), ("W-003", True)]


async def test_a_fault_of_the_bridge_costs_the_job_and_not_the_bridge(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise ZeroDivisionError("a secret")

    one = office(world, Laid(DesfireEv2(UID)), Laid(DesfireEv2(UID)))
    with monkeypatch.context() as patch:
        patch.setattr(cards, "examine", broken)
        job = await one.done(Kind.READ)
    assert job.outcome is not None
    assert job.state is DeskState.FAILED
    assert "secret" not in str(job.outcome)
    assert (await one.done(Kind.READ)).state is DeskState.DONE


# --- messages of others ---


async def test_frames_that_are_no_answer_change_nothing(world: World) -> None:
    one = office(world, Laid(DesfireEv2(UID)))
    clock = clock_of(one)
    forger = DeskClock(Clock(nonce=b"guessed!"))
    forger.clock.connection = world.clock.connection
    earlier: list[bytes] = []

    def noisy(said: frames.Desk) -> frames.Desk:
        gone = said._replace(word=DeskResult.GONE, payload=b"")
        topic = world.clock.topic("desk")
        for payload in (
            *earlier[-3:],
            forger.frame(gone),
            clock.frame(gone._replace(job=said.job + 1)),
            clock.frame(gone._replace(step=said.step - 1)),
            world.clock.online(),
            b"",
            b"\x01\x02" + bytes(60),
        ):
            assert one.desk.deliver(topic, payload)
        earlier.append(clock.frame(gone))
        return said

    clock.spoil = noisy
    job = await one.done(Kind.ISSUE, "W-001")
    assert job.state is DeskState.DONE, job.outcome
    ignored = one.metrics.registry.get_sample_value("badgeclock_desk_frames_total", {"result": "ignored"})
    assert ignored is not None
    assert ignored > 100


def jobs_read_with(world: World, one: Office, *keys: frames.DeskKeys) -> int:
    """How many frames of jobs a recorder of all messages reads with these keys."""
    read = 0
    said = [(message.payload, 1) for message in one.published] + [(payload, 0) for _, payload in one.heard]
    for payload, direction in said:
        frame = payload[10:-16]
        counter = int.from_bytes(payload[2:10], "big")
        for some in keys:
            for body in (frame, frame[4:]):
                with contextlib.suppress(FrameRefused):
                    key = (some.up, some.down)[direction]
                    step = frames.unpack_desk(key, world.clock.session, counter, body)
                    read += step.job in range(1, 10) and step.step < 200
    return read


@pytest.mark.parametrize("form", [None, 2])
async def test_who_recorded_every_message_and_takes_the_flash_later_reads_no_job(
    world: World, form: int | None
) -> None:
    """None: a clock of an earlier version, of whose jobs everything is read."""
    world.status(world.clock.online(desk=form))
    one = office(world, Laid(DesfireEv2(UID)))
    assert (await one.done(Kind.ISSUE, "W-001")).state is DeskState.DONE
    steps = len(clock_of(one).steps)
    state = world.clock.state
    later = [frames.sealed_desk_keys(key, 0) for key in (state.r, state.e_next, world.clock.link_key)]
    read = jobs_read_with(world, one, frames.desk_keys(world.clock.link_key), *later)
    assert read == (2 * steps if form is None else 0)
    if form is not None:
        keys = clock_of(one).keys
        assert keys is not None
        assert jobs_read_with(world, one, keys) == 2 * steps, "the search finds them with the job's own keys"


async def test_no_two_jobs_have_a_key_in_common(world: World) -> None:
    used = []
    for _ in range(3):
        one = office(world, Laid(DesfireEv2(UID)))
        await one.done(Kind.READ)
        used.append(clock_of(one).keys)
    assert len({key for keys in used if keys is not None for key in (keys.up, keys.down)}) == 6


async def test_a_job_waits_for_the_punches_that_are_under_way(world: World) -> None:
    one = office(world, Laid(DesfireEv2(UID)))
    under_way = world.clock.punch()
    async with one.running():
        job_id = one.ask(Kind.READ)
        await eventually(lambda: clock_of(one).behind == 1)
        assert one.job(job_id).state is DeskState.RUNNING
        world.punches(under_way)
        assert (await one.ended(job_id)).state is DeskState.DONE


async def test_a_clock_whose_records_do_not_come_is_no_desk(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk_module, "CAUGHT_UP_S", 0.1)
    one = office(world, Laid(DesfireEv2(UID)))
    world.clock.punch()
    job = await one.done(Kind.READ)
    assert job.outcome is not None
    assert job.state is DeskState.FAILED
    assert "records that the bridge has not taken" in job.outcome.what


async def test_other_channels_are_left_to_the_intake(world: World) -> None:
    one = office(world)
    for topic in (world.clock.topic("status"), world.clock.topic("punches"), "elsewhere", ""):
        assert not one.desk.deliver(topic, b"")
    assert one.desk.deliver(world.clock.topic("desk"), b""), "nobody waits for it"


async def test_a_desk_frame_that_comes_to_the_intake_is_no_status_and_no_record(world: World) -> None:
    taken = world.deliver((world.clock.topic("desk"), b"anything"))
    assert dict(taken.counts) == {"unknown_topic": 1}


ANSWERS = st.lists(st.tuples(st.integers(0, 9), st.binary(max_size=40)), max_size=12)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    kind=st.sampled_from(list(Kind)),
    answers=ANSWERS,
    status=st.sampled_from([b"\x91\x00", b"\x91\xaf", b"\x91\xae", b""]),
)
def test_whatever_a_clock_answers_every_job_ends_and_nobody_gets_a_badge(
    world: World, kind: Kind, answers: list[tuple[int, bytes]], status: bytes
) -> None:
    one = office(world)
    left = iter(answers)

    def hostile(said: frames.Desk) -> frames.Desk:
        if said.step == 1:
            return said
        word, payload = next(left, (DeskResult.ENDED, b""))
        return said._replace(word=word, payload=payload + status)

    clock = clock_of(one)
    clock.pile = [(DeskResult.BADGE, b"\x20" + UID)] * 50
    clock.spoil = hostile
    job = asyncio.run(one.done(kind, "W-001" if kind is Kind.ISSUE else None))
    assert job.outcome is not None
    assert "bridge itself failed" not in job.outcome.what
    assert one.badges() == []


def contents(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("bridge.db*"))


async def test_nothing_of_a_card_is_in_the_store_in_a_log_or_readable_on_the_wire(
    world: World, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    card = DesfireEv2(UID)
    one = office(world, Laid(card, 25), Laid(card))
    await one.done(Kind.ISSUE, "W-001")
    await office(world, Laid(card)).done(Kind.READ)
    number = number_on(card)
    assert number is not None
    keys = ROOT.card(UID, bytes(card.applications[AID].files[2].data))
    secrets = [UID, number, ROOT.secret, keys.picc, keys.application, keys.reading, keys.check, ROOT.identity]
    said = "".join(capsys.readouterr()) + caplog.text
    wire = b"".join(message.payload for message in one.published) + b"".join(payload for _, payload in one.heard)
    with world.store.read() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(FULL)")
    stored = contents(tmp_path)
    for secret in secrets:
        assert secret.hex() not in said.lower()
        assert secret not in wire
        assert secret not in stored
        assert secret.hex().encode() not in stored
