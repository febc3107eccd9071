"""Data of the office's registration: sites where it may register, candidates, expected results, and what is planned.

An assistant's proposals come from the week before, the planning, or an employer's earlier registrations.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, select

from badgeclock.bridge.acts import within
from badgeclock.bridge.errors import PresenceError
from badgeclock.bridge.people import sites
from badgeclock.bridge.presences.regimes import local_day
from badgeclock.bridge.registrar import office_registrations
from badgeclock.bridge.registrar.office_registrations import ENTRIES_MOST, Entry, Outcome
from badgeclock.bridge.registrar.replacements import place_of
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.states import ENDED
from badgeclock.bridge.web.reach import Reach

BACK_DAYS: Final = 31
"""How far back earlier registrations of an employer count."""
WEEK: Final = timedelta(days=7)
DAYS_MOST: Final = 14
_SATURDAY: Final = 5


class Source(StrEnum):
    """The source of an assistant's proposals."""

    WEEK = "week"
    PLANNING = "planning"
    EMPLOYER = "employer"


SOURCES: Final[Mapping[Source, str]] = {
    Source.WEEK: "who was there a week before",
    Source.PLANNING: "the planning",
    Source.EMPLOYER: "an employer's earlier registrations here",
}
OUTCOMES: Final[Mapping[Outcome, str]] = {
    Outcome.QUEUED: "sent now",
    Outcome.PLANNED: "planned",
    Outcome.THERE: "registered already",
}


class Site(NamedTuple):
    """A site where the office wants to register on a day, the day there, and the legal reason if it may not."""

    name: str
    today: date
    refusal: PresenceError | None


@dataclass(frozen=True, slots=True)
class Cell:
    """A worker's day in an assistant: whether it is proposed, and the expected result or why it is impossible."""

    value: str
    is_proposed: bool
    outcome: Outcome | None
    why: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it can be registered."""
        return self.outcome in (Outcome.QUEUED, Outcome.PLANNED)


@dataclass(frozen=True, slots=True)
class Preview:
    """An assistant's proposal: the days, and for each worker the employer and a cell per day."""

    days: tuple[date, ...]
    rows: tuple[tuple[str, str, tuple[Cell, ...]], ...]
    is_cut: bool
    """Whether there were more people than one act takes."""


def site_of(connection: Connection, reach: Reach, name: str, now_ms: int) -> Site:
    """A site within an account's reach. Raises PeopleError."""
    row_id = within.of(connection, reach, now_ms).check_site(name)
    row, place = sites.find_row(connection, name), place_of(connection, row_id)
    today, refusal = local_day(now_ms, place.time_zone), None
    try:
        office_registrations.check_office(place, row.name, today)
    except PresenceError as error:
        refusal = error
    return Site(row.name, today, refusal)


def planned(connection: Connection, reach: Reach, now_ms: int, site: str) -> list[dict[str, Any]]:
    """Planned registrations within an account's reach, of one site if given."""
    inside, table = within.of(connection, reach, now_ms), schema.later_registrations
    conditions = [*inside.sites(table.c.site_id), *inside.workers(table.c.worker_id)]
    return [one for one in office_registrations.planned(connection, conditions) if not site or one["site"] == site]


def by_hand(connection: Connection, reach: Reach, now_ms: int, site: str, since: date) -> list[Any]:
    """The office's registrations at a site for a day or later, by day."""
    table, workers, of_sites = schema.presences, schema.workers, schema.sites
    return list(
        connection.execute(
            select(table, workers.c.reference.label("worker"))
            .join(workers, workers.c.id == table.c.worker_id)
            .join(of_sites, of_sites.c.id == table.c.site_id)
            .where(
                table.c.day.between(since, since + timedelta(days=1)),
                table.c.manual,
                of_sites.c.name == site,
                *within.of(connection, reach, now_ms).presences(),
            )
            .order_by(table.c.day, table.c.id.desc())
            .limit(ENTRIES_MOST)
        ).all()
    )


def days_of(first: date | None, last: date | None, today: date) -> tuple[date, ...]:
    """The days of an assistant: those of a form, as far as they can be planned, at most DAYS_MOST."""
    begins = max(first or today, today)
    ends = min(last or begins, begins + timedelta(days=DAYS_MOST - 1))
    return tuple(begins + timedelta(days=step) for step in range(max(0, (ends - begins).days) + 1))


