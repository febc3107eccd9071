"""On PostgreSQL, too: the book of acts, imports, data keys, retention, a person's data, and backups."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from tests.host.bridge.world import ANNA_UID, BRAM_UID, DAY_MS, SITE, Clock, World

from badgeclock.bridge.errors import BackupError
from badgeclock.bridge.operations import backup, data_key_rotation, data_subject_export, retention
from badgeclock.bridge.people import imports
from badgeclock.bridge.people.imports import Kind
from badgeclock.bridge.settings import RetentionSettings
from badgeclock.bridge.store import audit_log, schema, vault
from badgeclock.bridge.store.audit_log import Operator
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.web import api_tokens, planning_models, planning_store
from badgeclock.bridge.web.api_tokens import Scope
from badgeclock.bridge.web.planning_models import PageOfDays
from badgeclock.bridge.web.reach import EVERYTHING
from badgeclock.errors import StoreError, ToolMissing

pytest.importorskip("tests.postgres", reason="there is no PostgreSQL for the tests")

DATABASES = ("postgresql",)
WHO = Operator("anna", "tried on PostgreSQL")
POLICY = RetentionSettings(presences_days=1000, events_days=100, workers_days=50)


@pytest.fixture
def lived(world: World) -> World:
    """A world in which two workers were registered."""
    world.punches(*world.clock.start(), world.clock.punch(ANNA_UID), world.clock.punch(BRAM_UID))
    return world


def test_the_book_of_acts_only_grows(world: World) -> None:
    with world.store.write() as connection:
        api_tokens.make(connection, "planner", (Scope.PLANNING_READ,), 1, WHO, world.now_ms)
    for statement in ("UPDATE acts SET operator = 'x'", "DELETE FROM acts", "TRUNCATE acts"):
        with pytest.raises(StoreError, match="kept as it was written"), world.store.write() as connection:
            connection.execute(text(statement))
    with world.store.read() as connection:
        assert audit_log.verify(connection).acts == 1


def test_tables_are_imported_and_told_of(lived: World) -> None:
    site = f"name;workplace;languages;latitude;longitude\n{SITE};1Y1TEST00001Z;nl fr;51,2;4,4\n"
    for content, kind in ((site, Kind.SITES), ("kbo;name\n0448181966;Tweede\n", Kind.EMPLOYERS)):
        given = imports.tables(content.encode(), "list.csv", kind)
        assert imports.rehearse(lived.store, lived.vault, given, WHO, lived.now_ms).faults == []
        assert imports.carry_out(lived.store, lived.vault, given, WHO, lived.now_ms).faults == []
        again = imports.carry_out(lived.store, lived.vault, given, WHO, lived.now_ms)
        assert again.counts == {(kind, "unchanged"): 1}
    with lived.store.read() as connection:
        asker = planning_store.Asker(WHO, EVERYTHING, lived.now_ms)
        (told,) = planning_store.sites_after(connection, asker, planning_models.Page())
        assert (told.latitude, told.languages) == (51.2, ["nl", "fr"])
        day = lived.rows(schema.presences)[0].day
        assert len(planning_store.presences_after(connection, asker, PageOfDays(first=day, last=day))) == 2
        assert audit_log.verify(connection) == audit_log.newest(connection)


def test_the_data_key_is_changed(lived: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_key_rotation, "ADOPTED_S", 0.0)
    monkeypatch.setattr(data_key_rotation, "BATCH_ROWS", 2)
    path = tmp_path / "data.key"
    path.write_text(b"data key of the tests, 32 bytes.".hex())
    path.chmod(0o600)
    keys = vault.load(path)
    assert list(data_key_rotation.rotate(lived.store, keys, path, WHO, lambda: lived.now_ms)) == [(1, 5)]
    assert data_key_rotation.retire(lived.store, keys, path, WHO, lambda: lived.now_ms) == [1]
    with lived.store.write() as connection:
        assert set(data_key_rotation.uses(connection)) == {2}
    assert data_subject_export.collect(lived.store, keys, "W-001", WHO, 0)["person"]["name"] == "Anna Proef"


def test_what_is_older_goes_and_a_person_with_it(lived: World) -> None:
    with lived.store.write() as connection:
        connection.execute(schema.presences.update().values(due_ms=None))
    later = lived.now_ms + 1001 * DAY_MS
    assert set(retention.sweeping(lived.store, POLICY, WHO, later)) == {"presences", "punches", "events"}
    with lived.store.write() as connection:
        done = retention.erase(connection, POLICY, "W-001", WHO, later)
    assert done == {"badges": 1, "workers": 1}
    assert lived.stored() == lived.clock.sent
    with lived.store.read() as connection:
        assert audit_log.verify(connection).acts > 2


def skip_without_pg_dump(world: World) -> None:
    """It copies from servers of its own version and older ones."""
    if shutil.which("pg_dump") is None:
        pytest.skip("pg_dump is not installed")
    said = subprocess.run(["pg_dump", "--version"], capture_output=True, text=True, check=True).stdout
    with world.store.read() as connection:
        server = connection.execute(text("SHOW server_version_num")).scalar_one()
    if int(re.findall(r"\d+", said)[0]) < int(server) // 10_000:
        pytest.skip("pg_dump is older than the server")


def test_it_is_backed_up_proved_and_restored(
    lived: World, database: str, empty_database: Callable[[str], str], tmp_path: Path
) -> None:
    skip_without_pg_dump(lived)
    made = backup.make(database, lived.store, lived.vault, tmp_path / "monday", WHO, lived.now_ms)
    assert made.facts.counts["records"] == 4
    lived.add_clock(Clock("clock-0002"))
    assert backup.compare(made, lived.store) == 0
    with pytest.raises(BackupError, match="tables already"):
        backup.restore(tmp_path / "monday", database, lived.vault, WHO, lived.now_ms)
    url = empty_database("postgresql")
    backup.restore(tmp_path / "monday", url, lived.vault, WHO, lived.now_ms)
    restored = Store(url)
    restored.check()
    assert backup.compare(made, restored) == 0
    with restored.read() as connection:
        assert audit_log.verify(connection, bytes.fromhex(made.facts.acts_head)).acts == made.facts.acts + 1
    with pytest.raises(StoreError, match="kept as it was written"), restored.write() as connection:
        connection.execute(text("DELETE FROM acts"))
    restored.close()
    (tmp_path / "monday" / "store.pgdump").write_bytes(b"PGDMP")
    with pytest.raises(BackupError, match="changed or cut off"):
        backup.verify(tmp_path / "monday", lived.vault)


def test_without_pg_dump_there_is_no_backup_and_no_act_of_one(
    lived: World, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    acts = lived.rows(schema.acts)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissing, match="pg_dump is not installed"):
        backup.make(database, lived.store, lived.vault, tmp_path / "monday", WHO, lived.now_ms)
    assert list(tmp_path.iterdir()) == []
    assert lived.rows(schema.acts) == acts


def test_a_restore_goes_into_a_database_without_tables(database: str, empty_database: Callable[[str], str]) -> None:
    backup._check_empty(make_url(empty_database("postgresql")))
    with pytest.raises(BackupError, match="tables already"):
        backup._check_empty(make_url(database))
