"""Errors that end a call in the sandbox before its work is done; each becomes an answer."""

from __future__ import annotations


class Denied(Exception):
    """No token: `error` is RFC 6749's word, `why` explains it without quoting the request."""

    def __init__(self, status: int, error: str, why: str) -> None:
        super().__init__(error, why)
        self.status = status
        self.error = error
        self.why = why


class NotAuthenticated(Exception):
    """A message without a valid signature; the text quotes nothing of it."""


class TurnedDown(Exception):
    """The whole call is rejected with a SystemError. `message` quotes nothing of the request."""

    def __init__(self, code: str, message: str, *, faultcode: str = "Client", retry: bool | None = False) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.faultcode = faultcode
        self.retry = retry
