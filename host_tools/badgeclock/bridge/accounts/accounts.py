"""Accounts of the console, with role and reach. Any user who may write the bridge's store can make and change them;
every act is recorded.
"""

from __future__ import annotations

import hmac
import re
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, insert, select, update

from badgeclock.bridge.accounts import passwords, sessions
from badgeclock.bridge.accounts.roles import RIGHTS, Right, Role
from badgeclock.bridge.errors import AccountError
from badgeclock.bridge.store import audit_log, schema
from badgeclock.bridge.store.audit_log import Act, Operator
from badgeclock.bridge.web.reach import EVERYTHING, Reach, names_of, of_stored

LOCKED: Final = "!"
"""Prefix of the password hash of a locked account, as in shadow(5)."""
NO_PASSWORD: Final = "*"  # noqa: S105 - a marker, not a password
"""Prefix in place of the hash for accounts that sign in by the organisation's own provider; followed, from the first
sign-in on, by the SHA-256 of the owner's identity at the provider.
"""
_NAME: Final = re.compile(r"[a-z][a-z0-9._-]{1,31}")


class Account(NamedTuple):
    """An account that may be used. `must_change`: somebody else has seen its password; `by_provider`: it has no
    password, and its owner signs in by the organisation's own provider.
    """

    id: int
    name: str
    role: Role
    reach: Reach
    must_change: bool
    has_codes: bool
    by_provider: bool = False

    def may(self, right: Right) -> bool:
        """Whether its role has a right."""
        return right in RIGHTS[self.role]


class Secrets(NamedTuple):
    """An account, and its credentials: the hash of the password, the encrypted secret of the codes and the step of the
    last code.
    """

    account: Account
    password_hash: str
    totp_closed: bytes | None
    totp_step: int | None


def make(
    connection: Connection, name: str, role: Role, operator: Operator, now_ms: int, reach: Reach = EVERYTHING
) -> str:
    """Make an account; returns its first password, which is not stored and must be changed at the first sign-in."""
    password = passwords.first()
    _insert(connection, name, role, operator, now_ms, reach, passwords.hashed(password))
    return password


def make_by_provider(
    connection: Connection, name: str, role: Role, operator: Operator, now_ms: int, reach: Reach = EVERYTHING
) -> None:
    """Make an account whose owner signs in by the organisation's own provider alone."""
    _insert(connection, name, role, operator, now_ms, reach, NO_PASSWORD)


def _insert(
    connection: Connection, name: str, role: Role, operator: Operator, now_ms: int, reach: Reach, password_hash: str
) -> None:
    table = schema.accounts
    if not _NAME.fullmatch(name):
        raise AccountError(
            "an account's name has 2 to 32 small letters, digits and . _ -, and begins with a letter",
            "take the person's name, or what they sign with",
        )
    if connection.execute(select(table.c.id).where(table.c.name == name)).first() is not None:
        raise AccountError(
            f"there is, or was, an account {name!r}",
            "take another name: acts of the former one are kept under it; or give it another password",
        )
    values = {
        "name": name,
        "role": role.value,
        "reach": reach.stored(),
        "password_hash": password_hash,
        "must_change": password_hash != NO_PASSWORD,
        "made_ms": now_ms,
    }
    number = connection.execute(insert(table).values(values).returning(table.c.id)).scalar_one()
    detail = _as_said(connection, name, role, reach)
    if password_hash == NO_PASSWORD:
        detail["signs_in_by"] = "provider"
    _note(connection, operator, Act.ACCOUNT_MADE, number, detail, now_ms)


def change(
    connection: Connection, name: str, role: Role | None, reach: Reach | None, operator: Operator, now_ms: int
) -> None:
    """Give an account another role or reach (None: as it was), from its next page on. Raises AccountError."""
    row = _row(connection, name)
    table = schema.accounts
    role_now, reach_now = role or Role(row.role), of_stored(row.reach) if reach is None else reach
    values = {"role": role_now.value, "reach": reach_now.stored()}
    connection.execute(update(table).where(table.c.id == row.id).values(values))
    detail = _as_said(connection, name, role_now, reach_now) | {"before": row.role}
    _note(connection, operator, Act.ACCOUNT_CHANGED, row.id, detail, now_ms)


def reset(connection: Connection, name: str, operator: Operator, now_ms: int) -> str:
    """Give an account a new first password and no codes, and end its sessions; returns the password."""
    row = _row(connection, name)
    if _is_by_provider(row):
        raise AccountError(
            f"{name!r} signs in by the provider, and has no password",
            "see to it at the provider; if its owner is another there now, end the account and make one",
        )
    password = passwords.first()
    values = {"password_hash": passwords.hashed(password), "must_change": True, "totp_closed": None, "totp_step": None}
    connection.execute(update(schema.accounts).where(schema.accounts.c.id == row.id).values(values))
    sessions.end_all(connection, row.id, now_ms)
    _note(connection, operator, Act.ACCOUNT_CHANGED, row.id, {"name": name, "changed": ["password", "codes"]}, now_ms)
    return password


def lock(connection: Connection, name: str, operator: Operator, now_ms: int) -> None:
    """Sign an account out everywhere, and let nobody sign in to it until it is unlocked. Raises AccountError."""
    row = _row(connection, name)
    if not row.password_hash.startswith(LOCKED):
        _set_hash(connection, row, LOCKED + row.password_hash)
    sessions.end_all(connection, row.id, now_ms)
    _note(connection, operator, Act.ACCOUNT_CHANGED, row.id, {"name": name, "changed": ["locked"]}, now_ms)


