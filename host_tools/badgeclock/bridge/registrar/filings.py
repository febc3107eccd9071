"""Corrections that the authority's web service no longer accepts, recorded to be requested with a correction file.

The service cancels and registers until the day is over. Its contact centre accepts corrections for thirty days from the
day of the registration, with proof; an entry here is open until somebody records its answer.
`operations.correction_file` makes the file itself.

Every function is part of its caller's transaction, and so is the act in the book.
"""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, insert, select, update

from badgeclock.authorities.base import BELGIUM
from badgeclock.bridge.downlink import receipts
from badgeclock.bridge.downlink.receipts import NewReceipt
from badgeclock.bridge.errors import PresenceError
from badgeclock.bridge.presences.regimes import local_day
from badgeclock.bridge.registrar import presence_receipts, transitions
from badgeclock.bridge.registrar.decisions import Decision, checked
from badgeclock.bridge.store import audit_log, event_log, schema
from badgeclock.bridge.store.audit_log import Act, Operator
from badgeclock.bridge.store.event_log import Event, Severity
from badgeclock.bridge.store.states import PresenceState, PunchState
from badgeclock.protocol.frames import ReceiptState

FILE_DAYS: Final = 30
"""Within this many days of the registration date an employer may request changes of its staff's registrations from the
NSSO, with documents (socialsecurity.be, Check In and Out at Work, "who")."""
ITEM: Final = "correction/"
"""The prefix of a correction's item in lists; its number follows."""
_CLOSES: Final = frozenset({PresenceState.WAITING, PresenceState.REFUSED})


class Kind(StrEnum):
    """The request to the authority."""

    CANCEL = "cancel"
    """A registration should not exist."""
    CORRECT = "correct"
    """A registration should be different."""
    DECLARE = "declare"
    """A registration is missing."""


class Right(NamedTuple):
    """The right data: the worker's row, the employer's enterprise number (empty under Limosa), the site's row, in or
    out for a movement.
    """

    worker_id: int
    employer_kbo: str
    site_id: int
    way: str = ""


class Filed(NamedTuple):
    """A recorded correction: its number, and the last day on which the authority accepts it."""

    number: int
    until: date


def last_day(day: date) -> date:
    """The last day on which the authority accepts a correction of a day."""
    return day + timedelta(days=FILE_DAYS)


def is_open(day: date, now_ms: int) -> bool:
    """Whether the authority still accepts a correction of that day."""
    return local_day(now_ms, BELGIUM.key) <= last_day(day)


def _check_open(day: date, now_ms: int, what: str) -> None:
    if not is_open(day, now_ms):
        raise PresenceError(
            f"{what} is more than {FILE_DAYS} days ago: the authority no longer changes it",
            "keep the evidence that `presence show` prints, and close it",
        )


def of_presence(connection: Connection, presence_id: int) -> int | None:
    """The number of a presence's open correction, if any."""
    table = schema.filings
    which = (table.c.presence_id == presence_id) & table.c.done_ms.is_(None)
    number: int | None = connection.execute(select(table.c.id).where(which)).scalar()
    return number


def file_presence(connection: Connection, row: Any, kind: Kind, right: Right | None, decision: Decision) -> Filed:
    """Record a correction of a presence to request from the authority (`row` is of `replacements.lock_presence`).

    Raises PresenceError if it is recorded already, or the authority no longer accepts it.
    """
    _check_open(row.day, decision.now_ms, f"the day of presence {row.reference}")
    number = of_presence(connection, row.id)
    if number is not None:
        raise _twice(f"presence {row.reference}", number)
    filed = _insert(connection, {"presence_id": row.id}, kind, right, row.day, decision)
    detail = {"correction": filed.number, "kind": kind.value, "before": _before(row), "after": _after(right)}
    _note(connection, Act.CORRECTION_FILED, decision, ("presence", row.id), detail)
    what = f"presence {row.reference}: {_WANTED[kind]}, says {decision.by}: {decision.why}; {_by(filed)}"
    _event(connection, event_log.Kind.CORRECTION_DUE, what, row.reference, decision.now_ms)
    event_log.settle(connection, event_log.Kind.CANCEL_REFUSED, decision.now_ms, about=row.reference)
    return filed


