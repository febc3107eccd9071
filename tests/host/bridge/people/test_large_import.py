"""Large lists: tried with every kind of error in bounded memory and without the write lock; imported in portions."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from tests.host.bridge.people.test_imports import WHO, bridge_toml
from tests.host.bridge.world import KBO, SITE, STRANGER_UID, World
from tests.national_numbers import national_number

from badgeclock.bridge.errors import SheetError
from badgeclock.bridge.people import imports
from badgeclock.bridge.people.imports import CAUSES_MOST, PORTION_ROWS, Fault, Kind, Table
from badgeclock.bridge.people.spreadsheets import ROWS_MOST
from badgeclock.bridge.store import schema
from badgeclock.errors import EXIT_FAILED

HEADER = "reference;name;niss;limosa;employer;language\n"
CYCLE = 40
"""So many rows have each kind of error once; the others of them are good."""
KINDS = 13
MEMORY_BYTES = 400 * 2**20


def most_resident(pid: int) -> int:
    """The most memory that a process had so far, bytes (proc(5), VmHWM); 0 once it has ended. `wait4` would count what
    this process had when it made it.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return 1024 * int(found[1]) if found else 0


def row(number: int) -> str:
    """A worker, or one of the errors that a list can have."""
    reference, name, niss, limosa, employer, language = (
        f"L-{number:06d}", f"Person {number}", national_number(1000 + number), "", KBO, "nl",
    )  # fmt: skip
    match number % CYCLE:
        case 1:
            niss = niss[:-1] + str((int(niss[-1]) + 1) % 10)
        case 2:
            name = ""
        case 3:
            employer = "0999999922"
        case 4:
            reference = f"L-{number - 4:06d}"
        case 35:
            niss = national_number(1000 + number - 15)
        case 6:
            limosa = "24999999999999901"
        case 7:
            language = "nederlands"
        case 8:
            name = "x" * 500
        case 9:
            reference = ""
        case 10:
            niss = "123"
        case 11:
            employer = "12"
        case 12:
            niss = ""
        case 13:
            name = "a\x07b"
    return f"{reference};{name};{niss};{limosa};{employer};{language}\n"


def test_many_causes_are_gathered_by_their_kind_and_the_first_rows_of_each_are_named() -> None:
    faults = [Fault("w.csv", 2 * number, f"row {number} is about 'W-{number}'") for number in range(1, 301)]
    faults += [Fault("w.csv", number, "no name") for number in range(1001, 1301, 2)]
    few = faults[:CAUSES_MOST]
    assert imports.gathered(few, 3)[0] == "w.csv, row 2: row 1 is about 'W-1'"
    assert len(imports.gathered(few, 3)) == CAUSES_MOST
    of_rows, of_names = imports.gathered(faults, 3)
    assert of_rows.startswith("w.csv, rows 2, 4, 6 and 297 more: row 1 is about 'W-1' (the first row;")
    assert of_names == "w.csv, rows 1001, 1003, 1005 and 147 more: no name"
    assert imports.as_csv(faults[:1]).splitlines() == ["file,row,fault", "w.csv,2,row 1 is about 'W-1'"]


@pytest.mark.parametrize("people", [1_000, pytest.param(ROWS_MOST, marks=pytest.mark.torture)])
@pytest.mark.timeout(3000)
def test_a_list_with_every_error_is_tried_within_bounds_while_another_program_writes(
    world: World, tmp_path: Path, people: int
) -> None:
    before = world.rows(schema.workers), world.rows(schema.acts)
    file, all_of_them = tmp_path / "workers.csv", tmp_path / "faults.csv"
    file.write_text(HEADER + "".join(map(row, range(people))))
    command = [sys.executable, "-m", "badgeclock.cli.main", "bridge", "import", "--dry-run", "--kind", "workers"]
    command += ["--config", str(bridge_toml(tmp_path)), "--faults", str(all_of_them), str(file)]
    said, failed = tmp_path / "lines", tmp_path / "failed"
    # SQLite's only write lock; a command that wanted it would fail after half a minute.
    with world.store.write(), said.open("w") as out, failed.open("w") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err)
        peak_bytes = 0
        while process.poll() is None:
            peak_bytes = max(peak_bytes, most_resident(process.pid))
            time.sleep(0.02)
    print(f"{peak_bytes / 2**20:.0f} MB")
    assert peak_bytes
    reasons = failed.read_text()
    assert process.returncode == EXIT_FAILED, reasons
    bad = people // CYCLE * KINDS
    assert f"{bad} of {people} rows are bad; nothing was imported" in reasons
    lines = said.read_text().splitlines()
    assert len(lines) <= CAUSES_MOST
    assert max(map(len, lines)) < 1000
    with all_of_them.open(newline="") as opened:
        assert sum(1 for _ in csv.DictReader(opened)) == bad
    assert peak_bytes < MEMORY_BYTES
    assert (world.rows(schema.workers), world.rows(schema.acts)) == before


