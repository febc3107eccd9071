"""Reads from the store who holds a badge, and which employers that worker may be declared under."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Column, Connection, Select, select

from badgeclock.bridge.presences.employment import Engagement, Holder
from badgeclock.bridge.presences.punch_fate import Punch
from badgeclock.bridge.presences.regimes import (
    employer_declared,
)
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.database import among, chunks
from badgeclock.bridge.store.states import IdentityKind


def _select_holders(token: Column[bytes]) -> Select[Any]:
    """Holders of badges in use, by token only: for pairs of site and token SQLite scans all badges."""
    badges, workers, employers, engaged = schema.badges, schema.workers, schema.employers, schema.engagements
    return (
        select(
            badges.c.site_id,
            token,
            badges.c.worker_id,
            workers.c.identity_kind,
            employers.c.kbo,
            badges.c.since_ms,
            badges.c.engagement_id,
            select(engaged.c.id).where(engaged.c.worker_id == badges.c.worker_id).exists(),
        )
        .join(workers, workers.c.id == badges.c.worker_id)
        .outerjoin(employers, employers.c.id == workers.c.employer_id)
        .where(badges.c.until_ms.is_(None))
    )


_HOLDERS: Final = _select_holders(schema.badges.c.token)
_BEFORE: Final = schema.badges.c.token_before
_HOLDERS_BEFORE: Final = _select_holders(_BEFORE).where(_BEFORE.is_not(None))
"""By the token of clocks that lack the site's last key. Badges have one only during a key change: with the partial
index, an unknown badge does not cost a scan of all badges.
"""


def holders_of(connection: Connection, punches: Sequence[Punch]) -> dict[tuple[int, bytes], Holder]:
    """The holder of each assigned badge of the punches, by site and token."""
    badges = schema.badges
    found: dict[tuple[int, bytes], Holder] = {}
    several: dict[tuple[int, bytes], int | None] = {}
    wanted = {(punch.place.site_id, punch.token) for punch in punches}
    for holders, of in ((_HOLDERS, badges.c.token), (_HOLDERS_BEFORE, badges.c.token_before)):
        missing = wanted - found.keys()
        for some in chunks({token for _, token in missing}):
            for site_id, token, worker_id, kind, kbo, since_ms, badge_for, is_engaged in connection.execute(
                holders.where(among(connection, of, some))
            ):
                if (site_id, token) not in missing:
                    continue  # another site's
                employer_kbo = employer_declared(IdentityKind(kind), kbo)
                found[site_id, token] = Holder(worker_id, employer_kbo, since_ms=since_ms)
                if is_engaged and kind == IdentityKind.NISS:
                    several[site_id, token] = badge_for
    of_worker = engagements_of(connection, {found[at].worker_id for at in several})
    for at, badge_for in several.items():
        found[at] = found[at]._replace(engagements=of_worker[found[at].worker_id], badge_for=badge_for)
    return found


def engagements_of(connection: Connection, worker_ids: Iterable[int]) -> dict[int, tuple[Engagement, ...]]:
    """The engagements of workers, each worker's in order of creation."""
    table, employers = schema.engagements, schema.employers
    statement = (
        select(table, employers.c.kbo).join(employers, employers.c.id == table.c.employer_id).order_by(table.c.id)
    )
    found: dict[int, tuple[Engagement, ...]] = dict.fromkeys(worker_ids, ())
    for some in chunks(list(found)):
        for row in connection.execute(statement.where(among(connection, table.c.worker_id, some))):
            one = Engagement(row.id, row.kbo, row.from_day, row.to_day, frozenset(row.site_ids))
            found[row.worker_id] += (one,)
    return found


def holder_of(connection: Connection, worker_id: int, identity_kind: str, kbo: str | None) -> Holder:
    """The same for a worker named by a person: no badge chooses."""
    kind = IdentityKind(identity_kind)
    engaged = engagements_of(connection, [worker_id])[worker_id] if kind is IdentityKind.NISS else ()
    return Holder(worker_id, employer_declared(kind, kbo), engaged)
