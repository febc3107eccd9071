"""The reach of a token: its sites and employers, and what belongs to them.

A token that names sites reaches these; one that names employers alone reaches the sites where they work: a declaration
of works, or of their workers an engagement, a badge, a plan or a presence of the last 31 days. One that names employers
reaches their own workers, and those engaged by them today or later; one that names sites alone reaches the workers with
an engagement that names the site, or a badge, a plan or such a presence there. A badge, a plan and a presence are
within where all of their site, worker and employer are.

Items outside are refused like missing ones, so that a request cannot find out which of the two it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Text, cast, false, func, literal, or_, select, union

from badgeclock.bridge.errors import BeyondReach, PeopleError
from badgeclock.bridge.people import employers, sites
from badgeclock.bridge.people.rows import named
from badgeclock.bridge.presences.today import Person, PlaceToday, Report
from badgeclock.bridge.store import schema

PRESENT_DAYS: Final = 31
"""For how long a presence links its worker, site and employer."""


class Reach(NamedTuple):
    """Rows of sites and of employers; None: all of them."""

    sites: frozenset[int] | None = None
    employers: frozenset[int] | None = None

    @property
    def is_everything(self) -> bool:
        """Whether it is unlimited."""
        return self.sites is None and self.employers is None

    def stored(self) -> dict[str, list[int]] | None:
        """The stored form; None for everything."""
        parts = {name: sorted(rows) for name, rows in self._asdict().items() if rows is not None}
        return parts or None


EVERYTHING: Final = Reach()


def of_stored(stored: dict[str, list[int]] | None) -> Reach:
    """The reach from a row of the store."""
    return Reach(**{name: frozenset(rows) for name, rows in (stored or {}).items()})


def of_names(connection: Connection, site_names: Sequence[str], kbo_numbers: Sequence[str]) -> Reach:
    """The reach of these sites and employers, unlimited if none is named. Raises PeopleError for an unknown one."""
    return Reach(
        frozenset(sites.row_id(connection, name) for name in site_names) or None,
        frozenset(employers.row_id(connection, number) for number in kbo_numbers) or None,
    )


def names_of(connection: Connection, stored: dict[str, list[int]] | None) -> dict[str, list[str]]:
    """The names of a stored reach's sites, and the numbers of its employers; empty for everything."""
    columns = {"sites": schema.sites.c.name, "employers": schema.employers.c.kbo}
    found = {}
    for part, rows in (stored or {}).items():
        column = columns[part]
        query = select(column).where(column.table.c.id.in_(rows)).order_by(column)
        found[part] = list(connection.execute(query).scalars())
    return found


