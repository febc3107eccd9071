"""Every act that the console offers: one function each, the same as the command line calls.

An act comes with the secret of its session. The act's own transaction checks the session, the account's right, its
reach, and whether the item has changed since the page was shown. The act is recorded under the account's name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Final, NamedTuple, TypeVar

from pydantic import Field, ValidationError
from sqlalchemy import Connection, select

from badgeclock.authorities.base import Direction as Way
from badgeclock.bridge.accounts import accounts, sessions
from badgeclock.bridge.accounts.roles import Right
from badgeclock.bridge.acts import account_acts, clock_acts, link_acts, office_acts, within
from badgeclock.bridge.acts.acting import Actor, Body, Decided, Done, Item, Line, Nothing, Why, check_reaches_everything
from badgeclock.bridge.attention import attention
from badgeclock.bridge.errors import NotAllowed
from badgeclock.bridge.people import badges, employers, engagements, imports, sites, workers
from badgeclock.bridge.people.engagements import Engaged
from badgeclock.bridge.people.imports import Kind, Table
from badgeclock.bridge.people.spreadsheets import Row, Sheet
from badgeclock.bridge.presences.regimes import Regime
from badgeclock.bridge.registrar import corrections, filings
from badgeclock.bridge.registrar.corrections import Meant
from badgeclock.bridge.registrar.corrections import Right as Correct
from badgeclock.bridge.registrar.decisions import CancelCode
from badgeclock.bridge.registrar.filings import Filed
from badgeclock.bridge.store import audit_log, schema
from badgeclock.bridge.store.audit_log import Act
from badgeclock.bridge.store.vault import Vault
from badgeclock.protocol.record import Direction

IMPORT_ROWS_MOST: Final = 5 * imports.PORTION_ROWS
"""Limit of a portion of an import: one is larger only if a site's plan of a day is."""
SITES_OWN: Final = "site"
"""Instead of a language: each site's own."""
NONE: Final = "none"
"""Instead of night hours, or a deadline: none."""


class Asked(StrEnum):
    """The names of the acts."""

    SIGN_IN = "sign-in"
    SIGN_OUT = "sign-out"
    SIGN_OUT_EVERYWHERE = "sign-out-everywhere"
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
    ORDER_CLOCK = "order-clock"
    SET_CLOCK = "set-clock"
    SILENCE_CLOCK = "silence-clock"
    END_SILENCE = "end-silence"
    TAKE_BADGE = "take-badge"
    ENGAGE = "engage"
    CHANGE_WORKER = "change-worker"
    CHANGE_SITE = "change-site"
    NAME_EMPLOYER = "name-employer"
    MAKE_ACCOUNT = "make-account"
    CHANGE_ACCOUNT = "change-account"
    RESET_ACCOUNT = "reset-account"
    LOCK_ACCOUNT = "lock-account"
    UNLOCK_ACCOUNT = "unlock-account"
    END_SESSIONS = "end-sessions"
    END_ACCOUNT = "end-account"
    IMPORT = "import"


class Cancelled(Decided):
    """Cancel a presence at the authority."""

    code: CancelCode = CancelCode.PLANNING


class Corrected(Cancelled):
    """Declare a presence as the store has it now, or as given here."""

    worker: Line | None = None
    employer: Line | None = None
    site: Line | None = None
    way: Way | None = None


class Declared(Decided):
    """Declare a punch."""

    way: Way | None = None
    employer: Line | None = None
    day: date | None = None


class BadgeGiven(Body):
    """The worker whose badge made a punch of an unknown badge."""

    item: Item
    worker: Line
    employer: Line | None = None


class BadgeTaken(Body):
    """A badge to revoke, by its row; with its worker."""

    item: Item
    badge: Annotated[int, Field(ge=1, le=2**53)]
    why: Why


class Engagement(Body):
    """A worker's employer, from and to which day, at which sites: names, one per line; none: all."""

    item: Line
    employer: Line
    first: date | None = None
    last: date | None = None
    sites: Annotated[str, Field(max_length=2000)] = ""
    why: Why


