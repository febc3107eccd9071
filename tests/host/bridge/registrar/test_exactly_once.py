"""Whatever happens, each presence is registered once, or waits for a person with a reason; nothing is forgotten.

Random punches at two sites of different regimes, decisions of people, an authority that loses answers before or after
its commit, refuses, closes, limits and turns calls down, days that end, and a bridge that is killed before or after any
of its commits. A failing example prints the acts that lead to it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.host.bridge.world import (
    ANNA_UID,
    BRAM_UID,
    LUZ_UID,
    NOON_MS,
    SCRIPTED,
    STRANGER_UID,
    Authority,
    World,
    eventually,
)

from badgeclock.authorities.base import (
    BELGIUM,
    Cancellation,
    CancelOutcome,
    Found,
    Item,
    Outcome,
    SearchCriteria,
    Status,
)
from badgeclock.authorities.errors import AuthorityAmbiguous
from badgeclock.bridge.backoff import Backoff
from badgeclock.bridge.errors import PresenceError
from badgeclock.bridge.metrics import Metrics
from badgeclock.bridge.presences.regimes import MOVEMENT_LATE_MS, Declared, Regime
from badgeclock.bridge.registrar import corrections, outbox
from badgeclock.bridge.registrar.call_gate import Bucket, Gate
from badgeclock.bridge.registrar.corrections import Right
from badgeclock.bridge.registrar.decisions import CancelCode, Decision
from badgeclock.bridge.registrar.registrar import Registrar
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.states import PresenceState, PunchState
from badgeclock.protocol.record import Direction

CALL_MS = 4000
SETTLE_MS = 3000
LATE_COMMIT_MS = 6000
STEP_MS = 400
"""How much later it is each time the bridge looks at its clock."""
UNDER_WAY = {PresenceState.QUEUED, PresenceState.SENT, PresenceState.UNKNOWN, PresenceState.CANCELLING}
NUMBERED = {PresenceState.REGISTERED, PresenceState.VALIDATED, PresenceState.REMARKS}


class Killed(BaseException):
    """kill -9."""


@dataclass
class Mortal:
    """The store as a process sees it that is killed around its `after`-th commit, before or just after it."""

    world: World
    after: int | None
    before_commit: bool
    killed: asyncio.Event = field(default_factory=asyncio.Event)

    async def writing(self, work: Callable[..., Any], *args: Any) -> Any:
        self._live()
        if self.after is not None:
            self.after -= 1
            if self.after < 0 and self.before_commit:
                self._die()
        done = await self.world.store.writing(work, *args)
        if self.after is not None and self.after < 0:
            self._die()
        return done

    async def reading(self, work: Callable[..., Any], *args: Any) -> Any:
        self._live()
        return await self.world.store.reading(work, *args)

    def _live(self) -> None:
        if self.killed.is_set():
            raise Killed

    def _die(self) -> None:
        self.killed.set()
        raise Killed


class Treacherous(Authority):
    """Besides its script: "lost late" takes the items `LATE_COMMIT_MS` after the answer was given up."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        super().__init__(now_ms=now_ms)
        self.late: list[tuple[int, Sequence[Item]]] = []

    def _catch_up(self) -> None:
        due = [items for at_ms, items in self.late if at_ms <= self.now_ms()]
        self.late = [(at_ms, items) for at_ms, items in self.late if at_ms > self.now_ms()]
        for items in due:
            for item in items:
                self._take(item)

    async def register(self, items: Sequence[Item]) -> list[Outcome]:
        self._catch_up()
        if self.script and self.script[0] == "lost late":
            self.script.pop(0)
            self.late.append((self.now_ms() + LATE_COMMIT_MS, items))
            raise AuthorityAmbiguous(**SCRIPTED)
        return await super().register(items)

    async def search(self, criteria: SearchCriteria) -> list[Found]:
        self._catch_up()
        return await super().search(criteria)

    async def get(self, reception_number: int) -> Found | None:
        self._catch_up()
        return await super().get(reception_number)

    async def cancel(self, items: Sequence[Cancellation]) -> list[CancelOutcome]:
        self._catch_up()
        return await super().cancel(items)


