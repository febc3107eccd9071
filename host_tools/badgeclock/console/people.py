"""How workers are shown: by the office's reference and initials, with the name if the visitor has opened names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Connection, select

from badgeclock.bridge.people.workers import initials_of
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.database import chunks
from badgeclock.bridge.store.vault import PEOPLE, Vault


class Shown(NamedTuple):
    """A worker on a page: the office's reference, and initials or name."""

    reference: str
    called: str


def shown(connection: Connection, vault: Vault, references: Iterable[str | None], *, names: bool) -> dict[str, Shown]:
    """Workers by their references."""
    table, found = schema.workers, {}
    for some in chunks(sorted({one for one in references if one})):
        rows = connection.execute(select(table.c.reference, table.c.name_closed).where(table.c.reference.in_(some)))
        for reference, closed in rows:
            if names:
                called = vault.open(PEOPLE, f"name:{reference}", closed).decode()
            else:
                called = initials_of(vault, reference, closed)
            found[reference] = Shown(reference, called)
    return found
