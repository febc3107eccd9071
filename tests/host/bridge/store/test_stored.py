"""A store of every released version is brought to this version's form with every row, and its clocks go on.

`tests/stores/rNNNN.sql` is what the bridge of that version wrote, in SQLite, for the invented people and clocks of
`world`: presences with numbers and remarks, an unknown badge, a burnt number, a clock under quarantine, one that ended.
They are never changed; a version that changes the form adds its own.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, Table, create_engine, select, text
from tests.host.bridge.world import ANNA_UID, BOTH, BRAM_UID, LUZ_UID, NOON_MS, STRANGER_UID, Clock

from badgeclock.bridge.downlink.frames_out import Downlink
from badgeclock.bridge.intake.batch import ClockMessage
from badgeclock.bridge.intake.intake import Intake
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.store.vault import Vault
from badgeclock.protocol.frames import Ack, Verdict
from badgeclock.protocol.record import Direction

STORES = Path(__file__).resolve().parents[3] / "stores"
MIGRATIONS = Path(schema.__file__).with_name("migrations")
FILES = sorted(STORES.glob("*.sql"))
EVIDENCE = ("records", "quarantine", "receptions", "receipts")
"""Tables in which no later version may change anything."""

Rows = dict[str, dict[Any, dict[str, Any]]]


def rows_of(url: str) -> Rows:
    """Every row of every table, by table and primary key, as the database itself describes them."""
    engine = create_engine(url)
    metadata = MetaData()
    metadata.reflect(engine)
    found: Rows = {}
    with engine.connect() as connection:
        for table in metadata.tables.values():
            if table.name != "alembic_version":
                rows = connection.execute(select(table)).mappings()
                found[table.name] = {tuple(row[key.name] for key in table.primary_key): dict(row) for row in rows}
    engine.dispose()
    return found


def restored(path: Path, kind: str, empty_database: Callable[[str], str], tmp_path: Path) -> str:
    """The URL of a database as it was stored."""
    old = f"sqlite:///{tmp_path / 'old.db'}"
    with sqlite3.connect(tmp_path / "old.db") as connection:
        connection.executescript(path.read_text())
    connection.close()
    if kind == "sqlite":
        return old
    url = empty_database(kind)
    with create_engine(old).connect() as source:
        revision = source.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    engine = create_engine(url)
    with engine.begin() as connection:
        configuration = Config()
        configuration.set_main_option("script_location", str(MIGRATIONS))
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, revision)
    metadata = MetaData()
    metadata.reflect(engine)
    stored = rows_of(old)
    with engine.begin() as connection:
        for table in metadata.sorted_tables:
            rows = list(stored.get(table.name, {}).values())
            if rows:
                connection.execute(table.insert(), rows)
                if "id" in table.c:
                    _go_on_behind(connection, table)
    engine.dispose()
    return url


def _go_on_behind(connection: Any, table: Table) -> None:
    """Let the next row get the number after the last one's."""
    sequence = text(f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), max(id)) FROM {table.name}")  # noqa: S608
    connection.execute(sequence)


def test_there_is_a_store_of_every_version_before_this_one() -> None:
    configuration = Config()
    configuration.set_main_option("script_location", str(MIGRATIONS))
    script = ScriptDirectory.from_config(configuration)
    released = {"0001", "0002_orders", "0003_desk"}
    found = set()
    for path in FILES:
        (line,) = [line for line in path.read_text().splitlines() if line.startswith('INSERT INTO "alembic_version"')]
        found.add(line.split("'")[1])
    assert released <= found
    assert found < {revision.revision for revision in script.walk_revisions()}


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_store_of_an_earlier_version_keeps_every_row_and_its_clock_goes_on(
    path: Path, kind: str, empty_database: Callable[[str], str], tmp_path: Path
) -> None:
    url = restored(path, kind, empty_database, tmp_path)
    before = rows_of(url)
    assert all(before.values()), "the stored database has a row in every table"
    store = Store(url)
    store.migrate()
    store.check()
    after = rows_of(url)
    for name, rows in before.items():
        assert rows.keys() <= after[name].keys(), name
        if name in EVIDENCE:
            kept = {key: {column: after[name][key][column] for column in row} for key, row in rows.items()}
            assert kept == rows

    clock = Clock()
    raws = [*clock.start(), clock.punch(ANNA_UID), clock.punch(BRAM_UID, Direction.OUT), clock.punch(LUZ_UID)]
    raws += [clock.punch(STRANGER_UID), clock.close_epoch(), clock.boot(burnt=1)]
    raws.append(clock.punch(ANNA_UID, Direction.OUT))
    stored = sorted(row["seq"] for row in after["records"].values() if row["clock_id"] == 1)
    assert [after["records"][1, seq]["raw"] for seq in stored] == raws
    vault = Vault(b"data key of the tests, 32 bytes.")
    intake = Intake(vault, Downlink(vault))
    with store.write() as connection:
        delivery = ClockMessage(clock.topic("punches"), clock.punch(BRAM_UID), NOON_MS)
        taken = intake.handle(connection, [delivery], NOON_MS)
    assert taken.acks == {1: Ack(clock.state.next_seq, Verdict.IN_ORDER)}
    assert rows_of(url)["punches"].keys() > after["punches"].keys()
    store.close()
