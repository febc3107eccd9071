"""A small world around the bridge: its real store, clocks that seal for real, an authority that keeps books."""

from __future__ import annotations

import asyncio
import functools
import itertools
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Table, select, text

from badgeclock.authorities.base import (
    BELGIUM,
    Cancellation,
    Cancelled,
    CancelOutcome,
    CancelRefused,
    Found,
    Item,
    MovementItem,
    Outcome,
    PresenceItem,
    Refused,
    Registered,
    SearchCriteria,
    Status,
    Validation,
)
from badgeclock.authorities.errors import AuthorityAmbiguous, AuthorityRejected, AuthorityUnavailable, Doubt
from badgeclock.bridge.backoff import Backoff
from badgeclock.bridge.clocks import enrolment, registry
from badgeclock.bridge.downlink.frames_out import Downlink
from badgeclock.bridge.intake.batch import BatchResult, ClockMessage
from badgeclock.bridge.intake.intake import Intake
from badgeclock.bridge.metrics import Metrics
from badgeclock.bridge.people import badge_keys, badges, employers, identities, sites, workers
from badgeclock.bridge.presences.regimes import Regime
from badgeclock.bridge.registrar.call_gate import Gate
from badgeclock.bridge.registrar.registrar import Registrar
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.audit_log import Change
from badgeclock.bridge.store.changes import Changes
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.store.states import MAY
from badgeclock.bridge.store.vault import Vault
from badgeclock.bridge.web.status_views import punches_after
from badgeclock.errors import StoreError
from badgeclock.protocol import frames, seal
from badgeclock.protocol import record as records
from badgeclock.protocol.frames import NO_SESSION, Frame, FrameType, Offline, Online
from badgeclock.protocol.record import NO_BEACON, NO_DETAIL, NO_TOKEN, Direction, Flag, Kind, Origin, Record, ResetCause

NOON_MS = int(datetime(2026, 1, 5, 11, 0, tzinfo=UTC).timestamp() * 1000)
"""Monday noon in Brussels."""
DAY_MS = 86_400_000
BOTH = ("sqlite", "postgresql")
"""For `DATABASES` of a test file: its tests run on either."""
SITE = "Quay 7"
SITE_KEY = bytes(range(32))
WORKPLACE = "1Y1TEST00001Z"
KBO = "0438195916"
FLEET_KEY = b"fleet key of the tests, 32 bytes"
ANNA_UID = bytes.fromhex("04a1b2c3")
BRAM_UID = bytes.fromhex("04112233445566")
LUZ_UID = bytes.fromhex("deadbeef")
STRANGER_UID = bytes.fromhex("0badcafe")
ANNA_NISS = "00000100265"
BRAM_NISS = "00000100364"
LUZ_LIMOSA = "24999999999999901"


def token_of(uid: bytes) -> bytes:
    """The token that this site's clocks make of a UID."""
    return seal.badge_token(SITE_KEY, badge_keys.UID_READ, uid)


