"""Registration by the office: presences without a punch, where by law the employer registers.

The office's registration is processed like one from a punch: it is queued, sent, and gets its reception number; a punch
on that day joins it, so that nobody is declared twice. It stays marked as the office's own, with its author and reason
as a decision and as an act in the book. The authority accepts today and tomorrow; a later day is kept as a plan, which
`send_due` queues once its day is accepted, and which can be withdrawn until then.

Every function is part of its caller's transaction. Nothing here shows a badge, a token or a national number.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, insert, select, update

from badgeclock.authorities.base import BELGIUM
from badgeclock.bridge.errors import PresenceError
from badgeclock.bridge.people.rows import add_row
from badgeclock.bridge.people.sites import find_row
from badgeclock.bridge.presences.day_book import Key
from badgeclock.bridge.presences.employment import employer_on
from badgeclock.bridge.presences.regimes import ONLY_THE_WORKER, Place, day_is_over, local_day
from badgeclock.bridge.registrar.decisions import Decision, Kind, checked
from badgeclock.bridge.registrar.replacements import find_worker, holder_of, insert_presence, place_of, which_employer
from badgeclock.bridge.store import audit_log, event_log, schema
from badgeclock.bridge.store.audit_log import Act, Note, Operator
from badgeclock.bridge.store.event_log import Event, Severity
from badgeclock.bridge.store.states import ENDED

DAYS_AHEAD: Final = 30
"""How far ahead the authority's own online service accepts registrations (Traxgo names 30 days, Securex 35)."""
ENTRIES_MOST: Final = 400
"""Most registrations in one act."""
NOT_SENT: Final = "not sent"
WITHDRAWN: Final = "withdrawn"
_SENT: Final = "sent"
_THERE: Final = "registered already"
_NAMED: Final = 5
"""Up to this many registrations of one act have an event each; more share one."""


class Entry(NamedTuple):
    """A registration by the office: worker, place, local day, and with several employers which one."""

    worker: str
    site: str
    day: date
    employer_kbo: str | None = None


class Outcome(StrEnum):
    """The result for an entry."""

    QUEUED = "queued"
    """It is sent at once."""
    PLANNED = "planned"
    """The authority does not accept its day yet: it is sent later."""
    THERE = "there"
    """It is registered, or planned, already."""


class Judged(NamedTuple):
    """An entry's preview: its key, the row of its site, its result, and what exists already: a presence's reference, or
    the number of a plan.
    """

    entry: Entry
    key: Key
    site_id: int
    outcome: Outcome
    there: str = ""


class Done(NamedTuple):
    """The result for an entry: a presence's reference, or the number of a plan; and the employer."""

    entry: Entry
    outcome: Outcome
    item: str
    employer_kbo: str


def check_office(place: Place, site: str, day: date) -> None:
    """Raise PresenceError, with the legal reason, where only the worker may register."""
    regime = place.regime_on(day)
    law = ONLY_THE_WORKER.get(regime)
    if law is not None:
        raise PresenceError(
            f"at {site!r} ({regime}) each worker registers in person, on the spot and in real time, and nobody may do "
            f"it for them: {law}",
            "have the worker punch at the clock, or use the authority's own mobile service",
        )


def takes(day: date, now_ms: int) -> bool:
    """Whether the authority accepts a day now, if it is not over: its service accepts today and tomorrow."""
    return day <= local_day(now_ms, BELGIUM.key) + timedelta(days=1)


def judge(connection: Connection, entry: Entry, now_ms: int) -> Judged:
    """The preview of an entry; raises PresenceError if it cannot be registered."""
    site = find_row(connection, entry.site)
    if site is None:
        raise PresenceError(f"there is no site {entry.site!r}", "name it as `badgeclock bridge site add` did")
    place = place_of(connection, site.id)
    check_office(place, site.name, entry.day)
    if day_is_over(entry.day, now_ms, place.time_zone):
        raise PresenceError(
            f"{entry.day.isoformat()} is over: the authority registers nothing of it any more",
            "ask its contact centre, with proof, within 30 days",
        )
    if entry.day > local_day(now_ms, BELGIUM.key) + timedelta(days=DAYS_AHEAD):
        raise PresenceError(f"{entry.day.isoformat()} is more than {DAYS_AHEAD} days ahead", "register it later")
    of = find_worker(connection, entry.worker, 0)
    employer = employer_on(holder_of(connection, of, entry.employer_kbo), place.site_id, entry.day)
    if employer is None:
        raise which_employer(f"{entry.day.isoformat()} of {entry.worker}")
    key = Key(of.id, employer.kbo, place.workplace, entry.day)
    standing = _standing(connection, key, place)
    if standing is not None:
        return Judged(entry, key, place.site_id, Outcome.THERE, standing.reference)
    plan = _plan(connection, key, place.site_id)
    if plan is not None:
        return Judged(entry, key, place.site_id, Outcome.THERE, str(plan))
    outcome = Outcome.QUEUED if takes(entry.day, now_ms) else Outcome.PLANNED
    return Judged(entry, key, place.site_id, outcome)


