"""What PostgreSQL does to a store that stays open: another primary, another encoding, a session that holds a row."""

from __future__ import annotations

import time

import psycopg
import pytest
from sqlalchemy import select, update
from tests.host.bridge.world import KBO
from tests.postgres import Cluster

from badgeclock.bridge.people import employers
from badgeclock.bridge.store import database as store_module
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.database import Store
from badgeclock.errors import StoreError

DATABASES = ("postgresql",)
PATIENCE_S = 60


def test_a_server_that_is_no_primary_any_more_costs_one_transaction(database: str) -> None:
    """After a fail-over with the same address, connections that look well lead to a server that only reads."""
    store = Store(database)
    with store.write() as connection:
        connection.exec_driver_sql("SET default_transaction_read_only = on")
    with pytest.raises(StoreError, match="read-only"), store.write() as connection:
        employers.add(connection, KBO)
    with store.write() as connection:
        employers.add(connection, KBO)
    with store.read() as connection:
        assert connection.execute(select(schema.employers.c.kbo)).scalars().all() == [KBO]
    store.close()


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_that_cannot_hold_every_name_is_refused_in_a_sentence(cluster: Cluster, encoding: str) -> None:
    name = f"x{encoding.lower()}"
    with psycopg.connect(host=str(cluster.folder), user="badgeclock", dbname="postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0")
    store = Store(cluster.url(name))
    with pytest.raises(StoreError, match=f"encoding {encoding}"):
        store.migrate()
    store.close()
    cluster.drop(name)


def test_what_the_server_sends_is_utf_8_whatever_the_database_says(database: str) -> None:
    with psycopg.connect(database.replace("+psycopg", ""), autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f"ALTER DATABASE {name} SET client_encoding = 'LATIN1'")
    store = Store(database)
    with store.read() as connection:
        assert connection.exec_driver_sql("SHOW client_encoding").scalar() == "UTF8"
    store.close()


def test_a_program_that_stopped_in_a_transaction_holds_nobody_up_for_good(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "_LIMITS", store_module._LIMITS.replace("60s", "2s").replace("30s", "1s"))
    first, stopped = Store(database), Store(database)
    with first.write() as connection:
        employers.add(connection, KBO)
    held = stopped._writer.connect()
    held.execute(update(schema.employers).values(name="held"))
    with pytest.raises(StoreError, match="lock timeout"), first.write() as connection:
        connection.execute(update(schema.employers).values(name="waits"))

    def is_written() -> bool:
        try:
            with first.write() as connection:
                connection.execute(update(schema.employers).values(name="through"))
        except StoreError:
            return False
        return True

    deadline = time.monotonic() + PATIENCE_S
    while not is_written():
        assert time.monotonic() < deadline, "the row is still held"
    held.invalidate()
    held.close()
    first.close()
    stopped.close()
