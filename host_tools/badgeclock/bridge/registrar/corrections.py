"""What a person decides about presences: cancel, correct, declare, close; each with author and reason.

A registered presence is never changed: it is cancelled at the authority, and what is right is registered in its place,
under a number of its own. The service cancels until the day it was declared for is over, and not later; neither do we
try. A decision is a row of `corrections`, or an event, in the transaction of what it decides. The registrar carries out
what needs the authority: `due`, `trying`, `done`, `stand` and `postpone` are its side.

Nothing here shows a badge, a token or a national number: workers go by the office's own reference.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, insert, select, update

from badgeclock.bridge.downlink import receipts
from badgeclock.bridge.downlink.receipts import NewReceipt
from badgeclock.bridge.errors import PresenceError
from badgeclock.bridge.presences import presences, regimes
from badgeclock.bridge.presences.day_book import Key, new_row
from badgeclock.bridge.presences.employment import Holder, employer_on
from badgeclock.bridge.presences.regimes import Declared, Seen, day_ahead, day_is_over, employer_declared, is_ahead
from badgeclock.bridge.registrar import outbox, review_queue
from badgeclock.bridge.store import audit_log, event_log, schema
from badgeclock.bridge.store.audit_log import Act, Operator
from badgeclock.bridge.store.event_log import Event, Severity
from badgeclock.bridge.store.states import ENDED, IdentityKind, PresenceState, PunchState, Reason
from badgeclock.protocol.frames import ReceiptState
from badgeclock.protocol.record import Direction

WHY_CHARACTERS: Final = 500
_LOOK: Final = "look at it with `badgeclock bridge presence show`"
_STANDS: Final = frozenset({PresenceState.REGISTERED, PresenceState.VALIDATED, PresenceState.REMARKS})
_OPEN: Final = frozenset({PresenceState.QUEUED, PresenceState.REFUSED, PresenceState.WAITING})
_OVER: Final = "nothing is backdated: tell the authority by other means, with the evidence, and close it here"
_MAY_BE_DECLARED: Final = frozenset({Reason.LATE, Reason.FUTURE, Reason.NO_IN, Reason.NO_DIRECTION, Reason.EMPLOYER})


class CancelCode(StrEnum):
    """The reasons that the service takes for a cancellation (PresenceRegistration 1.11, CancelPresenceRequest)."""

    PLANNING = "PLANNING"
    HOLIDAY = "HOLIDAY"
    DISEASE = "DISEASE"
    C32A = "C32A"


class Kind(StrEnum):
    """What was decided."""

    CANCEL = "cancel"
    CORRECT = "correct"
    CLOSE = "close"


class Decision(NamedTuple):
    """Who decided, why, and when (ms UTC)."""

    by: str
    why: str
    now_ms: int


class DueCancellation(NamedTuple):
    """A cancellation that the authority is to be asked for; `tries` counts the calls that were begun."""

    id: int
    presence_id: int
    reference: str
    kind: Kind
    code: str
    reception_number: int
    declared: Declared
    day: date
    time_zone: str
    site_id: int
    worker_id: int | None
    employer_kbo: str | None
    tries: int
    decision: Decision

    def too_late(self, now_ms: int) -> bool:
        """Whether the day is over, after which the service cancels no more (its error 9)."""
        return day_is_over(self.day, now_ms, self.time_zone)


# --- what a person asks for ---


def cancel(connection: Connection, reference: str, code: CancelCode, decision: Decision) -> PresenceState:
    """Have a presence cancelled; returns where it stands now: CANCELLING, or CLOSED if it was never sent."""
    decision = _checked(decision)
    row = _presence(connection, reference)
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
    decision = _checked(decision)
    row = _presence(connection, reference)
    state = PresenceState(row.state)
    of = _worker(connection, worker, row.worker_id)
    key = _key_now(connection, row, of, employer_kbo)
    if state in _STANDS:
        same = row.sent_identity in (None, of.identity_index)
        if key == _key_of(row) and same:
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
        outbox.move(connection, [row.id], state, PresenceState.CANCELLED, {"reason": None})
        replacement = _replace(connection, row, key, decision)
        _write(connection, row, Kind.CORRECT, code, of.id, decision, "declared anew", replacement)
        return PresenceState.QUEUED
    twin = _standing_with(connection, key)
    if twin is not None and twin != row.id:
        _move_punches(connection, row.id, twin, key.worker_id, decision.now_ms)
        outbox.move(connection, [row.id], state, PresenceState.CLOSED, {"due_ms": None})
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
        outbox.move(connection, [row.id], state, PresenceState.QUEUED, values)
    _move_punches(connection, row.id, row.id, key.worker_id, decision.now_ms)
    _write(connection, row, Kind.CORRECT, code, of.id, decision, "sent as corrected", row.id)
    return PresenceState.QUEUED


def close(connection: Connection, reference: str, decision: Decision) -> None:
    """Take a presence off the list of what waits: it is not to be declared, or was by other means."""
    decision = _checked(decision)
    row = _presence(connection, reference)
    if PresenceState(row.state) not in _OPEN:
        raise _under_way(reference, PresenceState(row.state))
    _close(connection, row, decision)


def close_punch(connection: Connection, clock: str, seq: int, decision: Decision) -> None:
    """The same for a punch that has no presence."""
    decision = _checked(decision)
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
    decision = _checked(decision)
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
    holder = _holder(connection, _worker(connection, None, row.worker_id), employer_kbo)
    presence_id = presences.declare(connection, punch, holder, wanted, decision.now_ms)
    if presence_id is None:
        raise _which_employer(f"punch {seq} of {clock}")
    table = schema.punches
    taken = {"state": PunchState.DECLARED, "reason": None, "presence_id": presence_id}
    connection.execute(update(table).where(table.c.id == row.id).values(taken))
    outbox.tell(connection, [presence_id], decision.now_ms)
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
    decision = _checked(decision)
    row = _presence(connection, reference)
    if row.assumed is None or row.kept_ms is not None:
        raise PresenceError(f"presence {reference} is not assumed, or somebody has kept it already", _LOOK)
    table = schema.presences
    connection.execute(update(table).where(table.c.id == row.id).values(kept_ms=decision.now_ms))
    what = f"presence {reference}: kept by {decision.by}: {decision.why}"
    event_log.write(connection, [Event(Severity.INFO, event_log.Kind.PRESENCE_KEPT, what)], decision.now_ms)
    _note(connection, Act.PRESENCE_KEPT, decision, ("presence", row.id), {"assumed": row.assumed})


# --- what the registrar carries out ---


def due(connection: Connection, declares: Iterable[Declared], now_ms: int, limit: int) -> list[DueCancellation]:
    """The cancellations whose time has come, oldest first."""
    table, of, sites = schema.corrections, schema.presences, schema.sites
    rows = connection.execute(
        select(
            table,
            of.c.reference,
            of.c.reception_number,
            of.c.declared,
            of.c.day,
            of.c.site_id,
            of.c.tries,
            sites.c.time_zone,
        )
        .join(of, of.c.id == table.c.presence_id)
        .join(sites, sites.c.id == of.c.site_id)
        .where(
            table.c.done_ms.is_(None),
            of.c.state == PresenceState.CANCELLING,
            of.c.due_ms <= now_ms,
            of.c.declared.in_(list(declares)),
        )
        .order_by(table.c.id)
        .limit(limit)
    )
    return [
        DueCancellation(
            id=row.id,
            presence_id=row.presence_id,
            reference=row.reference,
            kind=Kind(row.kind),
            code=row.code,
            reception_number=row.reception_number,
            declared=Declared(row.declared),
            day=row.day,
            time_zone=row.time_zone,
            site_id=row.site_id,
            worker_id=row.worker_id,
            employer_kbo=row.employer_kbo,
            tries=row.tries,
            decision=Decision(row.by, row.why, row.asked_ms),
        )
        for row in rows
    ]


def trying(connection: Connection, one: DueCancellation, due_ms: int) -> None:
    """The call is about to go out: from here on the authority may have cancelled."""
    outbox.postpone(connection, {one.presence_id: due_ms})


def postpone(connection: Connection, one: DueCancellation, due_ms: int) -> None:
    """Ask again later."""
    outbox.postpone(connection, {one.presence_id: due_ms}, look=0)


def done(connection: Connection, one: DueCancellation, now_ms: int) -> None:
    """The authority has cancelled it; what is to stand in its place is queued in the same transaction."""
    old, new = PresenceState.CANCELLING, PresenceState.CANCELLED
    values = {"due_ms": None, "final_ms": now_ms}
    if not outbox.move(connection, [one.presence_id], old, new, values):
        return
    replacement, outcome = None, "cancelled"
    if one.worker_id is not None:
        row = _presence(connection, one.reference)
        # Under the employer that was decided then, unless the worker has become one of Limosa's since, or no more.
        of = _worker(connection, None, one.worker_id)
        own = employer_declared(IdentityKind(of.identity_kind), of.kbo)
        employer = one.employer_kbo or own if own else own
        key = Key(of.id, employer, row.workplace_now, row.day, row.moment_ms, row.way)
        replacement, outcome = _replace(connection, row, key, one.decision._replace(now_ms=now_ms)), "replaced"
    outbox.tell(connection, [one.presence_id], now_ms)
    _end(connection, one, outcome, replacement, now_ms)
    what = f"presence {one.reference} was cancelled ({one.code}) for {one.decision.by}: {one.decision.why}"
    event_log.write(connection, [Event(Severity.INFO, event_log.Kind.PRESENCE_CANCELLED, what)], now_ms)


def stand(connection: Connection, one: DueCancellation, why_not: str, now_ms: int) -> None:
    """The authority did not cancel it: it is registered as before, and a person must know."""
    old, new = PresenceState.CANCELLING, PresenceState.REGISTERED
    if not outbox.move(connection, [one.presence_id], old, new, {"due_ms": now_ms, "tries": 0}):
        return
    _end(connection, one, why_not, None, now_ms)
    what = f"presence {one.reference} stands, though {one.decision.by} asked to cancel it: {why_not}"
    event_log.write(connection, [Event(Severity.WARNING, event_log.Kind.CANCEL_REFUSED, what)], now_ms)


def _end(connection: Connection, one: DueCancellation, outcome: str, replacement_id: int | None, now_ms: int) -> None:
    table = schema.corrections
    values = {"done_ms": now_ms, "outcome": outcome, "replacement_id": replacement_id}
    connection.execute(update(table).where(table.c.id == one.id).values(values))


# --- pieces ---


def _checked(decision: Decision) -> Decision:
    why = " ".join(decision.why.split())
    if not why or len(why) > WHY_CHARACTERS:
        raise PresenceError(
            f"a decision needs its reason, in at most {WHY_CHARACTERS} characters", "say in a sentence why"
        )
    return decision._replace(why=why)


def _presence(connection: Connection, reference: str) -> Any:
    """The presence as it is now, the caller's until its transaction ends."""
    table = schema.presences
    connection.execute(select(table.c.id).where(table.c.reference == reference).with_for_update())
    return review_queue.presence(connection, reference)


