"""The badge desk: carries out operators' jobs on a card, through a clock in issue mode.

    BadgeDesk     gets jobs from the store, one at a time for each clock, and records their results
    Conversation  one job's frames with its clock: a step, its one answer, a deadline (docs/protocol.md §6)

The clock passes bytes on; all keys are here, and answers of a card or a clock are trusted only as far as the card's own
cryptography proves them. Whatever they answer, a job ends with an outcome and the bridge continues. A card that is
removed can be presented again at once; after a few times, or when the clock or the bridge disconnects, the job ends as
interrupted, and the same job again completes what was begun. UIDs, numbers, keys and APDUs are never logged.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any, Final, NamedTuple, TypeVar

import structlog
from sqlalchemy import Connection, select

from badgeclock.badges import card as cards
from badgeclock.badges.card import Card, CardState
from badgeclock.badges.desfire import Dialogue
from badgeclock.badges.errors import CardForeign, CardUntrusted, NotDesfire
from badgeclock.bridge.clocks import badge_desk_jobs
from badgeclock.bridge.clocks.badge_desk_jobs import Job, Kind, Outcome
from badgeclock.bridge.downlink.frames_out import Downlink, Message
from badgeclock.bridge.downlink.sender import Sender
from badgeclock.bridge.errors import BadgePulled, DeskRefused, GivenUp, Interrupted, NotLaid, Unfit
from badgeclock.bridge.metrics import Metrics
from badgeclock.bridge.people import badge_keys, badges
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.store.states import ClockState, DeskState
from badgeclock.bridge.store.vault import LINK_KEY, SEAL_KEYS, Vault
from badgeclock.errors import BadgeclockError, StoreError
from badgeclock.protocol import frames
from badgeclock.protocol.errors import FrameRefused
from badgeclock.protocol.frames import NO_SESSION, DeskEnd, DeskKeys, DeskResult, DeskStep, FrameType
from badgeclock.protocol.seal import KEY_BYTES
from badgeclock.protocol.topics import Channel, clock_of

POLL_S: Final = 0.5
LIMIT_S: Final = 60
"""Without a step for this long, the clock leaves issue mode by itself."""
LAY_S: Final = 45.0
"""How long to wait for a card."""
ANSWER_S: Final = 12.0
"""How long to wait for an answer: the clock gives the card 3 s for a command, its link up to 5 s for a packet."""
CLOSED_S: Final = 2.0
"""How long to wait for confirmation of a job's end; a clock that is away ends issue mode by itself."""
CAUGHT_UP_S: Final = 10.0
"""How long a job waits for the clock's newest records, which it needs to begin."""
OPEN_TRIES: Final = 5
"""How often one job does that."""
LAID_AGAIN: Final = 4
"""How often a card may be removed before the job gives up."""
SEVERAL_PAUSE_S: Final = 0.5
_STOP_POLL_S: Final = 0.5
_SEALED_FORM: Final = 2
"""From this form of desk frames on, each job has its own keys (`Online.desk`)."""

log = structlog.get_logger("badgeclock.bridge.clocks.badge_desk")

T = TypeVar("T")


class _Place(NamedTuple):
    """A clock that can serve as a desk: its row, its present connection, its keys as a desk and its site's keys."""

    clock_id: int
    name: str
    session: bytes
    connection: int
    k_up: bytes
    desk: DeskKeys
    keys: badge_keys.SiteKeys


def _place_of(connection: Connection, vault: Vault, name: str) -> _Place:
    """The clock with this name as a desk; raises DeskRefused or PeopleError."""
    table = schema.clocks
    row = connection.execute(
        select(table).where(table.c.name == name, table.c.state != ClockState.RETIRED)
    ).one_or_none()
    if row is None:
        raise DeskRefused(f"there is no clock {name!r} now", "name a clock that is in use")
    if row.state != ClockState.ACTIVE:
        raise DeskRefused(
            f"the clock {name} is under quarantine", "use another clock, or `badgeclock bridge clock release`"
        )
    if not row.online or row.session is None:
        raise DeskRefused(f"the clock {name} is offline", "use another clock, or look at its display and its network")
    link_key = vault.open(LINK_KEY, name, row.link_key_closed)
    if ((row.status or {}).get("desk") or 1) >= _SEALED_FORM:
        desk = _sealed_keys(vault, row)
    else:
        desk = frames.desk_keys(link_key)
    connection_of_boot = int.from_bytes(row.status_counter, "big") >> 32
    keys = badge_keys.site_keys_of(connection, vault, row.site_id)
    return _Place(row.id, name, row.session, connection_of_boot, frames.upward_key(link_key), desk, keys)


