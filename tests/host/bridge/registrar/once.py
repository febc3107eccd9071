"""Lives of a bridge before an authority that counts: its real store, client and registrar, over real HTTP.

A life queues presences, lets a bridge send them, kills and restarts it, and finally lets one run until nothing is under
way. Then every presence is either registered once, under a number that the authority gave for it, or waits for a person
and is not registered at all. Whatever else is `doubled` or `lost`.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import insert
from tests.counting_authority import ANSWERS, BEFORE, HALF, NOTHING, SPEED, Answer, CountingAuthority, Plan, Time
from tests.host.bridge.world import KBO, WORKPLACE, World, eventually
from tests.national_numbers import national_number

from badgeclock.authorities.base import Item, MovementItem, Outcome
from badgeclock.authorities.credentials import Credentials
from badgeclock.authorities.oauth import ClientKey
from badgeclock.authorities.onss_rest import OnssRest
from badgeclock.authorities.onss_soap import OnssSoap
from badgeclock.authorities.routes import Route
from badgeclock.bridge.backoff import Backoff
from badgeclock.bridge.errors import StoreInUse
from badgeclock.bridge.metrics import Metrics
from badgeclock.bridge.people import identities, sites, workers
from badgeclock.bridge.presences import day_book
from badgeclock.bridge.presences.regimes import local_day
from badgeclock.bridge.registrar import authority_calls, call_gate, due_work, sending
from badgeclock.bridge.registrar.call_gate import Gate
from badgeclock.bridge.registrar.registrar import Registrar
from badgeclock.bridge.store import bridge_lock, schema
from badgeclock.bridge.store.states import PresenceState

CALL_S: Final = 30
SETTLE_S: Final = 15
DEADLINE_S: Final = 1.0
"""Of the machine's time: longer than `CALL_S` of a `Time`, so that a busy machine does not lose answers of its own."""
UNDER_WAY: Final = frozenset({PresenceState.QUEUED, PresenceState.SENT, PresenceState.UNKNOWN})
NUMBERED: Final = frozenset({PresenceState.REGISTERED, PresenceState.VALIDATED, PresenceState.REMARKS})
PATIENCE_S: Final = 120.0
NIGHTS: Final = (
    "2026-01-05T11:00+00:00",
    "2026-03-29T00:52+00:00",  # the clocks are put forward at 01:00
    "2026-10-25T00:52+00:00",  # and back at 01:00
    "2026-10-25T01:04+00:00",  # the second 02:04
)


class Counts(NamedTuple):
    """The results of lives."""

    cases: int = 0
    doubled: int = 0
    lost: int = 0

    def __add__(self, other: object) -> Counts:
        assert isinstance(other, Counts)
        return Counts(self.cases + other.cases, self.doubled + other.doubled, self.lost + other.lost)


def hurry(set_attribute: Callable[[Any, str, Any], None]) -> None:
    """Have what the product waits for by the machine's clock keep pace with a `Time`."""
    set_attribute(due_work, "POLL_S", 1.0 / SPEED)
    set_attribute(sending, "GRACE_S", 0.0)
    set_attribute(authority_calls, "RETRY_USELESS_S", authority_calls.RETRY_USELESS_S / SPEED)
    set_attribute(call_gate, "CLOSED_MOST_S", 1.0)


_KEY: Final = rsa.generate_private_key(65537, 2048)


