"""Who is expected, out of the office's files: lists of days, Dimona, and the declaration of works."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.host.bridge.people.test_imports import WHO, book, take
from tests.host.bridge.world import ANNA_NISS, BOTH, BRAM_NISS, KBO, SITE, WORKPLACE, World
from typer.testing import CliRunner

from badgeclock.bridge.errors import SheetError
from badgeclock.bridge.operations import data_subject_export, retention
from badgeclock.bridge.people import employers, imports, office_files, plans, spreadsheets
from badgeclock.bridge.people.imports import Kind, Report
from badgeclock.bridge.people.plans import Slot
from badgeclock.bridge.settings import RetentionSettings
from badgeclock.bridge.store import audit_log, schema
from badgeclock.cli.main import app

DATABASES = BOTH
CARL_NISS = "00000100166"
SECOND_KBO = "0448181966"
LIST = (
    "worker;site;day;from;to\n"
    f"W-001;{SITE};2026-01-05;07:00;15:30\n"
    f"W-002;{SITE};2026-01-05;22:00;06:00\n"
    f"W-003;{SITE};2026-01-06;;\n"
)


def counts(report: Report) -> dict[str, int]:
    assert report.faults == []
    return {verb: count for (_, verb), count in report.counts.items()}


def told(world: World) -> list[tuple[str, date, int | None, int | None, str]]:
    """Every row of every plan: worker, day, from, to, by whom."""
    names = {row.id: row.reference for row in world.rows(schema.workers)}
    days = {row.id: row.day for row in world.rows(schema.plans)}
    rows = world.rows(schema.expected)
    return [(names[row.worker_id], days[row.plan_id], row.from_min, row.to_min, row.source) for row in rows]


def test_a_list_is_the_plan_of_the_days_that_it_names(world: World) -> None:
    with world.store.write() as connection:
        plans.put(connection, SITE, date(2026, 1, 5), [Slot("W-003", 420)], WHO, world.now_ms)
        plans.put(connection, SITE, date(2026, 1, 7), [Slot("W-003", 420)], WHO, world.now_ms)
    assert counts(take(world, LIST.encode(), Kind.EXPECTED)) == {"added": 3, "removed": 1}
    assert told(world) == [
        ("W-003", date(2026, 1, 7), 420, None, "planning"),
        ("W-001", date(2026, 1, 5), 420, 930, "list"),
        ("W-002", date(2026, 1, 5), 1320, 360, "list"),
        ("W-003", date(2026, 1, 6), None, None, "list"),
    ]
    assert counts(take(world, LIST.encode(), Kind.EXPECTED)) == {"unchanged": 3}
    shorter = f"worker;site;day;from\nW-001;{SITE};2026-01-05;7:30\n"
    assert counts(take(world, shorter.encode(), Kind.EXPECTED)) == {"changed": 1, "removed": 1}
    acts = [row.detail for row in world.rows(schema.acts) if row.act == "plan_put"]
    assert acts[2:] == [
        {"day": "2026-01-05", "added": 2, "changed": 0, "removed": 1},
        {"day": "2026-01-06", "added": 1, "changed": 0, "removed": 0},
        {"day": "2026-01-05", "added": 0, "changed": 1, "removed": 1},
    ]
    with world.store.read() as connection:
        audit_log.verify(connection)


def test_a_list_with_one_bad_row_changes_nothing_and_names_every_bad_row(world: World) -> None:
    rows = [
        ["worker", "site", "day", "from", "to"],
        ["W-001", SITE, "2026-01-05", "07:00", "15:30"],
        ["W-009", SITE, "2026-01-05", "", ""],
        ["W-002", "nowhere", "2026-01-05", "", ""],
        ["W-002", SITE, "5/1/2026", "", ""],
        ["W-002", SITE, "", "", ""],
        ["W-002", SITE, "2026-01-05", "7h", ""],
        ["W-002", SITE, "2026-01-05", "", "15:30"],
        ["W-001", SITE, "2026-01-05", "13:00", ""],
        ["W-002", SITE, "1026-01-05", "", ""],
    ]
    report = take(world, book(Expected=rows), name="week.xlsx")
    assert [(fault.row, fault.what.split(";")[0]) for fault in report.faults] == [
        (3, "there is no worker 'W-009'"),
        (4, "there is no site 'nowhere'"),
        (5, "a day is written 2026-01-31"),
        (6, "the day is missing"),
        (7, "a time is written 07:00"),
        (8, "an end needs its beginning"),
        (9, "row 2 of week.xlsx, sheet Expected is about the same"),
        (10, "1026-01-05 is no day from 2000 to 2199"),
    ]
    assert world.rows(schema.plans) == world.rows(schema.expected) == []
    rehearsed = imports.rehearse(
        world.store, world.vault, imports.tables(LIST.encode(), "expected.csv", None), WHO, world.now_ms
    )
    assert counts(rehearsed) == {"added": 3}
    assert world.rows(schema.plans) == []


PERIODS = """<?xml version="1.0" encoding="UTF-8"?>
<PersonnelFileConsultationAnswer><Form>
 <Identification>PERC001</Identification>
 <PersonnelFileConsult><NOSSRegistrationNbr>1</NOSSRegistrationNbr><CompanyID>{kbo}</CompanyID>
  <DimonaPeriod><DimonaPeriodId>1</DimonaPeriodId><IsCancelled>0</IsCancelled>
   <StartingDate>2025-03-01</StartingDate>{ends}<NaturalPerson><INSS>{anna}</INSS></NaturalPerson></DimonaPeriod>
  <DimonaPeriod><DimonaPeriodId>2</DimonaPeriodId><IsCancelled>{cancelled}</IsCancelled>
   <StartingDate>2026-01-05</StartingDate><StartingHour>2200</StartingHour>
   <EndingDate>2026-01-06</EndingDate><EndingHour>0600</EndingHour>
   <NaturalPerson><INSS>{bram}</INSS></NaturalPerson></DimonaPeriod>
  <DimonaPeriod><DimonaPeriodId>3</DimonaPeriodId><IsCancelled>0</IsCancelled>
   <StartingDate>2025-03-01</StartingDate><NaturalPerson><INSS>{carl}</INSS></NaturalPerson></DimonaPeriod>
 </PersonnelFileConsult></Form></PersonnelFileConsultationAnswer>"""


def periods(kbo: str = KBO, ends: str = "", cancelled: str = "0") -> bytes:
    numbers = {"anna": ANNA_NISS, "bram": BRAM_NISS, "carl": CARL_NISS}
    return PERIODS.format(kbo=int(kbo), ends=ends, cancelled=cancelled, **numbers).encode()


def test_the_answer_to_a_consultation_of_dimona_gives_who_is_in_service(world: World) -> None:
    assert counts(take(world, periods(), name="answer.xml")) == {"added": 2, "left out": 1}
    rows = [row[3:] for row in world.rows(schema.dimona_periods)]
    assert rows == [
        (date(2025, 3, 1), None, None, None),
        (date(2026, 1, 5), date(2026, 1, 5), 1320, 360),
    ]
    assert counts(take(world, periods(), name="answer.xml")) == {"unchanged": 2, "left out": 1}
    later = periods(ends="<EndingDate>2026-02-28</EndingDate>", cancelled="1")
    assert counts(take(world, later, name="answer.xml")) == {"changed": 2, "left out": 1}
    (anna,) = world.rows(schema.dimona_periods)
    assert anna.to_day == date(2026, 2, 28)
    assert counts(take(world, periods(SECOND_KBO), name="answer.xml")) == {"left out": 3}
    said = repr(world.rows(schema.acts))
    assert "dimona_put" in said
    for number in (ANNA_NISS, BRAM_NISS, CARL_NISS):
        assert number not in said


DECLARED = """<Dimona>
 <Form><Identification>DIMONA</Identification><DimonaIn><StartingDate>2026-01-05</StartingDate>
  <EmployerId><CompanyID>{kbo}</CompanyID></EmployerId><NaturalPerson><INSS>{anna}</INSS></NaturalPerson></DimonaIn></Form>
 <Form><DimonaIn><StartingDate>2026-01-05</StartingDate><StartingHour>0800</StartingHour>
  <EndingDate>2026-01-05</EndingDate><EndingHour>1200</EndingHour>
  <NaturalPerson><INSS>{bram}</INSS></NaturalPerson></DimonaIn></Form>
 <Form><DimonaOut><DimonaPeriodId>9</DimonaPeriodId><EndingDate>2026-01-31</EndingDate></DimonaOut></Form>
