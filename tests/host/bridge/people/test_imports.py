"""Imports from the office's tables: what is accepted, what is refused with which message, and all or nothing."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import update
from tests.host.bridge.world import ANNA_NISS, BRAM_NISS, KBO, LUZ_LIMOSA, SITE, STRANGER_UID, WORKPLACE, World
from typer.testing import CliRunner

from badgeclock.bridge import errors
from badgeclock.bridge.errors import SheetError
from badgeclock.bridge.people import code_pages, engagements, imports, sites, spreadsheets, xlsx
from badgeclock.bridge.people.imports import Kind, Report
from badgeclock.bridge.people.sites import Address
from badgeclock.bridge.store import audit_log, schema
from badgeclock.bridge.store.audit_log import Operator
from badgeclock.cli.main import app
from badgeclock.errors import EXIT_FAILED

WHO = Operator("anna", "the list of January")
CARL_NISS = "00000100166"


def book(**pages: list[list[Any]]) -> bytes:
    """An XLSX file with these sheets."""
    made = openpyxl.Workbook()
    made.remove(made.worksheets[0])
    for name, rows in pages.items():
        page = made.create_sheet(name)
        for row in rows:
            page.append(row)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def take(world: World, content: bytes, kind: Kind | None = None, name: str = "list.csv") -> Report:
    return imports.carry_out(world.store, world.vault, imports.tables(content, name, kind), WHO, world.now_ms)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One world for tests that change nothing."""
    made = World(tmp_path_factory.mktemp("world"))
    yield made
    made.close()


WORKBOOK = {
    "Badges": [["site", "worker", "uid"], ["Quay 8", "W-100", "04:A1:B2:C3"], [SITE, "W-100", "0BADCAFE"]],
    "Workers": [
        ["Reference", "Name", "NISS", "Limosa", "Employer"],
        ["W-100", "Carl Proef", CARL_NISS, None, "BE 0448.181.966"],
        ["W-101", "Dana Proef", None, "24999999999999902", None],
        ["W-001", "Anna Proef-Nieuw", ANNA_NISS, None, KBO],
    ],
    "Sites": [
        ["name", "workplace", "regime", "street", "house number", "post code", "municipality", "latitude", "longitude"],
        ["Quay 8", "1Y1TEST00002Z", "Meat", "Kaai", "8", "2000", "Antwerpen", "51,22", 4.4],
        [SITE, WORKPLACE, None, None, None, None, None, None, None],
    ],
    "Employers": [["KBO", "Name"], ["448181966", "Tweede"], [KBO, "Voorbeeld Bouw"]],
}


def test_a_workbook_is_imported_in_the_order_its_sheets_need_and_again_changes_nothing(world: World) -> None:
    world.punches(*world.clock.start(), world.clock.punch(STRANGER_UID))
    content = book(**{**WORKBOOK, "Badges": [WORKBOOK["Badges"][0], WORKBOOK["Badges"][2]]})
    report = take(world, content, name="office.xlsx")
    assert report.faults == []
    assert dict(report.counts) == {
        (Kind.EMPLOYERS, "added"): 1,
        (Kind.EMPLOYERS, "unchanged"): 1,
        (Kind.SITES, "added"): 1,
        (Kind.SITES, "unchanged"): 1,
        (Kind.WORKERS, "added"): 2,
        (Kind.WORKERS, "changed"): 1,
        (Kind.BADGES, "added"): 1,
    }
    assert report.queued == 1
    assert world.states() == ["QUEUED"]
    with world.store.read() as connection:
        site = sites.find(connection, "Quay 8")
        assert site is not None
        assert site.address == Address("Kaai", "8", "", "2000", "Antwerpen")
        assert (site.latitude, site.longitude, site.regime) == (51.22, 4.4, "meat")
        acts = audit_log.listing(connection, 0, 100)
        audit_log.verify(connection)
    assert [act["act"] for act in acts].count("imported") == 4
    assert next(act for act in acts if act["act"] == "worker_changed")["detail"] == {"changed": ["name"]}
    told = repr(acts)
    for secret in (CARL_NISS, ANNA_NISS, "Carl", "Dana", "0badcafe", "0BADCAFE"):
        assert secret not in told
    again = take(world, content, name="office.xlsx")
    assert {verb for _, verb in again.counts} == {"unchanged"}


