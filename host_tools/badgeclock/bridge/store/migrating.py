"""Brings a store's tables to this version's form, by the migrations."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from badgeclock.bridge.store import forms
from badgeclock.errors import StoreError

_MIGRATIONS: Final = Path(__file__).with_name("migrations")


def configuration() -> Config:
    """Where Alembic finds the migrations."""
    made = Config()
    made.set_main_option("script_location", str(_MIGRATIONS))
    return made


def migrate(connection: Connection) -> None:
    """Bring the tables to this version's form in the transaction of the caller, which keeps every row. Raises
    StoreError for a form that only a newer version knows, and for a database that would lose something.
    """
    _check_encoding(connection)
    forms.check_known(forms.form_of(connection))
    made = configuration()
    made.attributes["connection"] = connection
    command.upgrade(made, "head")
    _check_references(connection)


def _check_references(connection: Connection) -> None:
    """Raise StoreError, before the commit, if a row refers to one that is not there; PostgreSQL checks it itself."""
    if connection.dialect.name == "sqlite" and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
        raise StoreError(
            what="after the change of form a row would refer to one that is not there",
            kept="the store as it was before",
            do="make a backup of the store, and report it to us",
        )


def _check_encoding(connection: Connection) -> None:
    """Raise StoreError if PostgreSQL would not keep every letter of a name."""
    if connection.dialect.name != "postgresql":
        return
    encoding = connection.exec_driver_sql("SHOW server_encoding").scalar()
    if encoding != "UTF8":
        raise StoreError(
            what=f"the database has the encoding {encoding}, in which not every name can be written",
            kept="the database, untouched",
            do="make one with `createdb --encoding UTF8 --template template0 NAME`, and name it in [store] url",
        )
