"""Writes employers, sites and workers: adds a row, or changes the columns that differ."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, insert, update

from badgeclock.bridge.people.checks import writings
from badgeclock.bridge.store.audit_log import Change


def named(column: Any, name: str) -> ColumnElement[bool]:
    """Whether a column has this name, in any Unicode form of its letters with marks."""
    condition: ColumnElement[bool] = column.in_(writings(name))
    return condition


def change_row(connection: Connection, table: Any, kind: str, row: Any, values: dict[str, Any]) -> Change:
    """Write the columns of a row that differ; their values must reveal nothing of a person."""
    now = row._asdict()
    different = {name: value for name, value in values.items() if now[name] != value}
    if different:
        connection.execute(update(table).where(table.c.id == row.id).values(different))
    before = {name: now[name] for name in different}
    return Change(kind, row.id, is_new=False, changed=tuple(different), before=before, after=different)


def add_row(connection: Connection, table: Any, **values: Any) -> int:
    """Insert one row; returns its number."""
    return int(connection.execute(insert(table).values(values).returning(table.c.id)).scalar_one())