@dataclass
class Clock:
    """The clock's side: seals as the firmware does, keeps what it sealed, speaks frames."""

    name: str = "clock-0001"
    nonce: bytes = b"\x01\x02\x03\x04\x05\x06\x07\x08"
    utc_ms: int = NOON_MS
    connection: int = 0
    number: int = 0
    session: bytes = b"session1"
    sent: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.k_dev = seal.clock_key(FLEET_KEY, self.name)
        self.e0 = seal.first_epoch_key(self.k_dev, self.name, self.nonce)
        self.link_key = seal.link_key(self.k_dev, self.name, self.nonce)
        self.state = seal.found(self.name, self.e0, self.nonce)

    def bundle(self) -> dict[str, Any]:
        """The workshop's bundle for the bridge."""
        return {
            "v": 1,
            "clock_id": self.name,
            "genesis_nonce": self.nonce.hex(),
            "e0": self.e0.hex(),
            "link_key": self.link_key.hex(),
            "site": SITE,
            "certificate_sha256": "00" * 32,
        }

    def record(self, kind: Kind, **fields: Any) -> Record:
        """A record as it would be sealed next, at the clock's own time."""
        made = {
            "flags": 0,
            "seq": self.state.next_seq,
            "boot": self.state.boot + (kind is Kind.BOOT),
            "epoch": self.state.epoch,
            "utc_s": self.utc_ms // 1000,
            "ms": self.utc_ms % 1000,
            "source": 1,
            "bound": 80,
            "uptime_ms": 5000,
            "token": NO_TOKEN,
            "beacon": NO_BEACON,
            "detail": NO_DETAIL,
            "tag": bytes(16),
        }
        return Record(format=1, kind=int(kind), **{**made, **fields})

    def append(self, record: Record) -> bytes:
        """Seal a record and keep it."""
        raw, self.state = seal.seal(self.state, record)
        self.sent.append(raw)
        return raw

    def start(self) -> list[bytes]:
        """GENESIS and the first BOOT."""
        genesis = self.record(Kind.GENESIS, token=self.nonce, detail=seal.commitment(self.e0))
        return [self.append(genesis), self.boot()]

    def boot(self, burnt: int = 0) -> bytes:
        """A BOOT after so many burnt numbers."""
        detail = records.boot_detail(ResetCause.POWER_ON, burnt, bytes(8))
        return self.append(self.record(Kind.BOOT, seq=self.state.next_seq + burnt, detail=detail))

    def punch(
        self,
        uid: bytes = ANNA_UID,
        direction: Direction = Direction.IN,
        *,
        flags: int = 0,
        origin: Origin = Origin.UNTOLD,
        **fields: Any,
    ) -> bytes:
        """A PUNCH; `origin` is the source of its direction."""
        flags |= int(direction)
        detail = bytes([origin]) + NO_DETAIL[1:]
        return self.append(self.record(Kind.PUNCH, flags=flags, token=token_of(uid), detail=detail, **fields))

    def close_epoch(self) -> bytes:
        """The EPOCH record that ends the running epoch."""
        detail = records.epoch_detail(self.state.records + 1, self.utc_ms // DAY_MS)
        return self.append(self.record(Kind.EPOCH, detail=detail))

    def unsealed(self, uid: bytes = ANNA_UID) -> bytes:
        """A PUNCH of a clock that lost its key."""
        body = records.pack(self.record(Kind.PUNCH, flags=int(Flag.UNSEALED) | Direction.IN, token=token_of(uid)))[
            : records.SEALED_BYTES
        ]
        raw = body + seal.unsealed_tag(self.state.tag, body)
        self.state = self.state._replace(next_seq=self.state.next_seq + 1, tag=raw[-16:])
        return raw

    def retire(self) -> bytes:
        """The chain's last record."""
        return self.append(self.record(Kind.RETIRE))

    def online(self, *, session: bytes | None = None, **said: Any) -> bytes:
        """A STATUS frame of the present connection; a new `session` begins a new one. `said` are its other keys."""
        if session is not None:
            self.session, self.connection, self.number = session, self.connection + 1, 0
        self.number += 1
        status = Online(
            **{
                "boot": self.state.boot,
                "connection": self.connection,
                "session": self.session,
                "head": self.state.next_seq,
                "tail": 0,
                "tag": self.state.tag,
                "free": 1000,
                "capacity": 2000,
                "sealed": True,
                "receipt": 0,
                "firmware": "00" * 8,
                "utc_ms": self.utc_ms,
                "source": 1,
                "bound_ms": None,
                "uptime_ms": 5000,
                "heap_free": 60_000,
                "reset": 1,
                "reader": "92",
                "rejected": 0,
                "badges": 2,
                "desk": 2,
                "site_keys": 1,
                **said,
            }
        )
        return self.upward(frames.pack_status(status), self.number)

    def offline(self) -> bytes:
        """The last will of the present connection."""
        body = frames.pack_status(Offline(self.state.boot, self.connection))
        return self.upward(body, frames.LAST_WILL_NUMBER)

    def upward(self, body: bytes, number: int) -> bytes:
        """A STATUS frame with any body."""
        counter = frames.upward_counter(self.state.boot, self.connection, number)
        key = frames.upward_key(self.link_key)
        return frames.seal_frame(key, self.name, NO_SESSION, Frame(FrameType.STATUS, counter, body))

    def hear(self, payload: bytes) -> Frame:
        """Open a frame from the bridge, as the clock would in its present session."""
        return frames.open_frame(frames.downward_key(self.link_key), self.name, self.session, payload)

    def topic(self, channel: str) -> str:
        """One of this clock's topics."""
        return f"badgeclock/v1/{self.name}/{channel}"


class Hand:
    """A clock that is moved by hand, seconds; `looks` counts how often it was looked at."""

    def __init__(self) -> None:
        self.s = 1000.0
        self.looks = 0

    def __call__(self) -> float:
        self.looks += 1
        return self.s


@functools.cache
def empty_store() -> bytes:
    """A store of SQLite with all tables and no rows; made once, for the migrations take longer than most tests."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{folder}/bridge.db")
        store.migrate()
        watch_steps(store)
        store.close()
        return (Path(folder) / "bridge.db").read_bytes()


def watch_steps(store: Store) -> None:
    """Have the database itself refuse any step of a presence that the table of steps does not have."""
    allowed = ", ".join(f"'{old}>{new}'" for old, new in MAY if old is not None)
    with store.write() as connection:
        if connection.dialect.name == "sqlite":
            connection.execute(
                text(
                    "CREATE TRIGGER steps BEFORE UPDATE OF state ON presences"
                    f" WHEN OLD.state != NEW.state AND OLD.state || '>' || NEW.state NOT IN ({allowed})"
                    " BEGIN SELECT RAISE(ABORT, 'a step that no presence takes'); END"
                )
            )


class Commits:
    """Like `ChangeWatch.number`, without its pause: each call checks."""

    def __init__(self, store: Store) -> None:
        self._changes = Changes(store)
        self._number = self.calls = 0

    def __call__(self) -> int:
        self.calls += 1
        try:
            self._number += self._changes.look()
        except StoreError:
            self._number += 1
        return self._number

    def close(self) -> None:
        """Give the connection back."""
        self._changes.close()


class World:
    """A bridge without broker: its store, intake, downlink and people; time stops until a test advances it."""

    def __init__(self, place: Path | str) -> None:
        """`place` is the URL of a database with the bridge's tables, or a folder for one of SQLite."""
        self.now_ms = NOON_MS
        self.vault = Vault(b"data key of the tests, 32 bytes.")
        if isinstance(place, str):
            self.store = Store(place)
        else:
            (place / "bridge.db").write_bytes(empty_store())
            self.store = Store(f"sqlite:///{place / 'bridge.db'}")
        self.commits = Commits(self.store)
        self.downlink = Downlink(self.vault)
        self.intake = Intake(self.vault, self.downlink)
        self.authority = Authority(now_ms=lambda: self.now_ms)
        self.clocks: dict[str, Clock] = {}
        with self.store.write() as connection:
            employers.add(connection, KBO, "Voorbeeld Bouw")
            sites.add(
                connection,
                self.vault,
                name=SITE,
                workplace=WORKPLACE,
                regime=Regime.CONSTRUCTION,
                site_key=SITE_KEY,
            )
            for reference, name, identity, kbo, uid in (
                ("W-001", "Anna Proef", identities.niss(ANNA_NISS), KBO, ANNA_UID),
                ("W-002", "Bram van den Berg", identities.niss(BRAM_NISS), KBO, BRAM_UID),
                ("W-003", "Luz Proef", identities.limosa(LUZ_LIMOSA), None, LUZ_UID),
            ):
                workers.add(connection, self.vault, reference=reference, name=name, identity=identity, employer_kbo=kbo)
                self.assign(uid, reference, connection)
        self.clock = self.add_clock(Clock())

    def add_site(self, name: str, workplace: str, regime: Regime, time_zone: str = sites.TIME_ZONE) -> Clock:
        """Add a site whose clocks make the same tokens, with a clock and everybody's badges."""
        with self.store.write() as connection:
            sites.add(
                connection,
                self.vault,
                name=name,
                workplace=workplace,
                regime=regime,
                site_key=SITE_KEY,
                time_zone=time_zone,
            )
            for uid, worker in ((ANNA_UID, "W-001"), (BRAM_UID, "W-002"), (LUZ_UID, "W-003")):
                badges.assign(connection, self.vault, site=name, worker=worker, uid=uid, now_ms=self.now_ms)
        return self.add_clock(Clock(f"clock-{len(self.clocks) + 1:04d}"), name)

    def change_worker(
        self, reference: str, *, niss: str | None = None, employer_kbo: str | None = None, language: str | None = None
    ) -> Change:
        """Give a worker another national number, employer or language."""
        identity = None if niss is None else identities.niss(niss)
        with self.store.write() as connection:
            return workers.change(
                connection,
                self.vault,
                reference,
                identity=identity,
                employer_kbo=employer_kbo,
                language=language,
                by="tests",
                now_ms=self.now_ms,
            )

    def change_site(self, name: str = SITE, **values: Any) -> Change:
        """Change a site's data, as for `sites.change`."""
        with self.store.write() as connection:
            return sites.change(connection, name, by="tests", now_ms=self.now_ms, **values)

    def add_clock(self, clock: Clock, site: str = SITE) -> Clock:
        """Add a clock to the bridge."""
        with self.store.write() as connection:
            enrolment.add(connection, self.vault, clock.bundle(), site=site, now_ms=self.now_ms)
        self.clocks[clock.name] = clock
        return clock

    def assign(self, uid: bytes, worker: str, connection: Any = None) -> int:
        """Give a badge to a worker."""
        if connection is None:
            with self.store.write() as opened:
                return self.assign(uid, worker, opened)
        given = badges.assign(connection, self.vault, site=SITE, worker=worker, uid=uid, now_ms=self.now_ms)
        return given.queued

    def give_number(self, number: bytes, worker: str) -> None:
        """Give the badge that a card with this number is to a worker, as the desk of an earlier version did."""
        token = seal.badge_token(SITE_KEY, badge_keys.NUMBER_PROVED, number)
        with self.store.write() as connection:
            site_id = sites.row_id(connection, SITE)
            badges.assign_token(
                connection, site_id=site_id, worker=worker, made=badge_keys.Tokens(token), now_ms=self.now_ms
            )

    def deliver(self, *messages: tuple[str, bytes]) -> BatchResult:
        """One batch of messages (topic, payload), verified ahead and committed."""
        delivered = [ClockMessage(topic, payload, self.now_ms) for topic, payload in messages]
        verified = [self.intake.verify_ahead(delivered)]
        with self.store.write() as connection:
            return self.intake.handle(connection, delivered, self.now_ms, verified)

    def punches(self, *raws: bytes, clock: Clock | None = None) -> BatchResult:
        """One `punches` message of a clock, committed."""
        return self.deliver(((clock or self.clock).topic("punches"), b"".join(raws)))

    def status(self, frame: bytes, clock: Clock | None = None) -> BatchResult:
        """One `status` message of a clock, committed."""
        return self.deliver(((clock or self.clock).topic("status"), frame))

    def release(self) -> registry.Released:
        """End the quarantine of the one clock."""
        with self.store.write() as connection:
            return registry.release(connection, self.clock.name, by="tests", reason="looked at", now_ms=self.now_ms)

    def clock_row(self) -> Any:
        """The row of the one clock, its newest life."""
        return self.clock_row_of(self.clock.name)

    def clock_row_of(self, name: str) -> Any:
        """The row of a clock, its newest life."""
        return max((row for row in self.rows(schema.clocks) if row.name == name), key=lambda row: row.id)

    def rows(self, table: Table) -> list[Any]:
        """Everything in a table."""
        with self.store.read() as connection:
            return list(connection.execute(select(table).order_by(*table.primary_key)).all())

    def stored(self) -> list[bytes]:
        """Every accepted record."""
        return [row.raw for row in self.rows(schema.records)]

    def shown(self) -> list[dict[str, Any]]:
        """Punches as the reading interface shows them."""
        with self.store.read() as connection:
            return punches_after(connection, self.vault, 0, 1000)

    def states(self) -> list[str]:
        """The state of each punch."""
        return [punch["state"] for punch in self.shown()]

    def events(self) -> list[str]:
        """Kinds of events so far."""
        return [row.kind for row in self.rows(schema.events) if row.kind != "badge_assigned"]

    def receipts(self) -> list[tuple[int, int, int, int]]:
        """(number, seq, state, reception number) of every receipt."""
        return [(row.number, row.seq, row.state, row.reception_number) for row in self.rows(schema.receipts)]

    def registrar(self, **settings: Any) -> Registrar:
        """A registrar on this store and authority, in a hurry."""
        chosen = {"call_ms": 0, "settle_ms": 0, "calls": 4, **settings}
        chosen.setdefault("gate", Gate(Backoff(base_s=0.01, cap_s=0.05)))
        chosen.setdefault("commits", self.commits)
        now_ms = chosen.pop("now_ms", lambda: self.now_ms)
        return Registrar(
            self.store,
            self.vault,
            self.authority,
            Metrics(),
            now_ms=now_ms,
            monotonic=lambda: now_ms() / 1000,
            changed=lambda: None,
            **chosen,
        )

    async def registered(self, until: Callable[[], bool], registrar: Registrar | None = None) -> None:
        """Run a registrar until a condition holds."""
        await running((registrar or self.registrar()).run(), until)

    def close(self) -> None:
        """Close the store."""
        self.commits.close()
        self.store.close()


async def eventually(condition: Callable[[], bool], patience_s: float = 60) -> None:
    """Wait until a condition holds; fails after `patience_s`."""
    async with asyncio.timeout(patience_s):
        while True:
            if condition():
                return
            await asyncio.sleep(0.01)


async def running(work: Awaitable[None], until: Callable[[], bool]) -> None:
    """Run `work` until a condition holds; fails if `work` ends before, or nothing happens."""
    task = asyncio.ensure_future(work)
    try:
        await eventually(lambda: until() or task.done())
        assert not task.done(), task
    finally:
        task.cancel()
        await asyncio.wait([task])


@dataclass
class Authority:
    """An authority in this process. Keeps records; follows its script, and when that is empty, works normally.

    Words of the script, one a call of `register`: "ok"; "away" (surely not processed), "away SECONDS" (and says for how
    long); "doubt DOUBT CODE" (not processed, and not said so); "lost before" and "lost after" (no answer, and the items
    were not, or were, taken); "rejected CODE"; "crash". `searches` and `cancels` do so for `search` and `cancel`. Days
    are Belgian, by `now_ms`.
    """

    now_ms: Callable[[], int] = lambda: NOON_MS
    declares: frozenset[type[Item]] = frozenset({PresenceItem, MovementItem})
    script: list[str] = field(default_factory=list)
    searches: list[str] = field(default_factory=list)
    cancels: list[str] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    refusal: str = "5"
    remarks: dict[str, tuple[str, ...]] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    books: list[Found] = field(default_factory=list)
    calls: list[list[str]] = field(default_factory=list)
    items: dict[str, Item] = field(default_factory=dict)
    searched: list[SearchCriteria] = field(default_factory=list)
    got: list[int] = field(default_factory=list)
    asked_to_cancel: list[int] = field(default_factory=list)
    blamed: tuple[str, ...] = ()
    hanging: asyncio.Event | None = None
    on_register: Callable[[], None] = lambda: None
    batch_limit: int = 200
    cancel_reasons: tuple[str, ...] = ("PLANNING", "HOLIDAY")
    numbers: Any = field(default_factory=lambda: itertools.count(100_000_000_001))

    async def register(self, items: Sequence[Item]) -> list[Outcome]:
        assert 1 <= len(items) <= self.batch_limit
        assert all(type(item) in self.declares for item in items)
        self.calls.append([item.reference for item in items])
        self.items |= {item.reference: item for item in items}
        self.on_register()
        word = self.script.pop(0) if self.script else "ok"
        if self.hanging is not None:
            await self.hanging.wait()
        self._obey(word, str(items[0].inss))
        outcomes = [self._take(item) for item in items]
        if word == "lost after":
            raise AuthorityAmbiguous(**SCRIPTED)
        return outcomes

    def _obey(self, word: str, person: str) -> None:
        if word.startswith("away"):
            raise AuthorityUnavailable(**SCRIPTED, retry_after=float(word[5:] or 0) or None)
        if word == "lost before":
            raise AuthorityAmbiguous(**SCRIPTED)
        if word.startswith("doubt "):
            _, doubt, code = word.split()
            raise AuthorityAmbiguous(**SCRIPTED, doubt=Doubt[doubt], code=code)
        if word == "crash":
            raise RuntimeError(f"about {person}")
        if word.startswith("rejected"):
            raise AuthorityRejected(**SCRIPTED, code=word.split()[1], references=self.blamed)

    def today(self) -> date:
        """The day it is in Belgium."""
        return datetime.fromtimestamp(self.now_ms() / 1000, BELGIUM).date()

    def _take(self, item: Item) -> Outcome:
        if (item.inss or item.limosa_id) in self.refused:
            words = {"5": "INVALID INSS", "6": "INVALID DATE"}
            return Refused(reference=item.reference, codes=(self.refusal,), descriptions=(words[self.refusal],))
        if isinstance(item, PresenceItem) and item.date not in (self.today(), self.today() + timedelta(days=1)):
            return Refused(reference=item.reference, codes=("6",), descriptions=("INVALID DATE",))
        inss_now = self.renamed.get(item.inss or "", item.inss)
        movement = item if isinstance(item, MovementItem) else None
        found = Found(
            reception_number=next(self.numbers),
            reference=item.reference,
            date=item.date,
            workplace_id=item.workplace_id,
            created=datetime.fromtimestamp(self.now_ms() / 1000, UTC),
            last=Validation(status=Status.REGISTERED, at=None),
            inss=item.inss,
            inss_now=inss_now,
            company_id=item.company_id,
            limosa_id=item.limosa_id,
            moment=movement and movement.moment,
            direction=movement and movement.direction,
        )
        self.books.append(found)
        return Registered(
            reference=item.reference,
            reception_number=found.reception_number,
            created=found.created,
            status=Status.REGISTERED,
            inss=inss_now,
        )

    async def search(self, criteria: SearchCriteria) -> list[Found]:
        self.searched.append(criteria)
        if self.searches and (word := self.searches.pop(0)) != "ok":
            raise AuthorityUnavailable(**SCRIPTED) if word == "away" else AuthorityRejected(**SCRIPTED, code=word)
        (first, last) = criteria.periods[0]
        return [
            self._checked(found)
            for found in self.books
            if found.date is not None
            and first <= found.date <= last
            and criteria.workplace_id in (None, found.workplace_id)
            and criteria.inss in (None, found.inss)
        ]

    async def get(self, reception_number: int) -> Found | None:
        self.got.append(reception_number)
        held = (found for found in self.books if found.reception_number == reception_number)
        return next((self._checked(found) for found in held), None)

    def _checked(self, found: Found) -> Found:
        """After its content check, which takes no time here."""
        if found.status is Status.CANCELLED:
            return found
        remarks = self.remarks.get(found.inss or found.limosa_id or "", ())
        status = Status.REMARKS if remarks else Status.VALIDATED
        return replace(found, last=Validation(status=status, at=found.created, remarks=remarks))

    async def cancel(self, items: Sequence[Cancellation]) -> list[CancelOutcome]:
        self.asked_to_cancel += [item.reception_number for item in items]
        word = self.cancels.pop(0) if self.cancels else "ok"
        self._obey(word, "nobody")
        outcomes = [self._cancel(item) for item in items]
        if word == "lost after":
            raise AuthorityAmbiguous(**SCRIPTED)
        return outcomes

    def _cancel(self, item: Cancellation) -> CancelOutcome:
        number = item.reception_number
        at = next((at for at, found in enumerate(self.books) if found.reception_number == number), None)
        if at is None:
            code = "7"
        elif self.books[at].status is Status.CANCELLED:
            code = "8"
        elif (day := self.books[at].date) is not None and day < self.today():
            code = "9"
        elif item.reason not in self.cancel_reasons:
            code = "11"
        else:
            self.cancel_by_hand(at)
            return Cancelled(reception_number=number)
        return CancelRefused(reception_number=number, codes=(code,), descriptions=(f"code {code}",))

    def cancel_by_hand(self, at: int) -> None:
        """Cancel an entry of the records."""
        self.books[at] = replace(self.books[at], last=Validation(status=Status.CANCELLED, at=None))

    def standing(self) -> Counter[str]:
        """How often each reference is registered and not cancelled."""
        return Counter(str(found.reference) for found in self.books if found.status is not Status.CANCELLED)

    async def close(self) -> None:
        """Nothing is open."""


SCRIPTED = {"what": "scripted", "kept": "nothing", "do": "nothing"}
