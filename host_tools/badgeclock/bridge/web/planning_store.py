"""Reads and writes of the planning interface, each in one transaction, within the client's reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, select, union_all

from badgeclock.bridge.errors import BeyondReach, PeopleError
from badgeclock.bridge.people import badge_uids, badges, employers, engagements, identities, plans, sites, workers
from badgeclock.bridge.people.badges import Badge
from badgeclock.bridge.people.engagements import Engaged
from badgeclock.bridge.people.plans import Slot, minute_of, time_of
from badgeclock.bridge.people.sites import Address, Site
from badgeclock.bridge.presences import today
from badgeclock.bridge.presences.expectations import Source
from badgeclock.bridge.presences.regimes import Regime, local_day
from badgeclock.bridge.presences.shifts import Assumed
from badgeclock.bridge.store import audit_log, schema
from badgeclock.bridge.store.audit_log import Act, Change, Operator
from badgeclock.bridge.store.database import chunks
from badgeclock.bridge.store.states import IdentityKind, PresenceState, Reason
from badgeclock.bridge.store.vault import Vault
from badgeclock.bridge.web.planning_models import (
    AddressBody,
    BadgeBack,
    BadgeBody,
    BadgeGiven,
    BadgeTold,
    DayOfSite,
    EmployerBody,
    EmployerTold,
    EngagementBody,
    EngagementTold,
    Page,
    PageOfDays,
    PlanBody,
    PlanDay,
    PlanPut,
    PlanTold,
    PlanWithdrawn,
    PresenceTold,
    PutDone,
    SiteBody,
    SiteTold,
    SlotTold,
    TodayTold,
    WorkerBody,
    WorkerTold,
)
from badgeclock.bridge.web.reach import Reach, Within, cut


class Asker(NamedTuple):
    """The client: the name in the book of acts, its reach, and the time (ms)."""

    operator: Operator
    reach: Reach
    now_ms: int

    def within(self, connection: Connection) -> Within:
        """Its reach, for a transaction."""
        return Within(connection, self.reach, local_day(self.now_ms, sites.TIME_ZONE))


def put_employer(connection: Connection, body: EmployerBody, asker: Asker) -> PutDone:
    """Add or change an employer, on record."""
    asker.within(connection).check_employer(body.kbo)
    change = employers.put(connection, body.kbo, body.name)
    return _put(connection, change, (Act.EMPLOYER_ADDED, Act.EMPLOYER_CHANGED), asker)


def put_site(connection: Connection, body: SiteBody, asker: Asker) -> PutDone:
    """Add or change a site, on record."""
    asker.within(connection).check_own_site(body.name)
    site = Site(
        body.name,
        body.workplace,
        body.regime,
        body.time_zone,
        None if body.address is None else Address(**body.address.model_dump()),
        body.latitude,
        body.longitude,
        tuple(body.languages),
    )
    known = sites.find(connection, body.name) or site
    site = replace(site, deadline=known.deadline, deadline_minutes=known.deadline_minutes)
    kept = {
        name: getattr(body if name in body.model_fields_set else known, name)
        for name in ("longest_shift_h", "night_hours", "next_regime", "regime_from")
    }
    change = sites.put(connection, replace(site, **{name: value for name, value in kept.items() if value is not None}))
    return _put(connection, change, (Act.SITE_ADDED, Act.SITE_CHANGED), asker)


def put_worker(connection: Connection, vault: Vault, body: WorkerBody, asker: Asker) -> PutDone:
    """Add or change a worker, on record."""
    identity = identities.niss_or_limosa(body.niss, body.limosa)
    within = asker.within(connection)
    within.check_employer(body.employer)
    within.check_nobody_else(body.reference, vault.indexes(f"{identity.kind}:{identity.number}"))
    change = workers.put(
        connection,
        vault,
        reference=body.reference,
        name=body.name,
        identity=identity,
        employer_kbo=body.employer,
        language=(body.language or "") if "language" in body.model_fields_set else None,
        now_ms=asker.now_ms,
    )
    return _put(connection, change, (Act.WORKER_ADDED, Act.WORKER_CHANGED), asker)


def put_engagement(connection: Connection, body: EngagementBody, asker: Asker) -> PutDone:
    """Add or change an engagement of a worker, on record."""
    number = employers.enterprise_number(body.employer)
    within = asker.within(connection)
    within.check_employer(number)
    within.check_engagement(within.check_worker(body.worker), number, body.from_day, body.sites)
    engaged = Engaged(number, body.from_day, body.to_day, tuple(body.sites))
    change = engagements.engage(connection, body.worker, engaged, asker.operator, asker.now_ms)
    return PutDone(id=change.id, is_new=change.is_new, changed=list(change.changed))


def _put(connection: Connection, change: Change, acts: tuple[Act, Act], asker: Asker) -> PutDone:
    audit_log.write_change(connection, asker.operator, change, *acts, asker.now_ms)
    return PutDone(id=change.id, is_new=change.is_new, changed=list(change.changed))


def assign_badge(connection: Connection, vault: Vault, body: BadgeBody, asker: Asker) -> BadgeGiven:
    """Give a badge to a worker, on record."""
    uid = badge_uids.parse(body.uid)
    within = asker.within(connection)
    within.check_site(body.site)
    within.check_worker(body.worker)
    if body.employer is not None and not within.employer_kbo(employers.enterprise_number(body.employer)):
        raise BeyondReach("for another employer than the token's")
    holder = badges.with_uid(connection, vault, body.site, uid)
    if holder is not None and not connection.execute(_with_sites(holder.id).where(*within.badges())).first():
        raise BeyondReach("for a badge that somebody else has")
    now_ms = asker.now_ms
    assigned = badges.assign(
        connection, vault, site=body.site, worker=body.worker, uid=uid, employer_kbo=body.employer, now_ms=now_ms
    )
    if assigned.is_new:
        detail = {"badge": assigned.badge, "site": body.site}
        audit_log.write(connection, asker.operator, Act.BADGE_ASSIGNED, ("worker", assigned.worker), detail, now_ms)
    return BadgeGiven(badge=assigned.badge, is_new=assigned.is_new, queued=assigned.queued)


def revoke_badge(connection: Connection, body: BadgeBack, asker: Asker) -> BadgeTold:
    """Revoke a badge, on record; raises PeopleError if it is not in use."""
    now_ms = asker.now_ms
    rows = connection.execute(_with_sites(body.badge).where(*asker.within(connection).badges())).all()
    if not rows or rows[0].until_ms is not None:
        raise PeopleError(f"badge {body.badge} is not in use", "look at the list of badges")
    badge = Badge(body.badge, rows[0].worker, rows[0].worker_id, rows[0].since_ms, None)
    badges.revoke(connection, badge, by=asker.operator.name, reason=body.reason, now_ms=now_ms)
    return _badge(rows[0], now_ms)


def employers_after(connection: Connection, asker: Asker, page: Page) -> list[EmployerTold]:
    """The employers of a page, by id."""
    table = schema.employers
    rows = _page(connection, table, page, asker.within(connection).employers(table.c.id))
    return [EmployerTold(id=row.id, kbo=row.kbo, name=row.name) for row in rows]


def sites_after(connection: Connection, asker: Asker, page: Page) -> list[SiteTold]:
    """The sites of a page, by id."""
    table = schema.sites
    return [
        SiteTold(
            id=row.id,
            has_key=row.site_key_closed is not None,
            name=row.name,
            workplace=row.workplace,
            regime=Regime(row.regime),
            time_zone=row.time_zone,
            address=None if row.address is None else AddressBody(**row.address),
            latitude=row.latitude,
            longitude=row.longitude,
            languages=row.languages or [],
            longest_shift_h=row.longest_shift_h,
            night_hours=row.night_hours or "",
            next_regime=None if row.next_regime is None else Regime(row.next_regime),
            regime_from=row.regime_from,
        )
        for row in _page(connection, table, page, asker.within(connection).sites(table.c.id))
    ]


def _page(connection: Connection, table: Any, page: Page, within: Sequence[ColumnElement[bool]]) -> Sequence[Any]:
    query = select(table).where(table.c.id > page.after, *within)
    return connection.execute(query.order_by(table.c.id).limit(page.limit)).all()


def workers_after(connection: Connection, vault: Vault, asker: Asker, page: Page) -> list[WorkerTold]:
    """The workers of a page, by id, without names and numbers."""
    table, of = schema.workers, schema.employers
    rows = connection.execute(
        select(table, of.c.kbo)
        .outerjoin(of, of.c.id == table.c.employer_id)
        .where(table.c.id > page.after, *asker.within(connection).workers(table.c.id))
        .order_by(table.c.id)
        .limit(page.limit)
    )
    return [
        WorkerTold(
            id=row.id,
            reference=row.reference,
            initials=workers.initials_of(vault, row.reference, row.name_closed),
            employer=row.kbo,
            identity=IdentityKind(row.identity_kind),
            language=row.language,
        )
        for row in rows
    ]


def engagements_after(connection: Connection, asker: Asker, page: Page) -> list[EngagementTold]:
    """The engagements of a page, by id."""
    table, workers, employers, sites = schema.engagements, schema.workers, schema.employers, schema.sites
    within = asker.within(connection)
    seen = select(sites.c.id, sites.c.name).where(*within.sites(sites.c.id))
    names = dict(connection.execute(seen).tuples().all())
    rows = connection.execute(
        select(table, workers.c.reference.label("worker"), employers.c.kbo)
        .join(workers, workers.c.id == table.c.worker_id)
        .join(employers, employers.c.id == table.c.employer_id)
        .where(table.c.id > page.after, *within.engagements())
        .order_by(table.c.id)
        .limit(page.limit)
    )
    return [
        EngagementTold(
            id=row.id,
            worker=row.worker,
            employer=row.kbo,
            from_day=row.from_day,
            to_day=row.to_day,
            sites=[names[site_id] for site_id in row.site_ids if site_id in names],
        )
        for row in rows
    ]


def _with_sites(badge: int | None = None) -> Any:
    badges, workers, sites = schema.badges, schema.workers, schema.sites
    query = (
        select(badges, workers.c.reference.label("worker"), sites.c.name.label("site"))
        .join(workers, workers.c.id == badges.c.worker_id)
        .join(sites, sites.c.id == badges.c.site_id)
    )
    return query if badge is None else query.where(badges.c.id == badge)


def badges_after(connection: Connection, asker: Asker, page: Page) -> list[BadgeTold]:
    """The badges of a page, by row."""
    table = schema.badges
    query = _with_sites().where(table.c.id > page.after, *asker.within(connection).badges())
    rows = connection.execute(query.order_by(table.c.id).limit(page.limit))
    return [_badge(row, row.until_ms) for row in rows]


def _badge(row: Any, until_ms: int | None) -> BadgeTold:
    return BadgeTold(badge=row.id, site=row.site, worker=row.worker, since_ms=row.since_ms, until_ms=until_ms)


def put_plan(connection: Connection, body: PlanBody, asker: Asker) -> PlanPut:
    """Replace the plan of a site's day, on record; workers outside the client's reach stay in it."""
    slots = [Slot(one.worker, minute_of(one.from_time or ""), minute_of(one.to_time or "")) for one in body.workers]
    within = asker.within(connection)
    site_id = within.check_site(body.site)
    for slot in slots:
        within.check_worker(slot.worker)
    kept = _beyond(connection, within, site_id, body.day)
    put = plans.put(connection, body.site, body.day, slots, asker.operator, asker.now_ms, kept)
    return PlanPut(id=put.plan_id, is_new=put.is_new, added=put.added, changed=put.changed, removed=put.removed)


def withdraw_plan(connection: Connection, body: PlanDay, asker: Asker) -> PlanWithdrawn:
    """Delete a plan, on record; if it has workers outside the client's reach, only those within."""
    within = asker.within(connection)
    kept = _beyond(connection, within, within.check_site(body.site), body.day)
    if kept:
        put = plans.put(connection, body.site, body.day, (), asker.operator, asker.now_ms, kept)
        return PlanWithdrawn(removed=put.removed)
    return PlanWithdrawn(removed=plans.withdraw(connection, body.site, body.day, asker.operator, asker.now_ms))


