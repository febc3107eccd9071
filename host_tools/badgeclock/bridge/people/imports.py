"""Imports employers, sites, workers, badges and plans from the office's files: all rows, or none.

Every row goes through the same rules as a single command. A rehearsal applies them to a private copy of the office's
tables, so the store is not locked. More than PORTION_ROWS rows are first rehearsed as a whole, then written in
portions, each a transaction: punches are stored between them. An existing row, by reference, is updated; a second
import of the same file changes nothing. The message about a bad row never contains a national number or a UID.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection

from badgeclock.bridge import logs
from badgeclock.bridge.errors import PeopleError, SheetError
from badgeclock.bridge.people import (
    badge_uids,
    badges,
    code_pages,
    declared,
    employers,
    engagements,
    identities,
    office_copy,
    office_files,
    plans,
    sites,
    spreadsheets,
    workers,
)
from badgeclock.bridge.people.checks import composed
from badgeclock.bridge.people.declared import Period
from badgeclock.bridge.people.engagements import Engaged
from badgeclock.bridge.people.plans import PlanWriter, Slot
from badgeclock.bridge.people.sites import Address, Site
from badgeclock.bridge.people.spreadsheets import Row, Sheet
from badgeclock.bridge.presences.expectations import Source
from badgeclock.bridge.presences.regimes import Regime
from badgeclock.bridge.store import audit_log
from badgeclock.bridge.store.audit_log import Act, Change, Note, Operator
from badgeclock.bridge.store.database import Store, batched
from badgeclock.bridge.store.vault import Vault

_ADDRESS: Final = Address._fields
LEFT_OUT: Final = "left out"
"""The handling of rows about a person, or an employer, unknown to the store."""
REMOVED: Final = "removed"
PORTION_ROWS: Final = 2_000
"""Most rows of one transaction, a second or two in which no punch is stored; a site's plan of a day is not divided."""
CAUSES_MOST: Final = 200
"""So many causes of bad rows are listed by themselves."""
_NAMED: Final = re.compile(r"'[^']*'|\d+")
_TEXTS: Final = frozenset({"name", "street", "municipality"})
"""The columns that can contain letters with marks."""
_UID_LIKE: Final = re.compile(r"(?<![0-9A-Za-z])(?:[0-9A-Fa-f]{2}[ :.-]?){4,10}(?![0-9A-Za-z])")


Progress = Callable[[int], None]
"""Gets the number of rows done, now and then."""
_PROGRESS_ROWS: Final = 500


class Kind(StrEnum):
    """A table's kind; also the name of its sheet. In order of dependency."""

    EMPLOYERS = "employers"
    SITES = "sites"
    WORKERS = "workers"
    ENGAGEMENTS = "engagements"
    BADGES = "badges"
    EXPECTED = "expected"
    DIMONA = "dimona"
    WORKS = "works"


class Columns(NamedTuple):
    """The required and optional columns of a table."""

    needed: frozenset[str]
    optional: frozenset[str]


COLUMNS: Final[Mapping[Kind, Columns]] = {
    Kind.EMPLOYERS: Columns(frozenset({"kbo"}), frozenset({"name"})),
    Kind.SITES: Columns(
        frozenset({"name", "workplace"}),
        frozenset(
            {"regime", "next_regime", "regime_from", "time_zone", "longest_shift_h", "night_hours"}
            | {*_ADDRESS, "latitude", "longitude", "languages"}
        ),
    ),
    Kind.WORKERS: Columns(frozenset({"reference", "name"}), frozenset({"niss", "limosa", "employer", "language"})),
    Kind.ENGAGEMENTS: Columns(frozenset({"worker", "employer"}), frozenset({"from", "to", "sites"})),
    Kind.BADGES: Columns(frozenset({"site", "worker", "uid"}), frozenset({"employer"})),
    Kind.EXPECTED: Columns(frozenset({"worker", "site", "day"}), frozenset({"from", "to"})),
    Kind.DIMONA: Columns(
        frozenset({"from"}),
        frozenset({"niss", "worker", "employer", "to", "from_time", "to_time", "cancelled", "form"}),
    ),
    Kind.WORKS: Columns(frozenset({"employer", "from"}), frozenset({"site", "workplace", "to"})),
}