class Within:
    """A token's reach in an open transaction, on a day: conditions for queries, and checks of named items."""

    def __init__(self, connection: Connection, reach: Reach, today: date) -> None:
        self._connection = connection
        self._reach = reach
        self._today = today
        table = schema.employers
        own = select(table.c.kbo).where(table.c.id.in_(reach.employers or ()))
        self._kbo_numbers = frozenset(connection.execute(own).scalars()) if reach.employers is not None else None

    @property
    def has_all_employers(self) -> bool:
        """Whether it includes all workers at its sites, of any employer."""
        return self._reach.employers is None

    def sites(self, column: Any) -> list[ColumnElement[bool]]:
        """The condition that a column has a site within; none if all sites are."""
        if self._reach.is_everything:
            return []
        return [column.in_(self._reach.sites if self._reach.sites is not None else self._sites_of_employers())]

    def workers(self, column: Any) -> list[ColumnElement[bool]]:
        """The condition that a column has a worker within."""
        if self._reach.is_everything:
            return []
        return [column.in_(self._workers_of_sites() if self._reach.employers is None else self._workers_of_employers())]

    def employers(self, column: Any) -> list[ColumnElement[bool]]:
        """The condition that a column has an employer within: one of the token's, else one of its workers'."""
        if self._reach.is_everything:
            return []
        if self._reach.employers is not None:
            return [column.in_(self._reach.employers)]
        table, engaged = schema.workers.alias(), schema.engagements.alias()
        own = select(table.c.employer_id).where(table.c.employer_id.is_not(None), *self.workers(table.c.id))
        others = select(engaged.c.employer_id).where(_names_one(engaged, self._reach.sites or ()))
        return [column.in_(union(own, others))]

    def presences(self) -> list[ColumnElement[bool]]:
        """The conditions that a presence is within: its site, and the employer under whom it is declared."""
        table = schema.presences
        conditions: list[ColumnElement[bool]] = []
        if self._reach.sites is not None:
            conditions.append(table.c.site_id.in_(self._reach.sites))
        if self._kbo_numbers is not None:
            conditions.append(table.c.employer_kbo.in_(self._kbo_numbers))
        return conditions

    def engagements(self) -> list[ColumnElement[bool]]:
        """The conditions that an engagement is within: its employer; of a token of sites, its worker and its sites."""
        table = schema.engagements
        if self._reach.is_everything:
            return []
        if self._reach.employers is not None:
            return [table.c.employer_id.in_(self._reach.employers)]
        everywhere = cast(table.c.site_ids, Text) == "[]"
        return [*self.workers(table.c.worker_id), _names_one(table, self._reach.sites or ()) | everywhere]

    def badges(self) -> list[ColumnElement[bool]]:
        """The conditions that a badge is within: its site, its worker, and the employer that it was given for."""
        table, engaged = schema.badges, schema.engagements.alias()
        conditions = [*self.sites(table.c.site_id), *self.workers(table.c.worker_id)]
        if self._reach.employers is not None:
            own = select(engaged.c.id).where(engaged.c.employer_id.in_(self._reach.employers))
            conditions.append(table.c.engagement_id.is_(None) | table.c.engagement_id.in_(own))
        return conditions

    def check_site(self, name: str) -> int:
        """The row of a site within; raises PeopleError, as for a site that does not exist."""
        row = sites.find_row(self._connection, name)
        if row is None or not self._has(schema.sites, row.id, self.sites(schema.sites.c.id)):
            raise sites.no_site(name)
        return int(row.id)

    def check_worker(self, reference: str) -> int:
        """The row of a worker within; raises PeopleError, as for a worker who does not exist."""
        table = schema.workers
        which = select(table.c.id).where(named(table.c.reference, reference), *self.workers(table.c.id))
        row_id = self._connection.execute(which).scalar()
        if row_id is None:
            raise PeopleError(f"there is no worker {reference!r}", "add the worker with `badgeclock bridge worker add`")
        return int(row_id)

    def check_employer(self, kbo_number: str | None) -> None:
        """Raise BeyondReach unless the token may write for this employer, existing or not."""
        if self._reach.is_everything:
            return
        own = self._kbo_numbers or frozenset()
        if kbo_number is None or employers.enterprise_number(kbo_number) not in own:
            raise BeyondReach("for another employer than the token's")

    def check_own_site(self, name: str) -> None:
        """Raise BeyondReach unless the token was made for this site, or for everything."""
        if not self._reach.is_everything:
            row = sites.find_row(self._connection, name)
            if row is None or row.id not in (self._reach.sites or ()):
                raise BeyondReach("for another site than the token's")

    def check_nobody_else(self, reference: str, indexes: Sequence[bytes]) -> None:
        """Raise BeyondReach if a worker with this reference or this number has another employer than the token's."""
        if self._reach.is_everything:
            return
        table = schema.workers
        same = named(table.c.reference, reference) | table.c.identity_index.in_(indexes)
        for row in self._connection.execute(select(table.c.employer_id).where(same)):
            if row.employer_id not in (self._reach.employers or ()):
                raise BeyondReach("for a worker of another employer")

    def check_engagement(self, worker_id: int, kbo_number: str, from_day: date | None, names: Sequence[str]) -> None:
        """Raise if an engagement to be written, or the one it replaces, is outside."""
        for name in names:
            self.check_site(name)
        if self._reach.sites is None:
            return
        table = schema.engagements
        employer_id = employers.row_id(self._connection, kbo_number)
        since = table.c.from_day.is_(None) if from_day is None else table.c.from_day == from_day
        which = (table.c.worker_id == worker_id) & (table.c.employer_id == employer_id) & since
        there = self._connection.execute(select(table.c.site_ids).where(which)).scalars()
        if not names or any(not ids or not self._reach.sites.issuperset(ids) for ids in there):
            raise BeyondReach("for another site than the token's")

    def employer_kbo(self, kbo_number: str | None) -> bool:
        """Whether declarations under this employer are within."""
        return self._kbo_numbers is None or kbo_number in self._kbo_numbers

    def site_names(self) -> frozenset[str]:
        """The names of the sites within."""
        table = schema.sites
        return frozenset(self._connection.execute(select(table.c.name).where(*self.sites(table.c.id))).scalars())

    def references(self) -> frozenset[str]:
        """The references of the workers within."""
        table = schema.workers
        return frozenset(self._connection.execute(select(table.c.reference).where(*self.workers(table.c.id))).scalars())

    def _has(self, table: Any, row_id: int, conditions: Sequence[ColumnElement[bool]]) -> bool:
        return self._connection.execute(select(table.c.id).where(table.c.id == row_id, *conditions)).first() is not None

    def _workers_of_employers(self) -> Any:
        table, engaged, own = schema.workers.alias(), schema.engagements.alias(), self._reach.employers or ()
        goes_on = engaged.c.to_day.is_(None) | (engaged.c.to_day >= self._today)
        return union(
            select(table.c.id).where(table.c.employer_id.in_(own)),
            select(engaged.c.worker_id).where(engaged.c.employer_id.in_(own), goes_on),
        )

    def _workers_of_sites(self) -> Any:
        own, engaged = self._reach.sites or (), schema.engagements.alias()
        badges, presences = schema.badges.alias(), schema.presences.alias()
        plans, slots = schema.plans.alias(), schema.expected.alias()
        planned = select(slots.c.worker_id).join(plans, plans.c.id == slots.c.plan_id)
        return union(
            select(engaged.c.worker_id).where(_names_one(engaged, own)),
            select(badges.c.worker_id).where(badges.c.site_id.in_(own)),
            planned.where(plans.c.site_id.in_(own)),
            select(presences.c.worker_id).where(presences.c.site_id.in_(own), presences.c.day >= self._recent()),
        )

    def _sites_of_employers(self) -> Any:
        own, workers = self._reach.employers or (), self._workers_of_employers()
        works, engaged, sites = schema.works.alias(), schema.engagements.alias(), schema.sites.alias()
        badges, presences = schema.badges.alias(), schema.presences.alias()
        plans, slots = schema.plans.alias(), schema.expected.alias()
        planned = select(plans.c.site_id).join(slots, slots.c.plan_id == plans.c.id)
        by_own = engaged.c.employer_id.in_(own) & _names(engaged, sites.c.id)
        under = presences.c.employer_kbo.in_(self._kbo_numbers or ())
        return union(
            select(works.c.site_id).where(works.c.employer_id.in_(own)),
            select(sites.c.id).join(engaged, by_own),
            select(badges.c.site_id).where(badges.c.worker_id.in_(workers)),
            planned.where(slots.c.worker_id.in_(workers)),
            select(presences.c.site_id).where(under, presences.c.day >= self._recent()),
        )

    def _recent(self) -> date:
        return self._today - timedelta(days=PRESENT_DAYS)