def _sealed_keys(vault: Vault, row: Any) -> DeskKeys:
    """The keys of a job that begins before the clock's next record in the store, by the clock's row."""
    seal_keys = vault.open(SEAL_KEYS + row.name, row.name, row.keys_closed)
    return frames.sealed_desk_keys(seal_keys[:KEY_BYTES], row.next_seq)


def _sealed_keys_from(connection: Connection, vault: Vault, place: _Place, head: int) -> DeskKeys | None:
    """The same, once the store has all records below `head`; None until then."""
    table = schema.clocks
    row = connection.execute(select(table).where(table.c.id == place.clock_id)).one()
    return _sealed_keys(vault, row) if row.state == ClockState.ACTIVE and row.next_seq == head else None


def _blind(connection: Connection, site_id: int) -> list[str]:
    """The clocks of a site whose newest status reports that they do not read the keys of an issue."""
    table = schema.clocks
    said = select(table.c.name, table.c.status).where(
        table.c.site_id == site_id, table.c.state != ClockState.RETIRED, table.c.status.is_not(None)
    )
    rows = connection.execute(said.order_by(table.c.name))
    return [row.name for row in rows if ((row.status or {}).get("badges") or 1) < badge_keys.Form.BY_ISSUE]


def _is_there(connection: Connection, place: _Place) -> bool:
    """Whether the clock still has the connection that a job began on."""
    table = schema.clocks
    session = connection.execute(select(table.c.session).where(table.c.id == place.clock_id, table.c.online)).scalar()
    return session == place.session


class _OutOfStep(Exception):
    """The clock's next record is not the one whose key the bridge used, but number `head`."""

    def __init__(self, head: int) -> None:
        self.head = head
        super().__init__(head)


