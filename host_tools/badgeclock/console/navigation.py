"""The pages that stand at the top of every page, each with the right that opens it."""

from __future__ import annotations

from typing import Final, NamedTuple

from badgeclock.bridge.accounts.roles import Right


class Page(NamedTuple):
    """A page's address, its word in English, and who sees it."""

    path: str
    word: str
    right: Right = Right.SEE


PAGES: Final = (
    Page("/", "Now"),
    Page("/attention", "To do"),
    Page("/presences", "Presences"),
    Page("/people", "People"),
    Page("/sites", "Sites"),
    Page("/clocks", "Clocks"),
    Page("/acts", "Book of acts", Right.BOOK),
    Page("/settings", "Settings", Right.BOOK),
    Page("/accounts", "Accounts", Right.ACCOUNTS),
)
