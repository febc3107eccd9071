"""The clocks of a batch: their rows, locked for its transaction, the running state of their seals, and what to write at
its end.

A clock's seal keys are encrypted in its row. This process keeps them decrypted from one batch to the next, with the
encrypted bytes they came from: while the row still has those bytes, no other process has changed the clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, NamedTuple, TypeVar

from sqlalchemy import Connection, select, update

from badgeclock.bridge.intake.continuity import Before, LastStatus
from badgeclock.bridge.presences.punch_fate import SURE, Punch
from badgeclock.bridge.presences.regimes import PLACE_COLUMNS, Place
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.database import among, insert_rows, update_rows
from badgeclock.bridge.store.states import ClockState
from badgeclock.bridge.store.vault import SEAL_KEYS, Vault
from badgeclock.protocol import seal
from badgeclock.protocol.record import RECORD_BYTES, SEALED_BYTES, Direction, Flag, Kind, Origin, iter_judged, unpack
from badgeclock.protocol.seal import KEY_BYTES, SealState

_Bytes = TypeVar("_Bytes", bytes, bytearray)

STATES_KEPT: Final = 20_000

# Looking up a member of an enum class costs as much as a hash.
_PUNCH: Final = int(Kind.PUNCH)
_DUPLICATE: Final = int(Flag.DUPLICATE)
_DIRECTIONS: Final = {int(direction): direction for direction in Direction}
_DIRECTION_MASK: Final = 7
_SURE: Final = frozenset(int(origin) for origin in SURE)
_ASSUMED: Final = int(Origin.ASSUMED)


class ClockRow(NamedTuple):
    """What the intake reads of a clock and of its site, by the names of their columns (`schema`).

    A batch may have hundreds of clocks, and every column of each costs something; reading a field of SQLAlchemy's own
    row costs fifty times as much.
    """

    id: int
    name: str
    site_id: int
    state: str
    sealed: bool
    session: bytes | None
    status_counter: bytes
    link_key_closed: bytes
    next_seq: int
    boot: int
    epoch: int
    epoch_records: int
    keys_closed: bytes
    tag: bytes
    genesis: bytes
    failing_seq: int | None
    failing_times: int
    gap_seq: int | None
    gap_times: int
    gap_since_ms: int | None
    held_reason: str | None
    kept: int
    ack_limit: int | None
    shown: int | None
    founded_anew: bool
    workplace: str
    time_zone: str
    regime: str
    next_regime: str | None
    regime_from: date | None
    longest_shift_h: int
    night_hours: str | None


_CLOCKS: Final = (
    select(*((schema.sites if name in PLACE_COLUMNS else schema.clocks).c[name] for name in ClockRow._fields))
    .join(schema.sites, schema.sites.c.id == schema.clocks.c.site_id)
    .order_by(schema.clocks.c.id)
    .with_for_update(of=schema.clocks)
)


class Run(NamedTuple):
    """Records accepted together: their concatenated bytes, when they arrived, and whether their seals are valid."""

    raws: bytes
    received_ms: int
    sealed: bool


@dataclass(slots=True)
class Chain:
    """A clock within one batch: its row, its running state, and what to write."""

    row: ClockRow
    state: SealState
    clock_state: ClockState
    seal_lost: bool
    counter: int
    failing: tuple[int, int]
    last_status: LastStatus | None
    """Of the last accepted STATUS; loaded only for a clock that sent another."""
    ack_limit: int | None
    shown: int | None
    """Set until the clock has proved, in its present session, that its chain is the store's: how far it has shown
    it."""
    founded_anew: bool
    """Whether another chain's GENESIS arrived under its name, and nothing of its own since."""
    kept: int
    gap: tuple[int, int, int]
    """The first missing record's number, how often it was requested, and since when."""
    held_reason: str | None
    runs: list[Run] = field(default_factory=list)
    changes: dict[str, Any] = field(default_factory=dict)
    resend_above: int | None = None
    retired: bool = False
    """Whether its RETIRE record came in this batch."""
    _by_seq: dict[int, bytes] = field(default_factory=dict)
    _numbered: int = 0

    def limit_acks(self, seq: int) -> None:
        """The clock must not consider anything from `seq` up as stored."""
        if self.ack_limit is None or seq < self.ack_limit:
            self.ack_limit = self.changes["ack_limit"] = seq

    def lift_ack_limit(self) -> None:
        """Its chain is proved to be the store's; under quarantine, a limit remains."""
        if self.ack_limit is not None and self.clock_state is not ClockState.QUARANTINED:
            self.ack_limit = self.changes["ack_limit"] = None

    def set_shown(self, seq: int | None) -> None:
        """How far it has shown that its chain is the store's; None once that is proved."""
        if self.shown != seq:
            self.shown = self.changes["shown"] = seq

    def set_other_founding(self, *, is_other: bool) -> None:
        """Whether its latest message belongs to another chain."""
        if self.founded_anew != is_other:
            self.founded_anew = self.changes["founded_anew"] = is_other

    def accepted_now(self) -> dict[int, bytes]:
        """The records accepted in this batch so far, by their numbers."""
        for run in self.runs[self._numbered :]:
            self._by_seq.update(_numbered(run.raws))
        self._numbered = len(self.runs)
        return self._by_seq