def _beyond(connection: Connection, within: Within, site_id: int, day: date) -> frozenset[int]:
    """The workers in the plan of a site's day outside a reach limited to employers; none for one limited to sites."""
    if within.has_all_employers:
        return frozenset()
    table, plans = schema.expected, schema.plans
    everybody = select(table.c.worker_id).join(plans, plans.c.id == table.c.plan_id)
    everybody = everybody.where(plans.c.site_id == site_id, plans.c.day == day)
    own = set(connection.execute(everybody.where(*within.workers(table.c.worker_id))).scalars())
    return frozenset(connection.execute(everybody).scalars()) - own


def plans_after(connection: Connection, asker: Asker, page: PageOfDays) -> list[PlanTold]:
    """The plans of a page, by id, with their workers."""
    table, sites, slots, workers = schema.plans, schema.sites, schema.expected, schema.workers
    within = asker.within(connection)
    rows = connection.execute(
        select(table.c.id, table.c.day, table.c.put_ms, sites.c.name)
        .join(sites, sites.c.id == table.c.site_id)
        .where(table.c.day >= page.first, table.c.day <= page.last, table.c.id > page.after)
        .where(*within.sites(table.c.site_id))
        .order_by(table.c.id)
        .limit(page.limit)
    ).all()
    of_plan: dict[int, list[SlotTold]] = {row.id: [] for row in rows}
    for some in chunks(of_plan):
        found = connection.execute(
            select(slots, workers.c.reference)
            .join(workers, workers.c.id == slots.c.worker_id)
            .where(slots.c.plan_id.in_(some), *([] if within.has_all_employers else within.workers(workers.c.id)))
            .order_by(slots.c.id)
        )
        for row in found:
            of_plan[row.plan_id].append(
                SlotTold(
                    worker=row.reference,
                    from_time=time_of(row.from_min),
                    to_time=time_of(row.to_min),
                    source=Source(row.source),
                )
            )
    return [PlanTold(id=row.id, site=row.name, day=row.day, put_ms=row.put_ms, workers=of_plan[row.id]) for row in rows]