@dataclass
class Life:
    """A world, its authority, and the bridges that start and stop."""

    folder: Path
    start: str = NIGHTS[0]
    wire: str = "soap"
    keys: Credentials | None = None
    clock_off_ms: int = 0
    """How far the bridge's clock is from the authority's."""

    def __post_init__(self) -> None:
        self.time = Time(int(datetime.fromisoformat(self.start).timestamp() * 1000))
        self.authority = CountingAuthority(self.time, keys=self.keys)
        self.folder.mkdir(exist_ok=True)
        self.world = World(self.folder)
        self.store_url = f"sqlite:///{self.folder / 'bridge.db'}"
        self._workers = 0
        self.ca: Path | None = None

    def now_ms(self) -> int:
        """The bridge's clock."""
        return self.time.now_ms + self.clock_off_ms

    def queue(self, count: int, workplaces: int = 1) -> None:
        """So many people whose presence is to be declared."""
        now_ms = self.time.now_ms
        day = local_day(now_ms, sites.TIME_ZONE)
        with self.world.store.write() as connection:
            rows = []
            for _ in range(count):
                self._workers += 1
                identity = identities.niss(national_number(99_700_000 + self._workers))
                name = f"B-{self._workers}"
                worker_id = workers.add(
                    connection, self.world.vault, reference=name, name="B", identity=identity, employer_kbo=KBO
                )
                workplace = f"{WORKPLACE[:-2]}{self._workers % workplaces}Z" if workplaces > 1 else WORKPLACE
                key = day_book.Key(worker_id, KBO, workplace, day)
                if self.wire == "rest":
                    key = key._replace(moment_ms=now_ms, way="in")
                rows.append(day_book.new_row(key, 1, now_ms))
            connection.execute(insert(schema.presences), rows)

    def client(self) -> OnssSoap | OnssRest:
        """A client that waits `DEADLINE_S` for an answer."""
        host = f"{'http' if self.ca is None else 'https'}://127.0.0.1:{self.authority.port}"
        deadline = {"connect_timeout_s": 5.0, "timeout_s": DEADLINE_S, "route": Route(ca=self.ca)}
        if self.wire == "rest":
            token = f"{host}/token"
            return OnssRest(f"{host}/presenceRegistration/v1", token, ClientKey("us", _KEY, token), **deadline)
        known = () if self.keys is None else (self.keys.certificate,)
        return OnssSoap(f"{host}/v1", own=self.keys, service=known, **deadline)

    @contextlib.asynccontextmanager
    async def bridge(self, batch: int = 200, calls: int = 4) -> AsyncIterator[Registrar]:
        """A bridge while the block lasts; then it is killed. Raises StoreInUse."""
        lock = bridge_lock.take(self.store_url)
        client = self.client()
        client.batch_limit = batch  # type: ignore[misc]
        plain = client.register

        async def register(items: Sequence[Item]) -> list[Outcome]:
            names = {_name_of(item) for item in items}
            self.time.sending |= names
            try:
                return await plain(items)
            finally:
                self.time.sending -= names

        client.register = register  # type: ignore[method-assign]
        at_work = Registrar(
            self.world.store,
            self.world.vault,
            client,
            Metrics(),
            now_ms=self.now_ms,
            monotonic=lambda: self.time.now_ms / 1000,
            changed=lambda: None,
            call_ms=CALL_S * 1000 * (4 if self.wire == "rest" else 1),
            settle_ms=SETTLE_S * 1000,
            calls=calls,
            gate=Gate(Backoff(base_s=0.5 / SPEED, cap_s=5.0 / SPEED)),
            commits=self.world.commits,
        )
        task = asyncio.create_task(at_work.run())
        try:
            yield at_work
            assert not task.done(), task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await client.close()
            lock.release()

    def rows(self) -> list[Any]:
        """Every presence."""
        return self.world.rows(schema.presences)

    def events(self) -> list[str]:
        """Kinds of events."""
        return self.world.events()

    def settled(self) -> bool:
        """Whether nothing is under way."""
        return not any(row.state in UNDER_WAY for row in self.rows())

    async def run(self, **how: Any) -> None:
        """A bridge that lives until nothing is under way."""
        async with self.bridge(**how):
            await eventually(self.settled, PATIENCE_S)

    def names(self) -> dict[str, Any]:
        """Each presence by its key at the authority: its reference, or over REST person, way and time."""
        if self.wire == "soap":
            return {row.reference: row for row in self.rows()}
        with self.world.store.read() as connection:
            table = schema.workers.select()
            known = {row.id: workers.identity_of(self.world.vault, row) for row in connection.execute(table)}
        return {
            f"{known[row.worker_id].number} {row.way.upper()} "
            f"{datetime.fromtimestamp(row.moment_ms // 1000, UTC):%Y-%m-%dT%H:%M:%SZ}": row
            for row in self.rows()
        }

    async def end(self) -> Counts:
        """Let what is on its way arrive, and count."""
        await self.authority.arrived()
        times = self.authority.registered()
        names = self.names()
        assert set(times) <= set(names), "the authority has what nobody queued"
        doubled = sum(count - 1 for count in times.values())
        numbers = {(str(entry.reference), entry.number) for entry in self.authority.books}
        lost = 0
        for name, row in names.items():
            right = (name, row.reception_number) in numbers if row.state in NUMBERED else times[name] == 0
            lost += not right or row.state in UNDER_WAY
        return Counts(len(names), doubled, lost)

    def close(self) -> None:
        """Close the store."""
        self.world.close()


