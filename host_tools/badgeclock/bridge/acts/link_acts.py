"""The acts on links that expire, and on data for inspectors.

A visitor by a link has no session: the act comes with the link's secret, and is recorded under the link's number and
its maker's name.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final

from pydantic import Field
from sqlalchemy import Connection

from badgeclock.bridge.accounts import links
from badgeclock.bridge.accounts.links import Link
from badgeclock.bridge.acts import within
from badgeclock.bridge.acts.acting import Actor, Body, Done, Line, Why
from badgeclock.bridge.errors import NotAllowed
from badgeclock.bridge.store import audit_log
from badgeclock.bridge.store.audit_log import Act
from badgeclock.bridge.web.reach import Within

OPEN_LINK: Final = "open-link"
LINK_NUMBERS: Final = "link-numbers"
BY_LINK: Final = frozenset({OPEN_LINK, LINK_NUMBERS})


class Wanted(Body):
    """A link for a site, or else for a worker, for so many hours, and the reason."""

    site: Line | None = None
    worker: Line | None = None
    hours: Annotated[int, Field(ge=1, le=links.HOURS_MOST)]
    why: Why


class Revoked(Body):
    """The link to end, and the reason."""

    number: Annotated[int, Field(ge=1, lt=2**62)]
    why: Why


class OfSite(Body):
    """A site whose people's national numbers are shown."""

    site: Line


class Hours(Body):
    """The exported hours: those of a site and period, or of one worker."""

    site: Line = ""
    worker: Line = ""
    first: date
    last: date


def make(actor: Actor, body: Wanted) -> Done:
    """Make a link; it shows a whole site, so its maker must have the whole site in reach."""
    inside = within.of(actor.connection, actor.account.reach, actor.now_ms)
    if body.site:
        inside.check_site(body.site)
        if not inside.has_all_employers:
            raise NotAllowed("a site's list has people of other employers", "have the site's office make the link")
    if body.worker:
        inside.check_worker(body.worker)
    wanted = links.Wanted(body.site or None, body.worker or None, body.hours)
    return {"secret": links.make(actor.connection, wanted, actor.operator(body.why), actor.now_ms)}


def revoke(actor: Actor, body: Revoked) -> Done:
    """End a link."""
    inside = within.of(actor.connection, actor.account.reach, actor.now_ms)
    row = next((one for one in links.listing(actor.connection, actor.now_ms) if one.id == body.number), None)
    if row is not None and not is_within(inside, row):
        raise NotAllowed(f"link {body.number} is not within your reach", "look at the list again")
    links.revoke(actor.connection, body.number, actor.operator(body.why), actor.now_ms)
    return {}


def is_within(inside: Within, row: object) -> bool:
    """Whether a row of `links.listing` is of a site or a worker within the reach."""
    site, worker = getattr(row, "site", None), getattr(row, "worker", None)
    if site is not None:
        return inside.has_all_employers and site in inside.site_names()
    return worker in inside.references()


def show_numbers(actor: Actor, body: OfSite) -> Done:
    """Record that the national numbers of a site's people are shown."""
    row = within.of(actor.connection, actor.account.reach, actor.now_ms).check_site(body.site)
    audit_log.write(actor.connection, actor.operator(), Act.NUMBERS_SHOWN, ("site", row), {}, actor.now_ms)
    return {}


def note_hours(actor: Actor, body: Hours) -> Done:
    """Record an export of hours."""
    inside = within.of(actor.connection, actor.account.reach, actor.now_ms)
    subject = ("account", actor.account.id)
    if body.worker:
        subject = ("worker", inside.check_worker(body.worker))
    elif body.site:
        subject = ("site", inside.check_site(body.site))
    detail = {"first": body.first.isoformat(), "last": body.last.isoformat()}
    audit_log.write(actor.connection, actor.operator(), Act.HOURS_EXPORTED, subject, detail, actor.now_ms)
    return {}


def perform(connection: Connection, asked: str, secret: str, now_ms: int) -> Done:
    """Carry out an act of a visitor by a link. Raises NotAllowed if the link has ended."""
    link = links.find(connection, secret, now_ms)
    if link is None or (asked == LINK_NUMBERS and link.site_id is None):
        raise NotAllowed("this link opens nothing any more", "ask for another one where you got it")
    if asked == LINK_NUMBERS:
        _write(connection, link, Act.NUMBERS_SHOWN, now_ms)
    elif link.is_use_unnoted(now_ms):
        links.note_use(connection, link, now_ms)
        _write(connection, link, Act.LINK_OPENED, now_ms)
    return {}


def _write(connection: Connection, link: Link, act: Act, now_ms: int) -> None:
    subject = ("site", link.site_id) if link.site_id is not None else ("worker", link.worker_id or 0)
    audit_log.write(connection, link.operator, act, subject, {"link": link.id}, now_ms)
