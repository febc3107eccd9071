"""What the bridge says to clocks: acknowledgements, receipts, the time, commands, rosters, settings.

Receipts get their numbers here, per clock and without gaps, in the transaction of what they tell about, so that a clock
which was away learns of every one. A frame's counter never comes twice, not even after a crash: numbers are reserved in
the store, a block at a time, before the first of a block is used.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, bindparam, insert, select, update

from badgeclock.bridge import schema
from badgeclock.bridge.vault import LINK_KEY, Vault
from badgeclock.protocol import frames
from badgeclock.protocol.frames import (
    RECEIPTS_MAX,
    Ack,
    Command,
    Desk,
    Frame,
    FrameType,
    Receipt,
    ReceiptState,
    RosterPart,
    Time,
)
from badgeclock.protocol.topics import Channel, topic

RECEIPTS_KEPT_MS: Final = 24 * 3_600_000
"""How far back receipts are told again to a clock that has not got them (docs/protocol.md §7)."""
COUNTER_BLOCK: Final = 4096
RECEIPTS_READ: Final = 4096
"""Most receipts that one round reads from the store."""
COUNTER_SLACK: Final = 64
"""Frames that may be made between a reservation and the commit it is part of."""
LINKS_KEPT: Final = 20_000


class NewReceipt(NamedTuple):
    """A receipt before it has a number; `clock_id` is the clock's row."""

    clock_id: int
    seq: int
    state: ReceiptState
    error_code: int = 0
    reception_number: int = 0


class Message(NamedTuple):
    """Something to publish."""

    topic: str
    payload: bytes


class ReceiptRow(NamedTuple):
    """A receipt as stored, with its place in the order of all receipts."""

    id: int
    clock_id: int
    receipt: Receipt


def issue(connection: Connection, told: Sequence[NewReceipt], now_ms: int) -> None:
    """Number receipts and store them; they go out when the transaction is committed."""
    if not told:
        return
    clocks = schema.clocks
    last: dict[int, int] = {}
    for clock_id in sorted({receipt.clock_id for receipt in told}):
        statement = select(clocks.c.receipt_last).where(clocks.c.id == clock_id).with_for_update()
        last[clock_id] = connection.execute(statement).scalar_one()
    rows = []
    for receipt in told:
        last[receipt.clock_id] += 1
        rows.append({**receipt._asdict(), "number": last[receipt.clock_id], "created_ms": now_ms})
    connection.execute(insert(schema.receipts), rows)
    connection.execute(
        update(clocks).where(clocks.c.id == bindparam("at")).values(receipt_last=bindparam("to")),
        [{"at": clock_id, "to": number} for clock_id, number in last.items()],
    )


def newest_receipt(connection: Connection) -> int:
    """Place of the newest receipt in the order of all."""
    table = schema.receipts
    return connection.execute(select(table.c.id).order_by(table.c.id.desc()).limit(1)).scalar() or 0


def receipts_after(connection: Connection, after: int) -> list[ReceiptRow]:
    """The next receipts behind a place in the order of all, at most `RECEIPTS_READ`."""
    table = schema.receipts
    rows = connection.execute(select(table).where(table.c.id > after).order_by(table.c.id).limit(RECEIPTS_READ))
    return [_row(row) for row in rows]


def receipts_missing(connection: Connection, clock_id: int, above: int, now_ms: int) -> list[ReceiptRow]:
    """The receipts of the last 24 hours that a clock which has all up to number `above` has not got."""
    table = schema.receipts
    rows = connection.execute(
        select(table)
        .where(
            table.c.clock_id == clock_id,
            table.c.number > above,
            table.c.created_ms >= now_ms - RECEIPTS_KEPT_MS,
        )
        .order_by(table.c.number)
    )
    return [_row(row) for row in rows]


def _row(row: object) -> ReceiptRow:
    at = row._mapping  # type: ignore[attr-defined]  # noqa: SLF001 - a row's public name for itself as a mapping
    receipt = Receipt(at["number"], at["seq"], ReceiptState(at["state"]), at["error_code"], at["reception_number"])
    return ReceiptRow(at["id"], at["clock_id"], receipt)


@dataclass(slots=True)
class _Link:
    name: str
    key: bytes
    session: bytes
    counter: int
    reserved: int


