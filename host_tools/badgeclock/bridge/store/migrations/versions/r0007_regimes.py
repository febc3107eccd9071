"""Movements beside days, corrections, and a key that only presences which stand must not share."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007_regimes"
down_revision: str | None = "0006_standing"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_STANDING = sa.text("state NOT IN ('CANCELLED', 'CLOSED')")
_UNDER_WAY = sa.text("declared = 'movement' AND state IN ('QUEUED', 'SENT', 'UNKNOWN')")


def upgrade() -> None:
    """Add the table, the columns and the indexes; every presence there is declares its day."""
    with op.batch_alter_table("presences") as presences:
        presences.add_column(sa.Column("declared", sa.String(length=8), nullable=False, server_default="day"))
        presences.add_column(sa.Column("moment_ms", sa.BigInteger(), nullable=False, server_default="0"))
        presences.add_column(sa.Column("way", sa.String(length=3), nullable=False, server_default=sa.text("''")))
        presences.add_column(sa.Column("sent_identity", sa.LargeBinary()))
        presences.add_column(sa.Column("decided_ms", sa.BigInteger()))
        presences.drop_constraint("uq_presences_worker_id_employer_kbo_workplace_day", type_="unique")
    op.create_index(
        "uq_presences_standing",
        "presences",
        ["worker_id", "employer_kbo", "workplace", "day", "moment_ms", "way"],
        unique=True,
        sqlite_where=_STANDING,
        postgresql_where=_STANDING,
    )
    op.create_index("ix_presences_worker_day", "presences", ["worker_id", "day"], unique=False)
    op.create_index(
        "ix_presences_under_way",
        "presences",
        ["worker_id", "id"],
        unique=False,
        sqlite_where=_UNDER_WAY,
        postgresql_where=_UNDER_WAY,
    )
    # SQLite numbers rows by itself only in a column of exactly this type.
    row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "corrections",
        sa.Column("id", row_id, nullable=False),
        sa.Column("presence_id", row_id, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("worker_id", row_id),
        sa.Column("asked_ms", sa.BigInteger(), nullable=False),
        sa.Column("done_ms", sa.BigInteger()),
        sa.Column("outcome", sa.Text()),
        sa.Column("replacement_id", row_id),
        sa.ForeignKeyConstraint(["presence_id"], ["presences.id"], name=op.f("fk_corrections_presence_id")),
        sa.ForeignKeyConstraint(["replacement_id"], ["presences.id"], name=op.f("fk_corrections_replacement_id")),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_corrections_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_corrections")),
    )
    op.create_index(op.f("ix_corrections_presence_id"), "corrections", ["presence_id"], unique=False)
    op.create_index(
        "uq_corrections_open",
        "corrections",
        ["presence_id"],
        unique=True,
        sqlite_where=sa.text("done_ms IS NULL"),
        postgresql_where=sa.text("done_ms IS NULL"),
    )