class Table(NamedTuple):
    """A table of one kind, its source, and the SHA-256 of the file."""

    kind: Kind
    place: str
    sheet: Sheet
    file_sha256: str


class Imported(NamedTuple):
    """The tables of a file, and warnings: skipped sheets, unlikely letters."""

    tables: list[Table]
    remarks: list[str]


class Fault(NamedTuple):
    """A row that cannot be imported: its place, the fault and what to do."""

    place: str
    row: int
    what: str


@dataclass(slots=True)
class Report:
    """The result of an import: the number of rows by kind and "added", "changed", "unchanged", "removed" or "left out";
    and every bad row.
    """

    counts: Counter[tuple[Kind, str]] = field(default_factory=Counter)
    queued: int = 0
    """Presences queued for punches of badges that were unassigned."""
    waiting: int = 0
    """Of a rehearsal, instead: the punches that wait for the badges given."""
    faults: list[Fault] = field(default_factory=list)
    plans: PlanWriter | None = None
    """The results for plan lists."""
    following: int = 0
    """Rows that are bad only because they refer to one of `faults`."""


def tables(
    content: bytes, place: str, kind: Kind | None, site: str | None = None, encoding: str | None = None
) -> list[Table]:
    """The tables in a file, each of a kind, as `read_file` has them."""
    return read_file(content, place, kind, encoding, site).tables


def read_file(
    content: bytes, place: str, kind: Kind | None, encoding: str | None = None, site: str | None = None
) -> Imported:
    """The tables in a file, each with its kind: the given one, else that in the name of its sheet or of the file
    (`place`). XML has its own kind; `site` is the name of the site of a declaration of works.

    Sheets not named after a kind are skipped, if another one is. `encoding` is the code page of a CSV file. Raises
    SheetError if a kind is ambiguous, or a column is missing or unknown.
    """
    if office_files.is_xml(content):
        return _of_xml(content, place, kind, site)
    book = spreadsheets.Book(content, encoding)
    names = {name: _kind_named(name) for name in book.names}
    file_name = re.split(r"[/\\]", place)[-1].partition(".")[0]
    wanted = {name: of for name, of in names.items() if of is not None and kind in (None, of)}
    filled: dict[str, Sheet] = {}
    if not wanted:
        filled = {name: sheet for name in names if (sheet := book.read(name)).columns}
        if not filled:
            raise spreadsheets.no_table()
        chosen = kind or _kind_named(file_name)
        if len(filled) > 1:
            raise SheetError(
                f"{place} has several sheets, and none is named after what it is of",
                f"name each one of {', '.join(Kind)}; others are left out",
            )
        if chosen is None:
            raise SheetError(
                f"{place}: it is not clear what the table is of",
                f"name the sheet or file one of {', '.join(Kind)}, or say --kind",
            )
        wanted = dict.fromkeys(filled, chosen)
    digest = hashlib.sha256(content).hexdigest()
    found = []
    remarks = []
    for name, of in wanted.items():
        where = f"{place}, sheet {name}" if name else place
        sheet = filled.get(name) or book.read(name)
        if sheet.columns:
            check_columns(of, sheet, where)
            found.append(Table(of, where, sheet, digest))
            remarks += _improbable_letters(sheet, where)
    if not found:
        raise spreadsheets.no_table()
    left_out = [name for name in names if name not in wanted]
    if left_out:
        remarks.append(f"{place}: left out, as they are named after nothing that is imported: {', '.join(left_out)}")
    return Imported(found, remarks)


