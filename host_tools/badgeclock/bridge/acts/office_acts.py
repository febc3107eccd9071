"""The acts of the office's registration: registering workers, adding them at the gate, and withdrawing plans."""

from __future__ import annotations

import secrets
from datetime import date
from typing import Annotated, Final

from pydantic import Field
from sqlalchemy import Connection, select

from badgeclock.bridge.acts import within
from badgeclock.bridge.acts.acting import Actor, Body, Done, Line, Why
from badgeclock.bridge.errors import NotAllowed
from badgeclock.bridge.people import employers, identities, workers
from badgeclock.bridge.people.employers import enterprise_number
from badgeclock.bridge.people.identities import NISS_DIGITS, Identity
from badgeclock.bridge.registrar import office_registrations
from badgeclock.bridge.registrar.office_registrations import ENTRIES_MOST, Entry, Outcome
from badgeclock.bridge.store import audit_log, schema
from badgeclock.bridge.store.audit_log import Act
from badgeclock.bridge.store.states import IdentityKind
from badgeclock.bridge.store.vault import Vault
from badgeclock.bridge.web.reach import Within

_NEW_BYTES: Final = 3


class One(Body):
    """A worker, by reference, a day, and with several employers the enterprise number of one."""

    worker: Line
    day: date
    employer: Line | None = None


class Registered(Body):
    """The workers to register at a site, and the reason."""

    site: Line
    entries: Annotated[list[One], Field(min_length=1, max_length=ENTRIES_MOST)]
    why: Why


class AtTheGate(Body):
    """A person by number: a national one, or that of a Limosa declaration, typed or scanned. An unknown person is
    added, with a name and, with a national number, an employer.
    """

    site: Line
    number: Annotated[str, Field(max_length=100, repr=False)]
    name: Line = ""
    employer: Line | None = None
    employer_name: Line = ""
    days: Annotated[list[date], Field(min_length=1, max_length=31)]
    why: Why


class Withdrawn(Body):
    """The plan to withdraw, and the reason."""

    number: Annotated[int, Field(ge=1, lt=2**62)]
    why: Why


def register(actor: Actor, body: Registered) -> Done:
    """Register known workers."""
    inside = within.of(actor.connection, actor.account.reach, actor.now_ms)
    inside.check_site(body.site)
    entries = []
    for one in body.entries:
        inside.check_worker(one.worker)
        kbo = enterprise_number(one.employer) if one.employer else None
        entries.append(Entry(one.worker, body.site, one.day, kbo))
    return _registered(actor, inside, entries, body.why)


def register_at_gate(actor: Actor, body: AtTheGate) -> Done:
    """Register a person by number, adding them if unknown."""
    inside = within.of(actor.connection, actor.account.reach, actor.now_ms)
    inside.check_site(body.site)
    identity = _identity(body.number)
    reference = _known(actor.connection, actor.vault, identity)
    if reference is None:
        reference = _added(actor, inside, identity, body)
    elif not inside.has_all_employers:
        _check_own(inside, reference)
    kbo = enterprise_number(body.employer) if body.employer and identity.kind is IdentityKind.NISS else None
    entries = [Entry(reference, body.site, day, kbo) for day in body.days]
    return _registered(actor, inside, entries, body.why) | {"worker": reference}


def withdraw(actor: Actor, body: Withdrawn) -> Done:
    """Withdraw a plan."""
    inside, table = within.of(actor.connection, actor.account.reach, actor.now_ms), schema.later_registrations
    conditions = [*inside.sites(table.c.site_id), *inside.workers(table.c.worker_id)]
    which = select(table.c.id).where(table.c.id == body.number, *conditions)
    if actor.connection.execute(which).first() is None:
        raise NotAllowed(f"no registration {body.number} is planned within your reach", "look at the list again")
    office_registrations.withdraw(actor.connection, body.number, actor.decision(body.why))
    return {}


def _registered(actor: Actor, inside: Within, entries: list[Entry], why: str) -> Done:
    done = office_registrations.register(actor.connection, entries, actor.decision(why))
    for one in done:
        # Under Limosa no employer is declared; the worker was checked to be within the reach.
        if one.employer_kbo and not inside.employer_kbo(one.employer_kbo):
            raise NotAllowed(f"{one.entry.worker!r} would be declared under another employer", "name one within reach")
    counts = {outcome.value: sum(one.outcome is outcome for one in done) for outcome in Outcome}
    return {**counts, "items": [one.item for one in done]}


def _identity(text: str) -> Identity:
    """A number as typed or scanned: eleven digits with valid check digits are a national number."""
    digits = "".join(letter for letter in text if letter.isascii() and letter.isdigit())
    is_plain = all(letter.isdigit() or letter in " .-" for letter in text.strip())
    if is_plain and len(digits) == NISS_DIGITS:
        return identities.niss(text)
    return identities.limosa(text)


def _known(connection: Connection, vault: Vault, identity: Identity) -> str | None:
    table = schema.workers
    indexes = vault.indexes(f"{identity.kind}:{identity.number}")
    found: str | None = connection.execute(
        select(table.c.reference).where(table.c.identity_index.in_(indexes))
    ).scalar()
    return found


def _check_own(inside: Within, reference: str) -> None:
    if reference not in inside.references():
        raise NotAllowed("the person with this number is not within your reach", "have the site's office register them")


def _added(actor: Actor, inside: Within, identity: Identity, body: AtTheGate) -> str:
    """The reference of a worker added by number, until the office gives its own."""
    if not body.name.strip():
        raise NotAllowed("nobody is known by this number", "give the name too, and with a national number the employer")
    if not inside.has_all_employers:
        inside.check_employer(body.employer)
    if body.employer:
        change = employers.put(actor.connection, body.employer, body.employer_name)
        audit_log.write_change(
            actor.connection, actor.operator(body.why), change, Act.EMPLOYER_ADDED, Act.EMPLOYER_CHANGED, actor.now_ms
        )
    reference = f"GATE-{secrets.token_hex(_NEW_BYTES).upper()}"
    made = workers.put(
        actor.connection,
        actor.vault,
        reference=reference,
        name=body.name,
        identity=identity,
        employer_kbo=body.employer or None,
        now_ms=actor.now_ms,
    )
    operator = actor.operator(body.why)
    audit_log.write_change(actor.connection, operator, made, Act.WORKER_ADDED, Act.WORKER_CHANGED, actor.now_ms)
    return reference