def test_a_site_without_its_key_has_no_badges_until_a_clock_made_it(world: World) -> None:
    assert take(world, b"name,workplace\nQuay 8,1Y1TEST00002Z\n", Kind.SITES).faults == []
    badge = b"site,worker,uid\nQuay 8,W-001,04a1b2c3\n"
    (fault,) = take(world, badge, Kind.BADGES).faults
    assert "no key" in fault.what
    with world.store.write() as connection:
        assert sites.set_key(connection, world.vault, "Quay 8", bytes(32)).happened
        assert not sites.set_key(connection, world.vault, "Quay 8", bytes(32)).happened
        with pytest.raises(errors.PeopleError, match="another key"):
            sites.set_key(connection, world.vault, "Quay 8", bytes(31) + b"\1")
    assert take(world, badge, Kind.BADGES).faults == []


def test_a_missing_column_leaves_what_is_there_and_an_empty_cell_takes_it_away(world: World) -> None:
    whole = f"name;workplace;languages;latitude;longitude\n{SITE};{WORKPLACE};nl fr;51;4\n"
    take(world, whole.encode(), Kind.SITES)
    take(world, f"name;workplace;regime\n{SITE};{WORKPLACE};meat\n".encode(), Kind.SITES)
    with world.store.read() as connection:
        site = sites.find(connection, SITE)
        assert site is not None
        assert (site.languages, site.latitude, site.regime) == (("nl", "fr"), 51.0, "meat")
    take(world, f"name;workplace;languages\n{SITE};{WORKPLACE};\n".encode(), Kind.SITES)
    with world.store.read() as connection:
        site = sites.find(connection, SITE)
        assert site is not None
        assert site.languages == ()


def test_a_workers_language_is_of_the_list_and_their_clocks_hear_of_another(world: World) -> None:
    def languages() -> tuple[list[str | None], int]:
        return [row.language for row in world.rows(schema.workers)], world.rows(schema.sites)[0].roster_changes

    _, before = languages()
    row = f"W-001;Anna Proef;{ANNA_NISS};{KBO}"
    new = f"W-100;Carl Proef;{CARL_NISS};{KBO}"
    head = "reference;name;niss;employer"
    assert take(world, f"{head};language\n{row};NL\n{new};fr\n".encode(), Kind.WORKERS).faults == []
    assert languages() == (["nl", None, None, "fr"], before + 1)
    take(world, f"{head}\n{row}\n{new}\n".encode(), Kind.WORKERS)
    assert languages() == (["nl", None, None, "fr"], before + 1)
    take(world, f"{head};language\n{row};\n".encode(), Kind.WORKERS)
    assert languages() == ([None, None, None, "fr"], before + 2)
    (fault,) = take(world, f"{head};language\n{row};Dutch\n".encode(), Kind.WORKERS).faults
    assert "is no language" in fault.what


BAD_ROWS = {
    "W-100;Carl;00000100167;;0438195916": "check digits",
    "W-100;Carl;00000100166;;0438195917": "enterprise number",
    "W-100;Carl;00000100166;;0448181966": "no such employer",
    "W-100;Carl;00000100166;;": "needs an employer",
    "W-100;Carl;;;0438195916": "one of them",
    "W-100;Carl;00000100166;L1;0438195916": "one of them",
    "W-100;;00000100166;;0438195916": "name",
    ";Carl;00000100166;;0438195916": "reference",
    "00000100166;Carl;00000100166;;0438195916": "looks like a national number",
    f"W-100;Carl;{BRAM_NISS};;0438195916": "'W-002' has the same number",
    "W-100;Carl;00000100166;;0438195916;more": "more cells",
    "W-100;C\x01arl;00000100166;;0438195916": "printed",
    f"W-100;{'x' * 1001};00000100166;;0438195916": "1000 characters",
}


def test_every_bad_row_is_named_none_is_quoted_and_nothing_is_kept(world: World) -> None:
    good = "W-050;Good One;00000100463;;0438195916"
    lines = ["reference;name;niss;limosa;employer", good, "", *BAD_ROWS, good]
    report = take(world, "\r\n".join(lines).encode("utf-8-sig"), Kind.WORKERS)
    assert [fault.row for fault in report.faults] == list(range(4, 5 + len(BAD_ROWS)))
    for fault, word in zip(report.faults, [*BAD_ROWS.values(), "row 2 of list.csv is about the same"], strict=True):
        assert word in fault.what
    for number in ("00000100166", "00000100167", BRAM_NISS):
        assert number not in repr(report.faults)
    assert len(world.rows(schema.workers)) == 3
    assert world.rows(schema.acts) == []