def file_punch(
    connection: Connection, row: Any, name: tuple[str, int], day: date, right: Right, decision: Decision
) -> Filed:
    """The same for a punch without a presence: a request to register its worker's day, or its movement. `row` is of
    `review_queue.punch`, `name` clock and number.
    """
    clock, seq = name
    _check_open(day, decision.now_ms, f"punch {seq} of {clock}")
    table = schema.filings
    which = (table.c.punch_id == row.id) & table.c.done_ms.is_(None)
    number = connection.execute(select(table.c.id).where(which)).scalar()
    if number is not None:
        raise _twice(f"punch {seq} of {clock}", number)
    filed = _insert(connection, {"punch_id": row.id}, Kind.DECLARE, right, day, decision)
    detail = {"correction": filed.number, "kind": Kind.DECLARE.value, "seq": seq, "after": _after(right)}
    _note(connection, Act.CORRECTION_FILED, decision, ("clock", row.clock_id), detail)
    what = f"punch {seq}: {_WANTED[Kind.DECLARE]}, says {decision.by}: {decision.why}; {_by(filed)}"
    _event(connection, event_log.Kind.CORRECTION_DUE, what, None, decision.now_ms, clock, seq)
    return filed


def complete(connection: Connection, number: int, decision: Decision) -> None:
    """The authority has answered; the decision's reason is its answer. The item is closed: it was declared by other
    means. Raises PresenceError if no such correction is open.
    """
    decision = checked(decision)
    row = _open(connection, number)
    _end(connection, row, f"answered: {decision.why}", decision, Act.CORRECTION_DONE)
    if row.punch_id is not None:
        punches = schema.punches
        punch = connection.execute(select(punches).where(punches.c.id == row.punch_id)).one()
        connection.execute(update(punches).where(punches.c.id == punch.id).values(state=PunchState.CLOSED))
        receipts.issue(connection, [NewReceipt(punch.clock_id, punch.seq, ReceiptState.OPERATOR)], decision.now_ms)
        return
    presences = schema.presences
    state = PresenceState(
        connection.execute(select(presences.c.state).where(presences.c.id == row.presence_id)).scalar_one()
    )
    if state in _CLOSES:
        values = {"due_ms": None, "final_ms": decision.now_ms}
        transitions.move(connection, [row.presence_id], state, PresenceState.CLOSED, values)
        presence_receipts.issue(connection, [row.presence_id], decision.now_ms)


def withdraw(connection: Connection, number: int, decision: Decision) -> None:
    """Withdraw a correction: its item is open as before. Raises PresenceError."""
    decision = checked(decision)
    row = _open(connection, number)
    _end(connection, row, f"withdrawn: {decision.why}", decision, Act.CORRECTION_WITHDRAWN)


def drop(connection: Connection, which: ColumnElement[bool], outcome: str, now_ms: int) -> None:
    """Settle corrections that are no longer needed; `which` selects them by presence or punch."""
    table = schema.filings
    connection.execute(update(table).where(which, table.c.done_ms.is_(None)).values(done_ms=now_ms, outcome=outcome))


def listing(connection: Connection, limit: int, *, ended: bool = False) -> list[dict[str, Any]]:
    """Corrections for the authority, oldest first: the open ones, or the ended ones. Workers are shown by the office's
    reference.
    """
    table, presences, punches = schema.filings, schema.presences, schema.punches
    clocks, workers, sites = schema.clocks, schema.workers, schema.sites
    rows = connection.execute(
        select(
            table,
            presences.c.reference,
            clocks.c.name.label("clock"),
            punches.c.seq,
            workers.c.reference.label("worker"),
            sites.c.name.label("site"),
        )
        .outerjoin(presences, presences.c.id == table.c.presence_id)
        .outerjoin(punches, punches.c.id == table.c.punch_id)
        .outerjoin(clocks, clocks.c.id == punches.c.clock_id)
        .outerjoin(workers, workers.c.id == presences.c.worker_id)
        .outerjoin(sites, sites.c.id == presences.c.site_id)
        .where(table.c.done_ms.is_not(None) if ended else table.c.done_ms.is_(None))
        .order_by(table.c.id)
        .limit(limit)
    )
    found = rows.all()
    right_workers = _names(connection, workers.c.id, workers.c.reference, {row.worker_id for row in found})
    right_sites = _names(connection, sites.c.id, sites.c.name, {row.site_id for row in found})
    return [
        {
            "item": f"{ITEM}{row.id}",
            "number": row.id,
            "of": row.reference or f"{row.clock}/{row.seq}",
            "kind": row.kind,
            "day": row.day.isoformat(),
            "until": last_day(row.day).isoformat(),
            "worker": row.worker or right_workers.get(row.worker_id),
            "site": row.site or right_sites.get(row.site_id),
            "right_worker": right_workers.get(row.worker_id),
            "right_employer": row.employer_kbo or None,
            "right_site": right_sites.get(row.site_id),
            "right_way": row.way or None,
            "why": row.why,
            "by": row.by,
            "asked_ms": row.asked_ms,
            "made_ms": row.made_ms,
            "done_ms": row.done_ms,
            "outcome": row.outcome,
        }
        for row in found
    ]


