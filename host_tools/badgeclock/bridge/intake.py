"""Takes what the broker delivers, commits it in groups, and only then acknowledges.

A group is whatever arrived while the group before it was being committed, across all clocks: alone, a message waits for
nobody; under load, many share one commit. A message that cannot be taken becomes an event, never an exception, and
never spoils the others of its group. If the store fails, nothing of the group is acknowledged, and the clocks send it
again.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import structlog
from sqlalchemy import Connection, Row, bindparam, insert, select, update

from badgeclock.bridge import downlink as down
from badgeclock.bridge import events, presences, schema, verify
from badgeclock.bridge import status as statuses
from badgeclock.bridge.downlink import Downlink, Message
from badgeclock.bridge.events import Event, Severity
from badgeclock.bridge.presences import Punch
from badgeclock.bridge.states import ClockState
from badgeclock.bridge.status import Freshness
from badgeclock.bridge.store import Store, insert_rows
from badgeclock.bridge.vault import LINK_KEY, SEAL_KEYS, Vault
from badgeclock.bridge.verify import Accepted, Fault, Finding
from badgeclock.errors import StoreError
from badgeclock.protocol import frames
from badgeclock.protocol import record as records
from badgeclock.protocol.frames import Ack, FrameRefused, Online, Receipt, Time, Verdict
from badgeclock.protocol.record import Flag, Kind, RecordRefused
from badgeclock.protocol.seal import KEY_BYTES, SealState
from badgeclock.protocol.topics import Channel, TopicRefused, parse

FAILURES_KEPT: Final = 3
"""A record that fails so often under one number is kept, and raises an alarm."""
TAKEN: Final = (Channel.PUNCHES, Channel.STATUS)
STATES_KEPT: Final = 20_000
STORE_RETRY_S: Final = 1.0
_IN_CLAUSE: Final = 500

log = structlog.get_logger("badgeclock.bridge.intake")


class Delivery(NamedTuple):
    """One MQTT message as it came, and when (ms since 1970-01-01 UTC)."""

    topic: str
    payload: bytes
    received_ms: int


@dataclass(slots=True)
class Taken:
    """What a committed group left to say and to do; clocks by their row."""

    acks: dict[int, Ack] = field(default_factory=dict)
    times: dict[int, int] = field(default_factory=dict)
    """Clock → counter of the STATUS to answer with the time."""
    receipts: dict[int, list[Receipt]] = field(default_factory=dict)
    queued: int = 0
    counts: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class _Clock:
    """A clock within one group: its row, its running state, and what is to be written of it."""

    row: Row[Any]
    state: SealState
    clock_state: ClockState
    seal_lost: bool
    counter: int
    failing: tuple[int, int]
    new: dict[int, tuple[Accepted, int]] = field(default_factory=dict)
    status: dict[str, Any] = field(default_factory=dict)
    resend_above: int | None = None


class Intake:
    """Turns groups of deliveries into one transaction each. `take` is synchronous and knows nothing of MQTT."""

    def __init__(self, vault: Vault, downlink: Downlink) -> None:
        self._vault = vault
        self._downlink = downlink
        self._opened: dict[int, tuple[bytes, SealState]] = {}

    def take(self, connection: Connection, deliveries: Sequence[Delivery], now_ms: int) -> Taken:
        """Judge and store a group in the given transaction. Acknowledge what it returns once that is committed."""
        taken = Taken()
        happened: list[Event] = []
        addressed = []
        for delivery in deliveries:
            try:
                name, channel = parse(delivery.topic)
            except TopicRefused:
                channel = Channel.ACK
                name = ""
            if channel in TAKEN:
                addressed.append((name, channel, delivery))
            else:
                taken.counts["unknown_topic"] += 1
                happened.append(Event(Severity.WARNING, events.Kind.UNKNOWN_TOPIC, "a topic no clock writes to"))
        clocks = self._load(connection, {name for name, _, _ in addressed})
        for name, channel, delivery in addressed:
            clock = clocks.get(name)
            if clock is None:
                taken.counts["unknown_clock"] += 1
                what = "no clock of this name was added to the bridge"
                happened.append(Event(Severity.WARNING, events.Kind.UNKNOWN_CLOCK, what, name))
            elif channel is Channel.STATUS:
                self._hear(clock, delivery, taken, happened)
            else:
                self._judge(connection, clock, delivery, taken, happened)
        self._write(connection, [clock for clock in clocks.values() if clock.new or clock.status], taken, now_ms)
        events.write(connection, happened, now_ms)
        self._answer(connection, clocks, taken, now_ms)
        return taken

    def failed(self) -> None:
        """The transaction of a group was rolled back: nothing that it prepared is true."""
        self._opened.clear()
        self._downlink.forget_all()

    def _load(self, connection: Connection, names: set[str]) -> dict[str, _Clock]:
        table, sites = schema.clocks, schema.sites
        statement = select(table, sites.c.workplace, sites.c.time_zone).join(sites, sites.c.id == table.c.site_id)
        found = {}
        wanted = sorted(names)
        for at in range(0, len(wanted), _IN_CLAUSE):
            rows = connection.execute(
                statement.where(table.c.name.in_(wanted[at : at + _IN_CLAUSE]), table.c.state != ClockState.RETIRED)
                .order_by(table.c.id)
                .with_for_update(of=table)
            )
            for row in rows:
                found[row.name] = _Clock(
                    row,
                    self._seal_state(row),
                    ClockState(row.state),
                    seal_lost=not row.sealed,
                    counter=int.from_bytes(row.status_counter, "big"),
                    failing=(-1 if row.failing_seq is None else row.failing_seq, row.failing_times),
                )
        return found

    def _seal_state(self, row: Row[Any]) -> SealState:
        """The running state in a clock's row; keys are decrypted only when the row changed behind our back."""
        known = self._opened.get(row.id)
        if known and known[0] == row.keys_closed:
            return known[1]
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

    def _hear(self, clock: _Clock, delivery: Delivery, taken: Taken, happened: list[Event]) -> None:
        name = clock.row.name
        try:
            link_key = self._vault.open(LINK_KEY, name, clock.row.link_key_closed)
            heard = statuses.hear(frames.upward_key(link_key), name, delivery.payload, clock.counter)
        except FrameRefused as refused:
            taken.counts["status_refused"] += 1
            happened.append(Event(Severity.WARNING, events.Kind.STATUS_REFUSED, refused.reason, name))
            return
        if heard.freshness is Freshness.OLDER:
            taken.counts["status_ignored"] += 1
            happened.append(Event(Severity.INFO, events.Kind.STATUS_IGNORED, "older than the last one", name))
            return
        taken.counts["status"] += 1
        if heard.freshness is Freshness.NEWER:
            clock.status = statuses.columns(heard, delivery.received_ms)
            clock.counter = heard.counter
        if isinstance(heard.status, Online):
            clock.seal_lost = not heard.status.sealed
            clock.resend_above = heard.status.receipt
            taken.acks[clock.row.id] = Ack(clock.state.next_seq, self._verdict(clock, Verdict.IN_ORDER))
            if heard.freshness is Freshness.NEWER:
                taken.times[clock.row.id] = heard.counter
        else:
            clock.resend_above = None
            taken.times.pop(clock.row.id, None)

    def _judge(
        self, connection: Connection, clock: _Clock, delivery: Delivery, taken: Taken, happened: list[Event]
    ) -> None:
        name = clock.row.name
        try:
            raws = records.split(delivery.payload)
        except RecordRefused as refused:
            taken.counts["malformed"] += 1
            happened.append(Event(Severity.WARNING, events.Kind.MALFORMED_FRAME, refused.reason, name))
            return

        def stored(seq: int) -> bytes | None:
            if seq in clock.new:
                return clock.new[seq][0].raw
            table = schema.records
            at = (table.c.clock_id == clock.row.id) & (table.c.seq == seq)
            raw: bytes | None = connection.execute(select(table.c.raw).where(at)).scalar()
            return raw

        judged = verify.judge(clock.state, raws, stored, seal_lost=clock.seal_lost)
        clock.state = judged.state
        for accepted in judged.accepted:
            clock.new[accepted.record.seq] = (accepted, delivery.received_ms)
            if not accepted.sealed:
                what = "the clock lost its seal; its records are kept and prove nothing"
                happened.append(Event(Severity.ALARM, events.Kind.UNSEALED_RECORD, what, name))
        taken.counts["accepted"] += len(judged.accepted)
        taken.counts["repeated"] += judged.repeated
        verdict = judged.verdict
        for finding in judged.findings:
            taken.counts[finding.fault.value] += 1
            verdict = self._find(connection, clock, finding, verdict, delivery.received_ms, happened)
        taken.acks[clock.row.id] = Ack(clock.state.next_seq, self._verdict(clock, verdict))

    def _verdict(self, clock: _Clock, verdict: Verdict) -> Verdict:
        """What to answer: a clock under quarantine hears so, unless it must send something again."""
        if verdict is Verdict.IN_ORDER and clock.clock_state is ClockState.QUARANTINED:
            return Verdict.QUARANTINE
        return verdict

    def _find(
        self,
        connection: Connection,
        clock: _Clock,
        finding: Finding,
        verdict: Verdict,
        received_ms: int,
        happened: list[Event],
    ) -> Verdict:
        """Write down one record that was not taken; returns the verdict it leads to."""
        name, seq = clock.row.name, finding.seq
        if finding.fault is Fault.GAP:
            what = "records before this one are missing; asked to send them"
            happened.append(Event(Severity.INFO, events.Kind.GAP, what, name))
            return verdict
        if finding.fault is Fault.EQUIVOCATION:
            self._keep(connection, clock, finding, received_ms)
            clock.clock_state = ClockState.QUARANTINED
            clock.status["state"] = ClockState.QUARANTINED
            happened.append(Event(Severity.ALARM, events.Kind.EQUIVOCATION, finding.reason, name, seq))
            return verdict
        if finding.fault is Fault.UNSEALED:
            what = "an unsealed record, and the clock has not said that it lost its seal"
            happened.append(Event(Severity.WARNING, events.Kind.UNSEALED_REFUSED, what, name, seq))
            return verdict
        kind = events.Kind.MALFORMED_FRAME if finding.fault is Fault.MALFORMED else events.Kind.SEAL_FAILED
        happened.append(Event(Severity.WARNING, kind, finding.reason, name, seq))
        next_seq = clock.state.next_seq
        times = clock.failing[1] + 1 if clock.failing[0] == next_seq else 1
        clock.failing = (next_seq, times)
        clock.status.update(failing_seq=next_seq, failing_times=times)
        if times < FAILURES_KEPT:
            return verdict
        if times == FAILURES_KEPT:
            self._keep(connection, clock, finding, received_ms)
        happened.append(Event(Severity.ALARM, events.Kind.SEAL_FAILED_REPEATEDLY, finding.reason, name, next_seq))
        return Verdict.QUARANTINE

    def _keep(self, connection: Connection, clock: _Clock, finding: Finding, received_ms: int) -> None:
        """Keep bytes that were not taken, once."""
        table = schema.quarantine
        digest = hashlib.sha256(finding.raw).digest()
        known = select(table.c.id).where(table.c.clock_id == clock.row.id, table.c.sha256 == digest)
        if connection.execute(known).scalar() is None:
            values = {
                "clock_id": clock.row.id,
                "seq": finding.seq,
                "raw": finding.raw,
                "sha256": digest,
                "reason": finding.fault.value,
                "received_ms": received_ms,
            }
            connection.execute(insert(table).values(values))

    def _write(self, connection: Connection, changed: Sequence[_Clock], taken: Taken, now_ms: int) -> None:
        """Records, seal states, statuses and punches of the whole group."""
        moved = [clock for clock in changed if clock.new]
        if moved:
            insert_rows(
                connection,
                schema.records,
                ("clock_id", "seq", "raw", "sealed", "received_ms"),
                (
                    (clock.row.id, seq, accepted.raw, accepted.sealed, received_ms)
                    for clock in moved
                    for seq, (accepted, received_ms) in clock.new.items()
                ),
            )
            self._write_states(connection, moved)
        table = schema.clocks
        for clock in changed:
            if clock.status:
                connection.execute(update(table).where(table.c.id == clock.row.id).values(clock.status))
                if "session" in clock.status or not clock.status.get("online", True):
                    self._downlink.forget(clock.row.id)
        punches = [
            self._punch(clock, accepted, received_ms)
            for clock in moved
            for accepted, received_ms in clock.new.values()
            if accepted.record.kind == Kind.PUNCH
        ]
        if punches:
            taken.queued += presences.take(connection, punches, now_ms)

    def _write_states(self, connection: Connection, moved: Sequence[_Clock]) -> None:
        table = schema.clocks
        names = ("next_seq", "boot", "epoch", "epoch_records", "keys_closed", "tag")
        rows = []
        for clock in moved:
            state, name = clock.state, clock.row.name
            closed = self._vault.close(SEAL_KEYS + name, name, state.r + state.e_next)
            if len(self._opened) >= STATES_KEPT:
                self._opened.pop(next(iter(self._opened)))
            self._opened[clock.row.id] = (closed, state)
            rows.append(
                {
                    "at": clock.row.id,
                    "next_seq": state.next_seq,
                    "boot": state.boot,
                    "epoch": state.epoch,
                    "epoch_records": state.records,
                    "keys_closed": closed,
                    "tag": state.tag,
                }
            )
        change = update(table).where(table.c.id == bindparam("at"))
        connection.execute(change.values({name: bindparam(name) for name in names}), rows)

    def _punch(self, clock: _Clock, accepted: Accepted, received_ms: int) -> Punch:
        record = accepted.record
        return Punch(
            clock_id=clock.row.id,
            clock_state=clock.clock_state,
            seq=record.seq,
            site_id=clock.row.site_id,
            workplace=clock.row.workplace,
            time_zone=clock.row.time_zone,
            token=record.token,
            direction=record.direction,
            utc_ms=record.utc_ms if record.utc_s else 0,
            sealed=accepted.sealed,
            duplicate=record.has(Flag.DUPLICATE),
            received_ms=received_ms,
        )

    def _answer(self, connection: Connection, clocks: dict[str, _Clock], taken: Taken, now_ms: int) -> None:
        """Look up what clocks that reported are missing, and reserve the counters of all frames to come."""
        for clock in clocks.values():
            if clock.resend_above is not None:
                missing = down.receipts_missing(connection, clock.row.id, clock.resend_above, now_ms)
                taken.receipts[clock.row.id] = [row.receipt for row in missing]
        for clock_id in taken.acks:
            extra = len(taken.receipts.get(clock_id, ())) // frames.RECEIPTS_MAX
            self._downlink.prepare(connection, [clock_id], frames_each=3 + extra)