class Conversation:
    """One job with one clock. `send(keys, step)` sends a step; `deliver` gets every DESK frame of the clock."""

    def __init__(
        self, job: int, place: _Place, send: Callable[[DeskKeys, frames.Desk], Coroutine[Any, Any, bool]]
    ) -> None:
        self._job = job & 0xFFFF_FFFF
        self._place = place
        self._send = send
        self._keys = place.desk
        self._step = 0
        self._newest = 0
        self._answer: asyncio.Future[frames.Desk] | None = None

    def deliver(self, payload: bytes) -> bool:
        """Handle a frame from the clock; False if it is not the awaited answer. Never raises."""
        try:
            frame = frames.open_frame(self._place.k_up, self._place.name, NO_SESSION, payload)
            body = frame.body
            if frame.type == FrameType.SEALED_DESK_ANSWER and self._keys.seq is not None:
                seq, body = frames.unpack_desk_seq(body)
            elif frame.type == FrameType.DESK_ANSWER and self._keys.seq is None:
                seq = None
            else:
                return False
            if frame.counter >> 32 != self._place.connection or frame.counter <= self._newest:
                return False
            if seq is not None and not body:
                self._newest = frame.counter
                return self._is_behind(seq)
            if seq != self._keys.seq:
                return False
            answered = frames.unpack_desk(self._keys.up, self._place.session, frame.counter, body)
        except FrameRefused:
            return False
        self._newest = frame.counter
        if self._answer is None or self._answer.done() or (answered.job, answered.step) != (self._job, self._step):
            return False
        self._answer.set_result(answered)
        return True

    def _is_behind(self, head: int) -> bool:
        if self._answer is None or self._answer.done():
            return False
        self._answer.set_exception(_OutOfStep(head))
        return True

    async def step(self, word: DeskStep, payload: bytes = b"", *, within_s: float = ANSWER_S) -> tuple[int, bytes]:
        """Send a step and return its answer: (a DeskResult as sent, payload); raises Interrupted."""
        answer = asyncio.get_running_loop().create_future()
        self._step += 1
        self._answer = answer
        if not await self._send(self._keys, frames.Desk(self._job, self._step, word, payload)):
            raise Interrupted("the clock has lost its connection")
        try:
            async with asyncio.timeout(within_s):
                answered: frames.Desk = await answer
        except TimeoutError:
            raise Interrupted("the clock does not answer") from None
        except _OutOfStep:
            if word is DeskStep.OPEN:
                raise
            raise Interrupted("the clock has left issue mode") from None
        if answered.word == DeskResult.ENDED:
            raise Interrupted("the clock has left issue mode")
        return answered.word, answered.payload

    async def open(self, keys_from: Callable[[int], Coroutine[Any, Any, DeskKeys]]) -> None:
        """Put the clock into issue mode; raises Interrupted.

        A punch in progress advances the seal: `keys_from(head)` waits until the store has it, and returns new keys.
        """
        for _ in range(OPEN_TRIES):
            try:
                word, _ = await self.step(DeskStep.OPEN, bytes([LIMIT_S]))
                break
            except _OutOfStep as behind:
                self._keys, self._step = await keys_from(behind.head), 0
        else:
            raise Interrupted("the clock keeps records without end")
        if word != DeskResult.DONE:
            raise Interrupted("the clock did not enter issue mode")

    async def close(self, end: DeskEnd) -> None:
        """Have the clock show the end and accept punches again, if it is still connected."""
        with contextlib.suppress(Interrupted, StoreError):
            await self.step(DeskStep.CLOSE, bytes([end]), within_s=CLOSED_S)

    async def transceive(self, apdu: bytes) -> bytes:
        """The card's answer to an APDU; raises BadgePulled, Interrupted."""
        word, payload = await self.step(DeskStep.APDU, apdu)
        if word == DeskResult.GONE:
            raise BadgePulled("the card was pulled away")
        if word != DeskResult.ANSWER:
            raise Interrupted("the clock answered out of turn")
        return payload

    async def run(self, dialogue: Dialogue[T]) -> T:
        """The result of a dialogue with the card through this clock; raises the dialogue's errors, BadgePulled,
        Interrupted."""
        try:
            apdu = next(dialogue)
            while True:
                apdu = dialogue.send(await self.transceive(apdu))
        except StopIteration as ended:
            result: T = ended.value
            return result
        finally:
            dialogue.close()