class Chains:
    """Loads the clocks of a batch, and writes their new states."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._opened: dict[int, tuple[bytes, SealState]] = {}
        self._ids: dict[str, int] = {}

    def expected(self, name: str) -> SealState | None:
        """The clock's most likely state; None if it sent nothing lately."""
        opened = self._opened.get(self._ids.get(name, 0))
        return opened[1] if opened else None

    def forget(self) -> None:
        """The transaction of a batch was rolled back: forget what it wrote."""
        self._opened.clear()

    def load(self, connection: Connection, names: set[str], reporting: set[str]) -> dict[str, Chain]:
        """Lock and load the clocks of these names: the one in use, else the newest that was retired.

        `reporting` are those that sent a STATUS.
        """
        table = schema.clocks
        found = self._rows(connection, names, table.c.state != ClockState.RETIRED, reporting)
        if gone := names - found.keys():
            found |= self._rows(connection, gone, table.c.state == ClockState.RETIRED, reporting)
        return found

    def _rows(self, connection: Connection, names: set[str], which: Any, reporting: set[str]) -> dict[str, Chain]:
        table = schema.clocks
        found = connection.execute(_CLOCKS.where(among(connection, table.c.name, sorted(names)), which)).all()
        rows = [ClockRow._make(row) for row in found]
        statuses = self._statuses(connection, [row.id for row in rows if row.name in reporting or not row.sealed])
        return {row.name: self._chain(row, statuses.get(row.id)) for row in rows}

    def _statuses(self, connection: Connection, clock_ids: Sequence[int]) -> dict[int, dict[str, Any] | None]:
        if not clock_ids:
            return {}
        table = schema.clocks
        rows = connection.execute(select(table.c.id, table.c.status).where(among(connection, table.c.id, clock_ids)))
        return {row.id: row.status for row in rows}

    def _chain(self, row: ClockRow, status: dict[str, Any] | None) -> Chain:
        last_status = LastStatus.of(row.session, status)
        return Chain(
            row,
            self._seal_state(row),
            ClockState(row.state),
            seal_lost=not row.sealed and not (last_status and last_status.retired),
            counter=int.from_bytes(row.status_counter, "big"),
            failing=(-1 if row.failing_seq is None else row.failing_seq, row.failing_times),
            last_status=last_status,
            ack_limit=row.ack_limit,
            shown=row.shown,
            founded_anew=row.founded_anew,
            kept=row.kept,
            gap=(-1 if row.gap_seq is None else row.gap_seq, row.gap_times, row.gap_since_ms or 0),
            held_reason=row.held_reason,
        )

    def _seal_state(self, row: ClockRow) -> SealState:
        """The running state in a clock's row; keys are decrypted only when another process changed the row.

        A retired clock's state has no keys: nothing can follow.
        """
        known = self._opened.get(row.id)
        if known and known[0] == row.keys_closed and row.state != ClockState.RETIRED:
            return known[1]
        keys = b""
        if row.state != ClockState.RETIRED:
            keys = self._vault.open(SEAL_KEYS + row.name, row.name, row.keys_closed)
        return SealState(
            row.next_seq,
            row.boot,
            row.epoch,
            row.epoch_records,
            keys[:KEY_BYTES],
            keys[KEY_BYTES:],
            row.tag,
            row.genesis,
        )

    def write(self, connection: Connection, chains: Sequence[Chain]) -> None:
        """Write records, seal states and other changes."""
        moved = [chain for chain in chains if chain.runs]
        if moved:
            insert_rows(
                connection, schema.records, ("clock_id", "seq", "raw", "sealed", "received_ms"), _record_rows(moved)
            )
            self._write_states(connection, moved)
        table = schema.clocks
        for chain in chains:
            if chain.changes:
                connection.execute(update(table).where(table.c.id == chain.row.id).values(chain.changes))

    def _write_states(self, connection: Connection, moved: Sequence[Chain]) -> None:
        rows = []
        for chain in moved:
            state, name, clock_id = chain.state, chain.row.name, chain.row.id
            closed = self._vault.close(SEAL_KEYS + name, name, state.r + state.e_next)
            if len(self._opened) >= STATES_KEPT:
                self._opened.pop(next(iter(self._opened)))
                self._ids.clear()
            self._opened[clock_id] = (closed, state)
            self._ids[name] = clock_id
            rows.append((clock_id, state.next_seq, state.boot, state.epoch, state.records, closed, state.tag))
        columns = ("id", "next_seq", "boot", "epoch", "epoch_records", "keys_closed", "tag")
        update_rows(connection, schema.clocks, columns, rows)


