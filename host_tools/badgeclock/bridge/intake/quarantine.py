"""Handles records that were not accepted: events, alarms, quarantine, and the answer to the clock.

A clock whose STATUS or records contradict what the store has (`continuity`, `verify`) is under quarantine from that
batch on: records that its chain proves are kept and wait, others are kept aside, and none is declared until an operator
decides.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, insert, select

from badgeclock.bridge.intake import continuity
from badgeclock.bridge.intake.batch import BatchResult
from badgeclock.bridge.intake.clock_chains import Chain, before
from badgeclock.bridge.intake.verify import Fault, Finding
from badgeclock.bridge.store import event_log, schema
from badgeclock.bridge.store.event_log import Event, Severity
from badgeclock.bridge.store.states import ClockState
from badgeclock.protocol.frames import Ack, Verdict

FAILURES_KEPT: Final = 3
"""A record that fails this often under one number is kept aside, raises an alarm and puts its clock under
quarantine."""
GAPS_ASKED: Final = 16
GAP_STAYS_MS: Final = 600_000
"""After this many requests, over this long, a clock that still sends only records after a gap has skipped numbers."""
QUARANTINE_KEPT: Final = 20_000
"""Maximum of a clock's records kept aside; further ones stay in the clock, since they are not acknowledged."""


def ack(clock: Chain, verdict: Verdict) -> Ack:
    """The answer: acknowledges up to a limit; so also under quarantine, unless the clock must send again."""
    limits = (clock.ack_limit, clock.shown)
    next_seq = min([clock.state.next_seq, *(limit for limit in limits if limit is not None)])
    if clock.clock_state is ClockState.QUARANTINED and (verdict is Verdict.IN_ORDER or next_seq < clock.state.next_seq):
        verdict = Verdict.QUARANTINE
    return Ack(next_seq, verdict)


def handle_finding(
    connection: Connection,
    clock: Chain,
    finding: Finding,
    verdict: Verdict,
    received_ms: int,
    result: BatchResult,
) -> Verdict:
    """Record one that was not accepted; returns the resulting verdict."""
    name, seq, next_seq = clock.row.name, finding.seq, clock.state.next_seq
    if finding.fault is Fault.EQUIVOCATION:
        detail = finding.reason
        if _stays_in_step(connection, clock):
            detail += "; the clock's own last status is in step with the store: somebody else may be at the broker"
        hold(clock, event_log.Kind.EQUIVOCATION, detail, seq, received_ms, result)
        if clock.shown is not None:
            clock.limit_acks(clock.shown)
    elif finding.fault is Fault.RETIRED:
        what = "a record of a clock that was retired; kept aside, not declared"
        result.events.append(Event(Severity.ALARM, event_log.Kind.AFTER_RETIREMENT, what, name, seq))
    elif finding.fault is Fault.UNSEALED:
        what = "an unsealed record, and the clock has not said that it lost its seal"
        result.events.append(Event(Severity.WARNING, event_log.Kind.UNSEALED_REFUSED, what, name, seq))
    elif finding.fault is Fault.NEWER:
        what = f"the clock sealed a record that this bridge does not know ({finding.reason}): its firmware is newer"
        result.events.append(Event(Severity.WARNING, event_log.Kind.NEWER_RECORD, what, name, next_seq))
    elif finding.fault is Fault.GAP:
        what = "records before this one are missing; asked to send them"
        result.events.append(Event(Severity.INFO, event_log.Kind.GAP, what, name))
        if _gap_stays(clock, received_ms):
            what = f"the clock goes on after a gap: record {next_seq} was asked for {clock.gap[1]} times"
            hold(clock, event_log.Kind.SKIPPED, what, next_seq, received_ms, result)
    else:
        kind = event_log.Kind.MALFORMED_FRAME if finding.fault is Fault.MALFORMED else event_log.Kind.SEAL_FAILED
        result.events.append(Event(Severity.WARNING, kind, finding.reason, name, seq))
        times = clock.failing[1] + 1 if clock.failing[0] == next_seq else 1
        clock.failing = (next_seq, times)
        clock.changes.update(failing_seq=next_seq, failing_times=times)
        if times >= FAILURES_KEPT:
            kind = event_log.Kind.SEAL_FAILED_REPEATEDLY
            hold(clock, kind, finding.reason, next_seq, received_ms, result)
            verdict = Verdict.QUARANTINE
    if clock.clock_state is not ClockState.ACTIVE:
        keep(connection, clock, [finding], received_ms, result)
    return verdict