@pytest.mark.parametrize(
    ("row", "word"),
    [
        (f"{SITE};W-001;4a1b2c3", "hexadecimal"),
        (f"{SITE};W-001;04a1b2", "4, 7 or 10"),
        (f"{SITE};04a1b2c3;W-001", "hexadecimal"),
        (f"04a1b2c3;W-001;{SITE}", "hexadecimal"),
        (f"{SITE};04A1B2C3;deadbeef", "no worker"),
        ("04 A1 B2 C3;W-001;deadbeef", "no site"),
    ],
)
def test_a_badge_in_the_wrong_column_is_not_told(shared: World, row: str, word: str) -> None:
    given = imports.tables(f"site;worker;uid\n{row}\n".encode(), "badges.csv", None)
    (fault,) = imports.rehearse(shared.store, shared.vault, given, WHO, shared.now_ms).faults
    assert word in fault.what
    for uid in ("a1b2c3", "A1B2C3", "A1 B2 C3"):
        assert uid not in fault.what


def test_a_rehearsal_says_what_would_happen_and_changes_nothing(shared: World) -> None:
    given = imports.tables(book(**WORKBOOK), "office.xlsx", None)
    before = [shared.rows(table) for table in schema.metadata.sorted_tables]
    report = imports.rehearse(shared.store, shared.vault, given, WHO, shared.now_ms)
    assert report.counts[Kind.WORKERS, "added"] == 2
    assert [(fault.place, fault.row) for fault in report.faults] == [("office.xlsx, sheet Badges", 2)]
    assert [shared.rows(table) for table in schema.metadata.sorted_tables] == before


TEXT = "reference;name;niss;employer\nW-100;Zoë Núñez;00000100166;0438195916\n"


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("cp1252"),
        TEXT.encode("utf-16"),
        b"\xfe\xff" + TEXT.encode("utf-16-be"),
        TEXT.replace(";", ",").encode(),
        TEXT.replace(";", "\t").encode("utf-16"),
        ("sep=;\r\n" + TEXT.replace("\n", "\r\n")).encode("cp1252"),
        ("\n\n" + TEXT).replace("\n", "\r\n").encode(),
        TEXT.replace("Zoë Núñez", '" Zoë  Núñez "').encode(),
    ],
    ids=["utf-8", "bom", "cp1252", "utf-16", "utf-16-be", "comma", "tab", "sep=", "blank lines", "quoted"],
)
def test_a_table_is_read_however_a_spreadsheet_wrote_it(content: bytes) -> None:
    (sheet,) = spreadsheets.read(content)
    assert sheet.columns == ("reference", "name", "niss", "employer")
    assert [row.cells for row in sheet.rows] == [
        {"reference": "W-100", "name": "Zoë Núñez", "niss": "00000100166", "employer": "0438195916"}
    ]


