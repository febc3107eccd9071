"""Records read from the bridge's store, without trust: the seal verifies them like any others.

The store adds facts that no clock has: when each record arrived, and the state of the chain at the bridge's last
commit. Its own columns are checked against the records' bytes.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import select

from badgeclock.bridge.store import schema
from badgeclock.bridge.store.database import Store
from badgeclock.errors import EvidenceError
from badgeclock.evidence.dump import Anchor
from badgeclock.evidence.findings import Findings, Reason
from badgeclock.evidence.keys import ClockKeys
from badgeclock.evidence.time_checks import early_arrivals
from badgeclock.evidence.timeline import Run, runs_of
from badgeclock.protocol.record import RECORD_BYTES, TAG_BYTES

SOURCE: Final = "store"
_ROWS_AT_ONCE: Final = 10_000


@dataclass(slots=True)
class StoreRecords:
    """One clock's content of a store."""

    runs: list[Run] = field(default_factory=list)
    anchors: list[Anchor] = field(default_factory=list)


def read(store: Store, keys: ClockKeys, findings: Findings) -> StoreRecords:
    """The records of the keys' clock: of the chain that was founded with them, if the clock had several.

    Raises EvidenceError if the store does not have that chain, StoreError if it cannot be read.
    """
    store.check()
    columns = (schema.clocks.c.id, schema.clocks.c.next_seq, schema.clocks.c.tag, schema.clocks.c.status)
    with store.read() as connection:
        clock = connection.execute(
            select(*columns).where(schema.clocks.c.name == keys.clock_id, schema.clocks.c.genesis == keys.genesis)
        ).first()
        if clock is None:
            raise EvidenceError(
                what=f"the store has no chain of {keys.clock_id} that begins with this key",
                kept="nothing was judged",
                do="look at the clock's id, and whether the bundle is that of this chain or of one before it",
            )
        seq = schema.records.c.seq
        of_clock = select(seq).where(schema.records.c.clock_id == clock.id).limit(1)
        first, last = (connection.execute(of_clock.order_by(end)).scalar() for end in (seq, seq.desc()))
    return StoreRecords(runs_of_rows(_records(store, clock.id, first, last), findings), _anchors(clock))


def _records(store: Store, clock_id: int, first: int | None, last: int | None) -> Iterator[tuple[int, bytes, int]]:
    """The rows of a clock's records, ascending by number. The bridge never changes or deletes one: each page is its own
    transaction, so that the bridge's checkpoints do not wait.
    """
    table = schema.records
    columns = select(table.c.seq, table.c.raw, table.c.received_ms)
    while first is not None:
        this = (table.c.clock_id == clock_id) & (table.c.seq >= first) & (table.c.seq <= last)
        with store.read() as connection:
            page = connection.execute(columns.where(this).order_by(table.c.seq).limit(_ROWS_AT_ONCE)).tuples().all()
        yield from page
        first = page[-1][0] + 1 if len(page) == _ROWS_AT_ONCE else None


def runs_of_rows(rows: Iterable[tuple[int, bytes, int]], findings: Findings) -> list[Run]:
    """Records out of rows (number, bytes, arrival in ms since 1970-01-01 UTC), ascending by number.

    A row whose number differs from its record's own is not a record; one that claims to be later than its arrival is
    reported.
    """
    raws, received_ms = bytearray(), array("q")
    for seq, raw, received in rows:
        if len(raw) != RECORD_BYTES or int.from_bytes(raw[4:8], "big") != seq:
            findings.add(Reason.SEQUENCE, seq, place=SOURCE)
            continue
        raws += raw
        received_ms.append(received)
    runs = runs_of(bytes(raws), SOURCE)
    at = 0
    for run in runs:
        count = run.end - run.first
        for seq in early_arrivals(run.raws, run.first, received_ms[at : at + count]):
            findings.add(Reason.FUTURE, seq, place=SOURCE)
        at += count
    return runs


def _anchors(clock: Any) -> list[Anchor]:
    """The state of the chain at the bridge, and as reported by the clock."""
    anchors = [Anchor(clock.next_seq, clock.tag, "the store's own chain")] if clock.next_seq else []
    status = clock.status if isinstance(clock.status, dict) else {}
    head, tag = status.get("head"), status.get("tag")
    if isinstance(head, int) and isinstance(tag, str) and head and len(tag) == 2 * TAG_BYTES:
        try:
            anchors.append(Anchor(head, bytes.fromhex(tag), "the last STATUS in the store", from_status=True))
        except ValueError:
            return anchors
    return anchors
