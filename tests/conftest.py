"""What every test shares: where the checkout is, and a clock that was provisioned once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests import provisioned as clock_to_copy


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout's folder."""
    return Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def provisioned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clock to copy (tests/provisioned.py); made once a run, for every worker."""
    mine = tmp_path_factory.getbasetemp()
    return clock_to_copy.once(mine.parent if "PYTEST_XDIST_WORKER" in os.environ else mine)
