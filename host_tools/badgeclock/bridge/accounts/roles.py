"""What an account of the console may do."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Right(StrEnum):
    """One right that a role has or lacks."""

    SEE = "see"
    """See who is present and what needs attention, by the office's references."""
    NAMES = "names"
    """See the names of workers; opening them is an act."""
    DECIDE = "decide"
    """Settle items of the attention list."""
    NUMBERS = "numbers"
    """See names and national numbers of people at a site, for an inspection; each use is an act."""
    OFFICE = "office"
    """Change the office's data on people, badges and sites, singly or by import; and order clocks."""
    BOOK = "book"
    """See the book of acts, and the bridge's settings."""
    ACCOUNTS = "accounts"
    """See and change accounts and sessions."""


class Role(StrEnum):
    """The role of an account."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMINISTRATOR = "administrator"
    INSPECTOR = "inspector"


RIGHTS: Final[Mapping[Role, frozenset[Right]]] = {
    Role.VIEWER: frozenset({Right.SEE}),
    Role.OPERATOR: frozenset({Right.SEE, Right.NAMES, Right.DECIDE, Right.OFFICE, Right.BOOK}),
    Role.ADMINISTRATOR: frozenset(Right) - {Right.NUMBERS},
    Role.INSPECTOR: frozenset({Right.SEE, Right.NUMBERS}),
}
