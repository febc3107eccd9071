"""The badge desk: its jobs, and the roots that the keys of a site's badges come from."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003_desk"
down_revision: str | None = "0002_orders"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Add the table and the column."""
    # SQLite numbers rows by itself only in a column of exactly this type.
    row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "desk_jobs",
        sa.Column("id", row_id, nullable=False),
        sa.Column("clock", sa.String(length=23), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("worker", sa.Text()),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("progress", sa.Text(), nullable=False),
        sa.Column("outcome", sa.JSON()),
        sa.Column("stop_asked", sa.Boolean(), nullable=False),
        sa.Column("asked_ms", sa.BigInteger(), nullable=False),
        sa.Column("started_ms", sa.BigInteger()),
        sa.Column("ended_ms", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_desk_jobs")),
    )
    op.create_index(
        "ix_desk_jobs_open",
        "desk_jobs",
        ["id"],
        unique=False,
        sqlite_where=sa.text("ended_ms IS NULL"),
        postgresql_where=sa.text("ended_ms IS NULL"),
    )
    op.add_column("sites", sa.Column("badge_root_closed", sa.LargeBinary()))