def preview(
    connection: Connection,
    reach: Reach,
    site: str,
    source: Source,
    employer: str,
    days: tuple[date, ...],
    now_ms: int,
) -> Preview:
    """The people an assistant proposes, and the expected result of each of their days."""
    inside = within.of(connection, reach, now_ms)
    site_id = inside.check_site(site)
    if source is Source.PLANNING:
        proposed = _planned(connection, site_id, days)
    else:
        proposed = _earlier(connection, site_id, source, employer, days)
    references = inside.references() if not reach.is_everything else None
    people = sorted(
        (who, on)
        for who, on in proposed.items()
        if (references is None or who[0] in references) and (not who[1] or inside.employer_kbo(who[1]))
    )
    most = max(1, ENTRIES_MOST // len(days))
    rows = tuple(
        (worker, kbo, tuple(_cell(connection, site, worker, kbo, day, on, now_ms) for day in days))
        for (worker, kbo), on in people[:most]
    )
    return Preview(days, rows, len(people) > most)


def _cell(
    connection: Connection, site: str, worker: str, kbo: str, day: date, on: frozenset[date], now_ms: int
) -> Cell:
    value = f"{worker}|{day.isoformat()}|{kbo}"
    try:
        judged = office_registrations.judge(connection, Entry(worker, site, day, kbo or None), now_ms)
    except PresenceError as error:
        return Cell(value, day in on, None, error.what)
    return Cell(value, day in on, judged.outcome)


Proposed = dict[tuple[str, str], frozenset[date]]


def _planned(connection: Connection, site_id: int, days: Iterable[date]) -> Proposed:
    """Planned workers and their days, each under one employer."""
    table, plans, workers = schema.expected, schema.plans, schema.workers
    rows = connection.execute(
        select(workers.c.reference, plans.c.day)
        .select_from(table)
        .join(plans, plans.c.id == table.c.plan_id)
        .join(workers, workers.c.id == table.c.worker_id)
        .where(plans.c.site_id == site_id, plans.c.day.in_(list(days)))
    )
    found: Proposed = {}
    for reference, day in rows:
        found[reference, ""] = found.get((reference, ""), frozenset()) | {day}
    return found


def _earlier(connection: Connection, site_id: int, source: Source, employer: str, days: tuple[date, ...]) -> Proposed:
    """Workers who were present: for the week before on the same weekdays; for an employer from Monday to Friday."""
    table, workers = schema.presences, schema.workers
    is_week = source is Source.WEEK
    since = days[0] - (WEEK if is_week else timedelta(days=BACK_DAYS))
    until = days[-1] - WEEK if is_week else days[0]
    conditions = [table.c.site_id == site_id, table.c.day.between(since, until), table.c.state.not_in(list(ENDED))]
    if not is_week:
        conditions.append(table.c.employer_kbo == employer)
    rows = connection.execute(
        select(workers.c.reference, table.c.employer_kbo, table.c.day)
        .join(workers, workers.c.id == table.c.worker_id)
        .where(*conditions)
        .distinct()
    )
    found: Proposed = {}
    for reference, kbo, day in rows:
        on = {day + WEEK} if is_week else {one for one in days if one.weekday() < _SATURDAY}
        found[reference, kbo] = found.get((reference, kbo), frozenset()) | on
    return found


def employers_at(connection: Connection, reach: Reach, site: str, now_ms: int, today: date) -> list[tuple[str, str]]:
    """Employers with somebody at a site lately: enterprise number and name."""
    inside, table, employers = within.of(connection, reach, now_ms), schema.presences, schema.employers
    site_id = inside.check_site(site)
    rows = connection.execute(
        select(employers.c.kbo, employers.c.name).where(
            employers.c.kbo.in_(
                select(table.c.employer_kbo).where(
                    table.c.day.between(today - timedelta(days=BACK_DAYS), today),
                    table.c.site_id == site_id,
                    *inside.presences(),
                )
            )
        )
    )
    return sorted((row.kbo, row.name) for row in rows)
