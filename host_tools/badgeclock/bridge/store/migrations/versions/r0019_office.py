"""What the office registers: presences without a punch, those of days to come, and links that end by themselves."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from badgeclock.bridge.store.migrations import way_back

revision: str = "0019_office"
down_revision: str | None = "0018_site_badges"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_OPEN = sa.text("ended_ms IS NULL")


def upgrade() -> None:
    """Add the column and the tables: every presence that is there came of a punch or a correction."""
    op.add_column("presences", sa.Column("manual", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "later_registrations",
        sa.Column("id", _ID, nullable=False),
        sa.Column("worker_id", _ID, nullable=False),
        sa.Column("employer_kbo", sa.String(10), nullable=False),
        sa.Column("site_id", _ID, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("asked_ms", sa.BigInteger(), nullable=False),
        sa.Column("presence_id", _ID),
        sa.Column("ended_ms", sa.BigInteger()),
        sa.Column("outcome", sa.Text()),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_later_registrations_worker_id")),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_later_registrations_site_id")),
        sa.ForeignKeyConstraint(["presence_id"], ["presences.id"], name=op.f("fk_later_registrations_presence_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_later_registrations")),
    )
    op.create_index(
        "uq_later_registrations_open",
        "later_registrations",
        ["day", "worker_id", "employer_kbo", "site_id"],
        unique=True,
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    )
    op.create_index(op.f("ix_later_registrations_worker_id"), "later_registrations", ["worker_id"])
    op.create_index(op.f("ix_later_registrations_presence_id"), "later_registrations", ["presence_id"])
    op.create_table(
        "links",
        sa.Column("id", _ID, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("secret_sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("site_id", _ID),
        sa.Column("worker_id", _ID),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("ends_ms", sa.BigInteger(), nullable=False),
        sa.Column("used_ms", sa.BigInteger()),
        sa.Column("revoked_ms", sa.BigInteger()),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_links_site_id")),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_links_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_links")),
        sa.UniqueConstraint("secret_sha256", name=op.f("uq_links_secret_sha256")),
    )
    op.create_index(op.f("ix_links_worker_id"), "links", ["worker_id"])


def downgrade() -> None:
    """Take away the column and the tables, as long as the office has registered nobody and given nobody a link."""
    for table in ("later_registrations", "links"):
        way_back.none_of(table)
        op.drop_table(table)
    way_back.none_of("presences", "manual")
    op.drop_column("presences", "manual")
