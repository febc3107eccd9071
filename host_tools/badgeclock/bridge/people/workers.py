"""Workers, under the office's own reference.

Every function takes the connection of an open transaction (`Store.write`), so that several acts can be one. A worker's
name and number are encrypted before they reach the store; refusals name workers by reference, never by number.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select, update

from badgeclock.bridge import logs
from badgeclock.bridge.downlink import rosters
from badgeclock.bridge.errors import PeopleError
from badgeclock.bridge.people import employers
from badgeclock.bridge.people.checks import checked_language, composed, one_line
from badgeclock.bridge.people.identities import Identity, identity_of
from badgeclock.bridge.people.rows import add_row, named
from badgeclock.bridge.store import audit_log, event_log, schema
from badgeclock.bridge.store.audit_log import Act, Change, Operator
from badgeclock.bridge.store.event_log import Event, Severity
from badgeclock.bridge.store.states import IdentityKind
from badgeclock.bridge.store.vault import PEOPLE, Vault


def add(
    connection: Connection,
    vault: Vault,
    *,
    reference: str,
    name: str,
    identity: Identity,
    employer_kbo: str | None = None,
    language: str | None = None,
    now_ms: int = 0,
) -> int:
    """Add a worker under the office's own reference; with a national number an employer is needed. `language`: the one
    that clocks use for the worker (nl), None for each site's own.
    """
    if _find_row(connection, reference) is not None:
        raise PeopleError(f"the worker {reference!r} is there already", "choose another reference")
    added = put(
        connection,
        vault,
        reference=reference,
        name=name,
        identity=identity,
        employer_kbo=employer_kbo,
        language=language,
        now_ms=now_ms,
    )
    return added.id


def change(
    connection: Connection,
    vault: Vault,
    reference: str,
    *,
    name: str | None = None,
    identity: Identity | None = None,
    employer_kbo: str | None = None,
    language: str | None = None,
    by: str,
    reason: str = "",
    now_ms: int,
) -> Change:
    """Change a worker's name, number, employer or language (as in `put`); None leaves it. Earlier declarations are
    unchanged.

    A bis number that became a national number is such a change: worker and presences remain.
    """
    row = _find_row(connection, reference)
    if row is None:
        raise PeopleError(f"there is no worker {reference!r}", "add the worker with `badgeclock bridge worker add`")
    reference = row.reference
    if employer_kbo is None and row.employer_id is not None:
        table = schema.employers
        employer_kbo = connection.execute(select(table.c.kbo).where(table.c.id == row.employer_id)).scalar_one()
    change = put(
        connection,
        vault,
        reference=reference,
        name=name if name is not None else vault.open(PEOPLE, f"name:{reference}", row.name_closed).decode(),
        identity=identity or identity_of(vault, row),
        employer_kbo=employer_kbo,
        language=language,
        now_ms=now_ms,
    )
    if change.happened:
        what = f"{', '.join(change.changed)} of worker {reference} changed by {by}"
        event_log.write(connection, [Event(Severity.INFO, event_log.Kind.WORKER_CHANGED, what)], now_ms)
    audit_log.write_change(connection, Operator(by, reason), change, Act.WORKER_ADDED, Act.WORKER_CHANGED, now_ms)
    return change


def put(
    connection: Connection,
    vault: Vault,
    *,
    reference: str,
    name: str,
    identity: Identity,
    employer_kbo: str | None,
    language: str | None = None,
    now_ms: int,
) -> Change:
    """Add a worker under the office's own reference, or update the existing one.

    `language` is the one that clocks use for the worker, of two letters; empty for each site's own, None leaves it.
    """
    table = schema.workers
    reference = composed(reference)
    _check_reference(reference)
    name = one_line(name, "a worker's name")
    kin = vault.indexes(f"{identity.kind}:{identity.number}")
    same = named(table.c.reference, reference) | table.c.identity_index.in_(kin)
    row = None
    for found in connection.execute(select(table).where(same)):
        if composed(found.reference) != reference:
            raise PeopleError(f"the worker {found.reference!r} has the same number", "use that worker")
        row = found
    if row is not None:
        reference = row.reference
    if employer_kbo is None and identity.kind is IdentityKind.NISS:
        raise PeopleError("a worker with a national number needs an employer", "name the employer's enterprise number")
    values: dict[str, Any] = {
        "employer_id": None if employer_kbo is None else employers.row_id(connection, employer_kbo),
        "identity_kind": identity.kind.value,
    }
    if language is not None:
        values["language"] = checked_language(language or None)
    now: dict[str, Any] = {} if row is None else row._asdict()
    changed = [column for column, value in values.items() if now and now[column] != value]
    for part, plain in (("name", name), ("identity", identity.number)):
        place, column = f"{part}:{reference}", f"{part}_closed"
        if not now or vault.open(PEOPLE, place, now[column]) != plain.encode():
            values[column] = vault.close(PEOPLE, place, plain.encode())
            changed.append(part)
    if not now or now["identity_index"] not in kin:
        values["identity_index"] = kin[0]
    if row is None:
        number = add_row(connection, table, reference=reference, added_ms=now_ms, **values)
        return Change("worker", number, is_new=True)
    if changed:
        connection.execute(update(table).where(table.c.id == row.id).values(values))
    if "identity" in changed:
        event_log.settle(connection, event_log.Kind.NATIONAL_NUMBER_CHANGED, now_ms, about=reference)
    if "language" in changed:
        rosters.changed_of_worker(connection, row.id, now_ms)
    return Change("worker", row.id, is_new=False, changed=tuple(changed))


def _find_row(connection: Connection, reference: str) -> Any:
    table = schema.workers
    which = select(table).where(named(table.c.reference, reference)).order_by(table.c.reference != reference)
    return connection.execute(which).first()


def _check_reference(reference: str) -> None:
    if not reference.strip():
        raise PeopleError("a worker needs a reference", "use the number of your own personnel list")
    if one_line(reference, "a worker's reference") != reference:
        raise PeopleError(
            "a worker's reference has no blank at its ends and no two in a row", "write it as in your own list"
        )
    # Lists, events and logs show references.
    if logs.masked(reference) != reference:
        raise PeopleError(
            "the reference looks like a national number, and references are shown", "use a number of your own"
        )


def initials_of(vault: Vault, reference: str, name_closed: bytes) -> str:
    """First letters of a worker's name, which is all that lists show."""
    name = vault.open(PEOPLE, f"name:{reference}", name_closed).decode()
    return "".join(part[0].upper() for part in name.split())


def check_worker(connection: Connection, worker: str) -> None:
    """Raise PeopleError for an unknown worker."""
    table = schema.workers
    if connection.execute(select(table.c.id).where(named(table.c.reference, worker))).first() is None:
        raise PeopleError(f"there is no worker {worker!r}", "add the worker with `badgeclock bridge worker add`")
