"""The store: its form, what it survives, and what a copy of it reveals."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import select, text
from tests.host.bridge.world import ANNA_NISS, ANNA_UID, BOTH, BRAM_NISS, LUZ_LIMOSA, SITE, SITE_KEY, World, token_of

from badgeclock.badges.keys import Purpose, master
from badgeclock.bridge.errors import DataKeyWrong
from badgeclock.bridge.people import badge_keys, employers
from badgeclock.bridge.store import schema, vault
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.store.vault import Vault
from badgeclock.errors import SettingsError, StoreError

DATABASES = BOTH


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    made = Store(database)
    yield made
    made.close()


def test_the_migrations_end_in_exactly_the_tables_of_the_schema(store: Store) -> None:
    with store.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, schema.metadata) == []


def test_a_partial_index_has_the_condition_of_the_schema_which_the_comparison_does_not_look_at(world: World) -> None:
    with world.store.read() as connection:
        if connection.dialect.name != "sqlite":
            return  # PostgreSQL writes conditions in its own words
        stored = dict(connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'index'")).all())
    partial = {
        index.name: str(where)
        for table in schema.metadata.tables.values()
        for index in table.indexes
        if (where := index.dialect_options["sqlite"]["where"]) is not None
    }
    assert partial
    assert {name: stored[name].partition(" WHERE ")[2] for name in partial} == partial


def test_an_insert_of_a_declared_punch_tests_no_list() -> None:
    """SQLite makes a list of three a table at each test: 1.8 µs a row, a tenth of what a record in a batch costs."""
    conditions = [str(index.dialect_options["sqlite"]["where"]) for index in schema.punches.indexes]
    for condition in conditions:
        assert " IN (" not in condition or condition.startswith("presence_id IS NULL AND ")


def test_migrating_twice_keeps_every_row(world: World) -> None:
    before = world.rows(schema.workers)
    world.store.migrate()
    assert world.rows(schema.workers) == before
    world.store.check()


@pytest.mark.parametrize("kind", BOTH)
def test_a_store_without_tables_is_refused_with_what_to_do(empty_database: Callable[[str], str], kind: str) -> None:
    empty = Store(empty_database(kind))
    with pytest.raises(StoreError, match="bridge init"):
        empty.check()
    empty.close()


def test_sqlite_is_durable_and_checks_references(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'bridge.db'}")
    store.migrate()
    with store.write() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
    with pytest.raises(StoreError, match="FOREIGN KEY"), store.write() as connection:
        connection.execute(schema.receptions.insert().values(presence_id=7, number=1, seen_ms=0))


def test_a_transaction_that_fails_leaves_nothing(store: Store) -> None:
    def fail() -> None:
        with store.write() as connection:
            connection.execute(schema.employers.insert().values(kbo="0438195916", name=""))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with store.read() as connection:
        assert connection.execute(schema.employers.select()).all() == []


async def test_readers_do_not_wait_for_a_writer(store: Store) -> None:
    with store.write() as connection:
        connection.execute(schema.employers.insert().values(kbo="0438195916", name=""))
        seen = await asyncio.wait_for(store.reading(lambda c: c.execute(schema.employers.select()).all()), 5)
        assert seen == []


def test_what_a_failing_store_says_has_none_of_the_values(store: Store) -> None:
    twice = [{"kbo": "0448181966", "name": "secret name"}] * 2
    with pytest.raises(StoreError) as failed, store.write() as connection:
        connection.execute(schema.employers.insert(), twice)
    assert "0448181966" not in str(failed.value)
    assert "secret name" not in str(failed.value)


def test_an_url_nobody_understands_is_a_setting_to_correct() -> None:
    with pytest.raises(SettingsError, match="sqlite"):
        Store("no url")


def test_a_file_that_is_no_database_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "bridge.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(StoreError):
        Store(f"sqlite:///{tmp_path / 'bridge.db'}").check()


def test_a_copy_of_the_store_tells_no_number_no_badge_and_no_key(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.punches(*world.clock.start(), world.clock.punch(ANNA_UID))
    root, second = bytes(range(32)), bytes(range(100, 132))
    with world.store.write() as connection:
        badge_keys.set_badge_root(connection, world.vault, SITE, root, world.now_ms)
        badge_keys.give_site_key(connection, world.vault, SITE, SITE_KEY + second, "operator", world.now_ms)
    with sqlite3.connect(tmp_path / "bridge.db") as direct:
        direct.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    direct.close()
    content = (tmp_path / "bridge.db").read_bytes()
    state = world.clock.state
    secrets = [ANNA_NISS.encode(), BRAM_NISS.encode(), LUZ_LIMOSA.encode(), b"Anna", ANNA_UID, SITE_KEY, second]
    masters = [master(root, purpose) for purpose in Purpose]
    for secret in [*secrets, root, *masters, world.clock.link_key, world.clock.e0, state.r, state.e_next]:
        assert secret not in content
        assert secret.hex().encode() not in content
    assert token_of(ANNA_UID) in content  # the data searched for is really there


def test_values_open_only_where_they_were_closed() -> None:
    one = Vault(bytes(32))
    closed = one.close("people", "name:1", b"Anna")
    assert one.open("people", "name:1", closed) == b"Anna"
    for purpose, place, value, by in (
        ("people", "name:2", closed, one),
        ("site", "name:1", closed, one),
        ("people", "name:1", closed[:-1] + bytes([closed[-1] ^ 1]), one),
        ("people", "name:1", b"\x02" + closed[1:], one),
        ("people", "name:1", b"", one),
        ("people", "name:1", closed, Vault(b"\x01" * 32)),
    ):
        with pytest.raises(DataKeyWrong):
            by.open(purpose, place, value)


def test_a_data_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "data.key"
    vault.create(path)
    first = path.read_bytes()
    vault.create(path)
    assert path.read_bytes() == first
    assert path.stat().st_mode & 0o777 == 0o600
    assert vault.load(path).index("x") == vault.load(path).index("x")


def test_a_data_key_that_everybody_may_read_is_refused_and_one_of_a_group_is_not(tmp_path: Path) -> None:
    path = tmp_path / "data.key"
    vault.create(path)
    for mode in (0o604, 0o644, 0o602, 0o777):
        path.chmod(mode)
        with pytest.raises(SettingsError, match=r"everybody on this machine may read.*chmod o="):
            vault.load(path)
    path.chmod(0o640)
    vault.load(path)


def test_a_store_is_its_owners_alone_from_the_first_byte_and_one_of_before_becomes_it(tmp_path: Path) -> None:
    path = tmp_path / "bridge.db"
    before = os.umask(0)
    try:
        for mode in (None, 0o666):
            if mode is not None:
                path.chmod(mode)
            store = Store(f"sqlite:///{path}")
            try:
                with store.write() as connection:
                    connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS t (n)")
                    found = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
                assert found == {"bridge.db": 0o600, "bridge.db-wal": 0o600, "bridge.db-shm": 0o600}
            finally:
                store.close()
    finally:
        os.umask(before)


@pytest.mark.parametrize("content", [b"", b"abc", b"00" * 31, b"zz" * 32, b"\xff" * 64])
def test_a_wrong_data_key_file_is_refused_without_quoting_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "data.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(SettingsError) as refused:
        vault.load(path)
    assert content.decode(errors="replace") not in str(refused.value).replace(str(path), "") or not content
    with pytest.raises(SettingsError, match="bridge init"):
        vault.load(tmp_path / "none.key")


WRITES = """
import sys
from badgeclock.bridge.people import employers
from badgeclock.bridge.store.database import Store

store = Store(sys.argv[1])
with store.write() as connection:
    employers.add(connection, "0438195916", "another")
store.close()
"""


def test_a_program_that_comes_and_goes_leaves_the_log_to_those_who_stay(tmp_path: Path) -> None:
    """SQLite takes its log away with the last connection. Who opens and closes the file loses its locks on it."""
    url = f"sqlite:///{tmp_path / 'bridge.db'}"
    staying = Store(url)
    staying.migrate()
    with staying.read() as first:
        first.execute(select(schema.employers.c.id)).all()
        with staying.read() as second:  # a second connection of this process
            second.execute(select(schema.employers.c.id)).all()
    subprocess.run([sys.executable, "-c", WRITES, url], check=True, timeout=60)
    assert (tmp_path / "bridge.db-wal").exists(), "there are connections yet"
    with staying.write() as connection:
        employers.add(connection, "0206731645", "own")
    seen = Store(url)
    with seen.read() as connection:
        assert set(connection.execute(select(schema.employers.c.name)).scalars()) == {"another", "own"}
    seen.close()
    staying.close()
