"""100,000 workers with every kind of error are tried: in bounded memory, clear to read, and nothing is written."""

from __future__ import annotations

import csv
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.host.bridge.people.test_imports import bridge_toml
from tests.host.bridge.world import KBO, World
from tests.national_numbers import national_number

from badgeclock.bridge.people import imports
from badgeclock.bridge.people.imports import CAUSES_MOST, Fault
from badgeclock.bridge.people.spreadsheets import ROWS_MOST
from badgeclock.bridge.store import schema
from badgeclock.errors import EXIT_FAILED

PEOPLE = 100_000
HEADER = "reference;name;niss;limosa;employer;language\n"
CYCLE = 40
"""So many rows have each kind of error once; the others of them are good."""
KINDS = 13
MEMORY_BYTES = 400 * 2**20
LINES_MOST = 40


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


@pytest.mark.torture
@pytest.mark.timeout(3000)
def test_a_hundred_thousand_workers_with_every_error_are_tried_within_bounds(world: World, tmp_path: Path) -> None:
    before = world.rows(schema.workers), world.rows(schema.acts)
    files = [tmp_path / f"workers-{part:02d}.csv" for part in range(PEOPLE // ROWS_MOST)]
    for part, file in enumerate(files):
        rows = range(part * ROWS_MOST, (part + 1) * ROWS_MOST)
        file.write_text(HEADER + "".join(map(row, rows)))
    whole = tmp_path / "workers.csv"
    whole.write_text(HEADER + "".join(file.read_text().removeprefix(HEADER) for file in files))
    command = [sys.executable, "-m", "badgeclock.cli.main", "bridge", "import", "--dry-run", "--kind", "workers"]
    command += ["--config", str(bridge_toml(tmp_path))]
    refused = subprocess.run([*command, str(whole)], capture_output=True, text=True, check=False)
    assert f"more than {ROWS_MOST} rows" in refused.stderr
    all_of_them = tmp_path / "faults.csv"
    begun = time.monotonic()
    tried = subprocess.run(
        [*command, "--faults", str(all_of_them), *map(str, files)], capture_output=True, text=True, check=False
    )
    took_s = time.monotonic() - begun
    peak_bytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    print(f"{took_s:.0f} s, {took_s / PEOPLE * 1000:.2f} ms a row, {peak_bytes / 2**20:.0f} MB")
    print(tried.stdout)
    assert tried.returncode == EXIT_FAILED, tried.stderr
    bad = PEOPLE // CYCLE * KINDS
    assert f"{bad} of {PEOPLE} rows are bad; nothing was imported" in tried.stderr
    lines = tried.stdout.splitlines()
    assert len(lines) <= LINES_MOST * len(files)
    assert max(map(len, lines)) < 1000
    with all_of_them.open(newline="") as file:
        assert sum(1 for _ in csv.DictReader(file)) == bad
    assert peak_bytes < MEMORY_BYTES
    assert (world.rows(schema.workers), world.rows(schema.acts)) == before