def _punch(connection: Connection, clock: str, seq: int) -> Any:
    """The same for a punch that waits."""
    table = schema.punches
    seen = review_queue.punch(connection, clock, seq)
    connection.execute(select(table.c.id).where(table.c.id == seen.id).with_for_update())
    return review_queue.punch(connection, clock, seq)


def _worker(connection: Connection, reference: str | None, worker_id: int) -> Any:
    workers, employers = schema.workers, schema.employers
    which = workers.c.id == worker_id if reference is None else workers.c.reference == reference
    row = connection.execute(
        select(workers.c.id, workers.c.identity_kind, workers.c.identity_index, employers.c.kbo)
        .outerjoin(employers, employers.c.id == workers.c.employer_id)
        .where(which)
    ).one_or_none()
    if row is None:
        raise PresenceError(f"there is no worker {reference!r}", "add the worker with `badgeclock bridge worker add`")
    return row


def _key_of(row: Any) -> Key:
    return Key(row.worker_id, row.employer_kbo, row.workplace, row.day, row.moment_ms, row.way)


def _key_now(connection: Connection, row: Any, of: Any, employer_kbo: str | None = None) -> Key:
    holder = _holder(connection, of, employer_kbo)
    employer = employer_on(holder, row.site_id, row.day)
    if employer is None:
        raise _which_employer(f"presence {row.reference}")
    return Key(of.id, employer.kbo, row.workplace_now, row.day, row.moment_ms, row.way)


