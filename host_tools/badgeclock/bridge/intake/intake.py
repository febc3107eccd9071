"""Takes what the broker delivered, a group in one transaction; only what that commits is acknowledged.

A group is whatever arrived while the group before it was being committed, across all clocks (`grouping`). A message
that cannot be taken becomes an event, never an exception, and never spoils the others of its group. If the store fails,
nothing of the group is acknowledged, and the clocks send it again.

Where the parts are: `chains` has the clocks and their running seals, `ahead` walks seals before the store is asked,
`verify` judges the messages that are not simply the next ones, `hearing` takes STATUS, `refusals` knows what is done
about records that are not taken, `presences` makes declarations of punches.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Final

from sqlalchemy import Connection, select

from badgeclock.bridge.downlink import orders, receipts
from badgeclock.bridge.downlink.frames_out import Downlink
from badgeclock.bridge.intake import clock_chains, quarantine, seal_process, speculative_verify, status_intake, verify
from badgeclock.bridge.intake.batch import Delivery, Taken
from badgeclock.bridge.intake.clock_chains import Chain, Chains, Run
from badgeclock.bridge.intake.speculative_verify import Ahead, Stretch
from badgeclock.bridge.intake.verify import Fault, Finding
from badgeclock.bridge.presences import presences
from badgeclock.bridge.store import event_log, schema
from badgeclock.bridge.store.event_log import Event, Severity
from badgeclock.bridge.store.states import ClockState
from badgeclock.bridge.store.vault import Vault
from badgeclock.protocol import frames
from badgeclock.protocol import record as records
from badgeclock.protocol.errors import RecordRefused, TopicRefused
from badgeclock.protocol.frames import Command, Verdict
from badgeclock.protocol.record import BATCH_RECORDS, RECORD_BYTES, Kind
from badgeclock.protocol.seal import Walk
from badgeclock.protocol.topics import Channel, parse

TOPICS_KEPT: Final = 40_000

_Mail = dict[str, list[tuple[Channel, Delivery]]]


class Intake:
    """Turns groups of deliveries into one transaction each. `take` is synchronous and knows nothing of MQTT."""

    def __init__(
        self,
        vault: Vault,
        downlink: Downlink | None,
        patience_ms: int | None = None,
        walk: Callable[[seal_process.Heap], list[Walk]] = seal_process.here,
    ) -> None:
        """`downlink` is what speaks to the clocks, if this process does. `patience_ms` is for one of several workers:
        what a clock sends has come through all of them, and so in nearly the right order. So long a message is looked
        at again (`Taken.early`) for what it follows. `walk` is what walks seals ahead.
        """
        self._vault = vault
        self._downlink = downlink
        self._patience_ms = patience_ms
        self._chains = Chains(vault)
        self._ahead = Ahead(self._chains.expected, walk)

    def look_ahead(self, deliveries: Sequence[Delivery]) -> Mapping[str, Stretch]:
        """What can be done for the next messages without the store; for `take`, together with their group.

        It may run in another thread than `take`.
        """
        return self._ahead.walk(self._punches_by_clock(deliveries))

    def catch_up(
        self, deliveries: Sequence[Delivery], walked: Sequence[Mapping[str, Stretch]]
    ) -> Mapping[str, Stretch]:
        """The same for those clocks of a group of which nothing could be said part by part, once the one before is
        committed: from here on their next messages can be looked ahead at again.
        """
        missed = {
            name: messages
            for name, messages in self._punches_by_clock(deliveries).items()
            if not any(name in part for part in walked)
        }
        return self._ahead.walk(missed)

    def take(
        self,
        connection: Connection,
        deliveries: Sequence[Delivery],
        now_ms: int,
        walked: Sequence[Mapping[str, Stretch]] = (),
    ) -> Taken:
        """Judge and store a group in the given transaction. Acknowledge what it returns once that is committed.

        `walked` is what `look_ahead` found, part by part.
        """
        taken = Taken()
        mail = _sorted(deliveries, taken)
        heard = {name for name, letters in mail.items() if any(channel is Channel.STATUS for channel, _ in letters)}
        loaded = self._chains.load(connection, set(mail), heard)
        for name, letters in mail.items():
            clock = loaded.get(name)
            if clock is None:
                what = "no clock of this name was added to the bridge"
                taken.counts["unknown_clock"] += len(letters)
                taken.events += [Event(Severity.WARNING, event_log.Kind.UNKNOWN_CLOCK, what, name)] * len(letters)
                continue
            stretches = [part[name] for part in walked if name in part]
            for channel, some in groupby(letters, itemgetter(0)):
                messages = [delivery for _, delivery in some]
                if channel is Channel.PUNCHES:
                    self._judge(connection, clock, self._put_in_order(messages), stretches, now_ms, taken)
                else:
                    for delivery in messages:
                        status_intake.hear(connection, self._vault, clock, delivery, taken)
        self._write(connection, [clock for clock in loaded.values() if clock.runs or clock.changes], taken, now_ms)
        event_log.write(connection, taken.events, now_ms)
        self._answer(connection, loaded.values(), taken, now_ms)
        self._ahead.committed({name: clock.state for name, clock in loaded.items()})
        return taken

    def failed(self) -> None:
        """The transaction of a group was rolled back: nothing that it prepared is true."""
        self._chains.forget()
        self._ahead.failed()
        if self._downlink is not None:
            self._downlink.forget_all()

    def _punches_by_clock(self, deliveries: Sequence[Delivery]) -> dict[str, list[Delivery]]:
        punches: dict[str, list[Delivery]] = defaultdict(list)
        for delivery in deliveries:
            name, channel = _addressed(delivery.topic)
            if channel is Channel.PUNCHES:
                punches[name].append(delivery)
        return {name: self._put_in_order(messages) for name, messages in punches.items()}

    def _put_in_order(self, messages: list[Delivery]) -> list[Delivery]:
        """A clock's messages by their numbers, where they came through several workers; else as they came."""
        return messages if self._patience_ms is None else sorted(messages, key=_first_seq)

    def _judge(
        self,
        connection: Connection,
        clock: Chain,
        messages: Sequence[Delivery],
        stretches: Sequence[Stretch],
        now_ms: int,
        taken: Taken,
    ) -> None:
        """Take `punches` messages of a clock, one behind another: in stretches as long as they simply continue it."""
        at = 0
        stored = _stored(connection, clock)
        while at < len(messages):
            walked = next((found for found in stretches if found.fits(clock.state, messages, at)), None)
            walked = walked or speculative_verify.stretch(clock.state, messages, at)
            done, part = _walked_over(clock, walked, taken) if walked else (0, 0)
            at += done
            if at < len(messages) and not done and self._is_early(clock, messages[at], now_ms):
                taken.early += [message._replace(early_ms=message.early_ms or now_ms) for message in messages[at:]]
                return
            if walked is None or done < len(walked.messages):
                self._judge_one(connection, clock, messages[at], part, stored, taken)
                at += 1

    def _is_early(self, clock: Chain, delivery: Delivery, now_ms: int) -> bool:
        """Whether what this message follows may well be on its way through another worker."""
        return (
            self._patience_ms is not None
            and (not delivery.early_ms or now_ms - delivery.early_ms < self._patience_ms)
            and records.is_batch(delivery.payload)
            and delivery.payload[1] != Kind.BOOT  # it may follow burnt numbers
            and int.from_bytes(delivery.payload[4:8], "big") > clock.state.next_seq
        )

    def _judge_one(
        self,
        connection: Connection,
        clock: Chain,
        delivery: Delivery,
        part: int,
        stored: Callable[[int], bytes | None],
        taken: Taken,
    ) -> None:
        """Judge one `punches` message record by record, behind the first `part` records, which were taken."""
        name, clock_id = clock.row.name, clock.row.id
        try:
            raws = records.split(delivery.payload)[part:]
        except RecordRefused as refused:
            taken.counts["malformed"] += 1
            taken.events.append(Event(Severity.WARNING, event_log.Kind.MALFORMED_FRAME, refused.reason, name))
            return
        judged = verify.judge(clock.state, raws, stored, seal_lost=clock.seal_lost)
        clock.state = judged.state
        for accepted in judged.accepted:
            clock.runs.append(Run(accepted.raw, delivery.received_ms, accepted.sealed))
            if not accepted.sealed:
                what = "the clock lost its seal; its records are kept and prove nothing"
                taken.events.append(Event(Severity.ALARM, event_log.Kind.UNSEALED_RECORD, what, name))
            if accepted.record.kind == Kind.RETIRE:
                _retire(clock, taken)
        if judged.accepted:
            _proved(clock)
        elif clock.shown is not None:
            clock.show(max(clock.shown, judged.repeated_to))
        if judged.repeated:
            clock.speaks()
        taken.counts["accepted"] += len(judged.accepted)
        taken.counts["repeated"] += judged.repeated
        if _is_of_another_founding(clock, judged, taken):
            taken.counts[Fault.FOUNDED_ANEW.value] += 1
            return
        verdict = judged.verdict
        for finding in judged.findings:
            taken.counts[finding.fault.value] += 1
            verdict = quarantine.find(connection, clock, finding, verdict, delivery.received_ms, taken)
        if clock.clock_state is not ClockState.ACTIVE and judged.findings:
            reason = judged.findings[-1].fault.value
            for raw in judged.unjudged:
                kept = Finding(Fault(reason), None, raw, reason)
                quarantine.keep(connection, clock, kept, delivery.received_ms, taken)
        taken.acks[clock_id] = quarantine.ack(clock, verdict)

    def _write(self, connection: Connection, changed: Sequence[Chain], taken: Taken, now_ms: int) -> None:
        """Records, seal states, statuses and punches of the whole group."""
        self._chains.write(connection, changed)
        for clock in changed:
            if self._downlink is not None and ("session" in clock.changes or not clock.changes.get("online", True)):
                self._downlink.forget(clock.row.id)
            if clock.retired:
                orders.close(connection, clock.row.id, "the clock has written its last record", now_ms, Command.RETIRE)
        punches = clock_chains.punches(changed)
        if punches:
            taken.queued += presences.take(connection, punches, now_ms)

    def _answer(self, connection: Connection, clocks: Iterable[Chain], taken: Taken, now_ms: int) -> None:
        """Look up what clocks that reported are missing, and reserve the counters of all frames to come."""
        for clock in clocks:
            if clock.resend_above is not None:
                missing = receipts.missing(connection, clock.row.id, clock.resend_above, now_ms)
                taken.receipts[clock.row.id] = [row.receipt for row in missing]
        if self._downlink is not None:
            most = max((len(receipts) for receipts in taken.receipts.values()), default=0)
            self._downlink.prepare(connection, list(taken.acks), frames_each=3 + most // frames.RECEIPTS_MAX)


@lru_cache(TOPICS_KEPT)
def _addressed(topic: str) -> tuple[str, Channel | None]:
    """Clock id and channel of a topic that clocks write to and the intake takes; no channel for any other."""
    try:
        name, channel = parse(topic)
    except TopicRefused:
        return "", None
    return (name, channel) if channel in (Channel.PUNCHES, Channel.STATUS) else ("", None)


def _first_seq(delivery: Delivery) -> int:
    return int.from_bytes(delivery.payload[4:8], "big") if records.is_batch(delivery.payload) else -1


def _sorted(deliveries: Sequence[Delivery], taken: Taken) -> _Mail:
    """The messages by clock, each clock's in the order they came in."""
    mail: _Mail = {}
    for delivery in deliveries:
        name, channel = _addressed(delivery.topic)
        if channel is None:
            taken.counts["unknown_topic"] += 1
            taken.events.append(Event(Severity.WARNING, event_log.Kind.UNKNOWN_TOPIC, "a topic no clock writes to"))
        elif name in mail:
            mail[name].append((channel, delivery))
        else:
            mail[name] = [(channel, delivery)]
    return mail


def _walked_over(clock: Chain, walked: Stretch, taken: Taken) -> tuple[int, int]:
    """Take what a walk took: how many messages wholly, and how many records of the one behind them."""
    walk = walked.walk
    clock.state = walk.state
    left = walk.taken
    done = part = 0
    for message in walked.messages:
        size = len(message.payload) // RECORD_BYTES
        if left < size:
            part = left
            if part:
                clock.runs.append(Run(message.payload[: part * RECORD_BYTES], message.received_ms, sealed=True))
            break
        clock.runs.append(Run(message.payload, message.received_ms, sealed=True))
        left -= size
        done += 1
    if walk.taken:
        taken.counts["accepted"] += walk.taken
        if not walk.state.r:
            _retire(clock, taken)
        _proved(clock)
        taken.acks[clock.row.id] = quarantine.ack(clock, Verdict.IN_ORDER)
    return done, part


def _stored(connection: Connection, clock: Chain) -> Callable[[int], bytes | None]:
    """The bytes that were accepted under a number, from this group or the store, which is asked a batch at a time."""
    table = schema.records
    known: dict[int, bytes] = {}
    asked = range(0)

    def stored(seq: int) -> bytes | None:
        nonlocal asked
        now = clock.taken_now()
        if seq in now:
            return now[seq]
        if seq not in asked:
            asked = range(seq, seq + BATCH_RECORDS)
            at = (table.c.clock_id == clock.row.id) & (table.c.seq >= asked.start) & (table.c.seq < asked.stop)
            known.update(connection.execute(select(table.c.seq, table.c.raw).where(at)).tuples().all())
        return known.get(seq)

    return stored


def _proved(clock: Chain) -> None:
    """A record came that continues the clock's chain."""
    clock.show(None)
    clock.lift_ack_limit()
    clock.speaks()


def _retire(clock: Chain, taken: Taken) -> None:
    """The clock's RETIRE record was taken, and with it everything before: its life ends here."""
    clock.retired = True
    what = "the clock wrote its last record and holds no key any more; its certificate is good until it is revoked"
    taken.events.append(Event(Severity.INFO, event_log.Kind.CLOCK_RETIRED, what, clock.row.name))
    if clock.clock_state is ClockState.ACTIVE:
        clock.clock_state = clock.changes["state"] = ClockState.RETIRED


def _is_of_another_founding(clock: Chain, judged: verify.Judgement, taken: Taken) -> bool:
    """Whether what came belongs to a chain that was founded under this name and that the bridge was not told of."""
    if not judged.findings:
        return False
    if judged.findings[-1].fault is Fault.FOUNDED_ANEW:
        clock.founds_anew()
        what = "another GENESIS came under this name: add the new bundle with `badgeclock bridge clock add`"
        taken.events.append(Event(Severity.WARNING, event_log.Kind.FOUNDED_ANEW, what, clock.row.name))
        return len(judged.findings) == 1
    return clock.founded_anew
