"""Rosters: which badges each clock knows, and how a changed roster comes to it.

`changed` notes in the transaction of a change that a site's roster is another one. The running bridge gives each clock
of the site a new version of its own once the site has been quiet for `SETTLE_MS`, and sends it part by part: the next
part when the clock has answered the one before, the same again after `AGAIN_MS`. What a clock has of a version it keeps
over a lost connection and over power loss, so a transfer goes on where it stopped; the clock's STATUS says what it has.
Clocks that are retired or under quarantine, and those without a place for a roster, get nothing.

A version is one above whatever the bridge gave or the clock told before, so that it grows even if the bridge's store
was put back to an earlier state. A roster holds tokens and languages, and nothing else of a badge or a person.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import structlog
from sqlalchemy import ColumnElement, Connection, func, or_, select, update

from badgeclock.bridge.downlink.frames_out import Downlink, Message
from badgeclock.bridge.store import event_log, schema
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.store.event_log import Event, Severity
from badgeclock.bridge.store.states import ClockState
from badgeclock.bridge.store.vault import LINK_KEY, Vault
from badgeclock.errors import StoreError
from badgeclock.protocol import frames
from badgeclock.protocol.errors import FrameRefused
from badgeclock.protocol.frames import NO_SESSION, FrameType, RosterAnswer, RosterPart, RosterResult
from badgeclock.protocol.roster import Entries, pack_entries, pack_header, part_content, part_count, roster_key
from badgeclock.protocol.topics import Channel, clock_of

POLL_S: Final = 1.0
SETTLE_MS: Final = 3_000
"""A site whose badges change is left to settle for so long, ..."""
LONGEST_MS: Final = 60_000
"""... but a clock does not wait longer than this for what goes on changing."""
AGAIN_MS: Final = 5_000
"""A part that was not answered is sent again: the clock does not hear one while badges come."""
REFUSED_MS: Final = 300_000
"""A clock that refused a version is left alone with it for so long."""
AT_ONCE: Final = 200
"""Clocks that get a roster at the same time."""

_REFUSED: Final = {
    RosterResult.TOO_LONG: "the site has more badges than the clock's partition has room for",
    RosterResult.SEAL: "what the clock has kept is not what was sent; its flash may be worn",
    RosterResult.FLASH: "the clock's flash did not take it; if that stays, exchange the module",
}

log = structlog.get_logger("badgeclock.bridge.downlink.rosters")


class Due(NamedTuple):
    """A clock that is there and has another roster than it should. `version` None: it has no number yet."""

    clock_id: int
    site_id: int
    changes: int
    version: int | None
    told: int


def changed(connection: Connection, site_ids: Iterable[int], now_ms: int) -> None:
    """Note that other badges or languages are known at these sites (rows) than before."""
    table = schema.sites
    values = {"roster_changes": table.c.roster_changes + 1, "roster_changed_ms": now_ms}
    connection.execute(update(table).where(table.c.id.in_(sorted(set(site_ids)))).values(values))


def changed_of_worker(connection: Connection, worker_id: int, now_ms: int) -> None:
    """The same of every site where this worker (row) has a badge in use."""
    table = schema.badges
    in_use = (table.c.worker_id == worker_id) & table.c.until_ms.is_(None)
    changed(connection, connection.execute(select(table.c.site_id).where(in_use)).scalars(), now_ms)


def of_site(connection: Connection, site_id: int) -> Entries:
    """The badges in use at a site, each with its worker's language."""
    badges, workers = schema.badges, schema.workers
    rows = connection.execute(
        select(badges.c.token, workers.c.language)
        .join(workers, workers.c.id == badges.c.worker_id)
        .where(badges.c.site_id == site_id, badges.c.until_ms.is_(None))
    )
    return pack_entries({row.token: row.language for row in rows})


def _stale() -> ColumnElement[bool]:
    """Clocks (joined with their sites) that could have a roster and have another one than the site's.

    Where no badge was ever given there is none to send.
    """
    clocks, sites = schema.clocks, schema.sites
    other = or_(clocks.c.roster_of.is_(None), clocks.c.roster_of != sites.c.roster_changes)
    return (
        (clocks.c.state == ClockState.ACTIVE)
        & clocks.c.roster_told.is_not(None)
        & or_(sites.c.roster_changes > 0, clocks.c.roster_told > 0)
        & or_(other, clocks.c.roster_told != clocks.c.roster_version)
    )