def zipped(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def with_member(content: bytes, name: str, old: bytes, new: bytes) -> bytes:
    """An XLSX file with another content for the member of this name."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as before, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as after:
        for member in before.namelist():
            data = before.read(member)
            after.writestr(member, data.replace(old, new) if member == name else data)
    return out.getvalue()


SMALL = book(employers=[["kbo", "name"], [KBO, "Voorbeeld"]])
SHEET = "xl/worksheets/sheet1.xml"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n \n",
        b"\x00\x01\x02",
        b"\xff\xfe\x00",
        b'kbo,name\n"0438195916',
        b"kbo,kbo\n1,2\n",
        b"kbo,,name\n1,2,3\n",
        b"sep=:\nkbo:name\n",
        b"x" * (spreadsheets.FILE_BYTES_MOST + 1),
        b"kbo\n" + b"1\n" * (spreadsheets.ROWS_MOST + 1),
        (",".join(f"c{n}" for n in range(65)) + "\n").encode(),
        b"PK\x03\x04",
        SMALL[:-100],
        zipped(x=b"not a workbook"),
        zipped(mimetype=b"application/vnd.oasis.opendocument.spreadsheet", **{"content.xml": b"<x/>"}),
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        TEXT.encode("cp850").replace(b"\x89", b"\x81"),
        zipped(bomb=bytes(xlsx.UNPACKED_BYTES_MOST + 1)),
        zipped(**{f"m{n}": b"" for n in range(xlsx.MEMBERS_MOST + 1)}),
        with_member(SMALL, SHEET, b"<worksheet", b'<!DOCTYPE x [<!ENTITY a "aaaa">]><worksheet'),
        book(empty=[]),
    ],
    ids=lambda content: repr(content[:4]),  # an archive has the time in it, and every worker must find the same tests
)
def test_what_is_no_table_is_refused_with_what_to_do(content: bytes) -> None:
    with pytest.raises(SheetError, match="To do"):
        spreadsheets.read(content)


def test_formulas_dates_and_errors_are_faults_of_their_row_and_far_cells_cost_nothing() -> None:
    page = [["name", "box"], ["=1+1", "a"], [True, "b"], ["c", date(2026, 1, 3)], ["d", 8.0], ["e", 1.5]]
    (sheet,) = spreadsheets.read(book(sites=page))
    for row, word in zip(sheet.rows, ["formula", "truth", "date"], strict=False):
        assert row.fault is not None
        assert word in row.fault
    assert [row.cells["box"] for row in sheet.rows[3:]] == ["8", "1.5"]
    far = with_member(SMALL, SHEET, b"</sheetData>", b'<row r="1048576"><c r="XFD1048576"/></row></sheetData>')
    assert [row.number for row in spreadsheets.read(far)[0].rows] == [2]
    far = with_member(SMALL, SHEET, b"</sheetData>", b'<row r="9"><c r="XFD9"><v>1</v></c></row></sheetData>')
    assert [row.fault for row in spreadsheets.read(far)[0].rows] == [None, "has more cells than the header has columns"]


FILES = (
    st.binary(max_size=300)
    | st.text(st.sampled_from('kbo,name;"\n\r\t =sep\0é'), max_size=80).map(str.encode)
    | st.tuples(st.integers(0, len(SMALL)), st.binary(max_size=8)).map(
        lambda change: SMALL[: change[0]] + change[1] + SMALL[change[0] + len(change[1]) :]
    )
    | st.binary(max_size=200).map(lambda data: with_member(SMALL, SHEET, b"<sheetData>", data + b"<sheetData>"))
)


def check_any_bytes(content: bytes) -> None:
    """Whatever a file holds, it is tables of text or refused."""
    try:
        found = spreadsheets.read(content)
    except SheetError:
        return
    for sheet in found:
        for row in sheet.rows:
            assert set(row.cells) == set(sheet.columns)
            assert all(cell.isprintable() for cell in row.cells.values())


@settings(max_examples=100, deadline=None)
@given(FILES)
def test_any_bytes_are_tables_of_text_or_refused(content: bytes) -> None:
    check_any_bytes(content)


@pytest.mark.torture
@settings(max_examples=5_000, deadline=None)
@given(FILES)
def test_any_bytes_are_tables_of_text_or_refused_at_length(content: bytes) -> None:
    check_any_bytes(content)


@pytest.mark.parametrize(
    ("content", "name", "word"),
    [
        (b"kbo\n1\n", "list.csv", "say --kind"),
        (b"name\nx\n", "employers.csv", "kbo are missing"),
        (f"kbo;{ANNA_NISS}\n".encode(), "employers.csv", "number 2"),
        (book(one=[["kbo"]]), "x.xlsx", "say --kind"),
        (book(one=[["kbo"]], other=[["kbo"]]), "employers.xlsx", "none is named"),
    ],
)
def test_a_table_that_is_not_clear_is_refused_without_quoting_it(content: bytes, name: str, word: str) -> None:
    with pytest.raises(SheetError, match=word) as refused:
        imports.tables(content, name, None)
    assert ANNA_NISS not in str(refused.value)


def bridge_toml(folder: Path) -> Path:
    """Settings of the world's store in that folder."""
    (folder / "data.key").write_text(b"data key of the tests, 32 bytes.".hex())
    (folder / "data.key").chmod(0o600)
    config = folder / "bridge.toml"
    config.write_text(
        '[broker]\nca = "c"\ncertificate = "c"\nkey = "k"\n[secrets]\ndata_key_file = "data.key"\n'
        '[authority]\nendpoint = "http://127.0.0.1:9/"\n'
    )
    return config


def test_the_command_names_each_bad_row_and_tells_no_number(world: World, tmp_path: Path) -> None:
    config = bridge_toml(tmp_path)
    path = tmp_path / "workers.csv"

    def run(*options: str) -> Any:
        arguments = ["bridge", "import", str(path), *options, "--config", str(config)]
        return CliRunner().invoke(app, arguments, catch_exceptions=False)

    path.write_text(TEXT.replace("00000100166", "00000100167"))
    bad = run()
    assert bad.exit_code == EXIT_FAILED
    assert f"{path}, row 2: the national number has wrong check digits" in bad.stdout
    path.write_text(TEXT)
    assert "1 would be added" in run("--dry-run").stderr
    assert len(world.rows(schema.workers)) == 3
    done = run()
    assert "workers: 1 were added, 0 were changed" in done.stderr
    assert len(world.rows(schema.workers)) == 4
    for said in (bad.output, done.output):
        assert "0000010016" not in said
        assert LUZ_LIMOSA not in said


def test_engagements_and_what_a_site_declares_are_imported(world: World) -> None:
    office = {
        "Employers": [["KBO", "Name"], ["0448181966", "Tweede"]],
        "Sites": [
            ["name", "workplace", "longest_shift_h", "night_hours", "next_regime", "regime_from"],
            [SITE, WORKPLACE, "10", "22:00-06:00", "construction-io", "2027-01-01"],
        ],
        "Engagements": [
            ["worker", "employer", "from", "to", "sites"],
            ["W-001", "0448181966", "2026-01-01", "2026-06-30", SITE],
            ["W-001", "0448181966", "2026-09-01", None, None],
        ],
        "Badges": [["site", "worker", "uid", "employer"], [SITE, "W-001", "0BADCAFE", "0448181966"]],
    }
    report = take(world, book(**office), name="office.xlsx")
    assert report.faults == []
    assert {verb for _, verb in take(world, book(**office), name="office.xlsx").counts} == {"unchanged"}
    with world.store.read() as connection:
        site = sites.find(connection, SITE)
        engaged = [one for _, one in engagements.of_worker(connection, "W-001")]
    assert site is not None
    assert (site.longest_shift_h, site.night_hours, site.regime_from) == (10, "22:00-06:00", date(2027, 1, 1))
    assert [(one.to_day, one.sites) for one in engaged] == [(date(2026, 6, 30), (SITE,)), (None, ())]
    assert [row.engagement_id for row in world.rows(schema.badges) if row.until_ms is None] == [None, None, None, 2]


@pytest.mark.parametrize(
    ("kind", "content", "what"),
    [
        (Kind.ENGAGEMENTS, b"worker,employer,from\nW-001,0438195916,1/2/26\n", "2026-01-31"),
        (Kind.ENGAGEMENTS, b"worker,employer,sites\nW-001,0438195916,nowhere\n", "no site"),
        (Kind.ENGAGEMENTS, b"worker,employer\nW-009,0438195916\n", "no worker"),
        (Kind.SITES, b"name,workplace,night_hours\nQuay 8,1Y1TEST00002Z,22-6\n", "22:00-06:00"),
        (Kind.SITES, b"name,workplace,longest_shift_h\nQuay 8,1Y1TEST00002Z,40\n", "4 to 24"),
        (Kind.SITES, b"name,workplace,regime_from\nQuay 8,1Y1TEST00002Z,2027-01-01\n", "go together"),
        (Kind.SITES, b"name,workplace,longest_shift_h\nQuay 8,1Y1TEST00002Z,x\n", "whole number"),
    ],
)
def test_what_an_engagement_or_a_site_cannot_be_is_a_bad_row(
    world: World, kind: Kind, content: bytes, what: str
) -> None:
    (fault,) = take(world, content, kind).faults
    assert what in fault.what


DASHED = "\n".join(["reference;name;niss;employer", *(f"W-{n};Carl;00000100166;0448181966" for n in range(100, 120))])


def test_one_cause_is_one_line_with_all_its_rows_and_what_follows_from_it_is_only_counted(world: World) -> None:
    report = take(world, DASHED.encode(), Kind.WORKERS)
    assert len(report.faults) == 20
    (line,) = imports.gathered(report.faults)
    assert line.startswith("list.csv, rows 2-21: there is no such employer")
    office = {
        "employers": [["kbo", "name"], ["0448181967", "Tweede"], ["0999999922", "Derde"]],
        "workers": [["reference", "name", "niss", "employer"], ["W-100", "Carl", CARL_NISS, "0448.181.967"]],
        "badges": [["site", "worker", "uid"], [SITE, "W-100", "0BADCAFE"], [SITE, "W-999", "0BADCAFF"]],
    }
    report = take(world, book(**office), name="office.xlsx")
    assert [(fault.place.rpartition(" ")[2], fault.row) for fault in report.faults] == [("employers", 2), ("badges", 3)]
    assert report.following == 2
    assert world.rows(schema.badges)[-1].token is not None


def test_a_number_of_a_spreadsheet_names_nobody(world: World) -> None:
    office = {
        "Employers": [["kbo"], [448181966]],
        "Workers": [["reference", "name", "limosa"], ["W-101", "Dana", 24999999999999902], [7, "Ed", "L123"]],
        "Badges": [["site", "worker", "uid"], [SITE, "W-001", 12345600]],
    }
    report = take(world, book(**office), name="office.xlsx")
    assert [fault.what.partition(" is a number")[0] for fault in report.faults] == ["kbo", "limosa", "reference", "uid"]
    assert all("format the column as text" in fault.what for fault in report.faults)
    assert "2499999" not in repr(report.faults)


@pytest.mark.parametrize(
    ("kind", "row", "word"),
    [
        (Kind.WORKERS, "W-100;C;8,50730E+10;0438195916", "shortened by a spreadsheet"),
        (Kind.WORKERS, "W-100;C;97;0438195916", "wrong form"),
        (Kind.WORKERS, "W-100;C;85010100016;0438195916", "wrong check digits or a wrong form"),
        (Kind.WORKERS, "W-100;C;85010199984;0438195916", "wrong check digits or a wrong form"),
        (Kind.BADGES, f"{SITE};W-001;1.23E+07;0438195916", "shortened by a spreadsheet"),
        (Kind.BADGES, f"{SITE};W-001;8804A1B2;", "first half of a longer one"),
        (Kind.BADGES, f"{SITE};W-001;08A1B2C3;", "another one each time"),
        (Kind.BADGES, f"{SITE};W-001;00000000;", "all zeros or all ones"),
        (Kind.BADGES, f"{SITE};W-001;FFFFFFFFFFFFFF;", "all zeros or all ones"),
        (Kind.BADGES, f"{SITE};W-001;3735928559;", "write msb"),
    ],
)
def test_a_number_that_nobody_has_is_a_bad_row(shared: World, kind: Kind, row: str, word: str) -> None:
    head = "reference;name;niss;employer" if kind is Kind.WORKERS else "site;worker;uid;employer"
    given = imports.tables(f"{head}\n{row}\n".encode(), "list.csv", kind)
    (fault,) = imports.rehearse(shared.store, shared.vault, given, WHO, shared.now_ms).faults
    assert word in fault.what


def test_the_same_badge_in_two_writings_is_one_badge(world: World) -> None:
    rows = "".join(f"{SITE};W-001;{uid}\n" for uid in ("DEADBEEF", "Card UID: de ad be ef"))
    (fault,) = take(world, f"site;worker;uid\n{rows}".encode(), Kind.BADGES).faults
    assert "about the same" in fault.what


def test_letters_with_marks_are_the_same_in_both_writings_that_unicode_has(world: World) -> None:
    composed, decomposed = "Chantier Caf\u00e9", "Chantier Cafe\u0301"
    (fault,) = take(
        world, f"name;workplace\n{composed};{WORKPLACE}\n{decomposed};{WORKPLACE}\n".encode(), Kind.SITES
    ).faults
    assert "about the same" in fault.what
    take(world, f"name;workplace\n{decomposed};{WORKPLACE}\n".encode(), Kind.SITES)
    again = take(world, f"name;workplace\n{composed};{WORKPLACE}\n".encode(), Kind.SITES)
    assert dict(again.counts) == {(Kind.SITES, "unchanged"): 1}
    assert [row.name for row in world.rows(schema.sites)][1:] == [composed]


def test_a_site_that_an_earlier_version_kept_decomposed_is_found_and_takes_its_key(world: World) -> None:
    decomposed = "Cafe\u0301"
    with world.store.write() as connection:
        sites.put(connection, sites.Site("Site X", WORKPLACE))
        connection.execute(update(schema.sites).where(schema.sites.c.name == "Site X").values(name=decomposed))
    report = take(world, f"name;workplace\nCaf\u00e9;{WORKPLACE}\n".encode(), Kind.SITES)
    assert dict(report.counts) == {(Kind.SITES, "unchanged"): 1}
    with world.store.write() as connection:
        sites.set_key(connection, world.vault, "Caf\u00e9", bytes(range(32)))
        row = sites.find_row(connection, "Caf\u00e9")
        assert sites.key_of(world.vault, row) == bytes(range(32))


def test_formatted_rows_that_are_blank_do_not_count() -> None:
    rows = b"".join(b'<row r="%d"><c r="A%d" s="1"/></row>' % (n, n) for n in range(3, 20_000))
    (sheet,) = spreadsheets.read(with_member(SMALL, SHEET, b"</sheetData>", rows + b"</sheetData>"))
    assert [row.number for row in sheet.rows] == [2]


def test_extra_sheets_are_left_out_and_it_is_said() -> None:
    content = book(notes=[["x", "x"], ["=1", 2]], Employers=[["kbo"], [KBO]], plan=[])
    read = imports.read_file(content, "office.xlsx", None)
    assert [table.kind for table in read.tables] == [Kind.EMPLOYERS]
    (remark,) = read.remarks
    assert remark.endswith("left out, as they are named after nothing that is imported: notes, plan")
    read = imports.read_file(book(Blad1=[["kbo"], [KBO]]), "employers.xlsx", None)
    assert [(table.kind, table.sheet.name) for table in read.tables] == [(Kind.EMPLOYERS, "Blad1")]
    read = imports.read_file(content, "office.xlsx", Kind.EMPLOYERS)
    assert [table.kind for table in read.tables] == [Kind.EMPLOYERS]


@pytest.mark.parametrize("encoding", ["cp850", "mac_roman"])
def test_another_code_page_is_taken_when_it_is_named_and_improbable_letters_are_a_warning(encoding: str) -> None:
    rows = "W-100;Zo\u00eb N\u00fa\u00f1ez;00000100166;0438195916\nW-101;Ren\u00e9e;00000100265;0438195916\n"
    content = f"reference;name;niss;employer\n{rows}".encode(encoding)
    read = imports.read_file(content, "workers.csv", None)
    (remark,) = read.remarks
    assert "improbable letters" in remark
    assert f"--encoding {code_pages.OTHERS[0]}" in remark
    read = imports.read_file(content, "workers.csv", None, encoding)
    assert read.remarks == []
    assert [row.cells["name"] for row in read.tables[0].sheet.rows] == ["Zo\u00eb N\u00fa\u00f1ez", "Ren\u00e9e"]


@pytest.mark.parametrize(
    "name",
    [
        "Zo\u00eb", "Andr\u00e9 D\u2019Hondt", "M\u00aa Jos\u00e9", "Caf\u00e9 \u201cDe Kroon\u201d", "n\u00b0 12",
        "\u0141ukasz", "\u0130smail", "Rue de l\u2019\u00c9t\u00e9", "Firm\u00ae", "Bouw & Co\u2026", "5\u00bd",
        "\u00d6mer", "\u0218tefan", "O'Neil", "CAF\u00c9", "Gro\u00dfmann",
    ],
)  # fmt: skip
def test_names_that_people_have_are_no_improbable_letters(name: str) -> None:
    assert code_pages.improbable(name) is None


def test_an_improbable_letter_is_shown_with_what_it_is_elsewhere() -> None:
    assert code_pages.improbable("Zo\u2030 Proef") == "\u2030 (\u00eb in cp850, \u00e2 in mac_roman)"
    assert code_pages.improbable("Zo\u00c3\u00ab") is not None  # UTF-8 that was read as Windows-1252


@pytest.mark.parametrize("encoding", ["cp9999", "idna", "punycode", "unicode_escape", "utf-7", ""])
def test_a_code_page_that_is_none_is_refused(encoding: str) -> None:
    with pytest.raises(SheetError, match="no code page"):
        code_pages.decoded(b"x", encoding)


STRICT = {
    b"http://schemas.openxmlformats.org/spreadsheetml/2006/main": b"http://purl.oclc.org/ooxml/spreadsheetml/main",
    b"http://schemas.openxmlformats.org/officeDocument/2006/relationships":
        b"http://purl.oclc.org/ooxml/officeDocument/relationships",
}  # fmt: skip


def test_strict_ooxml_is_read() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(SMALL)) as before, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as after:
        for member in before.namelist():
            data = before.read(member)
            for transitional, strict in STRICT.items():
                data = data.replace(transitional, strict)
            after.writestr(member, data)
    (sheet,) = spreadsheets.read(out.getvalue())
    assert [row.cells for row in sheet.rows] == [{"kbo": KBO, "name": "Voorbeeld"}]


