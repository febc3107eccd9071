"""A store that an earlier version made keeps every row and every reference."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import create_engine, select, text

from badgeclock.bridge.store import database as store_module
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.database import Store
from badgeclock.errors import StoreError


def test_sites_that_others_refer_to_are_made_anew_with_all_that_hangs_on_them(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    old = create_engine(f"sqlite:///{path}")
    configuration = store_module._alembic()
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
