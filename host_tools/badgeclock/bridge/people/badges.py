"""Assigns badges: given to a worker, issued by the badge desk, revoked.

Every function takes the connection of an open transaction, and badges are stored by token only: UIDs and badge numbers
are not kept. A revoked badge keeps its row, with the time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, or_, select, update

from badgeclock.bridge.downlink import rosters
from badgeclock.bridge.errors import PeopleError
from badgeclock.bridge.people import badge_uids, engagements, sites
from badgeclock.bridge.people.badge_keys import UID_READ, Form, SiteKeys, Tokens, WrittenCard, tokens
from badgeclock.bridge.people.rows import add_row, named
from badgeclock.bridge.people.workers import check_worker
from badgeclock.bridge.presences import presences
from badgeclock.bridge.store import audit_log, event_log, schema
from badgeclock.bridge.store.audit_log import Act, Operator
from badgeclock.bridge.store.event_log import Event, Severity
from badgeclock.bridge.store.states import PunchState
from badgeclock.bridge.store.vault import Vault
from badgeclock.protocol import seal

MASK: Final = "••••"
PROOFS: Final[Mapping[Form | None, str]] = {
    None: "by its UID",
    Form.BY_UID_ALONE: "proves itself, by keys of its UID alone: replace it",
    Form.BY_ISSUE: "proves itself",
}
"""How a badge is identified, for a person."""


class Badge(NamedTuple):
    """A badge of the history: its row, its holder (reference and row), since and until when (ms; None: in use), and
    what its keys are derived from (None: identified by its UID).
    """

    id: int
    worker: str
    worker_id: int
    since_ms: int
    until_ms: int | None
    form: Form | None = None

    @property
    def proof(self) -> str:
        """How it is identified, for a person."""
        return PROOFS[self.form]


class Assigned(NamedTuple):
    """A badge given to a worker: how many presences were queued for its waiting punches, the rows of badge and worker;
    `is_new` is False if the worker had it already.
    """

    queued: int
    badge: int
    worker: int
    is_new: bool


def assign(
    connection: Connection,
    vault: Vault,
    *,
    site: str,
    worker: str,
    uid: bytes,
    employer_kbo: str | None = None,
    now_ms: int,
) -> Assigned:
    """Give the badge with this UID (4, 7 or 10 bytes) to a worker at a site, and revoke it from its previous holder.
    `employer_kbo` is the one of several employers that its punches count for.

    Today's punches of the so far unassigned badge are declared at once; older ones wait for a decision.
    """
    badge_uids.checked(uid)
    row = sites.find_row(connection, site)
    if row is None:
        raise sites.no_site(site)
    made = tokens(sites.key_of(vault, row), UID_READ, uid, is_changing=row.key_changed_ms is not None)
    engagement = None if employer_kbo is None else engagements.row_of_badge(connection, worker, employer_kbo)
    return assign_token(connection, site_id=row.id, worker=worker, made=made, engagement=engagement, now_ms=now_ms)


def assign_token(
    connection: Connection, *, site_id: int, worker: str, made: Tokens, engagement: int | None = None, now_ms: int
) -> Assigned:
    """The same for tokens from punches: assigns an unknown badge without having it at hand."""
    token = made.now
    badges, workers = schema.badges, schema.workers
    worker_id = connection.execute(select(workers.c.id).where(named(workers.c.reference, worker))).scalar()
    if worker_id is None:
        raise PeopleError(f"there is no worker {worker!r}", "add the worker with `badgeclock bridge worker add`")
    in_use = (badges.c.site_id == site_id) & (badges.c.token == token) & badges.c.until_ms.is_(None)
    columns = (badges.c.id, badges.c.worker_id, badges.c.engagement_id)
    holder = connection.execute(select(*columns).where(in_use)).one_or_none()
    if holder is not None and (holder.worker_id, holder.engagement_id) == (worker_id, engagement):
        return Assigned(0, holder.id, worker_id, is_new=False)
    if holder is not None:
        connection.execute(update(badges).where(in_use).values(until_ms=now_ms))
    badge = add_row(
        connection,
        badges,
        site_id=site_id,
        token=token,
        token_before=made.before,
        worker_id=worker_id,
        engagement_id=engagement,
        since_ms=now_ms,
        **_as_before(connection, site_id, token),
    )
    rosters.changed(connection, [site_id], now_ms)
    happened = Event(Severity.INFO, event_log.Kind.BADGE_ASSIGNED, f"a badge was given to {worker}")
    event_log.write(connection, [happened], now_ms)
    presences.join_tokens(connection, site_id, made.earlier, token)
    return Assigned(presences.reconsider_badge(connection, site_id, token, now_ms), badge, worker_id, is_new=True)


def _as_before(connection: Connection, site_id: int, token: bytes) -> dict[str, Any]:
    """The known facts about a token's card, which stay the same when its holder changes."""
    table = schema.badges
    had = select(table.c.form, table.c.issue, table.c.card).where(
        table.c.site_id == site_id, table.c.token == token, table.c.form.is_not(None)
    )
    found = connection.execute(had.order_by(table.c.id.desc()).limit(1)).one_or_none()
    return {} if found is None else {"form": found.form, "issue": found.issue, "card": found.card}


