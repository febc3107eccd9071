"""From punches to presences: who was where, what is declared, and what a person must decide.

The regime decides what a punch declares (`regimes`, `shifts`); this module combines it with the store: the badge's
holder (`employment`), existing presences, and new ones (`day_book`). Batches of thousands are decided in a few
statements.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select, text, update

from badgeclock.bridge.downlink import receipts
from badgeclock.bridge.downlink.receipts import NewReceipt
from badgeclock.bridge.presences import comings, punch_receipts, shifts
from badgeclock.bridge.presences.day_book import DayBook, Entry
from badgeclock.bridge.presences.employment import Holder
from badgeclock.bridge.presences.holders import FindHolders, holders_of
from badgeclock.bridge.presences.matching import find_joined, find_shift_ended, meet, open_presence
from badgeclock.bridge.presences.presence_events import note_assumed, note_for_person
from badgeclock.bridge.presences.punch_fate import SURE, Fate, Punch, alike, as_corrected, fate_of
from badgeclock.bridge.presences.regimes import (
    PLACE_COLUMNS,
    Place,
    Wanted,
    local_day,
)
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.database import chunks, insert_rows
from badgeclock.bridge.store.states import ENDED, ClockState, PunchState, Reason
from badgeclock.protocol import record as records
from badgeclock.protocol.frames import ReceiptState
from badgeclock.protocol.record import Direction, Origin

_Decision = tuple[str, int | None, int | None, str | None]
_DECIDED: Final = ("state", "worker_id", "presence_id", "reason")


def accept(
    connection: Connection, punches: Sequence[Punch], now_ms: int, find_holders: FindHolders = holders_of
) -> int:
    """Store new punches, open their presences, write receipts; all in this transaction. `find_holders` is `holders_of`,
    or what keeps its answers.

    Returns how many presences were queued.
    """
    settled, queued = _settle(connection, punches, now_ms, find_holders)
    columns: tuple[str, ...] = ("clock_id", "seq", "site_id", "token", "direction", "utc_ms", "received_ms", *_DECIDED)
    rows = _rows(punches, settled)
    if not any(reason for *_, reason in settled):
        columns, rows = columns[:-1], (row[:-1] for row in rows)  # omitted columns are NULL
    insert_rows(connection, schema.punches, columns, rows)
    return queued


def _rows(punches: Sequence[Punch], settled: Sequence[_Decision]) -> Iterator[tuple[Any, ...]]:
    for punch, decision in zip(punches, settled, strict=True):
        clock_id, _, seq, place, token, direction, _, utc_ms, _, _, _, received_ms, _ = punch
        yield clock_id, seq, place[0], bytearray(token), int(direction), utc_ms, received_ms, *decision


def join_tokens(connection: Connection, site_id: int, earlier: Sequence[bytes], token: bytes) -> None:
    """Move unassigned punches under a badge's earlier tokens to its present token."""
    table = schema.punches
    waiting = (table.c.site_id == site_id) & table.c.token.in_(earlier) & (table.c.state == PunchState.UNASSIGNED)
    if earlier:
        connection.execute(update(table).where(waiting, table.c.presence_id.is_(None)).values(token=token))


def reconsider_badge(connection: Connection, site_id: int, token: bytes, now_ms: int) -> int:
    """Decide again on the punches of a badge that was unassigned; returns how many presences were queued."""
    table = schema.punches
    return _reconsider(
        connection,
        (table.c.site_id == site_id) & (table.c.token == token) & (table.c.state == PunchState.UNASSIGNED),
        now_ms,
    )


def reconsider_clock(connection: Connection, clock_id: int, now_ms: int) -> int:
    """Decide again on punches that waited for the end of a clock's quarantine; returns how many presences were
    queued."""
    table = schema.punches
    return _reconsider(
        connection,
        (table.c.clock_id == clock_id) & (table.c.state == PunchState.WAITING) & (table.c.reason == Reason.QUARANTINE),
        now_ms,
    )


def _reconsider(connection: Connection, which: Any, now_ms: int) -> int:
    table = schema.punches
    # Written like the partial index, so that it is used.
    waiting = select(table.c.id).where(text(f"({schema.PUNCH_FOR_PERSON})"), which).correlate(None)
    rows = connection.execute(
        waiting_punches().where(table.c.id.in_(waiting)).order_by(table.c.utc_ms, table.c.id)
    ).all()
    if not rows:
        return 0
    settled, queued = _settle(connection, [punch_of(row) for row in rows], now_ms)
    change = update(table).where(table.c.id == bindparam("at")).values({name: bindparam(name) for name in _DECIDED})
    connection.execute(
        change,
        [
            {"at": row.id, **dict(zip(_DECIDED, columns, strict=True))}
            for row, columns in zip(rows, settled, strict=True)
        ],
    )
    return queued


def waiting_punches() -> Any:
    """A select of stored punches with what `punch_of` needs: their clock's state, their place, their record."""
    table, clocks, sites, kept = schema.punches, schema.clocks, schema.sites, schema.records
    place = (sites.c[name] for name in PLACE_COLUMNS)
    return (
        select(table, clocks.c.state.label("clock_state"), kept.c.raw, *place)
        .join(clocks, clocks.c.id == table.c.clock_id)
        .join(sites, sites.c.id == table.c.site_id)
        .outerjoin(kept, (kept.c.clock_id == table.c.clock_id) & (kept.c.seq == table.c.seq))
    )


