"""The visitor of a page: the session of the cookie, its account, and the token of its forms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, select
from starlette.requests import Request
from starlette.responses import Response

from badgeclock.bridge.accounts import accounts, sessions
from badgeclock.bridge.accounts.accounts import Account
from badgeclock.bridge.accounts.roles import Right
from badgeclock.bridge.accounts.sessions import Session
from badgeclock.bridge.store import schema
from badgeclock.console import languages

_PLAIN: Final = "badgeclock"
_SECURE: Final = "__Host-badgeclock"
"""With TLS the browser ensures that no other host and no plain page can set it (RFC 6265bis §4.1.3.2)."""
MARK: Final = "badgeclock-been-here"
_MARK_S: Final = 180 * 86_400


@dataclass(frozen=True, slots=True)
class Visitor:
    """A signed-in person."""

    secret: str
    session: Session
    account: Account

    @property
    def form_token(self) -> str:
        """The token in the forms of this session."""
        return sessions.form_token(self.secret)

    def may(self, right: Right) -> bool:
        """Whether the account has a right, and its own password."""
        return not self.account.must_change and self.account.may(right)


def secret_of(request: Request) -> str:
    """The secret in a request's cookie; empty without one."""
    return request.cookies.get(_cookie(request), "")


def find(connection: Connection, secret: str, now_ms: int) -> Visitor | None:
    """The visitor of a secret, if its session is valid."""
    session = sessions.find(connection, secret, now_ms)
    if session is None:
        return None
    table = schema.accounts
    row = connection.execute(select(table).where(table.c.id == session.account_id)).one()
    return Visitor(secret, session, accounts.of_row(row))


def remember(request: Request, response: Response, secret: str) -> None:
    """Set the session cookie, until the browser is closed."""
    response.set_cookie(_cookie(request), secret, httponly=True, secure=_is_secure(request), samesite="lax", path="/")


def remember_mark(request: Request, response: Response, mark: str) -> None:
    """Mark the browser as known for the next sign-in."""
    response.set_cookie(
        MARK, mark, max_age=_MARK_S, httponly=True, secure=_is_secure(request), samesite="strict", path="/sign-in"
    )


def remember_language(request: Request, response: Response, language: str) -> None:
    """Set the browser's language."""
    response.set_cookie(
        languages.COOKIE, language, max_age=_MARK_S, httponly=True, secure=_is_secure(request), samesite="lax"
    )


def forget(request: Request, response: Response) -> None:
    """Delete the session cookie."""
    response.delete_cookie(_cookie(request), path="/", httponly=True, secure=_is_secure(request), samesite="lax")


def _cookie(request: Request) -> str:
    return _SECURE if _is_secure(request) else _PLAIN


def _is_secure(request: Request) -> bool:
    return request.url.scheme == "https"