def unlock(connection: Connection, name: str, operator: Operator, now_ms: int) -> None:
    """Let the owner of a locked account sign in again, with the same password and codes. Raises AccountError."""
    row = _row(connection, name)
    _set_hash(connection, row, row.password_hash.removeprefix(LOCKED))
    _note(connection, operator, Act.ACCOUNT_CHANGED, row.id, {"name": name, "changed": ["unlocked"]}, now_ms)


def _set_hash(connection: Connection, row: Any, password_hash: str) -> None:
    table = schema.accounts
    connection.execute(update(table).where(table.c.id == row.id).values(password_hash=password_hash))


def end_sessions(connection: Connection, name: str, operator: Operator, now_ms: int) -> None:
    """Sign an account out everywhere. Raises AccountError."""
    row = _row(connection, name)
    sessions.end_all(connection, row.id, now_ms)
    _note(connection, operator, Act.ACCOUNT_CHANGED, row.id, {"name": name, "changed": ["sessions"]}, now_ms)


def set_password(connection: Connection, account: Account, password_hash: str, operator: Operator, now_ms: int) -> None:
    """Set a password chosen by the owner; every session of the account ends."""
    table = schema.accounts
    values = {"password_hash": password_hash, "must_change": False}
    connection.execute(update(table).where(table.c.id == account.id).values(values))
    sessions.end_all(connection, account.id, now_ms)
    _note(
        connection,
        operator,
        Act.ACCOUNT_CHANGED,
        account.id,
        {"name": account.name, "changed": ["password"]},
        now_ms,
    )


def set_codes(
    connection: Connection,
    account: Account,
    totp_closed: bytes | None,
    step: int | None,
    operator: Operator,
    now_ms: int,
) -> None:
    """Require codes from now on, by this encrypted secret, or no longer; every session of the account ends."""
    table = schema.accounts
    values = {"totp_closed": totp_closed, "totp_step": step}
    connection.execute(update(table).where(table.c.id == account.id).values(values))
    sessions.end_all(connection, account.id, now_ms)
    _note(connection, operator, Act.ACCOUNT_CHANGED, account.id, {"name": account.name, "changed": ["codes"]}, now_ms)


def end(connection: Connection, name: str, operator: Operator, now_ms: int) -> None:
    """End an account, and every session of it, at once. Its name is kept, for its past acts. Raises AccountError."""
    row = _row(connection, name)
    table = schema.accounts
    connection.execute(update(table).where(table.c.id == row.id).values(ended_ms=now_ms))
    sessions.end_all(connection, row.id, now_ms)
    _note(connection, operator, Act.ACCOUNT_ENDED, row.id, {"name": name}, now_ms)


def find(connection: Connection, name: str) -> Secrets | None:
    """The account of a name, if it may be used: it has not ended, and is not locked."""
    table = schema.accounts
    row = connection.execute(select(table).where(table.c.name == name, table.c.ended_ms.is_(None))).one_or_none()
    if row is None or row.password_hash.startswith(LOCKED):
        return None
    return Secrets(of_row(row), row.password_hash, row.totp_closed, row.totp_step)


def of_row(row: Any) -> Account:
    """The account in a row of the table."""
    return Account(
        row.id,
        row.name,
        Role(row.role),
        of_stored(row.reach),
        row.must_change,
        row.totp_closed is not None,
        _is_by_provider(row),
    )


def listing(connection: Connection, now_ms: int = 0) -> list[dict[str, Any]]:
    """Every account, ended ones included, without its secrets; with the names of sites and numbers of employers in its
    reach, and its number of valid sessions at a moment.
    """
    table = schema.accounts
    held = sessions.counts(connection, now_ms)
    return [
        {
            "name": row.name,
            "role": row.role,
            "reach": names_of(connection, row.reach),
            "codes": row.totp_closed is not None,
            "must_change": row.must_change,
            "signs_in_by": "provider" if of_row(row).by_provider else "password",
            "locked": row.password_hash.startswith(LOCKED),
            "sessions": held.get(row.id, 0),
            "made_ms": row.made_ms,
            "signed_in_ms": row.signed_in_ms,
            "ended_ms": row.ended_ms,
        }
        for row in connection.execute(select(table).order_by(table.c.name))
    ]


def bind(connection: Connection, row: Any, subject_sha256: str) -> bool:
    """Whether an account (its row) belongs to this owner at the provider; the first to sign in becomes its owner."""
    if row.password_hash == NO_PASSWORD:
        _set_hash(connection, row, NO_PASSWORD + subject_sha256)
        return True
    return hmac.compare_digest(row.password_hash, NO_PASSWORD + subject_sha256)


def _is_by_provider(row: Any) -> bool:
    found: bool = row.password_hash.removeprefix(LOCKED).startswith(NO_PASSWORD)
    return found


def _row(connection: Connection, name: str) -> Any:
    table = schema.accounts
    row = connection.execute(select(table).where(table.c.name == name, table.c.ended_ms.is_(None))).one_or_none()
    if row is None:
        raise AccountError(f"there is no account {name!r}", "look at `badgeclock console account list`")
    return row


def _as_said(connection: Connection, name: str, role: Role, reach: Reach) -> dict[str, Any]:
    detail: dict[str, Any] = {"name": name, "role": role.value}
    return detail if reach.is_everything else detail | {"reach": names_of(connection, reach.stored())}


def _note(
    connection: Connection, operator: Operator, act: Act, number: int, detail: dict[str, Any], now_ms: int
) -> None:
    audit_log.write(connection, operator, act, ("account", number), detail, now_ms)
