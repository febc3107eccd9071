"""Backups: made while the bridge works, proved, never trusted, and restored over nothing."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from tests.host.bridge.world import ANNA_UID, BRAM_UID, STRANGER_UID, World
from typer.testing import CliRunner, Result

from badgeclock.bridge.downlink.frames_out import Downlink
from badgeclock.bridge.errors import AuditError, BackupError, DataKeyWrong
from badgeclock.bridge.operations import backup
from badgeclock.bridge.operations.backup import Manifest
from badgeclock.bridge.store import audit_log, schema
from badgeclock.bridge.store.audit_log import Operator
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.store.vault import Vault
from badgeclock.cli.main import app
from badgeclock.protocol.frames import Ack, Verdict

WHO = Operator("anna", "every night")
DATA_KEY = b"data key of the tests, 32 bytes."


def make(world: World, folder: Path) -> Manifest:
    url = f"sqlite:///{folder.parent / 'bridge.db'}"
    return backup.make(url, world.store, world.vault, folder, WHO, world.now_ms)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, Path]]:
    """A world that was backed up, and the backup; tests change copies of it."""
    folder = tmp_path_factory.mktemp("world")
    world = World(folder)
    world.punches(*world.clock.start(), world.clock.punch(ANNA_UID))
    make(world, folder / "monday")
    yield world, folder / "monday"
    world.close()


@pytest.fixture
def copied(kept: tuple[World, Path], tmp_path: Path) -> Path:
    """A copy of the backup, to be spoilt."""
    return Path(shutil.copytree(kept[1], tmp_path / "copy"))


def test_a_backup_says_what_is_in_it_and_is_readable_by_its_owner_only(kept: tuple[World, Path]) -> None:
    world, folder = kept
    manifest = backup.verify(folder, world.vault)
    assert manifest.facts.counts.keys() == schema.metadata.tables.keys()
    assert manifest.facts.counts["records"] == 3
    (head,) = manifest.facts.heads
    assert (head.clock, head.next_seq, head.tag) == (world.clock.name, 3, world.clock.state.tag.hex())
    assert manifest.fingerprints == {"1": world.vault.fingerprints()[1]}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.name for path in folder.iterdir()} == {"store.db", "manifest.json"}
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in folder.iterdir())
    assert DATA_KEY.hex() not in (folder / "manifest.json").read_text()
    (act,) = world.rows(schema.acts)
    assert (act.act, act.detail["sha256"]) == ("backed_up", manifest.sha256)
    with pytest.raises(BackupError, match="there already"):
        make(world, folder)


def test_it_is_restored_where_nothing_is_and_the_bridge_goes_on(kept: tuple[World, Path], tmp_path: Path) -> None:
    world, folder = kept
    url = f"sqlite:///{tmp_path / 'restored.db'}"
    backup.restore(folder, url, world.vault, WHO, world.now_ms)
    store = Store(url)
    store.check()
    with store.read() as connection:
        assert [row.raw for row in connection.execute(schema.records.select())] == world.clock.sent[:3]
        assert [act["act"] for act in audit_log.listing(connection, 0, 9)] == ["restored"]
    store.close()
    before = (tmp_path / "restored.db").read_bytes()
    with pytest.raises(BackupError, match="overwrites nothing"):
        backup.restore(folder, url, world.vault, WHO, world.now_ms)
    assert (tmp_path / "restored.db").read_bytes() == before
    (tmp_path / "other.db-wal").write_bytes(b"")
    with pytest.raises(BackupError, match=r"other\.db-wal"):
        backup.restore(folder, f"sqlite:///{tmp_path / 'other.db'}", world.vault, WHO, world.now_ms)
    with pytest.raises(BackupError, match="cannot be written"):
        backup.restore(folder, f"sqlite:///{tmp_path / 'none' / 'x.db'}", world.vault, WHO, world.now_ms)
    with pytest.raises(BackupError, match="another kind"):
        backup.restore(folder, "postgresql+psycopg://localhost/x", world.vault, WHO, world.now_ms)


def test_a_clock_takes_what_a_restored_store_sends_it_whatever_was_sent_since(world: World, tmp_path: Path) -> None:
    clock = world.clock
    world.punches(*clock.start())
    world.status(clock.online())
    make(world, tmp_path / "monday")

    def newest_frame(store: Store, downlink: Downlink) -> int:
        with store.write() as connection:
            downlink.prepare(connection, [1])
        (message,) = downlink.ack(1, Ack(2, Verdict.IN_ORDER))
        return clock.hear(message.payload).counter

    # The clock receives much since then, from a bridge that is restarted now and then.
    for _ in range(3):
        last = newest_frame(world.store, Downlink(world.vault))
    world.punches(clock.punch(STRANGER_UID))
    last_receipt = world.clock_row().receipt_last
    assert last_receipt > 0

    url = f"sqlite:///{tmp_path / 'restored.db'}"
    backup.restore(tmp_path / "monday", url, world.vault, WHO, world.now_ms)
    store = Store(url)
    try:
        assert newest_frame(store, Downlink(world.vault)) > last + backup.COUNTER_STEP // 2
        with store.read() as connection:
            assert connection.execute(select(schema.clocks.c.receipt_last)).scalar_one() > last_receipt
    finally:
        store.close()


def test_it_is_made_while_punches_come_in_and_is_one_moment(world: World, tmp_path: Path) -> None:
    world.punches(*world.clock.start())
    stop, failed = threading.Event(), []

    def work() -> None:
        try:
            while not stop.is_set():
                world.punches(world.clock.punch(ANNA_UID), world.clock.punch(BRAM_UID))
                stop.wait(0.002)
        except BaseException as error:  # noqa: BLE001 - raised again in the test's own thread
            failed.append(error)

    bridge = threading.Thread(target=work)
    bridge.start()
    try:
        made = [make(world, tmp_path / f"backup-{number}") for number in range(3)]
    finally:
        stop.set()
        bridge.join()
    assert failed == []
    for manifest in made:
        (head,) = manifest.facts.heads
        assert manifest.facts.counts["records"] == head.next_seq
        assert manifest.facts.counts["punches"] == head.next_seq - 2
    gained = [backup.compare(manifest, world.store) for manifest in made]
    assert gained == sorted(gained, reverse=True)


def spoil(*statements: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        with sqlite3.connect(folder / "store.db") as direct:
            for statement in statements:
                direct.execute(statement)
        direct.close()

    return change


def flip(folder: Path) -> None:
    path = folder / "store.db"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut_off(folder: Path) -> None:
    path = folder / "store.db"
    path.write_bytes(path.read_bytes()[:-4096])


def remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def rewrite(**changes: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "manifest.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    return change


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (flip, "changed or cut off"),
        (cut_off, "changed or cut off"),
        (remove("store.db"), "cannot be read"),
        (remove("manifest.json"), "cannot be read"),
        (rewrite(sha256="00" * 32), "it was changed"),
        (rewrite(made_ms=0), "it was changed"),
        (rewrite(key=2), "not made under data key 2"),
        (rewrite(form=2), "no manifest"),
        (rewrite(file="../bridge.db"), "no manifest"),
        (rewrite(more=1), "no manifest"),
    ],
)
def test_a_backup_that_is_not_as_it_was_made_is_refused(
    kept: tuple[World, Path], copied: Path, tmp_path: Path, change: Callable[[Path], None], word: str
) -> None:
    change(copied)
    for use in (
        lambda: backup.verify(copied, kept[0].vault),
        lambda: backup.restore(copied, f"sqlite:///{tmp_path / 'x.db'}", kept[0].vault, WHO, 0),
    ):
        with pytest.raises(BackupError, match=word):
            use()
    assert not [path for path in tmp_path.iterdir() if "x.db" in path.name], "the copy was made beside the proof"


def forged(folder: Path, keys: Vault) -> None:
    """A manifest for a changed file, by somebody who has the data key: what is in the store must still hold."""
    path = folder / "manifest.json"
    file = folder / "store.db"
    manifest = Manifest.model_validate_json(path.read_bytes()).model_copy(
        update={"length": file.stat().st_size, "sha256": backup._sha256(file)}
    )
    witness = keys.witness(manifest.key, manifest.unwitnessed())
    assert witness is not None
    path.write_text(manifest.model_copy(update={"witness": witness.hex()}).model_dump_json())


NO_TRIGGER = "DROP TRIGGER acts_UPDATE"


@pytest.mark.parametrize(
    ("change", "error", "word"),
    [
        (spoil("DELETE FROM records WHERE seq = 2"), BackupError, "manifest says"),
        (spoil("UPDATE records SET raw = zeroblob(64) WHERE seq = 2"), BackupError, "do not end"),
        (spoil("UPDATE clocks SET tag = zeroblob(16)"), BackupError, "manifest says"),
        (spoil("UPDATE punches SET worker_id = 99 WHERE seq = 2"), BackupError, "damaged"),
        (spoil("UPDATE workers SET name_closed = identity_closed"), DataKeyWrong, "name:W-001"),
        (spoil("UPDATE alembic_version SET version_num = '0001'"), BackupError, "manifest says"),
    ],
)
def test_a_file_that_was_changed_with_its_manifest_is_found_out(
    kept: tuple[World, Path], copied: Path, change: Callable[[Path], None], error: type[Exception], word: str
) -> None:
    change(copied)
    forged(copied, kept[0].vault)
    with pytest.raises(error, match=word):
        backup.verify(copied, kept[0].vault)


def test_a_backup_of_before_columns_were_added_is_proved_all_the_same(kept: tuple[World, Path], copied: Path) -> None:
    for later in (
        "workers DROP COLUMN language",
        "sites DROP COLUMN badge_root_closed",
        "clocks DROP COLUMN roster_ms",
    ):
        spoil(f"ALTER TABLE {later}")(copied)
    forged(copied, kept[0].vault)
    backup.verify(copied, kept[0].vault)
    spoil("UPDATE workers SET name_closed = identity_closed")(copied)
    forged(copied, kept[0].vault)
    with pytest.raises(DataKeyWrong, match="name:W-001"):
        backup.verify(copied, kept[0].vault)


def test_acts_that_were_changed_in_a_backup_are_found_out(world: World, tmp_path: Path) -> None:
    make(world, tmp_path / "one")
    make(world, tmp_path / "two")
    spoil(NO_TRIGGER, "UPDATE acts SET operator = 'bram'")(tmp_path / "two")
    forged(tmp_path / "two", world.vault)
    with pytest.raises(AuditError, match="not as it was written"):
        backup.verify(tmp_path / "two", world.vault)


def test_a_backup_says_nothing_under_another_data_key(kept: tuple[World, Path]) -> None:
    with pytest.raises(BackupError, match="not made under data key 1 of this file"):
        backup.verify(kept[1], Vault(bytes(32)))


def test_a_store_that_was_put_back_or_has_other_records_is_told_from_its_backup(world: World, tmp_path: Path) -> None:
    world.punches(*world.clock.start())
    early = make(world, tmp_path / "early")
    world.punches(world.clock.punch(ANNA_UID))
    late = make(world, tmp_path / "late")
    assert backup.compare(early, world.store) == 1
    assert backup.compare(late, world.store) == 0
    old = f"sqlite:///{tmp_path / 'old.db'}"
    backup.restore(tmp_path / "early", old, world.vault, WHO, world.now_ms)
    store = Store(old)
    assert backup.compare(early, store) == 0
    with pytest.raises(AuditError, match="another store's"):
        backup.compare(late, store)
    store.close()
    with world.store.write() as connection:
        connection.execute(schema.records.update().where(schema.records.c.seq == 2).values(raw=bytes(64)))
    with pytest.raises(BackupError, match="different records"):
        backup.compare(late, world.store)
    with world.store.write() as connection:
        connection.execute(schema.clocks.update().values(next_seq=2))
    with pytest.raises(BackupError, match="less of clock-0001"):
        backup.compare(late, world.store)


@settings(max_examples=50, deadline=None)
@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(lambda x: json.dumps(x).encode())
)
def test_any_bytes_are_a_manifest_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.getbasetemp()
    (folder / "manifest.json").write_bytes(content)
    with pytest.raises(BackupError, match="no manifest"):
        backup.verify(folder, Vault(bytes(32)))


def test_the_commands_make_verify_and_restore(world: World, tmp_path: Path) -> None:
    world.punches(*world.clock.start())
    (tmp_path / "data.key").write_text(DATA_KEY.hex())
    (tmp_path / "data.key").chmod(0o600)
    config = tmp_path / "bridge.toml"
    config.write_text(
        '[broker]\nca = "c"\ncertificate = "c"\nkey = "k"\n[secrets]\ndata_key_file = "data.key"\n'
        '[authority]\nendpoint = "http://127.0.0.1:9/"\n'
    )

    def run(*arguments: str) -> Result:
        done = CliRunner().invoke(app, ["bridge", "backup", *arguments, "--config", str(config)])
        assert done.exit_code == 0, done.output
        return done

    folder = str(tmp_path / "monday")
    assert "2 records of 1 clocks" in run("make", folder).stderr
    assert "0 records more" in run("verify", folder, "--live").stderr
    world.close()
    for path in tmp_path.glob("bridge.db*"):
        path.rename(path.with_name("lost-" + path.name))
    assert "Restored" in run("restore", folder, "--reason", "the disk broke").stderr
    assert "0 records more" in run("verify", folder, "--live").stderr


def test_a_store_with_a_reference_to_nothing_makes_no_backup(world: World, tmp_path: Path) -> None:
    """`restore` relies on it: it takes the same bytes without checking them again."""
    world.punches(*world.clock.start(), world.clock.punch(ANNA_UID))
    with contextlib.closing(sqlite3.connect(tmp_path / "bridge.db")) as database:
        database.execute("UPDATE punches SET worker_id = 99")
        database.commit()
    with pytest.raises(BackupError, match="damaged"):
        make(world, tmp_path / "backup")
    assert not [path for path in tmp_path.iterdir() if "backup" in path.name]


@pytest.mark.parametrize(
    "damage",
    ["UPDATE sqlite_schema SET sql = replace(sql, '(a)', '(b)') WHERE name = 'by_a'", "DELETE FROM parents"],
    ids=["an index of another column", "a reference to nothing"],
)
def test_each_table_index_and_reference_of_a_file_is_checked(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "store.db"
    with contextlib.closing(sqlite3.connect(file)) as database:
        database.executescript(
            """
            CREATE TABLE parents (id INTEGER PRIMARY KEY);
            CREATE TABLE "odd "" name" (a INTEGER REFERENCES parents(id), b INTEGER);
            CREATE INDEX by_a ON "odd "" name"(a);
            INSERT INTO parents VALUES (1);
            INSERT INTO "odd "" name" VALUES (1, 2);
            PRAGMA writable_schema = ON;
            """
        )
        assert backup._is_sound(file, {})
        database.execute(damage)
        database.commit()
    assert not backup._is_sound(file, {})
