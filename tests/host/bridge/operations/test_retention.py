"""What is kept for how long, how it is deleted, and a person's own data."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from tests.host.bridge.world import ANNA_NISS, ANNA_UID, BRAM_UID, DAY_MS, KBO, LUZ_UID, NOON_MS, SITE, World, token_of
from typer.testing import CliRunner, Result

from badgeclock.bridge.downlink import rosters
from badgeclock.bridge.errors import PeopleError
from badgeclock.bridge.operations import data_subject_export, retention
from badgeclock.bridge.operations.retention import Sweeper
from badgeclock.bridge.people import identities, workers
from badgeclock.bridge.registrar import corrections
from badgeclock.bridge.registrar.corrections import Right
from badgeclock.bridge.registrar.decisions import CancelCode, Decision
from badgeclock.bridge.settings import RetentionSettings
from badgeclock.bridge.store import audit_log, schema
from badgeclock.bridge.store.audit_log import Operator
from badgeclock.cli.main import app
from badgeclock.errors import SettingsError
from badgeclock.protocol import seal
from badgeclock.protocol.record import Direction

POLICY = RetentionSettings(presences_days=1000, events_days=100, workers_days=50)
WHO = Operator("anna", "asked in writing on 5 January")
LATER_MS = NOON_MS + 1001 * DAY_MS


@pytest.fixture
def world(world: World) -> World:
    """A world whose presences may be put where years would have brought them: nobody watches their steps."""
    with world.store.write() as connection:
        connection.execute(text("DROP TRIGGER steps"))
    return world


@pytest.fixture
def lived(world: World) -> World:
    """A world where Anna and Bram were registered, and somebody punched whom nobody knows."""
    world.punches(*world.clock.start())
    world.punches(world.clock.punch(ANNA_UID), world.clock.punch(BRAM_UID), world.clock.punch(b"\x01\x02\x03\x04"))
    with world.store.write() as connection:
        table = schema.presences
        connection.execute(table.update().values(due_ms=None, state="VALIDATED", reception_number=table.c.id + 100))
        attempt = {"call": "c", "request_hash": bytes(16), "sent_ms": NOON_MS}
        for number in (1, 2):
            connection.execute(schema.attempts.insert().values(presence_id=number, **attempt))
            connection.execute(schema.receptions.insert().values(presence_id=number, number=number + 100, seen_ms=0))
    return world


def sweep(world: World, now_ms: int, policy: RetentionSettings = POLICY) -> dict[str, int]:
    return dict(retention.sweeping(world.store, policy, WHO, now_ms))


def counts(world: World) -> dict[str, int]:
    tables = ("presences", "attempts", "receptions", "punches", "receipts", "events", "workers", "badges")
    return {name: len(world.rows(schema.metadata.tables[name])) for name in tables}


def erase(world: World, reference: str, now_ms: int) -> dict[str, int]:
    with world.store.write() as connection:
        return dict(retention.erase(connection, POLICY, reference, WHO, now_ms))


def test_nothing_is_deleted_before_its_time_and_all_of_a_declaration_at_it(lived: World) -> None:
    before = counts(lived)
    assert sweep(lived, NOON_MS + 49 * DAY_MS) == {}
    assert counts(lived) == before
    assert "events" in sweep(lived, NOON_MS + 101 * DAY_MS)
    assert counts(lived) == {**before, "events": 0}
    assert sweep(lived, LATER_MS - DAY_MS) == {}
    deleted = sweep(lived, LATER_MS)
    assert deleted == {
        "presences": 2,
        "attempts": 2,
        "receptions": 2,
        "punches": 3,
        "receipts": len(lived.rows(schema.receipts)) or before["receipts"],
    }
    assert counts(lived) == {**dict.fromkeys(before, 0), "workers": 3, "badges": 3}


def test_what_a_clock_sealed_stays_and_verifies_when_every_link_to_a_person_is_gone(lived: World) -> None:
    now_ms = LATER_MS
    sweep(lived, now_ms)
    with lived.store.write() as connection:
        connection.execute(schema.badges.update().values(until_ms=now_ms))
    assert sweep(lived, now_ms + 1001 * DAY_MS)["workers"] == 3
    assert counts(lived) == dict.fromkeys(counts(lived), 0)
    assert lived.stored() == lived.clock.sent
    state = seal.found(lived.clock.name, lived.clock.e0, lived.clock.nonce)
    assert seal.verify_run(state, b"".join(lived.stored())).state == lived.clock.state
    assert token_of(ANNA_UID) in b"".join(lived.stored())
    # The clock's chain goes on, and what it sends again is known.
    assert lived.punches(lived.clock.sent[2], lived.clock.punch(LUZ_UID)).counts["accepted"] == 1


def test_a_deletion_is_an_act_with_counts_and_a_hash_over_what_went(lived: World) -> None:
    sweep(lived, LATER_MS)
    with lived.store.read() as connection:
        acts = audit_log.listing(connection, 0, 10)
        audit_log.verify(connection)
    (act,) = [act for act in acts if act["subject"] == "presences"]
    assert act["act"] == "deleted"
    assert act["detail"]["before"] == "2026-01-06"
    assert act["detail"]["rows"]["presences"] == 2
    assert len(act["detail"]["sha256"]) == 64


def test_what_is_on_its_way_to_the_authority_is_never_deleted(lived: World) -> None:
    with lived.store.write() as connection:
        connection.execute(
            schema.presences.update().where(schema.presences.c.id == 1).values(due_ms=1, state="UNKNOWN")
        )
    assert sweep(lived, LATER_MS)["presences"] == 1
    assert [row.id for row in lived.rows(schema.presences)] == [1]
    assert [row.presence_id for row in lived.rows(schema.punches)] == [1]


def test_much_goes_in_many_transactions(lived: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FIRST_ROWS", "LEAST_ROWS"):
        monkeypatch.setattr(retention, name, 1)
    monkeypatch.setattr(retention, "BATCH_ROWS", 1)
    sweep(lived, LATER_MS)
    assert counts(lived)["punches"] == counts(lived)["receipts"] == 0
    assert len([row for row in lived.rows(schema.acts) if row.subject == "presences"]) >= 2


def test_a_transaction_that_deletes_takes_as_many_rows_as_leave_the_others_their_turn() -> None:
    pace = retention.Pace()
    for _ in range(20):
        pace.took(pace.rows * 0.001)  # a disk that takes a millisecond a row
    assert pace.rows == 15
    pace.took(3.0)
    assert pace.rows == retention.LEAST_ROWS
    pace.took(0.0)
    assert pace.rows <= 2 * retention.LEAST_ROWS
    for _ in range(40):
        pace.took(0.0)
    assert pace.rows == retention.BATCH_ROWS


def test_a_worker_who_was_just_added_or_has_a_badge_is_not_forgotten(world: World) -> None:
    with world.store.write() as connection:
        workers.add(
            connection,
            world.vault,
            reference="W-100",
            name="Carl",
            identity=identities.limosa("L1"),
            now_ms=world.now_ms,
        )
    assert "workers" not in sweep(world, world.now_ms + 49 * DAY_MS)
    assert sweep(world, world.now_ms + 52 * DAY_MS)["workers"] == 1
    assert [row.reference for row in world.rows(schema.workers)] == ["W-001", "W-002", "W-003"]


def test_a_person_is_not_erased_while_presences_must_be_kept_and_it_says_until_when(lived: World) -> None:
    before = counts(lived)
    with pytest.raises(PeopleError, match="until 2028-10-01"):
        erase(lived, "W-001", LATER_MS - DAY_MS)
    assert counts(lived) == before
    with pytest.raises(PeopleError, match="no worker"):
        erase(lived, "W-999", LATER_MS)


def test_an_erased_person_is_nowhere_in_the_store_not_even_in_its_free_pages(lived: World, tmp_path: Path) -> None:
    with lived.store.write() as connection:
        connection.execute(
            schema.desk_jobs.insert().values(
                clock="clock-0001",
                kind="issue",
                worker="W-001",
                asked_by="bram",
                state="DONE",
                progress="",
                outcome={"what": "a badge of W-001", "worker": "W-001"},
                stop_asked=False,
                asked_ms=NOON_MS,
                ended_ms=LATER_MS,
            )
        )
    (anna, *_) = lived.rows(schema.workers)
    done = erase(lived, "W-001", LATER_MS)
    assert done == {
        "presences": 1,
        "attempts": 1,
        "receptions": 1,
        "punches": 1,
        "badges": 1,
        "references": 2,
        "workers": 1,
    }
    assert [row.reference for row in lived.rows(schema.workers)] == ["W-002", "W-003"]
    assert lived.rows(schema.events)[0].detail == "a badge was given to (erased)"
    (job,) = lived.rows(schema.desk_jobs)
    assert (job.worker, job.outcome) == (None, {"what": "a badge of (erased)", "worker": "(erased)"})
    lived.close()
    with sqlite3.connect(tmp_path / "bridge.db") as direct:
        direct.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    direct.close()
    content = (tmp_path / "bridge.db").read_bytes()
    for secret in (b"W-001", anna.name_closed, anna.identity_closed, anna.identity_index):
        assert secret not in content
    assert b"W-002" in content


def test_clocks_hear_of_it_when_a_badge_in_use_goes_with_its_person_and_not_of_one_handed_in(world: World) -> None:
    def changes() -> int:
        return int(world.rows(schema.sites)[0].roster_changes)

    with world.store.write() as connection:
        bram = schema.badges.c.token == token_of(BRAM_UID)
        connection.execute(schema.badges.update().where(bram).values(until_ms=NOON_MS))
    before = changes()
    erase(world, "W-001", LATER_MS)
    assert changes() == before + 1
    (site,) = world.rows(schema.sites)
    with world.store.read() as connection:
        assert rosters.of_site(connection, site.id, 1).badges == 1
    swept = sweep(world, LATER_MS)
    assert (swept["badges"], swept["workers"]) == (1, 1)
    assert changes() == before + 1


def test_a_person_whom_a_correction_of_anothers_presence_names_stays_as_long_as_that(world: World) -> None:
    world.punches(*world.clock.start(), world.clock.punch(ANNA_UID))
    table = schema.presences
    with world.store.write() as connection:
        connection.execute(table.update().values(due_ms=None, state="VALIDATED", reception_number=101))
        (row,) = connection.execute(table.select())
        why = Decision("office", "the badge was lent", world.now_ms)
        corrections.correct(connection, row.reference, Right("W-002"), CancelCode.PLANNING, why)
        connection.execute(schema.badges.update().values(until_ms=NOON_MS))
    found = data_subject_export.collect(world.store, world.vault, "W-002", WHO, world.now_ms)
    assert [(told["kind"], told["why"]) for told in found["corrections"]] == [("correct", "the badge was lent")]
    before = counts(world)
    with pytest.raises(PeopleError, match="corrections of others name 'W-002'"):
        erase(world, "W-002", LATER_MS)
    assert counts(world) == before
    sweep(world, LATER_MS)
    assert [row.reference for row in world.rows(schema.workers)] == ["W-001", "W-002"], "its cancellation is under way"
    with world.store.write() as connection:
        connection.execute(table.update().values(due_ms=None, state="CANCELLED"))
        connection.execute(schema.corrections.update().values(done_ms=NOON_MS, outcome="declared already"))
    assert sweep(world, LATER_MS)["corrections"] == 1
    assert world.rows(schema.corrections) == world.rows(schema.workers) == []


def test_a_reference_that_is_part_of_another_is_left_alone(world: World) -> None:
    with world.store.write() as connection:
        connection.execute(schema.events.update().values(detail="to W-001, W-0011 and XW-001, by W-001."))
    world.now_ms += 2000 * DAY_MS
    erase(world, "W-001", world.now_ms)
    assert {row.detail for row in world.rows(schema.events)} == {"to (erased), W-0011 and XW-001, by (erased)."}


async def test_the_bridge_sweeps_by_itself(lived: World) -> None:
    await Sweeper(lived.store, POLICY, lambda: LATER_MS).sweep()
    assert counts(lived)["presences"] == 0
    assert {row.operator for row in lived.rows(schema.acts)} == {retention.BY_SETTINGS.name}


def test_a_persons_data_are_all_there_and_nobody_elses(lived: World, tmp_path: Path) -> None:
    lived.punches(lived.clock.punch(ANNA_UID, Direction.OUT))
    found = data_subject_export.collect(lived.store, lived.vault, "W-001", WHO, lived.now_ms)
    assert found["person"]["number"] == ANNA_NISS
    assert found["person"]["employer"] == {"enterprise_number": KBO, "name": "Voorbeeld Bouw"}
    assert [badge["site"] for badge in found["badges"]] == [SITE]
    assert [punch["direction"] for punch in found["punches"]] == ["IN", "OUT"]
    assert found["punches"][0]["record"] == lived.clock.sent[2].hex()
    assert [presence["reception_number"] for presence in found["presences"]] == [101]
    assert [len(found[part]) for part in ("calls_to_the_authority", "reception_numbers", "events")] == [1, 1, 1]
    assert [act["act"] for act in found["acts"]] == ["worker_exported"]
    path = tmp_path / "anna.json"
    files = data_subject_export.write(path, found)
    for file in files:
        assert file.stat().st_mode & 0o777 == 0o600
        assert "Anna Proef" in file.read_text()
        assert "W-002" not in file.read_text()
    assert json.loads(path.read_text()) == found
    with pytest.raises(SettingsError, match="cannot be written"):
        data_subject_export.write(path, found)
    (tmp_path / "bram.txt").write_text("")
    with pytest.raises(SettingsError):
        data_subject_export.write(tmp_path / "bram.json", found)
    assert not (tmp_path / "bram.json").exists()
    with pytest.raises(SettingsError):
        data_subject_export.write(tmp_path / "both.txt", found)


def test_the_commands_say_what_they_did_and_no_name(lived: World, tmp_path: Path) -> None:
    lived.close()
    (tmp_path / "data.key").write_text(b"data key of the tests, 32 bytes.".hex())
    (tmp_path / "data.key").chmod(0o600)
    config = tmp_path / "bridge.toml"
    config.write_text(
        '[broker]\nca = "c"\ncertificate = "c"\nkey = "k"\n[secrets]\ndata_key_file = "data.key"\n'
        '[authority]\nendpoint = "http://127.0.0.1:9/"\n[retention]\npresences_days = 36600\n'
    )

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["bridge", *arguments, "--config", str(config)])

    said: list[Any] = [run("retention", "show")]
    assert "presences: kept from 1" in said[0].stdout
    said.append(run("retention", "run"))
    said.append(run("person", "export", "--worker", "W-001", "--to", str(tmp_path / "a.json"), "--reason", "asked"))
    assert said[-1].exit_code == 0
    assert (tmp_path / "a.txt").exists()
    refused = run("person", "erase", "--worker", "W-001", "--reason", "asked")
    assert isinstance(refused.exception, PeopleError)
    said.append(run("audit", "list"))
    assert "worker_exported  worker 1 (W-001): asked" in said[-1].stdout
    assert json.loads(run("audit", "list", "--json").stdout.splitlines()[0])["id"] == 1
    book = run("audit", "verify").stdout.split()
    assert run("audit", "verify", "--head", book[1]).stdout.split() == book
    assert run("audit", "verify", "--head", "zz").exit_code == 2
    for result in said:
        assert result.exit_code == 0
        assert ANNA_NISS not in result.output
        assert "Anna" not in result.output
