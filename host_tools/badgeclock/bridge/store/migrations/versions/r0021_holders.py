"""What a process must know to keep the holders of badges: a mark that is another one after each change of them."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0021_holders"
down_revision: str | None = "0020_notices"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# By chance, not counted: a server that has lost its last commits must not get the same mark by other changes.
_ADD = "INSERT INTO holder_marks (mark) VALUES ((random() * 9007199254740992)::bigint)"
_ADDED = ("UPDATE", "DELETE", "INSERT")
_KNOWN_BEFORE = ("UPDATE", "DELETE")
_SQLITE = (
    "CREATE TRIGGER {table}_marked_{name} AFTER {change} ON {table} BEGIN UPDATE holder_marks SET mark = random(); END"
)
# A worker or an employer is added before anything refers to it.
_WATCHED = {"badges": _ADDED, "engagements": _ADDED, "workers": _KNOWN_BEFORE, "employers": _KNOWN_BEFORE}


def upgrade() -> None:
    """Make the mark, and the triggers that change it. SQLite has one writer at a time: one row. On PostgreSQL two who
    write would wait for each other's row: each adds its own, which `holder_marks.fold` replaces by one; it also makes
    the first.
    """
    row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "holder_marks",
        sa.Column("id", row_id, nullable=False),
        sa.Column("mark", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holder_marks")),
    )
    if op.get_bind().dialect.name == "sqlite":
        op.execute("INSERT INTO holder_marks (mark) VALUES (random())")
        for table, changes in _WATCHED.items():
            for change in changes:
                op.execute(_SQLITE.format(table=table, name=change.lower(), change=change))
        return
    op.execute(
        f"CREATE FUNCTION holders_marked() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN {_ADD}; RETURN NULL; END$$"
    )
    for table, changes in _WATCHED.items():
        op.execute(
            f"CREATE TRIGGER {table}_marked AFTER {' OR '.join(changes)} ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION holders_marked()"
        )


def downgrade() -> None:
    """Take the mark away again: the version before looks up each badge, and keeps none."""
    if op.get_bind().dialect.name == "sqlite":
        for table, changes in _WATCHED.items():
            for change in changes:
                op.execute(f"DROP TRIGGER {table}_marked_{change.lower()}")
    else:
        for table in _WATCHED:
            op.execute(f"DROP TRIGGER {table}_marked ON {table}")
        op.execute("DROP FUNCTION holders_marked()")
    op.drop_table("holder_marks")
