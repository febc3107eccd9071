"""An operator's decisions about presences: cancel, correct, declare, close; each with author and reason.

A registered presence is never changed: it is cancelled at the authority, and the replacement is registered, with its
own number. The service cancels only until the declared day is over; from then on the change is recorded for a
correction file (`filings`). A decision is a row of `corrections` or of `filings`, and an act in the book, in the same
transaction as its effect. The registrar carries out what needs the authority (`cancellations`).

Nothing here shows a badge, a token or a national number: workers are shown by the office's own reference.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Final, Literal, NamedTuple

from sqlalchemy import Connection, insert, select, update

from badgeclock.authorities.base import Direction as Way
from badgeclock.bridge.downlink import receipts
from badgeclock.bridge.downlink.receipts import NewReceipt
from badgeclock.bridge.errors import PresenceError
from badgeclock.bridge.presences import presences, regimes
from badgeclock.bridge.presences.day_book import Key
from badgeclock.bridge.presences.employment import Holder, employer_on
from badgeclock.bridge.presences.punch_fate import Punch
from badgeclock.bridge.presences.regimes import Declared, Place, Seen, day_ahead, day_is_over, is_ahead
from badgeclock.bridge.registrar import filings, presence_receipts, review_queue, transitions
from badgeclock.bridge.registrar.decisions import CancelCode, Decision, Kind, checked
from badgeclock.bridge.registrar.filings import Filed
from badgeclock.bridge.registrar.replacements import (
    find_place,
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
from badgeclock.bridge.store.states import ENDED, ClockState, PresenceState, PunchState, Reason
from badgeclock.protocol.frames import ReceiptState
from badgeclock.protocol.record import Direction

_LOOK: Final = "look at it with `badgeclock bridge presence show`"
_STANDS: Final = frozenset({PresenceState.REGISTERED, PresenceState.VALIDATED, PresenceState.REMARKS})
_OPEN: Final = frozenset({PresenceState.QUEUED, PresenceState.REFUSED, PresenceState.WAITING})
_CODE_DATE: Final = 6
"""The authority's code for a date, or a moment, that it no longer accepts."""
_MAY_BE_DECLARED: Final = frozenset({Reason.LATE, Reason.FUTURE, Reason.NO_IN, Reason.NO_DIRECTION, Reason.EMPLOYER})


class Right(NamedTuple):
    """The corrected fields of a presence; None: unchanged. The worker's reference, one of the worker's employers
    (enterprise number), the site's name, and for a movement its way.
    """

    worker: str | None = None
    employer_kbo: str | None = None
    site: str | None = None
    way: Way | None = None


class Meant(NamedTuple):
    """A person's additions to a punch; None: unchanged. Its direction, the employer it is for (enterprise number), and
    its local day if its clock had no time.
    """

    direction: Direction | None = None
    employer_kbo: str | None = None
    day: date | None = None


def cancel(
    connection: Connection, reference: str, code: CancelCode, decision: Decision
) -> Literal[PresenceState.CANCELLING, PresenceState.CLOSED] | Filed:
    """Have a presence cancelled; returns its state now: CANCELLING, or CLOSED if it was never sent. When its day is
    over it is recorded for a correction file instead.
    """
    decision = checked(decision)
    row = lock_presence(connection, reference)
    state = PresenceState(row.state)
    if state is PresenceState.QUEUED:
        _close(connection, row, decision)
        return PresenceState.CLOSED
    if state in _OPEN:
        raise PresenceError(f"presence {reference} is {state}: the authority has nothing of it", "close it instead")
    if state in _STANDS and _is_too_late(row, decision.now_ms):
        return filings.file_presence(connection, row, filings.Kind.CANCEL, None, decision)
    _ask_to_cancel(connection, row, Kind.CANCEL, code, None, decision)
    return PresenceState.CANCELLING


def correct(
    connection: Connection, reference: str, right: Right, code: CancelCode, decision: Decision
) -> Literal[PresenceState.CANCELLING, PresenceState.QUEUED, PresenceState.CLOSED] | Filed:
    """Have a presence declared as the store has it now, or corrected: for another worker, at another site, another way,
    under the worker's present employer (of several the named one). An existing registration is cancelled first.

    Returns its state now: CANCELLING; QUEUED if nothing was registered; CLOSED if the right one existed already. When
    its day is over, or the authority has refused it as too late, it is recorded for a correction file.
    """
    decision = checked(decision)
    row = lock_presence(connection, reference)
    state = PresenceState(row.state)
    of = find_worker(connection, right.worker, row.worker_id)
    place = find_place(connection, row, right.site)
    key = key_now(connection, row, of, place, right.way, right.employer_kbo)
    if state in _STANDS and key == key_of(row) and row.sent_identity in (None, of.identity_index):
        raise PresenceError(
            f"presence {reference} was declared for this worker, employer and workplace, and this way",
            "correct the worker, the employer or the site first, or name another worker, site or way",
        )
    if state not in _STANDS | _OPEN:
        raise _under_way(connection, row)
    if _takes_no_more(row, state, place, decision.now_ms):
        kind = filings.Kind.CORRECT if state in _STANDS else filings.Kind.DECLARE
        of_file = filings.Right(key.worker_id, key.employer_kbo, place.site_id, key.way)
        return filings.file_presence(connection, row, kind, of_file, decision)
    if state in _STANDS:
        _ask_to_cancel(connection, row, Kind.CORRECT, code, key, decision, place.site_id)
        return PresenceState.CANCELLING
    return _declare_instead(connection, row, key, place.site_id, code, decision)