class Downlink:
    """Makes the frames for clocks that are there. Lives in one process; counters and sessions come from the store."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._links: OrderedDict[int, _Link] = OrderedDict()
        self.frames: Counter[FrameType] = Counter()

    def prepare(self, connection: Connection, clock_ids: Sequence[int], frames_each: int = 1) -> None:
        """Load these clocks' links, and reserve counters for so many frames to each; before the commit they follow.

        Clocks without a session, or that said they are gone, get no link: nothing is sent to them.
        """
        clocks = schema.clocks
        missing = [
            clock_id
            for clock_id in clock_ids
            if (link := self._links.get(clock_id)) is None or link.counter + frames_each + COUNTER_SLACK > link.reserved
        ]
        for clock_id in missing:
            row = connection.execute(
                select(clocks.c.name, clocks.c.link_key_closed, clocks.c.session, clocks.c.counter_reserved)
                .where(clocks.c.id == clock_id, clocks.c.online, clocks.c.session.is_not(None))
                .with_for_update()
            ).one_or_none()
            if row is None:
                continue
            reserved = row.counter_reserved + COUNTER_BLOCK + frames_each
            connection.execute(update(clocks).where(clocks.c.id == clock_id).values(counter_reserved=reserved))
            link_key = self._vault.open(LINK_KEY, row.name, row.link_key_closed)
            self._links[clock_id] = _Link(
                row.name, frames.downward_key(link_key), row.session, row.counter_reserved, reserved
            )
        while len(self._links) > LINKS_KEPT:
            self._links.popitem(last=False)

    def ready(self, clock_ids: Iterable[int], frames_each: int) -> bool:
        """Whether `prepare` would have nothing to do."""
        return all(
            (link := self._links.get(clock_id)) is not None
            and link.counter + frames_each + COUNTER_SLACK <= link.reserved
            for clock_id in clock_ids
        )

    def forget(self, clock_id: int) -> None:
        """The clock's session changed: load it anew."""
        self._links.pop(clock_id, None)

    def forget_all(self) -> None:
        """A transaction that prepared links failed: what it reserved is not reserved."""
        self._links.clear()

    def ack(self, clock_id: int, ack: Ack) -> list[Message]:
        """Every record below `ack.next_seq` is committed."""
        return self._frame(clock_id, FrameType.ACK, Channel.ACK, frames.pack_ack(ack))

    def time(self, clock_id: int, time: Time) -> list[Message]:
        """The bridge's time, for the STATUS that it answers."""
        return self._frame(clock_id, FrameType.TIME, Channel.COMMAND, frames.pack_time(time))

    def command(self, clock_id: int, command: Command) -> list[Message]:
        """Something for the clock to do."""
        return self._frame(clock_id, FrameType.COMMAND, Channel.COMMAND, frames.pack_command(command))

    def receipts(self, clock_id: int, receipts: Sequence[Receipt]) -> list[Message]:
        """Receipts in the order of their numbers, as many frames as that takes."""
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

    def desk(self, clock_id: int, session: bytes, desk: Desk) -> list[Message]:
        """A step of the badge desk, enciphered; nothing if the clock has begun another session than that."""
        link = self._links.get(clock_id)
        if link is None or link.session != session:
            return []
        body = frames.pack_desk(frames.desk_key(link.key), session, link.counter + 1, desk)
        return self._frame(clock_id, FrameType.DESK, Channel.COMMAND, body)

    def roster(self, clock_id: int, part: RosterPart) -> list[Message]:
        """A part of the clock's roster."""
        return self._frame(clock_id, FrameType.ROSTER, Channel.COMMAND, frames.pack_roster(part))

    def settings(self, clock_id: int, version: int, wanted: Mapping[str, Any]) -> list[Message]:
        """Settings that an operator wants."""
        return self._frame(clock_id, FrameType.SETTINGS, Channel.COMMAND, frames.pack_settings(version, wanted))

    def _frame(self, clock_id: int, frame_type: FrameType, channel: Channel, body: bytes) -> list[Message]:
        link = self._links.get(clock_id)
        if link is None or link.counter >= link.reserved:
            return []
        link.counter += 1
        self._links.move_to_end(clock_id)
        self.frames[frame_type] += 1
        sealed = frames.seal_frame(link.key, link.name, link.session, Frame(frame_type, link.counter, body))
        return [Message(topic(link.name, channel), sealed)]