def punches(chains: Sequence[Chain]) -> list[Punch]:
    """The punches among the records that were accepted in this batch, as the chains stand at its end."""
    places: dict[int, Place] = {}
    for chain in chains:
        if chain.row.site_id not in places:
            places[chain.row.site_id] = Place.of(chain.row)
    return [punch for chain in chains for punch in _punches_of(chain, places[chain.row.site_id])]


def before(connection: Connection, chain: Chain, head: int) -> Before | None:
    """The last record of a chain below `head`, if the store has it."""
    if head > chain.state.next_seq:
        return None
    if head == chain.state.next_seq:
        return Before(chain.state.tag, chain.state.boot)
    now = chain.accepted_now()
    newest = max((seq for seq in now if seq < head), default=None)
    if newest is not None:
        raw: bytes | None = now[newest]
    else:
        table = schema.records
        at = (table.c.clock_id == chain.row.id) & (table.c.seq < head)
        raw = connection.execute(select(table.c.raw).where(at).order_by(table.c.seq.desc()).limit(1)).scalar()
    if raw is None:
        return Before(seal.first_tag(chain.row.name), 0)
    return Before(raw[SEALED_BYTES:], unpack(raw).boot)


def _record_rows(chains: Sequence[Chain]) -> Iterator[tuple[int, int, bytearray, int, int]]:
    for chain in chains:
        clock_id = chain.row.id
        for raws, received_ms, sealed in chain.runs:
            for seq, raw in _numbered(bytearray(raws)):
                yield clock_id, seq, raw, int(sealed), received_ms


def _numbered(raws: _Bytes) -> Iterator[tuple[int, _Bytes]]:
    for at in range(0, len(raws), RECORD_BYTES):
        raw = raws[at : at + RECORD_BYTES]
        yield int.from_bytes(raw[4:8], "big"), raw


def _punches_of(chain: Chain, place: Place) -> Iterator[Punch]:
    clock_id, clock_state = chain.row.id, chain.clock_state
    for raws, received_ms, sealed in chain.runs:
        for kind, flags, seq, utc_s, ms, bound, token, origin in iter_judged(raws):
            if kind == _PUNCH:
                # As Punch(…), at half the cost.
                yield tuple.__new__(
                    Punch,
                    (
                        clock_id,
                        clock_state,
                        seq,
                        place,
                        token,
                        _DIRECTIONS[flags & _DIRECTION_MASK],
                        origin in _SURE,
                        utc_s * 1000 + ms if utc_s else 0,
                        bound,
                        sealed,
                        bool(flags & _DUPLICATE),
                        received_ms,
                        origin == _ASSUMED,
                    ),
                )
