"""Workers within an account's reach, with their engagements, badges, plans and presences.

Names are encrypted in the store: only a visitor who has opened names can search them, and each is decrypted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, func, select

from badgeclock.bridge.acts import within
from badgeclock.bridge.people.badge_keys import Form
from badgeclock.bridge.people.badges import Badge
from badgeclock.bridge.people.rows import named
from badgeclock.bridge.presences.regimes import local_day
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.database import chunks
from badgeclock.bridge.store.vault import PEOPLE, Vault
from badgeclock.bridge.web.reach import Reach, Within
from badgeclock.console import attention_view

ROWS_SHOWN: Final = 100
NAMES_SEARCHED_MOST: Final = 20_000
"""Limit of names decrypted for a search: each takes some 20 µs."""


@dataclass(frozen=True, slots=True)
class Person:
    """A worker in the list."""

    id: int
    reference: str
    employer: str | None
    employer_kbo: str | None
    badges: int
    engagements: int
    last_day: date | None
    """The last day with a presence within the reach."""


class Listed(NamedTuple):
    """Workers, and whether there are more than shown."""

    people: list[Person]
    is_more: bool


class Engaged(NamedTuple):
    """An engagement as a page shows it."""

    employer: str
    employer_kbo: str
    from_day: date | None
    to_day: date | None
    sites: tuple[str, ...]
    is_now: bool


class Held(NamedTuple):
    """A badge that a worker has or had, and its site."""

    badge: Badge
    site: str
    zone: str


@dataclass(frozen=True, slots=True)
class Whole:
    """All that a page shows about a worker."""

    person: Person
    language: str | None
    number_kind: str
    engagements: list[Engaged]
    badges: list[Held]
    planned: list[Any]
    presences: list[Any]


def people(
    connection: Connection, vault: Vault, reach: Reach, words: str, employer: str, now_ms: int, *, names: bool
) -> Listed:
    """Workers whose reference begins with these words (or whose name contains them, if names are open), of one employer
    if its number is given; sorted by reference.
    """
    table, employers = schema.workers, schema.employers
    inside = within.of(connection, reach, now_ms)
    conditions = list(inside.workers(table.c.id))
    if employer:
        conditions.append(employers.c.kbo == employer)
    if words:
        conditions.append(_with_words(connection, vault, conditions, words, names=names))
    rows = connection.execute(_workers().where(*conditions).order_by(table.c.reference).limit(ROWS_SHOWN + 1)).all()
    return Listed(_people(connection, inside, rows[:ROWS_SHOWN]), len(rows) > ROWS_SHOWN)


def _workers() -> Any:
    table, employers = schema.workers, schema.employers
    named_so = (employers.c.name.label("employer"), employers.c.kbo.label("employer_kbo"))
    return select(table, *named_so).outerjoin(employers, employers.c.id == table.c.employer_id)


def _with_words(
    connection: Connection, vault: Vault, conditions: list[ColumnElement[bool]], words: str, *, names: bool
) -> ColumnElement[bool]:
    table = schema.workers
    begins = table.c.reference.startswith(words, autoescape=True)
    if not names:
        return begins
    rows = connection.execute(_workers().where(*conditions).limit(NAMES_SEARCHED_MOST))
    wanted = words.casefold()
    ids = [
        row.id
        for row in rows
        if wanted in vault.open(PEOPLE, f"name:{row.reference}", row.name_closed).decode().casefold()
    ]
    found: ColumnElement[bool] = begins | table.c.id.in_(ids[: 2 * ROWS_SHOWN])
    return found


def _people(connection: Connection, inside: Within, rows: Sequence[Any]) -> list[Person]:
    badges, engaged, presences = schema.badges, schema.engagements, schema.presences
    ids = [row.id for row in rows]
    held = _by_worker(
        connection, badges.c.worker_id, [badges.c.until_ms.is_(None), *inside.badges()], ids, func.count()
    )
    bound = _by_worker(connection, engaged.c.worker_id, inside.engagements(), ids, func.count())
    last = _by_worker(connection, presences.c.worker_id, inside.presences(), ids, func.max(presences.c.day))
    shown = _employers_within(connection, inside)
    return [
        Person(
            row.id,
            row.reference,
            row.employer if row.employer_id in shown else None,
            row.employer_kbo if row.employer_id in shown else None,
            held.get(row.id, 0),
            bound.get(row.id, 0),
            last.get(row.id),
        )
        for row in rows
    ]


def _employers_within(connection: Connection, inside: Within) -> frozenset[int]:
    table = schema.employers
    return frozenset(connection.execute(select(table.c.id).where(*inside.employers(table.c.id))).scalars())


def _by_worker(
    connection: Connection, column: Any, conditions: list[ColumnElement[bool]], ids: list[int], figure: Any
) -> dict[int, Any]:
    found: dict[int, Any] = {}
    for some in chunks(ids):
        grouped = select(column, figure).where(column.in_(some), *conditions).group_by(column)
        found |= dict(connection.execute(grouped).tuples().all())
    return found


def find(connection: Connection, reach: Reach, reference: str, now_ms: int) -> Whole | None:
    """All details of a worker within the reach; None if there is no such worker."""
    table = schema.workers
    inside = within.of(connection, reach, now_ms)
    which = _workers().where(named(table.c.reference, reference), *inside.workers(table.c.id))
    row = connection.execute(which).first()
    if row is None:
        return None
    (person,) = _people(connection, inside, [row])
    return Whole(
        person,
        row.language,
        row.identity_kind,
        _engagements(connection, inside, row.id, now_ms),
        _badges(connection, inside, row),
        _planned(connection, inside, row.id, now_ms),
        _presences(connection, inside, row.id),
    )


def _engagements(connection: Connection, inside: Within, worker_id: int, now_ms: int) -> list[Engaged]:
    table, employers, sites = schema.engagements, schema.employers, schema.sites
    names = dict(connection.execute(select(sites.c.id, sites.c.name).where(*inside.sites(sites.c.id))).tuples().all())
    rows = connection.execute(
        select(table, employers.c.name, employers.c.kbo)
        .join(employers, employers.c.id == table.c.employer_id)
        .where(table.c.worker_id == worker_id, *inside.engagements())
        .order_by(table.c.id)
    )
    today = local_day(now_ms, attention_view.DEFAULT_ZONE)
    return [
        Engaged(
            row.name,
            row.kbo,
            row.from_day,
            row.to_day,
            tuple(names[site_id] for site_id in row.site_ids if site_id in names),
            (row.from_day or today) <= today <= (row.to_day or today),
        )
        for row in rows
    ]


def _badges(connection: Connection, inside: Within, worker: Any) -> list[Held]:
    table, sites = schema.badges, schema.sites
    rows = connection.execute(
        select(table, sites.c.name, sites.c.time_zone)
        .join(sites, sites.c.id == table.c.site_id)
        .where(table.c.worker_id == worker.id, *inside.badges())
        .order_by(table.c.until_ms.is_not(None), table.c.id.desc())
    )
    return [
        Held(
            Badge(
                row.id,
                worker.reference,
                worker.id,
                row.since_ms,
                row.until_ms,
                None if row.form is None else Form(row.form),
            ),
            row.name,
            row.time_zone,
        )
        for row in rows
    ]


def _planned(connection: Connection, inside: Within, worker_id: int, now_ms: int) -> list[Any]:
    plans, slots, sites = schema.plans, schema.expected, schema.sites
    today = local_day(now_ms, attention_view.DEFAULT_ZONE)
    return list(
        connection.execute(
            select(plans.c.day, sites.c.name.label("site"), slots.c.from_min, slots.c.to_min)
            .join(slots, slots.c.plan_id == plans.c.id)
            .join(sites, sites.c.id == plans.c.site_id)
            .where(slots.c.worker_id == worker_id, plans.c.day >= today, *inside.sites(plans.c.site_id))
            .order_by(plans.c.day)
            .limit(14)
        ).all()
    )


def _presences(connection: Connection, inside: Within, worker_id: int) -> list[Any]:
    table, sites = schema.presences, schema.sites
    return list(
        connection.execute(
            select(table, sites.c.name.label("site"), sites.c.time_zone)
            .join(sites, sites.c.id == table.c.site_id)
            .where(table.c.worker_id == worker_id, *inside.presences())
            .order_by(table.c.day.desc(), table.c.id.desc())
            .limit(14)
        ).all()
    )