def _names(engagements: Any, site_id: Any) -> ColumnElement[bool]:
    """Whether an engagement names a site. The list is read as text, since JSON's own functions differ between the
    databases: `[1, 2]` is `, 1, 2,` here.
    """
    listed = func.replace(func.replace(cast(engagements.c.site_ids, Text), "[", ", "), "]", ",")
    found: ColumnElement[bool] = listed.like(literal("%, ") + cast(site_id, Text) + literal(",%"))
    return found


def _names_one(engagements: Any, rows: Iterable[int]) -> ColumnElement[bool]:
    """Whether an engagement names one of these sites."""
    return or_(false(), *(_names(engagements, literal(row)) for row in sorted(rows)))


def cut(report: Report, within: Within) -> Report:
    """A report of who is present, without the people, sites and declarations outside the reach."""
    names, references = within.site_names(), within.references()
    places = (_cut_place(place, within, names, references) for place in report.places)
    return Report(report.now_ms, tuple(place for place in places if place.sites))


def _cut_place(place: PlaceToday, within: Within, names: frozenset[str], references: frozenset[str]) -> PlaceToday:
    people = (
        _cut_person(one, within, names)
        for one in place.people
        if one.site in names and (one.worker in references or (one.worker is None and within.has_all_employers))
    )
    shown = tuple(one for one in people if one is not None)
    return replace(place, sites=tuple(name for name in place.sites if name in names), people=shown)


def _cut_person(one: Person, within: Within, names: frozenset[str]) -> Person | None:
    elsewhere = one.elsewhere if one.elsewhere in names else None
    left = tuple(declared for declared in one.declarations if within.employer_kbo(declared.employer))
    if len(left) == len(one.declarations):
        return replace(one, elsewhere=elsewhere)
    if not left and one.expected is None:
        return None
    numbers = [declared.reception_number for declared in left]
    why = "; ".join(dict.fromkeys(declared.why for declared in left if declared.why)) or None
    return replace(one, elsewhere=elsewhere, declarations=left, number=numbers[-1] if numbers else None, why=why)
