"""The links at the top of every page, each with the right that it needs."""

from __future__ import annotations

from typing import Final, NamedTuple

from badgeclock.bridge.accounts.roles import Right


class Page(NamedTuple):
    """A page's address, its word in English, and who sees it."""

    path: str
    word: str
    right: Right = Right.SEE
    is_seldom: bool = False
    """Whether it is under "More"."""


PAGES: Final = (
    Page("/", "Now"),
    Page("/attention", "To do"),
    Page("/presences", "Presences"),
    Page("/people", "People"),
    Page("/sites", "Sites"),
    Page("/clocks", "Clocks"),
    Page("/register", "Register by hand", Right.DECIDE, is_seldom=True),
    Page("/inspection", "On site now", is_seldom=True),
    Page("/hours", "Hours", Right.DECIDE, is_seldom=True),
    Page("/links", "Links", Right.DECIDE, is_seldom=True),
    Page("/imports", "Imports", Right.OFFICE, is_seldom=True),
    Page("/acts", "Book of acts", Right.BOOK, is_seldom=True),
    Page("/settings", "Settings", Right.BOOK, is_seldom=True),
    Page("/accounts", "Accounts", Right.ACCOUNTS, is_seldom=True),
)
