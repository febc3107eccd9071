"""Sends rosters part by part, each clock its own version. `rosters` decides which clocks need one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, select

from badgeclock.bridge.downlink import rosters
from badgeclock.bridge.downlink.frames_out import Downlink, Message
from badgeclock.bridge.downlink.rosters import Due
from badgeclock.bridge.downlink.sender import Sender
from badgeclock.bridge.store import event_log, schema
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.store.event_log import Event, Severity
from badgeclock.bridge.store.vault import LINK_KEY, Vault
from badgeclock.protocol import frames
from badgeclock.protocol.errors import FrameRefused
from badgeclock.protocol.frames import NO_SESSION, FrameType, RosterAnswer, RosterPart, RosterResult
from badgeclock.protocol.roster import Entries, pack_header, part_content, part_count, roster_key
from badgeclock.protocol.topics import Channel, clock_of

POLL_S: Final = 1.0
REFUSED_MS: Final = 300_000
"""A version that a clock refused is not sent to it again for this long."""
AT_ONCE: Final = 200
"""Clocks that get a roster at the same time."""
_REFUSED: Final = {
    RosterResult.TOO_LONG: "the site has more badges than the clock's partition has room for",
    RosterResult.SEAL: "what the clock has kept is not what was sent; its flash may be worn",
    RosterResult.FLASH: "the clock's flash did not take it; if that stays, exchange the module",
}


@dataclass(slots=True)
class _Transfer:
    """A transfer of a roster to a clock in one connection."""

    clock_id: int
    name: str
    session: bytes
    connection: int
    """Boot and connection count, which its answers contain."""
    k_up: bytes
    version: int
    header: bytes
    entries: Entries
    part: int = 0
    sent_ms: int | None = None
    newest: int = 0
    result: RosterAnswer | None = None
    """The result that ended it."""

    def handle(self, payload: bytes) -> bool:
        """Handle a frame of the clock; False if it is not a valid answer."""
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


class RosterSender(Sender):
    """Sends rosters. `sent` counts parts, `in_use` rosters that clocks have taken into use."""

    def __init__(
        self,
        store: Store,
        vault: Vault,
        downlink: Downlink,
        publish: Callable[[Message], None],
        now_ms: Callable[[], int],
    ) -> None:
        super().__init__(store, downlink, publish, pause_s=POLL_S, if_store_fails="rosters wait for the store")
        self._vault = vault
        self._now_ms = now_ms
        self._transfers: dict[int, _Transfer] = {}
        self._by_name: dict[str, _Transfer] = {}
        self._left_alone: dict[int, tuple[int, int]] = {}
        self._searched_ms: int | None = None
        self._waits = True
        self.sent = self.in_use = 0

    def deliver(self, topic: str, payload: bytes) -> bool:
        """Accept a message from the broker if it is about a roster; False if it is on another channel. Never raises."""
        name = clock_of(topic, Channel.ROSTER)
        if name is None:
            return False
        transfer = self._by_name.get(name)
        if transfer is not None and transfer.handle(payload):
            self.wake()
        return True

    @property
    def waits(self) -> bool:
        """Unanswered parts are sent again; a roster is sent once its site settles, or again if refused."""
        return self._waits

    async def work(self) -> None:
        """One round: end answered transfers, find clocks that need a roster, send each its next part."""
        now_ms = self._now_ms()
        for transfer in [transfer for transfer in self._transfers.values() if transfer.result is not None]:
            await self._end(transfer, now_ms)
        if self._searched_ms is None or now_ms - self._searched_ms >= POLL_S * 1000:
            self._searched_ms = now_ms
            await self._find_work(now_ms)
        sending = [
            transfer
            for transfer in self._transfers.values()
            if transfer.sent_ms is None or now_ms - transfer.sent_ms >= rosters.AGAIN_MS
        ]
        if not sending:
            return
        ids = [transfer.clock_id for transfer in sending]
        await self.prepare(ids)
        for transfer in sending:
            content = part_content(transfer.header, transfer.entries, transfer.part)
            part = RosterPart(transfer.version, transfer.part, part_count(transfer.entries), content)
            self.sent += self.publish_all(self._downlink.roster(transfer.clock_id, part))
            transfer.sent_ms = now_ms

    async def _find_work(self, now_ms: int) -> None:
        self._waits = await self._store.reading(rosters.any_waits)
        if not self._waits and not self._transfers:
            return
        wanted = await self._store.reading(rosters.due, now_ms)
        nameless = [one for one in wanted if one.version is None]
        if nameless:
            await self._store.writing(rosters.number, nameless, now_ms)
            wanted = await self._store.reading(rosters.due, now_ms)
        wanted = [one for one in wanted if one.version is not None and not self._is_left_alone(one, now_ms)]
        for clock_id in self._transfers.keys() - {one.clock_id for one in wanted}:
            self._drop(clock_id)
        begun = await self._store.reading(self._begin, wanted[:AT_ONCE])
        for transfer in begun:
            self._drop(transfer.clock_id)
            self._transfers[transfer.clock_id] = self._by_name[transfer.name] = transfer
        self._left_alone = {key: value for key, value in self._left_alone.items() if value[1] > now_ms}

    def _begin(self, connection: Connection, wanted: list[Due]) -> list[_Transfer]:
        """Transfers to begin, in the present connections of the clocks."""
        table = schema.clocks
        entries: dict[tuple[int, int], Entries] = {}
        begun = []
        for one in wanted:
            row = connection.execute(select(table).where(table.c.id == one.clock_id)).one()
            under_way = self._transfers.get(one.clock_id)
            if under_way and (under_way.version, under_way.session) == (row.roster_version, row.session):
                continue
            of = one.site_id, row.roster_keys
            if of not in entries:
                entries[of] = rosters.of_site(connection, *of)
            begun.append(self._new_transfer(row, entries[of]))
        return begun

    def _new_transfer(self, row: Any, entries: Entries) -> _Transfer:
        link_key = self._vault.open(LINK_KEY, row.name, row.link_key_closed)
        return _Transfer(
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
        transfer = self._transfers.pop(clock_id, None)
        if transfer is not None and self._by_name.get(transfer.name) is transfer:
            del self._by_name[transfer.name]

    async def _end(self, transfer: _Transfer, now_ms: int) -> None:
        answer = transfer.result
        assert answer is not None
        if answer.result is RosterResult.IN_USE:
            await self._store.writing(_note_in_use, transfer, answer.version, now_ms)
            self.in_use += answer.version == transfer.version
        else:
            self._left_alone[transfer.clock_id] = (transfer.version, now_ms + REFUSED_MS)
            why = f"roster {transfer.version} with {transfer.entries.badges} badges: {_REFUSED[answer.result]}"
            happened = Event(Severity.WARNING, event_log.Kind.ROSTER_REFUSED, why, transfer.name)
            await self._store.writing(event_log.write, [happened], now_ms)
        self._drop(transfer.clock_id)


def _note_in_use(connection: Connection, transfer: _Transfer, version: int, now_ms: int) -> None:
    """The clock uses its roster; settle an event about an earlier refusal."""
    rosters.note_in_use(connection, transfer.clock_id, transfer.session, version)
    event_log.settle(connection, event_log.Kind.ROSTER_REFUSED, now_ms, clock=transfer.name)
