"""Who is on a site now, for an inspector: name, employer, arrival, reception number, the clock's verdict.

Registrations by hand, and people without a number, stand out. The national number is read only on request, which is an
act of its own.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, select

from badgeclock.bridge.acts import within
from badgeclock.bridge.people import identities, sites
from badgeclock.bridge.presences import today
from badgeclock.bridge.presences.attendance import Status
from badgeclock.bridge.presences.local_times import local_moment
from badgeclock.bridge.presences.regimes import local_day
from badgeclock.bridge.presences.today import Person
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.database import chunks
from badgeclock.bridge.store.states import ClockState, PresenceState
from badgeclock.bridge.store.vault import PEOPLE, Vault
from badgeclock.bridge.web.reach import EVERYTHING, Reach, cut
from badgeclock.console.presences_view import STATES, plain_text

_HERE: Final = (Status.HERE, Status.BREAK)
_COLUMNS: Final = (
    *("worker", "name", "national_number", "employer", "employer_name", "arrival", "on_break", "reception_number"),
    *("state", "error_code", "registered_by_hand", "clock", "record", "verdict"),
)


class Shows(StrEnum):
    """Which details of a person are shown."""

    REFERENCE = "reference"
    NAME = "name"
    NUMBER = "number"


class Verdict(StrEnum):
    """The record of somebody's arrival, and the bridge's verdict on it."""

    SEALED = "sealed"
    UNSEALED = "unsealed"
    QUARANTINE = "quarantine"
    BY_HAND = "by-hand"
    NONE = "none"


VERDICTS: Final = {
    Verdict.SEALED: "the clock's seal holds",
    Verdict.UNSEALED: "it has no valid seal",
    Verdict.QUARANTINE: "from a clock under quarantine",
    Verdict.BY_HAND: "no punch",
    Verdict.NONE: "no record",
}


@dataclass(frozen=True, slots=True)
class Row:
    """Somebody on site. `worker` is empty for a badge that is not assigned; the number is empty unless shown."""

    worker: str
    name: str
    number: str
    employer: str
    employer_name: str
    since_ms: int | None
    on_break: bool
    reception_number: int | None
    state: PresenceState | None
    error_code: int
    manual: bool
    record: tuple[str, int] | None
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Inspection:
    """The list of a site at a moment."""

    site: str
    workplace: str
    address: str
    zone: str
    day: date
    now_ms: int
    shows: Shows
    rows: tuple[Row, ...]

    @property
    def without(self) -> int:
        """How many have no number."""
        return sum(row.reception_number is None for row in self.rows)


def look(
    connection: Connection, vault: Vault, site: str, shows: Shows, now_ms: int, reach: Reach = EVERYTHING
) -> Inspection:
    """The list of a site within an account's reach. Raises PeopleError."""
    inside = within.of(connection, reach, now_ms)
    site_id = inside.check_site(site)
    report = today.look(connection, now_ms, site_id=site_id)
    if not reach.is_everything:
        report = cut(report, inside)
    of = sites.find_row(connection, site)
    here = [one for place in report.places for one in place.people if one.status in _HERE]
    known = _Known(connection, vault, shows, here)
    rows = sorted((known.row(one) for one in here), key=lambda row: (row.employer, row.name, row.worker))
    day = local_day(now_ms, of.time_zone)
    return Inspection(of.name, of.workplace, _address(of), of.time_zone, day, now_ms, shows, tuple(rows))


class _Known:
    """What the store has on the people of a list."""

    def __init__(self, connection: Connection, vault: Vault, shows: Shows, people: Sequence[Person]) -> None:
        self._workers = _workers(connection, vault, shows, {one.worker for one in people if one.worker})
        references = {declared.reference for one in people for declared in one.declarations}
        items = {one.item for one in people if one.item}
        self._records = _records(connection, references, items)
        table = schema.employers
        self._employers = dict(connection.execute(select(table.c.kbo, table.c.name)).tuples().all())

    def row(self, one: Person) -> Row:
        """Somebody's row: of several presences the one with the number shown."""
        shown = [each for each in one.declarations if each.reception_number == one.number] or list(one.declarations)
        declared = shown[-1] if shown else None
        name, number = self._workers.get(one.worker or "", ("", ""))
        record, verdict = self._records.get(declared.reference if declared else "", (None, Verdict.NONE))
        if record is None and one.item:
            record, verdict = self._records.get(one.item, (None, Verdict.NONE))
        if record is None and declared is not None and declared.manual:
            verdict = Verdict.BY_HAND
        employer = declared.employer if declared else ""
        return Row(
            worker=one.worker or "",
            name=name,
            number=number,
            employer=employer,
            employer_name=self._employers.get(employer, ""),
            since_ms=one.since_ms,
            on_break=one.status is Status.BREAK,
            reception_number=one.number,
            state=declared.state if declared else None,
            error_code=(declared.error_code or 0) if declared else 0,
            manual=declared is not None and declared.manual,
            record=record,
            verdict=verdict,
        )


