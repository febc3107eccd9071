"""What clocks report of orders, and how the bridge sees each clock."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0006_standing"
down_revision: str | None = "0005_rosters"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column("orders", sa.Column("boot", sa.Integer()))
    op.add_column("orders", sa.Column("report", sa.JSON()))
    op.add_column("clocks", sa.Column("standing", sa.JSON()))