class WorkerChanged(Body):
    """Another name, employer or language of a worker. Numbers are changed on the bridge's machine."""

    item: Line
    name: Line | None = None
    employer: Line | None = None
    language: Annotated[str, Field(max_length=4)] | None = None
    why: Why


class SiteChanged(Body):
    """Another regime (from a future day on), workplace number, longest shift, night hours or deadline of a site."""

    item: Line
    regime: Regime | None = None
    regime_from: date | None = None
    workplace: Line | None = None
    longest_shift_h: Annotated[int, Field(ge=4, le=24)] | None = None
    night_hours: Annotated[str, Field(max_length=11)] | None = None
    deadline: Annotated[str, Field(max_length=5)] | None = None
    deadline_minutes: Annotated[int, Field(ge=0, le=720)] | None = None
    why: Why


class EmployerNamed(Body):
    """An employer by its enterprise number, which is added if it is new, and its name."""

    item: Line
    name: Line = ""


class TableRows(Body):
    """A table of an import, as the console has read it: each row has a cell per column, and its faults."""

    kind: Kind
    place: Annotated[str, Field(max_length=300)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    columns: Annotated[list[Line], Field(max_length=64)]
    rows: Annotated[list[tuple[int, list[str], str | None]], Field(max_length=IMPORT_ROWS_MOST, repr=False)]


class ImportRows(Body):
    """The tables of one file."""

    tables: Annotated[list[TableRows], Field(max_length=len(Kind))]


_B = TypeVar("_B", bound=Body)


class Deed(NamedTuple):
    """An act: the right it needs (None: a session is enough), its fields, and its function."""

    right: Right | None
    body: type[Body]
    do: Callable[[Actor, Any], Done]


def perform(
    connection: Connection, vault: Vault, asked: str, secret: str, fields: Mapping[str, Any], now_ms: int
) -> Done:
    """Carry out an act in the open transaction; returns what to report of it.

    Raises NotAllowed, or whatever the act itself raises; an error never contains the fields' values.
    """
    if asked == Asked.SIGN_IN:
        return account_acts.sign_in(connection, _read(account_acts.SignIn, fields), now_ms)
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


# --- items of the attention list ---


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


# --- the office's data ---


def _take_badge(actor: Actor, body: BadgeTaken) -> Done:
    reach = within.of(actor.connection, actor.account.reach, actor.now_ms)
    reach.check_worker(body.item)
    table = schema.badges
    conditions = [table.c.id == body.badge, *reach.badges()]
    own = actor.connection.execute(select(table.c.id).where(*conditions)).scalar()
    held = badges.in_use(actor.connection, body.item)
    badge = next((one for one in held if one.id == own), None)
    if badge is None:
        raise NotAllowed(f"the worker {body.item!r} has no badge {body.badge} any more", "look at the page again")
    badges.revoke(actor.connection, badge, by=actor.name, reason=body.why, now_ms=actor.now_ms)
    return {}


def _engage(actor: Actor, body: Engagement) -> Done:
    reach = within.of(actor.connection, actor.account.reach, actor.now_ms)
    worker_id = reach.check_worker(body.item)
    number = employers.enterprise_number(body.employer)
    names = tuple(line.strip() for line in body.sites.splitlines() if line.strip())
    reach.check_employer(number)
    reach.check_engagement(worker_id, number, body.first, names)
    engaged = Engaged(number, body.first, body.last, names)
    change = engagements.engage(actor.connection, body.item, engaged, actor.operator(body.why), actor.now_ms)
    return {"happened": change.happened}


def _change_worker(actor: Actor, body: WorkerChanged) -> Done:
    reach = within.of(actor.connection, actor.account.reach, actor.now_ms)
    reach.check_worker(body.item)
    reach.check_nobody_else(body.item, ())
    if body.employer:
        reach.check_employer(body.employer)
    changed = workers.change(
        actor.connection,
        actor.vault,
        body.item,
        name=body.name or None,
        employer_kbo=_employer(body.employer),
        language="" if body.language == SITES_OWN else body.language or None,
        by=actor.name,
        reason=body.why,
        now_ms=actor.now_ms,
    )
    return {"changed": list(changed.changed)}


def _change_site(actor: Actor, body: SiteChanged) -> Done:
    check_reaches_everything(actor)
    changed = sites.change(
        actor.connection,
        body.item,
        regime=body.regime,
        regime_from=body.regime_from,
        workplace=body.workplace or None,
        longest_shift_h=body.longest_shift_h,
        night_hours="" if body.night_hours == NONE else body.night_hours or None,
        deadline="" if body.deadline == NONE else body.deadline or None,
        deadline_minutes=body.deadline_minutes,
        by=actor.name,
        reason=body.why,
        now_ms=actor.now_ms,
    )
    return {"changed": list(changed.changed)}


def _name_employer(actor: Actor, body: EmployerNamed) -> Done:
    check_reaches_everything(actor)
    change = employers.put(actor.connection, body.item, body.name)
    audit_log.write_change(
        actor.connection, actor.operator(), change, Act.EMPLOYER_ADDED, Act.EMPLOYER_CHANGED, actor.now_ms
    )
    return {"is_new": change.is_new}


def _import(actor: Actor, body: ImportRows) -> Done:
    check_reaches_everything(actor)
    if sum(len(table.rows) for table in body.tables) > IMPORT_ROWS_MOST:
        raise NotAllowed(f"a portion has more than {IMPORT_ROWS_MOST} rows", "divide the plan of a day, or use a file")
    digests = ", ".join(sorted({table.sha256[:16] for table in body.tables}))
    who = actor.operator(f"import of files {digests}")
    tables = [_table(one) for one in body.tables]
    report = imports.carry_out_in(actor.connection, actor.vault, tables, who, actor.now_ms)
    return {
        "counts": [[kind.value, verb, number] for (kind, verb), number in sorted(report.counts.items()) if number],
        "queued": report.queued,
        "following": report.following,
        "faults": [list(fault) for fault in report.faults],
    }


def _table(one: TableRows) -> Table:
    columns = tuple(one.columns)
    rows = [
        Row(number, dict(zip(columns, cells, strict=False)) | dict.fromkeys(columns[len(cells) :], ""), fault)
        for number, cells, fault in one.rows
    ]
    sheet = Sheet("", columns, rows)
    imports.check_columns(one.kind, sheet, one.place)
    return Table(one.kind, one.place, sheet, one.sha256)


def _punch(item: str) -> tuple[str, int]:
    """Clock and number of a punch written as CLOCK/SEQ; for anything else a number that no punch has."""
    clock, _, _ = item.rpartition("/")
    return clock, within.number(item, f"{clock}/")


def _employer(number: str | None) -> str | None:
    return employers.enterprise_number(number) if number else None


def _said(done: object) -> Done:
    if isinstance(done, Filed):
        return {"correction": done.number, "until": done.until.isoformat()}
    return {"outcome": str(done)}


DEEDS: Final[Mapping[str, Deed]] = {
    Asked.SIGN_OUT: Deed(None, Nothing, account_acts.sign_out),
    Asked.SIGN_OUT_EVERYWHERE: Deed(None, Nothing, account_acts.sign_out_everywhere),
    Asked.NOTE_PAGE: Deed(None, Nothing, account_acts.note_page),
    Asked.SET_PASSWORD: Deed(None, account_acts.SetPassword, account_acts.set_password),
    Asked.SET_CODES: Deed(None, account_acts.SetCodes, account_acts.set_codes),
    Asked.SHOW_NAMES: Deed(Right.NAMES, Nothing, account_acts.show_names),
    Asked.GIVE_BADGE: Deed(Right.DECIDE, BadgeGiven, _give_badge),
    Asked.SETTLE: Deed(Right.DECIDE, Decided, _settle),
    Asked.KEEP: Deed(Right.DECIDE, Decided, _keep),
    Asked.CANCEL: Deed(Right.DECIDE, Cancelled, _cancel),
    Asked.CORRECT: Deed(Right.DECIDE, Corrected, _correct),
    Asked.CLOSE: Deed(Right.DECIDE, Decided, _close),
    Asked.CLOSE_BADGE: Deed(Right.DECIDE, Decided, _close_badge),
    Asked.DECLARE: Deed(Right.DECIDE, Declared, _declare),
    Asked.RELEASE_CLOCK: Deed(Right.DECIDE, Decided, clock_acts.release_clock),
    Asked.CORRECTION_DONE: Deed(Right.DECIDE, Decided, _correction_done),
    Asked.CORRECTION_WITHDRAWN: Deed(Right.DECIDE, Decided, _correction_withdrawn),
    Asked.REGISTER: Deed(Right.DECIDE, office_acts.Registered, office_acts.register),
    Asked.REGISTER_AT_GATE: Deed(Right.DECIDE, office_acts.AtTheGate, office_acts.register_at_gate),
    Asked.WITHDRAW_REGISTRATION: Deed(Right.DECIDE, office_acts.Withdrawn, office_acts.withdraw),
    Asked.MAKE_LINK: Deed(Right.DECIDE, link_acts.Wanted, link_acts.make),
    Asked.REVOKE_LINK: Deed(Right.DECIDE, link_acts.Revoked, link_acts.revoke),
    Asked.SHOW_NUMBERS: Deed(Right.NUMBERS, link_acts.OfSite, link_acts.show_numbers),
    Asked.NOTE_HOURS: Deed(Right.DECIDE, link_acts.Hours, link_acts.note_hours),
    Asked.ORDER_CLOCK: Deed(Right.OFFICE, clock_acts.Ordered, clock_acts.order_clock),
    Asked.SET_CLOCK: Deed(Right.OFFICE, clock_acts.SettingsWanted, clock_acts.set_clock),
    Asked.SILENCE_CLOCK: Deed(Right.OFFICE, clock_acts.Silenced, clock_acts.silence_clock),
    Asked.END_SILENCE: Deed(Right.OFFICE, clock_acts.Named, clock_acts.end_silence),
    Asked.TAKE_BADGE: Deed(Right.OFFICE, BadgeTaken, _take_badge),
    Asked.ENGAGE: Deed(Right.OFFICE, Engagement, _engage),
    Asked.CHANGE_WORKER: Deed(Right.OFFICE, WorkerChanged, _change_worker),
    Asked.CHANGE_SITE: Deed(Right.OFFICE, SiteChanged, _change_site),
    Asked.IMPORT: Deed(Right.OFFICE, ImportRows, _import),
    Asked.MAKE_ACCOUNT: Deed(Right.ACCOUNTS, account_acts.AccountMade, account_acts.make_account),
    Asked.CHANGE_ACCOUNT: Deed(Right.ACCOUNTS, account_acts.AccountChanged, account_acts.change_account),
    Asked.RESET_ACCOUNT: Deed(Right.ACCOUNTS, account_acts.AccountNamed, account_acts.reset_account),
    Asked.LOCK_ACCOUNT: Deed(Right.ACCOUNTS, account_acts.AccountNamed, account_acts.lock_account),
    Asked.UNLOCK_ACCOUNT: Deed(Right.ACCOUNTS, account_acts.AccountNamed, account_acts.unlock_account),
    Asked.END_SESSIONS: Deed(Right.ACCOUNTS, account_acts.AccountNamed, account_acts.end_sessions),
    Asked.END_ACCOUNT: Deed(Right.ACCOUNTS, account_acts.AccountNamed, account_acts.end_account),
    Asked.NAME_EMPLOYER: Deed(Right.OFFICE, EmployerNamed, _name_employer),
}
