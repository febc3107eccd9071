"""A site's own time by which everybody there has a number, and how long before it a notice is sent; and the book of
acts by operator and by kind."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from badgeclock.bridge.store.migrations import way_back

revision: str = "0022_deadlines"
down_revision: str | None = "0021_holders"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Add the columns, each site has what the settings say; and the indexes of the book's page."""
    with op.batch_alter_table("sites") as sites:
        sites.add_column(sa.Column("deadline", sa.String(length=5)))
        sites.add_column(sa.Column("deadline_minutes", sa.SmallInteger()))
    op.create_index("ix_acts_operator", "acts", ["operator", "id"])
    op.create_index("ix_acts_act", "acts", ["act", "id"])


def downgrade() -> None:
    """Remove them, as long as no site has its own."""
    op.drop_index("ix_acts_act", "acts")
    op.drop_index("ix_acts_operator", "acts")
    way_back.none_of("sites", "deadline IS NOT NULL OR deadline_minutes IS NOT NULL")
    with op.batch_alter_table("sites") as sites:
        sites.drop_column("deadline_minutes")
        sites.drop_column("deadline")