@pytest.mark.parametrize(
    "content",
    [
        b"        7\t2026-01-05 06:58:12\t1\t0\t1\t0\n       12\t2026-01-05 16:31:40\t1\t1\t1\t0\n",
        b"No\tTMNo\tEnNo\tName\tINOUT\tMode\tDateTime\n1\t1\t7\tx\t0\t1\t2026/01/05 06:58:12\n",
    ],
)
def test_an_attendance_export_is_named_for_what_it_is(content: bytes) -> None:
    with pytest.raises(SheetError, match="attendance export"):
        imports.tables(content, "attlog.dat", Kind.WORKERS)


MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def hand_made(rows: str, shared: str = "", styles: str = "<cellXfs/>") -> bytes:
    """An XLSX file of one sheet, employers, written element by element."""
    parts = {"s": ("worksheet", "sheet.xml"), "t": ("sharedStrings", "shared.xml"), "f": ("styles", "styles.xml")}

    def relations(of: dict[str, tuple[str, str]]) -> bytes:
        lines = (
            f'<Relationship Id="{key}" Type="{RELATIONS}/{kind}" Target="{to}"/>' for key, (kind, to) in of.items()
        )
        return f"<Relationships>{''.join(lines)}</Relationships>".encode()

    return zipped(
        **{
            "_rels/.rels": relations({"b": ("officeDocument", "book.xml")}),
            "_rels/book.xml.rels": relations(parts),
            "book.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{RELATIONS}"><sheets><sheet name="employers" r:id="s"/>'
            "</sheets></workbook>".encode(),
            "sheet.xml": f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>'.encode(),
            "shared.xml": f'<sst xmlns="{MAIN}">{shared}</sst>'.encode(),
            "styles.xml": f'<styleSheet xmlns="{MAIN}">{styles}</styleSheet>'.encode(),
        }
    )


