"""`make torture`: the whole sweep, whose counts go to build/torture.json."""

from __future__ import annotations

import pytest

from tests.torture import sweep


@pytest.mark.torture
@pytest.mark.timeout(7200)
def test_no_cut_no_fault_and_no_exhausted_heap_breaks_an_invariant() -> None:
    counts = sweep()
    assert counts["double_cuts"] > 1_000_000
    assert counts["failures"] == 0, "the lines above replay them"