def due(connection: Connection, now_ms: int) -> list[Due]:
    """Clocks that are online and shall get a roster now. What is on its way goes on while the site changes."""
    clocks, sites = schema.clocks, schema.sites
    rows = connection.execute(
        select(
            clocks.c.id,
            clocks.c.site_id,
            clocks.c.roster_of,
            clocks.c.roster_version,
            clocks.c.roster_told,
            clocks.c.roster_ms,
            sites.c.roster_changes,
            sites.c.roster_changed_ms,
        )
        .join(sites, sites.c.id == clocks.c.site_id)
        .where(_stale(), clocks.c.online)
        .order_by(clocks.c.id)
    )
    found = []
    for row in rows:
        settled = row.roster_changed_ms is None or row.roster_changed_ms <= now_ms - SETTLE_MS
        waited = row.roster_ms is not None and row.roster_ms <= now_ms - LONGEST_MS
        version: int | None = row.roster_version
        if row.roster_told > row.roster_version or (row.roster_of != row.roster_changes and (settled or waited)):
            version = None
        elif row.roster_told == row.roster_version:
            continue  # it has what it was sent last; the site has not settled since
        found.append(Due(row.id, row.site_id, row.roster_changes, version, row.roster_told))
    return found


def stale(connection: Connection) -> int:
    """How many clocks in use have another roster than they should, online or not."""
    clocks, sites = schema.clocks, schema.sites
    counted = select(func.count()).select_from(clocks).join(sites, sites.c.id == clocks.c.site_id).where(_stale())
    return connection.execute(counted).scalar_one()


@dataclass(slots=True)
class _Push:
    """A roster on its way to a clock in one connection."""

    clock_id: int
    name: str
    session: bytes
    connection: int
    """Boot and connection count, which its answers carry."""
    k_up: bytes
    version: int
    header: bytes
    entries: Entries
    part: int = 0
    sent_ms: int | None = None
    newest: int = 0
    result: RosterAnswer | None = None
    """What ended it."""

    def hear(self, payload: bytes) -> bool:
        """Take a frame of the clock; False if it is no answer that counts."""
        try:
            frame = frames.open_frame(self.k_up, self.name, NO_SESSION, payload)
            if frame.type != FrameType.ROSTER_ANSWER:
                return False
            if frame.counter >> 32 != self.connection or frame.counter <= self.newest:
                return False
            answer = frames.unpack_roster_answer(frame.body)
        except FrameRefused:
            return False
        self.newest = frame.counter
        if answer.result is not RosterResult.NEXT:
            self.result = answer
        elif answer.version == self.version and answer.part < part_count(self.entries):
            self.part = answer.part
            self.sent_ms = None
        return True


