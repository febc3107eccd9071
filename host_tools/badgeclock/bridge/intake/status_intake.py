"""What a STATUS of a clock does to it: the connection it speaks of, and whether it continues what the store has.

A clock that was put back to an earlier state holds other records under numbers that the store has, so after a start an
ACK goes no further than what the clock has shown, until it has proved that its chain is the store's.
"""

from __future__ import annotations

from sqlalchemy import Connection

from badgeclock.bridge.intake import continuity, quarantine
from badgeclock.bridge.intake import status_frame as statuses
from badgeclock.bridge.intake.batch import Delivery, Taken
from badgeclock.bridge.intake.clock_chains import Chain, before
from badgeclock.bridge.intake.continuity import Told
from badgeclock.bridge.intake.status_frame import Freshness
from badgeclock.bridge.store import event_log
from badgeclock.bridge.store.event_log import Event, Severity
from badgeclock.bridge.store.vault import LINK_KEY, Vault
from badgeclock.protocol import frames
from badgeclock.protocol.errors import FrameRefused
from badgeclock.protocol.frames import Online, Verdict


def hear(connection: Connection, vault: Vault, clock: Chain, delivery: Delivery, taken: Taken) -> None:
    """Take one `status` message of a clock, whatever it is."""
    name = clock.row.name
    try:
        link_key = vault.open(LINK_KEY, name, clock.row.link_key_closed)
        heard = statuses.hear(frames.upward_key(link_key), name, delivery.payload, clock.counter)
    except FrameRefused as refused:
        taken.counts["status_refused"] += 1
        taken.events.append(Event(Severity.WARNING, event_log.Kind.STATUS_REFUSED, refused.reason, name))
        return
    clock.speaks()
    online = heard.status if isinstance(heard.status, Online) else None
    contradicts = online is not None and _contradicts(connection, clock, heard, online, delivery.received_ms, taken)
    if heard.freshness is Freshness.OLDER and not contradicts:
        taken.counts["status_ignored"] += 1
        taken.events.append(Event(Severity.INFO, event_log.Kind.STATUS_IGNORED, "older than the last one", name))
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
    taken.acks[clock.row.id] = quarantine.ack(clock, Verdict.IN_ORDER)
    if heard.freshness is Freshness.NEWER:
        taken.times[clock.row.id] = heard.counter


def _contradicts(
    connection: Connection, clock: Chain, heard: statuses.Heard, online: Online, received_ms: int, taken: Taken
) -> bool:
    """Hold a STATUS against the store: find what it contradicts, or learn what it proves."""
    last = before(connection, clock, online.head)
    found = continuity.contradiction(clock.state, online, last, clock.told)
    if found is not None:
        taken.counts[found.kind.value] += 1
        quarantine.hold(clock, found.kind, found.detail, None, received_ms, taken)
        if found.kind in continuity.BREAKS_A_CHAIN:
            clock.limit_acks(min(online.tail, clock.state.next_seq))
        return True
    if heard.freshness is not Freshness.NEWER:
        return False
    if continuity.in_step(clock.state, online, last):
        clock.show(None)
        clock.lift_ack_limit()
        if clock.held_reason in (event_log.Kind.FORK, event_log.Kind.ROLLBACK):
            taken.counts[event_log.Kind.CLONE.value] += 1
            what = "the store's chain speaks again, after another one under its name: two devices take turns"
            quarantine.hold(clock, event_log.Kind.CLONE, what, None, received_ms, taken)
    elif clock.told is None or clock.told.session != online.session:
        clock.show(online.tail)
    return False
