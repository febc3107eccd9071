"""What PostgreSQL does to a store that stays open: another primary, another encoding, a session that holds a row."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from sqlalchemy import select, update
from tests.host.bridge.world import ANNA_UID, KBO, Clock, World
from tests.postgres import Cluster

from badgeclock.bridge.downlink.frames_out import Downlink
from badgeclock.bridge.intake.batch import ClockMessage
from badgeclock.bridge.intake.intake import Intake
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


def test_what_is_asked_often_is_planned_each_time_for_what_it_asks(database: str) -> None:
    store = Store(database)
    with store.read() as connection:
        for kbo in range(20):
            connection.execute(select(schema.employers.c.id).where(schema.employers.c.kbo == str(kbo))).all()
        assert connection.exec_driver_sql("SELECT count(*) FROM pg_prepared_statements").scalar() == 0
    store.close()


def test_a_presence_that_another_worker_opens_at_the_same_moment_is_joined(world: World, cluster: Cluster) -> None:
    """Anna badges at two clocks, whose workers decide at once: neither sees what the other has not committed."""
    other = world.add_clock(Clock("clock-0002"))
    for clock in (world.clock, other):
        world.punches(*clock.start(), clock=clock)
    beside = Intake(world.vault, Downlink(world.vault))
    first, second = (
        [ClockMessage(clock.topic("punches"), clock.punch(ANNA_UID), world.now_ms)] for clock in (world.clock, other)
    )

    def waiting() -> int:
        with psycopg.connect(host=str(cluster.folder), user="badgeclock", dbname="postgres") as connection:
            found = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
            (count,) = found.fetchone() or (0,)
            return int(count)

    def take_beside() -> int:
        with world.store.write() as connection:
            return beside.handle(connection, second, world.now_ms).counts["accepted"]

    with ThreadPoolExecutor(1) as thread:
        with world.store.write() as connection:
            world.intake.handle(connection, first, world.now_ms)
            taken = thread.submit(take_beside)
            deadline = time.monotonic() + PATIENCE_S
            while not waiting() and time.monotonic() < deadline:
                time.sleep(0.01)
        assert taken.result(PATIENCE_S) == 1
    punches, presences = schema.punches.c, schema.presences.c
    with world.store.read() as connection:
        (presence,) = connection.execute(select(presences.id)).scalars()
        assert connection.execute(select(punches.presence_id)).scalars().all() == [presence, presence]
