"""Receipts: the outcomes that clocks show for punches, numbered for each clock without gaps.

They get their numbers in the transaction that they report, so that a clock which was offline gets every one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection, select

from badgeclock.bridge.store import schema
from badgeclock.bridge.store.database import among, chunks, insert_rows, update_rows
from badgeclock.protocol.frames import Receipt, ReceiptState

RECEIPTS_KEPT_MS: Final = 24 * 3_600_000
"""How far back missing receipts are sent again to a clock (docs/protocol.md §7)."""
_COLUMNS: Final = ("clock_id", "number", "seq", "state", "error_code", "reception_number", "created_ms")
RECEIPTS_READ: Final = 4096
"""Most receipts that one round reads from the store."""


class NewReceipt(NamedTuple):
    """A receipt before it has a number; `clock_id` is the clock's row."""

    clock_id: int
    seq: int
    state: ReceiptState
    error_code: int = 0
    reception_number: int = 0


class ReceiptRow(NamedTuple):
    """A receipt as stored, with its place in the order of all receipts."""

    id: int
    clock_id: int
    receipt: Receipt


def issue(connection: Connection, new: Sequence[NewReceipt], now_ms: int) -> None:
    """Number receipts and store them; they are sent once the transaction is committed.

    A clock of an earlier version would ignore a whole frame with an unknown state: it is not sent reports of a day
    (OF_DAY), and continues to show the punch as kept.
    """
    if any(receipt.state is ReceiptState.OF_DAY for receipt in new):
        knowing = _knowing_days(connection, {receipt.clock_id for receipt in new})
        new = [one for one in new if one.state is not ReceiptState.OF_DAY or one.clock_id in knowing]
    if not new:
        return
    clocks = schema.clocks
    last: dict[int, int] = {}
    wanted = sorted({receipt.clock_id for receipt in new})
    for some in chunks(wanted):
        these = among(connection, clocks.c.id, some)
        statement = select(clocks.c.id, clocks.c.receipt_last).where(these).order_by(clocks.c.id).with_for_update()
        last.update(connection.execute(statement).tuples().all())
    rows = []
    for clock_id, seq, state, error_code, reception_number in new:
        last[clock_id] = number = last[clock_id] + 1
        rows.append((clock_id, number, seq, int(state), int(error_code), reception_number, now_ms))
    insert_rows(connection, schema.receipts, _COLUMNS, rows)
    update_rows(connection, clocks, ("id", "receipt_last"), last.items())


def _knowing_days(connection: Connection, clock_ids: set[int]) -> set[int]:
    """The clocks that report support for OF_DAY."""
    clocks = schema.clocks
    found = set()
    for some in chunks(sorted(clock_ids)):
        rows = connection.execute(select(clocks.c.id, clocks.c.status).where(clocks.c.id.in_(some)))
        found |= {row.id for row in rows if ((row.status or {}).get("receipts") or 0) >= ReceiptState.OF_DAY}
    return found


def newest(connection: Connection) -> int:
    """Place of the newest receipt in the order of all."""
    table = schema.receipts
    return connection.execute(select(table.c.id).order_by(table.c.id.desc()).limit(1)).scalar() or 0


def after(connection: Connection, after: int) -> list[ReceiptRow]:
    """The next receipts after a place in the order of all, at most `RECEIPTS_READ`."""
    table = schema.receipts
    rows = connection.execute(select(table).where(table.c.id > after).order_by(table.c.id).limit(RECEIPTS_READ))
    return [_row(row) for row in rows]


def missing(connection: Connection, clock_id: int, above: int, now_ms: int) -> list[ReceiptRow]:
    """The receipts of the last 24 hours above number `above` for a clock."""
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