def test_shared_texts_rich_text_and_inline_text_are_the_same_text() -> None:
    shared = "<si><t>kbo</t></si><si><r><t>Voor</t></r><r><t>beeld</t></r><rPh><t>aloud</t></rPh></si>"
    rows = (
        '<row><c t="s"><v>0</v></c><c t="inlineStr"><is><r><t>na</t></r><r><t>me</t></r></is></c></row>'
        '<row><c t="str"><v>0438195916</v></c><c t="s"><v>1</v></c></row>'
    )
    (sheet,) = spreadsheets.read(hand_made(rows, shared))
    assert [row.cells for row in sheet.rows] == [{"kbo": "0438195916", "name": "Voorbeeld"}]


def test_a_number_that_is_shown_as_a_day_is_a_date_and_as_money_is_none() -> None:
    head = '<row><c t="str"><v>box</v></c></row>'
    cells = "".join(f'<row><c s="{style}"><v>45658</v></c></row>' for style in range(5))
    styles = (
        '<numFmts><numFmt numFmtId="170" formatCode="[$-413]d\\ mmmm"/><numFmt numFmtId="171" '
        'formatCode="&quot;dagen &quot;0.00"/></numFmts><cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs>'
        '<xf/><xf numFmtId="14"/><xf numFmtId="170"/><xf numFmtId="171"/><xf numFmtId="4"/></cellXfs>'
    )
    (sheet,) = spreadsheets.read(hand_made(head + cells, styles=styles))
    assert [row.fault is not None for row in sheet.rows] == [False, True, True, False, False]


HEADER = '<row><c t="str"><v>kbo</v></c><c t="str"><v>name</v></c></row>'
TOO_MUCH: dict[str, Callable[[], bytes]] = {
    "more parts": lambda: hand_made(HEADER + "<row/>" * (xlsx.ELEMENTS_MOST + 1)),
    "may have": lambda: hand_made("<x>" * 70 + "</x>" * 70),
    "without end": lambda: hand_made("<row " + "".join(f"a{n}='' " for n in range(60_000)) + "/>"),
    "more text": lambda: hand_made(HEADER, shared="<si/>" * (xlsx.SHARED_TEXTS_MOST + 1)),
    "characters": lambda: hand_made(
        HEADER + '<row><c t="s"><v>0</v></c><c t="s"><v>0</v></c></row>' * 9_000, shared=f"<si><t>{'x' * 1000}</t></si>"
    ),
}


@pytest.mark.parametrize("word", TOO_MUCH)
def test_what_would_take_too_much_memory_is_refused(word: str) -> None:
    with pytest.raises(SheetError, match=word):
        spreadsheets.read(TOO_MUCH[word]())
