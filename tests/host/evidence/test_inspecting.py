"""docs/inspecting.md explains every word of the verifier."""

from __future__ import annotations

from pathlib import Path

import pytest

from badgeclock.evidence.findings import Reason

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "inspecting.md").read_text()


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_is_explained(reason: Reason) -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    assert any(f"`{reason.value}`" in row.split("|")[1] for row in rows)
    assert reason.meaning