class BadgeDesk(Sender):
    """Carries out the requested jobs, one at a time for each clock."""

    def __init__(
        self,
        store: Store,
        vault: Vault,
        downlink: Downlink,
        metrics: Metrics,
        *,
        publish: Callable[[Message], None],
        now_ms: Callable[[], int],
    ) -> None:
        super().__init__(store, downlink, publish, pause_s=POLL_S, if_store_fails="the badge desk waits for the store")
        self._vault = vault
        self._metrics = metrics
        self._now_ms = now_ms
        self._begun = False
        self._conversations: dict[str, Conversation] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def deliver(self, topic: str, payload: bytes) -> bool:
        """Handle a message from the broker if it is the desk's; False if it is on another channel. Never raises."""
        name = clock_of(topic, Channel.DESK)
        if name is None:
            return False
        conversation = self._conversations.get(name)
        expected = conversation is not None and conversation.deliver(payload)
        self._metrics.desk_frames.labels("taken" if expected else "ignored").inc()
        return True

    async def run(self) -> None:
        """Work until cancelled; then the jobs in progress end as interrupted."""
        try:
            await super().run()
        finally:
            tasks = list(self._tasks.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def work(self) -> None:
        """Start the jobs requested since the last round; in the first, end those of an earlier process."""
        if not self._begun:
            await self._store.writing(badge_desk_jobs.clear, self._now_ms())
            self._begun = True
        for job in await self._store.reading(badge_desk_jobs.asked):
            self._start(job)

    def _start(self, job: Job) -> None:
        if job.clock not in self._tasks:
            task = asyncio.create_task(self._carry_out(job), name=f"desk {job.clock}")
            self._tasks[job.clock] = task
            task.add_done_callback(lambda _: self._tasks.pop(job.clock, None))

    async def _carry_out(self, job: Job) -> None:
        """Run one job from its row to its outcome; an error becomes the outcome."""
        try:
            if not await self._store.writing(badge_desk_jobs.begin, job.id, self._now_ms()):
                return
            try:
                state, outcome = await self._outcome(job)
            except asyncio.CancelledError:
                state, outcome = DeskState.INTERRUPTED, badge_desk_jobs.interrupted("the bridge is being stopped")
            await self._store.writing(badge_desk_jobs.end, job.id, state, outcome, self._now_ms())
        except StoreError as error:  # the row stays RUNNING, and ends as interrupted at the next start
            log.error("a job of the badge desk is not on record", job=job.id, error=str(error))
            return
        self._metrics.desk_jobs.labels(f"{job.kind}_{state.lower()}").inc()
        log.info("badge desk", job=job.id, clock=job.clock, kind=job.kind, state=state)

    async def _outcome(self, job: Job) -> tuple[DeskState, Outcome]:
        try:
            return DeskState.DONE, await self._at_the_clock(job)
        except Interrupted as error:
            return DeskState.INTERRUPTED, Outcome.of(error)
        except GivenUp as error:
            return DeskState.STOPPED, Outcome.of(error)
        except StoreError:
            raise
        except BadgeclockError as error:
            return DeskState.FAILED, Outcome.of(error)
        except Exception as error:  # noqa: BLE001 - a bug here must only end the job, not the bridge
            log.error("a job of the badge desk failed", job=job.id, error=type(error).__name__)
            return DeskState.FAILED, Outcome(
                "the bridge itself failed at this job", "the card, finished or not", "ask for the same again; report it"
            )

    async def _at_the_clock(self, job: Job) -> Outcome:
        """Enter issue mode, do the job with the card presented there, leave issue mode."""
        place = await self._store.reading(_place_of, self._vault, job.clock)

        async def send(keys: DeskKeys, step: frames.Desk) -> bool:
            await self.prepare([place.clock_id])
            return self.publish_all(self._downlink.desk(place.clock_id, place.session, keys, step)) > 0

        async def keys_from(head: int) -> DeskKeys:
            deadline = asyncio.get_running_loop().time() + CAUGHT_UP_S
            while asyncio.get_running_loop().time() < deadline:
                keys = await self._store.reading(_sealed_keys_from, self._vault, place, head)
                if keys is not None:
                    return keys
                await asyncio.sleep(_STOP_POLL_S)
            raise DeskRefused(
                f"the clock {job.clock} has records that the bridge has not taken, no room for one, or no seal",
                "look at `badgeclock bridge clock list`, or use another clock",
            )

        conversation = self._conversations[job.clock] = Conversation(job.id, place, send)
        end = DeskEnd.FAILED
        try:
            await self._set_progress(job, f"opening issue mode at {job.clock}")
            await conversation.open(keys_from)
            outcome = await self._with_card(job, place, conversation)
            end = DeskEnd.DONE
            return outcome
        except NotLaid:
            end = DeskEnd.NOTHING
            raise
        finally:
            await conversation.close(end)
            del self._conversations[job.clock]

    async def _with_card(self, job: Job, place: _Place, conversation: Conversation) -> Outcome:
        """Do the job with a card; a removed card may be presented again."""
        do = {Kind.ISSUE: self._issue, Kind.READ: self._read, Kind.WIPE: self._wipe}[job.kind]
        text = "lay the card on the reader"
        pulled = 0
        while True:
            try:
                uid = await self._laid(job, place, conversation, text)
                await self._set_progress(job, "keep the card there")
                return await do(job, place, conversation, uid)
            except BadgePulled:
                pulled += 1
                if pulled > LAID_AGAIN:
                    raise
                text = "the card was pulled away: lay it again, and leave it there"
            except Unfit as unfit:
                return await self._by_uid(job, place, unfit, unfit.uid)

    async def _laid(self, job: Job, place: _Place, conversation: Conversation, text: str) -> bytes:
        """The UID, as shown, of the next card presented; raises NotLaid, BadgePulled, Unfit, Interrupted."""
        deadline = asyncio.get_running_loop().time() + LAY_S
        await self._set_progress(job, text)
        while True:
            word, payload = await self._wait_for_card(job, place, conversation, deadline)
            if word == DeskResult.SEVERAL:
                await self._set_progress(job, "several badges lie there: one at a time")
                await asyncio.sleep(SEVERAL_PAUSE_S)
            elif word == DeskResult.GONE:
                await self._set_progress(job, "the card does not answer: lay it flat and hold it still")
                await asyncio.sleep(SEVERAL_PAUSE_S)
            elif word == DeskResult.UNFIT:
                raise Unfit(payload[1:])
            elif word == DeskResult.BADGE:
                return payload[1:]
            else:
                raise Interrupted("the clock answered out of turn")

    async def _wait_for_card(
        self, job: Job, place: _Place, conversation: Conversation, deadline: float
    ) -> tuple[int, bytes]:
        """One answer to the wait for a card, while the job is still wanted and the clock is connected."""
        looking = asyncio.ensure_future(conversation.step(DeskStep.BADGE, within_s=LIMIT_S + ANSWER_S))
        try:
            while True:
                done, _ = await asyncio.wait([looking], timeout=_STOP_POLL_S)
                if done:
                    return await looking
                if await self._store.reading(badge_desk_jobs.stop_asked, job.id):
                    raise GivenUp("given up before a card was laid")
                if not await self._store.reading(_is_there, place):
                    raise Interrupted("the clock has lost its connection")
                if asyncio.get_running_loop().time() > deadline:
                    raise NotLaid(f"no card was laid within {LAY_S:.0f} s")
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)

    async def _set_progress(self, job: Job, progress: str) -> None:
        await self._store.writing(badge_desk_jobs.set_progress, job.id, progress)

    # --- the jobs ---

    async def _issue(self, job: Job, place: _Place, conversation: Conversation, _: bytes) -> Outcome:
        assert job.worker is not None
        keys, worker = place.keys, job.worker
        card = await conversation.run(cards.examine(keys.root))
        holder = await self._holder(keys, card)
        if holder is not None:
            await self._learn(keys, holder, card)
        if holder is not None and card.number is not None and holder.worker == worker:
            return _described(f"the card is the badge of {worker} already", holder, card.number)
        if holder is not None:
            raise _in_use(holder)
        if card.state is CardState.ISSUED:
            # Revoked, or written and never linked: its past punches must not count for the new holder.
            await self._set_progress(job, "keep the card there: it is made blank")
            await conversation.run(cards.wipe(keys.root, card))
            card = await conversation.run(cards.examine(keys.root))
        await self._check_unclaimed(job, keys, card, worker)
        await self._check_readable(keys.site_id)
        number = await self._store.reading(badge_keys.new_number, keys)
        written = badge_keys.WrittenCard(card.uid, badge_keys.new_issue())
        await self._set_progress(job, "keep the card there: it is written")
        await conversation.run(cards.write(keys.root, card, number, written.issue))
        badge = await self._store.writing(
            badges.issue, keys, worker, number, written, by=job.asked_by, at=job.clock, now_ms=self._now_ms()
        )
        return _described(f"the card is a badge of {worker} now", badge, number)

    async def _check_unclaimed(self, job: Job, keys: badge_keys.SiteKeys, card: Card, worker: str) -> None:
        """Refuse a card without keys of the site whose UID is that of a badge in use: one of them is a copy."""
        holder = await self._store.reading(badges.claimed, keys, card.uid)
        if holder is not None:
            await self._store.writing(
                badges.uid_claimed, holder, worker=worker, by=job.asked_by, at=job.clock, now_ms=self._now_ms()
            )
            raise _uid_in_use(holder)

    async def _check_readable(self, site_id: int) -> None:
        """Refuse to issue at a site with a clock of an earlier version, which could not read the badge."""
        blind = await self._store.reading(_blind, site_id)
        if blind:
            raise DeskRefused(
                f"the firmware of {', '.join(blind)} is of a version that cannot read a badge of today",
                "bring new firmware to it, or retire it; then issue the badge",
            )

    async def _holder(self, keys: badge_keys.SiteKeys, card: Card) -> badges.Badge | None:
        """The present holder of a card."""
        if card.number is None:
            return None
        holder = await self._store.reading(badges.of_token, keys.site_id, keys.number_token(card.number))
        return holder if holder is not None and holder.until_ms is None else None

    async def _read(self, job: Job, place: _Place, conversation: Conversation, uid: bytes) -> Outcome:
        keys = place.keys
        try:
            card = await conversation.run(cards.examine(keys.root))
        except (NotDesfire, CardForeign, CardUntrusted) as error:
            return await self._by_uid(job, place, error, uid)
        if card.state is CardState.BLANK:
            return Outcome("a blank card", card=badges.masked(card.uid), genuine=False)
        if card.number is None:
            what = (
                "begun and not finished"
                if card.state is CardState.UNFINISHED
                else "of this site, with a damaged number"
            )
            do = "issue it again, or make it blank"
            return Outcome(f"a card {what}", do=do, card=badges.masked(card.uid), genuine=False)
        holder = await self._store.reading(badges.of_token, keys.site_id, keys.number_token(card.number))
        what = "a genuine badge of this site"
        if not card.issue:
            what = f"{what}, of an earlier version: replace it"
        if holder is not None:
            await self._learn(keys, holder, card)
        return _described(what, holder, card.number)

    async def _learn(self, keys: badge_keys.SiteKeys, holder: badges.Badge, card: Card) -> None:
        """Record which card a badge is, if it was issued by a version that forgot it."""
        if holder.form is not badge_keys.Form.BY_ISSUE:
            await self._store.writing(badges.learn, keys, holder, badge_keys.WrittenCard(card.uid, card.issue))

    async def _by_uid(self, job: Job, place: _Place, error: BadgeclockError, uid: bytes) -> Outcome:
        """What is known of a badge that proves nothing; enough only for reading."""
        if job.kind is not Kind.READ:
            raise error
        holder = await self._store.reading(badges.of_token, place.keys.site_id, place.keys.uid_token(uid))
        return _described(f"no proof: {error.what}; by its UID", holder, uid, genuine=False)

    async def _wipe(self, job: Job, place: _Place, conversation: Conversation, _: bytes) -> Outcome:
        """Blank a card that is not assigned; an assigned one must first be revoked (`badge revoke`)."""
        keys = place.keys
        card = await conversation.run(cards.examine(keys.root))
        holder = await self._holder(keys, card)
        if holder is not None:
            raise _in_use(holder)
        await self._set_progress(job, "keep the card there: it is made blank")
        await conversation.run(cards.wipe(keys.root, card))
        await self._store.writing(badges.wiped, by=job.asked_by, at=job.clock, now_ms=self._now_ms())
        return Outcome("the card is blank, with the factory's key", card=badges.masked(card.uid))


def _in_use(holder: badges.Badge) -> DeskRefused:
    back = f"badgeclock badge revoke --worker {holder.worker} --badge {holder.id}"
    what = f"the card is the badge of {holder.worker}, and in use"
    return DeskRefused(what, f"take another card, or take this badge back: {back}")


def _uid_in_use(holder: badges.Badge) -> DeskRefused:
    back = f"badgeclock badge revoke --worker {holder.worker} --badge {holder.id}"
    what = f"the card has no key of this site and claims the UID of the badge of {holder.worker}, which is in use"
    return DeskRefused(
        what, f"ask where the card comes from; if it is {holder.worker}'s own, take that badge back: {back}"
    )


def _described(what: str, holder: badges.Badge | None, identifier: bytes, *, genuine: bool = True) -> Outcome:
    """An outcome about a badge and its holder."""
    if holder is None:
        what = f"{what}; nobody was given it"
        return Outcome(what, card=badges.masked(identifier), genuine=genuine)
    if holder.until_ms is not None:
        what = f"{what}; it was taken back from {holder.worker}"
    return Outcome(what, worker=holder.worker, badge=holder.id, card=badges.masked(identifier), genuine=genuine)
