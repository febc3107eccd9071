"""Rosters and settings: what each clock should have, and what it reported that it has; the workers' languages."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005_rosters"
down_revision: str | None = "0004_scale"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Add the columns; every site's roster counts as changed, so that its clocks get one."""
    op.add_column("sites", sa.Column("roster_changes", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("sites", sa.Column("roster_changed_ms", sa.BigInteger()))
    op.add_column("workers", sa.Column("language", sa.String(length=2)))
    op.add_column("clocks", sa.Column("roster_version", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("clocks", sa.Column("roster_of", sa.BigInteger()))
    op.add_column("clocks", sa.Column("roster_ms", sa.BigInteger()))
    op.add_column("clocks", sa.Column("roster_told", sa.BigInteger()))
    op.add_column("clocks", sa.Column("settings_version", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("clocks", sa.Column("settings_wanted", sa.JSON()))
    op.add_column("clocks", sa.Column("settings_told", sa.BigInteger()))
    op.add_column("clocks", sa.Column("settings_refused", sa.BigInteger()))
    op.execute("UPDATE sites SET roster_changes = 1")
