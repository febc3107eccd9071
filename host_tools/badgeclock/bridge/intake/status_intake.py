"""Applies a clock's STATUS: updates its session, and checks it against the stored chain.

A clock that was restored to an earlier state has other records under numbers that the store has, so after a start an
ACK covers only what the clock has shown, until it has proved that its chain is the store's.
"""

from __future__ import annotations

from sqlalchemy import Connection

from badgeclock.bridge.intake import continuity, quarantine, status_frame
from badgeclock.bridge.intake.batch import BatchResult, ClockMessage
from badgeclock.bridge.intake.clock_chains import Chain, before
from badgeclock.bridge.intake.continuity import LastStatus
from badgeclock.bridge.intake.status_frame import AuthenticStatus, Freshness
from badgeclock.bridge.store import event_log
from badgeclock.bridge.store.event_log import Event, Severity
from badgeclock.bridge.store.vault import LINK_KEY, Vault
from badgeclock.protocol import frames
from badgeclock.protocol.errors import FrameRefused
from badgeclock.protocol.frames import Online, Verdict


def handle(connection: Connection, vault: Vault, clock: Chain, message: ClockMessage, result: BatchResult) -> None:
    """Handle one `status` message of a clock, valid or not."""
    name = clock.row.name
    try:
        link_key = vault.open(LINK_KEY, name, clock.row.link_key_closed)
        opened = status_frame.open_status(frames.upward_key(link_key), name, message.payload, clock.counter)
    except FrameRefused as refused:
        result.counts["status_refused"] += 1
        result.events.append(Event(Severity.WARNING, event_log.Kind.STATUS_REFUSED, refused.reason, name))
        return
    clock.set_other_founding(is_other=False)
    online = opened.status if isinstance(opened.status, Online) else None
    contradicts = online is not None and _contradicts(connection, clock, opened, online, message.received_ms, result)
    if opened.freshness is Freshness.OLDER and not contradicts:
        result.counts["status_ignored"] += 1
        result.events.append(Event(Severity.INFO, event_log.Kind.STATUS_IGNORED, "older than the last one", name))
        return
    result.counts["status"] += 1
    if opened.freshness is Freshness.NEWER or contradicts:
        # A contradicting one is not a late message: the clock that made it is connected now, and must get the verdict.
        clock.counter = max(clock.counter, opened.counter)
        clock.changes.update(status_frame.columns(opened, clock.counter, message.received_ms))
    if online is None:
        clock.resend_above = None
        result.times.pop(clock.row.id, None)
        return
    if opened.freshness is Freshness.NEWER or contradicts:
        result.events += [Event(*change, name) for change in status_frame.changes(clock.last_status, online)]
        clock.last_status = LastStatus.of(online.session, status_frame.stored_form(online))
    clock.seal_lost = not online.sealed and not online.retired
    clock.resend_above = online.receipt
    result.acks[clock.row.id] = quarantine.ack(clock, Verdict.IN_ORDER)
    if opened.freshness is Freshness.NEWER:
        result.times[clock.row.id] = opened.counter


def _contradicts(
    connection: Connection, clock: Chain, opened: AuthenticStatus, online: Online, received_ms: int, result: BatchResult
) -> bool:
    """Compare a STATUS with the store: find what it contradicts, or record what it proves."""
    last = before(connection, clock, online.head)
    found = continuity.contradiction(clock.state, online, last, clock.last_status)
    if found is not None:
        result.counts[found.kind.value] += 1
        quarantine.hold(clock, found.kind, found.detail, None, received_ms, result)
        if found.kind in continuity.BREAKS_A_CHAIN:
            clock.limit_acks(min(online.tail, clock.state.next_seq))
        return True
    if opened.freshness is not Freshness.NEWER:
        return False
    if continuity.in_step(clock.state, online, last):
        clock.set_shown(None)
        clock.lift_ack_limit()
        if clock.held_reason in (event_log.Kind.FORK, event_log.Kind.ROLLBACK):
            result.counts[event_log.Kind.CLONE.value] += 1
            what = "the store's chain is back, after another one under its name: two devices take turns"
            quarantine.hold(clock, event_log.Kind.CLONE, what, None, received_ms, result)
    elif clock.last_status is None or clock.last_status.session != online.session:
        clock.set_shown(online.tail)
    return False
