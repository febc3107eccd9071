"""What an account of the console may do."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Right(StrEnum):
    """One thing that a role has or has not."""

    SEE = "see"
    """Who is here and what waits, by the office's references."""
    NAMES = "names"
    """The names of workers, which is an act each time they are opened."""
    DECIDE = "decide"
    """Whatever the attention list asks for."""
    NUMBERS = "numbers"
    """Names and national numbers of who is at a site, for who inspects it; each look is an act."""
    OFFICE = "office"
    """Change what the office keeps of people, badges and sites, one by one or by import; and order clocks."""
    BOOK = "book"
    """The book of acts, and what the bridge runs with."""
    ACCOUNTS = "accounts"
    """See who has an account and who is signed in, and change that."""


class Role(StrEnum):
    """What an account was made for."""

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