def assign_punched(
    connection: Connection,
    vault: Vault,
    *,
    clock: str,
    seq: int,
    worker: str,
    employer_kbo: str | None = None,
    operator: Operator,
    now_ms: int,
) -> Assigned:
    """Assign the unknown badge of a punch to a worker, at the site of its clock, on record; no UID is needed. The
    punch, and all others of the badge, are decided again, as by `assign`.
    """
    table, clocks, at = schema.punches, schema.clocks, schema.sites
    rows = connection.execute(
        select(table.c.state, table.c.site_id, table.c.token, at.c.name.label("site"), clocks.c.site_keys)
        .join(clocks, clocks.c.id == table.c.clock_id)
        .join(at, at.c.id == table.c.site_id)
        .where(clocks.c.name == clock, table.c.seq == seq)
        .order_by(clocks.c.id.desc())
    ).all()
    unknown = [row for row in rows if row.state == PunchState.UNASSIGNED]
    if not unknown:
        what = "is of a badge that somebody has or had" if rows else "is not there"
        raise PeopleError(f"punch {seq} of {clock!r} {what}", "look at `badgeclock bridge attention`")
    if len({(row.site_id, row.token) for row in unknown}) > 1:
        raise PeopleError(
            f"there are two punches {seq} of {clock!r}, which was provisioned again: of two badges",
            "name another punch of the badge, or give the badge by its UID",
        )
    row = unknown[0]
    engagement = None if employer_kbo is None else engagements.row_of_badge(connection, worker, employer_kbo)
    made = _punched(connection, vault, row)
    assigned = assign_token(
        connection, site_id=row.site_id, worker=worker, made=made, engagement=engagement, now_ms=now_ms
    )
    detail = {"badge": assigned.badge, "site": row.site, "punch": f"{clock}/{seq}"}
    audit_log.write(connection, operator, Act.BADGE_ASSIGNED, ("worker", assigned.worker), detail, now_ms)
    return assigned


def _punched(connection: Connection, vault: Vault, row: Any) -> Tokens:
    """The tokens of a badge known only from a punch, by a clock that used so many of its site's keys."""
    at = schema.sites
    site = connection.execute(select(at).where(at.c.id == row.site_id)).one()
    if site.key_changed_ms is None or row.site_keys == site.site_keys:
        return Tokens(row.token)
    last = sites.key_of(vault, site)[-sites.SITE_KEY_BYTES :]
    return Tokens(seal.raised_token(last, row.token), row.token, (row.token,))


def of_token(connection: Connection, site_id: int, token: bytes) -> Badge | None:
    """The newest badge with this token at a site: the one in use, or the last one."""
    badges = schema.badges
    order = badges.c.until_ms.is_not(None), badges.c.until_ms.desc()
    found = connection.execute(
        _with_workers().where(badges.c.site_id == site_id, badges.c.token == token).order_by(*order).limit(1)
    ).one_or_none()
    return None if found is None else _badge(found)


def claimed(connection: Connection, keys: SiteKeys, uid: bytes) -> Badge | None:
    """The badge in use at a site that is the card with this UID, by its proof or by the UID alone."""
    table = schema.badges
    token = keys.uid_token(uid)
    found = connection.execute(
        _with_workers()
        .where(table.c.site_id == keys.site_id, table.c.until_ms.is_(None))
        .where(or_(table.c.card == token, table.c.token == token))
        .order_by(table.c.id)
        .limit(1)
    ).one_or_none()
    return None if found is None else _badge(found)


def learn(connection: Connection, keys: SiteKeys, badge: Badge, card: WrittenCard) -> None:
    """Record which card a badge is, which earlier versions did not: from now on no other may claim its UID."""
    known = {"form": card.form, "issue": card.issue or None, "card": keys.uid_token(card.uid)}
    connection.execute(update(schema.badges).where(schema.badges.c.id == badge.id).values(**known))


def with_uid(connection: Connection, vault: Vault, site: str, uid: bytes) -> Badge | None:
    """The badge in use with this UID at a site; None if it is not assigned. Raises PeopleError if the site has no
    key."""
    row = sites.find_row(connection, site)
    if row is None:
        raise sites.no_site(site)
    found = of_token(connection, row.id, seal.badge_token(sites.key_of(vault, row), UID_READ, uid))
    return found if found is not None and found.until_ms is None else None


