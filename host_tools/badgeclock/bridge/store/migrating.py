"""Runs the migrations to this version's form of the tables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from badgeclock.bridge.store import forms
from badgeclock.errors import StoreError

_MIGRATIONS: Final = Path(__file__).with_name("migrations")


def configuration() -> Config:
    """Alembic's configuration."""
    made = Config()
    made.set_main_option("script_location", str(_MIGRATIONS))
    return made


def migrate(connection: Connection) -> None:
    """Migrate the tables to this version's form in the caller's transaction; keeps every row. Raises StoreError for a
    newer form, and for a database that would lose data.
    """
    _check_encoding(connection)
    forms.check_known(forms.form_of(connection))
    made = configuration()
    made.attributes["connection"] = connection
    before = _roots(connection)
    command.upgrade(made, "head")
    _check_references(connection, before)


def migrate_back(connection: Connection, form: str) -> None:
    """Migrate the tables back to an earlier form in the caller's transaction, for an earlier version. Raises
    StoreError, without changing anything, if the form is not an earlier one, or data would be lost.
    """
    found = forms.form_of(connection)
    forms.check_newest(found)
    made = configuration()
    made.attributes["connection"] = connection
    steps = forms.FORMS[forms.FORMS.index(form) + 1 :] if form in forms.FORMS else ()
    scripts = ScriptDirectory.from_config(made)
    lost = [step for step in steps if not hasattr(scripts.get_revision(step).module, "downgrade")]
    if not steps or lost:
        raise StoreError(
            what=f"there is no way from the form {found} back to {form}"
            + (f": what {', '.join(lost)} brought would be lost" if lost else ""),
            kept="the store, untouched",
            do="restore the backup that was made before the update",
        )
    command.downgrade(made, form)


def _roots(connection: Connection) -> dict[str, int]:
    """The root page of each of SQLite's tables, which changes when a table is recreated. Empty for PostgreSQL."""
    if connection.dialect.name != "sqlite":
        return {}
    rows = connection.exec_driver_sql("SELECT name, rootpage FROM sqlite_master WHERE type = 'table'")
    return {row.name: row.rootpage for row in rows}


def _check_references(connection: Connection, before: Mapping[str, int]) -> None:
    """Raise StoreError, before the commit, if a row refers to a missing one; PostgreSQL checks this itself.

    Only created or recreated tables, and those that refer to them, are checked: scanning a store of years takes as long
    as everything else. No migration deletes rows that others refer to.
    """
    now = _roots(connection)
    others = {name for name in {*before, *now} if before.get(name) != now.get(name)}
    for name in sorted(now):
        to = {row.table for row in connection.exec_driver_sql(f'PRAGMA foreign_key_list("{name}")')}
        if name not in others and others.isdisjoint(to):
            continue
        if connection.exec_driver_sql(f'PRAGMA foreign_key_check("{name}")').first() is None:
            continue
        raise StoreError(
            what="after the change of form a row would refer to one that is not there",
            kept="the store as it was before",
            do="make a backup of the store, and report it to us",
        )


def _check_encoding(connection: Connection) -> None:
    """Raise StoreError if PostgreSQL's encoding cannot store every letter of a name."""
    if connection.dialect.name != "postgresql":
        return
    encoding = connection.exec_driver_sql("SHOW server_encoding").scalar()
    if encoding != "UTF8":
        raise StoreError(
            what=f"the database has the encoding {encoding}, in which not every name can be written",
            kept="the database, untouched",
            do="make one with `createdb --encoding UTF8 --template template0 NAME`, and name it in [store] url",
        )
