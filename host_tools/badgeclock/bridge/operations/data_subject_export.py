"""All that the store has on one person, for that person: as JSON, and as a text to read (GDPR articles 15 and 20).

Only the dossier, and a correction file for the authority (`correction_file`), show a name with a national number; only
their owner can read its files, and the person who requested them is responsible for them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Table, func, select

from badgeclock.bridge.errors import PeopleError
from badgeclock.bridge.people import engagements, identities
from badgeclock.bridge.people.rows import named
from badgeclock.bridge.store import audit_log, schema
from badgeclock.bridge.store.audit_log import Act, Operator
from badgeclock.bridge.store.database import Store, chunks
from badgeclock.bridge.store.vault import PEOPLE, Vault
from badgeclock.errors import SettingsError
from badgeclock.protocol.record import Direction

FORM: Final = 1
_ACTS_MOST: Final = 100_000
_ROWS_AT_ONCE: Final = 20_000


def collect(store: Store, vault: Vault, reference: str, operator: Operator, now_ms: int) -> dict[str, Any]:
    """Everything about the worker of this reference; records the request; raises PeopleError.

    No transaction is long: indexed data is read in one, the rest scanned a part at a time.
    """
    with store.write() as connection:
        workers, employers = schema.workers, schema.employers
        row = connection.execute(
            select(workers, employers.c.kbo, employers.c.name.label("employer"))
            .outerjoin(employers, employers.c.id == workers.c.employer_id)
            .where(named(workers.c.reference, reference))
        ).one_or_none()
        if row is None:
            raise PeopleError(f"there is no worker {reference!r}", "look at your own personnel list")
        audit_log.write(connection, operator, Act.WORKER_EXPORTED, ("worker", row.id), {}, now_ms)
    with store.read() as connection:
        found = _indexed(connection, vault, reference, row, now_ms)
    return found | {"punches": _punches(store, row.id), "events": _events(store, reference)}


def _indexed(connection: Connection, vault: Vault, reference: str, row: Row[Any], now_ms: int) -> dict[str, Any]:
    """The indexed data, in order, with empty places for the rest."""
    jobs = schema.desk_jobs
    identity = identities.identity_of(vault, row)
    presences = _rows(connection, schema.presences, schema.presences.c.worker_id == row.id)
    numbers = [presence["id"] for presence in presences]
    return {
        "form": FORM,
        "made": _moment(now_ms),
        "person": {
            "reference": reference,
            "name": vault.open(PEOPLE, f"name:{reference}", row.name_closed).decode(),
            "number_kind": identity.kind.value,
            "number": identity.number,
            "employer": None if row.kbo is None else {"enterprise_number": row.kbo, "name": row.employer},
            "language": row.language,
            "added": _moment(row.added_ms) if row.added_ms else None,
        },
        "engagements": [
            {name: str(value) if isinstance(value, date) else value for name, value in one._asdict().items()}
            for _, one in engagements.of_worker(connection, reference)
        ],
        "expected": _expected(connection, row.id),
        "dimona_periods": _periods(connection, row.id),
        "badges": _badges(connection, row.id),
        "presences": [_plain(presence) for presence in presences],
        "registrations_ahead": _of_worker(connection, schema.later_registrations, row.id),
        "links": [_without(link, "secret_sha256") for link in _of_worker(connection, schema.links, row.id)],
        "corrections": _corrections(connection, row.id),
        "corrections_for_the_authority": _filings(connection, row.id),
        "calls_to_the_authority": _of_presences(connection, schema.attempts, numbers),
        "reception_numbers": _of_presences(connection, schema.receptions, numbers),
        "punches": [],
        "events": [],
        "badge_desk": [_plain(job) for job in _rows(connection, jobs, jobs.c.worker == reference)],
        "acts": audit_log.listing(connection, 0, _ACTS_MOST, f"worker {row.id}"),
    }


def _rows(connection: Connection, table: Table, which: Any) -> list[dict[str, Any]]:
    return [row._asdict() for row in connection.execute(select(table).where(which).order_by(table.c.id))]


def _of_presences(connection: Connection, table: Table, numbers: list[int]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for at in range(0, len(numbers), 500):
        found += [_plain(row) for row in _rows(connection, table, table.c.presence_id.in_(numbers[at : at + 500]))]
    return found


def _of_worker(connection: Connection, table: Table, worker_id: int) -> list[dict[str, Any]]:
    return [_plain(row) for row in _rows(connection, table, table.c.worker_id == worker_id)]


def _without(row: dict[str, Any], name: str) -> dict[str, Any]:
    return {of: value for of, value in row.items() if of != name}


def _corrections(connection: Connection, worker_id: int) -> list[dict[str, Any]]:
    """Decisions on the worker's presences, and on others' presences that became this worker's."""
    table, presences = schema.corrections, schema.presences
    own = table.c.presence_id.in_(select(presences.c.id).where(presences.c.worker_id == worker_id))
    return [_plain(row) for row in _rows(connection, table, own | (table.c.worker_id == worker_id))]


def _filings(connection: Connection, worker_id: int) -> list[dict[str, Any]]:
    """The same for corrections requested with a file."""
    table, presences, punches = schema.filings, schema.presences, schema.punches
    own = table.c.presence_id.in_(select(presences.c.id).where(presences.c.worker_id == worker_id))
    # Filings are few, and punches have no index by worker.
    filed = connection.execute(select(table.c.punch_id).where(table.c.punch_id.is_not(None))).scalars().all()
    theirs: list[int] = []
    for some in chunks(filed):
        which = punches.c.id.in_(some) & (punches.c.worker_id == worker_id)
        theirs += connection.execute(select(punches.c.id).where(which)).scalars()
    mine = own | table.c.punch_id.in_(theirs) | (table.c.worker_id == worker_id)
    return [_plain(row) for row in _rows(connection, table, mine)]


