"""The acts of who signs in, and of an administrator about accounts."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import Connection, select

from badgeclock.bridge.accounts import accounts, second_factor, sessions
from badgeclock.bridge.accounts.roles import Role
from badgeclock.bridge.acts.acting import Actor, Body, Done, Line, Nothing, Why, check_reaches_everything
from badgeclock.bridge.errors import NotAllowed
from badgeclock.bridge.store import audit_log, schema
from badgeclock.bridge.store.audit_log import Act, Operator
from badgeclock.bridge.web import reach as reaches
from badgeclock.bridge.web.reach import Reach


class SignIn(Body):
    """The account whose password and code the console has verified, or the identity at the organisation's provider
    (SHA-256); and the session's hours.
    """

    account: int
    hours: Annotated[int, Field(ge=1, le=24 * 31)]
    totp_step: int | None = None
    subject_sha256: Annotated[str | None, Field(pattern="^[0-9a-f]{64}$")] = None


class SetPassword(Body):
    """The hash of the new password; the new session's hours."""

    password_hash: Annotated[str, Field(max_length=300, repr=False)]
    hours: Annotated[int, Field(ge=1, le=24 * 31)]


class SetCodes(Body):
    """The secret of the codes required from now on, and the step of the first; without it, no codes are required."""

    secret: Annotated[str | None, Field(max_length=64, repr=False)] = None
    step: int | None = None
    hours: Annotated[int, Field(ge=1, le=24 * 31)]


class SignsInBy(StrEnum):
    """How the owner of an account signs in."""

    PASSWORD = "password"  # noqa: S105 - the word of a choice
    PROVIDER = "provider"


class AccountMade(Body):
    """A new account; its reach as names of sites and numbers of employers, one per line; none: everything."""

    item: Line
    role: Role
    sites: Annotated[str, Field(max_length=2000)] = ""
    employers: Annotated[str, Field(max_length=2000)] = ""
    signs_in_by: SignsInBy = SignsInBy.PASSWORD
    why: Why


class AccountChanged(Body):
    """Another role and reach of an account; the reach as of a new one."""

    item: Line
    role: Role
    sites: Annotated[str, Field(max_length=2000)] = ""
    employers: Annotated[str, Field(max_length=2000)] = ""
    why: Why


class AccountNamed(Body):
    """An account, and the reason for the act."""

    item: Line
    why: Why


def sign_in(connection: Connection, body: SignIn, now_ms: int) -> Done:
    """Open a session for the owner of an account. Raises NotAllowed."""
    table = schema.accounts
    which = select(table).where(table.c.id == body.account, table.c.ended_ms.is_(None)).with_for_update()
    row = connection.execute(which).one_or_none()
    if row is not None and row.password_hash.startswith(accounts.LOCKED):
        row = None
    if row is not None and not _is_owner(connection, row, body):
        row = None
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


def _is_owner(connection: Connection, row: Any, body: SignIn) -> bool:
    """Whether somebody signs in by the account's own method, and is its owner."""
    if not accounts.of_row(row).by_provider or body.subject_sha256 is None:
        return not accounts.of_row(row).by_provider and body.subject_sha256 is None
    return accounts.bind(connection, row, body.subject_sha256)


def sign_out(actor: Actor, _: Nothing) -> Done:
    """End the session."""
    sessions.end(actor.connection, actor.session.id, actor.now_ms)
    return {}


def sign_out_everywhere(actor: Actor, _: Nothing) -> Done:
    """End every session of the account."""
    accounts.end_sessions(actor.connection, actor.account.name, actor.operator(), actor.now_ms)
    return {}


def note_page(actor: Actor, _: Nothing) -> Done:
    """Note that the session asked for a page."""
    sessions.note_page(actor.connection, actor.session.id, actor.now_ms)
    return {}


def set_password(actor: Actor, body: SetPassword) -> Done:
    """Give the account another password, and a new session."""
    accounts.set_password(actor.connection, actor.account, body.password_hash, actor.operator(), actor.now_ms)
    return {"secret": sessions.open_session(actor.connection, actor.account.id, body.hours, actor.now_ms)}


def set_codes(actor: Actor, body: SetCodes) -> Done:
    """Ask for codes from now on, or no more; a new session."""
    kept = body.secret and second_factor.closed(actor.vault, actor.account.name, body.secret)
    accounts.set_codes(actor.connection, actor.account, kept or None, body.step, actor.operator(), actor.now_ms)
    return {"secret": sessions.open_session(actor.connection, actor.account.id, body.hours, actor.now_ms)}


def show_names(actor: Actor, _: Nothing) -> Done:
    """Write down that names are shown from now on."""
    sessions.note_names(actor.connection, actor.session.id)
    subject = ("account", actor.account.id)
    audit_log.write(actor.connection, actor.operator(), Act.NAMES_SHOWN, subject, {}, actor.now_ms)
    return {}


def make_account(actor: Actor, body: AccountMade) -> Done:
    """Make an account; returns its first password."""
    check_reaches_everything(actor)
    reach = _reach(actor, body)
    if body.signs_in_by is SignsInBy.PROVIDER:
        accounts.make_by_provider(actor.connection, body.item, body.role, actor.operator(body.why), actor.now_ms, reach)
        return {}
    password = accounts.make(actor.connection, body.item, body.role, actor.operator(body.why), actor.now_ms, reach)
    return {"password": password}


def change_account(actor: Actor, body: AccountChanged) -> Done:
    """Give an account another role and reach."""
    _check_other_account(actor, body.item)
    reach = _reach(actor, body)
    accounts.change(actor.connection, body.item, body.role, reach, actor.operator(body.why), actor.now_ms)
    return {}


def reset_account(actor: Actor, body: AccountNamed) -> Done:
    """Give an account a new first password, and no codes."""
    _check_other_account(actor, body.item)
    return {"password": accounts.reset(actor.connection, body.item, actor.operator(body.why), actor.now_ms)}


def lock_account(actor: Actor, body: AccountNamed) -> Done:
    """Let nobody sign in to an account, and sign it out everywhere."""
    _check_other_account(actor, body.item)
    accounts.lock(actor.connection, body.item, actor.operator(body.why), actor.now_ms)
    return {}


def unlock_account(actor: Actor, body: AccountNamed) -> Done:
    """Let the owner of an account sign in again."""
    _check_other_account(actor, body.item)
    accounts.unlock(actor.connection, body.item, actor.operator(body.why), actor.now_ms)
    return {}


def end_sessions(actor: Actor, body: AccountNamed) -> Done:
    """Sign an account out everywhere."""
    _check_other_account(actor, body.item)
    accounts.end_sessions(actor.connection, body.item, actor.operator(body.why), actor.now_ms)
    return {}


def end_account(actor: Actor, body: AccountNamed) -> Done:
    """End an account."""
    _check_other_account(actor, body.item)
    accounts.end(actor.connection, body.item, actor.operator(body.why), actor.now_ms)
    return {}


def _reach(actor: Actor, body: AccountMade | AccountChanged) -> Reach:
    site_names = [line.strip() for line in body.sites.splitlines() if line.strip()]
    numbers = [line.strip() for line in body.employers.splitlines() if line.strip()]
    return reaches.of_names(actor.connection, site_names, numbers)


def _check_other_account(actor: Actor, name: str) -> None:
    """Refuse acts on one's own account: the last administrator could lock everybody out."""
    check_reaches_everything(actor)
    if name == actor.account.name:
        raise NotAllowed("this is your own account", "ask another administrator, or use the command line")