UIDS = (ANNA_UID, BRAM_UID, LUZ_UID, STRANGER_UID)
WORDS = ["ok", "away", "away 0.01", "lost before", "lost after", "lost late", "crash", "rejected SOA-01002"]
CANCEL_WORDS = ["ok", "away", "lost before", "lost after", "crash", "rejected SOA-03006"]
Act = tuple[Any, ...]
ACTS = st.one_of(
    st.tuples(st.just("punch"), st.integers(0, 1), st.sampled_from(range(len(UIDS))), st.sampled_from(list(Direction))),
    st.tuples(st.just("later"), st.sampled_from([1, 5, 11, 60, 600, 1440])),
    st.tuples(st.just("faults"), st.lists(st.sampled_from(WORDS), max_size=4)),
    st.tuples(st.just("searches"), st.lists(st.sampled_from(["ok", "away", "SOA-03006"]), max_size=2)),
    st.tuples(st.just("cancels"), st.lists(st.sampled_from(CANCEL_WORDS), max_size=2)),
    st.tuples(st.just("refuse"), st.sampled_from(["nobody", "anna"])),
    st.tuples(st.just("decide"), st.sampled_from(["cancel", "correct", "close"]), st.integers(0, 5)),
    st.tuples(st.just("run"), st.none() | st.integers(0, 12), st.booleans()),
    st.tuples(st.just("run"), st.integers(0, 6), st.booleans()),
)


