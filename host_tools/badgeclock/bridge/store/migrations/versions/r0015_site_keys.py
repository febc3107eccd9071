"""Another site key: two tokens of a badge while it comes to the clocks, and how far each clock is."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0015_site_keys"
down_revision: str | None = "0014_cards"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TWO = sa.text("token_before IS NOT NULL")


def upgrade() -> None:
    """Add the columns: every site has had one key, and every clock has it."""
    op.add_column("sites", sa.Column("site_keys", sa.SmallInteger(), nullable=False, server_default="1"))
    op.add_column("sites", sa.Column("key_changed_ms", sa.BigInteger()))
    op.add_column("badges", sa.Column("token_before", sa.LargeBinary(8)))
    op.create_index(
        "ix_badges_token_before",
        "badges",
        ["site_id", "token_before"],
        unique=False,
        sqlite_where=_TWO,
        postgresql_where=_TWO,
    )
    op.add_column("clocks", sa.Column("site_keys", sa.SmallInteger(), nullable=False, server_default="1"))
    op.add_column("clocks", sa.Column("roster_keys", sa.SmallInteger(), nullable=False, server_default="1"))