def punch_of(row: Any) -> Punch:
    """A stored punch as received. Unsealed ones and duplicates are never decided again."""
    record = None if row.raw is None else records.unpack(row.raw)
    return Punch(
        clock_id=row.clock_id,
        clock_state=ClockState(row.clock_state),
        seq=row.seq,
        place=Place.of(row),
        token=row.token,
        direction=Direction(row.direction),
        is_sure=record is not None and record.origin in SURE,
        utc_ms=row.utc_ms,
        bound=records.BOUND_NONE if record is None else record.bound,
        sealed=True,
        duplicate=False,
        received_ms=row.received_ms,
        is_assumed=record is not None and record.origin is Origin.ASSUMED,
    )


def declare(connection: Connection, punch: Punch, holder: Holder, wanted: Wanted, now_ms: int) -> int | None:
    """The presence of a punch whose direction a person gives: an existing one, or a new one. Returns its row; None if
    its employer is ambiguous.
    """
    book = DayBook(connection)
    book.load((holder.worker_id, day) for day in (wanted.day, wanted.earlier) if day is not None)
    entry = find_joined(book, punch, holder, wanted) or open_presence(book, punch, holder, wanted)
    if entry is None:
        return None
    opened = book.write(now_ms)
    if book.take_lost():  # somebody was quicker: it is there now
        return declare(connection, punch, holder, wanted, now_ms)
    if opened:
        table = schema.presences
        values = {"decided_ms": now_ms, "assumed": None}
        connection.execute(update(table).where(table.c.id == entry.id).values(values))
        comings.bear_out(connection, [(entry.key, entry.site_id)], now_ms)
    return entry.id


def _settle(
    connection: Connection, punches: Sequence[Punch], now_ms: int, find_holders: FindHolders = holders_of
) -> tuple[list[_Decision], int]:
    """The deciding columns of each punch, after opening presences and writing receipts; and how many were opened."""
    kinds, kind_of = alike(as_corrected(punches), now_ms)
    holders = find_holders(connection, kinds)
    held = [holders.get((punch.place.site_id, punch.token)) for punch in kinds]
    fates = [fate_of(punch, holder, now_ms) for punch, holder in zip(kinds, held, strict=True)]
    book = DayBook(connection)
    met = meet(book, kinds, held, fates)
    opened = book.write(now_ms)
    while lost := {id(entry) for entry in book.take_lost()}:
        at = [place for place, one in enumerate(met) if one.entry is not None and id(one.entry) in lost]
        again = meet(book, [kinds[it] for it in at], [held[it] for it in at], [fates[it] for it in at])
        for place, one in zip(at, again, strict=True):
            met[place] = one
        opened += book.write(now_ms)
    comings.bear_out(connection, [(entry.key, entry.site_id) for entry in opened], now_ms)
    _keep_evident(connection, book.evident, now_ms)
    _keep_corrected(connection, book.corrected)
    note_assumed(connection, [*opened, *book.corrected], now_ms)
    note_for_person(connection, kinds, held, met, now_ms)
    decisions: list[_Decision] = []
    contents: list[punch_receipts.Content | None] = []
    for punch, holder, (fate, entry) in zip(kinds, held, met, strict=True):
        decisions.append(
            (
                fate.state.value,
                holder.worker_id if holder else None,
                entry.id if entry else None,
                fate.reason.value if fate.reason else None,
            )
        )
        contents.append(_receipt(punch, fate, entry))
    issued = [
        NewReceipt(punch.clock_id, punch.seq, *receipt)
        for punch, kind in zip(punches, kind_of, strict=True)
        if (receipt := contents[kind]) is not None
    ]
    receipts.issue(connection, issued, now_ms)
    return [decisions[kind] for kind in kind_of], len(opened)


def day_there(connection: Connection, punch: Punch, holder: Holder, wanted: Wanted) -> int | None:
    """The existing presence of a punch's day, if any: nothing more needs to be declared."""
    book = DayBook(connection)
    days = [(holder.worker_id, day) for day in (wanted.day, wanted.earlier) if day is not None]
    book.load(days)
    book.load_passages(days)
    entry = find_joined(book, punch, holder, wanted) or find_shift_ended(book, punch, holder, wanted)
    return None if entry is None or entry.state in ENDED else entry.id


def _receipt(punch: Punch, fate: Fate, entry: Entry | None) -> punch_receipts.Content | None:
    if entry is not None:
        day = local_day(punch.utc_ms, punch.place.time_zone)
        return punch_receipts.joined(entry.state, entry.error_code, entry.reception_number, entry.key, day)
    if fate.state is PunchState.UNASSIGNED:
        return ReceiptState.UNKNOWN_BADGE, 0, 0
    if fate.state in (PunchState.WAITING, PunchState.INVALID):
        return ReceiptState.OPERATOR, 0, 0
    return None


def _keep_evident(connection: Connection, presence_ids: Sequence[int], now_ms: int) -> None:
    """A punch by key proves the worker was there: settle the assumption."""
    table = schema.presences
    for some in chunks(presence_ids):
        connection.execute(update(table).where(table.c.id.in_(some), table.c.kept_ms.is_(None)).values(kept_ms=now_ms))


def _keep_corrected(connection: Connection, entries: Sequence[Entry]) -> None:
    """Movements whose direction a key has corrected since: open until a person has decided."""
    table = schema.presences
    for some in chunks([entry.id for entry in entries]):
        values = {"assumed": shifts.Assumed.CORRECTED, "kept_ms": None}
        connection.execute(update(table).where(table.c.id.in_(some)).values(values))