def register(connection: Connection, entries: Sequence[Entry], decision: Decision) -> list[Done]:
    """Register, or plan, all of the entries, or none; existing ones are left unchanged. Raises PresenceError."""
    decision = checked(decision)
    if not entries or len(entries) > ENTRIES_MOST:
        raise PresenceError(f"1 to {ENTRIES_MOST} registrations are one act", "choose fewer people or days")
    audit_log.reason(decision.why)
    notes: list[Note] = []
    done: list[Done] = []
    for entry in dict.fromkeys(entries):
        judged = judge(connection, entry, decision.now_ms)
        if judged.outcome is Outcome.QUEUED:
            reference, note = _queue(connection, judged.key, judged.site_id, decision, {})
            done.append(Done(entry, judged.outcome, reference, judged.key.employer_kbo))
            notes.append(note)
        elif judged.outcome is Outcome.PLANNED:
            number, note = _keep(connection, judged, decision)
            done.append(Done(entry, judged.outcome, str(number), judged.key.employer_kbo))
            notes.append(note)
        else:
            done.append(Done(entry, judged.outcome, judged.there, judged.key.employer_kbo))
    audit_log.write_all(connection, notes)
    _write_events(connection, [one for one in done if one.outcome is not Outcome.THERE], decision)
    return done


def withdraw(connection: Connection, number: int, decision: Decision) -> None:
    """Withdraw a plan that was not sent yet. Raises PresenceError if it is not open."""
    decision = checked(decision)
    table = schema.later_registrations
    open_yet = (table.c.id == number) & table.c.ended_ms.is_(None)
    row = connection.execute(select(table).where(open_yet).with_for_update()).one_or_none()
    if row is None:
        raise PresenceError(
            f"no registration {number} is planned any more",
            "look at `badgeclock bridge presence planned`; one that was sent is cancelled with `presence cancel`",
        )
    _end(connection, row.id, WITHDRAWN, None, decision.now_ms)
    operator = Operator(decision.by, decision.why)
    detail = {"day": row.day.isoformat(), "worker": row.worker_id, "site": row.site_id}
    audit_log.write(connection, operator, Act.REGISTRATION_WITHDRAWN, ("registration", row.id), detail, decision.now_ms)


def planned(connection: Connection, conditions: Sequence[Any] = ()) -> list[dict[str, Any]]:
    """The open plans, by day, filtered by `conditions`. Workers are shown by the office's reference."""
    table, workers, sites = schema.later_registrations, schema.workers, schema.sites
    rows = connection.execute(
        select(table, workers.c.reference.label("worker"), sites.c.name.label("site"))
        .join(workers, workers.c.id == table.c.worker_id)
        .join(sites, sites.c.id == table.c.site_id)
        .where(table.c.ended_ms.is_(None), *conditions)
        .order_by(table.c.day, table.c.id)
    )
    return [
        {
            "number": row.id,
            "worker": row.worker,
            "employer": row.employer_kbo or None,
            "site": row.site,
            "day": row.day.isoformat(),
            "why": row.why,
            "by": row.by,
            "asked_ms": row.asked_ms,
        }
        for row in rows
    ]


def send_due(connection: Connection, now_ms: int) -> int:
    """Queue the plans whose day the authority accepts by now; returns how many. One that can no longer be sent is
    ended, and given to a person.
    """
    table, workers, sites = schema.later_registrations, schema.workers, schema.sites
    rows = connection.execute(
        select(table, workers.c.reference.label("worker"), sites.c.name.label("site"))
        .join(workers, workers.c.id == table.c.worker_id)
        .join(sites, sites.c.id == table.c.site_id)
        .where(table.c.ended_ms.is_(None), table.c.day <= local_day(now_ms, BELGIUM.key) + timedelta(days=1))
        .order_by(table.c.day, table.c.id)
    ).all()
    notes: list[Note] = []
    for row in rows:
        try:
            reference = _send(connection, row, notes, now_ms)
        except PresenceError as error:
            _end(connection, row.id, f"{NOT_SENT}: {error.what}", None, now_ms)
            what = f"the registration of {row.worker} at {row.site} on {row.day.isoformat()}, planned by {row.by}, "
            kind = event_log.Kind.REGISTRATION_NOT_SENT
            event = Event(Severity.WARNING, kind, f"{what}was not sent: {error.what}", about=row.worker)
            event_log.write(connection, [event], now_ms)
        else:
            if reference:
                what = f"presence {reference} of {row.worker} at {row.site}, planned by {row.by}: {row.why}"
                _event(connection, what, now_ms)
    audit_log.write_all(connection, notes)
    return len(rows)


