"""Engagements of workers, when a site's regime changes and how long its shifts are, and presences that are assumed."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0009_engagements"
down_revision: str | None = "0008_domain"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_ASSUMED = sa.text("assumed IS NOT NULL AND kept_ms IS NULL")


def upgrade() -> None:
    """Add the table and the columns. Every site has the usual longest shift and no night hours."""
    # SQLite numbers rows by itself only in a column of exactly this type.
    row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "engagements",
        sa.Column("id", row_id, nullable=False),
        sa.Column("worker_id", row_id, nullable=False),
        sa.Column("employer_id", row_id, nullable=False),
        sa.Column("from_day", sa.Date()),
        sa.Column("to_day", sa.Date()),
        sa.Column("site_ids", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_engagements_worker_id")),
        sa.ForeignKeyConstraint(["employer_id"], ["employers.id"], name=op.f("fk_engagements_employer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_engagements")),
    )
    op.create_index(op.f("ix_engagements_worker_id"), "engagements", ["worker_id"], unique=False)
    with op.batch_alter_table("sites") as sites:
        sites.add_column(sa.Column("next_regime", sa.String(length=16)))
        sites.add_column(sa.Column("regime_from", sa.Date()))
        sites.add_column(sa.Column("longest_shift_h", sa.SmallInteger(), nullable=False, server_default="12"))
        sites.add_column(sa.Column("night_hours", sa.String(length=11)))
    with op.batch_alter_table("badges") as badges:
        badges.add_column(sa.Column("engagement_id", row_id))
        badges.create_foreign_key(op.f("fk_badges_engagement_id"), "engagements", ["engagement_id"], ["id"])
    with op.batch_alter_table("presences") as presences:
        presences.add_column(sa.Column("assumed", sa.String(length=16)))
        presences.add_column(sa.Column("kept_ms", sa.BigInteger()))
    op.create_index(
        "ix_presences_assumed", "presences", ["day"], unique=False, sqlite_where=_ASSUMED, postgresql_where=_ASSUMED
    )
    op.add_column("corrections", sa.Column("employer_kbo", sa.String(length=10)))
