"""What operators did, tokens for planning tools, and where a site is; a site may have no key yet."""

import time
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0008_domain"
down_revision: str | None = "0007_regimes"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_REFUSAL = "what operators did is kept as it was written"
_SQLITE = f"CREATE TRIGGER acts_{{0}} BEFORE {{0}} ON acts BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
_POSTGRESQL = (
    f"CREATE FUNCTION acts_refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION '{_REFUSAL}'; END$$",
    "CREATE TRIGGER acts_change BEFORE UPDATE OR DELETE ON acts FOR EACH ROW EXECUTE FUNCTION acts_refuse()",
    "CREATE TRIGGER acts_truncate BEFORE TRUNCATE ON acts FOR EACH STATEMENT EXECUTE FUNCTION acts_refuse()",
)


def upgrade() -> None:
    """Add the tables and columns. Workers who are there count as added now: nothing is old that was not known to be."""
    # SQLite numbers rows by itself only in a column of exactly this type.
    row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "acts",
        sa.Column("id", row_id, nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("act", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_acts")),
    )
    op.create_index("ix_acts_subject", "acts", ["subject"], unique=False)
    if op.get_bind().dialect.name == "sqlite":
        for change in ("UPDATE", "DELETE"):
            op.execute(_SQLITE.format(change))
    else:
        for statement in _POSTGRESQL:
            op.execute(statement)
    op.create_table(
        "api_tokens",
        sa.Column("id", row_id, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("secret_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("ends_ms", sa.BigInteger(), nullable=False),
        sa.Column("revoked_ms", sa.BigInteger()),
        sa.Column("used_ms", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_tokens")),
    )
    with op.batch_alter_table("sites") as sites:
        sites.alter_column("site_key_closed", existing_type=sa.LargeBinary(), nullable=True)
        sites.add_column(sa.Column("address", sa.JSON()))
        sites.add_column(sa.Column("latitude", sa.Float(precision=53)))
        sites.add_column(sa.Column("longitude", sa.Float(precision=53)))
        sites.add_column(sa.Column("languages", sa.JSON()))
    op.create_index("ix_presences_day", "presences", ["day"], unique=False)
    op.add_column("workers", sa.Column("added_ms", sa.BigInteger(), nullable=False, server_default="0"))
    op.execute(sa.text("UPDATE workers SET added_ms = :now").bindparams(now=time.time_ns() // 1_000_000))