class Rosters:
    """Sends rosters, for ever. `sent` counts parts, `taken` rosters that came into use."""

    def __init__(
        self,
        store: Store,
        vault: Vault,
        downlink: Downlink,
        publish: Callable[[Message], None],
        now_ms: Callable[[], int],
    ) -> None:
        self._store = store
        self._vault = vault
        self._downlink = downlink
        self._publish = publish
        self._now_ms = now_ms
        self._pushes: dict[int, _Push] = {}
        self._by_name: dict[str, _Push] = {}
        self._left_alone: dict[int, tuple[int, int]] = {}
        self._looked_ms: int | None = None
        self._woken = asyncio.Event()
        self.sent = self.taken = 0

    def deliver(self, topic: str, payload: bytes) -> bool:
        """Take a message from the broker if it is about a roster: False if it is on another channel. Never raises."""
        name = clock_of(topic, Channel.ROSTER)
        if name is None:
            return False
        push = self._by_name.get(name)
        if push is not None and push.hear(payload):
            self._woken.set()
        return True

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            self._woken.clear()
            try:
                await self.work()
            except StoreError as error:
                self._downlink.forget_all()
                log.error("rosters wait for the store", error=str(error))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await self._woken.wait()

    async def work(self) -> None:
        """One round: end what was answered, look for clocks that need a roster, send each its next part."""
        now_ms = self._now_ms()
        for push in [push for push in self._pushes.values() if push.result is not None]:
            await self._end(push, now_ms)
        if self._looked_ms is None or now_ms - self._looked_ms >= POLL_S * 1000:
            self._looked_ms = now_ms
            await self._look(now_ms)
        sending = [push for push in self._pushes.values() if push.sent_ms is None or now_ms - push.sent_ms >= AGAIN_MS]
        if not sending:
            return
        ids = [push.clock_id for push in sending]
        if not self._downlink.ready(ids, 1):
            await self._store.writing(self._downlink.prepare, ids, 1)
        for push in sending:
            content = part_content(push.header, push.entries, push.part)
            part = RosterPart(push.version, push.part, part_count(push.entries), content)
            for message in self._downlink.roster(push.clock_id, part):
                self._publish(message)
                self.sent += 1
            push.sent_ms = now_ms

    async def _look(self, now_ms: int) -> None:
        wanted = await self._store.reading(due, now_ms)
        nameless = [one for one in wanted if one.version is None]
        if nameless:
            await self._store.writing(_number, nameless, now_ms)
            wanted = await self._store.reading(due, now_ms)
        wanted = [one for one in wanted if one.version is not None and not self._is_left_alone(one, now_ms)]
        for clock_id in self._pushes.keys() - {one.clock_id for one in wanted}:
            self._drop(clock_id)
        begun = await self._store.reading(self._begin, wanted[:AT_ONCE])
        for push in begun:
            self._drop(push.clock_id)
            self._pushes[push.clock_id] = self._by_name[push.name] = push
        self._left_alone = {key: value for key, value in self._left_alone.items() if value[1] > now_ms}

    def _begin(self, connection: Connection, wanted: list[Due]) -> list[_Push]:
        """What is not on its way yet, in the present connections of the clocks."""
        table = schema.clocks
        entries: dict[int, Entries] = {}
        begun = []
        for one in wanted:
            row = connection.execute(select(table).where(table.c.id == one.clock_id)).one()
            under_way = self._pushes.get(one.clock_id)
            if under_way and (under_way.version, under_way.session) == (row.roster_version, row.session):
                continue
            if one.site_id not in entries:
                entries[one.site_id] = of_site(connection, one.site_id)
            begun.append(self._push(row, entries[one.site_id]))
        return begun

    def _push(self, row: Any, entries: Entries) -> _Push:
        link_key = self._vault.open(LINK_KEY, row.name, row.link_key_closed)
        return _Push(
            clock_id=row.id,
            name=row.name,
            session=row.session,
            connection=int.from_bytes(row.status_counter, "big") >> 32,
            k_up=frames.upward_key(link_key),
            version=row.roster_version,
            header=pack_header(roster_key(frames.downward_key(link_key)), row.roster_version, entries),
            entries=entries,
        )

    def _is_left_alone(self, one: Due, now_ms: int) -> bool:
        version, until_ms = self._left_alone.get(one.clock_id, (0, 0))
        return version == one.version and now_ms < until_ms

    def _drop(self, clock_id: int) -> None:
        push = self._pushes.pop(clock_id, None)
        if push is not None and self._by_name.get(push.name) is push:
            del self._by_name[push.name]

    async def _end(self, push: _Push, now_ms: int) -> None:
        answer = push.result
        assert answer is not None
        if answer.result is RosterResult.IN_USE:
            await self._store.writing(_has, push.clock_id, push.session, answer.version)
            self.taken += answer.version == push.version
        else:
            self._left_alone[push.clock_id] = (push.version, now_ms + REFUSED_MS)
            why = f"roster {push.version} with {push.entries.badges} badges: {_REFUSED[answer.result]}"
            happened = Event(Severity.WARNING, event_log.Kind.ROSTER_REFUSED, why, push.name)
            await self._store.writing(event_log.write, [happened], now_ms)
        self._drop(push.clock_id)


def _number(connection: Connection, nameless: list[Due], now_ms: int) -> None:
    """Give each clock a version for the state that its site's roster has now."""
    clocks, sites = schema.clocks, schema.sites
    for one in nameless:
        row = connection.execute(
            select(clocks.c.roster_version, clocks.c.roster_told, sites.c.roster_changes)
            .join(sites, sites.c.id == clocks.c.site_id)
            .where(clocks.c.id == one.clock_id)
            .with_for_update(of=clocks)
        ).one()
        version = max(row.roster_version, row.roster_told or 0) + 1
        values = {"roster_version": version, "roster_of": row.roster_changes, "roster_ms": now_ms}
        connection.execute(update(clocks).where(clocks.c.id == one.clock_id).values(values))


def _has(connection: Connection, clock_id: int, session: bytes, version: int) -> None:
    """The clock told, in this session, which version it has in use."""
    table = schema.clocks
    there = (table.c.id == clock_id) & (table.c.session == session)
    connection.execute(update(table).where(there).values(roster_told=version))
