"""Takes what the broker delivers, commits it in groups, and only then acknowledges.

A group is whatever arrived while the group before it was being committed, across all clocks: alone, a message waits for
nobody; under load, many share one commit. A message that cannot be taken becomes an event, never an exception, and
never spoils the others of its group. If the store fails, nothing of the group is acknowledged, and the clocks send it
again.

A clock whose STATUS or records contradict what the store has (`continuity`, `verify`) is under quarantine from that
group on: what its chain still proves is kept and waits, what it does not prove is kept aside, and nothing of it is
declared until an operator decides. What an ACK says a clock may rely on: a clock that was put back to an earlier state
holds other records under numbers that the store has, so after a start an ACK goes no further than what the clock has
shown, until it has proved that its chain is the store's.
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

from badgeclock.bridge import continuity, events, orders, presences, schema, verify
from badgeclock.bridge import downlink as down
from badgeclock.bridge import status as statuses
from badgeclock.bridge.continuity import Before, Told
from badgeclock.bridge.downlink import Downlink, Message
from badgeclock.bridge.events import Event, Severity
from badgeclock.bridge.presences import Punch
from badgeclock.bridge.regimes import Regime
from badgeclock.bridge.states import ClockState
from badgeclock.bridge.status import Freshness
from badgeclock.bridge.store import Store, insert_rows
from badgeclock.bridge.vault import LINK_KEY, SEAL_KEYS, Vault
from badgeclock.bridge.verify import Accepted, Fault, Finding
from badgeclock.errors import StoreError
from badgeclock.protocol import frames, seal
from badgeclock.protocol import record as records
from badgeclock.protocol.frames import Ack, Command, FrameRefused, Online, Receipt, Time, Verdict
from badgeclock.protocol.record import SEALED_BYTES, Flag, Kind, RecordRefused
from badgeclock.protocol.seal import KEY_BYTES, SealState
from badgeclock.protocol.topics import Channel, TopicRefused, parse

FAILURES_KEPT: Final = 3
TAKEN: Final = (Channel.PUNCHES, Channel.STATUS)
"""A record that fails so often under one number is kept, raises an alarm and puts its clock under quarantine."""
GAPS_ASKED: Final = 16
GAP_STAYS_MS: Final = 600_000
"""A clock that was asked so often, for so long, and still sends only what comes after a gap has skipped numbers."""
QUARANTINE_KEPT: Final = 20_000
"""Most records of a clock that are kept aside; what comes then stays in the clock, since it is not acknowledged."""
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
    events: list[Event] = field(default_factory=list)


@dataclass(slots=True)
class _Clock:
    """A clock within one group: its row, its running state, and what is to be written of it."""

    row: Row[Any]
    state: SealState
    clock_state: ClockState
    seal_lost: bool
    counter: int
    failing: tuple[int, int]
    told: Told | None
    ack_limit: int | None
    kept: int
    gap: tuple[int, int, int]
    """The number at which records are missing, how often it was asked for, and since when."""
    held_reason: str | None
    new: dict[int, tuple[Accepted, int]] = field(default_factory=dict)
    changes: dict[str, Any] = field(default_factory=dict)
    resend_above: int | None = None
    retired: bool = False
    """Whether its RETIRE record came in this group."""

    def limit_acks(self, seq: int) -> None:
        """The clock must not hold anything from `seq` up for kept here."""
        if self.ack_limit is None or seq < self.ack_limit:
            self.ack_limit = self.changes["ack_limit"] = seq

    def lift_ack_limit(self) -> None:
        """Its chain is proved to be the store's; while an operator has to decide, a limit stays."""
        if self.ack_limit is not None and self.clock_state is not ClockState.QUARANTINED:
            self.ack_limit = self.changes["ack_limit"] = None