class Life:
    """A world, and its events."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        self.authority = self.world.authority = Treacherous(lambda: self.world.now_ms)
        self.clocks = [
            self.world.clock,
            self.world.add_site("Office tower", "1Y1TEST00003Z", Regime.CLEANING),
        ]
        for clock in self.clocks:
            self.world.punches(*clock.start(), clock=clock)

    def now_ms(self) -> int:
        self.world.now_ms += STEP_MS
        return self.world.now_ms

    def act(self, act: Act) -> None:
        what, *rest = act
        getattr(self, f"do_{what}")(*rest)

    def do_punch(self, site: int, who: int, direction: Direction) -> None:
        clock = self.clocks[site]
        clock.utc_ms = self.now_ms()
        self.world.punches(clock.punch(UIDS[who], direction), clock=clock)

    def do_later(self, minutes: int) -> None:
        self.world.now_ms += minutes * 60_000
        with self.world.store.write() as connection:
            outbox.expire(connection, frozenset(Declared), self.world.now_ms)

    def do_faults(self, words: list[str]) -> None:
        self.authority.script = list(words)

    def do_searches(self, words: list[str]) -> None:
        self.authority.searches = list(words)

    def do_cancels(self, words: list[str]) -> None:
        self.authority.cancels = list(words)

    def do_refuse(self, who: str) -> None:
        self.authority.refused = {"00000100265"} if who == "anna" else set()

    def do_decide(self, what: str, which: int) -> None:
        rows = self.world.rows(schema.presences)
        if not rows:
            return
        reference = rows[which % len(rows)].reference
        decision = Decision("office", "says so", self.now_ms())
        try:
            with self.world.store.write() as connection:
                if what == "cancel":
                    corrections.cancel(connection, reference, CancelCode.PLANNING, decision)
                elif what == "correct":
                    corrections.correct(connection, reference, Right("W-002"), CancelCode.PLANNING, decision)
                else:
                    corrections.close(connection, reference, decision)
        except PresenceError:
            pass  # it says so and changes nothing

    def do_run(self, after: int | None, before_commit: bool) -> None:  # noqa: FBT001 - drawn with the act
        asyncio.run(self._run(Mortal(self.world, after, before_commit)))

    async def _run(self, store: Mortal) -> None:
        """A process: until all is done that can be, or it is killed."""
        registrar = Registrar(
            store,  # type: ignore[arg-type]
            self.world.vault,
            self.authority,
            Metrics(),
            now_ms=self.now_ms,
            monotonic=lambda: self.now_ms() / 1000,
            changed=lambda: None,
            call_ms=CALL_MS,
            settle_ms=SETTLE_MS,
            calls=2,
            gate=Gate(Backoff(base_s=0.002, cap_s=0.01), bucket=Bucket(2000.0, 50)),
            commits=self.world.commits,
        )
        task = asyncio.create_task(registrar.run())
        try:
            await eventually(lambda: store.killed.is_set() or not self.under_way())
            # It was killed, or its tasks go on looking around; in neither case has it ended by its own error.
            assert store.killed.is_set() or not task.done(), task
        finally:
            store.killed.set()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def under_way(self) -> bool:
        return any(row.state in UNDER_WAY for row in self.world.rows(schema.presences))

    def end(self) -> None:
        """No more faults, and a bridge that lives: then everything is settled."""
        self.authority.script, self.authority.searches, self.authority.cancels = [], [], []
        self.do_run(None, False)  # noqa: FBT003 - as above
        self.world.now_ms += LATE_COMMIT_MS
        asyncio.run(self.authority.get(0))  # whatever was still on its way has arrived
        self.check()

    def check(self) -> None:
        books = self.authority.books
        times = Counter(found.reference for found in books)
        assert all(count == 1 for count in times.values()), f"registered more than once: {times}"
        standing = self.authority.standing()
        by_number = {found.reception_number: found for found in books}
        same = Counter(
            (one.inss or one.limosa_id, one.company_id, one.workplace_id, one.date, one.moment, one.direction)
            for one in books
            if one.status is not Status.CANCELLED
        )
        assert all(count == 1 for count in same.values()), "one worker's presence stands twice under two references"
        rows = self.world.rows(schema.presences)
        assert set(times) <= {row.reference for row in rows}
        for row in rows:
            told = (row.reference, row.state, row.reason)
            if row.state in NUMBERED:
                assert standing[row.reference] == 1, told
                assert by_number[row.reception_number].reference == row.reference
            else:
                assert standing[row.reference] == 0, told
                assert row.state not in UNDER_WAY, told
            if row.state == PresenceState.WAITING:
                assert row.reason, told
            if row.state == PresenceState.REFUSED:
                assert row.error_code, told
        for found in books:
            assert found.date is not None
            assert found.date >= found.created.astimezone(BELGIUM).date(), "backdated"
            if found.moment is not None:
                decided = next(row.decided_ms for row in rows if row.reference == found.reference)
                late_ms = found.created.timestamp() * 1000 - max(found.moment.timestamp() * 1000, decided or 0)
                assert late_ms <= MOVEMENT_LATE_MS + 60_000
        for punch in self.world.rows(schema.punches):
            assert punch.presence_id or punch.reason or punch.state == PunchState.UNASSIGNED, "a punch was forgotten"


def live(acts: list[Act]) -> None:
    with TemporaryDirectory() as folder:
        life = Life(Path(folder))
        try:
            for act in acts:
                life.act(act)
            life.end()
        finally:
            life.world.close()


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("badgeclock.bridge.registrar.due_work.POLL_S", 0.01)
    monkeypatch.setattr("badgeclock.bridge.registrar.sending.GRACE_S", 0.0)


@settings(max_examples=12, deadline=None)
@given(acts=st.lists(ACTS, max_size=14))
def test_each_presence_is_registered_once_or_waits_for_a_person(acts: list[Act]) -> None:
    live(acts)


@pytest.mark.torture
@settings(max_examples=2000, deadline=None)
@given(acts=st.lists(ACTS, max_size=40))
def test_each_presence_is_registered_once_or_waits_for_a_person_at_length(acts: list[Act]) -> None:
    live(acts)


@pytest.mark.parametrize("before_commit", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("after", range(1, 4))
def test_a_bridge_killed_around_each_of_its_first_commits(after: int, before_commit: bool) -> None:  # noqa: FBT001
    live(
        [
            ("punch", 0, 0, Direction.IN),
            ("punch", 1, 1, Direction.IN),
            ("faults", ["lost late"]),
            ("run", after, before_commit),
            ("run", after, not before_commit),
        ]
    )


def test_midnight_in_a_run() -> None:
    """Half of what waits is sent before midnight, the answer is lost, and the day ends before the search."""
    assert NOON_MS % 3_600_000 == 0
    minutes_to_midnight = 12 * 60
    live(
        [
            ("later", minutes_to_midnight - 1),
            ("punch", 0, 0, Direction.IN),
            ("faults", ["lost before"]),
            ("run", 2, False),
            ("punch", 0, 1, Direction.IN),
            ("later", 1),
        ]
    )
