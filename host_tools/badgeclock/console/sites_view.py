"""Employers and sites within an account's reach: their regimes with dates, and each site's state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, func, select

from badgeclock.bridge.acts import within
from badgeclock.bridge.attention.attention import Row
from badgeclock.bridge.presences.regimes import Regime, local_day
from badgeclock.bridge.store import schema
from badgeclock.bridge.web.reach import Reach
from badgeclock.console import attention_view, clocks_view
from badgeclock.console.clocks_view import Clock

_PLACELESS: Final = ""


@dataclass(frozen=True, slots=True)
class Employer:
    """An employer, and how many of its workers are within the reach."""

    kbo: str
    name: str
    workers: int


@dataclass(frozen=True, slots=True)
class SiteState:
    """A site, and its state: its clocks, and its open items."""

    row: Any
    regime: Regime
    next_regime: Regime | None
    clocks: tuple[Clock, ...]
    waits: int
    badges: int

    @property
    def tone(self) -> str:
        """The worst state of its clocks and open items."""
        tones = {one.tone for one in self.clocks}
        if "bad" in tones:
            return "bad"
        return "waits" if self.waits or "waits" in tones else "good"


class Group(NamedTuple):
    """Sites of one municipality, and their worst state."""

    name: str
    sites: list[SiteState]

    @property
    def tone(self) -> str:
        """The worst of its sites."""
        return min((one.tone for one in self.sites), key=["bad", "waits", "good"].index)


def employers(connection: Connection, reach: Reach, now_ms: int) -> list[Employer]:
    """The employers within the reach, by name."""
    table, workers = schema.employers, schema.workers
    inside = within.of(connection, reach, now_ms)
    count = (
        select(func.count())
        .where(workers.c.employer_id == table.c.id, *inside.workers(workers.c.id))
        .scalar_subquery()
        .label("workers")
    )
    rows = connection.execute(
        select(table, count).where(*inside.employers(table.c.id)).order_by(table.c.name, table.c.kbo)
    )
    return [Employer(row.kbo, row.name, row.workers) for row in rows]


def groups(connection: Connection, reach: Reach, now_ms: int) -> list[Group]:
    """The sites within the reach, grouped by municipality; the worst group first, and its worst site first."""
    table, badges = schema.sites, schema.badges
    inside = within.of(connection, reach, now_ms)
    clocks: dict[str, list[Clock]] = {}
    for one in clocks_view.clocks(connection, reach, now_ms):
        clocks.setdefault(one.site, []).append(one)
    waits: dict[str | None, int] = {}
    for one_row in attention_view.rows(connection, reach, now_ms):
        waits[one_row.site] = waits.get(one_row.site, 0) + _is_of_people(one_row)
    held = dict(
        connection.execute(
            select(badges.c.site_id, func.count())
            .where(badges.c.until_ms.is_(None), *inside.badges())
            .group_by(badges.c.site_id)
        )
        .tuples()
        .all()
    )
    found: dict[str, list[SiteState]] = {}
    for row in connection.execute(select(table).where(*inside.sites(table.c.id)).order_by(table.c.name)):
        state = _site(row, tuple(clocks.get(row.name, ())), waits.get(row.name, 0), held.get(row.id, 0), now_ms)
        place = (row.address or {}).get("municipality") or _PLACELESS
        found.setdefault(place, []).append(state)
    order = ["bad", "waits", "good"].index
    made = [Group(name, sorted(some, key=lambda one: (order(one.tone), one.row.name))) for name, some in found.items()]
    return sorted(made, key=lambda one: (order(one.tone), one.name))


def _is_of_people(row: Row) -> bool:
    """A clock's items show in its own state."""
    return not row.reason.startswith("clock_")


def _site(row: Any, clocks: tuple[Clock, ...], waits: int, held: int, now_ms: int) -> SiteState:
    regime, coming = Regime(row.regime), None if row.next_regime is None else Regime(row.next_regime)
    if coming is not None and row.regime_from <= local_day(now_ms, row.time_zone):
        regime, coming = coming, None
    return SiteState(row, regime, coming, clocks, waits, held)


def find_site(connection: Connection, reach: Reach, name: str, now_ms: int) -> SiteState | None:
    """A site within the reach."""
    every = (site for group in groups(connection, reach, now_ms) for site in group.sites)
    return next((one for one in every if one.row.name == name), None)


REGIMES: Final[Mapping[Regime, str]] = {
    Regime.CONSTRUCTION: "construction: one presence a day",
    Regime.MEAT: "meat: one presence a day",
    Regime.CLEANING: "cleaning: each coming and going",
    Regime.MOVING: "moving: each coming and going",
    Regime.CONSTRUCTION_IN_OUT: "construction: each coming and going",
}
"""The rule for declaring presences."""
