"""Whose badges a site has, and had, without reading all badges."""

from collections.abc import Sequence

from alembic import op

revision: str = "0018_site_badges"
down_revision: str | None = "0017_accounts"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Add the index, with the worker in it: who asks for a site's people reads nothing else."""
    op.create_index(op.f("ix_badges_site_id_worker_id"), "badges", ["site_id", "worker_id"])


def downgrade() -> None:
    """Take it away again; the version before finds the same more slowly."""
    op.drop_index(op.f("ix_badges_site_id_worker_id"), table_name="badges")
