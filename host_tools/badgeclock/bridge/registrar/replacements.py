"""The replacement of a presence that a person corrected: its key, and its punches."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, insert, select, update

from badgeclock.bridge.errors import PresenceError
from badgeclock.bridge.people.rows import named
from badgeclock.bridge.presences import comings, holders
from badgeclock.bridge.presences.day_book import Key, new_row
from badgeclock.bridge.presences.employment import Holder, employer_on
from badgeclock.bridge.presences.regimes import PLACE_COLUMNS, Declared, Place, employer_declared
from badgeclock.bridge.registrar import presence_receipts, review_queue
from badgeclock.bridge.registrar.decisions import Decision
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.states import ENDED, IdentityKind


def lock_presence(connection: Connection, reference: str) -> Any:
    """The presence as it is now, locked until the caller's transaction ends."""
    table = schema.presences
    connection.execute(select(table.c.id).where(table.c.reference == reference).with_for_update())
    return review_queue.presence(connection, reference)


def find_worker(connection: Connection, reference: str | None, worker_id: int) -> Any:
    """The worker of a reference, else of a row, with the employer's number; raises PresenceError."""
    workers, employers = schema.workers, schema.employers
    which = workers.c.id == worker_id if reference is None else named(workers.c.reference, reference)
    row = connection.execute(
        select(workers.c.id, workers.c.identity_kind, workers.c.identity_index, employers.c.kbo)
        .outerjoin(employers, employers.c.id == workers.c.employer_id)
        .where(which)
    ).one_or_none()
    if row is None:
        raise PresenceError(f"there is no worker {reference!r}", "add the worker with `badgeclock bridge worker add`")
    return row


def key_of(row: Any) -> Key:
    """The key under which a presence was declared; `row` is of `lock_presence`."""
    return Key(row.worker_id, row.employer_kbo, row.workplace, row.day, row.moment_ms, row.way)


def place_of(connection: Connection, site_id: int) -> Place:
    """A site by its row, as it is now."""
    table = schema.sites
    columns = (table.c[name] for name in PLACE_COLUMNS)
    return Place.of(
        connection.execute(select(table.c.id.label("site_id"), *columns).where(table.c.id == site_id)).one()
    )


def find_place(connection: Connection, row: Any, site: str | None) -> Place:
    """The site of this name, else a presence's own, as it is now. Raises PresenceError if there is none, or its regime
    differs on that day from the presence's.
    """
    if site is None:
        return place_of(connection, row.site_id)
    site_id = connection.execute(select(schema.sites.c.id).where(schema.sites.c.name == site)).scalar()
    if site_id is None:
        raise PresenceError(f"there is no site {site!r}", "name it as `badgeclock bridge site add` did")
    place = place_of(connection, site_id)
    if place.declares_on(row.day) is not Declared(row.declared):
        raise PresenceError(
            f"{site!r} declares a {place.declares_on(row.day)}, and presence {row.reference} is a {row.declared}",
            "cancel it, and ask the authority itself to register what is right",
        )
    return place


def key_now(
    connection: Connection,
    row: Any,
    of: Any,
    place: Place,
    way: str | None = None,
    employer_kbo: str | None = None,
) -> Key:
    """The key of a declaration now, for the worker `of` (of `find_worker`) at a place, with another way and, of several
    employers, the one with this enterprise number; raises PresenceError if that is ambiguous.
    """
    if way is not None and not row.way:
        raise PresenceError(f"presence {row.reference} declares a day, which has no way", "leave --way out")
    employer = employer_on(holder_of(connection, of, employer_kbo), place.site_id, row.day)
    if employer is None:
        raise which_employer(f"presence {row.reference}")
    return Key(of.id, employer.kbo, place.workplace, row.day, row.moment_ms, way or row.way)


def key_decided(row: Any, of: Any, place: Place, way: str | None, employer_kbo: str | None) -> Key:
    """The same under the decided employer, unless the worker now has a Limosa number."""
    own = employer_declared(IdentityKind(of.identity_kind), of.kbo)
    employer = (employer_kbo or own) if own else own
    return Key(of.id, employer, place.workplace, row.day, row.moment_ms, way or row.way)


def holder_of(connection: Connection, of: Any, employer_kbo: str | None) -> Holder:
    """A worker (of `find_worker`) with all engagements, or with the one employer that a person names; raises
    PresenceError if it is not among them.
    """
    holder = holders.holder_of(connection, of.id, of.identity_kind, of.kbo)
    if employer_kbo is None or not holder.employer_kbo:
        return holder
    if employer_kbo not in {holder.employer_kbo, *(one.employer_kbo for one in holder.engagements)}:
        raise PresenceError(
            f"the worker is not engaged by {employer_kbo}", "engage the worker with `badgeclock bridge worker engage`"
        )
    return Holder(holder.worker_id, employer_kbo)


def which_employer(what: str) -> PresenceError:
    """The refusal of an ambiguous employer."""
    return PresenceError(f"it is not clear which of the worker's employers {what} is for", "name it with --employer")


def find_standing(connection: Connection, key: Key) -> int | None:
    """The row of the presence with a key, if there is one."""
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


def replace(connection: Connection, row: Any, key: Key, site_id: int, decision: Decision) -> int:
    """Replace a presence by another, which gets its punches; returns the new one."""
    replacement = find_standing(connection, key) or insert_presence(
        connection, key, site_id, decision.now_ms, manual=row.manual
    )
    move_punches(connection, row.id, replacement, key.worker_id, decision.now_ms)
    return replacement


def insert_presence(connection: Connection, key: Key, site_id: int, now_ms: int, *, manual: bool) -> int:
    """Queue a presence by a person's decision, the office's own or not; returns its row."""
    table = schema.presences
    values = {**new_row(key, site_id, now_ms), "decided_ms": now_ms, "manual": manual}
    made = int(connection.execute(insert(table).values(values).returning(table.c.id)).scalar_one())
    comings.bear_out(connection, [(key, site_id)], now_ms)
    return made


def move_punches(connection: Connection, old_id: int, new_id: int, worker_id: int, now_ms: int) -> None:
    """Move the punches of one presence to another, and send their clocks its receipts."""
    table = schema.punches
    change = update(table).where(table.c.presence_id == old_id).values(presence_id=new_id, worker_id=worker_id)
    connection.execute(change)
    presence_receipts.issue(connection, [new_id], now_ms)
