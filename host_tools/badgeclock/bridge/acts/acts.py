"""Every act that the console offers: one function each, the same that the command line calls.

An act comes with the secret of its session. Whose it is, whether the account may do that, and whether what it is about
is within its reach, is found out in the act's own transaction; so is what has changed since the page was shown. It is
written down under the account's name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Final, NamedTuple, TypeVar

from pydantic import Field, ValidationError
from sqlalchemy import Connection, select

from badgeclock.authorities.base import Direction as Way
from badgeclock.bridge.accounts import accounts, second_factor, sessions
from badgeclock.bridge.accounts.roles import Right
from badgeclock.bridge.acts import link_acts, office_acts, within
from badgeclock.bridge.acts.acting import Actor, Body, Done, Line, Why
from badgeclock.bridge.attention import attention
from badgeclock.bridge.clocks import registry
from badgeclock.bridge.errors import NotAllowed
from badgeclock.bridge.people import badges, employers
from badgeclock.bridge.registrar import corrections, filings
from badgeclock.bridge.registrar.corrections import Meant
from badgeclock.bridge.registrar.corrections import Right as Correct
from badgeclock.bridge.registrar.decisions import CancelCode
from badgeclock.bridge.registrar.filings import Filed
from badgeclock.bridge.store import audit_log, schema
from badgeclock.bridge.store.audit_log import Act, Operator
from badgeclock.bridge.store.vault import Vault
from badgeclock.protocol.record import Direction

Item = Annotated[str, Field(min_length=1, max_length=64)]


class Asked(StrEnum):
    """The words by which acts are asked for."""

    SIGN_IN = "sign-in"
    SIGN_OUT = "sign-out"
    NOTE_PAGE = "note-page"
    SET_PASSWORD = "set-password"  # noqa: S105 - the word of an act
    SET_CODES = "set-codes"
    SHOW_NAMES = "show-names"
    GIVE_BADGE = "give-badge"
    SETTLE = "settle"
    KEEP = "keep"
    CANCEL = "cancel"
    CORRECT = "correct"
    CLOSE = "close"
    CLOSE_BADGE = "close-badge"
    DECLARE = "declare"
    RELEASE_CLOCK = "release-clock"
    CORRECTION_DONE = "correction-done"
    CORRECTION_WITHDRAWN = "correction-withdrawn"
    REGISTER = "register"
    REGISTER_AT_GATE = "register-at-gate"
    WITHDRAW_REGISTRATION = "withdraw-registration"
    MAKE_LINK = "make-link"
    REVOKE_LINK = "revoke-link"
    OPEN_LINK = "open-link"
    SHOW_NUMBERS = "show-numbers"
    LINK_NUMBERS = "link-numbers"
    NOTE_HOURS = "note-hours"


class Nothing(Body):
    """An act without fields."""


class SignIn(Body):
    """Whose password and code the console has found to be right; for how many hours."""

    account: int
    hours: Annotated[int, Field(ge=1, le=24 * 31)]
    totp_step: int | None = None


class SetPassword(Body):
    """The hash of another password; what the session lasts."""

    password_hash: Annotated[str, Field(max_length=300, repr=False)]
    hours: Annotated[int, Field(ge=1, le=24 * 31)]


class SetCodes(Body):
    """The secret of the codes that are asked for from now on, and the step of the first; without: none are."""

    secret: Annotated[str | None, Field(max_length=64, repr=False)] = None
    step: int | None = None
    hours: Annotated[int, Field(ge=1, le=24 * 31)]


class Decided(Body):
    """A decision about an item, with its reason."""

    item: Item
    why: Why


class Cancelled(Decided):
    """That a presence is to be cancelled at the authority."""

    code: CancelCode = CancelCode.PLANNING


class Corrected(Cancelled):
    """That a presence is to be declared as the store has it now, or as said here."""

    worker: Line | None = None
    employer: Line | None = None
    site: Line | None = None
    way: Way | None = None


class Declared(Decided):
    """That a punch is to be declared."""

    way: Way | None = None
    employer: Line | None = None
    day: date | None = None


class BadgeGiven(Body):
    """Whose badge made a punch that nobody was given."""

    item: Item
    worker: Line
    employer: Line | None = None


_B = TypeVar("_B", bound=Body)


class Deed(NamedTuple):
    """An act: the right that it takes (None: a session is enough), its fields, and what carries it out."""

    right: Right | None
    body: type[Body]
    do: Callable[[Actor, Any], Done]


def perform(
    connection: Connection, vault: Vault, asked: str, secret: str, fields: Mapping[str, Any], now_ms: int
) -> Done:
    """Carry out an act in the open transaction; returns what there is to say of it.

    Raises NotAllowed, or whatever the act itself raises; its fields are never in what is said of a wrong one.
    """
    if asked == Asked.SIGN_IN:
        return _sign_in(connection, _read(SignIn, fields), now_ms)
    if asked in link_acts.BY_LINK:
        return link_acts.perform(connection, asked, secret, now_ms)
    deed = DEEDS.get(asked)
    session = sessions.find(connection, secret, now_ms)
    if deed is None or session is None:
        raise NotAllowed(
            "nobody is signed in for that" if deed else "there is no such act", "sign in, and ask for it again"
        )
    table = schema.accounts
    account = accounts.of_row(connection.execute(select(table).where(table.c.id == session.account_id)).one())
    if deed.right is not None and (account.must_change or not account.may(deed.right)):
        raise NotAllowed(
            f"the account {account.name!r} may not do that: it is a {account.role}'s",
            "ask an administrator, or sign in as somebody who may",
        )
    return deed.do(Actor(connection, vault, account, session, now_ms), _read(deed.body, fields))


def _read(body: type[_B], fields: Mapping[str, Any]) -> _B:
    try:
        return body.model_validate(fields)
    except ValidationError as error:
        wrong = ", ".join(sorted({".".join(map(str, one["loc"])) or "form" for one in error.errors()}))
        raise NotAllowed(f"what was filled in cannot be read: {wrong}", "look at these fields again") from None


# --- the account itself ---


def _sign_in(connection: Connection, body: SignIn, now_ms: int) -> Done:
    table = schema.accounts
    which = select(table).where(table.c.id == body.account, table.c.ended_ms.is_(None)).with_for_update()
    row = connection.execute(which).one_or_none()
    is_used = row is not None and body.totp_step is not None and body.totp_step <= (row.totp_step or 0)
    if row is None or is_used or (row.totp_closed is not None and body.totp_step is None):
        raise NotAllowed("name, password or code is wrong", "look at them again; a code counts once")
    if body.totp_step is not None:
        connection.execute(table.update().where(table.c.id == row.id).values(totp_step=body.totp_step))
    secret = sessions.open_session(connection, row.id, body.hours, now_ms)
    audit_log.write(
        connection, Operator(f"{row.name} (console)"), Act.SIGNED_IN, ("account", row.id), {"name": row.name}, now_ms
    )
    return {"secret": secret}


def _sign_out(actor: Actor, _: Nothing) -> Done:
    sessions.end(actor.connection, actor.session.id, actor.now_ms)
    return {}


def _note_page(actor: Actor, _: Nothing) -> Done:
    sessions.note_page(actor.connection, actor.session.id, actor.now_ms)
    return {}


def _set_password(actor: Actor, body: SetPassword) -> Done:
    accounts.set_password(actor.connection, actor.account, body.password_hash, actor.operator(), actor.now_ms)
    return {"secret": sessions.open_session(actor.connection, actor.account.id, body.hours, actor.now_ms)}


def _set_codes(actor: Actor, body: SetCodes) -> Done:
    kept = body.secret and second_factor.closed(actor.vault, actor.account.name, body.secret)
    accounts.set_codes(actor.connection, actor.account, kept or None, body.step, actor.operator(), actor.now_ms)
    return {"secret": sessions.open_session(actor.connection, actor.account.id, body.hours, actor.now_ms)}


def _show_names(actor: Actor, _: Nothing) -> Done:
    sessions.note_names(actor.connection, actor.session.id)
    subject = ("account", actor.account.id)
    audit_log.write(actor.connection, actor.operator(), Act.NAMES_SHOWN, subject, {}, actor.now_ms)
    return {}


# --- what waits for a person ---


def _give_badge(actor: Actor, body: BadgeGiven) -> Done:
    actor.check_item(body.item)
    reach = within.of(actor.connection, actor.account.reach, actor.now_ms)
    reach.check_worker(body.worker)
    clock, seq = _punch(body.item)
    given = badges.assign_punched(
        actor.connection,
        actor.vault,
        clock=clock,
        seq=seq,
        worker=body.worker,
        employer_kbo=_employer(body.employer),
        operator=actor.operator(),
        now_ms=actor.now_ms,
    )
    return {"queued": given.queued}


def _settle(actor: Actor, body: Decided) -> Done:
    actor.check_item(body.item)
    attention.settle(actor.connection, body.item, actor.decision(body.why))
    return {}


def _keep(actor: Actor, body: Decided) -> Done:
    actor.check_item(body.item)
    corrections.keep(actor.connection, body.item, actor.decision(body.why))
    return {}


def _cancel(actor: Actor, body: Cancelled) -> Done:
    actor.check_item(body.item)
    return _said(corrections.cancel(actor.connection, body.item, body.code, actor.decision(body.why)))


def _correct(actor: Actor, body: Corrected) -> Done:
    actor.check_item(body.item)
    reach = within.of(actor.connection, actor.account.reach, actor.now_ms)
    if body.worker:
        reach.check_worker(body.worker)
    if body.site:
        reach.check_site(body.site)
    right = Correct(body.worker or None, _employer(body.employer), body.site or None, body.way)
    return _said(corrections.correct(actor.connection, body.item, right, body.code, actor.decision(body.why)))


def _close(actor: Actor, body: Decided) -> Done:
    actor.check_item(body.item)
    if "/" in body.item:
        clock, seq = _punch(body.item)
        corrections.close_punch(actor.connection, clock, seq, actor.decision(body.why))
    else:
        corrections.close(actor.connection, body.item, actor.decision(body.why))
    return {}


def _close_badge(actor: Actor, body: Decided) -> Done:
    actor.check_item(body.item)
    clock, seq = _punch(body.item)
    return {"closed": corrections.close_badge(actor.connection, clock, seq, actor.decision(body.why))}


def _declare(actor: Actor, body: Declared) -> Done:
    actor.check_item(body.item)
    clock, seq = _punch(body.item)
    direction = None if body.way is None else Direction[body.way.name]
    meant = Meant(direction, _employer(body.employer), body.day)
    return _said(corrections.declare_punch(actor.connection, clock, seq, meant, actor.decision(body.why)))


def _release_clock(actor: Actor, body: Decided) -> Done:
    within.check_clock(actor.connection, actor.account.reach, body.item, actor.now_ms)
    done = registry.release(actor.connection, body.item, by=actor.name, reason=body.why, now_ms=actor.now_ms)
    return {"queued": done.queued, "can_go_on": done.can_go_on}


def _correction_done(actor: Actor, body: Decided) -> Done:
    actor.check_item(body.item)
    number = within.number(body.item, filings.ITEM)
    filings.complete(actor.connection, number, actor.decision(body.why))
    return {}


def _correction_withdrawn(actor: Actor, body: Decided) -> Done:
    actor.check_item(body.item)
    number = within.number(body.item, filings.ITEM)
    filings.withdraw(actor.connection, number, actor.decision(body.why))
    return {}


def _punch(item: str) -> tuple[str, int]:
    """Clock and number of a punch that is named CLOCK/SEQ; a number that no punch has for anything else."""
    clock, _, _ = item.rpartition("/")
    return clock, within.number(item, f"{clock}/")


def _employer(number: str | None) -> str | None:
    return employers.enterprise_number(number) if number else None


def _said(done: object) -> Done:
    if isinstance(done, Filed):
        return {"correction": done.number, "until": done.until.isoformat()}
    return {"outcome": str(done)}


DEEDS: Final[Mapping[str, Deed]] = {
    Asked.SIGN_OUT: Deed(None, Nothing, _sign_out),
    Asked.NOTE_PAGE: Deed(None, Nothing, _note_page),
    Asked.SET_PASSWORD: Deed(None, SetPassword, _set_password),
    Asked.SET_CODES: Deed(None, SetCodes, _set_codes),
    Asked.SHOW_NAMES: Deed(Right.NAMES, Nothing, _show_names),
    Asked.GIVE_BADGE: Deed(Right.DECIDE, BadgeGiven, _give_badge),
    Asked.SETTLE: Deed(Right.DECIDE, Decided, _settle),
    Asked.KEEP: Deed(Right.DECIDE, Decided, _keep),
    Asked.CANCEL: Deed(Right.DECIDE, Cancelled, _cancel),
    Asked.CORRECT: Deed(Right.DECIDE, Corrected, _correct),
    Asked.CLOSE: Deed(Right.DECIDE, Decided, _close),
    Asked.CLOSE_BADGE: Deed(Right.DECIDE, Decided, _close_badge),
    Asked.DECLARE: Deed(Right.DECIDE, Declared, _declare),
    Asked.RELEASE_CLOCK: Deed(Right.DECIDE, Decided, _release_clock),
    Asked.CORRECTION_DONE: Deed(Right.DECIDE, Decided, _correction_done),
    Asked.CORRECTION_WITHDRAWN: Deed(Right.DECIDE, Decided, _correction_withdrawn),
    Asked.REGISTER: Deed(Right.DECIDE, office_acts.Registered, office_acts.register),
    Asked.REGISTER_AT_GATE: Deed(Right.DECIDE, office_acts.AtTheGate, office_acts.register_at_gate),
    Asked.WITHDRAW_REGISTRATION: Deed(Right.DECIDE, office_acts.Withdrawn, office_acts.withdraw),
    Asked.MAKE_LINK: Deed(Right.DECIDE, link_acts.Wanted, link_acts.make),
    Asked.REVOKE_LINK: Deed(Right.DECIDE, link_acts.Revoked, link_acts.revoke),
    Asked.SHOW_NUMBERS: Deed(Right.NUMBERS, link_acts.OfSite, link_acts.show_numbers),
    Asked.NOTE_HOURS: Deed(Right.DECIDE, link_acts.Hours, link_acts.note_hours),
}