def _workers(
    connection: Connection, vault: Vault, shows: Shows, references: Iterable[str]
) -> dict[str, tuple[str, str]]:
    """Name and number of workers, if they are to be shown."""
    table, found = schema.workers, {}
    columns = (table.c.reference, table.c.name_closed, table.c.identity_kind, table.c.identity_closed)
    for some in chunks(sorted(references)):
        for row in connection.execute(select(*columns).where(table.c.reference.in_(some))):
            name = number = ""
            if shows is not Shows.REFERENCE:
                name = vault.open(PEOPLE, f"name:{row.reference}", row.name_closed).decode()
            if shows is Shows.NUMBER:
                number = identities.identity_of(vault, row).number
            found[row.reference] = name, number
    return found


_Record = tuple[tuple[str, int] | None, Verdict]


def _records(connection: Connection, references: Iterable[str], items: Iterable[str]) -> dict[str, _Record]:
    """The first punch of each presence, by its reference, and punches by their items: clock, number and verdict."""
    punches, clocks, kept, presences = schema.punches, schema.clocks, schema.records, schema.presences
    columns = select(
        presences.c.reference, clocks.c.name, clocks.c.state, punches.c.seq, punches.c.utc_ms, kept.c.sealed
    )
    joined = (
        columns.select_from(punches)
        .join(clocks, clocks.c.id == punches.c.clock_id)
        .outerjoin(kept, (kept.c.clock_id == punches.c.clock_id) & (kept.c.seq == punches.c.seq))
    )
    found: dict[str, _Record] = {}
    declared = joined.join(presences, presences.c.id == punches.c.presence_id)
    for some in chunks(sorted(references)):
        rows = connection.execute(declared.where(presences.c.reference.in_(some)).order_by(punches.c.utc_ms.desc()))
        found |= {row.reference: _record(row) for row in rows}
    of_items = joined.outerjoin(presences, presences.c.id == punches.c.presence_id)
    for item in sorted(items):
        clock, _, seq = item.rpartition("/")
        # An earlier clock of the same name has punches with the same numbers: use the newest clock.
        which = of_items.where(clocks.c.name == clock, punches.c.seq == int(seq)).order_by(clocks.c.id.desc())
        row = connection.execute(which.limit(1)).first()
        if row is not None:
            found[item] = _record(row)
    return found


def _record(row: Any) -> _Record:
    if row.state == ClockState.QUARANTINED:
        return (row.name, row.seq), Verdict.QUARANTINE
    return (row.name, row.seq), Verdict.SEALED if row.sealed else Verdict.UNSEALED


def _address(row: Any) -> str:
    if row.address is None:
        return ""
    kept = row.address
    street = " ".join(kept[part] for part in ("street", "house_number") if kept.get(part))
    town = " ".join(kept[part] for part in ("post_code", "municipality") if kept.get(part))
    return ", ".join(part for part in (street, town) if part)


def as_csv(found: Inspection, gettext: Callable[[str], str]) -> str:
    """The list for a spreadsheet; arrivals are local, with their offset; words are in the page's language."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(_COLUMNS)
    for row in found.rows:
        arrival = "" if row.since_ms is None else local_moment(row.since_ms, found.zone).isoformat(timespec="seconds")
        words = (row.worker, row.name, row.number, row.employer, row.employer_name)
        number = "" if row.reception_number is None else str(row.reception_number)
        state = gettext(STATES[row.state]) if row.state else ""
        clock, record = row.record or ("", "")
        writer.writerow(
            [
                *map(plain_text, words),
                arrival,
                "yes" if row.on_break else "no",
                number,
                state,
                str(row.error_code or ""),
                "yes" if row.manual else "no",
                clock,
                str(record),
                gettext(VERDICTS[row.verdict]),
            ]
        )
    return out.getvalue()