def test_one_row_more_than_a_table_may_have_is_refused_and_said() -> None:
    with pytest.raises(SheetError, match=f"more than {ROWS_MOST} rows"):
        imports.tables(b"kbo\n" + b"1\n" * (ROWS_MOST + 1), "employers.csv", None)


def good(numbers: range) -> bytes:
    rows = (f"L-{number:06d};Person {number};{national_number(1000 + number)};{KBO}\n" for number in numbers)
    return ("reference;name;niss;employer\n" + "".join(rows)).encode()


def test_a_large_list_is_imported_in_portions_and_punches_are_stored_between_them(world: World) -> None:
    number = PORTION_ROWS + 10
    tables = imports.tables(good(range(number)), "workers.csv", None)
    assert [imports.rows_of(portion) for portion in imports.portions(tables)] == [PORTION_ROWS, 10]
    done = imports.carry_out(world.store, world.vault, tables, WHO, world.now_ms)
    assert (done.faults, done.counts) == ([], {(Kind.WORKERS, "added"): number})
    acts = [row.detail["rows"] for row in world.rows(schema.acts) if row.act == "imported"]
    assert acts == [PORTION_ROWS, 10]
    again = imports.carry_out(world.store, world.vault, tables, WHO, world.now_ms)
    assert again.counts == {(Kind.WORKERS, "unchanged"): number}


def test_nothing_of_a_large_list_is_imported_if_its_last_row_is_bad(world: World) -> None:
    before = world.rows(schema.workers), world.rows(schema.acts)
    tables = imports.tables(good(range(PORTION_ROWS)) + b"L-x;y;123;1\n", "workers.csv", None)
    report = imports.carry_out(world.store, world.vault, tables, WHO, world.now_ms)
    assert ([fault.row for fault in report.faults], report.counts.total()) == ([PORTION_ROWS + 2], 0)
    assert (world.rows(schema.workers), world.rows(schema.acts)) == before


def test_what_becomes_bad_between_two_portions_is_named_and_the_rest_is_counted(world: World) -> None:
    tables = imports.tables(good(range(PORTION_ROWS + 1)), "workers.csv", None)
    whole = imports.portions
    taken = good(range(PORTION_ROWS, PORTION_ROWS + 1)).replace(f"L-{PORTION_ROWS:06d}".encode(), b"OTHER")

    def meddling(given: Sequence[Table]) -> Iterator[list[Table]]:
        for at, portion in enumerate(whole(given)):
            if at:  # somebody adds the person of the last row under another reference
                other = imports.tables(taken, "workers.csv", None)
                with world.store.write() as connection:
                    imports.carry_out_in(connection, world.vault, other, WHO, world.now_ms)
            yield portion

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(imports, "portions", meddling)
        report = imports.carry_out(world.store, world.vault, tables, WHO, world.now_ms)
    assert "has the same number" in report.faults[0].what
    assert report.counts == {(Kind.WORKERS, "added"): PORTION_ROWS}


def test_the_plan_of_a_sites_day_is_in_one_portion() -> None:
    days = [f"2026-01-{1 + at % 7:02d}" for at in range(PORTION_ROWS + 100)]
    rows = "".join(f"W-{at};Site {at % 3};{day}\n" for at, day in enumerate(days))
    (table,) = imports.tables(f"worker;site;day\n{rows}".encode(), "expected.csv", None)
    found = [portion[0].sheet.rows for portion in imports.portions([table])]
    plans = [{(row.cells["site"], row.cells["day"]) for row in portion} for portion in found]
    assert len(found) == 2
    assert not plans[0] & plans[1]
    assert sorted(row.number for portion in found for row in portion) == [row.number for row in table.sheet.rows]


def test_a_trial_counts_the_punches_that_wait_for_a_badge(world: World) -> None:
    world.punches(*world.clock.start(), world.clock.punch(STRANGER_UID))
    tables = imports.tables(f"site;worker;uid\n{SITE};W-001;0BADCAFE\n".encode(), "badges.csv", None)
    tried = imports.rehearse(world.store, world.vault, tables, WHO, world.now_ms)
    assert (tried.waiting, tried.queued, tried.counts) == (1, 0, {(Kind.BADGES, "added"): 1})
    assert world.states() == ["UNASSIGNED"]
    assert imports.carry_out(world.store, world.vault, tables, WHO, world.now_ms).queued == 1
