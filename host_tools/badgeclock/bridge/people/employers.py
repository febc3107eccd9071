"""Employers, by enterprise number.

Every function takes the connection of an open transaction (`Store.write`), so that several acts can be one.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select
from stdnum.be import vat

from badgeclock.bridge.errors import PeopleError
from badgeclock.bridge.people.checks import one_line
from badgeclock.bridge.people.rows import add_row, change_row
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.audit_log import Change


def enterprise_number(text: str) -> str:
    """An enterprise number (KBO/BCE) or Belgian VAT number as 10 digits; raises PeopleError if it cannot be one."""
    number = vat.compact(text).zfill(10)
    if not vat.is_valid(number):
        raise PeopleError("the enterprise number has wrong check digits or a wrong form", "look it up in the KBO/BCE")
    return number


def add(connection: Connection, kbo_number: str, name: str = "") -> int:
    """Add an employer by its enterprise number (KBO/BCE, 9 or 10 digits); returns its row, also if it exists."""
    return put(connection, kbo_number, name).id


def put(connection: Connection, kbo_number: str, name: str = "") -> Change:
    """Add an employer, or rename an existing one; an empty name leaves its present name."""
    number, name = enterprise_number(kbo_number), one_line(name, "an employer's name", least=0)
    table = schema.employers
    row = _find_row(connection, number)
    if row is None:
        added = add_row(connection, table, kbo=number, name=name)
        return Change("employer", added, is_new=True, after={"kbo": number, "name": name})
    return change_row(connection, table, "employer", row, {"name": name or row.name})


def _find_row(connection: Connection, number: str) -> Any:
    table = schema.employers
    return connection.execute(select(table).where(table.c.kbo == number)).one_or_none()


def row_id(connection: Connection, number: str) -> int:
    """The row of an employer; raises PeopleError if there is none."""
    row = _find_row(connection, enterprise_number(number))
    if row is None:
        raise PeopleError("there is no such employer", "add it with `badgeclock bridge employer add`")
    return int(row.id)
