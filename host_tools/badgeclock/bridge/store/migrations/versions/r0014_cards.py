"""Which cards prove themselves, by keys of which form, and which card claims which UID."""

import re
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0014_cards"
down_revision: str | None = "0013_cheap_insert"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_BY_UID_ALONE = 1
_ISSUED = re.compile(r"badge ([0-9]+) was issued to ")


def upgrade() -> None:
    """Add the columns. A badge of which an event or an act says that the desk issued it has keys of form 1."""
    op.add_column("badges", sa.Column("form", sa.SmallInteger()))
    op.add_column("badges", sa.Column("issue", sa.LargeBinary(8)))
    op.add_column("badges", sa.Column("card", sa.LargeBinary(8)))
    connection = op.get_bind()
    badges = sa.table("badges", sa.column("id", sa.BigInteger), sa.column("form", sa.SmallInteger))
    events = sa.table("events", sa.column("kind", sa.String), sa.column("detail", sa.Text))
    acts = sa.table("acts", sa.column("act", sa.String), sa.column("detail", sa.JSON))
    told = connection.execute(sa.select(events.c.detail).where(events.c.kind == "badge_issued")).scalars()
    issued = {int(found[1]) for detail in told if (found := _ISSUED.match(detail))}
    done = connection.execute(sa.select(acts.c.detail).where(acts.c.act == "badge_issued")).scalars()
    issued |= {detail["badge"] for detail in done if isinstance(detail.get("badge"), int)}
    for number in sorted(issued):
        connection.execute(badges.update().where(badges.c.id == number).values(form=_BY_UID_ALONE))
