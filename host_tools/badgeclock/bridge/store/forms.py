"""The forms of the store's tables, and which one a store has.

Migrations lead from one to the next; few commands need them, and they are slow to import (`migrating`). This module has
what every command checks.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, inspect, text

from badgeclock.errors import StoreError

FORMS: Final = (
    "0001",
    "0002_orders",
    "0003_desk",
    "0004_scale",
    "0005_rosters",
    "0006_standing",
    "0007_regimes",
    "0008_domain",
    "0009_engagements",
    "0010_attention",
    "0011_expected",
    "0012_reach",
    "0013_cheap_insert",
    "0014_cards",
    "0015_site_keys",
    "0016_grown",
    "0017_accounts",
    "0018_site_badges",
    "0019_office",
    "0020_notices",
    "0021_holders",
    "0022_deadlines",
)
"""Every form, oldest first; a test compares them with the migrations."""
NEWEST: Final = FORMS[-1]


def form_of(connection: Connection) -> str | None:
    """The form of a store's tables; None without tables."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def check_known(found: str | None) -> None:
    """Raise StoreError for a form unknown to this version; `found` is its name, None without tables."""
    if found is not None and found not in FORMS:
        raise StoreError(
            what=f"the store has the form {found}, which this bridge does not know: a newer version wrote it",
            kept="the store, untouched",
            do="run that version, or a later one; or restore the backup that was made before the update",
        )


def check_newest(found: str | None) -> None:
    """Raise StoreError unless the tables have this version's form."""
    check_known(found)
    if found != NEWEST:
        raise StoreError(
            what=f"the store has the form {found or 'of an empty database'}, this bridge needs {NEWEST}",
            kept="the store, untouched",
            do="stop the bridge, make a backup, and run `badgeclock bridge init`",
        )