def _names(connection: Connection, number: Any, name: Any, wanted: set[int | None]) -> dict[int | None, str]:
    rows = connection.execute(select(number, name).where(number.in_([one for one in wanted if one is not None])))
    return {row[0]: row[1] for row in rows}


def _insert(
    connection: Connection, of: dict[str, int], kind: Kind, right: Right | None, day: date, decision: Decision
) -> Filed:
    values = {
        **of,
        "kind": kind,
        "day": day,
        "why": decision.why,
        "by": decision.by,
        "asked_ms": decision.now_ms,
        **({} if right is None else right._asdict()),
    }
    table = schema.filings
    number = int(connection.execute(insert(table).values(values).returning(table.c.id)).scalar_one())
    return Filed(number, last_day(day))


def _open(connection: Connection, number: int) -> Any:
    table = schema.filings
    row = connection.execute(
        select(table).where(table.c.id == number, table.c.done_ms.is_(None)).with_for_update()
    ).one_or_none()
    if row is None:
        raise PresenceError(f"no correction {number} is open", "look at `badgeclock bridge correction list`")
    return row


def _end(connection: Connection, row: Any, outcome: str, decision: Decision, act: Act) -> None:
    table = schema.filings
    values = {"done_ms": decision.now_ms, "outcome": outcome}
    connection.execute(update(table).where(table.c.id == row.id).values(values))
    subject = ("presence", row.presence_id) if row.presence_id is not None else ("punch", row.punch_id)
    _note(connection, act, decision, subject, {"correction": row.id})
    what = f"correction {row.id} {outcome.split(':', maxsplit=1)[0]}, says {decision.by}: {decision.why}"
    event_log.write(connection, [Event(Severity.INFO, event_log.Kind.CORRECTION_DONE, what)], decision.now_ms)


def _twice(what: str, number: int) -> PresenceError:
    return PresenceError(
        f"{what} is written down for the authority already, as correction {number}",
        f"send its file, or withdraw it: `badgeclock bridge correction withdraw {number}`",
    )


def _by(filed: Filed) -> str:
    return f"correction {filed.number}, for the authority by {filed.until.isoformat()}"


def _event(
    connection: Connection,
    kind: event_log.Kind,
    what: str,
    about: str | None,
    now_ms: int,
    clock: str | None = None,
    seq: int | None = None,
) -> None:
    event_log.write(connection, [Event(Severity.WARNING, kind, what, clock, seq, about)], now_ms)


def _note(
    connection: Connection, act: Act, decision: Decision, subject: tuple[str, int], detail: dict[str, Any]
) -> None:
    audit_log.write(connection, Operator(decision.by, decision.why), act, subject, detail, decision.now_ms)


def _before(row: Any) -> dict[str, Any]:
    return {"state": row.state, "worker": row.worker_id, "site": row.site_id, "way": row.way}


def _after(right: Right | None) -> dict[str, Any] | None:
    return right and {"worker": right.worker_id, "site": right.site_id, "way": right.way}


_WANTED: Final = {
    Kind.CANCEL: "the authority is to cancel it",
    Kind.CORRECT: "the authority is to correct it",
    Kind.DECLARE: "the authority is to register it",
}
