"""Fixtures of the bridge's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.host.bridge.world import World


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A bridge with three workers and one clock that has not sent anything yet; its registrar looks around often."""
    monkeypatch.setattr("badgeclock.bridge.registrar.POLL_S", 0.02)
    made = World(tmp_path)
    yield made
    made.close()