def in_use(connection: Connection, worker: str) -> list[Badge]:
    """The badges a worker has, oldest first; raises PeopleError for an unknown worker."""
    check_worker(connection, worker)
    badges, workers = schema.badges, schema.workers
    having = (
        _with_workers().where(named(workers.c.reference, worker), badges.c.until_ms.is_(None)).order_by(badges.c.id)
    )
    return [_badge(row) for row in connection.execute(having)]


def history(connection: Connection, worker: str) -> list[tuple[Badge, str]]:
    """Every badge that a worker has or had, oldest first, each with its site; raises PeopleError."""
    check_worker(connection, worker)
    badges, sites = schema.badges, schema.sites
    had = (
        _with_workers()
        .join(sites, sites.c.id == badges.c.site_id)
        .add_columns(sites.c.name)
        .where(named(schema.workers.c.reference, worker))
        .order_by(badges.c.id)
    )
    return [(_badge(row[:-1]), row[-1]) for row in connection.execute(had)]


def _badge(row: Sequence[Any]) -> Badge:
    *known, form = row
    return Badge._make((*known, None if form is None else Form(form)))


def _with_workers() -> Any:
    badges, workers = schema.badges, schema.workers
    columns = (badges.c.id, workers.c.reference, workers.c.id, badges.c.since_ms, badges.c.until_ms, badges.c.form)
    return select(*columns).join(workers, workers.c.id == badges.c.worker_id)


def issue(
    connection: Connection,
    keys: SiteKeys,
    worker: str,
    number: bytes,
    card: WrittenCard,
    *,
    by: str,
    at: str,
    now_ms: int,
) -> Badge:
    """Link a written badge to a worker; records the author and the clock."""
    made = keys.number_tokens(number)
    assign_token(connection, site_id=keys.site_id, worker=worker, made=made, now_ms=now_ms)
    badge = of_token(connection, keys.site_id, made.now)
    assert badge is not None
    learn(connection, keys, badge, card)
    what = f"badge {badge.id} was issued to {worker} by {by} at {at}"
    event_log.write(connection, [Event(Severity.INFO, event_log.Kind.BADGE_ISSUED, what)], now_ms)
    _note(connection, Act.BADGE_ISSUED, by, badge.worker_id, {"badge": badge.id, "clock": at}, now_ms)
    return badge


def revoke(connection: Connection, badge: Badge, *, by: str, reason: str = "", now_ms: int) -> None:
    """Revoke a badge: from now on it is unknown at the site's clocks. Its earlier punches are unchanged."""
    table = schema.badges
    taking_back = update(table).where(table.c.id == badge.id).values(until_ms=now_ms).returning(table.c.site_id)
    rosters.changed(connection, [connection.execute(taking_back).scalar_one()], now_ms)
    what = f"badge {badge.id} of {badge.worker} was taken back by {by}"
    event_log.write(connection, [Event(Severity.INFO, event_log.Kind.BADGE_REVOKED, what)], now_ms)
    _note(connection, Act.BADGE_REVOKED, by, badge.worker_id, {"badge": badge.id}, now_ms, reason)


def uid_claimed(connection: Connection, holder: Badge, *, worker: str, by: str, at: str, now_ms: int) -> None:
    """Record that a card without keys of the site claimed to be the card of a badge in use."""
    what = f"a blank card at {at} has the UID of the badge of {holder.worker}; {by} asked for a badge of {worker}"
    happened = Event(Severity.ALARM, event_log.Kind.BADGE_UID_CLAIMED, what, clock=at, about=holder.worker)
    event_log.write(connection, [happened], now_ms)


def wiped(connection: Connection, *, by: str, at: str, now_ms: int) -> None:
    """Record that a card was blanked."""
    what = f"a card was made blank by {by} at {at}"
    event_log.write(connection, [Event(Severity.INFO, event_log.Kind.BADGE_WIPED, what)], now_ms)
    audit_log.write(connection, Operator(by), Act.BADGE_WIPED, "card", {"clock": at}, now_ms)


def _note(
    connection: Connection, act: Act, by: str, worker_id: int, detail: dict[str, Any], now_ms: int, reason: str = ""
) -> None:
    audit_log.write(connection, Operator(by, reason), act, ("worker", worker_id), detail, now_ms)


def masked(identifier: bytes) -> str:
    """The last two hexadecimal digits of a UID or number, for a person who must distinguish two cards."""
    return MASK + identifier[-1:].hex()
