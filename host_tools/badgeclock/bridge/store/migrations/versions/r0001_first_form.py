"""The first form of the store."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Make every table."""
    # SQLite numbers rows by itself only in a column of exactly this type.
    row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "employers",
        sa.Column("id", row_id, nullable=False),
        sa.Column("kbo", sa.String(length=10), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_employers")),
        sa.UniqueConstraint("kbo", name=op.f("uq_employers_kbo")),
    )
    op.create_table(
        "events",
        sa.Column("id", row_id, nullable=False),
        sa.Column("severity", sa.String(length=8), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("clock", sa.Text()),
        sa.Column("seq", sa.BigInteger()),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("first_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    op.create_index("ix_events_same", "events", ["kind", "clock", "last_ms"], unique=False)
    op.create_table(
        "sites",
        sa.Column("id", row_id, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("workplace", sa.String(length=13), nullable=False),
        sa.Column("regime", sa.String(length=16), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("site_key_closed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sites")),
        sa.UniqueConstraint("name", name=op.f("uq_sites_name")),
    )
    op.create_table(
        "clocks",
        sa.Column("id", row_id, nullable=False),
        sa.Column("name", sa.String(length=23), nullable=False),
        sa.Column("site_id", row_id, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("certificate_sha256", sa.String(length=64)),
        sa.Column("link_key_closed", sa.LargeBinary(), nullable=False),
        sa.Column("next_seq", sa.BigInteger(), nullable=False),
        sa.Column("boot", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("epoch_records", sa.BigInteger(), nullable=False),
        sa.Column("keys_closed", sa.LargeBinary(), nullable=False),
        sa.Column("tag", sa.LargeBinary(length=16), nullable=False),
        sa.Column("genesis", sa.LargeBinary(length=16), nullable=False),
        sa.Column("failing_seq", sa.BigInteger()),
        sa.Column("failing_times", sa.Integer(), nullable=False),
        sa.Column("status_counter", sa.LargeBinary(length=8), nullable=False),
        sa.Column("session", sa.LargeBinary(length=8)),
        sa.Column("online", sa.Boolean(), nullable=False),
        sa.Column("sealed", sa.Boolean(), nullable=False),
        sa.Column("status", sa.JSON()),
        sa.Column("status_ms", sa.BigInteger()),
        sa.Column("receipt_last", sa.BigInteger(), nullable=False),
        sa.Column("counter_reserved", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_clocks_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clocks")),
    )
    op.create_index(
        "uq_clocks_in_use",
        "clocks",
        ["name"],
        unique=True,
        sqlite_where=sa.text("state != 'RETIRED'"),
        postgresql_where=sa.text("state != 'RETIRED'"),
    )
    op.create_table(
        "workers",
        sa.Column("id", row_id, nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("name_closed", sa.LargeBinary(), nullable=False),
        sa.Column("identity_kind", sa.String(length=8), nullable=False),
        sa.Column("identity_closed", sa.LargeBinary(), nullable=False),
        sa.Column("identity_index", sa.LargeBinary(), nullable=False),
        sa.Column("employer_id", row_id),
        sa.ForeignKeyConstraint(["employer_id"], ["employers.id"], name=op.f("fk_workers_employer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workers")),
        sa.UniqueConstraint("identity_index", name=op.f("uq_workers_identity_index")),
        sa.UniqueConstraint("reference", name=op.f("uq_workers_reference")),
    )
    op.create_table(
        "badges",
        sa.Column("id", row_id, nullable=False),
        sa.Column("site_id", row_id, nullable=False),
        sa.Column("token", sa.LargeBinary(length=8), nullable=False),
        sa.Column("worker_id", row_id, nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger()),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_badges_site_id")),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_badges_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_badges")),
    )
    op.create_index(op.f("ix_badges_worker_id"), "badges", ["worker_id"], unique=False)
    op.create_index(
        "uq_badges_in_use",
        "badges",
        ["site_id", "token"],
        unique=True,
        sqlite_where=sa.text("until_ms IS NULL"),
        postgresql_where=sa.text("until_ms IS NULL"),
    )
    op.create_table(
        "presences",
        sa.Column("id", row_id, nullable=False),
        sa.Column("reference", sa.String(length=24), nullable=False),
        sa.Column("worker_id", row_id, nullable=False),
        sa.Column("employer_kbo", sa.String(length=10), nullable=False),
        sa.Column("workplace", sa.String(length=13), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("site_id", row_id, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=16)),
        sa.Column("reception_number", sa.BigInteger()),
        sa.Column("error_code", sa.SmallInteger(), nullable=False),
        sa.Column("error_text", sa.Text()),
        sa.Column("remarks", sa.JSON(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("alone", sa.Boolean(), nullable=False),
        sa.Column("due_ms", sa.BigInteger()),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("sent_ms", sa.BigInteger()),
        sa.Column("lost_ms", sa.BigInteger()),
        sa.Column("registered_ms", sa.BigInteger()),
        sa.Column("final_ms", sa.BigInteger()),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_presences_site_id")),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_presences_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_presences")),
        sa.UniqueConstraint("reference", name=op.f("uq_presences_reference")),
        sa.UniqueConstraint(
            "worker_id",
            "employer_kbo",
            "workplace",
            "day",
            name=op.f("uq_presences_worker_id_employer_kbo_workplace_day"),
        ),
    )
    op.create_index(
        "ix_presences_due",
        "presences",
        ["due_ms"],
        unique=False,
        sqlite_where=sa.text("due_ms IS NOT NULL"),
        postgresql_where=sa.text("due_ms IS NOT NULL"),
    )
    op.create_index(
        "ix_presences_sent",
        "presences",
        ["id"],
        unique=False,
        sqlite_where=sa.text("state = 'SENT'"),
        postgresql_where=sa.text("state = 'SENT'"),
    )
    op.create_table(
        "quarantine",
        sa.Column("id", row_id, nullable=False),
        sa.Column("clock_id", row_id, nullable=False),
        sa.Column("seq", sa.BigInteger()),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["clock_id"], ["clocks.id"], name=op.f("fk_quarantine_clock_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantine")),
        sa.UniqueConstraint("clock_id", "sha256", name=op.f("uq_quarantine_clock_id_sha256")),
    )
    op.create_table(
        "receipts",
        sa.Column("id", row_id, nullable=False),
        sa.Column("clock_id", row_id, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("error_code", sa.SmallInteger(), nullable=False),
        sa.Column("reception_number", sa.BigInteger(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["clock_id"], ["clocks.id"], name=op.f("fk_receipts_clock_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipts")),
        sa.UniqueConstraint("clock_id", "number", name=op.f("uq_receipts_clock_id_number")),
    )
    op.create_table(
        "records",
        sa.Column("clock_id", row_id, autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("raw", sa.LargeBinary(length=64), nullable=False),
        sa.Column("sealed", sa.Boolean(), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["clock_id"], ["clocks.id"], name=op.f("fk_records_clock_id")),
        sa.PrimaryKeyConstraint("clock_id", "seq", name=op.f("pk_records")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "attempts",
        sa.Column("id", row_id, nullable=False),
        sa.Column("presence_id", row_id, nullable=False),
        sa.Column("call", sa.String(length=32), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(length=16), nullable=False),
        sa.Column("sent_ms", sa.BigInteger(), nullable=False),
        sa.Column("answered_ms", sa.BigInteger()),
        sa.Column("outcome", sa.Text()),
        sa.ForeignKeyConstraint(["presence_id"], ["presences.id"], name=op.f("fk_attempts_presence_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
    )
    op.create_index(op.f("ix_attempts_presence_id"), "attempts", ["presence_id"], unique=False)
    op.create_table(
        "punches",
        sa.Column("id", row_id, nullable=False),
        sa.Column("clock_id", row_id, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("site_id", row_id, nullable=False),
        sa.Column("token", sa.LargeBinary(length=8), nullable=False),
        sa.Column("direction", sa.SmallInteger(), nullable=False),
        sa.Column("utc_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=16)),
        sa.Column("worker_id", row_id),
        sa.Column("presence_id", row_id),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["clock_id"], ["clocks.id"], name=op.f("fk_punches_clock_id")),
        sa.ForeignKeyConstraint(["presence_id"], ["presences.id"], name=op.f("fk_punches_presence_id")),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_punches_site_id")),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_punches_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_punches")),
        sa.UniqueConstraint("clock_id", "seq", name=op.f("uq_punches_clock_id_seq")),
    )
    op.create_index(
        "ix_punches_open",
        "punches",
        ["site_id", "token"],
        unique=False,
        sqlite_where=sa.text("presence_id IS NULL"),
        postgresql_where=sa.text("presence_id IS NULL"),
    )
    op.create_index(op.f("ix_punches_presence_id"), "punches", ["presence_id"], unique=False)
    op.create_table(
        "receptions",
        sa.Column("id", row_id, nullable=False),
        sa.Column("presence_id", row_id, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("seen_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["presence_id"], ["presences.id"], name=op.f("fk_receptions_presence_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receptions")),
        sa.UniqueConstraint("presence_id", "number", name=op.f("uq_receptions_presence_id_number")),
    )
