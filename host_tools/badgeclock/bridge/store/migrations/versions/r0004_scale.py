"""What several intakes must know of a clock: what it has shown of its chain, and whether it was founded again."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004_scale"
down_revision: str | None = "0003_desk"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Add the columns; a clock proves again whose chain it has with its next connection."""
    op.add_column("clocks", sa.Column("shown", sa.BigInteger()))
    op.add_column("clocks", sa.Column("founded_anew", sa.Boolean(), nullable=False, server_default=sa.false()))