</Dimona>"""


def test_a_dimona_declaration_gives_its_ins_and_leaves_out_what_names_a_period_by_number(world: World) -> None:
    content = DECLARED.format(kbo=int(KBO), anna=ANNA_NISS, bram=BRAM_NISS).encode("utf-16")
    assert counts(take(world, content, name="dimona.xml")) == {"added": 2, "left out": 1}
    assert [(row.worker_id, row.employer_id, row.from_min) for row in world.rows(schema.dimona_periods)] == [
        (1, 1, None),
        (2, 1, 480),
    ]


WORKS = """<AVWDDT xmlns="urn:any"><Form>
 <WorksContractDeclarantId><CompanyID>{kbo}</CompanyID></WorksContractDeclarantId>
 <WorksGlobalProject><SiteAddress><Street>Kaai</Street></SiteAddress>
  <WorksGlobalProjectOwnerId><CompanyID>{other}</CompanyID></WorksGlobalProjectOwnerId></WorksGlobalProject>
 <WorksContract><WorksContractStartDate>2026-01-01</WorksContractStartDate>
  <WorksContractEndDate>2026-06-30</WorksContractEndDate>
  <SubcontractorId><CompanyID>{second}</CompanyID><SubcontractorActivityInfo>
   <InterventionStartDate>2026-02-01</InterventionStartDate><InterventionEndDate>2026-02-28</InterventionEndDate>
   <SubcontractorEmployerId><CompanyID>{second}</CompanyID></SubcontractorEmployerId>
  </SubcontractorActivityInfo></SubcontractorId>
  <SubcontractorId><CompanyID>{other}</CompanyID></SubcontractorId>
 </WorksContract></Form></AVWDDT>"""


def test_a_declaration_of_works_gives_its_contractors_for_the_site_that_is_named(world: World) -> None:
    with world.store.write() as connection:
        employers.add(connection, SECOND_KBO, "Tweede")
    content = WORKS.format(kbo=int(KBO), second=int(SECOND_KBO), other="0206731645").encode()
    with pytest.raises(SheetError, match="does not name its own number"):
        imports.tables(content, "works.xml", None)
    tables = imports.tables(content, "works.xml", None, SITE)
    report = imports.carry_out(world.store, world.vault, tables, WHO, world.now_ms)
    assert counts(report) == {"added": 2, "left out": 1}
    assert [row[1:] for row in world.rows(schema.works)] == [
        (1, 1, date(2026, 1, 1), date(2026, 6, 30)),
        (1, 2, date(2026, 2, 1), date(2026, 2, 28)),
    ]
    by_number = f"employer,workplace,from,to\n{KBO},{WORKPLACE},2026-01-01,2026-12-31\n"
    assert counts(take(world, by_number.encode(), Kind.WORKS)) == {"changed": 1}


def test_the_same_as_tables_with_references_instead_of_numbers(world: World) -> None:
    table = "worker;from;to;from_time;to_time\nW-001;2026-01-05;;;\nW-002;2026-01-05;2026-01-05;08:00;16:00\n"
    assert counts(take(world, table.encode(), Kind.DIMONA)) == {"added": 2}
    bad = (
        "worker;niss;from;cancelled\nW-009;;2026-01-05;\nW-001;;;\n;;2026-01-05;\n"
        ";00000100266;2026-01-05;\nW-001;;2026-01-05;yes\n"
    )
    assert [fault.what.split(";")[0] for fault in take(world, bad.encode(), Kind.DIMONA).faults] == [
        "there is no worker 'W-009'",
        "the day is missing",
        "a Dimona period needs its worker",
        "the national number has wrong check digits or a wrong form",
        "cancelled is 1, 0 or nothing",
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"<Dimona>",
        b"<html/>",
        b"<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><Dimona>&e;</Dimona>",
        "<!DOCTYPE x><Dimona/>".encode("utf-16"),
        b"<Dimona><Form><DimonaIn><StartingDate>" + b"9" * 2000 + b"</StartingDate></DimonaIn></Form></Dimona>",
        b"<Dimona>" + b"<Form><DimonaOut/></Form>" * (spreadsheets.ROWS_MOST + 1) + b"</Dimona>",
    ],
)
def test_xml_that_is_none_of_these_is_refused(content: bytes) -> None:
    assert office_files.is_xml(content)
    with pytest.raises(SheetError):
        office_files.read(content, SITE)


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: f"<Dimona>{text}</Dimona>".encode()))
@settings(max_examples=200, deadline=None)
def test_any_bytes_become_rows_or_a_refusal(content: bytes) -> None:
    with suppress(SheetError):
        (sheet,) = office_files.read(content, SITE)
        assert all(set(row.cells) == set(sheet.columns) for row in sheet.rows)


def test_the_command_counts_what_it_left_out(world: World, tmp_path: Path) -> None:
    (tmp_path / "data.key").write_text(b"data key of the tests, 32 bytes.".hex())
    (tmp_path / "data.key").chmod(0o600)
    config = tmp_path / "bridge.toml"
    url = world.store._engine.url.render_as_string(hide_password=False)
    config.write_text(
        f'[store]\nurl = "{url}"\n[broker]\nca = "ca"\ncertificate = "c"\nkey = "k"\n'
        '[secrets]\ndata_key_file = "data.key"\n[authority]\nendpoint = "http://localhost/"\n'
    )
    (tmp_path / "answer.xml").write_bytes(periods())
    (tmp_path / "expected.csv").write_text(LIST)
    arguments = ["bridge", "import", str(tmp_path / "answer.xml"), str(tmp_path / "expected.csv")]
    done = CliRunner().invoke(app, [*arguments, "--config", str(config)])
    assert done.exit_code == 0, done.output
    assert done.stderr.splitlines() == [
        "expected: 3 were added, 0 were changed, 0 were unchanged",
        "dimona: 2 were added, 0 were changed, 0 were unchanged, 1 were left out",
    ]


def test_who_was_expected_is_exported_and_deleted_in_its_time(world: World) -> None:
    take(world, LIST.encode(), Kind.EXPECTED)
    take(world, periods(), name="answer.xml")
    dossier = data_subject_export.collect(world.store, world.vault, "W-002", WHO, world.now_ms)
    assert dossier["expected"] == [
        {"site": SITE, "day": "2026-01-05", "from_min": 1320, "to_min": 360, "source": "list"}
    ]
    (period,) = dossier["dimona_periods"]
    assert (period["employer"], period["from_day"], period["to_day"]) == (KBO, "2026-01-05", "2026-01-05")
    assert json.loads(json.dumps(dossier)) == dossier

    policy = RetentionSettings(presences_days=1000, events_days=1000, workers_days=1000, plans_days=30)
    day_ms = 86_400_000
    assert retention.sweeping(world.store, policy, WHO, world.now_ms + 30 * day_ms) == {}
    swept = retention.sweeping(world.store, policy, WHO, world.now_ms + 31 * day_ms)
    assert swept == {"expected": 2, "plans": 1, "dimona_periods": 1}
    assert [row[1] for row in told(world)] == [date(2026, 1, 6)]
    with world.store.write() as connection:
        due = retention.due(connection, policy, world.now_ms + 32 * day_ms)
    assert due["plans"][1] == 1
    # Who has no badge is forgotten with all of it, however long Dimona has them in service.
    with world.store.write() as connection:
        erased = retention.erase(connection, policy, "W-001", WHO, world.now_ms)
    assert erased["dimona_periods"] == 1
    assert retention.sweeping(world.store, policy, WHO, world.now_ms + 60 * day_ms) == {"expected": 1, "plans": 1}
