"""A store of every form is migrated to this version's with every row, and its clocks continue.

`tests/stores/rNNNN.sql` is what the bridge of that form wrote, in SQLite, for the invented people and clocks of
`world`: presences with numbers and remarks, an unknown badge, a burnt number, a clock under quarantine, one that ended.
They are never changed; `python -m tests.stores` writes the one of a new form.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import MetaData, Table, create_engine, select, text
from tests.host.bridge.world import ANNA_UID, BOTH, BRAM_UID, LUZ_UID, NOON_MS, STRANGER_UID, Clock
from tests.stores.written import MIGRATIONS, file_name, revisions, write

from badgeclock.bridge.downlink.frames_out import Downlink
from badgeclock.bridge.intake.batch import ClockMessage
from badgeclock.bridge.intake.intake import Intake
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.store.vault import Vault
from badgeclock.protocol.frames import Ack, Verdict
from badgeclock.protocol.record import Direction

STORES = Path(__file__).resolve().parents[3] / "stores"
FILES = sorted(STORES.glob("*.sql"))
MOST_FILLED_FROM = "r0004"
"""From this store on every column has a value in some row; the ones before have a value in every table."""

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
        connection.execute(text("SET LOCAL session_replication_role = replica"))  # no trigger counts what is counted
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


def revision_of(path: Path) -> str:
    """The form of a stored database."""
    (line,) = [line for line in path.read_text().splitlines() if line.startswith('INSERT INTO "alembic_version"')]
    return line.split("'")[1]


def columns_without_a_value(rows: Rows) -> set[str]:
    """As "table.column"; a table without rows as "table"."""
    empty = {name for name, found in rows.items() if not found}
    for name, found in rows.items():
        filled = {column for row in found.values() for column, value in row.items() if value is not None}
        empty |= {f"{name}.{column}" for row in found.values() for column in row if column not in filled}
    return empty


def test_there_is_a_store_of_every_form() -> None:
    expected = {file_name(revision): revision for revision in revisions()}
    assert {path.name: revision_of(path) for path in FILES} == expected, "`python -m tests.stores` writes a new form's"


async def test_the_command_writes_a_store_of_this_form_with_a_value_in_every_column(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    path = tmp_path / "made.sql"
    path.write_text(await write(tmp_path / "made"))
    assert revision_of(path) == revisions()[-1]
    assert not columns_without_a_value(rows_of(f"sqlite:///{tmp_path / 'made' / 'bridge.db'}"))


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_store_of_an_earlier_version_keeps_every_row_and_its_clock_goes_on(
    path: Path, kind: str, empty_database: Callable[[str], str], tmp_path: Path
) -> None:
    url = restored(path, kind, empty_database, tmp_path)
    before = rows_of(url)
    assert all(before.values()), "the stored database has a row in every table"
    if path.stem >= MOST_FILLED_FROM:
        assert not columns_without_a_value(before)
    store = Store(url)
    store.migrate()
    store.check()
    after = rows_of(url)
    for name, rows in before.items():
        kept = {key: {column: after[name][key][column] for column in row} for key, row in rows.items()}
        assert kept == rows, name

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