class Grouping:
    """The queue before the intake, and the task that empties it: commit a group, answer it, take the next."""

    def __init__(
        self,
        store: Store,
        intake: Intake,
        downlink: Downlink,
        *,
        publish: Callable[[Message], None],
        committed: Callable[[Taken], None],
        now_ms: Callable[[], int],
        group_messages: int,
        queue_messages: int,
    ) -> None:
        self._store = store
        self._intake = intake
        self._downlink = downlink
        self._publish = publish
        self._committed = committed
        self._now_ms = now_ms
        self._group_messages = group_messages
        self._queue: asyncio.Queue[Delivery] = asyncio.Queue(queue_messages)
        self.dropped = 0

    @property
    def waiting(self) -> int:
        """Messages that are not yet committed."""
        return self._queue.qsize()

    def deliver(self, topic: str, payload: bytes) -> None:
        """Take a message from the broker; never waits and never raises. What is dropped here the clock sends again."""
        try:
            self._queue.put_nowait(Delivery(topic, payload, self._now_ms()))
        except asyncio.QueueFull:
            self.dropped += 1

    async def run(self) -> None:
        """Commit and answer groups until cancelled."""
        while True:
            group = [await self._queue.get()]
            while len(group) < self._group_messages and not self._queue.empty():
                group.append(self._queue.get_nowait())
            await self.commit(group)
            for _ in group:
                self._queue.task_done()

    async def settled(self) -> None:
        """Wait until everything that was delivered is committed and answered."""
        await self._queue.join()

    async def commit(self, group: Sequence[Delivery]) -> None:
        """One transaction for a group, then its answers. A store that fails costs the group, not the bridge."""
        try:
            taken = await self._store.writing(self._intake.take, group, self._now_ms())
        except StoreError as error:
            self._intake.failed()
            log.error("group not committed", messages=len(group), error=str(error))
            await asyncio.sleep(STORE_RETRY_S)
            return
        for clock_id, counter in taken.times.items():
            self._send(self._downlink.time(clock_id, Time(self._now_ms(), counter)))
        for clock_id, ack in taken.acks.items():
            self._send(self._downlink.ack(clock_id, ack))
        for clock_id, receipts in taken.receipts.items():
            self._send(self._downlink.receipts(clock_id, receipts))
        self._committed(taken)

    def _send(self, messages: Sequence[Message]) -> None:
        for message in messages:
            self._publish(message)
