"""Who is expected: plans of sites' days, Dimona periods of workers, and employers at sites by declarations of works."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0011_expected"
down_revision: str | None = "0010_attention"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Add the tables. Nobody is planned: who is expected follows from the last five working days."""
    # SQLite numbers rows by itself only in a column of exactly this type.
    row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "plans",
        sa.Column("id", row_id, nullable=False),
        sa.Column("site_id", row_id, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("put_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_plans_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plans")),
        sa.UniqueConstraint("site_id", "day", name=op.f("uq_plans_site_id_day")),
    )
    op.create_index("ix_plans_day", "plans", ["day"], unique=False)
    op.create_table(
        "expected",
        sa.Column("id", row_id, nullable=False),
        sa.Column("plan_id", row_id, nullable=False),
        sa.Column("worker_id", row_id, nullable=False),
        sa.Column("from_min", sa.SmallInteger()),
        sa.Column("to_min", sa.SmallInteger()),
        sa.Column("source", sa.String(length=8), nullable=False),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_expected_plan_id")),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_expected_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_expected")),
        sa.UniqueConstraint("plan_id", "worker_id", name=op.f("uq_expected_plan_id_worker_id")),
    )
    op.create_index(op.f("ix_expected_worker_id"), "expected", ["worker_id"], unique=False)
    op.create_table(
        "dimona_periods",
        sa.Column("id", row_id, nullable=False),
        sa.Column("worker_id", row_id, nullable=False),
        sa.Column("employer_id", row_id, nullable=False),
        sa.Column("from_day", sa.Date(), nullable=False),
        sa.Column("to_day", sa.Date()),
        sa.Column("from_min", sa.SmallInteger()),
        sa.Column("to_min", sa.SmallInteger()),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_dimona_periods_worker_id")),
        sa.ForeignKeyConstraint(["employer_id"], ["employers.id"], name=op.f("fk_dimona_periods_employer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dimona_periods")),
    )
    op.create_index(op.f("ix_dimona_periods_worker_id"), "dimona_periods", ["worker_id"], unique=False)
    op.create_table(
        "works",
        sa.Column("id", row_id, nullable=False),
        sa.Column("site_id", row_id, nullable=False),
        sa.Column("employer_id", row_id, nullable=False),
        sa.Column("from_day", sa.Date(), nullable=False),
        sa.Column("to_day", sa.Date()),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_works_site_id")),
        sa.ForeignKeyConstraint(["employer_id"], ["employers.id"], name=op.f("fk_works_employer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_works")),
    )
    op.create_index(op.f("ix_works_site_id"), "works", ["site_id"], unique=False)