def _of_xml(content: bytes, place: str, kind: Kind | None, site: str | None) -> Imported:
    digest = hashlib.sha256(content).hexdigest()
    found = []
    for sheet in office_files.read(content, site):
        chosen = kind or Kind(sheet.name)
        where = f"{place}, sheet {sheet.name}"
        check_columns(chosen, sheet, where)
        found.append(Table(chosen, where, sheet, digest))
    return Imported(found, [])


def _kind_named(name: str) -> Kind | None:
    return next((kind for kind in Kind if kind.value == name.strip().lower()), None)


def _improbable_letters(sheet: Sheet, where: str) -> list[str]:
    """A warning if names and addresses have unlikely letters: bytes of another code page."""
    found = {
        row.number: letters
        for row in sheet.rows
        for column in _TEXTS.intersection(sheet.columns)
        if (letters := code_pages.improbable(row.cells[column])) is not None
    }
    if not found:
        return []
    letters = "; ".join(dict.fromkeys(found.values()))
    what = f"improbable letters in a name or address: {letters[:200]}"
    do = f"if they are wrong, save it as CSV (UTF-8), or name its code page, such as --encoding {code_pages.OTHERS[0]}"
    return [f"{where}, {_rows(list(found))}: {what}; {do}"]


def gathered(faults: Sequence[Fault], runs_most: int | None = None) -> list[str]:
    """Faults as lines for a person: each cause once, with its rows; of more than `runs_most` runs of rows, the first
    and the number of the rest. More than CAUSES_MOST causes are grouped by kind, those with most rows first, one line
    for all that differ only in a number or a quoted word.
    """
    causes: dict[tuple[str, str], list[Fault]] = {}
    for fault in faults:
        causes.setdefault((fault.place, fault.what), []).append(fault)
    if len(causes) <= CAUSES_MOST:
        return [_line(found, runs_most) for found in causes.values()]
    return [line for _, line in fault_kinds(faults, runs_most)]


def fault_kinds(faults: Sequence[Fault], runs_most: int | None = None) -> list[tuple[int, str]]:
    """How many rows have each kind of fault, the most first, with a line for a person as `gathered` has them."""
    kinds: dict[tuple[str, str], list[Fault]] = {}
    for fault in faults:
        kinds.setdefault((fault.place, _NAMED.sub("", fault.what)), []).append(fault)
    return [(len(found), _line(found, runs_most)) for found in sorted(kinds.values(), key=len, reverse=True)]


def as_csv(faults: Sequence[Fault]) -> str:
    """Every bad row, one a line: its file, its number and its fault."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("file", "row", "fault"))
    writer.writerows(faults)
    return out.getvalue()


def _line(found: Sequence[Fault], runs_most: int | None) -> str:
    first = found[0]
    is_one = all(one.what == first.what for one in found)
    others = "" if is_one else " (the first row; each other names its own value)"
    return f"{first.place}, {_rows([one.row for one in found], runs_most)}: {first.what}{others}"


def _rows(numbers: Sequence[int], runs_most: int | None = None) -> str:
    """Row numbers for people: "row 7", "rows 2-19, 40", "rows 2, 4 and 17 more"."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][-1] + 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    text = ", ".join("-".join(map(str, run)) for run in runs[:runs_most])
    more = 0 if runs_most is None else sum(run[-1] - run[0] + 1 for run in runs[runs_most:])
    if more:
        return f"rows {text} and {more} more"
    return f"row {text}" if runs and len(runs) == len(runs[0]) == 1 else f"rows {text}"


def check_columns(kind: Kind, sheet: Sheet, where: str) -> None:
    """Raise SheetError unless a table has the columns of its kind, and no others."""
    columns = COLUMNS[kind]
    missing = sorted(columns.needed - set(sheet.columns))
    strange = [number for number, name in enumerate(sheet.columns, 1) if name not in columns.needed | columns.optional]
    if missing:
        raise SheetError(f"{where}: the columns {', '.join(missing)} are missing", "name the columns in the first row")
    if strange:
        # By number: without a header, the first row is data.
        known = ", ".join(sorted(columns.needed | columns.optional))
        raise SheetError(f"{where}: unknown columns, number {', '.join(map(str, strange))}", f"use {known}")


