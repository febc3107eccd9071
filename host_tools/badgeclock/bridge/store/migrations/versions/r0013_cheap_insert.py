"""The index of punches for a person asks first whether a punch has a presence, which costs an insert nothing."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0013_cheap_insert"
down_revision: str | None = "0012_reach"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_PUNCHES = sa.text("presence_id IS NULL AND state IN ('WAITING', 'UNASSIGNED', 'INVALID')")


def upgrade() -> None:
    """Make the index again with its new condition; which punches it holds does not change."""
    op.drop_index("ix_punches_for_person", table_name="punches")
    op.create_index(
        "ix_punches_for_person",
        "punches",
        ["state", "id"],
        unique=False,
        sqlite_where=_PUNCHES,
        postgresql_where=_PUNCHES,
    )