def _holder(connection: Connection, of: Any, employer_kbo: str | None) -> Holder:
    """A worker with its engagements, or with the one employer that a person names."""
    holder = presences.holder_of(connection, of.id, of.identity_kind, of.kbo)
    if employer_kbo is None or not holder.employer_kbo:
        return holder
    known = {holder.employer_kbo, *(one.employer_kbo for one in holder.engagements)}
    if employer_kbo not in known:
        raise PresenceError(
            f"the worker is not engaged by {employer_kbo}", "engage the worker with `badgeclock bridge worker engage`"
        )
    return Holder(holder.worker_id, employer_kbo)


def _which_employer(what: str) -> PresenceError:
    return PresenceError(f"it is not clear which of the worker's employers {what} is for", "name it with --employer")


def _standing_with(connection: Connection, key: Key) -> int | None:
    table = schema.presences
    found: int | None = connection.execute(
        select(table.c.id).where(
            table.c.worker_id == key.worker_id,
            table.c.employer_kbo == key.employer_kbo,
            table.c.workplace == key.workplace,
            table.c.day == key.day,
            table.c.moment_ms == key.moment_ms,
            table.c.way == key.way,
            table.c.state.not_in(list(ENDED)),
        )
    ).scalar()
    return found


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
    outbox.move(connection, [row.id], state, PresenceState.CANCELLING, values)
    _write(connection, row, kind, code, worker_id, decision, None, None, employer_kbo)