def rehearse(
    store: Store,
    vault: Vault,
    imported: Sequence[Table],
    operator: Operator,
    now_ms: int,
    progress: Progress = lambda _: None,
) -> Report:
    """The result that an import would have; the store is only read."""
    report = Report()
    with office_copy.office_copy(store) as copy:
        _apply(copy.connection, vault, imported, operator, now_ms, report, progress)
        report.waiting = copy.waiting_for(now_ms)
    return report


def carry_out(store: Store, vault: Vault, imported: Sequence[Table], operator: Operator, now_ms: int) -> Report:
    """Import every row, or, if any is bad, none: the report then has faults.

    If the office's data changed so much during an import of several portions that a row became bad, the report has
    faults and the counts of the portions before: the same files, imported again, complete it.
    """
    if rows_of(imported) > PORTION_ROWS:
        tried = rehearse(store, vault, imported, operator, now_ms)
        if tried.faults:
            tried.counts.clear()
            return tried
    report = Report()
    for portion in portions(imported):
        with store.write() as connection:
            done = carry_out_in(connection, vault, portion, operator, now_ms)
        report.faults, report.following = done.faults, done.following
        if done.faults:
            break
        report.counts += done.counts
        report.queued += done.queued
    return report


def rows_of(imported: Sequence[Table]) -> int:
    """How many rows the tables have."""
    return sum(len(table.sheet.rows) for table in imported)


def portions(imported: Sequence[Table]) -> Iterator[list[Table]]:
    """The tables in the order of their dependency, divided into what is imported in one transaction."""
    ordered = sorted(imported, key=lambda table: list(Kind).index(table.kind))
    if rows_of(ordered) <= PORTION_ROWS:
        yield ordered
        return
    for table in ordered:
        for rows in _divided(table):
            yield [table._replace(sheet=replace(table.sheet, rows=rows))]


def _divided(table: Table) -> Iterator[list[Row]]:
    rows = table.sheet.rows
    if table.kind is not Kind.EXPECTED:
        yield from batched(rows, PORTION_ROWS)
        return
    # The rows of a site's day are its whole plan.
    by_plan: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        by_plan.setdefault((composed(row.cells["site"]), row.cells["day"]), []).append(row)
    portion: list[Row] = []
    for of_plan in by_plan.values():
        if portion and len(portion) + len(of_plan) > PORTION_ROWS:
            yield portion
            portion = []
        portion = portion + of_plan
    if portion:
        yield portion


def carry_out_in(
    connection: Connection, vault: Vault, imported: Sequence[Table], operator: Operator, now_ms: int
) -> Report:
    """`carry_out` in an open transaction."""
    report, before = Report(), connection.begin_nested()
    _apply(connection, vault, imported, operator, now_ms, report)
    if report.faults:
        before.rollback()
        return report
    for table in imported:
        detail = {
            "sha256": table.file_sha256,
            "rows": len(table.sheet.rows),
            **{verb: count for (kind, verb), count in sorted(report.counts.items()) if kind is table.kind},
        }
        audit_log.write(connection, operator, Act.IMPORTED, table.kind.value, detail, now_ms)
    before.commit()
    return report


