"""A store that an earlier version made keeps every row and every reference."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import create_engine, inspect, select, text
from tests.host.bridge.world import ANNA_UID, BOTH, World
from tests.stores.written import revisions

from badgeclock.bridge.store import forms, migrating, schema
from badgeclock.bridge.store.database import Store
from badgeclock.errors import StoreError


def test_the_forms_that_every_command_knows_are_those_of_the_migrations() -> None:
    assert list(forms.FORMS) == revisions()


def test_sites_that_others_refer_to_are_made_anew_with_all_that_hangs_on_them(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    old = create_engine(f"sqlite:///{path}")
    configuration = migrating.configuration()
    with old.begin() as connection:
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "0003_desk")
        for statement in (
            "INSERT INTO employers VALUES (4, '0438195916', 'Voorbeeld')",
            "INSERT INTO sites VALUES (7, 'Quay 7', '1Y1TEST00001Z', 'meat', 'Europe/Brussels', x'01', NULL)",
            "INSERT INTO workers VALUES (3, 'W-001', x'02', 'niss', x'03', x'04', 4)",
            "INSERT INTO badges VALUES (5, 7, x'0102030405060708', 3, 0, NULL)",
        ):
            connection.exec_driver_sql(statement)
    old.dispose()
    store = Store(f"sqlite:///{path}")
    store.migrate()
    with store.read() as connection:
        (site,) = connection.execute(schema.sites.select()).all()
        assert (site.id, site.name, site.site_key_closed, site.address) == (7, "Quay 7", b"\x01", None)
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
        assert connection.execute(select(schema.workers.c.added_ms)).scalar_one() > 0
    with pytest.raises(StoreError, match="FOREIGN KEY"), store.write() as connection:
        connection.execute(schema.sites.delete())
    with pytest.raises(StoreError, match="UNIQUE"), store.write() as connection:
        connection.execute(schema.sites.insert().values(**{**site._asdict(), "id": 8}))
    store.close()


def test_badges_that_an_earlier_desk_issued_are_told_apart_from_those_by_their_uid(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    old = create_engine(f"sqlite:///{path}")
    configuration = migrating.configuration()
    with old.begin() as connection:
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "0011_expected")
        for statement in (
            (
                "INSERT INTO sites (id, name, workplace, regime, time_zone)"
                " VALUES (7, 'Quay 7', '1Y1TEST00001Z', 'meat', 'UTC')"
            ),
            (
                "INSERT INTO workers (id, reference, name_closed, identity_kind, identity_closed, identity_index)"
                " VALUES (3, 'W-001', x'02', 'niss', x'03', x'04')"
            ),
            "INSERT INTO badges VALUES (5, 7, x'0102030405060705', 3, 0, NULL, NULL)",
            "INSERT INTO badges VALUES (12, 7, x'0102030405060712', 3, 0, NULL, NULL)",
            "INSERT INTO badges VALUES (13, 7, x'0102030405060713', 3, 0, NULL, NULL)",
            (
                "INSERT INTO events (severity, kind, detail, times, first_ms, last_ms)"
                " VALUES ('info', 'badge_issued', 'badge 5 was issued to W-001 by desk officer at clock-0001', 1, 0, 0)"
            ),
            "INSERT INTO acts VALUES (1, 0, 'desk officer', 'badge_issued', 'worker:3', '', '{\"badge\": 12}', x'00')",
        ):
            connection.exec_driver_sql(statement)
    old.dispose()
    store = Store(f"sqlite:///{path}")
    store.migrate()
    with store.read() as connection:
        rows = connection.execute(select(schema.badges.c.id, schema.badges.c.form, schema.badges.c.issue)).all()
    store.close()
    assert [tuple(row) for row in rows] == [(5, 1, None), (12, 1, None), (13, None, None)]


DATABASES = BOTH


def indexes_of(url: str) -> set[str]:
    engine = create_engine(url)
    try:
        found = inspect(engine)
        return {str(one["name"]) for table in found.get_table_names() for one in found.get_indexes(table)}
    finally:
        engine.dispose()


BEFORE = "0017_accounts"


def test_a_store_goes_back_to_an_earlier_form_with_every_row_and_forward_again(world: World, database: str) -> None:
    world.punches(*world.clock.start(), world.clock.punch(ANNA_UID))
    newest = indexes_of(database)
    rows = [world.rows(table) for table in (schema.punches, schema.presences, schema.badges)]
    world.store.migrate_back(BEFORE)
    assert "ix_badges_site_id_worker_id" in newest - indexes_of(database)
    with pytest.raises(StoreError, match=f"has the form {BEFORE}"):
        world.store.check()
    world.store.migrate()
    assert indexes_of(database) == newest
    assert [world.rows(table) for table in (schema.punches, schema.presences, schema.badges)] == rows


def test_a_store_does_not_go_back_where_something_would_be_lost(world: World) -> None:
    for form in ("0012_reach", "0099_other", forms.NEWEST):
        with pytest.raises(StoreError, match="there is no way from the form"):
            world.store.migrate_back(form)
    link = {"kind": "worker", "secret_sha256": bytes(32), "made_by": "office", "why": "", "made_ms": 1, "ends_ms": 2}
    with world.store.write() as connection:
        connection.execute(schema.links.insert(), link)
    with pytest.raises(StoreError, match="no place for what is in links"):
        world.store.migrate_back(BEFORE)
    world.store.check()
    assert len(world.rows(schema.links)) == 1


def test_a_form_that_breaks_a_reference_is_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    old = create_engine(f"sqlite:///{path}")
    configuration = migrating.configuration()
    with old.begin() as connection:
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "0006_standing")
        connection.exec_driver_sql(
            "INSERT INTO badges (id, site_id, token, worker_id, since_ms) VALUES (5, 7, x'0102030405060705', 3, 0)"
        )
    old.dispose()
    store = Store(f"sqlite:///{path}")
    with pytest.raises(StoreError, match="would refer to one that is not there"):
        store.migrate()
    with store.read() as connection:
        assert forms.form_of(connection) == "0006_standing"
    store.close()
