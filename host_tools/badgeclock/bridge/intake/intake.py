"""Handles messages from the broker, a batch in one transaction; only what that commits is acknowledged.

A message holds records, or a clock's STATUS. A batch is what arrived while the batch before it was being committed,
across all clocks (`batcher`). A message that cannot be accepted becomes an event, never an exception, and does not
affect the others of its batch. If the store fails, nothing of the batch is acknowledged, and the clocks send it again.

Where the parts are: `clock_chains` has the clocks and their running seals, `speculative_verify` verifies seals before
the store is read, `verify` judges messages that are not simply the next ones, `status_intake` handles STATUS,
`quarantine` handles records that are not accepted, `presences` turns punches into declarations.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Final

from sqlalchemy import Connection, select

from badgeclock.bridge import logs
from badgeclock.bridge.downlink import orders, receipts
from badgeclock.bridge.downlink.frames_out import Downlink
from badgeclock.bridge.intake import clock_chains, quarantine, seal_process, speculative_verify, status_intake, verify
from badgeclock.bridge.intake.batch import BatchResult, ClockMessage
from badgeclock.bridge.intake.clock_chains import Chain, Chains, Run
from badgeclock.bridge.intake.speculative_verify import SpeculativeVerifier, VerifiedMessages
from badgeclock.bridge.intake.verify import Fault, Finding
from badgeclock.bridge.presences import presences
from badgeclock.bridge.presences.holders import KnownHolders
from badgeclock.bridge.store import event_log, schema
from badgeclock.bridge.store.event_log import Event, Severity
from badgeclock.bridge.store.states import ClockState
from badgeclock.bridge.store.vault import Vault
from badgeclock.protocol import frames
from badgeclock.protocol.errors import RecordRefused, TopicRefused
from badgeclock.protocol.frames import Command, Verdict
from badgeclock.protocol.record import BATCH_RECORDS, RECORD_BYTES, Kind, is_batch, split
from badgeclock.protocol.seal import VerifiedRun
from badgeclock.protocol.topics import Channel, parse

TOPICS_KEPT: Final = 40_000
JUNK_A_BATCH: Final = 8
"""After this many junk messages of a clock, the rest of its messages in a batch are ignored. A real clock sends them
again.
"""
STATUSES_A_BATCH: Final = 8
"""Of more statuses of a clock in a batch only the newest are handled. A clock sends one when it connects and at each
heartbeat, and the broker one when it is disconnected."""
_JUNK: Final = frozenset({Fault.MALFORMED, Fault.SEAL})

_Messages = dict[str, list[tuple[Channel, ClockMessage]]]
"""By clock, its messages in order of arrival."""


class Intake:
    """Turns batches of messages into one transaction each. `handle` is synchronous and independent of MQTT."""

    def __init__(
        self,
        vault: Vault,
        downlink: Downlink | None,
        patience_ms: int | None = None,
        verify_chains: Callable[[seal_process.Chains], list[VerifiedRun]] = seal_process.verify_here,
    ) -> None:
        """`downlink` makes the frames for clocks, if this process sends any. `patience_ms` is for one of several
        workers: a clock's messages arrive through all of them, nearly in order. A message that is early is handled
        again for this long (`BatchResult.early`) until its predecessor arrives. `verify_chains` verifies seals ahead.
        """
        self._vault = vault
        self._downlink = downlink
        self._patience_ms = patience_ms
        self._chains = Chains(vault)
        self._holders = KnownHolders()
        self._ahead = SpeculativeVerifier(self._chains.expected, verify_chains)

    def verify_ahead(self, messages: Sequence[ClockMessage]) -> Mapping[str, VerifiedMessages]:
        """Verify what needs no store of the next messages; for `handle`, together with their batch.

        It may run in another thread than `handle`.
        """
        return self._ahead.verify(self._punches_by_clock(messages))

    def verify_missed(
        self, messages: Sequence[ClockMessage], verified: Sequence[Mapping[str, VerifiedMessages]]
    ) -> Mapping[str, VerifiedMessages]:
        """The same for the clocks of a batch for which nothing could be verified part by part, once the batch before is
        committed: from then on their next messages can be verified ahead again.
        """
        missed = {
            name: of_clock
            for name, of_clock in self._punches_by_clock(messages).items()
            if not any(name in part for part in verified)
        }
        return self._ahead.verify(missed)

    def handle(
        self,
        connection: Connection,
        messages: Sequence[ClockMessage],
        now_ms: int,
        verified: Sequence[Mapping[str, VerifiedMessages]] = (),
    ) -> BatchResult:
        """Judge and store a batch in the given transaction. Acknowledge what it returns once that is committed.

        `verified` is what `verify_ahead` gave, part by part.
        """
        result = BatchResult()
        by_clock = _by_clock(messages, result)
        reporting = {name for name, of_clock in by_clock.items() if any(of is Channel.STATUS for of, _ in of_clock)}
        clocks = self._chains.load(connection, set(by_clock), reporting)
        for name, of_clock in by_clock.items():
            clock = clocks.get(name)
            if clock is None:
                what = "no clock of this name was added to the bridge"
                result.counts["unknown_clock"] += len(of_clock)
                unknown = Event(Severity.WARNING, event_log.Kind.UNKNOWN_CLOCK, what, logs.masked(name))
                result.events += [unknown] * len(of_clock)
                continue
            verified_of_clock = [part[name] for part in verified if name in part]
            for channel, of_channel in groupby(_newest_statuses(of_clock, result), itemgetter(0)):
                following = [message for _, message in of_channel]
                if channel is Channel.PUNCHES:
                    following = self._in_order(following)
                    self._handle_punches(connection, clock, following, verified_of_clock, now_ms, result)
                else:
                    for message in following:
                        status_intake.handle(connection, self._vault, clock, message, result)
        self._write(connection, [clock for clock in clocks.values() if clock.runs or clock.changes], result, now_ms)
        event_log.write(connection, result.events, now_ms)
        self._prepare_answers(connection, clocks.values(), result, now_ms)
        self._ahead.committed({name: clock.state for name, clock in clocks.items()})
        return result

    def failed(self) -> None:
        """The transaction of a batch was rolled back: forget what it prepared."""
        self._chains.forget()
        self._ahead.failed()
        if self._downlink is not None:
            self._downlink.forget_all()

    def _punches_by_clock(self, messages: Sequence[ClockMessage]) -> dict[str, list[ClockMessage]]:
        punches: dict[str, list[ClockMessage]] = defaultdict(list)
        for message in messages:
            name, channel = _addressed(message.topic)
            if channel is Channel.PUNCHES:
                punches[name].append(message)
        return {name: self._in_order(of_clock) for name, of_clock in punches.items()}

    def _in_order(self, messages: list[ClockMessage]) -> list[ClockMessage]:
        """A clock's messages sorted by number if they came through several workers; else in order of arrival."""
        return messages if self._patience_ms is None else sorted(messages, key=_first_seq)

    def _handle_punches(
        self,
        connection: Connection,
        clock: Chain,
        messages: Sequence[ClockMessage],
        verified: Sequence[VerifiedMessages],
        now_ms: int,
        result: BatchResult,
    ) -> None:
        """Handle `punches` messages of a clock in order: at once as far as they simply continue its chain."""
        at = junk = 0
        stored = _stored(connection, clock)
        while at < len(messages) and junk < JUNK_A_BATCH:
            continuing = next((part for part in verified if part.fits(clock.state, messages, at)), None)
            continuing = continuing or speculative_verify.verify_messages(clock.state, messages, at)
            whole, records_of_next = _accept(clock, continuing, result) if continuing else (0, 0)
            at += whole
            if at < len(messages) and not whole and self._is_early(clock, messages[at], now_ms):
                result.early += [message._replace(early_ms=message.early_ms or now_ms) for message in messages[at:]]
                return
            if continuing is None or whole < len(continuing.messages):
                junk += self._handle_message(connection, clock, messages[at], records_of_next, stored, result)
                at += 1
        if at < len(messages):
            result.counts["skipped"] += len(messages) - at

    def _is_early(self, clock: Chain, message: ClockMessage, now_ms: int) -> bool:
        """Whether this message's predecessor may be on its way through another worker."""
        return (
            self._patience_ms is not None
            and (not message.early_ms or now_ms - message.early_ms < self._patience_ms)
            and is_batch(message.payload)
            and message.payload[1] != Kind.BOOT  # it may follow burnt numbers
            and int.from_bytes(message.payload[4:8], "big") > clock.state.next_seq
        )

    def _handle_message(
        self,
        connection: Connection,
        clock: Chain,
        message: ClockMessage,
        accepted_before: int,
        stored: Callable[[int], bytes | None],
        result: BatchResult,
    ) -> bool:
        """Handle one `punches` message record by record, after its first `accepted_before`, which are accepted already.
        True if it is junk: no records, or one with a wrong form or seal.
        """
        name, clock_id = clock.row.name, clock.row.id
        try:
            raws = split(message.payload)[accepted_before:]
        except RecordRefused as refused:
            result.counts["malformed"] += 1
            result.events.append(Event(Severity.WARNING, event_log.Kind.MALFORMED_FRAME, refused.reason, name))
            return True
        judged = verify.judge(clock.state, raws, stored, seal_lost=clock.seal_lost)
        clock.state = judged.state
        for accepted in judged.accepted:
            clock.runs.append(Run(accepted.raw, message.received_ms, accepted.sealed))
            if not accepted.sealed:
                what = "the clock lost its seal; its records are kept and prove nothing"
                result.events.append(Event(Severity.ALARM, event_log.Kind.UNSEALED_RECORD, what, name))
            if accepted.record.kind == Kind.RETIRE:
                _retire(clock, result)
        if judged.accepted:
            _confirm_chain(clock)
        elif clock.shown is not None:
            clock.set_shown(max(clock.shown, judged.repeated_to))
        if judged.repeated:
            clock.set_other_founding(is_other=False)
        result.counts["accepted"] += len(judged.accepted)
        result.counts["repeated"] += judged.repeated
        if _is_of_another_founding(clock, judged, result):
            result.counts[Fault.FOUNDED_ANEW.value] += 1
            return False
        verdict = judged.verdict
        for finding in judged.findings:
            result.counts[finding.fault.value] += 1
            verdict = quarantine.handle_finding(connection, clock, finding, verdict, message.received_ms, result)
        if clock.clock_state is not ClockState.ACTIVE and judged.findings:
            fault = judged.findings[-1].fault
            kept = [Finding(fault, None, raw, fault.value) for raw in judged.unjudged]
            quarantine.keep(connection, clock, kept, message.received_ms, result)
        result.acks[clock_id] = quarantine.ack(clock, verdict)
        return any(finding.fault in _JUNK for finding in judged.findings)

    def _write(self, connection: Connection, changed: Sequence[Chain], result: BatchResult, now_ms: int) -> None:
        """Records, seal states, statuses and punches of the whole batch."""
        self._chains.write(connection, changed)
        for clock in changed:
            if self._downlink is not None and ("session" in clock.changes or not clock.changes.get("online", True)):
                self._downlink.forget(clock.row.id)
            if clock.retired:
                orders.close(connection, clock.row.id, "the clock has written its last record", now_ms, Command.RETIRE)
        punches = clock_chains.punches(changed)
        if punches:
            result.queued += presences.accept(connection, punches, now_ms, self._holders.of)

    def _prepare_answers(
        self, connection: Connection, clocks: Iterable[Chain], result: BatchResult, now_ms: int
    ) -> None:
        """Look up the receipts that reporting clocks miss, and reserve counters for all frames to send."""
        for clock in clocks:
            if clock.resend_above is not None:
                missing = receipts.missing(connection, clock.row.id, clock.resend_above, now_ms)
                result.receipts[clock.row.id] = [row.receipt for row in missing]
        if self._downlink is not None:
            most = max((len(receipts) for receipts in result.receipts.values()), default=0)
            self._downlink.prepare(connection, list(result.acks), frames_each=3 + most // frames.RECEIPTS_MAX)


@lru_cache(TOPICS_KEPT)
def _addressed(topic: str) -> tuple[str, Channel | None]:
    """Clock id and channel of a topic that the intake handles; no channel for any other."""
    try:
        name, channel = parse(topic)
    except TopicRefused:
        return "", None
    return (name, channel) if channel in (Channel.PUNCHES, Channel.STATUS) else ("", None)


def _newest_statuses(
    of_clock: list[tuple[Channel, ClockMessage]], result: BatchResult
) -> list[tuple[Channel, ClockMessage]]:
    """A clock's messages of a batch without its surplus statuses."""
    beyond = sum(channel is Channel.STATUS for channel, _ in of_clock) - STATUSES_A_BATCH
    if beyond <= 0:
        return of_clock
    result.counts["skipped"] += beyond
    places = [place for place, (channel, _) in enumerate(of_clock) if channel is Channel.STATUS]
    left_out = frozenset(places[:beyond])
    return [message for place, message in enumerate(of_clock) if place not in left_out]


def _first_seq(message: ClockMessage) -> int:
    return int.from_bytes(message.payload[4:8], "big") if is_batch(message.payload) else -1


def _by_clock(messages: Sequence[ClockMessage], result: BatchResult) -> _Messages:
    by_clock: _Messages = {}
    for message in messages:
        name, channel = _addressed(message.topic)
        if channel is None:
            result.counts["unknown_topic"] += 1
            result.events.append(Event(Severity.WARNING, event_log.Kind.UNKNOWN_TOPIC, "a topic no clock writes to"))
        elif name in by_clock:
            by_clock[name].append((channel, message))
        else:
            by_clock[name] = [(channel, message)]
    return by_clock


def _accept(clock: Chain, verified: VerifiedMessages, result: BatchResult) -> tuple[int, int]:
    """Accept the records with valid seals; returns how many whole messages, and how many records of the next one."""
    outcome = verified.result
    clock.state = outcome.state
    left = outcome.taken
    whole = records_of_next = 0
    for message in verified.messages:
        size = len(message.payload) // RECORD_BYTES
        if left < size:
            records_of_next = left
            if left:
                clock.runs.append(Run(message.payload[: left * RECORD_BYTES], message.received_ms, sealed=True))
            break
        clock.runs.append(Run(message.payload, message.received_ms, sealed=True))
        left -= size
        whole += 1
    if outcome.taken:
        result.counts["accepted"] += outcome.taken
        if not outcome.state.r:
            _retire(clock, result)
        _confirm_chain(clock)
        result.acks[clock.row.id] = quarantine.ack(clock, Verdict.IN_ORDER)
    return whole, records_of_next


def _stored(connection: Connection, clock: Chain) -> Callable[[int], bytes | None]:
    """The bytes that were accepted under a number, from this batch or the store, which is read a batch at a time."""
    table = schema.records
    known: dict[int, bytes] = {}
    asked = range(0)

    def stored(seq: int) -> bytes | None:
        nonlocal asked
        now = clock.accepted_now()
        if seq in now:
            return now[seq]
        if seq not in asked:
            asked = range(seq, seq + BATCH_RECORDS)
            at = (table.c.clock_id == clock.row.id) & (table.c.seq >= asked.start) & (table.c.seq < asked.stop)
            known.update(connection.execute(select(table.c.seq, table.c.raw).where(at)).tuples().all())
        return known.get(seq)

    return stored


def _confirm_chain(clock: Chain) -> None:
    """A record continues the clock's chain."""
    clock.set_shown(None)
    clock.lift_ack_limit()
    clock.set_other_founding(is_other=False)


def _retire(clock: Chain, result: BatchResult) -> None:
    """The clock's RETIRE record was accepted, and everything before it: the clock is retired."""
    clock.retired = True
    what = "the clock wrote its last record and holds no key now; its certificate is good until it is revoked"
    result.events.append(Event(Severity.INFO, event_log.Kind.CLOCK_RETIRED, what, clock.row.name))
    if clock.clock_state is ClockState.ACTIVE:
        clock.clock_state = clock.changes["state"] = ClockState.RETIRED


def _is_of_another_founding(clock: Chain, judged: verify.Judgement, result: BatchResult) -> bool:
    """Whether the messages belong to a chain that was founded under this name and is unknown to the bridge."""
    if not judged.findings:
        return False
    if judged.findings[-1].fault is Fault.FOUNDED_ANEW:
        clock.set_other_founding(is_other=True)
        what = "another GENESIS came under this name: add the new bundle with `badgeclock bridge clock add`"
        result.events.append(Event(Severity.WARNING, event_log.Kind.FOUNDED_ANEW, what, clock.row.name))
        return len(judged.findings) == 1
    return clock.founded_anew