def _apply(
    connection: Connection,
    vault: Vault,
    imported: Sequence[Table],
    operator: Operator,
    now_ms: int,
    report: Report,
    progress: Progress = lambda _: None,
) -> None:
    order = list(Kind)
    seen: dict[tuple[Kind, object], tuple[str, int]] = {}
    refused_rows: set[tuple[Kind, str]] = set()
    notes: list[Note] = []
    rows_done = 0
    for table in sorted(imported, key=lambda table: order.index(table.kind)):
        put = _PUTTERS[table.kind]
        for row in table.sheet.rows:
            rows_done += 1
            if not rows_done % _PROGRESS_ROWS:
                progress(rows_done)
            try:
                if row.fault is not None:
                    raise PeopleError(row.fault, "correct the cell")
                change = put(connection, vault, row.cells, now_ms, report)
                if change is None:
                    report.counts[table.kind, LEFT_OUT] += 1
                    continue
                _check_once(seen, table, row, change)
            except PeopleError as refused:
                follows = row.fault is None and not refused_rows.isdisjoint(_names(table.kind, row))
                refused_rows.update(_stands_for(table.kind, row))
                if follows:
                    report.following += 1
                    continue
                report.faults.append(Fault(table.place, row.number, _unrevealing(table.kind, refused)))
                continue
            added, changed = _ACTS[table.kind]
            verb = "added" if change.is_new else "changed" if change.happened else "unchanged"
            report.counts[table.kind, verb] += 1
            if change.happened and table.kind is not Kind.EXPECTED:
                notes.append(audit_log.note_of(operator, change, added, changed, now_ms))
    audit_log.write_all(connection, notes)
    if report.plans is not None and not report.faults:
        removed = sum(put.removed for put in report.plans.write(operator))
        report.counts += Counter({(Kind.EXPECTED, REMOVED): removed})


def _stands_for(kind: Kind, row: Row) -> list[tuple[Kind, str]]:
    """The key by which other rows refer to a row."""
    column = {Kind.EMPLOYERS: "kbo", Kind.SITES: "name", Kind.WORKERS: "reference"}.get(kind)
    return [] if column is None else [(kind, _key(kind, row.cells[column]))]


def _names(kind: Kind, row: Row) -> list[tuple[Kind, str]]:
    """The rows of other tables that a row needs."""
    needs = {
        Kind.WORKERS: {"employer": Kind.EMPLOYERS},
        Kind.ENGAGEMENTS: {"worker": Kind.WORKERS, "employer": Kind.EMPLOYERS, "sites": Kind.SITES},
        Kind.BADGES: {"worker": Kind.WORKERS, "site": Kind.SITES, "employer": Kind.EMPLOYERS},
    }.get(kind, {})
    return [
        (of, _key(of, name))
        for column, of in needs.items()
        for name in row.cells.get(column, "").split(";")
        if name.strip()
    ]


def _key(kind: Kind, name: str) -> str:
    return re.sub(r"\D", "", name).zfill(10) if kind is Kind.EMPLOYERS else name.strip()


def _check_once(seen: dict[tuple[Kind, object], tuple[str, int]], table: Table, row: Row, change: Change) -> None:
    """Two rows with the same key are a mistake, even if they agree."""
    about: object = change.id
    if table.kind is Kind.BADGES:
        about = (row.cells["site"], badge_uids.parse(row.cells["uid"]))
    elif table.kind is Kind.ENGAGEMENTS:
        about = (change.id, row.cells["employer"], row.cells.get("from", ""))
    elif table.kind is Kind.EXPECTED:
        about = (row.cells["worker"], change.id)
    elif table.kind in (Kind.DIMONA, Kind.WORKS):
        about = (change.id, row.cells.get("employer", ""), row.cells["from"], row.cells.get("from_time", ""))
    key = (table.kind, about)
    first = seen.setdefault(key, (table.place, row.number))
    if first != (table.place, row.number):
        raise PeopleError(f"row {first[1]} of {first[0]} is about the same", "leave one of them out")


def _unrevealing(kind: Kind, refused: PeopleError) -> str:
    """A refusal's text, without the content of the wrong column."""
    text = logs.masked(f"{refused.what}; to do: {refused.do}")
    return _UID_LIKE.sub(logs.MASK, text) if kind is Kind.BADGES else text


