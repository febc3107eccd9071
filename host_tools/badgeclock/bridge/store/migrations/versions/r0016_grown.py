"""What a store of a million presences needs: presences counted as they change, indexes for what is asked."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0016_grown"
down_revision: str | None = "0015_site_keys"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_DUE = sa.text("due_ms IS NOT NULL")
_SENT = sa.text("state IN ('SENT', 'UNKNOWN')")
# SQLite has one writer at a time: a row for each state. On PostgreSQL two who write would wait for each other's row:
# each adds its own rows, which `presence_counts.fold` brings together.
_SQLITE = (
    "CREATE TRIGGER presences_counted_in AFTER INSERT ON presences BEGIN {more}; END",
    "CREATE TRIGGER presences_counted_out AFTER DELETE ON presences BEGIN {less}; END",
    (
        "CREATE TRIGGER presences_counted_on AFTER UPDATE OF state ON presences WHEN OLD.state != NEW.state"
        " BEGIN {less}; {more}; END"
    ),
)
_MORE = (
    "INSERT INTO presence_counts (state, number) SELECT NEW.state, 0"
    " WHERE NOT EXISTS (SELECT 1 FROM presence_counts WHERE state = NEW.state);"
    " UPDATE presence_counts SET number = number + 1 WHERE state = NEW.state"
)
_LESS = "UPDATE presence_counts SET number = number - 1 WHERE state = OLD.state"
_IN = "SELECT state, 1 AS change FROM new_rows"
_OUT = "SELECT state, -1 AS change FROM old_rows"
_FUNCTION = (
    "CREATE FUNCTION presences_counted_{name}() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN"
    " INSERT INTO presence_counts (state, number)"
    " SELECT state, sum(change) FROM ({changes}) AS changed GROUP BY state HAVING sum(change) != 0;"
    " RETURN NULL; END$$"
)
_POSTGRESQL = (
    ("in", "INSERT", "NEW TABLE AS new_rows", _IN),
    ("out", "DELETE", "OLD TABLE AS old_rows", _OUT),
    ("on", "UPDATE", "OLD TABLE AS old_rows NEW TABLE AS new_rows", f"{_IN} UNION ALL {_OUT}"),
)


def upgrade() -> None:
    """Count once what is there, and from now on as it changes."""
    row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "presence_counts",
        sa.Column("id", row_id, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_presence_counts")),
    )
    op.execute("INSERT INTO presence_counts (state, number) SELECT state, count(*) FROM presences GROUP BY state")
    if op.get_bind().dialect.name == "sqlite":
        for statement in _SQLITE:
            op.execute(statement.format(more=_MORE, less=_LESS))
    else:
        for name, change, tables, changes in _POSTGRESQL:
            op.execute(_FUNCTION.format(name=name, changes=changes))
            op.execute(
                f"CREATE TRIGGER presences_counted_{name} AFTER {change} ON presences REFERENCING {tables}"
                f" FOR EACH STATEMENT EXECUTE FUNCTION presences_counted_{name}()"
            )
    op.drop_index("ix_presences_due", table_name="presences")
    op.create_index(
        "ix_presences_due", "presences", ["state", "due_ms", "id"], sqlite_where=_DUE, postgresql_where=_DUE
    )
    op.drop_index("ix_presences_sent", table_name="presences")
    op.create_index("ix_presences_sent", "presences", ["state", "id"], sqlite_where=_SENT, postgresql_where=_SENT)
    op.drop_index("ix_presences_day", table_name="presences")
    op.create_index("ix_presences_day", "presences", ["day", "id"])
    op.create_index("ix_events_clock", "events", ["clock", "id"])
    op.create_index("ix_events_last_ms", "events", ["last_ms", "id"])
    op.create_index(op.f("ix_badges_token"), "badges", ["token"])
    op.create_index(op.f("ix_receptions_number"), "receptions", ["number"])
    op.create_index(op.f("ix_corrections_replacement_id"), "corrections", ["replacement_id"])