def _name_of(item: Item) -> str:
    """The counting authority's name of an item."""
    if isinstance(item, MovementItem):
        return f"{item.inss} {item.direction.upper()} {item.moment:%Y-%m-%dT%H:%M:%SZ}"
    return item.reference


def combinations() -> list[tuple[Answer, str, float]]:
    """Every answer, whether it was committed, and how late searches see it, as far as that can be."""
    found = []
    for answer in ANSWERS:
        commits = [BEFORE] if answer.tells_all else [BEFORE, NOTHING] if answer.commits else [NOTHING]
        found += [(answer, commit, late_s) for commit in commits for late_s in (0.0, 8.0)]
    return found


CASES_A_LIFE: Final = 12
LIVES_AT_ONCE: Final = 3


async def table(folder: Path, cases: list[tuple[Answer, str, float]]) -> Counts:
    """Each case is the first call of its own presence; some of them share a bridge."""
    groups = []
    for late_s in sorted({late_s for _, _, late_s in cases}):
        some = [(answer, commit) for answer, commit, late in cases if late == late_s]
        groups += [(late_s, some[at :: _lives(some)]) for at in range(_lives(some))]
    limit = asyncio.Semaphore(LIVES_AT_ONCE)

    async def live(number: int, late_s: float, some: list[tuple[Answer, str]]) -> Counts:
        async with limit:
            return await _cases(folder / f"life-{number}", late_s, some)

    counts = await asyncio.gather(*(live(number, *group) for number, group in enumerate(groups)))
    return sum(counts, Counts())


def _lives(cases: list[tuple[Answer, str]]) -> int:
    return -(-len(cases) // CASES_A_LIFE)


async def _cases(folder: Path, late_s: float, cases: list[tuple[Answer, str]]) -> Counts:
    life = Life(folder)
    life.authority.visible_s = late_s
    life.queue(len(cases))
    plans = dict(zip((row.reference for row in life.rows()), cases, strict=True))

    def plan(references: list[str]) -> Plan | None:
        case = plans.pop(references[0], None)
        return None if case is None else Plan(*case)

    life.authority.plan = plan
    async with life.authority.listening(), life.time.running():
        await life.run(batch=1, calls=4)
        assert not plans, f"never met: {plans}"
        counts = await life.end()
    life.close()
    return counts


async def seeded(folder: Path, seed: int) -> Counts:
    """A life by chance: answers, commits, kills, a second bridge, clocks that are off and put right, both nights."""
    rng = random.Random(seed)
    life = Life(folder / f"seed-{seed}", start=rng.choice(NIGHTS), wire=("soap", "rest")[seed % 2])
    life.authority.visible_s = rng.choice([0.0, 8.0])
    faults = rng.randrange(4, 16)
    rest_bodies = [answer for answer in ANSWERS if answer.body in ("whole", "html", "empty", "half")]

    def plan(_: list[str]) -> Plan | None:
        nonlocal faults
        if faults <= 0 or rng.random() < 0.3:
            return None
        faults -= 1
        answer = rng.choice(ANSWERS if life.wire == "soap" else rest_bodies)
        if rng.random() < 0.15 and life.wire == "rest":
            answer = Answer("207 in part", 207, "part")
            return Plan(answer, rng.choice([BEFORE, HALF]))
        if answer.tells_all:
            return Plan(answer)
        commits = rng.choice([BEFORE, HALF, NOTHING]) if answer.commits else NOTHING
        return Plan(answer, commits, rng.choice([0.0, 0.0, rng.uniform(1, CALL_S - 3)]) if commits != NOTHING else 0.0)

    def search() -> Answer | None:
        nonlocal faults
        if faults <= 0 or rng.random() < 0.8:
            return None
        return rng.choice([Answer("503", 503, "html"), Answer("cut", how="cut"), Answer("html", 200, "html")])

    life.authority.plan, life.authority.search = plan, search
    async with life.authority.listening(), life.time.running():
        for _ in range(rng.randrange(1, 4)):
            life.queue(rng.randrange(1, 5), workplaces=rng.choice([1, 3]))
            life.clock_off_ms = rng.randrange(-90_000, 90_000)
            async with life.bridge(batch=rng.choice([1, 3, 200]), calls=2):
                try:
                    async with life.bridge():
                        raise AssertionError("two bridges have one store")
                except StoreInUse:
                    pass
                await life.time.sleep(rng.choice([0.5, 6.0, 25.0, 60.0]))
        faults = 0
        await life.run(batch=rng.choice([1, 200]))
        counts = await life.end()
    life.close()
    return counts