class Intake:
    """Turns groups of deliveries into one transaction each. `take` is synchronous and knows nothing of MQTT."""

    def __init__(self, vault: Vault, downlink: Downlink) -> None:
        self._vault = vault
        self._downlink = downlink
        self._opened: dict[int, tuple[bytes, SealState]] = {}
        # Clocks that have not yet proved, in their present session, whose chain they have: what they have shown of it.
        self._shown: dict[int, int] = {}
        # Clocks under whose name a GENESIS came that is not theirs, and nothing of theirs since.
        self._founded_anew: set[int] = set()

    def take(self, connection: Connection, deliveries: Sequence[Delivery], now_ms: int) -> Taken:
        """Judge and store a group in the given transaction. Acknowledge what it returns once that is committed."""
        taken = Taken()
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
                taken.events.append(Event(Severity.WARNING, events.Kind.UNKNOWN_TOPIC, "a topic no clock writes to"))
        clocks = self._load(connection, {name for name, _, _ in addressed})
        for name, channel, delivery in addressed:
            clock = clocks.get(name)
            if clock is None:
                taken.counts["unknown_clock"] += 1
                what = "no clock of this name was added to the bridge"
                taken.events.append(Event(Severity.WARNING, events.Kind.UNKNOWN_CLOCK, what, name))
            elif channel is Channel.STATUS:
                self._hear(connection, clock, delivery, taken)
            else:
                self._judge(connection, clock, delivery, taken)
        self._write(connection, [clock for clock in clocks.values() if clock.new or clock.changes], taken, now_ms)
        for clock in clocks.values():
            if clock.retired:
                orders.close(connection, clock.row.id, "the clock has written its last record", now_ms, Command.RETIRE)
        events.write(connection, taken.events, now_ms)
        self._answer(connection, clocks, taken, now_ms)
        return taken

    def failed(self) -> None:
        """The transaction of a group was rolled back: nothing that it prepared is true."""
        self._opened.clear()
        self._downlink.forget_all()

    def _load(self, connection: Connection, names: set[str]) -> dict[str, _Clock]:
        """The clocks of these names: the one in use, else the newest that was retired."""
        table = schema.clocks
        found = self._rows(connection, names, table.c.state != ClockState.RETIRED)
        if gone := names - found.keys():
            found |= self._rows(connection, gone, table.c.state == ClockState.RETIRED)
        return found

    def _rows(self, connection: Connection, names: set[str], which: Any) -> dict[str, _Clock]:
        table, sites = schema.clocks, schema.sites
        statement = select(table, sites.c.workplace, sites.c.time_zone, sites.c.regime).join(
            sites, sites.c.id == table.c.site_id
        )
        found = {}
        wanted = sorted(names)
        for at in range(0, len(wanted), _IN_CLAUSE):
            rows = connection.execute(
                statement.where(table.c.name.in_(wanted[at : at + _IN_CLAUSE]), which)
                .order_by(table.c.id)
                .with_for_update(of=table)
            )
            for row in rows:
                told = Told.of(row.session, row.status)
                found[row.name] = _Clock(
                    row,
                    self._seal_state(row),
                    ClockState(row.state),
                    seal_lost=not row.sealed and not (told and told.retired),
                    counter=int.from_bytes(row.status_counter, "big"),
                    failing=(-1 if row.failing_seq is None else row.failing_seq, row.failing_times),
                    told=told,
                    ack_limit=row.ack_limit,
                    kept=row.kept,
                    gap=(-1 if row.gap_seq is None else row.gap_seq, row.gap_times, row.gap_since_ms or 0),
                    held_reason=row.held_reason,
                )
        return found

    def _seal_state(self, row: Row[Any]) -> SealState:
        """The running state in a clock's row; keys are decrypted only when the row changed behind our back.

        A retired clock's has no keys, whoever ended it: nothing can follow.
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

    def _hear(self, connection: Connection, clock: _Clock, delivery: Delivery, taken: Taken) -> None:
        name = clock.row.name
        try:
            link_key = self._vault.open(LINK_KEY, name, clock.row.link_key_closed)
            heard = statuses.hear(frames.upward_key(link_key), name, delivery.payload, clock.counter)
        except FrameRefused as refused:
            taken.counts["status_refused"] += 1
            taken.events.append(Event(Severity.WARNING, events.Kind.STATUS_REFUSED, refused.reason, name))
            return
        self._founded_anew.discard(clock.row.id)
        online = heard.status if isinstance(heard.status, Online) else None
        contradicts = online is not None and self._contradicts(
            connection, clock, heard, online, delivery.received_ms, taken
        )
        if heard.freshness is Freshness.OLDER and not contradicts:
            taken.counts["status_ignored"] += 1
            taken.events.append(Event(Severity.INFO, events.Kind.STATUS_IGNORED, "older than the last one", name))
            return
        taken.counts["status"] += 1
        if heard.freshness is Freshness.NEWER or contradicts:
            # One that contradicts is no late delivery: whoever made it is there now, and shall hear the verdict.
            clock.counter = max(clock.counter, heard.counter)
            clock.changes.update(statuses.columns(heard, clock.counter, delivery.received_ms))
        if online is None:
            clock.resend_above = None
            taken.times.pop(clock.row.id, None)
            return
        if heard.freshness is Freshness.NEWER or contradicts:
            taken.events += [Event(*change, name) for change in statuses.changes(clock.told, online)]
            clock.told = Told.of(online.session, statuses.told(online))
        clock.seal_lost = not online.sealed and not online.retired
        clock.resend_above = online.receipt
        taken.acks[clock.row.id] = self._ack(clock, Verdict.IN_ORDER)
        if heard.freshness is Freshness.NEWER:
            taken.times[clock.row.id] = heard.counter

    def _contradicts(
        self,
        connection: Connection,
        clock: _Clock,
        heard: statuses.Heard,
        online: Online,
        received_ms: int,
        taken: Taken,
    ) -> bool:
        """Hold a STATUS against the store: find what it contradicts, or learn what it proves."""
        clock_id = clock.row.id
        before = self._before(connection, clock, online.head)
        found = continuity.contradiction(clock.state, online, before, clock.told)
        if found is not None:
            taken.counts[found.kind.value] += 1
            self._hold(clock, found.kind, found.detail, None, received_ms, taken)
            if found.kind in continuity.BREAKS_A_CHAIN:
                clock.limit_acks(min(online.tail, clock.state.next_seq))
            return True
        if heard.freshness is not Freshness.NEWER:
            return False
        if continuity.in_step(clock.state, online, before):
            self._shown.pop(clock_id, None)
            clock.lift_ack_limit()
            if clock.held_reason in (events.Kind.FORK, events.Kind.ROLLBACK):
                taken.counts[events.Kind.CLONE.value] += 1
                what = "the store's chain speaks again, after another one under its name: two devices take turns"
                self._hold(clock, events.Kind.CLONE, what, None, received_ms, taken)
        elif clock.told is None or clock.told.session != online.session:
            self._shown[clock_id] = online.tail
        return False

    def _before(self, connection: Connection, clock: _Clock, head: int) -> Before | None:
        """The last record below `head`, if the store reaches so far."""
        if head > clock.state.next_seq:
            return None
        if head == clock.state.next_seq:
            return Before(clock.state.tag, clock.state.boot)
        newest = max((seq for seq in clock.new if seq < head), default=None)
        if newest is not None:
            record = clock.new[newest][0].record
            return Before(record.tag, record.boot)
        table = schema.records
        at = (table.c.clock_id == clock.row.id) & (table.c.seq < head)
        raw = connection.execute(select(table.c.raw).where(at).order_by(table.c.seq.desc()).limit(1)).scalar()
        if raw is None:
            return Before(seal.first_tag(clock.row.name), 0)
        return Before(raw[SEALED_BYTES:], records.unpack(raw).boot)

    def _judge(self, connection: Connection, clock: _Clock, delivery: Delivery, taken: Taken) -> None:
        name, clock_id = clock.row.name, clock.row.id
        try:
            raws = records.split(delivery.payload)
        except RecordRefused as refused:
            taken.counts["malformed"] += 1
            taken.events.append(Event(Severity.WARNING, events.Kind.MALFORMED_FRAME, refused.reason, name))
            return

        def stored(seq: int) -> bytes | None:
            if seq in clock.new:
                return clock.new[seq][0].raw
            table = schema.records
            at = (table.c.clock_id == clock_id) & (table.c.seq == seq)
            raw: bytes | None = connection.execute(select(table.c.raw).where(at)).scalar()
            return raw

        judged = verify.judge(clock.state, raws, stored, seal_lost=clock.seal_lost)
        clock.state = judged.state
        for accepted in judged.accepted:
            clock.new[accepted.record.seq] = (accepted, delivery.received_ms)
            if not accepted.sealed:
                what = "the clock lost its seal; its records are kept and prove nothing"
                taken.events.append(Event(Severity.ALARM, events.Kind.UNSEALED_RECORD, what, name))
            if accepted.record.kind == Kind.RETIRE:
                self._retire(clock, taken)
        if judged.accepted:
            self._shown.pop(clock_id, None)
            clock.lift_ack_limit()
        elif clock_id in self._shown:
            self._shown[clock_id] = max(self._shown[clock_id], judged.repeated_to)
        if judged.accepted or judged.repeated:
            self._founded_anew.discard(clock_id)
        taken.counts["accepted"] += len(judged.accepted)
        taken.counts["repeated"] += judged.repeated
        if self._is_of_another_founding(clock, judged, taken):
            taken.counts[Fault.FOUNDED_ANEW.value] += 1
            return
        verdict = judged.verdict
        for finding in judged.findings:
            taken.counts[finding.fault.value] += 1
            verdict = self._find(connection, clock, finding, verdict, delivery.received_ms, taken)
        if clock.clock_state is not ClockState.ACTIVE and judged.findings:
            reason = judged.findings[-1].fault.value
            for raw in judged.unjudged:
                self._keep(connection, clock, Finding(Fault(reason), None, raw, reason), delivery.received_ms, taken)
        taken.acks[clock_id] = self._ack(clock, verdict)

    def _is_of_another_founding(self, clock: _Clock, judged: verify.Judgement, taken: Taken) -> bool:
        """Whether what came belongs to a chain that was founded under this name and that the bridge was not told of."""
        name, clock_id = clock.row.name, clock.row.id
        if not judged.findings:
            return False
        if judged.findings[-1].fault is Fault.FOUNDED_ANEW:
            self._founded_anew.add(clock_id)
            what = "another GENESIS came under this name: add the new bundle with `badgeclock bridge clock add`"
            taken.events.append(Event(Severity.WARNING, events.Kind.FOUNDED_ANEW, what, name))
            return len(judged.findings) == 1
        return clock_id in self._founded_anew

    def _retire(self, clock: _Clock, taken: Taken) -> None:
        """The clock's RETIRE record was taken, and with it everything before: its life ends here."""
        clock.retired = True
        what = "the clock wrote its last record and holds no key any more; its certificate is good until it is revoked"
        taken.events.append(Event(Severity.INFO, events.Kind.CLOCK_RETIRED, what, clock.row.name))
        if clock.clock_state is ClockState.ACTIVE:
            clock.clock_state = clock.changes["state"] = ClockState.RETIRED

    def _ack(self, clock: _Clock, verdict: Verdict) -> Ack:
        """What to answer: no further than a limit; a clock under quarantine hears so, unless it must send again."""
        limits = (clock.ack_limit, self._shown.get(clock.row.id))
        next_seq = min([clock.state.next_seq, *(limit for limit in limits if limit is not None)])
        if clock.clock_state is ClockState.QUARANTINED and (
            verdict is Verdict.IN_ORDER or next_seq < clock.state.next_seq
        ):
            verdict = Verdict.QUARANTINE
        return Ack(next_seq, verdict)

    def _find(
        self,
        connection: Connection,
        clock: _Clock,
        finding: Finding,
        verdict: Verdict,
        received_ms: int,
        taken: Taken,
    ) -> Verdict:
        """Write down one record that was not taken; returns the verdict it leads to."""
        name, seq, next_seq = clock.row.name, finding.seq, clock.state.next_seq
        if finding.fault is Fault.EQUIVOCATION:
            detail = finding.reason
            if self._stays_in_step(connection, clock):
                detail += "; the clock's own last status is in step with the store: somebody else may be at the broker"
            self._hold(clock, events.Kind.EQUIVOCATION, detail, seq, received_ms, taken)
            if clock.row.id in self._shown:
                clock.limit_acks(self._shown[clock.row.id])
        elif finding.fault is Fault.RETIRED:
            what = "a record of a clock that was retired; kept aside, not declared"
            taken.events.append(Event(Severity.ALARM, events.Kind.AFTER_RETIREMENT, what, name, seq))
        elif finding.fault is Fault.UNSEALED:
            what = "an unsealed record, and the clock has not said that it lost its seal"
            taken.events.append(Event(Severity.WARNING, events.Kind.UNSEALED_REFUSED, what, name, seq))
        elif finding.fault is Fault.GAP:
            what = "records before this one are missing; asked to send them"
            taken.events.append(Event(Severity.INFO, events.Kind.GAP, what, name))
            if self._gap_stays(clock, received_ms):
                what = f"the clock goes on after a gap: record {next_seq} was asked for {clock.gap[1]} times"
                self._hold(clock, events.Kind.SKIPPED, what, next_seq, received_ms, taken)
        else:
            kind = events.Kind.MALFORMED_FRAME if finding.fault is Fault.MALFORMED else events.Kind.SEAL_FAILED
            taken.events.append(Event(Severity.WARNING, kind, finding.reason, name, seq))
            times = clock.failing[1] + 1 if clock.failing[0] == next_seq else 1
            clock.failing = (next_seq, times)
            clock.changes.update(failing_seq=next_seq, failing_times=times)
            if times >= FAILURES_KEPT:
                kind = events.Kind.SEAL_FAILED_REPEATEDLY
                self._hold(clock, kind, finding.reason, next_seq, received_ms, taken)
                verdict = Verdict.QUARANTINE
        if clock.clock_state is not ClockState.ACTIVE:
            self._keep(connection, clock, finding, received_ms, taken)
        return verdict

    def _hold(
        self,
        clock: _Clock,
        kind: events.Kind,
        detail: str,
        seq: int | None,
        now_ms: int,
        taken: Taken,
    ) -> None:
        """Raise the alarm and put the clock under quarantine, in which it stays until an operator decides."""
        taken.events.append(Event(Severity.ALARM, kind, detail, clock.row.name, seq))
        if clock.clock_state is ClockState.RETIRED:
            return
        if clock.clock_state is not ClockState.QUARANTINED:
            clock.clock_state = ClockState.QUARANTINED
            clock.changes.update(state=ClockState.QUARANTINED, held_ms=now_ms)
        if _outweighs(kind, clock.held_reason):
            clock.held_reason = clock.changes["held_reason"] = kind.value

    def _stays_in_step(self, connection: Connection, clock: _Clock) -> bool:
        """Whether the newest authentic STATUS that was taken says the store's own chain."""
        told = clock.changes.get("status", clock.row.status)
        if told is None:
            return False
        before = self._before(connection, clock, told["head"])
        return before is not None and before.tag.hex() == told["tag"]

    def _gap_stays(self, clock: _Clock, received_ms: int) -> bool:
        """Count that the clock is asked once more for its next record; whether it does not have it."""
        next_seq = clock.state.next_seq
        seq, times, since_ms = clock.gap
        clock.gap = (seq, times + 1, since_ms) if seq == next_seq else (next_seq, 1, received_ms)
        clock.changes.update(zip(("gap_seq", "gap_times", "gap_since_ms"), clock.gap, strict=True))
        return clock.gap[1] >= GAPS_ASKED and received_ms - clock.gap[2] >= GAP_STAYS_MS

    def _keep(self, connection: Connection, clock: _Clock, finding: Finding, received_ms: int, taken: Taken) -> None:
        """Keep bytes that were not taken, once, and no more of a clock than would let somebody fill the disk."""
        table = schema.quarantine
        digest = hashlib.sha256(finding.raw).digest()
        known = select(table.c.id).where(table.c.clock_id == clock.row.id, table.c.sha256 == digest)
        if connection.execute(known).scalar() is not None:
            return
        if clock.kept >= QUARANTINE_KEPT:
            what = f"{QUARANTINE_KEPT} records are kept aside; what comes now stays in the clock, not acknowledged"
            taken.events.append(Event(Severity.ALARM, events.Kind.QUARANTINE_FULL, what, clock.row.name))
            if finding.seq is not None:
                clock.limit_acks(finding.seq)
            return
        clock.kept = clock.changes["kept"] = clock.kept + 1
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
            if clock.changes:
                connection.execute(update(table).where(table.c.id == clock.row.id).values(clock.changes))
                if "session" in clock.changes or not clock.changes.get("online", True):
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
            regime=Regime(clock.row.regime),
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


def _outweighs(kind: events.Kind, held_reason: str | None) -> bool:
    """Whether a reason for a quarantine says more than the one there is: a chain that cannot go on, and two devices."""
    if held_reason is None or kind is events.Kind.CLONE:
        return True
    return kind in continuity.BREAKS_A_CHAIN and held_reason not in continuity.BREAKS_A_CHAIN


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
