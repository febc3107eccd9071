"""Frames from the bridge to clocks: acknowledgements, receipts, the time, commands, rosters, settings.

A frame's counter is never reused, even after a crash: numbers are reserved in the store, a block at a time, before the
first of a block is used.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, select

from badgeclock.bridge.store import schema
from badgeclock.bridge.store.database import among, chunks, update_rows
from badgeclock.bridge.store.vault import LINK_KEY, Vault
from badgeclock.protocol import frames
from badgeclock.protocol.frames import (
    RECEIPTS_MAX,
    Ack,
    Command,
    Desk,
    DeskKeys,
    Frame,
    FrameType,
    Receipt,
    RosterPart,
    Time,
)
from badgeclock.protocol.topics import Channel, topic

COUNTER_BLOCK: Final = 4096
COUNTER_SLACK: Final = 64
"""Frames that may be made between a reservation and its commit."""
LINKS_KEPT: Final = 20_000
_OF_LINK: Final = [schema.clocks.c[name] for name in ("id", "name", "link_key_closed", "session", "counter_reserved")]


class Message(NamedTuple):
    """Something to publish."""

    topic: str
    payload: bytes


@dataclass(slots=True)
class _Link:
    name: str
    key: bytes
    session: bytes
    counter: int
    reserved: int


class Downlink:
    """Makes the frames for online clocks; counters and sessions come from the store."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._keys: dict[int, tuple[bytes, bytes]] = {}
        self._links: OrderedDict[int, _Link] = OrderedDict()
        self.frames: Counter[FrameType] = Counter()

    def prepare(self, connection: Connection, clock_ids: Sequence[int], frames_each: int = 1) -> None:
        """Load these clocks' links, and reserve counters for so many frames to each; before the commit they follow.

        Clocks without a session, or offline, get no link: nothing is sent to them.
        """
        clocks = schema.clocks
        missing = [clock_id for clock_id in clock_ids if not self._has(clock_id, frames_each)]
        reserved = []
        for some in chunks(missing):
            rows = connection.execute(
                select(*_OF_LINK)
                .where(among(connection, clocks.c.id, some), clocks.c.online, clocks.c.session.is_not(None))
                .order_by(clocks.c.id)
                .with_for_update()
            ).all()
            for gone in set(some) - {row.id for row in rows}:
                self.forget(gone)
            for row in rows:
                last = row.counter_reserved + COUNTER_BLOCK + frames_each + COUNTER_SLACK
                reserved.append((row.id, last))
                key = self._key(row.id, row.name, row.link_key_closed)
                self._links[row.id] = _Link(row.name, key, row.session, row.counter_reserved, last)
        if reserved:
            update_rows(connection, clocks, ("id", "counter_reserved"), reserved)
        while len(self._links) > LINKS_KEPT:
            self._links.popitem(last=False)

    def ready(self, clock_ids: Iterable[int], frames_each: int) -> bool:
        """Whether `prepare` would have nothing to do."""
        return all(self._has(clock_id, frames_each) for clock_id in clock_ids)

    def _has(self, clock_id: int, frames_each: int) -> bool:
        link = self._links.get(clock_id)
        return link is not None and link.counter + frames_each + COUNTER_SLACK <= link.reserved

    def _key(self, clock_id: int, name: str, closed: bytes) -> bytes:
        """The key of a clock's frames; opening it costs more than making a frame."""
        known = self._keys.get(clock_id)
        if known is None or known[0] != closed:
            if len(self._keys) >= LINKS_KEPT:
                self._keys.clear()
            known = self._keys[clock_id] = closed, frames.downward_key(self._vault.open(LINK_KEY, name, closed))
        return known[1]

    def forget(self, clock_id: int) -> None:
        """The clock's session changed: load it again at the next use."""
        self._links.pop(clock_id, None)

    def forget_all(self) -> None:
        """A transaction that prepared links failed: its reservations are void."""
        self._links.clear()

    def ack(self, clock_id: int, ack: Ack) -> list[Message]:
        """Every record below `ack.next_seq` is committed."""
        return self._frame(clock_id, FrameType.ACK, Channel.ACK, frames.pack_ack(ack))

    def time(self, clock_id: int, time: Time) -> list[Message]:
        """The bridge's time, in answer to a STATUS."""
        return self._frame(clock_id, FrameType.TIME, Channel.COMMAND, frames.pack_time(time))

    def command(self, clock_id: int, command: Command, order: int) -> list[Message]:
        """A command to the clock, for the order of that number."""
        arguments = b"" if command is Command.RETIRE else frames.pack_order(order)
        return self._frame(clock_id, FrameType.COMMAND, Channel.COMMAND, frames.pack_command(command, arguments))

    def receipts(self, clock_id: int, receipts: Sequence[Receipt]) -> list[Message]:
        """Receipts in the order of their numbers, in as many frames as needed."""
        return [
            message
            for at in range(0, len(receipts), RECEIPTS_MAX)
            for message in self._frame(
                clock_id,
                FrameType.RECEIPTS,
                Channel.RECEIPTS,
                frames.pack_receipts(receipts[at : at + RECEIPTS_MAX]),
            )
        ]

    def desk(self, clock_id: int, session: bytes, keys: DeskKeys, desk: Desk) -> list[Message]:
        """A step of the badge desk, encrypted; nothing if the clock has begun another session."""
        link = self._links.get(clock_id)
        if link is None or link.session != session:
            return []
        frame_type = FrameType.DESK if keys.seq is None else FrameType.SEALED_DESK
        body = frames.pack_desk_seq(keys) + frames.pack_desk(keys.down, session, link.counter + 1, desk)
        return self._frame(clock_id, frame_type, Channel.COMMAND, body)

    def roster(self, clock_id: int, part: RosterPart) -> list[Message]:
        """A part of the clock's roster."""
        return self._frame(clock_id, FrameType.ROSTER, Channel.COMMAND, frames.pack_roster(part))

    def settings(self, clock_id: int, version: int, wanted: Mapping[str, Any]) -> list[Message]:
        """Settings that an operator ordered."""
        return self._frame(clock_id, FrameType.SETTINGS, Channel.COMMAND, frames.pack_settings(version, wanted))

    def _frame(self, clock_id: int, frame_type: FrameType, channel: Channel, body: bytes) -> list[Message]:
        link = self._links.get(clock_id)
        if link is None or link.counter >= link.reserved:
            return []
        link.counter += 1
        self._links.move_to_end(clock_id)
        self.frames[frame_type] += 1
        sealed = frames.seal_frame(link.key, link.name, link.session, Frame(frame_type, link.counter, body))
        return [Message(_topic(link.name, channel), sealed)]


@lru_cache(3 * LINKS_KEPT)
def _topic(name: str, channel: Channel) -> str:
    return topic(name, channel)