def _put_employer(connection: Connection, _: Vault, cells: dict[str, str], __: int, ___: Report) -> Change:
    return employers.put(connection, cells["kbo"], cells.get("name", ""))


def _put_site(connection: Connection, _: Vault, cells: dict[str, str], __: int, ___: Report) -> Change:
    known = sites.find(connection, cells["name"]) or Site(cells["name"], cells["workplace"])
    return sites.put(connection, replace(known, **_site_fields(known, cells)))


def _site_fields(known: Site, cells: dict[str, str]) -> dict[str, Any]:
    """The changes to a site from the present columns; an empty cell clears, a missing column leaves unchanged."""
    values: dict[str, Any] = {"workplace": cells["workplace"]}
    if cells.get("regime"):
        values["regime"] = _regime(cells["regime"])
    if "next_regime" in cells:
        values["next_regime"] = _regime(cells["next_regime"]) if cells["next_regime"] else None
    if "regime_from" in cells:
        values["regime_from"] = _day(cells["regime_from"])
    if cells.get("longest_shift_h"):
        if not cells["longest_shift_h"].isdecimal():
            raise PeopleError("a longest shift is a whole number of hours", "correct the cell")
        values["longest_shift_h"] = int(cells["longest_shift_h"])
    if "night_hours" in cells:
        values["night_hours"] = cells["night_hours"]
    if cells.get("time_zone"):
        values["time_zone"] = cells["time_zone"]
    if any(name in cells for name in _ADDRESS):
        before = known.address or Address("", "", "", "", "")
        values["address"] = before._replace(**{name: cells[name] for name in _ADDRESS if name in cells})
    for name in ("latitude", "longitude"):
        if name in cells:
            values[name] = _degrees(cells[name])
    if "languages" in cells:
        values["languages"] = tuple(cells["languages"].lower().replace(",", " ").replace(";", " ").split())
    return values


def _regime(cell: str) -> Regime:
    try:
        return Regime(cell.lower())
    except ValueError:
        raise PeopleError("there is no such regime", f"use one of {', '.join(Regime)}") from None


def _degrees(cell: str) -> float | None:
    if not cell:
        return None
    try:
        return float(cell.replace(",", "."))
    except ValueError:
        raise PeopleError("coordinates are degrees such as 50.8467", "correct the cell") from None


def _put_worker(connection: Connection, vault: Vault, cells: dict[str, str], now_ms: int, _: Report) -> Change:
    return workers.put(
        connection,
        vault,
        reference=cells["reference"],
        name=cells["name"],
        identity=identities.niss_or_limosa(cells.get("niss"), cells.get("limosa")),
        employer_kbo=cells.get("employer") or None,
        language=cells["language"].lower() if "language" in cells else None,
        now_ms=now_ms,
    )


def _put_engagement(connection: Connection, _: Vault, cells: dict[str, str], __: int, ___: Report) -> Change:
    number = employers.enterprise_number(cells["employer"])
    names = tuple(name.strip() for name in cells.get("sites", "").split(";") if name.strip())
    engaged = Engaged(number, _day(cells.get("from", "")), _day(cells.get("to", "")), names)
    return engagements.put(connection, cells["worker"], engaged)


def _day(cell: str) -> date | None:
    """A day in ISO form, None for an empty cell."""
    if not cell:
        return None
    try:
        return date.fromisoformat(cell)
    except ValueError:
        raise PeopleError("a day is written 2026-01-31", "correct the cell, as text") from None


def _put_badge(connection: Connection, vault: Vault, cells: dict[str, str], now_ms: int, report: Report) -> Change:
    uid = badge_uids.parse(cells["uid"])
    assigned = badges.assign(
        connection,
        vault,
        site=cells["site"],
        worker=cells["worker"],
        uid=uid,
        employer_kbo=cells.get("employer") or None,
        now_ms=now_ms,
    )
    report.queued += assigned.queued
    return Change(
        "worker", assigned.worker, is_new=assigned.is_new, after={"badge": assigned.badge, "site": cells["site"]}
    )


