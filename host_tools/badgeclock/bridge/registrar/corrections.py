"""What a person decides about presences: cancel, correct, declare, close; each with author and reason.

A registered presence is never changed: it is cancelled at the authority, and what is right is registered in its place,
under a number of its own. The service cancels until the day it was declared for is over, and not later; neither do we
try. A decision is a row of `corrections`, or an event, in the transaction of what it decides. What needs the authority
the registrar carries out (`cancellations`).

Nothing here shows a badge, a token or a national number: workers go by the office's own reference.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, insert, select, update

from badgeclock.bridge.downlink import receipts
from badgeclock.bridge.downlink.receipts import NewReceipt
from badgeclock.bridge.errors import PresenceError
from badgeclock.bridge.presences import presences, regimes
from badgeclock.bridge.presences.regimes import Seen, day_ahead, day_is_over, is_ahead
from badgeclock.bridge.registrar import presence_receipts, review_queue, transitions
from badgeclock.bridge.registrar.decisions import CancelCode, Decision, Kind, checked
from badgeclock.bridge.registrar.replacements import (
    find_standing,
    find_worker,
    holder_of,
    key_now,
    key_of,
    lock_presence,
    move_punches,
    replace,
    which_employer,
)
from badgeclock.bridge.store import audit_log, event_log, schema
from badgeclock.bridge.store.audit_log import Act, Operator
from badgeclock.bridge.store.event_log import Event, Severity
from badgeclock.bridge.store.states import ENDED, PresenceState, PunchState, Reason
from badgeclock.protocol.frames import ReceiptState
from badgeclock.protocol.record import Direction

_LOOK: Final = "look at it with `badgeclock bridge presence show`"
_STANDS: Final = frozenset({PresenceState.REGISTERED, PresenceState.VALIDATED, PresenceState.REMARKS})
_OPEN: Final = frozenset({PresenceState.QUEUED, PresenceState.REFUSED, PresenceState.WAITING})
_OVER: Final = "nothing is backdated: tell the authority by other means, with the evidence, and close it here"
_MAY_BE_DECLARED: Final = frozenset({Reason.LATE, Reason.FUTURE, Reason.NO_IN, Reason.NO_DIRECTION, Reason.EMPLOYER})


def cancel(connection: Connection, reference: str, code: CancelCode, decision: Decision) -> PresenceState:
    """Have a presence cancelled; returns where it stands now: CANCELLING, or CLOSED if it was never sent."""
    decision = checked(decision)
    row = lock_presence(connection, reference)
    state = PresenceState(row.state)
    if state is PresenceState.QUEUED:
        _close(connection, row, decision)
        return PresenceState.CLOSED
    if state in _OPEN:
        raise PresenceError(f"presence {reference} is {state}: nothing stands at the authority", "close it instead")
    _ask_to_cancel(connection, row, Kind.CANCEL, code, None, decision)
    return PresenceState.CANCELLING


def correct(
    connection: Connection,
    reference: str,
    worker: str | None,
    code: CancelCode,
    decision: Decision,
    employer_kbo: str | None = None,
) -> PresenceState:
    """Have a presence declared as the store has it now: for this worker, else its own, under the worker's employer (of
    several the one with this enterprise number) and the site's workplace number of today. What stands at the authority
    is cancelled first.

    Returns where it stands now: CANCELLING; QUEUED if nothing stood there; CLOSED if the right one was there already.
    """
    decision = checked(decision)
    row = lock_presence(connection, reference)
    state = PresenceState(row.state)
    of = find_worker(connection, worker, row.worker_id)
    key = key_now(connection, row, of, employer_kbo)
    if state in _STANDS:
        same = row.sent_identity in (None, of.identity_index)
        if key == key_of(row) and same:
            raise PresenceError(
                f"presence {reference} was declared for this worker, employer and workplace",
                "correct the worker, the employer or the site first, or name another worker",
            )
        _ask_to_cancel(connection, row, Kind.CORRECT, code, of.id, decision, key.employer_kbo)
        return PresenceState.CANCELLING
    if state not in _OPEN:
        raise _under_way(reference, state)
    if key.way == "" and _is_too_late(row, decision.now_ms):
        raise PresenceError(f"the day of presence {reference} is over", _OVER)
    if state is PresenceState.WAITING and row.reception_number is not None:
        # Somebody cancelled it at the authority: its number is used up.
        transitions.move(connection, [row.id], state, PresenceState.CANCELLED, {"reason": None})
        replacement = replace(connection, row, key, decision)
        _write(connection, row, Kind.CORRECT, code, of.id, decision, "declared anew", replacement)
        return PresenceState.QUEUED
    twin = find_standing(connection, key)
    if twin is not None and twin != row.id:
        move_punches(connection, row.id, twin, key.worker_id, decision.now_ms)
        transitions.move(connection, [row.id], state, PresenceState.CLOSED, {"due_ms": None})
        _write(connection, row, Kind.CORRECT, code, of.id, decision, "declared already", twin)
        return PresenceState.CLOSED
    values = {
        "worker_id": key.worker_id,
        "employer_kbo": key.employer_kbo,
        "workplace": key.workplace,
        "reason": None,
        "error_code": 0,
        "error_text": None,
        "alone": False,
        "due_ms": decision.now_ms,
        "final_ms": None,
        "decided_ms": decision.now_ms,
    }
    table = schema.presences
    if state is PresenceState.QUEUED:
        connection.execute(update(table).where(table.c.id == row.id, table.c.state == state).values(values))
    else:
        transitions.move(connection, [row.id], state, PresenceState.QUEUED, values)
    move_punches(connection, row.id, row.id, key.worker_id, decision.now_ms)
    _write(connection, row, Kind.CORRECT, code, of.id, decision, "sent as corrected", row.id)
    return PresenceState.QUEUED


def close(connection: Connection, reference: str, decision: Decision) -> None:
    """Take a presence off the list of what waits: it is not to be declared, or was by other means."""
    decision = checked(decision)
    row = lock_presence(connection, reference)
    if PresenceState(row.state) not in _OPEN:
        raise _under_way(reference, PresenceState(row.state))
    _close(connection, row, decision)


def close_punch(connection: Connection, clock: str, seq: int, decision: Decision) -> None:
    """The same for a punch that has no presence."""
    decision = checked(decision)
    row = _punch(connection, clock, seq)
    table = schema.punches
    connection.execute(update(table).where(table.c.id == row.id).values(state=PunchState.CLOSED))
    receipts.issue(connection, [NewReceipt(row.clock_id, row.seq, ReceiptState.OPERATOR)], decision.now_ms)
    what = f"punch {seq} is not declared, says {decision.by}: {decision.why}"
    event_log.write(
        connection, [Event(Severity.INFO, event_log.Kind.PRESENCE_CLOSED, what, clock, seq)], decision.now_ms
    )
    _note(connection, Act.PUNCH_CLOSED, decision, ("clock", row.clock_id), {"seq": seq})


def declare_punch(
    connection: Connection,
    clock: str,
    seq: int,
    direction: Direction | None,
    decision: Decision,
    employer_kbo: str | None = None,
) -> str:
    """Have a punch declared that waited for a person; returns its presence's reference.

    `direction` is what the punch lacks, or meant, `employer_kbo` which of the worker's employers it is for. Its moment
    stays what the clock sealed.
    """
    decision = checked(decision)
    row = _punch(connection, clock, seq)
    if row.worker_id is None or row.reason not in _MAY_BE_DECLARED:
        raise PresenceError(
            f"punch {seq} of {clock} waits for another reason: {row.reason or 'nobody was given its badge'}",
            "assign the badge, release the clock, or close it",
        )
    meant = direction or (Direction.IN if row.reason == Reason.NO_IN else Direction(row.direction))
    punch = presences.punch_of(row)._replace(direction=meant, is_sure=True)
    wanted = regimes.wanted(Seen(meant, punch.is_sure, punch.utc_ms, punch.place))
    if isinstance(wanted, Reason):
        raise PresenceError(f"punch {seq} of {clock} does not say whether it was a coming or a going", "name it")
    if wanted.way is None and day_is_over(wanted.day, decision.now_ms, row.time_zone):
        raise PresenceError(f"the day of punch {seq} of {clock} is over", _OVER)
    if is_ahead(row.utc_ms, decision.now_ms) and not (
        wanted.way is None and day_ahead(row.utc_ms, None, decision.now_ms, row.time_zone)
    ):
        raise PresenceError(f"the moment of punch {seq} of {clock} is to come", "wait for it, and set the clock's time")
    holder = holder_of(connection, find_worker(connection, None, row.worker_id), employer_kbo)
    presence_id = presences.declare(connection, punch, holder, wanted, decision.now_ms)
    if presence_id is None:
        raise which_employer(f"punch {seq} of {clock}")
    table = schema.punches
    values = {"state": PunchState.DECLARED, "reason": None, "presence_id": presence_id}
    connection.execute(update(table).where(table.c.id == row.id).values(values))
    presence_receipts.issue(connection, [presence_id], decision.now_ms)
    what = f"punch {seq} is declared, says {decision.by}: {decision.why}"
    event_log.write(
        connection, [Event(Severity.INFO, event_log.Kind.PRESENCE_DECLARED, what, clock, seq)], decision.now_ms
    )
    made = schema.presences
    reference: str = connection.execute(select(made.c.reference).where(made.c.id == presence_id)).scalar_one()
    _note(connection, Act.PUNCH_DECLARED, decision, ("clock", row.clock_id), {"seq": seq, "presence": presence_id})
    return reference


def keep(connection: Connection, reference: str, decision: Decision) -> None:
    """A presence that was assumed is right: a person says so, and it leaves the list."""
    decision = checked(decision)
    row = lock_presence(connection, reference)
    if row.assumed is None or row.kept_ms is not None:
        raise PresenceError(f"presence {reference} is not assumed, or somebody has kept it already", _LOOK)
    table = schema.presences
    connection.execute(update(table).where(table.c.id == row.id).values(kept_ms=decision.now_ms))
    what = f"presence {reference}: kept by {decision.by}: {decision.why}"
    event_log.write(connection, [Event(Severity.INFO, event_log.Kind.PRESENCE_KEPT, what)], decision.now_ms)
    _note(connection, Act.PRESENCE_KEPT, decision, ("presence", row.id), {"assumed": row.assumed})


def _punch(connection: Connection, clock: str, seq: int) -> Any:
    """The same for a punch that waits."""
    table = schema.punches
    seen = review_queue.punch(connection, clock, seq)
    connection.execute(select(table.c.id).where(table.c.id == seen.id).with_for_update())
    return review_queue.punch(connection, clock, seq)


def _is_too_late(row: Any, now_ms: int) -> bool:
    return day_is_over(row.day, now_ms, row.time_zone)


def _under_way(reference: str, state: PresenceState) -> PresenceError:
    if state in ENDED:
        return PresenceError(f"presence {reference} is {state} already", _LOOK)
    if state in _STANDS:
        return PresenceError(f"presence {reference} stands at the authority", "cancel it instead")
    return PresenceError(f"presence {reference} is {state}: its answer is still to come", "try again in a minute")


def _ask_to_cancel(
    connection: Connection,
    row: Any,
    kind: Kind,
    code: CancelCode,
    worker_id: int | None,
    decision: Decision,
    employer_kbo: str | None = None,
) -> None:
    state = PresenceState(row.state)
    if state not in _STANDS:
        raise _under_way(row.reference, state)
    if _is_too_late(row, decision.now_ms):
        raise PresenceError(
            f"the day of presence {row.reference} is over: the authority cancels no more",
            "ask the authority itself, with documents: it changes registrations within 30 days",
        )
    values = {"due_ms": decision.now_ms, "tries": 0}
    transitions.move(connection, [row.id], state, PresenceState.CANCELLING, values)
    _write(connection, row, kind, code, worker_id, decision, None, None, employer_kbo)


def _close(connection: Connection, row: Any, decision: Decision) -> None:
    values = {"due_ms": None, "final_ms": decision.now_ms}
    transitions.move(connection, [row.id], PresenceState(row.state), PresenceState.CLOSED, values)
    presence_receipts.issue(connection, [row.id], decision.now_ms)
    _write(connection, row, Kind.CLOSE, "", None, decision, "closed", None)


def _write(
    connection: Connection,
    row: Any,
    kind: Kind,
    code: str,
    worker_id: int | None,
    decision: Decision,
    outcome: str | None,
    replacement_id: int | None,
    employer_kbo: str | None = None,
) -> None:
    """The decision itself: open until the authority has done it, or done already with its `outcome`."""
    values = {
        "presence_id": row.id,
        "kind": kind,
        "code": code,
        "why": decision.why,
        "by": decision.by,
        "worker_id": worker_id,
        "employer_kbo": employer_kbo,
        "asked_ms": decision.now_ms,
        "done_ms": None if outcome is None else decision.now_ms,
        "outcome": outcome,
        "replacement_id": replacement_id,
    }
    connection.execute(insert(schema.corrections).values(values))
    what = f"presence {row.reference}: {kind} by {decision.by}: {decision.why}"
    event_log.write(connection, [Event(Severity.INFO, _EVENT_OF[kind], what)], decision.now_ms)
    detail = {"code": str(code), "before": {"state": row.state}, "replacement": replacement_id}
    _note(connection, _ACT_OF[kind], decision, ("presence", row.id), detail)


def _note(
    connection: Connection, act: Act, decision: Decision, subject: tuple[str, int], detail: dict[str, Any]
) -> None:
    audit_log.write(connection, Operator(decision.by, decision.why), act, subject, detail, decision.now_ms)


_EVENT_OF: Final = {
    Kind.CANCEL: event_log.Kind.CANCEL_ASKED,
    Kind.CORRECT: event_log.Kind.PRESENCE_CORRECTED,
    Kind.CLOSE: event_log.Kind.PRESENCE_CLOSED,
}
_ACT_OF: Final = {
    Kind.CANCEL: Act.PRESENCE_CANCEL_ASKED,
    Kind.CORRECT: Act.PRESENCE_CORRECTED,
    Kind.CLOSE: Act.PRESENCE_CLOSED,
}
