"""What somebody was called for, and the letters that do it."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from badgeclock.bridge.store.migrations import way_back

revision: str = "0020_notices"
down_revision: str | None = "0019_office"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_OPEN_NOTICE = sa.text("over_ms IS NULL")
_OPEN_LETTER = sa.text("ended_ms IS NULL")


def upgrade() -> None:
    """Make the tables: nobody was called."""
    op.create_table(
        "notices",
        sa.Column("id", _ID, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("about", sa.JSON(), nullable=False),
        sa.Column("opened_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger()),
        sa.Column("over_ms", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
    )
    op.create_index(
        "uq_notices_open", "notices", ["key"], unique=True, sqlite_where=_OPEN_NOTICE, postgresql_where=_OPEN_NOTICE
    )
    op.create_index("ix_notices_over_ms", "notices", ["over_ms"])
    op.create_table(
        "letters",
        sa.Column("id", _ID, nullable=False),
        sa.Column("uid", sa.String(32), nullable=False),
        sa.Column("channel", sa.String(8), nullable=False),
        sa.Column("recipient", sa.String(24), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("ended_ms", sa.BigInteger()),
        sa.Column("outcome", sa.String(16)),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letters")),
    )
    op.create_index("ix_letters_open", "letters", ["due_ms"], sqlite_where=_OPEN_LETTER, postgresql_where=_OPEN_LETTER)
    op.create_index("ix_letters_ended_ms", "letters", ["ended_ms"])


def downgrade() -> None:
    """Take away the tables, as long as nobody was called."""
    for table in ("letters", "notices"):
        way_back.none_of(table)
        op.drop_table(table)