def _expected(connection: Connection, worker_id: int) -> list[dict[str, Any]]:
    """The days on which the worker was planned, with site and times (minutes of the local day)."""
    table, plans, sites = schema.expected, schema.plans, schema.sites
    rows = connection.execute(
        select(sites.c.name.label("site"), plans.c.day, table.c.from_min, table.c.to_min, table.c.source)
        .join(plans, plans.c.id == table.c.plan_id)
        .join(sites, sites.c.id == plans.c.site_id)
        .where(table.c.worker_id == worker_id)
        .order_by(plans.c.day, table.c.id)
    )
    return [_plain(row._asdict()) for row in rows]


def _periods(connection: Connection, worker_id: int) -> list[dict[str, Any]]:
    table, employers = schema.dimona_periods, schema.employers
    columns = (table.c[name] for name in ("from_day", "to_day", "from_min", "to_min"))
    rows = connection.execute(
        select(employers.c.kbo.label("employer"), *columns)
        .join(employers, employers.c.id == table.c.employer_id)
        .where(table.c.worker_id == worker_id)
        .order_by(table.c.id)
    )
    return [_plain(row._asdict()) for row in rows]


def _badges(connection: Connection, worker_id: int) -> list[dict[str, Any]]:
    table, sites = schema.badges, schema.sites
    rows = connection.execute(
        select(table.c.id, sites.c.name.label("site"), table.c.token, table.c.since_ms, table.c.until_ms)
        .join(sites, sites.c.id == table.c.site_id)
        .where(table.c.worker_id == worker_id)
        .order_by(table.c.id)
    )
    return [_plain(row._asdict()) for row in rows]


def _windows(store: Store, table: Table) -> Iterator[tuple[Connection, ColumnElement[bool]]]:
    """The row numbers of a table in parts, each in its own transaction."""
    number = table.c.id
    with store.read() as connection:
        first, last = (connection.execute(select(end(number))).scalar() for end in (func.min, func.max))
    for low in range(first or 0, (last or 0) + 1, _ROWS_AT_ONCE):
        with store.read() as connection:
            yield connection, (number >= low) & (number < low + _ROWS_AT_ONCE)


def _punches(store: Store, worker_id: int) -> list[dict[str, Any]]:
    """Each punch, its state, and its sealed record."""
    table, clocks, records = schema.punches, schema.clocks, schema.records
    wanted = (
        select(table, clocks.c.name.label("clock"), records.c.raw.label("record"))
        .join(clocks, clocks.c.id == table.c.clock_id)
        .outerjoin(records, (records.c.clock_id == table.c.clock_id) & (records.c.seq == table.c.seq))
        .where(table.c.worker_id == worker_id)
        .order_by(table.c.id)
    )
    found: list[dict[str, Any]] = []
    for connection, part in _windows(store, table):
        rows = connection.execute(wanted.where(part)).all()
        found += [_plain({**row._asdict(), "direction": Direction(row.direction).name}) for row in rows]
    return found


def _events(store: Store, reference: str) -> list[dict[str, Any]]:
    table = schema.events
    names = table.c.detail.contains(reference, autoescape=True)
    found: list[dict[str, Any]] = []
    for connection, part in _windows(store, table):
        found += [_plain(row._asdict()) for row in connection.execute(select(table).where(part, names))]
    return found


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row in JSON: moments in UTC, bytes in hexadecimal digits, without the rows of other tables."""
    values: dict[str, Any] = {}
    for name, value in row.items():
        if name.endswith("_ms"):
            values[name.removesuffix("_ms")] = None if value is None else _moment(value)
        elif isinstance(value, bytes):
            values[name] = value.hex()
        elif isinstance(value, date):
            values[name] = value.isoformat()
        elif name not in {"worker_id", "site_id", "clock_id"}:
            values[name] = value
    return values


def _moment(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def readable(dossier: dict[str, Any]) -> str:
    """The same as a text."""
    person = dossier["person"]
    lines = [f"What is kept of {person['name']} ({person['reference']})", f"Made {dossier['made']}. Times are UTC.", ""]
    for title, content in dossier.items():
        if title in {"form", "made"}:
            continue
        lines += [title.replace("_", " ").upper(), ""]
        entries = [content] if isinstance(content, dict) else content
        for entry in entries:
            lines += [f"  {name.replace('_', ' ')}: {_as_text(value)}" for name, value in entry.items()] + [""]
        if not entries:
            lines += ["  nothing", ""]
    return "\n".join(lines)


def _as_text(value: Any) -> str:
    if value is None or value in ("", [], {}):
        return "-"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)


def write(path: Path, dossier: dict[str, Any]) -> tuple[Path, Path]:
    """Write the dossier to a new file and, beside it, the text to read; both readable only by their owner.

    Raises SettingsError, without writing anything, if either exists already or cannot be made.
    """
    beside = path.with_suffix(".txt")
    if beside == path:
        raise _unwritable(path, "the readable text is to have this name")
    made: list[Path] = []
    content = json.dumps(dossier, ensure_ascii=False, indent=2) + "\n"
    try:
        for file, text in ((path, content), (beside, readable(dossier))):
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as opened:
                made.append(file)
                opened.write(text)
    except OSError as error:
        for file in made:
            file.unlink()
        raise _unwritable(Path(error.filename or path), error.strerror or "it cannot be written") from None
    return path, beside


def _unwritable(path: Path, why: str) -> SettingsError:
    return SettingsError(
        what=f"{path} cannot be written: {why}", kept="nothing was written", do="name a new file, such as person.json"
    )