def _send(connection: Connection, row: Any, notes: list[Note], now_ms: int) -> str:
    """The reference of the queued presence; empty if it existed already. Raises PresenceError."""
    place = place_of(connection, row.site_id)
    check_office(place, row.site, row.day)
    if day_is_over(row.day, now_ms, place.time_zone):
        raise PresenceError("its day was over before the bridge could send it", "ask the authority's contact centre")
    # Declared with the store's present worker and employer, which may have changed since.
    named = row.employer_kbo or None
    of = find_worker(connection, row.worker, 0)
    employer = employer_on(holder_of(connection, of, named), place.site_id, row.day)
    if employer is None:
        raise which_employer(f"{row.day.isoformat()} of {row.worker}")
    key = Key(of.id, employer.kbo, place.workplace, row.day)
    standing = _standing(connection, key, place)
    if standing is not None:
        _end(connection, row.id, _THERE, standing.id, now_ms)
        return ""
    decision = Decision(row.by, row.why, now_ms)
    reference, note = _queue(connection, key, row.site_id, decision, {"planned": row.id})
    table = schema.presences
    made = connection.execute(select(table.c.id).where(table.c.reference == reference)).scalar_one()
    _end(connection, row.id, _SENT, made, now_ms)
    notes.append(note)
    return reference


def _standing(connection: Connection, key: Key, place: Place) -> Any:
    """The worker's valid presence of the day at a place under the same employer, if there is one."""
    table = schema.presences
    return connection.execute(
        select(table.c.id, table.c.reference)
        .where(
            table.c.worker_id == key.worker_id,
            table.c.day == key.day,
            table.c.way == "",
            table.c.employer_kbo == key.employer_kbo,
            (table.c.site_id == place.site_id) | (table.c.workplace == place.workplace),
            table.c.state.not_in(list(ENDED)),
        )
        .limit(1)
    ).one_or_none()


def _plan(connection: Connection, key: Key, site_id: int) -> int | None:
    table = schema.later_registrations
    found: int | None = connection.execute(
        select(table.c.id).where(
            table.c.ended_ms.is_(None),
            table.c.day == key.day,
            table.c.worker_id == key.worker_id,
            table.c.employer_kbo == key.employer_kbo,
            table.c.site_id == site_id,
        )
    ).scalar()
    return found


def _queue(
    connection: Connection, key: Key, site_id: int, decision: Decision, more: dict[str, Any]
) -> tuple[str, Note]:
    """Queue a presence with its decision; returns its reference, and the book's entry."""
    presence_id = insert_presence(connection, key, site_id, decision.now_ms, manual=True)
    table = schema.presences
    reference: str = connection.execute(select(table.c.reference).where(table.c.id == presence_id)).scalar_one()
    values = {
        "presence_id": presence_id,
        "kind": Kind.REGISTER,
        "code": "",
        "why": decision.why,
        "by": decision.by,
        "asked_ms": decision.now_ms,
        "done_ms": decision.now_ms,
        "outcome": "queued without a punch",
    }
    connection.execute(insert(schema.corrections).values(values))
    return reference, _note(Act.PRESENCE_REGISTERED, f"presence {presence_id}", key, site_id, decision, more)


def _keep(connection: Connection, judged: Judged, decision: Decision) -> tuple[int, Note]:
    """Keep an entry as a plan; returns its number, and the book's entry."""
    number = add_row(
        connection,
        schema.later_registrations,
        worker_id=judged.key.worker_id,
        employer_kbo=judged.key.employer_kbo,
        site_id=judged.site_id,
        day=judged.key.day,
        why=decision.why,
        by=decision.by,
        asked_ms=decision.now_ms,
    )
    about = f"registration {number}"
    return number, _note(Act.REGISTRATION_PLANNED, about, judged.key, judged.site_id, decision, {})


def _note(act: Act, about: str, key: Key, site_id: int, decision: Decision, more: dict[str, Any]) -> Note:
    detail = {"day": key.day.isoformat(), "worker": key.worker_id, "site": site_id, **more}
    return Note(Operator(decision.by, decision.why), act, about, detail, decision.now_ms)


def _end(connection: Connection, number: int, outcome: str, presence_id: int | None, now_ms: int) -> None:
    table = schema.later_registrations
    values = {"ended_ms": now_ms, "outcome": outcome, "presence_id": presence_id}
    connection.execute(update(table).where(table.c.id == number).values(values))


def _write_events(connection: Connection, done: Sequence[Done], decision: Decision) -> None:
    texts = [
        f"{one.entry.worker} at {one.entry.site} on {one.entry.day.isoformat()}: {one.outcome} by {decision.by}: "
        f"{decision.why}"
        for one in done
    ]
    if len(texts) > _NAMED:
        texts = [f"{len(texts)} registrations, {texts[0].partition(':')[0]} and others, by {decision.by}"]
    for text in texts:
        _event(connection, text, decision.now_ms)


def _event(connection: Connection, what: str, now_ms: int) -> None:
    event_log.write(connection, [Event(Severity.INFO, event_log.Kind.PRESENCE_BY_HAND, what)], now_ms)
