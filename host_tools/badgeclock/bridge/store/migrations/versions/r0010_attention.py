"""What waits for a person: remarks seen to, events settled; corrections of way and site, and correction files."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0010_attention"
down_revision: str | None = "0009_engagements"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_PRESENCES = sa.text("state IN ('WAITING', 'REFUSED') OR (state = 'REMARKS' AND seen_ms IS NULL)")
_PUNCHES = sa.text("state IN ('WAITING', 'UNASSIGNED', 'INVALID')")
_EVENTS = sa.text("settled_ms IS NULL AND severity != 'info'")
_OPEN = sa.text("done_ms IS NULL")
_MONTH_MS = 30 * 86_400_000


def upgrade() -> None:
    """Add the table and the columns. Events of more than a month before the newest one count as settled."""
    # SQLite numbers rows by itself only in a column of exactly this type.
    row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "filings",
        sa.Column("id", row_id, nullable=False),
        sa.Column("presence_id", row_id),
        sa.Column("punch_id", row_id),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("worker_id", row_id),
        sa.Column("employer_kbo", sa.String(length=10)),
        sa.Column("site_id", row_id),
        sa.Column("way", sa.String(length=3)),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("asked_ms", sa.BigInteger(), nullable=False),
        sa.Column("made_ms", sa.BigInteger()),
        sa.Column("done_ms", sa.BigInteger()),
        sa.Column("outcome", sa.Text()),
        sa.ForeignKeyConstraint(["presence_id"], ["presences.id"], name=op.f("fk_filings_presence_id")),
        sa.ForeignKeyConstraint(["punch_id"], ["punches.id"], name=op.f("fk_filings_punch_id")),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_filings_worker_id")),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_filings_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_filings")),
    )
    op.create_index(op.f("ix_filings_presence_id"), "filings", ["presence_id"], unique=False)
    op.create_index(op.f("ix_filings_punch_id"), "filings", ["punch_id"], unique=False)
    for of in ("presence", "punch"):
        op.create_index(
            f"uq_filings_{of}", "filings", [f"{of}_id"], unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN
        )
    with op.batch_alter_table("corrections") as corrections:
        corrections.add_column(sa.Column("site_id", row_id))
        corrections.add_column(sa.Column("way", sa.String(length=3)))
        corrections.create_foreign_key(op.f("fk_corrections_site_id"), "sites", ["site_id"], ["id"])
    op.add_column("presences", sa.Column("seen_ms", sa.BigInteger()))
    op.create_index(
        "ix_presences_for_person",
        "presences",
        ["state", "id"],
        unique=False,
        sqlite_where=_PRESENCES,
        postgresql_where=_PRESENCES,
    )
    op.create_index(
        "ix_punches_for_person",
        "punches",
        ["state", "id"],
        unique=False,
        sqlite_where=_PUNCHES,
        postgresql_where=_PUNCHES,
    )
    op.add_column("clocks", sa.Column("added_ms", sa.BigInteger()))
    op.add_column("events", sa.Column("about", sa.Text()))
    op.add_column("events", sa.Column("settled_ms", sa.BigInteger()))
    events = sa.table("events", sa.column("last_ms", sa.BigInteger), sa.column("settled_ms", sa.BigInteger))
    newest = sa.select(sa.func.max(events.c.last_ms)).scalar_subquery()
    op.execute(events.update().where(events.c.last_ms < newest - _MONTH_MS).values(settled_ms=events.c.last_ms))
    op.create_index(
        "ix_events_open",
        "events",
        ["kind", "first_ms"],
        unique=False,
        sqlite_where=_EVENTS,
        postgresql_where=_EVENTS,
    )
