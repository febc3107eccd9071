"""Orders to clocks; why a clock is under quarantine, and what it may hold for kept meanwhile."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002_orders"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Add the table, and the columns to `clocks`; a clock under quarantine is so for an equivocation until now."""
    # SQLite numbers rows by itself only in a column of exactly this type.
    row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "orders",
        sa.Column("id", row_id, nullable=False),
        sa.Column("clock_id", row_id, nullable=False),
        sa.Column("command", sa.SmallInteger(), nullable=False),
        sa.Column("given_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("given_ms", sa.BigInteger(), nullable=False),
        sa.Column("sent_ms", sa.BigInteger()),
        sa.Column("times_sent", sa.Integer(), nullable=False),
        sa.Column("done_ms", sa.BigInteger()),
        sa.Column("outcome", sa.Text()),
        sa.ForeignKeyConstraint(["clock_id"], ["clocks.id"], name=op.f("fk_orders_clock_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
    )
    op.create_index(
        "uq_orders_open",
        "orders",
        ["clock_id", "command"],
        unique=True,
        sqlite_where=sa.text("done_ms IS NULL"),
        postgresql_where=sa.text("done_ms IS NULL"),
    )
    for column in (
        sa.Column("gap_seq", sa.BigInteger()),
        sa.Column("gap_times", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("gap_since_ms", sa.BigInteger()),
        sa.Column("held_reason", sa.String(length=32)),
        sa.Column("held_ms", sa.BigInteger()),
        sa.Column("kept", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("ack_limit", sa.BigInteger()),
    ):
        op.add_column("clocks", column)
    op.execute("UPDATE clocks SET kept = (SELECT count(*) FROM quarantine WHERE quarantine.clock_id = clocks.id)")
    op.execute("UPDATE clocks SET held_reason = 'equivocation' WHERE state = 'QUARANTINED'")