def _declare_instead(
    connection: Connection, row: Any, key: Key, site_id: int, code: CancelCode, decision: Decision
) -> Literal[PresenceState.QUEUED, PresenceState.CLOSED]:
    """Declare the replacement of a presence that is not registered at the authority."""
    state = PresenceState(row.state)
    if state is PresenceState.WAITING and row.reception_number is not None:
        # It was cancelled at the authority: its number cannot be used again.
        transitions.move(connection, [row.id], state, PresenceState.CANCELLED, {"reason": None})
        replacement = replace(connection, row, key, site_id, decision)
        _write(connection, row, Kind.CORRECT, code, key, site_id, decision, "declared again", replacement)
        return PresenceState.QUEUED
    twin = find_standing(connection, key)
    if twin is not None and twin != row.id:
        move_punches(connection, row.id, twin, key.worker_id, decision.now_ms)
        transitions.move(connection, [row.id], state, PresenceState.CLOSED, {"due_ms": None})
        _write(connection, row, Kind.CORRECT, code, key, site_id, decision, "declared already", twin)
        return PresenceState.CLOSED
    values = {
        "worker_id": key.worker_id,
        "employer_kbo": key.employer_kbo,
        "workplace": key.workplace,
        "site_id": site_id,
        "way": key.way,
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
    _write(connection, row, Kind.CORRECT, code, key, site_id, decision, "sent as corrected", row.id)
    return PresenceState.QUEUED


def _takes_no_more(row: Any, state: PresenceState, place: Place, now_ms: int) -> bool:
    """Whether the authority's service no longer accepts a change of a presence: its day is over, or it has refused
    one."""
    is_over = _is_too_late(row, now_ms) or day_is_over(row.day, now_ms, place.time_zone)
    return is_over or (bool(row.way) and state is PresenceState.REFUSED and row.error_code == _CODE_DATE)


def close(connection: Connection, reference: str, decision: Decision) -> None:
    """Close a presence: it will not be declared, or was by other means."""
    decision = checked(decision)
    row = lock_presence(connection, reference)
    if PresenceState(row.state) not in _OPEN:
        raise _under_way(connection, row)
    filings.drop(connection, schema.filings.c.presence_id == row.id, "closed", decision.now_ms)
    _close(connection, row, decision)


def close_punch(connection: Connection, clock: str, seq: int, decision: Decision) -> None:
    """The same for a punch that has no presence."""
    decision = checked(decision)
    _close_punch(connection, _punch(connection, clock, seq), clock, decision)


def close_badge(connection: Connection, clock: str, seq: int, decision: Decision) -> int:
    """The same for every punch at the site with the same badge and reason; returns how many."""
    decision = checked(decision)
    row = _punch(connection, clock, seq)
    table, clocks = schema.punches, schema.clocks
    alike = (
        (table.c.site_id == row.site_id)
        & (table.c.token == row.token)
        & (table.c.state == row.state)
        & table.c.reason.is_not_distinct_from(row.reason)
        & table.c.presence_id.is_(None)
    )
    rows = connection.execute(
        select(table.c.id, table.c.clock_id, table.c.seq, clocks.c.name)
        .join(clocks, clocks.c.id == table.c.clock_id)
        .where(alike)
        .order_by(table.c.id)
        .with_for_update(of=table)
    ).all()
    for one in rows:
        _close_punch(connection, one, one.name, decision)
    return len(rows)


def _close_punch(connection: Connection, row: Any, clock: str, decision: Decision) -> None:
    """Close a punch, by its row: earlier lives of a clock have punches of the same number."""
    table = schema.punches
    connection.execute(update(table).where(table.c.id == row.id).values(state=PunchState.CLOSED))
    filings.drop(connection, schema.filings.c.punch_id == row.id, "closed", decision.now_ms)
    receipts.issue(connection, [NewReceipt(row.clock_id, row.seq, ReceiptState.OPERATOR)], decision.now_ms)
    what = f"punch {row.seq} is not declared, says {decision.by}: {decision.why}"
    event_log.write(
        connection, [Event(Severity.INFO, event_log.Kind.PRESENCE_CLOSED, what, clock, row.seq)], decision.now_ms
    )
    _note(connection, Act.PUNCH_CLOSED, decision, ("clock", row.clock_id), {"seq": row.seq})


def declare_punch(connection: Connection, clock: str, seq: int, meant: Meant, decision: Decision) -> str | Filed:
    """Have a punch in review declared; returns its presence's reference.

    It keeps the time that the clock sealed. If its day is over, or it has no valid seal, it is recorded for a
    correction file.
    """
    decision = checked(decision)
    row = _punch(connection, clock, seq)
    is_sealed = row.state != PunchState.INVALID
    if not _may_be_declared(row, meant):
        raise PresenceError(
            f"punch {seq} of {clock} waits for another reason: {row.reason or 'nobody was given its badge'}",
            "assign the badge, release the clock, name the day of a punch without time, or close it",
        )
    direction = meant.direction or (Direction.IN if row.reason == Reason.NO_IN else Direction(row.direction))
    punch = presences.punch_of(row)._replace(direction=direction, is_sure=True)
    wanted = regimes.wanted(Seen(direction, punch.is_sure, punch.utc_ms, punch.place))
    if not row.utc_ms:
        wanted = _wanted_on(punch, meant.day, f"punch {seq} of {clock}", decision.now_ms)
    if isinstance(wanted, Reason):
        raise PresenceError(f"punch {seq} of {clock} does not say whether it was a coming or a going", "name it")
    holder = holder_of(connection, find_worker(connection, None, row.worker_id), meant.employer_kbo)
    if not is_sealed or day_is_over(wanted.day, decision.now_ms, row.time_zone):
        there = presences.day_there(connection, punch, holder, wanted) if wanted.way is None else None
        if there is None:
            return _file_punch(connection, row, (clock, seq), wanted, holder, decision)
        if not is_sealed:
            raise PresenceError(f"the worker of punch {seq} of {clock} has a presence that day", "close the punch")
        return _join_punch(connection, row, (clock, seq), there, decision)
    if is_ahead(row.utc_ms, decision.now_ms) and not (
        wanted.way is None and day_ahead(row.utc_ms, None, decision.now_ms, row.time_zone)
    ):
        raise PresenceError(f"the moment of punch {seq} of {clock} is to come", "wait for it, and set the clock's time")
    presence_id = presences.declare(connection, punch, holder, wanted, decision.now_ms)
    if presence_id is None:
        raise which_employer(f"punch {seq} of {clock}")
    return _join_punch(connection, row, (clock, seq), presence_id, decision)


def _may_be_declared(row: Any, meant: Meant) -> bool:
    """Whether a person may have a punch in this state declared, or recorded for a file."""
    if row.worker_id is None:
        return False
    if row.state == PunchState.INVALID:
        return bool(row.utc_ms)
    if row.reason == Reason.QUARANTINE:
        return row.clock_state == ClockState.RETIRED and bool(row.utc_ms)  # its quarantine has ended with it
    return row.reason in _MAY_BE_DECLARED or (row.reason == Reason.NO_TIME and meant.day is not None)


def _wanted_on(punch: Punch, day: date | None, what: str, now_ms: int) -> regimes.Wanted:
    """What a punch without time declares, for the day that a person gives."""
    if day is None or punch.place.declares_on(day) is not Declared.DAY:
        raise PresenceError(f"{what} has no time, and a movement is declared with its moment", "close the punch")
    if day > regimes.local_day(now_ms, punch.place.time_zone):
        raise PresenceError(f"{day.isoformat()} is to come", "name the day on which it was punched")
    return regimes.Wanted(Declared.DAY, day)


def _join_punch(connection: Connection, row: Any, name: tuple[str, int], presence_id: int, decision: Decision) -> str:
    """Record that a punch is declared with a presence; returns its reference."""
    clock, seq = name
    table = schema.punches
    values = {"state": PunchState.DECLARED, "reason": None, "presence_id": presence_id}
    connection.execute(update(table).where(table.c.id == row.id).values(values))
    filings.drop(connection, schema.filings.c.punch_id == row.id, "it has a presence", decision.now_ms)
    presence_receipts.issue(connection, [presence_id], decision.now_ms)
    what = f"punch {seq} is declared, says {decision.by}: {decision.why}"
    event_log.write(
        connection, [Event(Severity.INFO, event_log.Kind.PRESENCE_DECLARED, what, clock, seq)], decision.now_ms
    )
    made = schema.presences
    reference: str = connection.execute(select(made.c.reference).where(made.c.id == presence_id)).scalar_one()
    _note(connection, Act.PUNCH_DECLARED, decision, ("clock", row.clock_id), {"seq": seq, "presence": presence_id})
    return reference


def _file_punch(
    connection: Connection,
    row: Any,
    name: tuple[str, int],
    wanted: regimes.Wanted,
    holder: Holder,
    decision: Decision,
) -> Filed:
    employer = employer_on(holder, row.site_id, wanted.day)
    if employer is None:
        raise which_employer(f"punch {name[1]} of {name[0]}")
    way = "" if wanted.way is None else wanted.way.value
    right = filings.Right(holder.worker_id, employer.kbo, row.site_id, way)
    return filings.file_punch(connection, row, name, wanted.day, right, decision)


def keep(connection: Connection, reference: str, decision: Decision) -> None:
    """Confirm an assumed presence by a person's decision: it leaves the list."""
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
    """The same for a punch in review."""
    table = schema.punches
    seen = review_queue.punch(connection, clock, seq)
    connection.execute(select(table.c.id).where(table.c.id == seen.id).with_for_update())
    return review_queue.punch(connection, clock, seq)


def _is_too_late(row: Any, now_ms: int) -> bool:
    return day_is_over(row.day, now_ms, row.time_zone)


def _under_way(connection: Connection, row: Any) -> PresenceError:
    reference, state = row.reference, PresenceState(row.state)
    if state in ENDED:
        instead = _stands_instead(connection, row.id)
        do = _LOOK if instead is None else f"{instead} replaced it: decide about that one"
        return PresenceError(f"presence {reference} is {state} already", do)
    if state in _STANDS:
        return PresenceError(f"presence {reference} is registered at the authority", "cancel it instead")
    return PresenceError(f"presence {reference} is {state}: its answer is still to come", "try again in a minute")


def _stands_instead(connection: Connection, presence_id: int) -> str | None:
    """The reference of the presence that replaced another in a correction."""
    table, presences_of = schema.corrections, schema.presences
    newest = (
        select(presences_of.c.reference)
        .join(table, table.c.replacement_id == presences_of.c.id)
        .where(table.c.presence_id == presence_id, presences_of.c.id != presence_id)
        .order_by(table.c.id.desc())
        .limit(1)
    )
    reference: str | None = connection.execute(newest).scalar()
    return reference


def _ask_to_cancel(
    connection: Connection,
    row: Any,
    kind: Kind,
    code: CancelCode,
    key: Key | None,
    decision: Decision,
    site_id: int | None = None,
) -> None:
    """Have it cancelled, and with a `key` its replacement declared."""
    state = PresenceState(row.state)
    if state not in _STANDS:
        raise _under_way(connection, row)
    values = {"due_ms": decision.now_ms, "tries": 0}
    transitions.move(connection, [row.id], state, PresenceState.CANCELLING, values)
    _write(connection, row, kind, code, key, site_id, decision, None, None)


def _close(connection: Connection, row: Any, decision: Decision) -> None:
    values = {"due_ms": None, "final_ms": decision.now_ms}
    transitions.move(connection, [row.id], PresenceState(row.state), PresenceState.CLOSED, values)
    presence_receipts.issue(connection, [row.id], decision.now_ms)
    _write(connection, row, Kind.CLOSE, "", None, None, decision, "closed", None)


def _write(
    connection: Connection,
    row: Any,
    kind: Kind,
    code: str,
    key: Key | None,
    site_id: int | None,
    decision: Decision,
    outcome: str | None,
    replacement_id: int | None,
) -> None:
    """The decision itself: open until the authority has done it, or done already with its `outcome`. `key` and
    `site_id` are the replacement's.
    """
    values = {
        "presence_id": row.id,
        "kind": kind,
        "code": code,
        "why": decision.why,
        "by": decision.by,
        "worker_id": key and key.worker_id,
        "employer_kbo": key and key.employer_kbo,
        "site_id": site_id,
        "way": key and (key.way or None),
        "asked_ms": decision.now_ms,
        "done_ms": None if outcome is None else decision.now_ms,
        "outcome": outcome,
        "replacement_id": replacement_id,
    }
    connection.execute(insert(schema.corrections).values(values))
    what = f"presence {row.reference}: {kind} by {decision.by}: {decision.why}"
    event_log.write(connection, [Event(Severity.INFO, _EVENT_OF[kind], what)], decision.now_ms)
    before = {"state": row.state, "worker": row.worker_id, "site": row.site_id, "way": row.way}
    detail = {"code": str(code), "before": before, "replacement": replacement_id}
    if key is not None:
        detail["after"] = {"worker": key.worker_id, "site": site_id, "way": key.way}
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
