"""No state, reason, mark or kind of event is forgotten: it waits for a person, or the table says why it does not."""

from __future__ import annotations

from collections import Counter

import pytest

from badgeclock.bridge.attention import reasons
from badgeclock.bridge.attention.reasons import NEEDS, NOBODY, Need, Source
from badgeclock.bridge.clocks import health
from badgeclock.bridge.store.event_log import Kind


@pytest.mark.parametrize("word", list(reasons.sources()), ids=str)
def test_every_word_of_the_code_is_in_the_table_or_needs_nobody(word: Source) -> None:
    needing = [need.reason for need in NEEDS.values() if word in need.sources]
    assert len(needing) + (word in NOBODY) == 1, f"{word} is in {needing or 'no need'}, NOBODY: {word in NOBODY}"


def test_the_table_names_nothing_that_the_code_does_not_have() -> None:
    known = set(reasons.sources())
    assert {word for need in NEEDS.values() for word in need.sources} | set(NOBODY) <= known
    assert max(Counter(source for need in NEEDS.values() for source in need.sources).values()) == 1


@pytest.mark.parametrize("need", NEEDS.values(), ids=lambda need: need.reason)
def test_every_need_has_an_event_and_says_what_to_do(need: Need) -> None:
    assert need.events
    assert all(isinstance(kind, Kind) for kind in need.events)
    assert need.to_do
    assert need.what


def test_every_cause_of_a_mark_belongs_to_one_of_its_marks() -> None:
    assert {health.mark_of(cause) for cause in health.TO_DO} == set(health.Mark)
