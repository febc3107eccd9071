"""Each rule of the verifier by evidence that breaks it, and nothing else (`negatives`)."""

from __future__ import annotations

import pytest
from tests.host.evidence.negatives import Case, all_cases, judged
from tests.host.evidence.world import REAL

CASES = all_cases()


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_the_verifier_says_exactly_what_is_wrong(case: Case) -> None:
    expected = case.expected
    if isinstance(expected, list):
        expected = sorted(expected, key=lambda said: (said[0], said[1] or 0))
    assert judged(case, REAL) == expected