def hold(
    clock: Chain,
    kind: event_log.Kind,
    detail: str,
    seq: int | None,
    now_ms: int,
    result: BatchResult,
) -> None:
    """Raise the alarm and put the clock under quarantine until an operator decides."""
    result.events.append(Event(Severity.ALARM, kind, detail, clock.row.name, seq))
    if clock.clock_state is ClockState.RETIRED:
        return
    if clock.clock_state is not ClockState.QUARANTINED:
        clock.clock_state = ClockState.QUARANTINED
        clock.changes.update(state=ClockState.QUARANTINED, held_ms=now_ms)
    if _outweighs(kind, clock.held_reason):
        clock.held_reason = clock.changes["held_reason"] = kind.value


def _stays_in_step(connection: Connection, clock: Chain) -> bool:
    """Whether the newest accepted STATUS reports the store's own chain."""
    table = schema.clocks
    status = clock.changes.get("status")
    if status is None:
        status = connection.execute(select(table.c.status).where(table.c.id == clock.row.id)).scalar()
    if status is None:
        return False
    last = before(connection, clock, status["head"])
    return last is not None and last.tag.hex() == status["tag"]


def _gap_stays(clock: Chain, received_ms: int) -> bool:
    """Count one more request for the clock's next record; returns whether the clock does not have it."""
    next_seq = clock.state.next_seq
    seq, times, since_ms = clock.gap
    clock.gap = (seq, times + 1, since_ms) if seq == next_seq else (next_seq, 1, received_ms)
    clock.changes.update(zip(("gap_seq", "gap_times", "gap_since_ms"), clock.gap, strict=True))
    return clock.gap[1] >= GAPS_ASKED and received_ms - clock.gap[2] >= GAP_STAYS_MS


def keep(
    connection: Connection, clock: Chain, findings: Sequence[Finding], received_ms: int, result: BatchResult
) -> None:
    """Keep bytes that were not accepted, each once, and of each clock a bounded number, so that nobody can fill the
    disk."""
    table = schema.quarantine
    new = {hashlib.sha256(finding.raw).digest(): finding for finding in reversed(findings)}
    known = select(table.c.sha256).where(table.c.clock_id == clock.row.id, table.c.sha256.in_(list(new)))
    for digest in connection.execute(known).scalars().all() if new else ():
        del new[digest]
    fresh = list(reversed(new.items()))
    room = max(0, QUARANTINE_KEPT - clock.kept)
    for _, finding in fresh[room:]:
        what = f"{QUARANTINE_KEPT} records are kept aside; what comes now stays in the clock, not acknowledged"
        result.events.append(Event(Severity.ALARM, event_log.Kind.QUARANTINE_FULL, what, clock.row.name))
        if finding.seq is not None:
            clock.limit_acks(finding.seq)
    values = [
        {
            "clock_id": clock.row.id,
            "seq": finding.seq,
            "raw": finding.raw,
            "sha256": digest,
            "reason": finding.fault.value,
            "received_ms": received_ms,
        }
        for digest, finding in fresh[:room]
    ]
    if values:
        clock.kept = clock.changes["kept"] = clock.kept + len(values)
        connection.execute(insert(table), values)


def _outweighs(kind: event_log.Kind, held_reason: str | None) -> bool:
    """Whether a reason for a quarantine outranks the present one: a chain that cannot continue, and two devices."""
    if held_reason is None or kind is event_log.Kind.CLONE:
        return True
    return kind in continuity.BREAKS_A_CHAIN and held_reason not in continuity.BREAKS_A_CHAIN