def today_of(connection: Connection, asker: Asker, asked: DayOfSite) -> TodayTold:
    """Who is present where, and who has not come."""
    within = asker.within(connection)
    site_id = None if asked.site is None else within.check_site(asked.site)
    report = today.look(connection, asker.now_ms, day=asked.day, site_id=site_id)
    if not asker.reach.is_everything:
        report = cut(report, within)
    return TodayTold.model_validate(today.as_dict(report))


def presences_after(connection: Connection, asker: Asker, page: PageOfDays) -> list[PresenceTold]:
    """The presences of a page, by id."""
    table, workers, sites = schema.presences, schema.workers, schema.sites
    of_page = table.c.id > page.after, *asker.within(connection).presences()
    # Each day separately, by the day's index: otherwise a database scans all presences.
    days = [page.first + timedelta(days=after) for after in range((page.last - page.first).days + 1)]
    of_days = [
        select(select(table.c.id).where(table.c.day == day, *of_page).order_by(table.c.id).limit(page.limit).subquery())
        for day in days
    ]
    found = union_all(*of_days).subquery()
    rows = connection.execute(
        select(table, workers.c.reference.label("worker"), sites.c.name.label("site"))
        .join(workers, workers.c.id == table.c.worker_id)
        .join(sites, sites.c.id == table.c.site_id)
        .where(table.c.id.in_(select(found.c.id).order_by(found.c.id).limit(page.limit)))
        .order_by(table.c.id)
    )
    return [
        PresenceTold(
            id=row.id,
            reference=row.reference,
            site=row.site,
            worker=row.worker,
            employer=row.employer_kbo,
            day=row.day,
            state=PresenceState(row.state),
            reason=None if row.reason is None else Reason(row.reason),
            assumed=None if row.assumed is None else Assumed(row.assumed),
            reception_number=row.reception_number,
            error_code=row.error_code or None,
            remarks=row.remarks,
            registered_ms=row.registered_ms,
        )
        for row in rows
    ]
