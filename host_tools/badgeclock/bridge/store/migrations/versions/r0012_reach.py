"""How far a token of the planning interface reaches."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0012_reach"
down_revision: str | None = "0011_expected"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Add the column. The tokens that there are keep what they were made for: they reach everything."""
    op.add_column("api_tokens", sa.Column("reach", sa.JSON()))
