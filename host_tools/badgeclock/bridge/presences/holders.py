"""Reads from the store who holds a badge, and which employers that worker may be declared under.

`KnownHolders` keeps that from one batch to the next, as long as the store's mark says that nothing of it was changed.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Column, Connection, Select, select

from badgeclock.bridge.presences.employment import Engagement, Holder
from badgeclock.bridge.presences.punch_fate import Punch
from badgeclock.bridge.presences.regimes import (
    employer_declared,
)
from badgeclock.bridge.store import holder_marks, schema
from badgeclock.bridge.store.database import among, portions
from badgeclock.bridge.store.states import IdentityKind

HOLDERS_KEPT: Final = 32_768
"""About 13 MB."""

Badge = tuple[int, bytes]
"""A badge at a site: the site's row, and the token."""
FindHolders = Callable[[Connection, Sequence[Punch]], Mapping[Badge, Holder]]
"""As `holders_of`."""


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
_ENGAGEMENTS: Final = (
    select(schema.engagements, schema.employers.c.kbo)
    .join(schema.employers, schema.employers.c.id == schema.engagements.c.employer_id)
    .order_by(schema.engagements.c.id)
)
LOOK_UPS: Final = (_HOLDERS, _HOLDERS_BEFORE, _ENGAGEMENTS)
"""All that is read of holders: a change of any column of these gives another mark."""


def holders_of(connection: Connection, punches: Sequence[Punch]) -> dict[Badge, Holder]:
    """The holder of each assigned badge of the punches, by site and token."""
    return _read(connection, _badges_of(punches))


class KnownHolders:
    """The same, for the batches of one process: a badge that was read is not read again until a holder changes."""

    def __init__(self, most: int = HOLDERS_KEPT) -> None:
        self._most = most
        self._known: OrderedDict[Badge, Holder] = OrderedDict()
        self._mark: object = None

    def __len__(self) -> int:
        return len(self._known)

    def __contains__(self, badge: Badge) -> bool:
        return badge in self._known

    def of(self, connection: Connection, punches: Sequence[Punch]) -> dict[Badge, Holder]:
        """As `holders_of`, in a transaction that changes no holder itself. The mark is read first: whatever is changed
        after that is read with the next batch, as if it had been changed after this one.
        """
        mark, known = holder_marks.mark(connection), self._known
        if mark is None or mark != self._mark:
            known.clear()
            self._mark = mark
        found: dict[Badge, Holder] = {}
        missing: set[Badge] = set()
        for badge in _badges_of(punches):
            holder = known.get(badge)
            if holder is None:
                missing.add(badge)
            else:
                found[badge] = holder
                known.move_to_end(badge)
        if missing:
            read = _read(connection, missing)
            found |= read
            known.update(read)
            while len(known) > self._most:
                known.popitem(last=False)
        return found


def _badges_of(punches: Sequence[Punch]) -> set[Badge]:
    return {(punch.place.site_id, punch.token) for punch in punches}


def _read(connection: Connection, wanted: set[Badge]) -> dict[Badge, Holder]:
    badges = schema.badges
    found: dict[Badge, Holder] = {}
    several: dict[Badge, int | None] = {}
    for holders, of in ((_HOLDERS, badges.c.token), (_HOLDERS_BEFORE, badges.c.token_before)):
        missing = wanted - found.keys()
        for some in portions(connection, {token for _, token in missing}):
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
    worker = schema.engagements.c.worker_id
    found: dict[int, tuple[Engagement, ...]] = dict.fromkeys(worker_ids, ())
    for some in portions(connection, list(found)):
        for row in connection.execute(_ENGAGEMENTS.where(among(connection, worker, some))):
            one = Engagement(row.id, row.kbo, row.from_day, row.to_day, frozenset(row.site_ids))
            found[row.worker_id] += (one,)
    return found


def holder_of(connection: Connection, worker_id: int, identity_kind: str, kbo: str | None) -> Holder:
    """The same for a worker named by a person: no badge chooses."""
    kind = IdentityKind(identity_kind)
    engaged = engagements_of(connection, [worker_id])[worker_id] if kind is IdentityKind.NISS else ()
    return Holder(worker_id, employer_declared(kind, kbo), engaged)