def _put_expected(connection: Connection, _: Vault, cells: dict[str, str], now_ms: int, report: Report) -> Change:
    """A list is the whole plan of each site and day in it: workers not in it are removed."""
    day = _needed_day(cells["day"])
    slot = Slot(cells["worker"], plans.minute_of(cells.get("from", "")), plans.minute_of(cells.get("to", "")))
    report.plans = report.plans or PlanWriter(connection, Source.LIST, now_ms)
    return report.plans.add(cells["site"], day, slot)


def _needed_day(cell: str) -> date:
    day = _day(cell)
    if day is None:
        raise PeopleError("the day is missing", "write it 2026-01-31")
    return day


def _put_dimona(connection: Connection, vault: Vault, cells: dict[str, str], _: int, __: Report) -> Change | None:
    if cells.get("form", office_files.DIMONA_IN) not in ("", office_files.DIMONA_IN):
        return None
    reference, niss = cells.get("worker", ""), cells.get("niss", "")
    if not reference and not niss:
        raise PeopleError("a Dimona period needs its worker", "give niss, or worker with your own reference")
    worker_id = declared.worker_of(connection, vault, reference, niss)
    if worker_id is None:
        return None
    employer_id = declared.employer_of(connection, worker_id, cells.get("employer", ""))
    if employer_id is None:
        return None
    times = (plans.minute_of(cells.get(name, "")) for name in ("from_time", "to_time"))
    period = Period(_needed_day(cells["from"]), _day(cells.get("to", "")), *times)
    if cells.get("cancelled", "") not in ("", "0", "1"):
        raise PeopleError("cancelled is 1, 0 or nothing", "correct the cell")
    put = declared.cancel_period if cells.get("cancelled") == "1" else declared.put_period
    return put(connection, worker_id, employer_id, period)


def _put_works(connection: Connection, _: Vault, cells: dict[str, str], __: int, ___: Report) -> Change | None:
    site_id = sites.row_of(connection, cells.get("site", ""), cells.get("workplace", ""))
    employer_id = declared.find_employer(connection, cells["employer"])
    if employer_id is None:
        return None
    return declared.put_works(connection, site_id, employer_id, _needed_day(cells["from"]), _day(cells.get("to", "")))


_Putter = Callable[[Connection, Vault, dict[str, str], int, Report], Change | None]
"""Returns None for a row about an unknown person."""
_PUTTERS: Final[Mapping[Kind, _Putter]] = {
    Kind.EMPLOYERS: _put_employer,
    Kind.SITES: _put_site,
    Kind.WORKERS: _put_worker,
    Kind.ENGAGEMENTS: _put_engagement,
    Kind.BADGES: _put_badge,
    Kind.EXPECTED: _put_expected,
    Kind.DIMONA: _put_dimona,
    Kind.WORKS: _put_works,
}
_ACTS: Final[Mapping[Kind, tuple[Act, Act]]] = {
    Kind.EMPLOYERS: (Act.EMPLOYER_ADDED, Act.EMPLOYER_CHANGED),
    Kind.SITES: (Act.SITE_ADDED, Act.SITE_CHANGED),
    Kind.WORKERS: (Act.WORKER_ADDED, Act.WORKER_CHANGED),
    Kind.ENGAGEMENTS: (Act.WORKER_ENGAGED, Act.WORKER_ENGAGED),
    Kind.BADGES: (Act.BADGE_ASSIGNED, Act.BADGE_ASSIGNED),
    Kind.EXPECTED: (Act.PLAN_PUT, Act.PLAN_PUT),
    Kind.DIMONA: (Act.DIMONA_PUT, Act.DIMONA_PUT),
    Kind.WORKS: (Act.WORKS_PUT, Act.WORKS_PUT),
}