def _close(connection: Connection, row: Any, decision: Decision) -> None:
    values = {"due_ms": None, "final_ms": decision.now_ms}
    outbox.move(connection, [row.id], PresenceState(row.state), PresenceState.CLOSED, values)
    outbox.tell(connection, [row.id], decision.now_ms)
    _write(connection, row, Kind.CLOSE, "", None, decision, "closed", None)


def _replace(connection: Connection, row: Any, key: Key, decision: Decision) -> int:
    """Put a presence in another's place and give it its punches; returns the one that stands there now."""
    replacement = _standing_with(connection, key) or _insert(connection, key, row.site_id, decision.now_ms)
    _move_punches(connection, row.id, replacement, key.worker_id, decision.now_ms)
    return replacement


def _insert(connection: Connection, key: Key, site_id: int, now_ms: int) -> int:
    table = schema.presences
    values = {**new_row(key, site_id, now_ms), "decided_ms": now_ms}
    return int(connection.execute(insert(table).values(values).returning(table.c.id)).scalar_one())


def _move_punches(connection: Connection, old_id: int, new_id: int, worker_id: int, now_ms: int) -> None:
    table = schema.punches
    change = update(table).where(table.c.presence_id == old_id).values(presence_id=new_id, worker_id=worker_id)
    connection.execute(change)
    outbox.tell(connection, [new_id], now_ms)


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
