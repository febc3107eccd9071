"""When an unanswered presence is searched for, and a registered one looked at: soon at first, then less often."""

from __future__ import annotations

from typing import Final

FIRST_SEARCH_MS: Final = 1000
SEARCH_GROWTH: Final = 2
SEARCH_MOST_MS: Final = 30_000
FOLLOW_FIRST_MS: Final = 2000
"""The authority requires two seconds between a registration and the next query."""
FOLLOW_MOST_MS: Final = 900_000
FOLLOW_GROWTH: Final = 1.5


def search_delay_ms(tries: int) -> int:
    """Delay between a search that found nothing and the next; `tries` counts the earlier ones."""
    return int(min(SEARCH_MOST_MS, FIRST_SEARCH_MS * SEARCH_GROWTH ** min(tries + 1, 64)))


def follow_delay_ms(tries: int) -> int:
    """Pause for a presence after `tries` checks without a result."""
    return int(min(FOLLOW_MOST_MS, FOLLOW_FIRST_MS * FOLLOW_GROWTH ** min(tries, 64)))
